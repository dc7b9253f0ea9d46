"""minigrad models: the list and the cards."""

from __future__ import annotations

import json

from cli_runs import narrow, said

from minigrad import models


def test_the_list_has_a_line_a_model(capsys):
    out = said(["models"], capsys)
    assert narrow(out) and "lenet5" in out and "61,706" in out and "1998" in out
    assert [line.split()[0] for line in out.splitlines()[1:]] == models.names()


def test_a_card_says_more(capsys):
    out = said(["models", "lenet5"], capsys)
    assert narrow(out) and "LeNet-5" in out and "Document" in out and "416,520" in out and "(n, 1, 32, 32)" in out


def test_as_json(capsys):
    cards = json.loads(said(["models", "--json"], capsys))
    assert [card["name"] for card in cards] == models.names()
    assert cards[models.names().index("lenet5")]["year"] == 1998
    card = json.loads(said(["models", "lenet5", "--json"], capsys))
    assert card["inputs"] == {"image": [1, 32, 32]} and card["parameters"] == 61706


def test_a_narrow_terminal_cuts_the_papers_titles(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    out = said(["models"], capsys)
    assert max(map(len, out.splitlines())) == 50 and out.splitlines()[1].endswith("...")
