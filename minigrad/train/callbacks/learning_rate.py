"""LearningRateScheduler: a schedule of the learning rate, after every epoch or every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...optim import Optimizer
from ...optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, ReduceLROnPlateau
from ..monitor import Monitor
from ..state import differences
from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer

PER = ("epoch", "step")
NAMED: dict[str, Callable[[Optimizer, int], LRScheduler]] = {       # over all of the training, down to 0
    "cosine": CosineAnnealingLR,
    "linear": lambda optimizer, total: LinearLR(optimizer, 1.0, 0.0, total),
}


class LearningRateScheduler(Callback):
    """Steps a scheduler of `optim.lr_scheduler` after every epoch (as PyTorch's are meant), or after every step.

        LearningRateScheduler(lambda optimizer: StepLR(optimizer, step_size=30))
        LearningRateScheduler("cosine", per="step")

    schedule: a scheduler, a function optimizer -> scheduler, or a name: "cosine" or "linear", from the optimizer's
    learning rate down to 0 over all epochs. per: "epoch" or "step".
    monitor: the column that ReduceLROnPlateau looks at; None: validation_loss, without validation data train_loss.
    """

    joins_late = False

    def __init__(self, schedule: Any, per: str = "epoch", monitor: str | None = None):
        if per not in PER:
            raise ValueError(f'schedule: per must be "epoch" or "step", {per!r} came')
        if isinstance(schedule, str) and schedule not in NAMED:
            raise ValueError(f"schedule: {schedule!r} is unknown: there are {', '.join(NAMED)}, and the schedulers of "
                             "optim.lr_scheduler")
        if not isinstance(schedule, (str, LRScheduler)) and not callable(schedule):
            raise TypeError("schedule: expected a scheduler of optim.lr_scheduler, a function optimizer -> scheduler "
                            f"or a name, {type(schedule).__name__} came")
        self.schedule, self.per, self.monitor = schedule, per, monitor

    def setup(self, trainer: Trainer) -> None:
        self.scheduler = self.made(trainer)
        if not isinstance(self.scheduler, LRScheduler):
            raise TypeError("schedule: expected the function to return a scheduler of optim.lr_scheduler, "
                            f"{type(self.scheduler).__name__} came")
        if self.scheduler.optimizer is not trainer.optimizer:
            raise ValueError(f"schedule: this {type(self.scheduler).__name__} belongs to another optimizer than the "
                             "one that trains: give a function optimizer -> scheduler")
        if isinstance(self.scheduler, ReduceLROnPlateau) and self.per == "step":
            raise ValueError('schedule: ReduceLROnPlateau looks at the result of an epoch: per="epoch"')
        self.start = self.scheduler.state_dict()

    def made(self, trainer: Trainer) -> Any:
        if isinstance(self.schedule, LRScheduler):
            return self.schedule
        if isinstance(self.schedule, str):
            total = trainer.epochs * (len(trainer.loader) if self.per == "step" else 1)
            return NAMED[self.schedule](trainer.optimizer, total)
        return self.schedule(trainer.optimizer)

    def on_train_begin(self, trainer: Trainer) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            Monitor(self.monitor).expect(trainer.columns())

    def on_step_end(self, trainer: Trainer) -> None:
        if self.per == "step":
            self.scheduler.step()

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.per == "step":
            return
        if isinstance(self.scheduler, ReduceLROnPlateau):
            row = trainer.history[-1]
            watched = Monitor(self.monitor)
            watched.resolve(row)
            self.scheduler.step(row[watched.columns[0]])
        else:
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        return {"kind": type(self.scheduler).__name__, "per": self.per, "start": self.start,
                "now": self.scheduler.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        own = {"kind": type(self.scheduler).__name__, "per": self.per, "start": self.start}
        found = differences({name: state[name] for name in own}, own, "schedule")
        if found:
            raise ValueError("the learning rate followed another schedule: " + "; ".join(found)
                             + " (one made for all epochs changes with their number)")
        self.scheduler.load_state_dict(state["now"])
