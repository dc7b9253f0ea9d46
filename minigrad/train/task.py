"""What a run depends on beside its model: whether images have a class each, or every pixel has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import Loader, TrainTest
from ..nn import Module
from .parts import Parts
from .run_folder import RunFolder

if TYPE_CHECKING:
    from .job import Job

Say = Callable[[str], None]


class Task:
    """What a `Job` asks of the kind of its data. A subclass writes all of it.

    measure: the metric by whose column of the validation part the epoch is chosen.
    """

    measure: str

    def model_and_parts(self, job: Job, found: TrainTest, say: Say) -> tuple[Module, Parts]:
        """The model that a job trains, with fresh weights, and the data as it reads them."""
        raise TypeError(f"{type(self).__name__} makes no model: write model_and_parts")

    def metrics(self) -> list[Any]:
        """What is measured in every epoch beside the loss, the first of which a progress bar shows."""
        raise TypeError(f"{type(self).__name__} measures nothing: write metrics")

    def loaders(self, job: Job, model: Module, parts: Parts) -> tuple[Loader, Loader]:
        """The training batches, changed at random, and those of the validation part."""
        raise TypeError(f"{type(self).__name__} loads nothing: write loaders")

    def tested(self, job: Job, model: Module, parts: Parts) -> Any:
        """What the model makes of the test part, which is read once."""
        raise TypeError(f"{type(self).__name__} tests nothing: write tested")

    def results(self, best: Mapping[str, Any], tested: Any, parts: Parts) -> dict[str, Any]:
        """The figures of a run, beside those of a trivial answer. best: the history's row of the chosen epoch."""
        raise TypeError(f"{type(self).__name__} has no results: write results")

    def draw(self, folder: RunFolder, title: str, model: Module, tested: Any, parts: Parts) -> None:
        """The pictures of a run, beside its curves."""
        raise TypeError(f"{type(self).__name__} draws nothing: write draw")


def changes(augment: Callable[..., Any] | None, prepare: Callable[..., Any]) -> Callable[..., Any]:
    """What a training batch goes through: it is changed at random, targets alike, then prepared as every other."""
    def transform(images: np.ndarray, targets: Any, generator: np.random.Generator) -> tuple[Any, Any]:
        if augment is not None:
            images, targets = augment(images, targets, generator)
        return prepare(images, targets)
    transform.__name__ = "augment" if augment else "prepare"        # which a checkpoint compares
    return transform
