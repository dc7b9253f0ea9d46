"""Small random changes of training images, drawn anew for every image: a cheap way to have more of them.

All take images (n, c, h, w) and a generator, and return a new array of the same shape and dtype. What moves in over an
edge repeats that edge, so no colour for the paper needs to be known.
"""

from __future__ import annotations

import numpy as np

from .transforms.sampling import gather, sample


def random_shift(images: np.ndarray, generator: np.random.Generator, pixels: int = 2) -> np.ndarray:
    """Move every image by up to `pixels` whole pixels along rows and columns, each shift equally likely."""
    n, _, h, w = _check(images, "random_shift")
    if pixels < 0:
        raise ValueError(f"random_shift: expected pixels >= 0, {pixels} came")
    down, right = generator.integers(-pixels, pixels + 1, (2, n, 1))
    rows = np.clip(np.arange(h) - down, 0, h - 1)                       # (n, h)
    columns = np.clip(np.arange(w) - right, 0, w - 1)                   # (n, w)
    return gather(images, rows[:, :, None] * w + columns[:, None, :])


def random_affine(images: np.ndarray, generator: np.random.Generator, degrees: float = 10.0, shift: float = 2.0,
                  scale: float = 0.1, shear: float = 0.1) -> np.ndarray:
    """Turn, move, stretch and slant every image about its centre, with bilinear interpolation.

    Drawn uniformly for each image: the angle from ±`degrees`, the move along each axis from ±`shift` pixels, the two
    scale factors from exp(±`scale`), the slant (columns per row) from ±`shear`. Zero switches a change off.
    """
    n, _, h, w = _check(images, "random_affine")
    if min(degrees, shift, scale, shear) < 0:
        raise ValueError("random_affine: expected ranges >= 0, "
                         f"degrees {degrees}, shift {shift}, scale {scale}, shear {shear} came")
    matrix = _random_matrices(n, generator, degrees, scale, shear)      # (n, 2, 2), where an output pixel comes from
    move = generator.uniform(-shift, shift, (n, 2, 1, 1)).astype(np.float32)
    y = np.arange(h, dtype=np.float32)[:, None] - (h - 1) / 2
    x = np.arange(w, dtype=np.float32) - (w - 1) / 2
    m = matrix[..., None, None]                                         # against (h, 1) and (w,)
    rows = m[:, 0, 0] * y + m[:, 0, 1] * x + ((h - 1) / 2 - move[:, 0])             # (n, h, w)
    columns = m[:, 1, 0] * y + m[:, 1, 1] * x + ((w - 1) / 2 - move[:, 1])
    return sample(images, rows, columns)


def _random_matrices(n: int, generator: np.random.Generator, degrees: float, scale: float, shear: float) -> np.ndarray:
    """(n, 2, 2): rotation @ slant @ stretch, on (row, column)."""
    angle = np.deg2rad(generator.uniform(-degrees, degrees, n))
    stretch = np.exp(generator.uniform(-scale, scale, (n, 2)))
    slant = generator.uniform(-shear, shear, n)
    cos, sin, one, zero = np.cos(angle), np.sin(angle), np.ones(n), np.zeros(n)
    rotation = np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)
    slanting = np.array([[one, zero], [slant, one]]).transpose(2, 0, 1)
    return (rotation @ slanting * stretch[:, None, :]).astype(np.float32)


def _check(images: np.ndarray, who: str) -> tuple[int, int, int, int]:
    if images.ndim != 4 or images.dtype.kind != "f":
        raise ValueError(f"{who}: expected images (n, c, h, w) of floats, {images.shape} of {images.dtype} came")
    n, c, h, w = images.shape
    return n, c, h, w
