"""The command `minigrad`: train a model, ask it, look at it. One file a command; each is imported when it is called.

    minigrad COMMAND WHAT [OPTIONS]

What can be expected to go wrong (a missing folder or library, a damaged file, an unknown name, a loss that is nan) is
one line on stderr and a status other than 0; anything else is a fault of the program and shows its traceback. With
`--json` standard output is one JSON document whatever happens: the result, or {"error": ..., "status": ...}.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType

from .. import __version__
from .errors import BAD_INPUT, FAILED, INTERRUPTED, TERMINATED, Ended, as_expected, complain
from .grammar import Done, nearest
from .output import settle, tell, tell_error
from .signals import Terminated, terminable

COMMANDS = {                    # in the order of work
    "models": "list the models there are",
    "summary": "a model as a table: shapes, parameters, multiplications",
    "draw": "a model as a picture (SVG)",
    "train": "train a model, leave a run folder with weights and pictures",
    "finetune": "put a new head on a trained model, for other classes",
    "evaluate": "measure a trained model on a data set",
    "predict": "say what a trained model sees in image files",
    "step": "walk through a model's backward pass, call by call",
    "bench": "time forward, backward and update on this machine",
}

OVERVIEW = f"""\
minigrad {__version__}: a deep-learning engine to read in an evening

usage: minigrad COMMAND ...

{{}}

first steps:
  minigrad models
  minigrad train lenet5
  minigrad evaluate runs/lenet5-digits-seed0

"minigrad COMMAND --help" explains a command, with its defaults and examples.
Every command answers in JSON with --json; "minigrad --version" is for reports.
""".format("\n".join([f"  {name:<9} {line}" for name, line in COMMANDS.items()]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default the process's own; the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        return guarded(lambda: answer(words), "--json" in words)
    finally:
        for stream in (sys.stdout, sys.stderr):
            settle(stream)


def answer(words: Sequence[str]) -> int:
    """Do what the words ask."""
    first, *rest = words or ["--help"]
    if first in ("-h", "--help") or first == "help" and not rest:
        tell(OVERVIEW, end="")
        return 0
    if first == "--version":
        tell(f"minigrad {__version__}")
        return 0
    if first == "help":
        first, rest = rest[0], ["--help"]
    command = load(first)
    try:
        arguments = command.parser().read(rest)
    except Done:
        return 0
    return command.run(arguments, shlex.join(["minigrad", *words]))


def load(name: str) -> ModuleType:
    """The file of a command; it has `parser()` and `run(arguments, what was typed)`."""
    if name not in COMMANDS:
        what = "option" if name.startswith("-") else "command"
        raise Ended(f"unknown {what} {name!r}: {nearest(name, COMMANDS)} (see minigrad --help)", BAD_INPUT)
    return import_module(f"{__name__}.{name}")


def guarded(act: Callable[[], int], in_json: bool) -> int:
    """The status that `act` ends with; what can be expected to go wrong is said in one line."""
    try:
        with terminable():
            return act()
    except BrokenPipeError:                     # `minigrad step lenet5 | head` has seen enough
        return 0
    except KeyboardInterrupt:
        ended = Ended("interrupted", INTERRUPTED)
    except Terminated as error:
        ended = Ended(f"terminated ({error})", TERMINATED)
    except Exception as error:
        expected = as_expected(error)
        if expected is None:
            raise
        ended = expected
    if in_json and not ended.told:
        tell_error(ended)
    return complain(str(ended), ended.status)


__all__ = ["BAD_INPUT", "COMMANDS", "FAILED", "INTERRUPTED", "TERMINATED", "main"]
