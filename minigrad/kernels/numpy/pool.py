"""Max pooling of images that lie channels last: running maxima over the offsets of a window; no column matrix.

Maxima along the rows of the image come first, then those of the rows of a window: 3 + 3 comparisons for a window of 3 x
3. The number of the winning offset, a byte, is what the backward needs. The first of equals wins, as a later one must
be greater: in its row, and its row among the rows. That is not so among NaNs, nor where a window has nothing above
-inf: blocks with such values, of which their sum tells, are settled apart. Padding never wins, it is not there
(windows.py).

NumPy compares single elements that are a stride apart slowly and copies them fast. So those of few channels are copied
before they are compared; and the backward adds up the elements of a gradient that are a stride apart side by side, and
then copies these to where they belong.
"""

from __future__ import annotations

import numpy as np

from ...geometry import pair, pool_geometry
from ...layout import as_pixels, images, lies_batch_last, pixels
from ...scratch import scratch
from .common import full_precision
from .windows import Axis, by_blocks, elements

LONG = 16                       # elements side by side that NumPy compares without loss where they lie


def axes(x, kernel_size, stride, padding, dilation, ceil_mode):
    """Rows and columns of the windows."""
    kernel, stride, dilation, ends, out = pool_geometry(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    return [Axis(size, out, kernel, stride, before, dilation)
            for size, out, kernel, stride, (before, _), dilation
            in zip(x.shape[2:], out, kernel, stride, ends, dilation, strict=True)]


# --- forward --------------------------------------------------------------------------------------------------

def maxima(x, rows, cols, numbered):
    """The largest elements (n, c, p, q), and if `numbered` the offsets where they are (n, p, q, c)."""
    n, c = x.shape[:2]
    image, y = pixels(x), images((n, c, rows.out, cols.out), x.dtype)
    best, winner = as_pixels(y), np.empty((n, rows.out, cols.out, c), np.int8) if numbered else None

    def work(which, low, high):
        top, number = best[which, low:high], None if winner is None else winner[which, low:high]
        block_maxima(image[which], top, number, rows, cols, low, high)
        if number is not None and has_special(top):
            settle(image[which], top, number, rows, cols, low, high)

    by_blocks(work, n, rows, cols.out * c)
    return y, winner


def block_maxima(image, top, number, rows, cols, low, high):
    """Fill a block (n, p, q, c) with the maxima over all offsets, and another with their numbers."""
    down = [(a * cols.kernel, *reach) for a in range(rows.kernel) if (reach := rows.reach(a, low, high)) is not None]
    across = [(b, *reach) for b in range(cols.kernel) if (reach := cols.reach(b)) is not None]
    if not (down and across):
        top[...] = -np.inf
        if number is not None:
            number[...] = 0
        return
    first, last = min([source.start for _, _, source in down]), max([source.stop for _, _, source in down])
    lines = scratch("lines", (len(top), last - first, cols.out, top.shape[3]), top.dtype)
    where = None if number is None else scratch("where", lines.shape, np.int8)
    running_maxima(lines, where, 2, [(b, here, image[:, first:last, source], None) for b, here, source in across])
    parts = []
    for a, here, source in down:
        own = slice(source.start - first, source.stop - first, source.step)
        parts.append((a, here, lines[:, own], None if where is None else where[:, own]))
    running_maxima(top, number, 1, parts)


def running_maxima(best, number, axis, candidates):
    """The largest of the candidates, and the number of the first that is the largest.

    candidates: number, where it lies along an axis of `best`, elements, and what is to be added to the number.
    """
    before = (slice(None),) * axis
    (k, here, first, more), *others = candidates
    is_short = short(first)
    start(number, (*before, here), k, more)
    if others and others[0][2].shape == first.shape == best.shape and not is_short:
        k, _, second, more = others.pop(0)
        take_greater(best, second, number, k, more, first)      # both lie everywhere: the first is not copied
    else:
        np.copyto(best[(*before, here)], first)
        best[(*before, slice(0, here.start))] = -np.inf
        best[(*before, slice(here.stop, None))] = -np.inf
    for k, here, candidate, more in others:
        if is_short:
            copy = scratch("copy", candidate.shape, candidate.dtype)
            np.copyto(copy, candidate)
            candidate = copy
        where = (*before, here)
        take_greater(best[where], candidate, None if number is None else number[where], k, more)


def short(candidate):
    """Whether its elements lie in runs too short to be compared where they are."""
    return candidate.strides[2] > candidate.shape[3] * candidate.itemsize and candidate.shape[3] < LONG


def start(number, where, k, more):
    """number = k, + more where there is any."""
    if number is not None:
        number[...] = k
        if more is not None:
            number[where] += more


def take_greater(best, candidate, number, k, more, than=None):
    """best = maximum(than, candidate), and number = k, + more, where the candidate was greater; so numbers grow."""
    than = best if than is None else than
    if number is not None:
        greater = scratch("greater", best.shape, bool)
        np.greater(candidate, than, out=greater)
        later = greater.view(np.int8)
        if more is None:
            np.multiply(later, np.int8(k), out=later)
        else:
            np.multiply(later, np.add(more, np.int8(k), out=scratch("number", best.shape, np.int8)), out=later)
        np.maximum(number, later, out=number)
    np.maximum(than, candidate, out=best)                               # NaN passes through


def has_special(block):
    """Whether anything in it is infinite or NaN: then so is the sum. Of huge numbers it may be so too."""
    with np.errstate(invalid="ignore", over="ignore"):
        return not np.isfinite(np.add.reduce(block.reshape(-1)))


def settle(image, top, number, rows, cols, low, high):
    """Winners where `greater` does not tell: the last NaN, and among nothing but -inf the first that is there."""
    offsets = list(elements(rows, cols, low, high))
    for k, where, _ in reversed(offsets):
        np.putmask(number[where], top[where] == -np.inf, k)
    for k, where, source in offsets:
        np.putmask(number[where], np.isnan(image[source]), k)


# --- backward -------------------------------------------------------------------------------------------------

def routed(g, winner, x, rows, cols):
    """The gradient of x: g at the winners, added up where windows overlap."""
    n, c = x.shape[:2]
    gx, share = images(x.shape, x.dtype), pixels(g)
    target, alone = as_pixels(gx), rows.tiles and cols.tiles
    if alone and not (rows.fills and cols.fills):
        gx.fill(0)

    def work(which, low, high):
        if alone:
            for _, place, part in shares(share[which, low:high], winner[which, low:high], rows, cols, low, high):
                part(target[which][place])
        else:
            parts = shares(share[which], winner[which], rows, cols, 0, rows.out)
            add_up(target[which], parts, rows.stride, cols.stride)

    by_blocks(work, n, rows, cols.out * c, None if alone else 1)
    return gx


def shares(g, winner, rows, cols, low, high):
    """For every offset where its elements are, and a function that writes their shares of a block's gradient."""
    bits = f"i{g.dtype.itemsize}"
    for k, where, place in elements(rows, cols, low, high):
        here = scratch("here", winner[where].shape, bool)
        np.equal(winner[where], np.int8(k), out=here)

        def part(out, where=where, here=here):
            return np.multiply(g[where].view(bits), here, out=out.view(bits))

        yield here.shape, place, part


def add_up(image, parts, down, across):
    """Fill images (n, h, w, c) with the sums of the shares of their elements: of those `down` and `across` apart side
    by side."""
    n, h, w, c = image.shape
    sums = scratch("sums", (down, across, n, -(-h // down), -(-w // across), c), image.dtype)
    sums[...] = 0
    for shape, (_, rows, cols), part in parts:
        i, j = rows.start % down, cols.start % across
        total = sums[i, j, :, rows.start // down:][:, :shape[1], cols.start // across:][:, :, :shape[2]]
        np.add(total, part(scratch("part", shape, image.dtype)).view(image.dtype), out=total)
    for i in range(down):
        for j in range(across):
            own = image[:, i::down, j::across]
            np.copyto(own, sums[i, j, :, :own.shape[1], :own.shape[2]])


# --- the ops --------------------------------------------------------------------------------------------------

def max_pool2d_fits(x, kernel_size, stride, padding, dilation, ceil_mode):
    i, j = pair(kernel_size, "kernel_size")
    return full_precision(x) and x.size > 0 and i * j < 128                 # the winners' numbers are int8


def max_pool2d_forward(needs, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    rows, cols = axes(x, kernel_size, stride, padding, dilation, ceil_mode)
    if lies_batch_last(x):                  # a window sees one channel of one image: let them change places
        y, winner = maxima(x.swapaxes(0, 1), rows, cols, needs[0])
        return y.swapaxes(0, 1), winner
    return maxima(x, rows, cols, needs[0])


def max_pool2d_backward(needs, g, winner, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    rows, cols = axes(x, kernel_size, stride, padding, dilation, ceil_mode)
    if lies_batch_last(x):
        gx = routed(g.swapaxes(0, 1), winner, x.swapaxes(0, 1), rows, cols).swapaxes(0, 1)
    else:
        gx = routed(g, winner, x, rows, cols)
    return gx, None, None, None, None, None


max_pool2d_with_indices_fits = max_pool2d_fits


def max_pool2d_with_indices_forward(needs, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    rows, cols = axes(x, kernel_size, stride, padding, dilation, ceil_mode)
    y, winner = maxima(x, rows, cols, numbered=True)
    return (y, places(winner, rows, cols)), winner


def places(winner, rows, cols):
    """row * w + column of the winners (n, c, p, q); -1 in windows that have no element."""
    down, across = [np.arange(axis.out) * axis.stride - axis.padding for axis in (rows, cols)]
    a, b = np.divmod(winner.transpose(0, 3, 1, 2), np.int8(cols.kernel), dtype=np.int8)
    row, column = down[:, None] + a * np.int64(rows.dilation), across + b * np.int64(cols.dilation)
    inside = (row >= 0) & (row < rows.size) & (column >= 0) & (column < cols.size)
    return np.where(inside, row * cols.size + column, -1)


def max_pool2d_with_indices_backward(needs, g, winner, x, kernel_size, stride=None, padding=0, dilation=1,
                                     ceil_mode=False):
    rows, cols = axes(x, kernel_size, stride, padding, dilation, ceil_mode)
    return routed(g[0], winner, x, rows, cols), None, None, None, None, None
