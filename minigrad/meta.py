"""An array of which only shape and dtype are known.

NumPy's own dispatch sends what is done to it here, so ops need no shape rules: a primitive's forward, or a fused op's
definition, runs on it, and its errors are the real ones. Shapes of plain views and indexing are found by doing the
same to a NumPy array whose strides are all zero, which costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from typing import Any

import numpy as np

from .backend import LIBRARIES, Library, is_array, to_numpy

RULES: dict[Any, Callable] = {}
# What stands for the batch size while a graph is built (graph/batch_size.py): a prime, and no round number, nor a power
# of 2, is near a multiple of it.
BATCH = 1_581_337_223
# Whether forwards run on symbols only to count what they do: no graph comes of it.
counting: ContextVar[bool] = ContextVar("counting", default=False)
# Whether the forward of a leaf layer is asked for its shape: what it makes as long as the batch has no values then.
asking: ContextVar[bool] = ContextVar("asking", default=False)
# While a graph is read from a file: how much work may still be done to infer shapes, so that no file takes for ever.
patience: ContextVar[list[int] | None] = ContextVar("patience", default=None)
ONE = 16                        # the work for one such array, where that for a number is 1
LONG = 1000                     # axes longer than this are shortened where something has to be tried


class Meta(np.lib.mixins.NDArrayOperatorsMixin):
    """An array without values: `shape` and `dtype`."""

    base = None

    def __init__(self, shape: Any, dtype: Any):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        if patience.get() is not None:
            spend(ONE)

    def __repr__(self) -> str:
        return f"Meta({self.shape}, {self.dtype})"

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, *args: Any, **options: Any) -> np.ndarray:
        raise TypeError("an array without values came where NumPy needs the values: on a symbol of a graph call "
                        "minigrad's own functions, on the symbol itself")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            raise TypeError(f"numpy.{ufunc.__name__}.{method} has no shape rule: an array without values came")
        kinds = [x.dtype if hasattr(x, "dtype") else type(x) for x in inputs]
        dtype = ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout))[-1]
        if ufunc is np.matmul:
            return matmul(inputs[0], inputs[1], dtype)
        return Meta(np.broadcast_shapes(*[getattr(x, "shape", ()) for x in inputs]), dtype)

    def __array_function__(self, function: Callable, types: Any, args: Any, kwargs: Any) -> Any:
        if function in VIEWS:
            x = next(a for a in args if isinstance(a, Meta))
            return with_dtype(function(*[thin(a) for a in args], **kwargs), x.dtype)
        if function not in RULES:
            raise TypeError(f"numpy.{function.__name__} has no shape rule in minigrad/meta.py: "
                            "an array without values came")
        return RULES[function](*args, **kwargs)

    def __getitem__(self, index: Any) -> Meta:
        parts = bare(index if type(index) is tuple else (index,))
        if any([isinstance(part, (list, np.ndarray)) for part in parts]):
            return gathered(self, parts)
        return Meta(thin(self)[parts].shape, self.dtype)

    def __setitem__(self, index: Any, value: Any) -> None:
        np.broadcast_shapes(self[index].shape, getattr(value, "shape", ()))

    def astype(self, dtype: Any, copy: bool = True) -> Meta:
        return Meta(self.shape, dtype)

    def copy(self) -> Meta:
        return Meta(self.shape, self.dtype)


@contextmanager
def limited(work: int) -> Iterator[None]:
    """Inside this context shapes can be inferred with so much work (`spend`): ValueError for more."""
    token = patience.set([work])
    try:
        yield
    finally:
        patience.reset(token)


def spend(places: int) -> None:
    """Say that so many numbers are computed one by one, or take real memory, also where an array has no values."""
    left = patience.get()
    if left is not None:
        left[0] -= places
        if left[0] < 0:
            raise ValueError(f"to find the shapes takes too much work, or memory for {places} numbers")


LIBRARIES[Meta] = Library("meta", np)

# Functions that only move or repeat: an array whose strides are all 0 stands in for the one without values.
VIEWS = {np.transpose, np.broadcast_to, np.split, np.expand_dims, np.squeeze, np.swapaxes, np.moveaxis, np.flip,
         np.diagonal, np.lib.stride_tricks.sliding_window_view}


def without_values(x: Any) -> Any:
    """An array of numbers as one of its shape alone; one of positions, which are needed, on the host."""
    if not is_array(x) or type(x) is Meta:
        return x
    return Meta(x.shape, x.dtype) if x.dtype.kind not in "iub" else x if type(x) is np.ndarray else to_numpy(x)


def hollow(x: Any) -> Any:
    return np.broadcast_to(np.zeros((), x.dtype), x.shape) if isinstance(x, Meta) else x


def thin(x: Any) -> Any:
    """The same stand-in a byte an element: NumPy refuses one whose bytes it could not count."""
    return np.broadcast_to(np.zeros((), bool), x.shape) if isinstance(x, Meta) else x


def with_dtype(y: Any, dtype: Any) -> Any:
    return type(y)(with_dtype(part, dtype) for part in y) if isinstance(y, (list, tuple)) else Meta(y.shape, dtype)


def bare(index: Any) -> Any:
    """An index for a stand-in: integer arrays without values index element 0."""
    if isinstance(index, Meta) and index.dtype == bool:
        raise TypeError("a boolean index without values came: the shape of the result would depend on them; "
                        "minigrad.where(mask, a, b) keeps the shape")
    return tuple([bare(i) for i in index]) if type(index) is tuple else hollow(index)


def gathered(x: Meta, parts: tuple) -> Meta:
    """x[parts] with arrays among the parts. A gather copies, so it is tried on short axes in place of the long ones.

    It is tried twice, each length growing by a step of its own: by how much an axis of the result grew, one sees which
    length it has.
    """
    lengths, index = [], []
    axes = iter(x.shape)
    for part in single_axes(parts, x.shape):
        if part is not None and part is not Ellipsis:
            n = next(axes)
            if isinstance(part, slice):
                n, part = len(range(*part.indices(n))), slice(None)
            else:
                check_bounds(part, n)
            lengths.append(n)
        index.append(part)
    lengths += axes
    everywhere = {*lengths, *[n for part in index if isinstance(part, np.ndarray) for n in part.shape]}
    long = sorted([n for n in everywhere if n > LONG])

    def tried(step: int) -> tuple[int, ...]:
        short = {n: 2 + i + step * (i + 1) for i, n in enumerate(long)}
        y = np.broadcast_to(np.zeros((), bool), [short.get(n, n) for n in lengths])
        return y[tuple([np.zeros([short.get(n, n) for n in part.shape], np.intp) if isinstance(part, np.ndarray)
                        else part for part in index])].shape

    return Meta([long[b - a - 1] if a != b else a for a, b in zip(tried(0), tried(1), strict=True)], x.dtype)


def single_axes(parts: tuple, shape: tuple[int, ...]) -> list:
    """An index with one part for each axis: slices behind the Ellipsis, and for a mask the places where it is true.

    The Ellipsis itself stays, for no axis: between two arrays it decides where their axes go, as slices would.
    """
    parts = tuple([np.asarray(part) if isinstance(part, (list, int, np.integer)) else part for part in parts])
    used = sum([part.ndim if is_mask(part) else 1 for part in parts if part is not None and part is not Ellipsis])
    if used > len(shape):
        raise IndexError(f"too many indices: {used} for an array with {len(shape)} axes")
    single: list = []
    axis = 0
    for part in parts:
        if is_mask(part):
            if part.shape != shape[axis:axis + part.ndim]:
                raise IndexError(f"a boolean index has shape {part.shape}, the axes it stands for "
                                 f"{shape[axis:axis + part.ndim]}")
            spend(part.size)
            single += part.nonzero()
        else:
            single += [Ellipsis, *[slice(None)] * (len(shape) - used)] if part is Ellipsis else [part]
        axis += part.ndim if is_mask(part) else 0 if part is None else len(shape) - used if part is Ellipsis else 1
    return single


def is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == bool


def check_bounds(places: np.ndarray, n: int) -> None:
    if places.dtype.kind not in "iu":
        raise IndexError(f"arrays used as indices must be of integers or booleans, {places.dtype} came")
    if places.strides != (0,) * places.ndim or places.ndim == 0:        # else it stands in for one without values
        wrong = places[(places < -n) | (places >= n)]
        if wrong.size:
            raise IndexError(f"index {wrong[0]} is out of bounds for an axis of length {n}")


def of(y: Any) -> Any:
    return type(y)(of(part) for part in y) if isinstance(y, (list, tuple)) else Meta(y.shape, y.dtype)


def matmul(a: Any, b: Any, dtype: Any) -> Meta:
    left, right = a.shape, b.shape
    m, n = left[-2:-1], right[-1:] if len(right) > 1 else ()
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        raise ValueError(f"matmul: {left} @ {right}: {left[-1]} columns against {inner} rows")
    return Meta((*np.broadcast_shapes(left[:-2], right[:-2]), *m, *n), dtype)


def rule(*functions: Any) -> Callable:
    """Decorator: the shape rule of these NumPy functions."""
    def register(f: Callable) -> Callable:
        RULES.update(dict.fromkeys(functions, f))
        return f
    return register


@rule(np.reshape)
def reshape(x: Meta, shape: Any) -> Meta:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    known = prod([n for n in shape if n != -1])
    if shape.count(-1) > 1 or (-1 in shape and (not known or x.size % known)) or (-1 not in shape and known != x.size):
        raise ValueError(f"cannot reshape {x.shape} into {shape}")
    return Meta([x.size // known if n == -1 else n for n in shape], x.dtype)


def reduced(x: Any, axis: Any, keepdims: bool) -> list[int]:
    axes = range(x.ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, x.ndim)
    return [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]


@rule(np.max, np.min)
def reduction(x: Meta, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Meta:
    return Meta(reduced(x, axis, keepdims), dtype or x.dtype)


@rule(np.sum, np.prod)
def total(x: Meta, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Meta:
    return reduction(x, axis, keepdims, dtype or np.sum(np.zeros(1, x.dtype)).dtype)


@rule(np.mean)
def mean(x: Meta, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Meta:
    return reduction(x, axis, keepdims, dtype or np.mean(np.zeros(1, x.dtype)).dtype)


@rule(np.any, np.all)
def truth(x: Meta, axis: Any = None, keepdims: bool = False) -> Meta:
    return Meta(reduced(x, axis, keepdims), bool)


@rule(np.argmax, np.argmin)
def position(x: Meta, axis: Any = None, keepdims: bool = False) -> Meta:
    return Meta(reduced(x, axis, keepdims), np.intp)


@rule(np.zeros_like, np.ones_like, np.empty_like)
def like(x: Meta, dtype: Any = None, shape: Any = None) -> Meta:
    return Meta(x.shape if shape is None else shape, dtype or x.dtype)


@rule(np.full_like)
def full_like(x: Meta, value: Any, dtype: Any = None, shape: Any = None) -> Meta:
    return like(x, dtype, shape)


@rule(np.concatenate)
def concatenate(arrays: Any, axis: int = 0) -> Meta:
    shape = list(arrays[0].shape)
    rests = [(*a.shape[:axis], *a.shape[axis:][1:]) for a in arrays]
    if any([rest != rests[0] for rest in rests]):
        raise ValueError(f"all arrays must have the same shape but for axis {axis}: "
                         f"{', '.join([str(a.shape) for a in arrays])}")
    shape[axis] = sum([a.shape[axis] for a in arrays])
    return Meta(shape, np.result_type(*[a.dtype for a in arrays]))


@rule(np.stack)
def stack(arrays: Any, axis: int = 0) -> Meta:
    return concatenate([of(np.expand_dims(hollow(a), axis)) for a in arrays], axis)


@rule(np.where)
def where(condition: Any, a: Any, b: Any) -> Meta:
    shape = np.broadcast_shapes(*[getattr(x, "shape", ()) for x in (condition, a, b)])
    return Meta(shape, np.result_type(*[x.dtype if hasattr(x, "dtype") else x for x in (a, b)]))


@rule(np.take)
def take(x: Meta, indices: Any, axis: Any = None) -> Meta:
    shape = getattr(indices, "shape", ())
    return Meta(shape if axis is None else x.shape[:axis] + shape + x.shape[axis:][1:], x.dtype)


@rule(np.take_along_axis)
def take_along_axis(x: Meta, indices: Any, axis: int = -1) -> Meta:
    axis = axis % x.ndim
    rest = np.broadcast_shapes(*[a.shape[:axis] + (1,) + a.shape[axis + 1:] for a in (x, indices)])
    return Meta(rest[:axis] + (indices.shape[axis],) + rest[axis + 1:], x.dtype)


@rule(np.einsum)
def einsum(subscripts: str, *operands: Any, **options: Any) -> Meta:
    inputs, output = subscripts.split("->")
    size: dict[str, int] = {}
    for letters, x in zip(inputs.split(","), operands, strict=True):
        for letter, n in zip(letters, x.shape, strict=True):
            if size.setdefault(letter, n) not in (n, 1) and n != 1:
                raise ValueError(f"einsum {subscripts}: {letter} is {size[letter]} and {n}")
            size[letter] = max(size[letter], n)
    return Meta([size[letter] for letter in output], np.result_type(*[x.dtype for x in operands]))


@rule(np.cumsum)
def cumsum(x: Meta, axis: Any = None, dtype: Any = None) -> Meta:
    return Meta(x.shape if axis is not None else (x.size,), dtype or np.cumsum(np.zeros(1, x.dtype)).dtype)


@rule(np.argsort)
def argsort(x: Meta, axis: int = -1, kind: Any = None) -> Meta:
    np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    return Meta(x.shape, np.intp)


@rule(np.roll)
def roll(x: Meta, shift: Any, axis: Any = None) -> Meta:
    np.roll(np.zeros((1,) * x.ndim), shift, axis)                   # it says which axis is not there
    return Meta(x.shape, x.dtype)


@rule(np.tile)
def tile(x: Meta, repetitions: Any) -> Meta:
    times = (repetitions,) if isinstance(repetitions, int) else tuple(repetitions)
    ndim = max(len(times), x.ndim)
    shape, times = (1,) * (ndim - x.ndim) + x.shape, (1,) * (ndim - len(times)) + times
    return Meta([n * k for n, k in zip(shape, times, strict=True)], x.dtype)


@rule(np.repeat)
def repeat(x: Meta, repeats: Any, axis: int = 0) -> Meta:
    n = x.shape[axis] * repeats if isinstance(repeats, int) else sum(repeats)
    return Meta((*x.shape[:axis], n, *x.shape[axis + 1:]), x.dtype)
