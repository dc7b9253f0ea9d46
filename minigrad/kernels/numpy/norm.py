"""batch_norm and layer_norm. The mean is taken out before squares are summed: |mean| >> std costs no precision."""

from __future__ import annotations

import numpy as np

from .common import full_precision


def batch_norm_train_fits(x, weight, bias, eps):
    return full_precision(x, weight, bias) and x.size > 0


def batch_norm_train_forward(needs, x, weight=None, bias=None, eps=1e-5):
    axes, row = (0, *range(2, x.ndim)), (1, x.shape[1]) + (1,) * (x.ndim - 2)
    mean = x.mean(axes)
    centred = x - mean.reshape(row)
    var = np.square(centred).mean(axes)
    scale = 1 / np.sqrt(var + x.dtype.type(eps))
    centred *= scale.reshape(row)                                       # now xhat
    y = centred.copy() if weight is None else centred * weight.reshape(row)
    if bias is not None:
        y += bias.reshape(row)
    return (y, mean, var), (centred, scale)


def batch_norm_train_backward(needs, g, kept, x, weight=None, bias=None, eps=1e-5):
    gy, gmean, gvar = g
    xhat, scale = kept
    axes, row, m = (0, *range(2, x.ndim)), (1, x.shape[1]) + (1,) * (x.ndim - 2), x.size // x.shape[1]
    gx, gweight, gbias = np.zeros((), x.dtype), np.zeros_like(scale), np.zeros_like(scale)
    if gy is not None:
        gbias, gweight = gy.sum(axes), (gy * xhat).sum(axes)
        factor = scale if weight is None else scale * weight
        gx = xhat * (gweight * (-1 / m)).reshape(row)
        gx += gy
        gx -= (gbias * (1 / m)).reshape(row)
        gx *= factor.reshape(row)
    if gmean is not None:
        gx = gx + (gmean / m).reshape(row)
    if gvar is not None:
        gx = gx + xhat * (gvar / scale * (2 / m)).reshape(row)
    gx = np.broadcast_to(gx, x.shape).copy() if gx.shape != x.shape else gx
    return gx if needs[0] else None, gweight if needs[1] else None, gbias if needs[2] else None, None


def layer_norm_fits(x, normalized_shape, weight, bias, eps):
    return full_precision(x, weight, bias) and x.size > 0


def layer_norm_forward(needs, x, normalized_shape, weight=None, bias=None, eps=1e-5):
    axes = last_axes(normalized_shape)
    centred = x - x.mean(axes, keepdims=True)
    scale = 1 / np.sqrt(np.square(centred).mean(axes, keepdims=True) + x.dtype.type(eps))
    centred *= scale                                                    # now xhat
    y = centred.copy() if weight is None else centred * weight
    if bias is not None:
        y += bias
    return y, (centred, scale)


def layer_norm_backward(needs, g, kept, x, normalized_shape, weight=None, bias=None, eps=1e-5):
    xhat, scale = kept
    axes = last_axes(normalized_shape)
    batch = tuple(range(x.ndim - len(axes)))
    gx = gweight = gbias = None
    if needs[0]:
        h = g if weight is None else g * weight
        gx = h - h.mean(axes, keepdims=True)
        gx -= xhat * (h * xhat).mean(axes, keepdims=True)
        gx *= scale
    if needs[2]:
        gweight = (g * xhat).sum(batch)
    if needs[3]:
        gbias = g.sum(batch)
    return gx, None, gweight, gbias, None


def last_axes(normalized_shape) -> tuple[int, ...]:
    """The axes that normalized_shape, an int or a sequence, is about: (-2, -1) for (3, 4)."""
    return tuple(range(-np.size(normalized_shape), 0))
