"""Where the elements of sliding windows lie in an image, offset by offset; nothing is padded.

Along an axis, the element at offset a of the window at position p is at p * stride + a * dilation - padding. It lies in
the image for the positions of one range; those outside it have no element there. So padding, and the overhang of
ceil_mode, are elements that are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ...threads import in_pieces

BLOCK = 1 << 17                 # elements of the output in a block that passes through all offsets
WORTH = 1 << 16                 # and those that are worth a thread


class Axis(NamedTuple):
    """The windows along one axis of an image: its length, and how many positions there are."""

    size: int
    out: int
    kernel: int
    stride: int
    padding: int
    dilation: int = 1

    def reach(self, a: int, low: int = 0, high: int | None = None) -> tuple[slice, slice] | None:
        """Of the positions from low up to high, those whose element at offset a lies in the image, counted from low;
        and where these elements are. None if there are none."""
        first = a * self.dilation - self.padding                        # of position 0
        start = max(low, -(first // self.stride))
        stop = min(self.out if high is None else high, (self.size - 1 - first) // self.stride + 1)
        if start >= stop:
            return None
        place = first + start * self.stride
        return slice(start - low, stop - low), slice(place, place + (stop - start - 1) * self.stride + 1, self.stride)

    @property
    def tiles(self) -> bool:
        """Whether no element is in two windows."""
        return self.kernel == 1 or self.stride > (self.kernel - 1) * self.dilation

    @property
    def fills(self) -> bool:
        """Whether every element is in exactly one window."""
        return (self.stride == self.kernel and self.dilation == 1 and self.padding == 0
                and self.out * self.kernel == self.size)


def elements(rows: Axis, cols: Axis, low: int = 0, high: int | None = None) -> Iterator[tuple[int, tuple, tuple]]:
    """For every offset its number, an index of the positions that have an element there, and one of these elements.

    The indices are of blocks (n, p, q, c) with the positions from low up to high, and of images (n, h, w, c).
    """
    for a in range(rows.kernel):
        down = rows.reach(a, low, high)
        for b in range(cols.kernel):
            across = cols.reach(b)
            if down is not None and across is not None:
                yield a * cols.kernel + b, (slice(None), down[0], across[0]), (slice(None), down[1], across[1])


def by_blocks(work: Callable[[slice, int, int], Any], n: int, rows: Axis, width: int,
              strips: int | None = None) -> None:
    """Call work(images, low, high) for blocks of the output, whole images or rows of one, split over threads.

    width: elements in a row of the output. strips: into how many an image is cut, by default as few as fit a block.
    """
    size = rows.out * width
    strips = min(rows.out, -(-size // BLOCK)) if strips is None else strips
    images = max(1, BLOCK // size)

    def strip(k: int, _: int) -> None:
        i, k = divmod(k, strips)
        work(slice(i, i + 1), rows.out * k // strips, rows.out * (k + 1) // strips)

    if strips > 1:
        in_pieces(strip, n * strips, 1)
    else:
        in_pieces(lambda low, high: work(slice(low, high), 0, rows.out), n, images, max(1, WORTH // size))
