"""Neighbours of a graph that can run in one pass over memory: what ends in a ReLU, after a BatchNorm, a sum or a
convolution.

    BatchNorm + ReLU            y = relu(batch_norm(x))                 batch_norm_relu_train, batch_norm_relu_eval
    BatchNorm + add + ReLU      y = relu(batch_norm(x) + residual)      the same, with the residual
    add + ReLU                  y = relu(a + b)                         add_relu
    Conv2d + ReLU               y = relu(conv2d(x, weight, bias))       conv2d_relu

Nothing but rounding changes: each is one fused op whose definition is the neighbours' own ops. They run apart where
somebody wants to see what is between them: an output or another node, a hook, the debugger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy import ndarray

from .. import ops
from ..misuse import MISUSES
from ..nn.activation import ReLU
from ..nn.conv import Conv2d
from ..nn.module import Module
from ..nn.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d
from ..tensor import Tensor
from .node import Node, Ref

NORMS = (BatchNorm1d, BatchNorm2d, BatchNorm3d)
FULL = ("float32", "float64")           # in lower precision each op rounds its result, and in one pass none would


@dataclass(frozen=True)
class Fusion:
    """Nodes that can run as one: `first` (None: the addition is the first), perhaps an addition, and a ReLU."""

    first: Node | None
    addition: Node | None
    relu: Node
    inputs: tuple[str, ...]     # the nodes whose values it takes

    @property
    def nodes(self) -> tuple[Node, ...]:
        """In the order in which they run."""
        return tuple([node for node in (self.first, self.addition, self.relu) if node is not None])

    def can_run(self, values: Mapping[str, Any]) -> bool:
        """Whether these values, and what hangs on the layers now, let the nodes run as one."""
        xs = [values[name] for name in self.inputs]
        fits = all([type(x) is Tensor and type(x.data) is ndarray and x.dtype == xs[0].dtype and x.shape == xs[0].shape
                    for x in xs])
        return fits and xs[0].dtype in FULL and not any([isinstance(node.what, Module) and node.what.is_changed
                                                         for node in self.nodes])

    def ran(self, values: dict[str, Any]) -> bool:
        """Whether the nodes ran as one; then the value of the ReLU is there."""
        if not self.can_run(values):
            return False
        xs = [values[name] for name in self.inputs]
        layer: Any = None if self.first is None else self.first.what
        try:
            values[self.relu.name] = ops.add_relu(*xs) if layer is None else layer.then_relu(*xs)
        except MISUSES:                 # apart, the one that cannot work with these values says so under its name
            return False
        return True


def fusions(order: Sequence[Node], inputs: Collection[str], kept: Collection[str]) -> dict[str, Fusion]:
    """Name of a ReLU -> what can run with it. order: the nodes to run. kept: those whose values are asked for."""
    nodes = {node.name: node for node in order if node.name not in inputs}
    readers = Counter([ref.node for node in nodes.values() for ref in node.refs])
    users = Counter([id(node.what) for node in nodes.values()])

    def inner(ref: Any) -> Node | None:
        """The node of a result that nobody else reads."""
        alone = type(ref) is Ref and not ref.path and readers[ref.node] == 1 and ref.node not in kept
        return nodes.get(ref.node) if alone else None

    found = {}
    for node in nodes.values():
        before = inner(node.args[0]) if is_relu(node) else None
        fusion = None if before is None else ending(before, node, inner)
        # A BatchNorm that several nodes share must meet them in their order, and what is fused runs at its last node.
        if fusion is not None and (fusion.first is None or users[id(fusion.first.what)] == 1):
            found[node.name] = fusion
    return found


def ending(before: Node, relu: Node, inner: Any) -> Fusion | None:
    """What can run with a ReLU and the node before it."""
    if is_norm(before) or is_convolution(before):
        return Fusion(before, None, relu, (before.args[0].node,))
    if not is_addition(before):
        return None
    a, b = before.args
    norm = next((node for node in map(inner, (a, b)) if node is not None and is_norm(node)), None)
    if norm is None:
        return Fusion(None, before, relu, (a.node, b.node))
    residual = b if a.node == norm.name else a
    return Fusion(norm, before, relu, (norm.args[0].node, residual.node))


def takes_whole(node: Node, n: int) -> bool:
    """Whether its arguments are n results of nodes, each whole."""
    return not node.options and len(node.args) == n and all([type(a) is Ref and not a.path for a in node.args])


def is_relu(node: Node) -> bool:
    return (type(node.what) is ReLU or node.what is ops.relu) and takes_whole(node, 1)


def is_norm(node: Node) -> bool:
    return type(node.what) in NORMS and takes_whole(node, 1)


def is_convolution(node: Node) -> bool:
    layer: Any = node.what
    return type(layer) is Conv2d and layer.padding_mode == "zeros" and takes_whole(node, 1)


def is_addition(node: Node) -> bool:
    """Of two different results of one shape."""
    return node.what is ops.add and takes_whole(node, 2) and node.args[0] != node.args[1]
