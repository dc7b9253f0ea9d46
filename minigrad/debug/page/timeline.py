"""The timeline: a bar for every event, as high as the logarithm of its gradient's norm. Bars that sink from one layer
to the next are a vanishing gradient, bars that rise an exploding one."""

from __future__ import annotations

from math import ceil, floor, isfinite, log10
from typing import Any

from .markup import Html, tag
from .numbers import brief, event_norm, shade
from .steps import anchor

HEIGHT, TOP, LEFT, BOTTOM = 110, 14, 46, 16         # of the bars; what is around them
NARROW, WIDE, ROOM = 5, 15, 1100                    # a bar at least, at most; what all take together if they can


def timeline(events: list[dict[str, Any]]) -> Html:
    """The picture, its bars links to their events."""
    norms = [event_norm(event) for event in events]
    low, high = decades(norms)
    step = min(max(ROOM // max(len(events), 1), NARROW), WIDE)
    width, height = LEFT + step * len(events) + 8, TOP + HEIGHT + BOTTOM
    parts: list[Any] = [tag("title", "Norms of the gradients, event by event, on a scale of powers of ten")]
    parts.append(Html('<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
                      'patternTransform="rotate(45)"><rect class="bar bad solid" width="3" height="5"/></pattern>'
                      "</defs>"))
    parts += [part for decade in marks(low, high) for part in mark(decade, TOP + HEIGHT * (high - decade) /
                                                                    (high - low), width)]
    parts += [bar(event, norm, i, LEFT + step * i, step, (low, high)) for i, (event, norm) in
              enumerate(zip(events, norms, strict=True))]
    return tag("svg", *parts, class_="timeline", width=width, height=height, viewBox=f"0 0 {width} {height}",
               role="group", aria_label="timeline of the norms")


def decades(norms: list[float | None]) -> tuple[int, int]:
    """The powers of ten at the bottom and the top."""
    logs = [log10(norm) for norm in norms if norm and isfinite(norm)]
    if not logs:
        return -1, 1
    low, high = floor(min(logs) - 0.3), ceil(max(logs))
    return low, max(high, low + 2)


def marks(low: int, high: int) -> range:
    """Which powers of ten have a line: at most six."""
    return range(high, low - 1, -ceil((high - low) / 6))


def mark(decade: int, y: float, width: int) -> list[Html]:
    return [tag("path", class_="mark", d=f"M{LEFT} {y:.1f}H{width}"),
            tag("text", f"1e{decade}", class_="muted", x=LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end")]


def bar(event: dict[str, Any], norm: float | None, i: int, x: int, step: int, span: tuple[int, int]) -> Html:
    """One event; without a norm a tick, and what is not finite a hatched bar of full height."""
    low, high = span
    if norm is None:
        tall = 3.0
    elif not isfinite(norm):
        tall = HEIGHT
    else:
        tall = max(HEIGHT * (log10(norm) - low) / (high - low), 2) if norm else 2
    kind = shade(norm) or "none"
    seen = next((each for each in event["arrived"] if each), None)
    words = f"[{event['number']}] {event['kind']} {event['op']} {event['layer']} {brief(seen) if seen else ''}"
    inside = [tag("title", " ".join(words.split())),
              tag("rect", class_="touch", x=x, y=TOP, width=step, height=HEIGHT),
              tag("rect", class_=f"bar {kind}", x=x + 1, y=f"{TOP + HEIGHT - tall:.1f}", width=step - 2,
                  height=f"{tall:.1f}"),
              tag("circle", class_="dot", cx=x + step / 2, cy=TOP - 7, r=3.5)]
    style = "leaf" if event["kind"] == "leaf" else "inner" if "." in event["number"] else None
    return tag("a", *inside, href="#" + anchor(event), tabindex="-1", data_e=i, class_=style,
               aria_label=" ".join(words.split()))
