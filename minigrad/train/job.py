"""One training run from beginning to end: data, split, training, the test part once, and the folder it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..backend import device_name, library_for, manual_seed, to_numpy
from ..data import Loader, source
from ..graph import save
from ..nn import Module
from . import pictures
from .callbacks import Callback, EarlyStopping, LearningRateScheduler, ModelCheckpoint
from .checkpoint import CheckpointError
from .fit import fit, predict
from .nonfinite import NonFiniteLoss
from .parts import (
    ALL,
    Choice,
    Parts,
    Pictures,
    Prepare,
    Shape,
    Statistics,
    at_once,
    image_shape,
    load_data,
    parts_of,
    shape_for,
    shape_of,
    spell,
)
from .recipes import TUNING, Augment, Settings, augmentation, recipe_for, settings_for
from .run_folder import PICTURES, WEIGHTS, RunFolder, RunFolderError
from .trainer import Trainer

EVALUATE_BATCH = 500            # images at once where nothing is learned, at most
CHECKPOINT_SECONDS = 30         # between two checkpoints; one is written too when a signal ends the run


@dataclass(frozen=True)
class Origin:
    """What a job must know of the network that it goes on from.

    said: what run.json says of it. reads: (c, h, w) of the images that it has learnt from, None for an open axis.
    statistics: mean and std that these were normalised with; None: of the new data.
    """

    said: Mapping[str, Any]
    reads: Shape | None
    statistics: Statistics | None


@dataclass(frozen=True)
class Job:
    """What shall be run. epochs, batch_size, learning_rate, weight_decay, optimizer, augment, patience, validation:
    None for the recipe's; see `Settings`.

    loss_weights: of a model with several outputs, the name of each and how much its cross-entropy counts; the first
    has the scores that are the answer. sides: see `shape_for`.
    """

    model: str
    make_model: Callable[[int, int], Module]    # numbers of classes and of channels -> a model with fresh weights
    data: str = "digits"
    root: str | None = None                     # the folder of the data's files; None: where `data.load` looks
    download: bool = False                      # fetch what of them is missing
    seed: int = 0
    out: str | None = None                      # the run folder; None: runs/<model>-<data>-seed<seed>
    device: str = "cpu"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    optimizer: str | None = None
    augment: str | None = None
    patience: int | None = None
    validation: float | None = None             # the share of the training images that chooses the epoch
    workers: int = 0                            # threads that read batches ahead
    resume: bool = False                        # go on with the unfinished run in the folder
    called: str | None = None                   # what pictures call the model; None: as `model`
    loss_weights: Mapping[str, float] | None = None
    sides: tuple[int, int] = (1, 10**6)
    width: float | None = None                  # that make_model multiplies channels by, for run.json
    choice: Choice = ALL                        # which classes and images of the data count
    origin: Origin | None = None                # of a network that has learnt something before

    @property
    def folder(self) -> str:
        return self.out or str(Path("runs") / f"{self.model}-{self.data}-seed{self.seed}")

    @property
    def title(self) -> str:
        """What its pictures show: "LeNet-5 on the UCI digits, seed 0"."""
        return f"{self.called or self.model} on {source(self.data).title}, seed {self.seed}"

    @property
    def settings(self) -> Settings:
        return settings_for(self.model, self.data, TUNING if self.origin else None, epochs=self.epochs,
                            batch_size=self.batch_size, learning_rate=self.learning_rate,
                            weight_decay=self.weight_decay, optimizer=self.optimizer, augment=self.augment,
                            patience=self.patience)

    @property
    def monitor(self) -> tuple[str, str]:
        """The columns by which the epoch is chosen; the second where they tie."""
        return f"validation_{self.answers}accuracy", "validation_loss"

    @property
    def answers(self) -> str:
        """What stands before the accuracy's name where a model has several outputs: "scores_"."""
        return f"{next(iter(self.loss_weights))}_" if self.loss_weights else ""

    @property
    def held_out(self) -> float:
        """The share of the training images that validates."""
        return recipe_for(self.data).validation if self.validation is None else self.validation


class Evaluation(NamedTuple):
    """What a model makes of a data set: mean loss, accuracy, and probabilities (n, k)."""

    loss: float
    accuracy: float
    probabilities: np.ndarray


def run(job: Job, command: str, callbacks: Sequence[Callback] = (),
        say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Run a job, or go on with it, and return its result, which run.json holds too.

    command: what the user typed, for run.json. callbacks: what to show meanwhile, `ProgressBar("images")`. say: is
    told, in a line, where images are resized.
    Raises, before anything is written, ImportError (an extra is missing), DeviceError, RunFolderError (also where there
    is nothing to resume, or another run) and DataError; and NonFiniteLoss, CheckpointError or RunFolderError while
    training. Whatever stops it, run.json then says why, unless a finished run was in the folder: that is kept, run.json
    included. A signal that ends it (Interrupted, for Ctrl-C) leaves a checkpoint, from which `Job(resume=True)` goes
    on.
    """
    pictures.rehearse()
    with one_blas_thread():             # an extra too
        pass
    library_for(job.device)
    folder = RunFolder(job.folder)
    model, parts = model_and_parts(job, say)
    said = described(job, parts)
    settings = {"model": job.model, "width": job.width, **asdict(job.settings), "validation": job.held_out,
                "device": job.device, "device_name": device_name(job.device),
                **({"origin": job.origin.said} if job.origin else {})}
    if job.resume:
        folder.resume(job.seed, said, settings)
    else:
        folder.start(command, job.seed, said, settings)
    try:
        return run_in(folder, job, model, parts, callbacks)
    except BaseException as error:
        folder.stop(reason(error))
        raise


def reason(error: BaseException) -> str:
    """Why a run stopped, in a line for run.json."""
    if isinstance(error, (NonFiniteLoss, RunFolderError, CheckpointError)):
        return str(error)
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}".rstrip(": ")


def run_in(folder: RunFolder, job: Job, model: Module, parts: Parts, callbacks: Sequence[Callback]) -> dict[str, Any]:
    """Train, choose, test once, write."""
    settings = job.settings
    chosen, told = EarlyStopping(settings.patience, job.monitor), InFolder(folder, job.answers)
    batch = at_once(parts.prepare.reads, EVALUATE_BATCH)
    checkpoints = ModelCheckpoint(folder.place, every_epochs=None, every_seconds=CHECKPOINT_SECONDS, save_best=False)
    alone = len(parts.train) > settings.batch_size and len(parts.train) % settings.batch_size == 1
    with one_blas_thread():
        fit(model, Loader(parts.train, settings.batch_size, shuffle=True, seed=job.seed, workers=job.workers,
                          drop_last=alone,          # BatchNorm has nothing to normalise a single image by
                          transform=changes(augmentation(settings.augment, job.data), parts.prepare)),
            validation=parts.batches(parts.validation, batch, job.workers), **losses_and_metrics(job.loss_weights),
            optimizer=settings.make_optimizer, epochs=settings.epochs, device=job.device,
            resume=folder.place if job.resume else None, callbacks=[Cosine(), chosen, told, *callbacks, checkpoints])
    if chosen.best is None:
        raise ValueError("a run needs at least one epoch")
    tested = evaluate(model, parts.test, job.device, parts.prepare, job.workers)
    best = {**chosen.best, "validation_accuracy": chosen.best[job.monitor[0]]}
    result = results(best, tested, parts, model, told.seconds)
    folder.write(WEIGHTS, lambda path: save(model, path))
    draw(folder, job.title, model, tested, parts, result)
    folder.finish(result)
    return {**result, "folder": str(folder.path)}


def losses_and_metrics(weights: Mapping[str, float] | None) -> dict[str, Any]:
    """Cross-entropy of the only output, or of each by its name; and the accuracy of the scores."""
    if not weights:
        return {"loss": "cross_entropy", "metrics": ["accuracy"]}
    return {"loss": dict.fromkeys(weights, "cross_entropy"), "weights": weights,
            "metrics": {next(iter(weights)): ["accuracy"]}}


class Cosine(LearningRateScheduler):
    """The learning rate falls to 0 along half a cosine over all epochs, step by step. Where a run goes on with more of
    them than it began with, it falls from there on along the longer curve."""

    def __init__(self) -> None:
        super().__init__("cosine", per="step")
        self.stretched = False

    def load_state_dict(self, state: Any) -> None:
        longest, own = "T_max", self.start["T_max"]
        self.stretched = state["start"][longest] != own
        super().load_state_dict({**state, **{key: {**state[key], longest: own} for key in ("start", "now")}})

    def on_train_begin(self, trainer: Trainer) -> None:
        if self.stretched:
            for group, rate in zip(trainer.optimizer.param_groups, self.scheduler.get_lr_from_start(), strict=True):
                group["lr"] = rate


class InFolder(Callback):
    """Keeps history.csv of a run folder up to date, and the time that the run took, in all its parts.

    answers: see `Job`; in the file accuracy is called so for every model.
    """

    def __init__(self, folder: RunFolder, answers: str = ""):
        self.folder, self.answers, self.seconds = folder, answers, 0.0
        self.started = perf_counter()

    def on_train_begin(self, trainer: Trainer) -> None:
        self.started = perf_counter() - self.seconds
        self.folder.set_history([self.row(row) for row in trainer.history.rows])

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.folder.add_epoch(**self.row(trainer.history[-1]))

    def row(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        return {name.replace(f"_{self.answers}accuracy", "_accuracy"): x for name, x in columns.items()}

    def teardown(self, trainer: Trainer) -> None:
        self.seconds = self.state_dict()["seconds"]

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": perf_counter() - self.started}

    def load_state_dict(self, state: Any) -> None:
        self.seconds = state["seconds"]


def changes(augment: Augment | None, prepare: Prepare) -> Callable[..., Any]:
    """What a training batch goes through: it is changed at random, then prepared as every other."""
    def transform(images: np.ndarray, labels: np.ndarray, generator: np.random.Generator) -> tuple[Any, Any]:
        return prepare(augment(images, generator) if augment else images, labels)
    transform.__name__ = "augment" if augment else "prepare"        # which a checkpoint compares
    return transform


def evaluate(model: Module, data: Any, device: str = "cpu", prepare: Prepare | None = None,
             workers: int = 0) -> Evaluation:
    """What the model, in eval mode, makes of a labelled data set. prepare: what its images go through before."""
    batch = at_once(prepare.reads if prepare else None, EVALUATE_BATCH)
    given = predict(model, Loader(data, batch, workers=workers, transform=prepare), device=device)
    scores = ops.tensor(next(iter(given.values())) if isinstance(given, dict) else given)           # (n, k)
    labels = ops.tensor(data.labels)
    return Evaluation(float(ops.cross_entropy(scores, labels)), float((scores.numpy().argmax(1) == data.labels).mean()),
                      ops.softmax(scores, 1).numpy())


def one_blas_thread() -> AbstractContextManager:
    """Inside, BLAS uses one thread. Matrix products as small as LeNet-5's gain nothing from two, and lose much where
    the cores have other work: then the threads wait for each other."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError('a run keeps BLAS to one thread with threadpoolctl, which is not installed: '
                          'pip install "minigrad[demo]"') from error
    return threadpool_limits(1, user_api="blas")


# --- data -----------------------------------------------------------------------------------------------------

def model_and_parts(job: Job, say: Callable[[str], None] = lambda line: None) -> tuple[Module, Parts]:
    """The model, for as many classes and channels as the data have; and the data, in the size that it reads."""
    found, origin = load_data(job.data, job.root, job.download, None, job.choice), job.origin
    image = shape_of(found.train)
    manual_seed(job.seed)
    model = job.make_model(len(found.train.classes), image[0] or 1)
    reads = shape_for(origin.reads if origin else image_shape(model), image, job.sides)
    if source(job.data).name == "folder":                   # read anew, in the size of the model
        found = load_data(job.data, job.root, False, reads, job.choice)
    if reads is not None and reads[1:] != image[1:]:
        size = "several sizes" if None in image else spell(image[1:])
        say(f"images of {size} are resized to {spell(reads[1:])} for {job.model}")
    return model, parts_of(found, job.data, reads, job.seed, job.held_out, origin.statistics if origin else None)


def described(job: Job, parts: Parts) -> dict[str, Any]:
    """What run.json says of the data."""
    return {"name": job.data, "root": job.root, **job.choice.said, "train_images": len(parts.train),
            "validation_images": len(parts.validation), "test_images": len(parts.test), "classes": parts.classes,
            "image": parts.image, "reads": parts.prepare.reads, "mean": parts.mean, "std": parts.std}


# --- what comes out ---------------------------------------------------------------------------------------------

def results(best: dict[str, Any], tested: Evaluation, parts: Parts, model: Module, seconds: float) -> dict[str, Any]:
    """The figures of a run. The baseline always answers the class that the training images show most often."""
    labels, often = parts.test.labels, int(np.bincount(parts.train.labels).argmax())
    errors = int((tested.probabilities.argmax(1) != labels).sum())
    return {"test_accuracy": tested.accuracy, "test_errors": errors, "test_images": len(labels),
            "test_loss": tested.loss, "baseline_accuracy": float((labels == often).mean()),
            "baseline_class": parts.classes[often], "chosen_epoch": best["epoch"],
            "validation_accuracy": best["validation_accuracy"], "validation_loss": best["validation_loss"],
            "seconds": seconds, "parameters": sum([p.data.size for p in model.parameters()])}


def draw(folder: RunFolder, title: str, model: Module, tested: Evaluation, parts: Parts,
         result: dict[str, Any]) -> None:
    """The pictures of a run; first-layer filters where they can be drawn, of one or three channels."""
    labels, names = parts.test.labels, parts.classes
    counts = pictures.count_confusions(labels, tested.probabilities.argmax(1), len(names))
    filters = next((p.data for p in model.parameters() if p.data.ndim == 4), None)
    history = {name: [row[name] for row in folder.history] for name in folder.history[0]}
    curves, confusions, first_layer, wrong = PICTURES
    folder.write(curves, lambda path: pictures.training_curves(history, path, result["chosen_epoch"], title))
    folder.write(confusions, lambda path: pictures.confusion_matrix(counts, names, path, title))
    if filters is not None and filters.shape[1] in (1, 3):
        folder.write(first_layer, lambda path: pictures.first_layer_filters(
            to_numpy(filters), path, f"{title}\nfirst-layer filters"))
    images: Any = Pictures(parts, parts.test)
    folder.write(wrong, lambda path: pictures.most_wrong(images, labels, tested.probabilities, names, path,
                                                         title=f"{title}\nmost wrong"))
