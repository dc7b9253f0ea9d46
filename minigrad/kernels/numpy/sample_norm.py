"""group_norm and instance_norm_train: whitening over a part of each sample, which stays in the cache for all passes.

Each sample lies as a matrix of pixels by channels. The sums of a channel are products with ones, those of a group the
sums of its channels'; then all is a scale and a shift for each channel of each sample:

    y = d * s + t,   gx = A * g + B * d + C,   d = x - shift.

The shift is the mean in x's own precision; what remains of the mean is corrected for, as in batch_norm.py, which also
derives the coefficients. With h = g * weight, means over a group:

    A = weight * scale,   B = -scale^2 * mean(h * xhat),   C = -scale * mean(h) - B * (mean - shift)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...threads import split
from .channels import WORTH, column_sums, like_block, new_like, rows, tiled
from .common import full_precision


class Statistics(NamedTuple):
    """Of every group of every sample (n, groups), in float64; the shift is in x's precision."""

    mean: np.ndarray
    scale: np.ndarray
    var: np.ndarray
    shift: np.ndarray


def samples(x: np.ndarray) -> np.ndarray:
    """x (n, c, ...) as (n, pixels / t, t * c), as `rows` does it for each sample."""
    first = rows(x[:1])
    return rows(x).reshape(len(x), *first.shape)


def by_samples(work, x):
    """Call work(i) for all samples, split over threads."""
    def part(low: int, high: int) -> None:
        for i in range(low, high):
            work(i)

    split(part, len(x), max(1, WORTH * len(x) // x.size))


def grouped(sums: np.ndarray, groups: int) -> np.ndarray:
    """Sums over channels (c,) as sums over groups."""
    return sums.reshape(groups, -1).sum(1)


def spread(values: np.ndarray, c: int) -> np.ndarray:
    """Values of groups (groups,) as values of their channels (c,)."""
    return np.repeat(values, c // len(values))


def whitened(x, groups, weight, bias, eps):
    """y, and the statistics."""
    n, c = x.shape[:2]
    m = x.size // (n * groups)
    y, source = new_like(x), samples(x)
    target = samples(y)
    mean, scale, var, shift = np.empty((4, n, groups))

    def sample(i):
        block, d = source[i], target[i]
        shift[i] = (grouped(column_sums(block, c), groups) / m).astype(x.dtype)
        np.subtract(block, tiled(spread(shift[i], c), block), out=d)
        rest = grouped(column_sums(d, c), groups) / m
        var[i] = np.maximum(grouped(column_sums(d, c, d), groups) / m - rest * rest, 0)
        mean[i], scale[i] = shift[i] + rest, 1 / np.sqrt(var[i] + eps)
        factor = spread(scale[i], c) if weight is None else spread(scale[i], c) * weight
        term = -spread(rest, c) * factor if bias is None else bias - spread(rest, c) * factor
        np.multiply(d, tiled(factor, d), out=d)
        np.add(d, tiled(term, d), out=d)

    by_samples(sample, x)
    return y, Statistics(mean, scale, var, shift)


def gradients(needs, g, known, x, weight, gmean=None, gvar=None):
    """Of x, weight and bias. gmean, gvar (n, groups): those of the statistics, None for 0."""
    n, c = x.shape[:2]
    groups = known.mean.shape[1]
    m = x.size // (n * groups)
    gx, source, arrived = new_like(x), samples(x), samples(g)
    target = samples(gx)
    gweight, gbias = np.empty((2, n, c))

    def sample(i):
        block, h, out = source[i], arrived[i], target[i]
        d = np.subtract(block, tiled(spread(known.shift[i], c), block), out=like_block("centred", block))
        rest, scale = known.mean[i] - known.shift[i], spread(known.scale[i], c)
        gbias[i] = column_sums(h, c)
        gweight[i] = (column_sums(h, c, d) - spread(rest, c) * gbias[i]) * scale
        a = scale if weight is None else scale * weight
        weighted = (gweight[i], gbias[i]) if weight is None else (gweight[i] * weight, gbias[i] * weight)
        along, across = [grouped(sums, groups) / m for sums in weighted]
        b, constant = -known.scale[i] ** 2 * along, -known.scale[i] * across
        if gvar is not None:
            b = b + gvar[i] * (2 / m)
        if gmean is not None:
            constant = constant + gmean[i] / m
        np.multiply(d, tiled(spread(b, c), d), out=d)
        np.multiply(h, tiled(a, h), out=out)
        np.add(out, d, out=out)
        np.add(out, tiled(spread(constant - b * rest, c), out), out=out)

    by_samples(sample, x)
    return [gx if needs[0] else None, *[v.sum(0).astype(x.dtype) if need else None
                                        for v, need in zip((gweight, gbias), needs[1:], strict=True)]]


def group_norm_fits(x, num_groups, weight, bias, eps):
    return full_precision(x, weight, bias) and x.size > 0


def group_norm_forward(needs, x, num_groups, weight=None, bias=None, eps=1e-5):
    y, known = whitened(x, num_groups, weight, bias, eps)
    return y, tuple(known)


def group_norm_backward(needs, g, kept, x, num_groups, weight=None, bias=None, eps=1e-5):
    gx, gweight, gbias = gradients([needs[0], *needs[2:4]], g, Statistics(*kept), x, weight)
    return gx, None, gweight, gbias, None


def instance_norm_train_fits(x, weight, bias, eps):
    return full_precision(x, weight, bias) and x.size > 0


def instance_norm_train_forward(needs, x, weight=None, bias=None, eps=1e-5):
    y, known = whitened(x, x.shape[1], weight, bias, eps)
    return (y, known.mean.astype(x.dtype), known.var.astype(x.dtype)), tuple(known)


def instance_norm_train_backward(needs, g, kept, x, weight=None, bias=None, eps=1e-5):
    gy, gmean, gvar = g
    gy = np.zeros_like(x) if gy is None else gy
    return *gradients(needs[:3], gy, Statistics(*kept), x, weight, gmean, gvar), None
