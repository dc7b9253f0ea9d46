"""Losses of classes, and those that are 0 once a score is right by a margin."""

from __future__ import annotations

from typing import Any

from ... import ops
from .reductions import reduction_of

__all__ = ["cross_entropy", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
           "multilabel_soft_margin_loss", "nll_loss", "soft_margin_loss"]


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
