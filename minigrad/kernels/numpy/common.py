"""What several kernels share."""

from __future__ import annotations

import numpy as np


def full_precision(*arrays: object) -> bool:
    """Whether all arrays (None and numbers aside) are float32, or all float64: halves are left to the definitions."""
    dtypes = {a.dtype for a in arrays if isinstance(a, np.ndarray)}
    return len(dtypes) == 1 and dtypes <= {np.dtype("f4"), np.dtype("f8")}


def both(value: object) -> tuple[int, int]:
    """An int or a pair, for height and width, as a pair."""
    return (value, value) if isinstance(value, int) else tuple(value)      # type: ignore[return-value,arg-type]


def padded(x: np.ndarray, padding: tuple[int, int], value: float = 0.0) -> np.ndarray:
    """x (a, b, h, w) with `value` around its images; x itself where there is no padding."""
    (a, b, h, w), (top, left) = x.shape, padding
    if not (top or left):
        return x
    y = np.full((a, b, h + 2 * top, w + 2 * left), value, x.dtype)
    y[:, :, top:top + h, left:left + w] = x
    return y


def windows(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], out: tuple[int, int]) -> list:
    """For every kernel offset (a, b) the slices of a padded image that its elements are in: [(a, b, rows, columns)]."""
    (i, j), (p, q) = kernel, out
    return [(a, b, slice(a * dilation[0], a * dilation[0] + (p - 1) * stride[0] + 1, stride[0]),
             slice(b * dilation[1], b * dilation[1] + (q - 1) * stride[1] + 1, stride[1]))
            for a in range(i) for b in range(j)]


def positions(size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int],
              dilation: tuple[int, int]) -> tuple[int, int]:
    """In how many places a window fits, down and across."""
    p, q = [(n + 2 * o - d * (k - 1) - 1) // s + 1 for n, k, s, o, d in
            zip(size, kernel, stride, padding, dilation, strict=True)]
    return p, q
