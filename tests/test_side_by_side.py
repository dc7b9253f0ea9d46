"""The comparison with PyTorch can fail: other values, other gradients, a refusal of one side only."""

import numpy as np
import pytest
from side_by_side import same

import minigrad.nn.functional as F

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
