"""Drawings of graphs: SVG that is laid out here, in Python, and a page whose blocks open and close.

    model.draw("lenet5.svg")                            # a file; in a notebook, model.draw() shows it
    model.draw(depth=1)                                 # layer1, layer2, ... as one box each
    model.draw("resnet50.html", collapse=["layer3.*"])  # to explore: a click opens or closes a block
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_atomically
from ..misuse import is_int
from .drawing.page import page
from .drawing.svg import sheet, svg
from .drawing.tree import Block, Run, block_tree
from .drawing.view import Viewer
from .drawing.words import shape_at, shape_words

if TYPE_CHECKING:
    from .graph import Graph

READABLE = 60           # how many boxes a drawing has by default, if blocks can be closed to get there
BARE = 12               # up to how many are so few that one of several blocks alike is opened
SUFFIXES = (".svg", ".html", ".png")


class Drawing:
    """A drawn graph: `str(drawing)` is the SVG, a notebook shows it, `drawing.save(path)` writes it."""

    def __init__(self, viewer: Viewer, closed: frozenset[str], title: str = ""):
        self._viewer, self._closed = viewer, closed
        self.title, self._heading = title or f"Graph of {len(viewer.graph.nodes)} nodes", bool(title)
        self.description = description(viewer)
        self._view = viewer.view(closed)
        self._svg = svg(self._view, self.title, self.description, heading=self._heading)

    def __str__(self) -> str:
        return self._svg

    def __repr__(self) -> str:
        width, height = self.size
        return f"Drawing({self.title}: {self.boxes} boxes, {width} x {height} pixels)"

    @property
    def boxes(self) -> int:
        """How many boxes are drawn, closed blocks and outputs among them."""
        return len(self._view.units)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the SVG in pixels, with margins, heading and legend."""
        return sheet(self._view, self.title, self._heading).size

    def _repr_svg_(self) -> str:
        return self._svg

    def to_html(self) -> str:
        """A page with the drawing whose blocks open and close on a click or with the Enter key; complete in one text.

        Opening a block keeps the others as they were asked for; "open all" and "close all" are there too.
        """
        return page(self._viewer, self._closed, self.title, self.description)

    def to_png(self, scale: float = 2) -> bytes:
        """The picture in pixels, `scale` of them for each of the SVG's. ImportError without resvg-py."""
        try:
            from resvg_py import svg_to_bytes
        except ImportError as error:
            raise ImportError('a drawing becomes a PNG with resvg-py: pip install "minigrad[draw]"; .svg and .html '
                              "need nothing") from error
        return bytes(svg_to_bytes(svg_string=self._svg, zoom=scale))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to `path`, whole or not at all: .svg; .html, the page of `to_html`; .png (needs resvg-py).

        ValueError for another suffix; OSError, naming the file, where it cannot be written.
        """
        path = Path(path)
        suffix = check_suffix(path)
        content = self.to_png() if suffix == ".png" else (self.to_html() if suffix == ".html" else str(self)).encode()
        try:
            write_atomically(path, lambda temporary: temporary.write_bytes(content))
        except OSError as error:
            raise type(error)(f"{path}: the drawing cannot be written ({error.strerror or error})") from error


def draw(graph: Graph, path: str | os.PathLike[str] | None = None, *, collapse: str | Sequence[str] | None = None,
         depth: int | None = None, direction: str = "down", shapes: str = "changes", runs: bool = True,
         title: str = "") -> Drawing:
    """The graph as a `Drawing`: boxes for its nodes, in frames those whose names share a dotted prefix (a block).

    path: where to save it, .svg, .html (blocks open and close on a click) or .png.
    collapse: names of blocks that are drawn closed, as one box; "layer2.*" means all blocks inside layer2.
    depth: how many names of a path are shown: with 1, layer1 is one box; with 2 it is open and layer1.0 one box.
    Without either, blocks are closed from the inside out until there are at most 60 boxes (of a stack of layers all
        alike the first is open); `collapse=()` opens all.
    direction: "down" or "right".
    shapes: at which results their shape is written, the batch as n and an open axis as ?: "changes", where it is not
        that of an input of the node; "all"; "none". Pointing at a box or an arrow head shows all there is to say.
    runs: draw three and more closed blocks alike that follow each other as one box, "5 x 10 nodes".
    title: written above.

    Raises TypeError and ValueError for options that are none of these, and for a block that is not there.
    """
    check_options(direction, shapes, depth)
    if path is not None:
        check_suffix(Path(path))
    tree = block_tree(graph)
    viewer = Viewer(graph, tree, direction, shapes, runs)
    usual = collapse is None and depth is None
    drawing = Drawing(viewer, usual_blocks(viewer) if usual else closed_blocks(tree, collapse, depth), title)
    if path is not None:
        drawing.save(path)
    return drawing


# --- options --------------------------------------------------------------------------------------------------

def check_options(direction: str, shapes: str, depth: int | None) -> None:
    for name, value, legal in (("direction", direction, ("down", "right")),
                               ("shapes", shapes, ("changes", "all", "none"))):
        if value not in legal:
            raise ValueError(f"draw: {name} must be one of {', '.join(map(repr, legal))}, {value!r} came")
    if depth is not None and not is_int(depth):
        raise TypeError(f"draw: depth must be a whole number, the names of a path to show, {depth!r} came")
    if depth is not None and depth < 1:
        raise ValueError(f"draw: depth must be at least 1, the first name of each path, {depth} came")


def check_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a drawing is saved as {', '.join(SUFFIXES)}, the suffix {suffix!r} came")
    return suffix


def closed_blocks(tree: Block, collapse: str | Sequence[str] | None, depth: int | None) -> frozenset[str]:
    """The keys of the blocks that shall be closed."""
    blocks = list(tree.blocks())
    found = {block.key for block in blocks if depth is not None and block.level >= depth}
    for pattern in [collapse] if isinstance(collapse, str) else collapse or ():
        if not isinstance(pattern, str):
            raise TypeError(f"draw: collapse must be names of blocks, {type(pattern).__name__} came among them")
        matching = {block.key for block in blocks if fnmatchcase(block.prefix, pattern)}
        if not matching:
            names = list(dict.fromkeys([block.prefix for block in blocks]))
            near = get_close_matches(pattern, names, 3) or names[:8]
            raise ValueError(f"draw: collapse has {pattern!r}, no block is called that; "
                             + (f"there are {', '.join(near)}" if near else "this graph has none: no names with dots"))
        found |= matching
    return frozenset(found)


def usual_blocks(viewer: Viewer) -> frozenset[str]:
    """Those of the deepest levels, as few as are needed for a drawing that can be read at a glance.

    If next to nothing is left then, because blocks alike are drawn as one, the first of these is open.
    """
    tree = viewer.tree
    blocks = list(tree.blocks())
    levels = sorted({block.level for block in blocks})
    depth = max([level + 1 for level in levels], default=1)
    while depth > min(levels, default=1) and shown_at(tree, depth) > READABLE:
        depth -= 1
    closed = frozenset([block.key for block in blocks if block.level >= depth])
    shown = [part for _, part, _ in viewer.visible(tree, closed, frozenset(), ())]
    if len(shown) > BARE:
        return closed
    firsts = [part.blocks[0] for part in shown if isinstance(part, Run)]
    return closed - {block.key for block in firsts if shown_at(block, depth + 1) <= READABLE}


def shown_at(block: Block, depth: int) -> int:
    """How many boxes there are if blocks of that level and deeper ones are closed."""
    return sum([1 if not isinstance(part, Block) or part.level >= depth else shown_at(part, depth)
                for part in block.children])


def description(viewer: Viewer) -> str:
    """What the graph takes and gives, in a sentence."""
    graph, by_name = viewer.graph, viewer.by_name
    takes = [f"{name} ({shape_words(by_name[name].shape)})" for name in graph.inputs]
    gives = [f"{output.name or 'output'} ({shape_words(shape_at(by_name[output.node], output.path))})"
             for output in viewer.outputs]
    return (f"{len(graph.nodes)} nodes, {viewer.count(graph.nodes):,} parameters; from {', '.join(takes)} "
            f"to {', '.join(gives)}.")
