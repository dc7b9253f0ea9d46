"""Schedules that multiply the learning rate, step by step: in stairs, along a curve, or by a function."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import cos, pi
from typing import Any

from ..optimizer import Optimizer
from .scheduler import LRScheduler, Scaled, check_whole, per_group

Functions = Callable[[int], float] | Sequence[Callable[[int], float]]


class LambdaLR(LRScheduler):
    """lr_t = initial_lr * lr_lambda(t); a function, or one per group.

    The warm-up of Vaswani et al. 2017, Attention is all you need, section 5.3 (the "Noam" schedule), for width d and
    w steps of warm-up, on an optimizer with lr=1:

        LambdaLR(optimizer, lambda t: d ** -0.5 * min((t + 1) ** -0.5, (t + 1) * w ** -1.5))
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Functions, last_epoch: int = -1):
        self.lr_lambdas = functions(type(self).__name__, optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [lr * function(self.last_epoch) for lr, function in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(LRScheduler):
    """lr_t = lr_(t-1) * lr_lambda(t), for t from 1 on; a function, or one per group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Functions, last_epoch: int = -1):
        self.lr_lambdas = functions(type(self).__name__, optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        now = [group["lr"] for group in self.optimizer.param_groups]
        if self._is_initial:
            return now
        return [lr * function(self.last_epoch) for lr, function in zip(now, self.lr_lambdas, strict=True)]


def functions(who: str, optimizer: Optimizer, lr_lambda: Any) -> list:
    """One function for every group."""
    found = per_group(who, "lr_lambda", optimizer, lr_lambda)
    for function in found:
        if not callable(function):
            raise TypeError(f"{who}: lr_lambda must be a function, {type(function).__name__} came")
    return found


class StepLR(Scaled):
    """The rate times gamma every step_size steps: lr_t = initial_lr * gamma^(t // step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        check_whole("StepLR", "step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        return self.gamma if self.last_epoch and self.last_epoch % self.step_size == 0 else 1

    def multiplier_from_start(self) -> float:
        return self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(Scaled):
    """The rate times gamma at every milestone; a milestone that comes twice counts twice."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        return self.gamma ** self.milestones.count(self.last_epoch)

    def multiplier_from_start(self) -> float:
        return self.gamma ** bisect_right(self.milestones, self.last_epoch)


class ExponentialLR(Scaled):
    """lr_t = initial_lr * gamma^t"""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        return 1 if self._is_initial else self.gamma

    def multiplier_from_start(self) -> float:
        return self.gamma ** self.last_epoch


class ConstantLR(Scaled):
    """lr_t = initial_lr * factor before total_iters, initial_lr from then on."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1):
        check_share("ConstantLR", "factor", factor)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        return self.factor if self.last_epoch == 0 else 1

    def multiplier_from_start(self) -> float:
        return self.factor if self.last_epoch < self.total_iters else 1

    def get_lr(self) -> list[float]:
        if not 0 < self.last_epoch == self.total_iters:
            return super().get_lr()
        if self.factor == 0:                          # nothing is left to divide
            return self.get_lr_from_start()
        return [group["lr"] * (1 / self.factor) for group in self.optimizer.param_groups]


class LinearLR(Scaled):
    """From initial_lr * start_factor in a straight line, in total_iters steps, to initial_lr * end_factor.

    With the defaults it is the linear warm-up of Goyal et al. 2017, Accurate, large minibatch SGD, section 2.2; what
    comes after it follows by SequentialLR:

        SequentialLR(optimizer, [LinearLR(optimizer, 0.01, total_iters=500), CosineAnnealingLR(optimizer, 9500)], [500])
    """

    def __init__(self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0,
                 total_iters: int = 5, last_epoch: int = -1):
        check_share("LinearLR", "start_factor", start_factor, above=True)
        check_share("LinearLR", "end_factor", end_factor)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        if self.last_epoch == 0:
            return self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1
        rise = self.end_factor - self.start_factor
        return 1 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise)

    def multiplier_from_start(self) -> float:
        share = min(self.total_iters, self.last_epoch) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * share


class PolynomialLR(Scaled):
    """lr_t = initial_lr * (1 - t / total_iters)^power, 0 from total_iters on. Power 1 is a straight line."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        t, n = self.last_epoch, self.total_iters
        return 1 if self._is_initial or t > n else ((1 - t / n) / (1 - (t - 1) / n)) ** self.power

    def multiplier_from_start(self) -> float:
        return (1 - min(self.total_iters, self.last_epoch) / self.total_iters) ** self.power


class CosineAnnealingLR(LRScheduler):
    """lr_t = eta_min + (initial_lr - eta_min) * (1 + cos(pi * t / T_max)) / 2; after T_max steps it rises again.

    Source: Loshchilov & Hutter 2017, SGDR, equation 5, without the restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        if not T_max > 0:
            raise ValueError(f"CosineAnnealingLR: T_max must be above 0, {T_max!r} came")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        now, t, low = [group["lr"] for group in self.optimizer.param_groups], self.last_epoch, self.eta_min
        if self._is_initial:
            return now
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:        # from the very bottom no factor leads up
            return [lr + (start - low) * (1 - cos(pi / self.T_max)) / 2
                    for lr, start in zip(now, self.base_lrs, strict=True)]
        factor = (1 + cos(pi * t / self.T_max)) / (1 + cos(pi * (t - 1) / self.T_max))
        return [factor * (lr - low) + low for lr in now]

    def get_lr_from_start(self) -> list[float]:
        height = (1 + cos(pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]


def check_share(who: str, name: str, value: float, above: bool = False) -> None:
    """ValueError unless it lies in [0, 1], or `above` 0 and at most 1."""
    if not 0 <= value <= 1 or above and value == 0:
        raise ValueError(f"{who}: {name} must be in {'(' if above else '['}0, 1], {value!r} came")
