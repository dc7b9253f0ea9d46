"""The gradient of a convolution's images by columns that are added back to where they came from (col2im).

    columns (m, i*j*c) = g (m, k) @ filters (k, i*j*c),   gx = every window gets back its row of the columns

It moves i*j*c numbers for each position where `conv_columns` moves i*j*k, so it is for filters with more output
channels than input channels. Neighbouring windows go together, as there: `tile` of them, with the filters in a band.
The columns of a group of images stay in the cache while they are added up.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...scratch import scratch
from ...settings import get_num_threads
from ...threads import in_pieces
from .common import is_finite
from .conv_band import band, run_of, tiles
from .conv_end import End, finish
from .conv_window import Window, cut, evenly

COLUMNS = 1 << 22               # bytes of columns that are made at once
ROWS = 768                      # rows of the matrix at once, as in conv_columns


class Plan(NamedTuple):
    """How a gradient is folded."""

    tile: int
    run: int                        # pixels that the windows of a tile see in a row
    groups: list[slice]             # of images
    parts: list[slice]              # rows of positions that are done at once


@lru_cache(maxsize=1024)
def plan_of(n: int, c: int, k: int, window: Window, itemsize: int, threads: int, tile: int) -> Plan:
    (p, q), (i, _) = window.out, window.kernel
    row = q // tile * i * run_of(tile, window) * c * itemsize                   # bytes of columns of a row of positions
    images = max(1, min(COLUMNS // (row * p), ROWS * tile // (p * q)))
    parts = -(-p // max(1, COLUMNS // row)) if images == 1 else 1
    return Plan(tile, run_of(tile, window), cut(n, evenly(-(-n // images), threads, n)), cut(p, parts))


@lru_cache(maxsize=1024)
def tile_of(n: int, c: int, k: int, window: Window) -> int:
    return min(tiles(n, k, window), key=lambda tile: cost(c, k, window, tile))


def cost(c: int, k: int, window: Window, tile: int) -> float:
    """Nanoseconds a position, as measured: 1.3 to bring a number of g into the product, 0.024 to multiply and add, 1.2
    to write a number of the columns and to add it up, 150 for each run of the adding."""
    run = run_of(tile, window)
    numbers, runs = window.kernel[0] * run * c, window.kernel[0] * -(-run // (tile * window.stride[1]))
    return (1.3 * tile * k + numbers * (0.024 * tile * k + 1.2) + 150 * runs) / tile


def input_gradient(g: np.ndarray, filters: np.ndarray, window: Window, gx: np.ndarray, end: End) -> None:
    """gx (n, h, w, c) for g (n, p, q, k) and filters (k, i, j, c)."""
    (n, h, w, c), k, q, (top, left) = gx.shape, len(filters), window.out[1], window.before
    tile = tile_of(n, c, k, window)
    plan = plan_of(n, c, k, window, g.itemsize, get_num_threads(), tile if tile == 1 or is_finite(g) else 1)
    matrix, steps = band(filters, plan.tile, window.stride[1]), end.on_rows(w, c, g.dtype)
    size = [max(before + m, (out - 1) * s + (taps - 1) * d + 1)
            for before, m, out, taps, s, d in zip((top, left), (h, w), *window[1:4], window.dilation, strict=True)]

    def group(i: int, _: int) -> None:
        images = plan.groups[i]
        image = scratch("conv part", (images.stop - images.start, *size, c), g.dtype)
        image.fill(0)
        for rows in plan.parts:
            arrived = g[images, rows].reshape(-1, plan.tile * k)
            columns = scratch("conv columns", (len(arrived), matrix.shape[1]), g.dtype)
            np.matmul(arrived, matrix, out=columns)
            columns = columns.reshape(len(image), -1, q // plan.tile, window.kernel[0], plan.run * c)
            add_back(columns, image[:, rows.start * window.stride[0]:], window, plan.tile)
        part = image[:, top:top + h, left:left + w]
        if steps:
            lines = part.reshape(-1, w * c)
            finish(lines, steps)
            part = lines.reshape(part.shape)
        np.copyto(gx[images], part)

    in_pieces(group, len(plan.groups), 1)


def add_back(columns: np.ndarray, image: np.ndarray, window: Window, tile: int) -> None:
    """image (m, h, w, c) += columns (m, rows, tiles, i, run). The runs of neighbouring tiles overlap: they are added a
    piece at a time, no longer than the way from one tile to the next."""
    m, rows, count, i, run = columns.shape
    c, (a, b, d, e) = image.shape[-1], image.strides
    way = tile * window.stride[1]
    pixels = 1 if window.dilation[1] > 1 else way                           # of a piece
    for offset in range(i):
        for start in range(0, run // c, pixels):
            stop = min(run, (start + pixels) * c)
            first = image[:, offset * window.dilation[0]:, start * window.dilation[1]:]
            place = as_strided(first, (m, rows, count, stop - start * c), (a, b * window.stride[0], d * way, e))
            place += columns[:, :, :, offset, start * c:stop]
