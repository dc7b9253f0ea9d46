"""What is shown of an array: a few numbers, copied to the host once, however large the array is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import FLOATS, Array, device_of, namespace, to_numpy
from ..tensor import bare

EPS = {"float16": 2.0 ** -10, "bfloat16": 2.0 ** -7, "float32": 2.0 ** -23, "float64": 2.0 ** -52}
WHOLE = 64              # an array of so many elements is small enough to be copied whole


@dataclass(frozen=True)
class Glance:
    """Shape, dtype, device and statistics of an array.

    norm: the square root of the sum of squares, nan if any element is not finite. low, high: of the finite elements.
    zeros, nans, infs: how many there are. values: the elements, if they are at most 64.
    """

    shape: tuple[int, ...]
    dtype: str
    device: str
    norm: float
    low: float
    high: float
    zeros: int
    nans: int
    infs: int
    values: numpy.ndarray | None

    @property
    def finite(self) -> bool:
        return not (self.nans or self.infs)

    @property
    def not_finite(self) -> str:
        """`3 nan and 1 inf`; "" if all is finite."""
        return " and ".join([f"{n} {kind}" for n, kind in ((self.nans, "nan"), (self.infs, "inf")) if n])

    def __str__(self) -> str:
        return brief(self)


def glance(x: Any) -> Glance:
    """A glance at an array, tensor or number. From a GPU it takes at most two small copies."""
    array = bare(x)
    if not hasattr(array, "dtype"):
        array = numpy.asarray(array)
    xp = namespace(array)
    with numpy.errstate(all="ignore"):
        numbers = to_numpy(statistics(array, xp))
    values = to_numpy(array) if 0 < array.size <= WHOLE else None
    norm, low, high, zeros, nans, infs = numbers.tolist()
    return Glance(tuple(array.shape), str(array.dtype), device_of(array), norm, low, high,
                  int(zeros), int(nans), int(infs), values)


def statistics(x: Array, xp: Any) -> Array:
    """norm, low, high, zeros, nans and infs in one array on x's device. The largest element is taken out of the
    squares, so that they do not overflow."""
    if x.size == 0:
        return xp.zeros_like(x, shape=(6,), dtype="float64")
    wide = x.astype("float64")
    nans, infs = xp.isnan(wide), xp.isinf(wide)
    bad = nans | infs
    finite = xp.where(bad, 0.0, wide)
    top = xp.max(xp.abs(finite))
    norm = top * xp.sqrt(xp.sum((finite / xp.where(top == 0, 1.0, top)) ** 2))
    some = xp.any(bad)
    return xp.stack([xp.where(some, xp.nan, norm), xp.min(finite), xp.max(finite), *[
        xp.sum(part).astype("float64") for part in (wide == 0, nans, infs)]])


def brief(seen: Glance, name: str = "") -> str:
    """`|g| 0.478` for an array, `g -2` for a single number; what is not finite is counted."""
    if seen.values is not None and seen.values.size == 1:
        return f"{name} {number(float(seen.values.reshape(())))}".strip()
    label = f"|{name}|" if name else ""
    return f"{label} {seen.not_finite or number(seen.norm)}".strip()


def number(x: float) -> str:
    """Four significant digits."""
    return f"{x:.4g}"


def differentiable(x: Any) -> bool:
    """Whether x is an array or tensor of floating point."""
    return getattr(x, "dtype", None) is not None and x.dtype.kind in FLOATS
