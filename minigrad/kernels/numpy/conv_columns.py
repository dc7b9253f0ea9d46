"""Convolution as matrix products of columns: each window of the images as a row of a matrix (im2col), in blocks.

Chellapilla, Puri and Simard, High performance convolutional neural networks for document processing, 2006. The images
lie channels last, so a row of a window is a run of j*c numbers in memory; a block of columns is made in scratch memory,
small enough for the cache, multiplied, and forgotten: the backward pass makes it again.

    y (m, k) = columns (m, i*j*c) @ filters^T        gfilters = g^T @ columns, summed over blocks

Few channels make short runs and a narrow product: neighbouring windows go together (`conv_band`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...scratch import scratch
from ...settings import get_num_threads
from ...threads import in_pieces, split
from . import conv_fold
from .common import is_finite
from .conv_band import band, run_of, tiles, unband
from .conv_end import NOTHING, End, finish
from .conv_phases import by_phases, phase_window
from .conv_window import Window, blocks, phases

SMALL = 1 << 19                 # bytes that a block of columns may take in any case
LARGE = 1 << 23                 # bytes that it should not exceed
ROWS = 768                      # rows that it should have: with fewer, the product spends its time on the filters


class Plan(NamedTuple):
    """How a convolution is done."""

    tile: int
    run: int                    # numbers next to each other in a row of a window
    depth: int                  # numbers in a row of the matrix
    blocks: tuple               # [(images, rows of positions)]


@lru_cache(maxsize=1024)
def plan_of(n: int, c: int, k: int, window: Window, itemsize: int, threads: int, tile: int) -> Plan:
    run = run_of(tile, window) * c
    depth = window.kernel[0] * run
    rows = max(SMALL // (depth * itemsize), min(ROWS, LARGE // (depth * itemsize)), 1)
    return Plan(tile, run, depth, blocks(n, window.out, rows * tile, threads))


@lru_cache(maxsize=1024)
def tile_of(n: int, c: int, k: int, window: Window) -> int:
    return min(tiles(n, k, window), key=lambda tile: cost(c, k, window, tile))


def cost(c: int, k: int, window: Window, tile: int) -> float:
    """Nanoseconds a position, as measured: 8 to copy a run, 1.3 to copy a number and bring it into the product, 0.024
    to multiply and add."""
    i, run = window.kernel[0], run_of(tile, window) * c
    return i * (8 + run * (1.3 + 0.024 * tile * k)) / tile


def outputs(x: np.ndarray, filters: np.ndarray, window: Window, y: np.ndarray, end: End = NOTHING) -> None:
    """y (n, p, q, k) = the convolution of x (n, h, w, c) with filters (k, i, j, c). Both may be parts of
    larger arrays."""
    (n, _, _, c), k, q = x.shape, len(filters), window.out[1]
    tile = tile_of(n, c, k, window)
    plan = plan_of(n, c, k, window, x.itemsize, get_num_threads(), tile if tile == 1 or is_finite(x) else 1)
    steps = end.on_rows(q, k, y.dtype)
    matrix, width = band(filters, plan.tile, window.stride[1]).T, plan.tile * k

    def block(i: int, _: int) -> None:
        images, rows = plan.blocks[i]
        columns, target = columns_of(x, images, rows, window, plan), y[images, rows]
        direct = target if target.flags.c_contiguous else scratch("conv y", target.shape, y.dtype)
        np.matmul(columns, matrix, out=direct.reshape(len(columns), width))
        finish(direct.reshape(-1, q * k), steps)
        if direct is not target:
            np.copyto(target, direct)

    in_pieces(block, len(plan.blocks), 1)


def input_gradient(g: np.ndarray, filters: np.ndarray, window: Window, gx: np.ndarray, end: End = NOTHING) -> None:
    """gx (n, h, w, c) for g (n, p, q, k)."""
    apart = not is_for_fold(len(gx), gx.shape[-1], len(filters), window, get_num_threads())
    if apart and is_finite(filters):                    # g has zeros around it then
        by_phases(turned, g, filters, window, gx, end)
    else:
        conv_fold.input_gradient(g, filters, window, gx, end)


@lru_cache(maxsize=1024)
def is_for_fold(n: int, c: int, k: int, window: Window, threads: int) -> bool:
    """Whether adding columns back is estimated to take less time than convolving the phases."""
    if n < threads:
        return False
    p, q = window.out
    apart = sum([above.length * beside.length * min([cost(k, c, each, tile) for tile in tiles(n, c, each)])
                 for above in phases(0, window) for beside in phases(1, window)
                 if above.taps and beside.taps for each in [phase_window(window, above, beside)]])
    return p * q * min([conv_fold.cost(c, k, window, tile) for tile in tiles(n, k, window)]) < apart


def turned(g: np.ndarray, filters: np.ndarray, window: Window, gx: np.ndarray, end: End) -> None:
    """gx (n, h, w, c) = the convolution of g (n, p, q, k) with filters (k, i, j, c), from outputs to inputs."""
    outputs(g, np.ascontiguousarray(filters.transpose(3, 1, 2, 0)), window, gx, end)


def weight_gradient(x: np.ndarray, g: np.ndarray, window: Window) -> np.ndarray:
    """The gradient (k, i, j, c) of the filters, for g (n, p, q, k) and x (n, h, w, c)."""
    (n, _, _, c), k = x.shape, g.shape[-1]
    plan = plan_of(n, c, k, window, x.itemsize, get_num_threads(), tile_of(n, c, k, window))
    shape = plan.tile * k, plan.depth

    def work(low: int, high: int) -> np.ndarray:
        total = np.empty(shape, x.dtype)
        for number, (images, rows) in enumerate(plan.blocks[low:high]):
            columns = columns_of(x, images, rows, window, plan)
            arrived = g[images, rows].reshape(len(columns), shape[0]).T
            if number == 0:
                np.matmul(arrived, columns, out=total)
            else:
                total += np.matmul(arrived, columns, out=scratch("conv gw", shape, x.dtype))
        return total

    total, *others = split(work, len(plan.blocks))
    for other in others:
        total += other
    return unband(total, (k, *window.kernel, c), plan.tile, window.stride[1])


def columns_of(x: np.ndarray, images: slice, rows: slice, window: Window, plan: Plan) -> np.ndarray:
    """The windows of these images and rows of positions as a matrix (m * rows * q/tile, depth) in scratch memory."""
    (i, j), (si, sj), (di, dj), q, c = window.kernel, window.stride, window.dilation, window.out[1], x.shape[-1]
    top, left = rows.start * si - window.before[0], -window.before[1]
    bottom, right = top + (rows.stop - rows.start - 1) * si + (i - 1) * di + 1, left + (q - 1) * sj + (j - 1) * dj + 1
    source = part_of(x, images, (top, bottom), (left, right))
    if i == j == si == sj == 1 and source.flags.c_contiguous:
        return source.reshape(-1, plan.depth)
    a, b, d, e = source.strides
    shape = (len(source), rows.stop - rows.start, q // plan.tile, i)
    strides = (a, b * si, d * sj * plan.tile, b * di)
    if dj == 1:
        windows = as_strided(source, (*shape, plan.run), (*strides, e))
    else:
        windows = as_strided(source, (*shape, j, c), (*strides, d * dj, e))
    columns = scratch("conv columns", windows.shape, x.dtype)
    np.copyto(columns, windows)
    return columns.reshape(-1, plan.depth)


def part_of(x: np.ndarray, images: slice, rows: tuple[int, int], cols: tuple[int, int]) -> np.ndarray:
    """These rows and columns of pixels of x (n, h, w, c), 0 outside the images; the pixels of a row next to each other.

    A view where it can be, else a copy in scratch memory.
    """
    (_, h, w, c), (top, bottom), (left, right) = x.shape, rows, cols
    if top >= 0 and bottom <= h and left >= 0 and right <= w and x.strides[2:] == (c * x.itemsize, x.itemsize):
        return x[images, top:bottom, left:right]
    height, width = bottom - top, right - left
    part = scratch("conv part", (images.stop - images.start, height, width, c), x.dtype)
    above, below = min(max(-top, 0), height), max(min(h - top, height), 0)          # in the part, the rows with pixels
    before, after = min(max(-left, 0), width), max(min(w - left, width), 0)
    part[:, :above] = 0
    part[:, max(above, below):] = 0
    part[:, above:below, :before] = 0
    part[:, above:below, max(before, after):] = 0
    if above < below and before < after:
        part[:, above:below, before:after] = x[images, top + above:top + below, left + before:left + after]
    return part
