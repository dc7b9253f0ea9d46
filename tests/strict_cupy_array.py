"""The strict double of CuPy, first part: fake devices, their memory, and the array. See strict_cupy.py.

The array wraps a NumPy array, and is none. Indexing, operators and most methods are added to it in strict_cupy.py.
"""

from __future__ import annotations

import threading
import warnings

import numpy

DEVICES = 2
syncs: list[str] = []                   # the calls that made the host wait for the device; clear() to begin anew


# --- devices and their memory -------------------------------------------------------------------------------

class Current(threading.local):
    device = 0


current = Current()
used, held = [0] * DEVICES, [0] * DEVICES           # bytes of each device


class Memory:
    """A block of a device's memory, shared by an array and its views; the pool gets it back when the last one dies."""

    __slots__ = "device", "nbytes"

    def __init__(self, nbytes: int):
        self.device, self.nbytes = current.device, -(-nbytes // 512) * 512
        used[self.device] += self.nbytes
        held[self.device] = max(held[self.device], used[self.device])

    def __del__(self):
        used[self.device] -= self.nbytes


class MemoryPool:
    """Figures of the current device: what the pool once had it keeps until free_all_blocks()."""

    def used_bytes(self):
        return used[current.device]

    def total_bytes(self):
        return held[current.device]

    def free_bytes(self):
        return held[current.device] - used[current.device]

    def free_all_blocks(self, stream=None):
        held[current.device] = used[current.device]


class CUDARuntimeError(RuntimeError):
    def __init__(self, status):
        self.status = status
        super().__init__("cudaErrorInvalidDevice: invalid device ordinal" if status == 101 else f"CUDA error {status}")


def set_device(device):
    if not 0 <= device < DEVICES:
        raise CUDARuntimeError(101)
    current.device = device


def device_properties(device):
    with Device(device):
        return {"name": b"strict double of CuPy", "major": 9, "minor": 0, "totalGlobalMem": 1 << 34}


class Device:
    """One of the fake devices; as a context, the current one, where new arrays go and kernels run."""

    def __init__(self, device=None):
        self.id, self._before = current.device if device is None else int(device), []

    def __int__(self):
        return self.id

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    def __repr__(self):
        return f"<CUDA Device {self.id}>"

    def __enter__(self):
        self._before.append(current.device)
        set_device(self.id)
        return self

    def __exit__(self, *error):
        set_device(self._before.pop())

    def use(self):
        set_device(self.id)
        return self

    def synchronize(self):
        syncs.append("Device.synchronize")


class Stream:
    null: Stream

    def synchronize(self):
        syncs.append("Stream.synchronize")


Stream.null = Stream()


def check_device(*arrays):
    """Kernels run on the current device; where CuPy cannot reach another one's memory from there it raises this."""
    for x in arrays:
        if x._memory.device != current.device:
            raise ValueError(f"The device where the array resides ({x._memory.device}) is different from the current "
                             f"device ({current.device}). Peer access is unavailable between these devices.")


# --- the array ----------------------------------------------------------------------------------------------

def check_dtype(dtype):
    dtype = numpy.dtype(dtype)
    if dtype.char not in "?bhilqBHILQefdFD" and dtype.name != "bfloat16" or dtype.byteorder == ">":
        raise ValueError(f"Unsupported dtype {dtype}")
    return dtype


def poisoned(host):
    """Memory that nobody wrote: NaN, so that whoever reads it notices."""
    if host.dtype.kind in "fc" or host.dtype.name == "bfloat16":
        host.fill(numpy.nan)
    return host


def fresh(host, keep_layout=True):
    """An array of the double on the current device. CuPy's kernels write C order whatever the layout of their inputs
    is (where NumPy follows them): ufuncs, reductions, advanced indexing and concatenate allocate so in its sources."""
    check_dtype(host.dtype)
    return ndarray._of(host if keep_layout else numpy.asarray(host, order="C"), None)


class Flags:
    """There is no `writeable`: all of a device's memory is."""

    def __init__(self, c_contiguous, f_contiguous, owndata):
        self.c_contiguous, self.f_contiguous, self.owndata = c_contiguous, f_contiguous, owndata
        self.fnc, self.forc = f_contiguous and not c_contiguous, f_contiguous or c_contiguous

    def __getitem__(self, name):
        return {"C_CONTIGUOUS": self.c_contiguous, "F_CONTIGUOUS": self.f_contiguous, "OWNDATA": self.owndata}[name]


class ndarray:
    __slots__ = "_host", "_memory", "base", "__weakref__"
    __array_priority__ = 100
    __hash__ = None                     # CuPy's type compares and defines no hash

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        if memptr is not None or strides is not None:
            raise TypeError("the strict double makes arrays of memory of their own only")
        self._host = poisoned(numpy.empty(shape, check_dtype(dtype), order))
        self._memory, self.base = Memory(self._host.nbytes), None

    @classmethod
    def _of(cls, host, base):
        self = cls.__new__(cls)
        self._host, self.base = host, base
        self._memory = Memory(host.nbytes) if base is None else base._memory
        return self

    def _view(self, host):
        return ndarray._of(host, self if self.base is None else self.base)

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    strides = property(lambda self: self._host.strides)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    device = property(lambda self: Device(self._memory.device))
    T = property(lambda self: self if self.ndim < 2 else self._view(self._host.T))
    mT = property(lambda self: self._view(self._host.mT))
    real = property(lambda self: self if self.dtype.kind != "c" else self._view(self._host.real))
    imag = property(lambda self: fresh(self._host.imag) if self.dtype.kind != "c" else self._view(self._host.imag))

    @property
    def flags(self):
        return Flags(self._host.flags.c_contiguous, self._host.flags.f_contiguous, self.base is None)

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # To the host and back.

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. "
                        "Please use `.get()` to construct a NumPy array explicitly.")

    def get(self, stream=None, order="C", out=None, blocking=True):
        if blocking and self.size:
            syncs.append("get")
        if out is None:
            return numpy.array(self._host, order=order)
        if out.dtype != self.dtype:
            raise TypeError(f"{out.dtype} array cannot be obtained from {self.dtype} array")
        if out.shape != self.shape:
            raise ValueError(f"Shape mismatch. Expected shape: {out.shape}, actual shape: {self.shape}")
        out[...] = self._host
        return out

    def set(self, arr, stream=None):
        if not isinstance(arr, numpy.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if arr.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        if not self.flags.forc:
            raise RuntimeError("Cannot set to non-contiguous array")
        self._host[...] = arr

    def _read(self, name, convert):
        syncs.append(name)
        return convert(self._host)

    def __bool__(self):
        if not self.size:
            warnings.warn("The truth value of an empty array is ambiguous.", DeprecationWarning, stacklevel=2)
            return False
        return self._read("bool", bool)

    def __float__(self):
        return self._read("float", float)

    def __int__(self):
        return self._read("int", int)

    def __complex__(self):
        return self._read("complex", complex)

    def __repr__(self):
        return self._read("repr", repr)

    def __str__(self):
        return self._read("str", str)

    def __format__(self, format_spec):
        return self._read("format", lambda host: format(host, format_spec))

    def item(self):
        if self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self._read("item", numpy.ndarray.item)

    def tolist(self):
        return self._read("tolist", numpy.ndarray.tolist)

    # Copies.

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if casting is not None or subok is not None:
            raise TypeError("casting and subok are not supported yet")
        y = self._host.astype(check_dtype(dtype), order=order or "K", copy=bool(copy))
        if y is self._host:
            return self
        check_device(self)
        return fresh(y)

    def copy(self, order="C"):
        """A copy on the current device, from whichever one; memory with gaps does not travel between devices."""
        y = numpy.array(self._host, order=order)
        if self._memory.device != current.device and order == "K" and not self.flags.forc:
            raise NotImplementedError("CuPy cannot copy non-contiguous array between devices.")
        return fresh(y)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        with self.device:
            return self.copy()

    def view(self, dtype=None, type=None):
        return self._view(self._host.view() if dtype is None else self._host.view(dtype))

    def fill(self, value):
        if getattr(value, "shape", ()) != ():
            raise ValueError("non-scalar array cannot be used for fill")
        check_device(self, *[value] if isinstance(value, ndarray) else [])
        self._host.fill(value._host if isinstance(value, ndarray) else value)
