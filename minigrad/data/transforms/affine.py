"""Turning, moving, stretching and slanting images about their centres. Torchvision's names and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset import DataError
from .base import Drawn, Transform, as_choice, as_number, as_range
from .sampling import as_fill, sample

INTERPOLATIONS = ("bilinear", "nearest")


class Affine(Transform):
    """What RandomRotation and RandomAffine share: every image is sampled through a map of its own."""

    moves = True
    interpolation: str
    fill: Any
    mask_fill: int

    def change(self, images: np.ndarray, matrix: np.ndarray, move: np.ndarray) -> np.ndarray:
        """matrix (n, 2, 2), move (n, 2), on (row, column) from the centre: output place p shows matrix @ (p - move)."""
        return sample(images, *places(images, matrix, move), self.interpolation, self.fill)

    def change_mask(self, masks: np.ndarray, matrix: np.ndarray, move: np.ndarray) -> np.ndarray:
        fill = self.fill if isinstance(self.fill, str) else self.mask_fill
        return sample(masks, *places(masks, matrix, move), "nearest", fill)

    def _keep(self, interpolation: str, fill: Any, mask_fill: int) -> None:
        who = type(self).__name__
        self.interpolation = as_choice(interpolation, who, "interpolation", INTERPOLATIONS)
        self.fill, self.mask_fill = as_fill(fill, who), mask_fill


class RandomRotation(Affine):
    """Turn every image about its centre by an angle drawn from (-degrees, degrees), or from (low, high);
    counter-clockwise, as in torchvision.

    interpolation: "bilinear" (torchvision's default is "nearest", which makes stairs) or "nearest". fill: what comes in
    at the corners: a number in the images' own units, or "edge", which repeats the edges. mask_fill: the class that
    comes in there: 0, or -100, which `cross_entropy` leaves out.
    """

    def __init__(self, degrees: Any, interpolation: str = "bilinear", fill: Any = 0, mask_fill: int = 0):
        self.degrees = degrees
        self.range = as_range(degrees, "RandomRotation", "degrees", -360, 360)
        self._keep(interpolation, fill, mask_fill)

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        angle = generator.uniform(*self.range, n)
        return matrices(-angle, np.ones(n), np.zeros(n), np.zeros(n)), np.zeros((n, 2))


class RandomAffine(Affine):
    """Turn, move, stretch and slant every image about its centre, as torchvision's RandomAffine.

    degrees: the angle is drawn from (-degrees, degrees), or from (low, high); clockwise. translate: (a, b): it moves by
    up to a * w to either side and by up to b * h up or down, by parts of pixels too. scale: (low, high), alike in both
    directions. shear: degrees, a number or (low, high) along x, or (low, high, low, high) along x and y.
    interpolation, fill, mask_fill: as of RandomRotation.
    """

    def __init__(self, degrees: Any, translate: Any = None, scale: Any = None, shear: Any = None,
                 interpolation: str = "bilinear", fill: Any = 0, mask_fill: int = 0):
        who = "RandomAffine"
        self.degrees, self.translate, self.scale, self.shear = degrees, translate, scale, shear
        self.angles = as_range(degrees, who, "degrees", -360, 360)
        if translate is not None and not (isinstance(translate, (tuple, list)) and len(translate) == 2):
            raise DataError(f"{who}: expected translate as (a, b), parts of width and height, {translate!r} came")
        self.shares = [as_number(share, who, "translate", 0, 1) for share in translate or (0, 0)]
        if scale is not None and not isinstance(scale, (tuple, list)):
            raise DataError(f"{who}: expected scale as (low, high), {scale!r} came")
        self.scales = (1.0, 1.0) if scale is None else as_range(scale, who, "scale", 0.01, 100)
        both = isinstance(shear, (tuple, list)) and len(shear) == 4
        parts = (0,) if shear is None else (shear[:2], shear[2:]) if both else (shear,)
        self.shears = [as_range(part, who, "shear", -89, 89) for part in parts]
        self._keep(interpolation, fill, mask_fill)

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        angle, scale = generator.uniform(*self.angles, n), generator.uniform(*self.scales, n)
        shear = [generator.uniform(*part, n) for part in self.shears] + [np.zeros(n)]
        across, down = self.shares
        move = generator.uniform(-1, 1, (n, 2)) * (down * h, across * w)
        return matrices(angle, scale, shear[0], shear[1]), move


def matrices(angle: np.ndarray, scale: np.ndarray, shear_x: np.ndarray, shear_y: np.ndarray) -> np.ndarray:
    """(n, 2, 2) on (row, column): where an output place shows the image, both from the centre. Degrees, clockwise.

    The inverse of scale * rotation * shear along y * shear along x, of torchvision's _get_inverse_affine_matrix.
    """
    turn, x, y = np.deg2rad(angle), np.deg2rad(shear_x), np.deg2rad(shear_y)
    a, b = np.cos(turn - y) / np.cos(y), -np.cos(turn - y) * np.tan(x) / np.cos(y) - np.sin(turn)
    c, d = np.sin(turn - y) / np.cos(y), -np.sin(turn - y) * np.tan(x) / np.cos(y) + np.cos(turn)
    inverse = np.array([[a, -c], [-b, d]]) / scale              # (x, y) -> (row, column) turns it around
    return inverse.transpose(2, 0, 1)


def places(images: np.ndarray, matrix: np.ndarray, move: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """rows, columns (n, h, w), float32: where every pixel comes from."""
    h, w = images.shape[2:]
    y = np.arange(h, dtype=np.float32)[:, None] - (h - 1) / 2
    x = np.arange(w, dtype=np.float32) - (w - 1) / 2
    start = -np.einsum("nij,nj->ni", matrix, move)
    m, s = matrix.astype(np.float32)[..., None, None], start.astype(np.float32)[..., None, None]
    rows = m[:, 0, 0] * y + m[:, 0, 1] * x + (s[:, 0] + np.float32((h - 1) / 2))            # (n, h, w)
    columns = m[:, 1, 0] * y + m[:, 1, 1] * x + (s[:, 1] + np.float32((w - 1) / 2))
    return rows, columns
