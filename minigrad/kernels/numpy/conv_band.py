"""Neighbouring windows together as one row of a matrix, and the filters in a band.

With few channels the runs of a window are short and the product is narrow: both are slow. `tile` neighbouring windows
together have (j + (tile - 1)*stride) * c numbers in each of i rows; the filters of each stand `stride` pixels further
than those of the one before:

    (tile*k) outputs = columns (m/tile, i * run) @ band^T,        band[u, :, :, u*stride + b] = filters[:, :, b]

It multiplies by zeros, so it is for finite numbers alone, and moves less. The gradient of the filters is the sum along
the diagonals of that of the band.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .conv_window import Window


def tiles(n: int, k: int, window: Window) -> list[int]:
    """How many windows of n images may go together: no more than leave the band smaller than the columns."""
    p, q = window.out
    most = 1 if window.dilation[1] > 1 else q
    return [tile for tile in range(1, most + 1) if q % tile == 0 and (tile == 1 or tile * tile * k <= n * p * q)]


def run_of(tile: int, window: Window) -> int:
    """The pixels in a row that so many neighbouring windows see."""
    return (tile - 1) * window.stride[1] + window.kernel[1]


def band(filters: np.ndarray, tile: int, stride: int) -> np.ndarray:
    """Filters (k, i, j, c) as a matrix (tile*k, i*run*c)."""
    k, i, j, c = filters.shape
    if tile == 1:
        return filters.reshape(k, i * j * c)
    matrix = np.zeros((tile, k, i, (tile - 1) * stride + j, c), filters.dtype)
    diagonals(matrix, j, stride)[...] = filters
    return matrix.reshape(tile * k, -1)


def unband(gradient: np.ndarray, shape: tuple[int, int, int, int], tile: int, stride: int) -> np.ndarray:
    """The filters' gradient (k, i, j, c) of that of their band."""
    k, i, j, c = shape
    if tile == 1:
        return gradient.reshape(shape)
    return diagonals(gradient.reshape(tile, k, i, (tile - 1) * stride + j, c), j, stride).sum(0)


def diagonals(matrix: np.ndarray, j: int, stride: int) -> np.ndarray:
    """The places (tile, k, i, j, c) of the filters in a band (tile, k, i, run, c)."""
    tile, k, i, _, c = matrix.shape
    u, *others = matrix.strides
    return as_strided(matrix, (tile, k, i, j, c), (u + stride * others[2], *others))
