"""Lengths of axes that a graph leaves open: `Input((3, None, None))` serves images of every size.

While the graph is built each call is tried with two sizes of the open axes; a length of the result that differs between
the two is open as well, and `x.shape` has a `Length` for it. Arithmetic on it gives other Lengths, which a node may
have among its arguments: they are computed from the real lengths whenever the graph is called.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from numbers import Integral
from typing import Any

from .batch_size import spell_number

# What stands for open axes by their place among the axes of one example, in the first trial and in the second. Steps of
# sequences (t, d) come first and are few: a table of positions may be short. Behind channels stand heights and widths,
# which differ, halve evenly six times, and are large enough for every architecture: Inception v3 needs 299 in training.
TRIALS = ((32, 320, 384, 512), (48, 448, 576, 640))

OPERATORS: dict[str, Callable] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
    "/": operator.truediv, "**": operator.pow, "max": max, "min": min, "abs": abs, "neg": operator.neg,
    "floor": math.floor, "ceil": math.ceil, "round": round,
}


class Length:
    """A length that is known only when the graph is called, or a number computed from such lengths.

    values: what it is in each trial. what: "axis", of `parts` = (the symbol or the node's Ref, the number of the axis);
    or one of OPERATORS, on `parts`.
    """

    def __init__(self, values: tuple, what: str, *parts: Any):
        self.values, self.what, self.parts = values, what, parts

    def evaluated(self, number: Callable[[Any], Any], length: Callable[[Any, int], int]) -> Any:
        """Its value, or another Length, where `length` gives that of an axis and `number` that of a plain number."""
        if self.what == "axis":
            return length(*self.parts)
        return OPERATORS[self.what](*[part.evaluated(number, length) if isinstance(part, Length) else number(part)
                                      for part in self.parts])

    @property
    def places(self) -> list:
        """The symbols, or the nodes' Refs, from whose lengths it is computed."""
        if self.what == "axis":
            return [self.parts[0]]
        return [place for part in self.parts if isinstance(part, Length) for place in part.places]

    def placed(self, place: Callable[[Any], Any]) -> Length:
        """The same with place(symbol) in place of each symbol."""
        if self.what == "axis":
            return Length(self.values, "axis", place(self.parts[0]), self.parts[1])
        return Length(self.values, self.what, *[part.placed(place) if isinstance(part, Length) else part
                                                for part in self.parts])

    # --- comparing: where both trials agree -------------------------------------------------------------------
    def _compare(self, compare: Callable, other: Any) -> Any:
        if not isinstance(other, (Length, int, float, Integral)):
            return NotImplemented
        answers = {compare(a, b) for a, b in zip(self.values, trials_of(other), strict=True)}
        if len(answers) == 2:
            raise TypeError(f"whether {self} {NAMES[compare]} {other} depends on the size of the input, which this "
                            "graph leaves open: decide it inside the forward of a leaf layer, or give Input the size")
        return answers.pop()

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, (Length, int, float, Integral)):
            return NotImplemented
        return all(a == b for a, b in zip(self.values, trials_of(other), strict=True))

    def __lt__(self, other: Any) -> Any:
        return self._compare(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._compare(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._compare(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._compare(operator.ge, other)

    def __bool__(self) -> bool:
        return self._compare(operator.ne, 0)

    # --- arithmetic -------------------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Any:
        return computed("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return computed("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return computed("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return computed("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return computed("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return computed("*", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return computed("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return computed("//", other, self)

    def __mod__(self, other: Any) -> Any:
        return computed("%", self, other)

    def __rmod__(self, other: Any) -> Any:
        return computed("%", other, self)

    def __truediv__(self, other: Any) -> Any:
        return computed("/", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return computed("/", other, self)

    def __pow__(self, other: Any) -> Any:
        return computed("**", self, other)

    def __neg__(self) -> Any:
        return computed("neg", self)

    def __abs__(self) -> Any:
        return computed("abs", self)

    def __floor__(self) -> Any:
        return computed("floor", self)

    def __ceil__(self) -> Any:
        return computed("ceil", self)

    def __round__(self, digits: Any = None) -> Any:
        return computed("round", self)

    def _refuse(self, *args: Any) -> Any:
        raise TypeError(f"{self} is a length that this graph leaves open, it has no value until the graph is called: "
                        "add, multiply and divide it, use it inside the forward of a leaf layer, or give Input the "
                        "size")

    __int__ = __index__ = __float__ = __iter__ = _refuse

    def __repr__(self) -> str:
        if self.what == "axis":
            place, axis = self.parts
            return f"{getattr(place, 'known_as', place)}.shape[{axis}]"
        parts = [str(part) if isinstance(part, Length) else spell_number(part) for part in self.parts]
        return f"({f' {self.what} '.join(parts)})" if not self.what.isalpha() else f"{self.what}({', '.join(parts)})"


Integral.register(Length)           # what asks whether an argument is a whole number lets it through
NAMES = {operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.ne: "!="}


def trials_of(x: Any) -> tuple:
    """What x is in each trial: plain numbers are what they are."""
    return x.values if isinstance(x, Length) else (x,) * len(TRIALS)


def computed(what: str, *parts: Any) -> Any:
    """The Length for an operator on lengths and numbers."""
    if not all([isinstance(part, (Length, int, float, Integral)) for part in parts]):
        return NotImplemented
    return Length(tuple([OPERATORS[what](*trial) for trial in zip(*map(trials_of, parts), strict=True)]), what, *parts)
