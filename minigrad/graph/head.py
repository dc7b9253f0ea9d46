"""A new head on a trained graph: transfer learning.

    model = models.resnet50(); model.load_state_dict(mg.load("resnet50.safetensors"))
    model.freeze()                                          # what is there already learns no more
    model = model.replace_head(num_classes=5)               # a fresh Linear(2048, 5), called fc as the old one was
    optimizer = optim.Adam(model.parameters())              # trains fc alone
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from ..misuse import is_int
from ..nn.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from ..nn.linear import Linear
from ..nn.module import Module, Parameter
from .batch_size import BATCH
from .check import outline
from .graph import Graph
from .nested import leaves
from .node import Node, refs_in, with_values
from .plan import plan
from .replay import called_again
from .surgery import exit_of, like
from .symbol import Call, Symbol, calls_behind

REFUSALS = (ValueError, TypeError, IndexError)


def replace_head(graph: Graph, head: Any = None, num_classes: int | None = None, at: str | None = None,
                 output: Any = None, name: str | None = None, copy: bool = False) -> Graph:
    """The graph with a new head: in place of its last layer, or of everything after the node or block `at`.

    head: a layer, a module, a graph, or a function on symbols; it gets what the old layer got, or the value at `at`.
    num_classes: in its place, a fresh layer like the old one (Linear, or a convolution) with so many outputs.
    output: which output gets it, a name or a position, where the graph has several. The outputs keep their names.
    name: of the new node, and of its parameters in the state dict; by default that of the old layer: of the last one
    with parameters that goes. What is inside a module follows a dot, `fc.0.weight`; a function names its nodes itself,
    but if the last one it makes is a layer without a name, it gets this one.

    The last layer is the last one with parameters; what follows it, as a softmax, stays. All other layers are shared
    with the original, which is not changed; copy: the graph gets its own. Raises ValueError or TypeError where the head
    does not fit, and where it is not clear what the last layer is: several ways lead to the output, or to several.

    >>> from minigrad import nn, ops
    >>> from minigrad.graph import Graph, Input
    >>> x = Input((4,), name="x")
    >>> model = Graph(x, ops.softmax(nn.Linear(4, 10)(x, name="fc"), 1, name="probabilities"))
    >>> model.replace_head(num_classes=3).nodes[1:]
    [Node(fc: Linear(x) -> (n, 3)), Node(probabilities: softmax(fc) -> (n, 3))]
    """
    if (head is None) is (num_classes is None):
        raise TypeError("replace_head: expected a new head or num_classes=, one of them; "
                        f"{'neither' if head is None else 'both'} came")
    if at is not None and num_classes is not None:
        raise TypeError("replace_head: num_classes makes a layer like the last one: with at= give the new head itself")
    graph = deepcopy(graph) if copy else graph
    if at is not None:
        return after(graph, head, exit_of(graph, "replace_head", at), which_output(graph, output), name)
    old = last_layer(graph, output)
    return instead(graph, resized(old, num_classes) if head is None else head, old, name or old.name)


def instead(graph: Graph, head: Any, old: Node, name: str) -> Graph:
    """The graph with the head in the place of a node; what follows is called again, for its shapes may differ."""
    if len(old.refs) != 1:
        raise ValueError(f"replace_head: the last layer, {old.name!r}, takes {len(old.refs)} results: say with at= "
                         "after which node the new head comes")
    check_free(graph, name, [node.name for node in graph.nodes if node is not old])
    values = starts(graph)
    for node in graph.nodes:
        if node is old:
            values[node.name] = applied(head, with_values(old.refs[0], values, BATCH), str(old.refs[0]), name)
        elif node.name not in values:
            try:
                values[node.name] = called_again(node, values, node.name)
            except REFUSALS as error:
                raise type(error)(f"replace_head: what follows does not fit the new head: {error}") from error
    return finished(graph, values, with_values(graph.outputs, values, BATCH))


def after(graph: Graph, head: Any, trunk: str, key: Any, name: str | None) -> Graph:
    """The graph with the head on the value at `trunk` in the place of one output."""
    others = [ref.node for k, end in pairs(graph.outputs) if k != key for ref in refs_in(end)]
    staying = behind(graph, [trunk, *others])
    if name is None:
        old = [ref.node for k, end in pairs(graph.outputs) if k == key for ref in refs_in(end)]
        gone = [node for node in graph.nodes if node.name in behind(graph, old) - staying]
        layers = [node for node in gone if learns(node)] or gone
        name = layers[-1].name if layers else None
    check_free(graph, name, staying)
    values = starts(graph)
    for node in graph.nodes:
        if node.name in staying and node.name not in values:
            values[node.name] = called_again(node, values, node.name)
    new = applied(head, values[trunk], trunk, name)
    ends = {k: new if k == key else with_values(end, values, BATCH) for k, end in pairs(graph.outputs)}
    whole = graph.outputs
    return finished(graph, values, ends if isinstance(whole, dict) else tuple(ends.values())
                    if isinstance(whole, tuple) else new)


# --- what goes ------------------------------------------------------------------------------------------------

def pairs(outputs: Any) -> list[tuple[Any, Any]]:
    """(name, position or None, what comes out) for each output."""
    if isinstance(outputs, dict):
        return list(outputs.items())
    return list(enumerate(outputs)) if isinstance(outputs, tuple) else [(None, outputs)]


def which_output(graph: Graph, output: Any) -> Any:
    """The name or position of the output that is meant, None for the only one; ValueError if that is not clear."""
    known = [key for key, _ in pairs(graph.outputs)]
    if output is None and len(known) == 1:
        return known[0]
    if output is None:
        raise ValueError(f"replace_head: this graph has several outputs, say which: output={known[0]!r}; there are "
                         f"{', '.join(map(repr, known))}")
    if output not in known or isinstance(output, bool):
        raise ValueError(f"replace_head: this graph has no output {output!r}; "
                         + (f"there are {', '.join(map(repr, known))}" if known != [None] else "it has one, nameless"))
    return output


def last_layer(graph: Graph, output: Any) -> Node:
    """The last node with parameters on the way to an output, or to all; ValueError if there is none, or not one."""
    keys = [key for key, _ in pairs(graph.outputs)] if output is None else [which_output(graph, output)]
    found = {key: last_before(graph, key) for key in keys}
    if len({node.name for node in found.values()}) > 1:
        layers = ", ".join([f"{key!r}: {node.name}" for key, node in found.items()])
        raise ValueError(f"replace_head: the outputs have different last layers, {layers}: say which, output=...")
    return found[keys[0]]


def last_before(graph: Graph, key: Any) -> Node:
    """The last node with parameters on the one way to an output."""
    names = list(dict.fromkeys([ref.node for ref in refs_in(dict(pairs(graph.outputs))[key])]))
    while True:
        if len(names) != 1:
            raise ValueError(f"replace_head: {', '.join(names)} come together before the output, none of them is the "
                             "last layer: say with at= after which node the new head comes")
        node = graph.node(names[0])
        if learns(node):
            return node
        if node.what is None:
            raise ValueError("replace_head: on the way to the output is no layer with parameters: say with at= after "
                             "which node the new head comes")
        names = list(node.inputs)


def learns(node: Node) -> bool:
    """Whether it has parameters, of its layer or among its arguments."""
    return isinstance(node.what, Module) and any(True for _ in node.what.parameters()) \
        or any([isinstance(x, Parameter) for x in leaves([node.args, node.options])])


def behind(graph: Graph, names: Collection[str]) -> set[str]:
    """The names of the nodes that these depend on, their own included."""
    return {step.node.name for step in plan(graph._by_name, graph.inputs, names)}


def check_free(graph: Graph, name: str | None, staying: Collection[str]) -> None:
    if name in staying:
        raise ValueError(f"replace_head: node {name!r} stays in the graph: give the new head another name, name=...")


# --- what comes -----------------------------------------------------------------------------------------------

RESIZABLE = (Linear, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d)


def resized(node: Node, num_classes: Any) -> Module:
    """A fresh layer like that of a node, with so many outputs: initialised as new, on the same device."""
    old: Any = node.what
    if type(old) not in RESIZABLE:
        raise TypeError(f"replace_head: num_classes makes a new Linear or convolution; the last layer, {node.name!r}, "
                        f"is a {node.kind}: give the new layer itself")
    if not is_int(num_classes) or num_classes < 1:
        raise ValueError(f"replace_head: num_classes must be a whole number, 1 or more, {num_classes!r} came")
    options = {"bias": old.bias is not None, "device": old.weight.device, "dtype": old.weight.dtype}
    if isinstance(old, Linear):
        new: Module = Linear(old.in_features, num_classes, **options)
    else:
        names = ["stride", "padding", "dilation", "groups", "padding_mode"]
        names += ["output_padding"] if "Transpose" in node.kind else []
        new = type(old)(old.in_channels, num_classes, old.kernel_size, **options,
                        **{option: getattr(old, option) for option in names})
    return new.train(old.training)


def starts(graph: Graph) -> dict[str, Any]:
    """A symbol for every input of a graph, by name."""
    nodes = [graph.node(name) for name in graph.inputs]
    return {node.name: Symbol(node.result, Call(None, (), node.result, node.name, None, node.other), (), node.other)
            for node in nodes}


def applied(head: Any, x: Any, trunk: str, name: str | None) -> Symbol:
    """The head called on what the trunk gives."""
    before = calls_behind([part for part in leaves(x) if part is not None])
    if not callable(head):
        raise TypeError("replace_head: the head must be a layer, a module, a graph, or a function on symbols, "
                        f"{type(head).__name__} came")
    try:
        y = head(x, name=name) if isinstance(head, Module) else head(x)
    except REFUSALS as error:
        raise type(error)(f"replace_head: the new head does not fit on {trunk!r}, which gives {spelled(x)}: {error}"
                          ) from error
    if not isinstance(y, Symbol):
        raise TypeError(f"replace_head: the head must give one symbol, {type(y).__name__} came")
    if y.call not in before and y.call.name is None and isinstance(y.call.what, Module):
        y.call.name = name
    return y


def spelled(x: Any) -> str:
    return outline(tuple(map(bare, x)) if isinstance(x, tuple) else bare(x))


def bare(x: Any) -> Any:
    return tuple(map(bare, x)) if isinstance(x, tuple) else None if x is None else x.data


def finished(graph: Graph, values: Mapping[str, Any], outputs: Any) -> Graph:
    """The graph of these outputs; inputs that they do not need any more are left out."""
    needed = calls_behind([x for x in leaves(outputs) if x is not None])
    inputs = [values[name] for name in graph.inputs if values[name].call in needed]
    new = like(graph, Graph(inputs, outputs, graph.train_only))
    new._trainable = True
    return new
