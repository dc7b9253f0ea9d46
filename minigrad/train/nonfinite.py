"""A loss that is nan or inf: go back to the last good weights, run the batches since again, and name the culprit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import debug
from ..backend import default_generator
from ..debug.events import Accumulate, Event, Rule, Unbroadcast
from ..debug.glance import Glance, glance
from ..nn import Module
from ..tensor import Tensor


class NonFiniteLoss(ArithmeticError):
    """Training stopped because the loss became nan or inf; the message names the first call that made such a value."""


class Replay:
    """The steps since the loss was last seen to be finite, and the weights and random numbers from which they began.

    The loss is looked at only every few steps, and by then the updates have carried nan into every weight: the batch
    that began it must be run again on the weights that it met, with the same masks of dropout. (The state of a GPU's
    random numbers cannot be read, so there the masks are others.)
    """

    def __init__(self, model: Module, optimizer: Any,
                 loss_of: Callable[[Module, Tensor, Tensor], tuple[Tensor, Tensor]]):
        self.model, self.optimizer, self.loss_of = model, optimizer, loss_of
        self.forget()

    def forget(self) -> None:
        """All is well so far: begin from here."""
        self.weights = copied(self.model.state_dict())
        self.momenta = copied(self.optimizer.state_dict())
        self.generator = default_generator()
        self.chance = self.generator.bit_generator.state
        self.steps: list[tuple[Tensor, Tensor, float]] = []

    def keep(self, images: Tensor, labels: Tensor, rate: float) -> None:
        """A step is about to be made."""
        self.steps.append((images, labels, rate))

    def explain(self, epoch: int, last: int) -> NonFiniteLoss:
        """The error to raise, after `last` steps of an epoch."""
        self.model.load_state_dict(self.weights)
        self.optimizer.load_state_dict(self.momenta)
        self.generator.bit_generator.state = self.chance
        for number, step in enumerate(self.steps, last - len(self.steps) + 1):
            culprit = self.again(*step)
            if culprit:
                return NonFiniteLoss(f"training stopped in epoch {epoch}, step {number} (learning rate {step[2]:.3g}): "
                                     f"{culprit}")
        return NonFiniteLoss(f"training stopped in epoch {epoch}, step {last}: run again, every loss is finite: their "
                             "sum overflowed, or a GPU's dropout drew other masks: try a smaller learning rate")

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
        found = first_nonfinite_gradient(debug.walk(loss))
        if found:
            return f"the loss is still finite, but {found}: try a smaller learning rate"
        self.optimizer.step()
        for name, p in self.model.named_parameters():
            seen = glance(p)
            if not seen.finite:
                return (f"loss and gradients are still finite, but {type(self.optimizer).__name__}'s step made "
                        f"{seen.not_finite} of {name} {p.shape}: try a smaller learning rate")
        return ""


def first_nonfinite_gradient(events: Iterable[Event]) -> str:
    """Go backward to the end, and say what first made nan or inf on the way; "" if nothing did."""
    found = ""
    for event in events:
        found = found or made_here(event)
    return found


def made_here(event: Event) -> str:
    """What of this event's gradients is not finite; "" if all is."""
    layer = f" (layer {event.layer})" if event.layer else ""
    gradients: dict[str, Glance]
    if isinstance(event, Rule):
        gradients = {f"the gradient rule for {name} of {event.op}{layer}": seen for name, seen in event.given.items()}
    elif isinstance(event, Unbroadcast):
        gradients = {f"undoing the broadcast of {event.argument} of {event.op}{layer}": event.after}
    elif isinstance(event, Accumulate):
        gradients = {f"the sum of the gradients that meet at {event.place}": event.now}
    else:
        return ""
    return next((f"{what} made {seen.not_finite}" for what, seen in gradients.items() if not seen.finite), "")


def copied(state: Any) -> Any:
    """A state dict with copies of its arrays."""
    if isinstance(state, dict):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [copied(value) for value in state]
    return state.copy() if hasattr(state, "copy") else state
