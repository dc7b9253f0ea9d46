"""How far an element of a result sees along an axis of the input, and how each op changes that.

A trace says it for one axis of one input, as parts of which a result may have several: `Along` an axis of its own the
view moves; it is `Spread` over axes that were made of others; it is `Fixed` where a place was picked; it is ALL there
is; or it is LOST, which is said of every op that has no rule here, so that nothing is claimed that was not followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .windows import SAME, Windows, hull

ALL, LOST = "all", "lost"


class Along(NamedTuple):
    """Every place along `axis` of the result sees what the windows say, of `length` places of the input."""

    axis: int
    windows: Windows
    length: int


class Spread(NamedTuple):
    """An element sees so many places; which, its places along several axes, or one made of several, say together.

    order: what tells two apart that are spread over the same axes in different ways. total: what all elements see
    together, Fixed, ALL or LOST.
    """

    axes: tuple[int, ...]
    size: int
    order: Any
    total: Any


class Fixed(NamedTuple):
    """Every element sees the same places, of `length` places of the input."""

    span: range
    length: int


Part = Any                              # Along, Spread, Fixed, ALL or LOST
Trace = tuple[Part, ...]
Field = dict[Any, Trace]                # (input, axis) -> its trace, of those that a result depends on


def fixed(span: range, length: int) -> Part:
    """Fixed; or ALL, if nothing is left out."""
    return ALL if span and span[0] <= 0 and span[-1] >= length - 1 else Fixed(span, length)


def size_of(trace: Trace) -> int | str | None:
    """How many places an element sees, from the first to the last; ALL; None if that is not known."""
    if len(trace) > 1 or trace[0] == LOST:
        return None
    part = trace[0]
    if isinstance(part, Along):
        return part.windows.size
    return part if part == ALL else part.size if isinstance(part, Spread) else len(part.span)


# --- what becomes of an axis ------------------------------------------------------------------------------------
# Of each axis of an argument a rule says where it goes: To an axis of the result, seen through windows; Over several,
# or one made of several; an int, the one place that is picked; ALL, every element sees all along it; or LOST.

class To(NamedTuple):
    axis: int
    windows: Windows = SAME


class Over(NamedTuple):
    axes: tuple[int, ...]
    order: Any                  # another object for each time that axes are made of others


Moves = Sequence[Any]


def moved(part: Part, moves: Moves, shape: Sequence[int]) -> Part:
    """A part of an argument's trace, of this shape, as one of the result's."""
    if isinstance(part, Along):
        move = moves[part.axis]
        if isinstance(move, To):
            view = move.windows.after(part.windows)
            return LOST if view is None else Along(move.axis, view, part.length)
        if isinstance(move, int):
            return fixed(part.windows.at(move), part.length)
        everything = fixed(part.windows.over(shape[part.axis]), part.length)
        return LOST if move == LOST else everything if move == ALL else \
            Spread(move.axes, part.windows.size, (part.axis, move.order), everything)
    return moved_spread(part, [moves[axis] for axis in part.axes]) if isinstance(part, Spread) else part


def moved_spread(part: Spread, goals: Moves) -> Part:
    """The same of what is spread over axes. goals: where these go."""
    if goals and all([move == ALL for move in goals]):
        return part.total
    if any([isinstance(move, str) or isinstance(move, To) and move.windows != SAME for move in goals]):
        return LOST
    axes = [axis for move in goals for axis in
            ([move.axis] if isinstance(move, To) else move.axes if isinstance(move, Over) else [])]
    changes = tuple([(i, move) for i, move in enumerate(goals) if not isinstance(move, To)])
    picks = any([isinstance(move, int) for move in goals])
    order = (part.order, part.axes, changes) if changes else part.order
    return Spread(tuple(dict.fromkeys(axes)), part.size, order, LOST if picks else part.total)


def together(parts: Iterable[Part]) -> Trace:
    """What an element sees that is made of elements that see these."""
    parts = list(dict.fromkeys(parts))
    picked = [part for part in parts if isinstance(part, Fixed)]
    if picked:
        parts = [*[part for part in parts if part not in picked], met(picked)]
    for whole in (ALL, LOST):
        if whole in parts:
            return (whole,)
    views: dict[int, Along] = {}
    for part in parts:
        if isinstance(part, Along):
            view = views[part.axis].windows.beside(part.windows) if part.axis in views else part.windows
            if view is None:
                return (LOST,)
            views[part.axis] = part._replace(windows=view)
    return (*views.values(), *[part for part in parts if not isinstance(part, Along)])


def met(parts: Sequence[Fixed]) -> Part:
    """What several see that are fixed."""
    return fixed(hull([part.span for part in parts]), parts[0].length)


def either(parts: Iterable[Part], axis: int) -> Trace:
    """What the elements of arrays see that were put one after the other along an axis: some this, some that."""
    parts = [Spread((axis,), len(part.span), None, part) if isinstance(part, Fixed) else part
             for part in parts]
    spread = [part for part in parts if isinstance(part, Spread)]
    if len(spread) > 1:
        (total, *several) = together([part.total for part in spread])
        axes = dict.fromkeys([axis, *[other for part in spread for other in part.axes]])
        one = Spread(tuple(axes), max([part.size for part in spread]), object(), LOST if several else total)
        parts = [*[part for part in parts if not isinstance(part, Spread)], one]
    return together(parts)


def short(move: Any, n: int, shape: tuple[int, ...]) -> Any:
    """A move of an axis of length n in the result's shape: of one place nothing but that can be meant."""
    if n == 1 and (move == ALL or isinstance(move, Over)
                   or isinstance(move, To) and move.windows == SAME and shape[move.axis] != 1):
        return 0
    return move
