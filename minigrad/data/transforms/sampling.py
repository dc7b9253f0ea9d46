"""Pixels of images at places between their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset import DataError
from .base import as_number, rounded


def sample(images: np.ndarray, rows: np.ndarray, columns: np.ndarray, interpolation: str = "bilinear",
           fill: Any = "edge") -> np.ndarray:
    """images (n, c, h, w) at the places rows, columns (n, p, q) -> (n, c, p, q) of the same dtype.

    Place (0, 0) is the centre of the first pixel. interpolation: "bilinear" or "nearest". fill: what lies outside:
    "edge" repeats the edges, a number is a frame without end.
    """
    h, w = images.shape[2:]
    framed = frame(images, 1, fill)
    rows, columns = [(place + np.float32(1)).clip(0, side + 1) for place, side in ((rows, h), (columns, w))]
    if interpolation == "nearest":
        return gather(framed, np.rint(rows).astype(np.intp) * (w + 2) + np.rint(columns).astype(np.intp))
    top, left = np.minimum(rows.astype(np.intp), h), np.minimum(columns.astype(np.intp), w)
    dtype = images.dtype if images.dtype.kind == "f" else np.dtype(np.float32)
    down, right = (rows - top).astype(dtype)[:, None], (columns - left).astype(dtype)[:, None]
    corner = top * (w + 2) + left
    upper = mix(gather(framed, corner), gather(framed, corner + 1), right)
    lower = mix(gather(framed, corner + (w + 2)), gather(framed, corner + (w + 3)), right)
    return rounded(mix(upper, lower, down), images.dtype)


def mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """a + share * (b - a) in floats."""
    mixed = np.subtract(b, a, dtype=share.dtype)
    mixed *= share
    mixed += a
    return mixed


def gather(images: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """images (n, c, h, w) at flat (n, p, q), places in the h * w pixels of each image, the same for its c channels."""
    n, c, h, w = images.shape
    planes = np.arange(n * c).reshape(n, c, 1, 1) * (h * w)
    return images.reshape(-1).take(planes + flat[:, None])


def frame(images: np.ndarray, padding: Any, fill: Any) -> np.ndarray:
    """images with pixels around them: `padding` on each side, or (top, bottom), (left, right). fill: a number, or how
    NumPy's pad calls it: "edge", "reflect", "symmetric"."""
    sides = (padding, padding) if isinstance(padding, int) else padding
    widths = [(0, 0), (0, 0), *[(side, side) if isinstance(side, int) else side for side in sides]]
    if isinstance(fill, str):
        mode: Any = fill
        return np.pad(images, widths, mode)
    if images.dtype.kind != "f" and not np.array(fill).astype(images.dtype) == fill:
        raise DataError(f"expected a fill that fits in {images.dtype}, {fill!r} came: make the images floats, the "
                        "masks int64")
    return np.pad(images, widths, constant_values=fill)


def as_fill(fill: Any, who: str) -> Any:
    """"edge" or a number, as it is."""
    if not (isinstance(fill, str) and fill == "edge"):
        as_number(fill, who, 'fill, "edge" or a number', -1e9, 1e9)
    return fill
