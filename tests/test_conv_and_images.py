"""Convolutions and functions of images where numbers alone do not tell: graphs, empty inputs, infinity, tables."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops
from minigrad.graph import Graph, Input
from minigrad.ops.resampling import Resampling, taps, transposed

IMAGE, SEQUENCE = (4, 6, 8), (4, 9)
LAYERS = [
    (IMAGE, lambda: nn.Conv2d(4, 6, 4, padding="same", padding_mode="circular")),
    (IMAGE, lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2)),
    (SEQUENCE, lambda: nn.Conv1d(4, 6, 4, padding="same", groups=2)),
    (SEQUENCE, lambda: nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, 2)),
    *[(IMAGE, lambda mode=mode: nn.Upsample(scale_factor=1.7, mode=mode))
      for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")],
    (IMAGE, lambda: nn.UpsamplingNearest2d((3, 5))), (IMAGE, lambda: nn.UpsamplingBilinear2d(scale_factor=2)),
    (IMAGE, lambda: nn.PixelShuffle(2)), (IMAGE, lambda: nn.PixelUnshuffle(2)), (IMAGE, lambda: nn.ChannelShuffle(2)),
    (IMAGE, lambda: nn.Unfold(3, padding=1)), ((36, 48), lambda: nn.Fold((6, 8), 3, padding=1)),
]


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("shape, make", LAYERS, ids=[f"{make()}" for _, make in LAYERS])
def test_a_layer_in_a_graph(shape, make, n):
    """It is one node, whatever the batch size will be, and computes what it computes alone."""
    layer, x = make(), Input(shape)
    graph = Graph(x, layer(x, name="it"))
    assert [node.name for node in graph.nodes] == ["input_1", "it"]
    images = mg.randn(n, *shape)
    y = layer(images)
    assert graph.node("it").shape == ("n", *y.shape[1:])
    np.testing.assert_array_equal(graph(images).numpy(), y.numpy())


FUNCTIONS = [lambda x: F.conv2d(x, mg.ones(3, 4, 2, 2), padding="same"), lambda x: F.pixel_shuffle(x, 2),
             lambda x: F.conv_transpose2d(x, mg.ones(4, 2, 2, 2), stride=2), lambda x: F.interpolate(x, scale_factor=2),
             lambda x: F.interpolate(x, (5, 3), mode="bicubic", align_corners=True), lambda x: F.channel_shuffle(x, 2),
             lambda x: F.fold(F.unfold(x, 2), IMAGE[1:], 2)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_in_a_graph(function):
    x, images = Input(IMAGE), mg.randn(3, *IMAGE)
    np.testing.assert_array_equal(Graph(x, function(x))(images).numpy(), function(images).numpy())


def test_the_output_size_of_a_transposed_layer_in_a_graph():
    x, layer = Input(IMAGE), nn.ConvTranspose2d(4, 6, 3, 2, 1)
    assert layer(x, (11, 16)).shape[1:] == (6, 11, 16)
    assert layer(mg.ones(2, *IMAGE), output_size=(2, 6, 12, 15)).shape == (2, 6, 12, 15)


@pytest.mark.parametrize("kernels", ["auto", "definition"])
def test_no_input_channels(kernels):
    """The sum of no products is 0, so that the bias is left."""
    x, weight, bias = mg.ones(2, 0, 4, 4), mg.ones(3, 0, 2, 2), mg.tensor([1.0, 2, 3], requires_grad=True)
    with mg.config(kernels=kernels):
        y = F.conv2d(x, weight, bias)
        y.sum().backward()
    assert y.shape == (2, 3, 3, 3) and y.numpy()[:, :, 0, 0].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert bias.grad.tolist() == [18, 18, 18]


@pytest.mark.parametrize("shape, function, expected", [
    ((0, 3, 5, 5), lambda x: F.conv_transpose2d(x, mg.ones(3, 2, 3, 3), mg.ones(2), 2, 1, 1), (0, 2, 10, 10)),
    ((0, 3, 5), lambda x: F.conv1d(x, mg.ones(2, 3, 4), padding="same"), (0, 2, 5)),
    ((0, 4, 3, 3), lambda x: F.pixel_shuffle(x, 2), (0, 1, 6, 6)),
    ((0, 1, 4, 6), lambda x: F.pixel_unshuffle(x, 2), (0, 4, 2, 3)),
    ((0, 4, 3), lambda x: F.channel_shuffle(x, 2), (0, 4, 3)),
    *[((0, 2, 4, 5), lambda x, mode=mode: F.interpolate(x, (3, 7), mode=mode), (0, 2, 3, 7))
      for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")],
])
def test_empty_batches(shape, function, expected):
    x = mg.ones(shape, requires_grad=True)
    y = function(x)
    y.sum().backward()
    assert y.shape == expected and x.grad.shape == shape


@pytest.mark.parity
@pytest.mark.parametrize("size", [(6, 8), (2, 3), (5, 7), (2, 6)])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
def test_infinity_and_nan_reach_what_they_reach_in_pytorch(mode, size):
    import torch
    x = np.random.default_rng(0).standard_normal((1, 2, 3, 4))
    x[0, 0, 1, 2], x[0, 1, 2, 0] = np.inf, np.nan
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), size, mode=mode).numpy()
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(F.interpolate(mg.Tensor(x), size, mode=mode).numpy(), expected)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "area"])
def test_infinity_stays_where_the_size_stays(mode):
    """An axis that is as long as before is a copy: nothing is multiplied by a weight of 0."""
    x = mg.tensor([[[[1.0, float("inf"), 3], [-4, 5, 6]]]])
    assert F.interpolate(x, (2, 3), mode=mode).tolist() == x.tolist()


@pytest.mark.parametrize("n, size", [(1, 1), (1, 6), (6, 1), (3, 7), (7, 3), (4, 4)])
@pytest.mark.parametrize("zoomed", [False, True])
@pytest.mark.parametrize("kind, corners, antialias", [
    ("nearest", False, False), ("nearest-exact", False, False), ("area", False, False),
    *[(kind, corners, antialias) for kind in ("linear", "cubic") for corners in (False, True)
      for antialias in (False, True)]])
def test_tables(kind, corners, antialias, zoomed, n, size):
    """Every output is a weighted mean, and the transposed table is the transposed matrix."""
    how = Resampling(kind, (size + 0.4) / n if zoomed else None, corners, antialias)

    def matrix(table, m):
        dense = np.zeros((len(table[0]), m))
        np.add.at(dense, (np.arange(len(dense))[:, None], table[0]), table[1])
        return dense

    there, back = matrix(taps(n, size, how), n), matrix(transposed(n, size, how), size)
    np.testing.assert_allclose(there.sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(back, there.T, rtol=1e-12, atol=1e-15)


def test_a_transposed_convolution_is_the_gradient_of_a_convolution():
    x, weight = mg.randn(2, 4, 5, 6, dtype="float64", requires_grad=True), mg.randn(6, 2, 3, 2, dtype="float64")
    options = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
    y = ops.conv2d(x, weight, **options)
    g = mg.randn(*y.shape, dtype="float64")
    gx = mg.grad(y, x, g)[0]
    back = ops.conv_transpose2d(g, weight, **options)
    assert back.shape == gx.shape
    np.testing.assert_allclose(back.numpy(), gx.numpy(), rtol=1e-12, atol=1e-13)
