"""How many targets are hit: accuracy and top-k; and what all metrics share that count."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy

from ...backend import Array, device_of, namespace, on_device_of, to_device, to_numpy
from ...misuse import is_int
from ...nn.arrays import as_array
from ...tensor import bare
from .batch import Batch, predicted, read, stray
from .metric import Metric


class Counting(Metric):
    """What metrics share that count classes: `counts` (m,) int64, the last of them the targets that are no class.

    ignore_index: a target that means "no class here" and is not counted. threshold: of the score of two classes.
    """

    parts = ("counts",)
    counts: Any = None

    def __init__(self, *, ignore_index: int | None = None, threshold: float = 0.0, name: str | None = None):
        self.ignore_index, self.threshold, self.name = ignore_index, threshold, name or self.name

    def update(self, outputs: Any, targets: Any) -> None:
        """Count a batch: outputs (n, c, ...) scores, targets (n, ...) ints.

        TypeError and ValueError for what is neither, and for targets that are no class; those on a GPU `compute` tells.
        """
        with on_device_of(bare(outputs)):
            new = self.count(read(type(self).__name__, outputs, targets, self.ignore_index))
            self.counts = new if self.counts is None else to_device(self.counts, device_of(new)) + new

    def count(self, batch: Batch) -> Array:
        """(m,) int64: what this batch adds."""
        raise TypeError(f"{type(self).__name__} does not say what it counts: it has no method count")

    def seen(self) -> numpy.ndarray:
        """The counts on the host, without the last; ValueError where that is not 0."""
        counts = to_numpy(self.counts)
        if counts[-1]:
            raise ValueError(stray(type(self).__name__, int(counts[-1])))
        return counts[:-1]

    def check_part(self, part: str, value: Any) -> Array:
        array = as_array(value)
        if array.ndim != 1 or array.dtype != "int64" or not self.fits(len(array)):
            raise ValueError(f"{type(self).__name__}: {array.dtype} {array.shape} cannot be its counts: they are those "
                             "of another metric, or of another number of classes")
        return array.copy()

    def fits(self, size: int) -> bool:
        """Whether there can be so many counts."""
        return size == 3

    def __repr__(self) -> str:
        shown = [f"{key}={value!r}" for key, value in self.settings().items()]
        return f"{type(self).__name__}({', '.join(shown)})"

    def settings(self) -> dict[str, Any]:
        """The arguments of the constructor that are not their defaults."""
        given = {"ignore_index": self.ignore_index, "threshold": self.threshold or None}
        return {key: value for key, value in given.items() if value is not None}


# --- hits -----------------------------------------------------------------------------------------------------

class Accuracy(Counting):
    """The share of targets that have the highest score; of equal scores the first class has it, as argmax says.

    Outputs and targets as the module says. `compute` gives a float from 0 to 1.
    """

    name = "accuracy"

    def count(self, batch: Batch) -> Array:
        return self.shares(batch, predicted(batch, self.threshold) == batch.labels)

    def shares(self, batch: Batch, hits: Array) -> Array:
        """(3,) hits, targets, strays."""
        sums = [(hits & batch.known).sum(dtype="int64"), batch.known.sum(dtype="int64"), batch.strays]
        return namespace(batch.scores).stack(sums)

    def compute(self) -> float:
        if self.counts is None:
            return nan
        hits, total = self.seen()
        return int(hits) / int(total) if total else nan


class PixelAccuracy(Accuracy):
    """Accuracy over all pixels of all images: outputs (n, c, h, w), targets (n, h, w) masks of class numbers."""

    name = "pixel_accuracy"


class TopK(Accuracy):
    """The share of targets that are among the k classes with the highest scores.

    outputs (n, c, ...), c at least k. Classes with equal scores are ranked by their number, the lower first, so TopK(1)
    is Accuracy, and a network that gives all classes one score has k/c (PyTorch's topk leaves the order of equals
    open). A target whose score is nan is no hit.
    """

    def __init__(self, k: int = 5, *, ignore_index: int | None = None, name: str | None = None):
        if not is_int(k) or k < 1:
            raise ValueError(f"TopK: k must be an int from 1 on, {k!r} came")
        self.k = int(k)
        super().__init__(ignore_index=ignore_index, name=name or f"top{k}")

    def count(self, batch: Batch) -> Array:
        scores, labels = batch.scores, batch.labels
        if batch.binary or batch.classes < self.k:
            c = 1 if batch.binary else batch.classes
            raise ValueError(f"TopK: k={self.k} of {c} classes says nothing (outputs have {c} scores for each target)")
        xp = namespace(scores)
        labels = xp.expand_dims(labels, 1)                                          # (n, 1, *places)
        own = xp.take_along_axis(scores, labels, 1)
        number = xp.arange(batch.classes).reshape(-1, *(1,) * (scores.ndim - 2))    # (c, 1, ...)
        before = ~(scores <= own) | (scores == own) & (number < labels)             # (n, c, *places); ~: also nan
        return self.shares(batch, before.sum(1) < self.k)

    def settings(self) -> dict[str, Any]:
        return {"k": self.k, **super().settings()}
