"""Activations in blocks, without large temporaries.

Most gain by the threads, leaky_relu and sigmoid also by fewer passes than their plain forwards make.
"""

from __future__ import annotations

import numpy as np

from .common import full_precision
from .flat import constant, elementwise, gated, spare

# --- relu -----------------------------------------------------------------------------------------------------

def relu_forward(x):
    def block(y, x):
        np.maximum(x, constant(0, x.dtype)[:len(x)], out=y)

    return elementwise(block, x)


def relu_gx(g, y):
    return elementwise(gated, g, y)


def add_relu_fits(a, b):
    return full_precision(a, b) and a.shape == b.shape and a.size > 0


def add_relu_forward(needs, a, b):
    def block(y, a, b):
        np.add(a, b, out=y)
        np.maximum(y, constant(0, y.dtype)[:len(y)], out=y)

    y = elementwise(block, a, b)
    return y, y if any(needs) else None


def add_relu_backward(needs, g, y, a, b):
    ga = elementwise(gated, g, y)
    return ga if needs[0] else None, (ga.copy(order="K") if needs[0] else ga) if needs[1] else None


def is_plain(slope):
    """Whether a leaky_relu is max(x, slope * x). 0 is not, of which an infinite x makes NaN."""
    return isinstance(slope, float) and 0 < slope <= 1


def leaky_relu_forward(x, negative_slope=0.01):
    if not is_plain(negative_slope):
        return np.where(x > 0, x, x * negative_slope)

    def block(y, x):
        np.multiply(x, negative_slope, out=y)
        np.maximum(x, y, out=y)

    return elementwise(block, x)


def leaky_relu_gx(g, x, negative_slope):
    if not is_plain(negative_slope):
        return np.where(x > 0, g, g * negative_slope)

    def block(gx, g, x):
        mask = spare(x, bool)
        np.greater(x, 0, out=mask)
        np.copyto(gx, mask)
        np.maximum(gx, constant(negative_slope, x.dtype)[:len(x)], out=gx)      # 1 or the slope
        np.multiply(gx, g, out=gx)

    return elementwise(block, g, x)


# --- with an exponential --------------------------------------------------------------------------------------

def tanh_forward(x):
    return elementwise(lambda y, x: np.tanh(x, out=y), x)


def tanh_gx(g, y):
    def block(gx, g, y):
        slope = spare(y)
        np.multiply(y, y, out=slope)
        np.subtract(1, slope, out=slope)
        np.multiply(g, slope, out=gx)

    return elementwise(block, g, y)


def sigmoid_forward(x):
    def block(y, x):                                    # e^-x to infinity gives 0; where x is small y is its inverse
        np.negative(x, out=y)
        with np.errstate(over="ignore"):
            np.exp(y, out=y)
        np.add(y, 1, out=y)
        np.divide(1, y, out=y)

    return elementwise(block, x)


def sigmoid_gx(g, y):
    def block(gx, g, y):
        rest = spare(y)
        np.subtract(1, y, out=rest)
        np.multiply(rest, y, out=rest)
        np.multiply(g, rest, out=gx)

    return elementwise(block, g, y)
