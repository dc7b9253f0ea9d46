"""The folder that a training run leaves behind: what was run, on what, how it went, and the weights.

    run.json               command, seed, versions, hardware, data, settings, status, result
    history.csv            one row an epoch, named columns
    weights.safetensors    the weights of the chosen epoch
    curves.png ...         pictures
    health.txt, .csv, .png how gradients fared, where that was asked for
    last.safetensors       while it is not finished: the checkpoint from which it can go on (and previous.safetensors)

Each file appears complete or not at all: it is written under a temporary name beside its place and then renamed. While
a run goes on the folder is locked, and a finished run in it stays as it is until the new one has its result: until then
the new one's files gather in a hidden folder inside; there they also wait to be resumed.
"""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ..backend import processor_name
from ..files import write_atomically
from .checkpoint import LAST, PREVIOUS
from .lock import Lock, LockedError
from .state import differences

RUN, HISTORY, WEIGHTS = "run.json", "history.csv", "weights.safetensors"
CURVES, CONFUSION, FILTERS, MOST_WRONG, OVERLAYS = (
    "curves.png", "confusion_matrix.png", "first_layer_filters.png", "most_wrong.png", "overlays.png")
PICTURES = (CURVES, CONFUSION, FILTERS, MOST_WRONG, OVERLAYS)
HEALTH = ("health.csv", "health.png", "health.txt")
MADE_BY = "minigrad"            # how a later run knows the folder again
LOCK, NEXT = ".lock", ".next"   # while a run goes on: its lock; its files, if a finished run has their place
HISTORY_COLUMNS = ("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
                   "samples_per_second", "seconds")

LIBRARIES = ("numpy", "cupy", "cupy-cuda12x", "cupy-cuda13x", "safetensors", "scikit-learn", "pillow", "matplotlib",
             "threadpoolctl")           # that have a part in a run, as they are installed
PASSING = ("root", "device_name")       # what may change while a run waits to be resumed


class RunFolderError(OSError):
    """The run folder cannot be used or written: says in one line which, why and what to do."""


class RunFolder:
    """The folder of one training run. Making one checks that it can be used; it is created by the first write.

    A folder that is new, empty, or holds an earlier run of minigrad is accepted. A finished run is replaced by
    `finish`, and `stop` leaves it; what is left of one that never finished is removed by `start`, or gone on with by
    `resume`. From `start` or `resume` to `finish` or `stop` no other process, and no other RunFolder, can start a run
    there. Checkpoints go into `place`.

        folder = RunFolder("runs/lenet5")           # RunFolderError: not a folder, not writable, holds other things
        folder.start(command="minigrad train lenet5", seed=0, data={"name": "digits"}, settings={"epochs": 20})
        folder.add_epoch(epoch=1, train_loss=0.31, train_accuracy=0.9, ...)
        folder.write("weights.safetensors", lambda path: ...)
        folder.finish({"test_accuracy": 0.989})     # or folder.stop("the loss is nan")
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = self.place = Path(path)         # place: where the files are written, path or path/.next
        self.lock: Lock | None = None
        self.run: dict[str, Any] = {}               # what run.json holds
        self.history: list[dict[str, Any]] = []     # what history.csv holds
        self.written: set[str] = set()              # the names of the files that this run made
        self._check_usable()

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    # --- before the run

    def _check_usable(self) -> None:
        try:
            if os.path.lexists(self.path) and not self.path.is_dir():
                raise RunFolderError(f"run folder {self.path}: is no folder: name another")
            if self.path.is_dir() and _others(self.path) and _earlier_run(self.path) is None:
                raise RunFolderError(f"run folder {self.path}: is not empty and holds no earlier run of minigrad "
                                     f"(no {RUN} of its making): name a new or an empty folder")
            _check_writable(self.path)
        except RunFolderError:
            raise
        except OSError as error:
            raise self._failure("cannot be written", error) from error

    def _failure(self, what: str, error: OSError) -> RunFolderError:
        while error.strerror is None and isinstance(error.__cause__, OSError):      # a writer's own words for it
            error = error.__cause__
        return RunFolderError(f"run folder {self.path}: {what} ({error.strerror or error}): name another folder")

    # --- the run

    def start(self, command: str | Sequence[str], seed: int, data: Mapping[str, Any],
              settings: Mapping[str, Any]) -> None:
        """Create and lock the folder, make room and write run.json with status "running".

        Raises RunFolderError, also where another run goes on in the folder.
        """
        self._lock()
        self.history, self.written = [], set()
        self.run = {
            "made_by": MADE_BY, "status": "running",
            "command": command if isinstance(command, str) else list(command), "seed": seed, "started": _now(),
            "versions": versions(), "hardware": hardware(), "data": dict(data), "settings": dict(settings),
        }
        try:
            self._make_room()
            self._write_run(self.run)
        except BaseException:
            self._leave()
            raise

    def _lock(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.lock = Lock(self.path / LOCK)
        except LockedError as error:
            raise RunFolderError(f"run folder {self.path}: {error} is running in it: wait for its end or name another "
                                 "folder") from error
        except OSError as error:
            raise self._failure("cannot be locked", error) from error

    def _make_room(self) -> None:
        """A finished run keeps its place; what is left of any other goes."""
        finished = (_earlier_run(self.path) or {}).get("status") == "finished"
        self.place = self.path / NEXT if finished else self.path
        try:
            shutil.rmtree(self.path / NEXT, ignore_errors=True)
            self.place.mkdir(exist_ok=True)
            if not finished:
                for name in (HISTORY, WEIGHTS, *PICTURES, *HEALTH, LAST, PREVIOUS):
                    (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._failure("cannot be cleared of its earlier run", error) from error

    def resume(self, seed: int, data: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Lock the folder and go on with the run in it that never finished; its files stay.

        seed, data, settings: as `start` got them; they are compared, but for epochs, of which there may be more now.
        Raises RunFolderError where there is nothing to go on with, or they differ, naming what.
        """
        if not self.path.is_dir():
            raise RunFolderError(f"run folder {self.path}: there is no such folder, so nothing to resume")
        self._lock()
        try:
            self.place = self.path / NEXT if (self.path / NEXT / LAST).exists() else self.path
            run = self._to_resume({"seed": seed, "data": data, "settings": settings})
            self.history, self.written = [], set()
            self.run = {**run, "status": "running", "resumed": [*run.get("resumed", []), _now()]}
            self._write_run(self.run)
        except BaseException:
            self._leave()
            raise

    def _to_resume(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """run.json of a run that can be resumed as it is asked for, without what its end had added."""
        run = _earlier_run(self.place)
        if run is None:
            raise RunFolderError(f"run folder {self.path}: holds no run of minigrad (no {RUN} of its making), so "
                                 "nothing to resume")
        if run.get("status") == "finished":
            raise RunFolderError(f"run folder {self.path}: its run has finished, there is nothing to resume: more "
                                 "epochs are another run, to be begun without resume")
        if not any([(self.place / name).exists() for name in (LAST, PREVIOUS)]):
            raise RunFolderError(f"run folder {self.path}: its run ended before its first checkpoint ({LAST}): begin "
                                 "it anew, without resume")
        now = _plain(asked)
        then = {name: _kept(run.get(name)) for name in now}
        _allow_more_epochs(then["settings"], now["settings"])
        found = differences(then, {name: _kept(x) for name, x in now.items()})
        if found:
            raise RunFolderError(f"run folder {self.path}: cannot be resumed with other settings: {'; '.join(found)}: "
                                 "leave them as they were, or begin another run")
        left = {name: value for name, value in run.items() if name not in ("status", "reason", "ended")}
        return {**left, "settings": now["settings"]}

    def set_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Let history.csv hold these epochs, as far as a run came that is resumed."""
        self.history = []
        if rows:
            self.history = [_plain(row) for row in rows[:-1]]
            self.add_epoch(**rows[-1])

    def add_epoch(self, **columns: Any) -> None:
        """Add a row to history.csv: the HISTORY_COLUMNS, and after them any others, the same in every row."""
        expected = tuple(self.history[0]) if self.history else tuple(dict.fromkeys((*HISTORY_COLUMNS, *columns)))
        missing = [name for name in expected if name not in columns]
        unknown = [name for name in columns if name not in expected]
        if missing or unknown:
            came = "; ".join([f"{name} is missing" for name in missing] + [f"{name} is new" for name in unknown])
            raise ValueError(f"add_epoch: expected the columns {', '.join(expected)}; {came}")
        rows = [*self.history, {name: _plain(columns[name]) for name in expected}]
        self.write(HISTORY, lambda path: _write_rows(path, rows))
        self.history = rows

    def write(self, name: str, write: Callable[[Path], object]) -> Path:
        """Write a file of the run atomically: `write(path)` makes it. Returns where it lies for now."""
        target = self.place / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, write)
        except OSError as error:
            raise self._failure(f"{name} cannot be written", error) from error
        self.written.add(name)
        return target

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write run.json with status "finished" and the result; where a finished run was, this one takes its place."""
        self._close({"status": "finished", "result": dict(result)})
        for name in (LAST, PREVIOUS):
            (self.place / name).unlink(missing_ok=True)
        self._take_the_place()
        self._leave()

    def stop(self, reason: str) -> None:
        """Write run.json with status "stopped" and why: a run that was interrupted or could not go on.

        Where a finished run was, that stays; the new one goes, unless it has a checkpoint: then it waits beside it to
        be resumed. It raises nothing where the disk takes not even that.
        """
        waits = self.place == self.path or (self.place / LAST).exists()
        with suppress(OSError):
            if self.run.get("status") == "finished":        # stopped on its last steps
                self._take_the_place()
                waits = False
            elif waits:
                self._close({"status": "stopped", "reason": reason})
        self._leave(waits)

    def _close(self, end: Mapping[str, Any]) -> None:
        if not self.run:
            raise RuntimeError("RunFolder: start() comes before finish() and stop()")
        run = {**self.run, **end, "ended": _now()}
        self._write_run(run)
        self.run = run

    def _take_the_place(self) -> None:
        """Bring the files from where they gathered, run.json last; done twice it does no harm."""
        if self.place == self.path or not (self.place / RUN).exists():
            return
        try:
            for name in {HISTORY, WEIGHTS, *PICTURES, *HEALTH} - self.written:
                (self.path / name).unlink(missing_ok=True)
            for name in self.written - {RUN}:
                if (self.place / name).exists():
                    (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(self.place / name, self.path / name)
            os.replace(self.place / RUN, self.path / RUN)
        except OSError as error:
            raise self._failure("its earlier run cannot be replaced", error) from error

    def _leave(self, waits: bool = False) -> None:
        """Unlock the folder, and remove what gathered beside a finished run, unless it waits to be resumed."""
        if self.place != self.path and not waits:
            shutil.rmtree(self.place, ignore_errors=True)
        if self.lock is not None:
            self.lock.release()
        self.lock = None

    def _write_run(self, run: Mapping[str, Any]) -> None:
        text = json.dumps(_plain(run), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        self.write(RUN, lambda path: path.write_text(text, encoding="utf-8"))


def read_history(path: str | os.PathLike[str]) -> dict[str, list[float]]:
    """history.csv as its columns: name -> one number an epoch (nan where the file says nothing)."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}


def _kept(said: Any) -> Any:
    """What of a run's data or settings must be the same for it to go on: not where they lie, nor the processor."""
    return {name: x for name, x in said.items() if name not in PASSING} if isinstance(said, dict) else said


def _allow_more_epochs(then: Any, now: dict[str, Any]) -> None:
    """A run that goes on may get longer: then `then` is made to agree."""
    if isinstance(then, dict) and isinstance(then.get("epochs"), int) and now.get("epochs", 0) > then["epochs"]:
        then["epochs"] = now["epochs"]


def versions() -> dict[str, str]:
    """Of Python, minigrad, and the libraries that have a part in a run and are installed."""
    try:
        own = metadata.version("minigrad")
    except metadata.PackageNotFoundError:
        own = "not installed, run from its source tree"
    found = {"python": platform.python_version(), "minigrad": own}
    for library in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found[library] = metadata.version(library)
    return found


def hardware() -> dict[str, Any]:
    """The processor, how many of them there are and how many this process may use, and the system."""
    count = os.cpu_count()
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else count
    return {"processor": processor_name(), "processors": count, "usable_processors": usable,
            "system": platform.platform()}


def _others(folder: Path) -> bool:
    """Whether the folder holds anything but what a run that was killed at its start leaves."""
    return any([entry.name not in (LOCK, NEXT) for entry in folder.iterdir()])


def _earlier_run(folder: Path) -> dict[str, Any] | None:
    """The run.json of an earlier run of minigrad; None where there is none."""
    try:
        run = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, ValueError):
        return None
    return run if isinstance(run, dict) and run.get("made_by") == MADE_BY else None


def _check_writable(folder: Path) -> None:
    """Make and remove a file where the first write will come: in `folder`, or its nearest ancestor that exists."""
    ancestor = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not ancestor.is_dir():
        raise RunFolderError(f"run folder {folder}: cannot be created, for {ancestor} is a file: name another folder")
    probe = ancestor / f".minigrad.{secrets.token_hex(4)}.partial"
    probe.touch(exist_ok=False)
    probe.unlink()


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _plain(value: Any) -> Any:
    """`value` in what JSON has: NumPy's numbers and arrays as Python's, paths as text, nan and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, os.PathLike) else value


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
