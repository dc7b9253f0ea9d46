"""Which call made the first nan or inf of a forward pass, and why, as far as its inputs tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite, prod
from typing import TYPE_CHECKING, Any

from ..backend import Array, namespace, to_numpy
from .glance import Glance, differentiable, glance, number

if TYPE_CHECKING:
    from .record import Call

# op -> (argument, what is wrong with its elements, which are counted)
SUSPECTS: dict[str, list[tuple[str, str, Any]]] = {
    "log": [("x", "values <= 0", lambda x: x <= 0)],
    "sqrt": [("x", "values < 0", lambda x: x < 0)],
    "divide": [("b", "zeros", lambda b: b == 0)],
    "power": [("a", "values <= 0", lambda a: a <= 0)],
}
SINGULAR = {"values <= 0": "value <= 0", "values < 0": "value < 0", "zeros": "zero"}


@dataclass(frozen=True, eq=False)
class Origin:
    """Where the first value that is not finite comes from.

    call: the call that made it or, if `argument` is set, the first that was given it in that argument.
    made: "nan" or "inf".
    """

    call: Call
    made: str
    argument: str = ""
    seen: Glance | None = None          # the argument, or the output

    def __str__(self) -> str:
        if self.argument and self.seen is not None:
            return (f"{self.argument} {self.seen.shape} already has {self.seen.not_finite} when it reaches "
                    f"{self.call}: it is a batch, a parameter or a constant, no recorded call made it")
        return f"{self.call} made {self.made}: {reason(self.call)}"


def find_origin(calls: Sequence[Call]) -> Origin | None:
    """The first call whose output has nan though no input has, or inf though no input has either.

    Only what the output shows counts: an input of nan that a `where` left out does no harm. Minus infinity, in a mask
    or as a number, may well be meant: it is blamed only if nothing else is and the last output is not finite.
    """
    known: dict[int, Array] = {}        # arrays that are not finite, and were meant so or came from such
    suspect, last = None, True
    for call in calls:
        outputs = [glance(y) for y in call.outputs if differentiable(y)]
        last = all([y.finite for y in outputs])
        if last:
            continue
        inputs = list(arrays(call))
        bad = [(name, a, seen) for name, a, seen in inputs if not seen.finite]
        made = "nan" if any([y.nans for y in outputs]) else "inf"
        for name, array, seen in bad:
            if id(array) not in known:
                found = Origin(call, made, call.leaves.get(call.op.names.index(name)) or name, seen)
                if seen.nans or count(array == inf):
                    return found
                suspect, known[id(array)] = suspect or found, array
        if (made == "nan" and not any([seen.nans for *_, seen in bad])) or not (bad or infinite_numbers(call)):
            return Origin(call, made, seen=next(y for y in outputs if not y.finite))
        known |= {id(y): y for y in call.outputs}
    return None if last else suspect


def arrays(call: Call) -> Iterable[tuple[str, Array, Glance]]:
    """The floating-point arrays among the arguments of a call: name, array, a glance at it."""
    for name, a in zip(call.op.names, call.arguments, strict=True):
        if differentiable(a):
            yield name, a, glance(a)


def infinite_numbers(call: Call) -> bool:
    """Whether an infinity is written in the call: `where(mask, scores, -inf)` makes what it was asked to."""
    return any([isinstance(a, float) and not isfinite(a) for a in call.arguments])


def reason(call: Call) -> str:
    """What about the inputs explains it: their suspicious elements, else their ranges."""
    found = suspicions(call.op.name, dict(zip(call.op.names, call.arguments, strict=True)))
    if found:
        return ", ".join(found)
    return ", ".join([f"{name} {seen.shape} {seen.dtype} is in [{number(seen.low)}, {number(seen.high)}]"
                      for name, _, seen in arrays(call)]) or "it has no floating-point input"


def suspicions(op: str, values: dict[str, Any], where: bool = False) -> list[str]:
    """What of these arguments the op cannot take well, `x (4, 2) has 3 values <= 0`; where: with the first of them."""
    found = []
    for name, what, test in SUSPECTS.get(op, ()):
        x = values.get(name)
        if x is None:
            continue
        bad, shape = test(x), x.shape if hasattr(x, "shape") else ()
        if count(bad):
            at = f", the first at {first(bad)}" if where and shape else ""
            one = count(bad) == 1
            found.append(f"{name} {shape} has {count(bad)} {SINGULAR.get(what, what) if one else what}{at}")
    return found


def first(condition: Any) -> list[int]:
    """The index of the first element where it holds."""
    place = int(to_numpy(namespace(condition).argmax(condition.reshape(-1))))
    index: list[int] = []
    for n in reversed(condition.shape):
        place, k = divmod(place, n)
        index.insert(0, k)
    return index


def count(condition: Any) -> int:
    """In how many places it holds."""
    seen = glance(condition)
    return prod(seen.shape) - seen.zeros
