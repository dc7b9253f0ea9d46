"""Kernels of dense networks, cut into many small blocks, in other orders of memory and with several threads, against
their definitions; and what they promise about precision."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import config, nn, ops, optim
from minigrad.kernels.numpy import common, flat, gelu
from minigrad.optim import pieces

RNG = np.random.default_rng(0)


@pytest.fixture(params=[(1, 1), (2, 40), (3, 17)], ids=str)
def cut(request, monkeypatch):
    """Kernels work in blocks of so many elements, with so many threads."""
    threads, size = request.param
    for module, name in ((common, "BLOCK"), (common, "PART"), (flat, "BLOCK"), (flat, "WORTH"),
                         (gelu, "WORTH")):
        monkeypatch.setattr(module, name, size)
    with config(threads=threads):
        yield


def swapped(x):
    """The same values; the first two axes change places in memory."""
    return np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)


def check(op, arrays, *rest, tolerance=1e-10, **kwargs):
    """Value and gradients with kernels and without are the same."""
    found, g = [], None
    for mode in ("auto", "definition"):
        tensors = [mg.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        active = [t for t in tensors if t.requires_grad]
        with config(kernels=mode):
            y = op(*tensors, *rest, **kwargs)
            if g is None:
                g = RNG.standard_normal(y.shape).astype(y.dtype)
                g = swapped(g) if y.ndim > 1 else g
            found.append([y.numpy(), *[t.numpy() for t in mg.grad(y, active, mg.tensor(g))]])
    for a, b in zip(*found, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.nanmax(np.abs(b), initial=0)))


@pytest.mark.parametrize("place", [np.copy, swapped, lambda x: x[::-1]], ids=["plain", "swapped", "backwards"])
@pytest.mark.parametrize("shape", [(6, 8), (3, 5, 8), (2, 3, 4, 8)], ids=str)
def test_linear(cut, shape, place):
    weight, bias = RNG.standard_normal((7, 8)), RNG.standard_normal(7)
    check(ops.linear, [place(RNG.standard_normal(shape)), weight, bias])
    check(ops.linear, [place(RNG.standard_normal(shape)), np.asfortranarray(weight)])


def test_linear_of_many_rows():
    x, weight, bias = [RNG.standard_normal(s) for s in ((300, 90), (400, 90), (400,))]
    for threads in (1, 2, 3):
        with config(threads=threads):
            check(ops.linear, [x, weight, bias], tolerance=1e-9)


def test_linear_keeps_the_order_of_memory():
    x = swapped(RNG.standard_normal((3, 5, 8)))
    y = ops.linear(x, RNG.standard_normal((7, 8)))
    assert y.swapaxes(0, 1).flags.c_contiguous


@pytest.mark.parametrize("place", [np.copy, swapped], ids=["plain", "swapped"])
@pytest.mark.parametrize("shape", [(5,), (1,), (3, 5), [3, 5]], ids=str)
def test_norms(cut, shape, place):
    x = place(RNG.standard_normal((4, 3, 5) if 1 not in shape else (4, 3, 1)))
    weight, bias = RNG.standard_normal(shape), RNG.standard_normal(shape)
    check(lambda x, w, b: ops.layer_norm(x, shape, w, b), [x, weight, bias])
    check(lambda x: ops.layer_norm(x, shape), [x])
    check(lambda x, w: ops.rms_norm(x, shape, w), [x, weight])
    check(lambda x: ops.rms_norm(x, shape, None, 0.1), [x])


def test_layer_norm_where_the_mean_is_far_from_0():
    x = RNG.standard_normal((64, 256)) + 1000
    x, whitened = x.astype("f4"), x.astype("f4").astype("f8")
    whitened -= whitened.mean(1, keepdims=True)
    whitened /= np.sqrt(whitened.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(ops.layer_norm(x, 256), whitened, atol=2e-5)


@pytest.mark.parametrize("axis", [-1, 0, 1, 2])
def test_softmaxes(cut, axis):
    x = 5 * RNG.standard_normal((4, 3, 6))
    x[0, 0, 0] = -np.inf
    check(ops.softmax, [x], axis)
    check(ops.log_softmax, [np.where(np.isinf(x), -50, x)], axis)
    check(ops.softmax, [np.asfortranarray(x)], axis)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (30, 100)], ids=str)
def test_cross_entropy(cut, shape, reduction):
    x = 100 * RNG.standard_normal(shape)
    target = RNG.integers(0, shape[1], shape[0])
    check(lambda x: ops.cross_entropy(x, target, None, -100, reduction), [x])
    check(lambda x: ops.cross_entropy(x, target, None, -100, reduction), [np.asfortranarray(x)])


def test_cross_entropy_of_logits_far_from_0():
    x = (RNG.standard_normal((50, 10)) + 3e4).astype("f4")
    target = RNG.integers(0, 10, 50)
    exact = x.astype("f8") - x.max(1, keepdims=True)
    exact = np.exp(exact) / np.exp(exact).sum(1, keepdims=True)
    t = mg.tensor(x, requires_grad=True)
    ops.cross_entropy(t, target, None, -100, "sum").backward()
    exact[np.arange(50), target] -= 1
    np.testing.assert_allclose(t.grad.numpy(), exact, atol=1e-6)


# --- activations ----------------------------------------------------------------------------------------------

def wide_range():
    """float32 from far left to far right, near 0 too, more than a kernel needs to run."""
    near = np.logspace(-30, 1.5, 5000)
    return np.concatenate([np.linspace(-30, 30, 30001), near, -near]).astype("f4")


def below(x):
    """The probability that a normal number is below x, in float64."""
    return np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x.astype("f8")])


def test_gelu_is_exact_to_rounding():
    x = wide_range()
    exact, p = x * below(x), below(x)
    assert (np.abs(ops.gelu(x) - exact) <= 2e-7 * np.maximum(1, np.abs(x))).all()
    slope = p + x * np.exp(-x.astype("f8") ** 2 / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(gelu.gelu_gx(np.ones_like(x), x), slope, rtol=0, atol=4e-7)


def test_gelu_probability_never_falls():
    x = np.linspace(-12, 12, 1 << 17).astype("f4")
    out = np.empty_like(x)
    gelu.squashed(x, gelu.EXACT, out)
    assert (np.diff(out) >= 0).all() and out[0] == -1 and out[-1] == 1


@pytest.mark.parametrize("op", [lambda x: ops.gelu(x), lambda x: ops.gelu(x, "tanh"), ops.silu],
                         ids=["gelu", "gelu tanh", "silu"])
def test_activations_are_their_definitions(op):
    for threads in (1, 2, 3):
        with config(threads=threads):
            check(op, [wide_range()], tolerance=1e-6)
            check(op, [swapped(5 * RNG.standard_normal((40, 30, 20)).astype("f4"))], tolerance=1e-6)


@pytest.mark.parametrize("op", [lambda x: ops.gelu(x), lambda x: ops.gelu(x, "tanh"), ops.silu],
                         ids=["gelu", "gelu tanh", "silu"])
def test_activations_of_what_is_not_finite(op):
    x = np.zeros(1 << 15, "f4")
    x[:6] = np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40
    with np.errstate(all="ignore"):
        with config(kernels="definition"):
            expected = op(x)
        np.testing.assert_allclose(op(x), expected, rtol=1e-6)


def test_gelu_refuses_unknown_words_of_large_arrays_too():
    with pytest.raises(ValueError, match="approximate"):
        ops.gelu(np.zeros(1 << 15, "f4"), "sometimes")


# --- optimizers -----------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": {}, "SGD momentum": {"momentum": 0.9, "weight_decay": 0.1}, "Adam": {"amsgrad": True}, "AdamW": {},
    "SGD nesterov": {"momentum": 0.9, "nesterov": True}, "SGD dampening": {"momentum": 0.9, "dampening": 0.5},
    "Adamax": {}, "NAdam": {}, "RAdam": {}, "RMSprop": {"centered": True, "momentum": 0.5}, "Adagrad": {},
    "Adadelta": {"maximize": True},
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("place", [np.copy, swapped, lambda x: np.repeat(x, 2, -1)[..., ::2]],
                         ids=["plain", "swapped", "with gaps"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pieces_change_no_bit(monkeypatch, name, place, threads):
    start = RNG.standard_normal((5, 4, 7)).astype("f4")
    grads = [RNG.standard_normal(start.shape).astype("f4") for _ in range(4)]
    results = []
    for size in (1 << 16, 9):
        monkeypatch.setattr(pieces, "PIECE", size)
        monkeypatch.setattr(pieces, "WORTH", 1)
        p = mg.tensor(0.0, requires_grad=True)
        p.data = place(start)
        optimizer = getattr(optim, name.split()[0])([p], lr=0.1, **OPTIMIZERS[name])
        with config(threads=threads):
            for i, g in enumerate(grads):
                p.grad = mg.tensor(swapped(g) if i == 2 else g)
                optimizer.step()
        results.append((p.data, optimizer.state[p]))
    (x, state), (y, other) = results
    assert (x == y).all() and list(state) == list(other)
    for key, value in state.items():
        assert (np.asarray(value) == other[key]).all()
        if isinstance(value, np.ndarray) and place is swapped:
            assert other[key].strides == y.strides


def test_state_is_loaded_into_the_order_of_the_parameter():
    p = mg.tensor(0.0, requires_grad=True)
    p.data = swapped(RNG.standard_normal((5, 4, 7)))
    optimizer = optim.SGD([p], momentum=0.9)
    buffer = RNG.standard_normal((5, 4, 7))
    optimizer.load_state_dict({"state": {0: {"momentum_buffer": buffer}}, "param_groups": [{"params": [0]}]})
    loaded = optimizer.state[p]["momentum_buffer"]
    assert loaded.strides == p.data.strides and (loaded == buffer).all() and loaded is not buffer


@pytest.mark.parametrize("size", [1e-14, 1e13, 1e15, 1e18, 1e30])
@pytest.mark.parametrize("norm", [lambda x: nn.functional.layer_norm(x, (256,), eps=1e-30),
                                  lambda x: nn.functional.rms_norm(x, (256,), eps=1e-30)], ids=["layer", "rms"])
def test_norms_of_very_large_and_very_small_rows(norm, size):
    """Third powers of the scale leave float32, and squares of the numbers."""
    x, g = [RNG.normal(size=(16, 256)).astype("f4") for _ in range(2)]
    found = []
    for mode in ("auto", "definition"):
        t = mg.tensor(x * np.float32(size), requires_grad=True)
        with config(kernels=mode), np.errstate(all="ignore"):
            y = norm(t)
            (y * mg.tensor(g)).sum().backward()
        found.append((y.numpy(), t.grad.numpy()))
    for own, expected in zip(*found, strict=True):
        np.testing.assert_allclose(own, expected, rtol=2e-5, atol=1e-6 * float(np.abs(expected).max()))


def test_gelu_by_tanh_is_straight_far_out():
    x = np.zeros(1 << 15, "f4")
    x[:6] = 1e10, -1e15, 1e20, 1e30, -1e30, 3e38
    t = mg.tensor(x, requires_grad=True)
    with np.errstate(all="ignore"):
        ops.gelu(t, "tanh").sum().backward()
    np.testing.assert_array_equal(t.grad.numpy()[:6], [1, 0, 1, 1, 0, 1])
