"""Sorting. Equal elements keep their order, ascending and descending; NaN is the largest of all, as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy

from ..backend import MANY, library_of, namespace
from ..fused import fused
from ..op import op
from .indexing import getitem, take_along_axis
from .precision import wide
from .shape import at_axis, at_least_1d, normalized, reshape

__all__ = ["argsort", "sort", "topk"]


def lines_of(x, axis):
    """x and the axis to sort along; flattened where there is none."""
    return (x, axis) if axis is not None else (reshape(x, (-1,)), 0)


@op
def argsort(x, axis=-1, descending=False, stable=True):
    """The places from which the elements of each line along `axis` come when they are sorted.

    axis: None sorts the flattened array. stable is accepted and always kept. A number has the one place 0. An axis that
    x has not raises ValueError.
    """
    x, axis = lines_of(x, axis)
    axis = normalized(axis, len(x.shape))
    xp = namespace(x)
    lines = at_least_1d(x)
    lines = lines.astype(wide(x)) if wide(x) else lines
    if not descending:
        return xp.reshape(xp.argsort(lines, axis=axis, kind="stable"), x.shape)
    back = at_axis(axis, slice(None, None, -1))
    places = lines.shape[axis] - 1 - xp.argsort(lines[back], axis=axis, kind="stable")[back]
    return xp.reshape(places, x.shape)


@fused
def sort(x, axis=-1, descending=False, stable=True):
    """The elements of each line along `axis` in order: y = take_along_axis(x, argsort(x)).

    The values alone, as in NumPy; the places are `argsort`. axis: None sorts the flattened array. An axis that x has
    not raises ValueError.
    """
    x, axis = lines_of(x, axis)
    places = argsort(x, axis, descending, stable)
    if not x.shape:
        return getitem(at_least_1d(x), places)
    return take_along_axis(x, places, axis)

sort.rules(x="gx[places] = g, each where its element came from")


@sort.checked_by
def check_sort(x: Any, axis: Any, descending: Any, stable: Any) -> None:
    """An error for an axis that x has not."""
    if axis is not None:
        normalized(axis, len(x.shape))


@op
def first_places(x, k, axis=-1, descending=False):
    """The first k of argsort's places."""
    axis = normalized(axis, x.ndim)
    if library_of(x) == "numpy" and x.size > MANY and 0 < 4 * k < x.shape[axis]:
        lines = numpy.moveaxis(x.astype(wide(x) or x.dtype, copy=False), axis, -1)
        places = partitioned(lines, k, descending)
        if places is not None:
            return numpy.moveaxis(places, -1, axis)
    return argsort.forward(x, axis, descending)[at_axis(axis, slice(0, k))]


def partitioned(lines, k, descending):
    """The same along the last axis, where only k elements of a line are sorted. None where equal elements (or NaN) are
    on both sides of the cut: a partition does not know which came first."""
    cut = lines.shape[-1] - k if descending else k - 1
    places = numpy.argpartition(lines, cut, axis=-1)
    edge = numpy.take_along_axis(lines, places[..., cut:cut + 1], -1)
    places = numpy.sort(places[..., cut:] if descending else places[..., :k], axis=-1)
    values = numpy.take_along_axis(lines, places, -1)
    if (edge != edge).any() or ((lines == edge).sum(-1) != (values == edge).sum(-1)).any():
        return None
    return numpy.take_along_axis(places, argsort.forward(values, -1, descending), -1)


@fused
def topk(x, k, axis=-1, largest=True, sorted=True):
    """The k largest (or smallest) elements of each line along `axis`, and their places.

    x (..., n, ...)   ->   values (..., k, ...), indices (..., k, ...). Always sorted; of equal elements the first ones.
    Raises ValueError if the axis is shorter than k, or if x has no such axis.
    """
    lines = at_least_1d(x)
    axis = normalized(axis, len(lines.shape))
    places = first_places(lines, k, axis, largest)
    values = take_along_axis(lines, places, axis)
    if not x.shape and k == 1:
        return reshape(values, ()), reshape(places, ())
    return values, places

topk.rules(x="gx[indices] = g, 0 for what is not among the k")


@topk.checked_by
def check(x: Any, k: Any, axis: Any, largest: Any, sorted: Any) -> None:
    n = x.shape[normalized(axis, len(x.shape))] if x.shape else 1
    if isinstance(k, bool) or not isinstance(k, (int, numpy.integer)):
        raise TypeError(f"topk: expected k to be an int, {k!r} came")
    if not 0 <= k <= n:
        raise ValueError(f"topk: expected k from 0 to {n}, the length of axis {axis} of x {x.shape}; {k} came")
