"""Callback: what may be told how a training goes, and change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..trainer import Trainer

HOOKS = ("setup", "on_train_begin", "on_epoch_begin", "on_step_begin", "on_before_optimizer_step", "on_log",
         "on_step_end", "on_epoch_end", "on_train_end", "on_interrupt", "teardown")


class Callback:
    """Subclass it and write the methods that you need; all do nothing here. Each gets the `Trainer`, which see.

        class Best(Callback):
            def on_epoch_end(self, trainer):
                print(trainer.epoch, trainer.history[-1]["validation_loss"])

    They are called in the order in which they were given, those with `comes_last` after all others. What a callback
    must remember for a training to go on exactly, `state_dict` gives as numbers, texts, arrays, lists and dicts;
    checkpoints keep it, and a training that is resumed without that callback is refused.
    """

    comes_last = False
    columns: tuple[str, ...] = ()   # those that it adds to `trainer.history[-1]`, for others to watch
    resumable_without = False       # whether a training goes on exactly without it, though it has a state
    joins_late = True               # whether a training that began without it may go on with it

    def setup(self, trainer: Trainer) -> None:
        """Before all else, a checkpoint's loading included: make what the training needs."""

    def on_train_begin(self, trainer: Trainer) -> None:
        """The training begins, or goes on: `trainer.epoch` and `batch` say where."""

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """An epoch begins: `trainer.epoch`, from 1 on. One that goes on after an interruption has begun before."""

    def on_step_begin(self, trainer: Trainer, inputs: Any, targets: Any) -> None:
        """Before a step, with its batch on the device."""

    def on_before_optimizer_step(self, trainer: Trainer) -> None:
        """The gradients are there; the parameters are still what they were."""

    def on_log(self, trainer: Trainer) -> None:
        """The host has read the running means, `trainer.logs`, as it does every few steps."""

    def on_step_end(self, trainer: Trainer) -> None:
        """After a step: `trainer.loss` is its loss, a tensor; reading it waits for the device."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """After an epoch and its validation: `trainer.history[-1]` is its row."""

    def on_train_end(self, trainer: Trainer) -> None:
        """The training is complete: all epochs are done, or `stop_training` was set."""

    def on_interrupt(self, trainer: Trainer) -> None:
        """A signal, Ctrl-C for one, is about to end the training between two steps."""

    def teardown(self, trainer: Trainer) -> None:
        """Always at the very end, also after an error: put away what is open."""

    def state_dict(self) -> dict[str, Any]:
        """What must be remembered; {} for nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave. ValueError if that is another callback's."""
