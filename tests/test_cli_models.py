"""minigrad models: the list and the cards."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cli_runs import narrow, refused, said

from minigrad import models


def test_the_list_has_a_line_a_model(capsys):
    out = said(["models"], capsys)
    assert narrow(out) and "lenet5" in out and "61,706" in out and "1998" in out
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["name", "year", "parameters", "mults", "input", "paper"]
    assert sorted([row[0] for row in rows[1:]]) == models.names()
    assert [row[1] for row in rows[1:]] == sorted([row[1] for row in rows[1:]])
    assert ["resnet50", "2015", "25,557,032", "4.09", "G", "3x224x224"] in [row[:6] for row in rows]
    assert "    41 M  3x32x32" in out and "0.42 M  1x32x32" in out


def test_a_card_says_more(capsys):
    out = said(["models", "lenet5"], capsys)
    assert narrow(out) and "LeNet-5" in out and "Document" in out and "416,520" in out and "(n, 1, 32, 32)" in out
    out = said(["models", "densenet121"], capsys)
    assert "at least 29 x 29" in out and "2,834,161,664 for an image of 3 x 224 x 224" in out
    assert "minigrad train" in out and "from data with masks" in said(["models", "unet"], capsys)


def test_as_json(capsys):
    cards = json.loads(said(["models", "--json"], capsys))
    assert sorted([card["name"] for card in cards]) == models.names()
    assert (cards[0]["name"], cards[0]["year"]) == ("lenet5", 1998)
    assert (cards[0]["multiplications"], cards[0]["image"], cards[0]["least_side"]) == (416_520, [1, 32, 32], 32)
    card = json.loads(said(["models", "lenet5", "--json"], capsys))
    assert card["inputs"] == {"image": [1, 32, 32]} and card["parameters"] == 61706


def test_a_narrow_terminal_cuts_the_papers_titles(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    out = said(["models"], capsys)
    assert max(map(len, out.splitlines())) == 50 and out.splitlines()[1].endswith("...")


# --- the picture ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("file", "start"), [("zoo.png", b"\x89PNG"), ("zoo.svg", b"<?xml")])
def test_all_are_drawn(tmp_path, monkeypatch, capsys, file, start):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert said(["models", "--plot", file], capsys) == f"{len(models.CARDS)} models are drawn in {file}\n"
    assert Path(file).read_bytes().startswith(start) and list(Path().iterdir()) == [Path(file)]


def test_labels_cover_neither_each_other_nor_dots(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from minigrad.cli import models_picture

    kept: dict = {}
    original = models_picture.label
    monkeypatch.setattr(models_picture, "label", lambda axes, labelled, dots: (
        kept.update(axes=axes, dots=dots), original(axes, labelled, dots)))
    models_picture.draw(models.CARDS, tmp_path / "zoo.png")
    texts = [text for text in kept["axes"].texts if text.get_text()]
    named = [name for text in texts for name in text.get_text().replace("\n", ", ").split(", ")]
    assert sorted(named) == models.names()
    boxes = [text.get_window_extent() for text in texts]
    assert all([not box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i]])
    assert not any([box.contains(dot.x, dot.y) for box in boxes for dot in kept["dots"]])


def test_a_picture_needs_matplotlib(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    assert 'pip install "minigrad[demo]"' in refused(["models", "--plot", str(tmp_path / "zoo.png")], capsys)
    assert list(tmp_path.iterdir()) == []
