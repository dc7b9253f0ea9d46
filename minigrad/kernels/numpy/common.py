"""What several kernels share."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ...products import product
from ...threads import in_pieces, split

BLOCK = 1 << 17                 # elements of an array that stay in the cache while several passes go over them
PART = 1 << 17                  # elements that are worth a thread where several passes go over them
WORTH = 1 << 18                 # elements whose check is worth a thread


def full_precision(*arrays: object) -> bool:
    """Whether all arrays (None and numbers aside) are float32, or all float64: halves are left to the definitions."""
    dtypes = {a.dtype for a in arrays if isinstance(a, np.ndarray)}
    return len(dtypes) == 1 and dtypes <= {np.dtype("f4"), np.dtype("f8")}


def padded(x: np.ndarray, padding: tuple[int, int], value: float = 0.0) -> np.ndarray:
    """x (a, b, h, w) with `value` around its images; x itself where there is no padding."""
    (a, b, h, w), (top, left) = x.shape, padding
    if not (top or left):
        return x
    y = np.full((a, b, h + 2 * top, w + 2 * left), value, x.dtype)
    y[:, :, top:top + h, left:left + w] = x
    return y


def is_finite(x: np.ndarray) -> bool:
    """Whether no element is infinite or NaN, so that 0 times it is 0. Told by the sum of squares, the
    fastest pass there is: numbers beyond the root of the largest count as infinite too."""
    flat = x.reshape(-1)
    return all(split(lambda low, high: bool(np.isfinite(np.dot(flat[low:high], flat[low:high]))), flat.size, WORTH))


# --- rows -----------------------------------------------------------------------------------------------------

def by_rows(work: Callable[[int, int], Any], n: int, columns: int) -> list:
    """Call work(low, high) for blocks of n rows that stay in the cache, split over threads; the results in order."""
    if n * columns <= BLOCK:
        return [work(0, n)]
    return in_pieces(work, n, max(1, BLOCK // columns), max(1, PART // columns))


def column_sums(x: np.ndarray) -> np.ndarray:
    """The sums of the columns of x (rows, n) -> (n,), as a product with ones: several times as fast as x.sum(0)."""
    return product(np.ones((1, len(x)), x.dtype), x)[0]


def memory_order(x: np.ndarray) -> tuple[int, ...] | None:
    """The axes of x before the last, from the slowest in memory to the fastest, and the last; None if that is as they
    are, or if x has gaps, or its last axis is not the fastest."""
    if x.flags.c_contiguous or x.ndim < 3:
        return None
    order = (*sorted(range(x.ndim - 1), key=lambda axis: -x.strides[axis]), x.ndim - 1)
    return order if x.transpose(order).flags.c_contiguous else None


def in_order(x: np.ndarray, order: tuple[int, ...] | None) -> np.ndarray:
    """x as a matrix of rows, its axes in this order: a view of an array that lies so, else a copy."""
    x = x if order is None else x.transpose(order)
    return x.reshape(prod(x.shape[:-1]), x.shape[-1])


def like(x: np.ndarray, order: tuple[int, ...] | None, columns: int) -> np.ndarray:
    """A new array with x's rows, each of so many elements, that lies in this order."""
    shape = (*x.shape[:-1], columns)
    return np.empty(shape, x.dtype) if order is None else np.empty_like(x, shape=shape)
