"""Exponentials, trigonometry, the error function, rounding and bounds."""

import math

import numpy as np
from draws import binary, case, distinct, normal, positive, quotient, two_of, unary


def apart(*shapes):
    """Arrays of these shapes, no element of which equals another of any."""
    sizes = [math.prod(shape) for shape in shapes]
    parts = np.split(distinct(sum(sizes)), np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


CASES = {
    **{name: unary(normal) for name in ("sin", "cos", "atan", "sinh", "cosh", "asinh", "exp2", "expm1")},
    **{name: [*unary(normal), case("tails", distinct(3, 4) * 2)] for name in ("erf", "erfc")},
    **{name: unary(positive) for name in ("log1p", "log2", "log10")},
    **{name: unary(lambda *shape: np.asarray(distinct(*shape) * 0.45)) for name in ("tan", "asin", "acos", "atanh")},
    "acosh": unary(lambda *shape: np.asarray(positive(*shape) + 1)),
    "atan2": [*binary(two_of(distinct)), case("python scalar", distinct(2, 3), b=-1.5)],
    "hypot": [*binary(two_of(distinct)), case("python scalar", distinct(2, 3), b=2)],
    "logaddexp": [*binary(), case("python scalar", normal(2, 3), b=0.5)],
    "copysign": [*binary(two_of(distinct)), case("python scalar", distinct(2, 3), b=-1.0)],
    **{name: unary(quotient) for name in ("floor", "ceil", "trunc")},
    "round": [
        case("to whole numbers", quotient(3, 4) + 0.01),
        case("scalar", np.asarray(quotient() + 0.01)),
        case("to tenths", quotient(3, 4) / 10, decimals=1),
        case("to tens", 10 * quotient(2, 3), decimals=-1),
    ],
    "clip": [
        case("numbers", distinct(3, 4), min=-0.5, max=1.0),
        case("below only", distinct(3, 4), min=-0.5),
        case("above only", distinct(3, 4), max=0.5),
        case("upper bound below the lower", distinct(2, 3), min=1.1, max=-1.1),
        case("arrays", *apart((3, 4), (3, 4), (3, 4))),
        case("arrays that stretch", *apart((3, 4), (4,), (3, 1))),
        case("array below", *apart((3, 4), (4,))),
        case("array above, none below", distinct(3, 4), None, distinct(3, 1) + 0.01),
    ],
}
