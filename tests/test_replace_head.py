"""A new head on a graph: what it takes, what it is called, and what of the old one stays."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import check_refused, check_shared, heads, images, names, picture, resnet, rows, same
from tapes import names_on_tape

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops, optim
from minigrad.graph import Graph, Input, Ref

# --- a new head ---------------------------------------------------------------------------------------------------

def test_another_last_layer():
    graph = resnet()
    before = picture(graph)
    new = nn.Linear(16, 3)
    model = graph.replace_head(new)
    assert names(model) == names(graph) and model.node("fc").what is new and model.outputs == Ref("fc")
    assert list(model.state_dict()) == list(graph.state_dict())
    check_shared(model, graph, new=["fc.weight", "fc.bias"])
    same(model(images()), new(graph.run(images(), at="flatten")))
    assert picture(graph) == before and graph(images()).shape == (2, 5)


def test_a_number_of_classes():
    """A fresh layer like the old one, by its own initialisation, as PyTorch has it."""
    graph = resnet()
    mg.manual_seed(3)
    model = graph.replace_head(num_classes=7)
    mg.manual_seed(3)
    expected = nn.Linear(16, 7)
    same(model.node("fc").what.weight, expected.weight)
    same(model.node("fc").what.bias, expected.bias)
    assert model(images()).shape == (2, 7) and not model.node("fc").what.training


LAST = {
    "Linear without bias": (nn.Linear(6, 3, bias=False), (6,)),
    "Conv1d": (nn.Conv1d(6, 4, 3, stride=2, padding=1, padding_mode="reflect"), (6, 7)),
    "Conv2d": (nn.Conv2d(6, 4, (3, 1), dilation=2, groups=2, bias=False), (6, 7, 8)),
    "ConvTranspose1d": (nn.ConvTranspose1d(6, 4, 3, stride=2, output_padding=1, dilation=2), (6, 4)),
    "ConvTranspose2d": (nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, groups=2), (6, 4, 4)),
}


@pytest.mark.parametrize("name", LAST)
def test_a_number_of_classes_keeps_all_other_options(name):
    old, shape = LAST[name]
    x = Input(shape, name="x")
    model = Graph(x, old.double()(x, name="head")).replace_head(num_classes=8)
    new = model.node("head").what
    assert type(new) is type(old) and new is not old and new.weight.dtype == "float64"
    same_text = repr(old).replace("out_features=3", "out_features=8").replace(f"{type(old).__name__}(6, 4",
                                                                             f"{type(old).__name__}(6, 8")
    assert repr(new) == same_text
    assert model(rows(2, *shape).astype("float64")).shape[1] == 8


def test_what_follows_the_last_layer_stays():
    x = Input((4,), name="x")
    graph = Graph(x, {"logits": (h := nn.Linear(4, 3)(x, name="fc")), "probabilities": ops.softmax(h, 1, name="p")})
    model = graph.replace_head(num_classes=5)
    found = model(rows(2, 4))
    assert {name: value.shape for name, value in found.items()} == {"logits": (2, 5), "probabilities": (2, 5)}
    assert names(model) == ["x", "fc", "p"] and model.node("p").shape == ("n", 5)
    np.testing.assert_allclose(found["probabilities"].numpy().sum(1), 1, rtol=1e-6)


@pytest.mark.parametrize("make", [lambda: nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2)),
                                  lambda: Graph(*(lambda x: (x, nn.Linear(8, 2)(ops.relu(nn.Linear(16, 8)(
                                      x, name="0")), name="2")))(Input((16,))))])
def test_a_head_of_several_layers(make):
    graph, head = resnet(), make()
    model = graph.replace_head(head)
    new = ["fc.0.weight", "fc.0.bias", "fc.2.weight", "fc.2.bias"]
    assert list(model.state_dict())[-4:] == new
    check_shared(model, graph, new)
    same(model(images()), head(graph.run(images(), at="flatten")))


def test_a_function_as_head():
    graph = resnet()
    drop, fc = nn.Dropout(0.5).eval(), nn.Linear(16, 2)
    model = graph.replace_head(lambda h: fc(drop(h)))
    assert names(model)[-2:] == ["dropout_1", "fc"] and list(model.state_dict()) == list(graph.state_dict())
    named = graph.replace_head(lambda h: ops.tanh(fc(h, name="inner")))
    assert names(named)[-2:] == ["inner", "tanh_1"] and "inner.weight" in named.state_dict()
    nothing = graph.replace_head(lambda h: h)
    assert nothing.outputs == Ref("flatten")
    same(nothing(images()), graph.run(images(), at="flatten"))
    identity = graph.replace_head(nn.Identity())
    assert identity.node("fc").kind == "Identity"


def test_all_after_a_node_is_replaced():
    graph = resnet()
    new = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    model = graph.replace_head(new, at="layer1.0", name="head")
    assert names(model) == [*names(graph.cut("layer1.0")), "head.0", "head.1", "head.2"]
    check_shared(model, graph, ["head.2.weight", "head.2.bias"])
    same(model(images()), new(graph.run(images(), at="layer1.0.relu_2")))
    plain = graph.replace_head(nn.Conv2d(4, 2, 1), at="layer1")
    assert names(plain)[-1] == "fc"                                     # the last layer that went


def test_the_head_of_one_output():
    graph = heads()
    for model in graph.replace_head(num_classes=7, output="main"), \
            graph.replace_head(nn.Linear(4, 7), at="h", output="main"):
        assert list(model.outputs) == ["main", "aux"] and model.train_only == ("aux",)
        assert model.outputs["main"] == Ref("main_fc")
        check_shared(model, graph, ["main_fc.weight", "main_fc.bias"])
        assert {k: v.shape for k, v in model(rows(2, 6)).items()} == {"main": (2, 7), "aux": (2, 3)}
        assert {k: v.shape for k, v in model.eval()(rows(2, 6)).items()} == {"main": (2, 7)}
        model.train()
    aux = graph.replace_head(num_classes=5, output="aux")
    assert {k: v.shape for k, v in aux(rows(2, 6)).items()} == {"main": (2, 2), "aux": (2, 5)}
    x = Input((4,), name="x")
    pair = Graph(x, [nn.Linear(4, 2)(x, name="a"), nn.Linear(4, 3)(x, name="b")])
    assert [y.shape for y in pair.replace_head(num_classes=9, output=1)(rows(2, 4))] == [(2, 2), (2, 9)]


def test_a_head_may_make_an_input_needless():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    graph = Graph([a, b], nn.Linear(4, 2)(ops.tanh(a, name="t") + b, name="fc"))
    assert graph.replace_head(nn.Linear(4, 3), at="t").inputs == ("a",)


def test_a_function_takes_all_results_of_a_node():
    x = Input((5, 3), name="x")
    y, _ = nn.LSTM(3, 4, batch_first=True)(x, name="lstm")
    graph = Graph(x, nn.Linear(4, 2)(y[:, -1], name="fc"))
    fc = nn.Linear(4, 6)
    model = graph.replace_head(lambda out: fc(out[1][0][0]), at="lstm")
    assert model(rows(2, 5, 3)).shape == (2, 6) and "fc.weight" in model.state_dict()
    with pytest.raises((TypeError, ValueError), match=r"does not fit on 'lstm', which gives \(\(n, 5, 4\), \("):
        graph.replace_head(nn.Linear(4, 6), at="lstm")


def test_only_the_new_head_learns_after_a_freeze():
    graph = resnet().train().freeze()
    model = graph.replace_head(num_classes=3)
    assert model.trainable and not graph.trainable
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["fc.weight", "fc.bias"]
    y = model(images())
    assert names_on_tape(y) == ["linear"]
    before = {name: array.copy() for name, array in model.state_dict().items()}
    optimizer = optim.Adam(model.parameters(), weight_decay=0.1)
    F.cross_entropy(y, mg.tensor([0, 1])).backward()
    optimizer.step()
    for name, array in model.state_dict().items():
        assert np.array_equal(array, before[name]) is not name.startswith("fc"), name


def test_a_copy_shares_nothing_but_the_head():
    graph, new = resnet(), nn.Linear(16, 3)
    model = graph.replace_head(new, copy=True)
    assert model.node("fc").what is new
    for mine in model.state_dict().values():
        assert not any(mine is theirs for theirs in graph.state_dict().values())


def test_a_new_head_takes_the_name_of_a_layer_that_stays_elsewhere():
    """The last layer is also used before: there it stays, and the name fc.weight belongs to the new one."""
    x = Input((4,), name="x")
    layer = nn.Linear(4, 4)
    graph = Graph(x, layer(ops.tanh(layer(x, name="first"), name="t"), name="fc"))
    model = graph.replace_head(nn.Linear(4, 2))
    assert set(model.state_dict()) == {"first.weight", "first.bias", "fc.weight", "fc.bias"}
    graph = Graph(x, layer(ops.tanh(ops.linear(x, layer.weight, name="op"), name="t"), name="fc"))
    model = graph.replace_head(nn.Linear(4, 2))
    assert set(model.state_dict()) == {"op.weight", "fc.weight", "fc.bias"}
    assert model.state_dict()["op.weight"] is layer.weight.data


def test_what_comes_after_open_axes():
    x = Input((3, None, None), name="x")
    graph = Graph(x, nn.Conv2d(3, 4, 3)(x, name="score"))
    model = graph.replace_head(num_classes=2)
    assert model.node("score").shape == ("n", 2, None, None) and model(rows(1, 3, 5, 9)).shape == (1, 2, 3, 7)


# --- errors -------------------------------------------------------------------------------------------------------

BAD = {
    "no head": (lambda g: g.replace_head(), TypeError,
                "replace_head: expected a new head or num_classes=, one of them; neither came"),
    "two heads": (lambda g: g.replace_head(nn.Linear(16, 3), num_classes=3), TypeError,
                  "expected a new head or num_classes=, one of them; both came"),
    "a number of classes elsewhere": (lambda g: g.replace_head(num_classes=3, at="conv1"), TypeError,
                                      "num_classes makes a layer like the last one: with at= give the new head itself"),
    "no class": (lambda g: g.replace_head(num_classes=0), ValueError,
                 "num_classes must be a whole number, 1 or more, 0 came"),
    "half a class": (lambda g: g.replace_head(num_classes=2.5), ValueError,
                     "num_classes must be a whole number, 1 or more, 2.5 came"),
    "no such output": (lambda g: g.replace_head(num_classes=3, output="main"), ValueError,
                       "replace_head: this graph has no output 'main'; it has one, nameless"),
    "a head that is too wide": (
        lambda g: g.replace_head(nn.Linear(512, 5)), ValueError,
        "replace_head: the new head does not fit on 'flatten', which gives (n, 16): fc: linear: "),
    "a head of another kind": (lambda g: g.replace_head("fc"), TypeError,
                               "the head must be a layer, a module, a graph, or a function on symbols, str came"),
    "a head that gives nothing": (lambda g: g.replace_head(lambda h: None), TypeError,
                                  "the head must give one symbol, NoneType came"),
    "a head that gives two": (lambda g: g.replace_head(lambda h: (h, h)), TypeError,
                              "the head must give one symbol, tuple came"),
    "a name that stays": (lambda g: g.replace_head(nn.Linear(16, 5), name="conv1"), ValueError,
                          "node 'conv1' stays in the graph: give the new head another name, name=..."),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name):
    do, kind, message = BAD[name]
    check_refused(do, kind, message)


def test_errors_of_heads_of_graphs_with_several_outputs():
    graph = heads()
    with pytest.raises(ValueError, match="the outputs have different last layers, 'main': main_fc, 'aux': aux_fc: say"):
        graph.replace_head(num_classes=3)
    with pytest.raises(ValueError, match=r"several outputs, say which: output='main'; there are 'main', 'aux'"):
        graph.replace_head(nn.Linear(4, 3), at="h")
    with pytest.raises(ValueError, match="this graph has no output 'mian'; there are 'main', 'aux'"):
        graph.replace_head(num_classes=3, output="mian")
    with pytest.raises(ValueError, match="node 'trunk' stays in the graph"):
        graph.replace_head(nn.Linear(4, 3), at="h", output="main", name="trunk")


def test_errors_where_it_is_not_clear_what_the_last_layer_is():
    x = Input((4,), name="x")
    fork = Graph(x, nn.Linear(4, 2)(x, name="a") + nn.Linear(4, 2)(x, name="b"))
    with pytest.raises(ValueError, match="replace_head: a, b come together before the output, none of them is the last "
                                         "layer: say with at= after which node"):
        fork.replace_head(num_classes=3)
    with pytest.raises(ValueError, match="on the way to the output is no layer with parameters: say with at="):
        Graph(x, ops.tanh(x)).replace_head(nn.Linear(4, 3))
    two = Graph([x, y := Input((4,), name="y")], nn.Bilinear(4, 4, 3)(x, y, name="last"))
    with pytest.raises(ValueError, match="the last layer, 'last', takes 2 results: say with at= after"):
        two.replace_head(nn.Linear(4, 3))
    with pytest.raises(TypeError, match="num_classes makes a new Linear or convolution; the last layer, 'norm', is a "
                                        "LayerNorm: give the new layer itself"):
        Graph(x, nn.LayerNorm(4)(x, name="norm")).replace_head(num_classes=3)
    shaped = Graph(x, ops.reshape(nn.Linear(4, 6)(x, name="fc"), (-1, 2, 3), name="grid"))
    with pytest.raises(ValueError, match="replace_head: what follows does not fit the new head: grid: reshape: "):
        shaped.replace_head(num_classes=5)
    assert shaped.replace_head(num_classes=12)(rows(1, 4)).shape == (2, 2, 3)
