"""Small graphs for the tests of surgery, and what is asked of their parts."""

from __future__ import annotations

import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input


class Block(nn.Module):
    def __init__(self, c):
        self.conv1, self.bn1, self.relu = nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.bn1(self.relu(self.conv1(x))))


class Net(nn.Module):
    """A little ResNet: conv1, layer1.0, layer1.1, flatten, fc."""

    def __init__(self):
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.layer1 = nn.Sequential(Block(4), Block(4))
        self.pool, self.flatten, self.fc = nn.AvgPool2d(4), nn.Flatten(), nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(self.flatten(self.pool(self.layer1(self.conv1(x)))))


def resnet() -> Graph:
    x = Input((3, 8, 8), name="image")
    return Graph(x, Net()(x)).eval()


def heads() -> Graph:
    """Two outputs that share a trunk; the trunk's layer has a name, the heads have theirs."""
    x = Input((6,), name="x")
    h = ops.relu(nn.Linear(6, 4)(x, name="trunk"), name="h")
    aux = ops.softmax(nn.Linear(4, 3)(h, name="aux_fc"), 1, name="aux_softmax")
    return Graph(x, {"main": nn.Linear(4, 2)(h, name="main_fc"), "aux": aux}, train_only=["aux"])


def images(n=2, seed=0):
    return mg.Tensor(np.random.default_rng(seed).normal(size=(n, 3, 8, 8)).astype("float32"))


def rows(*shape, seed=0):
    return mg.Tensor(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def names(graph) -> list[str]:
    return [node.name for node in graph.nodes]


def same(a, b) -> None:
    np.testing.assert_array_equal(a.numpy(), b.numpy())


def check_shared(part: Graph, whole: Graph, new=()) -> None:
    """Every array of the part's state dict, but for the new names, is the whole's of the same name."""
    of_part, of_whole = part.state_dict(), whole.state_dict()
    assert set(of_part) - set(new) <= set(of_whole)
    for name, array in of_part.items():
        assert (array is of_whole.get(name)) is (name not in new), name
    of_part, of_whole = dict(part.named_parameters()), dict(whole.named_parameters())
    assert all(p is of_whole.get(name) for name, p in of_part.items() if name not in new)


def picture(graph) -> tuple:
    """All that a graph says of itself."""
    return (list(map(repr, graph.nodes)), [id(node.what) for node in graph.nodes], graph.inputs, graph.outputs,
            list(graph.state_dict()), [id(a) for a in graph.state_dict().values()],
            [(m.training, m.trainable) for m in graph.modules()])


def check_refused(do, kind, message):
    """do(graph) raises this error, and leaves the graph as it was."""
    graph = resnet()
    before = picture(graph)
    with pytest.raises(kind, match=re.escape(message)):
        do(graph)
    assert picture(graph) == before
