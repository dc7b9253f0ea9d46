"""Blocks within blocks: each is laid out by itself, innermost first, and is one item of the level around it.

A wire that leaves or enters a block does so at a port in its border: one for each value.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from .level import Level, Placed
from .parts import Box, Edge, Item, Net, Point, Port, Size, Spacing

Path = tuple[Hashable, ...]             # blocks around a node, outermost first
LABEL = 5                               # pixels between a wire and the label at it


@dataclass
class Layout:
    """Coordinates in pixels, the origin in the upper left corner.

    boxes: node -> where it is. frames: block -> its border. routes: for every edge, in their order, the corners of its
    wire. labels: (node, port) -> the place of its label.
    """

    width: float
    height: float
    boxes: dict[Hashable, Box] = field(default_factory=dict)
    frames: dict[Hashable, Box] = field(default_factory=dict)
    routes: list[list[Point]] = field(default_factory=list)
    labels: dict[Net, Box] = field(default_factory=dict)


def layout(nodes: Mapping[Any, Size], edges: Sequence[Edge], *, blocks: Mapping[Any, Path] | None = None,
           headings: Mapping[Any, Size] | None = None, direction: str = "down",
           spacing: Spacing | None = None) -> Layout:
    """Lay out a directed acyclic graph in rows.

    nodes: node -> (width, height). Among equals they keep this order, from left to right.
    edges: from a node to another, each pair and port once.
    blocks: node -> the blocks around it, outermost first. What they hold is put into a frame.
    headings: block -> (width, height) of what is kept free at the top left of its frame.
    direction: where the wires go, "down" or "right".

    Boxes and labels do not overlap; a node that needs more room for the ends of its wires is made wider. Wires run
    around boxes and labels, horizontally and vertically; where several are so tangled that no track is free, one of
    them slants. Each value leaves its node once and forks.

    Raises ValueError for a cycle, also of blocks (a path that leaves a block must not come back to it), and for an edge
    to a node that is not there.
    """
    if direction not in ("down", "right"):
        raise ValueError(f"layout: direction must be 'down' or 'right', {direction!r} came")
    for edge in edges:
        for end in edge.source, edge.target:
            if end not in nodes:
                raise ValueError(f"layout: an edge names {end!r}, which is not among the nodes")
    engine = Engine(nodes, edges, blocks or {}, headings or {}, direction == "right", spacing or Spacing())
    return engine.layout()


class Engine:
    """One layout in the making. It works downwards; for "right" sizes and coordinates are mirrored at the diagonal."""

    def __init__(self, nodes: Mapping[Hashable, Size], edges: Sequence[Edge], blocks: Mapping[Hashable, Path],
                 headings: Mapping[Hashable, Size], turned: bool, spacing: Spacing):
        self.nodes, self.edges, self.headings, self.turned, self.spacing = nodes, edges, headings, turned, spacing
        self.paths = {node: tuple(blocks.get(node, ())) for node in nodes}
        self.inside: dict[Hashable, dict[Hashable, bool]] = {None: {}}      # block -> what is in it -> whether a block
        for node, path in self.paths.items():
            around = None
            for block in path:
                self.inside.setdefault(around, {})[block] = True
                around = block
            self.inside.setdefault(around, {})[node] = False
        self.nets: dict[Hashable, dict[Net, tuple[Hashable, list[Hashable]]]] = {block: {} for block in self.inside}
        self.ways: list[list[tuple[Hashable, Net, Hashable]]] = [self.lead(edge) for edge in edges]
        self.placed: dict[Hashable, Placed] = {}
        self.children: dict[Hashable, list[Item]] = {}
        self.labels: dict[Net, Size] = {}
        self.margins: dict[Hashable, Point] = {None: (0, 0)}
        self.starts: dict[Hashable, list[Edge]] = {}
        self.ends: dict[Hashable, list[Edge]] = {}
        for edge in edges:
            self.starts.setdefault(edge.source, []).append(edge)
            self.ends.setdefault(edge.target, []).append(edge)

    def lead(self, edge: Edge) -> list[tuple[Hashable, Net, Hashable]]:
        """The parts of an edge's wire, (block, value, where it goes within that block); they are noted in `nets`."""
        net = edge.source, edge.port
        out, into = (*self.paths[edge.source], edge.source), (*self.paths[edge.target], edge.target)
        common = 0
        while common < min(len(out), len(into)) - 1 and out[common] == into[common]:
            common += 1
        parts: list[tuple[Hashable, Hashable, Hashable]] = []
        for depth in range(len(out) - 1, common, -1):                       # up to the block that both are in
            parts.append((out[depth - 1], out[depth], Port("out", net)))
        parts.append((out[common - 1] if common else None, out[common], into[common]))
        for depth in range(common + 1, len(into)):                          # and down again
            parts.append((into[depth - 1], Port("in", net), into[depth]))
        for block, maker, taker in parts:
            takers = self.nets[block].setdefault(net, (maker, []))[1]
            if taker not in takers:
                takers.append(taker)
        return [(block, net, taker) for block, _, taker in parts]

    # --- inwards out: sizes --------------------------------------------------------------------------------
    def layout(self) -> Layout:
        items = self.place(None)
        placed = self.placed[None]
        found = Layout(placed.width, placed.height)
        origins: dict[Hashable, Point] = {None: (0.0, 0.0)}
        self.collect(None, items, origins, found)
        found.routes = [smooth(self.joined(way, origins)) for way in self.ways]
        if self.turned:
            turn(found)
        return found

    def place(self, block: Hashable) -> list[Item]:
        """Lay out what is in a block, and what is in that; the items of the block."""
        items = [self.block_item(key) if is_block else self.node_item(key)
                 for key, is_block in self.inside[block].items()]
        nets = self.nets[block]
        ports = {key: None for maker, takers in nets.values() for key in (maker, *takers) if isinstance(key, Port)}
        items = [*[port_item(port) for port in ports if port.side == "in"], *items,
                 *[port_item(port) for port in ports if port.side == "out"]]
        index = {item.key: i for i, item in enumerate(items)}
        across, along = self.heading(block)
        numbered = {net: (index[maker], [index[key] for key in takers]) for net, (maker, takers) in nets.items()}
        self.placed[block] = Level(items, numbered, self.spacing, 0 if self.turned else along).place()
        self.children[block] = items
        return items

    def heading(self, block: Hashable) -> Size:
        """(width, height) that a block's heading needs; 0, 0 without one."""
        return self.headings.get(block, (0, 0)) if block is not None else (0, 0)

    def node_item(self, key: Hashable) -> Item:
        width, height = self.nodes[key]
        if self.turned:
            width, height = height, width
        takes = len({(edge.source, edge.port) for edge in self.ends.get(key, ())})
        room = 16 + 14 * (takes - 1) if takes > 1 else 0                # for the ends of wires, side by side
        item = Item(key, even(max(width, room)), ceil(height))
        labels: dict[Net, Size] = {}
        for edge in self.starts.get(key, ()):
            net = edge.source, edge.port
            if net not in labels or labels[net] == (0, 0):
                labels[net] = edge.label
        self.set_outs(item, labels)
        return item

    def set_outs(self, item: Item, labels: Mapping[Net, Size]) -> None:
        """Places for the wires that start at an item, each with its label beside it."""
        across = {net: (h + 2 if self.turned else w + LABEL) if w else 0 for net, (w, h) in labels.items()}
        along = max([(w + LABEL + 3 if self.turned else h + 2) if w else 0 for w, h in labels.values()], default=0)
        x = room = 0.0
        places: dict[Net, float] = {}
        for net in labels:
            if places:
                x += max(self.spacing.wires, ceil(across[net] if self.turned else room) + 8)
            places[net], room = x, across[net]
        item.width = max(item.width, even(x + 16) if x else 0)
        item.outs = {net: at - x / 2 for net, at in places.items()}
        item.before = item.after = item.width / 2
        for net, at in item.outs.items():
            item.before = max(item.before, across[net] - at) if self.turned else item.before
            item.after = max(item.after, across[net] + at) if not self.turned else item.after
        item.before, item.after, item.depth = ceil(item.before), ceil(item.after), item.height + ceil(along)
        self.labels.update({net: size for net, size in labels.items() if size[0]})

    def block_item(self, key: Hashable) -> Item:
        """A block as an item of the level around it."""
        items = self.place(key)
        placed, pad = self.placed[key], self.spacing.pad
        ins, outs = [{item.key.net: placed.places[item.key][0] for item in items
                      if isinstance(item.key, Port) and item.key.side == side} for side in ("in", "out")]
        across, along = self.heading(key)
        if self.turned:                                                 # the heading is beside what is in it
            left, width = pad + along, placed.width
            height = max(placed.height, across + 2 * pad)
        else:                                                           # and here left of the wires that come in
            left = max(pad, across + 2 * pad - min(ins.values(), default=across + 2 * pad))
            width, height = max(placed.width, across + pad - left), placed.height
        item = Item(key, even(left + width + pad), ceil(height))
        self.margins[key] = left, 0.0
        item.ins = {net: x + left - item.width / 2 for net, x in ins.items()}
        item.outs = {net: x + left - item.width / 2 for net, x in outs.items()}
        item.before = item.after = item.width / 2
        item.depth = item.height
        return item

    # --- outwards in: coordinates --------------------------------------------------------------------------
    def collect(self, block: Hashable, items: Sequence[Item], origins: dict[Hashable, Point], found: Layout) -> None:
        """The boxes, frames and labels within a block whose contents begin at its origin."""
        x0, y0 = origins[block]
        for item in items:
            x, y = self.placed[block].places.get(item.key, (0, 0))
            box = Box(x0 + x, y0 + y, item.width, item.height)
            if item.border:
                continue
            if item.key in self.children:
                left, top = self.margins[item.key]
                found.frames[item.key] = box
                origins[item.key] = box.x + left, box.y + top
                self.collect(item.key, self.children[item.key], origins, found)
            else:
                found.boxes[item.key] = box
                for net, at in item.outs.items():
                    if net in self.labels:
                        found.labels[net] = self.label_box(net, box, at)

    def label_box(self, net: Net, box: Box, at: float) -> Box:
        """Right of a wire that goes down, above one that goes right."""
        width, height = self.labels[net]
        port = box.x + box.width / 2 + at
        if self.turned:
            return Box(port - height - 2, box.y + box.height + LABEL, height, width)
        return Box(port + LABEL, box.y + box.height + 2, width, height)

    def joined(self, way: Sequence[tuple[Hashable, Net, Hashable]], origins: Mapping[Hashable, Point]) -> list[Point]:
        points: list[Point] = []
        for block, net, taker in way:
            x0, y0 = origins[block]
            points += [(x0 + x, y0 + y) for x, y in self.placed[block].routes[net, taker]]
        return points


def port_item(port: Port) -> Item:
    item = Item(port, 0, 0, border=port.side)
    if port.side == "in":
        item.outs = {port.net: 0.0}
    else:
        item.ins = {port.net: 0.0}
    return item


def even(width: float) -> float:
    return 2 * ceil(width / 2)


def smooth(points: Sequence[Point]) -> list[Point]:
    """Without points that repeat the last one, or lie between their neighbours on a straight line."""
    kept: list[Point] = []
    for x, y in points:
        if kept and abs(kept[-1][0] - x) < 1e-6 and abs(kept[-1][1] - y) < 1e-6:
            continue
        if len(kept) > 1 and any([kept[-2][i] == kept[-1][i] == (x, y)[i] for i in (0, 1)]):
            kept.pop()
        kept.append((x, y))
    return kept


def turn(found: Layout) -> None:
    """Mirror all at the diagonal."""
    found.width, found.height = found.height, found.width
    found.boxes = {key: box.turned() for key, box in found.boxes.items()}
    found.frames = {key: box.turned() for key, box in found.frames.items()}
    found.labels = {net: box.turned() for net, box in found.labels.items()}
    found.routes = [[(y, x) for x, y in route] for route in found.routes]
