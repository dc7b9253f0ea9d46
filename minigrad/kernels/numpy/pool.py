"""Pooling as running maxima and sums over the kernel's offsets; no column matrix."""

from __future__ import annotations

import numpy as np

from ...geometry import geometry, offsets, pair
from .common import full_precision, padded


def max_pool2d_fits(x, kernel_size, stride, padding, dilation, ceil_mode):
    i, j = pair(kernel_size, "kernel_size")
    return not ceil_mode and full_precision(x) and i * j < 128             # the winners' numbers are int8


def max_pool2d_forward(needs, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    kernel, stride, padding, dilation, out = geometry(x.shape[2:], kernel_size, stride, padding, dilation)
    image = padded(x, padding, -np.inf)
    best = winner = None
    for number, (_, _, rows, cols) in enumerate(offsets(kernel, stride, dilation, out)):
        candidate = image[:, :, rows, cols]
        if best is None:
            best = candidate.copy()
            winner = np.zeros(best.shape, np.int8) if needs[0] else None
            continue
        higher = np.maximum(best, candidate)                            # NaN passes through
        if needs[0]:
            np.putmask(winner, higher != best, number)                  # the first of equals stays
        best = higher
    if needs[0] and not np.isfinite(best).all():
        settle(winner, best, image, padded(np.ones((1, 1, *x.shape[2:]), bool), padding, False),
               offsets(kernel, stride, dilation, out))
    return best, winner


def settle(winner, best, image, inside, candidates):
    """Winners where `!=` does not tell: the last NaN, and among nothing but -inf the first that is no padding."""
    for number, (_, _, rows, cols) in reversed(list(enumerate(candidates))):
        np.putmask(winner, (best == -np.inf) & inside[:, :, rows, cols], number)
    for number, (_, _, rows, cols) in enumerate(candidates):
        np.putmask(winner, np.isnan(image[:, :, rows, cols]), number)


def max_pool2d_backward(needs, g, winner, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    (n, c, h, w) = x.shape
    kernel, stride, (top, left), dilation, out = geometry(x.shape[2:], kernel_size, stride, padding, dilation)
    image = np.zeros((n, c, h + 2 * top, w + 2 * left), x.dtype)
    for number, (_, _, rows, cols) in enumerate(offsets(kernel, stride, dilation, out)):
        image[:, :, rows, cols] += g * (winner == number)
    return image[:, :, top:top + h, left:left + w], None, None, None, None, None


def avg_pool2d_fits(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    whole = count_include_pad or pair(padding, "padding") == (0, 0) or divisor_override is not None
    return not ceil_mode and whole and full_precision(x)


def avg_pool2d_forward(needs, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                       divisor_override=None):
    kernel, stride, padding, dilation, out = geometry(x.shape[2:], kernel_size, stride, padding, 1)
    image = padded(x, padding)
    total = None
    for _, _, rows, cols in offsets(kernel, stride, dilation, out):
        if total is None:
            total = image[:, :, rows, cols].copy()
        else:
            total += image[:, :, rows, cols]
    total *= 1 / (divisor_override or kernel[0] * kernel[1])
    return total, None


def avg_pool2d_backward(needs, g, kept, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                        divisor_override=None):
    (n, c, h, w) = x.shape
    kernel, stride, (top, left), dilation, out = geometry(x.shape[2:], kernel_size, stride, padding, 1)
    share = g * (1 / (divisor_override or kernel[0] * kernel[1]))
    image = np.zeros_like(x, shape=(n, c, h + 2 * top, w + 2 * left))
    for _, _, rows, cols in offsets(kernel, stride, dilation, out):
        image[:, :, rows, cols] += share
    return image[:, :, top:top + h, left:left + w], None, None, None, None, None, None
