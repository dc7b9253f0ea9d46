"""Pooling."""

from __future__ import annotations

from builtins import max as larger
from math import inf
from typing import Any

from ..fused import fused
from ..geometry import pair, positions
from .elementwise import ones_like, where
from .kernels import kernel
from .logic import equal, isnan, logical_and
from .reductions import argmax, max, narrowed, sum, widened
from .shape import pad, reshape, take_along_axis
from .windows import check_image, unfold

__all__ = ["avg_pool2d", "max_pool2d"]


def layout(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> tuple[int, int]:
    """The number of positions along one axis, and the padding after its end.

    With ceil_mode a last window that reaches beyond the padded end is kept if it starts inside the image or its left
    padding.
    """
    short = dilation * (kernel - 1) + 1 - size - 2 * padding                # > 0: the window is longer than everything
    over = short % stride if ceil_mode and stride > larger(short, 0) else 0
    out = positions(size + over, kernel, stride, padding, dilation)
    if 2 * padding > kernel:
        raise ValueError(f"padding {padding} is more than half of the kernel, {kernel}: "
                         "a window could lie outside the image")
    if over and (out - 1) * stride >= size + padding:
        return out - 1, padding
    return out, padding + over


def geometry(x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> tuple:
    """Kernel, stride and dilation as pairs; ((top, bottom), (left, right)) padding; the numbers of positions (p, q)."""
    k, o, d = pair(kernel_size, "kernel_size"), pair(padding, "padding"), pair(dilation, "dilation")
    s = k if stride is None else pair(stride, "stride")
    axes = [layout(*axis, ceil_mode) for axis in zip(x.shape[2:], k, s, o, d, strict=True)]
    ends = tuple([(before, after) for before, (_, after) in zip(o, axes, strict=True)])
    return k, s, d, ends, tuple([out for out, _ in axes])


def check_pool(what: str, x: Any, *options: Any) -> None:
    """Errors for an input that is no batch of images, and for windows that do not fit into it."""
    check_image(what, x)
    geometry(x, *options)


@fused
def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest element of every window. The gradient goes to the first winner of a window (where there are NaNs, to
    the last of them); padding never wins.

    x (n, c, h, w)   ->   y (n, c, p, q);  p = (h + 2*padding - dilation*(i - 1) - 1) // stride + 1 (rounded up with
    ceil_mode). stride: by default kernel_size. kernel_size, stride, padding, dilation: an int or a pair.
    Raises ValueError for x that is no batch of images, a window that does not fit, a padding above half the kernel.
    """
    n, c = x.shape[:2]
    k, s, d, ends, (p, q) = geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    around, size, is_padded = ((0, 0), (0, 0), *ends), k[0] * k[1], ends != ((0, 0), (0, 0))
    windows = unfold(pad(x, around, -inf) if is_padded else x, k, s, 0, d)
    windows = reshape(windows, (n, c, size, p * q))
    top = max(windows, 2, True)                                             # (n, c, 1, p*q)
    wins = equal(windows, top)
    if is_padded:                                                           # which may be -inf all over
        inside = unfold(pad(ones_like(x[:1, :1]), around), k, s, 0, d)
        wins = logical_and(wins, reshape(inside, (*x[:1, :1].shape[:2], size, p * q)))
    last_nan = size - 1 - argmax(isnan(windows[:, :, ::-1]), 2, True)
    winners = where(isnan(top), last_nan, argmax(wins, 2, True))            # argmax gives the first of equals
    return reshape(take_along_axis(windows, winners, 2), (n, c, p, q))

max_pool2d.rules(x="gx = g at the first winner of every window, else 0; where windows overlap it adds up")
max_pool2d.checked_by(lambda x, *options: check_pool("max_pool2d", x, *options))
kernel(max_pool2d, "numpy", "pool")


@fused
def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The mean of every window.

    x (n, c, h, w)   ->   y (n, c, p, q);  p = (h + 2*padding - i) // stride + 1 (rounded up with ceil_mode). stride: by
    default kernel_size. Zeros of the padding count unless count_include_pad=False; what a window of ceil_mode has
    beyond the padding never counts. divisor_override: divide every sum by this instead.
    """
    n, c = x.shape[:2]
    (i, j), s, _, ends, (p, q) = geometry(x, kernel_size, stride, padding, 1, ceil_mode)
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
        counted = pad(counted, ((0, 0), (0, 0), (top, top), (left, left)), 1)
        ends = tuple([(0, after - before) for before, after in ends])
    counted = pad(counted, ((0, 0), (0, 0), *ends))
    counted = reshape(sum(unfold(counted, (i, j), s), 1), (*counted.shape[:2], p, q))
    return narrowed(total / counted, x)

avg_pool2d.rules(x="gx = g / (number of elements) for every element of a window; where windows overlap it adds up")
avg_pool2d.checked_by(lambda x, kernel_size, stride, padding, ceil_mode, *options: (
    check_pool("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)))
kernel(avg_pool2d, "numpy", "pool")
