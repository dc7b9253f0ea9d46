"""unfold (im2col) and fold (col2im): every window of an image as a column, and back. Each is the other's gradient."""

from __future__ import annotations

from typing import Any

from ..backend import namespace
from ..geometry import geometry, offsets, pair
from ..meta import ONE, spend
from ..op import op
from .precision import wide

__all__ = ["fold", "unfold"]


def check_image(what: str, x: Any) -> None:
    check_batch(what, x, 2)


def check_batch(what: str, x: Any, axes: int) -> None:
    """Refuse what is no batch of images, or, with one axis, of sequences."""
    if len(x.shape) != 2 + axes:
        expected = "sequences (n, c, l)" if axes == 1 else "images (n, c, h, w)"
        raise ValueError(f"{what}: expected a batch of {expected}, x has shape {x.shape}")


@op
def unfold(x, kernel_size, stride=1, padding=0, dilation=1):
    """Every window of an image as a column, where it is outside the image 0.

    x (n, c, h, w)   ->   y (n, c*i*j, p*q) for a kernel (i, j)
    p = (h + 2*padding - dilation*(i - 1) - 1) // stride + 1, and q likewise
    Source: im2col, Chellapilla et al. 2006.
    """
    check_image("unfold", x)
    (n, c, h, w), xp = x.shape, namespace(x)
    (i, j), s, (top, left), d, (p, q) = geometry((h, w), kernel_size, stride, padding, dilation)
    padded = x
    if top or left:
        padded = xp.zeros_like(x, shape=(n, c, h + 2 * top, w + 2 * left))
        padded[:, :, top:top + h, left:left + w] = x
    columns = xp.empty_like(x, shape=(n, c, i, j, p, q))
    spend(ONE * i * j)
    for a, b, rows, cols in offsets((i, j), s, d, (p, q)):
        columns[:, :, a, b] = padded[:, :, rows, cols]
    return xp.reshape(columns, (n, c * i * j, p * q))

unfold.gradient(x=lambda g, x_shape, kernel_size, stride, padding, dilation: (
    fold(g, x_shape[2:], kernel_size, stride, padding, dilation)))


@op
def fold(x, output_size, kernel_size, stride=1, padding=0, dilation=1):
    """Columns added back into images: where windows overlap, their elements add up (half precision in float32).

    x (n, c*i*j, p*q)   ->   y (n, c, h, w) with (h, w) = output_size; the transpose of unfold
    """
    (h, w), xp, n = pair(output_size, "output_size"), namespace(x), x.shape[0]
    (i, j), s, (top, left), d, (p, q) = geometry((h, w), kernel_size, stride, padding, dilation)
    if len(x.shape) != 3 or x.shape[1] % (i * j) or x.shape[2] != p * q:
        raise ValueError(f"fold: expected (n, c*{i * j}, {p * q}) for kernel {(i, j)} and output {(h, w)}, "
                         f"x has {x.shape}")
    c = x.shape[1] // (i * j)
    columns = xp.reshape(x, (n, c, i, j, p, q))
    spend(ONE * i * j)
    padded = xp.zeros_like(x, shape=(n, c, h + 2 * top, w + 2 * left), dtype=wide(x))
    for a, b, rows, cols in offsets((i, j), s, d, (p, q)):
        padded[:, :, rows, cols] += columns[:, :, a, b]
    return padded[:, :, top:top + h, left:left + w].astype(x.dtype, copy=False)

fold.gradient(x=lambda g, kernel_size, stride, padding, dilation: unfold(g, kernel_size, stride, padding, dilation))
