"""A progress bar on stderr for work that takes a while: on a terminal, and gone when the work is done."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import TypeVar

Item = TypeVar("Item")


def shown(items: Iterable[Item], total: int, label: str, quiet: bool = False) -> Iterator[Item]:
    """The items, and how many of them are done; with rich a bar, without it the number."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield from items
    elif find_spec("rich"):
        yield from with_bar(items, total, label)
    else:
        yield from with_number(items, total, label)


def with_bar(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(40), progress.MofNCompleteColumn(),
               progress.TimeRemainingColumn(compact=True))
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        for item in items:
            yield item
            bar.advance(task)


def with_number(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    def show(text: str) -> None:
        with suppress(OSError):                 # the work goes on though nobody sees it
            print(f"\r{text}", end="", file=sys.stderr, flush=True)

    try:
        for done, item in enumerate(items, 1):
            yield item
            show(f"{label} {done}/{total}")
    finally:
        show(" " * len(f"{label} {total}/{total}") + "\r")
