"""A trace keeps what a walk showed: bounded, in JSON's terms, without the tape."""

from __future__ import annotations

import gc
import json
import weakref

import numpy as np
import pytest
from strict_cupy import installed

import minigrad as mg
from minigrad import debug, models, nn
from minigrad.debug.previews import preview


def network():
    mg.manual_seed(0)
    return nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.Tanh()), nn.Linear(3, 4))


def taken(keep="preview", into=(), scale=1.0):
    model = network()
    with debug.record():
        h = model[0](mg.ones(5, 2)) * scale
        loss = mg.cross_entropy(model[1](h), mg.tensor([0, 1, 2, 3, 0]))
    return debug.trace(loss, into=into, keep=keep), model, h, loss


def test_it_is_the_backward_pass():
    trace, model, h, _ = taken()
    other, _, _, loss = taken()
    assert model[1].weight.grad is not None and trace[0].kind == "seed"
    rules = trace.find()
    assert [event.op for event in rules] == ["cross_entropy", "linear", "multiply", "tanh", "linear"]
    assert rules[1].rules["weight"].startswith("gweight = g^T x") and "gx = g weight" in rules[1].rule
    assert rules[1].values["x"].seen.shape == (5, 3) and rules[1].line.startswith("loss = mg.cross_entropy")
    assert rules[2].formulas["a"][0] == "ga = g * b"
    assert rules[3].gains["x"] == pytest.approx(rules[3].given["x"].seen.norm / rules[3].arrived[0].seen.norm)


def test_events_by_number_and_by_pattern():
    trace, *_ = taken(into=("linear",))
    assert trace[1].number == "1" and trace[-1].kind == "leaf" and trace["2.1"].depth == 1 and trace["2.1"].op == "add"
    assert trace["2"] is trace[2] and len(trace) == len(list(trace)) == len(trace.events)
    assert trace.find(layer="0*") == [event for event in trace.find() if event.layer == "0"] != []
    assert {event.kind for event in trace.find(kind="leave")} == {"leave"} and len(trace.find(op="lin*")) == 2
    for number in (99, -99, "2.99", "x", 1.5):
        with pytest.raises(IndexError, match="there is no event"):
            trace[number]


@pytest.mark.parametrize("keep", ["preview", "all"])
def test_the_gradient_of_any_tensor(keep):
    trace, model, h, loss = taken(keep)
    again, again_model, again_h, again_loss = taken(keep)
    expected = model[1].weight.grad.numpy()
    found = trace.grad(model[1].weight)
    assert (found.corner if keep == "preview" else found.numpy()).shape == expected.shape
    np.testing.assert_array_equal(found.corner if keep == "preview" else found.numpy(), expected)
    middle = trace.grad(h)
    values = middle.corner if keep == "preview" else middle.numpy()
    arrived = trace.find(op="multiply")[0].g
    np.testing.assert_array_equal(values, arrived.corner if keep == "preview" else arrived)
    assert float(trace.grad(loss).corner if keep == "preview" else trace.grad(loss)) == 1
    for stranger in (mg.ones(3), again_h, again_model[1].weight):
        with pytest.raises(ValueError, match="did not come to"):
            trace.grad(stranger)


def test_it_keeps_no_tape():
    gc.collect()
    gc.disable()
    try:
        trace, model, h, loss = taken()
        alive = weakref.ref(loss), weakref.ref(h)
        del loss, h
        assert alive[0]() is None and alive[1]() is None and len(trace)
    finally:
        gc.enable()


def test_as_dict_is_json_with_a_version():
    trace, *_ = taken(into=("linear",))
    found = trace.as_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["schema"], found["version"]) == ("minigrad.trace", 1)
    rule = next(event for event in found["events"] if event["kind"] == "rule" and event["op"] == "linear")
    assert {"number", "kind", "depth", "op", "call", "layer", "source", "line", "shape", "arrived", "given", "values",
            "operands", "sources", "rules", "formulas", "gains", "can_enter", "hints"} <= set(rule)
    assert rule["sources"]["weight"] == {"leaf": "weight", "shape": [4, 3]} and rule["sources"]["x"]["op"] == "multiply"
    calls = {event["call"] for event in found["events"] if event["kind"] == "rule" and event["depth"] == 0}
    assert rule["sources"]["x"]["call"] in calls
    leave = next(event for event in found["events"] if event["kind"] == "leave")
    assert leave["agrees"] in (True, False) and set(leave["differences"]) == {"x", "weight", "bias"}


def test_numbers_that_json_has_not():
    x = mg.tensor([0.0, -1.0, 1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        with debug.record():
            loss = mg.log(x).sum()
        trace = debug.trace(loss)
        text = json.dumps(trace.as_dict(), allow_nan=False)
    assert '"inf"' in text and '"nan"' in text
    assert trace.first_nonfinite().kind == "seed" and trace.origin.startswith("log (test_debugger_trace.py:")
    assert trace.as_dict()["origin"] == trace.origin and taken()[0].first_nonfinite() is None


def test_diff_finds_the_first_divergence():
    one, two, other = taken("all")[0], taken("all")[0], taken("all", scale=1.001)[0]
    assert not one.diff(two) and "agree" in str(one.diff(two)) and one.diff(two).whole
    found = one.diff(other)
    assert found and found.first.op == "cross_entropy" and "the first on the" in str(found)
    assert not one.diff(other, rtol=0.5)
    previews = taken()[0].diff(taken(scale=1.001)[0])
    assert previews and not previews.whole and "norms" in str(previews)
    x = mg.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="the traces part at event 1: cross_entropy"):
        one.diff(debug.trace(mg.exp(x).sum()))


def test_the_table_fits():
    trace = taken(into=("linear",))[0]
    lines = repr(trace).splitlines()
    assert lines[0].split()[:4] == ["event", "op", "layer", "shape"]
    assert all(len(line) <= 80 and line.isascii() for line in lines if not line.startswith("hint"))
    assert any("definition agrees" in line for line in lines) and repr(trace[1]).startswith("<rule cross_entropy #")


def test_misuse():
    x = mg.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="keep is 'preview' or 'all'"):
        debug.trace(x.sum(), keep="some")
    with pytest.raises(ValueError, match="did you mean conv2d"):
        debug.trace(x.sum(), into="conv2")
    assert x.grad is None


# --- previews -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [(), (1,), (64,), (65,), (1000,), (3, 5), (40, 50), (2, 3, 17, 33), (0, 4),
                                   (1, 100_000)])
def test_previews_are_bounded_and_right(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    found = preview(x)
    assert found.corner.size <= 64 and (found.is_whole == (x.size <= 64))
    if found.is_whole and x.size:
        np.testing.assert_array_equal(found.corner, x)
    if not found.is_whole:
        assert found.thumbnail.ndim == 2 and max(found.thumbnail.shape) <= 16
        np.testing.assert_array_equal(found.corner, x[:64] if x.ndim == 1 else x[(0,) * (x.ndim - 2)][:6, :6])
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_a_thumbnail_is_block_means():
    x = np.arange(32 * 40.0).reshape(32, 40)
    found = preview(x).thumbnail
    assert found.shape == (16, 14)                      # blocks of 2 rows, and of 3 columns but for the last
    np.testing.assert_allclose(found[0, 0], x[:2, :3].mean())
    np.testing.assert_allclose(found[-1, -1], x[30:, 39:].mean())
    x[5, 5] = np.nan
    assert np.isnan(preview(x).thumbnail).sum() == 1


def test_from_a_device_little_is_copied(monkeypatch):
    sizes = []
    with installed():
        from minigrad.debug import glance, previews
        plain = glance.to_numpy

        def counting(x):
            sizes.append(x.size)
            return plain(x)

        monkeypatch.setattr(glance, "to_numpy", counting)
        monkeypatch.setattr(previews, "to_numpy", counting)
        model = models.lenet5().to("cuda")
        loss = mg.cross_entropy(model(mg.randn(2, 1, 32, 32, device="cuda")), mg.tensor([1, 2], device="cuda"))
        trace = debug.trace(loss)
        assert trace.find(op="conv2d")[0].arrived[0].seen.device == "cuda:0"
    assert sizes and max(sizes) <= 256
