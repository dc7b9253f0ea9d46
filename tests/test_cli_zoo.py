"""The command trains every architecture of the zoo, in small, on class folders and on grey digits."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from cli_runs import POSIX, narrow, run_json, said, write_mnist

import minigrad as mg
from minigrad import cli, models
from minigrad.cli.run_record import Run
from minigrad.train import Callback

WITHOUT_PICTURES = {"minigrad.train.job.draw": lambda *args: None, "minigrad.train.pictures.rehearse": lambda: None}


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Three classes of four small photographs each, of several sizes, in the current folder."""
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name, bright in (("day", (200, 180, 90)), ("dusk", (110, 60, 120)), ("night", (20, 20, 60))):
        Path("photos", name).mkdir(parents=True)
        for i in range(4):
            pixels = generator.normal(bright, 15, (30 + i, 40, 3)).clip(0, 255).astype(np.uint8)
            image.fromarray(pixels).save(f"photos/{name}/{i}.png")


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for where, nothing in WITHOUT_PICTURES.items():
        monkeypatch.setattr(where, nothing)
    write_mnist(Path("mnist"), 24, 10)


def on_photos(model: str, *words: str) -> list[str]:
    return ["train", model, "--data", "folder", "--root", "photos", "--epochs", "1", "--out", "run", *words]


def on_mnist(model: str, *words: str) -> list[str]:
    return ["train", model, "--data", "mnist", "--root", "mnist", "--epochs", "1", "--out", "run", *words]


# One of each: a single size, a least size, auxiliary heads, a paper's small images, any size.
ZOO = [("alexnet_paper", "0.03", 227), ("vgg11_bn", "0.06", 64), ("googlenet", "0.06", 64),
       ("inception_v3", "0.05", 299), ("resnet20_cifar", "0.25", 32), ("se_resnet18", "0.06", 64),
       ("lenet5", "1", 32)]


@pytest.mark.parametrize(("model", "width", "side"), ZOO)
def test_train_evaluate_predict(photos, monkeypatch, capsys, model, width, side):
    if model != "googlenet":                            # of the others the pictures are no different
        for where, nothing in WITHOUT_PICTURES.items():
            monkeypatch.setattr(where, nothing)
    assert cli.main(on_photos(model, "--width", width)) == 0
    out, err = capsys.readouterr()
    assert err.startswith(f"images of several sizes are resized to {side} x {side} for {model}\nepoch 1/1  loss ")
    assert narrow(out + err) and "  acc " in err and "  val " in err
    record = run_json()
    assert record["data"]["reads"] == record["data"]["image"] == [3, side, side]
    assert record["data"]["classes"] == ["day", "dusk", "night"] and record["settings"]["width"] == float(width)
    assert 0 <= record["result"]["validation_accuracy"] <= 1
    measured = json.loads(said(["evaluate", "run", "--json", "--quiet"], capsys))
    assert measured["accuracy"] == record["result"]["test_accuracy"]
    assert measured["loss"] == pytest.approx(record["result"]["test_loss"], rel=1e-4, abs=1e-6)
    answers = json.loads(said(["predict", "run", "photos/day", "--json", "--quiet"], capsys))["images"]
    assert [len(one["classes"]) for one in answers] == [3] * 4


def test_auxiliary_heads_count_as_the_paper_says(mnist, capsys):
    said(on_mnist("googlenet", "--width", "0.06", "--quiet"), capsys)
    row, = csv.DictReader(Path("run/history.csv").read_text().splitlines())
    parts = [float(row[f"train_{name}_loss"]) for name in ("scores", "aux1", "aux2")]
    assert float(row["train_loss"]) == pytest.approx(parts[0] + 0.3 * parts[1] + 0.3 * parts[2], rel=1e-5)
    assert row["validation_loss"] == row["validation_scores_loss"] and "validation_aux1_loss" not in row
    assert 0 <= float(row["train_accuracy"]) <= 1


def test_grey_images_make_a_grey_model(mnist, capsys):
    assert cli.main(on_mnist("resnet20_cifar", "--width", "0.25")) == 0
    assert "resized" not in capsys.readouterr().err         # 32 x 32 are as good as any
    assert run_json()["data"]["reads"] == [1, 32, 32]
    graph = mg.load("run/weights.safetensors")
    assert graph.node(graph.inputs[0]).shape[1:] == (1, None, None)
    assert graph.node(graph.inputs[0]).shape[2] is None     # the model itself still takes any size


def test_images_too_small_are_scaled_up(mnist, capsys):
    assert cli.main(on_mnist("alexnet", "--width", "0.03")) == 0
    assert capsys.readouterr().err.startswith("images of 32 x 32 are resized to 63 x 63 for alexnet\n")
    assert (run_json()["data"]["image"], run_json()["data"]["reads"]) == ([1, 32, 32], [1, 63, 63])
    measured = json.loads(said(["evaluate", "run", "--json", "--quiet"], capsys))
    assert measured["accuracy"] == run_json()["result"]["test_accuracy"]


def test_quiet_is_quiet(mnist, capsys):
    assert cli.main(on_mnist("alexnet", "--width", "0.03", "--quiet")) == 0
    assert capsys.readouterr().err == ""


def test_a_run_says_what_its_model_was_made_with(mnist, capsys):
    said(on_mnist("resnet20_cifar", "--width", "0.25", "--quiet"), capsys)
    run = Run("run")
    made = models.create(run.model, **run.options)
    made.load_state_dict(mg.load("run/weights.safetensors").state_dict())
    assert run.options == {"num_classes": 10, "in_channels": 1, "width": 0.25}


@POSIX
def test_a_model_with_several_outputs_goes_on_to_the_same_result(mnist, capsys, monkeypatch):
    class Stop(Callback):
        def on_step_end(self, trainer):
            if trainer.steps == 4:
                signal.raise_signal(signal.SIGINT)

    words = on_mnist("googlenet", "--width", "0.06", "--epochs", "2", "--batch-size", "8")
    said([*words, "--out", "whole", "--quiet"], capsys)
    with monkeypatch.context() as patch:
        patch.setattr("minigrad.cli.train.ProgressBar", lambda unit: Stop())
        assert cli.main(words) == 130
    said(["train", "--resume", "run", "--quiet"], capsys)
    kept = [{name: x for name, x in run_json(folder)["result"].items() if name != "seconds"}
            for folder in ("run", "whole")]
    assert kept[0] == kept[1] and run_json()["settings"] == run_json("whole")["settings"]
