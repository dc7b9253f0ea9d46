"""Primitives that change shapes and the order of elements; each element of the result is one of x."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from typing import Any

from numpy import ndarray

from ..backend import namespace
from ..meta import Meta, spend
from ..misuse import check_ints, named
from ..op import SYNONYMS, Op, op
from ..tensor import Tensor

__all__ = [
    "broadcast_arrays", "broadcast_to", "expand_dims", "flatten", "flip", "matrix_transpose", "moveaxis",
    "permute_dims", "reshape", "roll", "squeeze", "swapaxes",
]


def in_both_words(function: Callable) -> Callable:
    """Let a plain function understand PyTorch's `dim` as its `axis`, as every op does."""
    told = named(function)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return told(*args, **{SYNONYMS.get(name, name): value for name, value in kwargs.items()})
    return call


def normalized(axis: int, ndim: int, caller: str = "") -> int:
    """An axis counted from the front."""
    if not hasattr(axis, "__index__"):
        raise TypeError(f"{caller}{': ' * bool(caller)}axis must be an int, {axis!r} came")
    if not -max(ndim, 1) <= axis < max(ndim, 1):
        raise ValueError(f"{caller}{': ' * bool(caller)}axis {axis} is out of bounds for {ndim} dimensions")
    return axis % max(ndim, 1)


def ordinals(x, n):
    """1 to n as ints where x lives. Counted by adding: arange would allocate them even for arrays without values."""
    xp = namespace(x)
    if type(x) is not Meta:
        spend(n)
    return xp.cumsum(xp.ones_like(x, shape=(n,), dtype=int), axis=0)


def at_axis(axis, part):
    """The index that takes `part` of an axis, and all of the axes before it."""
    return (slice(None),) * axis + (part,)


def fits_into(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether an array of this shape broadcasts to `target`, and no further."""
    pairs = zip(shape[::-1], target[::-1], strict=False)
    return len(shape) <= len(target) and all([m in (1, n) for m, n in pairs])


# --- shapes ---------------------------------------------------------------------------------------------------

class Reshape(Op):
    """An op whose output shows the memory of x where that lies in C order. Images and filters lie channels last: what
    is written to a copy of them would be lost, or not, by how they lie. So it cannot be written to at all."""

    def unrecorded(self, args: Sequence, raw: list, first: Tensor) -> Any:
        return guarded(super().unrecorded(args, raw, first), first.data)

    def record(self, args: Sequence, raw: list, edges: list, needs: int, first: Tensor) -> Any:
        return guarded(super().record(args, raw, edges, needs, first), first.data)


def guarded(y: Tensor, x: Any) -> Tensor:
    """y, read-only if it was made of memory that does not lie in C order, or of a view of such memory."""
    if type(x) is ndarray and not (x.flags.c_contiguous and x.base is None):
        memory = x if x.base is None else x.base
        if type(memory) is ndarray and not memory.flags.c_contiguous:
            y.data = y.data.view()
            y.data.flags.writeable = False
    return y


@Reshape
def reshape(x, shape):
    """x in another shape of as many elements, read in C order; one length may be -1."""
    if shape is None:
        raise TypeError("reshape: shape must be an int or ints, None came")
    return namespace(x).reshape(x, shape)

reshape.gradient(x=lambda g, x_shape: reshape(g, x_shape))


def at_least_1d(x):
    """A number as an array of one element; what has axes as it is."""
    return x if len(x.shape) else reshape(x, (1,))


@named
def flatten(x, start_dim=0, end_dim=-1):
    """x with the axes from start_dim to end_dim, both included, made one, as PyTorch's flatten does."""
    first, last = normalized(start_dim, x.ndim, "flatten"), normalized(end_dim, x.ndim, "flatten")
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(x, x.shape[:first] + (prod(x.shape[first:last + 1]),) + x.shape[last + 1:])


@op
def expand_dims(x, axis):
    """x with axes of length 1 put in at `axis`, an int or a tuple."""
    return namespace(x).expand_dims(x, axis)

expand_dims.gradient(x=lambda g, x_shape: reshape(g, x_shape))


@op
def squeeze(x, axis=None):
    """x without its axes of length 1: those at `axis`, an int or a tuple, or all.

    Raises ValueError for an axis of another length.
    """
    for a in () if axis is None or not x.ndim else axis if isinstance(axis, (tuple, list)) else (axis,):
        n = x.shape[normalized(a, x.ndim, "squeeze")]
        if n != 1:
            raise ValueError(f"squeeze: axis {a} has length {n}, only an axis of length 1 can go")
    return namespace(x).squeeze(x, axis=tuple(axis) if isinstance(axis, list) else axis)

squeeze.gradient(x=lambda g, x_shape: reshape(g, x_shape))


@op
def broadcast_to(x, shape):
    """x repeated to `shape` under NumPy's rules, without a copy."""
    return namespace(x).broadcast_to(x, shape)

broadcast_to.gradient(x=lambda g: g)       # the walk sums it back


@named
def broadcast_arrays(*arrays):
    """The arrays, each repeated to the shape that all of them broadcast to, as a tuple."""
    shape = common_shape("broadcast_arrays", arrays)
    return tuple([broadcast_to(x, shape) for x in arrays])


def common_shape(caller: str, arrays: Any) -> tuple[int, ...]:
    """The shape that arrays broadcast to: aligned at the right, an axis of length 1 fits every other."""
    shapes = [tuple(x.shape) for x in arrays]
    ndim = max([len(shape) for shape in shapes], default=0)
    aligned = [(1,) * (ndim - len(shape)) + shape for shape in shapes]
    common = tuple([0 if 0 in lengths else max(lengths) for lengths in zip(*aligned, strict=True)])
    if not all([fits_into(shape, common) for shape in shapes]):
        raise ValueError(f"{caller}: the shapes do not broadcast: {str(shapes)[1:-1]}")
    return common


# --- the order of axes ----------------------------------------------------------------------------------------

@op
def permute_dims(x, axes):
    """x with its axes in the order `axes`."""
    if axes is None:
        raise TypeError("permute_dims: axes must be ints, None came; flip their order with range(x.ndim)[::-1]")
    return namespace(x).transpose(x, axes)

permute_dims.gradient(x=lambda g, axes: permute_dims(g, inverse(axes)))


def inverse(axes):
    """The permutation that undoes `axes`."""
    axes = [a % len(axes) for a in axes]
    return tuple([axes.index(i) for i in range(len(axes))])


@named
def swapaxes(x, axis1, axis2):
    """x with two axes exchanged."""
    axes = list(range(x.ndim))
    a, b = normalized(axis1, x.ndim, "swapaxes"), normalized(axis2, x.ndim, "swapaxes")
    if axes:
        axes[a], axes[b] = axes[b], axes[a]
    return permute_dims(x, tuple(axes))


@named
def matrix_transpose(x):
    """x (..., m, n)   ->   y (..., n, m)"""
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: x must have at least two axes, it has shape {x.shape}")
    return swapaxes(x, -1, -2)


@named
def moveaxis(x, source, destination):
    """x with the axis (or axes) `source` moved to `destination`, the others in their order."""
    sources, targets = [[normalized(a, x.ndim, "moveaxis")
                         for a in (axes if isinstance(axes, (tuple, list)) else (axes,))]
                        for axes in (source, destination)]
    if not len(sources) == len(targets) == len(set(sources)) == len(set(targets)):
        raise ValueError("moveaxis: source and destination must be as many different axes, "
                         f"{source} and {destination} came")
    others = [a for a in range(x.ndim) if a not in sources]
    free = [a for a in range(x.ndim) if a not in targets]
    axis_at = dict(zip((*targets, *free), (*sources, *others), strict=True))
    return permute_dims(x, tuple([axis_at[i] for i in range(x.ndim)]))


# --- the order of elements ------------------------------------------------------------------------------------

@op
def flip(x, axis=None):
    """x in the opposite order along `axis`: an int, a tuple, or None for all axes."""
    return namespace(x).flip(x, axis=tuple(axis) if isinstance(axis, list) else axis)

flip.gradient(x=lambda g, axis: flip(g, axis))


@op
def roll(x, shift, axis=None):
    """x with what lies at i moved to i + shift along `axis`, and what leaves the end come in again at the start.

    shift and axis: ints, or tuples of as many. Without an axis the flattened elements are shifted, as in NumPy.
    """
    check_ints("roll", shift=shift)
    return namespace(x).roll(x, shift, axis=axis)

roll.gradient(x=lambda g, shift, axis: roll(g, opposite(shift), axis))


def opposite(shift: Any) -> Any:
    """The shift, or the shifts, back."""
    return tuple([-n for n in shift]) if isinstance(shift, (tuple, list)) else -shift
