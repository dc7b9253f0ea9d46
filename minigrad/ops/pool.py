"""Pooling: windows that slide over sequences and images."""

from __future__ import annotations

from math import inf
from typing import Any

from ..backend import namespace
from ..fused import fused
from ..geometry import as_image, pair, pool_geometry
from ..op import op
from .elementwise import abs, ones_like, power, where
from .indexing import take_along_axis
from .kernels import kernel
from .logic import equal, greater, isnan, logical_and
from .padding import pad
from .precision import narrowed, widened
from .reductions import argmax, max, sum
from .shape import expand_dims, ordinals, reshape, squeeze
from .windows import check_batch, unfold

__all__ = [
    "avg_pool1d", "avg_pool2d", "lp_pool1d", "lp_pool2d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d",
    "max_pool2d_with_indices",
]


# --- where windows lie ----------------------------------------------------------------------------------------

def check_pool(what: str, x: Any, axes: int, *options: Any) -> None:
    """Errors for an input that is no batch of sequences or images, and for windows that do not fit into it."""
    check_batch(what, x, axes)
    if 0 in x.shape[1:]:
        raise ValueError(f"{what}: only the batch may be empty, x has shape {x.shape}")
    pool_geometry(x.shape[2:], *options)


def check_max_pool(what: str, axes: int) -> Any:
    """The check of a max pooling of sequences (axes 1) or images (2)."""
    return lambda x, *options: check_pool(what, x, axes, *options)


# --- the largest ----------------------------------------------------------------------------------------------

@op
def pixel_numbers(x):
    """1, 2, 3, ... for the elements of one image, row after row; 0 is left for what lies outside.

    x (n, c, h, w)   ->   y (1, 1, h, w), integers
    """
    h, w = x.shape[2:]
    return namespace(x).reshape(ordinals(x, h * w), (1, 1, h, w))


def lowest(x: Any) -> Any:
    """What no element of x is smaller than: -inf, or the smallest integer."""
    name = str(x.dtype)
    if name[:3] == "int":
        return -(1 << int(name[3:]) - 1)
    return 0 if name[:4] in ("uint", "bool") else -inf


def winner(windows, inside=None):
    """Which element of a window wins: its largest, of equals the first, of several NaNs the last; of those `inside`.

    windows (n, c, size, positions)   inside: broadcasts to that, or None for all   ->   (n, c, 1, positions), integers
    """
    top = max(windows, 2, True)
    wins = equal(windows, top)
    if inside is not None:                                                  # a window may be -inf all over
        wins = logical_and(wins, inside)
    last_nan = windows.shape[2] - 1 - argmax(isnan(windows[:, :, ::-1]), 2, True)
    return where(isnan(top), last_nan, argmax(wins, 2, True))               # argmax gives the first of equals


def competing(x, kernel_size, stride, padding, dilation, ceil_mode):
    """The windows (n, c, size, p*q), which element of each wins (n, c, 1, p*q), the places (1, 1, size, p*q) of their
    elements in the image, and (p, q)."""
    n, c = x.shape[:2]
    k, s, d, ends, out = pool_geometry(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    around, shape = ((0, 0), (0, 0), *ends), (k[0] * k[1], out[0] * out[1])
    is_padded = ends != ((0, 0), (0, 0))
    windows = unfold(pad(x, around, constant_values=lowest(x)) if is_padded else x, k, s, 0, d)
    windows = reshape(windows, (n, c, *shape))
    where_from = reshape(unfold(pad(pixel_numbers(x), around), k, s, 0, d), (1, 1, *shape))
    return windows, winner(windows, greater(where_from, 0) if is_padded else None), where_from, out


@fused
def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest element of every window. The gradient goes to the first winner of a window (where there are NaNs, to
    the last of them); padding never wins.

    x (n, c, h, w)   ->   y (n, c, p, q);  p = (h + 2*padding - dilation*(i - 1) - 1) // stride + 1 (rounded up with
    ceil_mode). stride: by default kernel_size. kernel_size, stride, padding, dilation: an int or a pair.
    Raises ValueError for x that is no batch of images, a window that does not fit, a padding above half the kernel.
    """
    windows, won, _, out = competing(x, kernel_size, stride, padding, dilation, ceil_mode)
    return reshape(take_along_axis(windows, won, 2), (*x.shape[:2], *out))

max_pool2d.rules(x="gx = g at the first winner of every window, else 0; where windows overlap it adds up")
max_pool2d.checked_by(check_max_pool("max_pool2d", 2))
kernel(max_pool2d, "numpy", "pool")


@fused
def max_pool2d_with_indices(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest element of every window, as max_pool2d, and where it is: row * w + column, what max_unpool2d takes.

    x (n, c, h, w)   ->   y (n, c, p, q), indices (n, c, p, q) of integers, -1 for a window that is all padding
    """
    windows, won, where_from, out = competing(x, kernel_size, stride, padding, dilation, ceil_mode)
    shape = (*x.shape[:2], *out)
    return reshape(take_along_axis(windows, won, 2), shape), reshape(take_along_axis(where_from, won, 2) - 1, shape)

max_pool2d_with_indices.rules(x="gx = g at the first winner of every window, else 0; where windows overlap it adds up")
max_pool2d_with_indices.checked_by(check_max_pool("max_pool2d", 2))
kernel(max_pool2d_with_indices, "numpy", "pool")


@fused
def max_pool1d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest element of every window: max_pool2d of images of height 1.

    x (n, c, l)   ->   y (n, c, p);  p = (l + 2*padding - dilation*(i - 1) - 1) // stride + 1
    """
    k, s, o, d = as_image((kernel_size, "kernel_size", 1), (stride, "stride", 1), (padding, "padding", 0),
                          (dilation, "dilation", 1))
    return squeeze(max_pool2d(expand_dims(x, 2), k, s, o, d, ceil_mode), 2)

max_pool1d.rules(x="gx = g at the first winner of every window, else 0; where windows overlap it adds up")
max_pool1d.checked_by(check_max_pool("max_pool1d", 1))


@fused
def max_pool1d_with_indices(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest element of every window, as max_pool1d, and where it is: what max_unpool1d takes.

    x (n, c, l)   ->   y (n, c, p), indices (n, c, p) of integers
    """
    k, s, o, d = as_image((kernel_size, "kernel_size", 1), (stride, "stride", 1), (padding, "padding", 0),
                          (dilation, "dilation", 1))
    y, indices = max_pool2d_with_indices(expand_dims(x, 2), k, s, o, d, ceil_mode)
    return squeeze(y, 2), squeeze(indices, 2)

max_pool1d_with_indices.rules(x="gx = g at the first winner of every window, else 0; where windows overlap it adds up")
max_pool1d_with_indices.checked_by(check_max_pool("max_pool1d", 1))


# --- the mean -------------------------------------------------------------------------------------------------

@fused
def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The mean of every window.

    x (n, c, h, w)   ->   y (n, c, p, q);  p = (h + 2*padding - i) // stride + 1 (rounded up with ceil_mode). stride: by
    default kernel_size. Zeros of the padding count unless count_include_pad=False; what a window of ceil_mode has
    beyond the padding never counts. divisor_override: divide every sum by this instead.
    """
    n, c = x.shape[:2]
    (i, j), s, _, ends, (p, q) = pool_geometry(x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    around = ((0, 0), (0, 0), *ends)
    windows = reshape(unfold(pad(widened(x), around), (i, j), s), (n, c, i * j, p * q))
    total = reshape(sum(windows, 2), (n, c, p, q))
    if divisor_override is not None:
        return narrowed(total / divisor_override, x)
    top, left = pair(padding, "padding")
    if ends == ((0, 0), (0, 0)) or count_include_pad and ends == ((top, top), (left, left)):
        return narrowed(total / (i * j), x)
    counted = ones_like(x[:1, :1])                                          # 1 where an element counts, 0 elsewhere
    if count_include_pad:
        counted = pad(counted, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=1)
        ends = tuple([(0, after - before) for before, after in ends])
    counted = pad(counted, ((0, 0), (0, 0), *ends))
    counted = reshape(sum(unfold(counted, (i, j), s), 1), (*counted.shape[:2], p, q))
    return narrowed(total / counted, x)

avg_pool2d.rules(x="gx = g / (number of elements) for every element of a window; where windows overlap it adds up")


def check_avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """Errors for windows that do not fit, and for a division by 0."""
    check_pool("avg_pool2d", x, 2, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None and not divisor_override:
        raise ValueError("avg_pool2d: divisor_override must not be 0")


avg_pool2d.checked_by(check_avg_pool2d)
kernel(avg_pool2d, "numpy", "avg_pool")


@fused
def avg_pool1d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of every window: avg_pool2d of images of height 1.

    x (n, c, l)   ->   y (n, c, p);  p = (l + 2*padding - i) // stride + 1 (rounded up with ceil_mode)
    """
    k, s, o = as_image((kernel_size, "kernel_size", 1), (stride, "stride", 1), (padding, "padding", 0))
    return squeeze(avg_pool2d(expand_dims(x, 2), k, s, o, ceil_mode, count_include_pad), 2)

avg_pool1d.rules(x="gx = g / (number of elements) for every element of a window; where windows overlap it adds up")
avg_pool1d.checked_by(lambda x, kernel_size, stride, padding, ceil_mode, count_include_pad: (
    check_pool("avg_pool1d", x, 1, kernel_size, stride, padding, 1, ceil_mode)))


# --- the norm -------------------------------------------------------------------------------------------------

@fused
def lp_pool2d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of x^norm_type)^(1/norm_type) over every window: the sum for 1, the largest magnitude for infinity.

    x (n, c, h, w)   ->   y (n, c, p, q). The powers are of x itself, not of its magnitude: for an odd norm_type a
    negative sum has no root, and is NaN. Where the sum is 0 so is the gradient.
    Raises ValueError for norm_type 0. Boureau et al. 2010.
    """
    if norm_type in (inf, -inf):
        way = 1 if norm_type > 0 else -1                                    # -max(-x) is the smallest
        return way * max_pool2d(way * abs(x), kernel_size, stride, 0, 1, ceil_mode)
    i, j = pair(kernel_size, "kernel_size")
    total = avg_pool2d(power(widened(x), norm_type), (i, j), stride, 0, ceil_mode) * (i * j)
    flat = equal(total, 0)                                                  # where a root may have no slope
    return narrowed(where(flat, 0 if norm_type > 0 else inf, power(where(flat, 1, total), 1 / norm_type)), x)

lp_pool2d.rules(x="gx = g * y^(1 - norm_type) * x^(norm_type - 1), added up where windows overlap")


@fused
def lp_pool1d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of x^norm_type)^(1/norm_type) over every window: lp_pool2d of images of height 1.

    x (n, c, l)   ->   y (n, c, p)
    """
    k, s = as_image((kernel_size, "kernel_size", 1), (stride, "stride", 1))
    return squeeze(lp_pool2d(expand_dims(x, 2), norm_type, k, s, ceil_mode), 2)

lp_pool1d.rules(x="gx = g * y^(1 - norm_type) * x^(norm_type - 1), added up where windows overlap")


def check_lp(what: str, axes: int) -> Any:
    """The check of a power-average pooling of sequences (axes 1) or images (2)."""
    def check(x, norm_type, kernel_size, stride, ceil_mode):
        if not norm_type:
            raise ValueError(f"{what}: norm_type must not be 0: there is no 0-th root")
        check_pool(what, x, axes, kernel_size, stride, 0, 1, ceil_mode)

    return check


lp_pool1d.checked_by(check_lp("lp_pool1d", 1))
lp_pool2d.checked_by(check_lp("lp_pool2d", 2))
