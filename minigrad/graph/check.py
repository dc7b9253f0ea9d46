"""Whether a list of nodes is a graph. `Graph.of_nodes` asks, with nodes from surgery or from a file.

Nothing is repaired: what is wrong gets an error that names the node, and says what was expected and what came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from inspect import signature
from typing import TYPE_CHECKING, Any

from ..backend import is_array
from ..meta import Meta
from ..nn.module import Module
from ..op import Op
from ..tensor import Tensor
from .arguments import own_names
from .batch_size import BATCH, spell
from .nested import leaves, mapped
from .node import Node, Ref

if TYPE_CHECKING:
    from .graph import Graph


def checked(nodes: Sequence[Node], inputs: Sequence[str], outputs: Any) -> tuple[list[Node], tuple[str, ...], Any]:
    """The nodes, the names of the inputs, and the outputs as Refs; TypeError or ValueError if they make no graph."""
    known = check_names(nodes)
    for node in nodes:
        check_node(node)
    first = check_inputs(known, inputs)
    for node in nodes:
        for ref in node.refs:
            check_ref(known, ref, f"node {node.name!r} takes")
    check_order(known)
    ends = dict(outputs) if isinstance(outputs, Mapping) else tuple(outputs) if isinstance(outputs, list) else outputs
    ends = mapped(ends, lambda leaf: Ref(leaf) if isinstance(leaf, str) else leaf)
    check_outputs(known, ends)
    check_reached(known, ends)
    return list(nodes), first, ends


def check_names(nodes: Sequence[Node]) -> dict[str, Node]:
    """Name -> node, of a list of nodes whose names differ."""
    known: dict[str, Node] = {}
    for i, node in enumerate(nodes):
        if not isinstance(node, Node):
            raise TypeError(f"Graph: nodes must be a list of Node, number {i} is a {type(node).__name__}")
        if not isinstance(node.name, str) or not node.name:
            raise TypeError(f"Graph: the name of a node must be text, number {i} has {node.name!r}")
        if node.name in known:
            raise ValueError(f"Graph: two nodes are called {node.name!r}, {known[node.name].kind} and {node.kind}: "
                             "names must differ")
        known[node.name] = node
    return known


def check_node(node: Node) -> None:
    """It calls something, with arguments that fit, and it is known what comes out."""
    what: Any = node.what
    if what is not None and not isinstance(what, (Module, Op)):
        raise TypeError(f"Graph: node {node.name!r} must call a layer or an op, or None, {type(what).__name__} came")
    if not isinstance(node.args, tuple) or not isinstance(node.options, dict):
        raise TypeError(f"Graph: node {node.name!r} must have a tuple of arguments and a dict of options, "
                        f"{type(node.args).__name__} and {type(node.options).__name__} came")
    for result in [node.result, *([] if node.other is None else [node.other])]:
        if not is_result(result):
            raise TypeError(f"Graph: the result of node {node.name!r} must be an array without values (meta.Meta), or "
                            f"a tuple of them, {result!r} came")
    if what is not None and not node.refs:
        raise ValueError(f"Graph: node {node.name!r} takes the result of no other node, so it never changes")
    if isinstance(what, Op) and (len(node.args) != what.arity or node.options):
        raise TypeError(f"Graph: node {node.name!r} calls {what.name}, which takes {what.arity} arguments "
                        f"({', '.join(what.names)}), {len([*node.args, *node.options])} came")
    if isinstance(what, Module):
        try:
            signature(what.forward).bind(*node.args, **node.options)
        except TypeError as error:
            raise TypeError(f"Graph: the arguments of node {node.name!r} do not fit {node.kind}: {error}") from None


def is_result(x: Any) -> bool:
    return isinstance(x, Meta) or isinstance(x, tuple) and all([part is None or is_result(part) for part in x])


def check_inputs(known: Mapping[str, Node], inputs: Sequence[str]) -> tuple[str, ...]:
    """The inputs: each once, each a node that calls nothing and gives a batch; and no other node calls nothing."""
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    if not names:
        raise ValueError("Graph: inputs are empty")
    for i, name in enumerate(names):
        check_known(known, name, "the inputs have")
        if name in names[:i]:
            raise ValueError(f"Graph: {name!r} comes twice among the inputs, {', '.join(names)}")
        node = known[name]
        if node.what is not None or node.args or node.options:
            does = "has arguments" if node.what is None else f"calls {node.kind}"
            raise ValueError(f"Graph: {name!r} cannot be an input, it {does}")
        check_entrance(node)
    for name, node in known.items():
        if node.what is None and name not in names:
            raise ValueError(f"Graph: node {name!r} calls nothing, and is not among the inputs ({', '.join(names)})")
    return names


def check_entrance(node: Node) -> None:
    """Its result can come from outside: one array, a batch."""
    if not isinstance(node.result, Meta):
        raise ValueError(f"Graph: {node.name!r} cannot be an input, it has several results")
    if node.result.shape[:1] != (BATCH,):
        raise ValueError(f"Graph: {node.name!r} cannot be an input, its first axis is not the batch's n: it is "
                         f"{spell(node.result.shape)}")


def check_known(known: Mapping[str, Any], name: Any, who: str) -> None:
    if name not in known:
        near = get_close_matches(str(name), known, 3) or list(known)[:12]
        raise ValueError(f"Graph: {who} {name!r}, which is no node; there are {', '.join(near) or 'none'}")


def check_ref(known: Mapping[str, Node], ref: Ref, who: str) -> None:
    """The node is there, and so is the one of its results that is asked for."""
    check_known(known, ref.node, who)
    found = known[ref.node].result
    for i in ref.path:
        if not isinstance(found, tuple) or type(i) is not int or not 0 <= i < len(found):
            found = None
            break
        found = found[i]
    if not isinstance(found, Meta):
        raise ValueError(f"Graph: {who} {ref}, but what {ref.node!r} gives is {outline(known[ref.node].result)}: "
                         "a path must lead to one array")


def outline(result: Any) -> str:
    """The shapes of a result as they are nested."""
    if isinstance(result, tuple):
        return f"({', '.join(map(outline, result))}{',' * (len(result) == 1)})"
    return "nothing" if result is None else spell(result.shape)


def check_order(known: Mapping[str, Node]) -> None:
    """Every node comes after those whose results it takes."""
    ready: set[str] = set()
    for name, node in known.items():
        late = next((taken for taken in node.inputs if taken not in ready), None)
        if late is not None:
            circle = circle_in(known)
            if circle:
                raise ValueError(f"Graph: nodes depend on each other in a circle: {' -> '.join(circle)}")
            raise ValueError(f"Graph: node {name!r} comes before {late!r}, whose result it takes: list each node after "
                             "those that it depends on")
        ready.add(name)


def circle_in(known: Mapping[str, Node]) -> list[str]:
    """The names along a circle, from where the results come to where they go, first and last alike; or nothing."""
    ready: set[str] = set()
    left = list(known)
    while left:
        later = [name for name in left if not ready.issuperset(known[name].inputs)]
        if len(later) == len(left):
            break
        ready.update(left)
        ready.difference_update(later)
        left = later
    path = left[:1]
    while path and path[-1] not in path[:-1]:          # each that is left takes the result of another that is left
        path.append(next(name for name in known[path[-1]].inputs if name not in ready))
    return path[path.index(path[-1]):][::-1] if path else []


def check_outputs(known: Mapping[str, Node], outputs: Any) -> None:
    ends = [leaf for leaf in leaves(outputs) if leaf is not None]
    if not ends:
        raise ValueError("Graph: outputs are empty")
    for ref in ends:
        if not isinstance(ref, Ref):
            raise TypeError(f"Graph: outputs must be names of nodes or Refs, {type(ref).__name__} came")
        check_ref(known, ref, "the outputs have")


def check_reached(known: Mapping[str, Node], outputs: Any) -> None:
    """Every node is there for an output."""
    reached: set[str] = set()
    stack = [ref.node for ref in leaves(outputs) if ref is not None]
    while stack:
        name = stack.pop()
        if name not in reached:
            reached.add(name)
            stack += known[name].inputs
    idle = [name for name in known if name not in reached]
    if idle:
        raise ValueError(f"Graph: the outputs do not depend on {', '.join(map(repr, idle[:8]))}"
                         f"{f' and {len(idle) - 8} more' if len(idle) > 8 else ''}: leave out what has no effect")


def check_state_names(graph: Graph) -> None:
    """The names in the state dict: no two alike, and where they are not those of the nodes, of what is there."""
    layers = {id(node.what): node for node in reversed(graph.nodes) if isinstance(node.what, Module)}
    called = {id(layer): (graph.state_names.get(node.name, node.name), layer)
              for node in layers.values() for layer in [node.what] if isinstance(layer, Module)}
    owned = {id(p) for _, layer in called.values() for p in layer.parameters()}
    values = {id(x): name for name, x in reversed(graph._arguments())
              if (isinstance(x, Tensor) or is_array(x)) and id(x) not in owned}
    names = [*[name for name, _ in called.values()], *values.values()]
    for default, name in graph.state_names.items():
        if not isinstance(name, str) or not name:
            raise TypeError(f"Graph: state_names has {name!r} for {default!r}, a name must be text")
        if name not in names:
            raise ValueError(f"Graph: state_names has {default!r}, where there is no layer and no argument with values")
    inner = [f"{name}.{key}" for name, layer in called.values() for key in own_names(layer)]
    twice = sorted([key for key, times in Counter([*names, *inner]).items() if times > 1])
    if twice:
        whose = "parameters or buffers" if twice[0] in inner else "layers or arguments"
        raise ValueError(f"Graph: two {whose} are called {twice[0]!r} in the state dict: names must differ")
