"""Winograd's minimal filtering F(m x m, r x r): m x m outputs of an r x r filter from f^2 products, f = m + r - 1, in
place of m^2 r^2.

    y = A^T [ (G w G^T) * (B^T x B) ] A          w (r, r), x (f, f), y (m, m)

With channels, the product in the middle is one matrix product for each of the f^2 "frequencies", over all tiles. The
transforms are matrix products too: B^T along the rows of strided windows, then along their columns; no window is
copied. Of filters 3 x 3, m = 2 makes 2.25 times fewer products and rounds like a sum, m = 4 makes 4 times fewer and
rounds more; of filters 5 x 5, m = 2 makes 2.8 times fewer. Both have windows of 6, so they share B.

Lavin & Gray 2016, Fast algorithms for convolutional neural networks, sections 4.1 to 4.3. Their points for windows of 6
are 0, 1, -1, 2, -2 and infinity. Points near 1 in size, in pairs of opposite sign and about reciprocal, have smaller
powers and err less than half as much (Alam et al. 2022, Winograd convolution for deep neural networks: efficient point
selection); of those, here are fractions whose powers float32 has exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...scratch import scratch


@dataclass(frozen=True, eq=False)
class Tile:
    """The tables of one F(m x m, r x r) in one precision."""

    m: int
    r: int
    b: np.ndarray               # B^T (f, f): windows to frequencies
    a: np.ndarray               # A^T (m, f): frequencies to outputs
    a_back: np.ndarray          # A (f, m)
    g: np.ndarray               # G x G (f * f, r * r): filters to frequencies
    g_turned: np.ndarray        # the same for filters turned by half a circle

    @property
    def f(self) -> int:
        """The side of its windows."""
        return self.m + self.r - 1


SIZES = ((2, 3), (4, 3), (2, 5))        # (m, r)
POINTS = {4: (0, 1, -1), 6: (0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)}      # f -> where polynomials are evaluated; and infinity


@cache
def tile(m: int, r: int, dtype: Any) -> Tile:
    """F(m x m, r x r), one of SIZES."""
    b, g, a = matrices(m, r)
    g = np.kron(g, g)
    return Tile(m, r, *[np.ascontiguousarray(table, dtype) for table in (b, a, a.T, g, g[:, ::-1])])


def matrices(m: int, r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """B^T (f, f), G (f, r) and A^T (m, f) by Lagrange's interpolation.

    A filter of r taps and m outputs are short polynomials; f of their values tell their product. G and A evaluate at
    the points, a row of B^T has the coefficients of the polynomial that is 0 at all other points, and G is divided by
    what that is at its own. At infinity a polynomial is its highest coefficient.
    """
    f = m + r - 1
    points = np.array(POINTS[f], "f8")
    b, own = np.zeros((f, f)), np.ones(f)
    for i, point in enumerate(points):
        others = np.delete(points, i)
        b[i, :f - 1], own[i] = np.poly(others)[::-1], np.prod(point - others)
    b[f - 1] = np.poly(points)[::-1]
    a, g = [np.vstack([np.vander(points, taps, increasing=True), np.eye(taps)[-1]]) for taps in (m, r)]
    return b, g / own[:, None], a.T


# --- filters ----------------------------------------------------------------------------------------------------

def filters_to_frequencies(table: np.ndarray, filters: np.ndarray, u: np.ndarray) -> None:
    """u (f*f, k, c) = G w G^T for filters (k, r*r, c); table: Tile.g or Tile.g_turned."""
    np.matmul(table, filters, out=u.transpose(1, 0, 2))


def frequencies_to_filters(table: np.ndarray, u: np.ndarray, filters: np.ndarray) -> None:
    """The transpose of that: filters (k, r*r, c) = G^T u G."""
    np.matmul(table.T, u.transpose(1, 0, 2), out=filters)


# --- images -----------------------------------------------------------------------------------------------------

def windows_to_frequencies(t: Tile, x: np.ndarray, first: int, left: int, v: np.ndarray) -> None:
    """v (f, f, n, rows, columns, c) = B^T x B for the overlapping windows of some rows of tiles.

    x (n, h, w, c): rows of images. first: the row of x where the first window begins, below 0 in the padding; what lies
    outside x is 0. left: the columns of padding.
    """
    n, h, w, c = x.shape
    rows, columns = v.shape[3:5]
    width = t.m * columns + t.r - 1                                         # of all windows of a row together
    y = scratch("winograd windows", (n, rows, t.f, width * c), x.dtype)
    inside = min(left + w, width)
    y[..., :left * c] = 0
    y[..., inside * c:] = 0
    target = y[..., left * c:inside * c]
    for i, j, low, high in runs_of_tiles(t, first, h, rows):
        if low == high:                                                     # all padding
            target[:, i:j] = 0
            continue
        start = first + t.m * i + low
        rows_of = as_strided(x[:, start:], (n, j - i, high - low, (inside - left) * c),
                             (x.strides[0], t.m * x.strides[1], x.strides[1], x.itemsize))
        np.matmul(t.b[:, low:high], rows_of, out=target[:, i:j])
    s = y.strides
    windows = as_strided(y, (n, rows, t.f, columns, t.f, c), (*s[:3], t.m * c * x.itemsize, c * x.itemsize, x.itemsize))
    np.matmul(t.b, windows, out=v.transpose(2, 3, 0, 4, 1, 5))


def runs_of_tiles(t: Tile, first: int, h: int, rows: int) -> list[tuple[int, int, int, int]]:
    """(i, j, low, high): of the windows of tiles i to j the rows low to high lie in the image; in most all do."""
    runs: list[tuple[int, int, int, int]] = []
    for i in range(rows):
        start = first + t.m * i
        low, high = min(max(-start, 0), t.f), max(min(h - start, t.f), 0)
        low, high = (low, high) if low < high else (0, 0)
        if runs and runs[-1][2:] == (low, high) and high > low:
            runs[-1] = (runs[-1][0], i + 1, low, high)
        else:
            runs.append((i, i + 1, low, high))
    return runs


def tiles_to_frequencies(t: Tile, x: np.ndarray, v: np.ndarray) -> None:
    """v (f, f, n, rows, columns, c) = A x A^T for the m x m tiles of x (n, h, w, c); beyond its edge they are 0."""
    n, h, w, c = x.shape
    rows, columns = v.shape[3:5]
    y = scratch("winograd tiles", (n, rows, t.f, columns * t.m * c), x.dtype)
    target = y[..., :w * c]
    y[..., w * c:] = 0
    whole = h // t.m
    np.matmul(t.a_back, x[:, :whole * t.m].reshape(n, whole, t.m, w * c), out=target[:, :whole])
    if whole < rows:
        rest = h - whole * t.m
        np.matmul(t.a_back[:, :rest], x[:, whole * t.m:].reshape(n, 1, rest, w * c), out=target[:, whole:])
    np.matmul(t.a_back, y.reshape(n, rows, t.f, columns, t.m, c), out=v.transpose(2, 3, 0, 4, 1, 5))


def frequencies_to_tiles(t: Tile, v: np.ndarray, y: np.ndarray) -> None:
    """y (n, h, w, c) = A^T v A, tile beside tile, cut off at its edges."""
    rows, columns = v.shape[3:5]
    n, h, w, c = y.shape
    z = scratch("winograd tiles", (n, rows, t.f, columns, t.m, c), y.dtype)
    np.matmul(t.a, v.transpose(2, 3, 0, 4, 1, 5), out=z)
    lines = z.reshape(n, rows, t.f, columns * t.m * c)[..., :w * c]
    whole = h // t.m
    np.matmul(t.a, lines[:, :whole], out=y[:, :whole * t.m].reshape(n, whole, t.m, w * c))
    if whole < rows:
        rest = h - whole * t.m
        np.matmul(t.a[:rest], lines[:, whole:], out=y[:, whole * t.m:].reshape(n, 1, rest, w * c))
