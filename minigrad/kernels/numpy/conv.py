"""conv2d as one matrix product: the columns of the whole batch side by side, (c*i*j, n*p*q).

y (k, n*p*q) = weight (k, c*i*j) @ columns. Images lie channel-first in memory here, (c, n, h, w), so that the
product needs no transposed copy; callers see (n, c, h, w) through strides.
"""

from __future__ import annotations

import numpy as np

from .common import both, full_precision, positions, windows


def conv2d_fits(x, weight, bias, stride, padding, dilation, groups):
    p, q = positions(x.shape[2:], weight.shape[2:], both(stride), both(padding), both(dilation))
    return full_precision(x, weight, bias) and min(p, q, x.shape[0]) > 0


def conv2d_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (n, c), (k, c_in, i, j) = x.shape[:2], weight.shape
    stride, padding, dilation = both(stride), both(padding), both(dilation)
    p, q = positions(x.shape[2:], (i, j), stride, padding, dilation)
    image = batch_innermost(x, padding)
    columns = np.empty((c, i, j, p, q, n), x.dtype)
    for a, b, rows, cols in windows((i, j), stride, dilation, (p, q)):
        columns[:, a, b] = image[:, rows, cols]
    columns = columns.reshape(groups, c_in * i * j, p * q * n)
    y = weight.reshape(groups, k // groups, c_in * i * j) @ columns                   # (f, k/f, pqn)
    if bias is not None:
        y += bias.reshape(groups, k // groups, 1)
    return y.reshape(k, p, q, n).transpose(3, 0, 1, 2), columns if needs[1] else None


def conv2d_backward(needs, g, columns, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (n, c, h, w), (k, c_in, i, j) = x.shape, weight.shape
    p, q = g.shape[2:]
    flat = np.ascontiguousarray(g.transpose(1, 2, 3, 0)).reshape(groups, k // groups, p * q * n)
    gx = gweight = gbias = None
    if needs[0]:
        filters = weight.reshape(groups, k // groups, c_in * i * j)
        gcolumns = (filters.transpose(0, 2, 1) @ flat).reshape(c, i, j, p, q, n)
        top, left = both(padding)
        image = np.zeros((c, h + 2 * top, w + 2 * left, n), x.dtype)
        for a, b, rows, cols in windows((i, j), both(stride), both(dilation), (p, q)):
            image[:, rows, cols] += gcolumns[:, a, b]
        gx = image[:, top:top + h, left:left + w].transpose(3, 0, 1, 2)
    if needs[1]:
        gweight = (flat @ columns.transpose(0, 2, 1)).reshape(weight.shape)
    if needs[2]:
        gbias = flat.sum(2).reshape(k)
    return gx, gweight, gbias, None, None, None, None


def batch_innermost(x, padding):
    """x (n, c, h, w) as (c, h, w, n) in memory, with zeros around its images."""
    (n, c, h, w), (top, left) = x.shape, padding
    if not (top or left):
        return np.ascontiguousarray(x.transpose(1, 2, 3, 0))
    image = np.zeros((c, h + 2 * top, w + 2 * left, n), x.dtype)
    image[:, top:top + h, left:left + w] = x.transpose(1, 2, 3, 0)
    return image
