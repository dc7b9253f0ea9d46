"""Runs on images that have a class each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from ..backend import manual_seed, to_numpy
from ..data import Loader, TrainTest, source
from ..nn import Module
from . import pictures
from .fit import predict
from .parts import Parts, Pictures, Prepare, at_once, image_shape, load_data, parts_of, shape_for, shape_of, spell
from .recipes import Augment, augmentation
from .run_folder import CONFUSION, FILTERS, MOST_WRONG, RunFolder
from .task import Say, Task, changes

if TYPE_CHECKING:
    from .job import Job

EVALUATE_BATCH = 500            # images at once where nothing is learned, at most


class Evaluation(NamedTuple):
    """What a model makes of a data set: mean loss, accuracy, and probabilities (n, k)."""

    loss: float
    accuracy: float
    probabilities: np.ndarray


class Classification(Task):
    """A class for each image: cross-entropy, and the share of the images that get their class."""

    measure = "accuracy"

    def model_and_parts(self, job: Job, found: TrainTest, say: Say) -> tuple[Module, Parts]:
        """The model, for as many classes and channels as the data have; and the data, in the size that it reads."""
        image, origin = shape_of(found.train), job.origin
        manual_seed(job.seed)
        model = job.make_model(len(found.train.classes), image[0] or 1)
        reads = shape_for(origin.reads if origin else image_shape(model), image, job.sides)
        if source(job.data).name == "folder":                   # read anew, in the size of the model
            found = load_data(job.data, job.root, False, reads, job.choice)
        if reads is not None and reads[1:] != image[1:]:
            size = "several sizes" if None in image else spell(image[1:])
            say(f"images of {size} are resized to {spell(reads[1:])} for {job.model}")
        return model, parts_of(found, job.data, reads, job.seed, job.held_out, origin.statistics if origin else None)

    def metrics(self) -> list[Any]:
        return ["accuracy"]

    def loaders(self, job: Job, model: Module, parts: Parts) -> tuple[Loader, Loader]:
        settings = job.settings
        alone = len(parts.train) > settings.batch_size and len(parts.train) % settings.batch_size == 1
        train = Loader(parts.train, settings.batch_size, shuffle=True, seed=job.seed, workers=job.workers,
                       drop_last=alone,             # BatchNorm has nothing to normalise a single image by
                       transform=changes(images_alone(augmentation(settings.augment, job.data)), parts.prepare))
        return train, parts.batches(parts.validation, at_once(parts.prepare.reads, EVALUATE_BATCH), job.workers)

    def tested(self, job: Job, model: Module, parts: Parts) -> Evaluation:
        return evaluate(model, parts.test, job.device, parts.prepare, job.workers)

    def results(self, best: Mapping[str, Any], tested: Evaluation, parts: Parts) -> dict[str, Any]:
        """The baseline always answers the class that the training images show most often."""
        labels, often = parts.test.labels, int(np.bincount(parts.train.labels).argmax())
        errors = int((tested.probabilities.argmax(1) != labels).sum())
        return {"test_accuracy": tested.accuracy, "test_errors": errors, "test_images": len(labels),
                "test_loss": tested.loss, "baseline_accuracy": float((labels == often).mean()),
                "baseline_class": parts.classes[often], "chosen_epoch": best["epoch"],
                "validation_accuracy": best["validation_accuracy"], "validation_loss": best["validation_loss"]}

    def draw(self, folder: RunFolder, title: str, model: Module, tested: Evaluation, parts: Parts) -> None:
        """Confusions, the most wrong answers; first-layer filters where they can be drawn, of one or three channels."""
        labels, names = parts.test.labels, parts.classes
        counts = pictures.count_confusions(labels, tested.probabilities.argmax(1), len(names))
        filters = next((p.data for p in model.parameters() if p.data.ndim == 4), None)
        folder.write(CONFUSION, lambda path: pictures.confusion_matrix(counts, names, path, title))
        if filters is not None and filters.shape[1] in (1, 3):
            folder.write(FILTERS, lambda path: pictures.first_layer_filters(
                to_numpy(filters), path, f"{title}\nfirst-layer filters"))
        images: Any = Pictures(parts, parts.test)
        folder.write(MOST_WRONG, lambda path: pictures.most_wrong(images, labels, tested.probabilities, names, path,
                                                                  title=f"{title}\nmost wrong"))


def images_alone(augment: Augment | None) -> Callable[..., Any] | None:
    """An augmentation of images as one of batches, whose labels it leaves alone."""
    return None if augment is None else lambda images, labels, generator: (augment(images, generator), labels)


def evaluate(model: Module, data: Any, device: str = "cpu", prepare: Prepare | None = None,
             workers: int = 0) -> Evaluation:
    """What the model, in eval mode, makes of a labelled data set. prepare: what its images go through before."""
    batch = at_once(prepare.reads if prepare else None, EVALUATE_BATCH)
    given = predict(model, Loader(data, batch, workers=workers, transform=prepare), device=device)
    scores = ops.tensor(next(iter(given.values())) if isinstance(given, dict) else given)           # (n, k)
    labels = ops.tensor(data.labels)
    return Evaluation(float(ops.cross_entropy(scores, labels)), float((scores.numpy().argmax(1) == data.labels).mean()),
                      ops.softmax(scores, 1).numpy())
