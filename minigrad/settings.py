"""How minigrad computes, not what: which kernels run, whether graphs fuse their nodes, how many threads work.

Each is a context variable, so that a thread or a task may choose for itself; `config` sets them for a while.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

MODES = ("auto", "exact", "definition")


def checked_mode(mode: str, source: str) -> str:
    if mode not in MODES:
        raise ValueError(f"{source}: kernels must be one of {', '.join(map(repr, MODES))}, {mode!r} came")
    return mode


def checked_threads(n: object, source: str) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{source}: the number of threads must be a whole number from 1 up, {n!r} came")
    return n


def usable_cpus() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_at_start() -> int:
    """What MINIGRAD_NUM_THREADS says, else a thread for each usable CPU."""
    text = os.environ.get("MINIGRAD_NUM_THREADS")
    return usable_cpus() if text is None else checked_threads(int(text) if text.isdecimal() else text,
                                                             "environment variable MINIGRAD_NUM_THREADS")


START_MODE = checked_mode(os.environ.get("MINIGRAD_KERNELS", "auto"), "environment variable MINIGRAD_KERNELS")
kernel_mode: ContextVar[str] = ContextVar("kernels", default=START_MODE)
fusing: ContextVar[bool] = ContextVar("fuse", default=True)
threads_here: ContextVar[int | None] = ContextVar("threads", default=None)
threads_everywhere = [threads_at_start()]


def get_num_threads() -> int:
    """How many threads minigrad's kernels work with here."""
    return threads_here.get() or threads_everywhere[0]


def set_num_threads(n: int) -> None:
    """Let minigrad's kernels work with n threads in the whole process, except where `config(threads=...)` says else.

    By default they are as many as the CPUs that the process may use, or what the environment variable
    MINIGRAD_NUM_THREADS says. Results depend on the number in their last bits, as sums are split among the threads.
    Raises ValueError for what is no whole number from 1 up.
    """
    threads_everywhere[0] = checked_threads(n, "set_num_threads")


def checked_fuse(fuse: object) -> Any:
    """True, False, or None."""
    if fuse is not None and not isinstance(fuse, bool):
        raise ValueError(f"config: fuse must be True or False, {fuse!r} came")
    return fuse


@contextmanager
def config(*, kernels: str | None = None, fuse: bool | None = None, threads: int | None = None) -> Iterator[None]:
    """Choose inside this context how minigrad computes; what is not named stays as it is.

    kernels: how fused ops run. "auto", the fastest kernel: 3x3 and 5x5 convolutions in float32 go by Winograd's
    transforms, which round more: over the gradients of a whole network at most five times as much as "exact" does; and
    a NaN or an infinity may reach outputs beside those whose windows have it, at most 4 away. "exact": no such kernel,
    the error is that of PyTorch's float32. "definition": no kernel at all. The environment variable MINIGRAD_KERNELS
    sets it for a whole process.
    fuse: whether a graph runs neighbours (BatchNorm, addition and ReLU ...) in one pass. Values, gradients and names of
    the state stay the same but for rounding; `graph.plan()` shows what is fused.
    threads: as `set_num_threads`.
    Raises ValueError for an unknown word or number.
    """
    chosen: list[tuple[ContextVar[Any], Any]] = [
        (kernel_mode, None if kernels is None else checked_mode(kernels, "config")), (fusing, checked_fuse(fuse)),
        (threads_here, None if threads is None else checked_threads(threads, "config"))]
    tokens = [(variable, variable.set(value)) for variable, value in chosen if value is not None]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)
