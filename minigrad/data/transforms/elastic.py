"""Bending images as if they were drawn on rubber."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset import as_int
from .affine import INTERPOLATIONS
from .base import Drawn, Transform, as_choice, as_number
from .sampling import as_fill, sample


class RandomElastic(Transform):
    """Bend every image smoothly: the points of a coarse grid are displaced at random, and all pixels with them.

    std: of the displacements in pixels, normal, along rows and columns alike. grid: points of the grid along each side,
    from border to border; between them displacements are interpolated by cubic splines (Catmull-Rom). interpolation:
    "bilinear" or "nearest". fill: what comes in at the borders: "edge", which repeats them, or a number; mask_fill: the
    class that comes in there.
    The defaults are the paper's: Ronneberger, Fischer, Brox, U-Net, 2015, section 3.1.
    """

    moves = True

    def __init__(self, std: float = 10.0, grid: int = 3, interpolation: str = "bilinear", fill: Any = "edge",
                 mask_fill: int = 0):
        self.std, self.grid = std, as_int(grid, "RandomElastic", "grid, a number of points", 2)
        self.deviation = as_number(std, "RandomElastic", "std", 0, 1e6)
        self.interpolation = as_choice(interpolation, "RandomElastic", "interpolation", INTERPOLATIONS)
        self.fill, self.mask_fill = as_fill(fill, "RandomElastic"), mask_fill

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        coarse = generator.normal(0, self.deviation, (2, n, self.grid, self.grid))
        moves = (splines(h, self.grid) @ coarse @ splines(w, self.grid).T).astype(np.float32)       # (2, n, h, w)
        rows = moves[0] + np.arange(h, dtype=np.float32)[:, None]
        return rows, moves[1] + np.arange(w, dtype=np.float32)

    def change(self, images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return sample(images, rows, columns, self.interpolation, self.fill)

    def change_mask(self, masks: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return sample(masks, rows, columns, "nearest", self.fill if isinstance(self.fill, str) else self.mask_fill)


def splines(n: int, points: int) -> np.ndarray:
    """(n, points): how much each of some evenly spaced points counts at each of n pixels, the first and the last of
    which lie on the outermost points. Catmull-Rom; beyond the ends the outermost point is repeated."""
    place = np.linspace(0, points - 1, n)
    left = np.minimum(place.astype(int), points - 2)
    t = (place - left)[:, None]                                                             # (n, 1) in 0..1
    weights = np.hstack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2
    found = np.zeros((n, points))
    for k in range(4):
        np.add.at(found, (np.arange(n), (left + k - 1).clip(0, points - 1)), weights[:, k])
    return found
