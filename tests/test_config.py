"""Layers know what they are made of: every one comes back from its config, as it is now."""

from __future__ import annotations

import numpy as np
import pytest
from layer_examples import EXAMPLES
from round_trips import outputs, things_of

import minigrad as mg
from minigrad import nn
from minigrad.graph.json_layers import OWN_LAYERS
from minigrad.nn.module import Parameter


@pytest.mark.parametrize(("layer", "inputs"), [(layer, inputs) for layer, *inputs in EXAMPLES],
                         ids=[type(layer).__name__ for layer, *_ in EXAMPLES])
def test_every_layer_comes_back(layer, inputs):
    twin = things_of(layer)
    assert type(twin) is type(layer) and repr(twin) == repr(layer)
    before, after = layer.state_dict(), twin.state_dict()
    assert list(before) == list(after)
    for name, array in before.items():
        assert array.dtype == after[name].dtype and not np.shares_memory(array, after[name])
        np.testing.assert_array_equal(array, after[name])
    assert [(name, p.requires_grad) for name, p in layer.named_parameters()] == \
           [(name, p.requires_grad) for name, p in twin.named_parameters()]
    if inputs[0] is not None:
        for a, b in zip(outputs(layer, inputs), outputs(twin, inputs), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_there_is_an_example_of_every_layer():
    assert set(OWN_LAYERS) == {type(layer).__name__ for layer, *_ in EXAMPLES}


@pytest.mark.parametrize("layer", [layer for layer, *_ in EXAMPLES], ids=lambda layer: type(layer).__name__)
def test_from_config_makes_another_like_it(layer):
    twin = type(layer).from_config(layer.get_config())
    assert repr(twin) == repr(layer) and list(twin.state_dict()) == list(layer.state_dict())


# --- as they are now ------------------------------------------------------------------------------------------

def changed():
    drop, conv, attention = nn.Dropout(0.5), nn.Conv2d(3, 4, 3), nn.MultiheadAttention(8, 2)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2)
    drop.p, conv.padding, attention.dropout = 0.2, (1, 2), 0.3
    attention.out_proj = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
    encoder.layers[1].dropout1.p = 0.9
    encoder.layers.append(nn.Identity())
    encoder.num_layers = 3
    encoder.eval()
    encoder.layers[0].train()
    norm, bare = nn.BatchNorm2d(3), nn.Linear(3, 2)
    norm.track_running_stats, norm.eps, norm.bias = False, 0.1, None
    bare.bias = None
    bare.extra = Parameter(mg.randn(5))
    bare.register_buffer("mask", mg.randn(4).data, persistent=False)
    bare.register_buffer("count", mg.tensor(3).data)
    bare.weight.requires_grad = False
    return [drop, conv, attention, encoder, norm, bare]


@pytest.mark.parametrize("which", range(6))
def test_what_was_changed_after_construction(which):
    layer = changed()[which]
    twin = things_of(layer)
    assert repr(twin) == repr(layer) and list(twin.state_dict()) == list(layer.state_dict())
    assert [m.training for m in twin.modules()] == [m.training for m in layer.modules()]
    assert [p.requires_grad for p in twin.parameters()] == [p.requires_grad for p in layer.parameters()]
    for (name, a), (other, b) in zip(layer.named_buffers(), twin.named_buffers(), strict=True):
        assert name == other
        np.testing.assert_array_equal(a, b)
    for name, value in vars(layer).items():
        if isinstance(value, (bool, int, float, tuple)):
            assert getattr(twin, name) == value


def test_building_draws_no_random_numbers():
    layer = nn.Sequential(nn.Linear(3, 2), nn.LSTM(2, 3))
    mg.manual_seed(4)
    things_of(layer)
    after = mg.rand(3).numpy()
    mg.manual_seed(4)
    np.testing.assert_array_equal(after, mg.rand(3).numpy())


def test_one_layer_in_two_places_stays_one():
    shared, weight = nn.Linear(3, 3), nn.Linear(3, 3)
    weight.bias = shared.bias
    twin = things_of(nn.ModuleList([shared, nn.Sequential(shared), weight]))
    assert twin[0] is twin[1][0] and twin[2].bias is twin[0].bias
    assert list(twin.state_dict()) == ["0.weight", "0.bias", "1.0.weight", "1.0.bias", "2.weight", "2.bias"]
