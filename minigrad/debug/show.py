"""Events as text: aligned, at most 80 columns, ASCII alone so that every terminal shows it."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from .glance import Glance, brief, number

if TYPE_CHECKING:
    from .events import Accumulate, Enter, Event, Leaf, Leave, Rule, Seed, Unbroadcast

WIDTH = 80
LEFT, SHAPE = 43, 17            # columns: what happens, the shape; the gradient's norm comes last
NARROW = 24                     # of the first, however many definitions are around
INDENT = " " * 6                # of what happens at a call, below its line
INNER = "  "                    # the lines of a rule after its first
BAR = " | "                     # for every definition around


def text(event: Event) -> str:
    """One or a few lines about an event; those inside a definition behind a bar for each level."""
    bars = BAR * event.depth
    return "\n".join([bars + line for line in WRITERS[event.kind](event, WIDTH - len(bars))])


def seed_lines(event: Seed, room: int) -> list[str]:
    start = f"starts at {event.op} #{event.serial}" if event.node else "starts at a leaf"
    return row(f"{INDENT}seed: {start}", spell(event.arrived.shape), brief(event.arrived, "g"), room)


def rule_lines(event: Rule, room: int) -> list[str]:
    place = " ".join([f"{event.op:<13}", f"{event.layer:<8}", str(event.source or "")]).rstrip()
    several = len(event.arrived) > 1
    shape = " ".join([spell(s) for s in event.shape]) if several else spell(event.shape)
    g = [brief_or_nothing(seen, f"g{i}" if several else "g") for i, seen in enumerate(event.arrived)]
    lines = row(f"{event.serial:>4}  {place}", shape, "  ".join(g), room)
    if event.operands:
        where = ", ".join([f"{name} is {what}" for name, what in event.operands.items()])
        lines += [clipped(line, room) for line in beside(f"{INDENT}where ", where, room)]
    for name, rule in event.rules.items():
        seen = event.given[name]
        formula, hash_, comment = rule.partition("  # ")
        first, *rest = pieces(formula, room) + (pieces(f"# {comment}", room) if hash_ else [])
        lines += row(INDENT + first, spell(seen.shape), brief(seen, f"g{name}"), room)
        lines += [INDENT + INNER + line for line in rest]
    return lines


def unbroadcast_lines(event: Unbroadcast, room: int) -> list[str]:
    before, after, done = event.before, event.after, []
    if event.axes:
        axes = f"{'axes' if len(event.axes) > 1 else 'axis'} {', '.join(map(str, event.axes))}"
        done.append(f"summed over {axes}, as {event.argument} was broadcast")
    elif before.shape != after.shape:
        done.append(f"reshaped from {spell(before.shape)}")
    if before.dtype != after.dtype:
        done.append(f"cast back from {before.dtype} to {after.dtype}")
    first, *rest = pieces(f"g{event.argument} {' and '.join(done)}", room)
    return [*row(INDENT + first, spell(after.shape), brief(after, f"g{event.argument}"), room),
            *[INDENT + INNER + line for line in rest]]


def accumulate_lines(event: Accumulate, room: int) -> list[str]:
    said = f"-> {event.place}, path {event.k} of {event.m}: "
    if event.was is None:
        return beside(INDENT + said, alone(event.plus), room)
    return beside(INDENT + said, f"{alone(event.was)} and {alone(event.plus)} add to {alone(event.now)}", room)


def leaf_lines(event: Leaf, room: int) -> list[str]:
    said = f"{event.name} {spell(event.final.shape)} has its whole gradient, {alone(event.final)}"
    if event.before is not None:
        said += (f"; its .grad already holds {alone(event.before)}, to which this will be added "
                 "(zero_grad() forgets the old one)")
    if event.hooked:
        said += "; its hooks see it at the end of the walk"
    return beside(f"{INDENT}=> ", said, room)


def enter_lines(event: Enter, room: int) -> list[str]:
    return beside(f" +- into {event.op}: ", "its definition, with the same arriving gradient", room)


def leave_lines(event: Leave, room: int) -> list[str]:
    start = f" +- out of {event.op}: "
    if not event.compared:
        return beside(start, "no kernel ran, the definition was the rule: nothing to compare", room)
    each = ", ".join([f"g{name} {d:.1e} of {number(event.largest[name])}" for name, d in event.differences.items()])
    verdict = "agrees" if event.agrees else "DISAGREES"
    return beside(start, f"definition {verdict}: max |diff| {event.worst:.1e} ({each})", room)


WRITERS: dict[str, Callable[[Any, int], list[str]]] = {
    "seed": seed_lines, "rule": rule_lines, "unbroadcast": unbroadcast_lines, "accumulate": accumulate_lines,
    "leaf": leaf_lines, "enter": enter_lines, "leave": leave_lines,
}


# --- parts of lines -------------------------------------------------------------------------------------------

def row(left: str, shape: str, value: str, room: int) -> list[str]:
    """Three columns, the last two on a line of their own where they do not fit beside the first."""
    width = left_of(room)
    line = f"{left:<{width}} {shape:<{SHAPE}} {value}".rstrip()
    if len(line) <= room and len(left) <= width:
        return [line]
    second = f"{'':<{width}} {shape:<{SHAPE}} {value}".rstrip()
    return [clipped(left, room), second if len(second) <= room else clipped(f"{INDENT}{shape}  {value}", room)]


def left_of(room: int) -> int:
    """The width of the first column: bars of definitions around are at its cost."""
    return max(LEFT - (WIDTH - room), NARROW)


def clipped(line: str, room: int) -> str:
    return line if len(line) <= room else line[:room - 3] + "..."


def pieces(said: str, room: int) -> list[str]:
    """A text in pieces for the first column."""
    return wrap(said, left_of(room) - len(INDENT) - len(INNER)) or [""]


def beside(left: str, right: str, room: int) -> list[str]:
    """`right` wrapped into the columns beside `left`."""
    lines = wrap(right, max(room - len(left), 24)) or [""]
    return [(left + lines[0]).rstrip()] + [" " * len(left) + line for line in lines[1:]]


def brief_or_nothing(seen: Glance | None, name: str) -> str:
    return f"{name} nothing" if seen is None else brief(seen, name)


def alone(seen: Glance) -> str:
    """`-2` or `norm 0.478`."""
    return brief(seen) if seen.values is not None and seen.values.size == 1 else f"norm {brief(seen)}"


def spell(shape: tuple[int, ...]) -> str:
    return str(tuple(shape))
