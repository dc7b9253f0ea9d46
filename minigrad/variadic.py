"""Ops on any number of arrays: concat, stack, einsum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

from .formula import Shape, bits, unpacked
from .op import MISSING, Op


class Variadic(Op):
    """A primitive on any number of like arrays: concat, stack, einsum.

    Its one formula, `gradient(arrays=lambda g, i, arrays, *rest: ...)`, is told which of the arrays it is for.
    """

    def __init__(self, forward: Callable):
        super().__init__(forward)
        self.formula: Any = None
        self.joined: dict[int, Joined] = {}

    def gradient(self, **formulas: Callable) -> Op:
        if list(formulas) != [self.names[0]]:
            raise TypeError(f"{self.name}.gradient: expected one formula, for {self.names[0]}; "
                            f"{', '.join(formulas) or 'none'} came")
        self.formula = formulas[self.names[0]]
        self.joined.clear()
        return self

    def __call__(self, arrays: Sequence, *rest: Any, **kwargs: Any) -> Any:
        if not isinstance(arrays, (list, tuple)) or not arrays:
            raise TypeError(f"{self.name}: expected a non-empty list or tuple of arrays, {type(arrays).__name__} came")
        if "name" in kwargs:
            return self.as_named_node((arrays, *rest), kwargs)
        rest = tuple(self.bind((None, *rest), kwargs)[1:])
        return self.of(len(arrays))(*arrays, *rest)

    def of(self, n: int) -> Joined:
        """The op on `n` arrays, as an op of so many arguments."""
        if n not in self.joined:
            self.joined[n] = Joined(self, n)
        return self.joined[n]


class Joined(Op):
    """A variadic op on a fixed number of arrays."""

    def __init__(self, whole: Variadic, n: int):
        self.name, self.module, self.whole, self.n = whole.name, whole.module, whole, n
        self.forward = lambda *args: whole.forward(args[:n], *args[n:])
        self.names = tuple([f"{whole.names[0]}[{i}]" for i in range(n)]) + whole.names[1:]
        self.defaults = (MISSING,) * n + whole.defaults[1:]
        self.arity, self.plans = len(self.names), {}
        self.formulas = {i: Each(whole.formula, i, n) for i in range(n)} if whole.formula else {}
        self.recipes, self.reach = unpacked(self.formulas), bits(self.formulas)

    def plan(self, needs: int) -> Callable:
        if "arrays" in signature(self.whole.formula).parameters:
            return lambda args, out: args
        return lambda args, out: [*[Shape(a.shape) for a in args[:self.n]], *args[self.n:]]


class Each:
    """The formula of a variadic op at its i-th array. It reads all arrays, or (parameter `shapes`) their shapes."""

    reads = -1

    def __init__(self, function: Callable, i: int, n: int):
        self.function, self.i, self.n = function, i, n

    def call(self, g: Any, saved: list) -> Any:
        """The gradient of the i-th array."""
        return self.function(g, self.i, saved[:self.n], *saved[self.n:])
