"""What goes to standard output: text of at most 80 columns for people, or one JSON document for machines."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TextIO

import numpy as np

from .errors import Ended, OutputError

WIDTH = 80                      # where nobody says how wide the terminal is


def columns(most: int = 120) -> int:
    """How wide a text may be: as the terminal, within reason."""
    return max(min(shutil.get_terminal_size((WIDTH, 24)).columns, most), 40)


def tell(text: str, end: str = "\n") -> None:
    """Print to standard output, now: what cannot be written is known at once."""
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    try:
        try:
            print(text, end=end, flush=True)
        except UnicodeEncodeError:              # a terminal of another age, or a file name that is no text
            print(text.encode("ascii", "backslashreplace").decode(), end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"standard output cannot be written ({error.strerror or error})") from error


def tell_json(document: Any) -> None:
    """The one document of `--json`; numbers that JSON has not, nan and infinity, are null."""
    tell(json.dumps(plain(document), allow_nan=False))


def tell_error(ended: Ended) -> None:
    """The document of `--json` where there is no result."""
    try:
        tell_json({"error": str(ended), "status": ended.status})
    except OSError:                             # then stderr and the status say it
        return


def plain(value: Any) -> Any:
    """`value` in what JSON has."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """Rows under their heads, columns aligned, those with a head in `right` to the right. No heads, no line."""
    named = any(heads)
    cells = [*([list(heads)] if named else []), *[list(row) for row in rows]]
    widths = [max([len(row[i]) for row in cells]) for i in range(len(heads))]
    flush = [head != "" and head in right for head in heads]
    return "\n".join(["  ".join([cell.rjust(w) if r else cell.ljust(w)
                                 for cell, w, r in zip(row, widths, flush, strict=True)]).rstrip() for row in cells])


def clipped(line: str, width: int) -> str:
    return line if len(line) <= width else line[:width - 3] + "..."


def percent(share: float) -> str:
    """0.9889 -> "98.89 %" """
    return f"{100 * share:.2f} %"


def plural(n: int, thing: str) -> str:
    """1 error, 2 errors"""
    return f"{n:,} {thing}{'s' * (n != 1)}"


def settle(stream: TextIO | None) -> None:
    """Throw away what a stream could not write, or Python would try again at its end and complain."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
