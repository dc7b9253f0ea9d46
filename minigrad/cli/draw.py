"""`minigrad draw`: a model as a picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import models
from ..graph.draw import SUFFIXES
from .errors import Ended, OutputError
from .grammar import Parser, add_input, add_json, name, one_of, positive
from .output import tell, tell_json
from .subject import WHAT, sized_if_asked, subject

DIRECTIONS = ("down", "right")
SHAPES = ("changes", "all", "none")

USAGE = "draw MODEL [OUT.svg]"
ABOUT = """
Draw a model: a box for each layer, its parameters inside, the shapes of what flows on the arrows. The picture is SVG,
which browsers, word processors and notebooks show; HTML, a page in which blocks open and close on a click; or PNG.
"""
EXAMPLES = [
    ("minigrad draw lenet5", "LeNet-5, into the file lenet5.svg"),
    ("minigrad draw lenet5 --direction right wide.svg", "from left to right, into wide.svg"),
    ("minigrad draw lenet5 lenet5.html", "a page to explore"),
    ("minigrad draw lenet5 - > lenet5.svg", "the SVG on standard output"),
    ("minigrad draw runs/lenet5-digits-seed0", "the model of a run, into lenet5-digits-seed0.svg"),
]
MORE = """
Layers whose names begin alike, as layer1.0.conv1 and layer1.0.bn1, make a block. Where a model has more layers than can
be read, blocks are drawn closed, as one box; --depth and --collapse choose which.
"""


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES, MORE)
    parser.add_argument("model", metavar="MODEL", help=WHAT)
    parser.add_argument("file", metavar="OUT.svg", nargs="?", type=name,
                        help="the file to write, .svg, .html or .png, which is replaced; - for SVG on standard output "
                             "(default: the model's name with .svg, in the current folder)")
    parser.add_argument("--out", metavar="OUT.svg", type=name, help="the same as an option (default: as there)")
    parser.add_argument("--depth", metavar="N", type=positive,
                        help="how many names of a path are shown: with 1, layer1 is one box; with 2 it is open, and "
                             "layer1.0 one box (default: as many as can be read)")
    parser.add_argument("--collapse", metavar="BLOCK", action="append",
                        help="close these blocks, by name, as layer1, or 'layer2.*' for all inside of it; may be given "
                             "several times")
    parser.add_argument("--direction", metavar="WHERE", type=one_of("direction", DIRECTIONS), default="down",
                        help="where the arrows lead, down or right (default: down)")
    parser.add_argument("--shapes", metavar="WHICH", type=one_of("word", SHAPES), default="changes",
                        help="write the shapes at all arrows, at none, or at those where they change (default: "
                             "changes)")
    add_input(parser)
    add_json(parser, "what was drawn")
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    out = where(args)
    model = subject(args.model, models.outline)
    graph = sized_if_asked(model.graph, args.input)
    try:
        drawing = graph.draw(collapse=args.collapse, depth=args.depth, direction=args.direction, shapes=args.shapes,
                             title=model.title)
        if str(out) == "-":
            tell(str(drawing), end="")
            return 0
        drawing.save(out)
    except ValueError as error:
        raise Ended(str(error)) from error
    except OSError as error:
        if isinstance(error, (OutputError, BrokenPipeError)):
            raise
        raise Ended(str(error)) from error
    width, height = drawing.size
    if args.json:
        tell_json({"model": args.model, "file": str(out), "nodes": len(graph.nodes), "boxes": drawing.boxes,
                   "width": width, "height": height})
    else:
        tell(f"{args.model} is drawn in {out}: {drawing.boxes} boxes, {width} x {height} pixels")
    return 0


def where(args: argparse.Namespace) -> Path:
    """The file to write."""
    if args.file is not None and args.out is not None:
        raise Ended(f"{args.file} and --out {args.out}: name one file")
    named = args.file if args.file is not None else args.out
    out = Path(named) if named is not None else Path(f"{Path(args.model).resolve().stem or 'model'}.svg")
    if str(out) == "-":
        if args.json:
            raise Ended("--json and the picture cannot both be on standard output: name a file")
    elif out.suffix.lower() not in SUFFIXES:
        raise Ended(f"{out}: expected a file that ends in {', '.join(SUFFIXES)}")
    elif out.is_dir():
        raise Ended(f"{out}: is a folder, expected a file to write")
    return out
