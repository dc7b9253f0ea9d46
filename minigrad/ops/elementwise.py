"""Elementwise primitives. Broadcasting and promotion are undone by the walk (`Op.fit`), not by the formulas.

Conventions at kinks are PyTorch's: abs has gradient 0 at 0 and at NaN; sqrt has g / 0 at 0; maximum and minimum give
each of two equal inputs half, and both all of it where one is NaN; power gives its base 0 where the exponent is 0, and
its exponent 0 where the base is 0 and the exponent not negative.

Two arguments of shapes that do not broadcast raise ValueError. Further functions of this kind: exponential.py,
trigonometry.py, error_function.py, rounding.py.
"""

from __future__ import annotations

import math

from ..backend import FLOATS, choose, is_array, library_of, namespace, namespace_of, to_device
from ..backend import device_of as where_is
from ..misuse import check_kinds
from ..op import op
from .kernels import primitive_kernel
from .logic import equal, greater, greater_equal, less, logical_and

__all__ = [
    "abs", "add", "astype", "copy", "divide", "exp", "floor_divide", "full_like", "lerp", "log", "maximum", "minimum",
    "multiply", "negative", "ones_like", "positive", "power", "reciprocal", "remainder", "rsqrt", "sigmoid", "sign",
    "sqrt", "square", "subtract", "tanh", "where", "zeros_like",
]

# --- arithmetic -----------------------------------------------------------------------------------------------


@op
def add(a, b):
    """a + b"""
    return a + b

add.gradient(a=lambda g: g, b=lambda g: g)


@op
def subtract(a, b):
    """a - b"""
    return a - b

subtract.gradient(a=lambda g: g, b=lambda g: -g)


@op
def multiply(a, b):
    """a * b"""
    return a * b

multiply.gradient(a=lambda g, b: g * b, b=lambda g, a: g * a)


@op
def divide(a, b):
    """a / b"""
    return a / b

divide.gradient(a=lambda g, b: g / b, b=lambda g, y, b: -g * y / b)


@op
def floor_divide(a, b):
    """The largest whole number not above a / b. No gradient, as in PyTorch: the result does not require one."""
    return a // b


@op
def remainder(a, b):
    """a - b * floor(a / b), with the sign of b; the jumps have no part in the gradient."""
    return a % b

remainder.gradient(a=lambda g: g, b=lambda g, a, b: -g * floor_divide(a, b))


@op
def power(a, b):
    """a to the power b. Integers to a negative integer power raise ValueError: convert them first."""
    if isinstance(b, (int, float)) and b * b > 4 and b // 1 == b and hasattr(a, "dtype") and a.dtype.kind in FLOATS:
        y = namespace(a).abs(a) ** b                    # NumPy takes 50 times as long for a negative base
        return namespace(a).copysign(y, a) if b % 2 else y
    return a ** b

power.gradient(a=lambda g, a, b: power_base(g, a, b), b=lambda g, y, a, b: power_exponent(g, y, a, b))


def power_base(g, a, b):
    """g * b * a^(b - 1), and 0 where b is 0."""
    if isinstance(b, (int, float)):
        return g * (b * power(a, b - 1)) if b else zeros_like(g)
    return where(equal(b, 0), 0, g * b * a ** where(equal(b, 0), 1, b - 1))


def power_exponent(g, y, a, b):
    """g * a^b * log(a), and 0 where a is 0 and b is not negative."""
    if isinstance(a, (int, float)) and a:
        return g * y * (math.log(a) if a > 0 else math.nan)
    return g * y * log(where(logical_and(equal(a, 0), greater_equal(b, 0)), 1, a))


@op
def negative(x):
    """-x"""
    return -x

negative.gradient(x=lambda g: -g)


@op
def positive(x):
    """+x, in memory of its own."""
    return +x

positive.gradient(x=lambda g: g)


@op
def abs(x):
    """The absolute value."""
    return namespace(x).abs(x)

abs.gradient(x=lambda g, x: where(less(x, 0), -g, where(greater(x, 0), g, 0)))


@op
def sign(x):
    """-1, 0 or 1; NaN of NaN. Its gradient is 0 everywhere, as in PyTorch."""
    return namespace(x).sign(x)

sign.gradient(x=lambda g: zeros_like(g))


@op
def square(x):
    """x * x"""
    return x * x

square.gradient(x=lambda g, x: g * (2 * x))


@op
def reciprocal(x):
    """1 / x. Of integers too it is a floating number."""
    return 1 / x

reciprocal.gradient(x=lambda g, y: -g * y * y)


@op
def lerp(a, b, weight):
    """Linear interpolation: a + weight * (b - a), which is a for weight 0 and b for weight 1."""
    return a + weight * (b - a)

lerp.gradient(a=lambda g, weight: g * (1 - weight), b=lambda g, weight: g * weight,
              weight=lambda g, a, b: g * (b - a))


# --- functions ------------------------------------------------------------------------------------------------

@op
def exp(x):
    """e to the power x."""
    return namespace(x).exp(x)

exp.gradient(x=lambda g, y: g * y)


@op
def log(x):
    """The natural logarithm; -infinity of 0, NaN of negative numbers."""
    return namespace(x).log(x)

log.gradient(x=lambda g, x: g / x)


@op
def sqrt(x):
    """The square root; NaN of negative numbers. Its gradient at 0 is infinite."""
    return namespace(x).sqrt(x)

sqrt.gradient(x=lambda g, y: g / (2 * y))


@op
def rsqrt(x):
    """1 / sqrt(x). Its gradient at 0 is -infinity."""
    return 1 / namespace(x).sqrt(x)

rsqrt.gradient(x=lambda g, y: -g / 2 * y * y * y)


@op
def tanh(x):
    """The hyperbolic tangent."""
    return namespace(x).tanh(x)

tanh.gradient(x=lambda g, y: g * (1 - y * y))
primitive_kernel(tanh, "activations")


@op
def sigmoid(x):
    """1 / (1 + e^-x), computed so that nothing overflows and small values keep their precision."""
    if is_array(x) and x.dtype.kind not in FLOATS:
        x = x.astype("float64")                         # of uint8 -1, of int8 128, is no number
    xp = namespace(x)
    return xp.exp(xp.minimum(x, 0)) / (1 + xp.exp(-xp.abs(x)))

sigmoid.gradient(x=lambda g, y: g * y * (1 - y))
primitive_kernel(sigmoid, "activations")


# --- choosing -------------------------------------------------------------------------------------------------

@op
def maximum(a, b):
    """The larger of a and b; where they are equal each gets half the gradient. NaN if one is, then both get all."""
    return namespace_of(a, b).maximum(a, b)

maximum.gradient(
    a=lambda g, a, b: where(less(a, b), 0, half_of_ties(g, a, b)),
    b=lambda g, a, b: where(less(b, a), 0, half_of_ties(g, a, b)),
)


@op
def minimum(a, b):
    """The smaller of a and b; where they are equal each gets half the gradient. NaN if one is, then both get all."""
    return namespace_of(a, b).minimum(a, b)

minimum.gradient(
    a=lambda g, a, b: where(less(b, a), 0, half_of_ties(g, a, b)),
    b=lambda g, a, b: where(less(a, b), 0, half_of_ties(g, a, b)),
)


def half_of_ties(g, a, b):
    """g, halved where a and b are equal."""
    return where(equal(a, b), g / 2, g)


@op
def where(condition, a, b):
    """a where the condition holds, else b. What is not chosen has gradient 0, whatever arrives."""
    check_kinds(("condition",), ("condition",), (condition,))
    if not is_array(condition):                     # one bool, or a list of them
        condition = namespace(a if is_array(a) else b).asarray(condition)
    return choose(condition, weak(a, b), weak(b, a))

where.gradient(a=lambda g, condition: where(condition, g, 0), b=lambda g, condition: where(condition, 0, g))


def weak(number, other):
    """A Python number in the dtype of a bfloat16 `other`: NumPy's where would make both float64."""
    is_number = isinstance(number, (int, float)) and getattr(other, "dtype", None) is not None
    return other.dtype.type(number) if is_number and other.dtype.kind == "V" else number


@op
def gate(x, mask):
    """x where the mask holds, else 0, even where x is infinite or NaN.   mask: broadcast against x

    The bits of x are multiplied by 0 or 1: of a mask without a pattern, where() would mispredict every other element.
    """
    if library_of(x) == "meta":
        return namespace(x).where(mask, x, 0)
    if mask.dtype != bool:
        mask = mask != 0
    return (x.view(f"i{x.dtype.itemsize}") * mask).view(x.dtype)

gate.gradient(x=lambda g, mask: gate(g, mask))


# --- moving between types, devices and values -----------------------------------------------------------------

@op
def astype(x, dtype):
    """x converted to `dtype`; a gradient is converted back. A dtype that NumPy does not know raises TypeError."""
    return x.astype(dtype)

astype.gradient(x=lambda g: g)
astype.keeps_dtype = False


@op
def copy(x):
    """The same values in memory of their own. PyTorch calls it clone."""
    return x.copy()

copy.gradient(x=lambda g: g)


@op
def transfer(x, device, home):
    """x, which lives on `home`, on `device`; a gradient goes back home."""
    return to_device(x, device)

transfer.gradient(x=lambda g, device, home: transfer(g, home, device))


def to(x, device):
    """`x` on "cpu", "cuda" or "cuda:<number>"; itself if it is there already. Gradients flow back."""
    return x if to_device(x.data, device) is x.data else transfer(x, device, where_is(x.data))


@op
def zeros_like(x, dtype=None):
    """Zeros of the shape, dtype and device of x."""
    return namespace(x).zeros_like(x, dtype=dtype)


@op
def ones_like(x, dtype=None):
    """Ones of the shape, dtype and device of x."""
    return namespace(x).ones_like(x, dtype=dtype)


@op
def full_like(x, fill_value, dtype=None):
    """`fill_value` in the shape, dtype and device of x."""
    return namespace(x).full_like(x, fill_value, dtype=dtype)
