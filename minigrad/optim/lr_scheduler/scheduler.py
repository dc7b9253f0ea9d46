"""What all schedules share: they count steps and set the learning rates of an optimizer's groups."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """Sets the learning rate of every group of an optimizer, once when it is made and then at every `step()`.

        scheduler = StepLR(optimizer, step_size=30)
        for epoch in range(90):
            for batch in batches: ...               # with an optimizer.step() in it
            scheduler.step()

    A subclass writes `get_lr`. last_epoch: how many steps were taken, -1 for none; to go on from another number the
    groups need the "initial_lr" that a schedule noted in them. base_lrs: the rates from which it started.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        who = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{who}: expected an optimizer, {type(optimizer).__name__} came")
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"{who}: group {i} has no initial_lr from which to go on at epoch {last_epoch}: load "
                               "the optimizer's state first, or start with last_epoch=-1")
        self.optimizer, self.last_epoch = optimizer, last_epoch
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self._start()

    def _start(self) -> None:
        """The step that sets the first rates."""
        self._step_count, self._is_initial = 0, True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[float]:
        """The rates at `last_epoch`, one per group; those before are still in the groups."""
        raise TypeError(f"{type(self).__name__} does not say which rates follow: it has no method get_lr")

    def get_lr_from_start(self) -> list[float]:
        """The rates at `last_epoch` from `base_lrs` alone."""
        return self.get_lr()

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one per group."""
        return self._last_lr

    def step(self) -> None:
        """Go on by one step; after the optimizer's."""
        self._step_count += 1
        if self._step_count == 2 and not self.optimizer.has_stepped:
            warnings.warn(f"{type(self).__name__}.step() came before the first optimizer.step(): the first learning "
                          "rate was never used; call it after optimizer.step()", stacklevel=2)
        self._update()

    def _update(self, epoch: int | None = None) -> None:
        """Set the rates of the next step, or of an epoch."""
        if epoch is None:
            self.last_epoch += 1
            rates = self.get_lr()
        else:
            self.last_epoch = epoch
            rates = self.get_lr_from_start()
        self._set(rates)

    def _set(self, rates: Sequence[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr
        self._note()

    def _note(self) -> None:
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What it takes to go on later: all its numbers; of functions those of their attributes, not the code.

        The optimizer has a state of its own, to be saved beside it.
        """
        return {name: saved(value) for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` of such a schedule gave."""
        for name, own in vars(self).copy().items():
            if name != "optimizer" and name in state_dict:
                setattr(self, name, restored(own, state_dict[name]))


def saved(value: Any) -> Any:
    """A value without functions: None for one, the attributes of a callable object."""
    if isinstance(value, LRScheduler):
        return value.state_dict()
    if isinstance(value, (list, tuple)):
        return [saved(part) for part in value]
    if isinstance(value, (FunctionType, MethodType)):
        return None
    return dict(getattr(value, "__dict__", {})) if callable(value) else value


def restored(own: Any, value: Any) -> Any:
    """The value saved, in what is there already where that is a schedule or a function."""
    if isinstance(own, LRScheduler):
        own.load_state_dict(value)
        return own
    if isinstance(own, (list, tuple)) and any([callable(part) or isinstance(part, LRScheduler) for part in own]):
        return [restored(mine, part) for mine, part in zip(own, value, strict=True)]
    if callable(own):
        if value:
            vars(own).update(value)
        return own
    return list(value) if isinstance(own, list) else value


class Scaled(LRScheduler):
    """A schedule that multiplies, step by step; so several on one optimizer multiply each other's rates."""

    def multiplier(self) -> float:
        """By what the rate before is multiplied at `last_epoch`."""
        raise TypeError(f"{type(self).__name__} has no method multiplier")

    def multiplier_from_start(self) -> float:
        """The product of all multipliers up to `last_epoch`."""
        raise TypeError(f"{type(self).__name__} has no method multiplier_from_start")

    def get_lr(self) -> list[float]:
        factor = self.multiplier()
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def get_lr_from_start(self) -> list[float]:
        factor = self.multiplier_from_start()
        return [lr * factor for lr in self.base_lrs]


def per_group(who: str, name: str, optimizer: Optimizer, value: Any) -> list:
    """One value for every group: `value` itself, or a list of them."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{who}: expected an optimizer, {type(optimizer).__name__} came")
    n = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * n
    if len(value) != n:
        raise ValueError(f"{who}: {name} has {len(value)} values, the optimizer {n} groups")
    return list(value)


def check_whole(who: str, name: str, value: Any) -> None:
    """ValueError unless it is an int above 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{who}: {name} must be an int above 0, {value!r} came")
