"""Convolution in groups: each block of output channels sees its own block of input channels.

Xie et al., Aggregated residual transformations, 2017. A group is a convolution of columns on a slice of the channels.
Where groups are narrow several are done as one, with zeros between them in the filters: a narrow product is no faster.
"""

from __future__ import annotations

import numpy as np

from ...settings import get_num_threads
from ...threads import split
from . import conv_columns as columns
from .common import is_finite
from .conv_end import NOTHING, End
from .conv_window import Window

WIDE = 32                       # channels, in and out, that a product should have


def outputs(x: np.ndarray, filters: np.ndarray, window: Window, y: np.ndarray, groups: int, end: End = NOTHING) -> None:
    """y (n, p, q, k) of x (n, h, w, c) and filters (k, i, j, c/groups)."""
    blocks = joined(filters, groups, x)

    def group(number: int, k: slice, c: slice) -> None:
        columns.outputs(x[..., c], blocks[number], window, y[..., k], end.of(k))

    each(group, blocks)


def input_gradient(g: np.ndarray, filters: np.ndarray, window: Window, gx: np.ndarray, groups: int,
                   end: End = NOTHING) -> None:
    """gx (n, h, w, c) for g (n, p, q, k)."""
    blocks = joined(filters, groups, g)

    def group(number: int, k: slice, c: slice) -> None:
        columns.input_gradient(g[..., k], blocks[number], window, gx[..., c], end.of(c))

    each(group, blocks)


def weight_gradient(x: np.ndarray, g: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """The gradient (k, i, j, c/groups) of the filters."""
    c_in, k_out = x.shape[-1] // groups, g.shape[-1] // groups
    together = how_many(c_in, k_out, groups)
    gradient = np.empty((groups // together, together, k_out, *window.kernel, c_in), x.dtype)

    def group(number: int, k: slice, c: slice) -> None:
        block = columns.weight_gradient(x[..., c], g[..., k], window)
        block = block.reshape(together, k_out, *window.kernel, together, c_in)
        for m in range(together):
            gradient[number, m] = block[m, :, :, :, m]

    each(group, np.empty((groups // together, together * k_out, 1, 1, together * c_in), "u1"))
    return gradient.reshape(-1, *window.kernel, c_in)


def how_many(c: int, k: int, groups: int) -> int:
    """How many groups of c and k channels are done as one: a divisor of their number."""
    return next(m for m in range(1, groups + 1) if groups % m == 0 and (m * min(c, k) >= WIDE or m == groups))


def joined(filters: np.ndarray, groups: int, x: np.ndarray) -> np.ndarray:
    """Filters (k, i, j, c/groups) as those of fewer groups (groups/m, m*k/groups, i, j, m*c/groups); of as many where
    what they are multiplied by, x, is not finite: nothing of it may come into another group, as 0 times it would."""
    k, i, j, c_in = filters.shape
    k //= groups
    together = how_many(c_in, k, groups)
    together = together if together == 1 or is_finite(x) else 1
    grouped = filters.reshape(groups // together, together, k, i, j, c_in)
    if together == 1:
        return grouped[:, 0]
    blocks = np.zeros((groups // together, together, k, i, j, together, c_in), filters.dtype)
    for m in range(together):
        blocks[:, m, :, :, :, m] = grouped[:, m]
    return blocks.reshape(groups // together, together * k, i, j, together * c_in)


def each(group, blocks: np.ndarray) -> None:
    """group(number, output channels, input channels) for each block of filters (k, i, j, c)."""
    count, k, _, _, c = blocks.shape

    def work(low: int, high: int) -> None:
        for number in range(low, high):
            group(number, slice(number * k, (number + 1) * k), slice(number * c, (number + 1) * c))

    if count % get_num_threads() and count < 4 * get_num_threads():
        work(0, count)                                  # the threads share each group
    else:
        split(work, count)
