"""Which class was taken for which, and the overlap of target and prediction."""

from __future__ import annotations

from math import isqrt, nan
from typing import Any

import numpy

from ...backend import Array, namespace, scatter_add
from ...misuse import is_int
from .batch import Batch, predicted
from .hits import Counting


class ConfusionMatrix(Counting):
    """How often targets of each class were taken for each class: `compute` gives (c, c) int64, [target, prediction].

    num_classes: c; None: as many as the outputs have scores for (before the first batch `compute` gives (0, 0)).
    scikit-learn's convention: rows are the truth.
    """

    name = "confusion"
    better: str | None = None

    def __init__(self, num_classes: int | None = None, *, ignore_index: int | None = None, threshold: float = 0.0,
                 name: str | None = None):
        if num_classes is not None and (not is_int(num_classes) or num_classes < 2):
            raise ValueError(f"{type(self).__name__}: num_classes must be an int from 2 on, or None for as many as the "
                             f"outputs have scores for, {num_classes!r} came")
        super().__init__(ignore_index=ignore_index, threshold=threshold, name=name)
        self.num_classes = num_classes

    def count(self, batch: Batch) -> Array:
        c, who = batch.classes, type(self).__name__
        known = self.num_classes or (c if self.counts is None else isqrt(len(self.counts)))
        if c != known:
            raise ValueError(f"{who}: expected outputs with scores for {known} classes, these have {c} (outputs' axis "
                             f"1){'; one score tells two' if batch.binary else ''}")
        xp = namespace(batch.scores)
        cell = xp.where(batch.known, batch.labels * c + predicted(batch, self.threshold), c * c).ravel()
        counts = xp.zeros(c * c + 1, dtype="int64")
        scatter_add(counts, cell, xp.ones_like(cell))
        counts[-1] = batch.strays                       # where those fell that are not counted
        return counts

    def matrix(self) -> numpy.ndarray:
        """(c, c) int64 [target, prediction]: how often."""
        if self.counts is None:
            return numpy.zeros((self.num_classes or 0,) * 2, "int64")
        counts = self.seen()
        return counts.reshape(isqrt(len(counts)), -1)

    def compute(self) -> Any:
        return self.matrix()

    def fits(self, size: int) -> bool:
        c = isqrt(max(size - 1, 0))
        return c * c + 1 == size and c > 1 and self.num_classes in (None, c)

    def settings(self) -> dict[str, Any]:
        return {**({} if self.num_classes is None else {"num_classes": self.num_classes}), **super().settings()}


class IoU(ConfusionMatrix):
    """Intersection over union (Jaccard 1901): of all targets and predictions of a class, the share that agree.

    IoU of class i = m[i, i] / (sum of row i + sum of column i - m[i, i]), m the confusion matrix over everything seen.
    `compute` gives the mean over the classes that occurred, as target or as prediction; `per_class` gives (c,), nan
    for those that did not. For segmentation: outputs (n, c, h, w), targets (n, h, w).
    """

    name, better = "iou", "max"

    def per_class(self) -> numpy.ndarray:
        """(c,) float64; nan where a class is neither target nor prediction."""
        return ious(self.matrix())

    def compute(self) -> float:
        return mean_known(self.per_class())


class ForegroundIoU(IoU):
    """IoU of class 1, the foreground, where there are two classes; of more classes their mean, as `IoU`."""

    def compute(self) -> float:
        return summed_up(self.per_class())


def ious(matrix: numpy.ndarray) -> numpy.ndarray:
    """Intersection over union of each class, (c,) float64, of counts (c, c); nan where a class does not occur."""
    both = matrix.diagonal()
    either = matrix.sum(0) + matrix.sum(1) - both
    return numpy.where(either, both / numpy.maximum(either, 1), nan)


def summed_up(per_class: numpy.ndarray) -> float:
    """Of two classes the IoU of the foreground, class 1; of more the mean of those that occur."""
    return float(per_class[1]) if len(per_class) == 2 else mean_known(per_class)


def mean_known(values: numpy.ndarray) -> float:
    known = values[~numpy.isnan(values)]
    return float(known.mean()) if known.size else nan
