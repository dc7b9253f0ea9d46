"""A graph as JSON: its nodes, its layers, and the names of its weights, which are elsewhere.

    {"format": "minigrad.graph", "version": 1, "minigrad": "0.1.0",
     "inputs": ["image"], "outputs": {"node": "f7"},
     "nodes": [{"name": "image", "shape": ["n", 1, 32, 32], "dtype": "float32"},
               {"name": "c1", "layer": "c1", "args": [{"node": "image"}], "result": {"shape": ["n", 6, 28, 28], ...}},
               {"name": "tanh_1", "op": "tanh", "args": [{"node": "c1"}], "result": ...}, ...],
     "layers": {"c1": {"kind": "Conv2d", ...}, ...},            json_layers.py
     "tensors": {"c1.weight": {"dtype": "float32", "shape": [6, 1, 5, 5]}, ...}}

Values are written as json_values.py says. "train_only", "training" and "trainable" are there where they are needed; a
tensor has "requires_grad": false, "frozen": true (it is trainable=False that took its gradient), "persistent": false,
or {"same_as": name} for one and the same tensor under another name.
Other keys: "state_names" where layers kept the names that they had in another graph, and "folded". It is read by
from_json.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..backend import FLOATS, to_numpy
from ..meta import Meta
from ..nn.arrays import join
from ..nn.module import Module, Parameter
from .batch_size import known_length
from .graph import Graph
from .json_layers import flags, inside_out, layer_entry
from .json_values import Names, dtype_name
from .length import TRIALS
from .nested import leaves
from .node import Node, single
from .replay import replayed
from .symbol import Call, Symbol

FORMAT, VERSION = "minigrad.graph", 1
HEAD = ("format", "version", "minigrad")
BODY = ("inputs", "outputs", "train_only", "state_names", "folded", "nodes")
KEYS = (*HEAD, *BODY, "layers", "tensors", "training", "trainable")
NODE_KEYS = ("name", "layer", "op", "custom", "args", "options", "result", "shape", "dtype", "trials")
TENSOR_KEYS = ("dtype", "shape", "requires_grad", "frozen", "persistent", "same_as")


def to_json(graph: Graph) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the graph as what `json` can write, name -> array of its tensors on the host).

    TypeError or ValueError for a graph that cannot be rebuilt: it names the node or layer.
    """
    names, tensors, arrays = tensors_of(graph)
    paths = {id(module): path for path, module in graph.named_modules()}
    names.layers = paths
    modules = [module for module in inside_out(graph, set()) if module is not graph]
    check_classes(modules)
    layers = {paths[id(module)]: layer_entry(module, names, body) for module in modules}
    own = {key: value for key, value in flags(graph).items() if key != "one_node"}
    return {**dict(zip(HEAD, (FORMAT, VERSION, own_version()), strict=True)), **body(graph, names), "layers": layers,
            "tensors": tensors, **own}, arrays


def own_version() -> str:
    from importlib.metadata import PackageNotFoundError, version
    try:
        return version("minigrad")
    except PackageNotFoundError:
        return "unknown"


def tensors_of(graph: Graph) -> tuple[Names, dict[str, dict], dict[str, Any]]:
    """The names of all tensors, what the JSON says of each, and their arrays."""
    names, table, arrays = Names(), {}, {}
    for path, module in graph.named_modules(remove_duplicate=False):
        persistent = vars(module).get("_persistent", {})
        for own, x in [*module._own_parameters().items(), *module._own_buffers().items()]:
            name = join(path, own)
            array = arrays[name] = to_numpy(x.data if isinstance(x, Parameter) else x)
            first = names.tensors.setdefault(id(x), name)
            entry: dict[str, Any] = {"same_as": first} if first != name else {
                "dtype": dtype_name(array.dtype), "shape": list(array.shape), **tensor_flags(x)}
            table[name] = entry | ({} if persistent.get(own, True) else {"persistent": False})
    return names, table, arrays


def tensor_flags(x: Any) -> dict[str, bool]:
    if not isinstance(x, Parameter) or x.requires_grad:
        return {}
    return {"requires_grad": False, **({"frozen": True} if getattr(x, "frozen", False) else {})}


def check_classes(modules: list[Module]) -> None:
    """ValueError where two classes have one name: a file could not tell them apart."""
    classes: dict[str, type] = {}
    for module in modules:
        other = classes.setdefault(type(module).__name__, type(module))
        if other is not type(module):
            raise ValueError(f"two classes are called {other.__name__}, {other.__module__}'s and "
                             f"{type(module).__module__}'s: in a file they would be one; give one another name")


def body(graph: Graph, names: Names) -> dict[str, Any]:
    """The nodes of a graph, and which of them are its inputs and outputs."""
    found = {"inputs": list(graph.inputs), "outputs": names.encoded(graph.outputs),
             "nodes": [node_entry(node, names) for node in nodes_now(graph)]}
    more = {"train_only": list(graph.train_only), "state_names": graph.state_names,
            "folded": [list(pair) for pair in graph.folded]}
    return found | {key: value for key, value in more.items() if value}


def nodes_now(graph: Graph) -> list[Node]:
    """The nodes with the results that they would have if the graph were built now.

    They differ where its parameters were converted since, `model.to("float64")`: then inputs are of the new dtype too.
    ValueError where no dtype of theirs goes with the layers.
    """
    held = {x.dtype: None for x in [*graph.parameters(), *graph.buffers()] if x.dtype.kind in FLOATS}
    noted = {y.dtype for node in graph.nodes for y in leaves(node.result) if y is not None}
    if held.keys() <= noted:
        return graph.nodes
    problem: Exception | None = None
    for dtype in (None, *held):
        try:
            nodes = rebuilt(graph, dtype)
            if dtype is not None or [result_entry(node.result) for node in nodes] == \
                    [result_entry(node.result) for node in graph.nodes]:
                return nodes
        except (TypeError, ValueError) as error:
            problem = problem or error
    raise ValueError(f"its layers were converted since it was built, and do not go together any more: {problem}")


def rebuilt(graph: Graph, dtype: Any = None) -> list[Node]:
    """The nodes called again on symbols; inputs of floating point become of the dtype."""
    def input_like(node: Node) -> Symbol:
        x, other = [y and Meta(y.shape, y.dtype if dtype is None or y.dtype.kind not in FLOATS else dtype)
                    for y in (node.result, node.other)]
        return Symbol(x, Call(None, (), x, node.name, None, other), (), other)

    values = replayed(graph, [input_like(graph.node(name)) for name in graph.inputs], lambda node: node.name)
    calls = [next(y.call for y in leaves(values[node.name]) if y is not None) for node in graph.nodes]
    return [replace(node, result=call.result, other=call.other) for node, call in zip(graph.nodes, calls, strict=True)]


def node_entry(node: Node, names: Names) -> dict[str, Any]:
    if node.what is None:
        return {"name": node.name, **result_entry(node.result, node.other), **trials_entry(node)}
    try:
        entry = {"name": node.name, **names.encoded(node.what), "args": list(names.encoded(node.args))}
        if node.options:
            entry["options"] = {key: names.encoded(value) for key, value in node.options.items()}
        return entry | {"result": result_entry(node.result, node.other)}
    except (TypeError, ValueError) as error:
        raise type(error)(f"node {node.name}: {error}") from error


def result_entry(result: Any, other: Any = None) -> Any:
    """Shape and dtype of a result, null for an axis that is open; of several results, an array of these."""
    if isinstance(result, tuple):
        return [result_entry(part, other and other[i]) for i, part in enumerate(result)]
    if result is None:
        return None
    return {"shape": list(single(result, other)[0]), "dtype": dtype_name(result.dtype)}


def trials_entry(node: Node) -> dict[str, Any]:
    """What open axes of an input were tried with, unless it is what Input tries: where a graph was cut, lengths of
    several inputs may belong together."""
    if node.other is None:
        return {}
    trials = [list(x.shape[1:]) for x in (node.result, node.other)]
    usual = [[trial[i % len(trial)] if a != b else a for i, (a, b) in enumerate(zip(*trials, strict=True))]
             for trial in TRIALS]
    return {} if trials == usual else {"trials": [list(map(known_length, trial)) for trial in trials]}
