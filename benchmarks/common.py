"""What the benchmarks share: the machine they ran on, tables on the screen and in files."""

from __future__ import annotations

import csv
import json
import os
import platform
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy

import minigrad
from minigrad.backend import device_name
from minigrad.files import write_atomically
from minigrad.settings import usable_cpus

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def machine() -> dict[str, str]:
    """Processor, the cores this process may use, and the versions and thread limits that figures depend on."""
    limits = [f"{name}={os.environ[name]}" for name in THREAD_LIMITS if name in os.environ]
    return {"processor": f"{device_name('cpu')}, {usable_cpus()} cores usable", "system": platform.platform(),
            "python": platform.python_version(), "numpy": numpy.__version__, "minigrad": minigrad.__version__,
            "threads": ", ".join(limits) or "the libraries' own choice"}


def described(facts: Mapping[str, str]) -> str:
    """One line a fact."""
    width = max(map(len, facts))
    return "\n".join(f"{name:{width}}  {value}" for name, value in facts.items())


def table(rows: Sequence[Mapping[str, Any]], formats: Mapping[str, str]) -> str:
    """Rows as aligned text. formats: the columns to show, and how; text is left-aligned, None is a dash."""
    cells = [list(formats)] + [["-" if row[name] is None else format(row[name], form) for name, form in formats.items()]
                               for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = [any(isinstance(row[name], str) for row in rows) for name in formats]
    lines = ["  ".join(cell.ljust(width) if is_left else cell.rjust(width)
                       for cell, width, is_left in zip(line, widths, left, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def write_csv(path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """The rows' `columns`, named in the first line; None is an empty cell."""
    def write(temporary: Path) -> None:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    write_whole(path, write)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """`text` and a line's end."""
    write_whole(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all, in a folder that is made if need be."""
    Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, write)


def takes_files(parser: ArgumentParser) -> None:
    """Add the options of `hand_out`."""
    parser.add_argument("--csv", metavar="FILE", help="write the table as CSV")
    parser.add_argument("--json", metavar="FILE", help="write the machine, the table and every round's figure as JSON")
    parser.add_argument("--out", metavar="FILE", help="write what is printed to a file too")


def takes_threads(parser: ArgumentParser, default: int | None = None) -> None:
    """Add --threads: of all that is measured alike."""
    parser.add_argument("--threads", type=positive, default=default or usable_cpus(), metavar="N",
                        help=f"threads of everyone who is measured ({'all usable' if default is None else default})")


def hand_out(options: Namespace, text: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str],
             **more: Any) -> None:
    """Print the report, and write what was asked for: it (--out), its rows (--csv), rows, machine and more (--json)."""
    print(text)
    if options.out:
        write_text(options.out, text)
    if options.csv:
        write_csv(options.csv, rows, columns)
    if options.json:
        write_text(options.json, json.dumps({"machine": machine(), "rows": rows, **more}, indent=1))


def new_figure(width: float, height: float) -> Any:
    """An empty picture, without a window."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit('the picture needs matplotlib: pip install "minigrad[demo]"') from error
    return Figure(figsize=(width, height), layout="constrained")


def plain_ticks(axis: Any, subs: Sequence[int] = (1, 2, 5)) -> None:
    """Plain numbers at the ticks of a logarithmic axis (`axes.yaxis`), at these multiples of powers of 10."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.set_minor_formatter(NullFormatter())


def torch_version() -> str:
    """Of the PyTorch beside which minigrad is measured."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "not installed (pip install torch adds it)"


def positive(text: str) -> int:
    """An argument that is a whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"expected a whole number from 1 up, {text!r} came")
    return int(text)
