"""Graphs: what calling layers and ops on symbols notes down, and that running it computes the same."""

from __future__ import annotations

import copy
import traceback
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import debug, nn, ops
from minigrad.graph import Graph, Input, Ref, Symbol
from minigrad.graph.symbol import BATCH, for_batch, in_batches, spell
from minigrad.nn import functional as F
from minigrad.nn.module import Module, Parameter


class Block(nn.Module):
    def __init__(self, c):
        self.conv1 = nn.Conv2d(c, c, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(c)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.bn1(self.relu(self.conv1(x))))


class Net(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(1, 4, 3)
        self.block = Block(4)
        self.tail = nn.Sequential(nn.Tanh(), nn.Flatten(), nn.Linear(4 * 6 * 6, 3))

    def forward(self, x):
        return self.tail(self.block(self.conv(x)))


def small() -> Graph:
    x = Input((4,), name="x")
    h = ops.tanh(nn.Linear(4, 5)(x, name="a"))
    return Graph(x, nn.Linear(5, 2)(h, name="b"))


# --- nodes ------------------------------------------------------------------------------------------------------

def test_a_graph_is_a_list_of_nodes():
    graph = small()
    assert [node.name for node in graph.nodes] == ["x", "a", "tanh_1", "b"]
    assert [node.kind for node in graph.nodes] == ["Input", "Linear", "tanh", "Linear"]
    assert [node.inputs for node in graph.nodes] == [(), ("x",), ("a",), ("tanh_1",)]
    assert [node.shape for node in graph.nodes] == [("n", 4), ("n", 5), ("n", 5), ("n", 2)]
    assert graph.node("tanh_1").what is ops.tanh and graph.node("b").args == (Ref("tanh_1"),)
    assert graph.inputs == ("x",) and graph.outputs == Ref("b")
    assert repr(graph.node("a")) == "Node(a: Linear(x) -> (n, 5))"


def test_an_unknown_node_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"no node 'tanh'; there are tanh_1"):
        small().node("tanh")


def test_symbols_show_name_and_shape():
    x = Input((3, 8, 8), name="image")
    assert repr(x) == "Symbol(image, (n, 3, 8, 8))"
    assert repr(nn.Conv2d(3, 2, 3)(x)) == "Symbol(conv2d, (n, 2, 6, 6))"
    assert repr(ops.reshape(x, (-1, 8))) == "Symbol(reshape, (24n, 8))"
    assert repr(Input(5)) == "Symbol(input, (n, 5))"


def test_kinds_are_numbered_around_given_names():
    x = Input((4,))
    h = nn.Linear(4, 4)(nn.Linear(4, 4)(nn.Linear(4, 4)(x), name="linear_2"))
    assert [node.name for node in Graph(x, h).nodes] == ["input_1", "linear_1", "linear_2", "linear_3"]


def test_two_layers_of_one_name():
    x = Input((4,))
    h = nn.ReLU()(nn.Linear(4, 4)(x, name="fc"), name="fc")
    with pytest.raises(ValueError, match="two nodes are called 'fc', linear and relu"):
        Graph(x, h)


def test_two_parameters_of_one_name():
    x = Input((3, 8))
    h, _ = nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x, name="attn")
    h = nn.Linear(8, 8)(h, name="attn.out_proj")            # a file would hold one of the two weights
    with pytest.raises(ValueError, match="two parameters or buffers are called 'attn.out_proj.bias' in the state"):
        Graph(x, h)
    h = ops.add(x, nn.Parameter(mg.ones(8)), name="shift")
    with pytest.raises(ValueError, match="two layers or arguments are called 'shift.b' in the state dict"):
        Graph(x, nn.Linear(8, 8)(h, name="shift.b"))


def test_a_layer_used_twice_has_its_parameters_once():
    x = Input((4,))
    layer = nn.Linear(4, 4)
    graph = Graph(x, layer(layer(x, name="fc"), name="fc"))
    assert [node.name for node in graph.nodes] == ["input_1", "fc", "fc_2"]
    assert list(graph.state_dict()) == ["fc.weight", "fc.bias"]
    a = mg.randn(3, 4)
    graph(a).sum().backward()
    expected = layer.weight.grad.numpy()
    layer.zero_grad()
    layer(layer(a)).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy(), expected)


def test_a_symbol_used_twice():
    x = Input((4,))
    h = ops.tanh(x)
    a = mg.randn(3, 4)
    np.testing.assert_array_equal(Graph(x, h * h + h)(a).numpy(), (np.tanh(a.data) ** 2 + np.tanh(a.data)))


def test_building_has_no_side_effects():
    norm, drop = nn.BatchNorm2d(3), nn.Dropout(0.5)
    before = {name: array.copy() for name, array in norm.state_dict().items()}
    mg.manual_seed(5)
    drop(norm(Input((3, 4, 4))))
    assert norm.training and drop.training
    drawn = mg.rand(3).numpy()
    mg.manual_seed(5)
    np.testing.assert_array_equal(drawn, mg.rand(3).numpy())
    for name, array in norm.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


# --- several inputs and outputs -----------------------------------------------------------------------------

def test_several_inputs_and_a_tuple_of_outputs():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    graph = Graph([a, b], [a - b, a * b])
    x, y = mg.randn(3, 4), mg.randn(3, 4)
    difference, product = graph(x, y)
    np.testing.assert_array_equal(difference.numpy(), x.data - y.data)
    np.testing.assert_array_equal(product.numpy(), x.data * y.data)


def test_named_outputs():
    x = Input((4,), name="x")
    h = nn.Linear(4, 3)(x, name="fc")
    got = Graph(x, {"scores": h, "hidden": ops.tanh(h), "again": x})(mg.ones(2, 4))
    assert list(got) == ["scores", "hidden", "again"]
    np.testing.assert_allclose(got["hidden"].numpy(), np.tanh(got["scores"].numpy()), rtol=1e-6)


def test_ops_with_several_results():
    x = Input((3, 4, 4))
    y, mean, _ = ops.batch_norm_train(x, None, None, 1e-5)
    assert repr(mean) == "Symbol(batch_norm_train[1], (3,))"
    graph = Graph(x, [y, mean * 2.0])
    a = mg.randn(5, 3, 4, 4)
    normal, doubled = graph(a)
    np.testing.assert_allclose(doubled.numpy(), 2 * a.data.mean((0, 2, 3)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(normal.numpy().mean((0, 2, 3)), np.zeros(3), atol=1e-6)
    assert graph.node("batch_norm_train_1").shape == (("n", 3, 4, 4), (3,), (3,))
    assert graph.summary()["batch_norm_train_1"].output_shapes == (("n", 3, 4, 4), (3,), (3,))


def test_a_layer_with_nested_results():
    class Pair(Module):
        def forward(self, x):
            return ops.tanh(x), (x * 2.0, x * 3.0)

    x = Input((4,))
    y, (_, triple) = Pair()(x, name="pair")
    graph = Graph(x, y + triple)
    a = mg.randn(2, 4)
    np.testing.assert_allclose(graph(a).numpy(), np.tanh(a.data) + 3 * a.data, rtol=1e-6)
    assert graph.node("add_1").args == (Ref("pair", (0,)), Ref("pair", (1, 1)))


@pytest.mark.parametrize(("build", "message"), [
    (lambda x, y: Graph(x, y + Input((4,), name="other")), "depend on input other, which is not among the inputs"),
    (lambda x, y: Graph([x, Input((4,), name="other")], y), "do not depend on input Symbol.other"),
    (lambda x, y: Graph(x, []), "outputs are empty"),
    (lambda x, y: Graph([], y), "inputs are empty"),
    (lambda x, y: Graph(ops.batch_norm_train(x, None, None, 1e-5)[1], y), "cannot be an input, it is one of several"),
    (lambda x, y: Graph(ops.reshape(x, (-1, 2)), y), "cannot be an input, its first axis is not the batch's n"),
])
def test_what_does_not_hang_together(build, message):
    x = Input((4,), name="x")
    with pytest.raises(ValueError, match=message):
        build(x, ops.tanh(x))


def test_tensors_are_no_symbols():
    x = Input((4,))
    with pytest.raises(TypeError, match="outputs must be symbols, made of Input by calling layers, Tensor came"):
        Graph(x, mg.ones(3, 4))


@pytest.mark.parametrize("wrong", [None, 3, [3], {"y": None, "z": 3}])
def test_what_is_no_symbol_is_named(wrong):
    x = Input((4,))
    with pytest.raises(TypeError, match="outputs must be symbols, made of Input by calling layers, (NoneType|int) "):
        Graph(x, wrong)
    with pytest.raises(TypeError, match="inputs must be symbols, made of Input by calling layers, "):
        Graph(wrong, x)


def test_names_of_outputs_are_text():
    x = Input((4,))
    with pytest.raises(TypeError, match="the names of outputs must be strings, 1 came"):
        Graph(x, {"a": x, 1: ops.tanh(x)})


# --- shapes -------------------------------------------------------------------------------------------------------

def test_numbers_made_of_the_batch_size_follow_it():
    x = Input((6, 4, 4))
    n = x.shape[0]
    h = ops.reshape(x, (n * 6, 16))
    h = ops.softmax(h * 2.0, 1)
    graph = Graph(x, ops.reshape(h, (n, -1))[:n, 1:])
    for batch in (1, 3, 5):
        assert graph(mg.randn(batch, 6, 4, 4)).shape == (batch, 95)


def test_numbers_that_cannot_follow_it():
    x = Input((4,))
    graph = Graph(x, x[:x.shape[0] // 2])
    with pytest.raises(ValueError, match="computed from the batch size n other than"):
        graph(mg.ones(4, 4))


@given(st.integers(-50, 50), st.integers(-1000, 1000), st.integers(1, 300))
def test_for_batch_undoes_the_prime(a, b, n):
    assert in_batches(a * BATCH + b) == (a, b)
    assert for_batch((a * BATCH + b, [slice(None, a * BATCH)]), n) == (a * n + b, [slice(None, a * n)])


def test_shapes_are_spelled():
    assert spell((BATCH, 3)) == "(n, 3)" and spell((6 * BATCH - 1,)) == "(6n-1,)" and spell(()) == "()"
    assert spell((BATCH // 2, 7)) == "(?, 7)"


@pytest.mark.parametrize("shape", [(0, 3), (-1,), ("n", 3), (2.5,)])
def test_input_wants_the_shape_of_one_example(shape):
    with pytest.raises(ValueError, match="Input: expected the shape of one example"):
        Input(shape)


def test_errors_come_at_the_line_that_built_the_node():
    x = Input((3, 8, 8))
    with pytest.raises(ValueError) as raised:
        nn.Conv2d(4, 5, 3)(x, name="c1")
    shapes = "(x (n, 3, 8, 8), weight (5, 4, 3, 3))"
    assert str(raised.value) == f"c1: conv2d: weight expects 4 input channels, x has 3 {shapes}"
    here = [frame for frame in traceback.extract_tb(raised.value.__traceback__) if frame.filename == __file__]
    assert [frame.line for frame in here] == ['nn.Conv2d(4, 5, 3)(x, name="c1")']


@pytest.mark.parametrize("build", [
    lambda x: ops.reshape(x, (-1, 7)), lambda x: x @ mg.ones(5, 2), lambda x: x + mg.ones(3), lambda x: x[:, 9],
    lambda x: ops.concat([x, Input((3, 5))], 1), lambda x: nn.Linear(5, 2)(x), lambda x: x.reshape(x.shape[0] * 3, 9),
])
def test_errors_do_not_show_the_prime(build):
    with pytest.raises((ValueError, IndexError)) as raised:
        build(Input((4,)))
    assert str(BATCH)[:7] not in str(raised.value)


def test_a_batch_of_the_wrong_shape():
    graph = small()
    with pytest.raises(ValueError, match=r"input x expects \(n, 4\), n alike for all inputs, \(3, 5\) came"):
        graph(mg.ones(3, 5))
    with pytest.raises(TypeError, match=r"takes 1 inputs \(x\), 2 came"):
        graph(mg.ones(3, 4), mg.ones(3, 4))
    a, b = Input((2,)), Input((2,))
    with pytest.raises(ValueError, match="input input_2 expects"):
        Graph([a, b], a + b)(mg.ones(3, 2), mg.ones(1, 2))


@pytest.mark.parametrize("use", [
    bool, float, int, np.asarray, lambda x: x.numpy(), lambda x: x.item(), lambda x: x.tolist(), lambda x: x.backward(),
    lambda x: 1 if x > 0 else 2,
])
def test_symbols_have_no_values(use):
    with pytest.raises(TypeError, match=r"has no values, it is a node of a graph: make a Graph"):
        use(Input((1,), name="x"))


@pytest.mark.parametrize("forward", [
    lambda self, x: x.mean(1).reshape(-1, 4, 2).sum(2) * x.std(), lambda self, x: x * x.sigmoid(),
    lambda self, x: x.flatten(1).clamp(-1, 1).view(-1, 3, 8), lambda self, x: (x[:, 0].tanh(), x.abs().max()),
    lambda self, x: x.permute(0, 2, 1) @ x.masked_fill(x > 0, 0.0), lambda self, x: x.chunk(2, -1)[0].unsqueeze(1),
    lambda self, x: x.softmax(-1).T,
])
def test_a_layer_without_children_uses_the_methods_of_tensors(forward):
    layer = type("Own", (Module,), {"forward": forward})()
    x, a = Input((3, 8), name="x"), mg.randn(2, 3, 8)
    graph, expected = Graph(x, layer(x, name="own")), layer(a)
    assert [node.kind for node in graph.nodes] == ["Input", "Own"]
    found = graph(a)
    for y, z in zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]:
        np.testing.assert_array_equal(y.numpy(), z.numpy())
    shape = graph.node("own").shape
    assert isinstance(found, tuple) or shape == tuple(["n" if n == 2 else n for n in expected.shape])


def test_a_layer_that_gives_no_array():
    class Bad(Module):
        def forward(self, x):
            return None

    with pytest.raises(TypeError, match="bad: a call on symbols must give an array or a tuple of arrays, it gave None"):
        Bad()(Input((2,)), name="bad")


# --- a module becomes a graph -------------------------------------------------------------------------------

def test_a_module_called_on_symbols_shows_its_layers():
    net = Net()
    x = Input((1, 8, 8))
    graph = Graph(x, net(x))
    assert list(graph.state_dict()) == list(net.state_dict())
    assert [node.name for node in graph.nodes] == [
        "input_1", "conv", "block.conv1", "block.relu", "block.bn1", "block.add_1", "block.relu_2",
        "tail.0", "tail.1", "tail.2"]
    for batch in (2, 5):
        a = mg.randn(batch, 1, 8, 8)
        np.testing.assert_array_equal(graph.eval()(a).numpy(), net(a).numpy())


def test_gradients_are_the_modules_own():
    net = Net().eval()
    x = Input((1, 8, 8))
    graph = Graph(x, net(x))
    a, target = mg.randn(4, 1, 8, 8), mg.randint(0, 3, 4)
    F.cross_entropy(graph(a), target).backward()
    found = {name: p.grad.numpy() for name, p in graph.named_parameters()}
    net.zero_grad()
    F.cross_entropy(net(a), target).backward()
    for name, p in net.named_parameters():
        np.testing.assert_array_equal(found[name], p.grad.numpy())


def test_a_graph_inside_a_graph():
    inner = small()
    x = Input((4,), name="image")
    outer = Graph(x, ops.softmax(inner(x), 1))
    assert [node.name for node in outer.nodes] == ["image", "a", "tanh_1", "b", "softmax_1"]
    a = mg.randn(3, 4)
    np.testing.assert_array_equal(outer(a).numpy(), ops.softmax(inner(a), 1).numpy())
    assert outer.node("a").what is inner.node("a").what


def test_train_and_eval_reach_the_layers():
    x = Input((3, 4, 4))
    graph = Graph(x, nn.Dropout(0.5)(nn.BatchNorm2d(3)(x)))
    assert graph.training and all(m.training for m in graph.modules())
    graph.eval()
    assert not any(m.training for m in graph.modules())
    a = mg.randn(2, 3, 4, 4)
    np.testing.assert_array_equal(graph(a).numpy(), graph(a).numpy())
    graph.train()
    assert (graph(a).numpy() == 0).any()


def test_parameters_and_constants_among_the_arguments_of_ops():
    x = Input((4,))
    shift, scale = Parameter(mg.ones(4)), mg.tensor([1.0, 2.0, 3.0, 4.0])
    graph = Graph(x, (x + shift) * scale + shift)
    assert list(graph.state_dict()) == ["add_1.b", "multiply_1.b"]
    assert [name for name, _ in graph.named_parameters()] == ["add_1.b"]
    graph(mg.zeros(2, 4)).sum().backward()
    np.testing.assert_array_equal(shift.grad.numpy(), 2 * scale.data + 2)


def test_a_tied_weight_belongs_to_its_layer():
    x = Input((4,))
    layer = nn.Linear(4, 4, bias=False)
    graph = Graph(x, ops.linear(layer(x, name="fc"), layer.weight))
    assert list(graph.state_dict()) == ["fc.weight"]


def test_copies_are_independent():
    graph = small()
    twin = copy.deepcopy(graph)
    a = mg.randn(3, 4)
    np.testing.assert_array_equal(twin(a).numpy(), graph(a).numpy())
    nn.init.zeros_(twin.node("b").what.weight)
    assert graph.node("b").what.weight.numpy().any()


# --- running ------------------------------------------------------------------------------------------------------

def test_values_at_inner_nodes():
    graph = small()
    a = mg.randn(3, 4)
    assert set(graph.run(a, at=["a", "b"])) == {"a", "b"}
    np.testing.assert_array_equal(graph.run(a, at="tanh_1").numpy(), np.tanh(graph.run(a, at="a").numpy()))
    np.testing.assert_array_equal(graph.run(a).numpy(), graph(a).numpy())
    np.testing.assert_array_equal(graph.run(a, at="x").numpy(), a.numpy())


def test_only_what_is_wanted_is_run():
    calls = []

    class Spy(Module):
        def forward(self, x):
            calls.append(x)
            return ops.tanh(x)

    x = Input((4,))
    h = Spy()(x, name="early")
    graph = Graph(x, Spy()(h, name="late"))
    calls.clear()
    graph.run(mg.ones(2, 4), at="early")
    assert len(calls) == 1


def test_a_graph_can_be_cut_at_an_inner_symbol():
    x = Input((4,))
    h = ops.tanh(nn.Linear(4, 5)(x, name="a"))
    tail = Graph(h, nn.Linear(5, 2)(h, name="b"))
    assert [node.name for node in tail.nodes] == ["tanh_1", "b"] and list(tail.state_dict()) == ["b.weight", "b.bias"]
    assert tail(mg.ones(3, 5)).shape == (3, 2)


def test_values_that_nobody_needs_any_more_are_dropped():
    seen = []

    class Watch(Module):
        def forward(self, x):
            alive = [ref() is not None for ref in seen]
            y = ops.tanh(x)
            if isinstance(y, mg.Tensor):
                seen.append(weakref.ref(y))
                history.append(alive)
            return y

    history: list[list[bool]] = []
    x = Input((4,))
    h = x
    for i in range(4):
        h = Watch()(h, name=f"w{i}")
    graph = Graph(x, h)
    seen.clear()
    history.clear()
    with mg.no_grad():
        graph(mg.ones(2, 4))
    assert history == [[], [True], [False, True], [False, False, True]]


def test_the_recorder_knows_layers_by_the_names_of_their_nodes():
    graph = small()
    with debug.record() as record:
        graph(mg.randn(3, 4))
    calls = [(call.op.name, call.layer) for call in record.calls if not call.inside]
    assert calls == [("linear", "a"), ("tanh", "tanh_1"), ("linear", "b")]


UNARY = [ops.tanh, ops.sigmoid, lambda x: x * 2.0, lambda x: ops.reshape(ops.reshape(x, (-1, 2)), (x.shape[0], 4)),
         lambda x: x[:, ::-1], lambda x: 1.0 - x, lambda x: ops.concat([x[:, :1], x[:, 1:]], 1)]
BINARY = [ops.add, ops.multiply, lambda a, b: a - b, ops.maximum]


STEP = st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 9), st.integers(0, 9))


@given(st.lists(STEP, max_size=9), st.integers(1, 4))
def test_any_graph_computes_what_direct_calls_compute(steps, batch):
    def build(x):
        values = [x]
        for which, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            values.append(UNARY[which](a) if which < len(UNARY) else BINARY[which - len(UNARY)](a, b))
        return values[-1]

    a = mg.Tensor(np.linspace(-1, 1, 4 * batch, dtype=np.float32).reshape(batch, 4))
    x = Input((4,))
    y = build(x)
    assert isinstance(y, Symbol) and y.shape == (BATCH, 4)
    np.testing.assert_array_equal(Graph(x, y)(a).numpy(), build(a).numpy())
