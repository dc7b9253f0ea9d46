"""Where the windows of a convolution lie, as its kernels see them, and how its work is cut into blocks.

Along an axis, output position p reads, for each offset a of the filter, pixel p*stride - before + a*dilation; pixels
outside the image are 0. `before` is the padding, but may be anything: the gradient of the image is a convolution too.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import NamedTuple

from ...geometry import geometry, transposed


class Window(NamedTuple):
    """Sizes along (height, width). Made by `window_of`, `transposed_window_of` and `phases`."""

    image: tuple[int, int]          # h, w
    out: tuple[int, int]            # p, q
    kernel: tuple[int, int]         # i, j
    stride: tuple[int, int]
    before: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def is_pointwise(self) -> bool:
        """Whether a position sees one pixel, and all of them lie inside the image."""
        return self.kernel == (1, 1) and self.before == (0, 0) and all(
            [(p - 1) * s < h for h, p, s in zip(self.image, self.out, self.stride, strict=True)])


class Phase(NamedTuple):
    """The pixels first, first + stride ... of an axis, and the offsets of the filter that reach them, backwards."""

    pixels: slice
    offsets: slice
    length: int                     # in pixels
    taps: int                       # of offsets
    before: int
    dilation: int


def hashable(*options: object) -> tuple:
    """Options of a window, pairs that came as lists made tuples."""
    return tuple([tuple(option) if isinstance(option, list) else option for option in options])


def window_of(x_shape, weight_shape, stride, padding, dilation) -> Window:
    """The window of conv2d."""
    return cached_window(x_shape[2:], weight_shape[2:], *hashable(stride, padding, dilation))


@lru_cache(maxsize=1024)
def cached_window(image, kernel, stride, padding, dilation) -> Window:
    kernel, stride, padding, dilation, out = geometry(image, kernel, stride, padding, dilation)
    return Window(image, out, kernel, stride, padding, dilation)


def transposed_window_of(x_shape, weight_shape, stride, padding, output_padding, dilation) -> Window:
    """The window of the convolution whose transpose conv_transpose2d is: `image` is the size of its output."""
    return cached_transposed(x_shape[2:], weight_shape[2:], *hashable(stride, padding, output_padding, dilation))


@lru_cache(maxsize=1024)
def cached_transposed(out, kernel, stride, padding, output_padding, dilation) -> Window:
    kernel, stride, padding, dilation, _, image = transposed(out, kernel, stride, padding, output_padding, dilation)
    return Window(image, out, kernel, stride, padding, dilation)


@lru_cache(maxsize=1024)
def phases(axis: int, window: Window) -> tuple[Phase, ...]:
    """The pixels of an axis in `stride` phases. Position p reaches pixel y by offset a where y + before = p*s + a*d.

    All pixels of a phase have y + before = r (mod s), so the same offsets reach them: those with a*d = r (mod s), which
    are s/f apart, f = gcd(s, d). With y = first + s*u, p = u + constant - m*d/f for the m-th of them: the gradient of
    the phase is a convolution of g with stride 1, dilation d/f and those offsets backwards.
    """
    h, i, s, before, d = (pair[axis] for pair in (window.image, window.kernel, window.stride, window.before,
                                                  window.dilation))
    f, found = gcd(s, d), []
    for r in range(s):
        first = (r - before) % s
        start = next((a for a in range(min(i, s // f)) if a * d % s == r), i)
        taps = len(range(start, i, s // f))
        constant = (first + before - start * d) // s
        if first < h:
            backwards = slice(start + (taps - 1) * (s // f), None, -(s // f))
            found.append(Phase(slice(first, None, s), backwards, len(range(first, h, s)), taps,
                               (taps - 1) * (d // f) - constant, d // f))
    return tuple(found)


@lru_cache(maxsize=1024)
def blocks(n: int, out: tuple[int, int], positions: int, threads: int) -> tuple[tuple[slice, slice], ...]:
    """All images and rows of positions (n, p, q) in blocks of about so many positions: several images, or some rows of
    one. Their number is a multiple of the threads', where the images and rows allow it."""
    p, q = out
    rows = max(1, positions // q)
    if rows >= p:
        count = evenly(-(-n // max(1, rows // p)), threads, n)
        return tuple([(part, slice(0, p)) for part in cut(n, count)])
    count = -(-p // rows)
    while count < p and n * count % threads:
        count += 1
    return tuple([(slice(m, m + 1), part) for m in range(n) for part in cut(p, count)])


def evenly(count: int, threads: int, most: int) -> int:
    """count rounded up to a multiple of threads, but not above most."""
    return min(most, -(-count // threads) * threads)


def cut(n: int, count: int) -> list[slice]:
    """range(n) in so many parts."""
    return [slice(n * k // count, n * (k + 1) // count) for k in range(count)]
