"""The comparison with PyTorch can fail: other values, other gradients, a refusal of one side only."""

import numpy as np
import pytest
from side_by_side import same, same_layer

import minigrad.nn.functional as F
from minigrad import nn

pytestmark = pytest.mark.parity
X = np.array([[0.5, -1.0], [2.0, 0.3]])


def test_wrong_values_are_found():
    with pytest.raises(AssertionError, match="outputs of minigrad and PyTorch do not agree"):
        same("relu", [X], mine=F.tanh)


def test_wrong_gradients_are_found():
    with pytest.raises(AssertionError, match="gradients of minigrad and PyTorch do not agree"):
        same("relu", [X], mine=lambda x: F.relu(x) + (x * 0.1 - (x * 0.1).detach()))


def test_wrong_second_gradients_are_found():
    with pytest.raises(AssertionError, match="second gradients of minigrad and PyTorch do not agree"):
        same("tanh", [X], mine=lambda x: F.tanh(x) + (x - x.detach()) ** 2)


def test_wrong_second_gradients_are_found_where_gradients_add_up_to_0():
    def wrong(x, dim):
        centred = x - x.mean(dim, keepdim=True)
        return F.softmax(x, dim) + (centred - centred.detach()) ** 2

    with pytest.raises(AssertionError, match="second gradients of minigrad and PyTorch do not agree"):
        same("softmax", [X, -1], mine=wrong)


def test_what_neither_was_called_with_is_no_agreement():
    with pytest.raises(TypeError):
        same("relu", [np.array(["no number"])])


def test_a_refusal_of_pytorch_alone_is_found():
    with pytest.raises(AssertionError, match="PyTorch refuses, minigrad does not"):
        same("linear", [X, X[:, :1]], mine=lambda x, weight: x)


# --- single precision -----------------------------------------------------------------------------------------

ALIKE = np.array([[1.0, 1.001], [3.0, 2.9], [0.2, 0.5]])       # of which normalization subtracts nearly all
WRONG = [("outputs", lambda y: y * 1e-3), ("gradients", lambda y: (y - y.detach()) * 1e-3)]


def wrong_in_single(function, wrong):
    """minigrad's function, with something of its output added to it in float32 alone."""
    def called(*args):
        y = function(*args)
        return y + wrong(y) if y.dtype == "float32" else y

    return called


@pytest.mark.parametrize("name, inputs", [("relu", [X]), ("softmax", [X, -1]), ("layer_norm", [ALIKE, (2,)])])
@pytest.mark.parametrize("what, wrong", WRONG)
def test_a_thousandth_that_is_wrong_is_found(name, inputs, what, wrong):
    with pytest.raises(AssertionError, match=f"^{what} of minigrad and PyTorch do not agree"):
        same(name, inputs, mine=wrong_in_single(getattr(F, name), wrong), device=False)


@pytest.mark.parametrize("what, wrong", WRONG)
def test_a_thousandth_that_is_wrong_after_many_layers_is_found(what, wrong):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    x = np.random.default_rng(0).standard_normal((2, 3, 4))

    def encoder(nn):
        return nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, 0.0), 6, enable_nested_tensor=False)

    same_layer(encoder(nn), encoder(torch.nn), [x], device=False)
    with pytest.raises(AssertionError, match=f"^{what} of minigrad and PyTorch do not agree"):
        same_layer(encoder(nn), encoder(torch.nn), [x], call=lambda layer: wrong_in_single(layer, wrong), device=False)


@pytest.mark.parametrize("seed", range(5))
def test_the_rounding_that_pytorch_has_too_is_no_fault(seed):
    """Of elements that are nearly alike the variance has lost half of its digits, in either."""
    x = 1 + 1e-3 * np.random.default_rng(seed).standard_normal((4, 3))
    same("layer_norm", [x, (3,)], {"eps": 1e-7})
