"""GradScaler: what it rescues, what it skips, and when it changes its mind."""

import numpy as np
import pytest
from halves import HALVES
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed, only_on_the_double, syncs

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.amp import GradScaler, autocast
from minigrad.nn import Parameter


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        yield


def parameter(*values, device="cpu"):
    return Parameter(mg.tensor(np.array(values, "f4"), device=device))


def step(scaler, optimizer, loss):
    """One round; the gradients before the step."""
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()


# --- what it is for -----------------------------------------------------------------------------------------------

def test_gradients_that_would_vanish_are_rescued():
    """The gradient of the half-precision product is 1e-8, below float16's smallest number, 6e-8."""
    def gradient(scaler):
        w = parameter(1.0, 2.0)
        optimizer = optim.SGD([w], lr=1.0)
        with autocast("cpu", "float16"):
            y = F.linear(mg.ones(1, 2), w.reshape(1, 2))
        loss = (y.astype("float32") * 1e-8).sum()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        return w.grad.numpy()

    assert gradient(GradScaler(enabled=False)).tolist() == [0, 0]
    np.testing.assert_allclose(gradient(GradScaler(init_scale=2.0 ** 16)), [1e-8, 1e-8], rtol=1e-3)


def test_after_an_overflow_the_step_is_skipped_and_the_scale_shrinks_until_it_fits():
    w = parameter(1.0)
    optimizer, scaler = optim.SGD([w], lr=0.5, momentum=0.9), GradScaler(init_scale=2.0 ** 18, growth_interval=2)
    scales, values = [], []
    for _ in range(6):
        with autocast("cpu", "float16"):
            y = F.linear(mg.ones(1, 1), w.reshape(1, 1))
        step(scaler, optimizer, y.astype("float32").sum())
        scales.append(scaler.get_scale())
        values.append(w.item())
    # 65504 is the largest half: 2^18, 2^17 and 2^16 overflow, 2^15 is good for two rounds and grows
    assert [np.log2(s) for s in scales] == [17, 16, 15, 15, 16, 15]
    assert values[:4] == [1, 1, 1, 0.5] and values[4] < values[3] and values[5] == values[4]
    assert "momentum_buffer" in optimizer.state_dict()["state"][0]


def test_a_skipped_step_leaves_parameters_and_state_as_they_were():
    w = parameter(1.0, -2.0)
    optimizer, scaler = optim.Adam([w]), GradScaler(init_scale=8.0)
    step(scaler, optimizer, (w * w).sum())
    before, state = w.numpy(), {k: np.copy(v) for k, v in optimizer.state_dict()["state"][0].items()}
    for bad in np.inf, np.nan, -np.inf:
        w.grad = mg.tensor([1.0, bad])
        scaler.scale(mg.ones(1))
        assert scaler.step(optimizer) is None
        scaler.update()
    np.testing.assert_array_equal(w.numpy(), before)
    for name, value in optimizer.state_dict()["state"][0].items():
        np.testing.assert_array_equal(value, state[name])
    assert scaler.get_scale() == 1.0


def test_a_schedule_after_a_skipped_first_step_is_not_ahead():
    w = parameter(1.0)
    optimizer, scaler = optim.SGD([w], lr=1.0), GradScaler()
    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    step(scaler, optimizer, w * np.float32(np.inf))
    schedule.step()                                     # warnings are errors in these tests
    assert w.numpy().tolist() == [1]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_losses_in_half_precision_become_single(dtype):
    x = mg.tensor([2.0], requires_grad=True)
    loss = (x.astype(dtype) * 3).sum()
    scaled = GradScaler(init_scale=2.0 ** 15).scale(loss)
    assert scaled.dtype == "float32" and float(scaled) == 6 * 2 ** 15
    scaled.backward()
    assert x.grad.numpy().tolist() == [3 * 2.0 ** 15] or dtype == "float16"      # 98304 does not fit into float16


# --- with all that is around it -----------------------------------------------------------------------------------

@given(st.integers(0, 2 ** 32 - 1), st.sampled_from([1.0, 2.0 ** 7, 2.0 ** 16, 1000.0]))
def test_a_scaled_step_is_a_step(seed, scale):
    """In float32 a power of two changes no bit; other scales next to nothing."""
    start, factor = np.random.default_rng(seed).standard_normal((2, 5)).astype("f4")

    def stepped(scaler):
        w = Parameter(start.copy())
        optimizer = optim.AdamW([w], lr=0.1)
        for _ in range(3):
            step(scaler, optimizer, ((w * factor) ** 2).sum())
        return w.numpy()

    plain = stepped(GradScaler(enabled=False))
    if scale == 1000:
        np.testing.assert_allclose(stepped(GradScaler(init_scale=scale)), plain, rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_array_equal(stepped(GradScaler(init_scale=scale)), plain)


def test_clipping_sees_the_true_gradients():
    plain, mixed = parameter(3.0, 4.0), parameter(3.0, 4.0)
    (plain * plain).sum().backward()
    expected = nn.utils.clip_grad_norm_([plain], 1.0)
    optimizer, scaler = optim.SGD([mixed], lr=1.0), GradScaler()
    scaler.scale((mixed * mixed).sum()).backward()
    scaler.unscale_(optimizer)
    assert float(nn.utils.clip_grad_norm_([mixed], 1.0)) == float(expected)
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_array_equal(mixed.numpy(), (plain.detach() - plain.grad).numpy())


def test_one_of_two_optimizers_skips():
    a, b = parameter(1.0), parameter(1.0)
    first, second, scaler = optim.SGD([a], lr=0.5), optim.SGD([b], lr=0.5), GradScaler(init_scale=4.0)
    scaler.scale(a.sum() + (b * np.float32(np.inf)).sum()).backward()
    scaler.unscale_(second)
    scaler.step(first)
    scaler.step(second)
    scaler.update()
    assert (a.item(), b.item(), scaler.get_scale()) == (0.5, 1.0, 2.0)


def test_several_losses_are_scaled_alike():
    scaler, x = GradScaler(init_scale=4.0), mg.ones(2)
    assert [y.numpy().tolist() for y in scaler.scale([x, x])] == [[4, 4], [4, 4]]
    assert type(scaler.scale((x,))) is tuple and set(scaler.scale({"a": x})) == {"a"}
    assert scaler.scale(y for y in (x,))[0].numpy().tolist() == [4, 4]
    assert scaler.scale(mg.ones(1, dtype="float64")).dtype == "float64"


def test_a_disabled_one_does_nothing():
    w = parameter(1.0)
    optimizer, scaler = optim.SGD([w], lr=0.5), GradScaler(enabled=False)
    assert scaler.scale(w) is w and scaler.get_scale() == 1.0 and not scaler.is_enabled()
    w.grad = mg.tensor([1.0])
    scaler.unscale_(optimizer)
    assert scaler.step(optimizer, lambda: 7) == 7           # closures too
    scaler.update()
    assert w.item() == 0.5 and scaler.state_dict() == {} and repr(scaler) == "GradScaler(enabled=False)"
    scaler.load_state_dict({"scale": 2.0})


def test_the_step_of_an_optimizer_gives_what_it_gives():
    class Counting(optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            return "stepped"

    w = parameter(1.0)
    scaler = GradScaler()
    scaler.scale(w.sum()).backward()
    assert scaler.step(Counting([w], lr=1.0)) == "stepped"


# --- the scale ----------------------------------------------------------------------------------------------------

def test_the_scale_does_not_outgrow_float32():
    w = parameter(0.0)
    optimizer, scaler = optim.SGD([w], lr=1.0), GradScaler(init_scale=2.0 ** 126, growth_interval=1)
    for expected in 127, 127, 127:
        step(scaler, optimizer, w.sum() * 0)
        assert np.log2(scaler.get_scale()) == expected


def test_the_scale_can_be_set():
    scaler = GradScaler()
    scaler.update(3.0)
    assert scaler.get_scale() == 3
    scaler.update(mg.tensor([5.0]))
    assert scaler.get_scale() == 5 and repr(scaler) == "GradScaler(scale=5)"


def test_its_numbers_can_be_asked_and_changed():
    scaler = GradScaler("cuda", 8.0, 3.0, 0.25, 7)
    assert scaler.state_dict() == {"scale": 8.0, "growth_factor": 3.0, "backoff_factor": 0.25, "growth_interval": 7,
                                   "_growth_tracker": 0}
    scaler.set_growth_factor(4), scaler.set_backoff_factor(0.5), scaler.set_growth_interval(2)
    assert (scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval()) == (4, 0.5, 2)


def test_training_goes_on_from_a_checkpoint_bit_by_bit():
    def trained(stop):
        w = parameter(0.3, -0.7)
        optimizer, scaler = optim.Adam([w], lr=0.1), GradScaler(init_scale=2.0 ** 17, growth_interval=3)
        for i in range(12):
            if i == stop:
                kept, state, weights = scaler.state_dict(), optimizer.state_dict(), w.numpy()
                w = Parameter(weights)
                optimizer, scaler = optim.Adam([w], lr=0.1), GradScaler()
                optimizer.load_state_dict(state)
                scaler.load_state_dict({name: np.array(value) for name, value in kept.items()})     # as from a file
            with autocast("cpu", "float16"):
                y = F.linear(mg.ones(1, 2), (w * w).reshape(1, 2))
            step(scaler, optimizer, y.astype("float32").sum())
        return w.numpy(), scaler.state_dict()

    expected, numbers = trained(None)
    for stop in range(12):
        found, state = trained(stop)
        np.testing.assert_array_equal(found, expected)
        assert state == numbers
    assert numbers["scale"] < 2.0 ** 17 and isinstance(numbers["_growth_tracker"], int)


# --- on the device ------------------------------------------------------------------------------------------------

@only_on_the_double
def test_a_round_waits_once_for_each_device():
    with installed():
        a, b = parameter(1.0, 2.0, device="cuda:0"), parameter(1.0, device="cuda:1")
        optimizer, scaler = optim.SGD([a, b], lr=0.5), GradScaler(init_scale=4.0)
        syncs.clear()
        scaler.scale(a.sum()).backward()
        scaler.scale(b.sum()).backward()
        scaler.unscale_(optimizer)
        assert syncs == [] and a.grad.device == "cuda:0"
        scaler.step(optimizer)
        scaler.update()
        assert len(syncs) == 2
        assert a.numpy().tolist() == [0.5, 1.5] and b.numpy().tolist() == [0.5]
        b.grad = mg.tensor([np.float32(np.nan)], device="cuda:1")
        scaler.scale(b)
        assert scaler.step(optimizer) is None and a.numpy().tolist() == [0.5, 1.5]


# --- errors -------------------------------------------------------------------------------------------------------

def ready():
    """A scaler, an optimizer whose parameter has a scaled gradient."""
    w = parameter(1.0)
    scaler = GradScaler()
    scaler.scale(w.sum()).backward()
    return scaler, optim.SGD([w], lr=1.0)


def twice(first, second):
    scaler, optimizer = ready()
    getattr(scaler, first)(optimizer)
    getattr(scaler, second)(optimizer)


def without_gradient():
    scaler, _ = ready()
    scaler.step(optim.SGD([parameter(1.0)], lr=1.0))


def half_gradient():
    scaler, _ = ready()
    w = Parameter(np.ones(2, "f2"))
    w.grad = mg.tensor(np.ones(2, "f2"))
    scaler.unscale_(optim.SGD([parameter(1.0), w], lr=1.0))


ERRORS = [
    (lambda: twice("unscale_", "unscale_"), RuntimeError, "unscale_: it has been called for this optimizer already"),
    (lambda: twice("step", "unscale_"), RuntimeError, r"unscale_: step\(\) was called for this optimizer already"),
    (lambda: twice("step", "step"), RuntimeError, r"GradScaler.step: step\(\) was called for this optimizer already"),
    (lambda: GradScaler().step(ready()[1]), RuntimeError, "step: nothing was scaled yet: scaler.scale.loss..backward"),
    (lambda: GradScaler().unscale_(ready()[1]), RuntimeError, "unscale_: nothing was scaled yet"),
    (lambda: GradScaler().update(), RuntimeError, "update: no gradients were looked at since the last one: call"),
    (without_gradient, RuntimeError, "step: no parameter of this optimizer has a gradient: scaler.scale"),
    (lambda: ready()[0].step(ready()[1], lambda: 1), RuntimeError, "step: there can be no closure"),
    (lambda: ready()[0].step(ready()[1], closure=len), RuntimeError, "step: there can be no closure"),
    (lambda: ready()[0].step(nn.Linear(1, 1)), TypeError, "step: expected an optimizer, Linear came"),
    (half_gradient, ValueError, r"unscale_: a gradient of shape \(2,\) is in float16: keep parameters in float32"),
    (lambda: GradScaler().scale(1.0), TypeError, "GradScaler.scale: expected a tensor, or several, float came"),
    (lambda: GradScaler().scale("loss"), TypeError, "GradScaler.scale: expected a tensor, or several, str came"),
    (lambda: GradScaler().scale(np.ones(2)), TypeError, "expected a tensor, or several, ndarray came"),
    (lambda: GradScaler(65536.0), TypeError, "device must be a string, 65536.0 came: write init_scale=65536.0"),
    (lambda: GradScaler("gpu"), ValueError, "device_type must be"),
    (lambda: GradScaler(init_scale=0.0), ValueError, "GradScaler: scale must be a finite number above 0, 0.0 came"),
    (lambda: GradScaler(init_scale=1e39), ValueError, "GradScaler: scale must be a finite number above 0, 1e.39 came"),
    (lambda: GradScaler(growth_factor=1.0), ValueError, "growth_factor must be a number above 1, 1.0 came"),
    (lambda: GradScaler(backoff_factor=1.0), ValueError, "backoff_factor must be a number between 0 and 1, 1.0 came"),
    (lambda: GradScaler(growth_interval=0), ValueError, "growth_interval must be an int from 1 on, 0 came"),
    (lambda: GradScaler().set_growth_interval(1.5), ValueError, "growth_interval must be an int from 1 on, 1.5 came"),
    (lambda: GradScaler().update(-1), ValueError, "scale must be a finite number above 0, -1.0 came"),
    (lambda: GradScaler().load_state_dict({}), ValueError, "scale, growth_factor, .* is missing: the state is empty"),
    (lambda: GradScaler().load_state_dict({"scale": 1.0}), ValueError, "load_state_dict: growth_factor,.* is missing$"),
    (lambda: GradScaler().load_state_dict({**GradScaler().state_dict(), "x": 1}), ValueError, "there is no 'x'; there"),
    (lambda: GradScaler().load_state_dict({**GradScaler().state_dict(), "_growth_tracker": -1}), ValueError,
     "_growth_tracker must be an int from 0 on, -1 came"),
    (lambda: GradScaler().load_state_dict({**GradScaler().state_dict(), "scale": "large"}), ValueError,
     "scale must be a finite number above 0, 'large' came"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[message[:40] for _, _, message in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_refused_gradients_are_not_half_divided():
    scaler, _ = ready()
    v, w = parameter(1.0), Parameter(np.ones(1, "f2"))
    v.grad, w.grad = mg.tensor([8.0]), mg.tensor(np.ones(1, "f2"))
    with pytest.raises(ValueError):
        scaler.unscale_(optim.SGD([v, w], lr=1.0))
    assert v.grad.item() == 8


def test_a_refused_state_leaves_the_scaler_as_it_was():
    scaler = GradScaler()
    before = scaler.state_dict()
    with pytest.raises(ValueError):
        scaler.load_state_dict({**before, "scale": 2.0, "growth_interval": -1})
    assert scaler.state_dict() == before
