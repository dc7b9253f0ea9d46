"""Elementwise ops, and those that make arrays like another."""

import math

import numpy as np
from draws import (
    binary,
    case,
    compared,
    distinct,
    distinct_pair,
    divisible,
    integers,
    mask,
    normal,
    positive,
    quotient,
    unary,
)

CASES = {
    "add": [*binary(), case("python scalar", normal(2, 3), b=2.5)],
    "subtract": [*binary(), case("python scalar", normal(2, 3), b=2)],
    "multiply": [*binary(), case("python scalar", normal(2, 3), b=-1.5)],
    "divide": [
        *binary(lambda a, b: (normal(*a), positive(*b))),
        case("negative divisor", normal(2, 3), -positive(2, 3)),
        case("python scalar", normal(2, 3), b=4),
    ],
    "floor_divide": [case("same shape", *divisible((2, 3), (2, 3))), case("b is 0-d", *divisible((2, 3), ()))],
    "remainder": [
        case("same shape", *divisible((2, 3), (2, 3))),
        case("b lacks an axis", *divisible((2, 3), (3,))),
        case("python scalar", 0.7 * quotient(2, 3), b=0.7),
    ],
    "power": [
        *binary(lambda a, b: (positive(*a), normal(*b))),
        case("whole exponent, negative base", distinct(2, 3), b=3),
        case("square root", positive(2, 3), b=0.5),
        case("reciprocal", distinct(2, 3), b=-1.0),
    ],
    "maximum": [*binary(distinct_pair), case("python scalar", distinct(2, 3), b=0.0)],
    "minimum": [*binary(distinct_pair), case("python scalar", distinct(2, 3), b=0.0)],
    "where": [
        case("same shape", mask(2, 3), normal(2, 3), normal(2, 3)),
        case("all three stretch", mask(3), normal(2, 1), normal()),
        case("condition lacks an axis", mask(3), normal(2, 3), normal(2, 3)),
        case("condition is wider", mask(4, 3), normal(3), normal(4, 1)),
        case("python scalar", mask(2, 3), normal(2, 3), b=0.0),
    ],
    "lerp": [
        case("same shape", normal(2, 3), normal(2, 3), normal(2, 3)),
        case("all three stretch", normal(3), normal(2, 1), normal()),
        case("python scalar", normal(2, 3), normal(2, 3), weight=0.25),
    ],
    "astype": [
        case("same dtype", normal(2, 3), dtype="float64"),
        case("integers", integers(-5, 6, 4), dtype="float64"),
    ],
    **{name: unary(normal) for name in ("negative", "square", "alias", "copy", "exp", "tanh", "sigmoid", "positive")},
    **{name: unary(distinct) for name in ("abs", "sign")},
    **{name: unary(positive) for name in ("log", "sqrt", "rsqrt", "reciprocal")},
    **{name: compared() for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")},
    **{
        name: [case("not a number, infinity", np.array([[1.0, math.nan, -2.0], [math.inf, -math.inf, 0.0]]))]
        for name in ("isnan", "isfinite", "isinf")
    },
    **{
        name: [case("same shape", mask(3, 4), mask(3, 4)[::-1].copy()), case("stretch", mask(3, 1), mask(4))]
        for name in ("logical_and", "logical_or", "logical_xor")
    },
    "logical_not": [case("matrix", mask(3, 4))],
    **{
        name: [
            case("integers", integers(-20, 20, 3, 4), integers(-20, 20, 4)),
            case("booleans", mask(3, 4), mask(3, 4)[::-1].copy()),
        ]
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    },
    "bitwise_invert": [case("integers", integers(-20, 20, 3, 4)), case("booleans", mask(3, 4))],
    **{
        name: [case("integers", integers(-20, 20, 3, 4), integers(0, 5, 4))]
        for name in ("bitwise_left_shift", "bitwise_right_shift")
    },

    # made like another array
    "zeros_like": [case("same dtype", normal(2, 3)), case("other dtype", normal(2, 3), dtype="float32")],
    "ones_like": [case("same dtype", normal(2, 3)), case("other dtype", normal(2, 3), dtype="float32")],
    "full_like": [
        case("same dtype", normal(2, 3), fill_value=0.5),
        case("other dtype", normal(2, 3), fill_value=2, dtype="float32"),
    ],
    "identity": [case("rows", normal(2, 3), axis=0), case("columns", normal(2, 3), axis=-1)],
    "causal_mask": [case("square", normal(3, 3)), case("batch, more keys than queries", normal(2, 2, 4))],
    "transfer": [case("to where it is", normal(2, 3), device="cpu", home="cpu")],
}
