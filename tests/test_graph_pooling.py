"""Pooling and normalisation in a graph: shapes are inferred, a layer is a node, the graph gives what the layer does."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.graph import Graph, Input

# layer, shape of one sample, shapes of the outputs
LAYERS = [
    (nn.MaxPool1d(3, 2, 1), (2, 7), [(2, 4)]),
    (nn.MaxPool1d(2, return_indices=True), (2, 7), [(2, 3), (2, 3)]),
    (nn.MaxPool2d((2, 3), ceil_mode=True, return_indices=True), (2, 5, 7), [(2, 3, 3), (2, 3, 3)]),
    (nn.AvgPool1d(3, 2, 1), (2, 7), [(2, 4)]),
    (nn.LPPool1d(2, 3), (2, 7), [(2, 2)]),
    (nn.LPPool2d(2, (2, 3), 1), (2, 5, 7), [(2, 4, 5)]),
    (nn.AdaptiveAvgPool1d(3), (2, 7), [(2, 3)]),
    (nn.AdaptiveAvgPool2d((1, 1)), (2, 5, 7), [(2, 1, 1)]),
    (nn.AdaptiveAvgPool2d((None, 2)), (2, 5, 7), [(2, 5, 2)]),
    (nn.AdaptiveAvgPool2d((5, 9)), (2, 5, 7), [(2, 5, 9)]),
    (nn.AdaptiveMaxPool1d(3, return_indices=True), (2, 7), [(2, 3), (2, 3)]),
    (nn.AdaptiveMaxPool2d((2, 3)), (2, 5, 7), [(2, 2, 3)]),
    (nn.AdaptiveMaxPool2d((5, 1), True), (2, 5, 7), [(2, 5, 1), (2, 5, 1)]),
    (nn.BatchNorm3d(2), (2, 3, 2, 2), [(2, 3, 2, 2)]),
    (nn.InstanceNorm1d(2, affine=True), (2, 7), [(2, 7)]),
    (nn.InstanceNorm2d(2, track_running_stats=True), (2, 5, 7), [(2, 5, 7)]),
    (nn.GroupNorm(2, 4), (4, 5), [(4, 5)]),
    (nn.RMSNorm((5, 7)), (2, 5, 7), [(2, 5, 7)]),
    (nn.LocalResponseNorm(3), (4, 5), [(4, 5)]),
]


def several(y):
    return y if isinstance(y, tuple) else (y,)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layer, sample, shapes", [pytest.param(*row, id=str(row[0])) for row in LAYERS])
def test_a_layer_on_a_symbol(layer, sample, shapes, training):
    layer.train(training)
    x = Input(sample)
    y = layer(x)
    graph = Graph(x, list(several(y)))
    assert [part.shape[1:] for part in several(y)] == shapes
    batch = mg.tensor(np.random.default_rng(0).standard_normal((3, *sample)).astype("f4"))
    for found, expected in zip(several(graph(batch)), several(layer(batch)), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
        assert found.dtype == expected.dtype


def test_pooling_and_back_in_a_graph():
    pool, unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
    x = Input((2, 5, 6))
    y = unpool(*pool(x), (5, 6))
    assert y.shape[1:] == (2, 5, 6)
    batch = mg.tensor(np.random.default_rng(0).standard_normal((3, 2, 5, 6)))
    found = Graph(x, y)(batch).numpy()
    assert found.shape == (3, 2, 5, 6) and np.count_nonzero(found) == 3 * 2 * 2 * 3
    np.testing.assert_array_equal(found[found != 0], batch.numpy()[found != 0])


def test_a_network_of_them_learns():
    """Every parameter gets a gradient, and one step lowers the loss."""
    mg.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.GroupNorm(2, 4), nn.ReLU(), nn.LocalResponseNorm(3),
                        nn.InstanceNorm2d(4, affine=True), nn.AdaptiveMaxPool2d(3), nn.Flatten(), nn.RMSNorm(36),
                        nn.Linear(36, 2))
    x, target = mg.randn(8, 1, 9, 8), mg.tensor(np.arange(8) % 2)
    losses = []
    for _ in range(2):
        loss = nn.functional.cross_entropy(net(x), target)
        losses.append(loss.item())
        net.zero_grad()
        loss.backward()
        with mg.no_grad():
            for parameter in net.parameters():
                assert np.any(parameter.grad.numpy())
                parameter[...] = parameter - 0.05 * parameter.grad
    assert losses[1] < losses[0]
