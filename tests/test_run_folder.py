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

from minigrad.train import lock, run_folder
from minigrad.train.run_folder import HISTORY_COLUMNS, RunFolder, RunFolderError, read_history, write_atomically

EPOCH = {"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.9, "validation_loss": 0.75, "validation_accuracy": 0.875,
         "samples_per_second": 1234.5, "seconds": 1.25}


def names(folder):
    """What lies there but for the lock, which is there while a run goes on."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


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


def fill(folder, content):
    folder.add_epoch(**{**EPOCH, "seconds": float(content)})
    for name in ("weights.safetensors", *run_folder.PICTURES):
        folder.write(name, lambda path: path.write_bytes(content))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_earlier_run_stays_until_the_new_one_has_finished(tmp_path):
    earlier = started(tmp_path)
    fill(earlier, b"1")
    earlier.finish({"test_accuracy": 0.5})
    (tmp_path / "notes.txt").write_text("the user's own")
    (tmp_path / "own.png").write_text("the user's own")
    before = contents(tmp_path)
    again = RunFolder(tmp_path)
    again.start(command="again", seed=4, data={}, settings={})
    fill(again, b"2")
    now = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file() and path.name != ".lock"}
    assert now == before
    again.finish({"test_accuracy": 0.75})
    after = contents(tmp_path)
    assert list(sorted(after)) == sorted(before)
    assert run_json(tmp_path)["result"] == {"test_accuracy": 0.75} and run_json(tmp_path)["command"] == "again"
    assert read_history(tmp_path / "history.csv")["seconds"] == [2.0]
    assert all(after[name] == b"2" for name in ("weights.safetensors", *run_folder.PICTURES))
    assert after["notes.txt"] == b"the user's own"


def test_what_the_new_run_did_not_make_is_not_left_of_the_old_one(tmp_path):
    earlier = started(tmp_path)
    fill(earlier, b"1")
    earlier.finish({})
    again = started(tmp_path)
    again.add_epoch(**EPOCH)
    again.finish({})
    assert names(tmp_path) == ["history.csv", "run.json"]


def test_an_earlier_run_stays_when_the_new_one_stops(tmp_path):
    earlier = started(tmp_path)
    fill(earlier, b"1")
    earlier.finish({"test_accuracy": 0.5})
    before = contents(tmp_path)
    again = started(tmp_path)
    fill(again, b"2")
    again.stop("the loss is nan")
    assert contents(tmp_path) == before
    with pytest.raises(TypeError):                  # as the new one's first write fails
        RunFolder(tmp_path).start("again", 0, {"data": object()}, {})
    assert contents(tmp_path) == before


@pytest.mark.parametrize("status", ["stopped", "running"])
def test_what_is_left_of_a_run_without_a_result_goes(tmp_path, status):
    earlier = started(tmp_path)
    fill(earlier, b"1")
    earlier.stop("why not")
    (tmp_path / "run.json").write_text((tmp_path / "run.json").read_text().replace("stopped", status))
    (tmp_path / "notes.txt").write_text("the user's own")
    started(tmp_path)
    assert names(tmp_path) == ["notes.txt", "run.json"]
    assert run_json(tmp_path)["status"] == "running" and "result" not in run_json(tmp_path)


def test_a_run_that_is_stopped_while_it_takes_the_place_has_finished(tmp_path, monkeypatch):
    """Ctrl-C between two renames: no mixture of two runs."""
    earlier = started(tmp_path)
    fill(earlier, b"1")
    earlier.finish({"test_accuracy": 0.5})
    again = started(tmp_path)
    fill(again, b"2")
    replace, done = os.replace, []

    def third_time(source, target):
        if ".next" in str(source) and ".partial" not in str(source):
            done.append(source)
            if len(done) == 3:
                raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", third_time)
    with pytest.raises(KeyboardInterrupt):
        again.finish({"test_accuracy": 0.75})
    again.stop("interrupted")
    after = contents(tmp_path)
    assert run_json(tmp_path)["status"] == "finished" and run_json(tmp_path)["result"] == {"test_accuracy": 0.75}
    assert all(after[name] == b"2" for name in ("weights.safetensors", *run_folder.PICTURES))
    assert not [name for name in after if name.startswith(".")]


def test_stopping_raises_nothing_where_the_disk_takes_nothing(tmp_path, monkeypatch):
    folder = started(tmp_path)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_folder, "write_atomically", full)
    folder.stop("disk full")
    assert os.listdir(tmp_path) == ["run.json"]     # and the lock is gone


# --- one at a time ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("system", ["with fcntl", "without"])
def test_two_runs_in_one_folder(tmp_path, monkeypatch, system):
    if system == "without":
        monkeypatch.setattr(lock, "fcntl", None)
    first = started(tmp_path)
    first.add_epoch(**EPOCH)
    before = contents(tmp_path)
    with pytest.raises(RunFolderError) as caught:
        started(tmp_path)
    assert str(caught.value).startswith(f"run folder {tmp_path}: process {os.getpid()} ")
    assert "is running in it: wait for its end or name another folder" in str(caught.value)
    assert contents(tmp_path) == before
    first.finish({})
    second = started(tmp_path)
    second.stop("enough")
    assert names(tmp_path) == ["history.csv", "run.json"] == sorted(os.listdir(tmp_path))


@pytest.mark.skipif(lock.fcntl is None, reason="without fcntl the user must remove it")
def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    code = ("import os, sys; from minigrad.train.run_folder import RunFolder\n"
            "RunFolder(sys.argv[1]).start('killed', 0, {}, {}); os._exit(9)")
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == 9
    assert ".lock" in os.listdir(tmp_path)
    started(tmp_path).stop("enough")
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_process_killed_at_its_very_start_leaves_a_folder_that_can_be_used(tmp_path):
    (tmp_path / ".lock").write_text("4711")
    (tmp_path / ".next").mkdir()
    if lock.fcntl:
        started(tmp_path).finish({})
        assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.skipif(lock.fcntl is None, reason="as above")
def test_a_lock_removed_between_opening_and_locking_it_is_another_file(tmp_path, monkeypatch):
    """A waits at the file that B removes as its run ends: what A then locks is no lock, so it makes its own."""
    flock, calls = lock.fcntl.flock, []

    def late(file, how):
        calls.append(file)
        if len(calls) == 1:
            (tmp_path / ".lock").unlink()
        flock(file, how)

    monkeypatch.setattr(lock.fcntl, "flock", late)
    folder = started(tmp_path)
    assert len(calls) == 2 and (tmp_path / ".lock").read_text() == str(os.getpid())
    folder.stop("enough")


def test_a_folder_that_cannot_be_locked(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(37, "No locks available")

    if lock.fcntl:
        monkeypatch.setattr(lock.fcntl, "flock", refuse)
        with pytest.raises(RunFolderError, match="cannot be locked .No locks available.: name another folder"):
            started(tmp_path)


# --- run.json -------------------------------------------------------------------------------------------------------

def test_run_json_has_the_version_of_cupy_however_it_was_installed(tmp_path, monkeypatch):
    """And of Pillow, which reads the images of a folder."""
    found = {"numpy": "2.1", "cupy-cuda13x": "14.0", "pillow": "12.0"}

    def version(name):
        if name not in found:
            raise run_folder.metadata.PackageNotFoundError
        return found[name]
    monkeypatch.setattr(run_folder.metadata, "version", version)
    versions = run_json(started(tmp_path / "run").path)["versions"]
    assert found.items() <= versions.items()


def test_run_json_says_what_was_run_on_what(tmp_path):
    folder = started(tmp_path / "new" / "run")
    assert names(folder.path) == ["run.json"]
    assert (folder.path / ".lock").read_text() == str(os.getpid())
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
    folder.stop("no result")
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


def test_messages_name_the_target_whatever_the_writer_says(tmp_path):
    def write(path):
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise OSError(f"{path}: cannot be written") from error

    with pytest.raises(RunFolderError) as caught:
        started(tmp_path).write("weights.safetensors", write)
    assert str(caught.value) == (f"run folder {tmp_path}: weights.safetensors cannot be written (No space left on "
                                 "device): name another folder")


def test_read_history_of_an_empty_file(tmp_path):
    (tmp_path / "history.csv").write_text(",".join(HISTORY_COLUMNS) + "\n")
    assert read_history(tmp_path / "history.csv") == {}
