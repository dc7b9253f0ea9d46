"""The fenced blocks of a Markdown file. For test_readme.py, and for .ci/run as a script before anything is installed:

    python3 tests/readme_blocks.py README.md FOLDER     # writes the two commands to FOLDER/1.sh and FOLDER/2.sh
"""

import sys
from pathlib import Path
from typing import NamedTuple


class Block(NamedTuple):
    line: int               # of its first line of text, counted from 1
    text: str


def blocks(markdown: str, language: str) -> list[Block]:
    """The blocks between ```language and ```, in order."""
    found, start, lines = [], None, markdown.splitlines()
    for number, line in enumerate(lines):
        if start is None and line.startswith("```"):
            start, wanted = number + 1, line[3:].strip() == language
        elif start is not None and line.strip() == "```":
            if wanted:
                found.append(Block(start + 1, "\n".join(lines[start:number])))
            start = None
    if start is not None:
        raise ValueError(f"the block opened in line {start} is never closed")
    return found


def commands(markdown: str) -> list[str]:
    """The README's two shell commands: the main job, the tests. Each is one line that needs nothing before it."""
    found = [block.text.strip() for block in blocks(markdown, "sh")]
    if len(found) != 2:
        raise ValueError(f"expected exactly two ```sh blocks (the main job, the tests), found {len(found)}")
    for command in found:
        if not command or "\n" in command:
            raise ValueError(f"a ```sh block must be one command line, found {command!r}")
    return found


def main(readme: str, folder: str) -> None:
    for number, command in enumerate(commands(Path(readme).read_text(encoding="utf-8")), start=1):
        (Path(folder) / f"{number}.sh").write_text(command + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
