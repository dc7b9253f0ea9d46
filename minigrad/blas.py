"""How many threads the library behind NumPy's matrix products uses: one, while minigrad splits them itself.

Its helper threads spin after every product and take a CPU from minigrad's; so inside `one_thread` there are none. The
limit is a state of the process: the first who enters sets it, the last who leaves restores it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from _thread import allocate_lock
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import numpy

# (ask, set) of OpenBLAS as NumPy's wheels carry it, as distributions do, and of Intel's MKL.
FUNCTIONS = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)


def libraries() -> Iterator[str]:
    """Files in which NumPy's matrix products may be: those of its wheel, then those that the process has loaded."""
    package = Path(numpy.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        yield from sorted(map(str, folder.glob("*openblas*")))
    if sys.platform == "linux":
        with open("/proc/self/maps") as lines:
            files = dict.fromkeys(line.split()[-1] for line in lines if ".so" in line)
        yield from (file for file in files if "openblas" in Path(file).name or "mkl_rt" in Path(file).name)


def found() -> tuple[Callable[[], int], Callable[[int], object]] | None:
    """The two functions of the library that NumPy uses; None if it is none that we know."""
    for file in libraries():
        try:
            library = ctypes.CDLL(file)
        except OSError:
            continue
        for ask, change in FUNCTIONS:
            if hasattr(library, ask) and hasattr(library, change):
                getattr(library, ask).restype = ctypes.c_int
                getattr(library, change).argtypes = [ctypes.c_int]
                return getattr(library, ask), getattr(library, change)
    return None


class OneThread:
    """A context in which matrix products run in the thread that asks for them, and in no other."""

    def __init__(self, functions: tuple[Callable[[], int], Callable[[int], object]] | None):
        self.functions = functions
        self.lock, self.users, self.before = allocate_lock(), 0, 1

    def __enter__(self) -> None:
        if self.functions is None:
            return
        with self.lock:
            if not self.users:
                self.before = self.functions[0]()
                if self.before != 1:
                    self.functions[1](1)
            self.users += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if self.functions is None:
            return
        with self.lock:
            self.users -= 1
            if not self.users and self.before != 1:
                self.functions[1](self.before)

    def after_fork(self) -> None:
        """In the child nobody is inside, whoever was in the parent."""
        if self.functions is not None and self.users and self.before != 1:
            self.functions[1](self.before)
        self.lock, self.users = allocate_lock(), 0


one_thread = OneThread(found())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=one_thread.after_fork)
