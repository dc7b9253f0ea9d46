"""conv2d as one matrix product: the columns of the whole batch side by side, (c*i*j, n*p*q).

y (k, n*p*q) = weight (k, c*i*j) @ columns. Images lie channel-first in memory here, (c, n, h, w), so that the
product needs no transposed copy; callers see (n, c, h, w) through strides.
"""

from __future__ import annotations

import numpy as np

from .common import both, full_precision, padded, positions, windows


def conv2d_fits(x, weight, bias, stride, padding, dilation, groups):
    p, q = positions(x.shape[2:], weight.shape[2:], both(stride), both(padding), both(dilation))
    return full_precision(x, weight, bias) and min(p, q, x.shape[0]) > 0


def conv2d_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (n, c), (k, c_in, i, j) = x.shape[:2], weight.shape
    stride, padding, dilation = both(stride), both(padding), both(dilation)
    p, q = positions(x.shape[2:], (i, j), stride, padding, dilation)
    image = padded(x.transpose(1, 0, 2, 3), padding)
    columns = np.empty((c, i, j, n, p, q), x.dtype)
    for a, b, rows, cols in windows((i, j), stride, dilation, (p, q)):
        columns[:, a, b] = image[:, :, rows, cols]
    columns = columns.reshape(groups, c_in * i * j, n * p * q)
    y = weight.reshape(groups, k // groups, c_in * i * j) @ columns                   # (f, k/f, npq)
    if bias is not None:
        y += bias.reshape(groups, k // groups, 1)
    return y.reshape(k, n, p, q).transpose(1, 0, 2, 3), columns if needs[1] else None


def conv2d_backward(needs, g, columns, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (n, c, h, w), (k, c_in, i, j) = x.shape, weight.shape
    p, q = g.shape[2:]
    flat = np.ascontiguousarray(g.transpose(1, 0, 2, 3)).reshape(groups, k // groups, n * p * q)
    gx = gweight = gbias = None
    if needs[0]:
        filters = weight.reshape(groups, k // groups, c_in * i * j)
        gcolumns = (filters.transpose(0, 2, 1) @ flat).reshape(c, i, j, n, p, q)
        top, left = both(padding)
        image = np.zeros((c, n, h + 2 * top, w + 2 * left), x.dtype)
        for a, b, rows, cols in windows((i, j), both(stride), both(dilation), (p, q)):
            image[:, :, rows, cols] += gcolumns[:, a, b]
        gx = image[:, :, top:top + h, left:left + w].transpose(1, 0, 2, 3)
    if needs[1]:
        gweight = (flat @ columns.transpose(0, 2, 1)).reshape(weight.shape)
    if needs[2]:
        gbias = flat.sum(2).reshape(k)
    return gx, gweight, gbias, None, None, None, None
