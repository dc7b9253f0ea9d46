"""BatchNorm folded into the layer before it, for inference.

In evaluation a BatchNorm is a scale and a shift of every channel, s = weight / sqrt(running_var + eps) and
bias - s * running_mean. Where it comes directly after a layer that is linear, that layer can do it:

    s * (W x + b - mean) + bias  =  (s W) x  +  (s (b - mean) + bias)

The graph is then shorter, and equal up to rounding. Jacob et al. 2018, section 3.2, equation 14.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any

import numpy

from ..backend import Array, on_device_of
from ..nn.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from ..nn.linear import Linear
from ..nn.module import Module, Parameter
from ..nn.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d
from .graph import Graph
from .length import Length
from .nested import leaves, mapped
from .node import Node, Ref, refs_in
from .surgery import like, part

LINEAR = (Linear, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d)
NORMS = (BatchNorm1d, BatchNorm2d, BatchNorm3d)


def fold_batch_norm(graph: Graph) -> Graph:
    """A copy of a graph for inference, in which layers do the work of the BatchNorms directly after them.

    A BatchNorm goes if it has running statistics and follows a convolution (also a transposed one) or a Linear of
    (n, features): with or without bias, affine or not, whatever the groups and the padding. But the layer's result must
    be read by nobody else and be no output, and the layer and its parameters must be used nowhere else. Layers with
    hooks stay as they are, and so do those of classes of your own. A BatchNorm before a convolution stays too: the
    padding's zeros come in behind it, so they are not shifted.

    The copy is in eval mode and frozen (trainable=False): trained, it would not be the model that it came from. Outputs
    of training alone are left out. Its `folded` has the names of the pairs that became one, (layer, BatchNorm): it has
    the layer's name, and has a bias now. All other nodes and parameters keep their names. The original is not changed.

    >>> from minigrad import nn
    >>> from minigrad.graph import Graph, Input
    >>> x = Input((3, 8, 8), name="x")
    >>> model = Graph(x, nn.BatchNorm2d(4)(nn.Conv2d(3, 4, 3, bias=False)(x, name="conv"), name="bn"))
    >>> fast = model.fold_batch_norm()
    >>> fast.folded, list(fast.state_dict())
    ((('conv', 'bn'),), ['conv.weight', 'conv.bias'])
    """
    outputs = graph.outputs
    if graph.train_only:
        outputs = {name: end for name, end in outputs.items() if name not in graph.train_only}
    twin = deepcopy(part(graph, "fold_batch_norm", outputs, graph.inputs, (), copy=False))
    users = Counter([id(x) for node in twin.nodes for x in used_by(node)])
    readers = Counter([ref.node for ref in refs_in([leaves(twin.outputs), *[node.refs for node in twin.nodes]])])
    nodes = {node.name: node for node in twin.nodes}
    moved: dict[str, str] = {}              # the name of a BatchNorm that is gone -> the layer that does its work
    for norm in twin.nodes:
        taken = norm.inputs[0] if norm.inputs else norm.name
        name = moved.get(taken, taken)
        alone = readers[taken] == 1 and all([users[id(x)] == 1 for x in used_by(twin.node(name))])
        if alone and can_fold(nodes[name], norm):
            nodes[name] = replace(nodes[name], what=with_norm(nodes[name].what, norm.what), result=norm.result,
                                  other=norm.other)
            del nodes[norm.name]
            moved[norm.name] = name
    new = like(twin, Graph.of_nodes([redirected(node, moved) for node in nodes.values()], twin.inputs,
                                    refs_moved(twin.outputs, moved)))
    new.folded = tuple([(name, norm) for norm, name in moved.items()])
    new.trainable = False
    return new.eval()


def used_by(node: Node) -> list:
    """Its layer, and the parameters that the layer has and that are among its arguments, each once."""
    own: list = [node.what, *node.what.parameters()] if isinstance(node.what, Module) else []
    own += [x for x in leaves([node.args, node.options]) if isinstance(x, Parameter)]
    return list({id(x): x for x in own}.values())


def can_fold(first: Node, second: Node) -> bool:
    """Whether it is a linear layer, and a BatchNorm by running statistics of the channels that come out of it."""
    layer: Any = first.what
    norm: Any = second.what
    if type(layer) not in LINEAR or type(norm) not in NORMS or layer.has_hooks or norm.has_hooks:
        return False
    axes = 2 if isinstance(layer, Linear) else layer.axes + 2           # of others axis 1 is not the channels'
    if norm.running_mean is None or len(first.result.shape) != axes:
        return False
    own = layer.weight.dtype                                            # that of the result must stay what it was
    others = {x.dtype for x in (norm.running_mean, norm.running_var, norm.weight, norm.bias) if x is not None}
    return others <= ({own, numpy.dtype("float32")} if own.itemsize == 2 else {own})


def with_norm(layer: Any, norm: Any) -> Any:
    """A layer that does what the two do one after the other. Computed in float64, and kept in the layer's dtype."""
    with on_device_of(layer.weight.data):
        weight, bias, gain, shift = [None if p is None else p.data.astype("float64")
                                     for p in (layer.weight, layer.bias, norm.weight, norm.bias)]
        s = (norm.running_var.astype("float64") + norm.eps) ** -0.5             # (k,), one for each output channel
        s = s if gain is None else s * gain
        b = -s * norm.running_mean if bias is None else s * (bias - norm.running_mean)
        b = b if shift is None else b + shift
        new = copy(layer)
        new.weight = Parameter(scaled(layer, weight, s).astype(layer.weight.dtype))
        new.bias = Parameter(b.astype(layer.weight.dtype))
    return new


def scaled(layer: Any, weight: Array, s: Array) -> Array:
    """The weight with every output channel times its s."""
    ones = (1,) * (weight.ndim - 2)
    if isinstance(layer, (ConvTranspose1d, ConvTranspose2d)):                   # (c, k/groups, i, j)
        c, k = weight.shape[:2]
        groups = weight.reshape(layer.groups, c // layer.groups, k, *weight.shape[2:])
        return (groups * s.reshape(layer.groups, 1, k, *ones)).reshape(weight.shape)
    return weight * s.reshape(-1, 1, *ones)                                     # (k, c/groups, i, j)


def redirected(node: Node, moved: Mapping[str, str]) -> Node:
    """The node, its arguments taken from the layers in place of the BatchNorms that are gone."""
    if moved.keys().isdisjoint(node.inputs):
        return node
    return replace(node, args=refs_moved(node.args, moved), options=refs_moved(node.options, moved))


def refs_moved(x: Any, moved: Mapping[str, str]) -> Any:
    def ref(old: Ref) -> Ref:
        return Ref(moved.get(old.node, old.node), old.path)

    return mapped(x, lambda leaf: ref(leaf) if isinstance(leaf, Ref) else leaf.placed(ref)
                  if isinstance(leaf, Length) else leaf)
