"""The schedule that looks at how training goes."""

from __future__ import annotations

from math import inf
from typing import Any

from ...tensor import Tensor
from ..optimizer import Optimizer
from .scheduler import LRScheduler, per_group


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` when a metric has not got better for more than `patience` steps.

        scheduler.step(validation_loss)

    mode: "min", less is better, or "max". A metric is better if it beats the best so far by `threshold`: times it
    (threshold_mode "rel") or plus it ("abs"). cooldown: as many steps after a reduction do not count. min_lr: of all
    groups, or a list. eps: a smaller change of the rate is left out.
    """

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
                 threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0, min_lr: Any = 0,
                 eps: float = 1e-8):
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, {factor!r} came")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode must be 'min' or 'max', {mode!r} came")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', {threshold_mode!r} came")
        per_group("ReduceLROnPlateau", "min_lr", optimizer, min_lr)
        self.min_lr = min_lr
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.best = inf if mode == "min" else -inf
        self.last_epoch = self.cooldown_counter = self.num_bad_epochs = 0
        self._note()

    def step(self, metrics: Any = None) -> None:
        """Look at the metric of an epoch, a number or a tensor of one element, and reduce the rates if it is time."""
        if metrics is None:
            raise TypeError("ReduceLROnPlateau: step(metrics) needs the metric that it watches, such as a loss")
        metric = float(metrics.item() if isinstance(metrics, Tensor) else metrics)
        self.last_epoch += 1
        if self.is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self.reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._note()

    def is_better(self, metric: float) -> bool:
        """Whether it beats the best so far by the threshold."""
        margin = self.threshold if self.mode == "max" else -self.threshold
        bound = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return metric < bound if self.mode == "min" else metric > bound

    def reduce(self) -> None:
        """The rates times `factor`, not below their least."""
        lows = per_group("ReduceLROnPlateau", "min_lr", self.optimizer, self.min_lr)
        for group, low in zip(self.optimizer.param_groups, lows, strict=True):
            lower = max(float(group["lr"]) * self.factor, low)
            if float(group["lr"]) - lower > self.eps:
                group["lr"] = lower
