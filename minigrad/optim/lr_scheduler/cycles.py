"""Schedules that go up and down: restarts, cycles, one cycle; the last two let the momentum go the other way."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, floor, log, pi
from typing import Any

from ..optimizer import Optimizer
from .scheduler import LRScheduler, check_whole, per_group


class CosineAnnealingWarmRestarts(LRScheduler):
    """A falling cosine that starts anew after T_0 steps, and then after T_mult times as many each time.

    lr = eta_min + (initial_lr - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2, T_cur the steps since the last restart,
    T_i those from it to the next. Source: Loshchilov & Hutter 2017, SGDR, equation 5.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        check_whole("CosineAnnealingWarmRestarts", "T_0", T_0)
        check_whole("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1 + cos(pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by one step, or to an epoch, which may be a fraction: step(epoch + batch / batches)."""
        if epoch is not None and epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch must be at least 0, {epoch!r} came")
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
        else:
            epoch = 0 if epoch is None else epoch
            self._find(epoch)
        self.last_epoch = floor(epoch)
        self._set(self.get_lr())

    def _find(self, epoch: float) -> None:
        """T_cur and T_i at an epoch: before it lie n whole periods, T_0 * (T_mult^n - 1) / (T_mult - 1) steps."""
        if epoch < self.T_0:
            self.T_cur, self.T_i = epoch, self.T_0
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            n = int(log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult ** n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult ** n


class Cycled(LRScheduler):
    """A schedule that sets the momentum, or Adam's beta1, as well."""

    cycle_momentum: bool

    def get_momentum(self) -> list[float]:
        """The momenta at `last_epoch`, one per group."""
        raise TypeError(f"{type(self).__name__} has no method get_momentum")

    def _update(self, epoch: int | None = None) -> None:
        super()._update(epoch)
        if self.cycle_momentum:
            for group, momentum in zip(self.optimizer.param_groups, self.get_momentum(), strict=True):
                set_momentum(group, momentum)

    def _begin(self, optimizer: Optimizer, base_momentum: Any, max_momentum: Any, last_epoch: int) -> None:
        """Check that there is a momentum, and note its bounds in the groups."""
        who = type(self).__name__
        if not self.cycle_momentum:
            return
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(f"{who}: {type(optimizer).__name__} has no momentum and no betas to go with the cycle: "
                             "pass cycle_momentum=False")
        low = per_group(who, "base_momentum", optimizer, base_momentum)
        high = per_group(who, "max_momentum", optimizer, max_momentum)
        self.base_momentums, self.max_momentums = low, high
        if last_epoch == -1:
            for group, base, top in zip(optimizer.param_groups, low, high, strict=True):
                set_momentum(group, top)
                group.update(base_momentum=base, max_momentum=top)


def set_momentum(group: dict[str, Any], momentum: float) -> None:
    """Of SGD and its like the momentum, of Adam and its like beta1."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


class CyclicLR(Cycled):
    """Up from base_lr to max_lr in step_size_up steps and down again in step_size_down, over and over.

    mode: "triangular"; "triangular2", where each cycle is half as high as the one before; "exp_range", whose height is
    gamma^t. scale_fn: a function for the height instead, of the number of the cycle or, with scale_mode "iterations",
    of the step. cycle_momentum: the momentum goes from max_momentum down to base_momentum as the rate goes up.
    Source: Smith 2017, Cyclical learning rates for training neural networks, section 3.
    """

    def __init__(self, optimizer: Optimizer, base_lr: Any, max_lr: Any, step_size_up: int = 2000,
                 step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
                 scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
                 cycle_momentum: bool = True, base_momentum: Any = 0.8, max_momentum: Any = 0.9,
                 last_epoch: int = -1):
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range', or there must be a "
                             f"scale_fn; {mode!r} came")
        base_lrs = per_group("CyclicLR", "base_lr", optimizer, base_lr)
        self.max_lrs = per_group("CyclicLR", "max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = lr
        up, down = float(step_size_up), float(step_size_up if step_size_down is None else step_size_down)
        self.total_size, self.step_ratio = up + down, up / (up + down)
        self.mode, self.gamma, self.scale_fn = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        self._begin(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def height(self) -> float:
        """How far up between base_lr and max_lr, 1 at the top of the first cycle."""
        cycle = floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        way = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        at = cycle if self.scale_mode == "cycle" else self.last_epoch
        if self.scale_fn:
            return way * self.scale_fn(at)
        return way * {"triangular": 1.0, "triangular2": 0.5 ** (at - 1), "exp_range": self.gamma ** at}[self.mode]

    def get_lr(self) -> list[float]:
        height = self.height()
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def get_momentum(self) -> list[float]:
        height = self.height()
        return [high - (high - low) * height
                for low, high in zip(self.base_momentums, self.max_momentums, strict=True)]


class OneCycleLR(Cycled):
    """Once up to max_lr and down to almost nothing, in total_steps steps; step after every batch.

    From max_lr / div_factor up to max_lr in the first pct_start of all steps, then down to max_lr / div_factor /
    final_div_factor; three_phase: down to the start in as many steps as up, and then to the end. anneal_strategy: "cos"
    or "linear". cycle_momentum: the momentum goes from max_momentum down to base_momentum and back.
    Source: Smith & Topin 2018, Super-convergence.
    """

    def __init__(self, optimizer: Optimizer, max_lr: Any, total_steps: int | None = None, epochs: int | None = None,
                 steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
                 cycle_momentum: bool = True, base_momentum: Any = 0.85, max_momentum: Any = 0.95,
                 div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
                 last_epoch: int = -1):
        self.total_steps = all_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be a float in [0, 1], {pct_start!r} came")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', {anneal_strategy!r} came")
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        # Of each phase the step at which it ends, and what the rate and the momentum are at its ends.
        end, top = self.total_steps - 1, float(pct_start * self.total_steps) - 1
        rise = (top, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        self.phases = [rise, (end, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        if three_phase:
            self.phases = [rise, (2 * top, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                           (end, "initial_lr", "min_lr", "max_momentum", "max_momentum")]
        highs = per_group("OneCycleLR", "max_lr", optimizer, max_lr)
        for group, high in zip(optimizer.param_groups, highs, strict=True):
            if last_epoch == -1:
                start = high / div_factor
                group.update(initial_lr=start, max_lr=high, min_lr=start / final_div_factor)
        self._begin(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} of {self.total_steps}: the cycle is over")
        share, names = self._phase()
        return [self._between(group[names[0]], group[names[1]], share) for group in self.optimizer.param_groups]

    def get_momentum(self) -> list[float]:
        share, names = self._phase()
        return [self._between(group[names[2]], group[names[3]], share) for group in self.optimizer.param_groups]

    def _phase(self) -> tuple[float, Any]:
        """The share of the phase that is over, and the names of what is at its ends."""
        starts = [0.0, *[phase[0] for phase in self.phases]]
        i = next((i for i, phase in enumerate(self.phases) if self.last_epoch <= phase[0]), len(self.phases) - 1)
        start, (end, *names) = starts[i], self.phases[i]
        return (self.last_epoch - start) / (end - start) if end != start else 1.0, names

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * share
        return end + (start - end) * (1 + cos(pi * share)) / 2


def all_steps(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    """total_steps, or epochs * steps_per_epoch."""
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise ValueError("OneCycleLR: pass total_steps, or epochs and steps_per_epoch")
    named = {"total_steps": total_steps} if total_steps is not None else \
        {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    steps = 1
    for name, value in named.items():
        check_whole("OneCycleLR", name, value)
        steps *= value or 1
    return steps
