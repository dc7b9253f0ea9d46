"""Layers and graphs through the text of a file and back, and what must be as it was."""

from __future__ import annotations

import json

import numpy as np

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input
from minigrad.graph.as_json import tensors_of, to_json
from minigrad.graph.from_json import from_json, read_body, read_tensors
from minigrad.graph.json_layers import build_layers, inside_out, layer_entry
from minigrad.graph.json_values import Things
from minigrad.graph.nested import leaves


def things_of(layer, custom=None):
    """The layer after a trip through JSON text."""
    holder = nn.ModuleList([layer])
    names, tensors, arrays = tensors_of(holder)
    names.layers = {id(module): path for path, module in holder.named_modules()}
    entries = {names.layers[id(m)]: layer_entry(m, names, None) for m in inside_out(holder, set()) if m is not holder}
    tensors, entries = json.loads(json.dumps([tensors, entries], allow_nan=False))
    things = Things({name: array.copy() for name, array in arrays.items()}, {})
    read_tensors(tensors, things)
    build_layers(entries, things, custom or {}, read_body)
    return things.layers["0"]


def outputs(layer, inputs):
    """What it gives in eval mode, and in training with random numbers drawn from one seed."""
    given = [mg.tensor(x) for x in inputs]
    found = []
    for mode in (False, True):
        mg.manual_seed(3)
        y = layer.train(mode)(*given)
        found += [part.numpy() for part in leaves(y) if part is not None]
    return found


def round_trip(graph, **given):
    """The graph after a trip through JSON text."""
    document, arrays = to_json(graph)
    return from_json(json.loads(json.dumps(document, allow_nan=False)), {n: a.copy() for n, a in arrays.items()},
                     **given)


def assert_same_graph(graph, twin, *inputs):
    """Nodes, names and, on these inputs, what comes out in eval mode and in training are the same."""
    assert [repr(node) for node in twin.nodes] == [repr(node) for node in graph.nodes]
    assert list(twin.state_dict()) == list(graph.state_dict())
    assert [(node.args, node.options) == () or node.kind for node in twin.nodes] == \
           [(node.args, node.options) == () or node.kind for node in graph.nodes]
    assert to_json(twin)[0] == to_json(graph)[0]
    for a, b in zip(outputs(graph, inputs), outputs(twin, inputs), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def classifier(seed=0):
    """A small network of one's own code, as a graph."""
    mg.manual_seed(seed)
    x = Input((1, 8, 8), name="image")
    h = nn.Dropout(0.2)(nn.ReLU()(nn.BatchNorm2d(4)(nn.Conv2d(1, 4, 3)(x, name="c1"), name="bn")))
    return Graph(x, nn.Linear(144, 3)(ops.flatten(h, 1), name="fc"))


def assert_same_weights(a, b):
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype
        np.testing.assert_array_equal(a[name], b[name])
