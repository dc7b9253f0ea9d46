"""Norms of vectors."""

from __future__ import annotations

from math import inf
from typing import Any

from ..backend import FLOATS
from ..fused import fused
from .elementwise import abs, astype, power, sqrt, square, where
from .logic import equal, not_equal
from .precision import narrowed, widened
from .reductions import count, max, min, sum

__all__ = ["norm"]


@fused
def norm(x, ord=2, axis=None, keepdims=False):
    """The p-norm of the vector that all elements over `axis` make, for p = `ord`.

    y = (sum |x|^p)^(1/p). inf and -inf are the largest and the smallest magnitude, 0 the number of elements that are
    not zero. "fro" and None are 2. This is torch.linalg.vector_norm: over two axes the root of the sum of all squares,
    where numpy.linalg.norm has other norms of a matrix than Frobenius's too.

    Where y is 0 its gradient is 0, and so it is at elements that are 0; equal magnitudes share that of inf and -inf.
    Raises TypeError for integers, ValueError for another `ord`, and for the norm of nothing if ord is negative or inf.
    """
    p = 2 if ord in (None, "fro") else ord
    if p in (inf, -inf):
        return (max if p > 0 else min)(abs(x), axis, keepdims)
    if p == 0:
        return sum(astype(not_equal(x, 0), x.dtype), axis, keepdims)
    wider = widened(x)
    if p == 1:
        return narrowed(sum(abs(wider), axis, keepdims), x)
    if p == 2:
        total = sum(square(wider), axis, keepdims)
        flat = equal(total, 0)
        return narrowed(where(flat, 0, sqrt(where(flat, 1, total))), x)
    return narrowed(root_of_powers(wider, p, axis, keepdims), x)

norm.rules(x="gx = g * sign(x) * (|x| / y)^(p - 1), and 0 where x or y is 0")


def root_of_powers(x, p, axis, keepdims):
    """(sum |x|^p)^(1/p). What is raised is kept away from 0, where the slope of a power may be infinite."""
    zero = equal(x, 0)
    powers = where(zero, 0.0 if p > 0 else inf, power(where(zero, 1, abs(x)), p))
    total = sum(powers, axis, keepdims)
    flat = equal(total, 0)
    return where(flat, 0.0 if p > 0 else inf, power(where(flat, 1, total), 1 / p))


@norm.checked_by
def check(x: Any, ord: Any, axis: Any, keepdims: Any) -> None:
    if not (ord in (None, "fro") or isinstance(ord, (int, float)) and ord == ord):
        raise ValueError(f"norm: expected ord to be a number, inf, -inf, 'fro' or None, {ord!r} came")
    if x.dtype.kind not in FLOATS:
        raise TypeError(f"norm: expected floating numbers, {x.dtype} came: convert them first, astype('float32')")
    size = count(x.shape, axis)                         # complains of axes that x has not
    if isinstance(ord, (int, float)) and (ord < 0 or ord == inf) and not size:
        raise ValueError(f"norm: nothing to take the norm of with ord {ord}: x {x.shape}, axis {axis}")
