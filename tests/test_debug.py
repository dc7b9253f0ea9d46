"""The walk tells what backward does and changes nothing; stepping in proves rule and definition equal."""

from __future__ import annotations

import gc
import re
import weakref

import numpy as np
import pytest
from strict_cupy import installed, syncs

import minigrad as mg
from minigrad import debug, models, nn
from minigrad.debug.glance import brief, glance
from minigrad.debug.rules import formula_text, rule_text
from minigrad.debug.walk import stepping
from minigrad.op import OPS
from minigrad.variadic import Variadic


@pytest.fixture(autouse=True)
def with_kernels():
    """Whatever MINIGRAD_KERNELS says: what is compared here is a kernel with its definition."""
    with mg.config(kernels="auto"):
        yield


def leaf(*shape, dtype="float64"):
    return mg.randn(*shape, dtype=dtype, requires_grad=True)


def scalar(value):
    return mg.tensor(value, dtype="float64", requires_grad=True)


def story(events):
    """What happened, one word and a name each."""
    return [(event.kind, event.name if event.kind == "leaf" else event.op) for event in events]


def of_kind(events, kind):
    return [event for event in events if event.kind == kind]


def visit(loss, name):
    """The events of the definition of the first call of `name` met on the way back from `loss`."""
    for event in debug.walk(loss):
        if event.kind == "rule" and event.op == name:
            return list(event.into())
    raise ValueError(f"no {name} on the tape")


# --- the events of small graphs -------------------------------------------------------------------------------

def test_scalar_chain():
    a, b, c = scalar(2.0), scalar(-3.0), scalar(10.0)
    with debug.record():
        y = a * b + c
    events = list(debug.walk(y))
    assert story(events) == [("seed", "add"), ("rule", "add"), ("leaf", "c"),
                             ("rule", "multiply"), ("leaf", "a"), ("leaf", "b")]
    last = events[3]
    assert last.rules == {"a": "ga = g * b", "b": "gb = g * a"}
    assert float(last.g) == 1 and {name: float(g) for name, g in last.gradients.items()} == {"a": -3, "b": 2}
    assert [float(event.gradient) for event in of_kind(events, "leaf")] == [1, -3, 2]
    assert last.serial < events[1].serial
    assert last.shape == () and last.dtype == np.float64 and last.inputs == {"a": (), "b": ()}


def test_diamond_accumulates():
    a = scalar(3.0)
    b = a * a
    events = list(debug.walk(b + mg.exp(b)))
    paths = [(event.place.split()[0], event.k, event.m) for event in of_kind(events, "accumulate")]
    assert paths == [("multiply", 1, 2), ("multiply", 2, 2), ("a", 1, 2), ("a", 2, 2)]
    first, second, *_ = of_kind(events, "accumulate")
    assert first.was is None and float(first.plus.values) == 1 and float(first.now.values) == 1
    values = [float(seen.values) for seen in (second.was, second.plus, second.now)]
    assert values == pytest.approx([1, np.exp(9), 1 + np.exp(9)])
    assert float(of_kind(events, "leaf")[0].gradient) == float(a.grad.data)


def test_broadcasting_is_undone():
    x, bias = leaf(4, 3), leaf(3)
    events = list(debug.walk((x * bias.reshape(1, 3) + bias).sum()))
    first, second = of_kind(events, "unbroadcast")
    assert (first.argument, first.axes, first.before.shape, first.after.shape) == ("b", (0,), (4, 3), (3,))
    assert (second.argument, second.axes, second.before.shape, second.after.shape) == ("b", (0,), (4, 3), (1, 3))
    assert first.after.norm == pytest.approx(4 * np.sqrt(3))
    assert "gb summed over axis 0, as b was" in str(first) and "broadcast" in str(first)


def test_promotion_is_cast_back():
    x = leaf(3, dtype="float16")
    events = list(debug.walk((x * mg.ones(2, 3)).sum()))
    event, = of_kind(events, "unbroadcast")
    assert (event.before.dtype, event.after.dtype, event.axes) == ("float32", "float16", (0,))
    assert "cast back from float32 to float16" in " ".join(str(event).split())


def test_unused_outputs():
    x = leaf(4)
    left, right = mg.split(x * 2, 2)
    events = list(debug.walk(left.sum()))
    assert story(events) == [("seed", "sum"), ("rule", "sum"), ("rule", "split"), ("rule", "multiply"),
                             ("leaf", f"a of multiply #{events[-1].serial}")]
    event = events[2]
    assert event.g[1] is None and event.arrived[1] is None and event.shape == [(2,), (2,)]
    assert "g1 nothing" in str(event)
    np.testing.assert_array_equal(x.grad.data, [2, 2, 0, 0])


def test_paths_that_bring_nothing_keep_no_leaf_waiting():
    @mg.op
    def only_first(a, b):
        return a + b

    only_first.gradient(a=lambda g: g, b=lambda g: None)
    w, v = scalar(1.0), scalar(2.0)
    events = list(debug.walk(only_first(w, mg.exp(w)) * only_first(v, v)))
    leaves = {id(event.tensor): float(event.gradient) for event in of_kind(events, "leaf")}
    assert len(of_kind(events, "leaf")) == 2 and leaves == {id(x): float(x.grad.data) for x in (w, v)}
    assert float(w.grad.data) == 4 and float(v.grad.data) == pytest.approx(1 + np.e)


def test_a_leaf_is_its_own_walk():
    x = scalar(3.0)
    assert [event.kind for event in debug.walk(x)] == ["seed", "leaf"]
    assert float(x.grad.data) == 1


def test_given_gradient_and_higher_order():
    x = leaf(3)
    seed, *_ = list(debug.walk(x * x, gradient=np.array([1.0, 2.0, 3.0]), create_graph=True))
    np.testing.assert_array_equal(seed.g, [1, 2, 3])
    assert x.grad.requires_grad
    second, = mg.grad(x.grad.sum(), [x])
    np.testing.assert_allclose(second.data, [2, 4, 6])


def test_old_gradients_and_hooks_are_mentioned():
    x = scalar(3.0)
    (x * x).backward()
    x.register_hook(lambda g: g * 10)
    event = of_kind(debug.walk(x * x), "leaf")[0]
    text = " ".join(str(event).split())
    assert float(event.before.values) == 6 and ".grad already holds 6" in text and "hooks see it" in text
    assert float(x.grad.data) == 66


# --- the walk is backward -------------------------------------------------------------------------------------

def network():
    """A loss through all of the tape: fused ops, several outputs, diamonds, broadcasting; and its leaves."""
    mg.manual_seed(1)
    x, w, b, scale = leaf(4, 2, 6, 6), leaf(3, 2, 3, 3), leaf(3), leaf(3)
    y, mean, var = mg.batch_norm_train(mg.conv2d(x, w, b, padding=1), scale, None)
    q = mg.tanh(y).reshape(4, 9, 12)
    z = mg.scaled_dot_product_attention(q, q, q, is_causal=True) + var.sum() * q
    return mg.cross_entropy(z.reshape(4, -1), mg.tensor([1, 2, 3, 4])), (x, w, b, scale)


def test_exhausting_it_is_backward():
    loss, expected = network()
    loss.backward()
    loss, leaves = network()
    for event in debug.walk(loss):
        str(event)
        if event.kind == "rule" and event.can_enter:
            assert [str(inner) for inner in event.into()]
    for x, other in zip(leaves, expected, strict=True):
        np.testing.assert_array_equal(x.grad.data, other.grad.data)


def test_leaving_it_leaves_every_grad():
    loss, leaves = network()
    events = debug.walk(loss, retain_graph=True)
    for _ in range(12):
        event = next(events)
    events.close()
    assert event.serial and all(x.grad is None for x in leaves)
    with pytest.raises(KeyError):
        for event in debug.walk(loss, retain_graph=True):
            if event.kind == "leaf":
                raise KeyError(event.name)
    assert all(x.grad is None for x in leaves)
    loss.backward()
    assert all(x.grad is not None for x in leaves)


def test_stepping_in_changes_nothing_and_can_be_repeated():
    loss, leaves = network()
    for event in debug.walk(loss):
        if event.kind == "rule" and event.can_enter:
            first, again = [[e.differences for e in event.into() if e.kind == "leave"] for _ in range(2)]
            assert first == again and all(x.grad is None for x in leaves)


def test_what_cannot_be_done_is_said():
    x = leaf(2, 3)
    events = list(debug.walk(mg.softmax(x * 2).sum(), gradient=None))
    fused = next(event for event in events if event.op == "softmax")
    with pytest.raises(RuntimeError, match="softmax saved is freed.*retain_graph=True"):
        next(fused.into())
    with pytest.raises(TypeError, match="into: sum is a primitive"):
        events[1].into()
    with pytest.raises(TypeError, match="walk: expected a Tensor.*ndarray came"):
        debug.walk(np.ones(3))
    with pytest.raises(ValueError, match="does not depend on any tensor that requires gradients"):
        debug.walk(mg.ones(1))
    with pytest.raises(ValueError, match="needs the gradient that arrives"):
        debug.walk(x * 2)


def test_a_second_look_with_a_retained_graph():
    x = leaf(2, 3)
    events = list(debug.walk(mg.softmax(x).sum(), retain_graph=True))
    rule = next(event for event in events if event.op == "softmax")
    assert [event.kind for event in rule.into()][-1] == "leave"


def test_gradients_that_were_passed_on_are_let_go():
    y = leaf(1000)
    for _ in range(10):
        y = mg.sin(y)
    alive = []
    for event in debug.walk(y, gradient=np.ones(1000)):
        if event.kind == "rule":
            alive.append(weakref.ref(event.gradients["x"]))
            assert sum(gradient() is not None for gradient in alive) <= 2


# --- stepping in ----------------------------------------------------------------------------------------------

def check_visit(events, names, ops):
    """Enter and leave are the ends; each input gets its gradient once; the definition agrees to rounding."""
    assert events[0].kind == "enter" and events[-1].kind == "leave"
    assert {event.depth for event in events[1:-1]} == {1}
    assert sorted(event.name for event in of_kind(events, "leaf")) == sorted(names)
    assert ops <= {event.op for event in of_kind(events, "rule")}
    leave = events[-1]
    assert leave.compared and leave.agrees and set(leave.differences) == set(names) and leave.worst < 1e-12
    assert f"definition agrees: max |diff| {leave.worst:.1e}" in " ".join(str(leave).split())


def test_into_conv2d():
    x, w, b = leaf(2, 3, 7, 6), leaf(4, 3, 3, 2), leaf(4)
    with debug.record():
        loss = mg.conv2d(x, w, b, 2, 1).sum()
    events = visit(loss, "conv2d")
    check_visit(events, ["x", "weight", "bias"], {"unfold", "matmul", "reshape", "add"})
    lines = [event.source.text for event in of_kind(events, "rule")]
    assert lines[0].startswith("return y if bias is None") and lines[-1].startswith("columns = unfold")
    assert all("conv.py:" in str(event) for event in of_kind(events, "rule"))


def test_only_wanted_gradients_are_walked_inside():
    events = visit(mg.conv2d(mg.randn(2, 3, 5, 5), leaf(4, 3, 3, 3, dtype="float32"), None).sum(), "conv2d")
    assert set(events[-1].differences) == {"weight"} and "unfold" not in {event.op for event in events}


def test_into_cross_entropy():
    check_visit(visit(mg.cross_entropy(leaf(4, 5), mg.tensor([0, 1, 2, 3])), "cross_entropy"),
                ["x"], {"log_softmax", "take_along_axis", "divide"})


def test_into_batch_norm_with_several_outputs():
    y, mean, var = mg.batch_norm_train(leaf(6, 3), leaf(3), leaf(3))
    events = visit((y * y * y).sum() + var.sum(), "batch_norm_train")
    check_visit(events, ["x", "weight", "bias"], {"mean", "sqrt", "divide"})


def test_into_attention_where_no_kernel_ran():
    q = leaf(2, 4, 8)
    with mg.config(kernels="definition"):
        loss = (mg.scaled_dot_product_attention(q, q, q, is_causal=True) ** 2).sum()
        outer, = of_kind(list(stepping(debug.walk(loss), ["scaled_dot_product_attention"])), "leave")
    assert not outer.compared and "nothing to compare" in " ".join(str(outer).split())


def test_into_attention_and_softmax_inside_it():
    q = leaf(2, 4, 8)
    loss = (mg.scaled_dot_product_attention(q, q, q, is_causal=True) ** 2).sum()
    events = list(stepping(debug.walk(loss), ["scaled_dot_product_attention", "softmax"]))
    inner, outer = of_kind(events, "leave")
    assert (inner.op, inner.depth, outer.op, outer.depth) == ("softmax", 1, "scaled_dot_product_attention", 0)
    assert inner.compared and inner.agrees and inner.worst < 1e-12
    assert outer.compared and outer.agrees and outer.worst < 1e-12
    assert {event.op for event in events if event.depth == 2} >= {"exp", "sum", "divide"}
    assert [event.k for event in of_kind(events, "accumulate") if event.depth == 0 and event.m == 3] == [1, 2, 3]


def test_without_kernels_there_is_nothing_to_compare():
    with mg.config(kernels="definition"):
        leave = visit(mg.conv2d(leaf(1, 2, 5, 5), leaf(2, 2, 3, 3), None).sum(), "conv2d")[-1]
    assert not leave.compared and leave.worst == 0


@pytest.mark.parametrize("wrong", [lambda g, x: g * x, lambda g, x: -2 * g * x, lambda g, x: 2 * g * x + 1e-3,
                                   lambda g, x: g * x * np.nan], ids=["half", "sign", "shifted", "nan"])
def test_a_wrong_kernel_is_found_out(wrong):
    @mg.fused
    def squared(x):
        return x * x

    squared.kernel("numpy", lambda needs, x: (x * x, None), lambda needs, g, kept, x: [wrong(g, x)])
    leave = visit(squared(leaf(5)).sum(), "squared")[-1]
    assert leave.compared and not leave.agrees and "DISAGREES" in str(leave)


# --- records --------------------------------------------------------------------------------------------------

class Block(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(1, 2, 3)
        self.head = nn.Sequential(nn.Linear(8, 4), nn.Tanh())

    def forward(self, x):
        h = mg.tanh(self.conv(x))
        return self.head(h.reshape(len(x.data), -1)).sum()


def test_layers_lines_and_names():
    model, scale = Block(), scalar(2.0)
    with debug.record() as recorder:
        loss = model(mg.randn(3, 1, 4, 4)) * scale                  # this line
        with mg.no_grad():
            model(mg.randn(3, 1, 4, 4))
    assert [call.layer for call in recorder.calls] == ["conv", "", "", "head.0", "head.1", "", ""]
    lines = [call.source.text for call in recorder.calls]
    assert lines[1] == "h = mg.tanh(self.conv(x))" and lines[-1].endswith("# this line")
    assert str(recorder.calls[0].source).startswith("test_debug.py:")
    events = list(debug.walk(loss))
    assert {event.name for event in of_kind(events, "leaf")} == {"scale", *dict(model.named_parameters())}
    conv = next(event for event in events if event.op == "conv2d")
    assert conv.layer == "conv" and conv.source.text == "h = mg.tanh(self.conv(x))" and "test_debug.py" in str(conv)


def test_what_a_call_was_called_with():
    x, w = leaf(2, 3, 5, 5), leaf(4, 3, 3, 3)
    with debug.record():
        loss = mg.sum(mg.conv2d(x * 2.0, w, None, 2, (1, 1), (1, 1)), axis=None)
    rules = {event.op: event for event in debug.walk(loss, retain_graph=True) if event.kind == "rule"}
    assert rules["multiply"].operands == {"a": "x", "b": "2.0"}
    times = rules["multiply"].serial
    assert rules["conv2d"].operands == {"x": f"multiply #{times}", "weight": "w", "stride": "2", "padding": "(1, 1)"}
    assert f"where x is multiply #{times}, weight is w, stride is 2, padding is (1, 1)" in str(rules["conv2d"])
    inner = {event.op: event for event in rules["conv2d"].into() if event.kind == "rule"}
    assert inner["unfold"].operands["x"] == "the argument x"
    rules = {event.op: event for event in debug.walk(mg.exp(leaf(3)).sum()) if event.kind == "rule"}
    assert rules["exp"].operands == {"x": "a leaf (3,)"}


def test_a_lone_layer_and_one_made_on_the_fly():
    class Odd(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(2, 2)

        def forward(self, x):
            return nn.Linear(2, 2)(self.inner(x))

    with debug.record() as recorder:
        nn.Linear(2, 2)(mg.ones(1, 2))
        Odd()(mg.ones(1, 2))
    assert [call.layer for call in recorder.calls] == ["linear", "inner", "linear"]


def test_the_layers_of_a_graph():
    model = models.lenet5()
    with debug.record() as recorder:
        model(mg.randn(2, 1, 32, 32))
    assert [call.layer for call in recorder.calls] == [
        "c1", "tanh_1", "s2", "c3", "tanh_2", "s4", "c5", "tanh_3", "reshape_1", "f6", "tanh_4", "f7"]


def test_recording_ends_with_its_context_and_reaches_into_no_grad():
    x = leaf(3)
    with mg.no_grad(), debug.record() as outer:
        y = mg.exp(x)
        with debug.record(sources=False) as inner:
            mg.log(y)
        mg.sin(y)
    mg.cos(x)
    assert [call.op.name for call in outer.calls] == ["exp", "sin"]
    assert [(call.op.name, call.source) for call in inner.calls] == [("log", None)]


def test_definitions_run_without_kernels_are_told_apart():
    with mg.config(kernels="definition"), debug.record() as recorder:
        mg.scaled_dot_product_attention(*[leaf(1, 2, 3) for _ in range(3)])
    inside = {call.op.name: call.inside for call in recorder.calls}
    assert inside["exp"] == ("scaled_dot_product_attention", "softmax")
    assert inside["softmax"] == ("scaled_dot_product_attention",)
    assert inside["scaled_dot_product_attention"] == () and "alias" not in inside
    call = next(call for call in recorder.calls if call.op.name == "exp")
    assert call.definition.text.startswith("e = exp(") and "mg.scaled_dot_product_attention(" in call.source.text


def test_a_definition_of_the_user_is_told_apart_too():
    @mg.fused
    def doubled_exp(x):
        return 2 * mg.exp(x)                        # inside

    with debug.record() as recorder:
        doubled_exp(leaf(2))                        # outside
    exp, *_, whole = recorder.calls
    assert exp.inside == ("doubled_exp",)
    assert exp.definition.text.endswith("# inside") and exp.source.text.endswith("# outside")
    assert whole.inside == () and whole.source.text.endswith("# outside")


@pytest.mark.parametrize("kernels", ["auto", "definition"])
def test_the_lines_of_a_definition(kernels):
    @mg.fused
    def weighed(x):
        e = mg.exp(x)                               # first
        return mg.softmax(e) * 2                    # second

    with mg.config(kernels=kernels), debug.record():
        loss = weighed(leaf(2, 2)).sum()            # outside
    events = stepping(debug.walk(loss), ["weighed", "softmax"])
    lines = [(event.op, event.depth, event.source.text.partition("# ")[2]) for event in of_kind(events, "rule")]
    softmax = "the largest is e^0: nothing overflows"
    assert [line for line in lines if line[2]] == [
        ("sum", 0, "outside"), ("weighed", 0, "outside"), ("multiply", 1, "second"), ("softmax", 1, "second"),
        ("exp", 2, softmax), ("subtract", 2, softmax), ("max", 2, softmax), ("exp", 1, "first")]


def test_lines_are_known_inside_though_nothing_was_recorded():
    q = leaf(1, 3, 2)
    events = visit(mg.scaled_dot_product_attention(q, q, q).sum(), "scaled_dot_product_attention")
    assert all(event.source.text for event in of_kind(events, "rule"))


def test_records_make_no_cycle():
    gc.collect()
    gc.disable()
    try:
        model, x = Block(), mg.randn(3, 1, 4, 4)
        with debug.record() as recorder:
            loss = model(x)
        nodes = weakref.ref(loss)
        list(debug.walk(loss))
        del loss, recorder
        assert nodes() is None
    finally:
        gc.enable()


# --- the first value that is not finite -----------------------------------------------------------------------

@pytest.fixture
def quiet():
    with np.errstate(all="ignore"):
        yield


def origin(function, *args):
    with debug.record() as recorder:
        function(*args)
    return recorder.first_nonfinite()


def test_all_finite():
    assert origin(lambda x: mg.exp(x), leaf(3)) is None


def test_log_of_a_negative_number(quiet):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    x = mg.tensor([[1.0, -1.0], [0.0, 3.0]], requires_grad=True)
    found = origin(lambda: model(mg.log(x) * 0.5))
    assert (found.call.op.name, found.made, found.argument) == ("log", "nan", "")
    assert str(found).startswith("log (test_debug.py:") and str(found).endswith("made nan: x (2, 2) has 2 values <= 0")
    assert "\n" not in str(found)


def test_overflow(quiet):
    found = origin(lambda x: mg.exp(x * 100) - 1, mg.ones(3, requires_grad=True))
    assert (found.call.op.name, found.made) == ("exp", "inf") and "x (3,) float32 is in [100, 100]" in str(found)


def test_zero_by_zero(quiet):
    x = mg.zeros(3, requires_grad=True)
    found = origin(lambda: x / x)
    assert (found.call.op.name, found.made) == ("divide", "nan") and "b (3,) has 3 zeros" in str(found)


def test_the_layer_is_named(quiet):
    class Bad(nn.Module):
        def forward(self, x):
            return mg.sqrt(x)

    found = origin(nn.Sequential(nn.Linear(2, 2), nn.Sequential(Bad())), mg.tensor([[1e3, -1e3], [-1e3, 1e3]]))
    assert str(found).startswith("sqrt (layer 1.0, ") and "values < 0" in str(found)


def test_a_bad_batch_and_a_bad_parameter(quiet):
    model, x = nn.Linear(2, 3), np.ones((4, 2), "float32")
    x[1, 1] = np.nan
    found = origin(model, mg.tensor(x))
    assert found.argument == "x"
    assert str(found).startswith("x (4, 2) already has 1 nan when it reaches linear (layer linear, ")
    model.bias.data[:] = np.inf
    found = origin(model, mg.ones(4, 2))
    assert found.argument == "bias" and "already has 3 inf" in str(found)


def test_wanted_infinities_are_not_blamed(quiet):
    q = leaf(1, 4, 2)
    mask = np.where(np.tri(4) > 0, 0.0, -np.inf)
    with mg.config(kernels="definition"):
        assert origin(lambda: mg.scaled_dot_product_attention(q, q, q, is_causal=True)) is None
        assert origin(lambda: mg.softmax(mg.where(mg.tensor([True, False]), q, -np.inf))) is None
        assert origin(lambda: mg.scaled_dot_product_attention(q, q, q, mg.tensor(mask))) is None
        found = origin(lambda: mg.log(mg.softmax(mg.where(mg.tensor([False, False]), q, -np.inf))))
        assert (found.call.op.name, found.call.inside) == ("subtract", ("softmax",)) and "inside softmax" in str(found)
    found = origin(lambda: (q[0, :, 0] + mg.tensor(mask[0])).sum())
    assert (found.argument, found.call.op.name) == ("b", "add") and "b (4,) already has 3 inf" in str(found)


# --- rules in words -------------------------------------------------------------------------------------------

def test_every_rule_is_one_line():
    for op in OPS.values():
        if isinstance(op, Variadic):
            op = op.of(2)
        for i in op.formulas:
            text = rule_text(op, i)
            assert "\n" not in text and text.startswith("g"), text
            assert "lambda" not in text.partition("#")[0], text


@pytest.mark.parametrize(("name", "text"), [
    ("tanh", "gx = g * (1 - y * y)"), ("sigmoid", "gx = g * y * (1 - y)"),
    ("relu", "gx = gate(g, logical_not(less_equal(y, 0)))")])
def test_a_kernel_in_a_formulas_place_leaves_its_text(name, text):
    assert rule_text(OPS[name], 0).partition("  # ")[0] == text


def with_function(g, x):
    """A docstring."""
    # and a comment
    return g * x


def with_statements(g, x):
    y = g * x
    return y


def helper(g, x):
    """g by x, the classic: no more to say."""
    for _ in range(3):
        g = g * x
    return g


@pytest.mark.parametrize(("formula", "text"), [
    (lambda g, x: g * 3 * x * x, "g * 3 * x * x"),
    (lambda g: -g, "-g"), (lambda g, x: (g / x), "g / x"),
    (lambda g, x: g * "é".count("é") * x, 'g * "é".count("é") * x'),
    (lambda g, x: (
        g * x if x.ndim
        else g),                        # a comment
     "g * x if x.ndim else g"),
    (with_function, "g * x"),
    (with_statements, "with_statements(g, x)  # and why"),
    (lambda g, x: helper(g, x), "helper(g, x)  # g by x, the classic"),
    (eval("lambda g, x: g + x"), "formula(g, x)"),
])
def test_formula_texts(formula, text):
    with_statements.__doc__ = "and why"
    assert formula_text(formula) == text


# --- printing -------------------------------------------------------------------------------------------------

def test_lines_fit_and_are_ascii():
    loss, _ = network()
    fused = [name for name, op in OPS.items() if hasattr(op, "definition")]
    for event in stepping(debug.walk(loss), fused):
        for line in str(event).splitlines():
            assert len(line) <= 80 and line.isascii() and line == line.rstrip(), line


def test_a_glance_counts_what_is_not_finite():
    seen = glance(np.array([3.0, -4.0, np.nan, np.inf, 0.0]))
    assert (seen.low, seen.high, seen.zeros, seen.nans, seen.infs, seen.finite) == (-4, 3, 1, 1, 1, False)
    assert np.isnan(seen.norm) and brief(seen, "g") == "|g| 1 nan and 1 inf"
    assert glance(np.array([3e300, 4e300])).norm == pytest.approx(5e300)
    assert glance(np.full(100_000, 60.0, "float16")).norm == pytest.approx(60 * 100_000 ** 0.5)
    assert glance(np.zeros((0, 3))).norm == 0 and brief(glance(-2), "g") == "g -2"
    assert glance(np.ones(65)).values is None


# --- a whole model --------------------------------------------------------------------------------------------

def test_step_model_prints_every_call_and_ends_with_the_proof():
    lines: list[str] = []
    model = debug.step_model(models.lenet5, into=["conv2d"], out=lines.append)
    text = "\n".join(lines)
    calls = [line.split()[1:3] for line in text.splitlines() if line[:6].strip().isdigit()]
    assert calls == [["cross_entropy", "()"], ["linear", "f7"], ["tanh", "tanh_4"], ["linear", "f6"],
                     ["reshape", "reshape_1"], ["tanh", "tanh_3"], ["conv2d", "c5"], ["avg_pool2d", "s4"],
                     ["tanh", "tanh_2"], ["conv2d", "c3"], ["avg_pool2d", "s2"], ["tanh", "tanh_1"], ["conv2d", "c1"]]
    last = text.splitlines()[-1]
    assert last.startswith("stepped into 3 x conv2d: definition agrees: max |diff| ")
    assert float(last.split()[-1]) < 1e-5
    assert all(p.grad is not None for p in model.parameters())
    assert all(f"=> {name} " in text for name, _ in model.named_parameters())
    assert max(map(len, text.splitlines())) <= 80


def test_step_model_is_reproducible():
    texts = []
    for _ in range(2):
        lines: list[str] = []
        debug.step_model(models.lenet5, seed=3, out=lines.append)
        numbered = re.sub(r"^ *\d+ |#\d+", "", "\n".join(lines), flags=re.MULTILINE)      # the clock runs on
        texts.append([line.split() for line in numbered.splitlines()])
    assert texts[0] == texts[1]


def test_step_model_says_what_it_cannot_enter():
    with pytest.raises(ValueError, match="cannot step into 'conv2': did you mean conv2d"):
        debug.step_model(models.lenet5, into=["conv2"])
    lines: list[str] = []
    debug.step_model(models.lenet5(), into=["softmax"], out=lines.append)
    assert "no gradient went through softmax" in lines[-1]


# --- on a GPU -------------------------------------------------------------------------------------------------

def test_a_walk_over_device_arrays_copies_little():
    with installed():
        x = mg.randn(3, 2, 6, 6, device="cuda", requires_grad=True)
        w = mg.randn(4, 2, 3, 3, device="cuda", requires_grad=True)
        with debug.record() as recorder:
            loss = mg.tanh(mg.conv2d(x, w)).sum()
        assert recorder.first_nonfinite() is None
        syncs.clear()
        events = list(debug.walk(loss))
        assert len(syncs) <= 2 * sum([2 + len(getattr(event, "given", ())) for event in events])
        assert x.grad.device == "cuda:0" and all(str(event) for event in events)
