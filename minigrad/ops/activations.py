"""Activations made of straight pieces, as primitives; `smooth_activations.py` has those with an exponential in them.

Conventions at their corners are PyTorch's: where two pieces meet, the gradient is the flat one's, and leaky_relu's at 0
the slope of its left side. Where the input is NaN the output is NaN and the gradient passes, but for hardsigmoid, whose
gradient there is 0, and leaky_relu, whose gradient there is its slope.
"""

from __future__ import annotations

from ..backend import namespace
from ..fused import fused
from ..op import op
from .elementwise import gate, where
from .kernels import primitive_kernel
from .logic import greater, less, less_equal, logical_and, logical_not, logical_or
from .precision import check_floating, narrowed, widened
from .shape import reshape

__all__ = [
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "prelu", "relu", "softshrink", "threshold",
]


# --- one corner -----------------------------------------------------------------------------------------------

@op
def relu(x):
    """maximum(x, 0). Its gradient at 0 is 0; NaN passes through. Nair & Hinton 2010."""
    return namespace(x).maximum(x, 0)

relu.gradient(x=lambda g, y: gate(g, logical_not(less_equal(y, 0))))
primitive_kernel(relu, "activations")


@op
def leaky_relu(x, negative_slope=0.01):
    """x where x > 0, else negative_slope * x, a number or an array. Maas et al. 2013."""
    check_floating(x)
    return where(x > 0, x, x * negative_slope)

leaky_relu.gradient(
    x=lambda g, x, negative_slope: where(greater(x, 0), g, g * negative_slope),
    negative_slope=lambda g, x: gate(g * x, logical_not(greater(x, 0))),
)
primitive_kernel(leaky_relu, "activations")


@fused
def prelu(x, weight):
    """x where x > 0, else weight * x: a leaky_relu that learns its slope. He et al. 2015, equation 1.

    x (n, c, ...)   weight (), (1,) or (c,), one for each channel   ->   y like x
    Raises ValueError for another number of weights, TypeError for integers.
    """
    if len(weight.shape) == 1:
        rest = (1,) * (len(x.shape) - 2)
        weight = reshape(weight, (*weight.shape, *rest) if len(x.shape) > 1 else ())
    return leaky_relu(x, weight)

prelu.rules(x="gx = g where x > 0, else g * weight", weight="gweight = the sum over a channel of g * x where x <= 0")


def check_prelu(x, weight):
    """Errors for weights that do not fit."""
    check_floating(x)
    channels = x.shape[1] if len(x.shape) > 1 else 1
    if weight.shape not in ((), (1,), (channels,)):
        raise ValueError(f"prelu: weight must be (1,) or ({channels},), one for each channel, it is {weight.shape} "
                         f"(x {x.shape}, weight {weight.shape})")
    if weight.dtype != x.dtype:
        raise TypeError(f"prelu: x is {x.dtype}, weight {weight.dtype}; weight.astype({str(x.dtype)!r}) mends it")


prelu.checked_by(check_prelu)


@op
def threshold(x, threshold, value):
    """x where x > threshold, else value."""
    return where(x <= threshold, value, x).astype(x.dtype, copy=False)

threshold.gradient(x=lambda g, x, threshold: gate(g, logical_not(less_equal(x, threshold))))


# --- two corners ----------------------------------------------------------------------------------------------

@op
def hardtanh(x, min_val=-1.0, max_val=1.0):
    """x, but not below min_val, nor above max_val. relu6 is hardtanh(x, 0, 6).

    Its gradient is 0 at both limits; clip's is not.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must not be above max_val, {min_val} and {max_val} came")
    xp = namespace(x)
    return xp.minimum(xp.maximum(x, min_val), max_val).astype(x.dtype, copy=False)

hardtanh.gradient(x=lambda g, x, min_val, max_val: (
    gate(g, logical_not(logical_or(less_equal(x, min_val), less_equal(max_val, x))))))


@op
def hardsigmoid(x):
    """(x + 3) / 6, but not below 0, nor above 1. Howard et al. 2019, section 5.2."""
    check_floating(x)
    xp = namespace(x)
    return narrowed(xp.minimum(xp.maximum(widened(x) + 3, 0), 6) / 6, x)

hardsigmoid.gradient(x=lambda g, x: gate(g / 6, logical_and(less(-3, x), less(x, 3))))


@op
def hardswish(x):
    """x * hardsigmoid(x). Howard et al. 2019, section 5.2."""
    check_floating(x)
    xp, wider = namespace(x), widened(x)
    return narrowed(wider * xp.minimum(xp.maximum(wider + 3, 0), 6) / 6, x)

hardswish.gradient(x=lambda g, x: hardswish_slope(widened(g), widened(x)))


def hardswish_slope(g, x):
    """g * (x / 3 + 1 / 2) between the corners; right of them g, left of them 0."""
    return gate(where(less(x, 3), g * (x / 3 + 0.5), g), logical_not(less_equal(x, -3)))


@op
def softshrink(x, lambd=0.5):
    """x moved by lambd towards 0, and 0 where it is nearer than that."""
    check_floating(x)
    check_distance("softshrink", lambd)
    xp = namespace(x)
    return (x - xp.minimum(xp.maximum(x, -lambd), lambd)).astype(x.dtype, copy=False)

softshrink.gradient(x=lambda g, x, lambd: gate(g, logical_not(within(x, lambd))))


@op
def hardshrink(x, lambd=0.5):
    """x, but 0 where -lambd <= x <= lambd."""
    check_floating(x)
    return gate(x, logical_not(within(x, lambd)))

hardshrink.gradient(x=lambda g, x, lambd: gate(g, logical_not(within(x, lambd))))


def within(x, distance):
    """Where x is no farther from 0 than that."""
    return logical_and(less_equal(-distance, x), less_equal(x, distance))


def check_distance(who, lambd):
    if lambd < 0:
        raise ValueError(f"{who}: lambd must be at least 0, {lambd} came")
