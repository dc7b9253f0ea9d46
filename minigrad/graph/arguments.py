"""What a node's arguments are called, and which belong to the graph: parameters, arrays and constant tensors."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import signature
from typing import TYPE_CHECKING, Any

from ..backend import Array, is_array
from ..nn.module import Module, Parameter
from ..op import Op
from ..tensor import Tensor
from .nested import mapped
from .node import Node
from .symbol import Call

if TYPE_CHECKING:
    from .graph import Graph


def named_leaves(name: str, x: Any) -> list[tuple[str, Any]]:
    """(name, value) of an argument; of those in a list or tuple, each with its position."""
    if isinstance(x, (tuple, list)):
        return [leaf for i, part in enumerate(x) for leaf in named_leaves(f"{name}.{i}", part)]
    return [(name, x)]


def takes_values(node: Node) -> bool:
    """Whether there are arrays or tensors among its arguments, beside the results of other nodes."""
    return any([isinstance(x, Tensor) or is_array(x)
                for _, x in named_leaves("", [*node.args, *node.options.values()])])


def argument_names(node: Node) -> list[str]:
    """Of an op or of a layer's forward, one for each of the node's arguments."""
    if isinstance(node.what, Op):
        return list(node.what.names)
    names: list[str] = []
    for name, parameter in signature(node.what.forward).parameters.items() if node.what else ():
        several = parameter.kind is parameter.VAR_POSITIONAL
        names += [f"{name}.{i}" for i in range(len(node.args) - len(names))] if several else [name]
    return names[:len(node.args)]


def own_names(layer: Module) -> set[str]:
    return {name for name, _ in layer.named_parameters()} | {name for name, _ in layer.named_buffers()}


def exchanged(x: Any, old: Array, new: Array) -> Any:
    """Arguments with another array in place of `old`; a tensor stays the same one."""
    def one(leaf: Any) -> Any:
        if isinstance(leaf, Tensor) and leaf.data is old and not isinstance(leaf, Parameter):
            leaf.data = new
            leaf.touch()
        return new if leaf is old else leaf
    return mapped(x, one)


def names_in_modules(graph: Graph, calls: Iterable[Call]) -> dict[str, str]:
    """`<node>.<argument>` -> its path, of the parameters and buffers that a module with a forward had itself.

    Such a name is left out where a layer, another value or an attribute of the graph has it already.
    """
    paths: dict[int, str] = {}
    for call in calls:
        paths |= call.owned
    layers = graph._children()
    inner = [f"{name}.{key}" for name, layer in layers.items() for key in own_names(layer)]
    taken = {*layers, *inner, *vars(graph), *dir(type(graph))}
    learned = {id(p) for layer in layers.values() for p in layer.parameters()}
    found = [(name, x) for name, x in graph._arguments() if id(x) in paths and id(x) not in learned]
    owners: dict[str, set[int]] = {}
    for _, x in found:
        owners.setdefault(paths[id(x)], set()).add(id(x))
    return {name: paths[id(x)] for name, x in found if paths[id(x)] not in taken and len(owners[paths[id(x)]]) == 1}
