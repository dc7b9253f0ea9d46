"""minigrad evaluate: the figures are a plain loop's, and the pictures show where a model errs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_runs import contents, narrow, on, refused, run_json, said

import minigrad as mg
from minigrad import cli
from minigrad.cli.evaluate import most_confused, told
from minigrad.data import mnist


@pytest.fixture
def run(mnist_files, capsys) -> Path:
    """A run on the tiny MNIST, whose folder this is."""
    assert cli.main(on(mnist_files, "--out", "run", "--quiet", "--seed", "3")) == 0
    capsys.readouterr()
    return mnist_files


def by_hand(images, labels) -> dict[str, float]:
    """Loss, accuracy and errors, one image after the other."""
    graph = mg.models.lenet5()
    graph.load_state_dict(mg.graph.load_weights("run/weights.safetensors"))
    graph.eval()
    losses, errors = [], 0
    for image, label in zip(images, labels, strict=True):
        scores = graph(mg.tensor(image[None])).numpy()[0].astype(float)
        p = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        losses.append(-np.log(p[label]))
        errors += int(scores.argmax() != label)
    n = len(labels)
    return {"loss": float(np.mean(losses)), "accuracy": 1 - errors / n, "errors": errors, "images": n}


def test_the_figures_are_those_of_a_loop(run, capsys):
    test = mnist(run).test
    found = json.loads(said(["evaluate", "run", "--json"], capsys))
    expected = by_hand(test.images, test.labels)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    result = run_json()["result"]                       # the run itself said the same of its test part
    assert (found["accuracy"], found["errors"]) == (result["test_accuracy"], result["test_errors"])
    assert (found["baseline_class"], found["baseline_accuracy"]) == (
        result["baseline_class"], result["baseline_accuracy"])
    confusions = np.array(found["confusions"])
    assert confusions.sum(1).tolist() == np.bincount(test.labels, minlength=10).tolist()
    assert found["errors"] == 12 - confusions.trace()


def test_parts(run, capsys):
    """Train and validation are the run's own: its seed's."""
    counts = {part: json.loads(said(["evaluate", "run", "--part", part, "--json"], capsys))["images"]
              for part in ("train", "validation", "test")}
    data = run_json()["data"]
    assert counts == {part: data[f"{part}_images"] for part in counts} == {"train": 44, "validation": 4, "test": 12}
    found = json.loads(said(["evaluate", "run", "--part", "validation", "--json"], capsys))
    assert found["accuracy"] == pytest.approx(run_json()["result"]["validation_accuracy"])
    assert found["loss"] == pytest.approx(run_json()["result"]["validation_loss"], rel=1e-4)


def test_for_people(run, capsys):
    out = said(["evaluate", "run"], capsys)
    assert narrow(out) and out.startswith("run (lenet5) on mnist test\n") and "\naccuracy  " in out
    assert "always answering" in out and "\nmost often: " in out and " read as " in out


def test_it_fits_80_columns():
    """With long names of classes and folders."""
    found = {"accuracy": 0.5, "errors": 177, "images": 2000, "loss": 2.3, "baseline_accuracy": 0.1,
             "baseline_class": "automobile", "classes": ["airplane", "automobile", "bird"],
             "confusions": np.array([[0, 59, 58], [0, 0, 60], [0, 0, 0]]), "folder": "looks/lenet5-cifar10-seed0"}
    out = told("runs/lenet5-cifar10-seed0/weights.safetensors (lenet5) on cifar10 validation", found)
    assert narrow(out) and "automobile read as bird (60 times)" in " ".join(out.split())


def test_pictures(run, capsys):
    """And the images that it was most wrong about, as files, of which predict says the same."""
    pytest.importorskip("PIL")
    out = said(["evaluate", "run", "--out", "deep/look"], capsys)
    assert "pictures are in deep/look" in out
    files = sorted([path.name for path in Path("deep/look/images").iterdir()])
    assert len(files) == 12 and Path("deep/look/confusion_matrix.png").read_bytes()[:4] == b"\x89PNG"
    assert Path("deep/look/most_wrong.png").exists()
    answers = json.loads(said(["predict", "run", "deep/look/images", "--json"], capsys))["images"]
    for shown in answers:
        assert shown["image"].endswith(f"_read_as_{shown['classes'][0]['class']}.png")
    wrong = [name.split("_")[2] != name.split("_")[5][0] for name in files]
    assert sorted(wrong, reverse=True) == wrong and sum(wrong) == run_json()["result"]["test_errors"]


def test_pictures_again_in_the_same_folder(run, capsys):
    pytest.importorskip("PIL")
    said(["evaluate", "run", "--out", "look"], capsys)
    Path("look/images/mine.png").write_text("mine")
    before = contents("look")
    said(["evaluate", "run", "--out", "look"], capsys)
    assert contents("look") == before


def test_a_copy_of_the_weights_beside_run_json_is_the_run(run, capsys):
    assert said(["evaluate", "run/weights.safetensors", "--json", "--quiet"], capsys).count("accuracy") > 0


def test_other_data_than_the_runs(run, capsys, tmp_path):
    from cli_runs import write_mnist

    other = write_mnist(tmp_path / "other", test=20)
    found = json.loads(said(["evaluate", "run", "--root", str(other), "--json"], capsys))
    assert found["images"] == 20


def test_a_run_whose_files_have_moved_is_told_where(run, capsys):
    shutil.move(run, run.parent / "elsewhere")
    assert "expected a folder with train-images" in refused(["evaluate", "run"], capsys)
    said(["evaluate", "run", "--root", str(run.parent / "elsewhere")], capsys)


def test_most_confused():
    counts = np.array([[5, 2, 0], [0, 5, 3], [3, 1, 5]])
    assert most_confused(counts) == [(3, 1, 2), (3, 2, 0), (2, 0, 1)]
    assert most_confused(np.eye(3, dtype=int)) == []
