"""Optimizers, clipping, first values and hooks on the strict double of CuPy: the same numbers, and nothing waits."""

import numpy as np
import pytest
from compare import assert_same
from strict_cupy import cupy, installed, syncs

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import Parameter, init
from minigrad.tensor import Tensor

EVERY = {"SGD": {"momentum": 0.9}, "Adam": {"amsgrad": True}, "AdamW": {}, "NAdam": {}, "RAdam": {}, "Adamax": {},
         "RMSprop": {"centered": True, "momentum": 0.9}, "Adagrad": {}, "Adadelta": {}}


@pytest.fixture(autouse=True)
def double():
    with installed():
        yield


def parameters(device, dtype="f4"):
    ps = [Parameter(mg.tensor(np.linspace(-1, 1, 6).reshape(shape).astype(dtype), device=device))
          for shape in ((2, 3), (6,))] + [Parameter(mg.tensor(np.array(0.5, dtype), device=device))]
    for i, p in enumerate(ps):
        p.grad = Tensor(mg.tensor(np.sin(np.arange(p.data.size) + i).reshape(p.shape).astype(dtype),
                                  device=device).data)
    return ps


@pytest.mark.parametrize("dtype", ["f4", "f2"])
@pytest.mark.parametrize("name", EVERY)
def test_steps_are_those_of_the_cpu_and_never_wait(name, dtype):
    here, there = parameters("cpu", dtype), parameters("cuda:1", dtype)
    optimizers = [getattr(optim, name)(ps, weight_decay=0.1, maximize=True, **EVERY[name]) for ps in (here, there)]
    syncs.clear()
    for _ in range(6):
        optimizers[0].step(), optimizers[1].step()
    assert syncs == []
    for p, q in zip(here, there, strict=True):
        assert_same(p.data, q.numpy(), 1e-3 if dtype == "f2" else 1e-5, 1e-5)
        assert all(type(x) is cupy.ndarray and x.device.id == 1
                   for x in optimizers[1].state[q].values() if hasattr(x, "shape"))


@pytest.mark.parametrize("p", [2.0, 1.0, 3.0, float("inf"), 0.0])
def test_clipping_never_waits(p):
    here, there = parameters("cpu"), parameters("cuda")
    syncs.clear()
    total = nn.utils.clip_grad_norm_(there, 0.5, p)
    nn.utils.clip_grad_value_(there, 0.2)
    assert syncs == [] and total.device == "cuda:0"
    expected = nn.utils.clip_grad_norm_(here, 0.5, p)
    nn.utils.clip_grad_value_(here, 0.2)
    assert_same(total.numpy(), expected, 1e-5)
    for a, b in zip(here, there, strict=True):
        assert_same(a.grad, b.grad.numpy(), 1e-5, 1e-6)


def test_clipping_over_two_devices():
    ps = [*parameters("cuda:1"), *parameters("cuda:0")]
    expected = np.sqrt(sum((p.grad.numpy() ** 2).sum() for p in ps))
    total = nn.utils.clip_grad_norm_(ps, 0.1)
    assert total.device == "cuda:1" and total.item() == pytest.approx(expected, rel=1e-5)
    assert np.sqrt(sum((p.grad.numpy() ** 2).sum() for p in ps)) == pytest.approx(0.1, rel=1e-4)


def test_penalties_vectors_and_moves():
    there = parameters("cuda")
    syncs.clear()
    optim.l1_penalty(there, 0.5).backward()
    vector = nn.utils.parameters_to_vector(there)
    nn.utils.vector_to_parameters(vector.detach() * 2, there)
    assert syncs == [] and vector.device == "cuda:0"
    net = nn.Linear(2, 2)
    optimizer = optim.Adam(net.parameters())
    net(mg.ones(1, 2)).sum().backward()
    optimizer.step()
    net.to("cuda:1")
    state = optimizer.state_dict()["state"][0]
    assert type(state["exp_avg"]) is cupy.ndarray and state["exp_avg"].device.id == 1
    assert net.to(mg.zeros(1, device="cuda:0")).weight.device == net.cuda().weight.device == "cuda:0"
    assert net.to(1).weight.device == net.cuda("cuda:1").weight.device == "cuda:1"


@pytest.mark.parametrize("fill", [init.trunc_normal_, init.eye_, lambda p: init.sparse_(p, 0.5), init.xavier_uniform_,
                                  init.orthogonal_])
def test_first_values_are_made_on_the_device(fill):
    p = Parameter(mg.zeros(4, 3, device="cuda:1"))
    syncs.clear()
    assert fill(p) is p and syncs == [] and p.device == "cuda:1" and np.abs(p.numpy()).max() > 0
    kernels = init.dirac_(Parameter(mg.ones(4, 2, 3, 3, device="cuda:1")), 2)
    assert kernels.device == "cuda:1" and kernels.numpy().sum() == 4


def test_backward_hooks_on_the_device():
    layer, x = nn.Linear(2, 2).to("cuda"), mg.ones(1, 2, device="cuda", requires_grad=True)
    seen = []
    layer.register_full_backward_hook(lambda module, gx, gy: (seen.append(gx[0].device), (gx[0] * 2,))[1])
    layer.register_full_backward_pre_hook(lambda module, gy: (gy[0] * 3,))
    syncs.clear()
    layer(x).sum().backward()
    assert syncs == [] and seen == ["cuda:0"] and x.grad.device == "cuda:0"
    assert_same(x.grad.numpy(), 6 * layer.weight.numpy().sum(0, keepdims=True), 1e-5)
