"""Work split over threads: NumPy's functions let other threads run while they count, so plain threads are enough.

A part must be worth its while: handing it over costs 6 us at best, on virtual machines up to 0.2 ms, and calls of
NumPy below 20 us each wait for one another. Splits depend on the number of threads alone, so results are the same bit
for bit from run to run.
"""

from __future__ import annotations

import os
import threading
from _thread import allocate_lock
from collections.abc import Callable, Sequence
from contextvars import copy_context
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

from .blas import one_thread
from .settings import get_num_threads


class Part:
    """A part of some work that another thread is asked to do, in the caller's context (np.errstate is in it)."""

    __slots__ = ("work", "low", "high", "context", "result", "error", "has_ended", "done")

    def __init__(self, work: Callable[[int, int], Any], low: int, high: int):
        self.work, self.low, self.high, self.context = work, low, high, copy_context()
        self.result: Any = None
        self.error: BaseException | None = None
        self.has_ended = False
        self.done = allocate_lock()
        self.done.acquire()

    def run(self) -> None:
        try:
            self.result = self.context.run(self.work, self.low, self.high)
        except BaseException as error:      # noqa: BLE001  the caller raises it
            self.error = error
        finally:
            self.has_ended = True
            self.done.release()

    def wait(self) -> BaseException | None:
        """Until it has ended, come what may; what came (Ctrl-C, say)."""
        came = None
        while not self.has_ended:
            try:
                self.done.acquire()
            except BaseException as error:      # noqa: BLE001  raised once the part no longer writes
                came = error
        return came


class Workers:
    """The threads that help, started when first needed; who asks works too."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """With no thread at all: at the start, and in the child of a fork, where the parent's threads are not."""
        self.parts: SimpleQueue[Part] = SimpleQueue()
        self.count, self.lock = 0, allocate_lock()
        self.here = threading.local()                   # .helps: whether this thread is doing a part

    def ask(self, part: Part, at_least: int) -> None:
        if self.count < at_least:
            with self.lock:
                while self.count < at_least:
                    threading.Thread(target=self.help, args=(self.parts,), name="minigrad", daemon=True).start()
                    self.count += 1
        self.parts.put(part)

    def help(self, parts: SimpleQueue[Part]) -> None:
        self.here.helps = True
        while True:
            parts.get().run()


workers = Workers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=workers.start_anew)


def split(work: Callable[[int, int], Any], n: int, least: int = 1) -> list:
    """Call work(low, high) for parts that make up range(n), each in a thread of its own; their results in order.

    least: how many items a thread should have at least. Matrix products inside run in the thread that asks for them.
    An error in any part is raised when all have ended. Inside a part nothing is split further.
    """
    count = min(get_num_threads(), n // least if least > 1 else n)
    if count < 2 or getattr(workers.here, "helps", False):
        with one_thread:
            return [work(0, n)]
    return split_at(work, [n * k // count for k in range(count + 1)])


def split_at(work: Callable[[int, int], Any], bounds: Sequence[int]) -> list:
    """The same for the parts between these bounds."""
    parts = [Part(work, low, high) for low, high in zip(bounds[1:-1], bounds[2:], strict=True)]
    with one_thread:
        for part in parts:
            workers.ask(part, len(parts))
        try:
            workers.here.helps = True
            first = work(bounds[0], bounds[1])
        finally:
            workers.here.helps = False
            came = [part.wait() for part in parts]      # they write into the caller's arrays: never leave before
    for error in came:
        if error is not None:
            raise error
    for part in parts:
        if part.error is not None:
            raise part.error
    return [first, *[part.result for part in parts]]


def in_pieces(work: Callable[[int, int], Any], n: int, piece: int, least: int = 1) -> list:
    """Call work(low, high) for even pieces of range(n), of at most `piece` items; their results in order.

    least: as for split. A thread that has done a piece takes the next that nobody has, so none waits for a slower one.
    The pieces depend on the number of threads alone: work that keeps nothing from piece to piece gives the same bits.
    """
    count = min(get_num_threads(), n // least if least > 1 else n)
    is_alone = count < 2 or getattr(workers.here, "helps", False)
    number = -(-n // piece) if is_alone else min(n, count * -(-n // (count * piece)))
    bounds = [n * k // number for k in range(number + 1)] if n else [0]
    if is_alone:
        with one_thread:
            return [work(low, high) for low, high in pairwise(bounds)]
    results: list = [None] * number
    left = iter(range(number))                          # each number goes to one thread: taking it is atomic

    def take(low: int, high: int) -> None:
        for i in left:
            results[i] = work(bounds[i], bounds[i + 1])

    split_at(take, range(count + 1))
    return results


def num_workers() -> int:
    """How many helping threads there are."""
    return workers.count
