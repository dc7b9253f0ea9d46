"""trainable=False: what a frozen layer does not learn, does not count, and does not leave on the tape."""

from __future__ import annotations

import copy
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed
from tapes import calls_on_tape, names_on_tape

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops, optim


def trunk() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))


def net() -> nn.Sequential:
    return nn.Sequential(trunk(), nn.Flatten(), nn.Linear(64, 5))


def images(n=6, seed=0):
    return mg.Tensor(np.random.default_rng(seed).normal(2, 3, (n, 3, 8, 8)).astype("float32"))


def state(module) -> dict:
    return {name: array.copy() for name, array in module.state_dict().items()}


def train(model, optimizer, steps=3):
    targets = mg.tensor(np.arange(6) % 5)
    for step in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(images(seed=step)), targets).backward()
        optimizer.step()


# --- the switch -----------------------------------------------------------------------------------------------

def test_a_parent_freezes_all_that_is_inside():
    model = net()
    assert model.trainable and all(m.trainable for m in model.modules())
    model[0].trainable = False
    assert model.trainable and [m.trainable for m in model] == [False, True, True]
    assert not any(m.trainable for m in model[0].modules())
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["2.weight", "2.bias"]
    model.trainable = True
    assert all(m.trainable for m in model.modules()) and all(p.requires_grad for p in model.parameters())


def test_thawing_gives_back_only_what_freezing_took():
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad = False
    for _ in range(2):                                  # freezing twice is freezing once
        layer.trainable = False
    assert not layer.weight.requires_grad
    layer.trainable = True
    assert layer.weight.requires_grad and not layer.bias.requires_grad
    layer.trainable = True
    assert not layer.bias.requires_grad


def test_train_and_eval_do_not_thaw():
    model = net()
    model.trainable = False
    model.eval().train()
    assert model.training and not model.trainable and not any(p.requires_grad for p in model.parameters())


def test_a_shared_parameter_does_what_was_set_last():
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight = a.weight
    a.trainable = False
    assert not b.weight.requires_grad and b.trainable and b.bias.requires_grad
    b.trainable = True
    assert a.weight.requires_grad and not a.trainable


def test_a_layer_that_comes_later_is_not_frozen():
    model = nn.Sequential(nn.Linear(2, 2))
    model.trainable = False
    model.append(nn.Linear(2, 2))
    assert not model.trainable and model[1].trainable and model[1].weight.requires_grad


@pytest.mark.parametrize("wrong", [0, 1, None, "False", [False], mg.tensor(False)])
def test_trainable_is_true_or_false(wrong):
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="Linear: trainable must be True or False, .* came"):
        layer.trainable = wrong
    assert layer.trainable and layer.weight.requires_grad


def test_numpys_booleans_are_booleans():
    layer = nn.Linear(2, 2)
    layer.trainable = np.bool_(False)
    assert layer.trainable is False and not layer.weight.requires_grad


def test_nothing_can_take_its_name():
    with pytest.raises(ValueError, match="'trainable' cannot name a buffer"):
        nn.Linear(2, 2).register_buffer("trainable", np.ones(2))


def test_a_copy_is_as_frozen():
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad = False
    model = nn.Sequential(layer, nn.BatchNorm1d(2))
    model[0].trainable = False
    twin = copy.deepcopy(model)
    assert [m.trainable for m in twin] == [False, True]
    twin[0].trainable = True
    assert twin[0].weight.requires_grad and not twin[0].bias.requires_grad
    assert not model[0].trainable and not model[0].weight.requires_grad


def test_moving_keeps_it():
    layer = nn.Linear(3, 2)
    layer.trainable = False
    layer.double()
    assert not layer.trainable and not layer.weight.requires_grad
    layer.trainable = True
    assert layer.weight.requires_grad and layer.weight.dtype == "float64"


# --- running statistics ---------------------------------------------------------------------------------------

LAYERS = {
    "BatchNorm1d": (nn.BatchNorm1d, (4, 3)), "BatchNorm1d of sequences": (nn.BatchNorm1d, (4, 3, 5)),
    "BatchNorm2d": (nn.BatchNorm2d, (4, 3, 2, 2)), "BatchNorm3d": (nn.BatchNorm3d, (4, 3, 2, 1, 2)),
    "InstanceNorm1d": (nn.InstanceNorm1d, (4, 3, 5)), "InstanceNorm2d": (nn.InstanceNorm2d, (4, 3, 2, 3)),
    "InstanceNorm3d": (nn.InstanceNorm3d, (4, 3, 2, 1, 2)),
}


def with_statistics(name, **options):
    """The layer after it has seen a batch, and its input."""
    kind, shape = LAYERS[name]
    layer = kind(3, affine=True, track_running_stats=True, **options)
    rng = np.random.default_rng(3)
    for vector in (layer.weight, layer.bias):
        vector.data[...] = rng.normal(size=3)
    layer(mg.Tensor(rng.normal(3, 2, shape).astype("float32")))
    return layer, mg.Tensor(rng.normal(-1, 4, shape).astype("float32"))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("momentum", [0.1, None])
def test_a_frozen_normalisation_uses_its_running_statistics_and_leaves_them(name, momentum):
    layer, x = with_statistics(name, momentum=momentum)
    before, expected = state(layer), layer.eval()(x).numpy()
    layer.train()
    layer.trainable = False
    assert layer.training
    np.testing.assert_array_equal(layer(x).numpy(), expected)
    for key, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[key])
    layer.trainable = True
    assert np.abs(layer(x).numpy() - expected).max() > 0.1
    moves = momentum is not None or "Batch" in name             # InstanceNorm without momentum has them stay
    assert moves is bool((layer.running_mean != before["running_mean"]).any())
    assert "Instance" in name or layer.num_batches_tracked == before["num_batches_tracked"] + 1


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3, track_running_stats=False), nn.InstanceNorm2d(3)])
def test_where_there_are_none_the_inputs_own_are_used(layer):
    x = images()
    expected = layer(x).numpy()
    layer.trainable = False
    np.testing.assert_array_equal(layer(x).numpy(), expected)


def test_one_value_per_channel_is_enough_for_a_frozen_batch_norm():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="training needs more than one value"):
        layer(mg.ones(1, 3))
    layer.trainable = False
    np.testing.assert_allclose(layer(mg.ones(1, 3)).numpy(), 1, rtol=1e-4)


def test_a_frozen_dropout_drops():
    layer = nn.Dropout(0.5)
    layer.trainable = False
    assert (layer(mg.ones(100)).numpy() == 0).any()
    assert (layer.eval()(mg.ones(100)).numpy() == 1).all()


@pytest.mark.parity
@pytest.mark.parametrize("name", LAYERS)
def test_a_frozen_normalisation_is_pytorchs_in_eval_mode_without_gradients(name):
    import torch

    layer, x = with_statistics(name)
    other = getattr(torch.nn, name.split()[0])(3, affine=True, track_running_stats=True)
    other.load_state_dict({key: torch.tensor(value) for key, value in layer.state_dict().items()}, strict=False)
    other.eval().requires_grad_(False)
    layer.train().trainable = False
    mine, theirs = mg.tensor(x.numpy(), requires_grad=True), torch.tensor(x.numpy(), requires_grad=True)
    weights = np.random.default_rng(4).normal(size=x.shape).astype("float32")
    y, z = layer(mine), other(theirs)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-5, atol=1e-5)
    (y * mg.tensor(weights)).sum().backward()
    (z * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-5, atol=1e-5)
    assert all(p.grad is None for p in layer.parameters())


# --- the tape -------------------------------------------------------------------------------------------------

def test_a_frozen_prefix_leaves_nothing_on_the_tape():
    model = net()
    assert names_on_tape(model(images())) == ["conv2d", "batch_norm_train", "max_pool2d", "relu", "reshape", "linear"]
    model[0].trainable = False
    features = model[0](images())
    assert not features.requires_grad and calls_on_tape(features) == []
    assert names_on_tape(model(images())) == ["linear"]


def test_a_frozen_layer_in_the_middle_passes_gradients_and_gathers_none():
    first, middle, last = nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), nn.Linear(4, 2)
    model = nn.Sequential(first, middle, last)
    x = mg.Tensor(np.random.default_rng(0).normal(size=(5, 3)).astype("float32"))
    middle.eval()
    (model(x) ** 2.0).sum().backward()
    expected = {name: p.grad.numpy() for name, p in model.named_parameters()}
    model.zero_grad()
    middle.train()
    middle.trainable = False
    y = model(x)
    assert names_on_tape(y) == ["linear", "linear", "batch_norm_eval", "linear"]
    owners = {id(p): name for name, p in model.named_parameters()}
    leaves = {owners[id(edge)] for call in calls_on_tape(y) for edge in call.edges if id(edge) in owners}
    assert leaves == {"0.weight", "0.bias", "2.weight", "2.bias"}
    (y ** 2.0).sum().backward()
    for name, p in model.named_parameters():
        if name[0] == "1":
            assert p.grad is None
        else:
            np.testing.assert_array_equal(p.grad.numpy(), expected[name])


def held_by_forward(model, x) -> int:
    """Bytes that stay allocated while the result of a forward lives."""
    model(x)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        y = model(x)
        held = tracemalloc.get_traced_memory()[0] - before
        del y
        return held
    finally:
        tracemalloc.stop()


def test_a_frozen_layer_holds_no_activations():
    """A trunk of 8 layers, each giving 1 MB: trained, all are kept; frozen, only what the head reads."""
    layers = [nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(4)]
    model = nn.Sequential(*layers, nn.Linear(64, 1))
    x = mg.ones(4096, 64)
    one = 4096 * 64 * 4
    trained = held_by_forward(model, x)
    assert trained > 4 * one
    for layer in layers:
        layer.trainable = False
    assert one <= held_by_forward(model, x) < 1.2 * one


def test_a_frozen_batch_norm_in_the_middle_holds_nothing_of_the_size_of_its_input():
    norm = nn.BatchNorm1d(64)
    norm.trainable = False
    x = mg.tensor(np.ones((4096, 64), "float32"), requires_grad=True)
    one = 4096 * 64 * 4
    assert one <= held_by_forward(norm, x) < 1.2 * one              # its output


# --- learning ---------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": lambda ps: optim.SGD(ps, 0.1, momentum=0.9, weight_decay=0.1),
    "Adam": lambda ps: optim.Adam(ps, weight_decay=0.1),
    "AdamW": lambda ps: optim.AdamW(ps, weight_decay=0.1),
    "RMSprop": lambda ps: optim.RMSprop(ps, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("when", ["before", "between", "after backward"])
def test_optimizers_pass_frozen_layers_over(name, when):
    """Also with weight decay and momentum, and with gradients from before the freeze."""
    model = net()
    optimizer = OPTIMIZERS[name](model.parameters())
    if when != "before":
        train(model, optimizer)
    if when == "after backward":
        F.cross_entropy(model(images()), mg.tensor(np.arange(6) % 5)).backward()
    model[0].trainable = False
    before = state(model)
    if when == "after backward":
        optimizer.step()
    train(model, optimizer)
    for key, array in model.state_dict().items():
        assert np.array_equal(array, before[key]) is key.startswith("0."), key
    model[0].trainable = True
    train(model, optimizer)
    assert all([not np.array_equal(array, before[key]) for key, array in model.state_dict().items()])


def test_a_model_frozen_whole_cannot_be_trained():
    model = net()
    model.trainable = False
    with pytest.raises(ValueError, match="does not depend on any tensor that requires"):
        model(images()).sum().backward()


@given(st.lists(st.booleans(), min_size=6, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
def test_any_sequence_of_switches_ends_as_its_last(first, second):
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(6)])
    model[0].bias.requires_grad = False
    for switches in first, second:
        for layer, on in zip(model, switches, strict=True):
            layer.trainable = on
    for i, (layer, on) in enumerate(zip(model, second, strict=True)):
        assert layer.trainable is on and layer.weight.requires_grad is on
        assert layer.bias.requires_grad is (on and i > 0)
    y = model(mg.tensor(np.ones((1, 2), "float32")))
    first_live = second.index(True) if True in second else 6
    assert len(calls_on_tape(y)) == 6 - first_live


def test_on_a_device_too():
    with installed():
        model = net().to("cuda")
        model[0].trainable = False
        before = {key: mg.Tensor(array).numpy() for key, array in model.state_dict().items()}
        optimizer = optim.SGD(model.parameters(), 0.1, weight_decay=0.1)
        y = model(images().to("cuda"))
        assert names_on_tape(y) == ["linear"]
        ops.sum(y * y).backward()
        optimizer.step()
        for key, array in model.state_dict().items():
            assert np.array_equal(mg.Tensor(array).numpy(), before[key]) is key.startswith("0.")
