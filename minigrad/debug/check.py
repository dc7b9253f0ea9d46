"""Gradients against differences of values: `check` of a function, `check_rule` of a call that the walk stands at.

Both are `minigrad.testing.gradcheck`, with an answer instead of an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import is_array, to_device, to_numpy
from ..tensor import Tensor
from ..walk import grad
from .events import Rule
from .glance import EPS, differentiable, glance, number
from .values import arguments_of


@dataclass(frozen=True)
class Verdict:
    """Whether gradients are derivatives. message: of a failed check, what was found, else "".

    checked: directions compared; skipped: directions that met a kink, where there is no derivative; worst: the largest
    relative difference; rtol, atol: what was allowed.
    """

    agrees: bool
    checked: int
    skipped: int
    worst: float
    rtol: float
    atol: float
    message: str = ""

    def __bool__(self) -> bool:
        return self.agrees

    def __str__(self) -> str:
        allowed = f"rtol {number(self.rtol)}, atol {number(self.atol)}"
        if not self.agrees:
            return f"WRONG ({allowed})\n{self.message}"
        if not self.checked:
            return "nothing was checked: there are no elements"
        return (f"right\n  {self.checked} directions agree, the worst to {self.worst:.1e} ({allowed});\n"
                f"  {self.skipped} skipped at kinks")


def check(function: Callable, *inputs: Any, rtol: float = 1e-6, atol: float = 0.0, eps: float = 1e-4, seed: int = 0,
          weights: Any = None) -> Verdict:
    """Compare the gradients of `function(*inputs)` with central differences, in float64 along random directions.

    inputs: arrays or tensors; floating ones are checked. Directions that meet a kink (relu at 0, a tie of max) are
    skipped and counted. weights: what arrives at each output; random by default.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad import debug
    >>> bool(debug.check(mg.exp, np.ones(3)))
    True
    """
    from ..testing.gradcheck import GradientError, gradcheck

    if not callable(function):
        raise TypeError("check: expected a function and its inputs, as check(mg.exp, x); "
                        f"{type(function).__name__} came")
    if not any([differentiable(x) for x in inputs]):
        raise TypeError("check: expected an array of floating point among the inputs, for others have no gradient; "
                        f"{', '.join([str(getattr(x, 'dtype', type(x).__name__)) for x in inputs]) or 'nothing'} came")
    try:
        report = gradcheck(function, inputs, eps=eps, rtol=rtol, atol=atol, seed=seed, weights=weights)
    except GradientError as error:
        return Verdict(False, 0, 0, float("nan"), rtol, atol, str(error))
    return Verdict(True, report.checked, report.skipped, report.worst, rtol, atol)


@dataclass(frozen=True)
class RuleVerdict:
    """The rule of one call: `verdict` of finite differences in float64 with the gradient that arrived, and for each
    argument how far this walk's gradient is from the float64 one, relative to its largest element, and the rounding of
    its dtype."""

    op: str
    verdict: Verdict
    rounding: dict[str, tuple[float, float]]

    @property
    def agrees(self) -> bool:
        return self.verdict.agrees and all([off <= max(eps ** 0.5, 1000 * eps) for off, eps in self.rounding.values()])

    def __bool__(self) -> bool:
        return self.agrees

    def __str__(self) -> str:
        lines = [f"{self.op} in float64, with this g: {self.verdict}"]
        for name, (off, eps) in self.rounding.items():
            said = "" if off <= eps ** 0.5 else "  THIS IS NOT ROUNDING"
            lines.append(f"  g{name} here: off by {off:.1e} of its largest element (eps {eps:.1e}){said}")
        return "\n".join(lines)


def check_rule(event: Rule, rtol: float = 1e-6) -> RuleVerdict:
    """Check the rule of a call where the walk stands, with its own arguments and the gradient that arrived at it.

    Raises ValueError where the arguments were not kept: the tape has what formulas read, `debug.record()` has all.
    """
    kept = arguments_of(event.node)
    if kept is None:
        raise ValueError(f"chk: not all arguments of {event.op} were kept: make the forward pass inside debug.record()")
    known = {name: double(value) if is_array(value) else value for name, value in kept.items()}
    wanted, op = list(event.gradients), event.node.op

    def function(*xs: Any) -> Any:
        return op(*(known | dict(zip(wanted, xs, strict=True))).values())

    function.__name__ = op.name
    vars(function)["names"] = wanted
    inputs = [known[name] for name in wanted]
    weights = arrived(event, function(*inputs))
    verdict = check(function, *inputs, rtol=rtol, weights=weights)
    return RuleVerdict(op.name, verdict, rounding(event, function, wanted, inputs, weights))


def double(x: Any) -> Any:
    """Floating point in float64, on the host; other arrays on the host."""
    array = to_numpy(x)
    return array.astype("float64") if array.dtype.kind in "fV" else array


def arrived(event: Rule, outputs: Any) -> list:
    """The gradient at each output; zeros where nothing came, None where none can."""
    ys = outputs if isinstance(outputs, tuple) else (outputs,)
    gs = event.g if isinstance(event.g, list) else [event.g]
    return [None if y.dtype.kind != "f" else numpy.zeros(y.shape) if g is None else double(g)
            for y, g in zip(ys, gs, strict=True)]


def rounding(event: Rule, function: Callable, wanted: list[str], inputs: list,
             weights: list) -> dict[str, tuple[float, float]]:
    """How far the gradients of this walk are from those of the same rule in float64."""
    leaves = [Tensor(x.copy(), requires_grad=True) for x in inputs]
    ys = function(*leaves)
    pairs = [(y, w) for y, w in zip(ys if isinstance(ys, tuple) else (ys,), weights, strict=True)
             if w is not None and y.requires_grad]
    found = grad([y for y, _ in pairs], leaves, [Tensor(w) for _, w in pairs], allow_unused=True)
    off = {}
    for name, exact, like in zip(wanted, found, leaves, strict=True):
        ours = double(event.gradients[name])
        theirs = numpy.zeros(like.shape) if exact is None else exact.numpy()
        if ours.shape != theirs.shape:
            ours = to_numpy(event.node.op.fit(to_device(ours, "cpu"), theirs.shape, theirs.dtype))
        largest = float(abs(theirs).max(initial=0.0)) or 1.0
        seen = glance(ours - theirs)
        off[name] = (max(abs(seen.low), abs(seen.high)) / largest if seen.finite else float("inf"),
                     EPS[event.given[name].dtype])
    return off
