"""Making tensors: from values, filled, counted, and drawn at random.

Python floats become float32, Python ints int64, bools bool; NumPy and CuPy arrays keep their dtype. New tensors go to
`device`, by default "cpu".
"""

from __future__ import annotations

from typing import Any

import numpy

from ..backend import Array, default_generator, is_array, library_for, to_device, using
from ..tensor import Tensor

__all__ = ["arange", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn", "tensor", "zeros"]

FLOAT = "float32"               # what Python floats become


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


def made(make: Any, device: str, requires_grad: bool) -> Tensor:
    """A tensor of the array that `make(library)` gives on a device."""
    with using(device):
        return Tensor(make(library_for(device)), requires_grad)


def zeros(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Zeros of `shape`: zeros(2, 3) or zeros((2, 3))."""
    return made(lambda xp: xp.zeros(one_tuple(shape), dtype), device, requires_grad)


def ones(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Ones of `shape`: ones(2, 3) or ones((2, 3))."""
    return made(lambda xp: xp.ones(one_tuple(shape), dtype), device, requires_grad)


def empty(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Whatever the memory holds, in `shape`."""
    return made(lambda xp: xp.empty(one_tuple(shape), dtype), device, requires_grad)


def full(shape: Any, fill_value: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """`fill_value` in every place of `shape`; dtype by default that of `tensor(fill_value)`."""
    dtype = from_python(fill_value).dtype if dtype is None else dtype
    return made(lambda xp: xp.full(one_tuple((shape,)), fill_value, dtype), device, requires_grad)


def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None, device: str = "cpu",
           requires_grad: bool = False) -> Tensor:
    """start, start + step, ... before stop; arange(n) is 0 to n - 1. int64 for ints, float32 if one is a float."""
    start, stop = (0, start) if stop is None else (start, stop)
    if dtype is None:
        dtype = FLOAT if any([isinstance(x, float) for x in (start, stop, step)]) else "int64"
    return made(lambda xp: xp.arange(start, stop, step, dtype=dtype), device, requires_grad)


def linspace(start: float, stop: float, num: int = 50, dtype: Any = FLOAT, device: str = "cpu",
             requires_grad: bool = False) -> Tensor:
    """`num` evenly spaced values from start to stop, both included."""
    return made(lambda xp: xp.linspace(start, stop, num, dtype=dtype), device, requires_grad)


def eye(n: int, m: int | None = None, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of n rows and m (by default n) columns, zeros elsewhere."""
    return made(lambda xp: xp.eye(n, m, dtype=dtype), device, requires_grad)


# --- at random ------------------------------------------------------------------------------------------------

def draw(kind: str, shape: tuple[int, ...], dtype: Any = FLOAT, device: str = "cpu", generator: Any = None) -> Array:
    """Random numbers, "random" in [0, 1) or "standard_normal", from `generator` or the device's default one."""
    with using(device):
        generator = default_generator(device) if generator is None else generator
        narrow = dtype if numpy.dtype(dtype) in (numpy.float32, numpy.float64) else FLOAT
        return getattr(generator, kind)(shape, dtype=narrow).astype(dtype, copy=False)


def rand(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False,
         generator: Any = None) -> Tensor:
    """Uniform in [0, 1)."""
    return Tensor(draw("random", one_tuple(shape), dtype, device, generator), requires_grad)


def randn(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False,
          generator: Any = None) -> Tensor:
    """Normal with mean 0 and variance 1."""
    return Tensor(draw("standard_normal", one_tuple(shape), dtype, device, generator), requires_grad)


def randint(low: int, high: int, shape: Any, dtype: Any = "int64", device: str = "cpu",
            generator: Any = None) -> Tensor:
    """Whole numbers from low to high - 1."""
    with using(device):
        generator = default_generator(device) if generator is None else generator
        return Tensor(generator.integers(low, high, one_tuple((shape,)), dtype=dtype))


def one_tuple(shape: Any) -> tuple[int, ...]:
    """(2, 3) of both zeros(2, 3) and zeros((2, 3))."""
    if len(shape) == 1 and not isinstance(shape[0], (int, numpy.integer)):
        shape = shape[0]
    return tuple([int(n) for n in shape])
