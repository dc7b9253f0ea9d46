"""linear as one matrix product over all rows of the batch."""

from __future__ import annotations

from math import prod

from .common import full_precision


def linear_fits(x, weight, bias):
    return full_precision(x, weight, bias)


def linear_forward(needs, x, weight, bias=None):
    y = x.reshape(prod(x.shape[:-1]), x.shape[-1]) @ weight.T
    if bias is not None:
        y += bias
    return y.reshape(*x.shape[:-1], weight.shape[0]), None


def linear_backward(needs, g, kept, x, weight, bias=None):
    rows = g.reshape(prod(g.shape[:-1]), g.shape[-1])
    gx = (rows @ weight).reshape(x.shape) if needs[0] else None
    gweight = rows.T @ x.reshape(len(rows), x.shape[-1]) if needs[1] else None
    return gx, gweight, rows.sum(0) if needs[2] else None
