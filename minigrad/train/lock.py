"""One run at a time in a folder: a lock file that holds the number of the process."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# POSIX alone has it. The system drops such a lock when its process ends, however it ends: none is ever stale.
fcntl: Any = import_module("fcntl") if find_spec("fcntl") else None


class LockedError(OSError):
    """Somebody else holds the lock."""


class Lock:
    """An exclusive lock, taken when it is made; `release` removes the file. Raises LockedError, and OSError.

    The file of a process that died is taken over. (Where there is no fcntl, it must be removed by hand.)
    """

    def __init__(self, path: Path):
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | (0 if fcntl else os.O_EXCL)
        while True:
            try:
                self.file = os.open(path, flags, 0o666)
            except FileExistsError:
                raise LockedError(f"{holder(path)} (if that is no more, remove {path})") from None
            if not fcntl or self._is_locked():
                break
            os.close(self.file)                 # the holder removed it between our two calls: it is another file now
        os.ftruncate(self.file, 0)
        os.write(self.file, str(os.getpid()).encode())

    def _is_locked(self) -> bool:
        """Lock the open file; False if it is no longer the one that lies at `path`."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self.file)
            if isinstance(error, BlockingIOError):
                raise LockedError(holder(self.path)) from None
            raise
        try:
            return os.path.samestat(os.fstat(self.file), os.stat(self.path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        if fcntl:
            self.path.unlink(missing_ok=True)   # first: nobody can lock in between what is about to go
            os.close(self.file)
        else:
            os.close(self.file)                 # Windows removes no open file
            self.path.unlink(missing_ok=True)


def holder(path: Path) -> str:
    """"process 4711"; "another process" where the file does not say."""
    try:
        number = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        number = ""
    return f"process {number}" if number.isdigit() else "another process"
