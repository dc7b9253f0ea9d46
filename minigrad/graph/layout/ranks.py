"""Which row each item stands in, so that every wire points down."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from heapq import heappop, heappush

from .parts import Item


def sorted_by_wires(count: int, wires: Sequence[tuple[int, int]], names: Sequence[Hashable]) -> list[int]:
    """0 ... count-1 in an order in which every wire points forward, otherwise as they came. ValueError for a cycle."""
    heirs: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b in wires:
        heirs[a].append(b)
        waiting[b] += 1
    ready = [i for i in range(count) if not waiting[i]]
    order = []
    while ready:
        order.append(i := heappop(ready))
        for j in heirs[i]:
            waiting[j] -= 1
            if not waiting[j]:
                heappush(ready, j)
    if len(order) < count:
        stuck = ", ".join([str(names[i]) for i in range(count) if waiting[i]][:6])
        raise ValueError(f"layout: expected a graph without cycles, there is one among {stuck}")
    return order


def set_rows(items: Sequence[Item], order: Sequence[int], above: Mapping[int, Sequence[int]],
             below: Mapping[int, Sequence[int]]) -> list[int]:
    """The first row of every item: the longest way from the top; what nothing holds up there moves down to its users.

    Ports of the block around have the first and the last row for themselves.
    """
    first = 1 if any([item.border for item in items]) else 0
    row = [0] * len(items)
    for i in order:
        if items[i].border != "in":
            row[i] = max([row[j] + items[j].rows for j in above[i]], default=first)
            row[i] = max(row[i], first)
    loose = loose_items(items, order, above)
    for i in reversed(order):
        if loose[i] and below[i]:
            row[i] = min([row[j] for j in below[i]]) - items[i].rows
    last = max([row[i] + items[i].rows for i in range(len(items)) if items[i].border != "out"], default=0)
    return [last if item.border == "out" else r for item, r in zip(items, row, strict=True)]


def loose_items(items: Sequence[Item], order: Sequence[int], above: Mapping[int, Sequence[int]]) -> list[bool]:
    """Which items depend neither on the first one nor on what comes into the block: side inputs and what follows."""
    if not order:
        return []
    held = {i for i in order if items[i].border == "in"} or {order[0]}
    loose = [False] * len(items)
    for i in order:
        loose[i] = i not in held and items[i].border != "out" and all([loose[j] for j in above[i]])
    return loose
