"""`python -m minigrad.debug [-b FORM] [-c COMMAND] script.py [ARGUMENTS]`: run a script, and stop in its backward pass.

Without -b the debugger opens at the start of the first backward pass (`backward()` or `grad()`); with it, at the first
breakpoint that is hit in any. Forward passes note the lines and layers of their calls. Leaving with q ends the script.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..walk import watcher
from .breakpoints import Breakpoint, BreakpointError, parse
from .expressions import ExpressionError
from .prompt import Prompt, Quit, interruptible, printer
from .record import Recorder, noting
from .session import Session
from .walk import events_of


class Debugger:
    """Walks in the place of the backward passes of a script, and opens the prompt where it shall.

    breakpoints: carried on from one backward pass to the next. commands: given to the first prompt that opens.
    """

    def __init__(self, breakpoints: Sequence[Breakpoint], commands: Sequence[str], out: Any = None):
        self.breakpoints, self.commands = list(breakpoints), list(commands)
        self.at_once = not breakpoints          # open at the start of the first walk, whatever comes
        self.out = out or printer()
        self.passes = self.opened = 0

    def __call__(self, outputs: Any, seeds: Any, inputs: Any, create_graph: bool, retain_graph: bool | None) -> list:
        self.passes += 1
        keep = create_graph if retain_graph is None else retain_graph
        token = watcher.set(None)               # what hooks walk is their business
        try:
            session = Session(events_of(outputs, seeds, inputs, create_graph, True), self.breakpoints)
            opens, reasons = self.found(session)
            if opens:
                self.interact(session, reasons, keep)
            else:
                session.close(keep)
        finally:
            watcher.reset(token)
        if not self.breakpoints and not self.at_once:
            watcher.set(None)                   # nothing to wait for: the rest of the script runs as it would
        return session.result

    def found(self, session: Session) -> tuple[bool, list[str]]:
        """Whether the prompt shall open, at once the first time, else where a breakpoint is hit, and which."""
        reasons = session.reasons()
        if self.at_once or reasons:
            self.at_once = False
            return True, reasons
        with interruptible(session):
            halt = session.go_on()
        return halt.kind != "end", [halt.reason] if halt.kind == "break" else []

    def interact(self, session: Session, reasons: list[str], keep: bool) -> None:
        """The prompt; Quit if it is left before the walk has ended."""
        self.opened += 1
        self.out(f"--- backward pass {self.passes} ---")
        prompt = Prompt(session, None, self.out, first=self.commands)
        self.commands = []
        prompt.interact(reasons, keep)
        self.breakpoints = session.breakpoints
        if prompt.aborted or not session.over:
            raise Quit


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m minigrad.debug", description="Run a script and stop in its first "
                                     "backward pass, at the debugger's prompt.")
    parser.add_argument("-b", "--break", metavar="FORM", action="append", default=[], dest="breaks",
                        help='stop there instead, in any backward pass: nan, "op conv2d", "norm > 1e3" ...')
    parser.add_argument("-c", "--command", metavar="COMMAND", action="append", default=[], dest="commands",
                        help="type this at the first prompt; may be given several times")
    parser.add_argument("script", help="a Python file")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script finds in sys.argv")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status; what the script raises goes on."""
    asked = parser().parse_args(argv)
    if not Path(asked.script).is_file():
        return complain(f"{asked.script}: there is no such file")
    try:
        debugger = Debugger([parse(text) for text in asked.breaks], asked.commands)
    except (BreakpointError, ExpressionError) as error:
        return complain(str(error))
    argv_before, path_before = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [asked.script, *asked.arguments], str(Path(asked.script).resolve().parent)
    token = watcher.set(debugger)
    try:
        with noting(Recorder(keeps=False), always=False):
            runpy.run_path(asked.script, run_name="__main__")
    except Quit:
        return 0
    finally:
        watcher.reset(token)
        sys.argv, sys.path[0] = argv_before, path_before
    if not debugger.opened:
        debugger.out("the script has ended; " + ("it made no backward pass" if not debugger.passes else
                     f"{debugger.passes} backward pass{'es' * (debugger.passes != 1)}, no breakpoint was hit"))
    return 0


def command() -> int:
    """`main`, where what the script raises is shown as Python shows it, without the lines of what ran the script."""
    try:
        return main()
    except Exception as error:      # noqa: BLE001  whatever the script raises
        told = traceback.TracebackException.from_exception(error)
        for each in chain(told):
            each.stack = traceback.StackSummary.from_list([line for line in each.stack if not ours(line.filename)])
        print("".join(told.format()), end="", file=sys.stderr)
        return 1


def chain(told: traceback.TracebackException | None) -> Iterator[traceback.TracebackException]:
    """An error, its cause, the cause of that and so on."""
    while told is not None:
        yield told
        told = told.__cause__ or told.__context__


def ours(filename: str) -> bool:
    """Whether it is the debugger's or Python's own way of running a script."""
    return filename.startswith(("<frozen runpy", str(Path(__file__).resolve().parent) + os.sep)) or \
        filename == runpy.__file__


def complain(message: str) -> int:
    print(f"minigrad.debug: error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(command())
