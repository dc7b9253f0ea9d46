"""Trigonometric and hyperbolic functions (tanh is in elementwise.py). Angles are in radians.

Outside its domain a function is NaN; at the ends of it a gradient is infinite, as in PyTorch.
"""

from __future__ import annotations

from ..backend import namespace, namespace_of
from ..op import op
from .elementwise import reciprocal, rsqrt, where
from .logic import equal
from .precision import narrowed, widened

__all__ = ["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "hypot", "sin", "sinh", "tan"]


@op
def sin(x):
    """The sine of x."""
    return namespace(x).sin(x)

sin.gradient(x=lambda g, x: g * cos(x))


@op
def cos(x):
    """The cosine of x."""
    return namespace(x).cos(x)

cos.gradient(x=lambda g, x: -g * sin(x))


@op
def tan(x):
    """The tangent of x."""
    return namespace(x).tan(x)

tan.gradient(x=lambda g, y: g * (1 + y * y))


@op
def asin(x):
    """The angle in [-pi/2, pi/2] whose sine is x, for x from -1 to 1."""
    return namespace(x).arcsin(x)

asin.gradient(x=lambda g, x: g * rsqrt((1 - x) * (1 + x)))


@op
def acos(x):
    """The angle in [0, pi] whose cosine is x, for x from -1 to 1."""
    return namespace(x).arccos(x)

acos.gradient(x=lambda g, x: -g * rsqrt((1 - x) * (1 + x)))


@op
def atan(x):
    """The angle in (-pi/2, pi/2) whose tangent is x."""
    return namespace(x).arctan(x)

atan.gradient(x=lambda g, x: g * narrowed(reciprocal(1 + widened(x) * widened(x)), x))


@op
def atan2(a, b):
    """The angle in [-pi, pi] of the point (b, a): atan(a / b) in the right quadrant. Its gradient at (0, 0) is 0."""
    return namespace_of(a, b).arctan2(a, b)

atan2.gradient(
    a=lambda g, a, b: g * b * per_squared_distance(a, b),
    b=lambda g, a, b: -g * a * per_squared_distance(a, b),
)


def per_squared_distance(a, b):
    """1 / (a^2 + b^2), and 0 for the origin and what is so close to it that its squares are 0."""
    a, b = [widened(x) if hasattr(x, "dtype") else x for x in (a, b)]
    total = a * a + b * b
    origin = equal(total, 0)
    return where(origin, 0, reciprocal(where(origin, 1, total)))


@op
def hypot(a, b):
    """sqrt(a^2 + b^2) without overflow on the way. Its gradient at (0, 0) is NaN, as in PyTorch."""
    return namespace_of(a, b).hypot(a, b)

hypot.gradient(a=lambda g, y, a: g * (a / y), b=lambda g, y, b: g * (b / y))


# --- hyperbolic -----------------------------------------------------------------------------------------------

@op
def sinh(x):
    """(e^x - e^-x) / 2"""
    return namespace(x).sinh(x)

sinh.gradient(x=lambda g, x: g * cosh(x))


@op
def cosh(x):
    """(e^x + e^-x) / 2"""
    return namespace(x).cosh(x)

cosh.gradient(x=lambda g, x: g * sinh(x))


@op
def asinh(x):
    """log(x + sqrt(x^2 + 1)), the inverse of sinh."""
    return namespace(x).arcsinh(x)

asinh.gradient(x=lambda g, x: g * narrowed(rsqrt(1 + widened(x) * widened(x)), x))


@op
def acosh(x):
    """log(x + sqrt(x^2 - 1)), the inverse of cosh, for x from 1 on."""
    return namespace(x).arccosh(x)

acosh.gradient(x=lambda g, x: g * narrowed(rsqrt((widened(x) - 1) * (widened(x) + 1)), x))


@op
def atanh(x):
    """log((1 + x) / (1 - x)) / 2, the inverse of tanh, for x from -1 to 1."""
    return namespace(x).arctanh(x)

atanh.gradient(x=lambda g, x: g * reciprocal((1 - x) * (1 + x)))
