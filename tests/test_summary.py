"""What a graph's summary says: shapes, parameters, multiplications."""

from __future__ import annotations

import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input


def figures(graph):
    """name -> (parameters, multiplications), read off the table."""
    rows = [line.split() for line in graph.summary().splitlines() if not line.startswith("-")][1:]
    return {row[0]: tuple(int(cell.replace(",", "")) for cell in row[-2:]) for row in rows}


def test_the_summary_is_an_aligned_table():
    x = Input((4,), name="x")
    graph = Graph(x, nn.Linear(5, 2)(ops.tanh(nn.Linear(4, 5)(x, name="a")), name="b"))
    lines = graph.summary().splitlines()
    assert lines[0].split() == ["node", "kind", "inputs", "output", "parameters", "multiplications"]
    assert len({len(line) for line in lines}) == 1
    assert lines[3].split() == ["a", "Linear", "x", "(n,", "5)", "25", "20"]
    assert lines[-1].split() == ["total", "37", "30"]


@pytest.mark.parametrize(("layer", "shape", "expected"), [
    (lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False), (4, 5, 5), (6 * 2 * 9, 6 * 25 * 2 * 9)),
    (lambda: nn.Conv2d(3, 8, 2, stride=2), (3, 8, 8), (8 * 12 + 8, 8 * 16 * 12)),
    (lambda: nn.Linear(5, 7), (3, 5), (42, 3 * 35)),
    (lambda: nn.BatchNorm2d(3), (3, 4, 4), (6, 0)),
    (lambda: nn.MaxPool2d(2), (3, 4, 4), (0, 0)),
])
def test_multiplications_of_layers(layer, shape, expected):
    x = Input(shape)
    assert figures(Graph(x, layer()(x, name="it")))["it"] == expected


@pytest.mark.parametrize(("layer", "gates"), [(nn.RNNCell, 1), (nn.GRUCell, 3), (nn.LSTMCell, 4)])
def test_multiplications_of_a_cell_that_starts_at_zeros(layer, gates):
    x = Input((3,))
    out = layer(3, 5)(x, name="it")
    ends = out if isinstance(out, tuple) else [out]
    assert figures(Graph(x, ends))["it"][1] == gates * 5 * (3 + 5)


def test_multiplications_of_ops():
    q, k = Input((2, 5, 8), name="q"), Input((2, 7, 8), name="k")
    attention = ops.scaled_dot_product_attention(q, k, k)
    product = ops.einsum("nhqd,nhkd->nhqk", q, k)
    found = figures(Graph([q, k], [attention, product, q @ mg.ones(8, 3)]))
    assert found["scaled_dot_product_attention_1"] == (0, 2 * 2 * 5 * 7 * 8)
    assert found["contract_1"] == (0, 2 * 5 * 7 * 8) and found["matmul_1"] == (0, 2 * 5 * 8 * 3)


def test_a_shared_layer_counts_its_parameters_once_and_its_work_twice():
    x = Input((4,))
    layer = nn.Linear(4, 4)
    assert figures(Graph(x, layer(layer(x, name="fc"))))["total"] == (20, 32)
