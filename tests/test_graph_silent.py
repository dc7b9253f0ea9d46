"""Where a graph could silently compute something else than the calls it was made of: it does not, or it says so."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input, load_weights, save
from minigrad.graph.symbol import for_batch, made_of_batches
from minigrad.nn import functional as F
from minigrad.nn.module import Module, Parameter

# --- numbers --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("constant", [10**9, 2 * 10**9, 10**7, 2**31, 2**31 - 1, 2**32, 123_456_789, 10**9 + 7, 10**12])
def test_large_constants_are_constants(constant):
    x = Input((2,))
    np.testing.assert_array_equal(Graph(x, x * constant)(mg.ones(3, 2)).numpy(), np.full((3, 2), constant, "float32"))
    np.testing.assert_array_equal(Graph(x, x / constant)(mg.ones(3, 2)).numpy(),
                                  np.ones((3, 2), "float32") / np.float32(constant))


@pytest.mark.parametrize("made", [lambda n: n // 2, lambda n: n * n, lambda n: n * (n - 1) // 2, lambda n: n * n + 1])
def test_numbers_that_no_graph_can_follow(made):
    x = Input((2,))
    graph = Graph(x, x * made(x.shape[0]))
    with pytest.raises(ValueError, match="computed from the batch size n other than"):
        graph(mg.ones(3, 2))


@pytest.mark.parametrize("made", [np.int64, lambda n: np.int64(n) + 0, int])
def test_numpy_ints_follow_the_batch(made):
    x = Input((2,))
    n = made(x.shape[0])
    assert Graph(x, ops.reshape(ops.reshape(x, (n * 2,)), (n, 2)))(mg.ones(3, 2)).shape == (3, 2)
    np.testing.assert_array_equal(Graph(x, x * n)(mg.ones(3, 2)).numpy(), np.full((3, 2), 3.0))


def test_the_number_of_elements_follows_the_batch():
    x = Input((2,))
    np.testing.assert_array_equal(Graph(x, x / x.size)(mg.ones(3, 2)).numpy(), np.full((3, 2), 1 / 6, "float32"))


@pytest.mark.parametrize("made", [lambda n: 1 / n, float, lambda n: n / 2, lambda n: 2 / n, lambda n: 1 / (4 * n),
                                  lambda n: -1 / n, lambda n: np.float64(1 / n), lambda n: 6.0 * n])
def test_floats_made_of_the_batch_size_are_refused(made):
    x = Input((2,))
    with pytest.raises(ValueError, match="computed from the batch size n other than"):
        x * made(x.shape[0])


def test_other_floats_are_not():
    numbers = [d * 10.0**m for d in range(1, 100) for m in range(-20, 20)] + [2.0**k for k in range(-64, 64)]
    numbers += [1 / k for k in range(1, 2000)] + [float(k) for k in range(5000)]
    assert [x for x in [*numbers, 0.0, float("inf"), float("-inf"), float("nan")] if made_of_batches(x)] == []


@pytest.mark.parametrize("make", [mg.zeros, mg.ones, mg.empty, mg.rand, mg.randn, lambda *shape: mg.full(shape, 3.0)])
def test_arrays_as_long_as_the_batch_are_refused(make):
    x = Input((3,), name="x")                       # NumPy would take tens of gigabytes
    with pytest.raises(TypeError, match="a graph's batch size n has no value until the graph is called: zeros_like"):
        make(1, x.shape[0], 4)
    assert Graph(x, x + mg.zeros_like(x))(mg.ones(2, 3)).shape == (2, 3)


@pytest.mark.parametrize("noise", [
    lambda x: mg.randn_like(x), lambda x: mg.rand(*x.shape), lambda x: mg.zeros(x.shape), lambda x: mg.ones(*x.shape),
    lambda x: mg.bernoulli(x.sigmoid()), lambda x: mg.full(x.shape, 2.0),
])
def test_a_leaf_layer_makes_arrays_as_long_as_the_batch(noise):
    class Noisy(Module):
        def forward(self, x):
            return x + 0.0 * noise(x)

    x = Input((3,), name="x")
    graph = Graph(x, Noisy()(x, name="noisy"))
    assert graph.node("noisy").shape == ("n", 3)
    np.testing.assert_array_equal(graph(mg.ones(2, 3)).numpy(), np.ones((2, 3), "float32"))


@pytest.mark.parametrize("draw", [mg.rand_like, mg.randn_like, mg.bernoulli])
def test_nothing_is_drawn_for_a_symbol(draw):
    with pytest.raises(TypeError, match="drawn now would stay the same for ever: draw them in the forward of a leaf"):
        draw(Input((3,), name="x"))


# --- parameters and buffers -----------------------------------------------------------------------------------

class Mix(Module):
    def forward(self, x, w):
        return x * w


class MixList(Module):
    def forward(self, x, ws):
        return x * ws[0] + ws[1]


class Owner(Module):
    """A layer whose own parameter has the name of an argument."""

    def __init__(self):
        self.w = Parameter(mg.ones(2))

    def forward(self, x, w):
        return x * w + self.w


class Parent(Module):
    def __init__(self, mix, argument):
        self.mix, self.argument = mix, argument
        self.w, self.v = Parameter(mg.ones(2)), Parameter(mg.ones(2))

    def forward(self, x):
        return self.mix(x, self.argument(self))


def graph_of(module, shape=(2,)):
    x = Input(shape, name="x")
    return Graph(x, module(x))


@pytest.mark.parametrize("argument", [lambda self: self.w * 2, lambda self: [self.w, self.v * 2]])
def test_a_tensor_computed_from_a_parameter_is_refused(argument):
    with pytest.raises(TypeError, match="compute it inside a leaf layer's forward"):
        graph_of(Parent(MixList() if argument(Parent(None, None)).__class__ is list else Mix(), argument))


def test_the_same_holds_for_ops():
    w = Parameter(mg.ones(2, 2))
    with pytest.raises(TypeError, match="compute it inside a leaf layer's forward"):
        Input((2,)) @ (w * 2)


@pytest.mark.parametrize(("mix", "argument", "names"), [
    (Mix(), lambda self: self.w, ["w"]),
    (MixList(), lambda self: [self.w, self.v], ["w", "v"]),
    (Owner(), lambda self: self.w, ["w", "mix.w"]),
])
def test_parameters_passed_to_a_layer_belong_to_the_graph(mix, argument, names):
    module = Parent(mix, argument)
    graph = graph_of(module)
    assert list(graph.state_dict()) == names and [name for name, _ in graph.named_parameters()] == names
    assert module.w in [p for p in graph.parameters() if p is module.w]
    assert graph.summary().parameters == 2 * len(names)
    graph(mg.ones(3, 2)).sum().backward()
    np.testing.assert_array_equal(module.w.grad.numpy(), [3.0, 3.0])


@pytest.mark.parametrize("value", [nn.Linear(2, 2), Parameter(mg.ones(2))])
def test_nothing_is_added_to_a_graph_as_an_attribute(value):
    graph = graph_of(nn.Linear(2, 2))
    with pytest.raises(TypeError, match="Graph: head = .* would never run"):
        graph.head = value


class Scaled(Module):
    def __init__(self, scale):
        self.lin = nn.Linear(2, 2)
        self.register_buffer("scale", np.array(scale, "float32"))
        self.shift = mg.tensor(scale)

    def forward(self, x):
        return self.lin(x) * self.scale + self.shift


def test_buffers_among_arguments_are_saved_and_loaded(tmp_path):
    nets = [Scaled([2.0, 3.0]), Scaled([5.0, 7.0])]
    first, second = [graph_of(net) for net in nets]
    assert list(first.state_dict()) == ["scale", "add_1.b", "lin.weight", "lin.bias"]
    save(first, tmp_path / "weights.safetensors")
    second.load_state_dict(load_weights(tmp_path / "weights.safetensors"))
    a = mg.randn(4, 2)
    np.testing.assert_array_equal(second(a).numpy(), nets[0](a).numpy())


@pytest.mark.parametrize("wrap", [lambda graph: graph, nn.Sequential])
def test_buffers_among_arguments_move(wrap):
    graph = graph_of(Scaled([2.0, 3.0]))
    graph(mg.ones(1, 2))                                            # its plan is made
    whole = wrap(graph).to("float64")
    assert {array.dtype for array in whole.state_dict().values()} == {np.dtype("float64")}
    assert whole(mg.ones(1, 2).astype("float64")).dtype == "float64"
    assert graph.node("multiply_1").args[1].dtype == "float64" and graph.node("add_1").args[1].dtype == "float64"


def test_constants_that_are_read_only_are_loaded_too():
    x = Input((4,))
    first, second = [Graph(x, x * np.broadcast_to(np.float32(k), (4,))) for k in (2, 3)]
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(second(mg.ones(1, 4)).numpy(), np.full((1, 4), 2.0))


def test_a_registered_buffer_of_a_graph_still_works():
    graph = graph_of(nn.Linear(2, 2))
    graph.register_buffer("mean", np.zeros(2))
    assert "mean" in graph.state_dict()


# --- calls ----------------------------------------------------------------------------------------------------

def test_batch_norm_in_training_wants_its_layer():
    x = Input((3, 2, 2))
    with pytest.raises(ValueError, match="on symbols of a graph training would be fixed and no statistics kept: use"):
        F.batch_norm(x, None, None, training=True)


def test_a_layer_that_normalises_by_its_batch_alone_has_a_summary():
    graph = graph_of(nn.BatchNorm2d(3, track_running_stats=False), (3, 2, 2))
    assert "BatchNorm2d" in str(graph.eval().summary())


def test_an_input_that_comes_twice():
    x = Input((2,))
    with pytest.raises(ValueError, match="the same symbol comes twice among the inputs"):
        Graph([x, x], x * 2)


# --- ordinary code on symbols -----------------------------------------------------------------------------------

MASK = np.array([True, False, True])


@pytest.mark.parametrize("index", [
    (slice(None), [0, 2]), (slice(None), MASK), (slice(None), [True, False, True]),
    (slice(1, None), slice(None), [0, 1]), (slice(None), None, [0], 0), (..., [1, 1]), (slice(None), 0, [1, 2]),
    [0, 1, 3], (slice(None), [[0, 2]], [[1], [3]]),
    (slice(None), [0, 1], slice(None), None), (0, slice(None), [1]), (slice(None), mg.tensor([0, 1])), [-1, 3],
    (slice(None), np.zeros((0,), int)), (slice(None), np.ones((3, 4), bool)), (slice(None), [0, 1], ..., [1]),
    np.array([2, 0]), (None, [1], slice(None), 2), (slice(None), slice(None, None, -1), np.arange(4) % 2 == 0),
])
def test_indices_that_gather(index):
    x = Input((3, 4))
    a = mg.randn(5, 3, 4)
    y = x[index]
    got = Graph(x, y)(a)
    np.testing.assert_array_equal(got.numpy(), a[index].numpy())
    assert for_batch(y.shape, 5) == got.shape


@pytest.mark.parametrize(("index", "message"), [
    ((slice(None), [0, 3]), "index 3 is out of bounds"), ((slice(None), MASK[:2]), "boolean index has shape"),
    ((0, 0, 0, [0]), "too many indices"), ((slice(None), np.array([0.5])), "must be of integers"),
])
def test_wrong_indices_are_told_where_the_node_is_built(index, message):
    with pytest.raises(IndexError, match=message):
        Input((3, 4))[index]


def test_an_input_as_an_index():
    w, i = Parameter(mg.randn(10, 4)), Input((5,), dtype="int64")
    y = w[i]
    assert repr(y) == "Symbol(getitem, (n, 5, 4))"
    places = mg.randint(0, 10, (3, 5))
    np.testing.assert_array_equal(Graph(i, y)(places).numpy(), w.numpy()[places.numpy()])


@pytest.mark.parametrize("use", [lambda w, i: w[i, 0], lambda w, i: w.numpy()[i.data]])
def test_an_input_as_an_index_of_values_is_refused_at_once(use):
    with pytest.raises(TypeError, match="came where NumPy needs the values"):
        use(mg.randn(10, 4), Input((5,), dtype="int64"))


def test_a_gather_tells_long_axes_apart():
    x, i = Input((3, 2000)), Input((6,), dtype="int64")
    assert x[:, [0, 2]].shape == (x.shape[0], 2, 2000)
    assert repr(ops.take(ops.reshape(x, (-1,)), ops.reshape(i, (-1,)), 0)) == "Symbol(take, (6n,))"
    assert repr(ops.reshape(x, (-1, 3))[ops.reshape(i, (-1,))]) == "Symbol(getitem, (6n, 3))"


def test_a_mask_that_is_to_come_has_no_shape():
    x = Input((3,))
    with pytest.raises(TypeError, match="the shape of the result would depend on them"):
        x[x > 0]


def test_symbols_are_not_iterated():
    with pytest.raises(TypeError, match="has no values, it is a node of a graph"):
        iter(Input((2,)))


@pytest.mark.parametrize(("use", "message"), [
    (lambda x: x.detach() * 2, "inside the forward of a leaf layer"), (lambda x: x.to("cpu"), "move the whole"),
    (lambda x: x.cpu(), "move the whole"), (lambda x: x.cuda(), "move the whole"),
    (lambda x: x.to_device("cpu"), "move the whole"),
])
def test_symbols_have_no_device_and_no_history(use, message):
    with pytest.raises(TypeError, match=message):
        use(Input((2,)))


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "uint8", "float16", "float32"])
@pytest.mark.parametrize("reduce", [ops.sum, ops.mean, ops.max])
def test_reductions_have_the_dtype_that_comes(reduce, dtype):
    x = Input((2,), dtype=dtype)
    y = reduce(x, 1)
    assert y.dtype == Graph(x, y)(mg.tensor(np.ones((3, 2), dtype))).dtype


class SelfAttention(nn.Module):
    def __init__(self):
        self.attention = nn.MultiheadAttention(3, 1)

    def forward(self, x):
        return self.attention(x, x, x)


@pytest.mark.parametrize("layer", [nn.LSTM(3, 4), nn.GRU(3, 4), nn.RNN(3, 4), SelfAttention(),
                                   nn.TransformerEncoderLayer(3, 1, 4)])
@pytest.mark.parametrize("shape", [(5, 3), (3,)])
def test_a_sequence_along_the_batch_is_refused(layer, shape):
    with pytest.raises(ValueError, match="the first axis is the batch's, .* make the layer with batch_first=True"):
        layer(Input(shape))


def test_a_sequence_before_the_batch_can_be_permuted_to():
    x = Input((5, 3))
    y, _ = nn.GRU(3, 4)(x.permute(1, 0, 2))
    assert Graph(x, y)(mg.randn(2, 5, 3)).shape == (5, 2, 4)


@pytest.mark.parametrize(("mix", "values", "names"), [
    (Mix(), ["w"], ["mix.w"]), (MixList(), ["w", "v"], ["mix.ws.0", "mix.ws.1"]), (Owner(), ["w"], ["mix.w_", "mix.w"]),
])
def test_parameters_of_nobody_have_the_name_of_the_argument(mix, values, names):
    x, own = Input((2,), name="x"), [Parameter(mg.ones(2)) for _ in values]
    graph = Graph(x, mix(x, own[0] if type(mix) is not MixList else own, name="mix"))
    assert list(graph.state_dict()) == names and [name for name, _ in graph.named_parameters()] == names


@pytest.mark.parametrize("attribute", ["nodes", "inputs", "training_", "forward_", "outputs"])
def test_a_buffer_may_be_called_as_an_attribute_of_graphs(attribute):
    class Taken(Module):
        def __init__(self):
            self.lin = nn.Linear(2, 2)
            self.register_buffer(attribute, np.ones(2, "f4"))

        def forward(self, x):
            return self.lin(x) * getattr(self, attribute)

    module = Taken()
    graph = graph_of(module)
    name = attribute if attribute.endswith("_") else "multiply_1.b"
    assert set(graph.state_dict()) == {name, "lin.weight", "lin.bias"}
    graph.to("float64").load_state_dict({**graph.state_dict(), name: [3.0, 3.0]})
    assert graph(mg.ones(1, 2).astype("float64")).dtype == "float64" and graph.inputs == ("x",)
