"""Which elements of an axis make each element of its resampled version, and how much each counts: tables on the host.

A table is a pair of arrays (size, k): y[i] = sum over k of weights[i, k] * x[places[i, k]]. Output i lies at the place
(i + 1/2) / zoom - 1/2 of the input (half a pixel is from an edge to a centre), with align_corners at
i * (n - 1) / (size - 1): then the first and last centres fall on each other. zoom: the factor that the caller names, by
default size / n.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

KINDS = ("nearest", "nearest-exact", "linear", "cubic", "area")


class Resampling(NamedTuple):
    """How one axis is resampled. zoom None: size / n."""

    kind: str
    zoom: float | None = None
    align_corners: bool = False
    antialias: bool = False


@lru_cache(maxsize=256)
def taps(n: int, size: int, how: Resampling) -> tuple[np.ndarray, np.ndarray]:
    """The table from n elements to `size`."""
    if how.kind.startswith("nearest"):
        return nearest(n, size, how)
    if how.kind == "area":
        return area(n, size)
    i, step = np.arange(size), 1 / how.zoom if how.zoom else n / size
    if how.align_corners:
        step = (n - 1) / (size - 1) if size > 1 else 0.0
    if how.antialias:                                                       # half a pixel away also with corners
        return widened_windows(n, step * (i + 0.5), step, how.kind)
    if how.kind == "linear" and size == n:                                  # left alone, whatever zoom is
        return i[:, None], np.ones((n, 1))
    centres = step * i if how.align_corners else step * (i + 0.5) - 0.5
    if how.kind == "linear":
        centres = np.maximum(centres, 0)
    first = np.minimum(np.floor(centres).astype(int), n - 1)
    t = np.clip(centres - first, 0, 1)
    if how.kind == "linear":
        return np.stack([first, np.minimum(first + 1, n - 1)], 1), np.stack([1 - t, t], 1)
    places = np.clip(first[:, None] + np.arange(-1, 3), 0, n - 1)           # beyond its ends an axis repeats them
    return places, cubic(t[:, None] - np.arange(-1, 3), -0.75)


def nearest(n: int, size: int, how: Resampling) -> tuple[np.ndarray, np.ndarray]:
    """The element at i / zoom, rounded down (nearest), or at (i + 1/2) / zoom (nearest-exact).

    Both are rounded to float32, as in PyTorch: where they are nearly whole, that decides.
    """
    i = np.arange(size)
    if how.kind == "nearest-exact":
        at = ((i + 0.5) * (1 / how.zoom if how.zoom else n / size)).astype("float32")
    else:
        at = i.astype("float32") * (np.float32(1 / how.zoom) if how.zoom else np.float32(n) / np.float32(size))
    return np.minimum(np.floor(at).astype(int), n - 1)[:, None], np.ones((size, 1))


def area(n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the elements from floor(i n / size) to ceil((i + 1) n / size), as in adaptive average pooling."""
    i = np.arange(size)
    starts, ends = i * n // size, -((i + 1) * n // -size)
    owners, places = spelled_out(starts, ends)
    return rows(owners, places, 1 / (ends - starts)[owners], size)


def cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """How much an element at this distance counts: Keys, Cubic convolution interpolation, 1981, with a free a."""
    d = abs(distance)
    near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def widened_windows(n: int, middles: np.ndarray, step: float, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """antialias: where the output is coarser than the input the filter is as much wider, so that it sees all of it.

    What of the filter lies outside the axis is left out, and the rest scaled to sum 1. Cubic has a = -1/2 here.
    """
    widening, half = max(step, 1.0), {"linear": 1, "cubic": 2}[kind]
    reach = half * widening
    starts = np.clip((middles - reach + 0.5).astype(int), 0, n - 1)
    ends = np.clip((middles + reach + 0.5).astype(int), starts + 1, n)
    owners, places = spelled_out(starts, ends)
    distance = (places + 0.5 - middles[owners]) / widening
    weights = cubic(distance, -0.5) if kind == "cubic" else np.maximum(1 - abs(distance), 0)
    total = np.bincount(owners, weights, len(middles))
    return rows(owners, places, weights / np.where(total == 0, 1, total)[owners], len(middles))


def spelled_out(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every place of every window [start, end), and the number of the window in front of it."""
    lengths = ends - starts
    return np.repeat(np.arange(len(starts)), lengths), np.arange(lengths.sum()) - np.repeat(
        np.cumsum(lengths) - ends, lengths)


def rows(owners: np.ndarray, places: np.ndarray, weights: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A table from its entries, which are in the order of the outputs that own them.

    An output of fewer entries than others shares its last one out among the columns that are left: to add 0 times
    some other element would make NaN of infinity.
    """
    counts = np.bincount(owners, minlength=size)
    width = max(int(counts.max(initial=0)), 1)
    table, share = np.zeros((size, width), int), np.zeros((size, width))
    column = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[owners, column], share[owners, column] = places, weights
    last = np.maximum(counts - 1, 0)[:, None]
    rest = np.arange(width) >= last
    table = np.where(rest, np.take_along_axis(table, last, 1), table)
    return table, np.where(rest, np.take_along_axis(share, last, 1) / (width - last), share)


@lru_cache(maxsize=256)
def transposed(n: int, size: int, how: Resampling) -> tuple[np.ndarray, np.ndarray]:
    """The table of the transpose: from `size` gradients to n."""
    places, weights = taps(n, size, how)
    flat = places.ravel()
    order = np.argsort(flat, kind="stable")
    return rows(flat[order], order // places.shape[1], weights.ravel()[order], n)
