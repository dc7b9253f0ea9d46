"""Graphs as JSON: every op and every kind of argument comes back as it was."""

from __future__ import annotations

import numpy as np
import pytest
from cases import CASES, call
from hypothesis import given
from hypothesis import strategies as st
from layer_examples import images, integers
from round_trips import assert_same_graph, round_trip

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops
from minigrad.graph import Graph, Input
from minigrad.graph.from_json import WORK
from minigrad.graph.json_values import OWN_OPS
from minigrad.graph.symbol import calls_behind
from minigrad.meta import limited
from minigrad.nn.module import Parameter

# --- every op -------------------------------------------------------------------------------------------------

def graph_of(name, case):
    """A graph whose one call is that of a row of the table, on batches of its arrays of floating point; or None."""
    symbols, values, arguments = [], [], []
    for x in case.inputs:
        is_batch = isinstance(x, np.ndarray) and x.dtype == np.float64 and x.ndim and x.shape[0] > 0
        if is_batch and all(x.shape[1:]) and (not values or x.shape[0] == len(values[0])):
            symbols.append(Input(x.shape[1:], x.dtype))
            values.append(x)
            arguments.append(symbols[-1])
        else:
            arguments.append(x)
    try:
        with limited(WORK):
            y = call(name, arguments, case.params)
        ends = [part for part in ops.creation.leaves(y) if part is not None]
        graph = Graph([x for x in symbols if x.call in calls_behind(ends)], ends)
        graph(*[mg.tensor(values[symbols.index(x)]) for x in symbols if x.call in calls_behind(ends)])
    except (TypeError, ValueError, IndexError, AttributeError):
        return None                                 # its first axis is no batch's
    return graph, [values[symbols.index(x)] for x in symbols if x.call in calls_behind(ends)]


GRAPHS = [(f"{name}-{number}", *found) for name, row in CASES.items() for number, case in enumerate(row)
          if (found := graph_of(name, case)) is not None]


@pytest.mark.parametrize(("graph", "inputs"), [found[1:] for found in GRAPHS], ids=[name for name, *_ in GRAPHS])
def test_every_op_comes_back(graph, inputs):
    assert_same_graph(graph, round_trip(graph), *inputs)


def test_most_ops_were_nodes():
    kinds = {node.kind for _, graph, _ in GRAPHS for node in graph.nodes}
    assert len(kinds & set(OWN_OPS)) > 0.8 * len(OWN_OPS), sorted(set(OWN_OPS) - kinds)


# --- whole graphs ---------------------------------------------------------------------------------------------

def open_axes():
    x = Input((3, None, None), name="photo")
    h = nn.Conv2d(3, 4, 3, padding=1)(x, name="c")[:, :, :-(-x.shape[2] // 2), ::-1]
    aux = F.interpolate(h, (x.shape[2], x.shape[3] * 2 - 1))
    y = ops.reshape(h, (x.shape[0], 4, h.shape[2] * h.shape[3]))
    return Graph(x, {"main": ops.mean(y, 2), "aux": aux}, train_only=["aux"]), [images(2, 3, 7, 10)]


def several_results():
    x, z = Input((5, 6)), Input((4,), name="state")
    y, (h, c) = nn.LSTM(6, 4, batch_first=True)(x, name="lstm")
    attended, weights = nn.MultiheadAttention(4, 2, batch_first=True)(y, y, y, need_weights=False)
    return Graph([x, z], (attended, c, h[0] + z, y)), [images(3, 5, 6), images(3, 4)]


def everything_among_arguments():
    tokens = Input((4,), dtype="int64", name="tokens")
    h = nn.Embedding(10, 8)(tokens, name="embedding")
    weight, mask, zero = Parameter(mg.randn(8)), np.ones((4, 1), "f4"), mg.tensor(0.0, requires_grad=True)
    h = (h * weight + weight) * mg.tensor(mask) + mask + zero
    h = ops.concat([ops.where(h > 0, h, -np.inf), h, np.full((1, 4, 8), 2, "f4").repeat(1, 0) + h], axis=2)
    h = ops.clip(ops.astype(h, "float64"), -1, float("inf")) * np.float32(1.5)
    h = ops.astype(h[:, [0, 2, 3]][:, np.array([True, False, True])][..., None], np.float16)
    return Graph(tokens, ops.max(h, (1, 2), keepdims=True, name="best")), [integers(10, 3, 4)]


def shared_layers():
    x = Input((6,))
    layer, other, norm = nn.Linear(6, 6), nn.Linear(6, 6), nn.BatchNorm1d(6)
    other.weight = layer.weight
    h = norm(layer(norm(layer(x, name="fc"), name="bn"), name="fc"), name="bn")
    return Graph(x, ops.linear(other(h, name="tied"), layer.weight)), [images(4, 6)]


def cut_at_related_axes():
    x = Input((3, None, None))
    h = nn.Conv2d(3, 4, 3, 2, 1)(x, name="c")
    low = nn.MaxPool2d(2)(h)
    return Graph([h, low], F.interpolate(low, scale_factor=2.0) + h), [images(2, 4, 6, 8), images(2, 4, 3, 4)]


def graph_that_is_a_layer():
    x = Input((6,))
    inner = Graph(x, ops.tanh(nn.Linear(6, 6)(x, name="in") * Parameter(mg.randn(6)) + np.ones(6, "f4")))
    inner.one_node = True
    x = Input((6,))
    return Graph(x, inner(inner(x, name="inner"), name="inner")), [images(4, 6)]


def after_surgery():
    x = Input((2, 8, 8))
    shared = nn.Conv2d(2, 2, 3, padding=1)
    h = nn.ReLU()(nn.BatchNorm2d(2)(shared(shared(x, name="a"), name="a"), name="norm"), name="relu")
    graph = Graph(x, nn.Linear(128, 3)(nn.Flatten()(h), name="head"))
    graph.freeze(until="norm")
    tail = graph.cut(start="a")
    assert tail.state_names
    return tail, [images(3, 2, 8, 8)]


def folded():
    x = Input((2, 8, 8))
    graph = Graph(x, nn.BatchNorm2d(3)(nn.Conv2d(2, 3, 3)(x, name="c"), name="bn")).eval().fold_batch_norm()
    assert graph.folded
    return graph, [images(2, 2, 8, 8)]


def half_the_batch():
    x = Input((3, 4))
    n = x.shape[0]
    return Graph(x, ops.reshape(ops.reshape(x, (n * 3, 4)) * 2, (n, -1))[::2]), [images(5, 3, 4)]


WHOLE = [open_axes, several_results, everything_among_arguments, shared_layers, cut_at_related_axes,
         graph_that_is_a_layer, after_surgery, folded, half_the_batch]


@pytest.mark.parametrize("build", WHOLE, ids=lambda build: build.__name__)
def test_whole_graphs(build):
    graph, inputs = build()
    twin = round_trip(graph)
    assert_same_graph(graph, twin, *inputs)
    assert twin.train_only == graph.train_only and twin.state_names == graph.state_names
    assert twin.folded == graph.folded
    assert [m.trainable for m in twin.modules()] == [m.trainable for m in graph.modules()]
    assert [p.frozen for p in twin.parameters()] == [p.frozen for p in graph.parameters()]
    twin.trainable = graph.trainable = True                     # what was frozen thaws, and only that
    assert [p.requires_grad for p in twin.parameters()] == [p.requires_grad for p in graph.parameters()]
    assert len({id(p) for p in twin.parameters()}) == len({id(p) for p in graph.parameters()})


def test_flags_come_back():
    graph, _ = shared_layers()
    graph.eval()
    graph.node("bn").what.train()
    twin = round_trip(graph)
    assert not twin.training and twin.node("bn").what.training and not twin.node("fc").what.training
    graph.trainable = False
    assert not round_trip(graph).trainable


MAKE = [                        # from a value a, another b, and a number: layers, ops, constants, slices
    lambda a, b, j, layers: layers[j % 5](a),
    lambda a, b, j, layers: layers[j % 5](a, name=f"layer{j % 5}"),
    lambda a, b, j, layers: a + b,
    lambda a, b, j, layers: a * np.linspace(-1, 1, 6, dtype="f4"),
    lambda a, b, j, layers: a * Parameter(mg.randn(4, 1)),
    lambda a, b, j, layers: ops.concat([a[:, :2], b[:, 2:]], 1),
    lambda a, b, j, layers: a[:, ::-1] * (0.5 + j),
    lambda a, b, j, layers: ops.reshape(ops.reshape(a, (a.shape[0] * 4, 6)), (-1, 4, 6)),
    lambda a, b, j, layers: ops.where(a > b, a, -0.25),
    lambda a, b, j, layers: ops.softmax(a, axis=j % 2 + 1),
]


def grown(steps):
    """A graph on batches of (4, 6)."""
    layers = [nn.Linear(6, 6), nn.LayerNorm(6), nn.PReLU(), nn.Conv1d(4, 4, 3, padding=1), nn.Dropout(0.3)]
    values = [Input((4, 6), name="x")]
    for which, i, j in steps:
        values.append(MAKE[which](values[i % len(values)], values[j % len(values)], j, layers))
    y = values[-1] + values[0]
    return Graph(values[0], {"y": y, "half": values[len(values) // 2] * 1.0} if len(steps) % 2 else y)


@given(st.lists(st.tuples(st.integers(0, len(MAKE) - 1), st.integers(0, 9), st.integers(0, 9)), max_size=8))
def test_any_graph_comes_back(steps):
    graph = grown(steps)
    twin = round_trip(graph)
    assert_same_graph(graph, twin, images(3, 4, 6))
    assert str(twin.summary()) == str(graph.summary())
