"""Products of arrays that are sums over chosen axes: outer, dot, inner, vecdot, tensordot."""

from __future__ import annotations

from math import prod
from typing import Any

from ..fused import fused
from ..misuse import named
from .elementwise import multiply
from .linalg import matmul
from .precision import narrowed, wide, widened
from .reductions import sum
from .shape import moveaxis, normalized, permute_dims, reshape

__all__ = ["dot", "inner", "outer", "tensordot", "vecdot"]

# --- over chosen axes -----------------------------------------------------------------------------------------

@fused
def tensordot(a, b, axes=2):
    """Sums over axes of a and as many of b, as one matrix product: the other axes of a, then those of b, remain.

    axes: n for the last n of a and the first n of b; or a pair, axes of a and axes of b, each an int or a sequence.
    Raises ValueError for axes that are not there, or not as long.
    """
    left, right = summed("tensordot", a.shape, b.shape, axes)
    rows, columns = [[i for i in range(len(x.shape)) if i not in gone] for x, gone in ((a, left), (b, right))]
    outside = [tuple([x.shape[i] for i in free]) for x, free in ((a, rows), (b, columns))]
    k = prod([a.shape[i] for i in left])
    matrix = reshape(permute_dims(a, (*rows, *left)), (prod(outside[0]), k))                    # (m, k)
    other = reshape(permute_dims(b, (*right, *columns)), (k, prod(outside[1])))                 # (k, n)
    return reshape(matrix @ other, outside[0] + outside[1])

tensordot.rules(
    a="ga = tensordot(g, b) over the axes of b that remain, its axes in a's order",
    b="gb = tensordot(a, g) over the axes of a that remain, its axes in b's order",
)


def summed(caller: str, a: tuple[int, ...], b: tuple[int, ...], axes: Any) -> tuple[list[int], list[int]]:
    """Which axes of a and b go in pairs, counted from the front."""
    shapes = f"(a {a}, b {b})"
    if hasattr(axes, "__index__") and not hasattr(axes, "__len__"):     # an int, of NumPy's too
        if not 0 <= axes <= min(len(a), len(b)):
            raise ValueError(f"{caller}: axes {axes} is more than a and b have, or negative {shapes}")
        left, right = list(range(len(a) - axes, len(a))), list(range(axes))
    else:
        pair = [part if isinstance(part, (tuple, list)) else [part] for part in axes]
        left, right = [[normalized(i, len(shape), caller) for i in part]
                       for part, shape in zip(pair, (a, b), strict=True)]
    if len(left) != len(right) or len(set(left)) != len(left) or len(set(right)) != len(right):
        raise ValueError(f"{caller}: axes must name as many different axes of a as of b, {axes} came {shapes}")
    for i, j in zip(left, right, strict=True):
        if a[i] != b[j]:
            raise ValueError(f"{caller}: axis {i} of a has length {a[i]}, axis {j} of b has {b[j]} {shapes}")
    return left, right


def check_tensordot(a, b, axes):
    """Errors for axes that do not fit."""
    summed("tensordot", a.shape, b.shape, axes)


tensordot.checked_by(check_tensordot)


@fused
def vecdot(x1, x2, axis=-1):
    """The products of vectors that lie along `axis`, of the same length in both; the other axes broadcast."""
    a, b = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    y = sum(widened(a) * widened(b), -1)
    return narrowed(y, a) if wide(a) and wide(b) else y

vecdot.rules(x1="gx1 = g x2", x2="gx2 = g x1")


def check_vecdot(x1, x2, axis):
    """Errors for vectors of two lengths."""
    n, m = [x.shape[normalized(axis, len(x.shape), "vecdot")] if x.shape else 0 for x in (x1, x2)]
    if n != m or not x1.shape or not x2.shape:
        raise ValueError(f"vecdot: x1 and x2 must have axis {axis}, of one length (x1 {x1.shape}, x2 {x2.shape})")


vecdot.checked_by(check_vecdot)

# --- of vectors -----------------------------------------------------------------------------------------------

@fused
def outer(a, b):
    """y[i, j] = a[i] b[j]; what has more axes is flattened first."""
    return reshape(a, (prod(a.shape), 1)) * reshape(b, (1, prod(b.shape)))

outer.rules(a="ga = g b", b="gb = g^T a")


@named
def dot(a: Any, b: Any) -> Any:
    """Vectors: their inner product. Matrices: matmul. More axes: the last of a against the last but one of b; with a
    scalar plain multiplication, all as numpy.dot; torch.dot takes vectors only."""
    if not len(a.shape) or not len(b.shape):
        return multiply(a, b)
    if len(b.shape) < 3 or len(a.shape) == 1:
        return matmul(a, b)
    return tensordot(a, b, (-1, -2))


@named
def inner(a: Any, b: Any) -> Any:
    """The last axis of a against the last of b; with a scalar plain multiplication."""
    return tensordot(a, b, (-1, -1)) if len(a.shape) and len(b.shape) else multiply(a, b)
