"""Make the notebooks from their sources: notebooks/src/NAME.py -> notebooks/NAME.ipynb, executed, with outputs.

    python notebooks/build.py [NAME ...]

A source is a Python file in the percent format: `# %%` begins a cell, `# %% [markdown]` one of text, and
`tags=["..."]` behind it are the cell's tags. Needs nbformat, nbclient and ipykernel: pip install "minigrad[test]".
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TIMEOUT = 120               # seconds for one cell
CELL = re.compile(r"^# %%(?P<markdown> \[markdown\])?(?: tags=(?P<tags>\[.*\]))?$", re.MULTILINE)


def notebook(source: str) -> Any:
    """The notebook that a source in percent format stands for, without outputs."""
    import nbformat

    found = list(CELL.finditer(source))
    ends = [start.start() for start in found[1:]] + [len(source)]
    cells = []
    for number, (start, end) in enumerate(zip(found, ends, strict=True)):
        text = source[start.end():end].strip("\n")
        make = nbformat.v4.new_markdown_cell if start["markdown"] else nbformat.v4.new_code_cell
        cell = make(unhashed(text) if start["markdown"] else text.replace("# %matplotlib", "%matplotlib"))
        cell.id = f"cell-{number}"
        if start["tags"]:
            cell.metadata.tags = ast.literal_eval(start["tags"])
        cells.append(cell)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def unhashed(text: str) -> str:
    """Text whose lines are comments."""
    return "\n".join([line.removeprefix("#").removeprefix(" ") for line in text.splitlines()])


def executed(book: Any) -> Any:
    """The same notebook after a run in a kernel of its own, with its outputs."""
    from nbclient import NotebookClient

    NotebookClient(book, timeout=TIMEOUT, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}).execute()
    book.metadata.language_info = {"name": "python"}
    for cell in book.cells:
        cell.metadata.pop("execution", None)            # when it ran
    return book


def main(names: list[str]) -> None:
    import nbformat

    os.environ.pop("MPLBACKEND", None)                  # pictures go into the notebook
    for path in sorted((HERE / "src").glob("*.py")):
        if not names or path.stem in names:
            target = HERE / f"{path.stem}.ipynb"
            nbformat.write(executed(notebook(path.read_text(encoding="utf-8"))), target)
            print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
