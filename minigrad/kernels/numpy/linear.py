"""linear as one matrix product over all rows of the batch, in whatever order the rows lie in memory.

The output and the gradient of x lie as x does: a batch behind permuted axes, (l, n, d) in memory as (n, l, d), is read
and written without a copy.
"""

from __future__ import annotations

import numpy as np

from ...products import product, together
from .common import column_sums, full_precision, in_order, like, memory_order


def linear_fits(x, weight, bias):
    return full_precision(x, weight, bias)


def linear_forward(needs, x, weight, bias=None):
    if x.ndim == 2:
        return product(x, weight.T, bias=bias), None
    order = memory_order(x)
    y = like(x, order, len(weight))
    product(in_order(x, order), weight.T, in_order(y, order), bias)
    return y, None


def linear_backward(needs, g, kept, x, weight, bias=None):
    order = memory_order(x)
    rows, inputs, jobs, gx, gweight = in_order(g, order), in_order(x, order), [], None, None
    if needs[0]:
        gx = like(x, order, x.shape[-1])
        jobs.append((rows, weight, in_order(gx, order)))
    if needs[1]:
        gweight = np.empty_like(weight, order="C")
        jobs.append((rows.T, inputs, gweight))
    together(*jobs)
    return gx, gweight, column_sums(rows) if needs[2] else None
