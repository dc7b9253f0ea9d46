"""Arithmetic with a number for each channel, at the speed of memory.

An array (n, c, ...) whose channels lie last in memory is a matrix of m pixels by c channels. NumPy broadcasts a vector
over short rows slowly, so several pixels are put side by side, a view (m/t, t*c), and the vector is repeated t times.
Work goes in blocks that stay in the cache through all the passes over them, but not in smaller ones: threads that call
NumPy often wait for one another. Sums are products with ones, as BLAS adds columns up several times faster than NumPy,
those of products are einsum's, which needs no memory; both for runs of rows that are then added up in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ...layout import images, pixels
from ...scratch import scratch
from ...threads import in_pieces

LENGTH = 1 << 13                # elements of a row with which a vector is combined: several KiB of the inner cache
SUMMED = 1 << 9                 # and of a row that is summed: few are then left to be added up for a channel
RUN = 128                       # rows that are summed in the array's own precision
BLOCK = 1 << 17                 # elements of a block over which several functions pass
STRETCH = 1 << 20               # elements of a block that is only summed
WORTH = 1 << 17                 # elements that are worth a thread


@cache
def aside(m: int, c: int, length: int) -> int:
    """How many of m pixels with c channels are put side by side: they divide m, and have at most so many elements."""
    return next((t for t in range(min(m, length // c), 1, -1) if m % t == 0), 1)


def rows(x: np.ndarray) -> np.ndarray:
    """x (n, c, ...) as (pixels / t, t * c), C-contiguous: a view if its channels lie last in memory, else a copy."""
    c = x.shape[1]
    t = aside(x.size // c, c, LENGTH)
    last = pixels(x) if x.ndim == 4 else np.ascontiguousarray(np.moveaxis(x, 1, -1))
    return last.reshape(-1, t * c)


def new_like(x: np.ndarray) -> np.ndarray:
    """A new array of x's shape whose channels lie last, and that owns its memory."""
    if x.ndim == 4:
        return images(x.shape, x.dtype)
    pattern = np.moveaxis(np.empty(range(2, x.ndim + 2), "u1"), -1, 1)
    return np.empty_like(pattern, x.dtype, shape=x.shape)


def tiled(vector: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A vector (c,), in any precision, repeated for the rows of a matrix and in its precision."""
    return np.tile(vector.astype(like.dtype), like.shape[1] // len(vector))


def column_sums(a: np.ndarray, c: int, b: np.ndarray | None = None) -> np.ndarray:
    """The sum of each channel (c,) in float64 of a, or of a * b: C-contiguous blocks of rows of pixels."""
    length = c * aside(a.shape[1] // c, c, SUMMED)
    lines = a.reshape(-1, length)
    runs = len(lines) // RUN
    cut = runs * RUN
    whole, rest = lines[:cut].reshape(runs, RUN, length), lines[cut:]
    if b is None:
        long, short = np.matmul(ones(RUN, a.dtype), whole), np.matmul(ones(len(rest), a.dtype), rest)
    else:
        others = b.reshape(-1, length)
        long = np.einsum("kij,kij->kj", whole, others[:cut].reshape(whole.shape))
        short = np.einsum("ij,ij->j", rest, others[cut:])
    return (long.sum(0, dtype="f8") + short).reshape(-1, c).sum(0)


@cache
def ones(n: int, dtype: Any) -> np.ndarray:
    vector = np.ones(n, dtype)
    vector.setflags(write=False)
    return vector


def in_blocks(work: Callable[[slice], Sequence | None], matrix: np.ndarray, block: int = 0) -> list:
    """Call work(rows of a block) for all blocks, split over threads. If it returns sums, these added up.

    block: about how many elements a block has, by default BLOCK.
    """
    height, length = matrix.shape
    found = in_pieces(lambda low, high: work(slice(low, high)) or (), height, max(1, (block or BLOCK) // length),
                      max(1, WORTH // length))
    return [sum(sums) for sums in zip(*found, strict=True)]


def like_block(name: str, block: np.ndarray) -> np.ndarray:
    """Scratch memory of the size of a block."""
    return scratch(name, block.shape, block.dtype)


def zeros(like: np.ndarray) -> np.ndarray:
    """A row of zeros: NumPy takes the maximum with an array several times faster than that with a number."""
    return np.zeros(like.shape[1:], like.dtype)


def per_channel(x: np.ndarray) -> int:
    """How many values each channel has."""
    return x.shape[0] * prod(x.shape[2:])
