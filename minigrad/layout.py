"""Images as they lie in memory: channels last, behind logical (n, c, h, w).

The channels of a pixel are next to each other, so a convolution is a matrix product without transposing, and a
normalisation adds up whole vectors. Strides carry it: NumPy's elementwise functions give their result the layout of
their input. Filters (k, c, i, j) lie likewise, as (k, i, j, c).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .threads import split

LAST = np.empty((2, 3, 4, 5), "u1").transpose(0, 3, 1, 2)       # a pattern: an array "like" it lies as it does
BYTES = 1 << 20                                                  # from here on two threads copy faster than one


def images(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A new array (n, c, h, w) that owns its memory, in which it lies as (n, h, w, c)."""
    return np.empty_like(LAST, dtype, shape=shape)


def pixels(x: np.ndarray) -> np.ndarray:
    """x (n, c, h, w) as (n, h, w, c): a C-contiguous view if x lies channels last, a copy that does otherwise."""
    view = x.transpose(0, 2, 3, 1)
    if view.flags.c_contiguous:
        return view
    if x.nbytes < BYTES:
        return np.ascontiguousarray(view)
    y = np.empty(view.shape, x.dtype)
    split(lambda low, high: np.copyto(y[low:high], view[low:high]), len(x))
    return y


def as_pixels(y: np.ndarray) -> np.ndarray:
    """The memory of a new array of `images`, to write into: (n, h, w, c)."""
    return y.transpose(0, 2, 3, 1)


def as_filters(x: np.ndarray) -> np.ndarray:
    """A parameter as the layers lay it: of four axes with (k, c, i, j) as (k, i, j, c) in memory, else as it is."""
    if x.ndim != 4 or x.transpose(0, 2, 3, 1).flags.c_contiguous:
        return x
    y = images(x.shape, x.dtype)
    y[...] = x
    return y


# --- the batch last -------------------------------------------------------------------------------------------------
# Images of few channels may lie as (c, h, w, n) instead: NumPy's inner loops are then as long as the batch.

BATCH_LAST = np.empty((2, 3, 4, 5), "u1").transpose(3, 0, 1, 2)


def with_batch_last(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A new array (n, c, h, w) that owns its memory, in which it lies as (c, h, w, n)."""
    return np.empty_like(BATCH_LAST, dtype, shape=shape)


def lies_batch_last(x: np.ndarray) -> bool:
    """Whether x (n, c, h, w) lies as (c, h, w, n), and not channels last too, as with a single channel or image."""
    return bool(x.transpose(1, 2, 3, 0).flags.c_contiguous and not x.transpose(0, 2, 3, 1).flags.c_contiguous)


def batch_last(x: np.ndarray) -> np.ndarray:
    """x itself if it lies as (c, h, w, n), else a copy that does."""
    if x.transpose(1, 2, 3, 0).flags.c_contiguous:
        return x
    y = with_batch_last(x.shape, x.dtype)
    y[...] = x
    return y
