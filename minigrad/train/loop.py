"""The loop: epochs of minibatches, each followed by a look at the validation part.

The host asks the device for the loss only every READ_EVERY steps; between these, loss and hits add up on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, isfinite, pi
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..data import Dataset, batches
from ..nn import Module
from ..optim import SGD
from ..tensor import Tensor, no_grad
from .nonfinite import Replay

READ_EVERY = 10                 # steps between two looks at the loss
EVALUATE_BATCH = 500            # images at once where nothing is learned

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Settings:
    """How to train: stochastic gradient descent with Nesterov's momentum, its learning rate falling along a cosine."""

    epochs: int
    batch_size: int
    learning_rate: float        # of the first step
    momentum: float = 0.9
    weight_decay: float = 0.0


class Epoch(NamedTuple):
    """What history.csv says of an epoch. Training loss and accuracy are means over its changing weights."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    images_per_second: float
    seconds: float
    learning_rate: float        # of its last step

    @property
    def rank(self) -> tuple[float, float]:
        """Epochs are chosen by validation accuracy and, where that is equal, by the smaller loss."""
        return self.validation_accuracy, -self.validation_loss


class Step(NamedTuple):
    """Where an epoch stands: what a progress bar shows."""

    epoch: int
    images: int                 # of this epoch so far
    loss: float                 # means over them
    accuracy: float
    images_per_second: float


class Evaluation(NamedTuple):
    """What a model makes of a data set: mean loss, accuracy, and probabilities (n, k)."""

    loss: float
    accuracy: float
    probabilities: np.ndarray


def cosine(done: float, highest: float) -> float:
    """The learning rate when the share `done` of all steps is done: from `highest` down to 0 along half a cosine.

    Loshchilov & Hutter 2016, SGDR, equation 5, without restarts.
    """
    return highest * ((1 + cos(pi * done)) / 2)        # in this order nothing overflows


class Trainer:
    """Trains a model; iterating it runs the epochs, one `Epoch` each.

        trainer = Trainer(model, train, validation, Settings(epochs=5, batch_size=64, learning_rate=0.1), seed=0)
        for epoch in trainer:
            print(epoch.validation_accuracy)
        model.load_state_dict(trainer.best_state)       # the weights of trainer.best, the epoch that validation chose

    `seed` decides the order of the images and their augmentation. `report(step)` is called every READ_EVERY steps.
    Raises NonFiniteLoss when the loss is nan or inf, naming the call that made it.
    """

    def __init__(self, model: Module, train: Dataset, validation: Dataset, settings: Settings, seed: int,
                 device: str = "cpu", augment: Augment | None = None,
                 report: Callable[[Step], object] = lambda step: None):
        self.model, self.train, self.validation = model.to(device), train, validation
        self.settings, self.device, self.augment, self.report = settings, device, augment, report
        self.generator = np.random.default_rng(seed)
        self.optimizer = SGD(model.parameters(), lr=settings.learning_rate, momentum=settings.momentum,
                             weight_decay=settings.weight_decay, nesterov=settings.momentum > 0)
        self.replay = Replay(model, self.optimizer, loss_of)
        self.best: Epoch | None = None
        self.best_state: dict[str, np.ndarray] = {}

    def __iter__(self) -> Iterator[Epoch]:
        for number in range(1, self.settings.epochs + 1):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):     # `look` says it, and more
                epoch = self.run_epoch(number)
            if self.best is None or epoch.rank > self.best.rank:
                self.best = epoch
                self.best_state = {name: array.copy() for name, array in self.model.state_dict().items()}
            yield epoch

    def run_epoch(self, number: int) -> Epoch:
        """One pass over the training images, then one over the validation images."""
        self.model.train()
        started, n, size = perf_counter(), len(self.train), self.settings.batch_size
        total = Totals()
        for index in batches(n, size, self.generator):
            rate = cosine((number - 1 + total.images / n) / self.settings.epochs, self.settings.learning_rate)
            images, labels = self.batch(index)
            total.add(*self.step(images, labels, rate), labels)
            if total.steps % READ_EVERY == 0 or total.images == n:
                self.look(number, total, started)
        loss, accuracy = total.means()
        seconds = perf_counter() - started
        seen = evaluate(self.model, self.validation, self.device)
        return Epoch(number, loss, accuracy, seen.loss, seen.accuracy, n / seconds, perf_counter() - started, rate)

    def batch(self, index: np.ndarray) -> tuple[Tensor, Tensor]:
        """Images (n, c, h, w) and labels (n,) of a step, on the device."""
        images, labels = self.train[index]
        if self.augment:
            images = self.augment(images, self.generator)
        return ops.tensor(images, device=self.device), ops.tensor(labels, device=self.device)

    def step(self, images: Tensor, labels: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        """One step down the gradient; the loss and the scores before it."""
        self.replay.keep(images, labels, rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, scores = loss_of(self.model, images, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss, scores

    def look(self, number: int, total: Totals, started: float) -> None:
        """Read the loss. The next time the replay begins from here."""
        loss, accuracy = total.means()
        if not isfinite(loss):
            raise self.replay.explain(number, total.steps)
        self.replay.forget()
        self.report(Step(number, total.images, loss, accuracy, total.images / (perf_counter() - started)))


class Totals:
    """Loss and hits of an epoch so far. They add up where the model is; reading them waits for it."""

    def __init__(self) -> None:
        self.steps = self.images = 0
        self.loss: Any = 0.0
        self.hits: Any = 0

    def add(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Of one step: the mean loss, scores (n, k), labels (n,)."""
        n = len(labels)
        with no_grad():
            self.loss = self.loss + loss.detach() * n
            self.hits = self.hits + (scores.argmax(1) == labels).sum()
        self.steps, self.images = self.steps + 1, self.images + n

    def means(self) -> tuple[float, float]:
        """Mean loss and accuracy."""
        return float(self.loss) / self.images, int(self.hits) / self.images


def loss_of(model: Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy, and the scores (n, k) that it comes from."""
    scores = model(images)
    return ops.cross_entropy(scores, labels), scores


def evaluate(model: Module, data: Dataset, device: str = "cpu") -> Evaluation:
    """What the model, in eval mode, makes of a data set. It stays in eval mode."""
    model.eval()
    total, probabilities = Totals(), []
    with no_grad():
        for index in batches(len(data), EVALUATE_BATCH, shuffle=False):
            images, labels = [ops.tensor(part, device=device) for part in data[index]]
            loss, scores = loss_of(model, images, labels)
            total.add(loss, scores, labels)
            probabilities.append(ops.softmax(scores, 1).numpy())
    return Evaluation(*total.means(), np.concatenate(probabilities))
