"""`minigrad summary`: a model as a table, for people and for programs."""

from __future__ import annotations

import argparse
from dataclasses import replace

from .. import models
from ..graph import Graph
from ..graph.summary import Summary
from .errors import BAD_INPUT, Ended
from .grammar import Parser, add_input, add_json
from .output import columns, tell, tell_json
from .subject import WHAT, subject

USAGE = "summary MODEL"
ABOUT = """
Print a model as a table: what each layer does to the shape of its input, its window (kernel, stride, padding), its
parameters, the multiplications for one image, how much of the image an element of its output sees (receptive field),
and the memory of its output.
"""
EXAMPLES = [
    ("minigrad summary lenet5", "LeNet-5, layer by layer"),
    ("minigrad summary lenet5 --csv > lenet5.csv", "all columns, for a spreadsheet"),
    ("minigrad summary runs/lenet5-digits-seed0", "the model of a run"),
]
MORE = """
The table takes the width of the terminal, and says more in a wider one. Where a layer cannot take what comes, the
table shows what was built before it, and the error says why.
"""


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES, MORE)
    parser.add_argument("model", metavar="MODEL", help=WHAT)
    add_input(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="comma-separated values, numbers without commas")
    form.add_argument("--markdown", action="store_true", help="a table in Markdown")
    add_json(form, "the table")
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    found, problem = table_of(subject(args.model, models.outline).graph, args.input)
    if args.json:
        failed = {"error": problem, "status": BAD_INPUT} if problem else {}
        tell_json({"model": args.model, **found.to_dict(), **failed})
    else:
        tell(found.to_csv() or "", end="") if args.csv else \
            tell(found.to_markdown() if args.markdown else replace(found, error=None).to_text(columns(200)))
    if problem:
        raise Ended(problem, told=True)
    return 0


def table_of(graph: Graph, inputs: list[tuple[int, ...]]) -> tuple[Summary, str]:
    """The summary, and what is wrong if it is only that of the layers before one that raised."""
    try:
        return graph.summary(*inputs), ""
    except (TypeError, ValueError) as error:
        built = getattr(error, "summary", None)
        if not isinstance(built, Summary):
            raise Ended(f"--input: {error}") from error
        return built, f"--input {' '.join(['x'.join(map(str, sizes)) for sizes in inputs])}: {error}"
