"""Distances of vectors, and the losses made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import ops
from ...ops.loss_parts import check_ranks, check_reduction, hinge, reduced
from .common import reduction_of

__all__ = ["cosine_embedding_loss", "cosine_similarity", "pairwise_distance", "triplet_margin_loss",
           "triplet_margin_with_distance_loss"]


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors, which lie along `dim` of the shape to which x1 and x2 broadcast."""
    return ops.cosine_similarity(x1, x2, dim, eps)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The p-norm of x1 - x2 + eps over the last axis."""
    return ops.pairwise_distance(x1, x2, p, eps, keepdim)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
                          reduce: bool | None = None, reduction: str = "mean") -> Any:
    """1 - cosine where target is 1, max(0, cosine - margin) where it is -1; input1, input2 (n, d), target (n,)."""
    reduction = reduction_of("cosine_embedding_loss", size_average, reduce, reduction)
    return ops.cosine_embedding_loss(input1, input2, target, margin, reduction)


def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, size_average: bool | None = None,
                        reduce: bool | None = None, reduction: str = "mean") -> Any:
    """max(0, margin + |anchor - positive| - |anchor - negative|), with pairwise_distance. Balntas et al. 2016.

    swap: |positive - negative| takes the place of |anchor - negative| where it is smaller.
    """
    reduction = reduction_of("triplet_margin_loss", size_average, reduce, reduction)
    return ops.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction)


def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, *,
                                      distance_function: Callable[[Any, Any], Any] | None = None, margin: float = 1.0,
                                      swap: bool = False, reduction: str = "mean") -> Any:
    """triplet_margin_loss with a distance of one's own, a function of two tensors; by default pairwise_distance."""
    name = "triplet_margin_with_distance_loss"
    check_reduction(name, reduction)
    if margin <= 0:
        raise ValueError(f"{name}: margin must be greater than 0, {margin} came")
    check_ranks(name, anchor=anchor, positive=positive, negative=negative)
    distance = distance_function or pairwise_distance
    far = distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    return reduced(hinge(margin + distance(anchor, positive) - far), reduction)
