"""EarlyStopping: end when an epoch is no better than those before, and keep the best weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..monitor import Monitor
from ..state import copied
from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class EarlyStopping(Callback):
    """Ends the training after `patience` epochs in a row that were not better than the best, whose weights it restores.

    patience: None never ends it, and only keeps the best weights. monitor, mode, min_delta: what is better, see
    `Monitor`; by default less validation_loss (without validation data train_loss).
    restore_best_weights: at the end the model gets the weights and buffers of the best epoch.

    best: the row of the best epoch; None before the first. stopped: whether patience ran out.
    """

    def __init__(self, patience: int | None = 10, monitor: str | Sequence[str] | None = None,
                 mode: str | Sequence[str] = "auto", min_delta: float = 0.0, restore_best_weights: bool = True):
        if patience is not None and (isinstance(patience, bool) or not isinstance(patience, int) or patience < 0):
            raise ValueError(f"EarlyStopping: patience must be a number of epochs, or None, {patience!r} came")
        self.patience, self.restore_best_weights = patience, restore_best_weights
        self.watched = (monitor, mode, min_delta)
        self.monitor = Monitor(*self.watched)
        self.best: dict[str, Any] | None = None
        self.best_state: dict[str, Any] = {}
        self.waited = 0                 # epochs since the best one
        self.stopped = False

    def setup(self, trainer: Trainer) -> None:
        """Nothing is left of a training before."""
        self.monitor, self.best, self.best_state = Monitor(*self.watched), None, {}
        self.waited, self.stopped = 0, False

    def on_train_begin(self, trainer: Trainer) -> None:
        self.monitor.expect(trainer.columns())

    def on_epoch_end(self, trainer: Trainer) -> None:
        row = trainer.history[-1]
        self.monitor.resolve(row, trainer.scores.better())
        if self.monitor.better(row, self.best):
            self.best, self.waited = dict(row), 0
            if self.restore_best_weights:
                self.best_state = copied(trainer.model.state_dict())
        else:
            self.waited += 1
        if self.patience is not None and self.waited >= max(self.patience, 1):
            trainer.stop_training = self.stopped = True

    def on_train_end(self, trainer: Trainer) -> None:
        if self.best_state:
            trainer.model.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_state": self.best_state, "waited": self.waited, "stopped": self.stopped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.best_state = state["best"], dict(state["best_state"])
        self.waited, self.stopped = state["waited"], state["stopped"]
