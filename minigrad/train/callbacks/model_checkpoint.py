"""ModelCheckpoint: the last state of a training, from which it can go on, and the weights of its best epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ...graph.save import save
from ..checkpoint import BEST, LAST, PREVIOUS
from ..monitor import Monitor
from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer

NEW = ".new.safetensors"        # the last one, until the last but one has made room


class ModelCheckpoint(Callback):
    """Writes into `folder`, every file whole or not at all:

        last.safetensors        the whole state: fit(..., resume=folder) goes on from there to the last bit
        previous.safetensors    the one before, should the last be damaged
        best.safetensors        the model of the best epoch, for mg.load

    every_epochs, every_steps, every_seconds: when; what is None does not count. It is also written when a signal
    (Ctrl-C) ends the training. save_best: whether to write best.safetensors; monitor, mode: which epoch is best, see
    `Monitor`; by default the one with the least validation_loss (without validation data train_loss).
    """

    comes_last = True           # the state of all others is that after this step
    resumable_without = True

    def __init__(self, folder: str | os.PathLike[str], *, every_epochs: int | None = 1, every_steps: int | None = None,
                 every_seconds: float | None = None, save_best: bool = True,
                 monitor: str | Sequence[str] | None = None, mode: str | Sequence[str] = "auto"):
        for name, value, kinds in (("every_epochs", every_epochs, int), ("every_steps", every_steps, int),
                                   ("every_seconds", every_seconds, (int, float))):
            if value is not None and (isinstance(value, bool) or not isinstance(value, kinds) or not value > 0):
                raise ValueError(f"ModelCheckpoint: {name} must be a number above 0, or None, {value!r} came")
        self.folder = Path(folder)
        self.every_epochs, self.every_steps, self.every_seconds = every_epochs, every_steps, every_seconds
        self.save_best, self.watched = save_best, (monitor, mode)
        self.monitor = Monitor(*self.watched)
        self.best: dict[str, Any] | None = None
        self.written = perf_counter()

    def setup(self, trainer: Trainer) -> None:
        """Make the folder, and remove what a process left that was killed while it wrote."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in [self.folder / NEW, *self.folder.glob(f".{Path(NEW).stem}.*.partial.safetensors"),
                     *self.folder.glob(f".{Path(BEST).stem}.*.partial.safetensors")]:
            left.unlink(missing_ok=True)
        self.monitor, self.best, self.written = Monitor(*self.watched), None, perf_counter()

    def on_train_begin(self, trainer: Trainer) -> None:
        if self.save_best:
            self.monitor.expect(trainer.columns())

    def on_step_end(self, trainer: Trainer) -> None:
        asked = self.every_steps is not None and trainer.steps % self.every_steps == 0
        waited = self.every_seconds is not None and perf_counter() - self.written >= self.every_seconds
        if asked or waited:
            self.write(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        row = trainer.history[-1]
        if self.save_best:
            self.monitor.resolve(row, trainer.scores.better())
            if self.monitor.better(row, self.best):
                self.best = dict(row)
                save(trainer.model, self.folder / BEST)
        if self.every_epochs is not None and (trainer.epoch % self.every_epochs == 0 or trainer.is_over()):
            self.write(trainer)

    def on_interrupt(self, trainer: Trainer) -> None:
        self.write(trainer)

    def write(self, trainer: Trainer) -> None:
        """Write the last checkpoint; the one that was the last becomes the previous one."""
        last = self.folder / LAST
        trainer.save(self.folder / NEW)
        if last.exists():
            os.replace(last, self.folder / PREVIOUS)
        os.replace(self.folder / NEW, last)
        trainer.checkpoint, self.written = last, perf_counter()

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best = state["best"]
