"""Matrix products of NumPy arrays, the large ones split over minigrad's threads, each with one thread of BLAS."""

from __future__ import annotations

import numpy as np

from .blas import one_thread
from .settings import get_num_threads
from .threads import split

SMALL = 1 << 18                 # multiplications up to which OpenBLAS itself stays in one thread
WORTH = 1 << 20                 # multiplications that are worth a thread
DEEP = 8                        # how many times longer than wide a product is whose sum is split
FEW = 32                        # rows up to which a product is limited by reading the other matrix
SHORT = 8                       # terms of a sum up to which a product is limited by writing its result
BLOCK = 1 << 17                 # elements of a result that stay in the cache between BLAS's two passes over it


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None, bias: np.ndarray | None = None) -> np.ndarray:
    """a @ b: (..., m, k) and (..., k, n) -> (..., m, n), as np.matmul, vectors included; bias (n,) is added to it."""
    if bias is not None and (a.ndim != 2 or b.ndim != 2):
        raise ValueError(f"product: a bias goes with two matrices, a {a.shape} and b {b.shape} came")
    if min(a.ndim, b.ndim) == 1 and max(a.ndim, b.ndim) == 2 and a.shape[-1] == b.shape[0] and out is None:
        y = product(a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b)        # of one row or column
        return y[0] if a.ndim == 1 else y[:, 0]
    if a.ndim < 2 or b.ndim < 2 or a.size * b.shape[-1] <= SMALL or a.dtype != b.dtype or a.dtype not in ("f4", "f8") \
            or a.shape[-1] != b.shape[-2]:
        return with_bias(a, b, out, bias)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if out is None:
        out = np.empty((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    elif out.shape != (*batch, a.shape[-2], b.shape[-1]):
        return with_bias(a, b, out, bias)
    if not out.size:
        return out
    if batch:
        stacked(a, b, out, batch)
    else:
        single(a, b, out, bias)
    return out


def together(*jobs: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """out = a @ b for several (a, b, out) of matrices, split once: each thread does a part of each, and waits once."""
    count = get_num_threads()
    if any([a.size * b.shape[1] < WORTH * count or a.shape[1] > DEEP * max(out.shape) for a, b, out in jobs]):
        for a, b, out in jobs:
            product(a, b, out)
        return

    def part(low: int, high: int) -> None:
        for a, b, out in jobs:
            rows, columns = [slice(n * low // count, n * high // count) for n in out.shape]
            if out.shape[0] >= out.shape[1]:
                np.matmul(a[rows], b, out=out[rows])
            else:
                np.matmul(a, b[:, columns], out=out[:, columns])

    split(part, count)


def with_bias(a: np.ndarray, b: np.ndarray, out: np.ndarray | None, bias: np.ndarray | None) -> np.ndarray:
    """np.matmul, in one thread, then the bias while the result is in the cache."""
    with one_thread:
        y = np.matmul(a, b, out=out)
    if bias is not None:
        y += bias
    return y


def stacked(a: np.ndarray, b: np.ndarray, out: np.ndarray, batch: tuple[int, ...]) -> None:
    """Many products at once: each thread takes some of them, or, where they are few and large, a part of each."""
    (m, k), n = a.shape[-2:], b.shape[-1]
    a, b = np.broadcast_to(a, (*batch, m, k)), np.broadcast_to(b, (*batch, k, n))
    axis = max(range(len(batch)), key=batch.__getitem__)            # the longest
    if batch[axis] >= get_num_threads():
        a, b, y = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0), np.moveaxis(out, axis, 0)
        least = WORTH * len(y) // (out.size * k + 1) + 1
        split(lambda low, high: np.matmul(a[low:high], b[low:high], out=y[low:high]), len(y), least)
    else:
        for index in np.ndindex(batch):
            product(a[index], b[index], out[index])


def single(a: np.ndarray, b: np.ndarray, out: np.ndarray, bias: np.ndarray | None = None) -> None:
    """One product (m, k) (k, n), cut where no thread reads or writes what another does."""
    (m, k), n = a.shape, b.shape[1]
    least = WORTH // (out.size * k // max(m, n) + 1) + 1
    if k > DEEP * max(m, n):
        add_up(a, b, out)
        if bias is not None:
            out += bias
    elif m <= FEW < n and b.T.flags.c_contiguous:                   # BLAS reads its first matrix in larger pieces
        flipped = np.empty((n, m), a.dtype)
        split(lambda low, high: np.matmul(b.T[low:high], a.T, out=flipped[low:high]), n, least)
        np.add(flipped.T, 0 if bias is None else bias, out=out)
    elif k <= SHORT and m >= n // 8:
        split(lambda low, high: in_blocks(a[low:high], b, out[low:high], bias), m, least)
    elif m >= n:
        split(lambda low, high: with_bias(a[low:high], b, out[low:high], bias), m, least)
    else:
        split(lambda low, high: with_bias(a, b[:, low:high], out[:, low:high],
                                          None if bias is None else bias[low:high]), n, least)


def in_blocks(a: np.ndarray, b: np.ndarray, out: np.ndarray, bias: np.ndarray | None) -> None:
    """Some rows at a time: BLAS sets its result to 0 and then adds to it, which is twice the way to the memory."""
    rows = max(1, BLOCK // b.shape[1])
    for low in range(0, len(a), rows):
        with_bias(a[low:low + rows], b, out[low:low + rows], bias)


def add_up(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out = a @ b for few rows and columns of long sums: each thread sums a part of them."""
    def part(low: int, high: int) -> np.ndarray:
        return np.matmul(a[:, low:high], b[low:high], out=out if low == 0 else None)

    for more in split(part, a.shape[1], WORTH // (len(a) * b.shape[1]) + 1)[1:]:
        out += more
