"""Sums and products of everything up to each element. Those of float16 and bfloat16 are accumulated in float32."""

from __future__ import annotations

from typing import Any

from ..backend import namespace
from ..fused import fused
from ..op import op
from .elementwise import astype, copy, multiply, narrowed, wide, widened
from .indexing import getitem
from .joining import concat
from .padding import pad
from .shape import in_both_words, normalized, reshape

__all__ = ["cumprod", "cumsum", "cumulative_prod", "cumulative_sum"]

SMALL = ("bool", "int8", "int16", "int32")
UNSIGNED = ("uint8", "uint16", "uint32")


def only_axis(name: str, shape: tuple[int, ...], axis: Any) -> int:
    """The axis to go along, counted from the front; it may be left out where there is one."""
    if axis is None and len(shape) > 1:
        raise ValueError(f"{name}: expected an axis, x has {len(shape)} {shape}; of the flattened array, reshape(-1)")
    return normalized(0 if axis is None else axis, len(shape))


def along(axis: int, part: Any) -> tuple:
    """An index that takes `part` of an axis and all of those before it."""
    return (slice(None),) * axis + (part,)


@op
def cumulative_sum(x, axis=None, include_initial=False):
    """y[i] = x[0] + ... + x[i] along `axis`, which may be left out where there is but one.

    include_initial: begin with a 0, so that y is one element longer. Small integers and booleans add up in int64. An
    axis that x has not raises ValueError.
    """
    xp, axis = namespace(x), only_axis("cumulative_sum", x.shape, axis)
    y = xp.cumsum(xp.reshape(x, x.shape or (1,)), axis=axis, dtype=wide(x))
    y = y.astype(x.dtype) if wide(x) else y
    if include_initial:
        start = xp.zeros_like(y, shape=y.shape[:axis] + (1,) + y.shape[axis + 1:])
        return xp.concatenate([start, y], axis=axis)
    return xp.reshape(y, x.shape)

cumulative_sum.gradient(x=lambda g, x_shape, axis, include_initial: (
    reshape(sums_behind(g, only_axis("", x_shape, axis), include_initial), x_shape)))


def sums_behind(g, axis, include_initial):
    """g[i] + g[i + 1] + ... along `axis`; the first g is skipped if there was an initial 0."""
    g = reshape(g, g.shape or (1,))
    back = along(axis, slice(None, 0 if include_initial else None, -1))
    return getitem(cumulative_sum(getitem(g, back), axis), along(axis, slice(None, None, -1)))


def roomy(x):
    """x in a dtype in which products fit: small integers in 64 bits, half precision in float32."""
    name = str(x.dtype)
    return astype(x, "int64") if name in SMALL else astype(x, "uint64") if name in UNSIGNED else widened(x)


@fused
def cumulative_prod(x, axis=None, include_initial=False):
    """y[i] = x[0] * ... * x[i] along `axis`, which may be left out where there is but one.

    include_initial: begin with a 1, so that y is one element longer. Small integers and booleans are multiplied in
    int64. An axis that x has not raises ValueError.

    By doubling: after the step of width w every element is the product of the last 2 w up to itself. Nothing is
    divided, so gradients are right where elements are zero.
    """
    axis = only_axis("cumulative_prod", x.shape, axis)
    y = reshape(roomy(x), x.shape or (1,))
    y = copy(y) if y.shape[axis] < 2 else y
    width = 1
    while width < y.shape[axis]:
        front, rest = getitem(y, along(axis, slice(None, width))), getitem(y, along(axis, slice(width, None)))
        y = concat([front, multiply(rest, getitem(y, along(axis, slice(None, -width))))], axis)
        width *= 2
    y = narrowed(y, x)
    if include_initial:
        return pad(y, [(int(i == axis), 0) for i in range(len(y.shape))], constant_values=1)
    return reshape(y, x.shape)

cumulative_prod.rules(x="gx[i] = sum over j >= i of g[j] * product of x[:j + 1] but x[i]")


@in_both_words
def cumsum(x, axis=None):
    """cumulative_sum along `axis`, by default of the flattened array, as NumPy's cumsum is."""
    return cumulative_sum(x, axis) if axis is not None else cumulative_sum(reshape(x, (-1,)), 0)


@in_both_words
def cumprod(x, axis=None):
    """cumulative_prod along `axis`, by default of the flattened array, as NumPy's cumprod is."""
    return cumulative_prod(x, axis) if axis is not None else cumulative_prod(reshape(x, (-1,)), 0)
