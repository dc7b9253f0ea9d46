"""Means of numbers, as of the losses of an epoch."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

import numpy

from ...backend import FLOATS, device_of, is_array, on_device_of, to_device, to_numpy
from ...nn.arrays import as_array
from ...tensor import bare, no_grad
from .metric import Metric


class Average(Metric):
    """What means share: total () float64, where the numbers are, and the sum of their weights."""

    name = "mean"
    better: str | None = "min"
    parts = ("total", "weight")
    total: Any = None
    weight: Any = None

    def add(self, value: Any, weight: float) -> None:
        """A number, as a tensor, an array or Python's, and its weight. Nothing waits for the device."""
        value = bare(value)
        value = value if is_array(value) else numpy.asarray(value)
        if value.size != 1 or value.dtype.kind not in "iu" + FLOATS:
            raise ValueError(f"{type(self).__name__}: expected one number, {value.dtype} of shape {value.shape} came")
        with on_device_of(value):
            new = value.reshape(()).astype("float64") * weight
            self.total = new if self.total is None else to_device(self.total, device_of(new)) + new
        self.weight = weight if self.weight is None else self.weight + weight

    def compute(self) -> float:
        return float(to_numpy(self.total)) / self.weight if self.weight else nan

    def check_part(self, part: str, value: Any) -> Any:
        array = as_array(value)
        if array.shape or array.dtype.kind not in "fiu":
            raise ValueError(f"{type(self).__name__}: {part} must be a number, {array.dtype} {array.shape} came")
        return array.astype("float64") if part == "total" else array.item()


class Mean(Average):
    """The mean of numbers that come with weights: sum of weight * value / sum of weights, in float64.

    Its `update` takes no outputs: it is for what a step has computed already, as its loss.
    """

    def __init__(self, name: str | None = None, better: str | None = "min"):
        self.name, self.better = name or self.name, better

    def update(self, value: Any, weight: float = 1) -> None:
        """Add a number; weight is n, if it is the mean over a batch of n."""
        self.add(value, weight)


class MeanLoss(Average):
    """The mean over all samples of a loss that is a mean over a batch: batches count by their size.

    loss: a function or layer of (outputs, targets) that gives one number, as nn.CrossEntropyLoss(). Nothing is
    recorded. Where a loss is not a mean over samples (an ignore_index, class weights) this is not quite the mean of it
    over the whole set.
    """

    name = "loss"

    def __init__(self, loss: Callable[[Any, Any], Any], *, name: str | None = None):
        if not callable(loss):
            raise TypeError(f"MeanLoss: loss must be a function of (outputs, targets), {loss!r} came")
        self.loss, self.name = loss, name or self.name

    def update(self, outputs: Any, targets: Any) -> None:
        """Add the loss of a batch; its size is the first length of targets, or of the first of several."""
        with no_grad():
            self.add(self.loss(outputs, targets), batch_size(targets))

    def __repr__(self) -> str:
        return f"MeanLoss({getattr(self.loss, '__name__', self.loss)})"


def batch_size(x: Any) -> int:
    """The first length of a tensor, or of the first in a tuple or dict."""
    while isinstance(x, (tuple, dict)):
        x = next(iter(x.values() if isinstance(x, dict) else x))
    return len(x)
