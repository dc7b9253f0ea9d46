"""The history on disk while the training goes: as CSV, and as a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class CSVLogger(Callback):
    """Writes the history to a CSV file after every epoch, the whole of it at once: a reader never sees half a row.

    The folder of the file is made where it lacks, before the training begins.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = path

    def setup(self, trainer: Trainer) -> None:
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, trainer: Trainer) -> None:
        trainer.history.to_csv(self.path)


class HistoryPlot(Callback):
    """Draws the history as a PNG file at the end, when it is interrupted, and after every so many epochs.

    every_epochs: None: at the end alone. Needs matplotlib; what is missing is said before the training begins, and
    the folder of the file is made then where it lacks.
    """

    def __init__(self, path: str | os.PathLike[str], every_epochs: int | None = None, title: str = "Training"):
        if every_epochs is not None and (isinstance(every_epochs, bool) or not isinstance(every_epochs, int)
                                         or every_epochs < 1):
            raise ValueError(f"HistoryPlot: every_epochs must be a number of epochs, or None, {every_epochs!r} came")
        self.path, self.every_epochs, self.title = path, every_epochs, title

    def setup(self, trainer: Trainer) -> None:
        from ..pictures import rehearse
        rehearse()
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.every_epochs is not None and trainer.epoch % self.every_epochs == 0:
            self.draw(trainer)

    def on_interrupt(self, trainer: Trainer) -> None:
        self.draw(trainer)

    def on_train_end(self, trainer: Trainer) -> None:
        self.draw(trainer)

    def draw(self, trainer: Trainer) -> None:
        if len(trainer.history):
            trainer.history.plot(self.path, title=self.title)
