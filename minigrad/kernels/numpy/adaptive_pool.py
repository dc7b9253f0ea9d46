"""Adaptive pooling: as windows that slide where all are equal, else window by window, of which there are few.

The mean of a whole image, global average pooling, is a product with ones for each image: BLAS adds up columns several
times faster than NumPy.
"""

from __future__ import annotations

import numpy as np

from ...geometry import each
from ...layout import as_pixels, images, pixels
from ...threads import split
from .avg_pool import averages, spread
from .channels import ones
from .common import full_precision
from .pool import maxima, routed
from .windows import WORTH, Axis


def spans(size: int, out: int) -> list[slice]:
    """Window i of `out` over n elements: from floor(i * n / out) up to, but without, ceil((i + 1) * n / out)."""
    return [slice(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


def equal_windows(size: tuple[int, ...], out: tuple[int, ...]) -> list[Axis] | None:
    """Rows and columns of windows that are equal and side by side; None if they are not."""
    if any([n % m for n, m in zip(size, out, strict=True)]):
        return None
    return [Axis(n, m, n // m, n // m, 0) for n, m in zip(size, out, strict=True)]


def by_images(work, x):
    """Call work(images) for parts of the batch, split over threads."""
    split(lambda low, high: work(slice(low, high)), len(x), max(1, 4 * WORTH * len(x) // x.size))


# --- the mean -------------------------------------------------------------------------------------------------

def adaptive_avg_pool2d_fits(x, output_size):
    return full_precision(x) and x.size > 0 and min(each(output_size, 2, "output_size")) > 0


def adaptive_avg_pool2d_forward(needs, x, output_size):
    (n, c, h, w), (p, q) = x.shape, each(output_size, 2, "output_size")
    sliding = equal_windows((h, w), (p, q))
    if (p, q) == (1, 1):
        return whole_mean(x), None
    if sliding is not None:
        return averages(x, *sliding, x.dtype.type(p * q / (h * w))), None
    image, y = pixels(x), images((n, c, p, q), x.dtype)
    target = as_pixels(y)

    def work(which):
        for i, rows in enumerate(spans(h, p)):
            line = image[which, rows].sum(1)
            for j, cols in enumerate(spans(w, q)):
                share = x.dtype.type(1 / ((rows.stop - rows.start) * (cols.stop - cols.start)))
                np.multiply(line[:, cols].sum(1), share, out=target[which, i, j])

    by_images(work, x)
    return y, None


def whole_mean(x):
    """The mean of every channel of every image (n, c, 1, 1)."""
    n, c, h, w = x.shape
    y = np.empty((n, c, 1, 1), x.dtype)
    flat, total = pixels(x).reshape(n, h * w, c), y.reshape(n, c)

    def work(which):
        np.matmul(ones(h * w, x.dtype), flat[which], out=total[which])
        total[which] *= x.dtype.type(1 / (h * w))

    by_images(work, x)
    return y


def adaptive_avg_pool2d_backward(needs, g, kept, x, output_size):
    (h, w), (p, q) = x.shape[2:], each(output_size, 2, "output_size")
    sliding = equal_windows((h, w), (p, q))
    if sliding is not None:
        return spread(g, x, *sliding, x.dtype.type(p * q / (h * w))), None
    gx, arrived = images(x.shape, x.dtype), pixels(g)
    target = as_pixels(gx)

    def work(which):
        target[which] = 0
        for i, rows in enumerate(spans(h, p)):
            for j, cols in enumerate(spans(w, q)):
                share = x.dtype.type(1 / ((rows.stop - rows.start) * (cols.stop - cols.start)))
                target[which, rows, cols] += (arrived[which, i, j] * share)[:, None, None]

    by_images(work, x)
    return gx, None


# --- the largest ----------------------------------------------------------------------------------------------

def windows_of(x, output_size):
    """For windows that are not all equal: (i, j, where it is in x) of each, and rows and columns of one window."""
    (h, w), (p, q) = x.shape[2:], each(output_size, 2, "output_size")
    for i, rows in enumerate(spans(h, p)):
        for j, cols in enumerate(spans(w, q)):
            a, b = rows.stop - rows.start, cols.stop - cols.start
            yield i, j, (slice(None), slice(None), rows, cols), Axis(a, 1, a, a, 0), Axis(b, 1, b, b, 0)


def adaptive_max_pool2d_fits(x, output_size):
    (h, w), (p, q) = x.shape[2:], each(output_size, 2, "output_size")
    return adaptive_avg_pool2d_fits(x, (p, q)) and (h // p + 2) * (w // q + 2) < 128


def adaptive_max_pool2d_forward(needs, x, output_size):
    (n, c, h, w), (p, q) = x.shape, each(output_size, 2, "output_size")
    sliding = equal_windows((h, w), (p, q))
    if sliding is not None:
        return maxima(x, *sliding, needs[0])
    y, winner = images((n, c, p, q), x.dtype), np.empty((n, p, q, c), np.int8) if needs[0] else None
    for i, j, where, rows, cols in windows_of(x, (p, q)):
        best, number = maxima(x[where], rows, cols, needs[0])
        y[:, :, i, j] = best[:, :, 0, 0]
        if winner is not None:
            winner[:, i, j] = number[:, 0, 0]
    return y, winner


def adaptive_max_pool2d_backward(needs, g, winner, x, output_size):
    sliding = equal_windows(x.shape[2:], each(output_size, 2, "output_size"))
    if sliding is not None:
        return routed(g, winner, x, *sliding), None
    gx = images(x.shape, x.dtype)
    gx.fill(0)
    for i, j, where, rows, cols in windows_of(x, output_size):
        gx[where] += routed(g[:, :, i:i + 1, j:j + 1], winner[:, i:i + 1, j:j + 1], x[where], rows, cols)
    return gx, None
