"""Cutting, flipping and shifting images: pixels move and keep their values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset import DataError, as_int
from ..picture import as_size
from .base import Drawn, Transform, as_choice, as_number
from .sampling import as_fill, frame

MODES = ("constant", "edge", "reflect", "symmetric")


class RandomCrop(Transform):
    """A part of every image, each place equally likely: RandomCrop(32, padding=4) is the usual one on CIFAR.

    size: an int or (h, w); None: that of the images, which `padding` then shifts. padding: pixels that are put around
    them before: an int, (left/right, top/bottom) or (left, top, right, bottom), as in torchvision. fill: their value in
    the images' own units; mask_fill: their class: 0, or -100, which `cross_entropy` leaves out. padding_mode:
    "constant", "edge", "reflect" or "symmetric".
    Raises DataError where the images are smaller than size, with the padding.
    """

    moves = True

    def __init__(self, size: Any = None, padding: Any = 0, fill: float = 0, padding_mode: str = "constant",
                 mask_fill: int = 0):
        self.size, self.padding, self.fill, self.mask_fill = size, padding, fill, mask_fill
        self.sides, self.widths = as_size(size, "RandomCrop"), as_padding(padding, "RandomCrop")
        self.padding_mode = as_choice(padding_mode, "RandomCrop", "padding_mode", MODES)

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        (top, bottom), (left, right) = self.widths
        size = self.sides or (h, w)
        down, across = h + top + bottom - size[0], w + left + right - size[1]
        if down < 0 or across < 0:
            raise DataError(f"RandomCrop: expected images of {size[0]} x {size[1]} pixels or more, with the padding, "
                            f"{h + top + bottom} x {w + left + right} came")
        return size, generator.integers(0, down + 1, n), generator.integers(0, across + 1, n)

    def change(self, images: np.ndarray, size: Any, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
        return self._cut(images, self.fill, size, tops, lefts)

    def change_mask(self, masks: np.ndarray, size: Any, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
        return self._cut(masks, self.mask_fill, size, tops, lefts)

    def _cut(self, images: np.ndarray, fill: Any, size: Any, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
        return windows(frame(images, self.widths, fill if self.padding_mode == "constant" else self.padding_mode),
                       size, tops, lefts)


class CenterCrop(Transform):
    """The middle of every image; size: an int or (h, w). Raises DataError where the images are smaller."""

    random, moves = False, True

    def __init__(self, size: Any):
        self.size = size
        self.sides = as_size(size, "CenterCrop")
        if self.sides is None:
            raise DataError("CenterCrop: expected a size as an int or (h, w), None came")

    def change(self, images: np.ndarray, *drawn: Any) -> np.ndarray:
        (h, w), (p, q) = images.shape[2:], self.sides or (0, 0)
        if h < p or w < q:
            raise DataError(f"CenterCrop: expected images of {p} x {q} pixels or more, {h} x {w} came")
        top, left = round((h - p) / 2), round((w - q) / 2)          # torchvision's rounding
        return images[:, :, top:top + p, left:left + q].copy()


class RandomShift(Transform):
    """Move every image by up to `pixels` whole pixels along rows and columns, each shift equally likely.

    fill: what comes in: "edge", which repeats the edges, or a number; mask_fill: the class that comes in.
    """

    moves = True

    def __init__(self, pixels: int, fill: Any = "edge", mask_fill: int = 0):
        self.pixels = as_int(pixels, "RandomShift", "pixels", 0)
        self.fill, self.mask_fill = as_fill(fill, "RandomShift"), mask_fill

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        return generator.integers(0, 2 * self.pixels + 1, n), generator.integers(0, 2 * self.pixels + 1, n)

    def change(self, images: np.ndarray, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
        return windows(frame(images, self.pixels, self.fill), images.shape[2:], tops, lefts)

    def change_mask(self, masks: np.ndarray, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
        fill = self.fill if isinstance(self.fill, str) else self.mask_fill
        return windows(frame(masks, self.pixels, fill), masks.shape[2:], tops, lefts)


class RandomHorizontalFlip(Transform):
    """Mirror left and right, each image with probability p."""

    moves, axis = True, 3

    def __init__(self, p: float = 0.5):
        self.p = p
        as_number(p, type(self).__name__, "a probability", 0, 1)

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        return (generator.random(n) < self.p,)

    def change(self, images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        flipped = images.copy()
        flipped[chosen] = np.flip(images[chosen], self.axis)
        return flipped


class RandomVerticalFlip(RandomHorizontalFlip):
    """Mirror top and bottom, each image with probability p."""

    axis = 2


class RandomQuarterTurn(Transform):
    """Turn every image by 0, 90, 180 or 270 degrees, each equally likely; no pixel is mixed with another.

    Images that are not square are turned by 0 or 180 degrees, so that a batch keeps its shape.
    """

    moves = True

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        return (generator.integers(0, 4, n) if h == w else 2 * generator.integers(0, 2, n),)

    def change(self, images: np.ndarray, turns: np.ndarray) -> np.ndarray:
        turned = images.copy()
        for k in (1, 2, 3):
            if (turns == k).any():
                turned[turns == k] = np.rot90(images[turns == k], k, (2, 3))
        return turned


def windows(images: np.ndarray, size: Any, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
    """The part of `size` (p, q) of each image (n, c, h, w) that begins at its own top and left -> (n, c, p, q)."""
    views = np.lib.stride_tricks.sliding_window_view(images, size, (2, 3))          # (n, c, h-p+1, w-q+1, p, q)
    return np.ascontiguousarray(views[np.arange(len(images)), :, tops, lefts])


def as_padding(padding: Any, who: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, bottom), (left, right)) from torchvision's int, (left/right, top/bottom) or (left, top, right, bottom)."""
    sides = list(padding) if isinstance(padding, (tuple, list)) else [padding]
    if len(sides) not in (1, 2, 4):
        raise DataError(f"{who}: expected padding as an int, (left/right, top/bottom) or (left, top, right, bottom), "
                        f"{padding!r} came")
    left, top, right, bottom = [as_int(side, who, "padding", 0) for side in sides * (4 // len(sides))]
    return (top, bottom), (left, right)
