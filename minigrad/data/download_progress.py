"""How far a download is, for people: a bar where rich is installed and the terminal can show one, otherwise lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TextIO

STEP = 10                       # per cent between two lines


@contextmanager
def shown(name: str, stream: TextIO | None = None) -> Iterator[Callable[[int, int | None], object]]:
    """Inside, show on `stream` (stderr) how far file `name` is: the function that is given takes bytes and total."""
    stream = stream or sys.stderr
    if stream is None:                              # a process without a terminal
        yield lambda done, total: None
    elif stream.isatty() and find_spec("rich"):
        with bar(name, stream) as show:
            yield show
    else:
        yield Lines(name, stream)


@contextmanager
def bar(name: str, stream: TextIO) -> Iterator[Callable[[int, int | None], object]]:
    """A bar with bytes, speed and the time that is left. It appears with the first byte."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    progress = Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
                        TimeRemainingColumn(), console=Console(file=stream))
    tasks: list[Any] = []

    def show(done: int, total: int | None) -> None:
        if not tasks:
            progress.start()
            tasks.append(progress.add_task(name, total=total))
        progress.update(tasks[0], completed=done, total=total)

    try:
        yield show
    finally:
        progress.stop()


class Lines:
    """A line for every tenth of the file, or for every ten megabytes where nobody knows how long it is."""

    def __init__(self, name: str, stream: TextIO):
        self.name, self.stream, self.said = name, stream, -1

    def __call__(self, done: int, total: int | None) -> None:
        step = done * 100 // total // STEP if total else done // 10_000_000
        if step != self.said:
            self.said = step
            of = f" of {total / 1e6:.1f}" if total else ""
            print(f"{self.name}: {done / 1e6:.1f}{of} MB", file=self.stream, flush=True)
