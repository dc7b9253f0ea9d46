"""The ways of the wires between the rows: down, along a track, down. Each value has one track in a gap, from which all
who take it there are reached; tracks are ordered so that wires cross no more often than the order of the rows demands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .parts import Element, Net, Rows, Segment, Spacing

CORNER = 4              # pixels that two vertical parts must be apart to be told apart
FORBIDDEN = 1000        # what lying on each other counts, in crossings


@dataclass(eq=False)
class Wire:
    """The part of a value's wires in one gap: where it comes from above, where it goes to below, its track."""

    net: Net
    top: float
    bottoms: list[float] = field(default_factory=list)
    track: int | None = 0           # None: straight down, or where no track is free of others, slanting

    @property
    def ends(self) -> tuple[float, float]:
        return min(self.top, *self.bottoms), max(self.top, *self.bottoms)


def set_entries(row: list[Element], spacing: Spacing) -> None:
    """Where wires enter the items that leave it open: side by side in the order in which they come, a straight one in
    the middle of the border."""
    for element in row:
        item = element.item
        if item is None or item.ins is not None:
            continue
        ups = sorted([s for s in element.ups if s.net is not None], key=lambda s: s.upper.x + s.start)
        middle = next((i for i, s in enumerate(ups) if s.straight or abs(s.lean) < 0.5), (len(ups) - 1) / 2)
        reach = max(middle, len(ups) - 1 - middle)
        step = min(spacing.wires, (item.width / 2 - 8) / reach) if reach else 0.0
        item.ins = {s.net: (i - middle) * step for i, s in enumerate(ups) if s.net is not None}
        if len(ups) == 1 and not ups[0].straight:
            avoid(ups[0], spacing)


def avoid(segment: Segment, spacing: Spacing) -> None:
    """A single wire that would end right below where another one starts enters beside it."""
    item = segment.lower.item
    if item is None or item.ins is None or segment.net is None:
        return
    starts = [s.upper.x + s.start for e in segment.upper.mates for s in e.downs if s.net not in (segment.net, None)]
    for offset in (0, -1, 1, -2, 2):
        at = offset * spacing.wires / 2
        if abs(at) <= item.width / 2 - 8 and all([abs(segment.lower.x + at - x) >= CORNER for x in starts]):
            item.ins[segment.net] = at
            return


def wires_below(row: list[Element]) -> list[Wire]:
    """The wires between this row and the next, with their tracks."""
    found: dict[Net, Wire] = {}
    for element in row:
        for s in element.downs:
            if s.net is not None:
                wire = found.setdefault(s.net, Wire(s.net, element.x + s.start))
                wire.bottoms.append(s.lower.x + s.end)
    set_tracks(list(found.values()))
    return list(found.values())


def set_tracks(wires: Sequence[Wire]) -> None:
    bent: list[Wire] = []
    for wire in wires:
        if wire.ends[1] - wire.ends[0] < 0.5:
            wire.track = None
        else:
            bent.append(wire)
    cost = {(id(a), id(b)): above(a, b) for a in bent for b in bent if a is not b and overlap(a, b)}
    waiting = list(bent)
    placed: list[Wire] = []
    while waiting:                          # from the top: the one that suffers least from being above all that follow
        best = min(waiting, key=lambda a: sum([max(0, cost[id(a), id(b)] - cost[id(b), id(a)])
                                               for b in waiting if (id(a), id(b)) in cost]))
        waiting.remove(best)
        blocked = [a for a in placed if overlap(a, best)]
        if any([cost[id(a), id(best)] >= FORBIDDEN for a in blocked if a.track is not None]):
            best.track = None
        else:
            best.track = 1 + max([a.track for a in blocked if a.track is not None], default=-1)
        placed.append(best)


def overlap(a: Wire, b: Wire) -> bool:
    """Whether their horizontal parts cannot share a track."""
    return a.ends[0] < b.ends[1] + 2 * CORNER and b.ends[0] < a.ends[1] + 2 * CORNER


def above(a: Wire, b: Wire) -> int:
    """How often they cross if a's track is above b's; lying on each other is FORBIDDEN."""
    total = FORBIDDEN * any([abs(x - b.top) < CORNER for x in a.bottoms])
    total += a.ends[0] < b.top < a.ends[1]
    return total + sum([b.ends[0] < x < b.ends[1] for x in a.bottoms])


def gap_height(wires: Sequence[Wire], spacing: Spacing) -> float:
    tracks = 1 + max([wire.track for wire in wires if wire.track is not None], default=0)
    return spacing.rows + (tracks - 1) * spacing.track


def track_y(wire: Wire, spacing: Spacing) -> float:
    """How far below the upper row the wire turns: the first at a third of the gap, so that an arrow head has room."""
    return spacing.rows // 3 + 1 + (wire.track or 0) * spacing.track


def all_entries(rows: Rows, spacing: Spacing) -> None:
    for row in rows:
        set_entries(row, spacing)
