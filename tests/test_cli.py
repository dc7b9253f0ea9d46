"""The command: what it prints, and that everything that can be expected to go wrong is one line and a status."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import cli
from minigrad.data import write_idx
from minigrad.train import job as jobs

ROOT = Path(__file__).resolve().parent.parent


def write_mnist(folder: Path, train: int = 48, test: int = 12) -> Path:
    """A folder like MNIST's: the class is which two of 28 rows are bright."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for part, n in (("train", train), ("t10k", test)):
        labels = (np.arange(n) % 10).astype(np.uint8)
        images = generator.integers(0, 60, (n, 28, 28)).astype(np.uint8)
        images[np.arange(n)[:, None], 4 + 2 * labels[:, None] + np.arange(2)] = 255
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
    return folder


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The folder of a tiny MNIST; the current folder is an empty one, and no pictures are drawn."""
    monkeypatch.setattr(jobs, "draw", lambda *args: None)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return write_mnist(tmp_path / "mnist")


def on(files: Path, *words: str) -> list[str]:
    return ["train", "lenet5", "--data", "mnist", "--root", str(files), "--epochs", "1", *words]


def refused(argv: list[str], capsys: pytest.CaptureFixture[str], status: int = 2) -> str:
    """The one line that the command says when it refuses; it leaves nothing behind."""
    try:
        came = cli.main(argv)
    except SystemExit as end:               # argparse
        came = end.code
    out, err = capsys.readouterr()
    assert came == status and out == "" and err.startswith("minigrad: error: ") and err.count("\n") == 1, err
    return err


# --- what it does -------------------------------------------------------------------------------------------------

def test_train(files, capsys):
    assert cli.main(on(files, "--out", "run", "--seed", "3", "--batch-size", "8", "--lr", "0.02")) == 0
    out, err = capsys.readouterr()
    assert out.startswith("test accuracy ") and "12 images; always answering" in out and "in run\n" in out
    assert "epoch 1/1  loss" in err and "images/s" in err
    written = json.loads(Path("run/run.json").read_text())
    assert written["seed"] == 3 and written["status"] == "finished"
    assert written["settings"] | {"epochs": 1, "batch_size": 8, "learning_rate": 0.02} == written["settings"]
    assert written["command"].startswith("minigrad train lenet5 --data mnist")


def test_train_as_json_and_quietly(files, capsys):
    assert cli.main(on(files, "--json", "--quiet")) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result["folder"] == str(Path("runs/lenet5-mnist-seed0")) and result["test_images"] == 12 and err == ""
    assert Path(result["folder"], "weights.safetensors").is_file()


def test_train_again_into_the_same_folder(files, capsys):
    for _ in range(2):
        assert cli.main(on(files, "--out", "run", "--quiet")) == 0


def test_models(capsys):
    assert cli.main(["models"]) == 0 and "lenet5\n" in capsys.readouterr().out
    assert cli.main(["models", "lenet5"]) == 0 and "416,520" in capsys.readouterr().out


def test_step(capsys):
    with minigrad.config(kernels="auto"):
        assert cli.main(["step", "lenet5", "--into", "conv2d", "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "gweight" in out
    assert ("definition agrees: max |diff|" if minigrad.conv2d.kernels else "no kernel ran") in out


def test_version_and_help(capsys):
    for words, part in ((["--version"], minigrad.__version__), (["--help"], "train"), (["train", "--help"], "--lr")):
        with pytest.raises(SystemExit) as end:
            cli.main(words)
        assert end.value.code == 0 and part in capsys.readouterr().out


def test_as_a_module():
    words = [sys.executable, "-m", "minigrad", "models"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "lenet5" in done.stdout.split()


# --- what goes wrong ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("words", "message"), [
    ([], "the following arguments are required: COMMAND"),
    (["trian", "lenet5"], "invalid choice: 'trian'"),
    (["train"], "the following arguments are required: model"),
    (["train", "lenet4"], "unknown model 'lenet4': did you mean lenet5?"),
    (["step", "lenet4"], "unknown model 'lenet4': did you mean lenet5?"),
    (["models", "lenet4"], "unknown model 'lenet4': did you mean lenet5?"),
    (["step", "lenet5", "--into", "conv3d"], "cannot step into 'conv3d': did you mean conv2d?"),
    (["train", "lenet5", "--epochs", "0"], "--epochs: expected a positive whole number, '0' came"),
    (["train", "lenet5", "--batch-size", "2.5"], "--batch-size: expected a positive whole number, '2.5' came"),
    (["train", "lenet5", "--seed", "-1"], "--seed: expected 0 or a positive whole number, '-1' came"),
    (["train", "lenet5", "--lr", "nan"], "--lr: expected a positive number, 'nan' came"),
    (["train", "lenet5", "--device", "tpu"], "--device: expected cpu, cuda or cuda:NUMBER, 'tpu' came"),
    (["train", "lenet5", "--data", "cifar"], "--data: invalid choice: 'cifar'"),
    (["train", "lenet5", "--data", "mnist"], "name the folder of its four files with --root"),
    (["train", "lenet5", "--data", "mnist", "--root", "nowhere"], "nowhere: expected a folder with train-images"),
])
def test_bad_arguments(files, capsys, words, message):
    assert message in refused(words, capsys)
    assert list(Path().iterdir()) == []


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
def test_damaged_files(files, capsys, name, damage, message):
    damage(files / name)
    assert message in refused(on(files), capsys)
    assert list(Path().iterdir()) == []


def test_a_run_folder_that_cannot_be_used(files, capsys):
    Path("file").write_text("mine")
    assert "run folder file: is no folder" in refused(on(files, "--out", "file"), capsys)
    Path("full").mkdir()
    Path("full", "thesis.txt").write_text("mine")
    assert "run folder full: is not empty" in refused(on(files, "--out", "full"), capsys)
    assert sorted(map(str, Path().rglob("*"))) == ["file", "full", str(Path("full/thesis.txt"))]


def test_a_device_that_is_not_there(files, capsys):
    if minigrad.cuda_available():
        pytest.skip("this machine has a GPU")
    assert "CuPy" in refused(on(files, "--device", "cuda"), capsys)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("library", "message"), [
    ("matplotlib", "pictures with matplotlib"), ("sklearn", "with scikit-learn")])
def test_a_missing_extra(files, capsys, monkeypatch, library, message):
    find = jobs.find_spec
    monkeypatch.setattr(jobs, "find_spec", lambda name: None if name == library else find(name))
    if library != "matplotlib":
        monkeypatch.setattr(jobs, "find_spec", lambda name: True)
        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    err = refused(["train", "lenet5"], capsys)
    assert message in err and 'pip install "minigrad[demo]"' in err
    assert list(Path().iterdir()) == []


def test_a_loss_that_is_nan(files, capsys):
    err = refused(on(files, "--lr", "1e38", "--out", "run", "--quiet"), capsys, status=1)
    assert "training stopped in epoch 1, step " in err and ("made inf" in err or "smaller learning rate" in err)
    assert [path.name for path in Path("run").iterdir()] == ["run.json"]
    assert json.loads(Path("run/run.json").read_text())["status"] == "stopped"


def test_control_c(files, capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "evaluate", interrupted)
    err = refused(on(files, "--out", "run", "--quiet"), capsys, status=130)
    assert err == "minigrad: error: interrupted\n"
    assert sorted(path.name for path in Path("run").iterdir()) == ["history.csv", "run.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_control_c_in_a_process_of_its_own(files):
    words = [sys.executable, "-m", "minigrad", *on(files, "--out", str(Path("run").absolute()), "--epochs", "100000")]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert "epoch " in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read().splitlines()
    assert process.returncode == 130 and rest[-1] == "minigrad: error: interrupted"
    assert sorted(path.name for path in Path("run").iterdir()) == ["history.csv", "run.json"]


def test_a_fault_of_the_program_shows_its_traceback(files, monkeypatch):
    def faulty(*args):
        raise ValueError("a bug")

    monkeypatch.setattr(jobs, "evaluate", faulty)
    with pytest.raises(ValueError, match="a bug"):
        cli.main(on(files, "--quiet"))


def test_a_reader_that_has_seen_enough_is_no_error():
    step = subprocess.Popen([sys.executable, "-m", "minigrad", "step", "lenet5", "--into", "conv2d"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    step.stdout.readline()
    step.stdout.close()
    assert step.stderr.read() == "" and step.wait() == 0
    step.stderr.close()
