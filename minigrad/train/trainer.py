"""Trainer: a training on its way. What `fit` runs, what callbacks see, and what a checkpoint holds.

The host asks the device for the loss only every READ_EVERY steps; between these, losses and metrics add up there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ..backend import default_generator, generator_states, set_generator_states
from ..data import Loader
from ..data.transforms import Compose, Transform
from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor
from .batch import call, dtype_of_model, evaluating, examples_in, to_tensors
from .callbacks.callback import HOOKS, Callback
from .checkpoint import CheckpointError, check_identity, find, read_checkpoint, write_checkpoint
from .history import History
from .losses import Losses
from .precision import Precision
from .scores import Scores
from .signals import HeldSignals

READ_EVERY = 10                 # steps between two looks at the loss
Batches = Generator[tuple[Any, Any], None, None]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended a training between two steps; the message says in one line how far it came, and how it goes on.

    history: its epochs so far. checkpoint: the file from which it goes on, None if there is none.
    """

    def __init__(self, message: str, history: History, checkpoint: Path | None):
        super().__init__(message)
        self.history, self.checkpoint = history, checkpoint


class Trainer:
    """The state of a training, and `run`, which brings it to its end.

    model, losses, optimizer, device   loader, validation: of the training data, and of the validation data or None
    epoch: the number of the running epoch, from 1 on; 0 before the first   batch: how many of its batches are done
    epochs: how many there shall be   steps: of the optimizer, in all   history: a row for every epoch that is done
    loss: of the last step, a tensor   logs: the running means of this epoch, when the host last read them
    stop_training: a callback sets it to end after this epoch   checkpoint: the file that was written last, or None
    """

    def __init__(self, model: Module, losses: Losses, optimizer: Optimizer, loader: Loader, *, epochs: int, device: str,
                 validation: Loader | None = None, metrics: Any = (), callbacks: Sequence[Callback] = (),
                 amp: Any = None):
        self.model, self.losses, self.optimizer, self.device = model, losses, optimizer, device
        self.loader, self.validation, self.epochs = loader, validation, epochs
        self.precision = Precision(amp, device)
        self.scores, self.validation_scores = Scores(metrics), Scores(metrics)
        self.callbacks = sorted(callbacks, key=lambda callback: callback.comes_last)
        self.listeners = {hook: listening(self.callbacks, hook) for hook in HOOKS}
        self.history = History()
        self.epoch = self.batch = self.steps = self.unread = 0
        self.stop_training = False
        self.loss: Tensor | None = None
        self.logs: dict[str, float] = {}
        self.rate = 0.0                         # learning rate of the last step
        self.checkpoint: Path | None = None
        self.seconds, self.clock = 0.0, perf_counter()      # of this epoch until `clock`, and since when it runs
        self.signals = HeldSignals()
        self.dtype = dtype_of_model(model)
        self.identity = identity(self)          # before schedules change learning rates

    def tell(self, hook: str, *more: Any) -> None:
        """Call this method of all callbacks that have it."""
        for listen in self.listeners[hook]:
            listen(self, *more)

    def columns(self) -> list[str]:
        """Those that the rows of the history can have: known before there is one, so that a wrong name is told."""
        parts = ["train", "validation"] if self.validation is not None else ["train"]
        measured = [*self.losses.columns(), *self.scores.columns]
        return ["epoch", *[f"{part}_{name}" for part in parts for name in measured], "learning_rate",
                "samples_per_second", "seconds", *[name for callback in self.callbacks for name in callback.columns]]

    # --- running --------------------------------------------------------------------------------------------
    def run(self, resume: Path | None = None) -> History:
        """Train to the end, from the beginning or from a checkpoint; the history."""
        default_generator(), default_generator(self.device)     # now, so that checkpoints say what they draw next
        with ExitStack() as stack, self.signals:
            for callback in self.callbacks:
                stack.callback(callback.teardown, self)
            self.tell("setup")
            if resume is not None:
                self.load(resume)
            self.clock = perf_counter()
            self.tell("on_train_begin")
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):         # TerminateOnNaN says it
                while not self.is_over():
                    self.run_epoch()
            self.tell("on_train_end")
            self.stop_if_asked(ended=True)
        return self.history

    def between_epochs(self) -> bool:
        """Whether the epoch of number `epoch` has its row, so that the next one is to begin."""
        return len(self.history) == self.epoch

    def is_over(self) -> bool:
        """Whether there is no epoch left, or a callback ended the training with the last one."""
        return self.between_epochs() and (self.stop_training or self.epoch >= self.epochs)

    def run_epoch(self) -> None:
        """One pass over the training data, or what is left of it, then one over the validation data."""
        if self.between_epochs():
            self.epoch, self.batch, self.seconds, self.clock = self.epoch + 1, 0, 0.0, perf_counter()
            self.scores.reset()
            self.tell("on_epoch_begin")
        with closing(self.batches_left()) as batches:           # a loader's threads end with it
            for inputs, targets in batches:
                self.tell("on_step_begin", inputs, targets)
                try:
                    self.step(inputs, targets)
                except ValueError as error:
                    if examples_in(inputs) == 1 and self.batch == len(self.loader) - 1:         # BatchNorm wants two
                        error.add_note("fit: one example was left for the last batch: Loader(..., drop_last=True) "
                                       "leaves it out")
                    raise
                self.tell("on_step_end")
                self.stop_if_asked()
        row = {"epoch": self.epoch, **numbers("train", self.scores.compute())}
        speed = self.samples_per_second
        row |= {**numbers("validation", self.validate()), "learning_rate": self.rate, "samples_per_second": speed,
                "seconds": self.elapsed()}
        self.history.add(row)
        self.tell("on_epoch_end")
        self.stop_if_asked()

    def batches_left(self) -> Batches:
        """What of this epoch is still to be learned from, on the device."""
        self.model.train()
        self.losses.modules.train()
        if self.batch < len(self.loader):
            yield from on_device(self.loader.epoch(self.epoch, self.batch), self.device, self.dtype)

    def step(self, inputs: Any, targets: Any) -> None:
        """One step down the gradient."""
        self.rate = self.optimizer.param_groups[0]["lr"]
        outputs, losses = self.forward(inputs, targets)
        self.optimizer.zero_grad()
        self.precision.scale(losses["loss"]).backward()
        self.descend()
        self.loss = losses["loss"].detach()
        self.scores.add(losses, outputs, targets, examples_in(inputs))
        self.batch, self.steps, self.unread = self.batch + 1, self.steps + 1, self.unread + 1
        if self.batch % READ_EVERY == 0 or self.batch == len(self.loader):
            self.look()

    def forward(self, inputs: Any, targets: Any) -> tuple[Any, dict[str, Tensor]]:
        """What the model gives, and the losses of it."""
        with self.precision.autocast():
            outputs = call(self.model, inputs)
            return outputs, self.losses(outputs, targets, training=True)

    def descend(self) -> None:
        """Change the parameters by the gradients that are there, after callbacks have had a look at these."""
        self.precision.unscale(self.optimizer)
        self.tell("on_before_optimizer_step")
        self.precision.step(self.optimizer)

    def look(self) -> None:
        """Read losses and metrics, for which the host waits for the device."""
        if self.batch == len(self.loader):
            self.scores.check_names()
        self.logs, self.unread = numbers("", self.scores.compute()), 0
        self.tell("on_log")

    def validate(self) -> dict[str, Any]:
        """Losses and metrics of the validation data; {} if there are none."""
        if self.validation is None:
            return {}
        before, batches = generator_states(), on_device(self.validation.epoch(1), self.device, self.dtype)
        self.validation_scores.reset()
        with evaluating(self.model, self.losses.modules), self.precision.autocast(), closing(batches):
            for inputs, targets in batches:
                evaluate_batch(self.model, self.losses, self.validation_scores, inputs, targets)
                if self.signals.arrived is not None:
                    break
        if self.signals.arrived is None:
            return self.validation_scores.compute()
        set_generator_states(before)                    # resumed, the validation begins anew
        self.stop_if_asked()
        return self.validate()                          # the signal's handler let it go on

    def stop_if_asked(self, ended: bool = False) -> None:
        """Act on a signal that arrived meanwhile: Interrupted for Ctrl-C; for others what would have come of them.

        ended: the training is, so that the model may have its best weights, which no checkpoint must go on from.
        """
        number = self.signals.arrived
        if number is None:
            return
        if not ended:
            self.tell("on_interrupt")
        if not self.signals.is_interrupt():
            self.signals.deliver(number)
            return
        self.signals.arrived = None
        where = f"interrupted in epoch {self.epoch} of {self.epochs}, after batch {self.batch} of {len(self.loader)}"
        if ended:
            where = f"interrupted at the very end, after epoch {self.epoch} of {self.epochs}"
        on = f"{self.checkpoint} goes on from there: resume={str(self.checkpoint)!r}" if self.checkpoint \
            else "there is no checkpoint of it: callbacks=[ModelCheckpoint(folder)] writes some"
        raise Interrupted(f"{where}; {on}", self.history, self.checkpoint)

    # --- time -----------------------------------------------------------------------------------------------
    def elapsed(self) -> float:
        """The seconds that this epoch took so far, those before an interruption included."""
        return self.seconds + perf_counter() - self.clock

    @property
    def samples_per_second(self) -> float:
        """Of this epoch so far."""
        return self.scores.examples / max(self.elapsed(), 1e-9)

    # --- checkpoints ----------------------------------------------------------------------------------------
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint. Raises NonFiniteLoss where the steps since the last look went wrong, and OSError."""
        if self.unread:
            self.look()
        write_checkpoint(path, self.identity, self.state_dict())
        self.checkpoint = Path(path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from a checkpoint. CheckpointError, and all is as it was, if it is damaged or another training's."""
        file = find(Path(path))
        then, state = read_checkpoint(file)
        check_identity(file, then, self.identity)
        gone = [key for key, (needed, _) in state["callbacks"].items() if needed and key not in self.keys()]
        if gone:
            raise CheckpointError(f"{file}: has the state of the callback {', '.join(gone)}, which this training "
                                  "lacks: give it too")
        late = [key for key, callback in self.keys().items() if not callback.joins_late and callback.state_dict()
                and key not in state["callbacks"]]
        if late:
            raise CheckpointError(f"{file}: comes from a training without the callback {', '.join(late)}, which this "
                                  "one has: leave it out")
        try:
            self.load_state_dict(state)
        except ValueError as error:
            raise CheckpointError(f"{file}: {error}") from error
        self.checkpoint = file

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides how the training goes on."""
        states = {key: (not callback.resumable_without, callback.state_dict()) for key, callback in self.keys().items()}
        return {
            "model": self.model.state_dict(), "loss": self.losses.modules.state_dict(),
            "optimizer": self.optimizer.state_dict(), "precision": self.precision.state_dict(),
            "generators": generator_states(),
            "epoch": self.epoch, "batch": self.batch, "steps": self.steps, "rate": self.rate,
            "seconds": self.elapsed(), "stop_training": self.stop_training, "scores": self.scores.state_dict(),
            "history": self.history.rows, "callbacks": {key: state for key, state in states.items() if state[1]},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for key, callback in self.keys().items():       # first: they may refuse theirs
            if key in state["callbacks"]:
                callback.load_state_dict(state["callbacks"][key][1])
        self.model.load_state_dict(state["model"])
        self.losses.modules.load_state_dict(state["loss"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.optimizer.has_stepped = state["steps"] > 0
        self.precision.load_state_dict(state["precision"])
        self.scores.load_state_dict(state["scores"])
        self.history = History(state["history"])
        self.epoch, self.batch, self.steps, self.rate = [state[key] for key in ("epoch", "batch", "steps", "rate")]
        self.seconds, self.stop_training, self.unread = state["seconds"], state["stop_training"], 0
        set_generator_states(state["generators"])

    def keys(self) -> dict[str, Callback]:
        """The callbacks by the names under which checkpoints have their states."""
        found: dict[str, Callback] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            found[kind + f"#{sum([type(c).__name__ == kind for c in found.values()]) + 1}"] = callback
        return {key.removesuffix("#1"): callback for key, callback in found.items()}


def evaluate_batch(model: Module, losses: Losses | None, scores: Scores, inputs: Any, targets: Any) -> None:
    """Add what a batch says of a model in eval mode."""
    outputs = call(model, inputs)
    scores.add(losses(outputs, targets, training=False) if losses else {}, outputs, targets, examples_in(inputs))


def on_device(batches: Any, device: str, dtype: Any) -> Batches:
    """The batches as tensors. Where the data have no targets the inputs are those too, as of an autoencoder."""
    with closing(batches):
        for inputs, targets in batches:
            x = to_tensors(inputs, device, dtype)
            yield x, x if targets is None else to_tensors(targets, device, dtype)


def numbers(part: str, scores: Mapping[str, Any]) -> dict[str, float]:
    """Those scores that are single numbers, under the names of their columns: part "train" makes loss train_loss."""
    return {f"{part}_{name}" if part else name: x for name, x in scores.items() if isinstance(x, (int, float))}


def listening(callbacks: Sequence[Callback], hook: str) -> list[Callable[..., Any]]:
    """The methods of this name that do something."""
    return [getattr(callback, hook) for callback in callbacks
            if getattr(type(callback), hook) is not getattr(Callback, hook) or hook in vars(callback)]


def identity(trainer: Trainer) -> dict[str, Any]:
    """What a training is one of: a checkpoint serves no other."""
    loader = trainer.loader
    return {
        "model": {name: f"{x.dtype} {x.shape}" for name, x in trainer.model.state_dict().items()},
        "layers": {name: told(layer) for name, layer in trainer.model.named_modules() if not list(layer.children())},
        "loss": trainer.losses.described(),
        "metrics": list(trainer.scores.columns),
        "amp": trainer.precision.dtype,
        "optimizer": type(trainer.optimizer).__name__,
        "groups": [{**{name: x for name, x in group.items() if name != "params"}, "parameters": len(group["params"])}
                   for group in trainer.optimizer.param_groups],
        "examples": len(loader.data), "batch_size": loader.batch_size, "shuffle": loader.shuffle, "seed": loader.seed,
        "drop_last": loader.drop_last,
        "transform": described(loader.transform),
        "validation": len(trainer.validation.data) if trainer.validation else None,
    }


def described(transform: Any) -> Any:
    """A transform for `identity`: ours with their arguments, others by name."""
    if isinstance(transform, Compose):
        return [described(part) for part in transform.transforms]
    if isinstance(transform, Transform):
        return told(transform)
    return None if transform is None else getattr(transform, "__name__", type(transform).__name__)


def told(x: Any) -> str:
    """Its repr, without the addresses in it, which are others in every process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(x))
