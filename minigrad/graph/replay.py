"""A graph called on symbols: each of its nodes is called again, and becomes a node of the graph that is being built."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..nn.scope import scope
from ..op import Op
from .batch_size import BATCH
from .node import Node, with_values
from .symbol import call_on_symbols

if TYPE_CHECKING:
    from .graph import Graph


def replayed(graph: Graph, xs: Sequence, name_of: Callable[[Node], str | None]) -> dict[str, Any]:
    """Call the nodes of a graph on symbols: node name -> what came out. name_of(node): the name of its new node."""
    values = dict(zip(graph.inputs, xs, strict=True))
    for node in graph.nodes:
        if node.name not in values:
            values[node.name] = called_again(node, values, name_of(node))
    return values


def called_again(node: Node, values: Mapping[str, Any], name: str | None) -> Any:
    """What comes out of a node that is called on symbols, node name -> symbol."""
    what: Any = node.what
    return call_on_symbols(what, what if isinstance(what, Op) else what.forward, with_values(node.args, values, BATCH),
                           name, with_values(node.options, values, BATCH))


def name_within(node: Node) -> str | None:
    """Of a node whose graph is called on symbols: behind the path of that graph; None if its name was made up."""
    made_up = isinstance(node.what, Op) and re.fullmatch(rf"(.*\.)?{re.escape(node.what.name)}_\d+", node.name)
    return None if made_up else scope.prefix + node.name
