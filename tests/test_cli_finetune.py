"""minigrad finetune: a new head on a trained network, what is frozen stays, and a run that stops goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_runs import (
    POSIX,
    contents,
    ended_alike,
    narrow,
    refused,
    run_json,
    said,
    stopped_at,
    unlike,
    weights,
    write_mnist,
)

import minigrad as mg
from minigrad import cli, nn, ops
from minigrad.graph import Graph, Input, load_weights
from minigrad.train import Callback

WIDTH = ["--width", "0.25", "--epochs", "1", "--batch-size", "8", "--quiet"]
OTHERS = ["--classes", "5,6,7,8,9"]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A folder with a tiny MNIST and a run of a small ResNet on its first five classes, which nothing changes."""
    place = tmp_path_factory.mktemp("finetune")
    write_mnist(place / "mnist", 80, 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minigrad.train.job.draw", lambda *args: None)
        assert cli.main(["train", "resnet20_cifar", "--data", "mnist", "--root", str(place / "mnist"), *WIDTH,
                         "--classes", "0,1,2,3,4", "--out", str(place / "old")]) == 0
    return place


@pytest.fixture
def here(world, tmp_path, monkeypatch) -> Path:
    """The same, from an empty folder; runs draw no pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minigrad.train.job.draw", lambda *args: None)
    before = contents(world)
    yield world
    assert contents(world) == before


def tuned(world: Path, *words: str) -> list[str]:
    return ["finetune", str(world / "old"), *OTHERS, "--epochs", "1", "--batch-size", "8", "--out", "run", *words]


# --- what learns --------------------------------------------------------------------------------------------------

def test_frozen_features(here, capsys):
    """All but the head is as it was to the last bit, BatchNorm's running statistics and counts too."""
    said(tuned(here, "--freeze", "all", "--lr", "0.1", "--quiet"), capsys)
    old, new = weights(here / "old"), weights("run")
    assert old.keys() == new.keys() and "bn1.running_mean" in old and "bn1.num_batches_tracked" in old
    assert unlike(old, new) == {"fc.weight", "fc.bias"}


def test_all_of_it(here, capsys):
    said(tuned(here, "--lr", "0.1", "--quiet"), capsys)
    old, new = weights(here / "old"), weights("run")
    assert unlike(old, new) == set(new)


def test_up_to_a_block(here, capsys):
    said(tuned(here, "--freeze", "layer2", "--quiet"), capsys)
    changed = unlike(weights(here / "old"), weights("run"))
    assert {name.split(".")[0] for name in changed} == {"layer3", "fc"} and "layer3.0.bn1.running_var" in changed


def test_the_head_is_new(here, capsys, monkeypatch):
    """Before the first step it is a fresh one, of the seed, with as many outputs as there are classes."""
    def begun(seed: str) -> np.ndarray:
        seen = []

        class Look(Callback):
            def on_train_begin(self, trainer):
                seen.append({name: x.copy() for name, x in trainer.model.state_dict().items()})

        monkeypatch.setattr("minigrad.cli.train.ProgressBar", lambda unit: Look())
        said(tuned(here, "--classes", "7,5,9", "--seed", seed), capsys)
        assert unlike(weights(here / "old"), seen[0]) == {"fc.weight", "fc.bias"}
        return seen[0]["fc.weight"]

    first, second = begun("0"), begun("1")
    assert first.shape == (3, 16) and np.abs(first).max() <= 1 / 4 and (first != second).all()
    assert run_json()["data"]["classes"] == ["7", "5", "9"]


def test_frozen_in_the_origin_is_no_matter(here, capsys):
    """--freeze says all: what an earlier run froze learns again."""
    said(tuned(here, "--freeze", "all", "--quiet"), capsys)
    said(["finetune", "run", "--classes", "1,2", "--epochs", "1", "--out", "again", "--quiet"], capsys)
    assert unlike(weights("run"), weights("again")) == set(weights("again"))
    assert run_json("again")["settings"]["origin"]["from"] == str(Path("run").resolve())


# --- cutting ------------------------------------------------------------------------------------------------------

def test_cut_at_maps(here, capsys):
    """They are averaged, and a linear layer reads them."""
    said(tuned(here, "--cut", "layer2", "--freeze", "all", "--quiet"), capsys)
    old, new = weights(here / "old"), weights("run")
    assert unlike(old, new) == {"fc.weight", "fc.bias"} and new["fc.weight"].shape == (5, 8)
    assert not [name for name in new if name.startswith("layer3")] and "layer2.2.bn2.running_var" in new
    assert run_json()["settings"]["origin"] == {"from": str(here / "old"), "weights": None, "cut": "layer2",
                                                "freeze": "all"}


def test_cut_at_features(here, capsys):
    said(tuned(here, "--cut", "flatten", "--freeze", "all", "--quiet"), capsys)
    assert weights("run")["fc.weight"].shape == (5, 16)


def in_a_file(outputs, path: str) -> None:
    """A model of one's own that reads 1 x 32 x 32, saved."""
    x = Input((1, 32, 32), name="image")
    mg.save(Graph(x, outputs(x)), path)


def test_auxiliary_heads_go(here, capsys):
    def two(x):
        h = ops.mean(nn.Conv2d(1, 4, 3)(x, name="c1"), (2, 3), name="mean")
        return {"aux": nn.Linear(4, 7)(h, name="aux.fc"), "main": nn.Linear(4, 7)(h, name="fc")}

    in_a_file(two, "two.safetensors")
    said(["finetune", "two.safetensors", "--data", "mnist", "--root", str(here / "mnist"), "--epochs", "1", "--quiet"],
         capsys)
    assert set(weights("runs/two-finetuned-mnist-seed0")) == {"c1.weight", "c1.bias", "fc.weight", "fc.bias"}


@pytest.mark.parametrize(("outputs", "words", "message"), [
    (lambda x: nn.Conv2d(1, 3, 1)(x, name="c1"), [], "gives (n, 2, 32, 32), not scores (n, classes): name with --cut"),
    (lambda x: nn.Linear(4, 2)(ops.mean(nn.Conv2d(1, 4, 1)(x, name="a") + nn.Conv2d(1, 4, 1)(x, name="b"), (2, 3))),
     ["--cut", "a.b"], "--cut a.b: this graph has no node or block 'a.b'"),
    (lambda x: ops.mean(nn.Conv2d(1, 4, 1)(x, name="a"), (2, 3)) + ops.mean(nn.Conv2d(1, 4, 1)(x), (2, 3)), [],
     "its head cannot be exchanged (mean_1, mean_2 come together before the output"),
    (lambda x: nn.Linear(6, 2)(nn.Linear(32, 6)(x, name="rows").mean((1, 2)), name="fc"), ["--cut", "mean_2"],
     "--cut mean_2: this graph has no node or block 'mean_2': did you mean mean_1"),
    (lambda x: nn.Linear(6, 2)(ops.squeeze(nn.Linear(32, 6)(x), 1, name="rows").mean(1), name="fc"), ["--cut", "rows"],
     "--cut rows: the new head does not fit on 'rows'"),
])
def test_cuts_that_do_not_fit(here, capsys, outputs, words, message):
    in_a_file(outputs, "own.safetensors")
    before = contents(".")
    assert message in refused(["finetune", "own.safetensors", "--data", "mnist", "--root", str(here / "mnist"), *words],
                              capsys)
    assert contents(".") == before


# --- data ---------------------------------------------------------------------------------------------------------

def test_a_run_like_any_other(here, capsys):
    """evaluate, predict, summary and step read what it leaves, on the classes and images that it learnt from."""
    assert cli.main(tuned(here, "--per-class", "5", "--seed", "2")) == 0
    out, err = capsys.readouterr()
    assert narrow(out + err) and err.startswith("17,169 of 17,169 parameters learn\n")
    record = run_json()
    data = record["data"]
    assert data["per_class"] == 5 and data["train_images"] + data["validation_images"] == 25
    assert record["settings"]["learning_rate"] == 0.025 and record["settings"]["model"] == "resnet20_cifar"
    found = json.loads(said(["evaluate", "run", "--json", "--quiet"], capsys))
    assert found["accuracy"] == record["result"]["test_accuracy"] and found["images"] == record["result"]["test_images"]
    assert found["classes"] == ["5", "6", "7", "8", "9"]
    trained_on = json.loads(said(["evaluate", "run", "--part", "train", "--json", "--quiet"], capsys))
    assert trained_on["images"] == data["train_images"]
    assert "\nfc " in said(["summary", "run"], capsys)
    assert json.loads(said(["step", "run", "--data", "random", "--input", "1x32x32", "--json"], capsys))["events"]


def test_images_become_what_the_network_has_learnt_from(here, tmp_path, capsys):
    """Colour photographs of several sizes for a net of grey 32 x 32, with the mean and std of the old data."""
    image = pytest.importorskip("PIL.Image")
    for name in ("day", "night"):
        Path("photos", name).mkdir(parents=True)
        for i in range(6):
            image.fromarray(np.full((20 + i, 30, 3), 200 if name == "day" else 30, np.uint8)).save(
                f"photos/{name}/{i}.png")
    assert cli.main(["finetune", str(here / "old"), "--data", "folder", "--root", "photos", "--epochs", "1", "--out",
                     "run"]) == 0
    assert "images of several sizes are resized to 32 x 32" in capsys.readouterr().err.replace("\n", " ")
    data, before = run_json()["data"], run_json(here / "old")["data"]
    assert (data["reads"], data["image"]) == ([1, 32, 32], [1, 32, 32])
    assert (data["mean"], data["std"]) == (before["mean"], before["std"])
    assert [one["classes"][0]["class"] in ("day", "night") for one in json.loads(
        said(["predict", "run", "photos", "--json", "--quiet"], capsys))["images"]] == [True] * 12


def test_weights_for_a_model_by_its_name(here, capsys):
    mg.save(mg.models.lenet5(num_classes=10).state_dict(), "lenet5.safetensors")
    said(["finetune", "lenet5", "--weights", "lenet5.safetensors", "--data", "mnist", "--root", str(here / "mnist"),
          "--classes", "3,4", "--freeze", "all", "--epochs", "1", "--quiet"], capsys)
    run = "runs/lenet5-finetuned-mnist-seed0"
    assert unlike(load_weights("lenet5.safetensors"), weights(run)) == {"f7.weight", "f7.bias"}
    assert run_json(run)["settings"]["origin"]["weights"] == str(Path("lenet5.safetensors").resolve())


def test_train_takes_a_choice_of_classes(here, capsys):
    said(["train", "lenet5", "--data", "mnist", "--root", str(here / "mnist"), "--classes", "8,3", "--per-class", "4",
          "--epochs", "1", "--out", "run", "--quiet"], capsys)
    data = run_json()["data"]
    assert data["classes"] == ["8", "3"] and data["test_images"] == 4
    assert data["train_images"] + data["validation_images"] == 8
    found = json.loads(said(["evaluate", "run", "--json", "--quiet"], capsys))
    assert found["accuracy"] == run_json()["result"]["test_accuracy"]


# --- going on -----------------------------------------------------------------------------------------------------

@POSIX
def test_a_run_that_was_stopped_goes_on_to_the_same_result(here, capsys, monkeypatch):
    words = tuned(here, "--cut", "layer2", "--freeze", "layer1", "--epochs", "3", "--seed", "2", "--per-class", "7")
    said([*words, "--out", "whole", "--quiet"], capsys)
    with monkeypatch.context() as patch:
        stopped_at(patch, 5)
        assert "minigrad finetune --resume run goes on from here" in " ".join(refused_at_130(words, capsys))
    assert "was begun by minigrad finetune, and goes on with it: minigrad finetune --resume run" in refused(
        ["train", "--resume", "run"], capsys)
    wrong = refused(["finetune", "lenet5", "--resume", "run", "--freeze", "all", "--classes", "1,2"], capsys)
    assert "RUN lenet5 (it has " in wrong and "--freeze all (it has layer1)" in wrong
    assert "--classes 1,2 (it has 5,6,7,8,9)" in wrong
    said(["finetune", "--resume", "run", "--quiet"], capsys)
    assert ended_alike("whole", "run")


def refused_at_130(words: list[str], capsys) -> list[str]:
    capsys.readouterr()
    assert cli.main(words) == 130
    return capsys.readouterr().err.split()


@POSIX
def test_an_origin_that_is_gone(here, capsys, monkeypatch):
    said(tuned(here, "--quiet"), capsys)
    with monkeypatch.context() as patch:
        stopped_at(patch, 1)
        assert cli.main(["finetune", "run", "--classes", "1,2", "--epochs", "3", "--out", "again"]) == 130
    Path("run").rename("moved")
    assert "run: there is no such run folder or file" in refused(["finetune", "--resume", "again"], capsys)


def test_damaged_records(here, capsys):
    said(tuned(here, "--quiet"), capsys)
    record = run_json()
    for origin, message in (({"from": 3}, "expected settings.origin.from (str), 3 came"), (7, "settings.origin")):
        broken = {**record, "status": "stopped", "settings": {**record["settings"], "origin": origin}}
        Path("run/run.json").write_text(json.dumps(broken))
        assert message in refused(["finetune", "--resume", "run"], capsys)
