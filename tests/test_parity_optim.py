"""Every optimizer beside PyTorch's over drawn hyper-parameters and gradients, and clipping of gradients."""

import numpy as np
import pytest
from compare import assert_same
from hypothesis import given
from hypothesis import strategies as st

from minigrad import nn, optim
from minigrad.nn import Parameter
from minigrad.tensor import Tensor

pytestmark = pytest.mark.parity
SHAPES = [(3, 2), (4,), (), (0, 2)]
STEPS = 14

lr, decay = st.sampled_from([0.1, 0.003]), st.sampled_from([0.0, 0.01, 0.3])
eps, flag = st.sampled_from([1e-8, 0.1]), st.booleans()
betas = st.sampled_from([(0.9, 0.999), (0.5, 0.9), (0.0, 0.0)])
ALIKE = {"lr": lr, "weight_decay": decay, "maximize": flag}
ADAM = ALIKE | {"betas": betas, "eps": eps}
OPTIONS = {
    "SGD": ALIKE | {"momentum": st.sampled_from([0.0, 0.9]), "dampening": st.sampled_from([0.0, 0.2])},
    "Adam": ADAM | {"amsgrad": flag, "decoupled_weight_decay": flag},
    "AdamW": ADAM | {"amsgrad": flag},
    "NAdam": ADAM | {"momentum_decay": st.sampled_from([4e-3, 0.5]), "decoupled_weight_decay": flag},
    "RAdam": ADAM | {"betas": st.sampled_from([(0.9, 0.999), (0.5, 0.9)]), "decoupled_weight_decay": flag},
    "Adamax": ADAM,
    "RMSprop": ALIKE | {"alpha": st.sampled_from([0.99, 0.5]), "eps": eps, "centered": flag,
                        "momentum": st.sampled_from([0.0, 0.9])},
    "Adagrad": ALIKE | {"lr_decay": st.sampled_from([0.0, 0.1]), "eps": eps,
                        "initial_accumulator_value": st.sampled_from([0.0, 0.5])},
    "Adadelta": ALIKE | {"rho": st.sampled_from([0.9, 0.5, 1.0]), "eps": eps},
}


@pytest.fixture(scope="module", autouse=True)
def doubles():
    """PyTorch counts steps, and NAdam's product, in its default dtype."""
    import torch

    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def parameters(seed, dtype="float64"):
    """The same of minigrad and of PyTorch."""
    import torch

    values = [np.asarray(np.random.default_rng(seed).standard_normal(shape), dtype) for shape in SHAPES]
    return [Parameter(x.copy()) for x in values], [torch.nn.Parameter(torch.tensor(x)) for x in values]


def set_gradients(mine, theirs, seed, missing=()):
    import torch

    rng = np.random.default_rng(seed)
    for i, (p, q) in enumerate(zip(mine, theirs, strict=True)):
        g = np.asarray(rng.standard_normal(p.shape), p.dtype)
        p.grad, q.grad = (None, None) if i in missing else (Tensor(g.copy()), torch.tensor(g))


def steps(mine, theirs, pairs, seed, n=STEPS):
    for t in range(n):
        set_gradients(*pairs, seed + 7 * t, missing={t % 5})
        mine.step(), theirs.step()


def same_parameters(mine, theirs, tolerance=1e-12):
    for p, q in zip(mine, theirs, strict=True):
        assert_same(p.data, q.detach(), tolerance, tolerance)


def both(name, pairs, options):
    """The optimizers, the last two parameters in a group of their own, with half the learning rate."""
    import torch

    groups = [[{"params": list(ps[:2])}, {"params": list(ps[2:]), "lr": options["lr"] / 2}] for ps in pairs]
    return getattr(optim, name)(groups[0], **options), getattr(torch.optim, name)(groups[1], **options)


def as_tensors(value):
    """minigrad's saved state for PyTorch: tensors in place of arrays, and of numbers in the state."""
    import torch

    state = {i: {name: torch.tensor(x, dtype=torch.float64) for name, x in entry.items()}
             for i, entry in value["state"].items()}
    return {"state": state, "param_groups": value["param_groups"]}


@pytest.mark.parametrize("name", OPTIONS)
@given(data=st.data(), seed=st.integers(0, 999), nesterov=flag)
def test_updates_are_pytorchs(name, data, seed, nesterov):
    options = data.draw(st.fixed_dictionaries(OPTIONS[name]))
    if name == "SGD" and nesterov:
        options |= {"momentum": 0.9, "dampening": 0.0, "nesterov": True}
    pairs = parameters(seed)
    mine, theirs = both(name, pairs, options)
    steps(mine, theirs, pairs, seed)
    same_parameters(*pairs)


@pytest.mark.parametrize("name", OPTIONS)
def test_defaults_are_pytorchs(name):
    import torch

    theirs = getattr(torch.optim, name)([torch.zeros(1)]).defaults
    mine = getattr(optim, name)([Parameter([1.0])]).defaults
    assert mine == {key: theirs[key] for key in mine}
    assert set(theirs) - set(mine) <= {"foreach", "fused", "capturable", "differentiable"}


@pytest.mark.parametrize("name", OPTIONS)
def test_in_float32_they_stay_close(name):
    pairs = parameters(3, "float32")
    mine, theirs = both(name, pairs, {"lr": 0.01})
    steps(mine, theirs, pairs, 5)
    same_parameters(*pairs, 1e-5)


@pytest.mark.parametrize("name", OPTIONS)
@given(data=st.data(), seed=st.integers(0, 99))
def test_saved_states_go_both_ways(name, data, seed):
    """Steps by one library, then its state is loaded by the other, and both go on alike."""
    options = data.draw(st.fixed_dictionaries(OPTIONS[name]))
    if name == "Adagrad":
        options["initial_accumulator_value"] = 0.0          # PyTorch makes its state before the first step
    pairs = parameters(seed)
    mine, theirs = both(name, pairs, options)
    steps(mine, theirs, pairs, seed, 5)
    other, another = both(name, pairs, {"lr": 9.0})
    other.load_state_dict(theirs.state_dict())
    another.load_state_dict(as_tensors(mine.state_dict()))
    assert other.param_groups[0]["lr"] == options["lr"]
    steps(other, another, pairs, seed + 1, 5)
    same_parameters(*pairs)


# --- clipping -----------------------------------------------------------------------------------------------------

@given(seed=st.integers(0, 99), max_norm=st.sampled_from([0.0, 0.5, 3.0, 100.0]),
       norm_type=st.sampled_from([2.0, 1.0, 3.5, 0.5, float("inf"), 0.0]), missing=st.sets(st.integers(0, 3)),
       dtype=st.sampled_from(["float64", "float32"]))
def test_clip_grad_norm_is_pytorchs(seed, max_norm, norm_type, missing, dtype):
    import torch

    mine, theirs = parameters(seed, dtype)
    set_gradients(mine, theirs, seed, missing)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for p, q in zip(mine, theirs, strict=True):
        if q.grad is not None and q.numel() == 0 and norm_type == float("inf"):
            p.grad = q.grad = None                          # PyTorch refuses the largest of no elements
    total = nn.utils.clip_grad_norm_(iter(mine), max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert_same(total, expected, tolerance, tolerance)
    for p, q in zip(mine, theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            assert p.grad.dtype == dtype
            assert_same(p.grad, q.grad, tolerance, tolerance)


@given(seed=st.integers(0, 99), clip_value=st.sampled_from([0.0, 0.5, 10.0]))
def test_clip_grad_value_is_pytorchs(seed, clip_value):
    import torch

    mine, theirs = parameters(seed)
    set_gradients(mine, theirs, seed, {1})
    nn.utils.clip_grad_value_(mine, clip_value)
    torch.nn.utils.clip_grad_value_(theirs, clip_value)
    for p, q in zip(mine, theirs, strict=True):
        if p.grad is not None:
            assert_same(p.grad, q.grad)


@pytest.mark.filterwarnings("ignore:invalid value")            # NumPy's, of inf * 0
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("norm_type", [2.0, float("inf")])
def test_what_is_not_finite_is_clipped_as_pytorch_does(bad, norm_type):
    import torch

    g = np.array([1.0, bad, -2.0])
    p, q = Parameter(np.zeros(3)), torch.nn.Parameter(torch.zeros(3))
    p.grad, q.grad = Tensor(g.copy()), torch.tensor(g)
    assert_same(nn.utils.clip_grad_norm_(p, 1.0, norm_type), torch.nn.utils.clip_grad_norm_(q, 1.0, norm_type))
    assert_same(p.grad, q.grad)
    p.grad, q.grad = Tensor(g.copy()), torch.tensor(g)
    nn.utils.clip_grad_value_(p, 1.5), torch.nn.utils.clip_grad_value_(q, 1.5)
    assert_same(p.grad, q.grad)


@given(seed=st.integers(0, 99))
def test_parameters_as_a_vector_are_pytorchs(seed):
    import torch

    mine, theirs = parameters(seed)
    vector, expected = nn.utils.parameters_to_vector(mine), torch.nn.utils.parameters_to_vector(theirs)
    assert_same(vector, expected.detach())
    (vector * vector).sum().backward(), (expected * expected).sum().backward()
    for p, q in zip(mine, theirs, strict=True):
        assert_same(p.grad, q.grad)
    nn.utils.vector_to_parameters(vector.detach() * 2, mine)
    torch.nn.utils.vector_to_parameters(expected.detach() * 2, theirs)
    same_parameters(mine, theirs)
