"""Batch normalisation, alone or with the addition and the relu that follow it, in two passes forward and two backward.

Forward: the sums of x and x^2 give mean and variance; then y = x * s + t with s = weight / sqrt(var + eps) and
t = bias - mean * s. Backward, with A = s, sums of g and g * x give

    gbias = sum(g)   gweight = sum(g * xhat)   gx = A * g + B * x + C,
    B = -s / sqrt(var + eps) * mean(g * xhat),   C = -s * mean(g) - B * mean        (Ioffe & Szegedy 2015, section 3)

The gradients of the statistics themselves only add to B and C. x is the node's own, so nothing of its size is kept.

That is accurate while |mean| is not much larger than the standard deviation. Where it is for some channel, a shift is
first taken from x in all passes: near to the mean, so the subtraction is exact, and what the mean differs from it goes
into t; the variance is corrected for it (Chan, Golub & LeVeque 1983, eq. 1.7). The cost is an operation on a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .channels import (
    BLOCK,
    STRETCH,
    column_sums,
    in_blocks,
    like_block,
    new_like,
    per_channel,
    rows,
    tiled,
    zeros,
)
from .common import full_precision
from .flat import gated

NEAR = 4.0                      # |mean| / std up to which sums of squares lose little: a factor 1 + NEAR^2 in var
LARGE = 1 << 16                 # elements from which on the shift is left out where it may be


class Statistics(NamedTuple):
    """Of each channel, in float64: its mean, 1 / sqrt(var + eps), its variance; and what is taken from x first."""

    mean: np.ndarray
    scale: np.ndarray
    var: np.ndarray
    shift: np.ndarray | None

    @property
    def offset(self) -> np.ndarray:
        """The mean of x once the shift has been taken from it."""
        return self.mean if self.shift is None else self.mean - self.shift


def shifted(block: np.ndarray, shift: np.ndarray | None) -> np.ndarray:
    """A block less the shift, in scratch memory; the block itself if there is none."""
    return block if shift is None else np.subtract(block, shift, out=like_block("shifted", block))


def sums(x: np.ndarray, c: int, shift: np.ndarray | None = None) -> list:
    """The sums over each channel of x - shift and of its square.   x: rows of pixels"""
    tile = None if shift is None else tiled(shift, x)

    def block(part: slice) -> list:
        d = shifted(x[part], tile)
        return [column_sums(d, c), column_sums(d, c, d)]

    return in_blocks(block, x, STRETCH if shift is None else BLOCK)


def statistics(x: np.ndarray, c: int, eps: float) -> Statistics:
    """Mean and variance of each channel.   x: rows of pixels"""
    m = x.size // c
    total, squares = sums(x, c)
    mean = total / m
    var, shift = squares / m - mean * mean, None
    if x.size < LARGE or not (mean * mean <= NEAR * NEAR * var).all():      # not: NaN has no shift that would help
        shift = mean.astype(x.dtype).astype("f8")
        total, squares = sums(x, c, shift)
        rest = total / m
        mean, var = shift + rest, np.maximum(squares / m - rest * rest, 0)
    return Statistics(mean, 1 / np.sqrt(var + eps), var, shift)


def given(mean: np.ndarray, var: np.ndarray, eps: float) -> Statistics:
    """The same of statistics that are known."""
    mean, var = mean.astype("f8"), var.astype("f8")
    scale = 1 / np.sqrt(var + eps)
    return Statistics(mean, scale, var, None if (np.abs(mean) * scale <= NEAR).all() else mean)


def normalized(x: np.ndarray, known: Statistics, weight: np.ndarray | None, bias: np.ndarray | None,
               residual: np.ndarray | None = None, relu: bool = False, flat: np.ndarray | None = None) -> np.ndarray:
    """y (n, c, ...) = (x - mean) * scale * weight + bias, + residual, then relu.   flat: rows(x), if at hand"""
    flat = rows(x) if flat is None else flat
    y = new_like(x)
    out, added = rows(y), None if residual is None else rows(residual)
    factor = known.scale if weight is None else known.scale * weight
    term = -known.offset * factor if bias is None else bias - known.offset * factor
    shift = None if known.shift is None else tiled(known.shift, flat)
    factor, term, nothing = tiled(factor, flat), tiled(term, flat), zeros(flat)

    def block(part: slice) -> None:
        o = out[part]
        np.multiply(flat[part] if shift is None else np.subtract(flat[part], shift, out=o), factor, out=o)
        np.add(o, term, out=o)
        if added is not None:
            np.add(o, added[part], out=o)
        if relu:
            np.maximum(o, nothing, out=o)

    in_blocks(block, flat)
    return y


def gradient_sums(g: np.ndarray, x: np.ndarray, c: int, known: Statistics, y: np.ndarray | None = None,
                  masked: np.ndarray | None = None) -> list:
    """The sums over each channel of g and of g * xhat. With y, relu's output, g is first masked, into `masked`."""
    shift = None if known.shift is None else tiled(known.shift, x)

    def block(part: slice) -> list:
        if y is not None and masked is not None:
            gated(masked[part], g[part], y[part])
        h = g[part] if masked is None else masked[part]
        return [column_sums(h, c), column_sums(h, c, shifted(x[part], shift))]

    gbias, gx = in_blocks(block, x, STRETCH if y is None and shift is None else 2 * BLOCK)
    return [gbias, (gx - known.offset * gbias) * known.scale]


def combined(out: np.ndarray, g: np.ndarray, x: np.ndarray, shift: np.ndarray | None, a: np.ndarray, b: np.ndarray,
             c: np.ndarray) -> None:
    """out = a * g + b * (x - shift) + c, with vectors for each channel; out may be g."""
    a, b, c = tiled(a, x), tiled(b, x), tiled(c, x)
    shift = None if shift is None else tiled(shift, x)

    def block(part: slice) -> None:
        o, product = out[part], like_block("product", x[part])
        np.multiply(g[part], a, out=o)
        np.multiply(shifted(x[part], shift), b, out=product)
        np.add(o, product, out=o)
        np.add(o, c, out=o)

    in_blocks(block, x)


# --- by the statistics of the batch ---------------------------------------------------------------------------

def train_forward(x, weight, bias, eps, residual=None, relu=False):
    """((y, mean, var), statistics)"""
    flat = rows(x)
    known = statistics(flat, x.shape[1], eps)
    y = normalized(x, known, weight, bias, residual, relu, flat)
    return (y, known.mean.astype(x.dtype), known.var.astype(x.dtype)), tuple(known)


def train_backward(needs, g, known, x, weight, y=None, needs_residual=False):
    """The gradients of x, weight, bias and the residual. y: the output, where a relu made it."""
    (gy, gmean, gvar), c, m = g, x.shape[1], per_channel(x)
    flat, gx = rows(x), new_like(x)
    gresidual = new_like(x) if needs_residual else None
    gy = np.zeros_like(x) if gy is None else gy
    h = rows(gy)
    if y is None:
        gbias, gweight = gradient_sums(h, flat, c, known)
    else:
        masked = rows(gx if gresidual is None else gresidual)
        gbias, gweight = gradient_sums(h, flat, c, known, rows(y), masked)
        h = masked
    if needs[0]:
        a = known.scale if weight is None else known.scale * weight
        b, constant = -a * known.scale * gweight / m, -a * gbias / m
        if gmean is not None:
            constant = constant + gmean / m
        if gvar is not None:
            b = b + gvar * (2 / m)
        combined(rows(gx), h, flat, known.shift, a, b, constant - b * known.offset)
    return (gx if needs[0] else None, gweight.astype(x.dtype) if needs[1] else None,
            gbias.astype(x.dtype) if needs[2] else None, gresidual)


def batch_norm_train_fits(x, weight, bias, eps):
    return full_precision(x, weight, bias) and x.size > 0


def batch_norm_train_forward(needs, x, weight=None, bias=None, eps=1e-5):
    return train_forward(x, weight, bias, eps)


def batch_norm_train_backward(needs, g, kept, x, weight=None, bias=None, eps=1e-5):
    return *train_backward(needs, g, Statistics(*kept), x, weight)[:3], None


def batch_norm_relu_train_fits(x, weight, bias, eps, residual):
    return full_precision(x, weight, bias, residual) and x.size > 0


def batch_norm_relu_train_forward(needs, x, weight=None, bias=None, eps=1e-5, residual=None):
    outputs, known = train_forward(x, weight, bias, eps, residual, relu=True)
    return outputs, (outputs[0], *known)


def batch_norm_relu_train_backward(needs, g, kept, x, weight=None, bias=None, eps=1e-5, residual=None):
    y, *known = kept
    gx, gweight, gbias, gresidual = train_backward(needs, g, Statistics(*known), x, weight, y, needs[4])
    return gx, gweight, gbias, None, gresidual


# --- by given statistics --------------------------------------------------------------------------------------

def eval_backward(needs, g, x, known, weight, y=None, needs_residual=False):
    """The gradients of x, mean, var, weight, bias and the residual. known: the statistics as they were in the forward,
    for a layer's own move on in training. y: the output, where a relu made it."""
    c = x.shape[1]
    flat, h, out = rows(x), rows(g), new_like(x)
    masked = None if y is None else rows(out)
    gbias, gweight = gradient_sums(h, flat, c, known, None if y is None else rows(y), masked)
    gresidual = out.copy(order="K") if needs_residual else None
    factor = known.scale if weight is None else known.scale * weight
    if needs[0]:
        source, a, result = h if masked is None else masked, tiled(factor, flat), rows(out)

        def block(part: slice) -> None:
            np.multiply(source[part], a, out=result[part])

        in_blocks(block, flat)
    vectors = [-gbias * factor, gweight * factor * known.scale * -0.5, gweight, gbias]
    return (out if needs[0] else None,
            *[v.astype(x.dtype) if need else None for v, need in zip(vectors, needs[1:5], strict=True)], gresidual)


def batch_norm_eval_fits(x, mean, var, weight, bias, eps):
    return full_precision(x, mean, var, weight, bias) and x.size > 0


def batch_norm_eval_forward(needs, x, mean, var, weight=None, bias=None, eps=1e-5):
    known = given(mean, var, eps)
    return normalized(x, known, weight, bias), tuple(known) if any(needs) else None


def batch_norm_eval_backward(needs, g, kept, x, mean, var, weight=None, bias=None, eps=1e-5):
    return *eval_backward(needs, g, x, Statistics(*kept), weight)[:5], None


def batch_norm_relu_eval_fits(x, mean, var, weight, bias, eps, residual):
    return full_precision(x, mean, var, weight, bias, residual) and x.size > 0


def batch_norm_relu_eval_forward(needs, x, mean, var, weight=None, bias=None, eps=1e-5, residual=None):
    known = given(mean, var, eps)
    y = normalized(x, known, weight, bias, residual, relu=True)
    return y, (y, *known) if any(needs) else None


def batch_norm_relu_eval_backward(needs, g, kept, x, mean, var, weight=None, bias=None, eps=1e-5, residual=None):
    y, *known = kept
    *gradients, gresidual = eval_backward(needs, g, x, Statistics(*known), weight, y, needs[6])
    return *gradients, None, gresidual
