"""What a set of labelled images is here, and the error that all readers raise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np


class DataError(ValueError):
    """Data cannot be used: says in one line which file or folder, what was expected and what came."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images, all in memory. `len(data)` is n; `data[index]` is (images[index], labels[index]).

    images (n, c, h, w) float32   labels (n,) int64, indices into `classes`
    `images * std + mean` gives the ink back: 0 the paper, 1 the full stroke.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.ndim != 4 or images.dtype != np.float32:
            raise DataError(f"{self.name}: expected images (n, c, h, w) of float32, "
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

    def subset(self, index: np.ndarray | slice) -> Dataset:
        """The same data with the images of `index` only, in that order."""
        return replace(self, images=self.images[index], labels=self.labels[index])

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, images {self.images.shape}, {len(self.classes)} classes)"


class TrainTest(NamedTuple):
    """What to learn from, and what to read once at the end. A validation part is split off `train` by the user."""

    train: Dataset
    test: Dataset
