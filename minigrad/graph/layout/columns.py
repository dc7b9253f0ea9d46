"""Where each element stands within its row: what belongs above each other shares a column; columns stand as close to
what they are wired to as the order allows.

Which wires run straight is decided first: those that pass rows, then the main line of each block (through a residual
block the layers, not the shortcut; branches of one rank among equals get none: what they part from and join stands in
their middle). Such elements are one variable. The rest is least squares over the wires that are not straight, under the
constraint that neighbours keep their distance, by sweeps and projections (Dwyer, Marriott, Stuckey: Fast Node Overlap
Removal, 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor

from .parts import Element, Rows, Segment, Spacing

SWEEPS = 24
BIG = 1e9
NEAR = 14               # pixels by which a wire must lean to be worth a bend


def set_columns(rows: Rows, main: Mapping[int, set[int]], spacing: Spacing) -> None:
    """Set x of every element. main: by id of an item, the ids of items below it in the same main line."""
    segments = [s for row in rows for element in row for s in element.downs]
    for choice in wanted(segments, main):
        straighten(choice)
    solve(rows, segments, spacing)
    near = [s for s in segments if not s.straight and abs(s.lean) < NEAR]
    if straighten(sorted(near, key=lambda s: abs(s.lean))):
        solve(rows, segments, spacing)
    unbend(rows, spacing)
    left = min([e.x - e.before for row in rows for e in row], default=0)
    for row in rows:
        for element in row:
            element.x -= left


# --- which wires are straight ---------------------------------------------------------------------------------

def wanted(segments: Sequence[Segment], main: Mapping[int, set[int]]) -> list[list[Segment]]:
    """The segments that should be straight, the most important first."""
    pieces, passing, line, ends = [], [], [], []
    for s in segments:
        if s.net is None:
            pieces.append(s)
        elif s.upper.item is None and s.lower.item is None:
            passing.append(s)
        elif s.upper.item is not None and s.lower.item is not None:
            if id(s.lower.item) in main[id(s.upper.item)]:
                line.append(s)
        elif len(s.upper.downs) == 1 and len(s.lower.ups) == 1:
            ends.append(s)
    return [pieces, passing, line, ends]


def straighten(candidates: Sequence[Segment]) -> bool:
    """Mark those that can be straight: one for each end of an element, none across another; whether there are any."""
    found = False
    for s in candidates:
        taken = any([other.straight for other in [*s.upper.downs, *s.lower.ups]])
        if not taken and not crosses(s):
            s.straight = found = True
    return found


def crosses(segment: Segment) -> bool:
    """Whether it crosses a straight one. Those of a gap are kept with its upper row, in the row's first element."""
    i, j = segment.upper.place, segment.lower.place
    return any([(i - s.upper.place) * (j - s.lower.place) < 0
                for element in segment.upper.mates for s in element.downs if s.straight])


# --- least squares under constraints --------------------------------------------------------------------------

def solve(rows: Rows, segments: Sequence[Segment], spacing: Spacing) -> None:
    chains = make_chains(rows)
    distances = keep_distances(rows, spacing)
    ties = [(s.upper.chain, s.lower.chain, s.upper.shift + s.start - s.lower.shift - s.end)
            for s in segments if not s.straight]
    projection = Projection(len(chains), distances)
    pulls: list[list[tuple[int, float]]] = [[] for _ in chains]
    for a, b, distance in ties:             # b's column should be `distance` right of a's
        if a != b:
            pulls[b].append((a, distance))
            pulls[a].append((b, -distance))
    weights = [max(len(pull), 0.01) for pull in pulls]
    x = projection.nearest([0.0] * len(chains), [1.0] * len(chains))
    for sweep in range(SWEEPS):
        order = range(len(chains)) if sweep % 2 == 0 else range(len(chains) - 1, -1, -1)
        for i in order:
            if pulls[i]:
                x[i] = sum([x[j] + distance for j, distance in pulls[i]]) / len(pulls[i])
        x = projection.nearest(x, weights)
    for chain, place in zip(chains, x, strict=True):
        for element in chain:
            element.x = floor(place + 0.5) + element.shift


def unbend(rows: Rows, spacing: Spacing) -> None:
    """Move columns of nothing but wires to where they end or begin, if there is room: one bend less."""
    chains: dict[int, list[Element]] = {}
    for row in rows:
        for element in row:
            chains.setdefault(element.chain, []).append(element)
    wires = [chain for chain in chains.values() if all([e.item is None for e in chain])]
    for chain in [*sorted(wires, key=lambda c: -c[0].x), *sorted(wires, key=lambda c: c[0].x)]:
        low = max([-BIG, *[e.x - room_left(e, spacing) for e in chain]])
        high = min([BIG, *[e.x + room_right(e, spacing) for e in chain]])
        bends = [s.lean for s in chain[-1].downs] + [-s.lean for s in chain[0].ups]
        for bend in [] if 0 in bends else bends:
            if low <= chain[0].x + bend <= high:
                for e in chain:
                    e.x += bend
                break


def room_left(e: Element, spacing: Spacing) -> float:
    """How far an element can go to the left."""
    return BIG if e.place == 0 else e.x - e.mates[e.place - 1].x - between(e.mates[e.place - 1], e, spacing)


def room_right(e: Element, spacing: Spacing) -> float:
    last = e.place == len(e.mates) - 1
    return BIG if last else e.mates[e.place + 1].x - e.x - between(e, e.mates[e.place + 1], spacing)


def between(a: Element, b: Element, spacing: Spacing) -> float:
    """How far apart the centres of two neighbours must be."""
    return a.after + b.before + (spacing.boxes if is_box(a) and is_box(b) else spacing.wires)


def make_chains(rows: Rows) -> list[list[Element]]:
    """The elements that straight segments connect, from the top down; sets chain and shift."""
    chains: list[list[Element]] = []
    for row in rows:
        for element in row:
            above = next((s for s in element.ups if s.straight), None)
            if above is None:
                element.chain, element.shift = len(chains), 0.0
                chains.append([element])
            else:
                element.chain = above.upper.chain
                element.shift = above.upper.shift + above.start - above.end
                chains[element.chain].append(element)
    return chains


def keep_distances(rows: Rows, spacing: Spacing) -> dict[tuple[int, int], float]:
    """(left column, right column) -> how far apart they must be."""
    found: dict[tuple[int, int], float] = {}
    for row in rows:
        for a, b in zip(row, row[1:], strict=False):
            distance = ceil(between(a, b, spacing) + a.shift - b.shift)
            key = a.chain, b.chain
            found[key] = max(found.get(key, distance), distance)
    return found


def is_box(element: Element) -> bool:
    return element.item is not None and not element.item.border


class Projection:
    """The places nearest to wanted ones that keep all distances, in the sense of weighted least squares.

    From the left on each variable is laid where it wants to be; where that is too near, it and what it touches become
    one block, at the mean of what its members want.
    """

    def __init__(self, count: int, distances: Mapping[tuple[int, int], float]):
        self.left: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        right: list[list[int]] = [[] for _ in range(count)]
        waiting = [0] * count
        for (a, b), distance in distances.items():
            self.left[b].append((a, distance))
            right[a].append(b)
            waiting[b] += 1
        self.order = [i for i in range(count) if not waiting[i]]
        for i in self.order:
            for j in right[i]:
                waiting[j] -= 1
                if not waiting[j]:
                    self.order.append(j)

    def nearest(self, wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
        block = {i: Block(i, wanted[i], weights[i]) for i in self.order}
        for i in self.order:
            while True:
                own = block[i]
                worst, gap, pair = 1e-9, 0.0, None
                for j in own.members:
                    at = own.x + own.members[j]
                    for k, distance in self.left[j]:
                        if block[k] is not own:
                            short = block[k].x + block[k].members[k] + distance - at
                            if short > worst:
                                worst, gap, pair = short, distance, (k, j)
                if pair is None:
                    break
                merged = block[pair[0]].joined(own, *pair, gap)
                for j in merged.members:
                    block[j] = merged
        x = [block[i].x + block[i].members[i] for i in range(len(wanted))]
        for i in self.order:                # rounding errors, and what the blocks did not see
            x[i] = max([x[i], *[x[k] + distance for k, distance in self.left[i]]])
        return x


class Block:
    """Variables at fixed distances from each other."""

    def __init__(self, i: int, wanted: float, weight: float):
        self.members = {i: 0.0}             # variable -> its distance from the block's x
        self.weight, self.sum = weight, weight * wanted
        self.x = wanted

    def joined(self, other: Block, k: int, j: int, distance: float) -> Block:
        """This block with another right of it, such that j, in the other, is `distance` right of k."""
        offset = self.members[k] + distance - other.members[j]
        self.members.update({i: d + offset for i, d in other.members.items()})
        self.weight += other.weight
        self.sum += other.sum - other.weight * offset
        self.x = self.sum / self.weight
        return self
