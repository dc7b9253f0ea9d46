"""A program that trains, is killed with SIGKILL again and again, and goes on: is the end the same, to the last bit?

    python tests/kill_driver.py FOLDER KILLS SEED [FORGET]

Every life is a fork of this process. It dies at a moment drawn from SEED: at the n-th call of any function of Python or
C, or within the write of a checkpoint: when half of its bytes are written, before and after they are flushed to the
disk, before and after each file is renamed. Runs are trained to their end and compared with one that nobody disturbed,
until there were KILLS kills. Prints, as JSON, how often which death was died and which runs ended otherwise. FORGET, a
part of the state that checkpoints shall then lack, shows that the comparison can fail.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT.parent), str(ROOT)]

import minigrad as mg  # noqa: E402
from minigrad import nn, optim  # noqa: E402
from minigrad.train import EarlyStopping, GradientClipping, ModelCheckpoint, Trainer, fit  # noqa: E402

CALLS = 16_000                  # within how many calls of functions a life ends
WRITES = 12                     # within how many calls of the functions of a write


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3),
                         nn.Linear(144, 16), nn.BatchNorm1d(16), nn.Linear(16, 3))


def jitter(images: np.ndarray, labels: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return images + generator.normal(0, 0.3, images.shape).astype("f4"), labels


def training(folder: Path, seed: int) -> dict[str, Any]:
    """Three epochs of seven steps, a checkpoint after every step; what came of them, as a digest and the history."""
    from trainings import bare_rows, bars

    mg.manual_seed(seed)
    model, made = net(), []
    adam = seed % 2 == 0

    def optimizer(parameters: Any) -> optim.Optimizer:
        made.append(optim.Adam(parameters, 0.01) if adam else optim.SGD(parameters, 0.05, 0.9, weight_decay=1e-3))
        return made[0]

    history = fit(model, bars(100), validation=bars(30, 1), loss="cross_entropy", optimizer=optimizer, epochs=3,
                  batch_size=15, seed=seed, metrics=["accuracy"], schedule="cosine", transform=jitter, resume=True,
                  callbacks=[GradientClipping(norm=1.0), ModelCheckpoint(folder, every_steps=1),
                             EarlyStopping(None, ("validation_accuracy", "validation_loss"))])
    digest = hashlib.sha256()
    for name, array in sorted(model.state_dict().items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    for i, state in sorted(made[0].state_dict()["state"].items()):
        for name, x in sorted(state.items()):
            digest.update(f"{i} {name}".encode() + np.asarray(x).tobytes())
    digest.update((folder / "best.safetensors").read_bytes())
    return {"digest": digest.hexdigest(), "rows": bare_rows(history)}


# --- deaths -----------------------------------------------------------------------------------------------------

def die(how: str, note: Path) -> None:
    note.write_text(how)
    os.kill(os.getpid(), signal.SIGKILL)


def doomed_by_calls(generator: np.random.Generator, note: Path) -> None:
    """Die at the n-th call of a function."""
    left = int(generator.integers(1, CALLS))

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            sys.setprofile(None)
            die("anywhere", note)

    sys.setprofile(count)


def doomed_in_a_write(generator: np.random.Generator, note: Path) -> None:
    """Die at one of the calls that a write is made of: before it, after it, or with half of the bytes written."""
    name = ["write", "fsync", "replace"][generator.integers(3)]
    when = ["before", "after"][generator.integers(2)]
    left = int(generator.integers(1, WRITES))
    owner, function = (Path, "write_bytes") if name == "write" else (os, name)
    own = getattr(owner, function)

    def call(*args: Any) -> Any:
        nonlocal left
        left -= 1
        if left > 0:
            return own(*args)
        if name == "write":
            own(args[0], args[1][:len(args[1]) // 2])
            with open(args[0], "rb") as file:
                os.fsync(file.fileno()) if when == "after" else None
            setattr(owner, function, own)
            die("half written", note)
        if when == "after":
            own(*args)
        die(f"{when} {name}", note)

    setattr(owner, function, call)


def life(folder: Path, seed: int, doom: Any) -> bool:
    """Train, or go on; whether it came to the end."""
    child = os.fork()
    if child == 0:
        try:
            if doom is not None:
                doom()
            result = training(folder, seed)
            sys.setprofile(None)
            folder.with_suffix(".json").write_text(json.dumps(result))
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    if status:
        raise SystemExit(f"a life ended with status {status}: its output is above")
    return True


def forget(part: str) -> None:
    """Let checkpoints have another training's part of the state."""
    own = Trainer.state_dict

    def state_dict(self: Trainer) -> dict[str, Any]:
        state = own(self)
        self.first = getattr(self, "first", state[part])
        return {**state, part: self.first}

    Trainer.state_dict = state_dict


def main(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    generator, deaths = np.random.default_rng(seed), Counter()
    note, run, runs, differ = folder / "note", 0, 0, []
    expected = {}
    for kind in (0, 1):
        life(folder / f"whole{kind}", kind, None)
        expected[kind] = json.loads((folder / f"whole{kind}.json").read_text())
    while deaths.total() < kills:
        run += 1
        kind, place = run % 2, folder / f"run{run}"
        ended = False
        while not ended:
            doom = [doomed_by_calls, doomed_in_a_write][generator.integers(2)]
            spared = deaths.total() >= kills
            ended = life(place, kind, None if spared else lambda doom=doom: doom(generator, note))
            generator.integers(2, size=8)               # a child's draws are not the parent's
            if not ended:
                deaths[note.read_text()] += 1
        runs += 1
        if json.loads(place.with_suffix(".json").read_text()) != expected[kind]:
            differ.append(run)
        left = [path.name for path in place.iterdir() if "partial" in path.name or path.name.startswith(".")]
        if left:
            differ.append(f"{run} leaves {left}")
        shutil.rmtree(place)
    return {"kills": deaths.total(), "runs": runs, "differ": differ, "deaths": dict(deaths)}


if __name__ == "__main__":
    for part in sys.argv[4:]:
        forget(part)
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
