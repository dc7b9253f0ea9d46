"""conv2d as one matrix product a group: the columns of the whole batch side by side, (c*i*j, p*q*n).

y (k, p*q*n) = weight (k, c*i*j) @ columns. Images lie in memory as (c, h, w, n) here, the batch innermost: each kernel
offset copies long runs, and the product needs no transposed copy; callers see (n, k, p, q) through strides.
"""

from __future__ import annotations

import numpy as np

from ...geometry import geometry, offsets
from .common import full_precision


def conv2d_fits(x, weight, bias, stride, padding, dilation, groups):
    return full_precision(x, weight, bias) and len(x) > 0


def conv2d_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (n, c), (k, c_in) = x.shape[:2], weight.shape[:2]
    (i, j), stride, padding, dilation, (p, q) = geometry(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    image = batch_innermost(x, padding)
    columns = np.empty((c, i, j, p, q, n), x.dtype)
    for a, b, rows, cols in offsets((i, j), stride, dilation, (p, q)):
        columns[:, a, b] = image[:, rows, cols]
    columns = columns.reshape(groups, c_in * i * j, p * q * n)
    y = weight.reshape(groups, k // groups, c_in * i * j) @ columns                   # (f, k/f, pqn)
    if bias is not None:
        y += bias.reshape(groups, k // groups, 1)
    return y.reshape(k, p, q, n).transpose(3, 0, 1, 2), columns if needs[1] else None


def conv2d_backward(needs, g, columns, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (n, c, h, w), (k, c_in) = x.shape, weight.shape[:2]
    (i, j), stride, (top, left), dilation, (p, q) = geometry((h, w), weight.shape[2:], stride, padding, dilation)
    flat = np.ascontiguousarray(g.transpose(1, 2, 3, 0)).reshape(groups, k // groups, p * q * n)
    gx = gweight = gbias = None
    if needs[0]:
        filters = weight.reshape(groups, k // groups, c_in * i * j)
        gcolumns = (filters.transpose(0, 2, 1) @ flat).reshape(c, i, j, p, q, n)
        image = np.zeros((c, h + 2 * top, w + 2 * left, n), x.dtype)
        for a, b, rows, cols in offsets((i, j), stride, dilation, (p, q)):
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
