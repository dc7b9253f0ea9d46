"""Other graphs of the same layers: up to a node, from a node on, several inner values at once; and what of it learns.

    trunk = model.cut(at="layer4")                          # images -> what layer4 gives
    tail = model.cut(start="layer4")                        # what layer4 gives -> classes
    model.features(["layer1", "layer3"])(images)            # {"layer1": ..., "layer3": ...}
    model.freeze(until="layer3")                            # layer4 and the head still learn

A cut is a list of the nodes that are needed. Its layers are those of the original, under the same names in the state
dict: training one trains the other, unless copy=True. No original is changed, but by freezing, which is about layers.

Where a name of a node is asked for, the name of a block does too: what the names of several nodes begin with, up to a
dot. A block stands for the one node in it whose result is read outside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from ..nn.module import Module, Parameter
from .check import check_entrance
from .graph import Graph
from .nested import leaves
from .node import Node, Ref, refs_in
from .plan import plan

# --- cutting --------------------------------------------------------------------------------------------------

def cut(graph: Graph, at: str | Sequence[str] | None = None, start: str | Sequence[str] | None = None,
        copy: bool = False) -> Graph:
    """A part of a graph: the nodes that `at` needs, from the inputs or from `start` on.

    at: a node or block, whose value is the output; several names give a dict of outputs, name -> value; None: the
    graph's own outputs. start: a node or block, or several, whose values are the inputs, in this order; None: those
    inputs of the graph that are needed. copy: with parameters and buffers of its own.
    Raises ValueError for names that are not there, and where more is needed than the values at `start`.

    >>> from minigrad import nn
    >>> from minigrad.graph import Graph, Input
    >>> x = Input((4,), name="x")
    >>> model = Graph(x, nn.Linear(3, 2)(nn.Tanh()(nn.Linear(4, 3)(x, name="hidden"), name="act"), name="fc"))
    >>> model.cut(at="act").nodes
    [Node(x: Input() -> (n, 4)), Node(hidden: Linear(x) -> (n, 3)), Node(act: Tanh(hidden) -> (n, 3))]
    >>> list(model.cut(start="act").state_dict())
    ['fc.weight', 'fc.bias']
    """
    if at is None and start is None:
        raise TypeError("cut: say where, by the names of nodes: at=..., start=..., or both")
    first = graph.inputs if start is None else tuple([exit_of(graph, "cut", name) for name in named(start, "cut")])
    outputs, train_only = graph.outputs, graph.train_only
    if at is not None:
        outputs, train_only = ends(graph, "cut", at), ()
    return part(graph, "cut", outputs, first, train_only, copy)


def features(graph: Graph, names: Sequence[str], copy: bool = False) -> Graph:
    """The graph whose outputs are a dict: name -> value, of several nodes or blocks, in the order of `names`.

    copy: with parameters and buffers of its own. Raises ValueError for names that are not there.
    """
    return part(graph, "features", ends(graph, "features", named(names, "features")), graph.inputs, (), copy)


def ends(graph: Graph, who: str, at: str | Sequence[str]) -> Any:
    """What comes out of a node, or name -> that, of several."""
    def out(name: str) -> Any:
        node = graph.node(exit_of(graph, who, name))
        return refs_to(node.name, node.result)

    return out(at) if isinstance(at, str) else {name: out(name) for name in named(at, who)}


def refs_to(name: str, result: Any, path: tuple[int, ...] = ()) -> Any:
    """A Ref to the result of a node, or a tuple of them."""
    if isinstance(result, tuple):
        return tuple([refs_to(name, piece, (*path, i)) for i, piece in enumerate(result)])
    return None if result is None else Ref(name, path)


def part(graph: Graph, who: str, outputs: Any, first: Sequence[str], train_only: Sequence[str], copy: bool) -> Graph:
    """The nodes that `outputs` need from the nodes `first` on, as a graph."""
    order = [step.node for step in plan(graph._by_name, first, [ref.node for ref in refs_in(leaves(outputs))])]
    inside = {node.name for node in order}
    if first is graph.inputs:
        first = tuple([name for name in first if name in inside])
    for name in first:
        if name not in inside:
            raise ValueError(f"{who}: the outputs do not depend on {name!r}: leave it out of start")
    check_bypass(who, order, first, outputs)
    nodes = [entrance(who, node) if node.name in first else node for node in order]
    return like(graph, Graph.of_nodes(nodes, first, outputs, train_only), copy)


def entrance(who: str, node: Node) -> Node:
    """The node as an input: its value comes from outside."""
    try:
        check_entrance(node)
    except ValueError as error:
        raise ValueError(str(error).replace("Graph:", f"{who}:", 1)) from None
    return replace(node, what=None, args=(), options={})


def check_bypass(who: str, order: Sequence[Node], first: Sequence[str], outputs: Any) -> None:
    """ValueError where the nodes need values that neither come from `first` nor are computed from those."""
    fed = set(first)
    for node in order:
        if not fed.isdisjoint(node.inputs):
            fed.add(node.name)
    needed = [ref.node for ref in refs_in(leaves(outputs))]
    needed += [name for node in order if node.name in fed and node.name not in first for name in node.inputs]
    beside = [name for name in dict.fromkeys(needed) if name not in fed]
    if beside:
        readers = [node.name for node in order if node.name in fed.difference(first) and beside[0] in node.inputs]
        by = f"node {readers[0]!r} takes it" if readers else "it is an output"
        raise ValueError(f"{who}: more is needed than the values at {', '.join(map(repr, first))}: {beside[0]!r} does "
                         f"not depend on them, and {by}; start there too, start={[*first, *beside]}")


def like(graph: Graph, new: Graph, copy: bool = False) -> Graph:
    """The new graph, its layers and values under the names that they have in the state dict of the old one."""
    known = {id(layer): name for name, layer in graph._children().items()}
    known |= {id(x): name for name, x in [*graph.named_parameters(), *graph.named_buffers()]}
    own: dict[str, Any] = {**new._children(), **new._own_parameters(), **new._constants()}
    names = {name: known.get(id(x), graph.state_names.get(name, name)) for name, x in own.items()}
    taken = {name for name, old in names.items() if name == old}
    names = {name: old for name, old in names.items() if name != old and not named_in(old, taken)}
    if names:
        new = Graph.of_nodes(new.nodes, new.inputs, new.outputs, new.train_only, names)
    new.training, new._trainable = graph.training, graph._trainable     # its own; the layers have theirs
    return deepcopy(new) if copy else new


def named_in(name: str, taken: Collection[str]) -> bool:
    """Whether a name, or the beginning of a dotted one, belongs to something else: a new head that is called so."""
    parts = name.split(".")
    return any([".".join(parts[:i]) in taken for i in range(1, len(parts) + 1)])


# --- names ----------------------------------------------------------------------------------------------------

def named(names: str | Iterable[str], who: str) -> list[str]:
    """Names of nodes, one or several, as a list."""
    if isinstance(names, str):
        return [names]
    if isinstance(names, dict) or not isinstance(names, Iterable):
        raise TypeError(f"{who}: expected the name of a node or a list of names, {type(names).__name__} came")
    several = list(names)
    for name in several:
        if not isinstance(name, str):
            raise TypeError(f"{who}: expected the names of nodes, {type(name).__name__} came")
    if not several:
        raise ValueError(f"{who}: expected the names of nodes, none came")
    return several


def block(graph: Graph, who: str, name: str) -> list[str]:
    """The node of that name, or the nodes of the block; ValueError, with the nearest names, if there is none."""
    inside = [node.name for node in graph.nodes if node.name.startswith(f"{name}.")]
    if name not in graph._by_name and not inside:
        paths = [node.name.split(".") for node in graph.nodes]
        known = dict.fromkeys([".".join(path[:i]) for path in paths for i in range(1, len(path) + 1)])
        near = get_close_matches(name, known, 3)
        raise ValueError(f"{who}: this graph has no node or block {name!r}"
                         + (f": did you mean {' or '.join(near)}?" if near else
                            f"; there are {', '.join(list(known)[:12])}{', ...' * (len(known) > 12)}"))
    return [name] if name in graph._by_name else inside


def exit_of(graph: Graph, who: str, name: str) -> str:
    """The node of that name, or that of the block whose result is read outside; ValueError if there are several."""
    inside = block(graph, who, name)
    if len(inside) == 1:
        return inside[0]
    outside = [used for node in graph.nodes if node.name not in inside for used in node.inputs]
    outside += [ref.node for ref in refs_in(leaves(graph.outputs))]
    exits = [node for node in inside if node in outside]
    if len(exits) > 1:
        raise ValueError(f"{who}: block {name!r} has several results, {', '.join(exits)}: name one of these nodes")
    return exits[0]


# --- freezing -------------------------------------------------------------------------------------------------

def set_trainable(graph: Graph, who: str, until: str | Sequence[str] | None, on: bool) -> Graph:
    """Freeze (or thaw) the layers of all nodes that `until` depends on, those of `until` included; returns the graph.

    until: a node or block, or several; None: the whole graph. The rest stays as it is. It is a property of the layers
    (`Module.trainable`), so it holds wherever else these are used. Parameters among the arguments of nodes are frozen
    with their nodes. Raises ValueError for names that are not there, and for a layer or a parameter that is also used
    by nodes that `until` does not depend on: it cannot learn and be frozen. Nothing has been changed then.
    """
    if until is None:
        graph.trainable = on
        return graph
    wanted = [node for name in named(until, who) for node in block(graph, who, name)]
    behind = {step.node.name for step in plan(graph._by_name, graph.inputs, wanted)}
    first = [node for node in graph.nodes if node.name in behind]
    rest = [node for node in graph.nodes if node.name not in behind]
    shared = check_shared(who, first, rest, until)
    for node in first:
        if isinstance(node.what, Module) and id(node.what) not in shared:
            node.what.trainable = on
        for x in leaves([node.args, node.options]):
            if isinstance(x, Parameter):
                x.freeze(not on)
    return graph


def check_shared(who: str, first: Sequence[Node], rest: Sequence[Node], until: Any) -> set[int]:
    """ValueError for what learns, or keeps statistics, and is in both; the ids of layers in both that do not."""
    elsewhere = {id(x): node for node in reversed(rest) for x in [node.what, *learning(node)]}
    for node in first:
        for x in learning(node):
            if id(x) in elsewhere:
                other = elsewhere[id(x)].name
                raise ValueError(f"{who}: nodes {node.name!r} and {other!r} share a layer or a parameter, and "
                                 f"{until!r} depends on the first alone: it cannot be frozen here and learn there; "
                                 f"choose until={other!r}, or set trainable of the layers themselves")
    return {id(node.what) for node in first if id(node.what) in elsewhere}


def learning(node: Node) -> list:
    """What of a node changes in training: its parameters, and layers with buffers."""
    found: list = [x for x in leaves([node.args, node.options]) if isinstance(x, Parameter)]
    if isinstance(node.what, Module):
        found += [*node.what.parameters(), *[m for m in node.what.modules() if m._own_buffers()]]
    return found
