"""Signals that end a training wait until its step is over, so that a checkpoint can be written first."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AbstractContextManager, suppress
from typing import Any

HELD = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class HeldSignals(AbstractContextManager):
    """Inside, the first SIGINT (Ctrl-C), SIGTERM or SIGHUP is noted in `arrived`; `deliver` passes it on.

    The next one goes there at once: a second Ctrl-C stops in the middle of a step. Signals that are ignored stay so,
    and outside of the main thread, where no signals arrive, nothing is held.
    """

    def __init__(self) -> None:
        self.arrived: int | None = None
        self.before: dict[int, Any] = {}        # signal -> who had it

    def __enter__(self) -> HeldSignals:
        for number in HELD:
            handler = signal.getsignal(number)
            if handler is not signal.SIG_IGN and handler is not None:
                with suppress(ValueError):      # not in the main thread
                    signal.signal(number, self._note)
                    self.before[number] = handler
        return self

    def _note(self, number: int, frame: Any) -> None:
        if self.arrived is not None:
            self.deliver(number)
            return
        self.arrived = number
        if sys.stderr is not None and sys.stderr.isatty():
            with suppress(OSError):             # not by print: that may be what was interrupted
                os.write(2, b"\nstopping after this step; once more to stop at once\n")

    def deliver(self, number: int) -> None:
        """Let the signal do what it would have done. If that is nothing, signals are held again."""
        self.arrived = None
        self._give_back()
        handler = self.before[number]
        if callable(handler):
            handler(number, None)
        else:
            os.kill(os.getpid(), number)
        self.__enter__()

    def is_interrupt(self) -> bool:
        """Whether what arrived is Ctrl-C, which would raise KeyboardInterrupt."""
        return self.arrived == signal.SIGINT and self.before[signal.SIGINT] is signal.default_int_handler

    def _give_back(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def __exit__(self, *error: object) -> None:
        self._give_back()
