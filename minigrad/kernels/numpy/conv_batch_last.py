"""conv2d for few channels and large filters, as LeNet-5 has them, on images that lie (c, h, w, n): the batch is last.

Pixels of few channels are too short for NumPy to copy them one by one; of a whole batch side by side they are long
runs. Row p of y (k, q*n) = weight (k, i*c*j) @ columns (i*c*j, q*n). Each row of the images is copied j times, once for
each offset along it, and rows lie one after the other: the columns of a row of the output are then i rows as they lie,
which the next row shares. They are made again for the backward pass. What comes out lies as it is, so neither
elementwise functions nor the pooling or the convolution behind them change the order again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...geometry import geometry
from ...layout import batch_last, lies_batch_last, with_batch_last
from ...scratch import scratch
from ...threads import split
from .common import full_precision
from .flat import elementwise, gated

FEW = 16                        # channels
LARGE = 16                      # elements of a filter
BATCH = 16                      # images that make runs long enough
COLUMNS = 1 << 20               # elements of the copies that are made at a time
WORTH = 1 << 20                 # multiplications that are worth a thread


def conv2d_fits(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (n, c), (k, _, i, j) = x.shape[:2], weight.shape
    return (groups == 1 and x.size > 0 and c <= FEW and i * j >= LARGE and n >= BATCH
            and full_precision(x, weight, bias) and (k <= FEW or lies_batch_last(x)))


conv2d_relu_fits = conv2d_fits


def conv2d_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return convolved(x, weight, bias, stride, padding, dilation, False), None


def conv2d_backward(needs, g, kept, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return *gradients(needs, g, x, weight, stride, padding, dilation), None, None, None, None


def conv2d_relu_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = convolved(x, weight, bias, stride, padding, dilation, True)
    return y, y if any(needs) else None


def conv2d_relu_backward(needs, g, y, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if g.strides != y.strides:
        g = batch_last(g)
    return *gradients(needs, elementwise(gated, g, y), x, weight, stride, padding, dilation), None, None, None, None


class Images:
    """Images (c, h, w, n) with zeros around them, and where the windows of a filter lie in them."""

    def __init__(self, x: np.ndarray, weight: np.ndarray, stride: Any, padding: Any, dilation: Any):
        (n, c, h, w), kernel = x.shape, weight.shape[2:]
        _, self.stride, (top, left), self.dilation, out = geometry((h, w), kernel, stride, padding, dilation)
        self.p, self.q = out
        self.kernel, self.shape = kernel, (c, h + 2 * top, w + 2 * left, n)
        self.inside = slice(None), slice(top, top + h), slice(left, left + w)
        self.length = c * kernel[0] * kernel[1]
        row = c * kernel[1] * self.q * n
        self.rows = max(1, (COLUMNS // row - self.reach(1)) // self.stride[0] + 1)      # of the output, in a block

    def reach(self, rows: int) -> int:
        """How many rows of the images the windows of so many rows of the output see."""
        return (rows - 1) * self.stride[0] + (self.kernel[0] - 1) * self.dilation[0] + 1

    def padded(self, x: np.ndarray) -> np.ndarray:
        source = x.transpose(1, 2, 3, 0)
        if self.shape == source.shape and source.flags.c_contiguous:
            return source
        image = scratch("conv padded", self.shape, x.dtype)
        if self.shape != source.shape:
            image[...] = 0
        image[self.inside] = source
        return image

    def columns(self, image: np.ndarray, low: int, high: int) -> np.ndarray:
        """(rows, i*c*j, q*n) for some rows of the output: a view of copies (h, c, j, q, n) of the rows of the images,
        if the filters are not dilated along h."""
        (i, j), c, n, rows = self.kernel, self.shape[0], self.shape[3], high - low
        copies = scratch("conv columns", (self.reach(rows), c, j, self.q, n), image.dtype)
        each, down, across, one = image.strides
        np.copyto(copies, as_strided(image[:, low * self.stride[0]:], copies.shape, (
            down, each, self.dilation[1] * across, self.stride[1] * across, one)))
        row, line = copies.strides[0], copies.strides[2]
        view = as_strided(copies, (rows, i, c * j, self.q * n), (
            self.stride[0] * row, self.dilation[0] * row, line, one))
        return view.reshape(rows, self.length, -1)

    def add_lines(self, copies: np.ndarray, image: np.ndarray) -> None:
        """Add copies (h, c, j, q, n) of the rows of the images (c, h, w, n) to where they come from."""
        rows = image.swapaxes(0, 1)
        for b in range(self.kernel[1]):
            start = b * self.dilation[1]
            rows[:, :, start:start + (self.q - 1) * self.stride[1] + 1:self.stride[1]] += copies[:, :, b]


def in_rows(work: Any, images: Images, k: int) -> list:
    """work(low, high) for blocks of rows of the output, split over threads; a list of its results for each thread."""
    def part(low: int, high: int) -> list:
        return [work(start, min(start + images.rows, high)) for start in range(low, high, images.rows)]

    return split(part, images.p, WORTH // (images.length * images.q * images.shape[3] * k) + 1)


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, stride: Any, padding: Any, dilation: Any,
              relu: bool) -> np.ndarray:
    """conv2d, and relu if asked for: (n, k, p, q), which lies (k, p, q, n)."""
    images, k = Images(x, weight, stride, padding, dilation), len(weight)
    image, filters = images.padded(x), weight.transpose(0, 2, 1, 3).reshape(k, -1)
    y = with_batch_last((len(x), k, images.p, images.q), x.dtype)
    flat = y.transpose(1, 2, 3, 0).reshape(k, images.p, -1)

    def rows(low: int, high: int) -> None:
        out = flat[:, low:high]
        np.matmul(filters, images.columns(image, low, high), out=out.transpose(1, 0, 2))
        if bias is not None:
            out += bias[:, None, None]
        if relu:
            np.maximum(out, 0, out=out)

    in_rows(rows, images, k)
    return y


def gradients(needs: Any, g: np.ndarray, x: np.ndarray, weight: np.ndarray, stride: Any, padding: Any,
              dilation: Any) -> tuple:
    """(gx, gw, gb), None for those not needed."""
    images, k = Images(x, weight, stride, padding, dilation), len(weight)
    arrived = batch_last(g).transpose(1, 2, 3, 0).reshape(k, images.p, -1)
    gx = gweight = gbias = None
    if needs[0]:
        gx = input_gradient(arrived, x, weight, images)
    if needs[1]:
        image = images.padded(x)

        def products(low: int, high: int) -> np.ndarray:
            return np.matmul(images.columns(image, low, high), arrived[:, low:high].transpose(1, 2, 0)).sum(0)

        gweight = np.empty_like(weight)
        found = [part for parts in in_rows(products, images, k) for part in parts]      # of (i*c*j, k)
        c, (i, j) = images.shape[0], images.kernel
        gweight[...] = np.sum(found, 0).reshape(i, c, j, k).transpose(3, 1, 0, 2)
    if needs[2]:
        gbias = arrived.reshape(k, -1) @ np.ones(arrived[0].size, g.dtype)
    return gx, gweight, gbias


def input_gradient(g: np.ndarray, x: np.ndarray, weight: np.ndarray, images: Images) -> np.ndarray:
    """gx for g (k, p, q*n): weight^T g, row by row added to the copies of rows, and these to the rows. Each thread has
    some of the channels: their windows overlap."""
    k, n = len(weight), len(x)
    gx = with_batch_last(x.shape, x.dtype)
    target, (i, j) = gx.transpose(1, 2, 3, 0), images.kernel

    def channels(low: int, high: int) -> None:
        filters = weight[:, low:high].transpose(2, 1, 3, 0).reshape(-1, k)                          # (i*c*j, k)
        copies = scratch("conv columns", (images.shape[1], high - low, j, images.q, n), x.dtype)
        columns = scratch("conv row", (i, *copies.shape[1:]), x.dtype)                              # of one row of g
        copies[...] = 0
        for row in range(images.p):
            np.matmul(filters, g[:, row], out=columns.reshape(len(filters), -1))
            start = row * images.stride[0]
            copies[start:start + (i - 1) * images.dilation[0] + 1:images.dilation[0]] += columns
        image = scratch("conv gx", (high - low, *images.shape[1:]), x.dtype)
        image[...] = 0
        images.add_lines(copies, image)
        target[low:high] = image[images.inside]

    split(channels, x.shape[1], WORTH * x.shape[1] // (images.length * k * images.p * images.q * n) + 1)
    return gx
