"""One forward and backward of an op on a case, with all that a proof wants to look at; and comparing two of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np

from ..backend import is_array, namespace
from ..op import Op
from ..tensor import Tensor, set_grad_enabled
from ..variadic import Variadic
from ..walk import Step, backward_steps, grad
from .cases import Case, map_arrays
from .gradcheck import as_tuple, input_names, is_floating


class ProofError(AssertionError):
    """Something that holds for every op does not hold for this one."""


def floats(case: Case) -> list[int]:
    """Which inputs carry gradients."""
    return [i for i, x in enumerate(case.inputs) if is_floating(x)]


def call(op: Any, inputs: Sequence, params: dict) -> Any:
    """The op on inputs and parameters; one on any number of arrays gets them as a list."""
    return op(list(inputs), **params) if isinstance(op, Variadic) else op(*inputs, **params)


def bound(op: Any, case: Case) -> Callable:
    """The op as a function of the case's inputs alone, under its own name and those of its inputs."""
    def function(*inputs: Any) -> Any:
        return call(op, inputs, case.params)

    function.__name__ = getattr(op, "name", None) or op.__name__
    vars(function)["names"] = names(op, len(case.inputs))       # `input_names` reads them
    return function


def names(op: Any, n: int) -> list[str]:
    """What the first n inputs are called."""
    return list(op.of(n).names[:n]) if isinstance(op, Variadic) else input_names(op, n)


def arrays_in(value: Any) -> list:
    """The arrays in a parameter, also those inside tuples and lists."""
    if isinstance(value, (tuple, list)):
        return [a for part in value for a in arrays_in(part)]
    return [value] if is_array(value) else []


def replaced(case: Case, i: int, x: np.ndarray) -> Case:
    """The case with another array as its input i."""
    return Case((*case.inputs[:i], x, *case.inputs[i + 1:]), case.params, case.name)


def as_dtype(case: Case, dtype: Any) -> Case:
    """The case with its floating arrays in another precision."""
    return case.map(lambda x: x.astype(dtype) if is_floating(x) else x)


def arrays_of(case: Case) -> list[np.ndarray]:
    return [x for x in case.inputs if isinstance(x, np.ndarray)]


def raw_arguments(op: Op, case: Case) -> list:
    """All arguments of a call, defaults filled in, as arrays: what a kernel gets."""
    return list(op.bind(case.inputs, case.params))


class Run:
    """An op called on a case: its leaves, outputs, the gradients that arrive (seeds), and those of the inputs.

    order: 2 also walks the recorded backward pass, for gradients of gradients.   place: puts every array where it shall
    be, and how it shall lie in memory.   recorded: False runs the forward alone.   walk: False leaves backward to
    `steps`.
    active: which inputs require gradients, by default all floating ones.
    watched: note in `before` the bytes of all that is given, to see whether something changes them.
    """

    def __init__(self, op: Any, case: Case, *, order: int = 1, place: Callable = np.copy, recorded: bool = True,
                 walk: bool = True, watched: bool = False, active: list[int] | None = None):
        self.active, self.names = floats(case) if active is None else active, names(op, len(case.inputs))
        self.leaves = [map_arrays(lambda x: Tensor(place(x)), x) for x in case.inputs]
        for i in self.active:
            self.leaves[i].requires_grad = recorded
        self.params = {key: map_arrays(place, value) for key, value in case.params.items()}
        self.before = [(name, a, a.tobytes()) for name, a in self.given() if watched]
        with set_grad_enabled(recorded):
            self.outputs = as_tuple(call(op, self.leaves, self.params))
        self.seeds = [place(waves(y.shape, y.dtype)) if is_floating(y) else None for y in self.outputs]
        self.before += [("the output", y.data, y.data.tobytes()) for y in self.outputs if watched]
        self.before += [("an arriving gradient", s, s.tobytes()) for s in self.seeds if watched and s is not None]
        self.gradients: dict[int, Any] = {}
        self.second: dict[int, Any] = {}
        if recorded and walk:
            self.walk(order)

    def given(self) -> list[tuple[str, Any]]:
        """Name and array of everything that the op was given."""
        found: list[tuple[str, Any]] = []
        for name, value in zip(self.names, self.leaves, strict=True):
            found += [(f"input {name}", value.data)] if isinstance(value, Tensor) else []
        for name, value in self.params.items():
            found += [(f"parameter {name}", a) for a in arrays_in(value)]
        return found

    def used(self, seeds: Sequence | None = None) -> list[tuple[Tensor, Any]]:
        """The outputs that depend on the inputs, with what arrives at them: `seeds`, where not None."""
        pairs = zip(self.outputs, self.seeds if seeds is None else seeds, strict=True)
        return [(y, s) for y, s in pairs if s is not None and y.requires_grad]

    def again(self, seeds: Sequence, create_graph: bool = False) -> list:
        """The gradients of the active inputs by a walk that leaves the tape as it was; zeros for those that are None.

        seeds: what arrives at each output, None at those that nobody used.
        """
        xs, used = [self.leaves[i] for i in self.active], self.used(seeds)
        found: Sequence = [None] * len(xs)
        if used:
            found = grad([y for y, _ in used], xs, [Tensor(s.copy()) for _, s in used], retain_graph=True,
                         create_graph=create_graph, allow_unused=True)
        return [zeros_like(x.data) if g is None else g.data for x, g in zip(xs, found, strict=True)]

    def walk(self, order: int) -> None:
        """Fill in `gradients` and, of order 2, `second`: None for an input on which nothing depends."""
        xs, used = [self.leaves[i] for i in self.active], self.used()
        first: Sequence = [None] * len(xs)
        if used:
            first = grad([y for y, _ in used], xs, [Tensor(s) for _, s in used], create_graph=order == 2,
                         allow_unused=True)
        self.gradients = {i: None if g is None else g.data for i, g in zip(self.active, first, strict=True)}
        again = [g for g in first if order == 2 and g is not None and g.requires_grad]
        if again:
            found = grad(again, xs, [Tensor(g.data * 0 + 0.5) for g in again], allow_unused=True)
            self.second = {i: None if g is None else g.data for i, g in zip(self.active, found, strict=True)}

    def steps(self) -> Generator[Step, None, list]:
        """The walk that leaves `.grad` at the leaves, one call at a time."""
        used = self.used()
        return backward_steps([y for y, _ in used], [Tensor(s) for _, s in used])

    def arrays(self) -> list:
        """Outputs, gradients, and gradients of gradients; zeros for those that are None."""
        found = [y.data for y in self.outputs]
        for table in (self.gradients, self.second):
            found += [zeros_like(self.leaves[i].data) if g is None else g for i, g in table.items()]
        return found


def zeros_like(x: Any) -> Any:
    return namespace(x).zeros_like(x)


def waves(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Numbers of either sign for the arriving gradient, the same in every precision."""
    count = int(np.prod(shape))
    return (np.cos(np.arange(count)) + 0.1).astype("float16").reshape(shape).astype(dtype)


def agree(actual: Sequence, expected: Sequence, rtol: float, what: str, scale: float = 0.0) -> int:
    """As many arrays, of the same shapes, that differ by at most rtol times the largest element; how many elements.

    scale: take at least this for the largest, where what was added up is larger than the sum.
    """
    if [np.shape(a) for a in actual] != [np.shape(e) for e in expected]:
        raise ProofError(f"{what}: shapes differ, {', '.join([str(np.shape(a)) for a in actual])} and "
                         f"{', '.join([str(np.shape(e)) for e in expected])}")
    whole = max([largest(e) for e in expected], default=0.0)
    for k, (a, e) in enumerate(zip(actual, expected, strict=True)):
        a, e = [np.asarray(x, "float64") for x in (a, e)]
        allowed = rtol * max(scale, largest(e), 0.01 * whole)
        same = (a == e) | (np.isnan(a) & np.isnan(e))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, abs(a - e))
        if not (apart <= allowed).all():
            at = np.unravel_index(int(np.argmax(np.where(np.isnan(apart), np.inf, apart))), e.shape)
            raise ProofError(f"{what} do not agree: array {k}, element {tuple(map(int, at))}: {a[at]:.9g} and "
                             f"{e[at]:.9g}; they may differ by {allowed:.3g}")
    return elements(expected)


def elements(arrays: Sequence) -> int:
    """How many elements they have together; None has none."""
    return sum([np.size(a) for a in arrays if a is not None])


def largest(x: Any) -> float:
    """The largest finite absolute value."""
    x = abs(np.asarray(x, "float64"))
    return float(np.max(x, where=np.isfinite(x), initial=0.0))


def is_shared(a: Any, b: Any) -> bool:
    """Whether two things are arrays with an element of memory in common."""
    return is_array(a) and is_array(b) and a.size > 0 and b.size > 0 and np.shares_memory(a, b)
