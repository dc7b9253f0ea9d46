"""Losses."""

from __future__ import annotations

from typing import Any
from warnings import warn

from ... import ops

__all__ = ["cross_entropy", "mse_loss"]


def cross_entropy(input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Any:
    """-log softmax(input)[target].

    input (n, c), (c,) or (n, c, d1, ...)   target: class indices, the shape of input without c   weight (c,)
    Targets equal to ignore_index count nothing. ValueError if a target is no class (checked on the CPU only: a GPU
    would have to be waited for).
    """
    return ops.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """(input - target)^2: its mean, its "sum", or with reduction "none" all of it."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"mse_loss: reduction must be 'mean', 'sum' or 'none', {reduction!r} came")
    if input.shape != target.shape:
        warn(f"mse_loss: input {input.shape} and target {target.shape} differ and are broadcast, which is seldom meant",
             stacklevel=2)
    loss = ops.square(ops.subtract(input, target))
    return loss if reduction == "none" else ops.sum(loss) if reduction == "sum" else ops.mean(loss)
