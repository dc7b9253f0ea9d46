"""Elementwise functions of large arrays: along memory, whatever the order of the axes, split over threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ...scratch import scratch
from ...threads import in_pieces

BLOCK = 1 << 17                 # elements of a block: smaller ones would stay in a nearer cache, but threads that call
                                # NumPy more often wait for one another
WORTH = 1 << 18                 # elements that are worth a thread, where work has a few passes over them


def elementwise(work: Callable[..., Any], *arrays: np.ndarray, worth: int | None = None) -> np.ndarray:
    """A new array y like the first, filled by work(part of y, parts of the arrays) for parts that make it up.

    arrays: all of one shape. worth: how many elements are worth a thread, by default WORTH.
    """
    y = np.empty_like(arrays[0])                                        # its axes in the same order in memory
    order = sorted(range(y.ndim), key=lambda axis: -y.strides[axis])
    out = y.transpose(order).reshape(-1)
    flats = [np.ascontiguousarray(a.transpose(order)).reshape(-1) for a in arrays]

    def part(low: int, high: int) -> None:
        work(out[low:high], *[flat[low:high] for flat in flats])

    in_pieces(part, len(out), BLOCK, worth or WORTH)
    return y


def spare(part: np.ndarray, dtype: Any = None) -> np.ndarray:
    """Scratch memory for a block."""
    return scratch("elementwise", part.shape, dtype or part.dtype)


@cache
def constant(value: float, dtype: Any) -> np.ndarray:
    """A block full of a number: NumPy takes the maximum of two arrays several times faster than that with a number."""
    block = np.full(BLOCK, value, dtype)
    block.setflags(write=False)
    return block


def gated(out: np.ndarray, g: np.ndarray, y: np.ndarray) -> None:
    """relu's gradient: out = g where y, the result of a relu, is not 0, else 0, even where g is infinite.

    Not 0 is not <= 0, as y is never below it. The bits of g are multiplied by 0 or 1, as in `ops.gate`.
    """
    mask = spare(y, bool)
    np.not_equal(y, 0, out=mask)
    bits: Any = f"i{g.dtype.itemsize}"
    np.multiply(g.view(bits), mask, out=out.view(bits))
