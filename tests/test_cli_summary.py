"""minigrad summary: the table in all its forms, and the table up to a layer that raises."""

from __future__ import annotations

import csv
import io
import json

import pytest
from cli_runs import narrow, on, said

import minigrad as mg
from minigrad import cli, nn
from minigrad.graph import Graph, Input


def test_lenet5_row_by_row(capsys):
    """LeCun et al. 1998: the classic table."""
    out = said(["summary", "lenet5"], capsys)
    assert narrow(out)
    for name, *numbers in (("c1", "156", "117,600"), ("c3", "2,416", "240,000"), ("c5", "48,120", "48,000"),
                           ("f6", "10,164", "10,080"), ("f7", "850", "840")):
        row = next(line for line in out.splitlines() if line.startswith(name))
        assert all([number in row.split() for number in numbers]), row
    assert "61,706 parameters" in out and "416,520 multiplications" in out


def test_a_wide_terminal_says_more(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert "receptive field" in said(["summary", "lenet5"], capsys)


def test_csv_and_markdown(capsys):
    rows = list(csv.DictReader(io.StringIO(said(["summary", "lenet5", "--csv"], capsys))))
    assert rows[1]["name"] == "c1" and rows[1]["parameters"] == "156" and rows[-1]["parameters"] == "61706"
    assert said(["summary", "lenet5", "--markdown"], capsys).startswith("| name ")


def test_as_json(capsys):
    found = json.loads(said(["summary", "lenet5", "--json"], capsys))
    assert found["model"] == "lenet5" and found["total"]["multiplications"] == 416520
    assert found["nodes"][1]["output_shapes"] == [["n", 6, 28, 28]]


def test_another_size(capsys, tmp_path):
    x = Input((3, None, None))
    mg.save(Graph(x, nn.Conv2d(3, 8, 3)(x, name="conv")), tmp_path / "model.safetensors")
    for words, multiplications in (([], None), (["--input", "3x10x12"], 8 * 27 * 8 * 10)):
        found = json.loads(said(["summary", str(tmp_path / "model.safetensors"), "--json", *words], capsys))
        assert found["nodes"][-1]["multiplications"] == multiplications


@pytest.mark.parametrize("words", [[], ["--csv"], ["--markdown"]])
def test_up_to_a_layer_that_raises(capsys, words):
    assert cli.main(["summary", "lenet5", "--input", "1x64x64", *words]) == 2
    out, err = capsys.readouterr()
    assert "tanh_3" in out and "f6" not in out and err.count("\n") == 1
    assert err.startswith("minigrad: error: --input 1x64x64: reshape_1: ") and "cannot reshape" in err


def test_up_to_a_layer_that_raises_as_json(capsys):
    assert cli.main(["summary", "lenet5", "--input", "1x64x64", "--json"]) == 2
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["nodes"][-1]["name"] == "reshape_1" and found["status"] == 2 and found["error"] in err


def test_the_model_of_a_run(mnist_files, capsys):
    assert cli.main(on(mnist_files, "--out", "run", "--quiet")) == 0
    assert "61,706 parameters" in said(["summary", "run"], capsys)
    assert "61,706 parameters" in said(["summary", "run/weights.safetensors"], capsys)
