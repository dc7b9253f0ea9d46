"""BatchNorm folded into the layer before it: the same function, where that can be; else nothing is touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops, optim
from minigrad.graph import Graph, Input

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def lived_in(graph: Graph, seed=0) -> Graph:
    """Weights, scales and statistics as after training; some channels are turned around, some nearly constant."""
    rng = np.random.default_rng(seed)
    for module in graph.modules():
        if isinstance(module, nn.normalization.ChannelNormalization):
            values = {"weight": rng.normal(0, 1.5, module.num_features), "bias": rng.normal(size=module.num_features),
                      "running_mean": rng.normal(0, 2, module.num_features),
                      "running_var": rng.uniform(0.1, 4, module.num_features) ** 2}
            for name, value in values.items():
                own = getattr(module, name)
                if own is not None:
                    (own.data if isinstance(own, nn.Parameter) else own)[...] = value
        else:
            for p in module.parameters(recurse=False):
                p.data[...] = rng.normal(0, 0.5, p.shape)
    return graph.eval()


def batch(graph, seed=1, n=3):
    rng = np.random.default_rng(seed)
    return [mg.Tensor(rng.normal(1, 2, (n, *graph.node(name).shape[1:])).astype(graph.node(name).result.dtype))
            for name in graph.inputs]


def flat(values) -> list[np.ndarray]:
    values = values.values() if isinstance(values, dict) else values if isinstance(values, tuple) else [values]
    return [value.numpy() for value in values]


def check_same(graph: Graph, folded: Graph, tolerance=None) -> None:
    """Both compute the same, relative to the largest output, also for other sizes of the batch."""
    for n in (1, 3):
        xs = batch(graph, n=n)
        expected, found = flat(graph(*xs)), flat(folded(*xs))
        assert len(expected) == len(found)
        for a, b in zip(expected, found, strict=True):
            assert a.dtype == b.dtype
            check_close(a, b, tolerance or TOLERANCE[str(a.dtype)])


def check_close(expected: np.ndarray, found: np.ndarray, tolerance: float) -> None:
    """Relative to the largest."""
    assert expected.shape == found.shape
    assert np.abs(expected - found).max() <= tolerance * max(np.abs(expected).max(), 1e-30)


def snapshot(graph) -> dict:
    return {name: (id(array), array.copy()) for name, array in graph.state_dict().items()}


def check_unchanged(graph, before) -> None:
    after = snapshot(graph)
    assert list(after) == list(before)
    for name, (which, array) in after.items():
        assert which == before[name][0]
        np.testing.assert_array_equal(array, before[name][1])


# --- one pair ---------------------------------------------------------------------------------------------------

PAIRS = {
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, padding=1), nn.BatchNorm1d, (4, 9)),
    "conv2d": (lambda: nn.Conv2d(4, 6, 3), nn.BatchNorm2d, (4, 7, 6)),
    "without bias": (lambda: nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d, (4, 7, 6)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d, (4, 7, 6)),
    "depthwise": (lambda: nn.Conv1d(4, 8, 3, groups=4, bias=False), nn.BatchNorm1d, (4, 7)),
    "strided, dilated, same": (lambda: nn.Conv2d(4, 6, 3, dilation=2, padding="same"), nn.BatchNorm2d, (4, 7, 6)),
    "reflecting": (lambda: nn.Conv2d(4, 6, 3, padding=2, padding_mode="reflect"), nn.BatchNorm2d, (4, 7, 6)),
    "circular": (lambda: nn.Conv1d(4, 6, 3, padding=2, padding_mode="circular"), nn.BatchNorm1d, (4, 7)),
    "transposed 1d": (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2), nn.BatchNorm1d, (4, 5)),
    "transposed 2d": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1), nn.BatchNorm2d, (4, 5, 3)),
    "transposed, grouped": (lambda: nn.ConvTranspose2d(4, 6, (2, 3), groups=2, bias=False), nn.BatchNorm2d, (4, 5, 3)),
    "linear": (lambda: nn.Linear(4, 6), nn.BatchNorm1d, (4,)),
    "linear without bias": (lambda: nn.Linear(4, 6, bias=False), nn.BatchNorm1d, (4,)),
}
NORMS = {"affine": {}, "not affine": {"affine": False}, "no shift": {"bias": False}, "eps": {"eps": 0.3},
         "momentum": {"momentum": None}}


def pair(name, dtype="float32", after=None, **options) -> Graph:
    make, norm, shape = PAIRS[name]
    layer = make()
    channels = getattr(layer, "out_channels", None) or layer.out_features
    x = Input(shape, dtype, name="x")
    h = norm(channels, **options)(layer(x, name="layer"), name="norm")
    return lived_in(Graph(x, h if after is None else after(h)).to(dtype))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_and_its_batch_norm_become_one(name, norm, dtype):
    graph = pair(name, dtype, **NORMS[norm])
    before = snapshot(graph)
    folded = graph.fold_batch_norm()
    assert folded.folded == (("layer", "norm"),)
    assert [node.name for node in folded.nodes] == ["x", "layer"]
    assert list(folded.state_dict()) == ["layer.weight", "layer.bias"]
    old, new = graph.node("layer").what, folded.node("layer").what
    assert type(old) is type(new)
    assert {k: v for k, v in vars(old).items() if k not in ("weight", "bias")} \
        == {k: v for k, v in vars(new).items() if k not in ("weight", "bias", "_trainable")}
    check_same(graph, folded)
    check_unchanged(graph, before)
    assert graph.folded == ()


def test_what_follows_reads_the_layer():
    graph = pair("conv2d", after=lambda h: ops.concat([ops.relu(h, name="relu"), h[:, :2]], 1))
    folded = graph.fold_batch_norm()
    assert folded.node("relu").inputs == ("layer",)
    check_same(graph, folded)


def test_several_batch_norms_in_a_row_all_go():
    graph = pair("conv2d", "float64", after=lambda h: nn.BatchNorm2d(6)(nn.BatchNorm2d(6)(h, name="b"), name="c"))
    folded = graph.fold_batch_norm()
    assert folded.folded == (("layer", "norm"), ("layer", "b"), ("layer", "c"))
    assert [node.name for node in folded.nodes] == ["x", "layer"]
    check_same(graph, folded)


def test_the_argument_of_a_transposed_convolution_stays():
    x = Input((4, 5, 3))
    h = nn.ConvTranspose2d(4, 6, 3, stride=2)(x, (12, 8), name="up")
    graph = lived_in(Graph(x, nn.BatchNorm2d(6)(h)))
    folded = graph.fold_batch_norm()
    assert len(folded.folded) == 1 and folded.node("up").shape == ("n", 6, 12, 8)
    check_same(graph, folded)


def test_open_axes_stay_open():
    x = Input((3, None, None), name="x")
    h = nn.BatchNorm2d(4)(nn.Conv2d(3, 4, 3)(x, name="conv"), name="bn")
    y = ops.reshape(ops.relu(h), (h.shape[0], h.shape[1], h.shape[2] * h.shape[3]))
    graph = lived_in(Graph(x, y))
    folded = graph.fold_batch_norm()
    assert folded.folded == (("conv", "bn"),) and folded.node("conv").shape == ("n", 4, None, None)
    for size in (5, 9):
        a = mg.Tensor(np.random.default_rng(0).normal(size=(2, 3, size, size + 1)).astype("float32"))
        np.testing.assert_allclose(folded(a).numpy(), graph(a).numpy(), rtol=1e-4, atol=1e-4)


# --- where it cannot be -----------------------------------------------------------------------------------------

def image():
    return Input((4, 6, 6), name="x")


def conv(name=None):
    return lambda x: nn.Conv2d(4, 4, 3, padding=1)(x, name=name)


def norm(name=None, **options):
    return lambda x: nn.BatchNorm2d(4, **options)(x, name=name)


def shared_convolution():
    x, layer = image(), nn.Conv2d(4, 4, 3, padding=1)
    return Graph(x, norm("b")(layer(norm("a")(layer(x, name="c")))))


def shared_weight():
    x, layer = image(), nn.Conv2d(4, 4, 3, padding=1)
    return Graph(x, norm()(layer(x)) + ops.conv2d(x, layer.weight, None, 1, 1))


def two_layers_of_one_weight():
    x, a, b = image(), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
    b.weight = a.weight
    return Graph(x, norm()(a(x, name="a")) + b(x, name="b"))


def read_by_two():
    x = image()
    h = conv()(x)
    return Graph(x, norm()(h) + h)


def read_by_two_norms():
    x = image()
    h = conv()(x)
    return Graph(x, [norm()(h), norm()(h)])


def is_an_output():
    x = image()
    h = conv()(x)
    return Graph(x, {"inner": h, "outer": norm()(h)})


def of_a_class_of_its_own():
    class Twice(nn.Conv2d):
        def forward(self, x):
            return super().forward(x) * super().forward(x)

    x = image()
    return Graph(x, norm()(Twice(4, 4, 3)(x)))


def a_norm_of_its_own():
    class Clipped(nn.BatchNorm2d):
        def forward(self, x):
            return ops.clip(super().forward(x), -1.0, 1.0)

    x = image()
    return Graph(x, Clipped(4)(conv()(x)))


def with_a_hook(on):
    x, a, b = image(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
    (a if on == "layer" else b).register_forward_hook(lambda module, args, y: y * 2.0)
    return Graph(x, b(a(x)))


def linear_of_sequences():
    x = Input((4, 5))
    return Graph(x, nn.BatchNorm1d(4)(nn.Linear(5, 3)(x)))      # it normalises the axis that Linear leaves alone


def of_another_precision():
    x = image()
    return Graph(x, nn.BatchNorm2d(4).double()(conv()(x)))


REFUSED = {
    "a BatchNorm first": lambda: Graph(*(lambda x: (x, conv()(norm()(x))))(image())),
    "something between": lambda: Graph(*(lambda x: (x, norm()(ops.relu(conv()(x)))))(image())),
    "no running statistics": lambda: Graph(*(lambda x: (x, norm(track_running_stats=False)(conv()(x))))(image())),
    "a BatchNorm alone": lambda: Graph(*(lambda x: (x, norm()(x)))(image())),
    "another normalisation": lambda: Graph(*(lambda x: (x, nn.InstanceNorm2d(4, track_running_stats=True)(conv()(x))))(
        image())),
    "a convolution used twice": shared_convolution, "a weight used twice": shared_weight,
    "two layers of one weight": two_layers_of_one_weight, "read by two": read_by_two,
    "read by two BatchNorms": read_by_two_norms, "an output": is_an_output,
    "a class of its own": of_a_class_of_its_own, "a norm of its own": a_norm_of_its_own,
    "a hook on the layer": lambda: with_a_hook("layer"), "a hook on the BatchNorm": lambda: with_a_hook("norm"),
    "a Linear of sequences": linear_of_sequences, "another precision": of_another_precision,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_be_folded_stays(name):
    graph = lived_in(REFUSED[name]())
    folded = graph.fold_batch_norm()
    assert folded.folded == () and [node.name for node in folded.nodes] == [node.name for node in graph.nodes]
    for key, array in folded.state_dict().items():
        np.testing.assert_array_equal(array, graph.state_dict()[key])
    for a, b in zip(flat(graph(*batch(graph))), flat(folded(*batch(graph))), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_hook_that_was_removed_is_no_hook():
    x, layer = image(), nn.Conv2d(4, 4, 3)
    layer.register_forward_hook(lambda *args: None).remove()
    assert len(Graph(x, norm()(layer(x))).fold_batch_norm().folded) == 1


def test_a_batch_norm_used_twice_goes_where_it_can():
    """Where it stays it keeps its name, though the node that had it is gone."""
    x, shared = image(), nn.BatchNorm2d(4)
    h = shared(conv("c1")(x), name="bn")
    graph = lived_in(Graph(x, shared(ops.relu(conv("c2")(h)), name="bn")))
    assert [node.name for node in graph.nodes] == ["x", "c1", "bn", "c2", "relu_1", "bn_2"]
    folded = graph.fold_batch_norm()
    assert folded.folded == (("c1", "bn"),)
    assert set(folded.state_dict()) == set(graph.state_dict())
    for key in folded.state_dict():
        assert np.array_equal(folded.state_dict()[key], graph.state_dict()[key]) is not key.startswith("c1"), key
    check_same(graph, folded)


def test_an_output_of_training_alone_does_not_stand_in_the_way():
    x = image()
    h = conv("c")(x)
    graph = lived_in(Graph(x, {"main": norm("bn")(h), "aux": conv("head")(h)}, train_only=["aux"]))
    folded = graph.fold_batch_norm()
    assert folded.folded == (("c", "bn"),) and list(folded.outputs) == ["main"] and folded.train_only == ()
    assert [node.name for node in folded.nodes] == ["x", "c"]
    check_same(graph, folded)


# --- the copy -----------------------------------------------------------------------------------------------------

def residual():
    x = Input((3, 8, 8), name="image")
    h = nn.ReLU()(nn.BatchNorm2d(4)(nn.Conv2d(3, 4, 3, padding=1, bias=False)(x, name="conv1"), name="bn1"))
    y = nn.BatchNorm2d(4)(nn.Conv2d(4, 4, 3, padding=1)(h, name="conv2"), name="bn2")
    z = nn.Dropout(0.5)(ops.relu(y + h), name="drop")
    return lived_in(Graph(x, nn.Linear(4, 2)(ops.mean(z, (2, 3)), name="fc")))


def test_it_is_for_inference_and_shares_nothing():
    graph = residual().train()
    before = snapshot(graph)
    folded = graph.fold_batch_norm()
    assert all(m.training for m in graph.modules()) and all(m.trainable for m in graph.modules())
    assert not any(m.training for m in folded.modules())
    for mine in folded.state_dict().values():
        assert not any(np.shares_memory(mine, theirs) for theirs in graph.state_dict().values())
    nn.init.zeros_(folded.node("fc").what.weight)
    check_unchanged(graph, before)


def test_it_cannot_be_trained_by_accident():
    folded = residual().fold_batch_norm()
    assert not any(p.requires_grad for p in folded.parameters())
    with pytest.raises(ValueError, match="does not depend on any tensor that requires gradients"):
        folded.train()(batch(folded)[0]).sum().backward()
    folded.trainable = True                                     # who wants it says so
    optimizer = optim.SGD(folded.parameters(), 0.1)
    F.cross_entropy(folded(batch(folded)[0]), mg.tensor([0, 1, 0])).backward()
    before = snapshot(folded)
    optimizer.step()
    assert not np.array_equal(before["conv1.weight"][1], folded.state_dict()["conv1.weight"])


def test_a_block_with_a_shortcut():
    graph = residual()
    folded = graph.fold_batch_norm()
    assert folded.folded == (("conv1", "bn1"), ("conv2", "bn2"))
    assert list(folded.state_dict()) == ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                         "fc.weight", "fc.bias"]
    check_same(graph, folded)
    assert folded.fold_batch_norm().folded == ()                # and nothing is left to do
    check_same(graph, folded.fold_batch_norm())
    assert sum(p.data.size for p in folded.parameters()) < sum(p.data.size for p in graph.parameters())


def test_the_names_of_a_cut_stay():
    """A convolution that is used before the cut and behind it has its first name in both state dicts."""
    x, layer = image(), nn.Conv2d(4, 4, 1)
    graph = lived_in(Graph(x, norm("bn")(layer(ops.relu(layer(x, name="c"), name="r"), name="c"))))
    tail = graph.cut(start="r")
    assert [node.name for node in tail.nodes] == ["r", "c_2", "bn"] and "c.weight" in tail.state_dict()
    folded = tail.fold_batch_norm()
    assert folded.folded == (("c_2", "bn"),) and list(folded.state_dict()) == ["c.weight", "c.bias"]
    check_same(tail, folded)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    graph = residual().cut("bn1").to(dtype)
    folded = graph.fold_batch_norm()
    assert len(folded.folded) == 1 and str(folded.node("conv1").what.bias.dtype) == dtype
    x = batch(graph)[0].astype(graph.node("conv1").what.weight.dtype)
    expected, found = graph(x), folded(x)
    assert str(expected.dtype) == str(found.dtype) == dtype
    check_close(expected.astype("float32").numpy(), found.astype("float32").numpy(), 0.02)


def test_a_half_convolution_with_a_batch_norm_in_float32():
    graph = residual().cut("bn1")
    graph.node("conv1").what.half()
    folded = graph.fold_batch_norm()
    assert len(folded.folded) == 1
    x = batch(graph)[0].astype("float16")
    assert graph(x).dtype == folded(x).dtype == "float16"
    check_close(graph(x).astype("float32").numpy(), folded(x).astype("float32").numpy(), 0.005)


def test_a_graph_that_was_converted_after_it_was_built():
    graph = residual().double()
    folded = graph.fold_batch_norm()
    assert len(folded.folded) == 2
    x = batch(graph)[0].astype("float64")
    check_close(graph(x).numpy(), folded(x).numpy(), 1e-12)


def test_on_a_device():
    graph = residual()
    expected = graph(*batch(graph)).numpy()
    with installed():
        graph.to("cuda")
        folded = graph.fold_batch_norm()
        assert {p.device for p in folded.parameters()} == {"cuda:0"} and len(folded.folded) == 2
        found = folded(batch(graph)[0].to("cuda")).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


# --- any graph ----------------------------------------------------------------------------------------------------

KINDS = ["conv", "conv", "bn", "bn", "bn", "relu", "add", "concat", "up", "again"]
STEP = st.tuples(st.sampled_from(KINDS), st.integers(0, 2), st.integers(0, 3))


def build(steps, outputs, dtype) -> Graph:
    """A graph of such steps, each on one of the newest values; all have 4 channels and the same size."""
    x = Input((4, 5, 5), dtype, name="x")
    values, layers = [x], []
    for kind, back, choice in steps:
        h = values[max(len(values) - 1 - back, 0)]
        if kind == "conv":
            layers.append(nn.Conv2d(4, 4, 3, padding=1, groups=(1, 2, 4, 1)[choice], bias=choice % 2 == 0,
                                    padding_mode=("zeros", "reflect")[choice == 3]))
            h = layers[-1](h)
        elif kind == "up":
            layers.append(nn.ConvTranspose2d(4, 4, 3, padding=1, groups=(1, 2)[choice % 2]))
            h = layers[-1](h)
        elif kind == "again" and layers:
            h = layers[choice % len(layers)](h)
        elif kind == "bn":
            layers += [nn.BatchNorm2d(4, affine=choice != 1, track_running_stats=choice != 2)] * (choice != 3)
            h = (layers[-1] if choice != 3 else nn.BatchNorm2d(4))(h)
        elif kind == "relu":
            h = ops.relu(h)
        elif kind == "add":
            h = h + values[choice % len(values)]
        elif kind == "concat":
            h = ops.concat([h[:, :2], values[choice % len(values)][:, 2:]], 1)
        values.append(h)
    ends = {f"y{i}": values[i % len(values)] for i in outputs} | {"last": values[-1]}
    return lived_in(Graph(x, ends).to(dtype))


@given(st.lists(STEP, min_size=1, max_size=9), st.lists(st.integers(0, 9), max_size=2),
       st.sampled_from(sorted(TOLERANCE)))
def test_any_graph_computes_the_same_when_folded(steps, outputs, dtype):
    graph = build(steps, outputs, dtype)
    before = snapshot(graph)
    folded = graph.fold_batch_norm()
    check_same(graph, folded)
    check_unchanged(graph, before)
    gone = {norm for _, norm in folded.folded}
    assert [node.name for node in folded.nodes] == [node.name for node in graph.nodes if node.name not in gone]
    new_biases = {f"{layer}.bias" for layer, _ in folded.folded}
    assert set(folded.state_dict()) <= set(graph.state_dict()) | new_biases
    left = [node for node in folded.nodes if node.kind == "BatchNorm2d" and node.what.running_mean is not None
            and folded.node(node.inputs[0]).kind in ("Conv2d", "ConvTranspose2d")]
    for node in left:                                                       # each of these has its reason
        layer = folded.node(node.inputs[0])
        uses = sum(other.what is layer.what for other in folded.nodes)
        reads = sum(layer.name in other.inputs for other in folded.nodes)
        is_output = layer.name in [ref.node for ref in folded.outputs.values()]
        assert uses > 1 or reads > 1 or is_output


def test_the_check_has_teeth():
    graph = residual()
    folded = graph.fold_batch_norm()
    folded.node("conv2").what.bias.data *= 1.01
    with pytest.raises(AssertionError):
        check_same(graph, folded)
