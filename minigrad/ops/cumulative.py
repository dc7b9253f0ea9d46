"""Sums and products of everything up to each element. Those of float16 and bfloat16 are accumulated in float32."""

from __future__ import annotations

from typing import Any

from ..backend import namespace
from ..fused import fused
from ..op import op
from .elementwise import astype, copy, multiply
from .indexing import getitem
from .joining import concat
from .padding import pad
from .precision import converted, narrowed, wide, widened
from .shape import at_axis, at_least_1d, in_both_words, normalized, reshape

__all__ = ["cumprod", "cumsum", "cumulative_prod", "cumulative_sum"]

SMALL = ("bool", "int8", "int16", "int32")
UNSIGNED = ("uint8", "uint16", "uint32")


def only_axis(name: str, shape: tuple[int, ...], axis: Any) -> int:
    """The axis to go along, counted from the front; it may be left out where there is one."""
    if axis is None and len(shape) > 1:
        raise ValueError(f"{name}: expected an axis, x has {len(shape)} {shape}; of the flattened array, reshape(-1)")
    return normalized(0 if axis is None else axis, len(shape))


@op
def cumulative_sum(x, axis=None, include_initial=False, dtype=None):
    """y[i] = x[0] + ... + x[i] along `axis`, which may be left out where there is but one.

    include_initial: begin with a 0, so that y is one element longer. dtype: that of x and y instead of x's own. Small
    integers and booleans add up in int64. An axis that x has not raises ValueError.
    """
    x = converted(x, dtype)
    xp, axis = namespace(x), only_axis("cumulative_sum", x.shape, axis)
    y = xp.cumsum(at_least_1d(x), axis=axis, dtype=wide(x) or dtype)
    y = y.astype(x.dtype) if wide(x) else y
    if include_initial:
        start = xp.zeros_like(y, shape=y.shape[:axis] + (1,) + y.shape[axis + 1:])
        return xp.concatenate([start, y], axis=axis)
    return xp.reshape(y, x.shape)

cumulative_sum.gradient(x=lambda g, x_shape, axis, include_initial: (
    reshape(sums_behind(g, only_axis("", x_shape, axis), include_initial), x_shape)))

cumulative_sum.keeps_dtype = False                                  # `dtype` decides


def sums_behind(g, axis, include_initial):
    """g[i] + g[i + 1] + ... along `axis`; the first g is skipped if there was an initial 0."""
    g = at_least_1d(g)
    back = at_axis(axis, slice(None, 0 if include_initial else None, -1))
    return getitem(cumulative_sum(getitem(g, back), axis), at_axis(axis, slice(None, None, -1)))


def roomy(x):
    """x in a dtype in which products fit: small integers in 64 bits, half precision in float32."""
    name = str(x.dtype)
    return astype(x, "int64") if name in SMALL else astype(x, "uint64") if name in UNSIGNED else widened(x)


@fused
def cumulative_prod(x, axis=None, include_initial=False, dtype=None):
    """y[i] = x[0] * ... * x[i] along `axis`, which may be left out where there is but one.

    include_initial: begin with a 1, so that y is one element longer. dtype: that of x and y instead of x's own. Small
    integers and booleans are multiplied in int64. An axis that x has not raises ValueError.

    By doubling: after the step of width w every element is the product of the last 2 w up to itself. Nothing is
    divided, so gradients are right where elements are zero.
    """
    x, axis = converted(x, dtype), only_axis("cumulative_prod", x.shape, axis)
    y = at_least_1d(roomy(x))
    y = copy(y) if y.shape[axis] < 2 else y
    width = 1
    while width < y.shape[axis]:
        front, rest = getitem(y, at_axis(axis, slice(None, width))), getitem(y, at_axis(axis, slice(width, None)))
        y = concat([front, multiply(rest, getitem(y, at_axis(axis, slice(None, -width))))], axis)
        width *= 2
    y = converted(narrowed(y, x), dtype)
    if include_initial:
        return pad(y, [(int(i == axis), 0) for i in range(len(y.shape))], constant_values=1)
    return reshape(y, x.shape)

cumulative_prod.rules(x="gx[i] = sum over j >= i of g[j] * product of x[:j + 1] but x[i]")


@in_both_words
def cumsum(x, axis=None, dtype=None):
    """cumulative_sum along `axis`, by default of the flattened array, as NumPy's cumsum is."""
    flat = axis is None
    return cumulative_sum(reshape(x, (-1,)) if flat else x, 0 if flat else axis, dtype=dtype)


@in_both_words
def cumprod(x, axis=None, dtype=None):
    """cumulative_prod along `axis`, by default of the flattened array, as NumPy's cumprod is."""
    flat = axis is None
    return cumulative_prod(reshape(x, (-1,)) if flat else x, 0 if flat else axis, dtype=dtype)
