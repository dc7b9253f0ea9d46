"""layer_norm and rms_norm, row by row. Of each row only its mean and its scale, 1 / sqrt(var + eps), are kept.

Sums along a row and along a column are products with a vector, many times as fast as NumPy's sums over short axes. With
c = x - mean and h = g * weight the gradient of x is

    gx = scale * (h - mean(h) - c * scale^2 * mean(h * c))      mean(h) = g (weight / d)
                                                                mean(h * c) = (g * c) (weight / d)

and that of the weight scale^T (g * c): Ba et al. 2016, equation 3, differentiated.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ...scratch import scratch
from .common import by_rows, full_precision, in_order, like, memory_order

LONG = 1 << 12                  # elements of a row for which the start of a loop counts little
ROUNDING = {np.dtype("f4"): 1e-6, np.dtype("f8"): 1e-15}    # of a mean, in standard deviations, that is let pass


def layer_norm_fits(x, normalized_shape, weight, bias, eps):
    return full_precision(x, weight, bias) and x.size > 0


def layer_norm_forward(needs, x, normalized_shape, weight=None, bias=None, eps=1e-5):
    order, rows = as_rows(x, normalized_shape)
    n, d = rows.shape
    y = like(x, order, x.shape[-1])
    out, share, weight, bias = flat(y, order, d), np.full(d, 1 / d, x.dtype), repeated(weight, n), repeated(bias, n)
    mean, scale = np.empty((n, 1), x.dtype), np.empty((n, 1), x.dtype)

    def part(low, high):
        c = out[low:high]
        mean[low:high, 0], scale[low:high, 0] = whitened(rows[low:high], share, eps, c)
        c *= scale[low:high]
        each_row(np.multiply, c, weight)
        each_row(np.add, c, bias)

    by_rows(part, n, d)
    return y, (mean, scale)


def whitened(x, share, eps, out):
    """The means and the scales of the rows of x; x less its means goes to out."""
    mean = x @ share
    np.subtract(x, mean[:, None], out=out)
    more = out @ share                                      # where |mean| >> std, rounding is left of it
    var = np.vecdot(out, out) * share[0]
    if (np.abs(more) > ROUNDING[x.dtype] * np.sqrt(var)).any():
        out -= more[:, None]
        mean += more
        var = np.vecdot(out, out) * share[0]
    var += x.dtype.type(eps)
    return mean, np.reciprocal(np.sqrt(var, out=var), out=var)


def layer_norm_backward(needs, g, kept, x, normalized_shape, weight=None, bias=None, eps=1e-5):
    mean, scale = kept
    order, rows = as_rows(x, normalized_shape)
    n, d = rows.shape
    gx = like(x, order, x.shape[-1]) if needs[0] else None
    arriving, out = flat(g, order, d), flat(gx, order, d)
    w, share = repeated(weight, n), np.full(d, 1 / d, x.dtype)
    share = share if w is None else share * w[0]

    def part(low, high):
        g, s = arriving[low:high], scale[low:high]
        c = np.subtract(rows[low:high], mean[low:high], out=scratch("centred", g.shape, x.dtype))
        gc = np.multiply(g, c, out=scratch("squares", g.shape, x.dtype))
        if needs[0]:
            c *= (gc @ share)[:, None] * s * s
            c += (g @ share)[:, None]
            slope(g, w, c, s, out[low:high])
        return s[:, 0] @ gc if needs[2] else None, np.ones(len(g), g.dtype) @ g if needs[3] else None

    gweight, gbias = totals(by_rows(part, n, d), normalized_shape)
    return gx, None, gweight, gbias, None


def rms_norm_fits(x, normalized_shape, weight, eps):
    return full_precision(x, weight) and x.size > 0


def rms_norm_forward(needs, x, normalized_shape, weight=None, eps=None):
    order, rows = as_rows(x, normalized_shape)
    n, d = rows.shape
    y = like(x, order, x.shape[-1])
    out, share, weight = flat(y, order, d), np.full(d, 1 / d, x.dtype), repeated(weight, n)
    eps = np.finfo(x.dtype).eps if eps is None else eps
    scale = np.empty((n, 1), x.dtype)

    def part(low, high):
        c, rms = out[low:high], scale[low:high]
        rms[:, 0] = np.vecdot(rows[low:high], rows[low:high]) * share[0]
        rms += x.dtype.type(eps)
        np.reciprocal(np.sqrt(rms, out=rms), out=rms)
        np.multiply(rows[low:high], rms, out=c)
        each_row(np.multiply, c, weight)

    by_rows(part, n, d)
    return y, scale


def rms_norm_backward(needs, g, scale, x, normalized_shape, weight=None, eps=None):
    order, rows = as_rows(x, normalized_shape)
    n, d = rows.shape
    gx = like(x, order, x.shape[-1]) if needs[0] else None
    arriving, out = flat(g, order, d), flat(gx, order, d)
    w, share = repeated(weight, n), np.full(d, 1 / d, x.dtype)
    share = share if w is None else share * w[0]

    def part(low, high):
        g, x, s = arriving[low:high], rows[low:high], scale[low:high]
        gc = np.multiply(g, x, out=scratch("squares", g.shape, x.dtype))
        gweight = s[:, 0] @ gc if needs[2] else None
        if needs[0]:
            slope(g, w, np.multiply(x, (gc @ share)[:, None] * s * s, out=gc), s, out[low:high])
        return gweight,

    gweight, = totals(by_rows(part, n, d), normalized_shape)
    return gx, None, gweight, None


# --- shared ---------------------------------------------------------------------------------------------------

def slope(g, weight, c, scale, out):
    """out = scale * (g * weight - c)"""
    if weight is None:
        np.subtract(g, c, out=out)
    else:
        each_row(np.multiply, g, weight, out)
        out -= c
    out *= scale


def as_rows(x, normalized_shape):
    """The order of axes in which x can be read without a copy, and x as rows, one to be normalised each."""
    order = memory_order(x) if np.size(normalized_shape) == 1 else None
    return order, flat(x, order, int(np.prod(normalized_shape)))


def flat(x, order, d):
    """x as rows of d elements; None of None."""
    return None if x is None else in_order(x, order) if order else x.reshape(x.size // d, d)


def repeated(weight, n):
    """The weight, repeated to some rows, of which there are n in all; None of None."""
    if weight is None:
        return None
    return np.repeat(weight.reshape(1, -1), max(1, min(n, LONG // weight.size)), 0)


def each_row(function, x, tile, out=None):
    """function(x, a row) for every row of x, in place or to out: for as many rows at once as the tile has, for NumPy
    starts anew for each row that it repeats."""
    if tile is None:
        return
    out = x if out is None else out
    whole = len(x) // len(tile) * len(tile)
    several, into = [a[:whole].reshape(-1, tile.size) for a in (x, out)]
    function(several, tile.reshape(-1), out=into)
    function(x[whole:], tile[0], out=out[whole:])


def totals(parts, normalized_shape):
    """The sums of what the blocks found, in the weight's shape; None for what was not wanted."""
    shape = tuple(normalized_shape) if np.size(normalized_shape) > 1 else (prod(np.atleast_1d(normalized_shape)),)
    return [None if values[0] is None else sum(values[1:], values[0]).reshape(shape)
            for values in zip(*parts, strict=True)]
