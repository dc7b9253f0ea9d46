"""Proving gradients: what the walk says against differences of values, in float64, along random directions.

The outputs are made one number, f = sum of w * y with fixed random weights w. For an input x and a direction v the walk
gives <gradient, v>; the values of f at x, x +- step v / 2 and x +- step v give the same number without any gradient.
From these five values follows also how far they can be trusted: at a kink (relu at 0, a tie of max) they contradict
each other. Such a direction is skipped and counted, and another one, another step, or a point close by is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from ..backend import FLOATS, is_array, to_device, to_numpy
from ..tensor import Tensor
from ..walk import grad

EPSILON = float(np.finfo(np.float64).eps)
# Steps to try, as (times eps, whether relative to |x| also where that is less than 1): smaller ones for a function that
# bends much or has a kink nearby, larger ones where rounding of large values hides their small changes.
TRIES = ((1.0, False), (0.1, False), (0.01, False), (1.0, True), (0.01, True),
         (10.0, False), (100.0, False), (1000.0, False))
QUIET = 1e-5                        # rounding below this part of the derivative hides nothing
MOVE = 0.01                         # how far, relative to |x|, a point on a kink is moved
SHOWN = 4                           # elements that an error shows


class GradientError(AssertionError):
    """A gradient is not the derivative, or there is none to compare it with."""


@dataclass(frozen=True)
class GradientReport:
    """What a passed check has seen.

    checked: directions compared, none for an input without elements; skipped: directions that met a kink; worst: the
    largest difference found, relative to the sum of |gradient * direction|.
    """

    checked: int
    skipped: int
    worst: float

    def __repr__(self) -> str:
        return (f"<{self.checked} directions agree, {self.skipped} skipped at kinks, "
                f"largest relative difference {self.worst:.1e}>")


def gradcheck(function: Callable, inputs: Sequence, *, eps: float = 1e-4, rtol: float = 1e-6, atol: float = 0.0,
              seed: int = 0, weights: Sequence | None = None) -> GradientReport:
    """Compare the gradients of `function(*inputs)`, one tensor or several, with differences of its values.

    inputs: arrays or tensors. Floating ones are checked, as float64; others (integers, booleans, None) pass through.
    eps: the step, relative to |x| where that is more than 1; others are tried where it does not do.
    seed: of the random weights and directions. weights: what arrives at each output instead of random numbers, None at
    one that is not of floating point.
    Analytic a and numeric n agree if |a - n| <= atol + rtol * max(|a|, |n|) + what rounding of the values explains.

    Raises GradientError with function, input, analytic and numeric side by side. Returns a GradientReport.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import gradcheck
    >>> gradcheck(lambda x, y: mg.sin(x) * y, [np.ones((2, 3)), np.ones(3)]).skipped
    0
    """
    found = compared(function, inputs, eps=eps, rtol=rtol, atol=atol, seed=seed, weights=weights)
    if isinstance(found, Mismatch):
        raise GradientError(complaint(found, rtol, atol))
    return found


class Mismatch(NamedTuple):
    """Where analytic and numeric differ by more than is allowed: input i, along v. To say which elements do costs two
    calls of the function for each."""

    point: Point
    i: int
    v: np.ndarray
    difference: Difference
    allowed: float


def compared(function: Callable, inputs: Sequence, *, eps: float = 1e-4, rtol: float = 1e-6, atol: float = 0.0,
             seed: int = 0, weights: Sequence | None = None) -> GradientReport | Mismatch:
    """What `gradcheck` finds, with the same arguments. Raises GradientError where there is no derivative."""
    rng = np.random.default_rng(seed)
    arrays = [prepared(x) for x in inputs]
    point = Point(function, arrays, rng, None if weights is None else [prepared(w) for w in weights])
    checked = skipped = 0
    worst = 0.0
    for i in [i for i in point.active if arrays[i].size] if point.outputs else []:
        for balanced in (False, True):
            here, v, difference, misses = settled(point, i, balanced, eps, rtol, atol, rng)
            analytic = here.along(i, v)
            scale = max(abs(analytic), abs(difference.numeric))
            allowed = atol + rtol * scale + difference.noise
            if not abs(analytic - difference.numeric) <= allowed < np.inf:          # so that NaN and infinity fail
                return Mismatch(here, i, v, difference, allowed)
            checked, skipped = checked + 1, skipped + misses
            size = here.size_along(i, v)
            worst = max(worst, abs(analytic - difference.numeric) / size if size else 0.0)
    return GradientReport(checked, skipped, worst)


def gradgradcheck(function: Callable, inputs: Sequence, *, eps: float = 1e-4, rtol: float = 1e-6, atol: float = 0.0,
                  seed: int = 0) -> GradientReport:
    """The same for the gradients themselves, as functions of the inputs and of the gradient that arrives.

    Arguments, errors and result are those of `gradcheck`. An error about the arriving gradient calls it g.
    """
    arrays = [prepared(x) for x in inputs]
    point = Point(function, arrays, np.random.default_rng(seed))
    seeds = [w for w in point.weights if w is not None]
    n = len(arrays)

    def gradients(*args: Any) -> tuple:
        xs, arriving = args[:n], iter(args[n:])
        arrived = [(y, next(arriving)) for y in as_tuple(function(*xs)) if is_floating(y)]
        arrived = [(y, g) for y, g in arrived if y.requires_grad]
        if not arrived:
            return ()
        found = grad([y for y, _ in arrived], [xs[i] for i in point.active], [g.to(y.device) for y, g in arrived],
                     create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    gradients.__name__ = f"the gradient of {name_of(function)}"
    arriving_names = ["g"] if len(seeds) == 1 else [f"g[{k}]" for k in range(len(seeds))]
    vars(gradients)["names"] = [*input_names(function, n), *arriving_names]
    return gradcheck(gradients, [*arrays, *seeds], eps=eps, rtol=rtol, atol=atol, seed=seed)


class Point:
    """A function at one point: its outputs as one number, and what the walk says are the gradients of that number."""

    def __init__(self, function: Callable, arrays: list, rng: np.random.Generator, weights: list | None = None):
        self.function, self.arrays = function, arrays
        self.active = [i for i, x in enumerate(arrays) if is_floating(x)]
        leaves = self.leaves(arrays)
        self.outputs = as_tuple(function(*leaves))
        if weights is None:
            weights = [bounded(rng, y.shape) if is_floating(y) else None for y in self.outputs]
        self.weights = weights
        self.value, self.size = self.total(self.outputs)
        self.gradients = self.walked(leaves)

    def leaves(self, arrays: list) -> list:
        """The inputs as the function gets them; floating arrays require gradients."""
        return [Tensor(x.copy(), requires_grad=i in self.active) if isinstance(x, np.ndarray) else x
                for i, x in enumerate(arrays)]

    def total(self, outputs: tuple) -> tuple[float, float]:
        """The sum of w * y, and the sum of its absolute values, which says how much rounding to expect."""
        terms = [to_numpy(y.data) * w for y, w in zip(outputs, self.weights, strict=True) if w is not None]
        return float(sum([t.sum() for t in terms])), float(sum([np.abs(t).sum() for t in terms]))

    def walked(self, leaves: list) -> dict[int, np.ndarray]:
        """The analytic gradients; zero for an input on which nothing depends."""
        used = [(y, w) for y, w in zip(self.outputs, self.weights, strict=True) if w is not None and y.requires_grad]
        found: Sequence = [None] * len(self.active)
        if used:
            found = grad([y for y, _ in used], [leaves[i] for i in self.active],
                         [Tensor(to_device(w.copy(), y.device)) for y, w in used], allow_unused=True)
        return {i: np.zeros(self.arrays[i].shape) if g is None else g.numpy()
                for i, g in zip(self.active, found, strict=True)}

    def at(self, i: int, step: np.ndarray) -> float:
        """f where input i is moved by `step`."""
        moved = [np.asarray(x + step) if k == i else x for k, x in enumerate(self.arrays)]
        with np.errstate(all="ignore"):         # log of a number that became negative gives NaN, and that is skipped
            return self.total(as_tuple(self.function(*self.leaves(moved))))[0]

    def along(self, i: int, v: np.ndarray) -> float:
        """<gradient, v>"""
        with np.errstate(all="ignore"):
            return float((self.gradients[i] * v).sum())

    def size_along(self, i: int, v: np.ndarray) -> float:
        """The same without cancellation: the sum of |gradient * v|."""
        return float(np.abs(self.gradients[i] * v).sum())

    def moved(self, rng: np.random.Generator) -> Point:
        """The same function at a point close by."""
        arrays = [np.asarray(x + MOVE * magnitude(x) * bounded(rng, x.shape)) if i in self.active else x
                  for i, x in enumerate(self.arrays)]
        return Point(self.function, arrays, rng, self.weights)


@dataclass(frozen=True)
class Difference:
    """A derivative from five values.

    numeric: its best estimate.   doubt: by how much the values contradict each other.   noise: what rounding explains.
    """

    numeric: float
    doubt: float
    noise: float
    step: float


def differences(point: Point, i: int, v: np.ndarray, step: float) -> Difference:
    """The derivative of f along v, by central differences with two steps that are extrapolated to step 0 (Richardson).

    A smooth f makes the two agree to second order in the step, and its fourth difference vanish. A kink anywhere
    between the outermost points shows in one of the two, also one in the middle, where only the latter sees it.
    """
    left, near_left, near_right, right = [point.at(i, k * step * v) for k in (-1.0, -0.5, 0.5, 1.0)]
    wide, narrow = (right - left) / (2 * step), (near_right - near_left) / step
    bend = (right - 4 * near_right + 6 * point.value - 4 * near_left + left) / step
    noise = 50 * EPSILON * point.size / step
    return Difference((4 * narrow - wide) / 3, max(abs(wide - narrow), abs(bend)), noise, step)


def settled(point: Point, i: int, balanced: bool, eps: float, rtol: float, atol: float,
            rng: np.random.Generator) -> tuple[Point, np.ndarray, Difference, int]:
    """A point, a direction and a difference that can be trusted there; and how many directions had to be skipped.

    Trusted are values that do not contradict each other. Where their rounding could still hide a wrong gradient, larger
    steps are tried too, and the one that rounding harms least is taken.
    """
    skipped = 0
    for here in (point, None, None):
        here = here or point.moved(rng)
        best: tuple | None = None
        for factor, relative in TRIES:
            v = direction(here, i, balanced, relative, rng)
            found = differences(here, i, v, eps * factor)
            size = here.size_along(i, v)
            scale = max(abs(found.numeric), size if np.isfinite(size) else 0.0)
            if not found.doubt <= atol + rtol * scale + found.noise:                # so that NaN is not trusted
                skipped += best is None
                continue
            harm = found.noise / scale if scale else np.inf if found.noise else 0.0
            if best is None or harm < best[0]:
                best = harm, (here, v, found, skipped)
            if best[0] <= QUIET:
                break
        if best:
            return best[1]
    raise GradientError(
        f"{name_of(point.function)}: no derivative to compare with at input {input_names(point.function, i + 1)[i]}: "
        f"{skipped} directions tried, here and close by, and the differences of values contradict each other in each "
        f"(derivative {found.numeric:.9g}, doubt {found.doubt:.2g}). Either the point lies among kinks, or this is "
        "not a smooth function of its inputs in float64: it rounds, draws random numbers, or gives NaN")


def direction(point: Point, i: int, balanced: bool, relative: bool, rng: np.random.Generator) -> np.ndarray:
    """A random direction without small components, so that no element escapes.

    Balanced, it is shorter where the gradient is large: a wrong element must not hide behind a thousand times larger
    ones. Relative, it is shorter where the input is small.
    """
    x = point.arrays[i]
    v = bounded(rng, x.shape) * (magnitude(x) if relative else np.maximum(1.0, magnitude(x)))
    g = np.abs(point.gradients[i] * v)
    if not balanced or not g.any() or not np.isfinite(g).all():
        return v
    small = max(float(g[g > 0].min()), 1e-3 * float(g.max()))
    return bounded(rng, v.shape) * v * np.minimum(1.0, small / np.maximum(g, small))    # equal terms could cancel


def bounded(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random numbers of either sign between 0.5 and 1.5 in absolute value."""
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))


def magnitude(x: np.ndarray) -> np.ndarray:
    """|x|, and 1 where that is no length: at zero, infinity and NaN."""
    size = np.abs(x)
    return np.where((size > 0) & np.isfinite(x), size, 1.0)


# --- what went wrong ------------------------------------------------------------------------------------------

def complaint(found: Mismatch, rtol: float, atol: float) -> str:
    """Function, input, both numbers side by side, and the elements that differ most."""
    point, i, v, difference, allowed = found
    analytic, numeric = point.along(i, v), difference.numeric
    lines = [f"{name_of(point.function)}: the gradient of input {input_names(point.function, i + 1)[i]} is wrong",
             f"  along a random direction: analytic {analytic:.9g}   numeric {numeric:.9g}{ratio(analytic, numeric)}",
             f"  they differ by {abs(analytic - numeric):.3g}, allowed are {allowed:.3g} "
             f"(rtol {rtol:.3g}, atol {atol:.3g}, rounding {difference.noise:.3g})"]
    return "\n".join(lines + elements(point, i, difference.step))


def ratio(analytic: float, numeric: float) -> str:
    """A hint at the kind of mistake."""
    if analytic == 0:
        return "   (the gradient is zero, or its formula is missing)"
    if numeric == 0 or not np.isfinite(analytic / numeric):
        return ""
    if abs(analytic / numeric + 1) < 1e-4:
        return "   (the sign is wrong)"
    return f"   (analytic / numeric = {analytic / numeric:.6g})"


def elements(point: Point, i: int, step: float) -> list[str]:
    """The elements of the gradient that differ most, each with its own difference of values; of small inputs only."""
    x, g = point.arrays[i], point.gradients[i]
    if x.size > 256:
        return []
    numeric = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[at] = step * max(1.0, float(magnitude(x)[at]))
        numeric[at] = (point.at(i, unit) - point.at(i, -unit)) / (2 * unit[at])
    worst = np.argsort(-np.abs(np.where(np.isfinite(g), g - numeric, np.inf)), axis=None)[:SHOWN]
    places = [tuple([int(n) for n in np.unravel_index(k, x.shape)]) for k in worst]
    rows = [f"  {at!s:>14} {g[at]:>18.9g} {numeric[at]:>18.9g}" for at in places]
    return [f"  {'element':>14} {'analytic':>18} {'numeric':>18}", *rows]


def name_of(function: Callable) -> str:
    """What an op or a function is called."""
    return getattr(function, "name", None) or getattr(function, "__name__", None) or type(function).__name__


def input_names(function: Callable, n: int) -> list[str]:
    """The names of the first n inputs: parameters where they have names, else numbers."""
    names = list(getattr(function, "names", ()))
    if not names:
        try:
            names = [p.name for p in signature(function).parameters.values()
                     if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        except ValueError:              # a builtin without a signature
            names = []
    return [*names[:n], *[f"number {i}" for i in range(len(names), n)]]


def prepared(x: Any) -> Any:
    """An input as a NumPy array, floating ones in float64; what is no array stays as it is."""
    array = x.numpy() if isinstance(x, Tensor) else to_numpy(x) if is_array(x) else x
    return array.astype(np.float64) if is_floating(array) else array


def is_floating(x: Any) -> bool:
    """Whether an array or tensor carries gradients."""
    return isinstance(x, (np.ndarray, Tensor)) and x.dtype.kind in FLOATS


def as_tuple(y: Any) -> tuple:
    return tuple(y) if isinstance(y, (tuple, list)) else (y,)
