"""The Normalization layer: statistics over a data set, in a model, in its files, on a device."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed, syncs

import minigrad as mg
from minigrad import nn
from minigrad.data import Arrays, DataError, Loader
from minigrad.data.transforms import Normalize
from minigrad.graph import Graph, Input
from minigrad.nn.input_normalization import ChannelStatistics


def rng(seed=0):
    return np.random.default_rng(seed)


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(1, 4), st.booleans())
def test_statistics_in_any_parts_are_those_of_the_whole(sizes, c, as_bytes):
    if not sum(sizes):
        sizes.append(1)
    values = rng(sum(sizes)).normal(100, 20, (sum(sizes), c, 3, 2))
    x = values.clip(0, 255).astype(np.uint8) if as_bytes else values.astype(np.float32)
    statistics = ChannelStatistics()
    for part in np.split(x, np.cumsum(sizes)[:-1]):
        statistics.update(part)
    mean, std = statistics.compute()
    whole = x.astype(float) / (255 if as_bytes else 1)
    np.testing.assert_allclose(mean, whole.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std, whole.std((0, 2, 3)), rtol=1e-5)
    assert mean.dtype == std.dtype == np.float32


def test_statistics_far_from_zero():
    """Where the mean of the squares minus the square of the mean would be rounding alone."""
    x = (1e4 + rng().normal(0, 0.01, (500, 1, 4))).astype(np.float64)
    np.testing.assert_allclose(nn.Normalization.of(x).std, x.std(), rtol=1e-4)


def test_of_every_kind_of_data():
    x = rng().integers(0, 256, (600, 3, 5, 4)).astype(np.uint8)
    labels = np.arange(600)
    like = nn.Normalization.of(x)
    np.testing.assert_allclose(like.mean, x.mean((0, 2, 3)) / 255, rtol=1e-6)
    whole = Arrays(x, labels)
    for data in (mg.tensor(x), whole, list(zip(x, labels, strict=True)), whole.subset(slice(None))):
        other = nn.Normalization.of(data)
        np.testing.assert_allclose(other.mean, like.mean, rtol=1e-6)
        np.testing.assert_allclose(other.std, like.std, rtol=1e-6)
    np.testing.assert_allclose(nn.Normalization.of(Loader(whole, 64, workers=2)).std, like.std, rtol=1e-6)
    y = nn.Normalization.of(x)(mg.tensor(x)).numpy()
    np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 2, 3)), 1, atol=1e-5)
    features = rng().normal(3, 2, (50, 7)).astype(np.float32)
    np.testing.assert_allclose(nn.Normalization.of(features)(mg.tensor(features)).numpy().std(0), 1, atol=1e-5)


def test_a_channel_of_one_value_keeps_its_scale():
    x = np.stack([np.full((9, 4), 0.1, np.float32), rng().random((9, 4), np.float32), np.zeros((9, 4), np.float32)], 1)
    layer = nn.Normalization.of(x)
    assert layer.std[0] == layer.std[2] == 1 and 0.1 < layer.std[1] < 0.5
    y = layer(mg.tensor(x)).numpy()
    assert np.isfinite(y).all() and abs(y[:, 0]).max() < 1e-6


def test_bytes_and_floats_are_one_input():
    x = rng().integers(0, 256, (2, 3, 4, 4)).astype(np.uint8)
    layer = nn.Normalization([0.4, 0.5, 0.6], [0.2, 0.3, 0.25])
    out = layer(mg.tensor(x))
    expected = (x / 255 - np.array([0.4, 0.5, 0.6])[:, None, None]) / np.array([0.2, 0.3, 0.25])[:, None, None]
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(layer(mg.tensor((x / 255).astype(np.float32))).numpy(), expected, atol=1e-6)
    assert out.dtype == np.float32 and nn.Normalization(0.5, 2)(mg.tensor(x.astype(np.float64))).dtype == np.float64
    assert layer(mg.tensor((x / 255).astype(np.float16))).dtype == np.float16


def test_gradients_flow_to_the_input():
    x = mg.tensor(rng().random((2, 3), np.float32), requires_grad=True)
    nn.Normalization(0, [1, 2, 4])(x).sum().backward()
    assert x.grad.numpy().tolist() == [[1, 0.5, 0.25]] * 2
    assert list(nn.Normalization(0, 1).parameters()) == []


def test_in_a_graph_and_its_files(tmp_path):
    """The layer is one node; the names of the layers behind it stay; what is saved brings mean and std back."""
    def make(normalization):
        x = Input((3, 6, 6), name="image")
        return Graph(x, nn.Conv2d(3, 2, 3)(normalization(x, name="normalization"), name="conv1"))

    images = rng().integers(0, 256, (20, 3, 6, 6)).astype(np.uint8)
    model = make(nn.Normalization.of(images))
    assert list(model.state_dict()) == ["normalization.mean", "normalization.std", "conv1.weight", "conv1.bias"]
    mg.save(model, tmp_path / "model.safetensors")
    state = model.state_dict()
    for other in (mg.load(tmp_path / "model.safetensors"), make(nn.Normalization(0, [1, 1, 1]))):
        other.load_state_dict({name: array.copy() for name, array in state.items()})
        assert (other(mg.tensor(images)).numpy() == model(mg.tensor(images)).numpy()).all()
    again = nn.Normalization.from_config(model.node("normalization").what.get_config())
    assert (again.mean == state["normalization.mean"]).all() and (again.std == state["normalization.std"]).all()
    assert "normalization" in str(model.summary())


def test_on_a_device_it_waits_for_nobody():
    x = rng().integers(0, 256, (4, 3, 2, 2)).astype(np.uint8)
    layer = nn.Normalization.of(x)
    expected = layer(mg.tensor(x)).numpy()
    with installed():
        layer.to("cuda")
        batch = mg.tensor(x).to("cuda")
        syncs.clear()
        out = layer(batch)
        assert syncs == []
        np.testing.assert_allclose(out.numpy(), expected, atol=1e-6)
        np.testing.assert_allclose(nn.Normalization.of(batch).mean, x.mean((0, 2, 3)) / 255, rtol=1e-6)


def test_repr():
    assert repr(nn.Normalization(0.1307, 0.3081)) == "Normalization(mean=0.1307, std=0.3081)"
    assert repr(nn.Normalization([0.1, 0.2], 1)) == "Normalization(mean=[0.1, 0.2], std=[1.0, 1.0])"
    assert repr(nn.Normalization(np.zeros(9), 1)) == "Normalization(mean=(9 channels), std=(9 channels))"


@pytest.mark.parametrize(("mean", "std", "says"), [
    (0, 0, "expected a positive std, 0 came"), ([0, 1], [1, -1], "expected a positive std"),
    ([0, 1], [1, 1, 1], r"a mean and a std of one length, \(2,\) and \(3,\) came"),
    (float("nan"), 1, "expected mean to be a finite number, or one for each channel, nan came"),
    (0, float("inf"), "expected std to be a finite number"), (np.zeros((2, 2)), 1, "expected mean to be"),
    ([], 1, "expected mean to be"),
])
def test_arguments_that_are_none(mean, std, says):
    with pytest.raises(ValueError, match=says):
        nn.Normalization(mean, std)


def test_inputs_that_are_none():
    layer = nn.Normalization([0, 0, 0], 1)
    with pytest.raises(ValueError, match=r"Normalization: expected an input \(n, 3, \.\.\.\).*\(2, 4, 5, 5\) came"):
        layer(mg.tensor(np.zeros((2, 4, 5, 5), np.float32)))
    with pytest.raises(ValueError, match=r"\(3,\) came"):
        layer(mg.tensor(np.zeros(3, np.float32)))
    with pytest.raises(TypeError, match="Normalization: expected floats, or uint8 from 0 to 255, int64 came"):
        layer(mg.tensor(np.zeros((2, 3), np.int64)))
    with pytest.raises(ValueError, match="3 channels"):             # at the line that builds the wrong node
        layer(Input((4, 5, 5)))


@pytest.mark.parametrize(("data", "says"), [
    ([], "at least one example, none came"),
    (np.zeros((0, 3, 2)), "at least one example, none came"),
    (np.zeros((4, 3), np.int64), r"inputs \(n, c, ...\) of floats or uint8, \(4, 3\) of int64 came"),
    (np.zeros(4), r"inputs \(n, c, ...\) of floats or uint8, \(4,\) of float64 came"),
    ([({"a": np.zeros(3)}, 0)], "data whose input is one array, dict came"),
    ([3], "data whose input is one array, NoneType came"),
    ([(np.zeros((3, 2)), 0), (np.zeros((4, 2)), 0)], "3 channels as before, 4 came"),
])
def test_data_that_is_none(data, says):
    with pytest.raises(ValueError, match=f"^Normalization.of: expected {says}"):
        nn.Normalization.of(data)
    with pytest.raises(DataError, match=f"^Normalize.of: expected {says}"):
        Normalize.of(data)
