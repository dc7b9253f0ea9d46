"""Optimizers: the same updates as PyTorch's; groups, state, saving; bad numbers refused."""

import copy

import numpy as np
import pytest
from compare import assert_same
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import Parameter
from minigrad.tensor import Tensor

SHAPES = [(4, 3), (3,), (), (2, 1, 2)]


def parameters(dtype="f8"):
    rng = np.random.default_rng(0)
    return [Parameter(np.asarray(rng.standard_normal(shape)).astype(dtype)) for shape in SHAPES]


def gradients(step):
    rng = np.random.default_rng(step + 1)
    return [np.asarray(rng.standard_normal(shape)) for shape in SHAPES]


def take_steps(optimizer, ps, steps, skip=()):
    """Give every parameter its gradient and step; `skip`: (step, parameter) pairs that get none."""
    for step in steps:
        for i, (p, g) in enumerate(zip(ps, gradients(step), strict=True)):
            p.grad = None if (step, i) in skip else Tensor(g.astype(p.dtype))
        optimizer.step()


def torch_parameters(dtype="f8"):
    import torch
    return [torch.nn.Parameter(torch.tensor(p.data)) for p in parameters(dtype)]


def torch_steps(optimizer, ps, steps, skip=()):
    import torch
    for step in steps:
        for i, (p, g) in enumerate(zip(ps, gradients(step), strict=True)):
            p.grad = None if (step, i) in skip else torch.tensor(g, dtype=p.dtype)
        optimizer.step()


# --- the same updates as PyTorch's ------------------------------------------------------------------------------

decay = st.sampled_from([0.0, 0.01, 0.3])
SGD = st.fixed_dictionaries({"lr": st.sampled_from([0.1, 0.003]), "momentum": st.sampled_from([0.0, 0.5, 0.9]),
                             "dampening": st.sampled_from([0.0, 0.2]), "weight_decay": decay, "nesterov": st.booleans(),
                             "maximize": st.booleans()})
ADAM = st.fixed_dictionaries({"lr": st.sampled_from([0.1, 0.003]),
                              "betas": st.sampled_from([(0.9, 0.999), (0.5, 0.9), (0.0, 0.0)]),
                              "eps": st.sampled_from([1e-8, 0.1]), "weight_decay": decay,
                              "amsgrad": st.booleans(), "maximize": st.booleans()})
SKIP = {(0, 0), (3, 1), (3, 2), (50, 0)}


def same_updates(name, options):
    import torch
    ours, theirs = parameters(), torch_parameters()
    take_steps(getattr(optim, name)(ours, **options), ours, range(100), SKIP)
    torch_steps(getattr(torch.optim, name)(theirs, **options), theirs, range(100), SKIP)
    for p, q in zip(ours, theirs, strict=True):
        assert_same(p.data, q.detach(), 1e-9, 1e-9)


@pytest.mark.parity
@given(options=SGD)
def test_sgd_is_pytorchs_over_100_steps(options):
    if options["nesterov"]:
        options |= {"momentum": 0.9, "dampening": 0.0}
    same_updates("SGD", options)


@pytest.mark.parity
@given(options=ADAM)
def test_adam_is_pytorchs_over_100_steps(options):
    same_updates("Adam", options)


@pytest.mark.parity
@pytest.mark.parametrize(("name", "options"), [
    ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}), ("Adam", {}), ("SGD", {})])
def test_in_float32_they_stay_within_a_millionth(name, options):
    import torch
    ours, theirs = parameters("f4"), torch_parameters("f4")
    take_steps(getattr(optim, name)(ours, **options), ours, range(100))
    torch_steps(getattr(torch.optim, name)(theirs, **options), theirs, range(100))
    for p, q in zip(ours, theirs, strict=True):
        assert p.dtype == "float32"
        assert_same(p.data, q.detach(), 1e-6, 1e-6)


@pytest.mark.parity
@pytest.mark.parametrize(("name", "options"), [("SGD", {"momentum": 0.9}), ("Adam", {"amsgrad": True})])
def test_pytorchs_saved_state_is_taken_over(name, options):
    """Ten steps by PyTorch, then both go on alike."""
    import torch
    theirs = torch_parameters()
    their = getattr(torch.optim, name)(theirs, lr=0.07, **options)
    torch_steps(their, theirs, range(10))
    ours = [Parameter(p.detach().numpy().copy()) for p in theirs]
    our = getattr(optim, name)(ours, lr=0.5, **options)
    our.load_state_dict(their.state_dict())
    assert our.param_groups[0]["lr"] == 0.07 and "foreach" not in our.param_groups[0]
    take_steps(our, ours, range(10, 20))
    torch_steps(their, theirs, range(10, 20))
    for p, q in zip(ours, theirs, strict=True):
        assert_same(p.data, q.detach(), 1e-9, 1e-9)


# --- what a step does -------------------------------------------------------------------------------------------

def test_three_steps_by_hand():
    p = Parameter(np.array([1.0]))
    sgd = optim.SGD([p], lr=0.1, momentum=0.5, weight_decay=0.1)
    p.grad = Tensor(np.array([1.0]))
    sgd.step()                          # g = 1.1, v = 1.1
    assert p.data[0] == pytest.approx(0.89)
    sgd.step()                          # g = 1.089, v = 0.55 + 1.089
    assert p.data[0] == pytest.approx(0.89 - 0.1639)
    assert p.grad.data[0] == 1          # not the optimizer's to change
    q = Parameter(np.array([1.0]))
    q.grad = Tensor(np.array([-100.0]))
    optim.Adam([q], lr=0.01).step()     # the first step is lr long whatever the gradient
    assert q.data[0] == pytest.approx(1.01)


@pytest.mark.parametrize("make", [lambda ps: optim.SGD(ps, 0.1, 0.9), lambda ps: optim.Adam(ps, amsgrad=True)])
def test_a_step_is_in_place_and_announced(make):
    p = Parameter(np.ones(3, "f4"))
    array, y = p.data, (p * p).sum()
    optimizer = make([p])
    p.grad = mg.ones(3)
    grad = p.grad.data.copy()
    optimizer.step()
    assert p.data is array and (array != 1).all() and (p.grad.data == grad).all()
    with pytest.raises(RuntimeError, match="multiply saved its argument .* changed in place"):
        y.backward()
    assert not p.node == "made" and p.is_leaf and p.requires_grad


def test_what_has_no_gradient_stays():
    p, q = Parameter(np.ones(2)), Parameter(np.ones(2))
    optimizer = optim.SGD([p, q], lr=1.0, weight_decay=0.5)
    p.grad = Tensor(np.zeros(2))
    optimizer.step()
    assert (p.data == 0.5).all() and (q.data == 1).all() and set(optimizer.state) == {p}


def test_zero_grad():
    p = Parameter(np.ones(2))
    optimizer = optim.SGD([p])
    (p * p).sum().backward()
    kept = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is kept and not kept.data.any()
    optimizer.zero_grad()
    assert p.grad is None


def test_a_closure_is_recorded_and_its_loss_returned():
    p = Parameter(np.array([3.0]))
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with mg.no_grad():
        assert optimizer.step(closure).item() == 9
    assert p.data[0] == 1.5


def test_groups_have_their_own_numbers():
    p, q = Parameter(np.ones(1)), Parameter(np.ones(1))
    optimizer = optim.SGD([{"params": [p]}, {"params": q, "lr": 0.5}], lr=0.1)
    p.grad = q.grad = Tensor(np.ones(1))
    optimizer.step()
    assert p.data[0] == 0.9 and q.data[0] == 0.5
    optimizer.param_groups[0]["lr"] = np.float64(0.2)           # as a schedule may compute it
    optimizer.step()
    assert p.data[0] == pytest.approx(0.7)
    assert "1 parameters, lr=0.5, momentum=0.0" in repr(optimizer).partition(";")[2]


EVERY = ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta"]


@pytest.mark.parametrize("name", EVERY)
def test_a_number_of_numpys_keeps_float32(name):
    p = Parameter(np.ones(3, "f4"))
    optimizer = getattr(optim, name)([p], lr=np.float64(0.1), weight_decay=np.float64(0.1))
    p.grad = mg.ones(3)
    optimizer.step()
    assert {a.dtype.name for a in [p, *optimizer.state[p].values()] if hasattr(a, "dtype")} == {"float32"}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("make", [lambda ps: optim.SGD(ps, 0.1, 0.9, weight_decay=0.01), lambda ps: optim.Adam(ps, 0.1),
                                  *[lambda ps, name=name: getattr(optim, name)(ps, 0.1) for name in EVERY[2:8]]])
def test_half_precision_keeps_its_state_in_float32(dtype, make):
    if dtype == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes").bfloat16
    p = Parameter(np.ones(3, dtype))
    optimizer = make([p])
    for _ in range(3):
        p.grad = Tensor(np.array([0.0, 1e-4, 1.0], dtype))      # 1e-4 squared is no float16, and 1e-8 is 0 in it
        optimizer.step()
    assert p.dtype == dtype and np.isfinite(p.data.astype("f4")).all() and p.data[2] < 0.85
    assert {a.dtype.name for a in optimizer.state[p].values() if hasattr(a, "dtype")} == {"float32"}


# --- state ------------------------------------------------------------------------------------------------------

MAKE = [lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True), lambda ps: optim.Adam(ps, lr=0.1, amsgrad=True),
        *[lambda ps, name=name: getattr(optim, name)(ps, lr=0.1) for name in EVERY[2:]],
        lambda ps: optim.RMSprop(ps, lr=0.1, centered=True, momentum=0.9)]


@pytest.mark.parametrize("make", MAKE)
def test_saving_and_loading_goes_on_as_if_nothing_had_been(make):
    ours = parameters()
    first = make(ours)
    take_steps(first, ours, range(5))
    others = [Parameter(p.data.copy()) for p in ours]
    second = make(others)
    second.param_groups[0]["lr"] = 7.0
    saved = copy.deepcopy(first.state_dict())
    second.load_state_dict(first.state_dict())
    take_steps(first, ours, range(5, 10))
    take_steps(second, others, range(5, 10))
    for p, q in zip(ours, others, strict=True):
        assert_same(p.data, q.data)
    assert second.param_groups[0]["params"][0] is others[0]
    assert saved["param_groups"][0]["params"] == [0, 1, 2, 3] and saved["param_groups"][0]["lr"] == 0.1


def test_a_state_that_does_not_fit_changes_nothing():
    ps = parameters()
    optimizer = optim.SGD(ps, lr=0.1, momentum=0.9)
    take_steps(optimizer, ps, range(2))
    before = copy.deepcopy(optimizer.state_dict())
    bad = copy.deepcopy(before)
    bad["state"][0]["momentum_buffer"] = np.zeros(5)
    bad["param_groups"][0]["lr"] = 9.0
    with pytest.raises(ValueError, match=r"momentum_buffer of parameter 0 has shape \(5,\), the parameter \(4, 3\)"):
        optimizer.load_state_dict(bad)
    bad = copy.deepcopy(before)
    bad["param_groups"][0]["lr"] = -1.0
    with pytest.raises(ValueError, match="lr must be at least 0"):
        optimizer.load_state_dict(bad)
    bad["param_groups"][0]["params"] = [0]
    with pytest.raises(ValueError, match=r"groups of \[4\] parameters, groups of \[1\] came"):
        optimizer.load_state_dict(bad)
    assert optimizer.param_groups[0]["lr"] == 0.1
    for i, state in optimizer.state_dict()["state"].items():
        assert_same(state["momentum_buffer"], before["state"][i]["momentum_buffer"])


@pytest.mark.parametrize("make", MAKE)
def test_state_follows_a_parameter_that_moves(make):
    net = nn.Linear(3, 2)
    optimizer = make(net.parameters())
    net(mg.ones(1, 3)).sum().backward()
    optimizer.step()
    net.double()
    optimizer.step()
    arrays = [a for state in optimizer.state.values() for a in state.values() if hasattr(a, "dtype")]
    assert {a.dtype.name for a in arrays} == {"float64"} and net.weight.dtype == "float64"


# --- what is refused ----------------------------------------------------------------------------------------------

P = Parameter(np.ones(2))


@pytest.mark.parametrize(("call", "message"), [
    (lambda: optim.SGD([P], lr=-0.1), "SGD: lr must be at least 0, -0.1 came"),
    (lambda: optim.SGD([P], lr=float("nan")), "lr must be at least 0, nan came"),
    (lambda: optim.SGD([P], momentum=-1), "momentum must be at least 0"),
    (lambda: optim.SGD([P], weight_decay=-1), "weight_decay must be"),
    (lambda: optim.SGD([P], nesterov=True), "nesterov needs a momentum above 0"),
    (lambda: optim.SGD([P], 0.1, 0.9, 0.1, nesterov=True), "no dampening"),
    (lambda: optim.Adam([P], betas=(0.9, 1.0)), r"betas\[1\] must be in \[0, 1\), 1.0 came"),
    (lambda: optim.Adam([P], betas=(-0.1, 0.9)), r"betas\[0\]"),
    (lambda: optim.Adam([P], betas=(0.9,)), "pair of numbers"),
    (lambda: optim.Adam([P], eps=-1e-8), "eps must be at least 0"),
    (lambda: optim.Adam([]), "there are no parameters"),
    (lambda: optim.Adam([P, P]), r"parameter 1, of shape \(2,\), came twice"),
    (lambda: optim.SGD([{"params": [P]}, {"params": [P]}]), "came twice"),
    (lambda: optim.SGD([P * 2]), "was made by multiply: only leaves"),
    (lambda: optim.SGD([{"params": [P], "lrr": 1}]), "no hyper-parameter lrr; it has lr, momentum"),
])
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("call", "message"), [
    (lambda: optim.SGD(P), "must be a list of tensors"),
    (lambda: optim.SGD([np.ones(2)]), "parameter 0 must be a tensor, ndarray came"),
    (lambda: optim.SGD([P], lr=mg.tensor(0.1)), "lr must be a Python number, Tensor came"),
    (lambda: optim.SGD([{"lr": 1}]), 'a dict with "params"'),
])
def test_bad_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("name", EVERY)
def test_pytorchs_arguments_for_speed_have_no_effect(name):
    ours, others = parameters(), parameters()
    take_steps(getattr(optim, name)(ours, foreach=True, fused=None, capturable=False), ours, range(3))
    take_steps(getattr(optim, name)(others), others, range(3))
    for p, q in zip(ours, others, strict=True):
        assert (p.data == q.data).all()
    with pytest.raises(TypeError, match=f"{name}: has no argument 'lrr'; it has lr"):
        getattr(optim, name)(ours, lrr=1)
    with pytest.raises(ValueError, match=f"{name}: a step changes parameters in place and is not recorded"):
        getattr(optim, name)(ours, differentiable=True)


@pytest.mark.parametrize("name", EVERY)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name):
    p = Parameter(np.array([3.0, -2.0]))
    optimizer = getattr(optim, name)([p], **{"Adadelta": {"lr": 20.0}}.get(name, {"lr": 0.2}))
    for _ in range(300):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
    assert np.abs(p.data).max() < 0.3


def test_decoupled_decay_is_alike_for_all_weights():
    p = Parameter(np.array([1.0, 1.0]))
    optimizer = optim.AdamW([p], lr=0.1, weight_decay=0.5)
    p.grad = Tensor(np.array([0.0, 0.0]))
    optimizer.step()
    assert p.tolist() == [0.95, 0.95] and isinstance(optimizer, optim.Adam)


# --- one's own --------------------------------------------------------------------------------------------------

def test_an_optimizer_of_ones_own():
    class SignDescent(optim.Optimizer):
        def __init__(self, params, lr=0.5):
            super().__init__(params, {"lr": lr})

        def update(self, p, g, state, group):
            p.data -= group["lr"] * np.sign(g)

    p = Parameter(np.zeros(2))
    p.grad = Tensor(np.array([3.0, -0.1]))
    SignDescent([p]).step()
    assert p.tolist() == [-0.5, 0.5]
    with pytest.raises(TypeError, match="it has no method update"):
        empty = optim.Optimizer([p], {})
        empty.step()
