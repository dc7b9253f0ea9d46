"""Pooling as running maxima and sums over the kernel's offsets; no column matrix."""

from __future__ import annotations

import numpy as np

from .common import both, full_precision, padded, positions, windows


def shape_of_windows(x, kernel_size, stride, padding, dilation):
    """Kernel, stride, padding and dilation as pairs, and the numbers of positions."""
    kernel, padding, dilation = both(kernel_size), both(padding), both(dilation)
    stride = kernel if stride is None else both(stride)
    return kernel, stride, padding, dilation, positions(x.shape[2:], kernel, stride, padding, dilation)


def max_pool2d_fits(x, kernel_size, stride, padding, dilation, ceil_mode):
    kernel, _, padding, _, out = shape_of_windows(x, kernel_size, stride, padding, dilation)
    inside = all([2 * o <= k for o, k in zip(padding, kernel, strict=True)])
    return not ceil_mode and inside and full_precision(x) and min(out) > 0 and kernel[0] * kernel[1] < 128


def max_pool2d_forward(needs, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    kernel, stride, padding, dilation, out = shape_of_windows(x, kernel_size, stride, padding, dilation)
    image = padded(x, padding, -np.inf)
    best = winner = None
    for number, (_, _, rows, cols) in enumerate(windows(kernel, stride, dilation, out)):
        candidate = image[:, :, rows, cols]
        if best is None:
            best = candidate.copy()
            winner = np.zeros(best.shape, np.int8) if needs[0] else None
            continue
        higher = np.maximum(best, candidate)                            # NaN passes through
        if needs[0]:
            np.putmask(winner, higher != best, number)                  # the first of equals stays
        best = higher
    return best, winner


def max_pool2d_backward(needs, g, winner, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    (n, c, h, w) = x.shape
    kernel, stride, (top, left), dilation, out = shape_of_windows(x, kernel_size, stride, padding, dilation)
    image = np.zeros((n, c, h + 2 * top, w + 2 * left), x.dtype)
    for number, (_, _, rows, cols) in enumerate(windows(kernel, stride, dilation, out)):
        image[:, :, rows, cols] += g * (winner == number)
    return image[:, :, top:top + h, left:left + w], None, None, None, None, None


def avg_pool2d_fits(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    kernel, _, padding, _, out = shape_of_windows(x, kernel_size, stride, padding, 1)
    inside = all([2 * o <= k for o, k in zip(padding, kernel, strict=True)])
    whole = count_include_pad or padding == (0, 0) or divisor_override is not None
    return not ceil_mode and whole and inside and full_precision(x) and min(out) > 0


def avg_pool2d_forward(needs, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                       divisor_override=None):
    kernel, stride, padding, dilation, out = shape_of_windows(x, kernel_size, stride, padding, 1)
    image = padded(x, padding)
    total = None
    for _, _, rows, cols in windows(kernel, stride, dilation, out):
        if total is None:
            total = image[:, :, rows, cols].copy()
        else:
            total += image[:, :, rows, cols]
    total *= 1 / (divisor_override or kernel[0] * kernel[1])
    return total, None


def avg_pool2d_backward(needs, g, kept, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                        divisor_override=None):
    (n, c, h, w) = x.shape
    kernel, stride, (top, left), dilation, out = shape_of_windows(x, kernel_size, stride, padding, 1)
    share = g * (1 / (divisor_override or kernel[0] * kernel[1]))
    image = np.zeros_like(x, shape=(n, c, h + 2 * top, w + 2 * left))
    for _, _, rows, cols in windows(kernel, stride, dilation, out):
        image[:, :, rows, cols] += share
    return image[:, :, top:top + h, left:left + w], None, None, None, None, None, None
