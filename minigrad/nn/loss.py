"""Losses as modules."""

from __future__ import annotations

from typing import Any

from ..ops import tensor
from . import functional as F
from .module import Module


class CrossEntropyLoss(Module):
    """-log softmax(input)[target]; input (n, c) or (n, c, d1, ...), target class indices.

    weight (c,): how much each class counts. Targets equal to ignore_index count nothing. reduction: "mean", "sum" or
    "none". label_smoothing: the part of the target that is spread over all classes.
    """

    weight: Any

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean",
                 label_smoothing: float = 0.0):
        self.register_buffer("weight", None if weight is None else tensor(weight).data)
        self.ignore_index, self.reduction, self.label_smoothing = ignore_index, reduction, label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        return F.cross_entropy(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction,
                               label_smoothing=self.label_smoothing)


class MSELoss(Module):
    """(input - target)^2: its mean, its "sum", or with reduction "none" all of it."""

    def __init__(self, *, reduction: str = "mean"):
        self.reduction = reduction

    def forward(self, input: Any, target: Any) -> Any:
        return F.mse_loss(input, target, self.reduction)
