"""Small data and models that tests of training share."""

from __future__ import annotations

import signal

import numpy as np

from minigrad import nn, ops
from minigrad.backend import to_numpy
from minigrad.data import Dataset
from minigrad.graph import Graph, Input
from minigrad.train import Callback

CLASSES = ("0", "1", "2")


class Interrupt(Callback):
    """Sends this process a signal after some step, as a user's Ctrl-C does."""

    def __init__(self, step, number=signal.SIGINT):
        self.step, self.number = step, number

    def on_step_begin(self, trainer, inputs, targets):
        if trainer.steps == self.step:
            signal.raise_signal(self.number)


def bars(n: int, seed: int = 0, classes: tuple[str, ...] = CLASSES) -> Dataset:
    """Images (n, 1, 8, 8) of noise with a bright row: the class is where."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % len(classes)
    images = generator.normal(0, 0.3, (n, 1, 8, 8)).astype(np.float32)
    images[np.arange(n), 0, 2 * labels] += 1.5
    return Dataset("bars", images, labels, classes)


def small_model() -> Graph:
    x = Input((1, 8, 8), name="image")
    h = ops.tanh(nn.Conv2d(1, 4, 3)(x, name="c1"))
    return Graph(x, nn.Linear(4 * 36, 3)(ops.flatten(h, 1), name="fc"))


def bare_rows(history) -> list[dict]:
    """The rows without their times: what two runs of one seed share to the last bit."""
    return [{name: x for name, x in row.items() if name not in ("seconds", "samples_per_second")} for row in history]


def copies(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: to_numpy(array) for name, array in model.state_dict().items()}


def same_bits(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all([a[name].tobytes() == b[name].tobytes() for name in a])
