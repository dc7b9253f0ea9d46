"""Drawings of graphs: all nodes and wires are there once, blocks open and close, texts are safe and fit."""

from __future__ import annotations

import json
import re
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout_checks import check, crossings

from minigrad import models, nn, ops
from minigrad.graph import Graph, Input
from minigrad.graph.draw import Drawing, closed_blocks, draw
from minigrad.graph.drawing.looks import GROUND, LOOKS, MUTED, TEXT, WIRE
from minigrad.graph.drawing.page import States
from minigrad.graph.drawing.text import escaped, shortened, text_width
from minigrad.graph.drawing.tree import Block, block_tree
from minigrad.graph.drawing.view import Viewer
from minigrad.graph.drawing.words import family_of, plain_words, shape_words

SVG = "{http://www.w3.org/2000/svg}"


# --- graphs -----------------------------------------------------------------------------------------------------

class Residual(nn.Module):
    def __init__(self, c_in, c, stride=1):
        self.conv1, self.bn1 = nn.Conv2d(c_in, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c)
        self.relu = nn.ReLU()
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c, 1, stride, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, blocks):
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        for i, n in enumerate(blocks):
            c_in, c = 8 * max(1, 2 ** (i - 1)), 8 * 2 ** i
            layers = [Residual(c_in if j == 0 else c, c, 2 if i and j == 0 else 1) for j in range(n)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*layers))
        self.layers = len(blocks)
        self.fc = nn.Linear(8 * 2 ** (len(blocks) - 1), 10)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        for i in range(self.layers):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(ops.mean(x, (2, 3)))


def resnet(*blocks):
    x = Input((3, None, None), name="image")
    return Graph(x, {"logits": ResNet(blocks or (2, 2))(x)})


class Branches(nn.Module):
    def __init__(self, c):
        self.one = nn.Sequential(nn.Conv2d(c, 4, 1), nn.ReLU())
        self.three = nn.Sequential(nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 1, 1), nn.ReLU())
        self.five = nn.Sequential(nn.Conv2d(c, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 5, 1, 2), nn.ReLU())
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(c, 4, 1), nn.ReLU())

    def forward(self, x):
        return ops.concat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


def inception():
    x = Input((16, 14, 14), name="x")
    return Graph(x, Branches(20)(Branches(16)(x, name="first"), name="second"))


def two_and_two():
    photo, question = Input((3, 16, 16), name="photo"), Input((20,), "int64", name="question")
    h = nn.Flatten()(nn.AvgPool2d(4)(nn.ReLU()(nn.Conv2d(3, 4, 3, padding=1)(photo, name="conv"), name="relu")))
    states, (last, _) = nn.LSTM(8, 8, batch_first=True)(nn.Embedding(50, 8)(question, name="words"), name="lstm")
    h = ops.concat([h, states[:, -1], last[0]], 1)
    fc = nn.Linear(80, 80)
    h = ops.tanh(fc(ops.tanh(fc(h, name="joint"))))
    return Graph([photo, question], {"answer": nn.Linear(80, 10)(h, name="answer"), "sure": ops.sigmoid(h)}, ["sure"])


def encoder():
    x = Input((20, 16), name="tokens")
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    return Graph(x, nn.TransformerEncoder(layer, 6)(x, name="encoder"))


def dense():
    x = Input((8, 6, 6), name="x")
    features = [x]
    for i in range(5):
        h = ops.concat(features, 1) if i else x
        features.append(nn.Conv2d(8 + 4 * i, 4, 3, padding=1)(nn.ReLU()(h, name=f"block.{i}.relu"),
                                                            name=f"block.{i}.conv"))
    return Graph(x, ops.concat(features, 1))


GRAPHS = {"lenet5": models.lenet5, "resnet": resnet, "inception": inception, "two_and_two": two_and_two,
          "encoder": encoder, "dense": dense}
WAYS = [{}, {"collapse": ()}, {"depth": 1}, {"depth": 2}, {"direction": "right"}, {"depth": 2, "runs": False},
        {"shapes": "all"}, {"shapes": "none", "title": "A title"}]


@pytest.fixture(scope="module")
def made():
    return {name: build() for name, build in GRAPHS.items()}


@pytest.fixture(scope="module")
def drawn(made):
    """Drawings of these graphs, each way once."""
    found = {}

    def get(name, way):
        key = name, str(way)
        if key not in found:
            found[key] = draw(made[name], **way)
        return found[key]
    return get


def view_of(drawing: Drawing):
    return drawing._view


def groups(drawing, attribute):
    root = ElementTree.fromstring(str(drawing))
    return [group for group in root.iter(SVG + "g") if attribute in group.attrib]


def texts(drawing):
    return ["".join(text.itertext()) for text in ElementTree.fromstring(str(drawing)).iter(SVG + "text")]


# --- all is there, once -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", GRAPHS)
def test_every_node_and_every_wire_is_there_once(made, drawn, name, way):
    graph, drawing = made[name], drawn(name, way)
    view = view_of(drawing)
    shown = [node for unit in view.units.values() for node in unit.names]
    assert sorted(shown) == sorted([node.name for node in graph.nodes])
    assert len(groups(drawing, "data-node")) + len([g for g in groups(drawing, "data-block")
                                                    if "heading" not in g.get("class")]) == len(view.units)
    home = {node: unit.key for unit in view.units.values() for node in unit.names}
    expected = {(home[ref.node], home[node.name]) for node in graph.nodes for ref in node.refs}
    expected = {(a, b) for a, b in expected if a != b}
    ends = [unit.key for unit in view.units.values() if unit.family == "output"]
    drawn = [(net.get("data-from"), head.get("data-to")) for net in groups(drawing, "data-from")
             for head in net.iter(SVG + "path") if head.get("class") == "head"]
    assert {(a, b) for a, b in drawn if b not in ends} == expected
    assert sorted([b for _, b in drawn if b in ends]) == sorted(ends)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_lies_on_anything_else(drawn, name, way):
    view = view_of(drawn(name, way))
    around = {key: tuple([f for f in view.frames if contained(view, key, f)]) for key in view.units}
    check(view.layout, {key: (unit.width, unit.height) for key, unit in view.units.items()},
          [wire.edge for wire in view.wires], way.get("direction", "down"), around)


def contained(view, key, frame):
    a, b = view.layout.frames[frame], view.layout.boxes[key]
    return a.x <= b.x <= a.x + a.width and a.y <= b.y <= a.y + a.height


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", GRAPHS)
def test_it_is_xml_that_fits_its_view_box(drawn, name, way):
    drawing = drawn(name, way)
    root = ElementTree.fromstring(str(drawing))
    width, height = float(root.get("width")), float(root.get("height"))
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert root.get("role") == "img" and root.find(SVG + "title") is not None and root.find(SVG + "desc") is not None
    for shape, x, y in placed(root, 0, 0):
        if shape.tag == SVG + "rect":
            x, y = x + float(shape.get("x", 0)), y + float(shape.get("y", 0))
            assert 0 <= x <= x + float(shape.get("width")) <= width
            assert 0 <= y <= y + float(shape.get("height")) <= height
        if shape.tag == SVG + "text":
            size, bold = (12, True) if shape.get("class") == "name" else (10.5, False)
            wide = 0 if shape.get("class") == "title" else text_width(shape.text, size, bold)
            x += float(shape.get("x")) - {"end": wide, "middle": wide / 2}.get(shape.get("text-anchor"), 0)
            assert 0 <= x <= x + wide <= width and size <= y + float(shape.get("y")) <= height
    assert not list(root.iter(SVG + "script")) and not [e for e in root.iter() if "id" in e.attrib]


def placed(element, x, y):
    """All elements with their origins."""
    move = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", element.get("transform", ""))
    if move:
        x, y = x + float(move[1]), y + float(move[2])
    yield element, x, y
    for child in element:
        yield from placed(child, x, y)


@pytest.mark.parametrize("name", GRAPHS)
def test_texts_fit_their_boxes(made, name):
    for group in groups(draw(made[name], collapse=()), "data-node"):
        box = group.find(SVG + "rect")
        ends = []
        for text in group.iter(SVG + "text"):
            wide = text_width(text.text, 12 if text.get("class") == "name" else 10.5, text.get("class") == "name")
            left = float(text.get("x")) - {"end": wide, "middle": wide / 2}.get(text.get("text-anchor"), 0)
            ends.append((text.get("y"), left, left + wide))
        assert all(left >= 4 and right <= float(box.get("width")) - 4 for _, left, right in ends), group.attrib
        lines = sorted(ends)
        assert all(a[0] != b[0] or a[2] < b[1] for a, b in zip(lines, lines[1:], strict=False))


def test_boxes_are_in_the_order_in_which_nodes_run(made):
    graph = made["resnet"]
    order = [group.get("data-node") for group in groups(draw(graph, collapse=()), "data-node")]
    assert order == [*[node.name for node in graph.nodes], "output 0: logits"]


def test_the_same_graph_gives_the_same_bytes():
    assert str(draw(resnet())) == str(draw(resnet())) and draw(resnet()).to_html() == draw(resnet()).to_html()


def test_the_usual_networks_have_no_crossings(made):
    for name in ("lenet5", "resnet", "inception", "encoder"):
        view = view_of(draw(made[name], collapse=()))
        assert crossings(view.layout, [wire.edge for wire in view.wires]) == 0, name


def test_a_residual_network_is_a_straight_line(made):
    layout = view_of(draw(made["resnet"], collapse=())).layout
    middles = {key: box.x + box.width / 2 for key, box in layout.boxes.items() if "downsample" not in key}
    assert len(set(middles.values())) == 1


def test_branches_are_side_by_side_in_order(made):
    layout = view_of(draw(made["inception"], depth=2)).layout
    branches = [layout.boxes[f"first.{name}"] for name in ("one", "three", "five", "pool")]
    assert [box.x for box in branches] == sorted([box.x for box in branches]) and len({box.y for box in branches}) == 1


# --- words ------------------------------------------------------------------------------------------------------

def test_lenet5_says_what_its_layers_are(made):
    words = texts(draw(made["lenet5"]))
    for content in ("image", "c1", "156", "Conv2d 5\u00d75", "s2", "AvgPool2d 2\u00d72", "48,120",
                    "Linear 84 \u2192 10", "n \u00d7 1 \u00d7 32 \u00d7 32", "n \u00d7 6 \u00d7 28 \u00d7 28",
                    "n \u00d7 10", "convolution", "pooling", "activation", "1,234: parameters"):
        assert content in words, content
    assert words.count("n \u00d7 6 \u00d7 28 \u00d7 28") == 1                  # tanh changes no shape
    assert texts(draw(made["lenet5"], shapes="all")).count("n \u00d7 6 \u00d7 28 \u00d7 28") == 2
    assert not [text for text in texts(draw(made["lenet5"], shapes="none")) if text.startswith("n \u00d7")]


def test_open_axes_are_question_marks(made):
    assert "n \u00d7 3 \u00d7 ? \u00d7 ?" in texts(draw(made["resnet"]))
    assert shape_words(("n", None)) == "n \u00d7 ?" and shape_words(()) == "a number" and shape_words(None) == "nothing"


def test_inputs_outputs_results_and_shared_layers(made):
    drawing = draw(made["two_and_two"])
    words = texts(drawing)
    assert {"photo", "question", "answer", "sure", "output in training", "= joint"} <= set(words)
    assert {"[0] n \u00d7 20 \u00d7 8", "[1][0] 1 \u00d7 n \u00d7 8"} <= set(words)
    assert "= name: weights of that node" in words
    assert "shared" in next(g for g in groups(drawing, "data-node") if g.get("data-node") == "linear_1").get("class")
    assert drawing.description.startswith("17 nodes, 8,378 parameters; from photo (n \u00d7 3 \u00d7 16 \u00d7 16), ")


def test_frozen_layers_say_so():
    graph = models.lenet5()
    assert not [text for text in texts(draw(graph)) if "frozen" in text]
    graph.node("c1").what.trainable = False
    graph.node("s2").what.trainable = False                                     # has nothing to learn
    assert [text for text in texts(draw(graph)) if "frozen" in text] == ["Conv2d 5\u00d75, frozen"]


def test_several_outputs_without_names_are_numbered():
    x = Input((4,), name="x")
    h = nn.Linear(4, 3)(x, name="a")
    drawing = draw(Graph(x, [h, ops.exp(h), h]))
    assert [unit.name for unit in view_of(drawing).units.values()][-3:] == ["output 0", "output 1", "output 2"]
    assert "output" in texts(draw(Graph(x, h)))


@pytest.mark.parametrize(("layer", "shape", "words", "family"), [
    (lambda: nn.Conv2d(4, 8, 3, 2, 1), (4, 8, 8), "Conv2d 3\u00d73, stride 2", "convolution"),
    (lambda: nn.Conv2d(4, 8, (3, 1), (2, 1), dilation=2), (4, 8, 8), "Conv2d 3\u00d71, stride 2\u00d71, dilation 2",
     "convolution"),
    (lambda: nn.Conv2d(4, 4, 3, groups=4), (4, 8, 8), "Conv2d 3\u00d73, depthwise", "convolution"),
    (lambda: nn.Conv2d(4, 4, 3, groups=2), (4, 8, 8), "Conv2d 3\u00d73, 2 groups", "convolution"),
    (lambda: nn.Conv1d(4, 4, 3), (4, 8), "Conv1d 3", "convolution"),
    (lambda: nn.ConvTranspose2d(4, 4, 2, 2), (4, 8, 8), "ConvTranspose2d 2\u00d72, stride 2", "convolution"),
    (lambda: nn.MaxPool2d(3, 2), (4, 8, 8), "MaxPool2d 3\u00d73, stride 2", "pooling"),
    (lambda: nn.MaxPool2d(2), (4, 8, 8), "MaxPool2d 2\u00d72", "pooling"),
    (lambda: nn.AdaptiveAvgPool2d(1), (4, 8, 8), "AdaptiveAvgPool2d to 1\u00d71", "pooling"),
    (lambda: nn.AdaptiveAvgPool2d((1, None)), (4, 8, 8), "AdaptiveAvgPool2d to 1\u00d7?", "pooling"),
    (lambda: nn.BatchNorm2d(4), (4, 8, 8), "BatchNorm2d", "normalisation"),
    (lambda: nn.GroupNorm(2, 4), (4, 8, 8), "GroupNorm, 2 groups", "normalisation"),
    (lambda: nn.GELU(), (4,), "GELU", "activation"),
    (lambda: nn.Linear(4, 8), (4,), "Linear 4 \u2192 8", "linear"),
    (lambda: nn.Dropout(0.25), (4,), "Dropout 0.25", "other"),
    (lambda: nn.Flatten(), (4, 2), "Flatten", "other"),
    (lambda: nn.Upsample(scale_factor=2), (4, 8, 8), "Upsample \u00d72", "other"),
])
def test_kinds_and_families(layer, shape, words, family):
    x = Input(shape)
    node = Graph(x, layer()(x)).nodes[1]
    assert (plain_words(node), family_of(node)) == (words, family)


def test_kinds_and_families_of_what_reads_sequences():
    x = Input((5, 8))
    nodes = Graph(x, nn.LSTM(8, 4, 2, batch_first=True, bidirectional=True)(x)[0]).nodes
    assert (plain_words(nodes[1]), family_of(nodes[1])) == ("LSTM 8 \u2192 4, 2 layers, both ways", "sequence")
    attention = Graph(x, nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)[0]).nodes[1]
    assert (plain_words(attention), family_of(attention)) == ("MultiheadAttention, 2 heads", "sequence")
    ids = Input((5,), "int64")
    assert plain_words(Graph(ids, nn.Embedding(9, 4)(ids)).nodes[1]) == "Embedding 9 \u00d7 4"


@pytest.mark.parametrize(("op", "family"), [
    (lambda x: x + x, "arithmetic"), (lambda x: ops.concat([x, x]), "arithmetic"), (ops.tanh, "activation"),
    (ops.relu, "activation"), (lambda x: ops.softmax(x, -1), "activation"), (lambda x: x.reshape(-1), "other"),
    (lambda x: x @ ops.ones((4, 2)), "linear"), (lambda x: ops.sum(x, -1), "arithmetic"),
])
def test_families_of_ops(op, family):
    x = Input((4,))
    assert family_of(Graph(x, op(x)).nodes[-1]) == family


def test_a_layer_of_ones_own_is_of_the_family_of_what_it_inherits_from():
    class Mine(nn.Conv2d):
        pass

    class Other(nn.Module):
        def forward(self, x):
            return x * 2
    x = Input((3, 8, 8))
    nodes = Graph(x, Other()(Mine(3, 4, 3)(x))).nodes
    assert [family_of(node) for node in nodes] == ["input", "convolution", "other"]
    assert plain_words(nodes[1]) == "Mine 3\u00d73"


# --- names of any kind ------------------------------------------------------------------------------------------

HOSTILE = ["</title><script>alert(1)</script>", "a\"b'c&d<e>f", "]]><!-- -->", "\u5377\u79ef\u5c42\U0001f600",
           "x" * 300, "bell\x07 and \ud800", "data-node", "output 0: "]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_any_kind_stay_text(name):
    x = Input((4,), name="x")
    h = nn.Linear(4, 4)(nn.Linear(4, 4)(x, name=f"{name}.a"), name=f"{name}.b")
    graph = Graph(x, {name: nn.ReLU()(h, name=name)})
    clean = re.sub("[\x07\ud800]", "\ufffd", name)
    for way in ({}, {"depth": 1}, {"title": name}):
        drawing = draw(graph, **way)
        root = ElementTree.fromstring(str(drawing))
        str(drawing).encode()
        assert not list(root.iter(SVG + "script"))
        titles = ["".join(title.itertext()) for title in root.iter(SVG + "title")]
        assert any(title.startswith(clean) for title in titles)
        assert clean in [g.get("data-node") for g in groups(drawing, "data-node")]
    html = draw(graph).to_html()
    html.encode()
    assert len(re.findall("<script", html)) == 2 and len(re.findall("</script>", html)) == 2 and "<!--" not in html
    assert len(re.findall("<script|<!", html.lower())) == 3                     # with <!doctype
    json.loads(re.search(r'id="states">(.*?)</script>', html, re.S)[1])


@given(st.text(), st.floats(10, 200))
def test_shortened_texts_fit(text, room):
    short = shortened(text, room, 12)
    assert short == text or "\u2026" in short
    assert text_width(short, 12) <= room or len(short) <= 2


@given(st.text())
def test_escaped_texts_are_xml(text):
    element = ElementTree.fromstring(f'<a b="{escaped(text)}">{escaped(text)}</a>')
    assert len(element.text or "") == len(text) and not set("<>\"'") & set(escaped(text))


def test_long_names_keep_their_beginning_and_their_end():
    assert shortened("encoder.layers.3.self_attention.out_proj", 120, 12).startswith("encoder")
    assert shortened("encoder.layers.3.self_attention.out_proj", 120, 12).endswith("t_proj")


# --- blocks -----------------------------------------------------------------------------------------------------

def keys(block):
    return {part.key: keys(part) for part in block.children if isinstance(part, Block)}


def test_blocks_are_prefixes(made):
    tree = block_tree(made["resnet"])
    assert keys(tree) == {"layer1": {"layer1.0": {}, "layer1.1": {}},
                          "layer2": {"layer2.0": {"layer2.0.downsample": {}}, "layer2.1": {}}}
    assert keys(block_tree(made["encoder"])) == {"encoder.layers": {f"encoder.layers.{i}": {} for i in range(6)}}
    assert keys(block_tree(made["lenet5"])) == {}


def test_a_name_alone_is_no_block():
    x = Input((4,), name="x")
    assert keys(block_tree(Graph(x, nn.Linear(4, 4)(x, name="head.fc")))) == {}


def test_a_block_that_is_left_and_entered_again_is_in_parts():
    block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    x = Input((4,), name="x")
    h = block(nn.Tanh()(block(x, name="block"), name="between"), name="block")
    graph = Graph(x, h)
    assert list(keys(block_tree(graph))) == ["block", "block#2"]
    view = view_of(draw(graph, depth=1))
    assert [unit.names for unit in view.units.values() if unit.family == "block"] == [["block.0", "block.1"],
                                                                                  ["block.0_2", "block.1_2"]]


def test_blocks_that_are_entangled_with_each_other_are_in_parts():
    x = Input((4,), name="x")
    a1, b2 = ops.tanh(x), ops.exp(x)
    a1.name_node("a.one"), b2.name_node("b.two")
    b1, a2 = ops.tanh(a1), ops.exp(b2)
    b1.name_node("b.one"), a2.name_node("a.two")
    graph = Graph(x, [b1, a2])
    drawing = draw(graph, depth=1)                      # contracting both would make a cycle
    assert sorted([n for u in view_of(drawing).units.values() for n in u.names]) == ["a.one", "a.two", "b.one", "b.two",
                                                                                   "x"]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a.c", "a.d", "b.c", "a.c.e"]), st.integers(0, 9),
                          st.integers(0, 9)), min_size=1, max_size=16), st.integers(1, 4))
def test_any_names_give_a_drawing(calls, depth):
    values = [Input((4,), name="x")]
    for i, (prefix, first, second) in enumerate(calls):
        y = ops.add(values[first % len(values)], values[second % len(values)])
        y.name_node(f"{prefix}.{i}")
        values.append(y)
    graph = Graph(values[0], values[1:])
    for way in ({"depth": depth}, {"collapse": ()}):
        view = view_of(draw(graph, **way))
        assert sorted([n for unit in view.units.values() for n in unit.names]) == sorted([n.name for n in graph.nodes])
        around = {key: tuple([f for f in view.frames if contained(view, key, f)]) for key in view.units}
        check(view.layout, {key: (unit.width, unit.height) for key, unit in view.units.items()},
              [wire.edge for wire in view.wires], "down", around)


def boxes(drawing):
    return [unit.key for unit in view_of(drawing).units.values() if unit.family not in ("input", "output")]


def test_depth_and_collapse(made):
    graph = made["resnet"]
    assert boxes(draw(graph, depth=1)) == ["conv1", "bn1", "relu", "layer1", "layer2", "mean_1", "fc"]
    assert boxes(draw(graph, depth=2)) == ["conv1", "bn1", "relu", "layer1.0", "layer1.1", "layer2.0", "layer2.1",
                                           "mean_1", "fc"]
    half = boxes(draw(graph, collapse=["layer1", "layer2.*"]))
    assert half == ["conv1", "bn1", "relu", "layer1", "layer2.0", "layer2.1", "mean_1", "fc"]
    assert "layer2.0.downsample" in boxes(draw(graph, collapse="*.downsample"))
    assert boxes(draw(graph, collapse="layer2", depth=2)) == ["conv1", "bn1", "relu", "layer1.0", "layer1.1", "layer2",
                                                            "mean_1", "fc"]
    assert len(boxes(draw(graph, collapse=()))) == len(graph.nodes) - 1


def test_by_default_a_drawing_can_be_read_at_a_glance():
    large = resnet(3, 4, 6, 3)
    assert len(large.nodes) > 120 and len(view_of(draw(large)).units) <= 60
    assert len(view_of(draw(resnet())).units) == len(resnet().nodes) + 1        # nothing is hidden without need


def test_of_a_stack_of_layers_the_first_is_open(made):
    drawn = [key for key in boxes(draw(made["encoder"])) if not key.startswith("encoder.layers.0.")]
    assert drawn == ["encoder.layers.1 ... encoder.layers.5"] and len(boxes(draw(made["encoder"]))) == 12


def test_blocks_alike_are_drawn_as_one(made):
    drawing = draw(made["encoder"], depth=3)
    unit = next(unit for unit in view_of(drawing).units.values() if unit.family == "block")
    assert unit.name == "layers.0 \u2026 5" and unit.words == "6 \u00d7 11 nodes" and len(unit.names) == 66
    assert len(boxes(draw(made["encoder"], depth=3, runs=False))) == 6
    assert [key for key in boxes(draw(resnet(2, 5), depth=2)) if "layer" in key] == [
        "layer1.0", "layer1.1", "layer2.0", "layer2.1 ... layer2.4"]


@pytest.mark.parametrize("change", [
    lambda i, x: nn.Linear(4, 4)(x, name=f"s.{i}.fc") if i != 1 else nn.Linear(4, 4, bias=False)(x, name=f"s.{i}.fc"),
    lambda i, x: nn.ReLU()(x, name=f"s.{i}.act") if i != 1 else nn.Tanh()(x, name=f"s.{i}.act"),
])
def test_blocks_that_differ_are_not_drawn_as_one(change):
    x = Input((4,), name="x")
    h = x
    for i in range(4):
        h = ops.exp(change(i, h))
        h.name_node(f"s.{i}.exp")
    assert len(boxes(draw(Graph(x, h), depth=2))) == 4


def test_a_run_ends_where_an_inner_value_is_used_elsewhere():
    x = Input((4,), name="x")
    h, values = x, []
    for i in range(4):
        h = nn.Linear(4, 4)(nn.ReLU()(h, name=f"s.{i}.act"), name=f"s.{i}.fc")
        values.append(h)
    assert len(boxes(draw(Graph(x, h), depth=2))) == 1
    assert len(boxes(draw(Graph(x, [h, values[1]]), depth=2))) == 4


# --- options and files ------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("options", "error", "message"), [
    ({"direction": "up"}, ValueError, r"draw: direction must be one of 'down', 'right', 'up' came"),
    ({"shapes": True}, ValueError, r"draw: shapes must be one of 'changes', 'all', 'none', True came"),
    ({"depth": 0}, ValueError, r"draw: depth must be at least 1, the first name of each path, 0 came"),
    ({"depth": 1.5}, TypeError, r"draw: depth must be a whole number, the names of a path to show, 1.5 came"),
    ({"collapse": ["layer9"]}, ValueError, r"collapse has 'layer9', no block is called that; there are layer2, "),
    ({"collapse": [3]}, TypeError, r"draw: collapse must be names of blocks, int came among them"),
    ({"path": "x.pdf"}, ValueError, r"x.pdf: a drawing is saved as .svg, .html, .png, the suffix '.pdf' came"),
    ({"path": "drawing"}, ValueError, r"drawing: a drawing is saved as .svg, .html, .png, the suffix '' came"),
])
def test_what_it_refuses(made, options, error, message):
    with pytest.raises(error, match=message):
        made["resnet"].draw(**options)


def test_collapse_in_a_graph_without_blocks(made):
    with pytest.raises(ValueError, match="this graph has none: no names with dots"):
        draw(made["lenet5"], collapse="c1")


def test_it_is_saved_and_shown(made, tmp_path):
    drawing = made["lenet5"].draw(tmp_path / "lenet5.svg")
    assert (tmp_path / "lenet5.svg").read_text("utf-8") == str(drawing) == drawing._repr_svg_()
    assert re.fullmatch(r"Drawing\(Graph of 13 nodes: 14 boxes, \d+ x \d+ pixels\)", repr(drawing))
    drawing.save(str(tmp_path / "LENET5.HTML"))
    assert (tmp_path / "LENET5.HTML").read_text("utf-8") == drawing.to_html()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LENET5.HTML", "lenet5.svg"]


def test_a_file_that_cannot_be_written(made, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.lenet5.svg: the drawing cannot be written \(No such file"):
        made["lenet5"].draw(tmp_path / "nowhere" / "lenet5.svg")


def test_png(made, tmp_path):
    pytest.importorskip("resvg_py")
    drawing = made["lenet5"].draw(tmp_path / "lenet5.png")
    content = (tmp_path / "lenet5.png").read_bytes()
    width = int(re.search(r'width="(\d+)"', str(drawing))[1])
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(content[16:20], "big") == 2 * width


def test_png_without_its_library(made, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ImportError, match=r"becomes a PNG with resvg-py: pip install \"minigrad\[draw\]\""):
        made["lenet5"].draw(tmp_path / "lenet5.png")
    assert not list(tmp_path.iterdir())


def test_the_title_is_written_only_if_one_is_given(made):
    assert "LeNet & co" in texts(draw(made["lenet5"], title="LeNet & co"))
    assert "Graph of 13 nodes" not in texts(draw(made["lenet5"]))


# --- colours ----------------------------------------------------------------------------------------------------

def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    """WCAG 2.2, relative luminance."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("family", LOOKS)
@pytest.mark.parametrize("dark", [0, 1])
def test_contrast(family, dark):
    fill, border = LOOKS[family][2 * dark:2 * dark + 2]
    assert contrast(TEXT[dark], fill) >= 7 and contrast(MUTED[dark], fill) >= 4.5
    assert contrast(border, fill) >= 3 and contrast(border, GROUND[dark]) >= 3
    assert contrast(WIRE[dark], GROUND[dark]) >= 3 and contrast(MUTED[dark], GROUND[dark]) >= 4.5


def test_contrast_is_measured():
    assert round(contrast("#000000", "#ffffff"), 1) == 21 and contrast("#777777", "#ffffff") < 4.5


def test_families_have_signs_of_their_own(made):
    for group in groups(draw(made["two_and_two"]), "data-node"):
        assert group.get("class") == "input" or [p for p in group.iter(SVG + "path") if p.get("class") == "icon"]


# --- the page ---------------------------------------------------------------------------------------------------

def content_of(html):
    return json.loads(re.search(r'id="states">(.*?)</script>', html, re.S)[1].replace("<\\/", "</"))


def pieces_of(content, number):
    at = content["states"][number]["at"]
    return "".join(["<g" + content["pieces"][i] for i in at[::3]])


def test_a_page_is_complete_in_one_file(made):
    html = draw(made["resnet"], title="ResNet <18>").to_html()
    assert re.findall(r"https?://[^\"'\s<]*", html.replace("http://www.w3.org/2000/svg", "")) == []
    assert "default-src 'none'" in html and "<title>ResNet &lt;18&gt;</title>" in html
    assert 'role="group"' in html and "prefers-color-scheme" in html


@pytest.mark.parametrize("name", GRAPHS)
def test_every_picture_of_a_page_shows_all(made, name):
    drawing = draw(made[name])
    states = States(drawing._viewer, drawing._closed)
    nodes = sorted([node.name for node in made[name].nodes])
    for view in states.views:
        assert sorted([n for unit in view.units.values() for n in unit.names]) == nodes
    content = content_of(drawing.to_html())
    assert len(content["states"]) == len(states.views)
    for number, state in enumerate(content["states"]):
        ElementTree.fromstring(f"<svg>{pieces_of(content, number)}</svg>")
        keys = set(re.findall(r'data-block="([^"]*)"', pieces_of(content, number)))
        assert keys == set(state["to"]) and all(0 <= to < len(content["states"]) for to in state["to"].values())


def walk(made, name, **way):
    """A function from clicks to (open blocks, closed blocks)."""
    drawing = draw(made[name], **way)
    content = content_of(drawing.to_html())
    states = States(drawing._viewer.with_buttons(), drawing._closed)

    def after(*clicks, start=0):
        number = start
        for key in clicks:
            number = content["states"][number]["to"][key]
        view = states.views[number]
        return set(view.frames), {key for key, unit in view.units.items() if unit.family == "block"}
    return after


def test_a_click_opens_a_block_and_another_closes_it(made):
    after = walk(made, "resnet", depth=2)
    drawn = after()
    assert drawn == ({"layer1", "layer2"}, {"layer1.0", "layer1.1", "layer2.0", "layer2.1"})
    assert after("layer2.0") == ({"layer1", "layer2", "layer2.0"}, {"layer1.0", "layer1.1", "layer2.1",
                                                                    "layer2.0.downsample"})
    assert after("layer2.0", "layer2.0") == drawn
    assert after("layer2.0", "layer2.0.downsample")[0] == {"layer1", "layer2", "layer2.0", "layer2.0.downsample"}
    assert after("layer2.0", "layer2.0.downsample", "layer2.0.downsample") == after("layer2.0")
    assert after("layer1") == ({"layer2"}, {"layer1", "layer2.0", "layer2.1"}) and after("layer1", "layer1") == drawn
    assert after(start=1)[1] == set() and after(start=2) == (set(), {"layer1", "layer2"})


def test_a_click_on_several_drawn_as_one_takes_them_apart(made):
    after = walk(made, "encoder", depth=3)
    run = "encoder.layers.0 ... encoder.layers.5"
    assert after() == ({"encoder.layers"}, {run})
    assert after(run)[1] == {f"encoder.layers.{i}" for i in range(6)}
    assert after(run, "encoder.layers.2")[0] == {"encoder.layers", "encoder.layers.2"}
    assert after(run, "encoder.layers.2", "encoder.layers.2") == after()


def test_every_click_changes_the_picture(made):
    for name in GRAPHS:
        for state_number, state in enumerate(content_of(draw(made[name]).to_html())["states"]):
            assert state_number not in state["to"].values()


def test_closed_blocks_are_keys_of_the_tree(made):
    tree = block_tree(made["resnet"])
    assert closed_blocks(tree, (), None) == set() and closed_blocks(tree, "layer1", None) == {"layer1"}
    assert Viewer(made["resnet"], tree).view({"layer1"}).units["layer1"].names[0] == "layer1.0.conv1"
