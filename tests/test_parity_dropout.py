"""Dropout: PyTorch draws other numbers, so what it does is compared given the mask, and else by its properties."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, same_layer, sides

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input
from minigrad.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore:dropout2d")
FUNCTIONS = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
LAYERS = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
LOW = -1.0507009873554805 * 1.6732632423543772          # where selu saturates
SHAPES = st.lists(sides(), max_size=6).map(tuple)


def scale_and_shift(p):
    """Klambauer et al. 2017, section 3: a and b of alpha dropout."""
    a = (1 - p + LOW ** 2 * p * (1 - p)) ** -0.5
    return a, -a * p * LOW


# --- beside PyTorch's -----------------------------------------------------------------------------------------

@pytest.mark.parity
@pytest.mark.parametrize("name", FUNCTIONS)
@given(st.data())
def test_where_nothing_is_random(name, data):
    """In evaluation, and in training if nothing or all is dropped: the same, and the same refusals of shapes."""
    training = data.draw(st.booleans())
    p = data.draw(st.sampled_from([0.0, 1.0] if training else [0.0, 0.3, 1.0]))
    same(name, [data.draw(arrays(SHAPES))], {"p": p, "training": training, "inplace": False})


@pytest.mark.parity
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("p", [-0.1, 1.5, math.nan])
def test_what_is_no_probability_is_refused(name, p):
    if not math.isnan(p):
        same(name, [np.ones((2, 3, 4))], {"p": p})
    with pytest.raises(ValueError, match=f"the probability must be in \\[0, 1\\], {p} came"):
        getattr(F, name)(mg.ones(2, 3, 4), p, True)


@pytest.mark.parity
@pytest.mark.parametrize("name", LAYERS)
@given(st.data())
def test_layers(name, data):
    import torch

    training = data.draw(st.booleans())
    p, inplace = data.draw(st.sampled_from([0.0, 1.0] if training else [0.0, 0.3, 1.0])), data.draw(st.booleans())
    mine = getattr(nn, name)(p, inplace)
    assert repr(mine) == repr(getattr(torch.nn, name)(p, inplace))
    same_layer(mine, getattr(torch.nn, name)(p), [data.draw(arrays(SHAPES))], training=training)


@pytest.mark.parity
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", [(300, 200), (20, 30, 40), (20, 30, 5, 4), (10, 20, 3, 4, 5)])
def test_the_same_elements_go_together(name, shape):
    """What PyTorch drops as one, minigrad drops as one: how many different masks there are along each axis."""
    import torch

    if name == "dropout1d" and len(shape) > 3:
        return
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                     # of PyTorch, about shapes that it would rather not take
        theirs = getattr(torch.nn.functional, name)(torch.ones(shape), 0.4, True)
    masks = [getattr(F, name)(mg.ones(shape), 0.4, True).numpy() > 0.5, theirs.numpy() > 0.5]
    for axis in range(len(shape)):
        alike = [bool((np.diff(mask.astype(int), axis=axis) == 0).all()) for mask in masks]
        assert alike[0] == alike[1], f"axis {axis}"


# --- given the mask -------------------------------------------------------------------------------------------

@given(st.data())
def test_alpha_dropout_of_a_mask(data):
    p = data.draw(st.sampled_from([0.0, 0.2, 0.5, 0.9]))
    shape = data.draw(SHAPES)
    x, mask = data.draw(arrays(shape)), np.random.default_rng(data.draw(st.integers(0, 99))).random(shape) < 0.5
    leaf = mg.Tensor(x, True)
    y = ops.alpha_dropout(leaf, mask, p)
    a, b = scale_and_shift(p)
    np.testing.assert_allclose(y.numpy(), a * np.where(mask, x, LOW) + b, rtol=1e-13, atol=1e-13)
    (g,) = mg.grad(y, [leaf], mg.ones_like(y))
    np.testing.assert_allclose(g.numpy(), np.where(mask, a, 0), rtol=1e-13)


# --- what holds of chance -------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_elements_are_kept_with_probability_1_minus_p(p, dtype):
    mg.manual_seed(0)
    x = mg.full((100_000,), 2.0, dtype=dtype)
    y = F.dropout(x, p)
    kept = y.numpy() != 0
    assert y.dtype == dtype and abs(kept.mean() - (1 - p)) < 0.01          # more than 5 standard deviations
    np.testing.assert_allclose(y.numpy()[kept], 2 / (1 - p), rtol=1e-3)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_dropout_keeps_mean_and_variance(name, p):
    mg.manual_seed(1)
    x = mg.randn(40_000, 10)
    y = getattr(F, name)(x, p, True).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.var() - 1) < 0.03
    a, b = scale_and_shift(p)
    dropped = np.isclose(y, a * LOW + b, rtol=1e-5)
    assert abs(dropped.mean() - p) < 0.01
    np.testing.assert_allclose(y[~dropped], a * x.numpy()[~dropped] + b, rtol=1e-4, atol=1e-5)


def test_alpha_dropout_keeps_them_through_a_deep_network_of_selu():
    mg.manual_seed(2)
    x = mg.randn(1000, 100)
    for _ in range(8):
        x = F.alpha_dropout(F.selu(x @ (mg.randn(100, 100) / 10)), 0.1, True)
    assert abs(x.numpy().mean()) < 0.1 and abs(x.numpy().var() - 1) < 0.2


@pytest.mark.parametrize("name, shape, channels", [
    ("dropout1d", (50, 40, 7), 2), ("dropout1d", (2000, 7), 1), ("dropout2d", (50, 40, 3, 5), 2),
    ("dropout2d", (50, 40, 5), 2), ("dropout3d", (50, 40, 2, 3, 2), 2), ("dropout3d", (2000, 2, 3, 2), 1),
    ("feature_alpha_dropout", (50, 40, 3, 5), 2),
])
def test_a_channel_goes_as_a_whole(name, shape, channels):
    mg.manual_seed(3)
    mask = getattr(F, name)(mg.ones(shape), 0.3, True).numpy() > 0.5
    flat = mask.reshape(*shape[:channels], -1)
    assert (flat == flat[..., :1]).all()
    assert abs(flat[..., 0].mean() - 0.7) < 0.06


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_generator_decides(name):
    x = mg.ones(20, 30, 4)
    first, second, other = [getattr(F, name)(x, 0.5, True, generator=np.random.default_rng(seed)).numpy()
                            for seed in (0, 0, 1)]
    assert (first == second).all() and (first != other).any()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_input_stays_as_it_is(name):
    x = mg.ones(20, 30, 4)
    getattr(F, name)(x, 0.5, True, True)
    assert (x.numpy() == 1).all()


@pytest.mark.parametrize("training", [True, False])
def test_rrelu_draws_slopes_between_its_bounds(training):
    mg.manual_seed(4)
    x = mg.tensor(np.linspace(-2, 2, 4001), requires_grad=True)
    layer = nn.RReLU(0.1, 0.3).train(training)
    y = layer(x)
    (slopes,) = mg.grad(y, [x], mg.ones_like(y))
    left, slopes = x.numpy() <= 0, slopes.numpy()
    np.testing.assert_allclose(y.numpy(), slopes * x.numpy(), rtol=1e-12)
    assert (slopes[~left] == 1).all()
    if training:
        assert 0.1 <= slopes[left].min() < 0.101 and 0.299 < slopes[left].max() < 0.3
        assert abs(slopes[left].mean() - 0.2) < 0.01
    else:
        np.testing.assert_allclose(slopes[left], 0.2, rtol=1e-12)


# --- in a graph -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, layer", [*zip(FUNCTIONS, LAYERS, strict=True), ("rrelu", "RReLU")])
def test_on_a_symbol_it_is_a_layer_that_follows_train_and_eval(name, layer):
    x = Input((6, 50))
    y = getattr(F, name)(x, training=True)
    assert y.shape == x.shape
    graph = Graph(x, y)
    assert layer in [type(module).__name__ for module in graph.modules()]
    values = mg.tensor(np.full((4, 6, 50), -1.0, "f4"))
    drawn, still = graph.train()(values).numpy(), graph.eval()(values).numpy()
    assert len(np.unique(drawn)) > 1 and len(np.unique(still)) == 1
