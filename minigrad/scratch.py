"""Memory that kernels use for a moment and then again: fresh memory costs a page fault for every 4 KiB.

Each thread has its own buffers, one for a name, which grow as needed; together they stay below a limit. A kernel's
results are never scratch memory.
"""

from __future__ import annotations

import os
import threading
from math import prod
from typing import Any
from weakref import WeakSet

import numpy

from .heap import give_back

ALIGNMENT = 64                                          # bytes: a vector register, a line of the cache
DEFAULT_LIMIT = 1 << 30


class Buffers:
    """One thread's buffers by name; gone when the thread is."""

    def __init__(self) -> None:
        self.by_name: dict[str, numpy.ndarray] = {}


here = threading.local()
all_buffers: WeakSet[Buffers] = WeakSet()
lock = threading.Lock()
limit = [DEFAULT_LIMIT]
if hasattr(os, "register_at_fork"):                     # a lock that another thread holds would stay so in the child
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def scratch(name: str, shape: tuple[int, ...], dtype: Any) -> numpy.ndarray:
    """An array with any values in it, the caller's until the same thread asks for the same name again."""
    dtype = numpy.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    try:
        buffers = here.by_name
    except AttributeError:
        mine = here.buffers = Buffers()
        buffers = here.by_name = mine.by_name
        with lock:
            all_buffers.add(mine)
    buffer = buffers.get(name)
    if buffer is None or buffer.size < size:
        buffer = aligned(size)
        buffers.pop(name, None)
        if held() + size <= limit[0]:
            buffers[name] = buffer
    return buffer[:size].view(dtype).reshape(shape)


def aligned(size: int) -> numpy.ndarray:
    """So many bytes that start where a line of the cache does."""
    memory = numpy.empty(size + ALIGNMENT, "u1")
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start:start + size]


def held() -> int:
    """The bytes of scratch memory that all threads keep."""
    with lock:
        return sum([buffer.size for buffers in all_buffers for buffer in list(buffers.by_name.values())])


def free() -> None:
    """Give all scratch memory back, and what else the process has freed; kernels that run at the moment keep theirs
    until they end."""
    with lock:
        for buffers in all_buffers:
            buffers.by_name.clear()
    give_back()


def set_limit(size: int) -> None:
    """Keep at most so many bytes; what a kernel needs beyond that is fresh at each call. By default 1 GiB."""
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"scratch.set_limit: expected a number of bytes, {size!r} came")
    limit[0] = size
    if held() > size:
        free()
