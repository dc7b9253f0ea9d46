"""fit, evaluate and predict: training a model on data, and asking it, each in one call.

    history = fit(model, (images, labels), loss="cross_entropy", optimizer=lambda ps: SGD(ps, 0.1), epochs=5)

Nothing else of minigrad needs them: a loop of one's own is `loss.backward()` and `optimizer.step()`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from .. import optim
from ..backend import parse_device
from ..data import Arrays, DataError, Loader
from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor
from .batch import call, device_of_model, dtype_of_model, evaluating, names, to_arrays, to_tensors
from .callbacks import Callback, LearningRateScheduler, ModelCheckpoint, TerminateOnNaN
from .callbacks.learning_rate import NAMED as NAMED_SCHEDULES
from .checkpoint import LAST, PREVIOUS
from .history import History
from .losses import Losses
from .scores import Scores, listed
from .trainer import Trainer, evaluate_batch, on_device

OPTIMIZERS = {name.lower(): getattr(optim, name) for name in optim.__all__
              if isinstance(getattr(optim, name), type) and name != "Optimizer"}


def fit(model: Module, data: Any, *, loss: Any, optimizer: Any, metrics: Any = (),
        callbacks: Iterable[Callback] | None = (), epochs: int = 1, validation: Any = None, batch_size: int = 32,
        shuffle: bool = True, seed: int = 0, device: str | None = None, weights: Mapping[str, float] | None = None,
        schedule: Any = None, schedule_per: str | None = None, transform: Callable[..., Any] | None = None,
        amp: Any = None, resume: bool | str | os.PathLike[str] | None = None) -> History:
    """Train `model` on `data`; the history, a row for every epoch.

        history = fit(model, (x, y), loss="cross_entropy", optimizer="adam", metrics=["accuracy"], epochs=10,
                      validation=(x_val, y_val), callbacks=[ProgressBar(), EarlyStopping(3), ModelCheckpoint("run")])

    data: a pair (inputs, targets) of arrays or tensors (n, ...), each also a tuple or dict of them; a data set; a
    Loader, which then says batch size, order, seed and transform itself; or inputs alone, which are the targets too.
    A dict of inputs goes to the graph's inputs of these names (to a module as keywords), a tuple one by one.
    Floating-point arrays become the dtype of the model's parameters.
    loss: a name ("cross_entropy", "mse", ...), a module or a function (outputs, targets) -> number. Or a dict of these,
    output name -> loss, None for an output without: then `weights` holds a number for each (None: all 1), and targets
    are a dict by the same names, or one for all. Names that do not match are errors that list them.
    optimizer: an optimizer, a name ("sgd", "adam": PyTorch's defaults), or a function parameters -> optimizer; the
    function gets those parameters of the model and of losses that require gradients.
    metrics: names ("accuracy", "top5", "iou"), metrics, or functions (outputs, targets) -> number; for named outputs a
    dict, output name -> metrics.
    validation: data like `data`, looked at after every epoch in eval mode; outputs that exist in training alone, as
    those of auxiliary heads, have no part in it.
    seed: decides the order of the examples and what `transform` draws; dropout draws from `manual_seed`'s generators.
    device: where to train, to which model and losses are moved; None: where the model is.
    schedule: of the learning rate: a scheduler of optim.lr_scheduler, a function optimizer -> scheduler, or "cosine" or
    "linear" (down to 0 over all epochs). schedule_per: "epoch" or "step", after which it goes on; None: "step" for a
    name, "epoch" for a scheduler, as PyTorch's are meant.
    transform: transform(inputs, targets, generator) -> (inputs, targets) on whole training batches, NumPy arrays.
    amp: mixed precision: True (float16 on GPUs, bfloat16 on the CPU), "float16", "bfloat16", or an amp.GradScaler;
    float16 has its loss scaled.
    resume: a checkpoint, or the folder of a ModelCheckpoint, from which to go on, to the last bit as if nothing had
    happened. True: from the folder of the ModelCheckpoint among the callbacks, if there is a checkpoint yet.

    Ctrl-C ends it after the running step: checkpoints are written, then Interrupted (a KeyboardInterrupt) is raised,
    which has the history; a second Ctrl-C ends it at once. Raises NonFiniteLoss, naming the call that made it, for a
    loss that is nan or inf; CheckpointError for a checkpoint that is damaged or another training's; TypeError and
    ValueError for the rest.
    """
    check_model("fit", model)
    loader = loader_of("fit", data, batch_size=batch_size, shuffle=shuffle, seed=seed, transform=transform)
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ValueError(f"fit: epochs must be a whole number from 1 on, {epochs!r} came")
    losses, device = placed(model, loss, weights, device)
    trainer = Trainer(
        model, losses, optimizer_of(optimizer, model, losses), loader, epochs=int(epochs), device=device,
        validation=None if validation is None else loader_of("fit: validation", validation, batch_size=batch_size),
        metrics=metrics, callbacks=all_callbacks(callbacks, schedule, schedule_per), amp=amp)
    return trainer.run(checkpoint_of(resume, trainer.callbacks))


def evaluate(model: Module, data: Any, *, loss: Any = None, metrics: Any = (), batch_size: int = 32,
             device: str | None = None, weights: Mapping[str, float] | None = None) -> dict[str, Any]:
    """What a model, in eval mode, makes of data: {"loss": ..., "accuracy": ...}, and "<output>_loss" of named outputs.

    data, loss, metrics, weights as in `fit`; a metric that gives an array, as "confusion", has it here. loss: None for
    none. The model is afterwards in the mode it was in. Raises TypeError and ValueError as `fit` does.
    """
    check_model("evaluate", model)
    loader = loader_of("evaluate", data, batch_size=batch_size)
    losses, device = placed(model, loss, weights, device) if loss is not None else (None, moved(model, device))
    scores = Scores(metrics)
    with evaluating(model, *([losses.modules] if losses else [])):
        for inputs, targets in on_device(loader.epoch(1), device, dtype_of_model(model)):
            evaluate_batch(model, losses, scores, inputs, targets)
    scores.check_names()
    return scores.compute()


def predict(model: Module, data: Any, *, batch_size: int = 32, device: str | None = None) -> Any:
    """What a model, in eval mode, gives for data, as NumPy arrays (n, ...): one, or a tuple or dict of them.

    data: as in `fit`, whose targets are left alone; inputs alone will do. The model is afterwards in the mode it was
    in.
    """
    check_model("predict", model)
    loader = loader_of("predict", data, batch_size=batch_size)
    device, dtype, parts = moved(model, device), dtype_of_model(model), []
    with evaluating(model):
        for inputs, _ in loader.epoch(1):
            parts.append(to_arrays(call(model, to_tensors(inputs, device, dtype))))
    return joined(parts)


# --- what comes in --------------------------------------------------------------------------------------------

def check_model(who: str, model: Any) -> None:
    if not isinstance(model, Module):
        raise TypeError(f"{who}: expected a model, a Graph or another Module, {type(model).__name__} came"
                        + (f": make one, {model.__name__}()" if isinstance(model, type) else ""))


def loader_of(who: str, data: Any, **options: Any) -> Loader:
    """The batches of what a user passes as data."""
    if isinstance(data, Loader):
        if options.get("transform") is not None:
            raise TypeError(f"{who}: a Loader came, which has a transform itself: Loader(..., transform=...)")
        return data
    if isinstance(data, tuple) and len(data) != 2:
        raise TypeError(f"{who}: expected a pair (inputs, targets), a tuple of {len(data)} came; several inputs are a "
                        "tuple inside it: ((a, b), targets)")
    if isinstance(data, list) and data and all([isinstance(x, (Tensor, np.ndarray)) for x in data]):
        raise TypeError(f"{who}: a list of {len(data)} arrays came: a pair is a tuple, (inputs, targets), and inputs "
                        "alone are one array")
    try:
        if isinstance(data, (Tensor, np.ndarray, dict)):
            data = Arrays(data)
        elif isinstance(data, tuple):
            data = Arrays(*data)
        return Loader(data, **options)
    except DataError as error:
        raise DataError(f"{who}: {error}") from error


def placed(model: Module, loss: Any, weights: Any, device: str | None) -> tuple[Losses, str]:
    """The losses, on the device of the model; and that."""
    losses, where = Losses(loss, weights), moved(model, device)
    losses.modules.to(where)
    return losses, where


def moved(model: Module, device: str | None) -> str:
    """Bring the model to a device, if one is named; where it is then."""
    if device is not None:
        parse_device(device)
        model.to(device)
    return device_of_model(model)


def optimizer_of(optimizer: Any, model: Module, losses: Losses) -> Optimizer:
    """The optimizer that a name or a function makes, or that came."""
    own = [p for p in [*model.parameters(), *losses.modules.parameters()] if p.requires_grad]
    if not own:
        raise ValueError("fit: no parameter of the model requires gradients, so there is nothing to train: "
                         "model.requires_grad_() lets all of them")
    if isinstance(optimizer, str):
        if optimizer.lower() not in OPTIMIZERS:
            near = get_close_matches(optimizer.lower(), OPTIMIZERS, 3)
            raise ValueError(f"fit: optimizer {optimizer!r} is unknown: "
                             + (f"did you mean {' or '.join(near)}?" if near else f"there are {names(OPTIMIZERS)}"))
        return OPTIMIZERS[optimizer.lower()](own)
    if not isinstance(optimizer, Optimizer) and callable(optimizer):
        optimizer = optimizer(own)
    if not isinstance(optimizer, Optimizer):
        raise TypeError("fit: expected an optimizer, a name or a function parameters -> optimizer, "
                        f"{type(optimizer).__name__} came")
    known = {id(p) for p in own}
    if not any([id(p) in known for group in optimizer.param_groups for p in group["params"]]):
        raise ValueError(f"fit: this {type(optimizer).__name__} has no parameter of the model that requires gradients: "
                         "it was made for another one")
    return optimizer


def all_callbacks(callbacks: Iterable[Callback] | None, schedule: Any, schedule_per: str | None) -> list[Callback]:
    """The callbacks that came, those that other arguments stand for, and the guard against nan."""
    found = listed(callbacks)
    for callback in found:
        if not isinstance(callback, Callback):
            raise TypeError(f"fit: callbacks must be a list of Callbacks, {callback!r} is a {type(callback).__name__}"
                            + (f": make one, {callback.__name__}()" if isinstance(callback, type) else ""))
    if schedule is None and schedule_per is not None:
        raise ValueError(f"fit: schedule_per={schedule_per!r} came without a schedule")
    if isinstance(schedule, LearningRateScheduler):
        found.append(schedule)
    elif schedule is not None:
        usual = "step" if isinstance(schedule, str) and schedule in NAMED_SCHEDULES else "epoch"
        found.append(LearningRateScheduler(schedule, usual if schedule_per is None else schedule_per))
    if not any([isinstance(callback, TerminateOnNaN) for callback in found]):
        found.insert(0, TerminateOnNaN())
    return found


def checkpoint_of(resume: Any, callbacks: Sequence[Callback]) -> Path | None:
    """The checkpoint from which to go on; None to begin anew."""
    if resume is None or resume is False:
        return None
    if resume is not True:
        return Path(resume)
    folders = [callback.folder for callback in callbacks if isinstance(callback, ModelCheckpoint)]
    if not folders:
        raise ValueError("fit: resume=True goes on from the folder of a ModelCheckpoint, there is none among the "
                         "callbacks: name the checkpoint, or add callbacks=[ModelCheckpoint(folder)]")
    return next((folder for folder in folders if any([(folder / name).exists() for name in (LAST, PREVIOUS)])), None)


def joined(parts: Sequence[Any]) -> Any:
    """The outputs for all batches, one after the other."""
    first = parts[0]
    if isinstance(first, dict):
        return {name: joined([part[name] for part in parts]) for name in first}
    if isinstance(first, tuple):
        return tuple([joined([part[i] for part in parts]) for i in range(len(first))])
    return None if first is None else np.concatenate(parts)
