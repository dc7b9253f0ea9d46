"""Signals that end the process become an exception, so that a run can say in its folder why it stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Terminated(BaseException):
    """Another process, or the end of the terminal, asked this one to stop; the message is the signal's name."""


@contextmanager
def terminable() -> Iterator[None]:
    """Inside, signals that end the process raise Terminated.

    Those that are ignored, as under nohup, or have a handler stay as they are.
    """
    def terminate(number: int, frame: object) -> NoReturn:
        raise Terminated(signal.Signals(number).name)

    taken = []
    try:
        for number in SIGNALS:
            with suppress(ValueError):          # not in the main thread, where alone signals arrive
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, terminate)
                    taken.append(number)
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
