"""Convolution by a 1x1 filter: one matrix product over all pixels, those at the positions with a stride.

    y (npq, k) = x (npq, c) @ filters^T        gx = g @ filters, 0 between the positions        gfilters = g^T @ x
"""

from __future__ import annotations

import numpy as np

from ...products import product
from ...threads import split
from .conv_end import NOTHING, End, finish
from .conv_window import Window, cut

PARTS = 8                       # parts of a thread's lines: what one step did is in the cache for the next


def outputs(x: np.ndarray, filters: np.ndarray, window: Window, y: np.ndarray, end: End = NOTHING) -> None:
    """y (n, p, q, k), C-contiguous, of x (n, h, w, c) and filters (k, 1, 1, c)."""
    k, c = len(filters), x.shape[-1]
    product(seen(x, window).reshape(-1, c), filters.reshape(k, c).T, y.reshape(-1, k))
    finish_all(y, end)


def input_gradient(g: np.ndarray, filters: np.ndarray, window: Window, gx: np.ndarray, end: End = NOTHING) -> None:
    """gx (n, h, w, c), C-contiguous, for g (n, p, q, k)."""
    k, c = len(filters), gx.shape[-1]
    matrix, rows = filters.reshape(k, c), g.reshape(-1, k)
    if window.image == window.out:
        product(rows, matrix, gx.reshape(-1, c))
    else:
        small = product(rows, matrix).reshape(*g.shape[:3], c)
        split(lambda low, high: spread(small[low:high], window, gx[low:high]), len(gx))
    finish_all(gx, end)


def spread(small: np.ndarray, window: Window, gx: np.ndarray) -> None:
    """gx = small at the positions, 0 between them."""
    for image in range(len(gx)):
        gx[image] = 0
        seen(gx[image:image + 1], window)[...] = small[image]


def finish_all(y: np.ndarray, end: End) -> None:
    """The end of outputs (n, p, q, k), in parts that are small enough for the cache."""
    n, p, q, k = y.shape
    steps, lines = end.on_rows(q, k, y.dtype), y.reshape(n * p, q * k)
    if not steps:
        return

    def work(low: int, high: int) -> None:
        for part in cut(high - low, PARTS):
            finish(lines[low:high][part], steps)

    split(work, n * p)


def weight_gradient(x: np.ndarray, g: np.ndarray, window: Window) -> np.ndarray:
    """The gradient (k, 1, 1, c) of the filters."""
    k, c = g.shape[-1], x.shape[-1]
    return product(g.reshape(-1, k).T, seen(x, window).reshape(-1, c)).reshape(k, 1, 1, c)


def seen(x: np.ndarray, window: Window) -> np.ndarray:
    """The pixels (n, p, q, c) at the positions: a view."""
    (p, q), (si, sj) = window.out, window.stride
    return x[:, :(p - 1) * si + 1:si, :(q - 1) * sj + 1:sj]
