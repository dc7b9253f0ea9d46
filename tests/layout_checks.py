"""What must hold for every layout, found by looking at coordinates alone."""

from __future__ import annotations

from itertools import combinations

from minigrad.graph.layout import Box, Edge, Layout


def overlaps(a: Box, b: Box) -> bool:
    """Whether two rectangles share more than a border."""
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def contains(a: Box, b: Box) -> bool:
    return a.x <= b.x and a.y <= b.y and b.x + b.width <= a.x + a.width and b.y + b.height <= a.y + a.height


def parts(route):
    """The straight parts of a wire."""
    return list(zip(route, route[1:], strict=False))


def through(part, box: Box) -> bool:
    """Whether a straight part of a wire runs through the inside of a box: clipped to it, something is left."""
    (x0, y0), (x1, y1) = part
    start, end = 0.0, 1.0
    for at, delta, low, high in ((x0, x1 - x0, box.x, box.x + box.width), (y0, y1 - y0, box.y, box.y + box.height)):
        if delta == 0:
            if not low < at < high:
                return False
            continue
        a, b = sorted(((low - at) / delta, (high - at) / delta))
        start, end = max(start, a), min(end, b)
    return end - start > 1e-9


def on_border(point, box: Box, side: str) -> bool:
    x, y = point
    if side in ("top", "bottom"):
        return box.x <= x <= box.x + box.width and abs(y - (box.y if side == "top" else box.y + box.height)) < 1e-6
    return box.y <= y <= box.y + box.height and abs(x - (box.x if side == "left" else box.x + box.width)) < 1e-6


def lying_on_each_other(a, b) -> bool:
    """Whether two straight parts share more than a point."""
    for i in (0, 1):
        if a[0][i] == a[1][i] == b[0][i] == b[1][i]:
            low = max(min(a[0][1 - i], a[1][1 - i]), min(b[0][1 - i], b[1][1 - i]))
            high = min(max(a[0][1 - i], a[1][1 - i]), max(b[0][1 - i], b[1][1 - i]))
            return high > low
    return False


def side(p, q, r) -> float:
    return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])


def cross(a, b) -> bool:
    return side(*a, b[0]) * side(*a, b[1]) < 0 and side(*b, a[0]) * side(*b, a[1]) < 0


def crossings(found: Layout, edges: list[Edge]) -> int:
    """Points in which wires of different values cross; a value's wires to several takers count as one."""
    nets: dict = {}
    for edge, route in zip(edges, found.routes, strict=True):
        nets.setdefault((edge.source, edge.port), set()).update(parts(route))
    return sum(cross(p, q) for a, b in combinations(nets.values(), 2) for p in a for q in b)


def check(found: Layout, nodes: dict, edges: list[Edge], direction: str = "down", blocks: dict | None = None) -> None:
    blocks = blocks or {}
    assert set(found.boxes) == set(nodes) and len(found.routes) == len(edges)
    assert set(found.frames) == {block for path in blocks.values() for block in path}
    whole = Box(0, 0, found.width, found.height)
    for node, box in found.boxes.items():
        assert contains(whole, box) and box.width >= nodes[node][0] and box.height >= nodes[node][1], node
    solid = [*found.boxes.values(), *found.labels.values()]
    assert not [pair for pair in combinations(solid, 2) if overlaps(*pair)]
    assert all(contains(whole, label) for label in found.labels.values())
    assert set(found.labels) == {(e.source, e.port) for e in edges if e.label[0]}
    check_frames(found, blocks)
    check_wires(found, edges, direction, blocks)


def check_frames(found: Layout, blocks: dict) -> None:
    """A frame holds what is in the block, and overlaps nothing else."""
    for block, frame in found.frames.items():
        for node, box in found.boxes.items():
            assert contains(frame, box) if block in blocks.get(node, ()) else not overlaps(frame, box), (block, node)
        for (source, _), label in found.labels.items():
            assert block in blocks.get(source, ()) or not overlaps(frame, label), (block, source)
    for (a, frame), (b, other) in combinations(found.frames.items(), 2):
        paths = [path for path in blocks.values() if a in path and b in path]
        if paths:
            outer, inner = (frame, other) if paths[0].index(a) < paths[0].index(b) else (other, frame)
            assert contains(outer, inner), (a, b)
        else:
            assert not overlaps(frame, other), (a, b)


def check_wires(found: Layout, edges: list[Edge], direction: str, blocks: dict) -> None:
    out, into = ("bottom", "top") if direction == "down" else ("right", "left")
    solid = [*found.boxes.values(), *found.labels.values()]
    starts: dict = {}
    for edge, route in zip(edges, found.routes, strict=True):
        assert on_border(route[0], found.boxes[edge.source], out), edge
        assert on_border(route[-1], found.boxes[edge.target], into), edge
        assert starts.setdefault((edge.source, edge.port), route[0]) == route[0]
        assert not [box for part in parts(route) for box in solid if through(part, box)], edge
        around = {*blocks.get(edge.source, ()), *blocks.get(edge.target, ())}
        for block, frame in found.frames.items():
            assert block in around or not [part for part in parts(route) if through(part, frame)], (edge, block)
    for (e, a), (f, b) in combinations(zip(edges, found.routes, strict=True), 2):
        if e[0] != f[0] or e.port != f.port:
            assert not [1 for p in parts(a) for q in parts(b) if lying_on_each_other(p, q)], (e, f)
