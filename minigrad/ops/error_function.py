"""The error function erf(x) = 2 / sqrt(pi) * integral of e^-t^2 from 0 to x, and erfc(x) = 1 - erf(x).

W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of Computation 23 (1969): three ranges
of |x|, each with a quotient of two polynomials, whose constants are those of his program (CALERF, 1990). In float64 erf
is within 2 units in the last place, erfc within 8. All ranges are computed for all elements, of arguments moved into
the range, and chosen from: no element is looked at on the host.
"""

from __future__ import annotations

from math import pi, sqrt

from ..backend import FLOATS, choose, library_of, namespace
from ..op import op
from .elementwise import exp, square
from .precision import narrowed, wide, widened

__all__ = ["erf", "erfc"]

BLOCK = 1 << 14                 # elements

# From the highest power to the constant. |x| <= SMALL: erf(x) = x * p(x^2) / q(x^2). Cody has 0.46875 for SMALL; up to
# 0.5 this quotient is as good, and there the next one would lose a digit in 1 - erfc(x).
SMALL = 0.5
NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
LITTLE = (tuple([p - q for p, q in zip(*NEAR, strict=True)]), NEAR[1])
# SMALL < x <= 4: erfc(x) = e^(-x^2) * p(x) / q(x).
MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)
# x > 4: erfc(x) = e^(-x^2) / x * (1 / sqrt(pi) - p(1 / x^2) / q(1 / x^2) / x^2).
FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346047e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)


@op
def erf(x):
    """The error function: twice the probability that a normal variable of variance 1/2 lies between 0 and x."""
    y = in_blocks(erf_of, floating(x))
    return y.astype(x.dtype) if wide(x) else y

erf.gradient(x=lambda g, x: g * slope(x))


@op
def erfc(x):
    """1 - erf(x), exact where it is tiny too."""
    y = in_blocks(erfc_of, floating(x))
    return y.astype(x.dtype) if wide(x) else y

erfc.gradient(x=lambda g, x: -g * slope(x))


def erf_of(x):
    """erf of an array of floating numbers."""
    xp = namespace(x)
    size = xp.minimum(xp.abs(x), 6)                         # 1 - erf(6) is less than half an ulp of 1
    beyond = 1 - quotient(MIDDLE, size) * xp.exp(-size * size)
    return choose(size <= SMALL, near(x, xp.minimum(size, SMALL)), xp.copysign(beyond, x))


def erfc_of(x):
    """erfc of an array of floating numbers."""
    xp = namespace(x)
    size = xp.minimum(xp.abs(x), 30)                        # e^-900 is 0, and infinity has no square to split
    tail = choose(size <= 4, quotient(MIDDLE, xp.minimum(size, 4)), far(xp.maximum(size, 4))) * gaussian(size)
    return choose(size <= SMALL, 1 - near(x, xp.minimum(size, SMALL)), choose(x < 0, 2 - tail, tail))


def in_blocks(function, x):
    """function(x), on NumPy in parts that stay in the cache: it has some fifty steps, each a pass over an array."""
    if library_of(x) != "numpy" or x.size <= BLOCK:
        return function(x)
    flat = x.reshape(-1)
    y = flat.copy()
    for start in range(0, flat.size, BLOCK):
        y[start:start + BLOCK] = function(flat[start:start + BLOCK])
    return y.reshape(x.shape)


def slope(x):
    """2 / sqrt(pi) * e^-x^2, the derivative of erf."""
    return narrowed(exp(-square(widened(x))) * (2 / sqrt(pi)), x)


def floating(x):
    """x in float32 if it is of half precision, integers in float64."""
    return x.astype(wide(x) or (x.dtype if x.dtype.kind in FLOATS else "float64"), copy=False)


def quotient(polynomials, x):
    """p(x) / q(x) by Horner's rule, in place: arrays for every step would cost a third more time."""
    values = []
    for first, second, *rest in polynomials:
        value = first * x + second
        for coefficient in rest:
            value *= x
            value += coefficient
        values.append(value)
    return values[0] / values[1]


def near(x, size):
    """erf(x) where |x| = size <= SMALL: x + x * (p - q) / q, for what is added is small, and so is its rounding."""
    return x + x * quotient(LITTLE, size * size)


def far(x):
    """e^(x^2) erfc(x) where x >= 4."""
    z = 1 / (x * x)
    return (1 / sqrt(pi) - z * quotient(FAR, z)) / x


def gaussian(x):
    """e^-x^2 for x >= 0. The first bits of x are squared exactly, so that no rounding of x^2 is magnified."""
    xp = namespace(x)
    first = xp.trunc(x * 16) / 16
    return xp.exp(-first * first) * xp.exp(-(x - first) * (x + first))
