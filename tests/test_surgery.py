"""Graphs cut, seen inside and frozen up to a node: the same layers, under the same names."""

from __future__ import annotations

from ast import literal_eval

import numpy as np
import pytest
from graphs import check_refused, check_shared, heads, images, names, picture, resnet, rows, same
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed
from tapes import names_on_tape

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops, optim
from minigrad.graph import Graph, Input, Ref
from minigrad.graph.as_json import to_json
from minigrad.graph.from_json import from_json
from minigrad.nn.module import Parameter

# --- cutting ------------------------------------------------------------------------------------------------------

def test_values_at_blocks():
    graph, x = resnet(), images()
    same(graph.run(x, at="layer1"), graph.cut(at="layer1")(x))
    values = graph.run(x, at=["layer1.0", "fc"])
    same(values["layer1.0"], graph.features(["layer1.0"])(x)["layer1.0"])
    same(values["fc"], graph(x))
    with pytest.raises(ValueError, match="run: this graph has no node or block 'layr1': did you mean layer1"):
        graph.run(x, at="layr1")


def test_a_graph_up_to_a_node():
    graph = resnet()
    before = picture(graph)
    trunk = graph.cut(at="flatten")
    assert names(trunk) == names(graph)[:-1] and trunk.inputs == ("image",) and trunk.outputs == Ref("flatten")
    same(trunk(images()), graph.run(images(), at="flatten"))
    check_shared(trunk, graph)
    assert set(graph.state_dict()) - set(trunk.state_dict()) == {"fc.weight", "fc.bias"}
    assert trunk.node("conv1").what is graph.node("conv1").what and not trunk.training
    assert picture(graph) == before


def test_only_what_is_needed_is_in_it():
    graph = resnet()
    cut = graph.cut("layer1.0.conv1")
    assert names(cut) == ["image", "conv1", "layer1.0.conv1"]
    assert graph.cut("image")(images()).shape == (2, 3, 8, 8) and names(graph.cut("image")) == ["image"]


def test_what_comes_after_a_node():
    graph = resnet()
    head = graph.cut(start="flatten")
    assert names(head) == ["flatten", "fc"] and head.inputs == ("flatten",)
    assert head.node("flatten").kind == "Input" and head.node("flatten").shape == ("n", 16)
    trunk = graph.cut(at="flatten")
    same(head(trunk(images())), graph(images()))
    check_shared(head, graph)


def test_a_piece_from_the_middle():
    graph = resnet()
    block = graph.cut(at="layer1.1", start="layer1.0")
    assert names(block)[0] == "layer1.0.relu_2" and names(block)[-1] == "layer1.1.relu_2"
    values = graph.run(images(), at=["layer1.0.relu_2", "layer1.1.relu_2"])
    same(block(values["layer1.0.relu_2"]), values["layer1.1.relu_2"])
    check_shared(block, graph)


def test_several_ends_are_a_dict_under_the_names_that_were_asked_for():
    graph = resnet()
    found = graph.cut(at=["layer1.0", "conv1"])(images())
    assert list(found) == ["layer1.0", "conv1"]
    same(found["layer1.0"], graph.run(images(), at="layer1.0.relu_2"))
    same(found["conv1"], graph.run(images(), at="conv1"))


def test_several_starts_are_the_inputs_in_their_order():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    u, v = ops.tanh(a, name="u"), ops.exp(b, name="v")
    graph = Graph([a, b], u - v)
    tail = graph.cut(start=["v", "u"])
    assert tail.inputs == ("v", "u")
    x, y = rows(2, 4), rows(2, 4, seed=1)
    same(tail(x, y), y - x)


def test_inputs_that_are_not_needed_are_left_out():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    u = ops.tanh(a, name="u")
    graph = Graph([b, a], u * b)
    assert graph.cut("u").inputs == ("a",) and graph.cut(["u", "b"]).inputs == ("b", "a")


def test_named_outputs_stay_where_only_the_start_is_given():
    graph = heads()
    tail = graph.cut(start="h")
    assert list(tail.outputs) == ["main", "aux"] and tail.train_only == ("aux",) and names(tail)[0] == "h"
    h = rows(2, 4)
    assert list(tail(h)) == ["main", "aux"] and list(tail.eval()(h)) == ["main"]
    check_shared(tail, graph)


def test_training_a_cut_trains_the_original_and_a_copy_does_not():
    graph = resnet().train()
    copied = graph.cut(at="flatten", copy=True)
    before = {name: array.copy() for name, array in graph.state_dict().items()}
    for part, changes in (copied, False), (graph.cut(at="flatten"), True):
        assert part.training
        optimizer = optim.SGD(part.parameters(), 0.1)
        F.mse_loss(part(images()), mg.zeros(2, 16)).backward()
        optimizer.step()
        for name, array in graph.state_dict().items():
            assert np.array_equal(array, before[name]) is (not changes or name.startswith("fc")), name
    assert list(copied.state_dict()) == list(graph.cut("flatten").state_dict())


def test_a_node_with_several_results():
    """A cut there gives what a run gives, nested and with None where nothing comes."""
    x = Input((5, 3), name="x")
    y, (h, _) = nn.LSTM(3, 4, batch_first=True)(x, name="lstm")
    graph = Graph(x, nn.Linear(4, 2)(y[:, -1] + h[0]))
    with pytest.raises(ValueError, match="cut: 'lstm' cannot be an input, it has several results"):
        graph.cut(start="lstm")
    found, expected = graph.cut("lstm")(rows(2, 5, 3)), graph.run(rows(2, 5, 3), at="lstm")
    same(found[0], expected[0])
    same(found[1][1], expected[1][1])
    x = Input((5, 4), name="x")
    y, nothing = nn.MultiheadAttention(4, 2, batch_first=True)(x, x, x, None, False, name="attention")
    assert nothing is None
    graph = Graph(x, y * 2.0)
    found, nothing = graph.cut("attention")(rows(2, 5, 4))
    assert nothing is None and graph.cut("attention").outputs == (Ref("attention", (0,)), None)
    same(found * 2.0, graph(rows(2, 5, 4)))
    assert Graph(x, nn.MultiheadAttention(4, 2, batch_first=True)(x, x, x, None, False))(rows(2, 5, 4))[1] is None


def test_open_axes_stay_open():
    x = Input((3, None, None), name="x")
    h = nn.Conv2d(3, 4, 3)(x, name="c1")
    graph = Graph(x, nn.Conv2d(4, 2, 3)(h, name="c2"))
    head = graph.cut(start="c1")
    assert head.node("c1").shape == ("n", 4, None, None)
    for size in (5, 8):
        assert head(rows(2, 4, size, size)).shape == (2, 2, size - 2, size - 2)
    up = Graph(x, F.interpolate(h, (x.shape[2], x.shape[3])))
    with pytest.raises(ValueError, match=r"'x' does not depend on them, and node 'interpolate_\d' takes it|takes it"):
        up.cut(start="c1")                      # the size of x is needed there


def test_a_cut_can_be_cut_drawn_and_put_into_another_graph():
    graph = resnet()
    again = graph.cut("layer1.1").cut("layer1.0")
    assert names(again) == names(graph.cut("layer1.0"))
    x = Input((3, 8, 8), name="image")
    whole = Graph(x, nn.Linear(16, 2)(graph.cut("flatten")(x), name="new"))
    assert whole.node("conv1").what is graph.node("conv1").what
    assert {"layer1.1.bn1", "layer1.0.bn1"} & {row.name for row in again.summary()}
    assert again.sized((3, 12, 12)).node("layer1.0.relu_2").shape == ("n", 4, 12, 12)


# --- names in state dicts -----------------------------------------------------------------------------------------

def test_a_layer_used_before_and_after_the_cut_keeps_its_name():
    x = Input((4,), name="x")
    layer = nn.Linear(4, 4)
    graph = Graph(x, layer(ops.tanh(layer(x, name="fc"), name="t"), name="fc"))
    tail = graph.cut(start="t")
    assert names(tail) == ["t", "fc_2"] and list(tail.state_dict()) == ["fc.weight", "fc.bias"]
    check_shared(tail, graph)
    at_it = graph.cut(start="fc")                   # there the name is even that of an input
    assert names(at_it) == ["fc", "t", "fc_2"] and list(at_it.state_dict()) == ["fc.weight", "fc.bias"]
    tail.load_state_dict({"fc.weight": np.ones((4, 4)), "fc.bias": np.ones(4)})
    same(layer.bias, mg.ones(4))
    twin = graph.cut(start="t", copy=True)
    assert list(twin.state_dict()) == ["fc.weight", "fc.bias"] and twin.node("fc_2").what is not layer
    assert list(tail.cut("fc_2").state_dict()) == ["fc.weight", "fc.bias"]
    assert list(tail.sized((4,)).state_dict()) == ["fc.weight", "fc.bias"]


def test_so_do_tied_weights_and_constants():
    x = Input((5,), "int64", name="x")
    table, scale = nn.Embedding(7, 4), mg.tensor(np.arange(4, dtype="float32"))
    h = ops.tanh(table(x, name="words") * scale, name="h")
    graph = Graph(x, ops.linear(h, table.weight) + ops.sum(h * scale, -1, True))
    assert set(graph.state_dict()) == {"words.weight", "multiply_1.b"}
    tail = graph.cut(start="h")
    assert set(tail.state_dict()) == {"words.weight", "multiply_1.b"}
    check_shared(tail, graph)
    h = rows(2, 5, 4)
    tail(h).sum().backward()
    assert table.weight.grad is not None
    tail.to("float64")
    assert tail.state_dict()["multiply_1.b"].dtype == "float64"
    assert tail(h.astype("float64")).dtype == "float64"


# --- features -----------------------------------------------------------------------------------------------------

def test_several_inner_values_at_once():
    graph = resnet()
    before = picture(graph)
    inner = graph.features(["conv1", "layer1", "flatten"])
    assert isinstance(inner, nn.Module) and "fc" not in names(inner)
    found = inner(images())
    assert list(found) == ["conv1", "layer1", "flatten"]
    for name, node in ("conv1", "conv1"), ("layer1", "layer1.1.relu_2"), ("flatten", "flatten"):
        same(found[name], graph.run(images(), at=node))
    check_shared(inner, graph)
    assert picture(graph) == before
    assert list(graph.features("conv1")(images())) == ["conv1"]
    copied = graph.features(["conv1"], copy=True)
    assert copied.node("conv1").what is not graph.node("conv1").what


def test_gradients_go_through_features():
    graph = resnet()
    found = graph.features(["conv1", "layer1"])(images())
    (found["conv1"].sum() + (found["layer1"] ** 2.0).sum()).backward()
    assert graph.node("conv1").what.weight.grad is not None and graph.node("fc").what.weight.grad is None


def test_a_block_is_the_node_that_is_read_outside():
    x = Input((2,), name="x")
    a = ops.tanh(x, name="enc.a")
    b = ops.exp(a, name="enc.b")
    late = ops.relu(a, name="enc.late")                     # the last by name or by order is not what comes out
    graph = Graph(x, ops.sigmoid(ops.multiply(b, late, name="enc.out"), name="y"))
    assert graph.cut("enc").outputs == Ref("enc.out")
    two = Graph(x, ops.add(b, late, name="y"))
    with pytest.raises(ValueError, match=r"cut: block 'enc' has several results, enc\.b, enc\.late: name one of these"):
        two.cut("enc")
    assert two.cut("enc.b").outputs == Ref("enc.b")


# --- freezing -----------------------------------------------------------------------------------------------------

def frozen(graph) -> list[str]:
    return [node.name for node in graph.nodes if isinstance(node.what, nn.Module) and not node.what.trainable]


def test_freeze_until_a_node():
    graph = resnet()
    assert graph.freeze(until="layer1.0.bn1") is graph
    assert frozen(graph) == ["conv1", "layer1.0.conv1", "layer1.0.bn1"]         # the relu is used later too
    learn = [name for name, p in graph.named_parameters() if p.requires_grad]
    assert learn == [name for name in dict(graph.named_parameters()) if name.startswith(("layer1.1", "fc"))]
    graph.unfreeze(until="conv1")
    assert graph.node("conv1").what.weight.requires_grad and not graph.node("layer1.0.conv1").what.trainable
    graph.unfreeze()
    assert frozen(graph) == [] and all(p.requires_grad for p in graph.parameters())
    graph.freeze()
    assert not any(p.requires_grad for p in graph.parameters()) and not any(m.trainable for m in graph.modules())


def test_freeze_until_a_block_is_all_of_it():
    graph = resnet().train()
    graph.freeze(until="layer1")
    assert [name for name, p in graph.named_parameters() if p.requires_grad] == ["fc.weight", "fc.bias"]
    counter = graph.state_dict()["layer1.0.bn1.num_batches_tracked"]
    y = graph(images())
    assert names_on_tape(y) == ["linear"] and counter == 0
    graph.unfreeze().freeze(until=["conv1", "layer1.0"])
    assert "layer1.1.conv1.weight" in [name for name, p in graph.named_parameters() if p.requires_grad]


def test_the_rest_is_not_touched():
    graph = resnet()
    graph.node("fc").what.trainable = False
    graph.node("layer1.1.conv1").what.weight.requires_grad = False
    graph.freeze(until="conv1").unfreeze(until="conv1")
    assert not graph.node("fc").what.trainable and not graph.node("layer1.1.conv1").what.weight.requires_grad
    assert graph.node("conv1").what.trainable


def test_freezing_is_about_layers_so_it_holds_in_other_graphs_of_them():
    graph = resnet()
    cut = graph.cut("layer1.0")
    cut.freeze()
    assert not graph.node("conv1").what.trainable and graph.node("fc").what.trainable
    graph.unfreeze(until="layer1.0")
    assert cut.node("conv1").what.weight.requires_grad


def test_parameters_among_the_arguments_are_frozen_with_their_nodes():
    x = Input((4,), name="x")
    a, b = Parameter(mg.ones(4)), Parameter(mg.ones(4))
    graph = Graph(x, ops.multiply(ops.add(x, a, name="s"), b, name="y"))
    graph.freeze(until="s")
    assert not a.requires_grad and b.requires_grad
    graph.cut("s").unfreeze(until="s")
    assert a.requires_grad
    graph.freeze()
    assert not a.requires_grad and not b.requires_grad
    graph.unfreeze()
    assert a.requires_grad and b.requires_grad


@pytest.mark.parametrize("on", [True, False])
def test_what_is_used_on_both_sides_cannot_be_frozen_on_one(on):
    x = Input((4,), name="x")
    layer, drop = nn.Linear(4, 4), nn.Dropout(0.5)
    h = drop(layer(x, name="fc"), name="drop")
    graph = Graph(x, drop(layer(nn.Linear(4, 4)(h, name="mid"), name="fc"), name="drop"))
    before = [m.trainable for m in graph.modules()]
    with pytest.raises(ValueError, match=r"nodes 'fc' and 'fc_2' share a layer or a parameter, and 'drop' depends on "
                                         r"the first alone: .* choose until='fc_2', or set trainable of the layers"):
        (graph.unfreeze if on else graph.freeze)(until="drop")
    assert [m.trainable for m in graph.modules()] == before
    graph.freeze(until="fc_2")
    assert not layer.trainable and not graph.node("mid").what.trainable
    assert drop.trainable                               # it has nothing to learn, and is used on both sides


def test_so_it_is_with_a_tied_parameter_and_with_statistics():
    x = Input((4,), name="x")
    layer = nn.Linear(4, 4)
    graph = Graph(x, ops.linear(layer(x, name="a"), layer.weight, name="b"))
    with pytest.raises(ValueError, match="freeze: nodes 'a' and 'b' share"):
        graph.freeze(until="a")
    norm = nn.BatchNorm1d(4, affine=False)
    graph = Graph(x, norm(ops.tanh(norm(x, name="a"), name="t"), name="a"))
    with pytest.raises(ValueError, match="freeze: nodes 'a' and 'a_2' share"):
        graph.freeze(until="t")


def test_surgery_on_a_device():
    graph = resnet()
    expected = graph.cut("layer1")(images()).numpy()
    with installed():
        graph.to("cuda")
        found = graph.cut("layer1")(images().to("cuda")).numpy()
        model = graph.freeze(until="layer1").replace_head(num_classes=3)
        assert model.node("fc").what.weight.device == "cuda:0"
        y = model(images().to("cuda"))
        assert names_on_tape(y) == ["linear"]
        assert list(graph.features(["conv1"])(images().to("cuda"))) == ["conv1"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


# --- in files -----------------------------------------------------------------------------------------------------

def reused():
    x = Input((4,), name="x")
    layer = nn.Linear(4, 4)
    return Graph(x, layer(ops.tanh(layer(x, name="fc"), name="t"), name="fc"))


def tied():
    x = Input((5,), "int64", name="x")
    table, scale = nn.Embedding(7, 4), mg.tensor(np.arange(4, dtype="float32"))
    h = ops.tanh(table(x, name="words") * scale, name="h")
    return Graph(x, ops.linear(h, table.weight) + ops.sum(h * scale, -1, True))


def normed():
    x = Input((3, 6, 6), name="x")
    h = nn.BatchNorm2d(4)(nn.Conv2d(3, 4, 3, bias=False)(x, name="conv"), name="bn")
    return Graph(x, nn.Linear(64, 2)(nn.Flatten()(h), name="fc"))


SAVED = {
    "a cut": lambda: resnet().cut("layer1.0"), "a tail": lambda: resnet().cut(start="flatten"),
    "features": lambda: resnet().features(["conv1", "layer1"]),
    "a new head": lambda: resnet().replace_head(num_classes=2),
    "frozen": lambda: resnet().freeze(until="layer1"), "frozen whole": lambda: normed().freeze(),
    "a layer with its first name": lambda: reused().cut(start="t"), "at itself": lambda: reused().cut(start="fc"),
    "tied weights": lambda: tied().cut(start="h"), "folded": lambda: normed().fold_batch_norm(),
}


@pytest.mark.parametrize("name", SAVED)
def test_what_surgery_made_comes_back_from_a_file(name, tmp_path):
    graph = SAVED[name]()
    mg.save(graph, tmp_path / "graph.safetensors")
    twin = mg.load(tmp_path / "graph.safetensors")
    assert names(twin) == names(graph) and twin.outputs == graph.outputs and twin.state_names == graph.state_names
    assert twin.state_dict().keys() == graph.state_dict().keys()
    xs = [rows(2, *graph.node(start).shape[1:]) for start in graph.inputs]
    a, b = graph.eval()(*xs), twin.eval()(*xs)
    for x, y in zip(*[list(z.values()) if isinstance(z, dict) else [z] for z in (a, b)], strict=True):
        same(x, y)
    assert {n: p.requires_grad for n, p in twin.named_parameters()} == \
        {n: p.requires_grad for n, p in graph.named_parameters()}
    graph.unfreeze()
    twin.unfreeze()
    assert {n: p.requires_grad for n, p in twin.named_parameters()} == \
        {n: p.requires_grad for n, p in graph.named_parameters()}


@pytest.mark.parametrize("other", [["fc"], {"fc_2": 3}, {"fc_3": "fc"}, {"fc_2": ""}])
def test_names_of_a_damaged_file(other):
    document, arrays = to_json(reused().cut(start="t"))
    assert document["state_names"] == {"fc_2": "fc"}
    with pytest.raises(ValueError, match="state_names"):
        from_json({**document, "state_names": other}, arrays)


# --- any graph ----------------------------------------------------------------------------------------------------

STEP = st.tuples(st.sampled_from(["linear", "again", "tanh", "add", "shift"]), st.integers(0, 9), st.integers(0, 9))


def build(steps) -> Graph:
    """A graph of values (n, 3); layers and parameters are used again here and there."""
    x, layers, shift = Input((3,), name="x"), [nn.Linear(3, 3)], Parameter(rows(3))
    values = [x]
    for kind, i, j in steps:
        h = values[i % len(values)]
        if kind == "linear":
            layers.append(nn.Linear(3, 3))
        values.append({"linear": lambda h=h: layers[-1](h), "again": lambda h=h, j=j: layers[j % len(layers)](h),
                       "tanh": lambda h=h: ops.tanh(h), "shift": lambda h=h: h * shift,
                       "add": lambda h=h, j=j: h + values[j % len(values)]}[kind]())
    return Graph(x, {f"y{i}": value for i, value in enumerate(values)})


@given(st.lists(STEP, min_size=1, max_size=8), st.data())
def test_any_cut_computes_what_the_whole_does(steps, data):
    graph = build(steps)
    before = picture(graph)
    at = data.draw(st.lists(st.sampled_from(names(graph)), min_size=1, max_size=3, unique=True))
    x = rows(2, 3)
    values = graph.run(x, at=names(graph))
    for part in graph.cut(at=at), graph.features(at), graph.cut(at=at, copy=True):
        found = part(x)
        assert list(found) == at
        for name in at:
            same(found[name], values[name])
    check_shared(graph.cut(at=at), graph)
    start = data.draw(st.sampled_from(names(graph)))
    for node in names(graph):                           # from there on, for all nodes that need no more than it
        try:
            tail = graph.cut(at=node, start=start)
        except ValueError as error:
            if start not in names(graph.cut(node)):
                assert f"do not depend on {start!r}: leave it out of start" in str(error)
                continue                                # else the error says what else is needed, and then it works
            tail = graph.cut(at=node, start=literal_eval(str(error).rpartition("start there too, start=")[2]))
        same(tail(*[values[name] for name in tail.inputs]), values[node])
        check_shared(tail, graph)
    assert picture(graph) == before


@given(st.lists(STEP, min_size=1, max_size=8), st.data())
def test_any_freeze_takes_just_what_is_before(steps, data):
    graph = build(steps)
    until = data.draw(st.sampled_from(names(graph)))
    first = set(names(graph.cut(until)))
    learns = {node.name: {id(p) for p in [*(node.what.parameters() if isinstance(node.what, nn.Module) else []),
                                          *[a for a in node.args if isinstance(a, Parameter)]]} for node in graph.nodes}
    inside = set().union(*[learns[name] for name in first])
    outside = set().union(*[learns[name] for name in learns if name not in first], set())
    try:
        graph.freeze(until=until)
    except ValueError:
        assert inside & outside and all(p.requires_grad for p in graph.parameters())
        return
    assert not inside & outside
    for p in graph.parameters():
        assert p.requires_grad is (id(p) not in inside)
    y = graph.cut(until)(rows(2, 3))
    assert not y.requires_grad


# --- errors -------------------------------------------------------------------------------------------------------

BAD = {
    "nowhere": (lambda g: g.cut(), TypeError, "cut: say where, by the names of nodes: at=..., start=..., or both"),
    "unknown": (lambda g: g.cut("layer2"), ValueError, "cut: this graph has no node or block 'layer2': did you mean "
                                                       "layer1 or layer1.1 or layer1.0?"),
    "a number": (lambda g: g.cut(3), TypeError, "cut: expected the name of a node or a list of names, int came"),
    "numbers": (lambda g: g.cut([3]), TypeError, "cut: expected the names of nodes, int came"),
    "no names": (lambda g: g.features([]), ValueError, "features: expected the names of nodes, none came"),
    "a dict": (lambda g: g.features({"a": "conv1"}), TypeError, "features: expected the name of a node or a list of "
                                                                "names, dict came"),
    "a start behind the end": (lambda g: g.cut("conv1", "fc"), ValueError,
                               "cut: the outputs do not depend on 'fc': leave it out of start"),
    "a shortcut around the start": (
        lambda g: g.cut(at="layer1.0.relu_2", start="layer1.0.bn1"), ValueError,
        "cut: more is needed than the values at 'layer1.0.bn1': 'conv1' does not depend on them, and node "
        "'layer1.0.add_1' takes it; start there too, start=['layer1.0.bn1', 'conv1']"),
    "an end beside the start": (
        lambda g: g.cut(at=["conv1", "fc"], start="flatten"), ValueError,
        "cut: more is needed than the values at 'flatten': 'conv1' does not depend on them, and it is an output; start "
        "there too, start=['flatten', 'conv1']"),
    "a start twice": (lambda g: g.cut(start=["flatten", "flatten"]), ValueError,
                      "'flatten' comes twice among the inputs, flatten, flatten"),
    "freeze until nowhere": (lambda g: g.freeze(until="zzz"), ValueError,
                             "freeze: this graph has no node or block 'zzz'; there are image, conv1, layer1, "),
    "freeze until a layer": (lambda g: g.freeze(until=nn.ReLU()), TypeError,
                             "freeze: expected the name of a node or a list of names, ReLU came"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name):
    do, kind, message = BAD[name]
    check_refused(do, kind, message)
