"""Oracles of exponentials, trigonometry, the error function, rounding and bounds: Python arithmetic on scalars."""

import math

from .elementwise import elementwise


def round_to_even(x, decimals=0):
    """The nearest multiple of 10^-decimals, the even one of two that are as near."""
    unit = 10.0**decimals
    scaled = x * unit
    below = math.floor(scaled)
    rest = scaled - below
    up = rest > 0.5 or rest == 0.5 and below % 2
    return (below + up) / unit


def clip(x, min=None, max=None):
    """x between its bounds; the upper one wins where they cross."""
    if min is not None and x < min:
        x = min
    return max if max is not None and x > max else x


FUNCTIONS = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": lambda x: math.sin(x) / math.cos(x),
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "atan2": lambda a, b: math.atan2(a, b),
    "sinh": math.sinh,
    "cosh": math.cosh,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
    "hypot": lambda a, b: math.sqrt(a * a + b * b),
    "exp2": lambda x: 2.0**x,
    "expm1": math.expm1,
    "log1p": math.log1p,
    "log2": math.log2,
    "log10": math.log10,
    "logaddexp": lambda a, b: math.log(math.exp(a) + math.exp(b)),
    "erf": math.erf,
    "erfc": math.erfc,
    "copysign": lambda a, b: abs(a) if b > 0 else -abs(a),
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "trunc": lambda x: float(int(x)),
    "round": round_to_even,
    "clip": clip,
}

ORACLES = {name: elementwise(function) for name, function in FUNCTIONS.items()}
