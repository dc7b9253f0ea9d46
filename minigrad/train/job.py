"""One training run from beginning to end: data, split, training, the test part once, and the folder it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ..backend import device_name, library_for
from ..data import source
from ..graph import save
from ..graph.near_sizes import Sides
from ..nn import Module
from . import pictures
from .callbacks import Callback, EarlyStopping, HealthMonitor, LearningRateScheduler, ModelCheckpoint
from .checkpoint import CheckpointError
from .classification import Classification
from .fit import fit
from .nonfinite import NonFiniteLoss
from .parts import ALL, Choice, Parts, Shape, Statistics, load_data, one_blas_thread
from .recipes import TUNING, Settings, recipe_for, settings_for
from .run_folder import CURVES, WEIGHTS, RunFolder, RunFolderError
from .segmentation import Segmentation
from .task import Task
from .trainer import Trainer

CLASSIFICATION, SEGMENTATION = Classification(), Segmentation()
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
    make_model: Callable[..., Module]           # numbers of classes and of channels -> a model with fresh weights
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
    tile: int | None = None                     # the side of the tiles that a segmentation learns from
    views: int = 1                              # of an image that a segmentation's answers are averaged over: 1 or 8
    health: bool = False                        # watch how gradients fare: see `HealthMonitor`
    tiles: Sides | None = None                  # those that the model takes; None: multiples of 16
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
    def task(self) -> Task:
        """What its data have classes for: images, or pixels."""
        return SEGMENTATION if source(self.data).masks else CLASSIFICATION

    @property
    def settings(self) -> Settings:
        return settings_for(self.model, self.data, TUNING if self.origin else None, epochs=self.epochs,
                            batch_size=self.batch_size, learning_rate=self.learning_rate,
                            weight_decay=self.weight_decay, optimizer=self.optimizer, augment=self.augment,
                            patience=self.patience)

    @property
    def monitor(self) -> tuple[str, str]:
        """The columns by which the epoch is chosen; the second where they tie."""
        return f"validation_{self.answers}{self.task.measure}", "validation_loss"

    @property
    def answers(self) -> str:
        """What stands before the accuracy's name where a model has several outputs: "scores_"."""
        return f"{next(iter(self.loss_weights))}_" if self.loss_weights else ""

    @property
    def held_out(self) -> float:
        """The share of the training images that validates."""
        return recipe_for(self.data).validation if self.validation is None else self.validation


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
    model, parts = job.task.model_and_parts(job, load_data(job.data, job.root, job.download, None, job.choice), say)
    said = described(job, parts)
    settings = {"model": job.model, "width": job.width, "tile": job.tile, "views": job.views, **asdict(job.settings),
                "validation": job.held_out, "device": job.device, "device_name": device_name(job.device),
                **({"origin": job.origin.said} if job.origin else {}), **({"health": True} if job.health else {})}
    watching = [HealthMonitor(folder.path, say=say, write=folder.write)] if job.health else []
    if job.resume:
        folder.resume(job.seed, said, settings)
    else:
        folder.start(command, job.seed, said, settings)
    try:
        return run_in(folder, job, model, parts, [*callbacks, *watching])
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
    task, settings = job.task, job.settings
    chosen, told = EarlyStopping(settings.patience, job.monitor), InFolder(folder, job.answers)
    checkpoints = ModelCheckpoint(folder.place, every_epochs=None, every_seconds=CHECKPOINT_SECONDS, save_best=False)
    train, validation = task.loaders(job, model, parts)
    with one_blas_thread():
        fit(model, train, validation=validation, **losses_and_metrics(job.loss_weights, task.metrics()),
            optimizer=settings.make_optimizer, epochs=settings.epochs, device=job.device,
            resume=folder.place if job.resume else None, callbacks=[Cosine(), chosen, told, *callbacks, checkpoints])
    if chosen.best is None:
        raise ValueError("a run needs at least one epoch")
    tested = task.tested(job, model, parts)
    result = {**task.results(told.row(chosen.best), tested, parts), "seconds": told.seconds,
              "parameters": sum([p.data.size for p in model.parameters()])}
    folder.write(WEIGHTS, lambda path: save(model, path))
    draw(job, folder, model, tested, parts, result["chosen_epoch"])
    folder.finish(result)
    return {**result, "folder": str(folder.path)}


def losses_and_metrics(weights: Mapping[str, float] | None, metrics: list[Any]) -> dict[str, Any]:
    """Cross-entropy of the only output, or of each by its name; and the metrics of the scores."""
    if not weights:
        return {"loss": "cross_entropy", "metrics": metrics}
    return {"loss": dict.fromkeys(weights, "cross_entropy"), "weights": weights,
            "metrics": {next(iter(weights)): metrics}}


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


# --- data and results -----------------------------------------------------------------------------------------

def described(job: Job, parts: Parts) -> dict[str, Any]:
    """What run.json says of the data."""
    return {"name": job.data, "root": job.root, **job.choice.said, "train_images": len(parts.train),
            "validation_images": len(parts.validation), "test_images": len(parts.test), "classes": parts.classes,
            "image": parts.image, "reads": parts.prepare.reads, "mean": parts.mean, "std": parts.std}


def draw(job: Job, folder: RunFolder, model: Module, tested: Any, parts: Parts, chosen: int) -> None:
    """The pictures of a run: its curves, with the chosen epoch, and those of its task."""
    history = {name: [row[name] for row in folder.history] for name in folder.history[0]}
    folder.write(CURVES, lambda path: pictures.training_curves(history, path, chosen, job.title))
    job.task.draw(folder, job.title, model, tested, parts)
