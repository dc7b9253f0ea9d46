"""A bounded picture of an array for a trace: its glance, a corner of its elements, and a thumbnail of 16 by 16.

Whatever the size of the array, no more than this is copied to the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite, prod
from typing import Any

import numpy

from ..backend import Array, namespace, on_device_of, to_numpy
from ..tensor import bare
from .glance import WHOLE, Glance, glance

CORNER = 6              # of an array too large to be shown whole: so many elements along each of the last two axes
SIDE = 16               # rows and columns of a thumbnail at most


@dataclass(frozen=True, eq=False)
class Preview:
    """What a trace keeps of an array. corner: the array itself up to 64 elements, else its first ones.

    thumbnail: means over blocks of the array laid out as a matrix, its last axis across; None where the array is whole.
    """

    seen: Glance
    corner: numpy.ndarray
    thumbnail: numpy.ndarray | None

    @property
    def is_whole(self) -> bool:
        return self.thumbnail is None

    def as_dict(self) -> dict[str, Any]:
        """In what JSON has: numbers that are not finite are the words "nan", "inf" and "-inf"."""
        seen = self.seen
        return {"shape": list(seen.shape), "dtype": seen.dtype, "device": seen.device, "norm": plain(seen.norm),
                "low": plain(seen.low), "high": plain(seen.high), "zeros": seen.zeros, "nans": seen.nans,
                "infs": seen.infs, "whole": self.is_whole, "corner": plain(self.corner.tolist()),
                "thumbnail": None if self.thumbnail is None else plain(self.thumbnail.tolist())}


def preview(x: Any) -> Preview:
    """A preview of an array, tensor or number."""
    array = bare(x)
    if not hasattr(array, "dtype"):
        array = numpy.asarray(array)
    with on_device_of(array), numpy.errstate(all="ignore"):
        seen = glance(array)
        whole = array.size <= WHOLE
        return Preview(seen, seen.values if seen.values is not None else to_numpy(corner(array)),
                       None if whole else to_numpy(thumbnail(array)))


def corner(x: Array) -> Array:
    """The first elements: of the last two axes 6 by 6, of the axes before the first."""
    if x.size <= WHOLE:
        return x
    if x.ndim == 1:
        return x[:WHOLE]
    return x[(0,) * (x.ndim - 2)][:CORNER, :CORNER]


def thumbnail(x: Array) -> Array:
    """At most 16 by 16 means over blocks, computed where the array lives."""
    xp = namespace(x)
    across = x.shape[-1]
    matrix = xp.reshape(x.astype("float32"), (prod(x.shape[:-1]), across))
    for axis in (0, 1):
        matrix = pooled(matrix, axis, xp)
    return matrix


def pooled(x: Array, axis: int, xp: Any) -> Array:
    """Means over blocks of equal length along an axis; the last may be shorter."""
    n = x.shape[axis]
    block = ceil(n / SIDE)
    if block <= 1:
        return x
    full = n - n % block
    parts = []
    for start, stop, length in ((0, full, block), (full, n, n - full)):
        if stop > start:
            part = x[start:stop] if axis == 0 else x[:, start:stop]
            shape = (-1, length, x.shape[1]) if axis == 0 else (x.shape[0], -1, length)
            parts.append(xp.mean(xp.reshape(part, shape), axis=1 + axis))
    return xp.concatenate(parts, axis=axis)


def plain(value: Any) -> Any:
    """A number, or lists of numbers, for JSON, which has neither nan nor infinity."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value if not isinstance(value, float) or isfinite(value) else str(value)
