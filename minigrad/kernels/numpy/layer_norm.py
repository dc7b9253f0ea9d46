"""layer_norm and rms_norm, row by row. Of each row only its mean and its scale, 1 / sqrt(var + eps), are kept.

Sums along a row and along a column are products with a vector, many times as fast as NumPy's sums over short axes; and
what changes from row to row and from column to column is a product of two vectors, many times as fast as NumPy's
repeating of a row or of a number. With h = g * weight, a mean over a row written as m(...), and r = scale^3 m(h * c),
c = x - mean:

    y  = x * (scale weight^T) + (bias - mean * scale weight^T)
    gx = g * (scale weight^T) - r x + (r mean - scale m(h))         m(h) = g (weight / d)
                                                                    m(h * c) = (g * x) (weight / d) - mean m(h)
    gweight = scale^T (g * x) - (scale mean)^T g

Ba et al. 2016, equation 3, differentiated. That is as accurate as rounding allows while |mean| is not much larger than
the standard deviation; where it is for some row of a block, the block's means are first taken from x.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ...scratch import scratch
from .common import by_rows, full_precision, in_order, like, memory_order

NEAR = 4.0                      # |mean| / std up to which sums of squares lose little: a factor 1 + NEAR^2 in var


def layer_norm_fits(x, normalized_shape, weight, bias, eps):
    return full_precision(x, weight, bias) and x.size > 0


def layer_norm_forward(needs, x, normalized_shape, weight=None, bias=None, eps=1e-5):
    order, rows = as_rows(x, normalized_shape)
    n, d = rows.shape
    y = like(x, order, x.shape[-1])
    out, share = flat(y, order, d), np.full(d, 1 / d, x.dtype)
    lines = np.zeros((2, d), x.dtype)
    lines[:1] = as_line(weight, d, x.dtype)
    if bias is not None:
        lines[1] = bias.reshape(d)
    mean, scale = np.empty((n, 1), x.dtype), np.empty((n, 1), x.dtype)

    def part(low, high):
        block, y, s = rows[low:high], out[low:high], scale[low:high]
        offset, var = moments(block, share)
        mean[low:high, 0] = offset
        if not (offset * offset <= NEAR * NEAR * var).all():
            block = np.subtract(block, offset[:, None], out=y)
            offset, var = moments(block, share)                 # what rounding has left of the means
            mean[low:high, 0] += offset
        s[:, 0] = inverse_root(var, eps)
        terms = np.ones((len(y), 2), x.dtype)
        terms[:, 0] = -offset * s[:, 0]
        np.multiply(block, plane(s, lines[:1]), out=y)
        y += plane(terms, lines)

    with np.errstate(over="ignore", invalid="ignore"):          # of squares, where |mean| is large: they are taken anew
        by_rows(part, n, d)
    return y, (mean, scale)


def moments(x, share):
    """Mean and variance of every row; infinite where a square is."""
    mean, square = x @ share, np.vecdot(x, x) * share[0]
    return mean, np.maximum(np.where(np.isinf(square), square, square - mean * mean), 0)


def layer_norm_backward(needs, g, kept, x, normalized_shape, weight=None, bias=None, eps=1e-5):
    mean, scale = kept
    if not is_moderate(scale):
        return (None,) * 5
    order, rows = as_rows(x, normalized_shape)
    n, d = rows.shape
    gx = like(x, order, x.shape[-1]) if needs[0] else None
    arriving, out = flat(g, order, d), flat(gx, order, d)
    line, ones = as_line(weight, d, x.dtype), np.ones((1, d), x.dtype)
    share = line[0] / x.dtype.type(d)

    def part(low, high):
        g, block, offset, s = arriving[low:high], rows[low:high], mean[low:high, 0], scale[low:high, 0]
        if not (np.abs(offset * s) <= NEAR).all():
            block = np.subtract(block, offset[:, None], out=scratch("centred", g.shape, x.dtype))
            offset = np.zeros_like(offset)
        product = np.multiply(g, block, out=scratch("squares", g.shape, x.dtype))
        weights = np.ones((2, len(g)), x.dtype)
        np.multiply(-s, offset, out=weights[0])
        from_g = weights @ g if needs[2] or needs[3] else None
        gweight = s @ product + from_g[0] if needs[2] else None
        if needs[0]:
            mean_h = g @ share
            rate = s * s * s * (product @ share - offset * mean_h)
            slope(g, block, s, line, rate, product, out[low:high])
            out[low:high] += plane((rate * offset - s * mean_h)[:, None], ones)
        return gweight, from_g[1] if needs[3] else None

    gweight, gbias = totals(by_rows(part, n, d), normalized_shape)
    return gx, None, gweight, gbias, None


def rms_norm_fits(x, normalized_shape, weight, eps):
    return full_precision(x, weight) and x.size > 0


def rms_norm_forward(needs, x, normalized_shape, weight=None, eps=None):
    order, rows = as_rows(x, normalized_shape)
    n, d = rows.shape
    y = like(x, order, x.shape[-1])
    out, line, scale = flat(y, order, d), as_line(weight, d, x.dtype), np.empty((n, 1), x.dtype)
    eps = np.finfo(x.dtype).eps if eps is None else eps

    def part(low, high):
        block, s = rows[low:high], scale[low:high]
        s[:, 0] = inverse_root(np.vecdot(block, block) * x.dtype.type(1 / d), eps)
        np.multiply(block, plane(s, line), out=out[low:high])

    by_rows(part, n, d)
    return y, scale


def rms_norm_backward(needs, g, scale, x, normalized_shape, weight=None, eps=None):
    if not is_moderate(scale):
        return (None,) * 4
    order, rows = as_rows(x, normalized_shape)
    n, d = rows.shape
    gx = like(x, order, x.shape[-1]) if needs[0] else None
    arriving, out, line = flat(g, order, d), flat(gx, order, d), as_line(weight, d, x.dtype)

    def part(low, high):
        g, block, s = arriving[low:high], rows[low:high], scale[low:high, 0]
        product = np.multiply(g, block, out=scratch("squares", g.shape, x.dtype))
        gweight = s @ product if needs[2] else None
        if needs[0]:
            rate = s * s * s * (product @ (line[0] / x.dtype.type(d)))
            slope(g, block, s, line, rate, product, out[low:high])
        return gweight,

    gweight, = totals(by_rows(part, n, d), normalized_shape)
    return gx, None, gweight, None


# --- shared ---------------------------------------------------------------------------------------------------

def plane(column, lines):
    """column (n, k) @ lines (k, d), in scratch memory. By dot: for a sum of one term matmul does without BLAS."""
    return np.dot(column, lines, out=scratch("plane", (len(column), lines.shape[1]), lines.dtype))


def slope(g, x, scale, line, rate, spare, out):
    """out = g * (scale line) - rate x, with a scale and a rate for each row."""
    np.multiply(g, plane(scale[:, None], line), out=out)
    out -= np.multiply(x, rate[:, None], out=spare)


def inverse_root(square, eps):
    """1 / sqrt(square + eps), in place."""
    square += square.dtype.type(eps)
    return np.reciprocal(np.sqrt(square, out=square), out=square)


def is_moderate(scale):
    """Whether the third powers in a gradient are far from the ends of the dtype: else it is the definition's. NaN is:
    nothing would help it."""
    least = np.finfo(scale.dtype).tiny ** 0.25
    return not ((scale < least) | (scale > 1 / least)).any()


def as_line(weight, d, dtype):
    """The weight as a matrix of one row; ones for None."""
    return np.ones((1, d), dtype) if weight is None else weight.reshape(1, d)


def as_rows(x, normalized_shape):
    """The order of axes in which x can be read without a copy, and x as rows, one to be normalised each."""
    order = memory_order(x) if np.size(normalized_shape) == 1 else None
    return order, flat(x, order, int(np.prod(normalized_shape)))


def flat(x, order, d):
    """x as rows of d elements; None of None."""
    return None if x is None else in_order(x, order) if order else x.reshape(x.size // d, d)


def totals(parts, normalized_shape):
    """The sums of what the blocks found, in the weight's shape; None for what was not wanted."""
    shape = tuple(normalized_shape) if np.size(normalized_shape) > 1 else (prod(np.atleast_1d(normalized_shape)),)
    return [None if values[0] is None else sum(values[1:], values[0]).reshape(shape)
            for values in zip(*parts, strict=True)]
