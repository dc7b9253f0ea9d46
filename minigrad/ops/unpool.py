"""Max unpooling: what max pooling found, put back where it was."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy

from ..backend import library_of, namespace
from ..fused import fused
from ..geometry import each
from ..meta import spend
from ..op import op
from .indexing import take_along_axis
from .precision import check_floating
from .shape import expand_dims, ordinals, reshape, squeeze
from .windows import check_batch

__all__ = ["max_unpool1d", "max_unpool2d"]


@op
def place_along_last(x, indices, length):
    """Zeros, but x[n, c, i] at [n, c, indices[n, c, i]]; where several meet, the last stays.

    x (n, c, m)   indices (n, c, m)   ->   y (n, c, length). The gradient goes to all who met, as in PyTorch.
    """
    xp, (n, c, m) = namespace(x), x.shape
    lines = xp.reshape(ordinals(x, n * c) - 1, (n, c, 1)) * length
    if library_of(indices) != "meta":
        spend(n * c * length)
    last = xp.zeros_like(indices, shape=(n * c * length,))          # which of x is last at a place, from 1; 0 for none
    if library_of(x) != "meta":
        xp.maximum.at(last, xp.reshape(lines + indices, (-1,)), ordinals(x, n * c * m))
    y = xp.where(last > 0, xp.take(xp.reshape(x, (n * c * m,)), last - 1), 0)
    return xp.reshape(y, (n, c, length)).astype(x.dtype, copy=False)

place_along_last.gradient(x=lambda g, indices: take_along_axis(g, indices, 2))


def check_unpool(what: str, axes: int) -> Any:
    """The check of max unpooling to sequences (axes 1) or images (2)."""
    def check(x, indices, output_size):
        check_batch(what, x, axes)
        check_floating(x)
        if indices.dtype != "int64":
            raise TypeError(f"{what}: indices must be int64, as max pooling gives them; they are {indices.dtype}")
        if indices.shape != x.shape:
            raise ValueError(f"{what}: indices must have x's shape {x.shape}, they have {indices.shape}")
        if 0 in x.shape[1:]:
            raise ValueError(f"{what}: only the batch may be empty, x has shape {x.shape}")
        size = each(output_size, axes, f"{what}: output_size")
        if min(size) < 0:
            raise ValueError(f"{what}: output_size must be at least 0, {output_size} came")
        check_places(what, indices, size)

    return check


def check_places(what: str, indices: Any, size: tuple[int, ...]) -> None:
    """An error for an index outside of the output. A GPU is not waited for."""
    if library_of(indices) != "numpy" or not indices.size:
        return
    places = numpy.asarray(indices)
    for wrong in (int(places.min()), int(places.max())):
        if not 0 <= wrong < prod(size):
            raise ValueError(f"{what}: index {wrong} is out of range for the {prod(size)} places of an output {size}")


@fused
def max_unpool2d(x, indices, output_size):
    """x put into images of zeros, where `indices` (row * w + column, from max_pool2d_with_indices) says.

    x (n, c, p, q)   indices (n, c, p, q)   ->   y (n, c, h, w), (h, w) = output_size
    Where two have one index the last stays, and both get its gradient, as in PyTorch.
    Raises ValueError for indices of another shape and, on the CPU, out of range. Zeiler & Fergus 2014, section 2.1.
    """
    (n, c, p, q), (h, w) = x.shape, each(output_size, 2, "output_size")
    y = place_along_last(reshape(x, (n, c, p * q)), reshape(indices, (n, c, p * q)), h * w)
    return reshape(y, (n, c, h, w))

max_unpool2d.rules(x="gx = g at the indices")
max_unpool2d.checked_by(check_unpool("max_unpool2d", 2))


@fused
def max_unpool1d(x, indices, output_size):
    """x put into sequences of zeros, where `indices` says: max_unpool2d of images of height 1.

    x (n, c, p)   indices (n, c, p)   ->   y (n, c, l), l = output_size
    """
    size = (1, *each(output_size, 1, "output_size"))
    return squeeze(max_unpool2d(expand_dims(x, 2), expand_dims(indices, 2), size), 2)

max_unpool1d.rules(x="gx = g at the indices")
max_unpool1d.checked_by(check_unpool("max_unpool1d", 1))
