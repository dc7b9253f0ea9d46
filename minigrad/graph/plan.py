"""Which nodes run for what is asked of a graph, in which order, and when a value is needed no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..misuse import is_int
from .batch_size import NEAR
from .length import Length
from .nested import leaves
from .node import Node, Ref


@dataclass(frozen=True)
class Step:
    """A node to run, and what is known of it beforehand."""

    node: Node
    is_plain: bool              # whether its arguments are results of nodes, whole, and constants
    spent: list[str]            # the nodes whose values nobody needs after it


def plan(nodes: Mapping[str, Node], inputs: Sequence[str], wanted: Iterable[str]) -> list[Step]:
    """The nodes to run for the wanted ones, in order."""
    needed, stack = set(), list(wanted)
    kept = set(stack)
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += [] if name in inputs else nodes[name].inputs
    order = [node for node in nodes.values() if node.name in needed]
    last: dict[str, str] = {}           # name -> the last node that takes its value
    for node in order:
        last.update(dict.fromkeys(() if node.name in inputs else node.inputs, node.name))
    spent: dict[str, list[str]] = {node.name: [] for node in order}
    for name, user in last.items():
        if name not in kept:
            spent[user].append(name)
    return [Step(node, is_plain(node), spent[node.name]) for node in order]


def is_plain(node: Node) -> bool:
    """Whether arguments need no look inside: no tuples with results in them, no numbers made of lengths or batches."""
    def is_constant(leaf: Any) -> bool:
        return not isinstance(leaf, (Ref, Length)) and not (is_int(leaf) and abs(int(leaf)) >= NEAR)

    return not node.options and all([type(a) is Ref and not a.path or all(map(is_constant, leaves(a)))
                                     for a in node.args])
