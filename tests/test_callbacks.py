"""Callbacks: when they are told what, and what each of ours does. Signals, nan, progress, history."""

from __future__ import annotations

import csv
import io
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from strict_cupy import installed
from trainings import bars, copies, same_bits, small_model

import minigrad as mg
from minigrad import debug, nn, ops, optim
from minigrad.data import Loader
from minigrad.graph import Graph, Input
from minigrad.train import (
    Callback,
    CSVLogger,
    EarlyStopping,
    GradientClipping,
    History,
    HistoryPlot,
    Interrupted,
    LearningRateScheduler,
    ModelCheckpoint,
    NonFiniteLoss,
    ProgressBar,
    TerminateOnNaN,
    fit,
)
from minigrad.train.callbacks import progress
from minigrad.train.callbacks.callback import HOOKS
from minigrad.train.monitor import Monitor
from minigrad.train.nonfinite import first_nonfinite_gradient
from minigrad.train.signals import HELD, HeldSignals

ROOT = Path(__file__).resolve().parent.parent
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def sgd(lr=0.05, **options):
    return lambda parameters: optim.SGD(parameters, lr, **options)


def train(*callbacks, model=None, data=None, **options):
    options = {"loss": "cross_entropy", "optimizer": sgd(), "batch_size": 16, "validation": bars(30, 1), **options}
    return fit(model or small_model(), data or bars(90), callbacks=callbacks, **options)


class Planned(Callback):
    """Lets the validation loss be as planned."""

    def __init__(self, *losses):
        self.losses = losses

    def on_epoch_end(self, trainer):
        trainer.history[-1]["validation_loss"] = self.losses[trainer.epoch - 1]


# --- hooks ----------------------------------------------------------------------------------------------------

class Everything(Callback):
    def __init__(self, name, told):
        for hook in HOOKS:
            setattr(self, hook, lambda trainer, *more, hook=hook: told.append((name, hook, trainer.epoch,
                                                                               trainer.batch)))


def test_callbacks_are_told_everything_in_order():
    told: list = []
    train(Everything("a", told), epochs=2, data=bars(30))
    assert [(hook, epoch, batch) for _, hook, epoch, batch in told] == [
        ("setup", 0, 0), ("on_train_begin", 0, 0),
        *[step for epoch in (1, 2) for step in [
            ("on_epoch_begin", epoch, 0),
            ("on_step_begin", epoch, 0), ("on_before_optimizer_step", epoch, 0), ("on_step_end", epoch, 1),
            ("on_step_begin", epoch, 1), ("on_before_optimizer_step", epoch, 1), ("on_log", epoch, 2),
            ("on_step_end", epoch, 2), ("on_epoch_end", epoch, 2)]],
        ("on_train_end", 2, 2), ("teardown", 2, 2)]


def test_those_that_come_last_come_last():
    told: list = []
    last = Everything("last", told)
    last.comes_last = True
    train(last, Everything("a", told), Everything("b", told), data=bars(16))
    assert [name for name, hook, *_ in told if hook == "on_epoch_end"] == ["a", "b", "last"]


def test_teardown_comes_whatever_happens():
    class Fault(Callback):
        def on_step_end(self, trainer):
            raise ZeroDivisionError

    told: list = []
    with pytest.raises(ZeroDivisionError):
        train(Everything("a", told), Fault())
    assert told[-1][1] == "teardown" and "on_train_end" not in [hook for _, hook, *_ in told]


def test_a_callback_changes_the_training():
    class Half(Callback):
        def on_epoch_end(self, trainer):
            trainer.stop_training = trainer.epoch == 2

    assert len(train(Half(), epochs=9)) == 2


def test_what_a_callback_sees_of_a_step():
    class Look(Callback):
        def on_step_end(self, trainer):
            losses.append(float(trainer.loss))

    losses: list = []
    history = train(Look(), batch_size=30)
    assert np.mean(losses) == pytest.approx(history[0]["train_loss"], rel=1e-6)


# --- early stopping -------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("losses", "options", "epochs", "best"), [
    ([3, 2, 1, 2, 3, 0], {"patience": 2}, 5, 3), ([3, 2, 1, 2, 3, 0], {"patience": 3}, 6, 6),
    ([3, 2, 1, 2, 3, 0], {"patience": None}, 6, 6), ([3, 2, 1, 2, 3, 0], {"patience": 0}, 4, 3),
    ([3, 2.9, 2.8, 0, 0, 0], {"patience": 2, "min_delta": 0.5}, 3, 1),
    ([1, 2, 3, 2, 1, 1], {"patience": 2, "monitor": "validation_loss", "mode": "max"}, 5, 3),
    ([2, 2, 2, 2, 2, 2], {"patience": 2}, 3, 1),
    ([math.nan, 2, math.nan, 1, 2, 0], {"patience": 2}, 6, 6)])
def test_early_stopping(losses, options, epochs, best):
    class Keep(Callback):
        def on_epoch_end(self, trainer):
            seen.append(copies(trainer.model))

    seen: list = []
    model, stopping = small_model(), EarlyStopping(**options)
    history = train(TerminateOnNaN(explain=False), Planned(*losses), Keep(), stopping, model=model, epochs=6)
    assert len(history) == epochs and stopping.best["epoch"] == best and stopping.stopped == (epochs < 6)
    assert same_bits(copies(model), seen[best - 1])


def test_early_stopping_may_leave_the_last_weights():
    model, stopping = small_model(), EarlyStopping(1, restore_best_weights=False)
    seen: list = []

    class Keep(Callback):
        def on_epoch_end(self, trainer):
            seen.append(copies(trainer.model))

    train(Planned(1, 2, 3), Keep(), stopping, model=model, epochs=3)
    assert same_bits(copies(model), seen[1]) and len(seen) == 2 and stopping.best_state == {}


def test_early_stopping_without_validation_watches_the_training():
    stopping = EarlyStopping(None)
    train(stopping, validation=None, epochs=2)
    assert stopping.monitor.columns == ["train_loss"] and stopping.best["epoch"] == 2


def test_what_early_stopping_refuses():
    for patience in (-1, 2.5, True):
        with pytest.raises(ValueError, match="patience must be a number of epochs, or None"):
            EarlyStopping(patience)
    with pytest.raises(ValueError, match="no column validation_acc to watch; there are epoch, train_loss, validation_"):
        train(EarlyStopping(monitor="validation_acc"))


@pytest.mark.parametrize("callback", [
    EarlyStopping(monitor=["train_loss", "val_loss"]), ModelCheckpoint("never", monitor="val_loss"),
    LearningRateScheduler(optim.lr_scheduler.ReduceLROnPlateau, monitor="val_loss")], ids=lambda c: type(c).__name__)
def test_a_column_that_there_will_never_be_is_told_before_the_training(callback, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told: list = []
    with pytest.raises(ValueError, match="no column val_loss to watch; there are epoch, train_loss, train_accuracy, "
                                         "validation_loss, .* did you mean validation_loss"):
        train(Everything("a", told), callback, metrics=["accuracy"])
    assert [hook for _, hook, *_ in told] == ["setup", "on_train_begin", "teardown"]


def test_a_column_of_another_callback_can_be_watched():
    class Adds(Callback):
        columns = ("penalty",)

        def on_epoch_end(self, trainer):
            trainer.history[-1]["penalty"] = float(trainer.epoch)

    stopping = EarlyStopping(monitor="penalty", mode="min")
    train(Adds(), stopping, epochs=2)
    assert stopping.best["epoch"] == 1


def test_the_columns_that_can_be_are_those_that_come():
    class Compare(Callback):
        def on_train_begin(self, trainer):
            expected.append(trainer.columns())

    expected: list = []
    x = Input((1, 8, 8))
    h = ops.flatten(x, 1)
    model = Graph(x, {"a": nn.Linear(64, 3)(h), "b": nn.Linear(64, 3)(h)})
    for options in ({"validation": None}, {"model": model, "loss": {"a": "cross_entropy", "b": "cross_entropy"},
                                           "metrics": {"b": ["accuracy", "top2"]}}):
        assert list(train(Compare(), **options).columns) == expected.pop()


def test_a_callback_that_served_before_begins_anew(tmp_path):
    stopping, checkpoint = EarlyStopping(1), ModelCheckpoint(tmp_path)
    for losses, epochs in (([1, 2, 3], 2), ([9, 8, 9], 3)):
        model = small_model()
        assert len(train(Planned(*losses), stopping, checkpoint, model=model, epochs=3)) == epochs
        assert stopping.best["validation_loss"] == checkpoint.best["validation_loss"] == min(losses)
    assert same_bits(copies(model), copies(mg.load(tmp_path / "best.safetensors")))


# --- what is better -------------------------------------------------------------------------------------------

def test_monitor_breaks_ties_and_knows_directions():
    rows = [{"accuracy": a, "validation_loss": loss} for a, loss in ((0.5, 0.3), (0.9, 0.4), (0.9, 0.2), (0.8, 0.1),
                                                                     (0.9, 0.2))]
    history = History(rows)
    assert history.best(("accuracy", "validation_loss")) is history[2]
    assert history.best() is history[3] and history.best("validation_loss", "max") is history[1]
    assert history.best(["accuracy", "validation_loss"], ["min", "max"]) is history[0]
    assert Monitor("top5_error").direction("top5_error", "auto") == "min"
    watched = Monitor(("train_speed", "train_loss"))
    watched.resolve({"train_speed": 1.0, "train_loss": 2.0}, {"speed": "min", "other": "max"})
    assert watched.modes == ["min", "min"]


def test_metrics_say_what_is_better():
    from minigrad.train.metrics import Mean

    class Distance(Mean):
        def update(self, outputs, targets):
            super().update(ops.abs(outputs).mean(), len(targets))

    stopping = EarlyStopping(None, "validation_distance")
    train(stopping, metrics=[Distance("distance", better="min")])
    assert stopping.monitor.modes == ["min"]
    stopping = EarlyStopping(None, "validation_distance")
    train(stopping, metrics=[Distance("distance", better="max")])
    assert stopping.monitor.modes == ["max"]


def test_what_monitor_refuses():
    for options in ({"mode": "best"}, {"monitor": ("a", "b"), "mode": ("min",)}):
        with pytest.raises(ValueError, match='mode must be "min", "max" or "auto"'):
            Monitor(**options)
    for delta in (-1, math.nan):
        with pytest.raises(ValueError, match="min_delta must be at least 0"):
            Monitor("a", min_delta=delta)
    with pytest.raises(ValueError, match="the history has no epoch with a: it has 0 rows, with no columns"):
        History().best("a")


# --- schedules ------------------------------------------------------------------------------------------------

def rates(schedule, per=None, epochs=3, lr=0.4):
    class Look(Callback):
        def on_step_begin(self, trainer, inputs, targets):
            seen.append(trainer.optimizer.param_groups[0]["lr"])

    seen: list = []
    history = train(Look(), schedule=schedule, schedule_per=per, epochs=epochs, optimizer=sgd(lr), batch_size=45)
    assert history["learning_rate"] == seen[1::2]
    return seen


def test_schedules_go_on_after_epochs_or_steps():
    def step_lr(optimizer):
        return optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

    assert rates(step_lr) == rates(step_lr, "epoch") == [0.4, 0.4, 0.2, 0.2, 0.1, 0.1]
    assert rates(step_lr, "step") == [0.4, 0.2, 0.1, 0.05, 0.025, 0.0125]
    assert rates(LearningRateScheduler(step_lr, per="step")) == rates(step_lr, "step")


def test_schedules_by_name_fall_to_zero_step_by_step():
    assert rates("cosine") == pytest.approx([0.4 * (1 + math.cos(math.pi * i / 6)) / 2 for i in range(6)])
    assert rates("cosine", "epoch")[::2] == pytest.approx([0.4, 0.3, 0.1])
    assert rates("linear") == pytest.approx([0.4 * (1 - i / 6) for i in range(6)])


@pytest.mark.parametrize("lr", [1e308, 5e-324])
def test_no_rate_overflows(lr):
    optimizer = optim.SGD([nn.Parameter([1.0])], lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    optimizer.step()
    for _ in range(10):
        schedule.step()
        assert 0 <= optimizer.param_groups[0]["lr"] <= lr


def test_plateaus_are_of_the_validation_or_a_column():
    def plateau(optimizer):
        return optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)

    history = train(Planned(1, 2, 3), schedule=plateau, epochs=3)
    assert history["learning_rate"] == [0.05, 0.05, 0.025]
    history = train(Planned(1, 2, 3), schedule=LearningRateScheduler(plateau, monitor="train_loss"), epochs=3)
    assert history["learning_rate"] == [0.05, 0.05, 0.05]
    with pytest.raises(ValueError, match="there is no column accuracy to watch; there are epoch, train_loss"):
        train(schedule=LearningRateScheduler(plateau, monitor="accuracy"))
    with pytest.raises(ValueError, match='ReduceLROnPlateau looks at the result of an epoch: per="epoch"'):
        train(schedule=plateau, schedule_per="step")


def test_a_scheduler_belongs_to_the_optimizer_that_trains():
    model = small_model()
    optimizer = optim.SGD(model.parameters(), 0.1)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    history = train(model=model, optimizer=optimizer, schedule=schedule, epochs=2)
    assert history["learning_rate"] == [0.1, 0.05]
    with pytest.raises(ValueError, match="this ExponentialLR belongs to another optimizer than the one that trains"):
        train(schedule=schedule)


# --- clipping -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("options", "largest"), [
    ({"norm": 1e-3}, lambda gs: math.sqrt(sum([(g ** 2).sum() for g in gs]))),
    ({"norm": 1e-3, "norm_type": math.inf}, lambda gs: max([abs(g).max() for g in gs])),
    ({"value": 1e-3}, lambda gs: max([abs(g).max() for g in gs]))])
def test_gradients_are_clipped_before_the_step(options, largest):
    class Look(Callback):
        def on_step_end(self, trainer):
            gradients = [p.grad.numpy() for p in trainer.model.parameters()]
            found.append(largest(gradients))
            moved.append(max([abs(p.numpy() - before).max() for p, before in zip(
                trainer.model.parameters(), last, strict=True)]))

        def on_step_begin(self, trainer, inputs, targets):
            last[:] = [p.numpy() for p in trainer.model.parameters()]

    found, moved, last = [], [], []
    train(GradientClipping(**options), Look(), optimizer=sgd(1.0))
    assert max(found) <= 1.001e-3 and max(found) > 0.9e-3 and max(moved) <= 1.01e-3


def test_what_clipping_refuses():
    for options in ({}, {"norm": 1.0, "value": 1.0}):
        with pytest.raises(ValueError, match="expected norm=... or value=..., (none|both) came"):
            GradientClipping(**options)
    for bound in (0, -1, "1", math.nan, True):
        with pytest.raises(ValueError, match="the bound must be a number above 0"):
            GradientClipping(bound)


# --- a loss that is not finite --------------------------------------------------------------------------------

def test_a_nan_in_the_images_is_named():
    data = bars(90)
    data.images[40, 0, 3, 3] = np.nan
    with pytest.raises(NonFiniteLoss, match=r"epoch 1, step \d+ .*: the loss is nan; .* already has \d+ nan "
                                            r"when it reaches .*conv2d \(layer c1\)"):
        train(data=data)


def log_model():
    x = Input((1, 8, 8), name="image")
    h = ops.log(nn.Linear(64, 5)(ops.flatten(x, 1), name="fc") + 4.0)
    return Graph(x, nn.Linear(5, 3)(h, name="out"))


@pytest.mark.parametrize("optimizer", [sgd(1.0), "adam", lambda ps: optim.RMSprop(ps, 0.5, momentum=0.9)])
def test_the_op_that_made_a_nan_is_named_even_if_the_weights_are_long_lost(optimizer):
    if optimizer == "adam":
        def optimizer(ps):
            return optim.Adam(ps, 0.5)
    with pytest.raises(NonFiniteLoss, match=r"step \d+ .*log \(layer log_1\) made (nan|inf): x \(1\d, 5\) (has|is)"):
        train(model=log_model(), optimizer=optimizer, epochs=40, schedule="cosine")


def test_it_is_named_after_a_resume_too(tmp_path):
    """The replay begins at the checkpoint: the message is that of the training that nobody interrupted."""
    def run(*callbacks, **options):
        mg.manual_seed(0)
        train(*callbacks, ModelCheckpoint(tmp_path, every_steps=1), model=log_model(), optimizer=sgd(1.0), epochs=40,
              **options)

    with pytest.raises(NonFiniteLoss) as whole:
        run()
    last = int(str(whole.value).split("step ")[1].split()[0])

    class Crash(Callback):
        def on_step_end(self, trainer):
            if trainer.batch == last - 1 and f"epoch {trainer.epoch}," in str(whole.value):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(Crash())
    with pytest.raises(NonFiniteLoss) as again:
        run(resume=True)
    assert str(again.value) == str(whole.value)


def test_of_several_outputs_the_one_is_named():
    x = Input((1, 8, 8), name="image")
    h = ops.flatten(x, 1)
    model = Graph(x, {"good": nn.Linear(64, 3)(h, name="fc"), "bad": ops.log(nn.Linear(64, 3)(h, name="fc2"))})
    with pytest.raises(NonFiniteLoss, match=r"step 1 .*: the bad loss is nan; log \(layer log_1\) made nan"):
        train(model=model, loss={"good": "cross_entropy", "bad": "cross_entropy"}, validation=None)


def test_with_a_scaled_loss_the_loss_alone_is_blamed():
    """Gradients that overflow are the scaler's business; log is computed in float32, from a product in float16."""
    with pytest.raises(NonFiniteLoss, match=r"step \d+ .*the loss is nan; log .*made (nan|inf)"):
        train(model=log_model(), optimizer=sgd(1.0), epochs=40, amp="float16")


@pytest.mark.filterwarnings("error")
def test_a_learning_rate_that_is_far_too_large_is_named():
    with pytest.raises(NonFiniteLoss, match=r"step 2 \(learning rate 9.92e\+37\): .*linear \(layer fc\) made inf"):
        train(optimizer=sgd(1e38, momentum=0.9, nesterov=True), epochs=3, data=bars(90), schedule="cosine", seed=0)


def test_an_update_that_overflows_is_named():
    x = Input((1, 8, 8), name="image")
    model = Graph(x, nn.Linear(64, 3)(ops.flatten(x, 1), name="fc") * 1e4)
    with pytest.raises(NonFiniteLoss, match=r"step 1 .*loss and gradients are still finite, but SGD's step made "
                                            r"\d+ inf of fc.weight \(3, 64\): try a smaller"):
        train(model=model, optimizer=sgd(3e38))


def test_an_update_at_the_very_end_is_seen_by_the_validation():
    def steep():
        x = Input((1, 8, 8), name="image")
        return Graph(x, nn.Linear(64, 3)(ops.flatten(x, 1), name="fc") * 1e4)

    with pytest.raises(NonFiniteLoss, match=r"epoch 1, step 1 .*SGD's step made \d+ inf of fc.weight"):
        train(model=steep(), optimizer=sgd(3e38), batch_size=90)
    with pytest.raises(NonFiniteLoss, match=r"epoch 1, step 1: the validation loss is (nan|inf)"):
        train(TerminateOnNaN(explain=False), model=steep(), optimizer=sgd(3e38), batch_size=90)


def test_validation_data_with_a_nan_are_suspected():
    data = bars(30, 1)
    data.images[3] = np.nan
    with pytest.raises(NonFiniteLoss, match="epoch 1, step 6: the validation loss is nan, but the last 6 training "
                                            "steps, run again, are finite: look at the validation data"):
        train(validation=data)


def test_a_gradient_that_overflows_names_the_rule_that_made_it():
    """sqrt has a finite loss at 0 and an infinite slope; the first layer has the nan that comes of it."""
    class Root(nn.Module):
        def forward(self, x):
            return ops.sqrt(ops.square(x))

    steep = nn.Linear(64, 3)
    nn.init.zeros_(steep.weight)
    nn.init.constant_(steep.bias, 0.0)
    with pytest.raises(NonFiniteLoss, match=r"step 1 .*the loss is still finite, but the gradient rule for x of sqrt "
                                            r"\(layer 2\) made \d+ (nan|inf)"):
        train(model=nn.Sequential(nn.Flatten(), steep, Root()))


def test_a_sum_of_gradients_that_overflows_is_named():
    x = mg.tensor([1.0, 1.0], requires_grad=True)
    with np.errstate(over="ignore"):
        found = first_nonfinite_gradient(debug.walk((x * 3e38 + x * 2e38)[0]))
    assert found.startswith("the sum of the gradients that meet at ") and found.endswith(" made 1 inf")
    assert np.isinf(x.grad.numpy()[0])                              # it went to the end
    assert first_nonfinite_gradient(debug.walk((x * x).sum())) == ""


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_replay_draws_the_same_masks(device):
    """Dropout zeroes its input at random, and the reciprocal of what is left is inf: found in the same step again."""
    class Reciprocal(nn.Module):
        def forward(self, x):
            if self.training:
                masks.append(bool((x.numpy() == 0).any()))
            return 1 / x

    masks: list = []
    with installed():
        mg.manual_seed(1)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Dropout(0.003), Reciprocal())
        with pytest.raises(NonFiniteLoss, match=r"step \d+ .*divide \(layer 3\) made inf") as caught:
            train(model=model, device=device, epochs=9, optimizer=sgd(1e-9), batch_size=10)
    step = int(str(caught.value).split("step ")[1].split()[0])
    first = masks.index(True)                           # of the training; the replay begins after the last look
    assert first % 9 == step - 1 and masks[-1] and masks.count(True) >= 2


# --- signals --------------------------------------------------------------------------------------------------

class Raise(Callback):
    """Sends this process a signal before some step."""

    def __init__(self, *steps, number=signal.SIGINT):
        self.steps, self.number = steps, number

    def on_step_begin(self, trainer, inputs, targets):
        for _ in range(self.steps.count(trainer.steps)):
            signal.raise_signal(self.number)


def test_ctrl_c_waits_for_the_end_of_the_step():
    told: list = []
    model = small_model()
    before = copies(model)
    with pytest.raises(Interrupted, match="interrupted in epoch 1 of 1, after batch 2 of 6; there is no checkpoint of "
                                          r"it: callbacks=\[ModelCheckpoint\(folder\)\] writes some") as caught:
        train(Everything("a", told), Raise(1), model=model)
    assert [hook for _, hook, *_ in told][-3:] == ["on_step_end", "on_interrupt", "teardown"]
    assert caught.value.checkpoint is None and len(caught.value.history) == 0
    assert not same_bits(before, copies(model)) and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_history_is_with_the_interruption(tmp_path):
    with pytest.raises(Interrupted) as caught:
        train(Raise(8), ModelCheckpoint(tmp_path), epochs=3)
    assert caught.value.history["epoch"] == [1] and caught.value.checkpoint == tmp_path / "last.safetensors"


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(getattr(signal, "SIGTERM", 0), marks=POSIX)])
def test_a_signal_while_the_training_is_wound_up_is_not_lost(tmp_path, number):
    """The checkpoint is still that of the last epoch, not of the best weights that are back by then."""
    class Gone(KeyboardInterrupt):
        pass

    class AtTheEnd(Callback):
        def on_train_end(self, trainer):
            signal.raise_signal(number)

    def gone(*args):
        raise Gone

    told: list = []
    before = signal.signal(number, gone if number != signal.SIGINT else signal.getsignal(number))
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            train(EarlyStopping(None), AtTheEnd(), Everything("a", told), ModelCheckpoint(tmp_path), epochs=2)
    finally:
        signal.signal(number, before)
    assert [hook for _, hook, *_ in told][-2:] == ["on_train_end", "teardown"]
    if number == signal.SIGINT:
        assert isinstance(caught.value, Interrupted) and caught.value.history["epoch"] == [1, 2]
        assert str(caught.value).startswith("interrupted at the very end, after epoch 2 of 2; ")
    else:
        assert isinstance(caught.value, Gone)
    assert len(train(EarlyStopping(None), epochs=2, resume=tmp_path)) == 2


def test_a_second_ctrl_c_stops_at_once():
    told: list = []
    with pytest.raises(KeyboardInterrupt) as caught:
        train(Everything("a", told), Raise(1, 1))
    assert type(caught.value) is KeyboardInterrupt
    assert [hook for _, hook, *_ in told][-2:] == ["on_step_begin", "teardown"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_during_validation_leaves_a_checkpoint_before_it(tmp_path):
    class Noisy(nn.Module):
        """Draws random numbers in evaluation too, and is interrupted there."""

        def __init__(self, interrupt):
            self.fc, self.interrupt = nn.Linear(64, 3), interrupt

        def forward(self, x):
            if not self.training:
                calls.append(1)
                if self.interrupt and len(calls) == 3:
                    signal.raise_signal(signal.SIGINT)
            x = x.reshape(len(x), -1)
            return self.fc(x + mg.randn(*x.shape))

    results = []
    for interrupt in (False, True):
        calls: list = []
        mg.manual_seed(0)
        options = {"model": Noisy(interrupt), "epochs": 2, "validation": bars(90, 1)}
        if interrupt:
            with pytest.raises(Interrupted, match="after batch 6 of 6"):
                train(ModelCheckpoint(tmp_path), **options)
            assert len(calls) == 3
            options = {**options, "model": Noisy(False), "resume": tmp_path}
            mg.manual_seed(5)
        history = train(**options)
        results.append((copies(options["model"]), history["validation_loss"]))
    assert same_bits(results[0][0], results[1][0]) and results[0][1] == results[1][1]


@POSIX
def test_other_signals_reach_whom_they_were_for(tmp_path):
    """A handler that raises ends the training after its checkpoint; one that returns lets it go on."""
    class Gone(BaseException):
        pass

    def leave(number, frame):
        raise Gone

    seen: list = []
    for handler, error in ((leave, Gone), (lambda number, frame: seen.append(number), None)):
        before = signal.signal(signal.SIGTERM, handler)
        try:
            if error:
                with pytest.raises(error):
                    train(Raise(2, number=signal.SIGTERM), ModelCheckpoint(tmp_path))
                assert (tmp_path / "last.safetensors").exists()
            else:
                assert len(train(Raise(2, 4, number=signal.SIGTERM), epochs=2)) == 2 and seen == [signal.SIGTERM] * 2
            assert signal.getsignal(signal.SIGTERM) is handler
        finally:
            signal.signal(signal.SIGTERM, before)


@POSIX
def test_a_handler_that_returns_lets_the_validation_begin_anew():
    class Noisy(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(64, 3)

        def forward(self, x):
            calls.append(self.training)
            if signals and calls.count(False) == 2:
                signal.raise_signal(signals.pop())
            return self.fc(x.reshape(len(x), -1) + mg.randn(len(x), 64))

    losses, before = [], signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        for number in (None, signal.SIGTERM):
            calls: list = []
            signals = [number] if number else []
            mg.manual_seed(0)
            losses.append(train(model=Noisy(), validation=bars(60, 1))["validation_loss"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert losses[0] == losses[1] and calls.count(False) == 2 + 4


def test_a_loaders_threads_end_with_an_interruption():
    loader = Loader(bars(90), 16, workers=2)
    with pytest.raises(Interrupted) as caught:
        train(Raise(1), data=loader, validation=None)
    assert not [t.name for t in threading.enumerate() if "minigrad-loader" in t.name], caught


@POSIX
def test_ignored_signals_stay_ignored_and_other_threads_hold_none():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with HeldSignals() as held:
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and set(held.before) == set(HELD) - {signal.SIGHUP}
    finally:
        signal.signal(signal.SIGHUP, before)
    results: list = []
    thread = threading.Thread(target=lambda: results.append(train(data=bars(16))))
    thread.start()
    thread.join()
    assert len(results[0]) == 1


PROGRAM = """
import signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from trainings import bars, small_model
from minigrad.train import Callback, Interrupted, ModelCheckpoint, fit

class Say(Callback):
    def on_step_end(self, trainer):
        print(trainer.steps, flush=True)

try:
    fit(small_model(), bars(90), loss="cross_entropy", optimizer="sgd", epochs=10 ** 6,
        callbacks=[Say(), ModelCheckpoint({folder!r}, every_epochs=None)])
except Interrupted as stop:
    print(stop, flush=True)
    sys.exit(130)
"""


@POSIX
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", -15), ("SIGHUP", -1)])
def test_a_signal_in_a_process_of_its_own(tmp_path, name, status):
    """A real one, from outside; SIGTERM, which nobody handles, ends the process, but after the checkpoint."""
    from minigrad.train.checkpoint import read_checkpoint

    program = PROGRAM.format(root=str(ROOT), tests=str(ROOT / "tests"), folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        timer = threading.Timer(60, child.kill)
        timer.start()
        child.stdout.readline()
        child.send_signal(getattr(signal, name))
        lines = child.stdout.read().splitlines()
        assert child.wait() == status
        timer.cancel()
    if name == "SIGINT":
        assert lines[-1].startswith("interrupted in epoch ") and "goes on from there" in lines.pop()
    assert read_checkpoint(tmp_path).state["steps"] >= int(lines[-1] if lines else 1)


# --- history --------------------------------------------------------------------------------------------------

def test_history_is_rows_and_columns(tmp_path):
    history = History([{"epoch": 1, "train_loss": 1 / 3, "validation_loss": math.nan},
                       {"epoch": 2, "train_loss": 0.25}])
    assert len(history) == 2 and history[0]["epoch"] == 1 and history[-1] == {"epoch": 2, "train_loss": 0.25}
    assert history["train_loss"] == [1 / 3, 0.25] and math.isnan(history["validation_loss"][1])
    assert [row["epoch"] for row in history] == [1, 2] and history[:1] == [history[0]]
    assert repr(history) == "History(2 epochs; epoch, train_loss, validation_loss)"
    with pytest.raises(KeyError, match="no column 'accuracy' in the history; there are epoch, train_loss"):
        history["accuracy"]
    history.to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text().splitlines()[0] == "epoch,train_loss,validation_loss"
    back = History.from_csv(tmp_path / "h.csv")
    assert back["train_loss"] == history["train_loss"] and back["epoch"] == [1, 2] and type(back[0]["epoch"]) is int
    assert math.isnan(back[0]["validation_loss"]) and os.listdir(tmp_path) == ["h.csv"]


def test_history_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "curves.png"
    history = train(HistoryPlot(path, title="bars"), epochs=2, metrics=["accuracy"])
    assert path.read_bytes()[:4] == b"\x89PNG"
    history.plot(tmp_path / "again.png", chosen=2)
    assert (tmp_path / "again.png").stat().st_size > 1000


def test_history_is_drawn_every_few_epochs_and_when_it_is_interrupted(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    drawn: list = []
    monkeypatch.setattr(History, "plot", lambda self, path, title: drawn.append(len(self)))
    train(HistoryPlot(tmp_path / "a.png", every_epochs=2), epochs=5)
    assert drawn == [2, 4, 5]
    with pytest.raises(Interrupted):
        train(HistoryPlot(tmp_path / "a.png"), Raise(13), epochs=5)
    assert drawn == [2, 4, 5, 2]
    for epochs in (0, 2.5, True):
        with pytest.raises(ValueError, match="every_epochs must be a number of epochs, or None"):
            HistoryPlot("a.png", epochs)


def test_without_matplotlib_it_is_said_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    told: list = []
    with pytest.raises(ImportError, match="matplotlib"):
        train(Everything("a", told), HistoryPlot(tmp_path / "a.png"))
    assert [hook for _, hook, *_ in told] == ["setup", "teardown"]


def test_the_csv_logger_writes_after_every_epoch(tmp_path):
    class Look(Callback):
        def on_epoch_end(self, trainer):
            with open(tmp_path / "log.csv", newline="") as file:
                seen.append([row["epoch"] for row in csv.DictReader(file)])

    seen: list = []
    history = train(CSVLogger(tmp_path / "log.csv"), Look(), epochs=3)
    assert seen == [["1"], ["1", "2"], ["1", "2", "3"]]
    assert History.from_csv(tmp_path / "log.csv").columns == history.columns


@pytest.mark.parametrize("logger", [CSVLogger, HistoryPlot])
def test_the_folder_of_a_history_is_made_before_the_training(logger, tmp_path):
    pytest.importorskip("matplotlib")
    train(logger(tmp_path / "deep" / "run" / "history"))
    assert os.listdir(tmp_path / "deep" / "run") == ["history"]
    told: list = []
    with pytest.raises(OSError, match="history"):
        train(Everything("a", told), logger(tmp_path / "deep" / "run" / "history" / "again.csv"))
    assert [hook for _, hook, *_ in told] == ["setup", "teardown"]


# --- progress -------------------------------------------------------------------------------------------------

ROW = {"epoch": 2, "train_loss": 0.25, "train_accuracy": 0.875, "validation_loss": 0.3, "validation_accuracy": 0.75,
       "samples_per_second": 1234.0}


class Stand:
    """As much of a Trainer as progress looks at."""

    def __init__(self, epoch, batch=10, epochs=4, rows=(ROW,), **logs):
        self.epoch, self.batch, self.epochs, self.history, self.logs = epoch, batch, epochs, list(rows), logs
        self.loader, self.samples_per_second = range(10), 12345.0


def test_lines():
    out = io.StringIO()
    lines = progress.Lines("images", out)
    lines.on_train_begin(Stand(0, 0))
    lines.on_epoch_end(Stand(2))
    assert out.getvalue() == ("epoch 2/4  loss 0.2500  acc  87.50 %  val  75.00 %  1,234 img/s  "
                              "0:00 left\n")


@pytest.mark.parametrize(("row", "text"), [
    ({"train_loss": 0.5}, "loss 0.5000"),
    ({"train_loss": 0.5, "validation_loss": 1.0}, "loss 0.5000  val 1.0000"),
    ({"train_loss": 0.5, "train_mae": 2.0}, "loss 0.5000  mae 2.0000"),
    ({"train_loss": 0.5, "train_a_loss": 0.25, "train_a_top5": 0.5, "validation_a_top5": 0.25},
     "loss 0.5000  a_top5  50.00 %  val  25.00 %")])
def test_what_a_line_tells(row, text):
    assert progress.told(row) == text


def test_lines_that_nobody_reads_stop_and_the_training_does_not():
    class Gone(io.StringIO):
        def write(self, text):
            asked.append(text)
            raise BrokenPipeError(32, "Broken pipe")

    asked: list[str] = []
    assert len(train(progress.Lines(file=Gone()), epochs=3)) == 3 and len(asked) == 1


def test_a_bar_shows_loss_metric_rate_and_time_left():
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), force_terminal=True, width=80)
    bar = progress.Bar("images", console)
    bar.on_train_begin(Stand(0, 0, 400, rows=()))
    bar.on_log(Stand(1, 5, 400, loss=0.5, accuracy=0.6))
    bar.on_epoch_end(Stand(1, 10, 400))
    bar.on_log(Stand(300, 5, 400, loss=0.25, accuracy=0.875))
    bar.bar.refresh()
    text = console.file.getvalue()
    for part in ("epoch 300/400", "loss 0.250", "acc  87.5 %", "val  75.0 %", "12,345 img/s", "left"):
        assert part in text
    assert bar.bar.tasks[0].completed == 2995 and bar.bar.tasks[0].total == 4000
    bar.teardown(Stand(300))
    bar.on_log(Stand(300, 5, 400, loss=0.25))           # after the end it does no harm
    bar.teardown(Stand(300))


def test_a_bar_of_80_columns_has_room_for_an_output_with_a_long_name():
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), force_terminal=True, width=80)
    bar = progress.Bar(console=console)
    bar.on_train_begin(Stand(0, 0, 20, rows=()))
    bar.on_log(Stand(20, 5, 20, loss=0.0172, auxiliary_head_loss=0.1, auxiliary_head_accuracy=0.999))
    bar.bar.refresh()
    assert "acc  99.9 %  12,345/s" in console.file.getvalue() and "…" not in console.file.getvalue()
    bar.teardown(Stand(20))


def test_a_bar_goes_through_a_whole_training():
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), force_terminal=True, width=80)
    train(progress.Bar(console=console), epochs=2, metrics=["accuracy"])
    assert "epoch 2/2" in console.file.getvalue() and "100%" not in console.file.getvalue()


def test_which_progress_is_shown(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert type(ProgressBar()) is progress.Lines
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert type(ProgressBar("images")) is progress.Bar
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    assert type(ProgressBar()) is progress.Lines
    monkeypatch.setattr("sys.stderr", None)
    assert type(ProgressBar()) is Callback


def test_clock():
    assert [progress.clock(s) for s in (0, 59.6, 83, 3600)] == ["0:00", "1:00", "1:23", "60:00"]
