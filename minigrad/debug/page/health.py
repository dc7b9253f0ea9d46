"""The tab Health: how large the gradients in each layer are."""

from __future__ import annotations

from math import ceil, isfinite, log10, prod
from typing import Any

from .markup import Html, joined, table, tag
from .numbers import HIGHEST, LOWEST, event_norm, norm_of, not_finite, shade, written
from .report import report_of
from .tape import Events

NO_LAYER = "(no layer)"


def health(events: Events, hints: list[str], report: Any) -> Html:
    """A row per layer in the order of the walk. report: of `GradientHealth`, over many steps, if there is one."""
    layers: dict[str, Events] = {}
    for event in events:
        if "." not in event["number"] and event["kind"] in ("rule", "leaf"):
            layers.setdefault(event["layer"] or NO_LAYER, []).append(event)
    rows = [health_row(layer, inside) for layer, inside in layers.items()]
    parts: list[Any] = [tag("p", trend(events))]
    parts += [tag("ul", *[tag("li", hint) for hint in hints], class_="hints")] if hints else []
    head = ("layer", "calls", "gradient that arrives", "passed on", "factor", "leaves' gradients", "zeros",
            "not finite")
    parts.append(table(head, rows) if rows else tag("p", "The walk came to no rule yet."))
    parts.append(tag("p", "The colour and the length of a bar are the logarithm of the norm, from 1e"
                     f"{LOWEST} to 1e{HIGHEST + 1}. Factor: passed on, relative to what arrived. Zeros: of what is "
                     "passed on.", class_="muted"))
    if report is not None:
        parts = [tag("h3", "Over the steps of training"), report_of(report), tag("h3", "In this walk"), *parts]
    return joined(parts)


def health_row(layer: str, inside: Events) -> list[Any]:
    rules = [event for event in inside if event["kind"] == "rule"]
    arrives = event_norm(rules[0]) if rules else None
    passed = [seen for event in rules for name, seen in event["given"].items()
              if "leaf" not in event["sources"].get(name, {})]
    last = norm_of([seen for name, seen in rules[-1]["given"].items()
                    if "leaf" not in rules[-1]["sources"].get(name, {})]) if rules else None
    leaves = norm_of([event["arrived"][0] for event in inside if event["kind"] == "leaf"])
    size = sum([prod(seen["shape"]) for seen in passed])
    bad = [not_finite(seen) for event in inside for seen in (*event["arrived"], *event["given"].values()) if seen]
    factor = f"{last / arrives:.3g}" if last is not None and arrives and isfinite(last / arrives) else ""
    zeros = f"{sum([seen['zeros'] for seen in passed]) / size:.0%}" if size else ""
    return [layer, len(rules), meter(arrives), meter(last), factor, meter(leaves), zeros,
            tag("strong", "yes", class_="bad") if any(bad) else ""]


def meter(norm: float | None) -> Any:
    """A norm with a bar of its logarithm."""
    if norm is None:
        return ""
    share = 0.0 if not norm else 1.0 if not isfinite(norm) else (log10(norm) - LOWEST) / (HIGHEST + 1 - LOWEST)
    wide = ceil(70 * min(max(share, 0.03), 1))
    return tag("span", tag("span", class_=f"meter {shade(norm)}", style=f"width:{wide}px", aria_hidden="true"), " ",
               written(norm), class_="measure")


def trend(events: Events) -> str:
    """From the first to the last layer that the walk came to, in a sentence."""
    rules = [event for event in events if event["kind"] == "rule" and "." not in event["number"]]
    firsts: dict[str, float] = {}
    for event in rules:
        norm = event_norm(event)
        if event["layer"] and norm is not None:
            firsts.setdefault(event["layer"], norm)
    if len(firsts) < 2:
        return "Too few layers to say how the gradient changes from one to the next."
    (last, start), (first, end) = list(firsts.items())[0], list(firsts.items())[-1]
    said = f"From {last} back to {first}, over {len(firsts)} layers, the norm of the gradient goes from " \
           f"{written(start)} to {written(end)}"
    if not (isfinite(start) and isfinite(end)) or not start or not end:
        return said + "."
    return said + f", by a factor of {written((end / start) ** (1 / (len(firsts) - 1)))} per layer."
