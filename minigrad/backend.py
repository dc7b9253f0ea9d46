"""Devices and the array libraries behind them. Outside the GPU kernels this is the only file that knows of CuPy.

An array says by its type which library holds it. `namespace(x)` is that library; the few things that NumPy and CuPy do
differently are the functions below, and each of them asks the array (or is told the device), never a global.
"""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy

from .products import product

Array = Any                     # a numpy.ndarray, a cupy.ndarray or a Meta: whatever the library's functions take
MANY = 2000                     # elements from which on a faster way is worth more Python
FLOATS = "fV"                   # kinds of dtype that carry gradients; bfloat16 (ml_dtypes) has kind V


class DeviceError(RuntimeError):
    """A device was asked for that this machine or installation does not have."""


@dataclass(frozen=True)
class Library:
    """An array library and the module of its functions."""

    name: str                   # "numpy" or "cupy": which kernels fit
    functions: Any


NUMPY = Library("numpy", numpy)
LIBRARIES: dict[type, Library] = {numpy.ndarray: NUMPY}         # array type -> its library


def use_cuda_library(functions: Any) -> Library:
    """Let "cuda" devices be served by this module: CuPy, or the double that tests put in its place."""
    library = Library("cupy", functions)
    LIBRARIES[functions.ndarray] = library
    return library


def cuda_library() -> Library:
    """The library behind "cuda" devices, imported at the first call."""
    for library in LIBRARIES.values():
        if library.name == "cupy":
            return library
    try:
        import cupy
    except ImportError as error:
        raise DeviceError('device "cuda" needs CuPy, which is not installed: pip install "minigrad[cuda12]" or '
                          '"minigrad[cuda13]", whichever fits the CUDA driver') from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise DeviceError(f"CuPy is installed but finds no usable GPU ({error}): check that nvidia-smi lists one and "
                          "that its driver is at least as new as the CUDA of the installed CuPy, or use "
                          'device "cpu"') from error
    if count == 0:
        raise DeviceError('CuPy is installed but this machine has no GPU: use device "cpu"')
    return use_cuda_library(cupy)


def cuda_available() -> bool:
    """Whether tensors can be put on "cuda"."""
    try:
        cuda_library()
    except DeviceError:
        return False
    return True


def has_device(device: str) -> bool:
    """Whether this machine has that very device."""
    try:
        with using(device):
            return True
    except DeviceError:
        return False


# --- asking an array --------------------------------------------------------------------------------------

def namespace(x: Array) -> Any:
    """The library whose array `x` is: cupy for CuPy's; numpy for NumPy arrays, scalars and arrays without values."""
    return LIBRARIES.get(type(x), NUMPY).functions


def namespace_of(a: Any, b: Any) -> Any:
    """The library of two arguments, of which one may be a Python number."""
    return namespace(a if hasattr(a, "shape") else b)


def library_of(x: Array) -> str:
    """The name of that library, by which kernels are chosen: "numpy", "cupy" or "meta"."""
    return LIBRARIES.get(type(x), NUMPY).name


def is_array(x: object) -> bool:
    return type(x) in LIBRARIES


def device_of(x: Array) -> str:
    """Where an array lives: "cpu", "cuda:0" ..., or "meta" for one without values."""
    name = library_of(x)
    return "cpu" if name == "numpy" else name if name == "meta" else f"cuda:{x.device.id}"


# --- devices by name --------------------------------------------------------------------------------------

def parse_device(device: str) -> tuple[str, int]:
    """"cpu" -> ("cpu", 0), "cuda" -> ("cuda", 0), "cuda:1" -> ("cuda", 1)."""
    kind, _, number = str(device).partition(":")
    if kind == "cpu" and not number or kind == "cuda" and (not number or number.isdigit()):
        return kind, int(number or 0)
    raise ValueError(f'unknown device {device!r}: expected "cpu", "cuda" or "cuda:<number>"')


def using(device: str) -> AbstractContextManager:
    """New arrays and random draws of CuPy's go to `device` inside this context."""
    kind, number = parse_device(device)
    if kind == "cpu":
        return nullcontext()
    cupy = cuda_library().functions
    count = cupy.cuda.runtime.getDeviceCount()
    if number >= count:
        raise DeviceError(f'device "cuda:{number}" does not exist: this machine has {count} GPU{"s" * (count != 1)}, '
                          f'"cuda:0"{f" to cuda:{count - 1}" * (count > 1)}')
    return cupy.cuda.Device(number)


def on_current_device(x: Array) -> bool:
    """Whether the library of `x` would work on `x` as things are; only with several GPUs can the answer be no."""
    library = LIBRARIES.get(type(x), NUMPY)
    return library.name != "cupy" or x.device.id == library.functions.cuda.runtime.getDevice()


def on_device_of(x: Array) -> AbstractContextManager:
    """CuPy's functions run on the current device only: inside this context that is the device of `x`."""
    return x.device if library_of(x) == "cupy" else nullcontext()


def library_for(device: str) -> Any:
    """The module that makes arrays on `device`."""
    return numpy if parse_device(device)[0] == "cpu" else cuda_library().functions


def to_device(x: Array, device: str) -> Array:
    """`x` on `device`: the array itself if it is there already, else a copy."""
    kind, number = parse_device(device)
    if kind == "cpu":
        return x if library_of(x) == "numpy" else x.get()
    if library_of(x) == "cupy" and x.device.id == number:
        return x
    with using(device):
        return cuda_library().functions.array(x, order="C")   # CuPy copies between devices only what is contiguous


def to_numpy(x: Array) -> numpy.ndarray:
    """A fresh, C-ordered copy on the host."""
    return numpy.array(x, order="C") if library_of(x) == "numpy" else numpy.asarray(x.get(), order="C")


def copied(x: Array) -> Array:
    """A copy; on the host it lies in memory as `x` does."""
    return x.copy("K") if type(x) is numpy.ndarray else x.copy()


def synchronize(device: str) -> None:
    """Wait until everything asked of `device` is done; a clock read before that measures only the asking."""
    if parse_device(device)[0] == "cuda":
        with using(device):
            cuda_library().functions.cuda.get_current_stream().synchronize()


def device_name(device: str) -> str:
    """What the hardware is called, for reports."""
    kind, number = parse_device(device)
    if kind == "cuda":
        return cuda_library().functions.cuda.runtime.getDeviceProperties(number)["name"].decode()
    return processor_name()


def processor_name() -> str:
    """The CPU's model name where the system tells it, else its architecture."""
    import platform
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


# --- what the two libraries do differently ------------------------------------------------------------------

def scatter_add(x: Array, index: Any, values: Array) -> None:
    """x[index] += values, in place, where an index that occurs twice adds twice."""
    library = library_of(x)
    if library == "meta":
        return
    if library == "numpy" and MANY < x.size < 4 * values.size and x.flags.c_contiguous:
        index = numpy.arange(x.size).reshape(x.shape)[index]            # NumPy is several times as fast with one axis
        x, values, index = x.reshape(-1), numpy.broadcast_to(values, index.shape).ravel(), index.ravel()
    namespace(x).add.at(x, index, values)


def matrix_product(a: Array, b: Array) -> Array:
    """a @ b as matmul has it. NumPy's are split over minigrad's threads, as are the kernels'."""
    if type(a) is numpy.ndarray and type(b) is numpy.ndarray:
        return product(a, b)
    return namespace(a).matmul(a, b)


def choose(mask: Array, a: Any, b: Any) -> Array:
    """a where the mask holds, else b. Of a mask without a pattern NumPy's where() mispredicts every other element.

    So where there are many, the bits in which a and b differ are multiplied by 0 or 1, and change b into a.
    """
    if type(mask) is numpy.ndarray and mask.dtype == bool and mask.size > MANY \
            and library_of(a) == library_of(b) == "numpy":
        dtype = numpy.result_type(a, b)
        if dtype.kind in "fiu" and dtype.itemsize <= 8:
            a, b = [numpy.asarray(x, dtype).view(f"i{dtype.itemsize}") for x in (a, b)]
            bits = (a ^ b) * mask
            bits ^= b
            return bits.view(dtype)
    return namespace(mask).where(mask, a, b)


def read_only(x: Array) -> Array:
    """A view through which `x` cannot be changed, where the library has such views."""
    if library_of(x) != "numpy":
        return x
    view = numpy.asarray(x).view()
    view.flags.writeable = False
    return view


# --- random numbers -----------------------------------------------------------------------------------------

_generators: dict[str, Any] = {}
_seed: list[int | None] = [None]


def make_generator(device: str = "cpu", seed: int | None = None) -> Any:
    """A new random generator on `device`; from fresh entropy without a seed."""
    if parse_device(device)[0] == "cpu":
        return numpy.random.default_rng(seed)
    with using(device):
        return cuda_library().functions.random.default_rng(seed)


def default_generator(device: str = "cpu") -> Any:
    """The generator that a device uses when none is given; `manual_seed` starts all of them anew."""
    kind, number = parse_device(device)
    key = kind if kind == "cpu" else f"{kind}:{number}"
    if key not in _generators:
        _generators[key] = make_generator(key, _seed[0])
    return _generators[key]


def manual_seed(seed: int) -> None:
    """Start the default random generator of every device anew from `seed`."""
    if not isinstance(seed, (int, numpy.integer)) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"manual_seed: expected a non-negative int, {seed!r} came")
    _seed[0] = int(seed)
    _generators.clear()


def generator_states() -> dict[str, Any]:
    """Where the default generators of all devices stand, for `set_generator_states`.

    {"seed": of `manual_seed`, "generators": {"cpu": NumPy's dict, "cuda:0": an array on that device, ...}}: copies.
    """
    return {"seed": _seed[0], "generators": {key: generator_state(generator) for key, generator in _generators.items()}}


def set_generator_states(states: dict[str, Any]) -> None:
    """Let the default generators draw what they drew after `generator_states` gave these states.

    Those that did not exist then start anew from the seed of then; what belongs to devices that this machine does not
    have is left out.
    """
    _seed[0] = states["seed"]
    wanted = {key: state for key, state in states["generators"].items() if has_device(key)}
    for key in [key for key in _generators if key not in wanted]:
        del _generators[key]
    for key, state in wanted.items():
        bits = default_generator(key).bit_generator
        if key == "cpu":
            bits.state = state
        elif state is not None:
            with using(key):
                bits._state = cuda_library().functions.array(state)


def generator_state(generator: Any) -> Any:
    """A copy of a generator's state. CuPy has no word for it; its bit generators hold an array (else None)."""
    bits = generator.bit_generator
    if isinstance(bits, numpy.random.BitGenerator):
        return bits.state
    state = getattr(bits, "_state", None)
    if state is None:
        return None
    with on_device_of(state):
        return state.copy()


# --- memory -------------------------------------------------------------------------------------------------

@contextmanager
def peak_memory(device: str) -> Iterator[Callable[[], int]]:
    """Give a function that tells, inside this context, how many bytes more than at its start `device` needed at most.

    "cpu": what Python and NumPy allocated, by tracemalloc; that slows Python down, so take no times inside. "cuda": the
    growth of CuPy's memory pool, which keeps what it once had; it hands out 512 bytes and multiples of them.
    """
    if parse_device(device)[0] == "cpu":
        started = not tracemalloc.is_tracing()
        if started:
            tracemalloc.start()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        try:
            yield lambda: tracemalloc.get_traced_memory()[1] - before
        finally:
            if started:
                tracemalloc.stop()
    else:
        with using(device):
            pool = cuda_library().functions.get_default_memory_pool()
            pool.free_all_blocks()
            before = pool.total_bytes()

        def growth() -> int:
            with using(device):
                return pool.total_bytes() - before
        yield growth
