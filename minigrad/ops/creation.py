"""Making tensors: from values, filled and counted. Those drawn at random are in random.py.

Python floats become float32, Python ints int64, bools bool; NumPy and CuPy arrays keep their dtype. New tensors go to
`device`, by default "cpu". A negative length raises ValueError, an unknown device or one that this machine has not too.
"""

from __future__ import annotations

from operator import index
from typing import Any, cast

import numpy

from ..backend import is_array, library_for, namespace, to_device, using
from ..meta import BATCH, Meta, asking
from ..misuse import named
from ..tensor import Tensor
from .shape import broadcast_to, reshape

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_numpy", "full", "linspace", "meshgrid", "ones", "tensor",
    "tri", "zeros",
]

FLOAT = "float32"               # what Python floats become


@named
def tensor(data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested lists of numbers, a NumPy or CuPy array, or a tensor.

    dtype: by default the data's own; float32 for Python floats. device: by default where the data is, "cpu" for
    numbers.

    >>> tensor([[1., 2.], [3., 4.]], requires_grad=True).shape
    (2, 2)
    """
    if isinstance(data, Tensor):
        data = data.data
    array = data if is_array(data) else from_python(data)
    if dtype is not None:
        array = array.astype(dtype)
    if array.dtype.kind in "OSUMmc":
        raise TypeError(f"tensor: expected numbers or booleans, {array.dtype} came")
    if device is not None:
        array = to_device(array, device)
    return Tensor(array.copy() if array is data else array, requires_grad)


@named
def asarray(data: Any, dtype: Any = None, device: str | None = None, copy: bool | None = None) -> Tensor:
    """`data` as a tensor: itself, or sharing its memory, where it is a tensor or an array of this dtype on this device.

    copy: True copies in any case; False raises ValueError where a copy is needed. Gradients flow back to a tensor.
    """
    if isinstance(data, Tensor):
        source = data
    elif is_array(data):
        if data.dtype.kind in "OSUMmc":
            raise TypeError(f"asarray: expected numbers or booleans, {data.dtype} came")
        source = Tensor(data)
    elif copy is False:
        raise ValueError(f"asarray: copy=False, but {type(data).__name__} has no memory that a tensor could share")
    else:
        return tensor(data, dtype, device)
    x = source if dtype is None else source.astype(dtype)
    x = x if device is None else x.to(device)
    if copy is False and x is not source:
        raise ValueError(f"asarray: copy=False, but {source.dtype} on {source.device} has to become "
                         f"{x.dtype} on {x.device}")
    return x.copy() if copy and x is source else x


@named
def from_numpy(array: numpy.ndarray) -> Tensor:
    """A tensor that shares the memory of a NumPy array: writing into one writes into the other."""
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, {type(array).__name__} came: tensor(...) takes the rest")
    return asarray(array)


def from_python(data: Any) -> numpy.ndarray:
    """Numbers and nested lists of them as an array; Python floats as float32."""
    if isinstance(data, (list, tuple)) and any([isinstance(x, Tensor) or is_array(x) for x in leaves(data)]):
        data = [x.numpy() if isinstance(x, Tensor) else x for x in data]
    try:
        array = numpy.array(data)
    except ValueError as error:
        raise ValueError(f"tensor: the nested lists do not make a rectangular array ({error})") from None
    strong = any([isinstance(x, (numpy.ndarray, numpy.generic)) for x in leaves(data)])
    return array.astype(FLOAT) if array.dtype == numpy.float64 and not strong else array


def leaves(data: Any) -> list:
    """The numbers or arrays in nested lists, in no order."""
    if not isinstance(data, (list, tuple)):
        return [data]
    found, stack = [], list(data)
    while stack:
        x = stack.pop()
        if isinstance(x, (list, tuple)):
            stack.extend(x)
        else:
            found.append(x)
    return found


def filled(make: Any, shape: Any, dtype: Any, device: str, requires_grad: bool) -> Tensor:
    """A tensor of what `make(library, shape)` gives; as long as a graph's batch, an array without values."""
    lengths = one_tuple(shape)
    if BATCH in lengths:
        return cast(Tensor, Meta(lengths, dtype))
    return made(lambda xp: make(xp, lengths), device, requires_grad)


def made(make: Any, device: str, requires_grad: bool) -> Tensor:
    """A tensor of the array that `make(library)` gives on a device."""
    with using(device):
        return Tensor(make(library_for(device)), requires_grad)


@named
def zeros(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Zeros of `shape`: zeros(2, 3) or zeros((2, 3))."""
    return filled(lambda xp, lengths: xp.zeros(lengths, dtype), shape, dtype, device, requires_grad)


@named
def ones(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Ones of `shape`: ones(2, 3) or ones((2, 3))."""
    return filled(lambda xp, lengths: xp.ones(lengths, dtype), shape, dtype, device, requires_grad)


@named
def empty(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Whatever the memory holds, in `shape`."""
    return filled(lambda xp, lengths: xp.empty(lengths, dtype), shape, dtype, device, requires_grad)


@named
def empty_like(x: Any, dtype: Any = None) -> Tensor:
    """Whatever the memory holds, in the shape, dtype and device of x."""
    array = x.data if isinstance(x, Tensor) else x
    return Tensor(namespace(array).empty_like(array, dtype=dtype))


@named
def full(shape: Any, fill_value: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """`fill_value` in every place of `shape`; dtype by default that of `tensor(fill_value)`."""
    dtype = from_python(fill_value).dtype if dtype is None else dtype
    return filled(lambda xp, lengths: xp.full(lengths, fill_value, dtype), (shape,), dtype, device, requires_grad)


@named
def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None, device: str = "cpu",
           requires_grad: bool = False) -> Tensor:
    """start, start + step, ... before stop; arange(n) is 0 to n - 1. int64 for ints, float32 if one is a float."""
    start, stop = (0, start) if stop is None else (start, stop)
    if dtype is None:
        dtype = FLOAT if any([isinstance(x, (float, numpy.floating)) for x in (start, stop, step)]) else "int64"
    return made(lambda xp: xp.arange(start, stop, step, dtype=dtype), device, requires_grad)


@named
def linspace(start: float, stop: float, num: int = 50, dtype: Any = FLOAT, device: str = "cpu",
             requires_grad: bool = False, *, endpoint: bool = True, steps: int | None = None) -> Tensor:
    """`num`, or PyTorch's `steps`, evenly spaced values from start to stop; without the endpoint, stop is left out."""
    num = num if steps is None else steps
    return made(lambda xp: xp.linspace(start, stop, num, endpoint=endpoint, dtype=dtype), device, requires_grad)


@named
def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = FLOAT, device: str = "cpu",
        requires_grad: bool = False) -> Tensor:
    """Ones on the k-th diagonal (the main one; above it for k > 0) of n rows and m (by default n) columns, else 0."""
    return made(lambda xp: xp.eye(n, m, k, dtype=dtype), device, requires_grad)


@named
def tri(n: int, m: int | None = None, k: int = 0, dtype: Any = FLOAT, device: str = "cpu") -> Tensor:
    """Ones on and below the k-th diagonal of n rows and m (by default n) columns, zeros elsewhere."""
    return made(lambda xp: xp.tri(n, m, k, dtype=dtype), device, False)


@named
def meshgrid(*arrays: Any, indexing: str = "xy") -> tuple[Tensor, ...]:
    """A grid of the points whose coordinates are in vectors: for each vector, its value at every point.

    indexing: "xy", NumPy's default, for images (the second vector goes down the first axis), or "ij", PyTorch's, one
    axis a vector in order. Gradients flow back. Raises ValueError for what is no vector, or another `indexing`.
    """
    vectors = [x if isinstance(x, Tensor) else asarray(x) for x in arrays]
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: expected indexing to be 'xy' or 'ij', {indexing!r} came")
    if any([x.ndim > 1 for x in vectors]):
        raise ValueError(f"meshgrid: expected vectors, arrays of shapes {[x.shape for x in vectors]} came")
    axes = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        axes[:2] = 1, 0
    shape = [1] * len(vectors)
    for x, axis in zip(vectors, axes, strict=True):
        shape[axis] = x.data.size
    places = [tuple([shape[axis] if i == axis else 1 for i in range(len(shape))]) for axis in axes]
    return tuple([broadcast_to(reshape(x, place), tuple(shape)) for x, place in zip(vectors, places, strict=True)])


def one_tuple(shape: Any) -> tuple[int, ...]:
    """(2, 3) of both zeros(2, 3) and zeros((2, 3))."""
    if len(shape) == 1 and not isinstance(shape[0], (int, numpy.integer)):
        shape = shape[0]
    if isinstance(shape, str) or not hasattr(shape, "__iter__") or not all([hasattr(n, "__index__") for n in shape]):
        raise TypeError(f"a shape is made of ints, {shape!r} came")
    lengths = tuple([index(n) for n in shape])
    if BATCH in lengths and not asking.get():
        raise TypeError("a graph's batch size n has no value until the graph is called: zeros_like(x) and ones_like(x) "
                        "of a symbol follow it, all else belongs into the forward of a leaf layer")
    return lengths
