"""A step that runs in a process of its own, as in a program without those beside whom it is measured.

In one process all would share the C library's heap, which minigrad lets keep freed memory (minigrad/heap.py), and which
grows for everyone by the largest arrays of anyone; and the threads of the one before spin on beside the next.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import perf_counter
from traceback import format_exc
from typing import Any

import numpy

from minigrad.cli.versus import using_threads


class Apart:
    """A process that makes a step, `make(*arguments)`, and does it when asked; both must be found by import.

    threads: how many it may use. In the processes of others the heap is as the system has it. An error there ends the
    program here, with what was said there.
    """

    def __init__(self, make: Callable[..., Callable[[], Any]], *arguments: Any, threads: int,
                 is_minigrad: bool = True):
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, make, arguments, threads), daemon=True)
        with environment(MINIGRAD_KEEP_FREED="1" if is_minigrad else "0"):
            self.process.start()
        theirs.close()

    def timed(self, number: int) -> float:
        """Seconds per step, of so many."""
        return self.asked(number)[0]

    def __call__(self) -> float:
        """A step; the sum of what it gave."""
        return self.asked(1)[1]

    def asked(self, number: int) -> tuple[float, float]:
        try:
            self.pipe.send(number)
            answer = self.pipe.recv()
        except (EOFError, BrokenPipeError) as error:
            raise SystemExit(f"a measuring process has ended, with exit code {self.process.exitcode}") from error
        if isinstance(answer, str):
            raise SystemExit(answer)
        return answer

    def close(self) -> None:
        self.pipe.close()
        self.process.join()


def serve(pipe: Connection, make: Callable[..., Callable[[], Any]], arguments: tuple,
          threads: int) -> None:
    """In the other process: do as many steps as are asked for, until nobody asks any more."""
    try:
        with using_threads(threads):
            step = make(*arguments)
            while True:
                number = pipe.recv()
                start = perf_counter()
                for _ in range(number):
                    result = step()
                seconds = (perf_counter() - start) / number
                pipe.send((seconds, float(numpy.sum(as_array(result)))))
    except EOFError:
        return
    except Exception:       # noqa: BLE001  said in the process that asked
        pipe.send(format_exc())


def as_array(result: Any) -> Any:
    return result.detach().numpy() if hasattr(result, "detach") else result


@contextmanager
def environment(**words: str) -> Iterator[None]:
    """Inside, these variables; processes that start there have them."""
    before = {name: os.environ.get(name) for name in words}
    os.environ.update(words)
    try:
        yield
    finally:
        for name, word in before.items():
            if word is None:
                del os.environ[name]
            else:
                os.environ[name] = word


@contextmanager
def all_apart(steps: dict[str, Apart]) -> Iterator[dict[str, Apart]]:
    """Inside, these processes; none is left behind."""
    try:
        yield steps
    finally:
        for step in steps.values():
            step.close()
