"""Losses that are negative log-likelihoods, and the divergence of distributions."""

from __future__ import annotations

from math import log as log_of_number
from math import pi
from typing import Any

from ..backend import library_of, namespace
from ..fused import fused
from ..op import op
from .elementwise import exp, full_like, log, maximum, square, where
from .logic import equal, less_equal
from .loss_parts import (
    at_least,
    by_weight,
    check_arrays,
    check_broadcast,
    check_floats,
    check_into,
    check_reduction,
    check_same_shape,
    matched,
    reduced,
)
from .precision import narrowed, widened
from .reductions import sum
from .shape import expand_dims
from .smooth_activations import logsigmoid

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "kl_div",
           "multilabel_soft_margin_loss", "poisson_nll_loss"]

HALF_LOG_2PI = log_of_number(2 * pi) / 2


@fused
def kl_div(x, target, reduction="mean", log_target=False):
    """target * (log(target) - x), x being logarithms of probabilities: what target loses when x stands in for it.

    x, target broadcast   ->   () for reduction "mean", "sum" or "batchmean", their common shape for "none"
    log_target: target holds logarithms too. "batchmean" is the sum divided by x's first length: the divergence, where
    "mean" divides by the number of elements. 0 * log(0) is 0, and so is its gradient. Raises TypeError for integers,
    ValueError for shapes that do not fit. Kullback & Leibler 1951.
    """
    wide, goal = widened(x), widened(target)
    if log_target:
        loss = exp(goal) * (goal - wide)
    else:
        loss = goal * log(where(equal(goal, 0), 1, goal)) - goal * wide
    if reduction != "batchmean":
        return narrowed(reduced(loss, reduction), x)
    return narrowed(sum(loss) / x.shape[0] if x.shape else loss, x)

kl_div.rules(
    x="gx = -g / n * target, n the number that the sum is divided by",
    target="gtarget = g / n * (log(target) + 1 - x); with log_target g / n * e^target * (target + 1 - x)",
)


@op
def bernoulli_nll(p, target):
    """-target * log(p) - (1 - target) * log(1 - p), each logarithm at least -100.

    The gradient at p is g * (p - target) / (p * (1 - p)), the divisor at least 1e-12: finite where p is 0 or 1.
    """
    xp = namespace(p)
    log_p = xp.maximum(xp.log(xp.maximum(p, 1e-44)), -100.0)                # 1e-44: all but 0, where log warns
    sure = p == 1
    log_q = where(sure, -100.0, xp.log1p(-where(sure, 0.0, p)))
    return (target - 1) * log_q - target * log_p

bernoulli_nll.gradient(
    p=lambda g, p, target: g * (p - target) / maximum(p * (1 - p), 1e-12),
    target=lambda g, p: g * (log(1 - p) - log(p)),
)


@fused
def binary_cross_entropy(x, target, weight=None, reduction="mean"):
    """-target * log(x) - (1 - target) * log(1 - x), for probabilities x.

    x, target (...)   weight: broadcasts to x   ->   () for reduction "mean" or "sum", like x for "none"
    Logarithms are at least -100, so that the loss is finite where x is 0 or 1; the gradient's divisor x * (1 - x) is at
    least 1e-12. Raises ValueError for a target of another shape and, on the CPU, for x or a target outside of
    [0, 1]; TypeError for integers.
    """
    loss = bernoulli_nll(widened(x), widened(target))
    return narrowed(reduced(by_weight(loss, weight, x), reduction), x)

binary_cross_entropy.rules(
    x="gx = g / n * weight * (x - target) / max(x * (1 - x), 1e-12)",
    target="gtarget = g / n * weight * (log(1 - x) - log(x))",
    weight="gweight = g / n * the losses",
)


@fused
def binary_cross_entropy_with_logits(x, target, weight=None, pos_weight=None, reduction="mean"):
    """binary_cross_entropy of sigmoid(x), computed so that nothing overflows or is rounded to 0.

    x, target (...)   weight, pos_weight: broadcast to x   ->   () for reduction "mean" or "sum", like x for "none"
    (1 - target) * x + (1 + (pos_weight - 1) * target) * log(1 + e^-x): pos_weight is what a positive counts. Raises
    ValueError for a target of another shape, TypeError for integers.
    """
    wide, goal = widened(x), widened(target)
    surprise = -logsigmoid(wide)                                              # -log sigmoid(x)
    if pos_weight is not None:
        surprise = surprise * (1 + (matched(pos_weight, x) - 1) * goal)
    loss = (1 - goal) * wide + surprise
    return narrowed(reduced(by_weight(loss, weight, x), reduction), x)

binary_cross_entropy_with_logits.rules(
    x="gx = g / n * weight * (sigmoid(x) - target), without pos_weight",
    target="gtarget = -g / n * weight * x, without pos_weight",
    weight="gweight = g / n * the losses",
    pos_weight="gpos_weight = g / n * weight * target * log(1 + e^-x)",
)


@fused
def gaussian_nll_loss(x, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log(var) + (x - target)^2 / var) / 2, for target drawn from normal distributions of means x and variances var.

    x, target broadcast   var: a number, x's shape, x's shape without its last axis, or with one axis of length 1
    ->   () for reduction "mean" or "sum", the common shape for "none"
    full: with log(2 * pi) / 2. var is raised to eps, and its gradient passes as if it had not been. Raises ValueError
    for a var of another shape and, on the CPU, for a negative one. Nix & Weigend 1994.
    """
    wide, goal = widened(x), matched(target, x)
    variance = matched(var, x) if hasattr(var, "shape") else full_like(wide, var)
    if variance.shape != x.shape and variance.shape == x.shape[:-1]:
        variance = expand_dims(variance, -1)
    variance = at_least(variance, eps)
    loss = (log(variance) + square(wide - goal) / variance) / 2
    return narrowed(reduced(loss + HALF_LOG_2PI if full else loss, reduction), x)

gaussian_nll_loss.rules(
    x="gx = g / n * (x - target) / var",
    target="gtarget = -gx",
    var="gvar = g / n * (1 / var - (x - target)^2 / var^2) / 2",
)


@fused
def poisson_nll_loss(x, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
    """e^x - target * x, for counts drawn from Poisson distributions of rates e^x; without log_input of rates x.

    x, target broadcast   ->   () for reduction "mean" or "sum", their common shape for "none"
    Without log_input it is x - target * log(x + eps). full: with Stirling's approximation of log(target!) where target
    is above 1. Raises ValueError for shapes that do not fit, TypeError where x is of integers.
    """
    wide, goal = widened(x), matched(target, x)
    loss = exp(wide) - goal * wide if log_input else wide - goal * log(wide + eps)
    if full:
        small = less_equal(goal, 1)
        count = where(small, 1, goal)
        loss = loss + where(small, 0, count * log(count) - count + log(2 * pi * count) / 2)
    return narrowed(reduced(loss, reduction), x)

poisson_nll_loss.rules(
    x="gx = g / n * (e^x - target); without log_input g / n * (1 - target / (x + eps))",
    target="gtarget = -g / n * x, with full and where target > 1 + g / n * (log(target) + 1 / (2 * target))",
)


@fused
def multilabel_soft_margin_loss(x, target, weight=None, reduction="mean"):
    """The mean over the classes of binary_cross_entropy_with_logits, each class a question of its own.

    x, target (..., c), broadcast   weight: broadcasts   ->   () for reduction "mean" or "sum", (...) for "none"
    Raises ValueError for x without an axis and for shapes that do not fit.
    """
    wide, goal = widened(x), matched(target, x)
    loss = -goal * logsigmoid(wide) - (1 - goal) * logsigmoid(-wide)
    loss = by_weight(loss, weight, x)
    return narrowed(reduced(sum(loss, len(x.shape) - 1) / x.shape[-1], reduction), x)

multilabel_soft_margin_loss.rules(
    x="gx = g / (n * c) * weight * (sigmoid(x) - target)",
    target="gtarget = -g / (n * c) * weight * x",
    weight="gweight = g / (n * c) * the losses of the classes",
)


# --- checks ---------------------------------------------------------------------------------------------------

def check_kl_div(x, target, reduction, log_target):
    """Errors for arguments that do not fit together."""
    check_reduction("kl_div", reduction, ("batchmean",))
    check_floats("kl_div", x=x, target=target)
    check_broadcast("kl_div", x=x, target=target)


def check_binary(name: str, x: Any, target: Any, reduction: str, **weights: Any) -> None:
    """Errors for a target that is not a probability for each element of x, and weights that do not broadcast to it."""
    check_reduction(name, reduction)
    check_floats(name, x=x, target=target)
    check_same_shape(name, x, target=target)
    check_into(name, x.shape, **weights)


def check_binary_cross_entropy(x, target, weight, reduction):
    """Errors for arguments that do not fit together, and for x or targets that are no probabilities."""
    name = "binary_cross_entropy"
    check_binary(name, x, target, reduction, weight=weight)
    for what, p in ("x", x), ("target", target):
        if library_of(p) == "numpy" and not ((p >= 0) & (p <= 1)).all():
            raise ValueError(f"{name}: {what} must be probabilities, from 0 to 1; it holds "
                             f"{p[~((p >= 0) & (p <= 1))].flat[0]} ({what} {p.shape})"
                             + ("; logits go to binary_cross_entropy_with_logits" if what == "x" else ""))


def check_gaussian_nll_loss(x, target, var, full, eps, reduction):
    """Errors for arguments that do not fit together, and for negative variances."""
    name = "gaussian_nll_loss"
    check_reduction(name, reduction)
    check_floats(name, x=x)
    check_broadcast(name, x=x, target=target)
    shape = getattr(var, "shape", None)
    if shape is not None and not fits(x.shape, shape):
        raise ValueError(f"{name}: var must have the shape of x, {x.shape}, or without its last axis, or with one axis "
                         f"of length 1; it has {shape}")
    if (var < 0 if shape is None else library_of(var) == "numpy" and (var < 0).any()):
        raise ValueError(f"{name}: var must not be negative: pass variances, such as the square or the exponential of "
                         "what a network gives")


def fits(shape: tuple[int, ...], var: tuple[int, ...]) -> bool:
    """Whether variances of shape `var` fit means of this shape."""
    if var in (shape, shape[:-1]):
        return True
    different = [n for m, n in zip(shape, var, strict=False) if m != n]
    return len(shape) == len(var) and different == [1]


def check_poisson_nll_loss(x, target, log_input, full, eps, reduction):
    """Errors for arguments that do not fit together."""
    check_reduction("poisson_nll_loss", reduction)
    check_floats("poisson_nll_loss", x=x)
    check_broadcast("poisson_nll_loss", x=x, target=target)


def check_multilabel_soft_margin_loss(x, target, weight, reduction):
    """Errors for arguments that do not fit together."""
    name = "multilabel_soft_margin_loss"
    check_reduction(name, reduction)
    check_floats(name, x=x)
    check_arrays(name, target=target)
    if not x.shape:
        raise ValueError(f"{name}: x needs an axis of classes (x {x.shape}, target {target.shape})")
    check_broadcast(name, x=x, target=target, **({} if weight is None else {"weight": weight}))


kl_div.checked_by(check_kl_div)
binary_cross_entropy.checked_by(check_binary_cross_entropy)
binary_cross_entropy_with_logits.checked_by(lambda x, target, weight, pos_weight, reduction: (
    check_binary("binary_cross_entropy_with_logits", x, target, reduction, weight=weight, pos_weight=pos_weight)))
gaussian_nll_loss.checked_by(check_gaussian_nll_loss)
poisson_nll_loss.checked_by(check_poisson_nll_loss)
multilabel_soft_margin_loss.checked_by(check_multilabel_soft_margin_loss)
