"""Mixed precision in a training step: the casts of the forward pass, and the scale of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..amp import GradScaler, autocast
from ..optim import Optimizer
from ..tensor import Tensor


class Precision:
    """What `fit(amp=...)` asks for.

    amp: None or False: all in the precision of the parameters. True: autocast's choice for the device. "float16" or
    "bfloat16". A GradScaler: float16 with this scaler; else float16 has a new one, as its digits need one.
    """

    def __init__(self, amp: Any = None, device: str = "cpu"):
        if not (amp is None or isinstance(amp, (bool, str, GradScaler))):
            raise TypeError("fit: amp must be True, \"float16\", \"bfloat16\" or an amp.GradScaler, "
                            f"{type(amp).__name__} came")
        given = amp if isinstance(amp, GradScaler) else None
        self.kind = device.partition(":")[0]
        self.on = amp is not None and amp is not False
        wanted = "float16" if given is not None else amp if isinstance(amp, str) else None
        self.dtype = str(autocast(self.kind, wanted).dtype) if self.on else None
        self.scaler = given or GradScaler(device, enabled=self.dtype == "float16")

    def autocast(self) -> AbstractContextManager:
        """Where the forward pass runs, and the loss."""
        return autocast(self.kind, self.dtype) if self.on else nullcontext()

    def scale(self, loss: Tensor) -> Tensor:
        """The loss to go backward from."""
        return self.scaler.scale(loss)

    def unscale(self, optimizer: Optimizer) -> None:
        """Bring the gradients to their size, before anybody looks at them."""
        self.scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> None:
        """The optimizer's step, left out where gradients have overflowed; then the scale of the next one."""
        self.scaler.step(optimizer)
        self.scaler.update()

    @property
    def may_overflow(self) -> bool:
        """Whether gradients that are not finite are no fault, but a scale that is too large."""
        return self.scaler.is_enabled()

    def state_dict(self) -> dict[str, Any]:
        return self.scaler.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.scaler.load_state_dict(state)
