"""Primitives that repeat: the whole array (tile), or each of its elements (repeat)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy

from ..backend import device_of, namespace, to_device, to_numpy
from ..misuse import check_ints
from ..op import op
from ..tensor import Tensor, bare
from .indexing import put
from .reductions import sum
from .shape import at_axis, at_least_1d, normalized, reshape

__all__ = ["repeat", "tile"]


@op
def tile(x, repetitions):
    """x again and again: along each axis as often as `repetitions` says, an int or a tuple aligned at the right.

    Where the tuple is longer than x has axes, x gets new ones in front, as in NumPy; so do PyTorch's tile and
    Tensor.repeat.
    """
    check_ints("tile", repetitions=repetitions)
    return namespace(x).tile(x, times(repetitions))

tile.gradient(x=lambda g, x_shape, repetitions: from_tiles(g, x_shape, repetitions))


def times(repetitions: Any) -> tuple[int, ...]:
    """How often along each axis, of an int or a sequence."""
    often = repetitions.tolist() if hasattr(repetitions, "tolist") else repetitions
    return tuple(often) if isinstance(often, (tuple, list)) else (often,)


def from_tiles(g, shape, repetitions):
    """The sum of all tiles."""
    often = times(repetitions)
    ndim = max(len(often), len(shape))
    often, lengths = (1,) * (ndim - len(often)) + often, (1,) * (ndim - len(shape)) + tuple(shape)
    apart = reshape(g, tuple([n for pair in zip(often, lengths, strict=True) for n in pair]))     # (r, n, s, m, ...)
    return reshape(sum(apart, tuple(range(0, 2 * ndim, 2))), shape)


@op
def repeat(x, repeats, axis=None):
    """Each element along `axis` so many times: `repeats` is an int, or an integer for every element.

    Without an axis x is flattened first. This is NumPy's repeat and PyTorch's repeat_interleave; PyTorch's
    Tensor.repeat is `tile`. Integers in a tensor must be known to the host: a GPU is waited for.
    """
    repeats, xp = on_host(repeats), namespace(x)
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    x, axis = at_least_1d(x), normalized(axis, x.ndim, "repeat")
    check_repeats(repeats, x.shape, axis)
    return xp.repeat(x, repeats, axis=axis)

repeat.gradient(x=lambda g, x_shape, repeats, axis: from_repeats(g, x_shape, on_host(repeats), axis))


def on_host(repeats: Any) -> Any:
    """An int, or a list of ints."""
    if isinstance(repeats, Tensor):
        repeats = repeats.data
    if hasattr(repeats, "dtype"):
        if repeats.dtype.kind not in "iu":
            raise TypeError(f"repeat: repeats must be integers, they are {repeats.dtype}")
        repeats = to_numpy(repeats).tolist()
    if isinstance(repeats, (tuple, list)):
        return repeats[0] if len(repeats) == 1 else list(repeats)
    return repeats


def check_repeats(repeats: Any, shape: tuple[int, ...], axis: int) -> None:
    check_ints("repeat", repeats=repeats)
    counts = repeats if isinstance(repeats, list) else [repeats]
    if isinstance(repeats, list) and len(repeats) != shape[axis]:
        raise ValueError(f"repeat: {len(repeats)} numbers of repeats came for axis {axis} of x {shape}")
    if min(counts, default=0) < 0:
        raise ValueError(f"repeat: repeats must not be negative, {min(counts)} came")


def from_repeats(g, shape, repeats, axis):
    """The sum of the repetitions of each element."""
    flat = (prod(shape),) if axis is None else tuple(shape) or (1,)
    axis = 0 if axis is None else normalized(axis, len(shape))
    if not isinstance(repeats, list):
        return reshape(sum(reshape(g, (*flat[:axis], flat[axis], repeats, *flat[axis + 1:])), axis + 1), shape)
    origin = numpy.repeat(numpy.arange(len(repeats)), repeats)
    return reshape(put(g, flat, at_axis(axis, to_device(origin, device_of(bare(g))))), shape)
