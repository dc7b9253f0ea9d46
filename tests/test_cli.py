"""The command: what it prints, and that everything that can be expected to go wrong is one line and a status."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import cli
from minigrad.data import write_idx
from minigrad.train import job as jobs
from minigrad.train import step as steps
from minigrad.train.run_folder import RunFolder

ROOT = Path(__file__).resolve().parent.parent
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
# SIGINT is ignored in what a script starts with &, and children inherit that: the command would never hear Ctrl-C.
COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from minigrad.cli import main
sys.exit(main())
"""


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


@contextmanager
def process(*words: str, **pipes: Any) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, which is gone after a minute, or when the test is over."""
    with subprocess.Popen([sys.executable, "-c", COMMAND, *words], cwd=ROOT, text=True, **pipes) as child:
        timer = Timer(60, child.kill)
        timer.start()
        try:
            yield child
        finally:
            timer.cancel()
            child.kill()


def contents(folder: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def run_json(folder: str = "run") -> dict[str, Any]:
    return json.loads(Path(folder, "run.json").read_text())


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
    for seed in ("1", "2"):
        assert cli.main(on(files, "--out", "run", "--quiet", "--seed", seed)) == 0
        assert run_json()["seed"] == int(seed)
    assert sorted(path.name for path in Path("run").iterdir()) == ["history.csv", "run.json", "weights.safetensors"]


def test_one_error_is_told_in_the_singular():
    result = {"test_accuracy": 0.9, "test_errors": 1, "test_images": 10, "baseline_class": "0",
              "baseline_accuracy": 0.1, "chosen_epoch": 1, "validation_accuracy": 1.0, "seconds": 1.0, "folder": "run"}
    assert "(1 error in 10 images;" in cli.told(result)
    assert "(2 errors in" in cli.told({**result, "test_errors": 2})
    assert "(0 errors in" in cli.told({**result, "test_errors": 0})


def test_models(capsys):
    assert cli.main(["models"]) == 0 and "lenet5\n" in capsys.readouterr().out
    assert cli.main(["models", "lenet5"]) == 0 and "416,520" in capsys.readouterr().out


def test_step(capsys):
    with minigrad.config(kernels="auto"):
        assert cli.main(["step", "lenet5", "--into", "conv2d", "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "gweight" in out
    assert ("definition agrees: max |diff|" if minigrad.conv2d.kernels else "no kernel ran") in out


def test_step_on_digits_or_at_random(capsys):
    pytest.importorskip("sklearn")
    heads = []
    for words in ([], ["--data", "digits"], ["--data", "digits", "--seed", "1"], ["--data", "random"]):
        assert cli.main(["step", "lenet5", *words]) == 0
        heads.append(capsys.readouterr().out.splitlines()[0])
    assert heads[0] == heads[1] != heads[2] and "lenet5 on 4 UCI digits, (4, 1, 32, 32): they are " in heads[0]
    assert heads[3].startswith("lenet5 on image (4, 1, 32, 32) at random: loss")


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
    assert out.startswith(f"lenet5 with the weights of {file} on ")
    assert "loss 2.303" in out                  # all scores equal: log 10


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
    (["train", "lenet5", "--root", "somewhere"], "--root belongs to --data mnist"),
    (["train", "lenet5", "--out", ""], "--out: expected a name, '' came"),
    (["train", "lenet5", "--data", "mnist", "--root", ""], "--root: expected a name, '' came"),
    (["train", "lenet5", "--data", "mnist", "--root", "a" * 300], "aaa: expected a folder with train-images"),
    (["train", "lenet5", "--out", "a" * 300], "aaa: cannot be written ("),
    (["step", "lenet5", "--data", "mnist"], "--data: invalid choice: 'mnist'"),
    (["step", "lenet5", "--weights", ""], "--weights: expected a name, '' came"),
    (["step", "lenet5", "--weights", "nowhere"], "nowhere: the weights cannot be read (No such file or directory)"),
    (["step", "lenet5", "--weights", "."], ".: the weights cannot be read ("),
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
    assert f"{file}: load_state_dict: the values do not fit" in err and "f7.bias is float32 (7,)" in err
    minigrad.save(minigrad.nn.Linear(2, 2), file)
    assert "missing: c1.weight" in refused(words, capsys)


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
    ("matplotlib", "drawn with matplotlib, which is not installed"),
    ("matplotlib.figure", "figure"),                            # a broken one
    ("threadpoolctl", "with threadpoolctl, which is not installed"),
    ("sklearn.datasets", "with scikit-learn, which is not installed")])
def test_a_missing_extra(files, capsys, monkeypatch, library, message):
    monkeypatch.setitem(sys.modules, library, None)
    err = refused(["train", "lenet5"], capsys)
    assert message in err and ('pip install "minigrad[demo]"' in err or library == "matplotlib.figure")
    assert list(Path().iterdir()) == []


def test_a_loss_that_is_nan(files, capsys):
    err = refused(on(files, "--lr", "1e38", "--out", "run", "--quiet"), capsys, status=1)
    assert "training stopped in epoch 1, step " in err and ("made inf" in err or "smaller learning rate" in err)
    assert [path.name for path in Path("run").iterdir()] == ["run.json"]
    assert json.loads(Path("run/run.json").read_text())["status"] == "stopped"


def test_a_learning_rate_is_reported_as_given(files, capsys):
    err = refused(on(files, "--lr", "1e308", "--quiet"), capsys, status=1)
    assert "step 1 (learning rate 1e+308)" in err and "SGD's step made" in err


def test_control_c(files, capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "evaluate", interrupted)
    err = refused(on(files, "--out", "run", "--quiet"), capsys, status=130)
    assert err == "minigrad: error: interrupted\n"
    assert sorted(path.name for path in Path("run").iterdir()) == ["history.csv", "run.json"]


@POSIX
@pytest.mark.parametrize(("number", "status", "message", "reason"), [
    ("SIGINT", 130, "interrupted", "interrupted"), ("SIGTERM", 143, "terminated (SIGTERM)", "Terminated: SIGTERM"),
    ("SIGHUP", 143, "terminated (SIGHUP)", "Terminated: SIGHUP")])
def test_control_c_in_a_process_of_its_own(files, number, status, message, reason):
    out = ["--out", str(Path("run").absolute()), "--epochs", "3000"]
    with process(*on(files, *out), stderr=subprocess.PIPE) as child:
        assert "epoch " in child.stderr.readline()
        child.send_signal(getattr(signal, number))
        rest = child.stderr.read().splitlines()
        assert child.wait() == status and rest[-1] == f"minigrad: error: {message}"
    assert sorted(path.name for path in Path("run").iterdir()) == ["history.csv", "run.json"]
    assert run_json()["status"] == "stopped" and run_json()["reason"] == reason


@POSIX
def test_signals_that_are_ignored_stay_so(monkeypatch, capsys):
    """As under nohup; and afterwards all are as they were."""
    seen = []
    monkeypatch.setattr(cli, "list_models", lambda *args: seen.append([signal.getsignal(n) for n in cli.SIGNALS]) or 0)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        cli.main(["models"])
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    terminate, hang_up = seen[0]
    assert callable(terminate) and hang_up is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_fault_of_the_program_shows_its_traceback(files, monkeypatch):
    def faulty(*args):
        raise ValueError("a bug")

    monkeypatch.setattr(jobs, "evaluate", faulty)
    with pytest.raises(ValueError, match="a bug"):
        cli.main(on(files, "--quiet"))


# --- the folder of another run ------------------------------------------------------------------------------------

def disk_full(*args, **options):
    raise OSError(28, "No space left on device")


def interrupt(*args):
    raise KeyboardInterrupt


FAILURES = [
    ("minigrad.train.job.evaluate", interrupt, 130, "interrupted"),
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
def test_whatever_stops_a_run_the_folder_says_why(files, capsys, monkeypatch, where, failure, status, reason):
    break_down(monkeypatch, where, failure)
    err = trained(on(files, "--out", "run", "--quiet"), capsys, status)
    assert run_json()["status"] == "stopped" and reason in run_json()["reason"]
    assert ".partial" not in run_json()["reason"] + err and reason in err or status is None
    assert not [path for path in Path("run").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(("where", "failure", "status", "reason"), FAILURES)
def test_a_run_that_fails_leaves_the_earlier_result(files, capsys, monkeypatch, where, failure, status, reason):
    assert cli.main(on(files, "--out", "run", "--quiet")) == 0
    capsys.readouterr()
    before = contents("run")
    break_down(monkeypatch, where, failure)
    trained(on(files, "--out", "run", "--quiet", "--seed", "1"), capsys, status)
    assert contents("run") == before and sorted(path.name for path in Path("run").iterdir()) == [
        "history.csv", "run.json", "weights.safetensors"]


def test_two_runs_at_once_in_one_folder(files, capsys):
    other = RunFolder("run")
    other.start("another", 0, {}, {})
    before = contents("run")
    err = refused(on(files, "--out", "run", "--quiet"), capsys)
    assert "run folder run: process " in err and "is running in it: wait for its end or name another folder" in err
    assert contents("run") == before
    other.stop("done")
    assert cli.main(on(files, "--out", "run", "--quiet")) == 0


# --- standard output ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", [["step", "lenet5", "--into", "conv2d"], ["models"]])
def test_a_reader_that_has_seen_enough_is_no_error(words):
    with process(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == "" and child.wait() == 0


@POSIX
def test_training_goes_on_when_nobody_reads_any_more(files):
    """minigrad train lenet5 2>&1 | head -1"""
    words = on(files, "--out", str(Path("run").absolute()), "--epochs", "5")
    with process(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        assert "epoch 1/5" in child.stdout.readline()
        child.stdout.close()
        assert child.wait() == 0
    assert run_json()["status"] == "finished" and run_json()["result"]["test_images"] == 12
    assert Path("run", "weights.safetensors").is_file() and Path("run", "curves.png").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["models"], ["models", "lenet5"], ["step", "lenet5", "--data", "random"],
                                   ["--version"], ["--help"], ["train", "--help"], ["train", "--quiet"]])
def test_output_that_cannot_be_written(files, words):
    if words == ["train", "--quiet"]:
        words = on(files, "--out", str(Path("run").absolute()), "--quiet")
    with open("/dev/full", "w") as full, process(*words, stdout=full, stderr=subprocess.PIPE) as child:
        err = child.stderr.read()
        assert child.wait() == 1
    assert err == "minigrad: error: standard output cannot be written (No space left on device)\n"
    assert words[0] != "train" or not Path("run").exists() or run_json()["status"] == "finished"


@POSIX
def test_without_standard_output():
    done = subprocess.run(["sh", "-c", '"$0" -m minigrad models >&-', sys.executable], cwd=ROOT, capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "minigrad: error: standard output is closed\n")
