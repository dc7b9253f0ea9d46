"""Other numbers for the same pictures: floats, normalised, of another size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...nn import Normalization
from ..dataset import DataError
from ..picture import as_size
from .base import Transform, as_choice, rounded


class ToFloat(Transform):
    """uint8 from 0 to 255 -> float32 from 0 to 1; floats stay as they are."""

    random = False

    def change(self, images: np.ndarray, *drawn: Any) -> np.ndarray:
        return images / np.float32(255) if images.dtype == np.uint8 else images.copy()


class Normalize(Transform):
    """(x - mean) / std in every channel, of images in floats.

    mean, std: a number, or one for each channel (c,). `Normalize.of(train)` takes those of a data set; uint8 there
    counts as 0 to 1, so that `Compose([ToFloat(), Normalize.of(train)])` fits it. A model that shall carry them begins
    with the layer `nn.Normalization` instead.
    """

    random = False

    def __init__(self, mean: Any, std: Any):
        try:
            layer = Normalization(mean, std)
        except ValueError as error:
            raise DataError(str(error).replace("Normalization", "Normalize")) from error
        self.mean, self.std = [[float(str(x)) for x in buffer] for buffer in (layer.mean, layer.std)]

    @classmethod
    def of(cls, data: Any) -> Normalize:
        """With the mean and the standard deviation of every channel of a data set; see `nn.Normalization.of`."""
        try:
            layer = Normalization.of(data)
        except DataError:
            raise
        except ValueError as error:
            raise DataError(str(error).replace("Normalization", "Normalize")) from error
        return cls(layer.mean, layer.std)

    def change(self, images: np.ndarray, *drawn: Any) -> np.ndarray:
        if images.dtype == np.uint8:
            raise DataError("Normalize: expected floats, uint8 came: put ToFloat() before it")
        c = len(self.mean)
        if c not in (1, images.shape[1]):
            raise DataError(f"Normalize: expected {c} channels, as there are means for, {images.shape[1]} came")
        mean, std = [np.array(x, images.dtype).reshape(-1, 1, 1) for x in (self.mean, self.std)]
        return (images - mean) / std


class Resize(Transform):
    """Images of another size: bilinear for images, the nearest for masks.

    size: (h, w), or an int for the shorter side, which keeps the form, as in torchvision. antialias: average over all
    pixels that fall into one where it gets smaller, as Pillow does; without, between the two nearest alone.
    """

    random, moves = False, True

    def __init__(self, size: Any, interpolation: str = "bilinear", antialias: bool = True):
        self.size, self.antialias = size, bool(antialias)
        self.interpolation = as_choice(interpolation, "Resize", "interpolation", ("bilinear", "nearest"))
        if as_size(size, "Resize") is None:
            raise DataError("Resize: expected a size as an int or (h, w), None came")

    def change(self, images: np.ndarray, *drawn: Any) -> np.ndarray:
        (h, w), (p, q) = images.shape[2:], self._goal(images)
        if (h, w) == (p, q):
            return images.copy()
        if self.interpolation == "nearest":
            return self.change_mask(images)
        dtype = images.dtype if images.dtype in (np.float32, np.float64) else np.dtype(np.float32)
        down, across = shares(h, p, self.antialias).astype(dtype), shares(w, q, self.antialias).astype(dtype)
        return rounded(down @ (images.astype(dtype, copy=False) @ across.T), images.dtype)

    def change_mask(self, masks: np.ndarray, *drawn: Any) -> np.ndarray:
        (h, w), (p, q) = masks.shape[2:], self._goal(masks)
        rows, columns = [((np.arange(m) + 0.5) * (n / m)).astype(np.intp) for n, m in ((h, p), (w, q))]
        return np.ascontiguousarray(masks[:, :, rows[:, None], columns])

    def _goal(self, images: np.ndarray) -> tuple[int, int]:
        if isinstance(self.size, (tuple, list)):
            return self.size[0], self.size[1]
        h, w = images.shape[2:]
        return (self.size, int(self.size * w / h)) if h <= w else (int(self.size * h / w), self.size)


def shares(n: int, m: int, antialias: bool) -> np.ndarray:
    """(m, n): which share of each of n pixels in a row each of m new ones takes: a tent about its centre."""
    width = max(n / m, 1) if antialias else 1
    centres = (np.arange(m) + 0.5) * (n / m) - 0.5
    if not antialias:
        centres = centres.clip(0, n - 1)
    tent = np.maximum(0, 1 - abs(centres[:, None] - np.arange(n)) / width)
    return tent / tent.sum(1, keepdims=True)
