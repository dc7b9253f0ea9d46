"""linear as one matrix product over all rows of the batch, in whatever order the rows lie in memory.

The output and the gradient of x lie as x does: a batch behind permuted axes, (l, n, d) in memory as (n, l, d), is read
and written without a copy.
"""

from __future__ import annotations

import numpy as np

from ...products import product
from ...threads import split
from .common import column_sums, full_precision, in_order, like, memory_order

MANY = 1 << 16                  # elements of an output to which the bias is added by several threads


def linear_fits(x, weight, bias):
    return full_precision(x, weight, bias)


def linear_forward(needs, x, weight, bias=None):
    if x.ndim == 2:
        y = rows = product(x, weight.T)
    else:
        order = memory_order(x)
        y = like(x, order, len(weight))
        rows = in_order(y, order)
        product(in_order(x, order), weight.T, out=rows)
    if bias is not None:
        if rows.size < MANY:
            rows += bias
        else:
            split(lambda low, high: np.add(rows[low:high], bias, out=rows[low:high]), len(rows))
    return y, None


def linear_backward(needs, g, kept, x, weight, bias=None):
    if x.ndim == 2:
        rows, inputs = g, x
        gx = product(g, weight) if needs[0] else None
    else:
        order, gx = memory_order(x), None
        rows, inputs = in_order(g, order), in_order(x, order)
        if needs[0]:
            gx = like(x, order, x.shape[-1])
            product(rows, weight, out=in_order(gx, order))
    gweight = product(rows.T, inputs) if needs[1] else None
    return gx, gweight, column_sums(rows) if needs[2] else None
