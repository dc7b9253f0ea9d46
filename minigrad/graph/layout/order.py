"""The order within the rows, so that few wires cross: sweeps of barycentres, then exchanges of neighbours."""

from __future__ import annotations

from bisect import bisect_left

from .parts import Element, Rows, Segment

SWEEPS = 24
SOLID = 1000        # what a wire through an item counts, in crossings


def number(row: list[Element]) -> None:
    for i, element in enumerate(row):
        element.place = i


def first_order(rows: Rows) -> None:
    """Each row in the order in which a walk from the top, depth first, comes to its elements."""
    found: set[int] = set()
    lists: list[list[Element]] = [[] for _ in rows]
    for start in [element for row in rows for element in row if not element.ups]:
        stack = [start]
        while stack:
            element = stack.pop()
            if id(element) not in found:
                found.add(id(element))
                lists[element.row].append(element)
                stack += [segment.lower for segment in reversed(element.downs)]
    for row, ordered in zip(rows, lists, strict=True):
        row[:] = ordered
        number(row)


def weight(segment: Segment) -> int:
    return SOLID if segment.net is None else 1


def upper_key(segment: Segment) -> tuple[int, float]:
    return segment.upper.place, segment.start


def lower_key(segment: Segment) -> tuple[int, float]:
    return segment.lower.place, segment.end


def crossings_below(row: list[Element]) -> int:
    """How often segments between this row and the next cross, weighted."""
    segments = sorted([s for element in row for s in element.downs], key=lambda s: (upper_key(s), lower_key(s)))
    ends = sorted({lower_key(s) for s in segments})
    sums = [0] * (len(ends) + 1)            # a Fenwick tree over the lower ends of the segments seen so far
    seen = total = 0
    pending: list[Segment] = []
    for segment in segments:
        if pending and upper_key(pending[0]) != upper_key(segment):
            seen += enter(pending, ends, sums)
            pending = []
        i = bisect_left(ends, lower_key(segment)) + 1
        passed = 0
        while i:
            passed += sums[i]
            i &= i - 1
        total += weight(segment) * (seen - passed)
        pending.append(segment)
    return total


def enter(segments: list[Segment], ends: list, sums: list[int]) -> int:
    for segment in segments:
        i = bisect_left(ends, lower_key(segment)) + 1
        while i < len(sums):
            sums[i] += weight(segment)
            i += i & -i
    return sum([weight(segment) for segment in segments])


def crossings(rows: Rows) -> int:
    return sum([crossings_below(row) for row in rows])


def reduce_crossings(rows: Rows) -> int:
    """Order the rows; how many crossings are left, a wire through an item counting as SOLID many.

    Where nothing would be won the order is that of the walk, which is that in which the items came.
    """
    first_order(rows)
    fewest = crossings(rows)
    best = [list(row) for row in rows]
    idle = 0
    for sweep in range(SWEEPS):
        if not fewest or idle == 6:
            break
        for row in (rows[1:] if sweep % 2 == 0 else rows[-2::-1]):
            sort_row(row, "ups" if sweep % 2 == 0 else "downs")
        if sweep >= 2:
            exchange(rows)
        now = crossings(rows)
        idle += 1
        if now < fewest:
            fewest, best, idle = now, [list(row) for row in rows], 0
    for row, ordered in zip(rows, best, strict=True):
        row[:] = ordered
        number(row)
    return fewest


def sort_row(row: list[Element], side: str) -> None:
    """By the mean place of the neighbours above ("ups") or below; elements without any stay where they are."""
    def mean(element: Element) -> float:
        ends = [(s.upper, s.start) if side == "ups" else (s.lower, s.end) for s in getattr(element, side)]
        return sum([e.place + along / (e.before + e.after + 1) for e, along in ends]) / len(ends)
    free = [element for element in row if getattr(element, side)]
    ordered = iter(sorted(free, key=mean))
    row[:] = [next(ordered) if getattr(element, side) else element for element in row]
    number(row)


def exchange(rows: Rows) -> None:
    """Exchange neighbours as long as that saves crossings."""
    for _ in range(4):
        better = False
        for row in rows:
            for i in range(len(row) - 1):
                a, b = row[i], row[i + 1]
                if pair(a, b) > pair(b, a):
                    row[i], row[i + 1] = b, a
                    a.place, b.place = i + 1, i
                    better = True
        if not better:
            return


def pair(left: Element, right: Element) -> int:
    """Crossings between the segments of two neighbours, in this order."""
    total = 0
    for a in left.ups:
        total += sum([weight(a) * weight(b) for b in right.ups if upper_key(a) > upper_key(b)])
    for a in left.downs:
        total += sum([weight(a) * weight(b) for b in right.downs if lower_key(a) > lower_key(b)])
    return total
