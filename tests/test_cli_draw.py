"""minigrad draw: an SVG file, or the same on standard output."""

from __future__ import annotations

import json
import tracemalloc
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from cli_runs import narrow, on, said

import minigrad as mg
from minigrad import cli, nn
from minigrad.graph import Graph, Input


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def texts(svg: str) -> list[str]:
    """What is written in the picture."""
    return ["".join(part.itertext()).strip() for part in ET.fromstring(svg).iter() if part.tag.endswith("}text")]


def test_a_file_of_the_models_name(capsys):
    out = said(["draw", "lenet5"], capsys)
    assert narrow(out) and "lenet5.svg" in out and [path.name for path in Path().iterdir()] == ["lenet5.svg"]
    shown = texts(Path("lenet5.svg").read_text())
    assert all([name in shown for name in ("c1", "s2", "c3", "s4", "c5", "f6", "f7")])


def test_a_file_by_name_and_on_standard_output(capsys):
    said(["draw", "lenet5", "one.svg"], capsys)
    said(["draw", "lenet5", "--out", "two.svg"], capsys)
    assert Path("one.svg").read_text() == Path("two.svg").read_text() == said(["draw", "lenet5", "-"], capsys)


def test_direction(capsys):
    sizes = []
    for direction in ("down", "right"):
        root = ET.fromstring(said(["draw", "lenet5", "-", "--direction", direction], capsys))
        sizes.append([float(x) for x in root.attrib["viewBox"].split()[2:]])
    assert sizes[0][1] > sizes[0][0] and sizes[1][0] > sizes[1][1]


def test_blocks_close(capsys):
    x = Input((8,), name="x")
    h = nn.Linear(8, 8)(x, name="block1.fc")
    h = mg.relu(h, name="block1.act")
    h = nn.Linear(8, 8)(h, name="block2.fc")
    mg.save(Graph(x, mg.relu(h, name="block2.act")), "model.safetensors")
    opened = texts(said(["draw", "model.safetensors", "-"], capsys))
    closed = texts(said(["draw", "model.safetensors", "-", "--collapse", "block1"], capsys))
    assert opened.count("fc") == 2 and closed.count("fc") == 1 and "block1" in closed
    assert texts(said(["draw", "model.safetensors", "-", "--depth", "1"], capsys)).count("fc") == 0


def test_as_json(capsys):
    found = json.loads(said(["draw", "lenet5", "--json"], capsys))
    assert found["file"] == "lenet5.svg" and found["nodes"] == 13 and found["boxes"] == 14


@pytest.mark.parametrize("direction", ["down", "right"])
def test_its_size_is_that_of_the_picture(capsys, direction):
    """Not of the boxes alone: the heading and the legend belong to it."""
    words = ["draw", "lenet5", "--direction", direction]
    found = json.loads(said([*words, "--json"], capsys))
    root = ET.fromstring(Path("lenet5.svg").read_text()).attrib
    assert (found["width"], found["height"]) == (int(root["width"]), int(root["height"]))
    assert f"14 boxes, {root['width']} x {root['height']} pixels" in said(words, capsys)


def test_the_model_of_a_run(mnist_files, capsys):
    assert cli.main(on(mnist_files, "--out", "runs/mine", "--quiet")) == 0
    assert "mine.svg" in said(["draw", "runs/mine"], capsys) and Path("mine.svg").exists()


@pytest.mark.parametrize("words", [["summary", "vgg11"], ["draw", "vgg11"]])
def test_a_table_and_a_picture_need_no_first_values(words, capsys):
    """Those of VGG-11 would take 530 MB."""
    tracemalloc.start()
    try:
        said(words, capsys)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
