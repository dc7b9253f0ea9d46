"""Modules and optimizers on the strict double of CuPy: whole training steps, without a wait for the device."""

import numpy as np
import pytest
from compare import assert_same
from strict_cupy import cupy, installed, syncs

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim


@pytest.fixture(autouse=True)
def double():
    with installed():
        yield


def lenet5():
    return nn.Sequential(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
                         nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
                         nn.Linear(84, 10))


def modern():
    return nn.Sequential(nn.Conv2d(1, 6, 4, padding="same"), nn.BatchNorm2d(6), nn.ReLU(),
                         nn.MaxPool2d(4, ceil_mode=True), nn.Dropout(0.2), nn.Conv2d(6, 4, 3, 2, bias=False),
                         nn.BatchNorm2d(4, momentum=None),
                         nn.LeakyReLU(), nn.Flatten(), nn.LayerNorm(36), nn.Linear(36, 10))


OPTIMIZERS = [lambda ps: optim.SGD(ps, 0.05, 0.9),
              lambda ps: optim.SGD(ps, 0.05, 0.9, weight_decay=0.01, nesterov=True),
              lambda ps: optim.Adam(ps, amsgrad=True, weight_decay=0.01)]


def data():
    rng = np.random.default_rng(0)
    return mg.tensor(rng.standard_normal((4, 1, 32, 32)).astype("f4")), mg.tensor(rng.integers(0, 10, 4))


def train(model, x, target, make, steps=3):
    optimizer, losses = make(model.parameters()), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return losses


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("model", [lenet5, modern])
def test_a_training_step_never_waits(model, make):
    model, (x, target) = model().to("cuda"), data()
    x, target = x.to("cuda"), target.to("cuda")
    syncs.clear()
    losses = train(model, x, target, make)
    assert syncs == []
    assert losses[-1].item() > 0 and syncs == ["item"]             # the log's one wait
    assert {p.device for p in model.parameters()} == {"cuda:0"}


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_both_devices_train_alike(make):
    here, there, (x, target) = lenet5(), lenet5().to("cuda"), data()
    there.load_state_dict(here.state_dict())
    ours = train(here, x, target, make)
    theirs = train(there, x.to("cuda"), target.to("cuda"), make)
    assert_same([y.numpy() for y in ours], [y.numpy() for y in theirs], 1e-4)
    for p, q in zip(here.parameters(), there.parameters(), strict=True):
        assert_same(p.numpy(), q.numpy(), 1e-3, 1e-5)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_training_goes_on_after_a_move(make):
    """Parameters keep their identity, gradients and buffers come along, the optimizer's state follows."""
    model, (x, target) = modern(), data()
    optimizer, weight = make(model.parameters()), model[0].weight
    for device in ("cpu", "cuda", "cuda:1", "cpu"):
        assert model.to(device) is model and model[0].weight is weight
        x, target = x.to(device), target.to(device)
        optimizer.step()                                           # with the gradients that came along, if any
        optimizer.zero_grad()
        F.cross_entropy(model(x), target).backward()
        where = weight.device
        assert where == {"cuda": "cuda:0"}.get(device, device) and weight.grad.device == where
    assert {type(b) for b in model.buffers()} == {np.ndarray}
    optimizer.step()
    arrays = [a for state in optimizer.state.values() for a in state.values() if hasattr(a, "shape")]
    assert {type(a) for a in arrays} == {np.ndarray}


def test_states_cross_devices():
    here, there = modern(), modern().cuda(1)
    there.load_state_dict(here.state_dict())
    assert {p.device for p in there.parameters()} == {"cuda:1"}
    here.load_state_dict(there.state_dict())
    for name, array in here.state_dict().items():
        assert type(array) is np.ndarray
        assert_same(array, there.state_dict()[name].get())
    optimizers = [optim.Adam(model.parameters()) for model in (here, there)]
    for p in here.parameters():
        p.grad = mg.ones(*p.shape)
    optimizers[0].step()
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    (state, *_) = optimizers[1].state.values()
    assert type(state["exp_avg"]) is cupy.ndarray and state["exp_avg"].device.id == 1 and state["step"] == 1


def test_parameters_begin_on_their_device():
    layers = [nn.Linear(3, 2, device="cuda:1"), nn.Conv2d(1, 2, 3, device="cuda:1"), nn.LayerNorm(3, device="cuda:1"),
              nn.BatchNorm2d(3, device="cuda:1")]
    assert {p.device for layer in layers for p in layer.parameters()} == {"cuda:1"}
    assert {b.device.id for b in layers[-1].buffers()} == {1}
    for fill in (nn.init.orthogonal_, nn.init.xavier_normal_, nn.init.kaiming_uniform_, nn.init.zeros_):
        assert fill(layers[0].weight).device == "cuda:1"


def test_a_model_and_its_input_on_two_devices():
    with pytest.raises(TypeError, match=r"conv2d: x is on cpu, weight is on cuda:0.*weight.to\('cpu'\) mends it"):
        lenet5().to("cuda")(data()[0])


def test_attention_and_its_mask():
    q = mg.randn(2, 3, 4, device="cuda", requires_grad=True)
    syncs.clear()
    F.scaled_dot_product_attention(q, q, q, dropout_p=0.3).sum().backward()
    assert syncs == [] and q.grad.device == "cuda:0"
