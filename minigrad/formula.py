"""Gradient formulas: functions that say by the names of their parameters what they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any


class Shape(tuple):
    """Kept instead of a tensor of which only the shape is read."""


class Formula:
    """A gradient formula, and where the values are that it asks for by the names of its parameters."""

    def __init__(self, function: Callable, names: tuple[str, ...], op: str):
        self.function = function
        self.wants = []         # position in (*args, y); ~position: only its shape
        parameters = list(signature(function).parameters)
        if not parameters or parameters[0] != "g":
            raise TypeError(f"{op}.gradient: a formula's first parameter must be g, the gradient of the output; "
                            f"its parameters are {parameters}")
        for want in parameters[1:]:
            argument = want.removesuffix("_shape")
            if want in names:
                self.wants.append(names.index(want))
            elif want == "y":
                self.wants.append(len(names))
            elif argument in names:
                self.wants.append(~names.index(argument))
            else:
                raise TypeError(f"{op}.gradient: a formula asks for {want!r}; there are g, y, {', '.join(names)}, "
                                "and the shape of an argument as <argument>_shape")
        # The two frequent cases, read without a list: nothing (None), one whole value (its position); else -1.
        self.reads = None if not self.wants else self.wants[0] if len(self.wants) == 1 and self.wants[0] >= 0 else -1

    def call(self, g: Any, values: list) -> Any:
        """The gradient, from the values that the call saved."""
        return self.function(g, *[values[p] if p >= 0 else shape_of(values[~p]) for p in self.wants])


def unpacked(formulas: dict[int, Any]) -> list[tuple]:
    """Per formula: position of the argument, function, what it reads, and how it is called with all values."""
    return [(i, formula.function, formula.reads, formula.call) for i, formula in formulas.items()]


def bits(positions: Iterable[int]) -> int:
    """A number with these bits set."""
    return sum([1 << i for i in positions])


def shape_of(x: Any) -> Any:
    return x if type(x) is Shape else getattr(x, "shape", ())
