"""Sorting. Equal elements keep their order, ascending and descending; NaN is the largest of all, as in PyTorch."""

from __future__ import annotations

from typing import Any

from ..backend import namespace
from ..fused import fused
from ..op import op
from .elementwise import wide
from .indexing import getitem, take_along_axis
from .shape import normalized, reshape

__all__ = ["argsort", "sort", "topk"]


@op
def argsort(x, axis=-1, descending=False, stable=True):
    """The places from which the elements of each line along `axis` come when they are sorted.

    stable is accepted and always kept. A number has the one place 0. An axis that x has not raises ValueError.
    """
    axis = normalized(axis, len(x.shape))
    xp = namespace(x)
    lines = xp.reshape(x, x.shape or (1,))
    lines = lines.astype(wide(x)) if wide(x) else lines
    if not descending:
        return xp.reshape(xp.argsort(lines, axis=axis, kind="stable"), x.shape)
    back = (slice(None),) * axis + (slice(None, None, -1),)
    places = lines.shape[axis] - 1 - xp.argsort(lines[back], axis=axis, kind="stable")[back]
    return xp.reshape(places, x.shape)


@fused
def sort(x, axis=-1, descending=False, stable=True):
    """The elements of each line along `axis` in order: y = take_along_axis(x, argsort(x)).

    The values alone, as in NumPy; the places are `argsort`. An axis that x has not raises ValueError.
    """
    places = argsort(x, axis, descending, stable)
    if not x.shape:
        return getitem(reshape(x, (1,)), places)
    return take_along_axis(x, places, axis)

sort.checked_by(lambda x, axis, descending, stable: normalized(axis, len(x.shape)) and None)

sort.rules(x="gx[places] = g, each where its element came from")


@fused
def topk(x, k, axis=-1, largest=True, sorted=True):
    """The k largest (or smallest) elements of each line along `axis`, and their places.

    x (..., n, ...)   ->   values (..., k, ...), indices (..., k, ...). Always sorted; of equal elements the first ones.
    Raises ValueError if the axis is shorter than k, or if x has no such axis.
    """
    lines = reshape(x, x.shape or (1,))
    axis = normalized(axis, len(lines.shape))
    first = (slice(None),) * axis + (slice(0, k),)
    places = getitem(argsort(lines, axis, largest), first)
    values = take_along_axis(lines, places, axis)
    if not x.shape and k == 1:
        return reshape(values, ()), reshape(places, ())
    return values, places

topk.rules(x="gx[indices] = g, 0 for what is not among the k")


@topk.checked_by
def check(x: Any, k: Any, axis: Any, largest: Any, sorted: Any) -> None:
    n = x.shape[normalized(axis, len(x.shape))] if x.shape else 1
    if isinstance(k, bool) or not isinstance(k, int):
        raise TypeError(f"topk: expected k to be an int, {k!r} came")
    if not 0 <= k <= n:
        raise ValueError(f"topk: expected k from 0 to {n}, the length of axis {axis} of x {x.shape}; {k} came")
