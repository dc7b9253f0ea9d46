"""A loss that is nan or inf: go back to the last good weights, run the batches since again, and name the culprit."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING, Any

from .. import debug
from ..backend import generator_states, set_generator_states
from ..debug.events import Accumulate, Event, Rule, Unbroadcast
from ..debug.glance import Glance, glance
from .state import copied

if TYPE_CHECKING:
    from .trainer import Trainer


class NonFiniteLoss(ArithmeticError):
    """Training stopped because the loss became nan or inf; the message names the first call that made such a value."""


class Replay:
    """The steps of a training since its loss was last seen to be finite, and the state from which they began.

    The loss is looked at only every few steps, and by then the updates have carried nan into every weight: the batch
    that began it must be run again on the weights that it met, with the same masks of dropout.
    """

    def __init__(self, trainer: Trainer):
        self.trainer = trainer
        self.forget()

    def forget(self) -> None:
        """All is well so far: begin from here."""
        trainer = self.trainer
        parts: tuple[Any, ...] = (trainer.model, trainer.losses.modules, trainer.optimizer, trainer.precision)
        self.states = [(x, copied(x.state_dict())) for x in parts]
        self.chance = generator_states()
        self.steps: list[tuple[Any, Any, list[float]]] = []

    def keep(self, inputs: Any, targets: Any) -> None:
        """A step is about to be made."""
        self.steps.append((inputs, targets, [group["lr"] for group in self.trainer.optimizer.param_groups]))

    def explain(self, what: str) -> NonFiniteLoss:
        """The error to raise, after the last of the steps; `what` was seen, "the loss is nan"."""
        trainer = self.trainer
        for x, state in self.states:
            x.load_state_dict(state)
        set_generator_states(self.chance)
        for number, (inputs, targets, rates) in enumerate(self.steps, trainer.batch - len(self.steps) + 1):
            for group, rate in zip(trainer.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
            culprit = self.again(inputs, targets)
            if culprit:
                return NonFiniteLoss(f"training stopped in epoch {trainer.epoch}, step {number} (learning rate "
                                     f"{rates[0]:.3g}): {culprit}")
        return NonFiniteLoss(f"training stopped in epoch {trainer.epoch}, step {trainer.batch}: {what}, but the last "
                             f"{len(self.steps)} training steps, run again, are finite: look at "
                             + ("the validation data, and at what is different in eval mode" if "validation" in what
                                else "what changes besides the weights and the default random numbers"))

    def again(self, inputs: Any, targets: Any) -> str:
        """Run one step again under the recorder; what made nan or inf in it, "" if nothing did."""
        trainer, optimizer = self.trainer, self.trainer.optimizer
        with debug.record(sources=False) as record:
            _, losses = trainer.forward(inputs, targets)
            origin = record.first_nonfinite()
        bad = [f"{name.replace('_', ' ')} is {float(x)}" for name, x in losses.items() if not isfinite(float(x))]
        if origin is not None and bad:
            return f"the {bad[-1]}; {origin}"
        optimizer.zero_grad()
        found = first_nonfinite_gradient(debug.walk(trainer.precision.scale(losses["loss"])))
        if found and not trainer.precision.may_overflow:
            return f"the loss is still finite, but {found}: try a smaller learning rate"
        trainer.descend()
        for name, p in trainer.model.named_parameters():
            seen = glance(p)
            if not seen.finite:
                return (f"loss and gradients are still finite, but {type(optimizer).__name__}'s step made "
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
