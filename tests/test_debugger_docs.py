"""The sessions in docs/debugger.md are what the debugger says, but for numbers, whose last digits are the machine's."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path

import numpy as np
from readme_blocks import blocks

import minigrad as mg

PAGE = Path(__file__).resolve().parent.parent / "docs" / "debugger.md"
SESSION = "walk.py"             # what the page calls the file that its blocks are


def printed(text: str) -> list[str]:
    """What each Python block of the page prints, if anything; later blocks see the names of earlier ones."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    found = []
    for block in blocks(text, "python"):
        lines = block.text.splitlines(keepends=True)
        linecache.cache[SESSION] = (len(block.text), None, lines, SESSION)      # so that `w` has the line to show
        with contextlib.redirect_stdout(io.StringIO()) as out, np.errstate(all="ignore"), mg.config(kernels="auto"):
            exec(compile(block.text, SESSION, "exec"), namespace)
        found.append(out.getvalue())
    return [said for said in found if said]


def words(text: str) -> list[str]:
    """The words, with every number made 0, for lines may be broken elsewhere where numbers are shorter; of a line that
    was cut, the first; whether numbers are equal to the last bit is the machine's business too."""
    lines = [" ".join(line.split()[:4]) if line.endswith("...") else line for line in text.splitlines()]
    text = re.sub(r"exact (True|False)", "exact", "\n".join(lines))
    return re.sub(r"-?\d+(\.\d+)*(e[+-]?\d+)?", "0", text).split()


def test_the_sessions_are_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    shown, said = [block.text for block in blocks(text, "text")], printed(text)
    assert len(shown) == len(said) >= 3
    for listing, real in zip(shown, said, strict=True):
        assert words(listing) == words(real)


def test_commands_of_the_table_are_those_that_there_are():
    from minigrad.debug.commands import SHORT, Commands

    table = PAGE.read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-zA-Z]+!?)[^`]*`", " ".join([line.split("|")[1] for line in table.splitlines()
                                                            if line.startswith("| `")])))
    known = {name.removeprefix("do_") for name in dir(Commands) if name.startswith("do_")} | set(SHORT)
    assert {name.rstrip("!") for name in named} <= known
    assert {SHORT.get(name.rstrip("!"), name.rstrip("!")) for name in named} == known - set(SHORT) | {"help"}
