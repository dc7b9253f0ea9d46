"""minigrad step: the walk over a model, on digits or at random, with fresh weights or others."""

from __future__ import annotations

import io
import json
import sys

import pytest
from cli_runs import narrow, refused, said

import minigrad
from minigrad import cli, debug
from minigrad.cli import step as steps
from minigrad.debug.printed import random_batch_loss


def test_step(capsys):
    with minigrad.config(kernels="auto"):
        assert cli.main(["step", "lenet5", "--into", "conv2d", "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "gweight" in out
    assert ("definition agrees: max |diff|" if minigrad.conv2d.kernels else "no kernel ran") in out


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("words", "opens"), [([], True), (["--print"], False), (["--into", "conv2d"], False)])
def test_step_at_a_terminal_opens_the_prompt(monkeypatch, words, opens):
    typed = iter(["n", "q!"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())
    assert cli.main(["step", "lenet5", "--data", "random", *words]) == 0
    out = sys.stdout.getvalue()
    assert ("h helps, n goes on" in out and "call 1 of 13" in out) == opens
    assert ("every leaf has its gradient" in out) != opens


def test_step_on_digits_or_at_random(capsys):
    pytest.importorskip("sklearn")
    heads = []
    for words in ([], ["--data", "digits"], ["--data", "digits", "--seed", "1"], ["--data", "random"]):
        assert cli.main(["step", "lenet5", *words]) == 0
        heads.append(capsys.readouterr().out.splitlines()[:2])
    assert heads[0] == heads[1] != heads[2] and heads[0][0] == "lenet5 on 4 UCI digits, (4, 1, 32, 32)"
    assert heads[0][1].startswith("they are ") and ", it reads " in heads[0][1]
    assert heads[3][0] == "lenet5 on image (4, 1, 32, 32) at random"


def test_step_fits_80_columns(capsys, tmp_path, monkeypatch):
    """Its title too, with many digits, a long name of a file, and a definition stepped into."""
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    file = "runs-of-a-student-lenet5-digits-seed0-weights.safetensors"
    minigrad.save(minigrad.models.lenet5(), file)
    assert narrow(said(["step", "lenet5", "--into", "conv2d", "--batch-size", "40", "--weights", file], capsys))


def test_the_walk_for_machines_is_that_of_a_trace(capsys):
    """One document for the command, a saved trace and the page: the same schema, every event of it."""
    found = json.loads(said(["step", "lenet5", "--data", "random", "--into", "conv2d", "--json"], capsys))
    assert found["model"] == "lenet5" and found["title"].startswith("lenet5 on ") and found["loss"] > 0
    minigrad.manual_seed(0)
    model = minigrad.models.lenet5()
    _, loss = random_batch_loss(model, "lenet5", 4)
    trace = debug.trace(loss, into=["conv2d"]).as_dict()
    assert set(trace) < set(found) and (found["schema"], found["version"]) == (trace["schema"], trace["version"])
    assert found["graph"] == trace["graph"]
    assert [(e["number"], e["kind"], e["arrived"]) for e in found["events"]] == [
        (e["number"], e["kind"], e["arrived"]) for e in trace["events"]]


def test_step_without_scikit_learn_is_at_random(capsys, monkeypatch):
    monkeypatch.setattr(steps, "find_spec", lambda name: None)
    assert cli.main(["step", "lenet5"]) == 0 and " at random" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("data", ["digits", "random"])
def test_step_with_a_runs_weights(capsys, tmp_path, data):
    pytest.importorskip("sklearn")
    model = minigrad.models.lenet5()
    minigrad.nn.init.constant_(model.node("f7").what.bias, -3.0)
    minigrad.nn.init.zeros_(model.node("f7").what.weight)
    file = tmp_path / "weights.safetensors"
    minigrad.save(model, file)
    assert cli.main(["step", "lenet5", "--weights", str(file), "--data", data]) == 0
    out = capsys.readouterr().out
    assert " ".join(out.split()).startswith(f"lenet5 with the weights of {file} on ")
    assert "loss 2.303" in out                  # all scores equal: log 10


def test_weights_that_are_damaged_or_of_another_model(capsys, tmp_path):
    file = tmp_path / "weights.safetensors"
    minigrad.save(minigrad.models.lenet5(), file)
    file.write_bytes(file.read_bytes()[:-1])
    words = ["step", "lenet5", "--weights", str(file)]
    assert f"{file}: expected a safetensors file" in refused(words, capsys)
    file.write_text("a letter to my aunt")
    assert f"{file}: expected a safetensors file" in refused(words, capsys)
    minigrad.save(minigrad.models.lenet5(num_classes=7), file)
    err = refused(words, capsys)
    assert f"{file}: holds no weights of lenet5: load_state_dict: the values do not fit" in err
    assert "f7.bias is float32 (7,)" in err
    minigrad.save(minigrad.nn.Linear(2, 2), file)
    assert "missing: c1.weight" in refused(words, capsys)
