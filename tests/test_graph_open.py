"""Graphs whose axes are open, named outputs that exist in training alone, keyword arguments, names of ops."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import debug, nn, ops
from minigrad.graph import Graph, Input
from minigrad.graph.length import OPERATORS, TRIALS, Length
from minigrad.nn import functional as F


class Encoder(nn.Module):
    """A small U-Net, in the words of a PyTorch listing."""

    def __init__(self):
        self.down = nn.Conv2d(3, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        skip = F.relu(self.down(x))
        h = self.inner(self.pool(skip))
        h = F.interpolate(h, size=skip.shape[2:])
        return self.out(mg.concat([h, skip], 1))


def same(graph: Graph, module, *xs) -> None:
    found, expected = graph(*xs), module(*xs)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 12), (2, 31), (64, 3)])
def test_one_graph_serves_every_size(height, width):
    module = Encoder()
    x = Input((3, None, None), name="image")
    graph = Graph(x, module(x))
    assert graph.node("out").shape == ("n", 2, None, None)
    same(graph, module, mg.randn(2, 3, height, width))


LAYERS = [lambda c: nn.Conv2d(c, c, 3, padding=1), lambda c: nn.Conv2d(c, c, 2, stride=2), lambda c: nn.ReLU(),
          lambda c: nn.MaxPool2d(2, ceil_mode=True), lambda c: nn.AvgPool2d(3, 1, 1), lambda c: nn.BatchNorm2d(c),
          lambda c: nn.ConvTranspose2d(c, c, 2, 2), lambda c: nn.ZeroPad2d(1), lambda c: nn.Upsample(scale_factor=1.5)]
CALLS = [lambda x: x + F.interpolate(x, size=x.shape[2:]), lambda x: x[:, :, :x.shape[2] // 2 + 1],
         lambda x: x.reshape(x.shape[0], x.shape[1], x.shape[3], x.shape[2]), lambda x: x * (1 / x.shape[3]),
         lambda x: x.flatten(2).reshape(x.shape), lambda x: F.interpolate(x, scale_factor=0.75),
         lambda x: x.swapaxes(2, 3), lambda x: x - x.mean((2, 3), keepdims=True), lambda x: x / x.size(2),
         lambda x: ops.concat([x, x], -1)[..., -x.shape[-1]:]]


@given(st.lists(st.one_of(st.sampled_from(LAYERS), st.sampled_from(CALLS).map(lambda f: lambda c: f)), max_size=6),
       st.integers(16, 40), st.integers(16, 40))
def test_any_open_graph_computes_what_direct_calls_compute(steps, height, width):
    parts = [step(2) for step in steps]
    x = Input((2, None, None))
    y = x
    for part in parts:
        y = part(y)
    graph = Graph(x, ops.tanh(y)).eval()
    a = value = mg.tensor(np.random.default_rng(0).standard_normal((2, 2, height, width)).astype("f4"))
    for part in parts:
        value = part(value)
    np.testing.assert_array_equal(graph(a).numpy(), np.tanh(value.numpy()))
    sized = graph.sized((2, height, width))
    assert sized.nodes[-1].shape == ("n", *value.shape[1:])
    assert [(node.name, node.kind) for node in sized.nodes] == [(node.name, node.kind) for node in graph.nodes]
    np.testing.assert_array_equal(sized(a).numpy(), graph(a).numpy())


def test_sequences_and_two_inputs_of_different_lengths():
    source, target = Input((None, 4), name="source"), Input((None, 4), name="target")
    attention = nn.MultiheadAttention(4, 2, batch_first=True).eval()
    y, weights = attention(target, source, source, need_weights=True)
    graph = Graph([source, target], {"y": y, "weights": weights})
    out = graph(mg.randn(2, 7, 4), mg.randn(2, 5, 4))
    assert out["y"].shape == (2, 5, 4) and out["weights"].shape == (2, 5, 7)


class Tabled(nn.Module):
    """A table of learned positions, of which a sequence takes as many as it has steps."""

    def __init__(self, norm=None):
        self.table = nn.Parameter(mg.randn(64, 4))
        self.norm = norm or nn.LayerNorm(4)

    def forward(self, x):
        return self.norm(x + self.table[:x.shape[1]])


def test_a_parameter_indexed_by_an_open_length():
    module = Tabled()
    x = Input((None, 4), name="x")
    graph = Graph(x, module(x))
    for steps in 3, 64:
        a = mg.randn(2, steps, 4)
        same(graph, module, a)
    assert list(graph.state_dict()) == ["table", "norm.weight", "norm.bias"]
    assert "at.table" in Graph(x, module(x, name="at")).state_dict()
    graph(a[:, :5]).sum().backward()
    assert module.table.grad is not None and (module.table.grad.numpy()[5:] == 0).all()


class Owner(nn.Module):
    """Values of its own beside those of its layers, one of them tied."""

    def __init__(self):
        self.scale = nn.Parameter(mg.ones(4))
        self.register_buffer("shift", np.zeros(4, "f4"))
        self.embed = nn.Embedding(9, 4)
        self.positions = Tabled()

    def forward(self, x):
        h = self.positions(self.embed(x)) * self.scale + self.shift
        return F.linear(h, self.embed.weight)


def test_a_module_and_its_graph_have_one_state_dict():
    module = Owner()
    x = Input((None,), "int64")
    graph = Graph(x, module(x))
    assert set(graph.state_dict()) == set(module.state_dict()) == {
        "scale", "shift", "embed.weight", "positions.table", "positions.norm.weight", "positions.norm.bias"}
    graph.load_state_dict({name: array + 1 for name, array in module.state_dict().items()})
    a = mg.tensor([[1, 2, 8]])
    np.testing.assert_array_equal(graph(a).numpy(), module(a).numpy())


def test_values_of_two_modules_under_one_name_keep_apart():
    x = Input((None, 4))
    norm = nn.LayerNorm(4)
    graph = Graph(x, Tabled(norm)(Tabled(norm)(x)))
    assert set(graph.state_dict()) == {"getitem_1.x", "getitem_2.x", "norm.weight", "norm.bias"}


def test_what_closes_again_is_closed():
    x = Input((3, None, None))
    h = nn.Conv2d(3, 8, 3)(x)
    pooled = nn.AdaptiveAvgPool2d(1)(h)
    assert pooled.shape[1:] == (8, 1, 1) and h.mean((2, 3)).shape[1:] == (8,)
    assert nn.Linear(8, 2)(nn.Flatten()(pooled)).shape[1:] == (2,)


def test_the_batch_and_an_open_axis_in_one_number():
    x = Input((None, 6))
    n, t, d = x.shape
    graph = Graph(x, ops.reshape(ops.reshape(x, (n * t, d)) * 2.0, (n, -1, d)))
    a = mg.randn(3, 5, 6)
    np.testing.assert_array_equal(graph(a).numpy(), 2 * a.numpy())


# --- lengths --------------------------------------------------------------------------------------------------

def test_lengths_compare_where_both_trials_agree():
    x = Input((3, None, None))
    h = nn.Conv2d(3, 3, 3)(x)
    assert x.shape[2] == x.shape[2] and x.shape[2] != x.shape[3] and x.shape[2] != h.shape[2]
    assert x.shape == (x + 1).shape and x.shape[1] == 3 and x.shape[2] > 1 and not x.shape[2] < 2 and x.shape[2]
    assert x.shape[2] - 2 == h.shape[2] and (x.shape[2] == "wide") is False
    with pytest.raises(TypeError, match=r"whether input\.shape\[2\] > 400 depends on the size of the input"):
        x.shape[2] > 400  # noqa: B015


@given(st.integers(1, 9), st.integers(1, 9))
def test_arithmetic_on_lengths(a, b):
    x = Length((a, b), "axis", "x", 2)
    made = {"+": x + 3, "-": 3 - x, "*": 2 * x, "//": (x + 5) // 2, "%": 7 % x, "/": 6 / x, "**": x ** 2, "neg": -x,
            "abs": abs(x - 5), "floor": (x / 2).__floor__(), "ceil": (x / 2).__ceil__(), "round": round(x / 2)}
    plain = {"+": a + 3, "-": 3 - a, "*": 2 * a, "//": (a + 5) // 2, "%": 7 % a, "/": 6 / a, "**": a ** 2, "neg": -a,
             "abs": abs(a - 5), "floor": a // 2, "ceil": -(-a // 2), "round": round(a / 2)}
    assert set(made) | {"max", "min"} == set(OPERATORS)
    for what, y in made.items():
        assert y.values[0] == plain[what] and y.evaluated(lambda n: n, lambda place, axis: a) == plain[what], what


@pytest.mark.parametrize("use", [int, float, range, lambda h: [0] * h, lambda h: list(range(3))[h],
                                 lambda h: mg.ops.arange(h)])
def test_an_open_length_has_no_value(use):
    x = Input((3, None, None), name="photo")
    with pytest.raises(TypeError, match=r"photo.shape\[2\].* is a length that this graph leaves open"):
        use(x.shape[2])


def test_lengths_say_what_they_are():
    x = Input((3, None), name="x")
    n, _, t = x.shape
    assert str((2 * n * t + 1) // 2) == "(((2n * x.shape[2]) + 1) // 2)" and str(-t) == "neg(x.shape[2])"


def test_errors_say_which_numbers_are_examples():
    x = Input((3, None, None))
    with pytest.raises(ValueError, match=rf"fc: linear: .*\({TRIALS[0][1]}, {TRIALS[0][2]} stand for axes that the"):
        nn.Linear(10, 3)(x, name="fc")


def test_how_many_results_must_not_depend_on_the_size():
    x = Input((2, None), name="x")
    with pytest.raises(ValueError, match="how many results or axes come out depends on the size of the input"):
        ops.split(x, x.shape[2] // 64, axis=2)


def test_an_open_graph_refuses_other_shapes():
    x = Input((3, None, None), name="x")
    graph = Graph(x, nn.Conv2d(3, 2, 3)(x))
    with pytest.raises(ValueError, match=r"input x expects \(n, 3, None, None\), n alike .*, \(2, 4, 8, 8\) came"):
        graph(mg.ones(2, 4, 8, 8))
    with pytest.raises(TypeError, match=r"sized: this graph has 1 inputs \(x\), 2 shapes came"):
        graph.sized((3, 8, 8), (3, 8, 8))
    with pytest.raises(ValueError, match=r"conv2d_1: conv2d: "):
        graph.sized((3, 2, 2))
    for shape in (3, 8), (1, 3, 8, 8), 3:                   # with one axis less the layers would take n for channels
        with pytest.raises(ValueError, match=r"sized: input x has the axes \(3, None, None\) without the batch, "):
            graph.sized(shape)


@pytest.mark.parametrize("shape", [None, (None, 0), (True,), "wide", (3.5, None)])
def test_input_refuses(shape):
    with pytest.raises(ValueError, match="or None for an axis that is left open"):
        Input(shape)


# --- outputs in training alone --------------------------------------------------------------------------------

def heads(train_only=("aux",)) -> Graph:
    x = Input((4,), name="x")
    h = nn.Linear(4, 3)(x, name="body")
    return Graph(x, {"main": nn.Linear(3, 2)(h, name="fc"), "aux": nn.Linear(3, 2)(h, name="aux.fc")}, train_only)


def test_auxiliary_outputs_are_absent_in_eval():
    graph = heads()
    a = mg.randn(2, 4)
    assert list(graph(a)) == ["main", "aux"]
    graph.eval()
    with debug.record(sources=False) as record:
        assert list(graph(a)) == ["main"]
    assert [call.layer for call in record.calls] == ["body", "fc"] and "aux.fc.weight" in graph.state_dict()
    assert copy.deepcopy(graph).train_only == ("aux",) == graph.sized((4,)).train_only


@pytest.mark.parametrize(("names", "message"), [
    (["main", "aux"], "none would be left in eval mode"), (["axu"], "train_only has 'axu', the outputs are main, aux")])
def test_train_only_names_some_of_the_outputs(names, message):
    with pytest.raises(ValueError, match=message):
        heads(names)
    x = Input((4,))
    with pytest.raises(ValueError, match="the outputs have no names: give a dict of them"):
        Graph(x, ops.tanh(x), names)


# --- names and keyword arguments --------------------------------------------------------------------------------

def test_ops_can_be_named():
    x = Input((4,), name="x")
    graph = Graph(x, ops.concat([ops.relu(x, name="act"), x], 1, name="join"))
    assert [node.name for node in graph.nodes] == ["x", "act", "join"]
    assert ops.relu(mg.ones(2), name="act").shape == (2,)           # the same forward runs on tensors
    y = ops.tanh(x, name="act")
    with pytest.raises(ValueError, match="two nodes are called 'act', tanh and relu"):
        Graph(x, ops.relu(x, name="act") + y)
    for wrong in "", 3, ("a",):
        with pytest.raises(TypeError, match="the name of a node must be a string that is not empty"):
            ops.relu(x, name=wrong)
        with pytest.raises(TypeError, match="the name of a node must be a string that is not empty"):
            nn.ReLU()(x, name=wrong)


class Blend(nn.Module):
    def __init__(self):
        self.weight = nn.Parameter(mg.ones(1))

    def forward(self, x, *, other, share=0.5):
        return x * share + other * (1 - share) * self.weight


def test_keyword_arguments_of_layers():
    x, z = Input((2, None), name="x"), Input((2, None), name="z")
    blend = Blend()
    y = blend(x, other=z, share=1 / x.shape[2], name="blend")
    graph = Graph([x, z], y)
    node = graph.node("blend")
    assert node.inputs == ("x", "z") and node.options["other"].node == "z"
    a, b = mg.randn(2, 2, 5), mg.randn(2, 2, 5)
    np.testing.assert_allclose(graph(a, b).numpy(), blend(a, other=b, share=1 / 5).numpy(), rtol=1e-6)
    with pytest.raises(TypeError, match="missing a required .*argument: 'other'"):
        blend(x, share=1)


def test_constants_among_keyword_arguments_belong_to_the_graph():
    x = Input((2,), name="x")
    graph = Graph(x, Blend()(x, other=mg.tensor([1.0, 2.0]), name="blend"))
    assert set(graph.state_dict()) == {"blend.weight", "blend.other"}
    graph.load_state_dict({"blend.weight": [1.0], "blend.other": [3.0, 5.0]})
    np.testing.assert_array_equal(graph(mg.zeros(1, 2)).numpy(), [[1.5, 2.5]])


# --- graphs inside graphs ---------------------------------------------------------------------------------------

def test_a_named_graph_inside_a_graph_twice():
    x = Input((4,), name="x")
    inner = Graph(x, ops.tanh(nn.Linear(4, 4)(x, name="fc"), name="act") + 1.0)
    a, b = Input((4,), name="a"), Input((4,), name="b")
    graph = Graph([a, b], inner(a, name="left") * inner(b, name="right"))
    assert [node.name for node in graph.nodes] == [
        "a", "b", "left.fc", "left.act", "left.add_1", "right.fc", "right.act", "right.add_1", "multiply_1"]
    assert [name for name, _ in graph.named_parameters()] == ["left.fc.weight", "left.fc.bias"]
    p, q = mg.randn(2, 4), mg.randn(2, 4)
    np.testing.assert_array_equal(graph(p, q).numpy(), (inner(p) * inner(q)).numpy())


def test_a_graph_in_a_module_takes_the_attributes_name():
    x = Input((4,))
    module = nn.Sequential({"encoder": Graph(x, nn.Linear(4, 3)(x, name="fc")), "head": nn.Linear(3, 2)})
    y = Input((4,))
    graph = Graph(y, module(y))
    assert set(graph.state_dict()) == set(module.state_dict()) == {
        "encoder.fc.weight", "encoder.fc.bias", "head.weight", "head.bias"}


def test_named_outputs_of_an_inner_graph():
    a = Input((4,))
    y = heads()(a, name="net")
    graph = Graph(a, {"sum": y["main"] + y["aux"]})
    assert graph(mg.randn(3, 4))["sum"].shape == (3, 2)


def test_a_graph_wants_tensors():
    with pytest.raises(TypeError, match=r"input x expects a tensor of shape \(n, 4\), list came: minigrad.tensor"):
        heads()([[1.0, 2.0, 3.0, 4.0]])
