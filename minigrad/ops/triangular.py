"""Triangles and diagonals of matrices: of the last two axes tril and triu, of the first two the others, as in NumPy."""

from __future__ import annotations

from typing import Any

from ..backend import namespace
from ..misuse import check_ints, named
from ..op import op
from .reductions import sum
from .shape import normalized, ordinals

__all__ = ["diag", "diagonal", "trace", "tril", "triu"]


@op
def tril(x, k=0):
    """x (..., m, n) with 0 above the diagonal k: k > 0 lies above the main diagonal, k < 0 below it."""
    return namespace(x).where(below(x, k, "tril"), x, namespace(x).zeros_like(x, shape=()))

tril.gradient(x=lambda g, k: tril(g, k))


@op
def triu(x, k=0):
    """x (..., m, n) with 0 below the diagonal k: k > 0 lies above the main diagonal, k < 0 below it."""
    return namespace(x).where(below(x, k - 1, "triu"), namespace(x).zeros_like(x, shape=()), x)

triu.gradient(x=lambda g, k: triu(g, k))


def below(x, k, caller):
    """Where a matrix is on the diagonal k or below it: (m, n)."""
    if x.ndim < 2:
        raise ValueError(f"{caller}: x must be a matrix (..., m, n), it has shape {x.shape}")
    check_ints(caller, k=k)
    rows, columns = ordinals(x, x.shape[-2]), ordinals(x, x.shape[-1])
    return columns - namespace(x).reshape(rows, (x.shape[-2], 1)) <= k


@op
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The elements whose index on axis2 is that on axis1 plus `offset`: these two axes go, the diagonal is the last."""
    check_ints("diagonal", offset=offset)
    check_axes("diagonal", x.ndim, axis1, axis2)
    return namespace(x).diagonal(x, offset, axis1, axis2).copy()

diagonal.gradient(x=lambda g, x_shape, offset, axis1, axis2: put_diagonal(g, x_shape, offset, axis1, axis2))


@op
def put_diagonal(x, shape, offset=0, axis1=0, axis2=1):
    """Zeros of `shape` with x on a diagonal: the transpose of `diagonal`."""
    xp = namespace(x)
    check_axes("put_diagonal", len(shape), axis1, axis2)
    y = xp.zeros_like(x, shape=shape)
    steps = ordinals(x, x.shape[-1]) - 1
    xp.moveaxis(y, (axis1, axis2), (-2, -1))[..., steps + max(-offset, 0), steps + max(offset, 0)] = x
    return y

put_diagonal.gradient(x=lambda g, offset, axis1, axis2: diagonal(g, offset, axis1, axis2))


def check_axes(caller: str, ndim: int, axis1: int, axis2: int) -> None:
    if ndim < 2 or normalized(axis1, ndim, caller) == normalized(axis2, ndim, caller):
        raise ValueError(f"{caller}: two different axes are needed, axis1 {axis1} and axis2 {axis2} came for {ndim}")


@named
def diag(x: Any, k: int = 0) -> Any:
    """The diagonal k of a matrix; of a 1-d x the matrix with x on its diagonal k and 0 elsewhere."""
    if x.ndim == 1:
        n = x.shape[0] + abs(k)
        return put_diagonal(x, (n, n), k)
    if x.ndim != 2:
        raise ValueError(f"diag: x must have one axis or two, it has shape {x.shape}; diagonal(x) takes more")
    return diagonal(x, k)


@named
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum along a diagonal; see `diagonal`."""
    check_axes("trace", x.ndim, axis1, axis2)
    return sum(diagonal(x, offset, axis1, axis2), -1)
