"""What a layout is made of, and the distances it keeps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Size = tuple[float, float]              # width, height
Point = tuple[float, float]
Net = tuple[Hashable, Hashable]         # (node, port): one value, with wires to all who take it


class Box(NamedTuple):
    """A rectangle; x and y of its upper left corner, y growing downwards."""

    x: float
    y: float
    width: float
    height: float

    def moved(self, dx: float, dy: float) -> Box:
        return self._replace(x=self.x + dx, y=self.y + dy)

    def turned(self) -> Box:
        """Mirrored at the diagonal: what pointed down points right."""
        return Box(self.y, self.x, self.height, self.width)


class Edge(NamedTuple):
    """A wire from one node to another.

    port: which of the source's results it carries; each has its own place on the source's border, in the order in which
    they come. label: (width, height) of a text at the wire's start; one for each port is placed.
    """

    source: Hashable
    target: Hashable
    port: Hashable = 0
    label: Size = (0, 0)


class Spacing(NamedTuple):
    """Distances in pixels."""

    boxes: int = 20         # between boxes side by side
    wires: int = 12         # between wires side by side, a wire and a box, the ends of wires on a border
    rows: int = 22          # between rows: room for an arrow head
    track: int = 9          # between horizontal parts of wires
    pad: int = 12           # between a block's border and what is in it


class Port(NamedTuple):
    """Where a value crosses a block's border: a key among those of nodes and blocks."""

    side: str               # "in" or "out"
    net: Net


@dataclass(eq=False)
class Item:
    """What stands in a row of one level: a node, a whole block, or a port in the border of the block around.

    outs: net -> where its wire starts, from the item's centre. ins: net -> where it ends; None: wherever it comes from.
    before, after: how far from its centre the item reaches, its labels included; depth: likewise along the flow.
    """

    key: Hashable
    width: float
    height: float
    outs: dict[Net, float] = field(default_factory=dict)
    ins: dict[Net, float] | None = None
    before: float = 0
    after: float = 0
    depth: float = 0
    rows: int = 1           # how many rows it spans
    border: str = ""        # of a port: its side


class Element:
    """One place of a row: (a piece of) an item, or a wire that passes."""

    __slots__ = ("row", "mates", "item", "net", "before", "after", "ups", "downs", "place", "chain", "shift", "x")

    def __init__(self, row: int, item: Item | None, net: Net | None, before: float, after: float):
        self.row, self.item, self.net, self.before, self.after = row, item, net, before, after
        self.mates: list[Element] = []      # its row
        self.ups: list[Segment] = []
        self.downs: list[Segment] = []
        self.place = 0                      # its number in its row
        self.chain = 0                      # which column of elements above each other it is in, and
        self.shift = 0.0                    # how far its centre is from that column's x
        self.x = 0.0


class Segment:
    """A part of a wire between neighbouring rows; between two pieces of one item: the item itself (net is None)."""

    __slots__ = ("upper", "lower", "net", "straight")

    def __init__(self, upper: Element, lower: Element, net: Net | None):
        self.upper, self.lower, self.net = upper, lower, net
        self.straight = False
        upper.downs.append(self)
        lower.ups.append(self)

    @property
    def start(self) -> float:
        """Where it leaves the upper element, from that one's centre."""
        item = self.upper.item
        return item.outs[self.net] if item is not None and self.net is not None else 0.0

    @property
    def end(self) -> float:
        """Where it enters the lower element; 0 where the item leaves that open."""
        item = self.lower.item
        return item.ins[self.net] if item is not None and item.ins and self.net in item.ins else 0.0

    @property
    def lean(self) -> float:
        """How far right of its upper end its lower end is."""
        return self.lower.x + self.end - self.upper.x - self.start


Rows = Sequence[list[Element]]
