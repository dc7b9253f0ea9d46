"""What several kernels share."""

from __future__ import annotations

import numpy as np


def full_precision(*arrays: object) -> bool:
    """Whether all arrays (None and numbers aside) are float32, or all float64: halves are left to the definitions."""
    dtypes = {a.dtype for a in arrays if isinstance(a, np.ndarray)}
    return len(dtypes) == 1 and dtypes <= {np.dtype("f4"), np.dtype("f8")}


def padded(x: np.ndarray, padding: tuple[int, int], value: float = 0.0) -> np.ndarray:
    """x (a, b, h, w) with `value` around its images; x itself where there is no padding."""
    (a, b, h, w), (top, left) = x.shape, padding
    if not (top or left):
        return x
    y = np.full((a, b, h + 2 * top, w + 2 * left), value, x.dtype)
    y[:, :, top:top + h, left:left + w] = x
    return y
