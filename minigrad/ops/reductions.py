"""Reductions. Sums of float16 and bfloat16 are accumulated in float32.

`axis` is None (all axes), an int or a tuple of ints, as in NumPy; with `keepdims` the reduced axes stay with length 1.
"""

from __future__ import annotations

from builtins import max as larger
from math import prod
from typing import Any

from ..backend import FLOATS, namespace
from ..op import op
from .elementwise import exp, sqrt, where
from .logic import equal, isfinite
from .shape import broadcast_to, normalized, reshape


def axes_of(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The reduced axes, counted from the front."""
    if axis is None:
        return tuple(range(len(shape)))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    return tuple([normalized(a, len(shape)) for a in axes]) if shape else ()


def kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape after a reduction with keepdims."""
    axes = axes_of(shape, axis)
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def count(shape: tuple[int, ...], axis: Any) -> int:
    """How many elements each result is made of."""
    return prod([shape[i] for i in axes_of(shape, axis)])


def spread(g, shape, axis):
    """Undo a reduction: give every element of a group what the group has."""
    return broadcast_to(reshape(g, kept(shape, axis)), shape)


def wide(x):
    """The dtype in which to accumulate: float32 for half precision, else None, the library's choice."""
    return "float32" if x.dtype.itemsize == 2 and x.dtype.kind in FLOATS else None


@op
def sum(x, axis=None, keepdims=False):
    """The sum over `axis`."""
    y = namespace(x).sum(x, axis=axis, keepdims=keepdims, dtype=wide(x))
    return y.astype(x.dtype) if wide(x) else y

sum.gradient(x=lambda g, x_shape, axis: spread(g, x_shape, axis))


@op
def mean(x, axis=None, keepdims=False):
    """The arithmetic mean over `axis`."""
    y = namespace(x).mean(x, axis=axis, keepdims=keepdims, dtype=wide(x))
    return y.astype(x.dtype) if wide(x) else y

mean.gradient(x=lambda g, x_shape, axis: spread(g / count(x_shape, axis), x_shape, axis))


@op
def max(x, axis=None, keepdims=False):
    """The largest over `axis`; where several tie, each gets an equal share of the gradient, as with PyTorch's amax."""
    return namespace(x).max(x, axis=axis, keepdims=keepdims)

max.gradient(x=lambda g, y, x, axis: shares(x, y, axis) * spread(g, x.shape, axis))


@op
def min(x, axis=None, keepdims=False):
    """The smallest over `axis`; where several tie, each gets an equal share of the gradient, as with PyTorch's amin."""
    return namespace(x).min(x, axis=axis, keepdims=keepdims)

min.gradient(x=lambda g, y, x, axis: shares(x, y, axis) * spread(g, x.shape, axis))


def shares(x, y, axis):
    """1 / (number of ties) where x is the extreme value y of its group, else 0."""
    ties = equal(x, spread(y, x.shape, axis)).astype(x.dtype)
    return ties / sum(ties, axis, True)


@op
def var(x, axis=None, correction=0, keepdims=False):
    """The mean squared distance from the mean over `axis`, the sum divided by (number of elements - correction).

    correction=0 is the variance of the elements themselves (NumPy's default), correction=1 the unbiased estimate of a
    population's (PyTorch's default).
    """
    xp, n = namespace(x), larger(count(x.shape, axis) - correction, 0)
    wider = x.astype("float32") if wide(x) else x
    centred = wider - xp.mean(wider, axis=axis, keepdims=True)
    return (xp.sum(centred * centred, axis=axis, keepdims=keepdims) / n).astype(x.dtype, copy=False)

var.gradient(x=lambda g, x, axis, correction: (
    spread(g * (2 / larger(count(x.shape, axis) - correction, 0)), x.shape, axis) * (x - mean(x, axis, True))))


def std(x, axis=None, correction=0, keepdims=False):
    """The square root of the variance over `axis`; see `var`."""
    return sqrt(var(x, axis, correction, keepdims))


@op
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(e^x)) over `axis`, with the largest element taken out first so that nothing overflows."""
    xp = namespace(x)
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    y = xp.log(sum(xp.exp(x - top), axis, True)) + top
    return y if keepdims else xp.reshape(y, squeezed(x.shape, axis))

logsumexp.gradient(x=lambda g, y, x, axis: (
    spread(g, x.shape, axis) * exp(x - spread(where(isfinite(y), y, 0), x.shape, axis))))


def squeezed(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape after a reduction without keepdims."""
    axes = axes_of(shape, axis)
    return tuple([n for i, n in enumerate(shape) if i not in axes])


@op
def any(x, axis=None, keepdims=False):
    """Whether any element over `axis` is nonzero."""
    return namespace(x).any(x, axis=axis, keepdims=keepdims)


@op
def all(x, axis=None, keepdims=False):
    """Whether all elements over `axis` are nonzero."""
    return namespace(x).all(x, axis=axis, keepdims=keepdims)


@op
def argmax(x, axis=None, keepdims=False):
    """Where the largest element is (the first of several), counted along `axis` or in the flattened array."""
    return namespace(x).argmax(x, axis=axis, keepdims=keepdims)


@op
def argmin(x, axis=None, keepdims=False):
    """Where the smallest element is (the first of several), counted along `axis` or in the flattened array."""
    return namespace(x).argmin(x, axis=axis, keepdims=keepdims)
