"""softmax, log_softmax and cross_entropy, in blocks of rows that stay in the cache.

Along the last axis sums are products with a vector of ones, many times as fast as NumPy's sums over short axes; along
another the arrays are worked on whole. cross_entropy keeps two numbers of each row, its largest logit and the sum of
the exponentials, and computes the probabilities again when the gradient is asked for.
"""

from __future__ import annotations

import numpy as np

from .common import by_rows, full_precision


def softmax_fits(x, axis):
    return full_precision(x) and x.size > 0 and x.ndim > 0


def softmax_forward(needs, x, axis=-1):
    if not is_last(axis, x):
        y = x - x.max(axis, keepdims=True)
        np.exp(y, out=y)
        y /= y.sum(axis, keepdims=True)
        return y, y
    y = np.empty(x.shape, x.dtype)
    rows, out = matrix(x), matrix(y)

    def part(low, high):
        e = out[low:high]
        exponentials(rows[low:high], e)
        e *= np.reciprocal(row_sums(e))

    by_rows(part, *rows.shape)
    return y, y


def softmax_backward(needs, g, y, x, axis=-1):
    if not is_last(axis, x):
        gx = g - (g * y).sum(axis, keepdims=True)
        gx *= y
        return gx, None
    gx = np.empty(x.shape, x.dtype)
    arriving, rows, out = matrix(g), matrix(y), matrix(gx)

    def part(low, high):
        h = np.multiply(arriving[low:high], rows[low:high], out=out[low:high])
        np.subtract(arriving[low:high], row_sums(h), out=h)
        h *= rows[low:high]

    by_rows(part, *rows.shape)
    return gx, None


log_softmax_fits = softmax_fits


def log_softmax_forward(needs, x, axis=-1):
    if not is_last(axis, x):
        y = x - x.max(axis, keepdims=True)
        y -= np.log(np.exp(y).sum(axis, keepdims=True))
        return y, y
    y = np.empty(x.shape, x.dtype)
    rows, out = matrix(x), matrix(y)

    def part(low, high):
        below = out[low:high]
        largest = exponentials(rows[low:high], below)
        total = np.log(row_sums(below))
        np.subtract(rows[low:high], largest, out=below)
        below -= total

    by_rows(part, *rows.shape)
    return y, y


def log_softmax_backward(needs, g, y, x, axis=-1):
    if not is_last(axis, x):
        gx = np.exp(y)
        gx *= -g.sum(axis, keepdims=True)
        gx += g
        return gx, None
    gx = np.empty(x.shape, x.dtype)
    arriving, rows, out = matrix(g), matrix(y), matrix(gx)

    def part(low, high):
        h = np.exp(rows[low:high], out=out[low:high])
        h *= -row_sums(arriving[low:high])
        h += arriving[low:high]

    by_rows(part, *rows.shape)
    return gx, None


# --- along the last axis --------------------------------------------------------------------------------------

def is_last(axis, x):
    return axis in (-1, x.ndim - 1)


def matrix(x):
    return x.reshape(x.size // x.shape[-1], x.shape[-1])


def exponentials(x, out):
    """out = e^(x - the largest of its row); the largest, (n, 1)."""
    largest = x.max(1, keepdims=True)
    np.subtract(x, largest, out=out)
    np.exp(out, out=out)
    return largest


def row_sums(x):
    """(n, c) -> (n, 1)"""
    return (x @ np.ones(x.shape[1], x.dtype))[:, None]


# --- cross_entropy --------------------------------------------------------------------------------------------

def cross_entropy_fits(x, target, weight, ignore_index, reduction, label_smoothing):
    """(n, c) logits, one class index each, every target counting the same."""
    return (full_precision(x) and x.ndim == 2 and target.ndim == 1 and x.size > 0 and weight is None
            and not label_smoothing and not (target == ignore_index).any())


def cross_entropy_forward(needs, x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    n, c = x.shape
    largest, total = np.empty((n, 1), x.dtype), np.empty((n, 1), x.dtype)

    def part(low, high):
        e = np.empty((high - low, c), x.dtype)
        largest[low:high] = exponentials(x[low:high], e)
        total[low:high] = row_sums(e)

    by_rows(part, n, c)
    loss = np.log(total[:, 0]) - (x[np.arange(n), target] - largest[:, 0])
    return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](loss), (largest, total)


def cross_entropy_backward(needs, g, kept, x, target, weight=None, ignore_index=-100, reduction="mean",
                           label_smoothing=0.0):
    largest, total = kept
    n, c = x.shape
    gx = np.empty(x.shape, x.dtype)
    share = np.broadcast_to(g / n if reduction == "mean" else g, (n,)).astype(x.dtype, copy=False)
    factor = share[:, None] / total

    def part(low, high):
        h = np.subtract(x[low:high], largest[low:high], out=gx[low:high])
        np.exp(h, out=h)
        h *= factor[low:high]

    by_rows(part, n, c)
    gx[np.arange(n), target] -= share
    return gx, None, None, None, None, None
