"""Oracles of convolution along one axis, and of transposed convolution, as nested loops; conv2d is in windows.py.

n c l batch, channels, length; k filters; i offset inside the kernel; p q positions where a window lies.
"""

import numpy as np


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n, k, p] = bias[k] + sum over c, i of weight[k, c, i] x[n, c', p stride + i dilation - padding]"""
    n, _, length = x.shape
    k, c, kernel = weight.shape
    y = np.zeros((n, k, (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1))
    for image, filter_, p in np.ndindex(*y.shape):
        y[image, filter_, p] = 0.0 if bias is None else bias[filter_]
        for channel in range(c):
            for i in range(kernel):
                at = p * stride + i * dilation - padding
                if 0 <= at < length:
                    pixel = x[image, filter_ // (k // groups) * c + channel, at]
                    y[image, filter_, p] += weight[filter_, channel, i] * pixel
    return y


def conv_transpose1d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Every element x[n, c, p] adds weight[c, k, i] times itself at p stride + i dilation - padding of y[n, k']."""
    n, c, positions = x.shape
    _, k, kernel = weight.shape
    length = (positions - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + output_padding
    y = np.zeros((n, k * groups, length))
    for image, channel, p, filter_, i in np.ndindex(n, c, positions, k, kernel):
        at = p * stride + i * dilation - padding
        if 0 <= at < length:
            out = channel // (c // groups) * k + filter_
            y[image, out, at] += weight[channel, filter_, i] * x[image, channel, p]
    if bias is not None:
        for image, out, at in np.ndindex(*y.shape):
            y[image, out, at] += bias[out]
    return y


def conv_transpose2d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Every pixel adds the filters of its channel, times itself, where its window lies."""
    (sh, sw), (ph, pw), (eh, ew), (dh, dw) = [(value, value) if isinstance(value, int) else value
                                              for value in (stride, padding, output_padding, dilation)]
    n, c, rows, columns = x.shape
    _, k, kh, kw = weight.shape
    h, w = (rows - 1) * sh - 2 * ph + dh * (kh - 1) + 1 + eh, (columns - 1) * sw - 2 * pw + dw * (kw - 1) + 1 + ew
    y = np.zeros((n, k * groups, h, w))
    for image, channel, p, q, filter_, i, j in np.ndindex(n, c, rows, columns, k, kh, kw):
        at_h, at_w = p * sh + i * dh - ph, q * sw + j * dw - pw
        if 0 <= at_h < h and 0 <= at_w < w:
            out = channel // (c // groups) * k + filter_
            y[image, out, at_h, at_w] += weight[channel, filter_, i, j] * x[image, channel, p, q]
    if bias is not None:
        for image, out, at_h, at_w in np.ndindex(*y.shape):
            y[image, out, at_h, at_w] += bias[out]
    return y


ORACLES = {"conv1d": conv1d, "conv_transpose1d": conv_transpose1d, "conv_transpose2d": conv_transpose2d}
