"""Reductions. Sums of float16 and bfloat16 are accumulated in float32.

`axis` is None (all axes), an int or a tuple of ints, as in NumPy; with `keepdims` the reduced axes stay with length 1.
With `dtype` x is converted before anything is added or multiplied, and so is the result.
An axis that x has not, or one that is named twice, raises ValueError. Of nothing, the sum is 0, the product 1, the mean
NaN; max, min, argmax and argmin raise ValueError.
"""

from __future__ import annotations

from builtins import max as larger
from math import inf
from math import prod as product
from typing import Any

from ..backend import FLOATS, namespace
from ..misuse import named
from ..op import op
from .cumulative import cumulative_prod
from .elementwise import astype, exp, sqrt, where
from .indexing import getitem
from .logic import equal
from .precision import converted, narrowed, wide, widened
from .shape import broadcast_to, inverse, normalized, permute_dims, reshape

__all__ = [
    "all", "any", "argmax", "argmin", "count_nonzero", "logsumexp", "max", "mean", "min", "prod", "std", "sum", "var",
]


def axes_of(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The reduced axes, counted from the front."""
    if axis is None:
        return tuple(range(len(shape)))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    found = tuple([normalized(a, len(shape)) for a in axes])
    return found if shape else ()


def kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape after a reduction with keepdims."""
    axes = axes_of(shape, axis)
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def count(shape: tuple[int, ...], axis: Any) -> int:
    """How many elements each result is made of."""
    return product([shape[i] for i in axes_of(shape, axis)])


def spread(g, shape, axis):
    """Undo a reduction: give every element of a group what the group has."""
    return broadcast_to(reshape(g, kept(shape, axis)), shape)


@op
def sum(x, axis=None, keepdims=False, dtype=None):
    """The sum over `axis`."""
    x = converted(x, dtype)
    y = namespace(x).sum(x, axis=axis, keepdims=keepdims, dtype=wide(x) or dtype)
    return y.astype(x.dtype) if wide(x) else y

sum.gradient(x=lambda g, x_shape, axis: spread(g, x_shape, axis))


@op
def mean(x, axis=None, keepdims=False, dtype=None):
    """The arithmetic mean over `axis`, in float64 for integers."""
    x = converted(x, dtype)
    y = namespace(x).mean(x, axis=axes_of(x.shape, axis), keepdims=keepdims, dtype=wide(x) or dtype)
    return y.astype(x.dtype) if wide(x) else y

mean.gradient(x=lambda g, x_shape, axis: (
    spread(narrowed(widened(g) / count(x_shape, axis), g), x_shape, axis)))


@op
def prod(x, axis=None, keepdims=False, dtype=None):
    """The product over `axis`. Its gradient is that of what an element is multiplied with, so zeros are no trouble."""
    x = converted(x, dtype)
    y = namespace(x).prod(x, axis=axis, keepdims=keepdims, dtype=wide(x) or dtype)
    return y.astype(x.dtype) if wide(x) else y

prod.gradient(x=lambda g, x, axis, dtype: (
    narrowed(spread(widened(g), x.shape, axis) * others(widened(converted(x, dtype)), axis), x)))
sum.keeps_dtype = mean.keeps_dtype = prod.keeps_dtype = False       # `dtype` decides


def others(x, axis):
    """For every element the product of the rest of its group: of those before it times of those behind it."""
    axes = axes_of(x.shape, axis)
    order = tuple([i for i in range(len(x.shape)) if i not in axes]) + axes
    moved = permute_dims(x, order)
    lines = reshape(moved, (*squeezed(x.shape, axis), count(x.shape, axis)))
    before = getitem(cumulative_prod(lines, -1, True), (..., slice(None, -1)))
    back = getitem(lines, (..., slice(None, None, -1)))
    behind = getitem(cumulative_prod(back, -1, True), (..., slice(-2, None, -1)))
    return permute_dims(reshape(before * behind, moved.shape), inverse(order))


@op
def max(x, axis=None, keepdims=False):
    """The largest over `axis`; where several tie, each gets an equal share of the gradient, as with PyTorch's amax."""
    check_axis(axis, "maximum", "larger")
    return namespace(x).max(x, axis=axis, keepdims=keepdims)

max.gradient(x=lambda g, y, x, axis: shares(x, y, axis) * spread(g, x.shape, axis))


@op
def min(x, axis=None, keepdims=False):
    """The smallest over `axis`; where several tie, each gets an equal share of the gradient, as with PyTorch's amin."""
    check_axis(axis, "minimum", "smaller")
    return namespace(x).min(x, axis=axis, keepdims=keepdims)

min.gradient(x=lambda g, y, x, axis: shares(x, y, axis) * spread(g, x.shape, axis))


def check_axis(axis, of_two, which):
    """Refuse an array in the place of the axis, where PyTorch's users have a second operand."""
    if getattr(axis, "ndim", 0):
        raise TypeError(f"axis must be an int or a tuple of them, an array came: {of_two}(x, y) is the {which} of two")


def shares(x, y, axis):
    """1 / (number of ties) where x is the extreme value y of its group, else 0."""
    ties = astype(equal(x, spread(y, x.shape, axis)), wide(x) or x.dtype)
    return ties / sum(ties, axis, True)


@op
def var(x, axis=None, correction=0, keepdims=False):
    """The mean squared distance from the mean over `axis`, the sum divided by (number of elements - correction).

    correction=0 is the variance of the elements themselves (NumPy's default), correction=1 the unbiased estimate of a
    population's (PyTorch's default). Of integers it is float64.
    """
    xp, axes = namespace(x), axes_of(x.shape, axis)
    wider = x.astype(wide(x) or (x.dtype if x.dtype.kind in FLOATS else "float64"), copy=False)
    first = wider[tuple([slice(0, 1) if i in axes else slice(None) for i in range(len(x.shape))])]
    centred = wider - first                                         # so equal elements have no variance at all
    centred = centred - xp.mean(centred, axis=axes, keepdims=True)
    y = xp.sum(centred * centred, axis=axes, keepdims=keepdims) / degrees(x.shape, axis, correction)
    return y.astype(x.dtype, copy=False) if x.dtype.kind in FLOATS else y

var.gradient(x=lambda g, x, axis, correction: (
    spread(2 * widened(g) / degrees(x.shape, axis, correction), x.shape, axis) * from_mean(widened(x), axis)))


def from_mean(x, axis):
    """How far every element is from the mean of its group."""
    return x - mean(x, axis, True)


def degrees(shape: tuple[int, ...], axis: Any, correction: int) -> int:
    """The degrees of freedom: by what var divides."""
    return larger(count(shape, axis) - correction, 0)


@named
def std(x, axis=None, correction=0, keepdims=False, *, dim=None, keepdim=False, ddof=None, unbiased=None):
    """The square root of the variance over `axis`; see `var`. Its gradient at elements that are all equal is 0."""
    correction = unbiased if unbiased is not None else ddof if ddof is not None else correction
    variance = var(widened(x), axis if dim is None else dim, correction, keepdims or keepdim)
    flat = equal(variance, 0)
    return narrowed(where(flat, 0, sqrt(where(flat, 1, variance))), x)


@op
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(e^x)) over `axis`, with the largest element taken out first so that nothing overflows."""
    xp, wider = namespace(x), widened(x)
    top = xp.max(wider, axis=axis, keepdims=True) if count(x.shape, axis) else sum(wider, axis, True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    y = narrowed(xp.log(sum(xp.exp(wider - top), axis, True)) + top, x)
    return y if keepdims else xp.reshape(y, squeezed(x.shape, axis))

logsumexp.gradient(x=lambda g, y, x, axis: spread(g, x.shape, axis) * proportions(y, x, axis))


def proportions(y, x, axis):
    """e^(x - y), softmax's answer, for y = logsumexp(x, axis); 0 where all of x is -infinity."""
    if wide(x):
        x = widened(x)
        y = logsumexp(x, axis)                                      # y itself is rounded
    return exp(x - spread(where(equal(y, -inf), 0, y), x.shape, axis))


def squeezed(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape after a reduction without keepdims."""
    axes = axes_of(shape, axis)
    return tuple([n for i, n in enumerate(shape) if i not in axes])


@op
def count_nonzero(x, axis=None, keepdims=False):
    """How many elements over `axis` are not zero."""
    return namespace(x).sum(x != 0, axis=axis, keepdims=keepdims)


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
