"""Losses that are 0 once a score is right by a margin."""

from __future__ import annotations

from ..fused import fused
from .elementwise import ones_like, square, where
from .indexing import scatter_along_axis, take, take_along_axis
from .logic import equal, greater, logical_and
from .loss_parts import (
    check_arrays,
    check_broadcast,
    check_classes,
    check_floats,
    check_into,
    check_ranks,
    check_reduction,
    hinge,
    matched,
    reduced,
)
from .precision import narrowed, widened
from .reductions import sum
from .shape import reshape
from .smooth_activations import logsigmoid

__all__ = ["hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "soft_margin_loss"]


@fused
def hinge_embedding_loss(x, target, margin=1.0, reduction="mean"):
    """x, a distance, where target is 1; max(0, margin - x) where it is -1.

    x, target broadcast   ->   () for reduction "mean" or "sum", their common shape for "none"
    Where target is neither it is the sum of both. At the margin the gradient is -1. Raises ValueError for shapes that
    do not fit, TypeError where x is of integers. Hadsell et al. 2006.
    """
    wide = widened(x)
    loss = where(equal(target, 1), 0, hinge(margin - wide)) + where(equal(target, -1), 0, wide)
    return narrowed(reduced(loss, reduction), x)

hinge_embedding_loss.rules(x="gx = g / n where target is 1; -g / n where it is -1 and x <= margin")


@fused
def margin_ranking_loss(x1, x2, target, margin=0.0, reduction="mean"):
    """max(0, margin - target * (x1 - x2)): target 1 wants x1 the larger, -1 wants x2.

    x1, x2, target of as many axes, broadcast   ->   () for reduction "mean" or "sum", the common shape for "none"
    At the margin the gradient is not 0. Raises ValueError for shapes that do not fit, TypeError for x1 or x2 of
    integers.
    """
    loss = hinge(margin - matched(target, x1) * (widened(x1) - widened(x2)))
    return narrowed(reduced(loss, reduction), x1)

margin_ranking_loss.rules(
    x1="gx1 = -g / n * target where the loss is not 0",
    x2="gx2 = g / n * target where the loss is not 0",
    target="gtarget = -g / n * (x1 - x2) where the loss is not 0",
)


@fused
def soft_margin_loss(x, target, reduction="mean"):
    """log(1 + e^(-target * x)), target 1 or -1, computed so that nothing overflows.

    x (...)   target: broadcasts to x   ->   () for reduction "mean" or "sum", like x for "none"
    Raises ValueError for shapes that do not fit, TypeError where x is of integers.
    """
    return narrowed(reduced(-logsigmoid(matched(target, x) * widened(x)), reduction), x)

soft_margin_loss.rules(
    x="gx = -g / n * target * sigmoid(-target * x)",
    target="gtarget = -g / n * x * sigmoid(-target * x)",
)


@fused
def multi_margin_loss(x, target, p=1, margin=1.0, weight=None, reduction="mean"):
    """The mean over the classes of max(0, margin - x[target] + x)^p, the target itself costing nothing.

    x (n, c) or (c,)   target: class indices (n,) or (), beside (c,) also (1,)   weight (c,): what each target counts
    ->   () for reduction "mean" or "sum", like target for "none"
    Raises ValueError for p that is not 1 or 2, for other shapes and, on the CPU, for a class out of range; TypeError
    for targets that are no integers. Crammer & Singer 2001.
    """
    wide, index = widened(x), reshape(target, (*x.shape[:-1], 1))
    score = take_along_axis(wide, index, -1)                                # (n, 1)
    others = equal(scatter_along_axis(ones_like(score), x.shape, index, -1), 0)
    excess = margin - score + wide                                          # (n, c)
    cost = where(logical_and(others, greater(excess, 0)), excess, 0)
    cost = cost if p == 1 else square(cost)
    if weight is not None:
        cost = cost * take(matched(weight, x), index)
    return narrowed(reduced(reshape(sum(cost, -1) / x.shape[-1], target.shape), reduction), x)

multi_margin_loss.rules(
    x="gx = g / (n * c) * weight[target] where a class costs, at the target minus the sum of these, for p = 1",
    weight="gweight: g / n * the losses of each class",
)


# --- checks ---------------------------------------------------------------------------------------------------

def check_hinge_embedding_loss(x, target, margin, reduction):
    """Errors for arguments that do not fit together."""
    check_reduction("hinge_embedding_loss", reduction)
    check_floats("hinge_embedding_loss", x=x)
    check_broadcast("hinge_embedding_loss", x=x, target=target)


def check_margin_ranking_loss(x1, x2, target, margin, reduction):
    """Errors for arguments that do not fit together."""
    check_reduction("margin_ranking_loss", reduction)
    check_floats("margin_ranking_loss", x1=x1, x2=x2)
    check_ranks("margin_ranking_loss", x1=x1, x2=x2, target=target)
    check_broadcast("margin_ranking_loss", x1=x1, x2=x2, target=target)


def check_soft_margin_loss(x, target, reduction):
    """Errors for arguments that do not fit together."""
    check_reduction("soft_margin_loss", reduction)
    check_floats("soft_margin_loss", x=x)
    check_into("soft_margin_loss", x.shape, target=target)


def check_multi_margin_loss(x, target, p, margin, weight, reduction):
    """Errors for arguments that do not fit together."""
    name = "multi_margin_loss"
    check_reduction(name, reduction)
    check_floats(name, x=x)
    check_arrays(name, target=target)
    if p not in (1, 2):
        raise ValueError(f"{name}: p must be 1 or 2, {p} came")
    if len(x.shape) not in (1, 2) or not x.shape[-1]:
        raise ValueError(f"{name}: x must be (n, c) or (c,) with at least one class, it is {x.shape}")
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: target must be integer class indices, it is {target.dtype} "
                        f"(x {x.shape}, target {target.shape})")
    if target.shape != x.shape[:-1] and (len(x.shape), target.shape) != (1, (1,)):
        raise ValueError(f"{name}: target must be {x.shape[:-1]}, x's shape without its classes "
                         f"(x {x.shape}, target {target.shape})")
    if weight is not None and weight.shape != x.shape[-1:]:
        raise ValueError(f"{name}: weight must be {x.shape[-1:]}, one for each class, it is {weight.shape}")
    check_classes(name, x, target, None)


hinge_embedding_loss.checked_by(check_hinge_embedding_loss)
margin_ranking_loss.checked_by(check_margin_ranking_loss)
soft_margin_loss.checked_by(check_soft_margin_loss)
multi_margin_loss.checked_by(check_multi_margin_loss)
