"""What Tab can complete after a command: names on the tape, breakpoints, values, files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from glob import escape, glob
from os.path import isdir
from typing import Any

from .ledger import leaves_of
from .on_tape import ahead, layers_of, ops_of
from .session import Session

KINDS = ("nan", "layer", "op", "norm", "grad(", "shape", "if")


def completions(command: str, before: str, word: str, session: Session, known: Callable[[], dict[str, Any]],
                commands: Iterable[str]) -> list[str]:
    """The words that `word` may become. command: in full, as "break"; before: what stands between the two."""
    if command == "save":
        return files(before, word)
    return sorted([name for name in offered(command, before.strip(), session, known, commands)
                   if name.startswith(word)])


def offered(command: str, before: str, session: Session, known: Callable[[], dict[str, Any]],
            commands: Iterable[str]) -> Iterable[str]:
    """All that may stand there."""
    if command == "until":
        return [*ahead(session), "end"]
    if command in ("break", "tb"):
        kinds: dict[str, Callable[[], Iterable[str]]] = {
            "": lambda: KINDS, "if": known,
            "layer": lambda: layers_of(session.order), "op": lambda: ops_of(session.order),
            "grad(": lambda: [name for _, name in leaves_of(session.order)]}
        return kinds.get("if" if before.startswith("if ") else before, tuple)()
    if command in ("p", "pp", "display"):
        return known()
    if command == "why":
        return [name for name in known() if re.fullmatch(r"g\w+", name)]
    if command == "help":
        return commands
    return ()


def files(before: str, word: str) -> list[str]:
    """Files and folders; of a path, only what follows the last part that a terminal takes for a word."""
    start = before.lstrip()
    found = [path + "/" if isdir(path) else path for path in glob(escape(start + word) + "*")]
    return sorted([path[len(start):] for path in found])
