"""One training run from beginning to end: data, split, training, the test part once, and the folder it leaves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ..backend import device_name, library_for, manual_seed, to_numpy
from ..data import DataError, Dataset, TrainTest, digits, mnist, random_affine, stratified_split
from ..graph import save
from ..nn import Module
from . import pictures
from .loop import Augment, Epoch, Evaluation, Settings, Trainer, evaluate
from .nonfinite import NonFiniteLoss
from .progress import Progress
from .run_folder import PICTURES, WEIGHTS, RunFolder, RunFolderError


@dataclass(frozen=True)
class Recipe:
    """How a data set is trained on unless the user says otherwise; found on validation parts alone."""

    title: str                  # what pictures call the data
    settings: Settings
    validation: float           # the share of the training images that chooses the epoch
    augment: Augment


RECIPES = {
    "digits": Recipe("the UCI digits",
                     Settings(epochs=100, batch_size=32, learning_rate=0.05, weight_decay=1e-3), 0.2,
                     partial(random_affine, degrees=8.0, shift=2.0, scale=0.1, shear=0.1)),
    "mnist": Recipe("MNIST", Settings(epochs=20, batch_size=32, learning_rate=0.05, weight_decay=1e-4), 1 / 12,
                    partial(random_affine, degrees=10.0, shift=1.5, scale=0.1, shear=0.1)),
}
MODEL_TITLES = {"lenet5": "LeNet-5"}


@dataclass(frozen=True)
class Job:
    """What shall be run. epochs, batch_size, learning_rate: None for the recipe's."""

    model: str
    make_model: Callable[[int], Module]         # number of classes -> a model with fresh weights
    data: str = "digits"
    root: str | None = None                     # the folder of MNIST's files
    seed: int = 0
    out: str | None = None                      # the run folder; None: runs/<model>-<data>-seed<seed>
    device: str = "cpu"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None

    @property
    def folder(self) -> str:
        return self.out or str(Path("runs") / f"{self.model}-{self.data}-seed{self.seed}")

    @property
    def title(self) -> str:
        """What its pictures show: "LeNet-5 on the UCI digits, seed 0"."""
        return f"{MODEL_TITLES.get(self.model, self.model)} on {RECIPES[self.data].title}, seed {self.seed}"

    @property
    def settings(self) -> Settings:
        usual = RECIPES[self.data].settings
        asked: dict[str, Any] = {
            "epochs": self.epochs, "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        return replace(usual, **{name: value for name, value in asked.items() if value is not None})


def show_nothing(epochs: int, images: int) -> Progress:
    return Progress()


def run(job: Job, command: str, show: Callable[[int, int], Progress] = show_nothing) -> dict[str, Any]:
    """Run a job and return its result, which run.json holds too.

    command: what the user typed, for run.json. show(epochs, images): what to show meanwhile.
    Raises, before anything is written, ImportError (an extra is missing), DeviceError, RunFolderError and DataError;
    and NonFiniteLoss or RunFolderError while training. Whatever stops it, run.json then says why, unless a finished run
    was in the folder: that is kept, run.json included.
    """
    pictures.rehearse()
    with one_blas_thread():             # an extra too
        pass
    library_for(job.device)
    folder = RunFolder(job.folder)
    data = load_data(job)
    train, validation = split(data.train, RECIPES[job.data].validation, job.seed)
    manual_seed(job.seed)
    model = job.make_model(len(data.train.classes))
    folder.start(command, job.seed, described(job, train, validation, data.test),
                 {"model": job.model, **asdict(job.settings), "device": job.device,
                  "device_name": device_name(job.device)})
    try:
        return run_in(folder, job, model, train, validation, data.test, show)
    except BaseException as error:
        folder.stop(reason(error))
        raise


def reason(error: BaseException) -> str:
    """Why a run stopped, in a line for run.json."""
    if isinstance(error, (NonFiniteLoss, RunFolderError)):
        return str(error)
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}".rstrip(": ")


def run_in(folder: RunFolder, job: Job, model: Module, train: Dataset, validation: Dataset, test: Dataset,
           show: Callable[[int, int], Progress]) -> dict[str, Any]:
    """Train, choose, test once, write."""
    started = perf_counter()
    with one_blas_thread(), show(job.settings.epochs, len(train)) as progress:
        trainer = Trainer(model, train, validation, job.settings, job.seed, job.device, RECIPES[job.data].augment,
                          progress.step)
        for epoch in trainer:
            folder.add_epoch(**epoch._asdict())
            progress.epoch(epoch)
    seconds = perf_counter() - started
    if trainer.best is None:
        raise ValueError("a run needs at least one epoch")
    model.load_state_dict(trainer.best_state)
    tested = evaluate(model, test, job.device)
    result = results(trainer.best, tested, train, test, model, seconds)
    folder.write(WEIGHTS, lambda path: save(model, path))
    draw(folder, job.title, model, tested, test, result)
    folder.finish(result)
    return {**result, "folder": str(folder.path)}


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

def load_data(job: Job) -> TrainTest:
    if job.data == "digits":
        if job.root is not None:
            raise DataError("--root belongs to --data mnist: the UCI digits come with scikit-learn, not from a folder")
        return digits()
    if job.root is None:
        raise DataError("mnist is not part of minigrad: name the folder of its four files with --root")
    return mnist(job.root)


def split(data: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """A training and a validation part; the validation part is another for every seed."""
    try:
        rest, held_out = stratified_split(data.labels, share, seed)
    except ValueError as error:
        raise DataError(f"{data.name}: {len(data)} images are too few to split off a validation part") from error
    return data.subset(rest), data.subset(held_out)


def described(job: Job, train: Dataset, validation: Dataset, test: Dataset) -> dict[str, Any]:
    """What run.json says of the data."""
    return {"name": job.data, "root": job.root, "train_images": len(train), "validation_images": len(validation),
            "test_images": len(test), "classes": test.classes}


# --- what comes out ---------------------------------------------------------------------------------------------

def results(best: Epoch, tested: Evaluation, train: Dataset, test: Dataset, model: Module,
            seconds: float) -> dict[str, Any]:
    """The figures of a run. The baseline always answers the class that the training images show most often."""
    often = int(np.bincount(train.labels).argmax())
    errors = int((tested.probabilities.argmax(1) != test.labels).sum())
    return {"test_accuracy": tested.accuracy, "test_errors": errors, "test_images": len(test), "test_loss": tested.loss,
            "baseline_accuracy": float((test.labels == often).mean()), "baseline_class": test.classes[often],
            "chosen_epoch": best.epoch, "validation_accuracy": best.validation_accuracy,
            "validation_loss": best.validation_loss, "seconds": seconds,
            "parameters": sum([p.data.size for p in model.parameters()])}


def draw(folder: RunFolder, title: str, model: Module, tested: Evaluation, test: Dataset,
         result: dict[str, Any]) -> None:
    """The pictures of a run."""
    guesses = tested.probabilities.argmax(1)
    counts = pictures.count_confusions(test.labels, guesses, len(test.classes))
    filters = next(p.data for p in model.parameters() if p.data.ndim == 4)
    history = {name: [row[name] for row in folder.history] for name in folder.history[0]}
    curves, confusions, first_layer, wrong = PICTURES
    folder.write(curves, lambda path: pictures.training_curves(history, path, result["chosen_epoch"], title))
    folder.write(confusions, lambda path: pictures.confusion_matrix(counts, test.classes, path, title))
    folder.write(first_layer, lambda path: pictures.first_layer_filters(
        to_numpy(filters), path, f"{title}\nfirst-layer filters"))
    folder.write(wrong, lambda path: pictures.most_wrong(test.images, test.labels, tested.probabilities, test.classes,
                                                         path, title=f"{title}\nmost wrong"))
