"""More exponentials and logarithms (exp and log themselves are in elementwise.py)."""

from __future__ import annotations

from math import log

from ..backend import namespace, namespace_of
from ..op import op
from .elementwise import sigmoid

__all__ = ["exp2", "expm1", "log10", "log1p", "log2", "logaddexp"]


@op
def exp2(x):
    """2 to the power x."""
    return namespace(x).exp2(x)

exp2.gradient(x=lambda g, y: g * y * log(2))


@op
def expm1(x):
    """e^x - 1, exact near 0 too."""
    return namespace(x).expm1(x)

expm1.gradient(x=lambda g, y: g * (y + 1))


@op
def log1p(x):
    """log(1 + x), exact near 0 too; -infinity of -1, NaN below."""
    return namespace(x).log1p(x)

log1p.gradient(x=lambda g, x: g / (1 + x))


@op
def log2(x):
    """The logarithm to base 2; -infinity of 0, NaN of negative numbers."""
    return namespace(x).log2(x)

log2.gradient(x=lambda g, x: g / (x * log(2)))


@op
def log10(x):
    """The logarithm to base 10; -infinity of 0, NaN of negative numbers."""
    return namespace(x).log10(x)

log10.gradient(x=lambda g, x: g / (x * log(10)))


@op
def logaddexp(a, b):
    """log(e^a + e^b), with the larger taken out first so that nothing overflows."""
    return namespace_of(a, b).logaddexp(a, b)

logaddexp.gradient(a=lambda g, a, b: g * sigmoid(a - b), b=lambda g, a, b: g * sigmoid(b - a))
