"""Which nodes run for what is asked of a graph, in which order, which of them in one pass, and when a value is needed
no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..misuse import is_int
from .batch_size import NEAR
from .fuse import Fusion, fusions
from .length import Length
from .nested import leaves
from .node import Node, Ref


@dataclass(frozen=True)
class Step:
    """A node to run, or neighbours that can run in one pass, and what is known of them beforehand."""

    nodes: tuple[Node, ...]
    are_plain: tuple[bool, ...] # whether the arguments of each are results of nodes, whole, and constants
    spent: list[str]            # the nodes whose values nobody needs after it
    fusion: Fusion | None = None

    @property
    def node(self) -> Node:
        """The one whose result is the step's."""
        return self.nodes[-1]


class Plan(list):
    """The steps of a graph in the order in which they run; it prints as a table."""

    @property
    def fused(self) -> list[tuple[str, ...]]:
        """The names of the nodes that run in one pass, a tuple for each pass."""
        return [tuple([node.name for node in step.nodes]) for step in self if step.fusion]

    def __str__(self) -> str:
        rows = [(" + ".join([node.name for node in step.nodes]), " + ".join([node.kind for node in step.nodes]),
                 "in one pass" if step.fusion else "") for step in self]
        widths = [max([len(row[i]) for row in rows], default=0) for i in range(2)]
        lines = [f"{name:{widths[0]}}  {kind:{widths[1]}}  {note}".rstrip() for name, kind, note in rows]
        return "\n".join([*lines, f"{len(self)} steps, {len(self.fused)} of them of several nodes"])

    __repr__ = __str__


def plan(nodes: Mapping[str, Node], inputs: Sequence[str], wanted: Iterable[str], fuse: bool = False) -> Plan:
    """The nodes to run for the wanted ones, in order. fuse: neighbours in one step where they can run in one pass."""
    needed, stack = set(), list(wanted)
    kept = set(stack)
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += [] if name in inputs else nodes[name].inputs
    order = [node for node in nodes.values() if node.name in needed]
    found = fusions(order, inputs, kept) if fuse else {}
    inside = {node.name for fusion in found.values() for node in fusion.nodes[:-1]}
    units = [found[node.name].nodes if node.name in found else (node,) for node in order if node.name not in inside]
    last: dict[str, str] = {}           # name -> the last unit that takes its value
    for unit in units:
        for node in unit:
            last.update(dict.fromkeys(() if node.name in inputs else node.inputs, unit[-1].name))
    spent: dict[str, list[str]] = {unit[-1].name: [] for unit in units}
    for name, user in last.items():
        if name not in kept:
            spent[user].append(name)
    return Plan([Step(unit, tuple(map(is_plain, unit)), spent[unit[-1].name], found.get(unit[-1].name))
                 for unit in units])


def is_plain(node: Node) -> bool:
    """Whether arguments need no look inside: no tuples with results in them, no numbers made of lengths or batches."""
    def is_constant(leaf: Any) -> bool:
        return not isinstance(leaf, (Ref, Length)) and not (is_int(leaf) and abs(int(leaf)) >= NEAR)

    return not node.options and all([type(a) is Ref and not a.path or all(map(is_constant, leaves(a)))
                                     for a in node.args])
