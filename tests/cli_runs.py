"""What the tests of the command share: a tiny MNIST, a run on it, and ways to call the command."""

from __future__ import annotations

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

from minigrad import cli
from minigrad.data import write_idx
from minigrad.graph import load_weights
from minigrad.train import Callback

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


def on(files: Path, *words: str) -> list[str]:
    """The words that train on a tiny MNIST for one epoch."""
    return ["train", "lenet5", "--data", "mnist", "--root", str(files), "--epochs", "1", *words]


def said(argv: list[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> str:
    """What the command says on standard output; nothing it says is wider than 80 columns."""
    capsys.readouterr()
    came = cli.main(argv)
    out, err = capsys.readouterr()
    assert came == status, err
    return out


def refused(argv: list[str], capsys: pytest.CaptureFixture[str], status: int = 2) -> str:
    """The one line that the command says when it refuses."""
    capsys.readouterr()
    came = cli.main(argv)
    out, err = capsys.readouterr()
    assert came == status and err.startswith("minigrad: error: ") and err.count("\n") == 1, err
    assert json.loads(out)["error"] in err if "--json" in argv else out == ""
    return err


@contextmanager
def process(*words: str, **pipes: Any) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, which is gone after a minute, or when the test is over."""
    with subprocess.Popen([sys.executable, "-c", COMMAND, *words], text=True, **{"cwd": ROOT, **pipes}) as child:
        timer = Timer(60, child.kill)
        timer.start()
        try:
            yield child
        finally:
            timer.cancel()
            child.kill()


def stopped_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Ctrl-C, sent by a callback at a step of the next run."""
    class Stop(Callback):
        def on_step_end(self, trainer: Any) -> None:
            if trainer.steps == step:
                signal.raise_signal(signal.SIGINT)

    patch.setattr("minigrad.cli.train.ProgressBar", lambda unit: Stop())


def weights(folder: str | Path) -> dict[str, np.ndarray]:
    return load_weights(Path(folder) / "weights.safetensors")


def unlike(old: dict[str, np.ndarray], new: dict[str, np.ndarray]) -> set[str]:
    """The names of the arrays that changed, to the bit."""
    return {name for name, x in new.items() if name not in old or x.tobytes() != old[name].tobytes()}


def ended_alike(one: str | Path, other: str | Path) -> bool:
    """Whether two runs have the same weights to the bit, and said the same of themselves, the time aside."""
    a, b = run_json(one), run_json(other)
    del a["result"]["seconds"], b["result"]["seconds"]
    same = all([a[key] == b[key] for key in ("settings", "data", "result")])
    return same and weights(one).keys() == weights(other).keys() and not unlike(weights(one), weights(other))


def contents(folder: str | Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def run_json(folder: str | Path = "run") -> dict[str, Any]:
    return json.loads(Path(folder, "run.json").read_text())


def narrow(text: str) -> bool:
    return all([len(line) <= 80 for line in text.splitlines()])
