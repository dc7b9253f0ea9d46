"""Losses; those made of distances are in distances.py. size_average and reduce are older words for `reduction`."""

from __future__ import annotations

from typing import Any
from warnings import warn

from ... import ops
from .common import reduction_of

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gaussian_nll_loss",
    "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss", "multi_margin_loss",
    "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
]

# --- regression -----------------------------------------------------------------------------------------------

def warn_of_broadcasting(name: str, input: Any, target: Any) -> None:
    if hasattr(target, "shape") and input.shape != target.shape:
        warn(f"{name}: input {input.shape} and target {target.shape} differ and are broadcast, which is seldom meant",
             stacklevel=4)


def mse_loss(input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
             reduction: str = "mean", weight: Any = None) -> Any:
    """(input - target)^2. With a weight, like input, the mean is divided by the sum of weights."""
    warn_of_broadcasting("mse_loss", input, target)
    reduction = reduction_of("mse_loss", size_average, reduce, reduction)
    return ops.mse_loss(input, target, weight, reduction)


def l1_loss(input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
            reduction: str = "mean", weight: Any = None) -> Any:
    """|input - target|. With a weight, like input, the mean is divided by the sum of weights."""
    warn_of_broadcasting("l1_loss", input, target)
    reduction = reduction_of("l1_loss", size_average, reduce, reduction)
    return ops.l1_loss(input, target, weight, reduction)


def smooth_l1_loss(input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
                   reduction: str = "mean", beta: float = 1.0) -> Any:
    """d^2 / (2 * beta) where d = |input - target| is less than beta, else d - beta/2. Girshick 2015, eq. 3."""
    warn_of_broadcasting("smooth_l1_loss", input, target)
    reduction = reduction_of("smooth_l1_loss", size_average, reduce, reduction)
    return ops.smooth_l1_loss(input, target, reduction, beta)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """d^2 / 2 where d = |input - target| is less than delta, else delta * (d - delta/2). Huber 1964."""
    warn_of_broadcasting("huber_loss", input, target)
    return ops.huber_loss(input, target, weight, reduction, delta)


# --- likelihoods ----------------------------------------------------------------------------------------------

def kl_div(input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
           reduction: str = "mean", log_target: bool = False) -> Any:
    """target * (log(target) - input), input being logarithms of probabilities, and with log_target target too.

    "batchmean" divides the sum by input's first length: the divergence, where "mean" divides by all lengths.
    """
    if size_average is None and reduce is None and reduction == "mean":
        warn("kl_div: reduction 'mean' divides by the number of elements; the divergence is reduction='batchmean'",
             stacklevel=3)
    reduction = reduction_of("kl_div", size_average, reduce, reduction)
    return ops.kl_div(input, target, reduction, log_target)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Any:
    """-target * log(input) - (1 - target) * log(1 - input), for probabilities. Logarithms are at least -100.

    ValueError if either is outside of [0, 1] (checked on the CPU only: a GPU would have to be waited for).
    """
    reduction = reduction_of("binary_cross_entropy", size_average, reduce, reduction)
    return ops.binary_cross_entropy(input, target, weight, reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
                                     reduce: bool | None = None, reduction: str = "mean",
                                     pos_weight: Any = None) -> Any:
    """binary_cross_entropy of sigmoid(input), which never overflows. pos_weight: how much a positive counts."""
    reduction = reduction_of("binary_cross_entropy_with_logits", size_average, reduce, reduction)
    return ops.binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction)


def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Any:
    """(log(var) + (input - target)^2 / var) / 2, var at least eps; full: with log(2 * pi) / 2. Nix & Weigend 1994.

    var: a number, input's shape, that without its last axis, or with one axis of length 1. ValueError if it is negative
    (checked on the CPU only: a GPU would have to be waited for).
    """
    return ops.gaussian_nll_loss(input, target, var, full, eps, reduction)


def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False,
                     size_average: bool | None = None, eps: float = 1e-8, reduce: bool | None = None,
                     reduction: str = "mean") -> Any:
    """e^input - target * input; without log_input input - target * log(input + eps).

    full: with Stirling's approximation of log(target!) where target is above 1.
    """
    reduction = reduction_of("poisson_nll_loss", size_average, reduce, reduction)
    return ops.poisson_nll_loss(input, target, log_input, full, eps, reduction)


# --- classes --------------------------------------------------------------------------------------------------

def cross_entropy(input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
                  ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Any:
    """-log softmax(input)[target], or the sum of -target * log softmax(input) over the classes.

    input (n, c), (c,) or (n, c, d1, ...)   target: class indices, the shape of input without c, or probabilities of
    input's shape   weight (c,)
    Targets equal to ignore_index count nothing. ValueError if a target is no class (checked on the CPU only: a GPU
    would have to be waited for).
    """
    reduction = reduction_of("cross_entropy", size_average, reduce, reduction)
    return ops.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(input: Any, target: Any, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
             reduce: bool | None = None, reduction: str = "mean") -> Any:
    """-input[target], input being logarithms of probabilities, (n, c), (c,) or (n, c, d1, ...); see cross_entropy."""
    reduction = reduction_of("nll_loss", size_average, reduce, reduction)
    return ops.nll_loss(input, target, weight, ignore_index, reduction)


# --- margins --------------------------------------------------------------------------------------------------

def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Any:
    """input, a distance, where target is 1; max(0, margin - input) where it is -1. Hadsell et al. 2006."""
    reduction = reduction_of("hinge_embedding_loss", size_average, reduce, reduction)
    return ops.hinge_embedding_loss(input, target, margin, reduction)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
                        reduce: bool | None = None, reduction: str = "mean") -> Any:
    """max(0, margin - target * (input1 - input2)): target 1 wants input1 the larger, -1 wants input2."""
    reduction = reduction_of("margin_ranking_loss", size_average, reduce, reduction)
    return ops.margin_ranking_loss(input1, input2, target, margin, reduction)


def soft_margin_loss(input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
                     reduction: str = "mean") -> Any:
    """log(1 + e^(-target * input)), target 1 or -1, without overflow."""
    reduction = reduction_of("soft_margin_loss", size_average, reduce, reduction)
    return ops.soft_margin_loss(input, target, reduction)


def multi_margin_loss(input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
                      size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> Any:
    """The mean over the other classes of max(0, margin - input[target] + input)^p, p 1 or 2. Crammer & Singer 2001."""
    reduction = reduction_of("multi_margin_loss", size_average, reduce, reduction)
    return ops.multi_margin_loss(input, target, p, margin, weight, reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
                                reduce: bool | None = None, reduction: str = "mean") -> Any:
    """The mean over the classes, the last axis, of binary_cross_entropy_with_logits."""
    reduction = reduction_of("multilabel_soft_margin_loss", size_average, reduce, reduction)
    return ops.multilabel_soft_margin_loss(input, target, weight, reduction)
