"""3x3 and 5x5 convolution with stride 1 in float32 by Winograd's minimal filtering (winograd_tiles.py).

Two schedules. Of few channels the filters' frequencies fit into the cache: each thread takes a part of the images (or
of their rows of tiles), transforms it, multiplies and transforms back while all is hot. Of many channels they do not:
all images are transformed first, then each thread multiplies some of the frequencies, then all are transformed back.

The gradients of both arguments come from one transform of g. With q = r - 1 - padding, and w' the filter turned by
half a circle:
    gx = g padded by q, filtered by w'
    gw' = G^T [ sum over tiles of (B^T g B) * (A x A^T) ] G
so x needs only the cheap transform of tiles that do not overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from ...geometry import pair
from ...layout import as_pixels, images, pixels
from ...scratch import scratch
from ...settings import get_num_threads
from ...threads import in_pieces, split
from .common import column_sums
from .flat import gated
from .winograd_tiles import (
    SIZES,
    filters_to_frequencies,
    frequencies_to_filters,
    frequencies_to_tiles,
    tile,
    tiles_to_frequencies,
    windows_to_frequencies,
)

FEWEST = 16                     # channels below which a column matrix is faster
LEAST = 3                       # outputs along an axis below which most of a tile is for nothing
SMALLEST = 1 << 21              # multiplications below which it is, too
CACHED = 3 << 19                # bytes of filters' frequencies that stay in a core's cache beside a block
BLOCK = 4 << 20                 # bytes of a part's frequencies, of inputs and outputs together
FILTERS = 64                    # how many a thread should transform at least
AT_ONCE = 9                     # frequencies that a thread multiplies before it takes more
PER_FILTER = 60                 # what a frequency of a filter costs to make, in tiles multiplied by it


# --- which way --------------------------------------------------------------------------------------------------

class Plan(NamedTuple):
    """How images (n, h, w) of c channels become (n, p, q) of k."""

    m: int                      # F(m x m, r x r)
    rows: int                   # of tiles, for one image
    columns: int
    is_blocked: bool            # the schedule
    parts: tuple[tuple[int, int, int, int], ...]        # (n0, n1, t0, t1): images n0 to n1, their rows of tiles


@lru_cache(maxsize=256)
def plan(n: int, p: int, q: int, c: int, k: int, r: int, threads: int, itemsize: int = 4, m: int | None = None,
         is_blocked: bool | None = None) -> Plan:
    """The plan for outputs (n, k, p, q) of filters r x r on c channels; m and is_blocked only to ask for a certain
    one."""
    def cost(m: int) -> float:
        return (m + r - 1) ** 2 * (n * ceil(p / m) * ceil(q / m) + PER_FILTER)

    m = m or min([m for m, side in SIZES if side == r], key=cost)
    rows, columns, f = ceil(p / m), ceil(q / m), m + r - 1
    if is_blocked is None:
        is_blocked = f * f * c * k * itemsize <= CACHED
    per_tile = f * f * (c + k) * itemsize
    return Plan(m, rows, columns, is_blocked, tuple(parts(n, rows, max(1, BLOCK // (per_tile * columns)), threads)))


def parts(n: int, rows: int, best: int, threads: int) -> list[tuple[int, int, int, int]]:
    """About `best` rows of tiles in each part, and as many parts for every thread."""
    if best >= rows:                                                        # several images
        count = ceil(n / (best // rows))
        count = min(n, threads * ceil(count / threads))
        bounds = [n * i // count for i in range(count + 1)]
        return [(low, high, 0, rows) for low, high in zip(bounds[:-1], bounds[1:], strict=True) if low < high]
    count = ceil(rows / best)
    if n % threads:
        count = min(rows, threads * ceil(count / threads))
    bounds = [rows * i // count for i in range(count + 1)]
    return [(i, i + 1, low, high) for i in range(n) for low, high in zip(bounds[:-1], bounds[1:], strict=True)]


def fits(x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> bool:
    i, r = weight.shape[2:]
    if i != r or r not in (3, 5) or groups != 1 or x.dtype != np.float32 or weight.dtype != np.float32:
        return False
    (n, c, h, w), k, (top, left) = x.shape, weight.shape[0], pair(padding, "padding")
    p, q = h + 2 * top - r + 1, w + 2 * left - r + 1
    return (min(c, k) >= FEWEST and pair(stride, "stride") == pair(dilation, "dilation") == (1, 1)
            and max(top, left) < r and n > 0 and min(p, q) >= LEAST and (bias is None or bias.dtype == np.float32)
            and n * p * q * r * r * c * k >= SMALLEST)


conv2d_fits = conv2d_relu_fits = fits


# --- conv2d, and with the ReLU behind it -----------------------------------------------------------------------------

def conv2d_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return convolved(x, weight, bias, pair(padding, "padding"), False), None


def conv2d_backward(needs, g, kept, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return *gradients(needs, g, None, x, weight, pair(padding, "padding")), None, None, None, None


def conv2d_relu_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = convolved(x, weight, bias, pair(padding, "padding"), True)
    return y, y


def conv2d_relu_backward(needs, g, y, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return *gradients(needs, g, y, x, weight, pair(padding, "padding")), None, None, None, None


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, padding: tuple[int, int], relu: bool,
              chosen: Plan | None = None) -> np.ndarray:
    """conv2d, and relu if asked for. chosen: another plan than the one for these shapes."""
    (n, c, h, w), (k, _, r, _), (top, left) = x.shape, weight.shape, padding
    p, q = h + 2 * top - r + 1, w + 2 * left - r + 1
    y = images((n, k, p, q), x.dtype)
    way = chosen or plan(n, p, q, c, k, r, get_num_threads(), x.itemsize)
    t = tile(way.m, r, x.dtype.char)
    source, target = pixels(x), as_pixels(y)
    zeros = np.zeros((q, k), x.dtype)       # a row of an image: faster than a scalar, or a vector
    shift = None if bias is None else np.tile(bias, (q, 1))
    u = frequencies_of(t.g, weight).transpose(0, 2, 1)
    if way.is_blocked:                      # few tiles at a time: transposed beforehand the products are faster
        u = copied(u, "winograd filters, transposed")

    def load(i: int, v: np.ndarray, out: np.ndarray) -> None:
        n0, n1, t0, _ = way.parts[i]
        windows_to_frequencies(t, source[n0:n1], t.m * t0 - top, left, v)

    def multiply(v: np.ndarray, out: np.ndarray, some: slice, mine: Any) -> None:
        np.matmul(v, u[some], out=out)

    def store(i: int, out: np.ndarray) -> None:
        block = rows_of(target, way, i)
        frequencies_to_tiles(t, out, block)
        if shift is not None:
            np.add(block, shift, out=block)
        if relu:
            np.maximum(block, zeros, out=block)

    run(way, t.f, (c, k), x.dtype, load, multiply, store)
    return y


def gradients(needs: Sequence[bool], g: np.ndarray, y: np.ndarray | None, x: np.ndarray, weight: np.ndarray,
              padding: tuple[int, int], chosen: Plan | None = None) -> tuple:
    """(gx, gw, gb), None for those not needed. y: the output of a ReLU through which g comes first."""
    (n, c, h, w), (k, _, r, _) = x.shape, weight.shape
    top, left = r - 1 - padding[0], r - 1 - padding[1]
    way = chosen or plan(n, h, w, k, c, r, get_num_threads(), x.itemsize)
    t = tile(way.m, r, x.dtype.char)
    source, g, y = pixels(x), pixels(g), None if y is None else pixels(y)
    gx = images(x.shape, x.dtype) if needs[0] else None
    u = frequencies_of(t.g_turned, weight) if needs[0] else None
    sums: dict[int, np.ndarray] = {}

    def load(i: int, v: np.ndarray, out: np.ndarray) -> None:
        n0, n1, t0, t1 = way.parts[i]
        low, high = max(t.m * t0 - top, 0), min(t.m * t1 + r - 1 - top, g.shape[1])
        block = g[n0:n1, low:high]
        if y is not None:
            passed = scratch("winograd g", block.shape, g.dtype)
            gated(passed, block, y[n0:n1, low:high])
            block = passed
        windows_to_frequencies(t, block, t.m * t0 - top - low, left, v)
        if needs[1]:
            tiles_to_frequencies(t, rows_of(source, way, i), out)
        if needs[2]:                                        # of the rows that the next part loads too, it sums them
            last = high if t1 == way.rows else max(t.m * t1 - top, low)
            sums[i] = column_sums(block[:, :last - low].reshape(-1, k))

    def multiply(v: np.ndarray, out: np.ndarray, some: slice, mine: np.ndarray) -> None:
        if needs[1] and way.is_blocked:
            mine += np.matmul(v.transpose(0, 2, 1), out, out=scratch("winograd gw", mine.shape, mine.dtype))
        elif needs[1]:
            np.matmul(v.transpose(0, 2, 1), out, out=du[some])
        if u is not None:
            np.matmul(v, u[some], out=out)

    def store(i: int, out: np.ndarray) -> None:
        if gx is not None:
            frequencies_to_tiles(t, out, rows_of(as_pixels(gx), way, i))

    shape = (t.f ** 2, k, c)
    du: Any = scratch("winograd du", shape, x.dtype) if needs[1] and not way.is_blocked else None
    found = run(way, t.f, (k, c), x.dtype, load, multiply, store,
                (lambda: np.zeros(shape, x.dtype)) if needs[1] and way.is_blocked else None)
    gweight = filters_of(t.g_turned, du if du is not None else added(found), weight) if needs[1] else None
    gbias = np.sum([sums[i] for i in range(len(way.parts))], 0) if needs[2] else None
    return gx, gweight, gbias


# --- parts ------------------------------------------------------------------------------------------------------

def run(way: Plan, f: int, channels: tuple[int, int], dtype: Any, load: Callable, multiply: Callable, store: Callable,
        start: Callable | None = None) -> list:
    """Take all parts through the transforms, with f^2 frequencies. channels: of what is loaded and of what is stored.

    load(i, v, out) fills the frequencies of part i, and perhaps what `multiply` wants in `out`. multiply(v, out, some,
    mine) works on (frequencies, tiles, channels) of `some` frequencies; `mine` is what start() gave this thread.
    store(i, out) writes the part. Returns what start() gave to each thread.
    """
    def blocks(low: int, high: int) -> Any:
        mine = start() if start else None
        for i in range(low, high):
            n0, n1, t0, t1 = way.parts[i]
            v, out = [scratch(f"winograd {name}", (f, f, n1 - n0, t1 - t0, way.columns, c), dtype)
                      for name, c in zip(("in", "out"), channels, strict=True)]
            load(i, v, out)
            multiply(flat(v), flat(out), slice(None), mine)
            store(i, out)
        return mine

    if way.is_blocked and start:                            # what a thread adds up is of certain parts, or bits differ
        return split(blocks, len(way.parts))
    if way.is_blocked:
        return in_pieces(blocks, len(way.parts), 1)
    n = way.parts[-1][1]
    v, out = [scratch(f"winograd all {name}", (f, f, n, way.rows, way.columns, c), dtype)
              for name, c in zip(("in", "out"), channels, strict=True)]

    def products(low: int, high: int) -> None:
        multiply(flat(v)[low:high], flat(out)[low:high], slice(low, high), None)

    in_pieces(lambda i, _: load(i, part_of(v, way, i), part_of(out, way, i)), len(way.parts), 1)
    in_pieces(products, f * f, AT_ONCE)
    in_pieces(lambda i, _: store(i, part_of(out, way, i)), len(way.parts), 1)
    return []


def flat(v: np.ndarray) -> np.ndarray:
    """(f, f, n, rows, columns, c) as (f*f, tiles, c)."""
    return v.reshape(v.shape[0] ** 2, -1, v.shape[-1])


def part_of(v: np.ndarray, way: Plan, i: int) -> np.ndarray:
    n0, n1, t0, t1 = way.parts[i]
    return v[:, :, n0:n1, t0:t1]


def rows_of(x: np.ndarray, way: Plan, i: int) -> np.ndarray:
    """The rows of images (n, h, w, c) that are the tiles of a part."""
    n0, n1, t0, t1 = way.parts[i]
    return x[n0:n1, way.m * t0:way.m * t1]


def frequencies_of(table: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(f*f, k, c) of filters (k, c, r, r)."""
    k, c = weight.shape[:2]
    u, filters = scratch("winograd filters", (len(table), k, c), weight.dtype), pixels(weight).reshape(k, -1, c)
    split(lambda low, high: filters_to_frequencies(table, filters[low:high], u[:, low:high]), k, FILTERS)
    return u


def copied(x: np.ndarray, name: str) -> np.ndarray:
    y = scratch(name, x.shape, x.dtype)
    np.copyto(y, x)
    return y


def filters_of(table: np.ndarray, u: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The gradient of the filters, from that of their frequencies."""
    k, c = weight.shape[:2]
    gweight = images(weight.shape, weight.dtype)
    filters = as_pixels(gweight).reshape(k, -1, c)
    split(lambda low, high: frequencies_to_filters(table, u[:, low:high], filters[low:high]), k, FILTERS)
    return gweight


def added(found: list[np.ndarray]) -> np.ndarray:
    """The sum of what the threads have found, in the first."""
    for more in found[1:]:
        found[0] += more
    return found[0]
