"""The layout of one level: items of fixed sizes and the wires between them, blocks not looked into."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from .columns import set_columns
from .order import SOLID, reduce_crossings
from .parts import Element, Item, Net, Point, Segment, Spacing
from .ranks import set_rows, sorted_by_wires
from .wires import Wire, all_entries, gap_height, track_y, wires_below


@dataclass
class Placed:
    """Where all is, from the upper left corner of what is there."""

    width: float
    height: float
    places: dict[Hashable, Point]                           # item -> its upper left corner
    routes: dict[tuple[Net, Hashable], list[Point]]         # (net, who takes it) -> from border to border


class Level:
    """One level while it is laid out. nets: value -> (who makes it, who take it), as positions in `items`.

    header: what is kept free of horizontal wires below the first row.
    """

    def __init__(self, items: Sequence[Item], nets: Mapping[Net, tuple[int, list[int]]], spacing: Spacing,
                 header: float = 0):
        self.items, self.nets, self.spacing, self.header = items, nets, spacing, header
        pairs = {(a, b): None for a, takers in nets.values() for b in takers}
        self.above: dict[int, list[int]] = {i: [] for i in range(len(items))}
        self.below: dict[int, list[int]] = {i: [] for i in range(len(items))}
        for a, b in pairs:
            self.above[b].append(a)
            self.below[a].append(b)
        self.order = sorted_by_wires(len(items), list(pairs), [item.key for item in items])
        self.position = {i: n for n, i in enumerate(self.order)}
        self.index = {id(item): i for i, item in enumerate(items)}
        self.rows: list[list[Element]] = []
        self.first: list[int] = []                              # of every item, the row where it begins,
        self.pieces: list[list[Element]] = []                   # and its elements

    def place(self) -> Placed:
        self.make_rows()
        if self.span():                         # tall items beside others: they span rows
            self.make_rows()
            if reduce_crossings(self.rows) >= SOLID:
                for item in self.items:
                    item.rows = 1
                self.make_rows()
                reduce_crossings(self.rows)
        else:
            reduce_crossings(self.rows)
        main = main_lines(self.items, self.first, self.above, self.below)
        set_columns(self.rows, main, self.spacing)
        all_entries(self.rows, self.spacing)
        return self.finished()

    # --- rows ----------------------------------------------------------------------------------------------
    def make_rows(self) -> None:
        """The elements of every row: items, pieces of tall ones, passing wires; and the segments between them."""
        self.first = set_rows(self.items, self.order, self.above, self.below)
        count = max([r + item.rows for r, item in zip(self.first, self.items, strict=True)], default=0)
        self.rows = [[] for _ in range(count)]
        self.pieces = [[self.element(r + k, item, None) for k in range(item.rows)]
                       for r, item in zip(self.first, self.items, strict=True)]
        for pieces in self.pieces:
            for a, b in zip(pieces, pieces[1:], strict=False):
                Segment(a, b, None)
        for net, (maker, takers) in sorted(self.nets.items(), key=lambda n: self.position[n[1][0]]):
            self.lead(net, maker, sorted(takers, key=self.position.__getitem__))
        for row in self.rows:
            for element in row:
                element.downs.sort(key=self.walk_key)

    def element(self, row: int, item: Item | None, net: Net | None) -> Element:
        before, after = (item.before, item.after) if item is not None else (2, 2)
        found = Element(row, item, net, before, after)
        found.mates = self.rows[row]
        self.rows[row].append(found)
        return found

    def lead(self, net: Net, maker: int, takers: Sequence[int]) -> None:
        """The wires of one value: one down to the row above the last who takes it, others off it."""
        at = self.pieces[maker][-1]
        for row in range(at.row + 1, max([self.first[i] for i in takers]) + 1):
            for i in takers:
                if self.first[i] == row:
                    Segment(at, self.pieces[i][0], net)
            if any([self.first[i] > row for i in takers]):
                following = self.element(row, None, net)
                Segment(at, following, net)
                at = following

    def walk_key(self, segment: Segment) -> tuple[int, int]:
        """Items in their order, wires that pass after them."""
        item = segment.lower.item
        return (1, 0) if item is None else (0, self.position[self.index[id(item)]])

    def span(self) -> bool:
        """Let items much taller than a row span several, if others stand beside them; whether there are any."""
        if not any([len([e for e in row if e.item is not None and not e.item.border]) > 1 for row in self.rows]):
            return False
        usual = median([item.depth for item in self.items if not item.border]) if self.items else 0
        low = min(usual, 60) + self.spacing.rows
        for item in self.items:
            item.rows = max(1, ceil((item.depth + self.spacing.rows) / low)) if not item.border else 1
        return any([item.rows > 1 for item in self.items])

    # --- coordinates ---------------------------------------------------------------------------------------
    def finished(self) -> Placed:
        wires = [wires_below(row) for row in self.rows]
        gaps = [gap_height(found, self.spacing) for found in wires]
        if gaps:
            gaps[0] += self.header
        tops, bottom = self.heights(gaps)
        leads = [self.header if r == 0 else 0 for r in range(len(self.rows))]
        turns = [{wire.net: (wire, below + lead + track_y(wire, self.spacing)) for wire in found}
                 for found, below, lead in zip(wires, bottom, leads, strict=True)]
        places = {}
        for item, pieces in zip(self.items, self.pieces, strict=True):
            places[item.key] = (pieces[0].x - item.width / 2, tops[pieces[0].row])
        width = max([e.x + e.after for row in self.rows for e in row], default=0)
        routes = {}
        for net, (maker, takers) in self.nets.items():
            for i in takers:
                routes[net, self.items[i].key] = self.route(net, maker, i, tops, bottom, turns)
        return Placed(width, bottom[-1] if bottom else 0, places, routes)

    def heights(self, gaps: Sequence[float]) -> tuple[list[float], list[float]]:
        """Where each row begins and ends."""
        tops, bottom = [], []
        y = 0.0
        for row, gap in zip(self.rows, gaps, strict=True):
            tops.append(y)
            end = y
            for element in row:
                item = element.item
                if item is not None and element is self.pieces[self.index[id(item)]][-1]:
                    end = max(end, tops[self.first[self.index[id(item)]]] + item.depth)
            bottom.append(end)
            y = end + gap
        return tops, bottom

    def route(self, net: Net, maker: int, taker: int, tops: Sequence[float], bottom: Sequence[float],
              turns: Sequence[Mapping[Net, tuple[Wire, float]]]) -> list[Point]:
        """From the maker's border to the taker's."""
        item, last = self.items[maker], self.pieces[maker][-1]
        path = [s for s in self.pieces[taker][0].ups if s.net == net]
        while path[-1].upper is not last:
            path.append(next(s for s in path[-1].upper.ups))
        points = [(last.x + item.outs[net], tops[self.first[maker]] + item.height)]
        for s in reversed(path):
            x1, x2 = s.upper.x + s.start, s.lower.x + s.end
            wire, y = turns[s.upper.row][net]
            if abs(x1 - x2) < 0.5:
                continue
            if wire.track is None:              # no track is free of others
                points += [(x1, bottom[s.upper.row] + 2), (x2, tops[s.lower.row] - 10)]
            else:
                points += [(x1, y), (x2, y)]
        return [*points, (path[0].lower.x + path[0].end, tops[path[0].lower.row])]


def main_lines(items: Sequence[Item], first: Sequence[int], above: Mapping[int, Sequence[int]],
               below: Mapping[int, Sequence[int]]) -> dict[int, set[int]]:
    """By id of an item, the ids of those below it on the same main line.

    Where ways part or join, the main line is the only one with items on it (the others are shortcuts), or the longer of
    two; of several equal ones there is none. Where all are shortcuts it is the shortest: a value that others use too.
    """
    ports = {i for i, item in enumerate(items) if item.border}

    def main(i: int, ends: Sequence[int], behind: Mapping[int, Sequence[int]], ahead: Mapping[int, Sequence[int]]
             ) -> int | None:
        if len(ends) < 2:
            return ends[0] if ends else None
        return chosen([(way_length(j, behind, ahead, ports), -abs(first[i] - first[j]), j) for j in ends])

    lines: dict[int, set[int]] = {id(item): set() for item in items}
    for i in range(len(items)):
        down = main(i, below[i], above, below)
        for j in below[i]:
            up = main(j, above[j], below, above)
            if up is None and items[j].ins is not None:         # a block has its ports where they are
                up = above[j][0]
            if j == down and i == up:
                lines[id(items[i])].add(id(items[j]))
    return lines


def chosen(ways: Sequence[tuple[int, int, int]]) -> int | None:
    """Of several ways, (items on it, nearness of its end, first item), the main line; None if there is none."""
    best, *others = sorted(ways, key=lambda way: way[:2], reverse=True)
    if best[0] == 0:
        return best[2] if all([best[1] > way[1] for way in others]) else None
    others = [way for way in others if way[0] > 0]
    return best[2] if not others or len(others) == 1 and best[0] > others[0][0] + 1 else None


def way_length(i: int, behind: Mapping[int, Sequence[int]], ahead: Mapping[int, Sequence[int]], ports: set[int]) -> int:
    """How many items stand in a line from i on; 0 if ways join there already, or the block ends."""
    length = 0
    while len(behind[i]) == 1 and i not in ports:
        length += 1
        if len(ahead[i]) != 1:
            return length + 3 * (len(ahead[i]) > 1)
        i = ahead[i][0]
    return length
