"""Average pooling of images that lie channels last: sums along rows, then along columns.

A window's sum is that of its rows' sums, and a row's run through memory, so k * k additions become 2 * k, the first of
them over all channels of a row at once.
"""

from __future__ import annotations

import numpy as np

from ...geometry import pair
from ...layout import as_pixels, images, lies_batch_last, pixels
from ...scratch import scratch
from .common import full_precision
from .pool import axes
from .windows import by_blocks


def counts(rows, cols, padding, count_include_pad, dtype):
    """1 / (elements that count) for each position (p, q, 1), or one number for all."""
    per_axis = []
    for axis, extra in zip((rows, cols), padding, strict=True):
        extra = extra if count_include_pad else 0
        start = np.arange(axis.out) * axis.stride - axis.padding
        per_axis.append(np.minimum(start + axis.kernel, axis.size + extra) - np.maximum(start, -extra))
    area = per_axis[0][:, None, None] * per_axis[1][:, None]
    return dtype.type(1 / area.flat[0]) if (area == area.flat[0]).all() else (1 / area).astype(dtype)


def shares(x, rows, cols, padding, count_include_pad, divisor_override):
    """What every sum is multiplied by."""
    if divisor_override is not None:
        return x.dtype.type(1 / divisor_override)
    return counts(rows, cols, pair(padding, "padding"), count_include_pad, x.dtype)


def part_of(share, low, high):
    """That of the positions in some rows."""
    return share[low:high] if share.ndim else share


def sum_along(source, target, axis, position, low, high):
    """target = the sums of the windows from low up to high along an axis of (n, h, w, c), 1 or 2."""
    before = (slice(None),) * position
    started = False
    for a in range(axis.kernel):
        reach = axis.reach(a, low, high)
        if reach is None:
            continue
        candidate = source[(*before, reach[1])]
        if not started:
            started = True
            if reach[0] == slice(0, high - low):
                np.copyto(target, candidate)
                continue
            target[...] = 0
        np.add(target[(*before, reach[0])], candidate, out=target[(*before, reach[0])])
    if not started:
        target[...] = 0


def spread_along(source, target, axis, position, low, high):
    """Add every element to all of its window, along an axis; the transpose of sum_along."""
    before = (slice(None),) * position
    for a in range(axis.kernel):
        reach = axis.reach(a, low, high)
        if reach is not None:
            np.add(target[(*before, reach[1])], source[(*before, reach[0])], out=target[(*before, reach[1])])


def averages(x, rows, cols, share):
    """y (n, c, p, q) = the sum of every window * share."""
    n, c = x.shape[:2]
    image, y = pixels(x), images((n, c, rows.out, cols.out), x.dtype)
    total = as_pixels(y)

    def work(which, low, high):
        lines = scratch("lines", (len(total[which]), high - low, cols.size, c), x.dtype)
        sum_along(image[which], lines, rows, 1, low, high)
        sum_along(lines, total[which, low:high], cols, 2, 0, cols.out)
        np.multiply(total[which, low:high], part_of(share, low, high), out=total[which, low:high])

    by_blocks(work, n, rows, cols.out * c)
    return y


def spread(g, x, rows, cols, share):
    """The gradient of x: g * share at every element of a window, added up where windows overlap."""
    n, c = x.shape[:2]
    gx, arrived = images(x.shape, x.dtype), pixels(g)
    target = as_pixels(gx)

    def work(which, low, high):
        image, here = target[which], arrived[which, low:high]
        part = np.multiply(here, part_of(share, low, high), out=scratch("part", here.shape, x.dtype))
        if rows.fills and cols.fills:
            tiles = image.reshape(len(image), rows.out, rows.kernel, cols.out, cols.kernel, c)[:, low:high]
            np.copyto(tiles, part[:, :, None, :, None])
            return
        image[...] = 0
        lines = scratch("lines", (len(here), high - low, cols.size, c), x.dtype)
        lines[...] = 0
        spread_along(part, lines, cols, 2, 0, cols.out)
        spread_along(lines, image, rows, 1, low, high)

    by_blocks(work, n, rows, cols.out * c, None if rows.fills and cols.fills else 1)
    return gx


def avg_pool2d_fits(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    return full_precision(x) and x.size > 0


def avg_pool2d_forward(needs, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                       divisor_override=None):
    rows, cols = axes(x, kernel_size, stride, padding, 1, ceil_mode)
    share = shares(x, rows, cols, padding, count_include_pad, divisor_override)
    if lies_batch_last(x):                  # a window sees one channel of one image: let them change places
        return averages(x.swapaxes(0, 1), rows, cols, share).swapaxes(0, 1), None
    return averages(x, rows, cols, share), None


def avg_pool2d_backward(needs, g, kept, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                        divisor_override=None):
    rows, cols = axes(x, kernel_size, stride, padding, 1, ceil_mode)
    share = shares(x, rows, cols, padding, count_include_pad, divisor_override)
    if lies_batch_last(x):
        gx = spread(g.swapaxes(0, 1), x.swapaxes(0, 1), rows, cols, share).swapaxes(0, 1)
    else:
        gx = spread(g, x, rows, cols, share)
    return gx, None, None, None, None, None, None
