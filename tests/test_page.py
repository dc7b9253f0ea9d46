"""The page of a trace, as a file: what is in it without a script, escaping, sizes, schema, the graph behind it."""

from __future__ import annotations

import json
import re
import struct
import sys
import zlib
from base64 import b64decode
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

import minigrad as mg
from minigrad import debug, models, nn
from minigrad.cli import main
from minigrad.debug.page.arrays import MINUS, PLUS, grid, png, straight
from minigrad.debug.page.markup import Html, script_data, tag
from minigrad.debug.page.numbers import shade
from minigrad.debug.page.page import asset
from minigrad.debug.page.tape import tape_of
from minigrad.debug.trace import Trace

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&{{</style><!--"
VOID = {"img", "input", "br", "meta"}
OWN = {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "p", "div", "button", "main",
       "section", "span", "kbd", "label", "input", "svg", "g", "path", "rect", "circle", "text", "a", "defs", "pattern",
       "ol", "li", "details", "summary", "b", "code", "strong", "table", "thead", "tbody", "tr", "th", "td", "img",
       "pre", "ul", "figure", "dialog", "form", "script", "desc"}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and keeps tags, attributes, ids and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.attributes, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["script"], ["style"]):
            self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


@cache
def lenet():
    """LeNet-5 with the convolution c3 stepped into, and its page."""
    mg.manual_seed(0)
    model = models.lenet5()
    with debug.record():
        loss = mg.cross_entropy(model(mg.randn(4, 1, 32, 32)), mg.tensor([3, 1, 0, 7]))

    def events():
        for event in debug.walk(loss):
            yield event
            if event.kind == "rule" and event.layer == "c3":
                yield from event.into()
    seen = Trace.of(events())
    return seen, seen.to_html()


def test_it_is_small_closed_and_asks_nobody():
    _, page = lenet()
    assert len(page.encode()) < 1_000_000 and len(asset("script.js")) < 20_000
    assert set(re.findall(r"\w+://[^\s\"'<]*", page)) == {"http://www.w3.org/2000/svg"}
    assert set(read(page).tags) <= OWN
    assert not re.search(r"\b(fetch|XMLHttpRequest|import|eval|Function)\b\(|@import|url\((?!#)", page)
    assert "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:" in [
        value for name, value in read(page).attributes if name == "content"]


def test_all_of_it_is_there_without_a_script():
    seen, page = lenet()
    reader = read(page)
    assert [name for name in reader.ids if name.startswith("e=")] == [f"e={event.number}" for event in seen]
    assert len(set(reader.ids)) == len(reader.ids)
    linked = {value[1:] for name, value in reader.attributes if name == "href"}
    assert linked == {f"e={event.number}" for event in seen}, "the timeline links to every event"
    text = "".join(reader.text)
    for event in seen.find():
        for lines in event.formulas.values():
            assert all(line in text for line in lines)
    assert "y = filters @ columns" in text and "definition agrees" in text
    assert 'class="scripted" hidden' in re.sub(r'class="[\w ]*scripted"', 'class="scripted"', page)
    assert page.count("<table") > 20 and "c3.weight" in text and "61,706 parameters, all trainable" in text


def test_the_graph_has_the_calls_the_leaves_and_the_definition_in_backward_order():
    seen, page = lenet()
    graph = re.search(r'<svg class="graph".*?</svg>', page, re.DOTALL)[0]
    firsts = [int(each.split()[0]) for each in re.findall(r'class="(?:call|leaf|block)" data-e="([\d ]+)"', graph)]
    outer = [i for i, event in enumerate(seen.events) if event.kind == "rule" and event.depth == 0]
    calls = [i for i in firsts if i in outer[1:] or i == 0]
    assert calls == sorted(calls) and len(calls) == len(outer)
    assert graph.count('class="leaf"') == 10 and "yet never" not in graph
    tape = tape_of(seen.as_dict()["events"])
    (entered,) = tape.entered
    inside = [item for item in tape.items if item.name.startswith(entered + ".")]
    assert [item.op for item in inside] == ["unfold", "reshape", "reshape", "matmul", "reshape", "reshape", "add"]
    assert [s.node.split(".")[-1].split("_")[0] for s in inside[0].sources] == ["avg"], "the argument x is s2"
    after = next(item for item in tape.items if item.layer == "tanh_2")
    assert after.inputs == [inside[-1].name]
    content = data_of(page)["picture"]
    assert list(content["opens"]) == list(tape.levels) == [next(event.number for event in seen if event.layer == "c3")]


def test_a_call_that_was_not_reached_is_never_a_zero():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with debug.record():
        y = (x * 3).exp().sum()
    walk = debug.walk(y)
    page = Trace.of([next(walk) for _ in range(2)]).to_html()
    graph = re.search(r'<svg class="graph".*?</svg>', page, re.DOTALL)[0]
    assert graph.count('<g transform="translate') >= 6 and graph.count("yet never") >= 4
    unreached = re.findall(r'<text class="num"[^>]*>([^<]*)<', graph)
    assert unreached.count("not yet") == 3 and "0" not in [word[-1:] for word in unreached]
    assert "multiply" in graph and "exp" in graph


def test_gradients_have_colours_by_decade_and_words():
    assert [shade(x) for x in (None, 0.0, float("nan"), float("inf"), 1e-30, 1e-8, 0.02, 1.0, 5e9)] == [
        "", "zero", "bad", "bad", "h0", "h0", "h6", "h8", "h11"]
    x = mg.tensor([-1.0, 2.0], requires_grad=True)
    with debug.record(), np.errstate(all="ignore"):
        loss = mg.log(x).sum() * 0.0
    with np.errstate(all="ignore"):
        page = debug.trace(loss).to_html()
    assert "Not finite: log" in page and 'class="bar zero"' in page and "1 nan" in page


def test_names_of_the_user_are_text():
    x = mg.randn(3, 2, requires_grad=True)
    with debug.record():
        loss = (nn.Linear(2, 2)(x) ** 2).sum()
    document = debug.trace(loss).as_dict()
    for event in document["events"]:
        event["layer"] = event["source"] = event["line"] = HOSTILE
        event["text"] += HOSTILE
        event["hints"] = [HOSTILE]
        event["operands"] = {HOSTILE: HOSTILE}
        if "name" in event:
            event["name"] = HOSTILE
        for row in event.get("tape", ()):
            row["layer"] = row["op"] = HOSTILE
            for source in row["sources"].values():
                source |= {"leaf": HOSTILE} if "leaf" in source else {}
    document |= {"hints": [HOSTILE], "origin": HOSTILE}
    from minigrad.debug.page import page
    text = page(document, HOSTILE, {HOSTILE: [HOSTILE, {HOSTILE: 1.5}]})
    reader = read(text)
    assert set(reader.tags) <= OWN and not [name for name, _ in reader.attributes if name.startswith("on")]
    assert reader.tags.count("script") == 2 and "<img src=x" not in text and "<!--" not in text
    assert HOSTILE in "".join(reader.text) and data_of(text)["trace"]["origin"] == HOSTILE
    assert all(value.startswith("data:image/png;base64,") for name, value in reader.attributes if name == "src")


def test_a_layer_s_hostile_name_comes_through_a_whole_trace():
    class Net(nn.Module):
        def __init__(self):
            self.parts = nn.ModuleDict({"a<b>&\"'": nn.Linear(2, 2)})

        def forward(self, x):
            return self.parts["a<b>&\"'"](x)

    with debug.record():
        loss = (Net()(mg.randn(3, 2)) ** 2).sum()
    reader = read(debug.trace(loss).to_html())
    assert set(reader.tags) <= OWN and "b" in reader.tags and "parts.a<b>&\"'" in "".join(reader.text)


def test_markup_escapes_once():
    assert tag("p", "a < b", Html("<b>c</b>"), class_='"x"', hidden=True, id=None) == \
        '<p class="&quot;x&quot;" hidden>a &lt; b<b>c</b></p>'
    assert "<" not in script_data({"a": HOSTILE}) and json.loads(script_data({"a": HOSTILE})) == {"a": HOSTILE}


def test_the_picture_of_an_array():
    content = b64decode(png([[-2.0, 0.0], [2.0, "nan"]]).partition(",")[2])
    chunks, at = {}, 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at:at + 4])
        chunks[content[at + 4:at + 8]] = content[at + 8:at + 8 + length]
        at += 12 + length
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (2, 2)
    colours = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(2, 3)[:, 1:]
    shown = colours[lines]
    assert tuple(shown[0, 0]) == MINUS and tuple(shown[1, 0]) == PLUS and tuple(shown[1, 1]) == (255, 0, 200)


def test_the_script_s_data_are_the_trace():
    seen, page = lenet()
    trace = data_of(page)["trace"]
    assert (trace["schema"], trace["version"]) == ("minigrad.trace", 1)
    assert [event["number"] for event in trace["events"]] == [event.number for event in seen]
    assert trace["events"][2]["arrived"][0]["norm"] == pytest.approx(seen[2].arrived[0].seen.norm, rel=1e-4)


def test_in_a_notebook():
    seen, page = lenet()
    bundle = seen._repr_mimebundle_()
    assert bundle["text/plain"] == repr(seen)
    (frame,) = [dict(read_attrs) for read_attrs in [read(bundle["text/html"]).attributes]]
    assert frame["srcdoc"] == page and frame["title"]


def test_files(tmp_path):
    seen, page = lenet()
    report = {"verdict": "all is well", "rows": [{"layer": "f7", "norm": 0.5}]}
    assert seen.to_html(tmp_path / "a.html", health=report) is None
    text = (tmp_path / "a.html").read_text("utf-8")
    assert "all is well" in text and "Over the steps" in text and "Over the steps" not in page
    with pytest.raises(ValueError, match="ends in .html"):
        seen.to_html(tmp_path / "a.pdf")
    with pytest.raises(OSError, match="the page cannot be written"):
        seen.to_html(tmp_path / "nowhere" / "a.html")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_save_at_the_prompt_and_the_command(tmp_path, capsys):
    x = mg.tensor(2.0, requires_grad=True)
    with debug.record():
        y = x * x
    said = []
    debug.step(y, commands=["n", f"save {tmp_path / 'b.html'}", "q"], out=said.append)
    assert "2 events in" in "".join(said) and (tmp_path / "b.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    file = tmp_path / "c.html"
    assert main(["step", "lenet5", "--data", "random", "--html", str(file)]) == 0
    assert f"events in {file}" in capsys.readouterr().out and "lenet5 on" in file.read_text("utf-8")
    assert main(["step", "lenet5", "--data", "random", "--html", str(tmp_path / "c.txt")]) != 0


def test_health_and_architecture_say_what_there_is():
    layers = [layer for _ in range(6) for layer in (nn.Linear(8, 8), nn.Sigmoid())]
    mg.manual_seed(0)
    with debug.record():
        loss = (nn.Sequential(*layers)(mg.randn(4, 8)) ** 2).sum()
    text = "".join(read(debug.trace(loss).to_html()).text)
    found = re.search(r"From 11 back to 0, over 12 layers, the norm of the gradient goes from (\S+) to (\S+), by a "
                      r"factor of (\S+) per layer", text)
    assert found and float(found[3]) == pytest.approx((float(found[2]) / float(found[1])) ** (1 / 11), rel=1e-2)
    assert "12 layers" in text and "432 numbers" in text


def test_of_a_layer_graph_the_architecture_has_all_that_its_summary_knows():
    """At the size of the batch that went through, which the graph leaves open; what is frozen too."""
    mg.manual_seed(0)
    model = mg.models.resnet20_cifar()
    for parameter in model.node("layer1.0.conv1").what.parameters():
        parameter.requires_grad_(False)
    with debug.record():
        loss = mg.cross_entropy(model(mg.randn(2, 3, 32, 32)), mg.tensor([0, 1]))
    trace = debug.trace(loss)
    known = model.summary((3, 32, 32))
    assert trace.as_dict()["graph"] == json.loads(json.dumps(known.to_dict()))
    text = " ".join(read(trace.to_html()).text)
    assert f"{known.parameters:,} parameters, {known.trainable:,} trainable" in text
    assert f"{known.multiplications:,} multiplications" in text and "Conv2d, frozen" in text
    assert "layer1.0.bn1 BatchNorm2d (n, 16, 32, 32) 32" in " ".join(text.split()), "and no statistics"
    model.node("conv1").what.weight.requires_grad_(False)      # then the image is not on the tape
    with debug.record():
        loss = mg.cross_entropy(model(mg.randn(2, 3, 32, 32)), mg.tensor([0, 1]))
    trace = debug.trace(loss)
    assert trace.as_dict()["graph"] == json.loads(json.dumps(model.summary().to_dict()))
    text = " ".join(read(trace.to_html()).text)
    assert "trainable. " in text and "multiplications and" not in text, "a sum of what is known would mislead"
    with debug.record():
        other = nn.Linear(2, 2)(mg.ones((1, 2))).sum()
    assert debug.trace(other).as_dict()["graph"] is None


def test_a_report_of_health_begins_with_its_verdict():
    model = nn.Sequential(*[layer for _ in range(6) for layer in (nn.Linear(4, 4), nn.Sigmoid())])
    seen = debug.GradientHealth(model)
    for _ in range(2):
        with debug.record(), seen.watch():
            loss = (model(mg.ones((2, 4))) ** 2).sum()
            trace = debug.trace(loss)
    text = "".join(read(trace.to_html(health=seen)).text)
    assert text.index(seen.verdict().found) < text.index("What helps") < text.index("In this walk")
    assert seen.verdict().remedies[0] in text and "|grad|" in text
    assert "gradient_to_weight" not in text, "no number for each step: there may be thousands"


def test_numbers_along_one_axis_stand_in_a_line():
    assert grid(straight([[[[1.0]], [[2.0]], [[3.0]]]], (1, 3, 1, 1))) == "1  2  3"
    assert straight([[1.0, 2.0], [3.0, 4.0]], (2, 2)) == [[1.0, 2.0], [3.0, 4.0]]


def test_layers_used_twice_and_a_leaf_that_is_the_loss():
    shared = nn.Linear(3, 3)
    with debug.record():
        loss = shared(mg.tanh(shared(mg.ones((2, 3))))).sum()
    page = debug.trace(loss).to_html()
    assert re.search(r'<svg class="graph".*?</svg>', page, re.DOTALL)[0].count('class="leaf"') == 2
    leaf = mg.tensor(1.0, requires_grad=True)
    assert "No call is on the tape" in debug.trace(leaf).to_html()


def test_the_files_beside_the_code_are_installed():
    assert sys.modules["minigrad.debug.page"].__file__ and asset("style.css") and asset("script.js")
