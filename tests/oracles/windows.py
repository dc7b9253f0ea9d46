"""Oracles of what slides a window over an image: unfold, fold, convolution and pooling, as nested loops.

n c h w batch, channels, height, width; k filters; i j offset inside the kernel; p q position of the output.
"""

import math

import numpy as np


def pair(value):
    """(vertical, horizontal) of an int or of a pair."""
    return (value, value) if isinstance(value, int) else tuple(value)


def positions(size, kernel, stride, padding, dilation):
    """How many places a kernel has along one axis: (size + 2 padding - dilation (kernel - 1) - 1) // stride + 1."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def unfold(x, kernel_size, stride=1, padding=0, dilation=1):
    """Every window as a column: x (n, c, h, w) -> (n, c*i*j, p*q), zeros outside the image."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    n, c, h, w = x.shape
    p, q = positions(h, kh, sh, ph, dh), positions(w, kw, sw, pw, dw)
    y = np.zeros((n, c * kh * kw, p * q))
    for image, channel, i, j, row, column in np.ndindex(n, c, kh, kw, p, q):
        at_h, at_w = row * sh - ph + i * dh, column * sw - pw + j * dw
        if 0 <= at_h < h and 0 <= at_w < w:
            y[image, (channel * kh + i) * kw + j, row * q + column] = x[image, channel, at_h, at_w]
    return y


def fold(x, output_size, kernel_size, stride=1, padding=0, dilation=1):
    """Every column back to its window, overlaps added: x (n, c*i*j, p*q) -> (n, c, h, w)."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    h, w = pair(output_size)
    n, c = x.shape[0], x.shape[1] // (kh * kw)
    p, q = positions(h, kh, sh, ph, dh), positions(w, kw, sw, pw, dw)
    y = np.zeros((n, c, h, w))
    for image, channel, i, j, row, column in np.ndindex(n, c, kh, kw, p, q):
        at_h, at_w = row * sh - ph + i * dh, column * sw - pw + j * dw
        if 0 <= at_h < h and 0 <= at_w < w:
            y[image, channel, at_h, at_w] += x[image, (channel * kh + i) * kw + j, row * q + column]
    return y


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n, k, p, q] = bias[k] + sum over c, i, j of weight[k, c, i, j] x[n, c', p stride + i dilation - padding, ...]

    x (n, c, h, w)   weight (k, c/groups, i, j)   bias (k,): filter k sees the channels c' of its own group.
    """
    (sh, sw), (ph, pw), (dh, dw) = map(pair, (stride, padding, dilation))
    n, _, h, w = x.shape
    k, c, kh, kw = weight.shape
    y = np.zeros((n, k, positions(h, kh, sh, ph, dh), positions(w, kw, sw, pw, dw)))
    for image in range(n):
        for filter_ in range(k):
            first = filter_ // (k // groups) * c
            for p in range(y.shape[2]):
                for q in range(y.shape[3]):
                    y[image, filter_, p, q] = 0.0 if bias is None else bias[filter_]
                    for channel in range(c):
                        for i in range(kh):
                            for j in range(kw):
                                row, column = p * sh + i * dh - ph, q * sw + j * dw - pw
                                if 0 <= row < h and 0 <= column < w:
                                    pixel = x[image, first + channel, row, column]
                                    y[image, filter_, p, q] += weight[filter_, channel, i, j] * pixel
    return y


def conv2d_relu(*args, **options):
    """What is above 0 in a convolution."""
    return rectified(conv2d(*args, **options))


def rectified(y):
    """Every element, or 0 if that is more."""
    y = y.copy()
    for place in np.ndindex(y.shape):
        y[place] = max(y[place], 0.0)
    return y


def pooled(size, kernel, stride, padding, dilation, ceil_mode):
    """Positions of a pooling window; with ceil_mode also the one that hangs over, if it starts inside or on the left
    padding."""
    reach = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (math.ceil if ceil_mode else math.floor)(reach / stride) + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest value in every window; the padding never wins."""
    (kh, kw), (ph, pw), (dh, dw) = map(pair, (kernel_size, padding, dilation))
    sh, sw = (kh, kw) if stride is None else pair(stride)
    n, c, h, w = x.shape
    p, q = pooled(h, kh, sh, ph, dh, ceil_mode), pooled(w, kw, sw, pw, dw, ceil_mode)
    y = np.full((n, c, p, q), -math.inf)
    for image, channel, row, column, i, j in np.ndindex(n, c, p, q, kh, kw):
        at_h, at_w = row * sh - ph + i * dh, column * sw - pw + j * dw
        if 0 <= at_h < h and 0 <= at_w < w:
            y[image, channel, row, column] = max(y[image, channel, row, column], x[image, channel, at_h, at_w])
    return y


def avg_pool2d(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The sum of every window over a divisor: the pixels in it, the padding in it if that counts, or a given number.

    What hangs over the padding (ceil_mode) is never counted.
    """
    (kh, kw), (ph, pw) = pair(kernel_size), pair(padding)
    sh, sw = (kh, kw) if stride is None else pair(stride)
    n, c, h, w = x.shape
    y = np.zeros((n, c, pooled(h, kh, sh, ph, 1, ceil_mode), pooled(w, kw, sw, pw, 1, ceil_mode)))
    for image, channel, p, q in np.ndindex(*y.shape):
        total, pixels, padded = 0.0, 0, 0
        for i in range(kh):
            for j in range(kw):
                row, column = p * sh - ph + i, q * sw - pw + j
                if 0 <= row < h and 0 <= column < w:
                    total += x[image, channel, row, column]
                    pixels += 1
                if row < h + ph and column < w + pw:
                    padded += 1
        y[image, channel, p, q] = total / (divisor_override or (padded if count_include_pad else pixels))
    return y


ORACLES = {"unfold": unfold, "fold": fold, "conv2d": conv2d, "conv2d_relu": conv2d_relu, "max_pool2d": max_pool2d,
           "avg_pool2d": avg_pool2d}
