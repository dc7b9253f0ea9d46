"""Depthwise convolution: each channel has a filter of its own (or several), so no matrices are multiplied.

Chollet, Xception, 2017. The images lie channels last: a row of positions is one run of q*k numbers, and so is what an
offset of the filter sees of it. np.einsum multiplies and adds such runs in one pass, over all offsets, while the row of
outputs stays in the cache; the filter's numbers are repeated along the row. With a stride, pixels are sorted by their
place in it first, so that what an offset sees is one run again.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...scratch import scratch
from ...settings import get_num_threads
from ...threads import split
from . import conv_grouped
from .common import is_finite
from .conv_columns import part_of
from .conv_end import NOTHING, End, finish
from .conv_phases import by_phases
from .conv_window import Window, blocks

CACHE = 1 << 18                 # bytes of outputs in a block
RUN = 1 << 13                   # numbers of a row that are done at once


class Taps(NamedTuple):
    """Offsets of the filter along the width that see the same place of the stride: a row of one run for each."""

    offsets: slice
    taps: int                       # their number
    place: int                      # in the stride
    first: int                      # the pixel of that place that the first offset sees at position 0
    step: int                       # from an offset's to the next one's


@lru_cache(maxsize=1024)
def taps_of(j: int, stride: int, dilation: int) -> tuple[Taps, ...]:
    step = stride // gcd(stride, dilation)
    return tuple([Taps(slice(b, None, step), len(range(b, j, step)), b * dilation % stride, b * dilation // stride,
                       step * dilation // stride) for b in range(min(j, step))])


def outputs(x: np.ndarray, filters: np.ndarray, window: Window, y: np.ndarray, end: End = NOTHING) -> None:
    """y (n, p, q, k) of x (n, h, w, c) and filters (k, i, j, 1), k/c for each channel."""
    x = repeated(x, len(filters))
    n, q, k = len(x), window.out[1], len(filters)
    steps, pieces = end.on_rows(q, k, y.dtype), pieces_of(q, k)
    weights = [np.tile(filters.transpose(1, 2, 3, 0)[:, taps.offsets, 0], (1, 1, pieces[0].stop))
               for taps in taps_of(window.kernel[1], window.stride[1], window.dilation[1])]       # (i, taps, q*k)

    def work(low: int, high: int) -> None:
        for images, rows in parts[low:high]:
            target, views = y[images, rows], views_of(x, images, rows, window)
            direct = target if target.flags.c_contiguous else scratch("conv y", target.shape, y.dtype)
            lines = direct.reshape(*direct.shape[:2], q * k)
            for piece in pieces:
                total_of(views, weights, slice(piece.start * k, piece.stop * k), lines)
            finish(lines, steps)
            if direct is not target:
                np.copyto(target, direct)

    parts = blocks(n, window.out, max(1, CACHE // (k * x.itemsize)), get_num_threads())
    split(work, len(parts))


def total_of(views: list[np.ndarray], weights: list[np.ndarray], piece: slice, lines: np.ndarray) -> None:
    """This piece of the lines (m, rows, q*k) of outputs."""
    out = lines[..., piece]
    for number, (view, weight) in enumerate(zip(views, weights, strict=True)):
        seen, weight = view[..., piece], weight[..., :piece.stop - piece.start]
        if number == 0:
            np.einsum("mrabx,abx->mrx", seen, weight, out=out)
        else:
            out += np.einsum("mrabx,abx->mrx", seen, weight, out=scratch("conv taps", out.shape, out.dtype))


def input_gradient(g: np.ndarray, filters: np.ndarray, window: Window, gx: np.ndarray, end: End = NOTHING) -> None:
    """gx (n, h, w, c) for g (n, p, q, k)."""
    several = len(filters) // gx.shape[-1]
    if not is_finite(filters):                          # 0 times it would be added around g
        conv_grouped.input_gradient(g, filters, window, gx, gx.shape[-1], end)
    elif several == 1:
        by_phases(outputs, g, filters, window, gx, end)
    else:
        each = np.empty((*gx.shape[:3], len(filters)), gx.dtype)
        by_phases(outputs, g, filters, window, each, NOTHING)
        np.sum(each.reshape(*gx.shape, several), axis=-1, out=gx)
        if end.bias is not None:
            gx += end.bias


def weight_gradient(x: np.ndarray, g: np.ndarray, window: Window) -> np.ndarray:
    """The gradient (k, i, j, 1) of the filters."""
    x = repeated(x, g.shape[-1])
    n, q, k = len(x), window.out[1], g.shape[-1]
    groups, pieces = taps_of(window.kernel[1], window.stride[1], window.dilation[1]), pieces_of(q, k)

    def work(low: int, high: int) -> np.ndarray:
        total = np.zeros((*window.kernel, k), x.dtype)
        for images, rows in parts[low:high]:
            arrived, views = g[images, rows], views_of(x, images, rows, window)
            lines = arrived.reshape(*arrived.shape[:2], q * k)
            for piece in pieces:
                part = slice(piece.start * k, piece.stop * k)
                ones = np.ones(piece.stop - piece.start, x.dtype)
                for taps, view in zip(groups, views, strict=True):
                    along = scratch("conv taps", (*view.shape[2:4], part.stop - part.start), x.dtype)
                    np.einsum("mrabx,mrx->abx", view[..., part], lines[..., part], out=along)
                    total[:, taps.offsets] += ones @ along.reshape(*along.shape[:2], len(ones), k)
        return total

    parts = blocks(n, window.out, max(1, CACHE // (k * x.itemsize)), get_num_threads())
    total, *others = split(work, len(parts))
    for other in others:
        total += other
    return total.transpose(2, 0, 1)[..., None]


def repeated(x: np.ndarray, k: int) -> np.ndarray:
    """x (n, h, w, c) with each channel as often as it has filters."""
    return x if x.shape[-1] == k else np.repeat(x, k // x.shape[-1], axis=-1)


def pieces_of(q: int, k: int) -> list[slice]:
    """A row of positions in pieces, the first of which is none shorter than the others."""
    longest = max(1, min(q, RUN // k))
    return [slice(start, min(q, start + longest)) for start in range(0, q, longest)]


def views_of(x: np.ndarray, images: slice, rows: slice, window: Window) -> list[np.ndarray]:
    """For each group of taps what its offsets see, (m, rows, i, taps, q*k): views of these images."""
    (i, j), (si, sj), (di, dj), q, k = window.kernel, window.stride, window.dilation, window.out[1], x.shape[-1]
    top, left = rows.start * si - window.before[0], -window.before[1]
    bottom = top + (rows.stop - rows.start - 1) * si + (i - 1) * di + 1
    width = (q - 1) * sj + (j - 1) * dj + 1
    source = part_of(x, images, (top, bottom), (left, left - (-width // sj) * sj))      # a multiple of the stride
    m, height, width, _ = source.shape
    if sj > 1:
        places = scratch("conv places", (m, height, sj, width // sj, k), x.dtype)
        np.copyto(places, source.reshape(m, height, width // sj, sj, k).swapaxes(2, 3))
    else:
        places = source[:, :, None]
    a, b, place, pixel, e = places.strides
    return [as_strided(places[:, :, taps.place:, taps.first:], (m, rows.stop - rows.start, i, taps.taps, q * k),
                       (a, b * si, b * di, pixel * taps.step, e))
            for taps in taps_of(j, sj, dj)]
