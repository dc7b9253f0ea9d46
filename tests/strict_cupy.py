"""A strict double of CuPy 14 over NumPy: it refuses what CuPy refuses, lacks what CuPy lacks, and counts host syncs.

    from strict_cupy import cupy, cupyx, installed, syncs
    with installed():                       # "cuda" devices are now served by the double, two of them
        ...
        assert syncs == []                  # else the names of the calls that made the host wait for the device

Written from the sources of CuPy 14.2.0; cupy_names.json says which names and parameters exist there,
make_cupy_names.py makes it. Where CuPy would silently copy host data to the device, or read the device's memory for
what the host should know, the double raises. What CuPy leaves to chance the double does too: writes to one place come
in random order, and so do the sums of `add.at`. It says nothing of speed and rounding, for no GPU code runs.

Three files: strict_cupy_array.py has the devices and the array, strict_cupy_calls.py makes NumPy's functions CuPy's,
and this one adds indexing, operators, random numbers and the modules.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy
import pytest
from strict_cupy_array import (
    DEVICES,
    CUDARuntimeError,
    Device,
    MemoryPool,
    Stream,
    check_device,
    check_dtype,
    current,
    device_properties,
    fresh,
    ndarray,
    poisoned,
    set_device,
    syncs,
)
from strict_cupy_calls import ATOMICS, NAMES, VERSION, arrays_in, bare, check_call, lifted, stand_in, ufunc, wrap

from minigrad import backend

chance = numpy.random.default_rng(14)       # which of several threads writes last


# --- indexing -------------------------------------------------------------------------------------------------

def is_mask(part):
    return isinstance(part, numpy.ndarray) and part.dtype.kind == "b"


def index_part(part):
    """One item of an index as NumPy shall see it. Lists and NumPy arrays may come: CuPy copies them to the device."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, (int, numpy.integer)) and not isinstance(part, bool):
        return part
    check_device(*[part] if isinstance(part, ndarray) else [])
    array = numpy.asarray(bare(part))
    if not array.size and isinstance(part, (list, tuple)):
        return array.astype(numpy.int32)
    if array.dtype.kind not in "biu":
        raise IndexError(f"arrays used as indices must be of integer or boolean type (actual: {array.dtype.type})")
    return array


def prepare_index(x, index):
    """NumPy's index for CuPy's `index`, and its kind: "view", "integers" or "mask". Integers in arrays wrap around,
    single ones do not. How many a mask selects must be known on the host, for writing too, so masks wait."""
    parts = [index_part(part) for part in (index if isinstance(index, tuple) else (index,))]
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)                          # and NumPy returns 0-d views, never scalars
    arrays = [part for part in parts if isinstance(part, numpy.ndarray)]
    kind = "mask" if any(map(is_mask, arrays)) else "integers" if arrays else "view"
    if kind == "mask":
        syncs.append("index with a mask")
    axes = [0 if part is None or part is Ellipsis else part.ndim if is_mask(part) else 1 for part in parts]
    axis = 0
    for i, part in enumerate(parts):
        if isinstance(part, numpy.ndarray) and not is_mask(part) and axis < x.ndim and x.shape[axis]:
            parts[i] = part.astype(numpy.int64) % x.shape[axis]
        axis += x.ndim - sum(axes) if part is Ellipsis else axes[i]
    return tuple(parts), kind


def getitem(self, index):
    parts, kind = prepare_index(self, index)
    if kind == "view":
        return self._view(self._host[parts])
    check_device(self)
    return fresh(self._host[parts], False)


def scatter(self, index, value, function=None):
    """self[index] = value; or `function` of both for every occurrence of an index, as in numpy.add.at."""
    check_device(self, *arrays_in(value, "value to write"))
    parts, kind = prepare_index(self, index)
    if kind == "view":
        view = self._view(self._host[parts])
        if function is None:
            view._host[...] = bare(value)
        else:
            function(view, value, out=view)
        return
    if function is not None and kind == "integers" and self.dtype.char not in ATOMICS[function.__name__]:
        raise TypeError(f"cupy.{function.__name__}.at does not support {self.dtype} where the index has integers")
    target = self._host if self.ndim else self._host.reshape(1)
    places = numpy.arange(self.size).reshape(self.shape)[parts]
    value = numpy.asarray(bare(value)).astype(self.dtype)
    value = numpy.broadcast_to(value.reshape(value.shape[max(0, value.ndim - places.ndim):]), places.shape)
    order = chance.permutation(places.size)
    where = numpy.unravel_index(places.ravel()[order], target.shape)
    if function is None:
        target[where] = value.ravel()[order]
    else:
        function._function.at(target, where, value.ravel()[order])


def along_axis(a, indices, axis):
    """The index that takes `indices` along `axis`; CuPy's take_along_axis indexes so, hence wraps too."""
    if indices.ndim != a.ndim:
        raise ValueError("`indices` and `a` must have the same number of dimensions")
    axis = range(a.ndim)[axis]
    return tuple(indices if i == axis else numpy.arange(n).reshape((-1,) + (1,) * (a.ndim - i - 1))
                 for i, n in enumerate(a.shape))


def put_along_axis(arr, indices, values, axis):
    arr[along_axis(arr, indices, axis)] = values


def take(a, indices, axis=None, out=None):
    arrays = check_call("cupy.take", NAMES["cupy"]["take"], (a, indices), {"axis": axis, "out": out})
    y = numpy.take(a._host, bare(indices), axis, mode="wrap", out=bare(out))
    return wrap(y, arrays) if out is None else out


# --- operators and methods ------------------------------------------------------------------------------------

BINARY = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
          "mod": "remainder", "pow": "power", "lshift": "left_shift", "rshift": "right_shift", "and": "bitwise_and",
          "or": "bitwise_or", "xor": "bitwise_xor", "matmul": "matmul", "divmod": "divmod"}
COMPARE = {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}


def leaves_it_to(self, other):
    """Whether `other`'s reflected operator shall do it: its type opts out of NumPy's ufuncs, or has priority."""
    unknown = object()
    theirs = getattr(other, "__array_ufunc__", unknown)
    if theirs is not unknown:
        return theirs is None
    return self.__array_priority__ < getattr(other, "__array_priority__", 0)


def binary(function, reflected=False):
    def operator(self, other):
        if leaves_it_to(self, other):
            return NotImplemented
        return function(other, self) if reflected else function(self, other)
    return operator


def in_place(function):
    return lambda self, other: function(self, other, out=self)


def unary(function):
    return lambda self: function(self)


def equality(function, otherwise):
    """== and !=, which answer None and objects that compare by identity instead of refusing them."""
    def operator(self, other):
        if other is None or type(other).__eq__ is object.__eq__:
            return cupy.full(self.shape, otherwise)
        return NotImplemented if leaves_it_to(self, other) else function(self, other)
    return operator


def array_ufunc(self, ufunc, method, *inputs, **kwargs):
    """numpy.exp(x) is cupy.exp(x), where operands of other kinds are refused."""
    ours = getattr(cupy, ufunc.__name__, None)
    if ours is None or method not in ("__call__", "outer", "at", "reduce"):
        return NotImplemented
    return (ours if method == "__call__" else getattr(ours, method))(*inputs, **kwargs)


def array_function(self, func, types, args, kwargs):
    """numpy.sum(x) is cupy.sum(x)."""
    ours = getattr(cupy.linalg if func.__module__ == "numpy.linalg" else cupy, func.__name__, None)
    return NotImplemented if ours is None else ours(*args, **kwargs)


def complete_array():
    """Give the array its operators, its indexing, and the methods that NumPy's array has too."""
    for name, long_name in BINARY.items():
        function = ufunc(getattr(numpy, long_name))
        setattr(ndarray, f"__{name}__", binary(function))
        setattr(ndarray, f"__r{name}__", binary(function, reflected=True))
        if f"__i{name}__" in NAMES["cupy.ndarray"]:         # there is no `@=`: Python makes a new array
            setattr(ndarray, f"__i{name}__", in_place(function))
    for name, long_name in COMPARE.items():
        function = ufunc(getattr(numpy, long_name))
        known = {"eq": False, "ne": True}
        setattr(ndarray, f"__{name}__", equality(function, known[name]) if name in known else binary(function))
    for name, long_name in UNARY.items():
        setattr(ndarray, f"__{name}__", unary(ufunc(getattr(numpy, long_name))))
    for name, function in {"__getitem__": getitem, "__setitem__": scatter, "_scatter": scatter,
                           "__array_ufunc__": array_ufunc, "__array_function__": array_function,
                           "take": lambda self, indices, axis=None, out=None: take(self, indices, axis, out)}.items():
        setattr(ndarray, name, function)
    to_host = {"dump", "dumps", "tobytes", "tofile", "byteswap"}
    for name, parameters in NAMES["cupy.ndarray"].items():
        if parameters and name[0] != "_" and name not in to_host and not hasattr(ndarray, name):
            function = getattr(numpy.ndarray, name, None)
            if function is not None:
                with_self = f"(self, {parameters[1:]}".replace(", )", ")")
                setattr(ndarray, name, lifted(function, f"cupy.ndarray.{name}", with_self))


# --- making arrays --------------------------------------------------------------------------------------------

def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    """Of a NumPy array, lists of numbers, or arrays of the double: on the current device."""
    if not isinstance(obj, ndarray):
        if isinstance(obj, (list, tuple)) and any(isinstance(part, ndarray) for part in obj):
            arrays_in(obj, "cupy.array", "sequence")        # all of them or none
        return fresh(numpy.array(bare(obj), dtype, order=order or "K", ndmin=ndmin))
    if obj._memory.device != current.device:
        obj, copy = obj.copy(order or "K"), False
    y = obj.astype(obj.dtype if dtype is None else dtype, order=order or "K", copy=bool(copy))
    return y if y.ndim >= ndmin else y.reshape((1,) * (ndmin - y.ndim) + y.shape)


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    return array(a, dtype, bool(copy), order)


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    return a.get(stream, order, out, blocking) if isinstance(a, ndarray) else numpy.asarray(a, order=order)


def empty(shape, dtype=float, order="C"):
    return ndarray(shape, dtype, order=order)


def empty_like(prototype, dtype=None, order="K", subok=None, shape=None):
    check_call("cupy.empty_like", NAMES["cupy"]["empty_like"], (prototype,), {"shape": shape})
    dtype = prototype.dtype if dtype is None else check_dtype(dtype)
    return fresh(poisoned(numpy.empty_like(prototype._host, dtype, order, shape=shape)))


class XORWOW:
    """The default source of random bits, on the device that is current when it is made."""

    def __init__(self, seed=None):
        self._numbers, self._device = numpy.random.Generator(numpy.random.Philox(seed)), current.device

    @property
    def _state(self):
        """CuPy's is an array of bytes, too; here they are those of Philox."""
        state = self._numbers.bit_generator.state
        words = [state["state"]["counter"], state["state"]["key"], state["buffer"]]
        rest = [state["buffer_pos"], state["has_uint32"], state["uinteger"]]
        words = numpy.concatenate([*words, numpy.array(rest, "u8")])
        with Device(self._device):
            return fresh(words.view("i1"))

    @_state.setter
    def _state(self, array):
        if array.device.id != self._device or array.dtype != "int8":
            raise RuntimeError("This Generator state is allocated in a different device")
        words, bits = array._host.copy().view("u8"), self._numbers.bit_generator
        pos, has, kept = map(int, words[10:])
        bits.state = {**bits.state, "state": {"counter": words[:4], "key": words[4:6]}, "buffer": words[6:10],
                      "buffer_pos": pos, "has_uint32": has, "uinteger": kept}


class Generator:
    """Random numbers on one device, not NumPy's for the same seed. No normal, choice, permutation or shuffle in CuPy's,
    which draws single and double precision only: half is cast (random, uniform) or refused (standard_normal)."""

    def __init__(self, bit_generator):
        self.bit_generator = bit_generator

    def _draw(self, name, *args, **kwargs):
        if self.bit_generator._device != current.device:
            raise RuntimeError("This Generator state is allocated in a different device")
        return fresh(numpy.asarray(getattr(self.bit_generator._numbers, name)(*args, **kwargs)))

    def _floats(self, name, size, dtype, out):
        dtype = numpy.dtype(dtype)
        if out is not None and (out.dtype != dtype or not out.flags.c_contiguous):
            raise TypeError(f"Supplied output array must be C-contiguous {dtype.name}, got {out.dtype.name}")
        size = out.shape if out is not None and size is None else size
        drawn = numpy.float64 if dtype == numpy.float64 else numpy.float32
        y = self._draw(name, size, drawn).astype(dtype, copy=False)
        if out is None:
            return y
        out[...] = y
        return out

    def random(self, size=None, dtype=numpy.float64, out=None):
        return self._floats("random", size, dtype, out)

    def standard_normal(self, size=None, dtype=numpy.float64, out=None):
        if numpy.dtype(dtype).char not in "fd":
            raise TypeError(f"Unsupported dtype {numpy.dtype(dtype).name} for standard_normal")
        return self._floats("standard_normal", size, dtype, out)

    def uniform(self, low=0.0, high=1.0, size=None, dtype=numpy.float64):
        return (low + (high - low) * self.random(size, dtype)).astype(dtype, copy=False)

    def integers(self, low, high=None, size=None, dtype=numpy.int64, endpoint=False):
        bounds = [int(bound) for bound in (low, high) if bound is not None]
        return self._draw("integers", *bounds, size=size, dtype=dtype, endpoint=endpoint)

    def exponential(self, scale=1.0, size=None):
        return self._draw("exponential", scale, size)


def default_rng(seed=None):
    return seed if isinstance(seed, Generator) else Generator(seed if isinstance(seed, XORWOW) else XORWOW(seed))


# --- the modules ----------------------------------------------------------------------------------------------

class Module(ModuleType):
    """Has the members given, and of what CuPy's module of this name has, what NumPy's `source` has too."""

    def __init__(self, name, source=None, **members):
        super().__init__(name)
        self.__dict__.update(members, _source=source)

    def __getattr__(self, name):
        known = NAMES.get(self.__name__, {})
        if name.startswith("_") or name not in known:
            raise AttributeError(f"module {self.__name__!r} of CuPy {VERSION} has no attribute {name!r}")
        value = stand_in(getattr(self._source, name, None), f"{self.__name__}.{name}", known[name])
        if value is NotImplemented:
            raise AttributeError(f"CuPy {VERSION} has {self.__name__}.{name}, its strict double has not: add it there")
        self.__dict__[name] = value
        return value

    def __dir__(self):
        """All that the double offers."""
        names = {*NAMES.get(self.__name__, ()), *vars(self)}
        return sorted(name for name in names if not name.startswith("_") and hasattr(self, name))


def scatter_function(short, long):
    """cupyx.scatter_add and its like: they still work, and warn."""
    def call(a, slices, value):
        warnings.warn(f"`ndarray.scatter_{short}` is deprecated. Please use `cupy.{long}.at` instead.",
                      DeprecationWarning, stacklevel=2)
        getattr(cupy, long).at(a, slices, value)
    return call


pool = MemoryPool()
runtime = Module("cupy.cuda.runtime", CUDARuntimeError=CUDARuntimeError, getDeviceCount=lambda: DEVICES, is_hip=False,
                 getDevice=lambda: current.device, setDevice=set_device, getDeviceProperties=device_properties,
                 deviceSynchronize=lambda: syncs.append("deviceSynchronize"))
cuda = Module("cupy.cuda", Device=Device, Stream=Stream, MemoryPool=MemoryPool, runtime=runtime,
              is_available=lambda: True, get_device_id=lambda: current.device,
              get_current_stream=lambda device_id=-1: Stream.null)
cupy = Module("cupy", numpy, __version__=VERSION, ndarray=ndarray, ufunc=ufunc, cuda=cuda,
              array=array, asarray=asarray, asanyarray=asarray, asnumpy=asnumpy, empty=empty, empty_like=empty_like,
              ascontiguousarray=lambda a, dtype=None: array(a, dtype, False, "C", ndmin=1),
              asfortranarray=lambda a, dtype=None: array(a, dtype, False, "F", ndmin=1),
              copy=lambda a, order="K": a.copy(order),
              astype=lambda x, dtype, /, *, copy=True: x.astype(dtype, copy=copy),
              take=take, put_along_axis=put_along_axis,
              take_along_axis=lambda a, indices, axis: a[along_axis(a, indices, axis)],
              get_default_memory_pool=lambda: pool,
              linalg=Module("cupy.linalg", numpy.linalg),
              lib=Module("cupy.lib", stride_tricks=Module("cupy.lib.stride_tricks", numpy.lib.stride_tricks)),
              random=Module("cupy.random", Generator=Generator, XORWOW=XORWOW, default_rng=default_rng))
cupyx = Module("cupyx", scatter_add=scatter_function("add", "add"), scatter_max=scatter_function("max", "maximum"),
               scatter_min=scatter_function("min", "minimum"), rsqrt=lambda x: cupy.reciprocal(cupy.sqrt(x)),
               empty_pinned=numpy.empty, zeros_pinned=numpy.zeros)
complete_array()

ON_GPU = os.environ.get("MINIGRAD_TESTS_ON_GPU") == "1"
only_on_the_double = pytest.mark.skipif(ON_GPU, reason="is about the double of CuPy")


@contextmanager
def installed() -> Iterator[ModuleType]:
    """Let the double serve "cuda" devices; afterwards libraries, default generators and their seed are as before.

    Under MINIGRAD_TESTS_ON_GPU=1 CuPy itself serves them.
    """
    before = dict(backend.LIBRARIES), dict(backend._generators), list(backend._seed)
    backend._generators.clear()
    if not ON_GPU:
        for kind in [kind for kind, library in backend.LIBRARIES.items() if library.name == "cupy"]:
            del backend.LIBRARIES[kind]
        backend.use_cuda_library(cupy)
    syncs.clear()
    try:
        yield backend.cuda_library().functions if ON_GPU else cupy
    finally:
        set_device(0)
        for now, then in zip((backend.LIBRARIES, backend._generators), before[:2], strict=True):
            now.clear()
            now.update(then)
        backend._seed[:] = before[2]
