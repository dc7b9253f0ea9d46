"""Primitives that pick elements by their places, and that put elements into places."""

from __future__ import annotations

from math import isfinite, prod
from typing import Any

import numpy

from ..backend import Array, choose, device_of, is_array, library_of, namespace, to_device
from ..backend import scatter_add as add_at
from ..misuse import named
from ..op import op
from ..tensor import Tensor, bare
from .elementwise import where
from .precision import wide
from .shape import at_axis, at_least_1d, broadcast_to, common_shape, in_both_words, normalized, ordinals, reshape

__all__ = [
    "gather", "getitem", "index_select", "masked_fill", "masked_select", "one_hot", "scatter_add",
    "scatter_along_axis", "take", "take_along_axis",
]

# --- x[index] -------------------------------------------------------------------------------------------------

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
        raise TypeError(f"x is on {device_of(x)}, an index on {device_of(index)}; "
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
    add_at(y, index, x.astype(y.dtype, copy=False))
    return y.astype(x.dtype, copy=False)


# --- along an axis --------------------------------------------------------------------------------------------

@op
def take(x, indices, axis=None):
    """x at integer `indices` along `axis`, or in the flattened array. Negative ones count from the end."""
    if axis is not None:
        normalized(axis, x.ndim, "take")
    return namespace(x).take(x, plain(indices, x), axis=axis)

take.gradient(x=lambda g, x_shape, indices, axis: (
    reshape(put(g, (prod(x_shape),), (indices,)), x_shape) if axis is None
    else put(g, x_shape, at_axis(normalized(axis, len(x_shape)), indices))))


@op
def take_along_axis(x, indices, axis=-1):
    """y[.., i, ..] = x[.., indices[.., i, ..], ..]: an index of its own for every line along `axis`.

    The other axes of x and indices broadcast; without an axis both are flattened.
    """
    if axis is None:
        xp = namespace(x)
        return xp.take_along_axis(xp.reshape(x, (-1,)), xp.reshape(indices, (-1,)), axis=0)
    return namespace(x).take_along_axis(x, indices, axis=normalized(axis, x.ndim, "take_along_axis"))

take_along_axis.gradient(x=lambda g, x_shape, indices, axis: (
    scatter_along_axis(g, x_shape, indices, axis) if axis is not None
    else reshape(scatter_along_axis(g, (prod(x_shape),), reshape(indices, (-1,)), 0), x_shape)))


@op
def scatter_along_axis(x, shape, indices, axis=-1):
    """Zeros of `shape` with x[.., i, ..] added at [.., indices[.., i, ..], ..]: the transpose of take_along_axis."""
    return scattered(x, shape, places(indices, axis, shape))

scatter_along_axis.gradient(x=lambda g, indices, axis: take_along_axis(g, indices, axis))


def places(indices, axis, lengths):
    """The index of what lies at `indices` in lines along `axis`; the other axes are counted up to their lengths."""
    xp = namespace(indices)
    grid = [xp.reshape(ordinals(indices, n) - 1, (1,) * i + (n,) + (1,) * (len(lengths) - i - 1))
            for i, n in enumerate(lengths)]
    grid[normalized(axis, len(lengths))] = indices
    return tuple(grid)


# --- along an axis, as PyTorch's functions do -----------------------------------------------------------------

@op
def gather(x, axis, index):
    """y[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`: y has the shape of index.

    index has as many axes as x, and on the others may be shorter; where it is as long, this is take_along_axis.
    Raises ValueError where it does not fit, IndexError for an index that is negative or too large (but waits for no
    GPU).
    """
    index = plain(index, x)
    check_index("gather", x.shape, axis, index)
    xp = namespace(x)
    if not index.size:
        return xp.zeros_like(x, shape=index.shape)
    lines, there = at_least_1d(x), at_least_1d(index)
    axis = normalized(axis, lines.ndim)
    return xp.reshape(xp.take_along_axis(lines[corner(there.shape, axis)], there, axis=axis), index.shape)

gather.gradient(x=lambda g, x_shape, axis, index: ungathered(g, x_shape, axis, plain(index, bare(g))))


def ungathered(g, shape, axis, index):
    """Zeros of `shape` with g added where gather took it from."""
    if not index.size:
        return nothing(g, shape)
    there = at_least_1d(index)
    return reshape(put(at_least_1d(g), shape or (1,), places(there, axis, there.shape)), shape)


def nothing(empty, shape):
    """Zeros of `shape`, made of an array without elements."""
    whole = shape or (1,)
    return reshape(put(reshape(empty, (0, *whole[1:])), whole, (slice(0, 0),)), shape)


@op
def scatter_add(x, axis, index, src):
    """x with src[.., i, ..] added at [.., index[.., i, ..], ..] along `axis`; a place that is named twice gets both.

    index has as many axes as x and src; it may be shorter than src, whose rest is left out, and on the other axes than
    x. Raises ValueError where it does not fit, IndexError for an index that is negative or too large (but waits for no
    GPU).
    """
    index = plain(index, x)
    check_index("scatter_add", x.shape, axis, index, src.shape)
    if src.dtype != x.dtype:
        raise TypeError(f"scatter_add: x is {x.dtype}, src is {src.dtype}: src.astype({str(x.dtype)!r}) mends it")
    xp, there = namespace(x), at_least_1d(index)
    y = at_least_1d(x.astype(wide(x) or x.dtype))
    if index.size:
        add_at(y, places(there, axis, there.shape), at_least_1d(src)[corner(there.shape)].astype(y.dtype, copy=False))
    return xp.reshape(y.astype(x.dtype, copy=False), x.shape)

scatter_add.gradient(
    x=lambda g: g,
    src=lambda g, axis, index, src_shape: of_source(g, axis, plain(index, bare(g)), src_shape),
)


def of_source(g, axis, index, shape):
    """The gradient of what scatter_add added: 0 where index left it out."""
    picked = gather(g, axis, index)
    if picked.shape == shape:
        return picked
    if not index.size:
        return nothing(picked, shape)
    picked = at_least_1d(picked)
    return reshape(put(picked, shape or (1,), corner(picked.shape)), shape)


def corner(shape: tuple[int, ...], axis: int | None = None) -> tuple[slice, ...]:
    """The index of the first elements, as many as there are in `shape`; on `axis` all."""
    return tuple([slice(None) if i == axis else slice(0, n) for i, n in enumerate(shape)])


def check_index(caller: str, shape: tuple[int, ...], axis: int, index: Array, src: Any = None) -> None:
    """Errors for an index that does not fit an array of `shape`, or what is added to it, of shape `src`."""
    axis = normalized(axis, len(shape), caller)
    check_places(caller, index, shape[axis] if shape else 1, axis)
    if not index.size:
        return
    given = (shape, index.shape) if src is None else (shape, index.shape, src)
    whole, there, *more = [of or (1,) for of in given]
    shapes = f"(x {shape}, index {index.shape}" + (")" if src is None else f", src {src})")
    if len({len(of) for of in (whole, there, *more)}) > 1:
        raise ValueError(f"{caller}: {'x and index' if src is None else 'x, index and src'} must have as many axes "
                         f"{shapes}")
    for i, m in enumerate(there):
        if i != axis and m > whole[i]:
            raise ValueError(f"{caller}: index is longer than x on axis {i}, only on axis {axis} it may be {shapes}")
        if more and m > more[0][i]:
            raise ValueError(f"{caller}: index is longer than src on axis {i} {shapes}")


def check_places(caller: str, index: Array, n: int, axis: int) -> None:
    """Errors for an index that has no integers or, where that can be seen without waiting, names no element."""
    if index.dtype.kind not in "iu":
        raise TypeError(f"{caller}: index must have integers, it is {index.dtype}")
    if library_of(index) == "numpy" and index.size:
        for place in (int(index.min()), int(index.max())):
            if not 0 <= place < n:
                raise IndexError(f"{caller}: index {place} is out of bounds for axis {axis} of length {n}")


@in_both_words
def index_select(x: Any, axis: int, index: Any) -> Any:
    """x at the integers of a 1-d `index` along `axis`, counted from the start; `take` allows any shape.

    Raises ValueError for an index of more axes, IndexError for one that is not in x (but waits for no GPU).
    """
    if len(index.shape) > 1:
        raise ValueError(f"index_select: index must have one axis, it has shape {index.shape}: take(x, index, axis) "
                         "allows any shape")
    axis = normalized(axis, x.ndim, "index_select")
    if not x.ndim and prod(index.shape) != 1:
        raise ValueError(f"index_select: x has one element and no axis, index has shape {index.shape}")
    check_places("index_select", bare(index), x.shape[axis] if x.ndim else 1, axis)
    return take(x, reshape(index, (prod(index.shape),)), axis) if x.ndim else reshape(x, ())


# --- masks ----------------------------------------------------------------------------------------------------

@op
def masked_fill(x, mask, value):
    """x where the mask is false, value (a number or a tensor without axes) where it is true; x and mask broadcast."""
    mask = plain(mask, x)
    check_mask("masked_fill", mask)
    if getattr(value, "shape", ()) != ():
        raise ValueError(f"masked_fill: value must be a number or have no axes, its shape is {value.shape}: "
                         "where(mask, value, x) takes arrays")
    if x.dtype.kind in "iu" and isinstance(value, float) and not isfinite(value):
        raise ValueError(f"masked_fill: value {value} does not exist in {x.dtype}")
    filler = value.astype(x.dtype) if is_array(value) else namespace(x).full_like(x, value, shape=())
    return choose(mask, filler, x)

masked_fill.gradient(x=lambda g, mask: masked_fill(g, mask, 0), value=lambda g, mask: where(mask, g, 0))


@named
def masked_select(x: Any, mask: Any) -> Any:
    """The elements of x where the mask is true, in one axis, C order; x and mask broadcast. A GPU is waited for."""
    check_mask("masked_select", mask)
    shape = common_shape("masked_select", (x, mask))
    return getitem(broadcast_to(x, shape), broadcast_to(mask, shape))


def check_mask(caller: str, mask: Any) -> None:
    if mask.dtype != bool:
        raise TypeError(f"{caller}: mask must be boolean, it is {mask.dtype}")


@op
def one_hot(x, num_classes=-1):
    """y[.., c] = 1 where x is c, else 0: integers (...) -> int64 (..., num_classes).

    num_classes = -1 is one more than the largest of x, for which a GPU is waited for. Raises ValueError for negative
    integers, and those that are no class (but waits for no GPU).
    """
    if x.dtype.kind not in "iu":
        raise TypeError(f"one_hot: x must have integers, it is {x.dtype}")
    known = library_of(x) != "meta"
    if num_classes == -1:
        if not known or not x.size:
            raise ValueError(f"one_hot: x {x.shape} has no values to count the classes by: say num_classes")
        num_classes = int(x.max()) + 1
    if num_classes < 1:
        raise ValueError(f"one_hot: num_classes must be positive, or -1 for as many as x shows; {num_classes} came")
    if library_of(x) == "numpy" and x.size and not (0 <= x.min() and x.max() < num_classes):
        raise ValueError(f"one_hot: x must be 0 to {num_classes - 1}, it is {x.min()} to {x.max()}")
    return (namespace(x).expand_dims(x, -1) == ordinals(x, num_classes) - 1).astype("int64")
