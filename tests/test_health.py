"""Gradient health: what is measured, what is said of it, and that the training goes on as it would."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from strict_cupy import ON_GPU, installed, syncs
from trainings import copies, same_bits

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import debug, models, nn, optim
from minigrad.debug import health as module
from minigrad.debug.health_verdict import KINDS
from minigrad.graph import Graph, Input


def batch(n=64, width=16, classes=10, dtype="float32"):
    rng = np.random.default_rng(1)
    return mg.tensor(rng.standard_normal((n, width)).astype(dtype)), mg.tensor(rng.integers(0, classes, n))


def watched(model, data=None, steps=4, lr=0.05, every=1, make=optim.SGD):
    """The health of a few steps."""
    x, target = batch() if data is None else data
    health, optimizer = debug.GradientHealth(model, every), make(model.parameters(), lr)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            with health.watch():
                optimizer.zero_grad()
                F.cross_entropy(model(x), target).backward()
                optimizer.step()
    return health


def deep(layers, activation=None, width=16, gain=1.0, bias=0.0):
    """Linear layers whose weights stretch what comes in by `gain`."""
    mg.manual_seed(3)
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        linear = nn.Linear(width, width)
        nn.init.normal_(linear.weight, 0, gain / width ** 0.5)
        nn.init.constant_(linear.bias, bias)
        parts += [linear] + ([activation()] if activation else [])
    return nn.Sequential(*parts, nn.Linear(width, 10))


def images(n=6, dtype="float32"):
    rng = np.random.default_rng(2)
    return mg.tensor(rng.standard_normal((n, 3, 16, 16)).astype(dtype)), mg.tensor(rng.integers(0, 10, n))


def small_resnet():
    mg.manual_seed(0)
    return models.resnet20_cifar(width=0.25)


# --- what is said ---------------------------------------------------------------------------------------------

def test_twenty_layers_of_sigmoids_vanish():
    verdict = watched(deep(20, nn.Sigmoid)).verdict()
    assert verdict.kind == "vanishing"
    assert 0.1 < verdict.numbers["factor_per_layer"] < 0.35         # a slope of 1/4 at most, weights of gain 1
    assert verdict.numbers["first_to_last"] < 1e-9 and verdict.numbers["weight_layers"] == 20
    text = re.sub(r"\s+", " ", str(verdict))
    assert re.search(r"shrinks 0\.\d\d× per layer from layer 38 down to layer 0", text)
    assert "The sigmoids are 0 % saturated" in text and "a quarter of the gradient" in text
    assert "Ioffe & Szegedy 2015" in text and "Deep residual learning" in text
    assert not any("saturated" in cause for cause in verdict.causes)            # they are not


def test_saturation_is_told_as_a_cause_of_vanishing():
    verdict = watched(deep(20, nn.Sigmoid, bias=5.0), lr=0.0).verdict()
    assert verdict.kind == "vanishing" and verdict.numbers["saturated"] > 0.5
    assert re.search(r"The sigmoids are \d\d % saturated", verdict.found)
    assert any("saturated" in cause for cause in verdict.causes)


def test_a_deep_linear_network_with_weights_three_times_too_large_explodes():
    verdict = watched(deep(10, gain=3.0), lr=1e-9).verdict()
    assert verdict.kind == "exploding"
    assert verdict.numbers["factor_per_layer"] == pytest.approx(3.0, rel=0.15)
    assert any("too large" in cause for cause in verdict.causes) and not any("rate" in c for c in verdict.causes)
    assert "Pascanu" in str(verdict) and verdict.numbers["first_not_finite_step"] is None


def test_what_explodes_until_nothing_is_finite_is_called_exploding():
    verdict = watched(deep(10, gain=3.0), lr=0.1, steps=6).verdict()
    step = verdict.numbers["first_not_finite_step"]
    assert verdict.kind == "exploding" and step > 1 and f"From step {step} on it is no longer finite" in verdict.found
    assert any("learning rate that is too high" in cause for cause in verdict.causes)


def test_a_learning_rate_that_leaves_nothing_of_the_weights():
    verdict = watched(deep(3, nn.ReLU), lr=1e3, steps=1).verdict()
    assert verdict.kind == "exploding" and verdict.numbers["update_to_weight"] > 1


def test_resnet20_is_healthy():
    health = watched(small_resnet(), images(), steps=3)
    verdict = health.verdict()
    assert verdict.kind == "healthy" and verdict.causes == [] and not verdict.remedies
    assert verdict.numbers["weight_layers"] == 20 and 0.7 < verdict.numbers["factor_per_layer"] < 1.4
    assert health.layers[0] == "conv1" and health.layers[-1] == "fc" and len(health.layers) == 39
    assert all(np.isfinite(health.series(layer, "output")).all() for layer in health.layers)


def test_relus_with_a_bias_far_below_zero_are_dead():
    verdict = watched(deep(4, nn.ReLU, bias=-10.0)).verdict()
    assert verdict.kind == "dead" and verdict.numbers["dead"] == 1.0
    assert "100 % of 16" in verdict.found and "layer 0 -10" in verdict.found
    assert any("bias" in cause for cause in verdict.causes)


def test_too_few_values_make_no_unit_dead():
    verdict = watched(deep(4, nn.ReLU, bias=-10.0), batch(4), steps=2).verdict()
    assert verdict.kind != "dead"


def test_saturated_tanhs_that_still_pass_something():
    verdict = watched(deep(4, nn.Tanh, gain=10.0), lr=1e-3).verdict()
    assert verdict.kind == "saturated" and verdict.numbers["saturated"] > 0.5
    assert any("weights that are too large" in cause for cause in verdict.causes)


def test_nan_in_the_data():
    x, target = batch()
    x.data[3, 2] = np.nan
    health = watched(deep(3, nn.ReLU), (x, target), steps=2)
    assert health.verdict().kind == "not finite" and health.verdict().numbers["first_not_finite_step"] == 1
    assert "first_nonfinite()" in str(health.verdict())
    assert health.series("0", "not_finite")[0] > 0 and np.isinf(health.series("0", "gradient")[0])


def test_float16_gradients_that_are_too_small_to_be_held():
    verdict = watched(deep(20, nn.Sigmoid).half(), batch(dtype="float16")).verdict()
    assert verdict.kind == "vanishing" and "exactly 0 at" in verdict.found and "float16" in verdict.found


def test_frozen_layers_and_layers_without_a_gradient():
    class Partly(nn.Module):
        def __init__(self):
            self.body, self.unused = deep(5, nn.ReLU), nn.Linear(2, 2)

        def forward(self, x):
            return self.body(x)

    model = Partly()
    model.body[0].trainable = False
    health = watched(model)
    verdict = health.verdict()
    assert verdict.kind == "healthy" and len(verdict.remarks) == 2
    assert verdict.remarks[0] == "Frozen, and so without a gradient: body.0."
    assert verdict.remarks[1].startswith("No gradient reaches unused: the loss does not depend on that")
    lines = {line.split()[0]: line for line in health.table().splitlines()}
    assert "frozen" in lines["body.0"] and "no gradient" in lines["unused"]
    assert np.isnan([health.recent("body.0", what) for what in ("gradient", "update", "output")]).all()
    assert health.recent("body.0", "weight") > 0 and health.layers[0] == "body.0"


def test_unknown_where_nothing_was_seen():
    health = debug.GradientHealth(deep(3))
    assert health.verdict().kind == "unknown" and "no step was watched" in health.verdict().found
    with health.watch():
        F.cross_entropy(deep(3)(batch()[0]), batch()[1]).backward()         # of another model
    assert health.verdict().kind == "unknown" and "no gradient reached a layer" in health.verdict().found
    frozen = watched(deep(3).requires_grad_(False), lr=0.0, steps=0)
    with frozen.watch():
        frozen.model(batch()[0])
    assert frozen.verdict().kind == "unknown" and "all layers are frozen" in frozen.verdict().found


def test_gradients_that_are_cleared_too_early():
    model, (x, target) = deep(3), batch()
    health = debug.GradientHealth(model)
    with health.watch():
        F.cross_entropy(model(x), target).backward()
        model.zero_grad()
    verdict = health.verdict()
    assert verdict.kind == "unknown" and "zero_grad() before backward()" in verdict.found


# --- what is measured -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_number_by_hand(dtype):
    mg.manual_seed(5)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).to(dtype=dtype)
    x, target = batch(8, 4, 3, dtype)
    before = copies(model)
    health = watched(model, (x, target), steps=1, lr=0.5)
    twin = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).to(dtype=dtype)
    twin.load_state_dict(before)
    hidden = twin[0](x)
    hidden.retain_grad()
    active = F.relu(hidden)
    F.cross_entropy(twin[2](active), target).backward()
    parts = [twin[0].weight, twin[0].bias]

    def norm(arrays):
        return np.sqrt(sum([(np.asarray(a, "f8") ** 2).sum() for a in arrays]))

    expected = {"gradient": norm([p.grad.numpy() for p in parts]), "weight": norm([p.numpy() for p in parts]),
                "update": norm([new.astype("f8") - old.numpy() for new, old in zip(
                    [model[0].weight.numpy(), model[0].bias.numpy()], parts, strict=True)]),
                "output": norm([hidden.grad.numpy()]), "zeros": (active.numpy() == 0).mean(),
                "dead": (active.numpy() == 0).all(0).mean(), "not_finite": 0.0}
    found = {what: health.series("0", what)[0] for what in expected}
    assert found == pytest.approx(expected, rel=2e-3 if dtype == "float16" else 1e-5)
    assert health.series("0", "update_to_weight")[0] == pytest.approx(found["update"] / found["weight"])
    assert np.isnan(health.series("2", "dead")[0])


def test_functions_and_parameters_of_ones_own_are_seen():
    class Own(nn.Module):
        def __init__(self):
            self.first = nn.Linear(16, 16)
            self.matrix = nn.Parameter(mg.randn(16, 10) * 0.2)

        def forward(self, x):
            return F.relu(self.first(x)) @ (self.matrix * 2.0)

    health = watched(Own())
    assert health.layers == ["first", "own"] and health.verdict().kind == "healthy"
    assert list(health.units) == [("first", "relu", 16)] and np.isfinite(health.series("own", "output")).all()


def test_a_layer_that_is_called_twice_adds_up():
    class Twice(nn.Module):
        def __init__(self):
            self.layer, self.last = nn.Linear(16, 16), nn.Linear(16, 10)

        def forward(self, x):
            return self.last(F.tanh(self.layer(F.tanh(self.layer(x)))))

    mg.manual_seed(1)
    model, (x, target) = Twice(), batch()
    found = watched(model, (x, target), steps=1, lr=0.0).series("layer", "output")[0]
    first = model.layer(x)
    second = model.layer(F.tanh(first))
    for y in (first, second):
        y.retain_grad()
    F.cross_entropy(model.last(F.tanh(second)), target).backward()
    assert found == pytest.approx(np.sqrt(sum([(y.grad.numpy().astype("f8") ** 2).sum() for y in (first, second)])))


def test_channels_are_the_units_of_images():
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(5 * 49, 10))
    model[0].bias.data[1] = -100.0
    health = watched(model, images())
    assert list(health.units) == [("0", "relu", 5)] and health.series("0", "dead").tolist() == [0.2] * 4


@pytest.mark.parametrize(("op", "zeros", "saturated"), [
    (F.relu, 0.5, None), (F.relu6, 0.5, 0.25), (F.tanh, None, 0.75), (F.sigmoid, None, 0.5), (F.hardtanh, None, 1.0),
    (F.hardsigmoid, None, 0.5), (F.gelu, None, None)])
def test_activations(op, zeros, saturated):
    model = nn.Linear(4, 4)
    model.weight.data[...], model.bias.data[...] = np.eye(4), 0
    health = debug.GradientHealth(model)
    with health.watch():
        op(model(mg.tensor([[-9.0, -2.5, 1.0, 9.0]]))).sum().backward()
    found = [health.series("linear", what)[0] for what in ("zeros", "saturated")]
    assert [None if np.isnan(x) else x for x in found] == [zeros, saturated]


def test_units_that_die_on_the_way_are_found(monkeypatch):
    monkeypatch.setattr(module, "RECENT", 3)
    model, (x, target) = deep(2, nn.ReLU), batch()
    health = debug.GradientHealth(model)
    for step in range(10):
        with health.watch():
            if step == 2:
                model[0].bias.data[:8] = -100.0
            F.cross_entropy(model(x), target).backward()
    assert health.series("0", "dead")[[0, 5, 9]].tolist() == [0.0, 0.0, 0.5]


def test_every_and_what_is_kept_of_a_long_training(monkeypatch):
    monkeypatch.setattr(module, "KEPT", 6)
    health = watched(deep(2), steps=24, every=2)
    assert health.every == 4 and health.steps == [1, 5, 9, 13, 17, 21]
    assert len(health.series("0", "gradient")) == len(health.steps)
    with pytest.raises(ValueError, match="every must be"):
        debug.GradientHealth(deep(2), every=0)
    with pytest.raises(KeyError, match="no layer 'nothing'"):
        health.series("nothing", "gradient")
    with pytest.raises(ValueError, match="no parameters"):
        debug.GradientHealth(nn.ReLU())


def test_an_error_inside_a_step_leaves_nothing():
    model = deep(2)
    health = debug.GradientHealth(model)
    with pytest.raises(ZeroDivisionError), health.watch():
        model(batch()[0])
        raise ZeroDivisionError
    assert health.steps == [] and mg.tensor([1.0], requires_grad=True).exp().node is not None and not health.opened
    health.begin()
    health.begin()                                  # the first of the two is forgotten
    health.end()
    health.end()
    assert health.steps == [3]


# --- the training goes on as it would -------------------------------------------------------------------------

def convolutional():
    mg.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2), nn.Flatten(),
                         nn.Linear(6 * 49, 10))


def graph():
    mg.manual_seed(0)
    x = Input((3, 16, 16), name="image")
    h = nn.Conv2d(3, 6, 3)(x, name="conv")
    h = mg.relu(nn.BatchNorm2d(6)(h, name="bn"))
    return Graph(x, nn.Linear(6, 10)(h.mean((2, 3)), name="fc"))


@pytest.mark.parametrize("make", [convolutional, graph, small_resnet])
def test_weights_are_the_same_bits_with_and_without(make):
    plain, seen = make(), make()
    (x, target), optimizer = images(), optim.SGD(plain.parameters(), 0.1, momentum=0.9)
    mg.manual_seed(7)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(plain(x), target).backward()
        optimizer.step()
    mg.manual_seed(7)
    health = watched(seen, (x, target), steps=3, lr=0.1, make=lambda ps, lr: optim.SGD(ps, lr, momentum=0.9))
    assert same_bits(copies(plain), copies(seen)) and len(health.steps) == 3
    if make is not convolutional:
        assert seen.plan().fused and any(kind == "relu" for _, kind, _ in health.units)


def test_it_runs_inside_a_record():
    """Whoever listens already goes on hearing every call."""
    model, (x, target) = deep(3, nn.ReLU), batch()
    health = debug.GradientHealth(model)
    with debug.record() as recorder, health.watch():
        F.cross_entropy(model(x), target).backward()
    assert [call.op.name for call in recorder.calls][:2] == ["linear", "relu"]
    assert recorder.calls[0].layer == "0" and recorder.calls[0].source is not None and health.steps == [1]


def test_a_watched_step_waits_once_for_the_device():
    with installed():
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Tanh(),
                              nn.Flatten(), nn.Linear(4 * 144, 10))
        here = watched(model, images(), steps=1, lr=0.0)
        there = model.to("cuda")
        data = tuple([x.to("cuda") for x in images()])
        syncs.clear()
        health = watched(there, data, steps=3, lr=0.0)
        assert ON_GPU or syncs == ["get"] * 3
        for layer in health.layers:
            for what in ("gradient", "weight", "output", "zeros", "saturated", "dead"):
                a, b = here.series(layer, what)[0], health.series(layer, what)[0]
                assert a == pytest.approx(b, rel=1e-4, abs=2e-3, nan_ok=True)
        assert health.verdict().kind == "healthy"
        again = debug.GradientHealth(there)
        again.load_state_dict(health.state_dict())              # what units did comes back from the host
        with again.watch():
            F.cross_entropy(there(data[0]), data[1]).backward()
        assert again.steps == [1, 2, 3, 4]


# --- what is shown --------------------------------------------------------------------------------------------

def test_table_file_picture_and_dictionary(tmp_path):
    pytest.importorskip("matplotlib")
    health = watched(deep(6, nn.ReLU), steps=5)
    health.to_csv(tmp_path / "h.csv")
    rows = list(csv.DictReader((tmp_path / "h.csv").read_text().splitlines()))
    assert len(rows) == 30 and float(rows[6]["gradient"]) == health.series("0", "gradient")[1]
    assert rows[5]["step"] == "1" and rows[5]["layer"] == "10" and rows[5]["dead"] == ""
    table = health.table().splitlines()
    assert len(table) == 11 and max(map(len, table)) <= 80 and table[0].split()[:2] == ["layer", "units"]
    document = json.loads(json.dumps(health.as_dict(), allow_nan=False))
    assert document["verdict"]["kind"] == "healthy" and document["steps"] == [1, 2, 3, 4, 5]
    assert document["layers"][0]["units"] == [{"kind": "relu", "count": 16}]
    assert document["layers"][5]["saturated"] == [None] * 5
    with pytest.raises(ValueError, match="no step was watched"):
        debug.GradientHealth(deep(2)).plot(tmp_path / "none.png")
    spoiled = watched(deep(10, nn.ReLU, gain=5.0), lr=0.1, steps=4)
    spoiled.plot(tmp_path / "bad.png")
    import matplotlib.image
    red = matplotlib.image.imread(tmp_path / "bad.png")[:, :, :3] - np.array([0xb2, 0x18, 0x2b]) / 255
    assert (np.abs(red).max(2) < 0.02).mean() > 0.02
    assert "inf" in json.dumps(spoiled.as_dict(), allow_nan=False)


def test_every_verdict_fits_a_terminal():
    for health in (watched(deep(20, nn.Sigmoid)), watched(deep(4, nn.ReLU, bias=-10.0)), watched(deep(10, gain=3.0))):
        verdict = health.verdict()
        assert verdict.kind in KINDS and max(map(len, str(verdict).splitlines())) <= 80
        assert json.loads(json.dumps(verdict.as_dict(), allow_nan=False))["kind"] == verdict.kind


def test_state_comes_back_and_anothers_is_refused():
    health = watched(deep(3, nn.ReLU))
    twin = debug.GradientHealth(deep(3, nn.ReLU))
    twin.load_state_dict(health.state_dict())
    assert twin.as_dict() == health.as_dict() and twin.units.keys() == health.units.keys()
    with pytest.raises(ValueError, match="another model's"):
        debug.GradientHealth(deep(4)).load_state_dict(health.state_dict())
