"""What one picture of a graph shows: boxes for nodes, closed blocks and outputs, frames for open blocks, wires."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from ...nn.module import Module
from ..layout import Edge, Layout, layout
from .text import shortened, text_width
from .tree import Block, Run, new_key, runs_of
from .words import all_words, family_of, is_frozen, parameters_in, plain_words, shape_at, shape_words

if TYPE_CHECKING:
    from ..graph import Graph
    from ..node import Node

NAME, SMALL = 12, 10.5                  # font sizes
WIDEST, NARROWEST = 200, 96             # of boxes with two lines
ICON = 17                               # what the sign before a name takes
PAD = 9                                 # between a box's border and its text


@dataclass
class Output:
    """Where a value leaves the graph."""

    key: str
    name: str
    node: str
    path: tuple[int, ...]
    train_only: bool = False


@dataclass
class Unit:
    """One box: what is written in it, and its size."""

    key: str
    family: str                         # of words.FILES, or "input", "output", "block"
    name: str
    side: str = ""                      # at the right of the name: a number of parameters, "= fc" for shared weights
    words: str = ""                     # the second line
    whole: str = ""                     # all there is to say, for those who point at it
    shared: bool = False                # the weights are another node's
    names: list[str] = field(default_factory=list)      # of the nodes that it stands for
    width: float = 0
    height: float = 0


@dataclass
class Frame:
    """An open block: its heading, and all there is to say."""

    key: str
    name: str
    whole: str
    button: bool = False


@dataclass
class Wire:
    """An edge, and the shape written at it ("" for none)."""

    edge: Edge
    label: str
    whole: str


@dataclass
class View:
    """One state of the picture."""

    units: dict[str, Unit]
    frames: dict[str, Frame]            # the open blocks by key
    runs: dict[str, Run]                # what the boxes that stand for several blocks stand for
    order: list[tuple[str, bool]]       # (key, whether it is a frame) in the order in which the nodes run
    wires: list[Wire]
    layout: Layout


class Viewer:
    """Views of one graph; which blocks are open differs. buttons: headings have a sign that closes the block."""

    def __init__(self, graph: Graph, tree: Block, direction: str = "down", shapes: str = "changes",
                 runs: bool = True, buttons: bool = False):
        self.graph, self.tree, self.direction, self.shapes, self.runs = graph, tree, direction, shapes, runs
        self.buttons = buttons
        self.outputs = list(outputs_of(graph))
        self.by_name = {node.name: node for node in graph.nodes}
        self.numbers = {node.name: {id(p): p.data.size for p in parameters_in(node)} for node in graph.nodes}
        self.owners = self.find_owners()
        self.takers: dict[str, set[str]] = {}
        for node in graph.nodes:
            for name in node.inputs:
                self.takers.setdefault(name, set()).add(node.name)
        for output in self.outputs:
            self.takers.setdefault(output.node, set()).add(output.key)

    def with_buttons(self) -> Viewer:
        other = copy(self)
        other.buttons = True
        return other

    def find_owners(self) -> dict[str, str]:
        """Node -> the first node whose layer, one with parameters, it uses again; itself, if it is that."""
        first: dict[int, str] = {}
        return {node.name: first.setdefault(id(node.what), node.name) for node in self.graph.nodes
                if isinstance(node.what, Module) and self.numbers[node.name]}

    def count(self, nodes: Sequence[Node]) -> int:
        """How many numbers these nodes learn, those that they share once."""
        return sum({key: size for node in nodes for key, size in self.numbers[node.name].items()}.values())

    def view(self, closed: Set[str], apart: Set[str] = frozenset()) -> View:
        """The picture in which the blocks with these keys are closed, those of `apart` not drawn as one."""
        units: dict[str, Unit] = {}
        frames: dict[str, Frame] = {}
        runs: dict[str, Run] = {}
        order: list[tuple[str, bool]] = []
        around: dict[Hashable, tuple] = {}
        home: dict[str, str] = {}               # node -> the unit that shows it
        for key, part, path in self.visible(self.tree, closed, apart, ()):
            prefix = path[-1].prefix if path else ""
            order.append((key, isinstance(part, Block) and key not in closed))
            if isinstance(part, Run):
                runs[key] = part
            if order[-1][1] and isinstance(part, Block):
                name = shortened(within(prefix, part.prefix), 170, NAME, True)
                frames[key] = Frame(key, name, self.block_unit(key, part).whole, self.buttons)
            else:
                units[key] = self.unit(key, part, prefix)
                around[key] = tuple([block.key for block in path])
                home.update(dict.fromkeys(units[key].names, key))
        for output in self.outputs:
            order.append((output.key, False))
            units[output.key] = output_unit(output)
        set_sizes(units)
        wires = self.wires(units, home)
        headings = {key: (ceil(text_width(frame.name, NAME, True)) + ICON * self.buttons, 18)
                    for key, frame in frames.items()}
        placed = layout({key: (unit.width, unit.height) for key, unit in units.items()}, [w.edge for w in wires],
                        blocks=around, headings=headings, direction=self.direction)
        return View(units, frames, runs, order, wires, placed)

    def visible(self, block: Block, closed: Set[str], apart: Set[str], path: tuple[Block, ...]
                ) -> Iterator[tuple[str, Block | Run | Node, tuple[Block, ...]]]:
        """(key, node or block or run, the open blocks around) of all that is shown, outer ones first."""
        parts = runs_of(block.children, closed - apart, self.takers) if self.runs else block.children
        for part in parts:
            key = part.key if isinstance(part, (Block, Run)) else part.name
            yield key, part, path
            if isinstance(part, Block) and key not in closed:
                yield from self.visible(part, closed, apart, (*path, part))

    def unit(self, key: str, part: Node | Block | Run, around: str) -> Unit:
        """The box of a node, or of a closed block in the block `around`."""
        if isinstance(part, (Block, Run)):
            unit = self.block_unit(key, part)
            unit.name = within(around, unit.name)
            return unit
        unit = self.node_unit(key, part)
        unit.name = within(around, part.name)
        return unit

    def node_unit(self, key: str, node: Node) -> Unit:
        words, count = plain_words(node), self.count([node])
        unit = Unit(key, family_of(node), node.name, f"{count:,}" if count else "", words, all_words(node, count),
                    names=[node.name])
        owner = self.owners.get(key, key)
        if owner != key:
            unit.side, unit.shared = f"= {owner}", True
            unit.whole += f"\nshares its weights with {owner}"
        if node.what is None or node.name in self.graph.inputs:
            unit.family, unit.side, unit.words, unit.shared = "input", "", "input", False
        stem = node.name.split(".")[-1].rstrip("0123456789").rstrip("_").lower()
        if stem == words.lower():
            unit.words = ""
        if is_frozen(node):
            unit.words = f"{words}, frozen"
        return unit

    def block_unit(self, key: str, part: Block | Run) -> Unit:
        """The box of a closed block, or of several alike that follow each other."""
        nodes = part.nodes()
        several = len(part.blocks) if isinstance(part, Run) else 1
        count = self.count(nodes)
        words = f"{several} \u00d7 {len(nodes) // several} nodes" if several > 1 else f"{len(nodes)} nodes"
        whole = f"{part.prefix}\n{words}\n" + f"{count:,} parameters\n" * bool(count) + \
            ", ".join(dict.fromkeys([node.kind for node in nodes]))
        return Unit(key, "block", part.prefix, f"{count:,}" if count else "", words, whole,
                    names=[node.name for node in nodes])

    # --- wires ---------------------------------------------------------------------------------------------
    def wires(self, units: Mapping[str, Unit], home: Mapping[str, str]) -> list[Wire]:
        """Between the units, each value and taker once; each value's shape once, where it is new."""
        found: dict[tuple, tuple[str, list[str]]] = {}
        inside = {name: node for name, node in self.by_name.items() if name not in self.graph.inputs}
        for name, node in inside.items():
            for ref in node.refs:
                self.note(found, home, ref.node, ref.path, home[name], name)
        for output in self.outputs:
            self.note(found, home, output.node, output.path, output.key, output.name)
        coming: dict[str, set[str]] = {}
        for (_, _, target), (shape, _) in found.items():
            coming.setdefault(target, set()).add(shape)
        wires, said = [], set()
        for (source, port, target), (shape, pairs) in found.items():
            new = (source, port) not in said and self.shapes != "none" and (
                self.shapes == "all" or shape not in coming.get(source, ()) or bool(place(port)))
            said.add((source, port))
            label = place(port) + shape if new else ""
            size = (ceil(text_width(label, SMALL)), 12) if label else (0, 0)
            wires.append(Wire(Edge(source, target, port, size), label, "\n".join([*pairs, shape])))
        return wires

    def note(self, found: dict, home: Mapping[str, str], source: str, path: tuple, target: str, taker: str) -> None:
        if home[source] == target:
            return
        shape = shape_words(shape_at(self.by_name[source], path))
        pairs = found.setdefault((home[source], (source, path), target), (shape, []))[1]
        text = f"{source}{place((source, path)).strip()} \u2192 {taker}"
        if text not in pairs:
            pairs.append(text)


def place(port: tuple) -> str:
    """Which of several results it is: "[1] "."""
    return "".join([f"[{i}]" for i in port[1]]) + " " * bool(port[1])


# --- boxes ----------------------------------------------------------------------------------------------------

def output_unit(output: Output) -> Unit:
    words = "output in training" if output.train_only else "output"
    name = output.name or "output"
    return Unit(output.key, "output", name, "", words if output.name else "", f"{name}\n{words} {output.node}")


def outputs_of(graph: Graph) -> Iterator[Output]:
    """What the graph gives, in order: named if they are, numbered if they are several."""
    def walk(x: Any, name: str) -> Iterator[tuple[str, Any]]:
        if isinstance(x, dict):
            for key, part in x.items():
                yield from walk(part, f"{name}.{key}".lstrip("."))
        elif isinstance(x, (tuple, list)):
            for i, part in enumerate(x):
                yield from walk(part, f"{name}[{i}]")
        else:
            yield name, x
    used = {node.name for node in graph.nodes}
    for i, (name, ref) in enumerate(walk(graph.outputs, "")):
        shown = f"output {name[1:-1]}" if name.startswith("[") else name
        yield Output(new_key(f"output {i}: {name}", used), shown, ref.node, ref.path, name in graph.train_only)


def within(around: str, name: str) -> str:
    """A name in the block `around`, whose own stands above it; before a mere number the block's last name: layer1.0."""
    if not around or not name.startswith(around + "."):
        return name
    own = name[len(around) + 1:]
    return own if not own[:1].isdigit() else around.rpartition(".")[2] + "." + own


def set_sizes(units: Mapping[str, Unit]) -> None:
    """Boxes with two lines are all of one width, others as wide as they need to be. Texts that do not fit are cut."""
    for unit in units.values():
        unit.height = 40 if two_lines(unit) else 26
        unit.width = min(WIDEST, max(64, natural_width(unit)))
    common = max([unit.width for unit in units.values() if two_lines(unit)], default=NARROWEST)
    for unit in units.values():
        if two_lines(unit):
            unit.width = max(common, NARROWEST)
        room = unit.width - 2 * PAD - (ICON if has_icon(unit) else 0)
        if unit.shared:
            unit.side = shortened(unit.side, room / 2, SMALL)
        unit.name = shortened(unit.name, room - side_room(unit), NAME, True)
        unit.words = shortened(unit.words, room, SMALL)


def two_lines(unit: Unit) -> bool:
    return bool(unit.words) and unit.family not in ("input", "output")


def has_icon(unit: Unit) -> bool:
    return unit.family not in ("input", "output")


def side_room(unit: Unit) -> float:
    """What stands right of the name takes: in one line that is the word "input" or "output" too."""
    text = unit.side or (unit.words if not two_lines(unit) else "")
    return text_width(text, SMALL) + 8 if text else 0


def natural_width(unit: Unit) -> float:
    first = text_width(unit.name, NAME, True) + side_room(unit)
    second = text_width(unit.words, SMALL) if two_lines(unit) else 0
    return 2 * ceil((max(first, second) + 2 * PAD + (ICON if has_icon(unit) else 0)) / 2)
