"""Primitives that move elements: shapes, indexing, joining."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy

from ..backend import Array, device_of, is_array, namespace, scatter_add, to_device
from ..op import op
from ..tensor import Tensor
from ..variadic import Variadic
from .elementwise import wide

__all__ = [
    "broadcast_to", "concat", "expand_dims", "flatten", "getitem", "moveaxis", "pad", "permute_dims", "reshape",
    "scatter_along_axis", "split", "squeeze", "stack", "swapaxes", "take", "take_along_axis",
]


@op
def reshape(x, shape):
    """x in another shape of as many elements, read in C order; one length may be -1."""
    return namespace(x).reshape(x, shape)

reshape.gradient(x=lambda g, x_shape: reshape(g, x_shape))


def flatten(x, start_dim=0, end_dim=-1):
    """x with the axes from start_dim to end_dim, both included, made one, as PyTorch's flatten does."""
    first, last = normalized(start_dim, x.ndim), normalized(end_dim, x.ndim)
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(x, x.shape[:first] + (prod(x.shape[first:last + 1]),) + x.shape[last + 1:])


@op
def permute_dims(x, axes):
    """x with its axes in the order `axes`."""
    return namespace(x).transpose(x, axes)

permute_dims.gradient(x=lambda g, axes: permute_dims(g, inverse(axes)))


def inverse(axes):
    """The permutation that undoes `axes`."""
    axes = [a % len(axes) for a in axes]
    return tuple([axes.index(i) for i in range(len(axes))])


def swapaxes(x, axis1, axis2):
    """x with two axes exchanged."""
    axes = list(range(x.ndim))
    a, b = normalized(axis1, x.ndim), normalized(axis2, x.ndim)
    axes[a], axes[b] = axes[b], axes[a]
    return permute_dims(x, tuple(axes))


def moveaxis(x, source, destination):
    """x with the axis (or axes) `source` moved to `destination`, the others in their order."""
    sources, targets = [[normalized(a, x.ndim) for a in (axes if isinstance(axes, (tuple, list)) else (axes,))]
                        for axes in (source, destination)]
    if not len(sources) == len(targets) == len(set(sources)) == len(set(targets)):
        raise ValueError("moveaxis: source and destination must be as many different axes, "
                         f"{source} and {destination} came")
    axes = [a for a in range(x.ndim) if a not in sources]
    for target, a in sorted(zip(targets, sources, strict=True)):
        axes.insert(target, a)
    return permute_dims(x, tuple(axes))


def ordinals(x, n):
    """1 to n as ints where x lives. Counted by adding: arange would allocate them even for arrays without values."""
    xp = namespace(x)
    return xp.cumsum(xp.ones_like(x, shape=(n,), dtype=int), axis=0)


def normalized(axis: int, ndim: int) -> int:
    """An axis counted from the front."""
    if not -max(ndim, 1) <= axis < max(ndim, 1):
        raise ValueError(f"axis {axis} is out of bounds for {ndim} dimensions")
    return axis % max(ndim, 1)


@op
def broadcast_to(x, shape):
    """x repeated to `shape` under NumPy's rules, without a copy."""
    return namespace(x).broadcast_to(x, shape)

broadcast_to.gradient(x=lambda g: g)       # the walk sums it back


@op
def expand_dims(x, axis):
    """x with axes of length 1 put in at `axis`, an int or a tuple."""
    return namespace(x).expand_dims(x, axis)

expand_dims.gradient(x=lambda g, x_shape: reshape(g, x_shape))


@op
def squeeze(x, axis=None):
    """x without its axes of length 1: those at `axis`, or all."""
    return namespace(x).squeeze(x, axis=axis)

squeeze.gradient(x=lambda g, x_shape: reshape(g, x_shape))


# --- indexing -----------------------------------------------------------------------------------------------

def plain(index: Any, x: Array) -> Any:
    """An index as the library of x knows it: tensors give their arrays, lists become arrays on x's device."""
    if type(index) is tuple:                        # a tuple inside a tuple is a list of places
        return tuple([plain(list(part) if type(part) in (tuple, range) else part, x) for part in index])
    if isinstance(index, Tensor):
        index = index.data
    if isinstance(index, list):
        index = to_device(numpy.asarray(index, dtype=None if index else numpy.intp), device_of(x)) \
            if namespace(x) is not numpy else numpy.asarray(index, dtype=None if index else numpy.intp)
    if is_array(index) and device_of(index) not in (device_of(x), "meta") and device_of(x) != "meta":
        raise TypeError(f"getitem: x is on {device_of(x)}, an index on {device_of(index)}; "
                        f"index.to({device_of(x)!r}) mends it")
    return index


def is_basic(index: Any) -> bool:
    """Whether an index picks no element twice and needs no gather: ints, slices, None, Ellipsis."""
    parts = index if type(index) is tuple else (index,)
    return not any([is_array(part) for part in parts])


@op
def getitem(x, index):
    """x[index]: ints, slices, None, Ellipsis, integer or boolean arrays, and tuples of these, as in NumPy."""
    return x[plain(index, x)]

getitem.gradient(x=lambda g, x_shape, index: put(g, x_shape, index))


@op
def put(x, shape, index):
    """Zeros of `shape` with x added at `index`: the transpose of getitem."""
    index = plain(index, x)
    if not is_basic(index):
        return scattered(x, shape, index)
    y = namespace(x).zeros_like(x, shape=shape)
    y[index] = x
    return y

put.gradient(x=lambda g, index: getitem(g, index))


def scattered(x, shape, index):
    """Zeros of `shape` with x added at `index`; half precision is added up in float32."""
    y = namespace(x).zeros_like(x, shape=shape, dtype=wide(x))
    scatter_add(y, index, x.astype(y.dtype, copy=False))
    return y.astype(x.dtype, copy=False)


@op
def take(x, indices, axis=None):
    """x at integer `indices` along `axis`, or in the flattened array."""
    return namespace(x).take(x, indices, axis=axis)

take.gradient(x=lambda g, x_shape, indices, axis: (
    reshape(put(g, (prod(x_shape),), (indices,)), x_shape) if axis is None
    else put(g, x_shape, (slice(None),) * normalized(axis, len(x_shape)) + (indices,))))


@op
def take_along_axis(x, indices, axis=-1):
    """y[.., i, ..] = x[.., indices[.., i, ..], ..]: an index of its own for every line along `axis`."""
    return namespace(x).take_along_axis(x, indices, axis=axis)

take_along_axis.gradient(x=lambda g, x_shape, indices, axis: scatter_along_axis(g, x_shape, indices, axis))


@op
def scatter_along_axis(x, shape, indices, axis=-1):
    """Zeros of `shape` with x[.., i, ..] added at [.., indices[.., i, ..], ..]: the transpose of take_along_axis."""
    xp = namespace(indices)
    axis = normalized(axis, len(shape))
    grid = [xp.reshape(xp.arange(n), (1,) * i + (n,) + (1,) * (len(shape) - i - 1)) for i, n in enumerate(shape)]
    grid[axis] = indices
    return scattered(x, shape, tuple(grid))

scatter_along_axis.gradient(x=lambda g, indices, axis: take_along_axis(g, indices, axis))


@op
def pad(x, pad_width, constant_values=0):
    """x with constant values around it. pad_width: an int, (before, after), or a pair for every axis, as in NumPy."""
    widths = pairs(pad_width, x.ndim)
    shape = tuple([before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)])
    y = namespace(x).full_like(x, constant_values, shape=shape)
    y[inside(widths, x.shape)] = x
    return y

pad.gradient(x=lambda g, x_shape, pad_width: getitem(g, inside(pairs(pad_width, len(x_shape)), x_shape)))


def pairs(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """(before, after) for every axis."""
    if isinstance(pad_width, int):
        return [(pad_width, pad_width)] * ndim
    widths = list(pad_width)
    if len(widths) == 2 and all([isinstance(n, int) for n in widths]):
        widths = [tuple(widths)] * ndim
    if len(widths) == 1:
        widths = widths * ndim
    if len(widths) != ndim or any([len(pair) != 2 or max(0, -pair[0], -pair[1]) for pair in widths]):
        raise ValueError(f"pad: pad_width must be an int, a pair, or {ndim} pairs, of lengths >= 0; {pad_width} came")
    return widths


def inside(widths: list[tuple[int, int]], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Where the unpadded array lies in the padded one."""
    return tuple([slice(before, before + n) for n, (before, _) in zip(shape, widths, strict=True)])


# --- joining and splitting ------------------------------------------------------------------------------------

@Variadic
def concat(arrays, axis=0):
    """The arrays one after the other along an axis that they have; with axis None flattened, as in NumPy."""
    xp = namespace(arrays[0])
    if axis is None:
        arrays, axis = [xp.reshape(x, (-1,)) for x in arrays], 0
    return xp.concatenate(arrays, axis=axis)

concat.gradient(arrays=lambda g, i, shapes, axis: (
    getitem(g, section(i, shapes, axis)) if axis is not None
    else reshape(getitem(g, section(i, [(prod(shape),) for shape in shapes], 0)), shapes[i])))


def section(i, shapes, axis):
    """Where the i-th of the arrays lies among all of them."""
    axis = normalized(axis, len(shapes[0]))
    start = sum([shape[axis] for shape in shapes[:i]])
    return (slice(None),) * axis + (slice(start, start + shapes[i][axis]),)


@Variadic
def stack(arrays, axis=0):
    """The arrays side by side along a new axis."""
    return namespace(arrays[0]).stack(arrays, axis=axis)

stack.gradient(arrays=lambda g, i, shapes, axis: getitem(g, (slice(None),) * normalized(axis, g.ndim) + (i,)))


@op
def split(x, n, axis=0):
    """Parts of x along `axis`, as a tuple: n equal ones, or cut before each of the indices n."""
    return tuple(namespace(x).split(x, n, axis=axis))

split.gradient(x=lambda g, axis: concat(g, axis))
