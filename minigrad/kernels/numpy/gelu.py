"""gelu and silu in float32, in pieces that stay in the cache.

The normal distribution function P(x) is (1 + tanh(u(x))) / 2 with u(x) = log(P(x) / P(-x)) / 2, odd and smooth. The
exact gelu takes for u a polynomial x * p(x^2), the tanh variant that of Hendrycks & Gimpel 2016, x * (a + b * x^2), so
that one tanh and a few products do for both, and nothing can overflow to NaN: tanh(+-inf) is +-1.

p is the minimax polynomial for P on |x| <= 6, weighted least squares with Lawson's weights: |error of P| < 3e-8, in
float32 arithmetic < 1e-7; beyond, where P is 0 or 1 in float32, u goes on growing, its highest coefficient is positive.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from ...scratch import scratch
from .flat import constant, elementwise

EXACT = (1.75617309e-09, -1.32263417e-07, 3.9647453e-06, -5.53061981e-05, -3.25949663e-05, 0.0363330846, 0.797884941)
PAPER = (sqrt(2 / pi) * 0.044715, sqrt(2 / pi))
WORTH = 1 << 16                 # elements that are worth a thread: work has many passes over them
FAR = 1600.0                    # the square of an x at which the density is 0
POLYNOMIALS = {"none": EXACT, "tanh": PAPER}


def gelu_fits(x, *rest):
    return x.dtype == np.float32 and rest[-1] in POLYNOMIALS


def gelu_forward(x, approximate="none"):
    def work(y, x):
        half = np.multiply(x, np.float32(0.5), out=scratch("half", x.shape, x.dtype))
        squashed(x, POLYNOMIALS[approximate], y)
        y *= half
        y += half                                           # x/2 + x/2 * tanh(u)

    with np.errstate(over="ignore", invalid="ignore"):
        return elementwise(work, x, worth=WORTH)


def gelu_gx(g, x, approximate="none"):
    slope = exact_slope if approximate == "none" else paper_slope
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return elementwise(slope, g, x, worth=WORTH)


def exact_slope(gx, g, x):
    """gx = g * (P(x) + x * p(x)), p the density e^(-x^2 / 2) / sqrt(2 * pi)"""
    squashed(x, EXACT, gx)
    density = np.multiply(x, x, out=scratch("half", x.shape, x.dtype))
    density *= np.float32(-0.5)
    np.exp(density, out=density)
    density *= np.float32(2 / sqrt(2 * pi))
    density *= x
    finish(gx, density, g)


def paper_slope(gx, g, x):
    """gx = g * (P(x) + x * P'(x)), P'(x) = (1 - tanh(u)^2) / 2 * u'(x)"""
    squashed(x, PAPER, gx)
    rate = np.multiply(x, x, out=scratch("half", x.shape, x.dtype))
    np.minimum(rate, constant(FAR, x.dtype)[:len(x)], out=rate)         # beyond it P' is 0, which infinity would undo
    rate *= np.float32(3 * PAPER[0])
    rate += np.float32(PAPER[1])
    other = np.multiply(gx, gx, out=scratch("other", x.shape, x.dtype))
    np.subtract(np.float32(1), other, out=other)
    other *= x
    rate *= other
    finish(gx, rate, g)


def finish(gx, more, g):
    """gx = g * (1 + gx + more) / 2"""
    gx += more
    gx += np.float32(1)
    gx *= np.float32(0.5)
    gx *= g


def squashed(x, polynomial, out):
    """out = tanh(x * p(x^2))"""
    first, second, *rest = map(np.float32, polynomial)
    square = np.multiply(x, x, out=scratch("square", x.shape, x.dtype))
    np.multiply(square, first, out=out)
    out += second
    for coefficient in rest:
        out *= square
        out += coefficient
    out *= x
    np.tanh(out, out=out)


# --- silu -----------------------------------------------------------------------------------------------------

def silu_fits(x, *rest):
    return x.dtype == np.float32


def silu_forward(x):
    def work(y, x):
        logistic(x, y)
        y *= x

    with np.errstate(over="ignore", invalid="ignore"):
        return elementwise(work, x, worth=WORTH)


def silu_gx(g, x):
    def work(gx, g, x):
        """gx = g * s * (1 + x * (1 - s))"""
        s = scratch("half", x.shape, x.dtype)
        logistic(x, s)
        np.subtract(np.float32(1), s, out=gx)
        gx *= x
        gx += np.float32(1)
        gx *= s
        gx *= g

    with np.errstate(over="ignore", invalid="ignore"):
        return elementwise(work, g, x, worth=WORTH)


def logistic(x, out):
    """out = 1 / (1 + e^-x); 0 where e^-x is beyond float32."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    out += np.float32(1)
    np.reciprocal(out, out=out)
