"""The run folder: what is refused before a run, and that files appear complete or not at all."""

import csv
import json
import math
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigrad.train import run_folder
from minigrad.train.run_folder import HISTORY_COLUMNS, RunFolder, RunFolderError, read_history, write_atomically

EPOCH = {"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.9, "validation_loss": 0.75, "validation_accuracy": 0.875,
         "images_per_second": 1234.5, "seconds": 1.25}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def started(path):
    folder = RunFolder(path)
    folder.start(command=["minigrad", "train", "lenet5"], seed=3, data={"name": "digits"}, settings={"epochs": 2})
    return folder


def refusal(path):
    """The message with which a folder is refused: one line that names it."""
    with pytest.raises(RunFolderError) as caught:
        RunFolder(path)
    message = str(caught.value)
    assert message.startswith(f"run folder {path}: ") and "\n" not in message
    return message


def run_json(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


# --- write_atomically -------------------------------------------------------------------------------------------

def test_write_atomically_replaces_the_whole_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("a much longer text than the new one")
    seen = []

    def write(path):
        seen.append((path.parent, path.suffix, target.read_text()))
        path.write_text("new")

    write_atomically(str(target), write)
    assert seen == [(tmp_path, ".txt", "a much longer text than the new one")]     # a file apart, until it is complete
    assert target.read_text() == "new" and names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError("midway"), KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("earlier", [None, "earlier"])
def test_a_writer_that_raises_leaves_nothing_and_harms_nothing(tmp_path, error, earlier):
    target = tmp_path / "weights.safetensors"
    if earlier:
        target.write_text(earlier)

    def write(path):
        path.write_text("half")
        raise error

    with pytest.raises(type(error)) as caught:
        write_atomically(target, write)
    assert caught.value is error
    assert names(tmp_path) == ([target.name] if earlier else [])
    assert not earlier or target.read_text() == earlier


def test_a_writer_that_writes_nothing_is_an_error(tmp_path):
    (tmp_path / "a").write_text("earlier")
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "a", lambda path: None)
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "earlier"


def test_a_target_that_cannot_be_replaced_leaves_no_temporary(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "a", lambda path: path.write_text("new"))
    assert names(tmp_path) == ["a"]


def test_a_killed_process_leaves_the_earlier_file(tmp_path):
    """Nothing can clean up after os._exit: the name must still hold what it held."""
    target = tmp_path / "a.txt"
    target.write_text("earlier")
    code = ("import os, sys; from minigrad.train.run_folder import write_atomically\n"
            "write_atomically(sys.argv[1], lambda path: (path.write_text('half'), os._exit(9)))")
    assert subprocess.run([sys.executable, "-c", code, target], check=False).returncode == 9
    assert target.read_text() == "earlier" and len(names(tmp_path)) == 2


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_files_have_the_mode_of_ordinary_files(tmp_path):
    (tmp_path / "ordinary").write_text("")
    write_atomically(tmp_path / "a", lambda path: path.write_text(""))
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


# --- which folders are refused ------------------------------------------------------------------------------------

def test_checking_leaves_no_trace(tmp_path):
    RunFolder(tmp_path / "deep" / "down")
    assert names(tmp_path) == []
    RunFolder(tmp_path)
    assert names(tmp_path) == []


def test_refuses_files_and_what_lies_under_them(tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "is no folder" in refusal(tmp_path / "file")
    assert f"{tmp_path / 'file'} is a file" in refusal(tmp_path / "file" / "below" / "run")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need rights elsewhere")
def test_refuses_a_link_to_nowhere(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert "is no folder" in refusal(tmp_path / "link")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a file system that takes no files")
def test_refuses_a_folder_that_takes_no_files():
    """/proc takes no files from anybody, root included."""
    assert "cannot be written" in refusal("/proc/minigrad-run")
    assert "name another folder" in refusal("/proc/minigrad-run/below")


def test_refuses_where_the_system_refuses(tmp_path, monkeypatch):
    def touch(self, mode=0o666, exist_ok=True):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", touch)
    assert refusal(tmp_path / "run") == (f"run folder {tmp_path / 'run'}: cannot be written (Permission denied): "
                                         "name another folder")


@pytest.mark.parametrize("run", [None, "no json", "[1, 2]", '{"made_by": "another"}', "{}", b"\xff\xfe"])
def test_refuses_folders_with_other_things(tmp_path, run):
    (tmp_path / "thesis.tex").write_text("years of work")
    if run is not None:
        (tmp_path / "run.json").write_bytes(run if isinstance(run, bytes) else run.encode())
    before = names(tmp_path)
    assert "not empty and holds no earlier run" in refusal(tmp_path)
    assert names(tmp_path) == before


def test_refuses_a_folder_named_run_json(tmp_path):
    (tmp_path / "run.json").mkdir()
    assert "not empty" in refusal(tmp_path)


def test_an_earlier_run_makes_room(tmp_path):
    earlier = started(tmp_path)
    earlier.add_epoch(**EPOCH)
    for name in ("weights.safetensors", "curves.png", "confusion_matrix.png", "first_layer_filters.png",
                 "most_wrong.png"):
        earlier.write(name, lambda path: path.write_bytes(b"old"))
    earlier.finish({"test_accuracy": 0.5})
    (tmp_path / "notes.txt").write_text("the user's own")
    (tmp_path / "own.png").write_text("the user's own")
    again = RunFolder(tmp_path)
    assert run_json(tmp_path)["result"] == {"test_accuracy": 0.5}       # untouched until the new run starts
    again.start(command="again", seed=4, data={}, settings={})
    assert names(tmp_path) == ["notes.txt", "own.png", "run.json"]
    assert run_json(tmp_path)["status"] == "running" and "result" not in run_json(tmp_path)


# --- run.json -------------------------------------------------------------------------------------------------------

def test_run_json_says_what_was_run_on_what(tmp_path):
    folder = started(tmp_path / "new" / "run")
    assert names(folder.path) == ["run.json"]
    run = run_json(folder.path)
    assert run["command"] == ["minigrad", "train", "lenet5"] and run["seed"] == 3
    assert run["data"] == {"name": "digits"} and run["settings"] == {"epochs": 2} and run["status"] == "running"
    assert run["versions"]["python"] == platform.python_version() and run["versions"]["numpy"] == np.__version__
    assert run["versions"]["minigrad"]
    assert run["hardware"]["processors"] == os.cpu_count() and run["hardware"]["processor"]
    assert 1 <= run["hardware"]["usable_processors"] <= os.cpu_count()
    folder.finish({"test_accuracy": np.float32(0.5), "errors": np.int64(7), "worst": np.array([1, 2]), "at": Path("a"),
                   "loss": math.nan, "pair": (1.0, -math.inf)})
    finished = run_json(folder.path)
    assert finished["result"] == {"test_accuracy": 0.5, "errors": 7, "worst": [1, 2], "at": "a", "loss": None,
                                  "pair": [1.0, None]}
    assert finished["status"] == "finished" and finished["ended"] >= finished["started"]
    assert all(finished[name] == run[name] for name in run if name != "status")


def test_run_json_of_a_run_that_stopped(tmp_path):
    folder = started(tmp_path)
    folder.stop("the loss is nan: tanh made it")
    assert run_json(tmp_path)["status"] == "stopped" and "tanh" in run_json(tmp_path)["reason"]
    RunFolder(tmp_path)                             # and may be run again


def test_run_json_with_what_json_cannot_hold_leaves_the_one_before(tmp_path):
    folder = started(tmp_path)
    with pytest.raises(TypeError):
        folder.finish({"model": object()})
    assert run_json(tmp_path)["status"] == "running" and names(tmp_path) == ["run.json"]
    earlier = (tmp_path / "run.json").read_text()
    with pytest.raises(TypeError):
        RunFolder(tmp_path).start("again", 0, {"data": object()}, {})
    assert (tmp_path / "run.json").read_text() == earlier


def test_finish_comes_after_start(tmp_path):
    with pytest.raises(RuntimeError, match="start"):
        RunFolder(tmp_path / "run").finish({})
    assert names(tmp_path) == []


# --- history.csv and other files ------------------------------------------------------------------------------------

def test_history_round_trip(tmp_path):
    folder = started(tmp_path)
    folder.add_epoch(**EPOCH, learning_rate=0.1)
    second_epoch = {"epoch": 2, "train_loss": np.float32(1 / 3), "validation_loss": math.nan, "learning_rate": 0.05}
    folder.add_epoch(**{**EPOCH, **second_epoch})
    with open(tmp_path / "history.csv", newline="") as file:
        header, first, second = csv.reader(file)
    assert header == [*HISTORY_COLUMNS, "learning_rate"]
    assert first == ["1", "0.5", "0.9", "0.75", "0.875", "1234.5", "1.25", "0.1"]
    history = read_history(tmp_path / "history.csv")
    assert list(history) == header
    assert history["epoch"] == [1, 2] and history["learning_rate"] == [0.1, 0.05]
    assert history["train_loss"] == [0.5, float(np.float32(1 / 3))]     # to the last bit
    assert math.isnan(history["validation_loss"][1])
    assert names(tmp_path) == ["history.csv", "run.json"]


def test_history_columns_are_named_and_stay(tmp_path):
    folder = started(tmp_path)
    with pytest.raises(ValueError, match="seconds is missing"):
        folder.add_epoch(**{name: value for name, value in EPOCH.items() if name != "seconds"})
    assert not (tmp_path / "history.csv").exists()
    folder.add_epoch(**EPOCH)
    with pytest.raises(ValueError, match="learning_rate is new"):
        folder.add_epoch(**EPOCH, learning_rate=0.1)
    assert read_history(tmp_path / "history.csv")["epoch"] == [1]


def test_a_failing_write_keeps_the_last_complete_history(tmp_path, monkeypatch):
    folder = started(tmp_path)
    folder.add_epoch(**EPOCH)

    def full(path, rows):
        path.write_text("epoch,tr")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "_write_rows", full)
        with pytest.raises(RunFolderError, match="history.csv cannot be written .No space left on device.") as caught:
            folder.add_epoch(**{**EPOCH, "epoch": 2})
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["history.csv", "run.json"]
    assert read_history(tmp_path / "history.csv")["epoch"] == [1]
    folder.add_epoch(**{**EPOCH, "epoch": 2})
    folder.add_epoch(**{**EPOCH, "epoch": 3})
    assert read_history(tmp_path / "history.csv")["epoch"] == [1, 2, 3]     # the row that failed is there once


def test_write_returns_where_the_file_lies_and_passes_errors_on(tmp_path):
    folder = started(tmp_path)
    assert folder.write("weights.safetensors", lambda path: path.write_bytes(b"w")) == tmp_path / "weights.safetensors"
    with pytest.raises(ZeroDivisionError):
        folder.write("curves.png", lambda path: path.write_bytes(bytes(1 // 0)))
    assert names(tmp_path) == ["run.json", "weights.safetensors"]


def test_read_history_of_an_empty_file(tmp_path):
    (tmp_path / "history.csv").write_text(",".join(HISTORY_COLUMNS) + "\n")
    assert read_history(tmp_path / "history.csv") == {}
