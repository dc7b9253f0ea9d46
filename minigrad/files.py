"""Writing files whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
    """Have `write(temporary)` make a file beside `path` and rename it to `path`, which replaces what was there.

    The temporary name ends as `path` does. If `write` raises, or makes no file, nothing is left of it, an earlier file
    at `path` is as it was, and the exception goes on to the caller.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        write(temporary)
        with open(temporary, "r+b") as file:        # on the disk before the name is: a power cut leaves no empty file
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
