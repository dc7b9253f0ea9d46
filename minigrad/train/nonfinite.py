"""A loss that is nan or inf: go back to the last good weights, run the batches since again, and name the culprit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import debug
from ..debug.glance import glance
from ..nn import Module
from ..tensor import Tensor


class NonFiniteLoss(ArithmeticError):
    """Training stopped because the loss became nan or inf; the message names the first call that made such a value."""


class Replay:
    """The steps since the loss was last seen to be finite, and the weights from which they began.

    The loss is looked at only every few steps, and by then the updates have carried nan into every weight: the batch
    that began it must be run again on the weights that it met.
    """

    def __init__(self, model: Module, optimizer: Any,
                 loss_of: Callable[[Module, Tensor, Tensor], tuple[Tensor, Tensor]]):
        self.model, self.optimizer, self.loss_of = model, optimizer, loss_of
        self.forget()

    def forget(self) -> None:
        """All is well so far: begin from here."""
        self.weights = copied(self.model.state_dict())
        self.momenta = copied(self.optimizer.state_dict())
        self.steps: list[tuple[Tensor, Tensor, float]] = []

    def keep(self, images: Tensor, labels: Tensor, rate: float) -> None:
        """A step is about to be made."""
        self.steps.append((images, labels, rate))

    def explain(self, epoch: int, last: int) -> NonFiniteLoss:
        """The error to raise, after `last` steps of an epoch."""
        self.model.load_state_dict(self.weights)
        self.optimizer.load_state_dict(self.momenta)
        for number, step in enumerate(self.steps, last - len(self.steps) + 1):
            culprit = self.again(*step)
            if culprit:
                return NonFiniteLoss(f"training stopped in epoch {epoch}, step {number} (learning rate {step[2]:.3g}): "
                                     f"{culprit}")
        return NonFiniteLoss(f"training stopped in epoch {epoch}, step {last}: run again, every loss is finite: their "
                             "sum overflowed, or dropout drew other masks: try a smaller learning rate")

    def again(self, images: Tensor, labels: Tensor, rate: float) -> str:
        """Run one step again under the recorder; what made nan or inf in it, "" if nothing did."""
        with debug.record(sources=False) as record:
            loss, _ = self.loss_of(self.model, images, labels)
            origin = record.first_nonfinite()
        if origin is not None:
            return f"the loss is {float(loss)}; {origin}"
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for name, p in self.model.named_parameters():
            if not glance(p).finite:
                what = "update" if p.grad is None or glance(p.grad).finite else "gradient"
                return f"the loss is still finite, but the {what} of {name} is not: try a smaller learning rate"
        return ""


def copied(state: Any) -> Any:
    """A state dict with copies of its arrays."""
    if isinstance(state, dict):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [copied(value) for value in state]
    return state.copy() if hasattr(state, "copy") else state
