"""Softmax and its logarithm."""

from __future__ import annotations

from ..fused import fused
from .elementwise import copy, exp, log
from .kernels import kernel
from .precision import check_floating, narrowed, widened
from .reductions import max, sum
from .shape import normalized

__all__ = ["log_softmax", "softmax", "softmin"]


@fused
def softmax(x, axis=-1):
    """e^x over its sum along `axis`: positive, and adding up to 1.   x any shape   ->   y like x"""
    if 0 in x.shape:
        return copy(x)                                                      # nothing has no largest element
    wide = widened(x)
    e = exp(wide - max(wide, axis, True))                                   # the largest is e^0: nothing overflows
    return narrowed(e / sum(e, axis, True), x)

softmax.rules(x="gx = y * (g - sum(g * y)), sums along the axis")
kernel(softmax, "numpy", "softmax")


@fused
def softmin(x, axis=-1):
    """softmax(-x): the smallest gets the most.   x any shape   ->   y like x"""
    return softmax(-x, axis)

softmin.rules(x="gx = y * (sum(g * y) - g), sums along the axis")


def check_softmax(x, axis):
    """Errors for integers, and for an axis that is not there."""
    check_floating(x)
    normalized(axis, len(x.shape))


softmax.checked_by(check_softmax)
softmin.checked_by(check_softmax)


@fused
def log_softmax(x, axis=-1):
    """The logarithm of softmax, without rounding small probabilities to 0.   x any shape   ->   y like x"""
    if 0 in x.shape:
        return copy(x)
    wide = widened(x)
    below = wide - max(wide, axis, True)
    return narrowed(below - log(sum(exp(below), axis, True)), x)

log_softmax.rules(x="gx = g - softmax(x) * sum(g), the sum along the axis").checked_by(check_softmax)
kernel(log_softmax, "numpy", "softmax")
