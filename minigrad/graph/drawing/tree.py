"""The blocks of a graph: nodes whose names share a dotted prefix, blocks within blocks.

A block can be drawn closed, as one box, only if no path leaves it and comes back. Where names do not respect that (a
module that is called twice, an encoder between two others of its own name) the block is in parts, `block#2` the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .words import described, numbers_of

if TYPE_CHECKING:
    from ..graph import Graph
    from ..node import Node


@dataclass(eq=False)
class Block:
    """Nodes and blocks under one prefix; "" is that of the whole graph.

    key: the prefix, with #2, #3 ... behind it if a node or another part of the block is called that.
    """

    prefix: str
    key: str
    children: list[Block | Node] = field(default_factory=list)

    @property
    def level(self) -> int:
        """How many names its prefix has."""
        return len(self.prefix.split(".")) if self.prefix else 0

    def nodes(self) -> list[Node]:
        """All that are inside, in the order in which they run within each block."""
        return [node for part in self.children for node in (part.nodes() if isinstance(part, Block) else [part])]

    def blocks(self) -> Iterator[Block]:
        """All blocks inside, outer ones before inner ones."""
        for part in self.children:
            if isinstance(part, Block):
                yield part
                yield from part.blocks()

    @cached_property
    def signature(self) -> tuple:
        """What it computes, whatever its name and its weights: equal for blocks that are built alike."""
        nodes = self.nodes()
        names = {node.name: node.name[len(self.prefix) + 1:] for node in nodes}
        outside: dict[str, int] = {}
        rows = []
        for node in nodes:
            inputs = [(names[ref.node], ref.path) if ref.node in names else outside.setdefault(str(ref), len(outside))
                      for ref in node.refs]
            rows.append((names[node.name], described(node), str(node.shape), numbers_of(node), tuple(inputs)))
        return tuple(rows)


def block_tree(graph: Graph) -> Block:
    """The whole graph as a block."""
    before = {node.name: list(node.inputs) for node in graph.nodes}
    root = Block("", "")
    used = {node.name for node in graph.nodes}
    root.children = children_of(graph.nodes, before, 0, used)
    return root


def children_of(nodes: Sequence[Node], before: Mapping[str, list[str]], level: int, used: set[str]
                ) -> list[Block | Node]:
    """What nodes that share `level` names consist of: blocks of those that share one more, and single nodes."""
    parts: list[list[Node]] = []
    place: dict[str, int] = {}                      # node -> its part
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        names = node.name.split(".")
        if len(names) > level + 1:
            groups.setdefault(names[level], []).append(node)
    unit = {node.name: node.name for node in nodes}
    for group in groups.values():
        if len(group) > 1:
            for part in convex_parts(group, nodes, before, unit):
                if len(part) > 1:
                    unit.update({node.name: f"{len(parts)} part" for node in part})
                    place.update({node.name: len(parts) for node in part})
                    parts.append(part)
    found: list[Block | Node] = []
    begun: set[int] = set()
    for node in nodes:
        if node.name not in place:
            found.append(node)
        elif place[node.name] not in begun:
            begun.add(place[node.name])
            found.append(make_block(parts[place[node.name]], before, level + 1, used))
    return found


def make_block(nodes: Sequence[Node], before: Mapping[str, list[str]], level: int, used: set[str]) -> Block:
    prefix = ".".join(nodes[0].name.split(".")[:level])
    children = children_of(nodes, before, level, used)
    if len(children) == 1 and isinstance(children[0], Block):       # a block in nothing but a block
        return children[0]
    return Block(prefix, new_key(prefix, used), children)


def new_key(name: str, used: set[str]) -> str:
    """The name, with a number behind it if it is used; it is, from now on."""
    key = next(key for key in [name, *[f"{name}#{i}" for i in range(2, len(used) + 3)]] if key not in used)
    used.add(key)
    return key


def convex_parts(group: Sequence[Node], nodes: Sequence[Node], before: Mapping[str, list[str]],
                 unit: Mapping[str, str]) -> list[list[Node]]:
    """The group, divided such that no path leaves a part and comes back to it. unit: node -> the part it is in."""
    names = {node.name for node in group}
    above: dict[str, dict[str, None]] = {unit[node.name]: {} for node in nodes}
    for node in nodes:
        for name in before[node.name]:
            if name in unit and unit[name] != unit[node.name]:
                above[unit[node.name]][unit[name]] = None
    visits: dict[str, int] = {}             # unit -> how many times the best path to it has come into the group
    for u in in_order(above):
        if u in names:
            visits[u] = max([visits[v] + (v not in names) for v in above[u]], default=1) or 1
        else:
            visits[u] = max([visits[v] for v in above[u]], default=0)
    parts: dict[int, list[Node]] = {}
    for node in group:
        parts.setdefault(visits[node.name], []).append(node)
    return [parts[number] for number in sorted(parts)]


def in_order(above: Mapping[str, Mapping[str, None]]) -> list[str]:
    """The units such that each comes after those above it."""
    below: dict[str, list[str]] = {u: [] for u in above}
    for u, others in above.items():
        for v in others:
            below[v].append(u)
    waiting = {u: len(others) for u, others in above.items()}
    order = [u for u in above if not waiting[u]]
    for u in order:
        for v in below[u]:
            waiting[v] -= 1
            if not waiting[v]:
                order.append(v)
    return order


# --- blocks that are alike ------------------------------------------------------------------------------------

@dataclass(eq=False)
class Run:
    """Closed blocks one after the other that are built alike, drawn as one."""

    blocks: list[Block]

    @property
    def key(self) -> str:
        return self.blocks[0].key + " ... " + self.blocks[-1].key

    @property
    def prefix(self) -> str:
        """layer3.1 ... 5"""
        first, last = self.blocks[0].prefix, self.blocks[-1].prefix
        around = first.rpartition(".")[0]
        return first + " \u2026 " + (last[len(around) + 1:] if around and last.startswith(around + ".") else last)

    def nodes(self) -> list[Node]:
        return [node for block in self.blocks for node in block.nodes()]


def runs_of(children: Sequence[Block | Node], closed: Set[str], takers: Mapping[str, set[str]], least: int = 3
            ) -> list[Block | Node | Run]:
    """The children with a Run in place of `least` or more closed blocks alike, each fed by the one before alone.

    takers: node -> the nodes (and outputs) that take its results.
    """
    found: list[Block | Node | Run] = []
    i = 0
    while i < len(children):
        first = children[i]
        j = i + 1
        if isinstance(first, Block) and first.key in closed:
            while j < len(children) and follows(children[j - 1], children[j], closed, takers):
                j += 1
        if j - i >= least:
            found.append(Run([block for block in children[i:j] if isinstance(block, Block)]))
        else:
            found += children[i:j]
        i = j
    return found


def follows(a: Block | Node, b: Block | Node, closed: Set[str], takers: Mapping[str, set[str]]) -> bool:
    """Whether b is a closed block like a, takes all that a gives, and nothing else."""
    if not isinstance(a, Block) or not isinstance(b, Block) or b.key not in closed:
        return False
    ours, theirs = {node.name for node in a.nodes()}, {node.name for node in b.nodes()}
    leaving = {taker for name in ours for taker in takers.get(name, ()) if taker not in ours}
    coming = {name for node in b.nodes() for name in node.inputs if name not in theirs}
    return leaving <= theirs and coming <= ours and a.signature == b.signature
