"""minigrad train: what a run prints and leaves, and what its folder says when it goes wrong."""

from __future__ import annotations

import csv
import gzip
import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_runs import POSIX, contents, ended_alike, narrow, on, process, refused, run_json, said, stopped_at

import minigrad
from minigrad import cli
from minigrad.cli.train import told
from minigrad.train import classification
from minigrad.train.run_folder import RunFolder


def test_train(mnist_files, capsys):
    assert cli.main(on(mnist_files, "--out", "run", "--seed", "3", "--batch-size", "8", "--lr", "0.02")) == 0
    out, err = capsys.readouterr()
    assert out.startswith("test accuracy ") and "12 images; always answering" in out and "in run\n" in out
    assert "epoch 1/1  loss" in err and "img/s" in err and narrow(err)
    written = json.loads(Path("run/run.json").read_text())
    assert written["seed"] == 3 and written["status"] == "finished"
    assert written["settings"] | {"epochs": 1, "batch_size": 8, "learning_rate": 0.02} == written["settings"]
    assert written["command"].startswith("minigrad train lenet5 --data mnist")


def test_train_as_json_and_quietly(mnist_files, capsys):
    assert cli.main(on(mnist_files, "--json", "--quiet")) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result["folder"] == str(Path("runs/lenet5-mnist-seed0")) and result["test_images"] == 12 and err == ""
    assert Path(result["folder"], "weights.safetensors").is_file()


def test_train_again_into_the_same_folder(mnist_files, capsys):
    for seed in ("1", "2"):
        assert cli.main(on(mnist_files, "--out", "run", "--quiet", "--seed", seed)) == 0
        assert run_json()["seed"] == int(seed)
    assert sorted(path.name for path in Path("run").iterdir()) == ["history.csv", "run.json", "weights.safetensors"]


def test_one_error_is_told_in_the_singular():
    result = {"test_accuracy": 0.9, "test_errors": 1, "test_images": 10, "baseline_class": "0",
              "baseline_accuracy": 0.1, "chosen_epoch": 1, "validation_accuracy": 1.0, "seconds": 1.0, "folder": "run"}
    assert "(1 error in 10 images;" in told(result)
    assert "(2 errors in" in told({**result, "test_errors": 2})
    assert "(0 errors in" in told({**result, "test_errors": 0})


def test_the_result_fits_80_columns():
    """With long names of classes and of the folder, and many images."""
    result = {"test_accuracy": 0.256, "test_errors": 1488, "test_images": 20000, "baseline_class": "automobile",
              "baseline_accuracy": 0.1, "chosen_epoch": 100, "validation_accuracy": 1.0, "seconds": 5523.1,
              "folder": "runs/lenet5-digits-seed0"}
    assert narrow(told(result)) and "automobile: 10.00 %)" in " ".join(told(result).split())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def mislabel(path: Path) -> None:
    path.write_bytes(b"\0\0\x08\x02" + path.read_bytes()[4:])


def replace(path: Path) -> None:
    path.write_bytes(gzip.compress(b"no images"))


@pytest.mark.parametrize(("name", "damage", "message"), [
    ("train-labels-idx1-ubyte", cut, "train-labels-idx1-ubyte: truncated"),
    ("t10k-labels-idx1-ubyte", mislabel, "t10k-labels-idx1-ubyte: "),
    ("train-images-idx3-ubyte.gz", cut, "train-images-idx3-ubyte.gz: truncated"),
    ("t10k-images-idx3-ubyte.gz", replace, "t10k-images-idx3-ubyte.gz: "),
    ("t10k-images-idx3-ubyte.gz", Path.unlink, "t10k-images-idx3-ubyte is missing"),
])
def test_damaged_files(mnist_files, capsys, name, damage, message):
    damage(mnist_files / name)
    assert message in refused(on(mnist_files), capsys)
    assert list(Path().iterdir()) == []


def test_a_run_folder_that_cannot_be_used(mnist_files, capsys):
    Path("file").write_text("mine")
    assert "run folder file: is no folder" in refused(on(mnist_files, "--out", "file"), capsys)
    Path("full").mkdir()
    Path("full", "thesis.txt").write_text("mine")
    assert "run folder full: is not empty" in refused(on(mnist_files, "--out", "full"), capsys)
    assert sorted(map(str, Path().rglob("*"))) == ["file", "full", str(Path("full/thesis.txt"))]


def test_a_device_that_is_not_there(mnist_files, capsys):
    if minigrad.cuda_available():
        pytest.skip("this machine has a GPU")
    assert "CuPy" in refused(on(mnist_files, "--device", "cuda"), capsys)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("library", "message"), [
    ("matplotlib", "drawn with matplotlib, which is not installed"),
    ("matplotlib.figure", "figure"),                            # a broken one
    ("threadpoolctl", "with threadpoolctl, which is not installed"),
    ("sklearn.datasets", "with scikit-learn, which is not installed")])
def test_a_missing_extra(mnist_files, capsys, monkeypatch, library, message):
    monkeypatch.setitem(sys.modules, library, None)
    err = refused(["train", "lenet5"], capsys)
    assert message in err and ('pip install "minigrad[demo]"' in err or library == "matplotlib.figure")
    assert list(Path().iterdir()) == []


def test_a_loss_that_is_nan(mnist_files, capsys):
    err = refused(on(mnist_files, "--lr", "1e38", "--out", "run", "--quiet"), capsys, status=1)
    assert "training stopped in epoch 1, step " in err and ("made inf" in err or "smaller learning rate" in err)
    assert [path.name for path in Path("run").iterdir()] == ["run.json"]
    assert json.loads(Path("run/run.json").read_text())["status"] == "stopped"


def test_a_learning_rate_is_reported_as_given(mnist_files, capsys):
    err = refused(on(mnist_files, "--lr", "1e308", "--quiet"), capsys, status=1)
    assert "step 1 (learning rate 1e+308)" in err and "SGD's step made" in err


def test_control_c(mnist_files, capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(classification, "evaluate", interrupted)
    err = refused(on(mnist_files, "--out", "run", "--quiet"), capsys, status=130)
    assert err == "minigrad: error: interrupted\n"
    assert sorted(path.name for path in Path("run").iterdir()) == ["history.csv", "run.json"]


@POSIX
@pytest.mark.parametrize(("number", "status", "message", "reason"), [
    ("SIGINT", 130, "interrupted", "interrupted"), ("SIGTERM", 143, "terminated (SIGTERM)", "Terminated: SIGTERM"),
    ("SIGHUP", 143, "terminated (SIGHUP)", "Terminated: SIGHUP")])
def test_control_c_in_a_process_of_its_own(mnist_files, number, status, message, reason):
    out = ["--out", str(Path("run").absolute()), "--epochs", "3000"]
    with process(*on(mnist_files, *out), stderr=subprocess.PIPE) as child:
        assert "epoch " in child.stderr.readline()
        child.send_signal(getattr(signal, number))
        rest = child.stderr.read().splitlines()
        assert child.wait() == status
        assert rest[-1] == f"minigrad: error: {message}: minigrad train --resume {out[1]} goes on from here"
    assert sorted(path.name for path in Path("run").iterdir()) == ["history.csv", "last.safetensors", "run.json"]
    assert run_json()["status"] == "stopped" and run_json()["reason"] == reason


def test_a_fault_of_the_program_shows_its_traceback(mnist_files, monkeypatch):
    def faulty(*args):
        raise ValueError("a bug")

    monkeypatch.setattr(classification, "evaluate", faulty)
    with pytest.raises(ValueError, match="a bug"):
        cli.main(on(mnist_files, "--quiet"))


def disk_full(*args, **options):
    raise OSError(28, "No space left on device")


def interrupt(*args):
    raise KeyboardInterrupt


FAILURES = [
    ("minigrad.train.classification.evaluate", interrupt, 130, "interrupted"),
    ("minigrad.train.run_folder._write_rows", disk_full, 2, "history.csv cannot be written (No space left on device)"),
    ("save", disk_full, 2, "weights.safetensors cannot be written (No space left on device)"),
    ("minigrad.train.job.draw", disk_full, None, "OSError: [Errno 28] No space left on device"),
    ("minigrad.train.job.draw", lambda *args: 1 // 0, None, "ZeroDivisionError: integer division or modulo by zero")]


def break_down(monkeypatch, where, failure):
    if where == "save":         # the module is hidden by the function
        monkeypatch.setattr(sys.modules["minigrad.graph.save"], "write_atomically", failure)
    else:
        monkeypatch.setattr(where, failure)


def trained(words, capsys, status):
    """Train in vain; a status of None: a fault, whose traceback is shown. What was said on stderr."""
    if status is not None:
        return refused(words, capsys, status)
    with pytest.raises((OSError, ZeroDivisionError)):
        cli.main(words)
    return ""


@pytest.mark.parametrize(("where", "failure", "status", "reason"), FAILURES)
def test_whatever_stops_a_run_the_folder_says_why(mnist_files, capsys, monkeypatch, where, failure, status, reason):
    break_down(monkeypatch, where, failure)
    err = trained(on(mnist_files, "--out", "run", "--quiet"), capsys, status)
    assert run_json()["status"] == "stopped" and reason in run_json()["reason"]
    assert ".partial" not in run_json()["reason"] + err and reason in err or status is None
    assert not [path for path in Path("run").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(("where", "failure", "status", "reason"), FAILURES)
def test_a_run_that_fails_leaves_the_earlier_result(mnist_files, capsys, monkeypatch, where, failure, status, reason):
    assert cli.main(on(mnist_files, "--out", "run", "--quiet")) == 0
    capsys.readouterr()
    before = contents("run")
    break_down(monkeypatch, where, failure)
    trained(on(mnist_files, "--out", "run", "--quiet", "--seed", "1"), capsys, status)
    assert contents("run") == before and sorted(path.name for path in Path("run").iterdir()) == [
        "history.csv", "run.json", "weights.safetensors"]


def test_two_runs_at_once_in_one_folder(mnist_files, capsys):
    other = RunFolder("run")
    other.start("another", 0, {}, {})
    before = contents("run")
    err = refused(on(mnist_files, "--out", "run", "--quiet"), capsys)
    assert "run folder run: process " in err and "is running in it: wait for its end or name another folder" in err
    assert contents("run") == before
    other.stop("done")
    assert cli.main(on(mnist_files, "--out", "run", "--quiet")) == 0


@POSIX
def test_training_goes_on_when_nobody_reads_any_more(mnist_files):
    """minigrad train lenet5 2>&1 | head -1"""
    words = on(mnist_files, "--out", str(Path("run").absolute()), "--epochs", "5")
    with process(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        assert "epoch 1/5" in child.stdout.readline()
        child.stdout.close()
        assert child.wait() == 0
    assert run_json()["status"] == "finished" and run_json()["result"]["test_images"] == 12
    assert Path("run", "weights.safetensors").is_file() and Path("run", "curves.png").is_file()


# --- going on -----------------------------------------------------------------------------------------------------

def plain_history(folder: str) -> list[list[str]]:
    """history.csv without what the clock says."""
    rows = [line.split(",") for line in Path(folder, "history.csv").read_text().splitlines()]
    return [[x for head, x in zip(rows[0], row, strict=True) if "second" not in head] for row in rows]


@POSIX
def test_a_run_that_was_stopped_goes_on_to_the_same_result(mnist_files, capsys, monkeypatch):
    words = on(mnist_files, "--epochs", "3", "--batch-size", "8", "--seed", "2", "--optimizer", "adam", "--lr", "0.003",
               "--augment", "affine", "--patience", "9", "--weight-decay", "0.01")
    assert cli.main([*words, "--out", "whole", "--quiet"]) == 0
    with monkeypatch.context() as patch:
        stopped_at(patch, 9)
        capsys.readouterr()
        assert cli.main([*words, "--out", "run"]) == 130
        out, err = capsys.readouterr()
        assert err == "minigrad: error: interrupted: minigrad train --resume run goes on from here\n" and out == ""
    assert run_json()["status"] == "stopped" and not Path("run/weights.safetensors").exists()
    said(["train", "--resume", "run", "--quiet", "--workers", "2"], capsys)
    assert ended_alike("whole", "run") and plain_history("run") == plain_history("whole")
    assert len(run_json()["resumed"]) == 1 and run_json()["status"] == "finished"


@POSIX
def test_a_run_that_goes_on_may_get_longer(mnist_files, capsys, monkeypatch):
    """Its learning rate then falls along the longer curve."""
    words = on(mnist_files, "--epochs", "2", "--batch-size", "8", "--out", "run")
    with monkeypatch.context() as patch:
        stopped_at(patch, 9)
        assert cli.main(words) == 130
    assert "shall have 2, and may get more of them but not fewer" in refused(
        ["train", "--resume", "run", "--epochs", "1"], capsys)
    assert cli.main(["train", "lenet5", "--resume", "run", "--epochs", "4", "--seed", "0"]) == 0
    rows = list(csv.DictReader(Path("run/history.csv").read_text().splitlines()))
    steps = 6                                           # of an epoch: 44 images
    assert len(rows) == 4 == run_json()["settings"]["epochs"]
    expected = [0.05 * (1 + math.cos(math.pi * (steps * epoch - 1) / (4 * steps))) / 2 for epoch in (2, 3, 4)]
    assert [float(row["learning_rate"]) for row in rows[1:]] == pytest.approx(expected, rel=1e-6)


@POSIX
def test_a_new_run_beside_a_finished_one_goes_on_too(mnist_files, capsys, monkeypatch):
    words = on(mnist_files, "--batch-size", "8", "--out", "run")
    assert cli.main([*words, "--quiet"]) == 0
    before = contents("run")
    with monkeypatch.context() as patch:
        stopped_at(patch, 3)
        assert cli.main([*words, "--seed", "1"]) == 130
    assert {name: x for name, x in contents("run").items() if ".next" not in name} == before
    said(["train", "--resume", "run", "--quiet"], capsys)
    assert run_json()["seed"] == 1 and not Path("run/.next").exists()


@POSIX
def test_files_that_have_moved(mnist_files, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        stopped_at(patch, 1)
        assert cli.main(on(mnist_files, "--out", "run")) == 130
    mnist_files.rename("moved")
    assert "expected a folder with train-images" in refused(["train", "--resume", "run"], capsys)
    said(["train", "--resume", "run", "--root", "moved", "--quiet"], capsys)


def test_ones_own_images(tmp_path, monkeypatch, capsys):
    """The whole way: folders of photos, a run, its measures, and what it sees in a file."""
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name, bright in (("day", 200), ("night", 40)):
        Path("photos", name).mkdir(parents=True)
        for i in range(20):
            pixels = generator.normal(bright, 25, (24 + i, 30, 3)).clip(0, 255).astype(np.uint8)
            image.fromarray(pixels).save(f"photos/{name}/{i}.png")
    said(["train", "lenet5", "--data", "folder", "--root", "photos", "--epochs", "4", "--out", "run", "--quiet",
          "--workers", "2"], capsys)
    assert run_json()["data"]["classes"] == ["day", "night"] and run_json()["data"]["image"] == [3, 32, 32]
    assert run_json()["result"]["test_accuracy"] == 1 and Path("run/most_wrong.png").exists()
    found = json.loads(said(["evaluate", "run", "--json"], capsys))
    assert found["accuracy"] == 1 and found["loss"] == pytest.approx(run_json()["result"]["test_loss"], rel=1e-4)
    said(["evaluate", "run", "--part", "validation", "--out", "look"], capsys)
    shown = json.loads(said(["predict", "run", "photos/day/3.png", "photos/night", "--json"], capsys))
    assert [one["classes"][0]["class"] for one in shown["images"]] == ["day", *["night"] * 20]
