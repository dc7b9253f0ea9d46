"""Rounding and bounds. What is flat between its jumps has gradient 0 everywhere, as in PyTorch."""

from __future__ import annotations

from ..backend import FLOATS, namespace, namespace_of
from ..misuse import check_ints
from ..op import op
from .elementwise import where, zeros_like
from .logic import equal, greater, greater_equal, less, less_equal, logical_and, logical_or

__all__ = ["ceil", "clip", "copysign", "floor", "round", "trunc"]


@op
def floor(x):
    """The largest whole number not above x."""
    return namespace(x).floor(x) if x.dtype.kind in FLOATS else x.copy()

floor.gradient(x=lambda g: zeros_like(g))


@op
def ceil(x):
    """The smallest whole number not below x."""
    return namespace(x).ceil(x) if x.dtype.kind in FLOATS else x.copy()

ceil.gradient(x=lambda g: zeros_like(g))


@op
def trunc(x):
    """x without what comes after the point."""
    return namespace(x).trunc(x) if x.dtype.kind in FLOATS else x.copy()

trunc.gradient(x=lambda g: zeros_like(g))


@op
def round(x, decimals=0):
    """x to so many places after the point (negative: before it); what lies half-way goes to the even neighbour."""
    check_ints("round", decimals=decimals)
    if x.dtype.kind not in FLOATS:
        if decimals < 0:
            raise TypeError(f"round: expected floating numbers for decimals {decimals}, {x.dtype} came: "
                            "convert them first, astype('float64')")
        return x.copy()
    rint = namespace(x).rint
    if decimals > 0:
        return rint(x * 10.0 ** decimals) / 10.0 ** decimals
    if decimals < 0:
        return rint(x / 10.0 ** -decimals) * 10.0 ** -decimals
    return rint(x)

round.gradient(x=lambda g: zeros_like(g))


@op
def copysign(a, b):
    """The magnitude of a with the sign of b, be it -0.0. The gradient of b is 0, that of a where a is 0 too."""
    return namespace_of(a, b).copysign(a, b)

copysign.gradient(a=lambda g, y, a: where(equal(a, 0), 0, where(equal(y, a), g, -g)), b=lambda g: zeros_like(g))


@op
def clip(x, min=None, max=None):
    """x, but not below `min` nor above `max`: numbers, arrays that broadcast with x, or None for no bound.

    y = minimum(maximum(x, min), max), which is max where min > max. PyTorch calls it clamp. The gradient goes to x
    where min <= x <= max, both ends included, else to the bound that took its place; to nothing where one of the three
    is NaN. Without either bound it raises ValueError.
    """
    if min is None and max is None:
        raise ValueError("clip: expected at least one of min and max, both are None")
    xp = namespace(x)
    y = x if min is None else xp.maximum(x, min)
    return y if max is None else xp.minimum(y, max)

clip.gradient(
    x=lambda g, x, min, max: where(within(x, min, max), g, 0),
    min=lambda g, x, min, max: where(less(x, min) if max is None else logical_and(less(x, min), less(min, max)), g, 0),
    max=lambda g, x, min, max: where(greater(x, max) if min is None else logical_or(greater(x, max), less(max, min)),
                                     g, 0),
)


def within(x, min, max):
    """Where min <= x <= max."""
    if min is None:
        return less_equal(x, max)
    if max is None:
        return greater_equal(x, min)
    return logical_and(greater_equal(x, min), less_equal(x, max))
