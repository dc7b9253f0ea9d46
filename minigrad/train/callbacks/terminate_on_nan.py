"""TerminateOnNaN: stop at a loss that is nan or inf, and say which call made it first."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from ..nonfinite import NonFiniteLoss, Replay
from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class TerminateOnNaN(Callback):
    """Raises NonFiniteLoss when the loss, or the validation loss, is nan or inf; names what made such a value first.

    `fit` has one by itself. For the name it keeps a copy of the weights and of the optimizer's state, and the batches
    since the host last read the loss, on the device; explain=False keeps nothing and names nothing.
    """

    def __init__(self, explain: bool = True):
        self.explain = explain
        self.replay: Replay | None = None

    def on_train_begin(self, trainer: Trainer) -> None:
        self.replay = Replay(trainer) if self.explain else None

    def on_step_begin(self, trainer: Trainer, inputs: Any, targets: Any) -> None:
        if self.replay is not None:
            self.replay.keep(inputs, targets)

    def on_log(self, trainer: Trainer) -> None:
        self.check(trainer, "loss", trainer.logs["loss"])
        if self.replay is not None and trainer.batch < len(trainer.loader):
            self.replay.forget()

    def on_epoch_end(self, trainer: Trainer) -> None:
        """The last steps are kept until the validation has seen what they made of the weights."""
        self.check(trainer, "validation loss", trainer.history[-1].get("validation_loss", 0.0))
        if self.replay is not None:
            self.replay.forget()

    def check(self, trainer: Trainer, what: str, loss: float) -> None:
        """Raise NonFiniteLoss for a loss that is not finite."""
        if isfinite(loss):
            return
        if self.replay is not None:
            raise self.replay.explain(f"the {what} is {loss}")
        raise NonFiniteLoss(f"training stopped in epoch {trainer.epoch}, step {trainer.batch}: the {what} is {loss}")

    def teardown(self, trainer: Trainer) -> None:
        self.replay = None
