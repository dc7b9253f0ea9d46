"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler


class SequentialLR(LRScheduler):
    """Schedules one after the other: the second takes over at the first milestone, and counts from 0 then.

        warmup, cosine = LinearLR(optimizer, 0.1, total_iters=5), CosineAnnealingLR(optimizer, 95)
        scheduler = SequentialLR(optimizer, [warmup, cosine], milestones=[5])
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int],
                 last_epoch: int = -1):
        self._schedulers = alike("SequentialLR", schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(f"SequentialLR: {len(schedulers)} schedules have {len(schedulers) - 1} milestones between "
                             f"them, {len(milestones)} came")
        for i, scheduler in enumerate(self._schedulers[1:]):
            if isinstance(scheduler, (SequentialLR, ChainedScheduler)):
                raise ValueError(f"SequentialLR: schedule {i + 1} is a {type(scheduler).__name__}, which cannot be "
                                 "started late: put its parts here")
        self._milestones, self.optimizer, self.last_epoch = list(milestones), optimizer, last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        undo(self)                                      # what they did when they were made
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._start()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Go on by one step of the schedule whose turn it is."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i and self._milestones[i - 1] == self.last_epoch:
            scheduler._update(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(LRScheduler):
    """Several schedules on one optimizer, all stepped together: those that multiply, multiply each other."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        optimizer = schedulers[0].optimizer if optimizer is None and schedulers else optimizer
        self._schedulers = alike("ChainedScheduler", schedulers, optimizer)
        self.optimizer = self._schedulers[0].optimizer
        self._note()

    def step(self) -> None:
        """Step all of them, in their order."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._note()


def undo(scheduler: LRScheduler) -> None:
    """Take back the count of the step with which a schedule, and all in it, began."""
    if isinstance(scheduler, (SequentialLR, ChainedScheduler)):
        for part in scheduler._schedulers:
            undo(part)
    else:
        scheduler.last_epoch -= 1


def alike(who: str, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> list[LRScheduler]:
    """The schedules, if there are any and all belong to the optimizer."""
    if len(schedulers) < 1:
        raise ValueError(f"{who}: there are no schedules")
    for i, scheduler in enumerate(schedulers):
        if not isinstance(scheduler, LRScheduler):
            raise TypeError(f"{who}: schedule {i} must be an LRScheduler, {type(scheduler).__name__} came")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(f"{who}: schedule {i} is a ReduceLROnPlateau, whose step needs a metric: step it alone")
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"{who}: schedule {i}, a {type(scheduler).__name__}, belongs to another optimizer")
    return list(schedulers)
