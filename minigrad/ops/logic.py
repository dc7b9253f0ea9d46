"""Comparisons, logic and bits: primitives without a gradient.

Two arguments of shapes that do not broadcast raise ValueError; bits of floating numbers TypeError.
"""

from __future__ import annotations

from ..backend import namespace, namespace_of
from ..misuse import check_kinds
from ..op import op

__all__ = [
    "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "not_equal",
]


@op
def equal(a, b):
    """Where a == b."""
    return a == b


@op
def not_equal(a, b):
    """Where a != b."""
    return a != b


@op
def less(a, b):
    """Where a < b."""
    return a < b


@op
def less_equal(a, b):
    """Where a <= b."""
    return a <= b


@op
def greater(a, b):
    """Where a > b."""
    return a > b


@op
def greater_equal(a, b):
    """Where a >= b."""
    return a >= b


@op
def logical_and(a, b):
    """Where a and b are both nonzero."""
    check_kinds("ab", "ab", (a, b))
    return namespace_of(a, b).logical_and(a, b)


@op
def logical_or(a, b):
    """Where a or b is nonzero."""
    check_kinds("ab", "ab", (a, b))
    return namespace_of(a, b).logical_or(a, b)


@op
def logical_xor(a, b):
    """Where exactly one of a and b is nonzero."""
    check_kinds("ab", "ab", (a, b))
    return namespace_of(a, b).logical_xor(a, b)


@op
def logical_not(x):
    """Where x is zero."""
    return namespace(x).logical_not(x)


@op
def isnan(x):
    """Where x is not a number."""
    return namespace(x).isnan(x)


@op
def isfinite(x):
    """Where x is neither infinite nor NaN."""
    return namespace(x).isfinite(x)


@op
def isinf(x):
    """Where x is infinite, of either sign."""
    return namespace(x).isinf(x)


@op
def bitwise_and(a, b):
    """a & b, of integers or booleans."""
    return a & b


@op
def bitwise_or(a, b):
    """a | b, of integers or booleans."""
    return a | b


@op
def bitwise_xor(a, b):
    """a ^ b, of integers or booleans."""
    return a ^ b


@op
def bitwise_invert(x):
    """~x, of integers or booleans."""
    return ~x


@op
def bitwise_left_shift(a, b):
    """a << b, of integers."""
    return a << b


@op
def bitwise_right_shift(a, b):
    """a >> b, of integers."""
    return a >> b
