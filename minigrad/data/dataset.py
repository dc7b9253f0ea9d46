"""What a data set is here, and the error that all readers raise.

A data set is anything with `len(data)` and `data[i] -> (input, target)` for an int i; input and target may each be an
array, a tuple or a dict of arrays. A list of pairs is one. Those of this package also know their name, their classes
and their labels; where `takes_indices` is true, `data[index]` with an array of indices gives a whole batch at once.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


class DataError(ValueError):
    """Data cannot be used: says in one line which file or folder, what was expected and what came."""


class Examples:
    """What the data sets of this package share. A subclass says its length and gives its examples.

    name: what errors call it   classes: the names of its classes, () where it has none
    labels: (n,) int64, the class of every example; None where the examples have no classes
    """

    name: str
    classes: tuple[str, ...]
    labels: Any
    takes_indices = False           # whether data[index array] gives a whole batch

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no length: write __len__")

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        raise TypeError(f"{type(self).__name__} gives no examples: write __getitem__")

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return (self[i] for i in range(len(self)))

    def subset(self, index: Any) -> Examples:
        """The examples of `index`, ints, a slice or a mask of booleans, in that order."""
        return Subset(self, index)


class Subset(Examples):
    """Some examples of another data set, in the order of `index`: ints, a slice or a mask of booleans (n,)."""

    def __init__(self, data: Any, index: Any):
        self.data, self.index = data, places(data, index)
        self.name, self.classes = getattr(data, "name", type(data).__name__), getattr(data, "classes", ())
        self.takes_indices = getattr(data, "takes_indices", False)
        labels = labels_of(data)
        self.labels = None if labels is None else labels[self.index]

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        chosen = self.index[index]
        return self.data[chosen if self.takes_indices else int(chosen)]

    def __repr__(self) -> str:
        return f"Subset({self.name!r}, {len(self)} of {len(self.data)} examples)"


def labels_of(data: Any) -> np.ndarray | None:
    """The class of every example (n,), where a data set says it."""
    labels = getattr(data, "labels", None)
    return labels if isinstance(labels, np.ndarray) and labels.ndim == 1 and labels.dtype.kind in "iu" else None


def places(data: Any, index: Any) -> np.ndarray:
    """An index of any kind as places (n,) intp in a data set, none negative. Raises DataError for what is none."""
    n, name = len(data), getattr(data, "name", type(data).__name__)
    if isinstance(index, slice):
        return np.arange(n)[index]
    chosen = np.asarray(index)
    if chosen.size == 0:
        return np.zeros(0, np.intp)
    if chosen.dtype.kind == "b" and chosen.shape == (n,):
        return np.flatnonzero(chosen)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise DataError(f"{name}: expected an index of ints (m,), a slice, or a mask of booleans ({n},), "
                        f"{chosen.dtype} {chosen.shape} came")
    if chosen.min() < -n or chosen.max() >= n:
        raise DataError(f"{name}: expected indices from 0 to {n - 1}, {chosen.min()} to {chosen.max()} came")
    return chosen.astype(np.intp) % n


@dataclass(frozen=True, eq=False)
class Dataset(Examples):
    """Labelled images, all in memory. `len(data)` is n; `data[index]` is (images[index], labels[index]).

    images (n, c, h, w) float32, or uint8 from 0 to 255   labels (n,) int64, indices into `classes`
    `images * std + mean` gives the ink back: 0 the paper, 1 the full stroke.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    mean: float = 0.0
    std: float = 1.0
    takes_indices = True

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.ndim != 4 or images.dtype not in (np.float32, np.uint8):
            raise DataError(f"{self.name}: expected images (n, c, h, w) of float32 or uint8, "
                            f"{images.shape} of {images.dtype} came")
        if labels.shape != images.shape[:1] or labels.dtype != np.int64:
            raise DataError(f"{self.name}: expected labels ({len(images)},) of int64, one for each image, "
                            f"{labels.shape} of {labels.dtype} came")
        if labels.size and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise DataError(f"{self.name}: expected labels from 0 to {len(self.classes) - 1}, "
                            f"{labels.min()} to {labels.max()} came")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Any) -> tuple[np.ndarray, np.ndarray]:
        return self.images[index], self.labels[index]

    def subset(self, index: Any) -> Dataset:
        """The same data with the images of `index` only, in that order; those of a slice share the memory."""
        chosen = index if isinstance(index, slice) else places(self, index)
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, images {self.images.shape}, {len(self.classes)} classes)"


@dataclass(frozen=True, eq=False)
class TrainTest:
    """What to learn from, and what to read once at the end: `train, test = digits()`.

    validation: a part that chooses among models, where the data come with one; otherwise None, and the user splits one
    off `train`.
    """

    train: Any
    test: Any
    validation: Any = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.train, self.test))


def as_int(x: Any, who: str, what: str, least: int) -> int:
    """A whole number, at least `least`; DataError for anything else."""
    try:
        number = operator.index(x)
    except TypeError:
        number = None
    if number is None or isinstance(x, (bool, np.bool_)) or number < least:
        raise DataError(f"{who}: expected {what}, a whole number from {least} on, {x!r} came")
    return number
