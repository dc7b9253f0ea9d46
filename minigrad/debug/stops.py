"""What the debugger prints where it stops, and its lists: at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan, nan, prod
from textwrap import wrap
from typing import Any

import numpy

from ..backend import is_array, to_numpy
from ..tensor import Node, bare
from . import show
from .events import Event, Rule, Seed
from .glance import WHOLE, Glance, glance, number
from .previews import corner, thumbnail
from .session import Session

WIDTH = show.WIDTH
INDENT = "    "
SHADES = " .:-=+*#%@"


def stop(event: Event, session: Session) -> str:
    """All about the event looked at."""
    lines = [heading(event, session)]
    lines += call_lines(event) if isinstance(event, Rule) else [line[len(show.BAR) * event.depth:]
                                                               for line in str(event).splitlines()]
    if isinstance(event, Seed):
        lines.append(array_line("loss", event.value))
    for hint in event.hints:
        lines += paragraph("  hint: ", hint)
    return "\n".join(lines)


def heading(event: Event, session: Session) -> str:
    """`[7] conv2d #37  c3  train.py:31  inside linear`."""
    parts = [f"[{event.number}] {event.op}" + (f" #{event.serial}" if event.node else ""), event.layer,
             str(event.source or "")]
    if event.parent is not None:
        parts.append(f"inside {event.parent.op}")
    elif event.node is not None and isinstance(event, Rule):
        parts.append(f"call {session.order.index(event.node) + 1} of {len(session.order)}")
    return show.clipped("  ".join([part for part in parts if part]), WIDTH)


def call_lines(event: Rule) -> list[str]:
    """Arguments and output, what arrived, and for each argument the rule and what it gives."""
    lines = []
    for name, value in event.values.items():
        if is_array(value):
            lines.append(array_line(name, glance(value)))
    for name, text in event.operands.items():
        if not is_array(event.values.get(name)):
            lines.append(show.clipped(f"{INDENT}{name:<8} {text}", WIDTH))
    several = len(event.arrived) > 1
    lines += [gradient_line(f"g{k}" if several else "g", seen) for k, seen in enumerate(event.arrived)]
    for name, rule in event.rules.items():
        lines += paragraph("  ", rule)
        lines.append(gradient_line(f"g{name}", event.given[name], event.gains[name]))
    if event.can_enter:
        lines.append("  (s steps into its definition)")
    return lines


def array_line(name: str, seen: Glance) -> str:
    """Name, shape, dtype and statistics of an array: `norm 0.478 in [-1, 2]  zeros 51%`; of a number its value."""
    known = prod(seen.shape) - seen.nans - seen.infs                # elements that have a place between low and high
    spread = f" in [{seen.low:.3g}, {seen.high:.3g}]" if known and prod(seen.shape) > 1 else ""
    return show.clipped(f"{left(name, seen)} {value_or_norm(seen)}{spread}{zeros(seen)}", WIDTH)


def gradient_line(name: str, seen: Glance | None, gain: float = nan) -> str:
    """The same of a gradient, with its gain, the ratio of its norm to that of what arrived."""
    if seen is None:
        return f"{INDENT}{name:<8} nothing arrived"
    gained = "" if isnan(gain) else f"  gain {number(gain)}"
    return show.clipped(f"{left(name, seen)} {value_or_norm(seen)}{gained}{zeros(seen)}", WIDTH)


def left(name: str, seen: Glance) -> str:
    return f"{INDENT}{name:<8} {show.spell(seen.shape):<18} {seen.dtype:<8}"


def value_or_norm(seen: Glance) -> str:
    if seen.values is not None and seen.values.size == 1:
        return number(float(seen.values.reshape(())))
    if not seen.finite:
        return seen.not_finite
    return f"norm {number(seen.norm)}" if seen.dtype.startswith(("float", "bfloat")) else "numbers"


def zeros(seen: Glance) -> str:
    """`  zeros 51%`, where there are any."""
    size = prod(seen.shape)
    return f"  zeros {seen.zeros / size:.0%}" if size > 1 and seen.zeros else ""


def paragraph(left: str, text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=left, subsequent_indent=" " * len(left)) or [left.rstrip()]


# --- values -----------------------------------------------------------------------------------------------------

def value_text(value: Any) -> str:
    """A value for `p`: small arrays whole, of large ones statistics and the first elements; no more is copied."""
    x = bare(value)
    if isinstance(x, numpy.generic):
        return str(x)
    if not is_array(x):
        return show.clipped(" ".join(repr(value).split()), 20 * WIDTH)
    seen, whole = glance(x), x.size <= WHOLE
    shown = to_numpy(x if whole else corner(x))
    text = numpy.array2string(shown, precision=4, separator=", ", max_line_width=WIDTH, threshold=WHOLE)
    if whole:
        return text if x.ndim else f"{text}"
    statistics = f"{value_or_norm(seen)} in [{seen.low:.3g}, {seen.high:.3g}]"
    place = f"the corner of {show.spell(seen.shape)}" if x.ndim > 1 else f"the first of {seen.shape[0]}"
    return f"{show.spell(seen.shape)} {seen.dtype} on {seen.device}, {statistics}\n{place}:\n{text}"


def heat_map(value: Any) -> str:
    """An array as at most 16 by 16 shades of its magnitude."""
    x = bare(value)
    if not is_array(x) or not x.ndim or not x.size or x.dtype.kind not in "fV":
        return value_text(value)
    if x.ndim == 1:
        x = x.reshape(1, -1)
    blocks = abs(to_numpy(thumbnail(abs(x))).astype("float64"))
    finite = numpy.where(numpy.isfinite(blocks), blocks, 0.0)
    top = float(finite.max())
    shades = numpy.zeros(blocks.shape, int) if top == 0 else numpy.ceil(finite / top * (len(SHADES) - 1)).astype(int)
    rows = ["".join(["!" if not numpy.isfinite(b) else SHADES[k] for b, k in zip(row, ks, strict=True)])
            for row, ks in zip(blocks, shades, strict=True)]
    seen = glance(x)
    title = f"{show.spell(seen.shape)}, {value_or_norm(seen)}; mean |x| of blocks, ' ' is 0 and '@' {number(top)}"
    return "\n".join([*paragraph("", title), *[f"  |{row}|" for row in rows]])


# --- lists ------------------------------------------------------------------------------------------------------

def tape(session: Session, looked: Node | None, around: int | None = 5) -> str:
    """The calls of the tape that the pointer is on, youngest first, `-->` at the pointer. What has not been reached has
    no numbers yet. around: so many calls before and after, None for all."""
    calls = session.level
    place = next((k for k, node in enumerate(calls) if node is looked), 0)
    first, last = (0, len(calls)) if around is None else (max(place - around, 0), place + around + 1)
    lines = [f"... {first} calls before"] * (first > 0)
    rules = {rule.node: rule for rule in session.rules()}
    lines += [tape_line(node, rules.get(node), node is looked) for node in calls[first:last]]
    lines += [f"... {len(calls) - last} calls after"] * (last < len(calls))
    return "\n".join(lines) if calls else "no call is on the tape: the loss is a leaf"


def tape_line(node: Node, rule: Rule | None, here: bool) -> str:
    layer = node.note.layer if node.note else ""
    shape = " ".join(map(show.spell, node.shape)) if node.outputs else show.spell(node.shape)
    number_ = f"[{rule.number}]" if rule else "."
    left = f"{'-->' if here else '':<3} {number_:>7}  {node.op.name} #{node.serial}"
    gradient = "" if rule is None else "  ".join([show.brief_or_nothing(seen, "g") for seen in rule.arrived])
    return show.clipped(f"{left:<38} {layer:<12} {shape:<17} {gradient}".rstrip(), WIDTH)


def path(event: Event) -> str:
    """Where the event is: the definitions it is inside of, outermost first, each with its layer and its lines."""
    around: list[Event] = [event]
    while around[0].parent is not None:
        around.insert(0, around[0].parent)
    lines = []
    for k, each in enumerate(around):
        where = "  ".join([part for part in (each.layer if k == 0 else "", str(each.source or "")) if part])
        mark = "> " if each is event else "  "
        lines.append(show.clipped(f"{mark}{'  ' * k}[{each.number}] {each.op} #{each.serial}  {where}".rstrip(), WIDTH))
        if each.source and each.source.text:
            lines.append(show.clipped(f"  {'  ' * k}    {each.source.text}", WIDTH))
    if event.seen is None and event.node is not None:
        lines.append("  its line is not known: make the forward pass inside debug.record()")
    return "\n".join(lines)


def health(rules: Iterable[Rule]) -> str:
    """A row per layer: calls, the largest norm that arrived and that was passed on, zeros, what is not finite."""
    rows: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.depth == 0:
            rows.setdefault(rule.layer or "(no layer)", []).append(rule)
    if not rows:
        return "no rule was applied yet"
    lines = [f"{'layer':<20} {'calls':>5} {'|g| arrives':>12} {'|gx| leaves':>12} {'gain':>8} {'zeros':>6}  not finite"]
    for layer, of in rows.items():
        arrived = [seen for rule in of for seen in rule.arrived if seen]
        given = [seen for rule in of for seen in rule.given.values()]
        size = sum([prod(seen.shape) for seen in given])
        gains = [gain for rule in of for gain in rule.gains.values() if not isnan(gain)]
        none = f"{sum([seen.zeros for seen in given]) / size:.0%}" if size else ""
        bad = sum([seen.nans + seen.infs for seen in (*arrived, *given)])
        lines.append(f"{show.clipped(layer, 20):<20} {len(of):>5} {most(arrived):>12} {most(given):>12} "
                     f"{number(max(gains)) if gains else '':>8} {none:>6}  {bad or ''}".rstrip())
    return "\n".join(lines)


def most(seen: list[Glance]) -> str:
    norms = [each.norm for each in seen if each.finite]
    return number(max(norms)) if norms else ""
