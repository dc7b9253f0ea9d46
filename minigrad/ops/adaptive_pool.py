"""Adaptive pooling: as many windows as are asked for, spread over the whole input.

Along an axis of length n, window i of o is from floor(i * n / o) up to, but without, ceil((i + 1) * n / o). If o
divides n these are equal and side by side; else some overlap; and if o > n, elements are in several windows.
"""

from __future__ import annotations

from builtins import max as larger
from typing import Any

from ..backend import namespace
from ..fused import fused
from ..geometry import each
from ..meta import spend
from ..op import op
from .elementwise import ones_like
from .indexing import take, take_along_axis
from .kernels import kernel
from .pool import avg_pool2d, max_pool2d, max_pool2d_with_indices, winner
from .precision import check_floating, narrowed, wide, widened
from .reductions import mean
from .shape import expand_dims, ordinals, reshape, squeeze, swapaxes
from .windows import check_batch

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
]


# --- where windows lie ----------------------------------------------------------------------------------------

def spans(x, n, out):
    """For `out` windows over n elements: the places from each start on (longest, out), and the ends (out,)."""
    spend(4 * out)
    longest = larger([-(-(i + 1) * n // out) - i * n // out for i in range(out)], default=1)
    number, xp = ordinals(x, out), namespace(x)
    starts, ends = (number - 1) * n // larger(out, 1), (number * n + out - 1) // larger(out, 1)
    return xp.reshape(ordinals(x, longest) - 1, (longest, 1)) + starts, ends


@op
def window_places(x, n, out):
    """The places of the elements of each of `out` windows over n elements: (longest, out), integers where x lives.

    A window shorter than the longest has its last place several times.
    """
    places, ends = spans(x, n, out)
    return namespace(x).minimum(places, ends - 1)


@op
def adaptive_sum(x, output_size):
    """The sum of every window.   x (n, c, h, w)   ->   y (n, c, p, q), (p, q) = output_size

    Of p windows over h elements, those that element j is in are window j of h windows over p: so its transpose is the
    same op.
    """
    xp, y = namespace(x), x
    for axis, out in zip((2, 3), output_size, strict=True):
        places, ends = spans(x, y.shape[axis], out)
        elements = xp.take(y, xp.minimum(places, ends - 1), axis=axis)                  # (n, c, longest, p, w)
        inside = xp.reshape(places < ends, (*places.shape, *[1] * (3 - axis)))
        y = xp.sum(xp.where(inside, elements, 0), axis=axis, dtype=wide(x))
    return y.astype(x.dtype, copy=False)

adaptive_sum.gradient(x=lambda g, x_shape: adaptive_sum(g, x_shape[2:]))


def equal_windows(x: Any, output_size: Any) -> tuple[int, ...] | None:
    """The size of the windows if they are all equal, else None."""
    if 0 in (*output_size, x.shape[1]) or any([n % out for n, out in zip(x.shape[2:], output_size, strict=True)]):
        return None
    return tuple([n // out for n, out in zip(x.shape[2:], output_size, strict=True)])


def check_adaptive(what: str, axes: int, average: bool = False) -> Any:
    """The check of an adaptive pooling of sequences (axes 1) or images (2)."""
    def check(x, output_size):
        check_batch(what, x, axes)
        check_floating(x)
        size = each(output_size, axes, f"{what}: output_size")
        if min(size) < 0:
            raise ValueError(f"{what}: output_size must be at least 0, {output_size} came")
        if 0 in x.shape[2 if average else 1:] and not (average and set(size) == {1}):
            raise ValueError(f"{what}: only the batch may be empty, x has shape {x.shape}")

    return check


# --- the mean -------------------------------------------------------------------------------------------------

@fused
def adaptive_avg_pool2d(x, output_size):
    """The mean of every window.

    x (n, c, h, w)   ->   y (n, c, p, q);  output_size: an int or a pair. (1, 1) is the mean of the whole image: global
    average pooling, Lin et al. 2014.
    """
    out = each(output_size, 2, "output_size")
    if out == (1, 1):
        return mean(x, (2, 3), True)
    size = equal_windows(x, out)
    if size is not None:
        return avg_pool2d(x, size)
    counts = adaptive_sum(ones_like(widened(x[:1, :1])), out)                           # (1, 1, p, q)
    return narrowed(adaptive_sum(widened(x), out) / counts, x)

adaptive_avg_pool2d.rules(x="gx = g / (number of elements) for every element of a window, added up over its windows")
adaptive_avg_pool2d.checked_by(check_adaptive("adaptive_avg_pool2d", 2, average=True))
kernel(adaptive_avg_pool2d, "numpy", "adaptive_pool")


@fused
def adaptive_avg_pool1d(x, output_size):
    """The mean of every window: adaptive_avg_pool2d of images of height 1.   x (n, c, l)   ->   y (n, c, p)"""
    return squeeze(adaptive_avg_pool2d(expand_dims(x, 2), (1, *each(output_size, 1, "output_size"))), 2)

adaptive_avg_pool1d.rules(x="gx = g / (number of elements) for every element of a window, added up over its windows")
adaptive_avg_pool1d.checked_by(check_adaptive("adaptive_avg_pool1d", 1, average=True))


# --- the largest ----------------------------------------------------------------------------------------------

def winners_along(x, out):
    """Where, along the last axis, the winner of each window is.   x (n, c, l)   ->   (n, c, out), integers"""
    places = window_places(x, x.shape[2], out)                                          # (longest, out)
    won = winner(take(x, places, 2))                                                    # (n, c, 1, out)
    return reshape(take_along_axis(reshape(places, (1, 1, *places.shape)), won, 2), (*x.shape[:2], out))


@fused
def adaptive_max_pool2d_with_indices(x, output_size):
    """The largest element of every window, the first of equals (of NaNs the last), and where it is: row * w + column.

    x (n, c, h, w)   ->   y (n, c, p, q), indices (n, c, p, q) of integers;  output_size: an int or a pair
    """
    (n, c, h, w), (p, q) = x.shape, each(output_size, 2, "output_size")
    size = equal_windows(x, (p, q))
    if size is not None:
        return max_pool2d_with_indices(x, size)
    lines = reshape(x, (n, c * h, w))
    columns = winners_along(lines, q)                                                   # (n, c*h, q)
    best = swapaxes(reshape(take_along_axis(lines, columns, 2), (n, c, h, q)), 2, 3)
    rows = winners_along(reshape(best, (n, c * q, h)), p)                               # (n, c*q, p)
    rows = swapaxes(reshape(rows, (n, c, q, p)), 2, 3)                                  # (n, c, p, q)
    indices = rows * w + take_along_axis(reshape(columns, (n, c, h, q)), rows, 2)
    y = take_along_axis(reshape(x, (n, c, h * w)), reshape(indices, (n, c, p * q)), 2)
    return reshape(y, (n, c, p, q)), indices

adaptive_max_pool2d_with_indices.rules(x="gx = g at the first winner of every window, added up over its windows")
adaptive_max_pool2d_with_indices.checked_by(check_adaptive("adaptive_max_pool2d", 2))


@fused
def adaptive_max_pool2d(x, output_size):
    """The largest element of every window; the gradient goes to the first of equals, of NaNs to the last.

    x (n, c, h, w)   ->   y (n, c, p, q);  output_size: an int or a pair
    """
    size = equal_windows(x, each(output_size, 2, "output_size"))
    return adaptive_max_pool2d_with_indices(x, output_size)[0] if size is None else max_pool2d(x, size)

adaptive_max_pool2d.rules(x="gx = g at the first winner of every window, added up over its windows")
adaptive_max_pool2d.checked_by(check_adaptive("adaptive_max_pool2d", 2))
kernel(adaptive_max_pool2d, "numpy", "adaptive_pool")


@fused
def adaptive_max_pool1d(x, output_size):
    """The largest element of every window: adaptive_max_pool2d of images of height 1.   x (n, c, l)   ->   y (n, c, p)
    """
    return squeeze(adaptive_max_pool2d(expand_dims(x, 2), (1, *each(output_size, 1, "output_size"))), 2)

adaptive_max_pool1d.rules(x="gx = g at the first winner of every window, added up over its windows")
adaptive_max_pool1d.checked_by(check_adaptive("adaptive_max_pool1d", 1))


@fused
def adaptive_max_pool1d_with_indices(x, output_size):
    """The largest element of every window, and where it is.   x (n, c, l)   ->   y (n, c, p), indices (n, c, p)"""
    size = (1, *each(output_size, 1, "output_size"))
    y, indices = adaptive_max_pool2d_with_indices(expand_dims(x, 2), size)
    return squeeze(y, 2), squeeze(indices, 2)

adaptive_max_pool1d_with_indices.rules(x="gx = g at the first winner of every window, added up over its windows")
adaptive_max_pool1d_with_indices.checked_by(check_adaptive("adaptive_max_pool1d", 1))
