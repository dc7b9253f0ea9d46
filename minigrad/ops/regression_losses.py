"""The losses of regression: how far x is from its target, with which it broadcasts."""

from __future__ import annotations

from typing import Any

from ..fused import fused
from .elementwise import abs, square, where
from .logic import greater_equal, logical_not
from .loss_parts import (
    averaged,
    by_weight,
    check_broadcast,
    check_floats,
    check_reduction,
    check_same_shape,
    matched,
    reduced,
)
from .precision import narrowed, widened

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]


@fused
def mse_loss(x, target, weight=None, reduction="mean"):
    """(x - target)^2.

    x, target broadcast   weight like x   ->   () for reduction "mean" or "sum", their common shape for "none"
    With weights every loss counts by its weight, and the mean is divided by their sum. Raises ValueError for shapes
    that do not fit, TypeError where x is of integers.
    """
    return narrowed(weighted(square(widened(x) - matched(target, x)), x, weight, reduction), x)

mse_loss.rules(
    x="gx = g * 2 * weight * (x - target) / sum(weight), for reduction 'mean'",
    target="gtarget = -gx",
    weight="gweight = g * ((x - target)^2 - y) / sum(weight), for reduction 'mean'",
)


@fused
def l1_loss(x, target, weight=None, reduction="mean"):
    """|x - target|; its gradient is 0 where they are equal.

    x, target broadcast   weight like x   ->   () for reduction "mean" or "sum", their common shape for "none"
    With weights every loss counts by its weight, and the mean is divided by their sum. Raises ValueError for shapes
    that do not fit, TypeError where x is of integers.
    """
    return narrowed(weighted(abs(widened(x) - matched(target, x)), x, weight, reduction), x)

l1_loss.rules(
    x="gx = g * weight * sign(x - target) / sum(weight), for reduction 'mean'",
    target="gtarget = -gx",
    weight="gweight = g * (|x - target| - y) / sum(weight), for reduction 'mean'",
)


@fused
def smooth_l1_loss(x, target, reduction="mean", beta=1.0):
    """d^2 / (2 * beta) where d = |x - target| is less than beta, else d - beta/2; with beta 0 it is l1_loss.

    x, target broadcast   ->   () for reduction "mean" or "sum", their common shape for "none"
    Raises ValueError for beta < 0 and for shapes that do not fit, TypeError where x is of integers. Girshick 2015,
    eq. 3.
    """
    difference = widened(x) - matched(target, x)
    distance = abs(difference)
    if beta:
        near = logical_not(greater_equal(distance, beta))                     # so NaN is near, and its gradient NaN
        distance = where(near, square(where(near, difference, 0)) / (2 * beta), distance - beta / 2)
    return narrowed(reduced(distance, reduction), x)

smooth_l1_loss.rules(
    x="gx = g / n * (x - target) / beta where |x - target| < beta, else g / n * sign(x - target), for n losses",
    target="gtarget = -gx",
)


@fused
def huber_loss(x, target, weight=None, reduction="mean", delta=1.0):
    """d^2 / 2 where d = |x - target| is less than delta, else delta * (d - delta/2).

    x, target broadcast   weight like x   ->   () for reduction "mean" or "sum", their common shape for "none"
    With weights every loss counts by its weight; the mean is over their number all the same. Raises ValueError for
    delta <= 0 and for shapes that do not fit, TypeError where x is of integers. Huber 1964.
    """
    difference = widened(x) - matched(target, x)
    distance = abs(difference)
    near = logical_not(greater_equal(distance, delta))                      # so NaN is near, and its gradient NaN
    loss = where(near, square(where(near, difference, 0)) / 2, delta * (distance - delta / 2))
    return narrowed(reduced(by_weight(loss, weight, x), reduction), x)

huber_loss.rules(
    x="gx = g / n * weight * (x - target) clipped to [-delta, delta], for n losses",
    target="gtarget = -gx",
    weight="gweight = g / n * the losses",
)


def weighted(loss, x, weight, reduction):
    """The reduction of losses that count by their weights, also in the number that a mean is divided by."""
    if weight is None:
        return reduced(loss, reduction)
    share = matched(weight, x)
    return averaged(loss * share, share, reduction)


# --- checks ---------------------------------------------------------------------------------------------------

def check(name: str, x: Any, target: Any, weight: Any, reduction: str) -> None:
    """Errors for arguments that do not fit together."""
    check_reduction(name, reduction)
    check_floats(name, x=x)
    check_broadcast(name, x=x, target=target)
    check_same_shape(name, x, weight=weight)


def check_smooth_l1_loss(x, target, reduction, beta):
    """Errors for arguments that do not fit together."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must be >= 0, {beta} came")
    check("smooth_l1_loss", x, target, None, reduction)


def check_huber_loss(x, target, weight, reduction, delta):
    """Errors for arguments that do not fit together."""
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be > 0, {delta} came")
    check("huber_loss", x, target, weight, reduction)


mse_loss.checked_by(lambda x, target, weight, reduction: check("mse_loss", x, target, weight, reduction))
l1_loss.checked_by(lambda x, target, weight, reduction: check("l1_loss", x, target, weight, reduction))
smooth_l1_loss.checked_by(check_smooth_l1_loss)
huber_loss.checked_by(check_huber_loss)
