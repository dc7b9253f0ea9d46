"""GradientClipping: bound the gradients before the optimizer sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...nn.utils import clip_grad_norm_, clip_grad_value_
from ..state import differences
from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class GradientClipping(Callback):
    """Shortens all gradients together to a norm of at most `norm`, or brings every element into [-value, value].

    norm_type: the p of the norm, also inf. Nothing waits for the device. See `nn.utils.clip_grad_norm_`.
    """

    joins_late = False

    def __init__(self, norm: float | None = None, value: float | None = None, norm_type: float = 2.0):
        if (norm is None) == (value is None):
            raise ValueError(f"GradientClipping: expected norm=... or value=..., {'none' if norm is None else 'both'} "
                             "came")
        bound = norm if norm is not None else value
        if isinstance(bound, bool) or not isinstance(bound, (int, float)) or not bound > 0:
            raise ValueError(f"GradientClipping: the bound must be a number above 0, {bound!r} came")
        self.norm, self.value, self.norm_type = norm, value, norm_type

    def on_before_optimizer_step(self, trainer: Trainer) -> None:
        parameters = [p for group in trainer.optimizer.param_groups for p in group["params"]]
        if self.norm is not None:
            clip_grad_norm_(parameters, self.norm, self.norm_type)
        elif self.value is not None:
            clip_grad_value_(parameters, self.value)

    def state_dict(self) -> dict[str, Any]:
        return {"norm": self.norm, "value": self.value, "norm_type": self.norm_type}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        found = differences(state, self.state_dict())
        if found:
            raise ValueError("the gradients were clipped otherwise: " + "; ".join(found))
