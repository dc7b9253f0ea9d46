"""Oracles of the elementwise ops and activations: Python arithmetic on one scalar after the other."""

import inspect
import math
import operator

import numpy as np


def elementwise(function):
    """The oracle that broadcasts all its arguments and calls `function` once an element, on Python scalars."""
    signature = inspect.signature(function)

    def oracle(*arguments, **parameters):
        bound = signature.bind(*arguments, **parameters)
        bound.apply_defaults()
        arrays = np.broadcast_arrays(*bound.args)
        values = [function(*(scalar(a[place]) for a in arrays)) for place in np.ndindex(arrays[0].shape)]
        return np.array(values).reshape(arrays[0].shape)

    return oracle


def scalar(x):
    """A Python scalar; None, for an argument that is left out, stays None."""
    return x.item() if hasattr(x, "item") else x


def astype(x, dtype):
    """One conversion an element."""
    convert = np.dtype(dtype).type
    return np.array([convert(x[place]) for place in np.ndindex(x.shape)], dtype=dtype).reshape(x.shape)


def sigmoid(x):
    """1 / (1 + e^-x)"""
    return 1 / (1 + math.exp(-x))


def elu(x, alpha=1.0):
    """x where it is positive, alpha (e^x - 1) elsewhere."""
    return x if x > 0 else alpha * math.expm1(x)


ARITHMETIC = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "floor_divide": lambda a, b: a // b,
    "remainder": lambda a, b: a % b,
    "power": lambda a, b: a**b,
    "maximum": lambda a, b: max(a, b),
    "minimum": lambda a, b: min(a, b),
    "negative": lambda x: -x,
    "abs": lambda x: x if x >= 0 else -x,
    "sign": lambda x: float((x > 0) - (x < 0)),
    "square": lambda x: x * x,
    "alias": lambda x: x,
    "copy": lambda x: x,
    "positive": lambda x: +x,
    "reciprocal": lambda x: 1 / x,
    "lerp": lambda a, b, weight: (1 - weight) * a + weight * b,
    "where": lambda condition, a, b: a if condition else b,
}

TRANSCENDENTAL = {
    "exp": lambda x: math.exp(x),
    "log": lambda x: math.log(x),
    "sqrt": lambda x: math.sqrt(x),
    "tanh": lambda x: math.tanh(x),
    "rsqrt": lambda x: x**-0.5,
    "sigmoid": sigmoid,
}

COMPARISONS = {
    "equal": lambda a, b: a == b,
    "not_equal": lambda a, b: a != b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "isnan": lambda x: math.isnan(x),
    "isfinite": lambda x: math.isfinite(x),
    "isinf": lambda x: math.isinf(x),
}

LOGIC = {
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "logical_not": lambda x: not x,
    "bitwise_and": lambda a, b: a & b,
    "bitwise_or": lambda a, b: a | b,
    "bitwise_xor": lambda a, b: a ^ b,
    "bitwise_invert": lambda x: (not x) if isinstance(x, bool) else operator.invert(x),
    "bitwise_left_shift": lambda a, b: a << b,
    "bitwise_right_shift": lambda a, b: a >> b,
}

ACTIVATIONS = {
    "relu": lambda x: x if x > 0 else 0.0,
    "leaky_relu": lambda x, negative_slope=0.01: x if x > 0 else negative_slope * x,
    "elu": elu,
    "silu": lambda x: x * sigmoid(x),
    "dropout": lambda x, mask, p: x / (1 - p) if mask else 0.0,
}

SCALAR_FUNCTIONS = ARITHMETIC | TRANSCENDENTAL | COMPARISONS | LOGIC | ACTIVATIONS

ORACLES = {name: elementwise(function) for name, function in SCALAR_FUNCTIONS.items()} | {
    "astype": astype,
    "transfer": lambda x, device, home: x.copy(),
}
