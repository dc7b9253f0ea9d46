"""GradScaler: a loss so large that small gradients survive in float16."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any

import numpy

from ..backend import Array, is_array, namespace, on_device_of, to_numpy
from ..casting import is_half
from ..misuse import is_int
from ..optim import Optimizer
from ..tensor import Tensor
from .autocast_mode import kind_of_device

LARGEST = float(numpy.finfo("float32").max)


class Round:
    """What has happened with one optimizer since the last `update`."""

    def __init__(self) -> None:
        self.unscaled = self.stepped = False
        self.bad: list[Array] = []      # () bool, one for each device: whether a gradient there is inf or nan
        self.overflow: bool | None = None

    def has_overflow(self) -> bool:
        """Whether any is. The host waits for the device, once."""
        if self.overflow is None:
            self.overflow = any([bool(to_numpy(bad)) for bad in self.bad])
        return self.overflow


class GradScaler:
    """Multiplies the loss so that small gradients do not vanish in float16, and finds the largest factor that fits.

        scaler.scale(loss).backward()           # gradients come out `scale` times as large
        scaler.unscale_(optimizer)              # only if they are looked at or clipped, which is done here
        scaler.step(optimizer)                  # divides them, unless unscale_ has; no step if any is inf or nan
        scaler.update()                         # then the scale is multiplied by backoff_factor,
                                                # after growth_interval good rounds by growth_factor

    Each optimizer has its own `unscale_` and `step` and may skip; one `update` ends the round for all. The smallest
    number of float16 is 2^-24, its largest 65504: what lies below the one is rescued, what comes to lie above the other
    shows as inf. Parameters must be in float32 (or bfloat16, which hardly needs a scale). `step` waits for the device
    to learn whether it may. device has no effect: gradients are divided where they are. enabled=False: `scale` gives
    what it gets and `step` just steps, so that one loop serves both.
    """

    def __init__(self, device: str = "cuda", init_scale: float = 2.0 ** 16, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True):
        if not isinstance(device, str):
            raise TypeError(f"GradScaler: device must be a string, {device!r} came: write init_scale={device!r}")
        kind_of_device(device)
        self._scale, self._growth_tracker, self._enabled, self._used = float(init_scale), 0, bool(enabled), False
        self._rounds: dict[int, Round] = {}         # id of an optimizer -> its round
        self._growth_factor, self._backoff_factor = float(growth_factor), float(backoff_factor)
        self._growth_interval = growth_interval
        check_numbers(**self._numbers())

    def _numbers(self) -> dict[str, Any]:
        return {"scale": self._scale, "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
                "growth_interval": self._growth_interval, "_growth_tracker": self._growth_tracker}

    def scale(self, outputs: Any) -> Any:
        """A tensor, or all in a list, tuple or dict, times the scale; half precision becomes float32."""
        if not self._enabled:
            return outputs
        self._used = True
        if isinstance(outputs, Tensor):
            return (outputs.astype("float32") if is_half(outputs.dtype) else outputs) * self._scale
        if isinstance(outputs, Mapping):
            return {name: self.scale(part) for name, part in outputs.items()}
        if isinstance(outputs, Iterable) and not isinstance(outputs, str) and not is_array(outputs):
            scaled = [self.scale(part) for part in outputs]
            return tuple(scaled) if isinstance(outputs, tuple) else scaled
        raise TypeError(f"GradScaler.scale: expected a tensor, or several, {type(outputs).__name__} came")

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of the optimizer's parameters, in place, by the scale. Nothing waits for the device.

        RuntimeError if that has happened since the last update(); ValueError for gradients in float16, whose small
        values would be lost here.
        """
        if not self._enabled:
            return
        now = self._round("unscale_", optimizer)
        if now.unscaled:
            raise RuntimeError("GradScaler.unscale_: it has been called for this optimizer already since the last "
                               "update()")
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        for g in gradients:
            if g.dtype == "float16":
                raise ValueError(f"GradScaler.unscale_: a gradient of shape {g.shape} is in float16: keep parameters "
                                 "in float32, autocast makes the half precision")
        found: dict[str, list[Array]] = {}
        for g in gradients:
            with on_device_of(g.data):
                found.setdefault(g.device, []).append(~namespace(g.data).isfinite(g.data).all())
                g.data[...] = (g.data * (1 / self._scale)).astype(g.dtype, copy=False)
            g.touch()
        for bad in found.values():
            with on_device_of(bad[0]):
                now.bad.append(namespace(bad[0]).stack(bad).any())
        now.unscaled = True

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(), if all its gradients are finite; they are divided first, unless `unscale_` has done it.

        Gives what the optimizer's step gives, None where there was none. RuntimeError if it comes twice in a round, or
        if nothing was scaled.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if args or kwargs:
            raise RuntimeError("GradScaler.step: there can be no closure, it would compute gradients that nobody "
                               "divides: leave it out, or make the scaler with enabled=False")
        now = self._round("step", optimizer)
        if not now.unscaled:
            self.unscale_(optimizer)
        if not now.bad:
            raise RuntimeError("GradScaler.step: no parameter of this optimizer has a gradient: "
                               "scaler.scale(loss).backward() makes them")
        now.stepped = True
        if now.has_overflow():
            optimizer.has_stepped = True            # a schedule that goes on is not ahead
            return None
        return optimizer.step()

    def update(self, new_scale: Any = None) -> None:
        """End the round: choose the next scale, or set it to a number or a tensor of one element.

        RuntimeError if there was no round, that is neither `step` nor `unscale_`.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            scale = float(number(new_scale))
            check_numbers(scale=scale)
            self._scale = scale
        else:
            rounds = [now for now in self._rounds.values() if now.bad]
            if not rounds:
                raise RuntimeError("GradScaler.update: no gradients were looked at since the last one: call "
                                   "scaler.step(optimizer) before")
            self._adapt(any([now.has_overflow() for now in rounds]))
        self._rounds = {}

    def _adapt(self, overflow: bool) -> None:
        """A smaller scale after an overflow, after many rounds without one a larger, if float32 has it."""
        self._growth_tracker = 0 if overflow else self._growth_tracker + 1
        if overflow:
            self._scale *= self._backoff_factor
        elif self._growth_tracker == self._growth_interval:
            self._growth_tracker = 0
            if self._scale * self._growth_factor <= LARGEST:
                self._scale *= self._growth_factor

    def _round(self, who: str, optimizer: Optimizer) -> Round:
        """What has happened with an optimizer in this round; errors where nothing more may."""
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"GradScaler.{who}: expected an optimizer, {type(optimizer).__name__} came")
        if not self._used:
            raise RuntimeError(f"GradScaler.{who}: nothing was scaled yet: scaler.scale(loss).backward() comes first")
        now = self._rounds.setdefault(id(optimizer), Round())
        if now.stepped:
            raise RuntimeError(f"GradScaler.{who}: step() was called for this optimizer already since the last "
                               "update()")
        return now

    def get_scale(self) -> float:
        """The factor; 1.0 if the scaler is not enabled."""
        return self._scale if self._enabled else 1.0

    def is_enabled(self) -> bool:
        return self._enabled

    def get_growth_factor(self) -> float:
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        check_numbers(growth_factor=new_factor)
        self._growth_factor = float(new_factor)

    def get_backoff_factor(self) -> float:
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        check_numbers(backoff_factor=new_factor)
        self._backoff_factor = float(new_factor)

    def get_growth_interval(self) -> int:
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        check_numbers(growth_interval=new_interval)
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """Numbers: scale, growth_factor, backoff_factor, growth_interval, _growth_tracker; {} if not enabled.

        Call it after `update`: what happened within a round is no part of it.
        """
        return self._numbers() if self._enabled else {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave. ValueError if it is something else, and then the scaler is as it was."""
        if not self._enabled:
            return
        missing = [name for name in self._numbers() if name not in state_dict]
        if missing:
            raise ValueError(f"GradScaler.load_state_dict: {', '.join(missing)} is missing"
                             + ("" if state_dict else ": the state is empty, that of a scaler with enabled=False"))
        numbers = {name: number(value) for name, value in state_dict.items()}
        check_numbers(**numbers)
        for name, value in numbers.items():
            setattr(self, name if name[0] == "_" else f"_{name}", value)

    def __repr__(self) -> str:
        return f"GradScaler(scale={self._scale:g})" if self._enabled else "GradScaler(enabled=False)"


def number(x: Any) -> Any:
    """A tensor or array of one element as a number."""
    return x.item() if hasattr(x, "item") else x


def check_numbers(**numbers: Any) -> None:
    """ValueError for numbers of a scaler that make no sense."""
    ranges: dict[str, tuple[str, Callable]] = {
        "scale": ("a finite number above 0", lambda x: isfinite(x) and 0 < x <= LARGEST),
        "growth_factor": ("a number above 1", lambda x: isfinite(x) and x > 1),
        "backoff_factor": ("a number between 0 and 1", lambda x: 0 < x < 1),
        "growth_interval": ("an int from 1 on", lambda x: is_int(x) and x > 0),
        "_growth_tracker": ("an int from 0 on", lambda x: is_int(x) and x >= 0),
    }
    for name, value in numbers.items():
        if name not in ranges:
            raise ValueError(f"GradScaler: there is no {name!r}; there are {', '.join(ranges)}")
        expected, fits = ranges[name]
        if not isinstance(value, (int, float)) or not fits(value):
            raise ValueError(f"GradScaler: {name} must be {expected}, {value!r} came")
