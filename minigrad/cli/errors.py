"""How the command ends when it cannot do what was asked: one line on stderr, and a status other than 0."""

from __future__ import annotations

import sys
from contextlib import suppress

BAD_INPUT, FAILED, INTERRUPTED, TERMINATED = 2, 1, 130, 143


class Ended(Exception):
    """The command ends with this line and this status. told: whether a JSON document was printed already."""

    def __init__(self, message: str, status: int = BAD_INPUT, told: bool = False):
        super().__init__(one_line(message))
        self.status, self.told = status, told


class OutputError(OSError):
    """Standard output cannot be written."""


def as_expected(error: Exception) -> Ended | None:
    """What a user is told of an error that can be expected; None for a fault of the program.

    The classes are imported here, where something has gone wrong already: a command starts without them.
    """
    from ..backend import DeviceError
    from ..data import DataError
    from ..debug import UnknownOpError
    from ..models import UnknownModelError
    from ..train.nonfinite import NonFiniteLoss
    from ..train.run_folder import RunFolderError

    if isinstance(error, Ended):
        return error
    if isinstance(error, OutputError):
        return Ended(str(error), FAILED, told=True)
    if isinstance(error, MemoryError):
        return Ended(f"out of memory: {str(error) or 'the arrays do not fit'}: try a smaller batch or image", FAILED)
    if isinstance(error, NonFiniteLoss):
        return Ended(str(error), FAILED)
    if isinstance(error, ImportError) and not (error.name or "").startswith("minigrad"):
        return Ended(str(error), BAD_INPUT)     # an extra is missing
    if isinstance(error, (UnknownModelError, UnknownOpError, DataError, DeviceError, RunFolderError)):
        return Ended(str(error), BAD_INPUT)
    return None


def complain(message: str, status: int) -> int:
    """Say on stderr what is wrong; the status. If nobody can hear it there is still the status."""
    text = f"minigrad: error: {one_line(message)}"
    with suppress(OSError):
        try:
            print(text, file=sys.stderr, flush=True)
        except UnicodeEncodeError:
            print(text.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
    return status


def one_line(message: str) -> str:
    return " ".join(message.split())
