"""Checkpoints: to the last bit, whole or not at all, refused where they are damaged or another training's."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed
from trainings import bare_rows, bars, copies, same_bits, small_model

import minigrad as mg
from minigrad import nn, optim
from minigrad.data.transforms import Compose, RandomShift, Transform
from minigrad.graph import Graph, load
from minigrad.train import (
    Callback,
    CheckpointError,
    EarlyStopping,
    GradientClipping,
    ModelCheckpoint,
    NonFiniteLoss,
    fit,
)
from minigrad.train.checkpoint import read_checkpoint, write_checkpoint
from minigrad.train.state import differences, flattened, restored

# --- state as arrays and text -----------------------------------------------------------------------------------

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
STATES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)
                      | st.dictionaries(st.text(max_size=5) | st.integers(0, 5), inner, max_size=3), max_leaves=8)


def equal(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all([equal(a[key], b[key]) for key in a])
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all([equal(x, y) for x, y in zip(a, b, strict=True)])
    return a == b or isinstance(a, float) and math.isnan(a) and math.isnan(b)


@given(STATES)
def test_any_state_comes_back(state):
    arrays, text = flattened({"state": state})
    assert arrays == {} and equal(restored(arrays, text), {"state": state})


def test_arrays_and_numbers_come_back_to_the_last_bit(tmp_path):
    bits = np.random.default_rng(0)
    state = {"a": [np.arange(6, dtype="f2").reshape(2, 3).T, {"b": np.array(True), "c": np.zeros((0, 3), "i8")}],
             0: mg.tensor([1.5, math.nan]), "numbers": (0.1, -0.0, math.inf, 2 ** 127, np.float32(0.1), np.int64(7)),
             "generator": bits.bit_generator.state, "$array": "a mark of ours", "none": None}
    write_checkpoint(tmp_path / "a.safetensors", {"model": "m"}, {"state": state})
    identity, back = read_checkpoint(tmp_path / "a.safetensors")
    back = back["state"]
    assert identity == {"model": "m"} and list(back) == list(state) and os.listdir(tmp_path) == ["a.safetensors"]
    assert back["a"][0].dtype == "f2" and (back["a"][0] == state["a"][0]).all()
    assert back["a"][1]["b"].shape == () and back["a"][1]["c"].shape == (0, 3)
    assert back[0].tobytes() == state[0].numpy().tobytes()
    assert back["numbers"] == (0.1, 0.0, math.inf, 2 ** 127, float(np.float32(0.1)), 7)
    assert math.copysign(1, back["numbers"][1]) == -1 and back["generator"] == state["generator"]


def test_bfloat16_comes_back(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.array([1.5, -2.0], ml_dtypes.bfloat16)
    write_checkpoint(tmp_path / "a", {}, {"x": x})
    assert read_checkpoint(tmp_path / "a").state["x"].tobytes() == x.tobytes()


@pytest.mark.parametrize("thing", [object(), {1, 2}, b"bytes", 1j])
def test_what_a_checkpoint_cannot_hold(tmp_path, thing):
    with pytest.raises(TypeError, match=rf"callbacks.mine is {type(thing).__name__}"):
        write_checkpoint(tmp_path / "a", {}, {"callbacks": {"mine": thing}})
    assert os.listdir(tmp_path) == []


def test_differences():
    then = {"a": 1, "b": {"c": [1, 2], "d": "x"}, "e": 2.0, "gone": 1}
    assert differences(then, {"a": 1, "b": {"c": (1, 2), "d": "x"}, "e": 2, "gone": 1}) == []
    assert differences(then, {"a": 2, "b": {"c": [1, 3], "d": None}, "e": 2.0, "new": 3}) == [
        "a was 1, is 2", "b.c was [1, 2], is [1, 3]", "b.d was x, is None", "gone was 1, is gone", "new is new, 3"]
    assert differences({"a": True}, {"a": 1}) == ["a was True, is 1"]
    assert differences([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 3}], "c") == ["c.1.b was 2, is 3"]
    assert differences([{"a": 1}], [{"a": 1}, {}], "c") == ["c was [{'a': 1}], is [{'a': 1}, {}]"]


# --- a training that is interrupted, and goes on ---------------------------------------------------------------

def net(p=0.3):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(p),
                         nn.Linear(144, 3))


def jitter(images, labels, generator):
    return images + generator.normal(0, 0.1, images.shape).astype("f4"), labels


class Crash(Exception):
    pass


class StopAt(Callback):
    """Ends a training in the middle of things, as a fault would."""

    def __init__(self, step, hook="on_step_end"):
        def stop(trainer, *more):
            if trainer.steps == step:
                raise Crash
        if step is not None:
            setattr(self, hook, stop)


OPTIMIZERS = {
    "momentum": lambda ps: optim.SGD(ps, 0.05, 0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda ps: optim.Adam(ps, 0.01, amsgrad=True),
    "nadam": lambda ps: optim.NAdam(ps, 0.01), "radam": lambda ps: optim.RAdam(ps, 0.01),
    "rmsprop": lambda ps: optim.RMSprop(ps, 0.001, momentum=0.9, centered=True),
    "groups": lambda ps: optim.AdamW([{"params": ps[:2], "lr": 0.02}, {"params": ps[2:]}], 0.01),
    "adagrad": lambda ps: optim.Adagrad(ps, 0.01), "adadelta": optim.Adadelta, "adamax": optim.Adamax,
}
SCHEDULES = {
    None: (None, None), "cosine": ("cosine", "step"), "linear": ("linear", "epoch"),
    "plateau": (lambda o: optim.lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=1.0), None),
    "cycle": (lambda o: optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=18), "step"),
    "chain": (lambda o: optim.lr_scheduler.SequentialLR(o, [
        optim.lr_scheduler.LinearLR(o, 0.1, total_iters=4), optim.lr_scheduler.ExponentialLR(o, 0.9)], [4]), "step"),
    "restarts": (lambda o: optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 2), "step"),
    "lambda": (lambda o: optim.lr_scheduler.LambdaLR(o, lambda epoch: 0.5 ** epoch), "epoch"),
}


def training(folder, stop=None, optimizer="momentum", schedule="cosine", hook="on_step_end", every=1, **options):
    """Three epochs of six steps with everything that has a state; (weights, rows, optimizer's state)."""
    mg.manual_seed(7)
    model, made = net().to(options.get("device", "cpu")), []
    schedule, per = SCHEDULES[schedule] if isinstance(schedule, (str, type(None))) else schedule
    options = {"epochs": 3, "batch_size": 15, "seed": 3, "loss": "cross_entropy", "metrics": ["accuracy"],
               "validation": bars(30, 1), "transform": jitter, **options}
    callbacks = options.pop("callbacks", None)
    if callbacks is None:
        callbacks = [EarlyStopping(None, "validation_accuracy"), GradientClipping(norm=1.0),
                     StopAt(stop, hook), ModelCheckpoint(folder, every_steps=every)]
    history = fit(model, options.pop("data", bars(90)),
                  optimizer=lambda ps: made.append(OPTIMIZERS[optimizer](ps)) or made[0],
                  schedule=schedule, schedule_per=per, callbacks=callbacks, **options)
    arrays = {f"{i}.{name}": np.asarray(x) for i, state in made[0].state_dict()["state"].items()
              for name, x in state.items()} if options.get("device", "cpu") == "cpu" else {}
    return copies(model) if not arrays else {**copies(model), **arrays}, bare_rows(history)


def resumed(tmp_path, stop, **options):
    """The same, stopped after some steps and gone on with."""
    with pytest.raises(Crash):
        training(tmp_path / "run", stop, **options)
    return training(tmp_path / "run", resume=tmp_path / "run", **options)


@pytest.mark.parametrize("stop", [2, 4, 6, 7, 12, 13, 17, 18])
def test_resumed_is_as_if_nothing_had_happened(tmp_path, stop):
    """Wherever it stopped: in an epoch, at its last step, before its validation, in the next one."""
    weights, rows = training(tmp_path / "whole")
    again, rows_again = resumed(tmp_path, stop)
    assert same_bits(weights, again) and rows == rows_again


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_on(tmp_path, optimizer):
    weights, rows = training(tmp_path / "whole", optimizer=optimizer)
    again, rows_again = resumed(tmp_path, 8, optimizer=optimizer)
    assert same_bits(weights, again) and rows == rows_again


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_goes_on(tmp_path, schedule):
    weights, rows = training(tmp_path / "whole", schedule=schedule)
    again, rows_again = resumed(tmp_path, 8, schedule=schedule)
    assert same_bits(weights, again) and rows == rows_again and len({row["learning_rate"] for row in rows}) > 1 \
        or schedule is None


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end", "on_before_optimizer_step", "on_train_end"])
def test_it_goes_on_from_the_checkpoint_before(tmp_path, hook):
    """Every fourth step has one; the steps since are made again."""
    step = 18 if hook == "on_train_end" else 12
    weights, rows = training(tmp_path / "whole", every=4)
    again, rows_again = resumed(tmp_path, step, hook=hook, every=4)
    assert same_bits(weights, again) and rows == rows_again


def test_without_dropouts_generator_it_would_not(tmp_path, monkeypatch):
    """The proofs have teeth: whatever part of the state is left out, the weights differ."""
    weights, _ = training(tmp_path / "whole")
    with pytest.raises(Crash):
        training(tmp_path / "run", 8)
    identity, state = read_checkpoint(tmp_path / "run")
    for part, damage in {
        "generators": lambda s: {**s, "generators": {"seed": 0, "generators": {}}},
        "batch": lambda s: {**s, "batch": s["batch"] - 1},
        "optimizer": lambda s: {**s, "optimizer": {**s["optimizer"], "state": {}}},
        "model": lambda s: {**s, "model": {**s["model"], "0.bias": s["model"]["0.bias"] + 0.01}},
        "callbacks": lambda s: {**s, "callbacks": {k: (needed, {**v, "now": v["start"]}) if "Learning" in k
                                                   else (needed, v) for k, (needed, v) in s["callbacks"].items()}},
    }.items():
        write_checkpoint(tmp_path / "run" / "last.safetensors", identity, damage(state))
        again, _ = training(tmp_path / "other", resume=tmp_path / "run")
        assert not same_bits(weights, again), part


def test_a_training_that_is_complete_is_not_trained_again(tmp_path):
    weights, rows = training(tmp_path)
    again, rows_again = training(tmp_path, resume=True)
    assert same_bits(weights, again) and rows == rows_again and len(rows) == 3


def test_more_epochs_go_on_where_the_schedule_does_not_mind(tmp_path):
    training(tmp_path / "a", schedule=None)
    weights, rows = training(tmp_path / "a", schedule=None, epochs=5, resume=True)
    whole, rows_whole = training(tmp_path / "b", schedule=None, epochs=5)
    assert same_bits(weights, whole) and rows == rows_whole and len(rows) == 5
    training(tmp_path / "c", schedule="cosine")
    with pytest.raises(CheckpointError, match=r"followed another schedule: schedule.start.T_max was 18, is 30 "
                                              r"\(one made for all epochs changes with their number"):
        training(tmp_path / "c", schedule="cosine", epochs=5, resume=True)


def test_early_stopping_stays_stopped(tmp_path):
    def stopping():
        return [EarlyStopping(1, "validation_accuracy", min_delta=1.0), ModelCheckpoint(tmp_path)]

    _, rows = training(tmp_path, callbacks=stopping(), epochs=9)
    _, again = training(tmp_path, callbacks=stopping(), epochs=9, resume=True)
    assert rows == again and len(rows) == 2


def test_resume_true_begins_where_there_is_nothing_yet(tmp_path):
    weights, _ = training(tmp_path / "a", resume=True)
    assert same_bits(weights, training(tmp_path / "b")[0])


@pytest.mark.parametrize("amp", ["float16", "bfloat16"])
def test_mixed_precision_goes_on(tmp_path, amp):
    pytest.importorskip("ml_dtypes")
    weights, rows = training(tmp_path / "whole", amp=amp)
    again, rows_again = resumed(tmp_path, 8, amp=amp)
    assert same_bits(weights, again) and rows == rows_again
    with pytest.raises(CheckpointError, match=f"amp was {amp}, is None"):
        training(tmp_path / "run", resume=True)


def test_a_gpus_generator_goes_on(tmp_path):
    with installed():
        whole, rows = training(tmp_path / "whole", device="cuda")
        again, rows_again = resumed(tmp_path, 8, device="cuda")
        assert rows == rows_again
        for name, array in whole.items():
            np.testing.assert_array_equal(array, again[name])


def test_a_checkpoint_serves_another_device(tmp_path):
    """Not to the last bit, but it goes on."""
    with pytest.raises(Crash):
        training(tmp_path, 8)
    with installed():
        _, rows = training(tmp_path, device="cuda", resume=True)
        with pytest.raises(Crash):
            training(tmp_path, 8, device="cuda")
    _, again = training(tmp_path, resume=True)
    assert len(rows) == len(again) == 3


# --- what is refused --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("options", "message"), [
    ({"batch_size": 10}, "batch_size was 15, is 10"), ({"seed": 4}, "seed was 3, is 4"),
    ({"data": bars(60)}, "examples was 90, is 60"), ({"shuffle": False}, "shuffle was True, is False"),
    ({"optimizer": "adam"}, "optimizer was SGD, is Adam"), ({"transform": None}, "transform was jitter, is None"),
    ({"loss": "nll"}, "loss.loss was cross_entropy, is nll_loss"), ({"validation": None}, "validation was 30, is None"),
    ({"metrics": []}, r"metrics was \['accuracy'\], is \[\]"),
    ({"schedule": None}, "has the state of the callback LearningRateScheduler, which this training lacks: give it too"),
    ({"schedule": "linear"}, r"followed another schedule: schedule.kind was CosineAnnealingLR, is LinearLR"),
])
def test_another_training_is_refused_by_name(tmp_path, options, message):
    with pytest.raises(Crash):
        training(tmp_path, 8)
    with pytest.raises(CheckpointError, match=f"last.safetensors: .*{message}"):
        training(tmp_path, resume=tmp_path / "last.safetensors", **options)


def test_another_model_is_refused_and_stays_as_it_was(tmp_path):
    with pytest.raises(Crash):
        training(tmp_path, 8)
    model = small_model()
    before = copies(model)
    with pytest.raises(CheckpointError, match=r"model.0.weight was float32 \(4, 1, 3, 3\), is gone; .* and \d+ more: "
                                              "give what it was made with"):
        fit(model, bars(90), loss="cross_entropy", optimizer="sgd", resume=tmp_path)
    assert same_bits(before, copies(model))


def test_other_hyper_parameters_are_refused(tmp_path):
    def once(lr, **options):
        fit(small_model(), bars(30), loss="cross_entropy", optimizer=lambda ps: optim.SGD(ps, lr),
            callbacks=[ModelCheckpoint(tmp_path)], **options)

    once(0.1)
    with pytest.raises(CheckpointError, match="another training: groups.0.lr was 0.1, is 0.2: give"):
        once(0.2, resume=True)


@pytest.mark.parametrize(("then", "now", "message"), [
    ({"callbacks": [GradientClipping(norm=1.0)]}, {}, "has the state of the callback GradientClipping"),
    ({}, {"callbacks": [GradientClipping(norm=1.0)]}, "without the callback GradientClipping, which this one has"),
    ({"callbacks": [GradientClipping(norm=1.0)]}, {"callbacks": [GradientClipping(norm=2.0)]},
     "the gradients were clipped otherwise: norm was 1.0, is 2.0"),
    ({}, {"schedule": "cosine"}, "a training without the callback LearningRateScheduler, which this one has"),
    ({"transform": Compose([RandomShift(1), jitter])}, {"transform": Compose([RandomShift(2), jitter])},
     r"transform was \['RandomShift\(1\)', 'jitter'\], is \['RandomShift\(2\)', 'jitter'\]"),
    ({"loss": nn.CrossEntropyLoss()}, {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
     r"loss.loss was .*label_smoothing=0.0\), is .*label_smoothing=0.1\)"),
    ({"p": 0.3}, {"p": 0.5}, r"layers.4 was Dropout\(p=0.3.*, is Dropout\(p=0.5"),
])
def test_what_would_make_it_another_training_is_refused(tmp_path, then, now, message):
    def once(p=0.3, callbacks=(), **options):
        fit(net(p), bars(30), epochs=2, callbacks=[*callbacks, ModelCheckpoint(tmp_path)],
            **{"loss": "cross_entropy", "optimizer": "sgd", **options})

    once(**then)
    with pytest.raises(CheckpointError, match=message):
        once(**now, resume=True)
    once(**then, resume=True)


def test_a_transform_of_ones_own_is_known_again(tmp_path):
    """With a function inside, which is at another place in every process, and an argument that it does not keep."""
    class Own(Transform):
        def __init__(self, function, strength=1):
            self.function = function

        def change(self, images):
            return self.function(images)

    for _ in range(2):
        fit(net(), bars(30), loss="cross_entropy", optimizer="sgd", transform=Own(lambda x: x * 1),
            callbacks=[ModelCheckpoint(tmp_path)], resume=True)


def test_numpys_numbers_are_numbers(tmp_path):
    def once(lr, **options):
        fit(small_model(), bars(30), loss="cross_entropy", optimizer=lambda ps: optim.SGD(ps, lr, np.float64(0.9)),
            callbacks=[ModelCheckpoint(tmp_path)], seed=np.int64(3), batch_size=np.int32(16), **options)

    once(np.float32(0.5))
    once(0.5, resume=True)


def test_damage_is_found_wherever_it_is(tmp_path):
    with pytest.raises(Crash):
        training(tmp_path, 8)
    path = tmp_path / "last.safetensors"
    sound, generator = path.read_bytes(), np.random.default_rng(0)
    header = 8 + int.from_bytes(sound[:8], "little")
    places = [*generator.integers(0, len(sound), 60), *generator.integers(0, header, 40), 0, len(sound) - 1]
    for place in map(int, places):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << int(generator.integers(0, 8))
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(path)
        assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
        assert f"can be resumed: {tmp_path / 'previous.safetensors'}" in str(caught.value) \
            or "expected a checkpoint" in str(caught.value)
    for length in (0, 5, 8, 100, header, len(sound) - 1):
        path.write_bytes(sound[:length])
        with pytest.raises(CheckpointError, match="last.safetensors: .*the one before it can be resumed"):
            training(tmp_path, resume=True)
    weights, rows = training(tmp_path, resume=tmp_path / "previous.safetensors")
    assert same_bits(weights, training(tmp_path / "whole")[0])


def test_what_is_no_checkpoint(tmp_path):
    mg.save(small_model(), tmp_path / "weights.safetensors")
    (tmp_path / "letter").write_text("a letter to my aunt")
    for name, message in {"weights.safetensors": "expected a checkpoint", "letter": "expected a safetensors file",
                          "nowhere": "cannot be read", ".": "there is no checkpoint in this folder"}.items():
        with pytest.raises(CheckpointError, match=message):
            fit(small_model(), bars(30), loss="cross_entropy", optimizer="sgd", resume=tmp_path / name)


def test_a_disk_that_is_full_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    class Full(Callback):
        def on_epoch_end(self, trainer):
            def full(*args):
                raise OSError(28, "No space left on device")
            if trainer.epoch == 2:
                monkeypatch.setattr("minigrad.train.checkpoint.write_atomically", full)

    with pytest.raises(OSError, match="the checkpoint cannot be written .No space left on device."):
        training(tmp_path, callbacks=[Full(), ModelCheckpoint(tmp_path)])
    monkeypatch.undo()
    assert read_checkpoint(tmp_path).state["epoch"] == 1
    assert sorted(os.listdir(tmp_path)) == ["best.safetensors", "last.safetensors"]


# --- ModelCheckpoint --------------------------------------------------------------------------------------------

def test_the_files_of_model_checkpoint(tmp_path):
    history = fit(small_model(), bars(90), loss="cross_entropy", optimizer="adam", epochs=4, validation=bars(30, 1),
                  metrics=["accuracy"], callbacks=[
                      ModelCheckpoint(tmp_path / "deep" / "a"),
                      ModelCheckpoint(tmp_path / "b", every_epochs=3, save_best=False),
                      ModelCheckpoint(tmp_path / "c", every_epochs=None, every_steps=5, monitor="train_accuracy")])
    assert sorted(os.listdir(tmp_path / "deep" / "a")) == ["best.safetensors", "last.safetensors",
                                                           "previous.safetensors"]
    states = {name: [read_checkpoint(tmp_path / name / f"{file}.safetensors").state for file in ("previous", "last")]
              for name in ("deep/a", "b", "c")}
    assert [s["epoch"] for s in states["deep/a"]] == [3, 4] and [s["epoch"] for s in states["b"]] == [3, 4]
    assert [s["steps"] for s in states["c"]] == [5, 10]
    assert not (tmp_path / "b" / "best.safetensors").exists()
    best = history.best("train_accuracy")
    assert states["c"][1]["callbacks"] and best["epoch"] == max(
        history.rows, key=lambda row: (row["train_accuracy"], -row["epoch"]))["epoch"]
    assert isinstance(load(tmp_path / "c" / "best.safetensors"), Graph)


def test_the_best_file_holds_the_best_epoch(tmp_path):
    class Planned(Callback):
        def on_epoch_end(self, trainer):
            trainer.history[-1]["validation_loss"] = [3.0, 1.0, 2.0, 1.0][trainer.epoch - 1]
            seen.append(copies(trainer.model))

    seen: list = []
    fit(small_model(), bars(30), loss="cross_entropy", optimizer="sgd", epochs=4, validation=bars(30),
        callbacks=[Planned(), ModelCheckpoint(tmp_path)])
    assert same_bits(copies(load(tmp_path / "best.safetensors")), seen[1])


def test_time_writes_too(tmp_path, monkeypatch):
    clock = iter(range(0, 10 ** 6, 4))
    monkeypatch.setattr("minigrad.train.callbacks.model_checkpoint.perf_counter", lambda: next(clock))
    fit(small_model(), bars(90), loss="cross_entropy", optimizer="sgd",
        callbacks=[ModelCheckpoint(tmp_path, every_epochs=None, every_seconds=10)], batch_size=10)
    assert read_checkpoint(tmp_path / "previous.safetensors").state["steps"] > 1


def test_what_a_killed_process_left_is_removed(tmp_path):
    left = [".new.safetensors", "..new.abcd.partial.safetensors", ".best.1234.partial.safetensors"]
    for name in [*left, "notes.txt"]:
        (tmp_path / name).write_text("half")
    fit(small_model(), bars(30), loss="cross_entropy", optimizer="sgd", callbacks=[ModelCheckpoint(tmp_path)])
    assert sorted(os.listdir(tmp_path)) == ["best.safetensors", "last.safetensors", "notes.txt"]


def test_without_a_last_one_the_one_before_serves(tmp_path):
    """A process was killed between the two renames."""
    weights, _ = training(tmp_path / "whole")
    with pytest.raises(Crash):
        training(tmp_path / "run", 8)
    os.replace(tmp_path / "run" / "last.safetensors", tmp_path / "run" / "previous.safetensors")
    assert same_bits(weights, training(tmp_path / "run", resume=True)[0])


@pytest.mark.parametrize(("options", "message"), [
    ({"every_epochs": 0}, "every_epochs must be a number above 0, or None, 0 came"),
    ({"every_steps": 2.5}, "every_steps must be a number above 0"), ({"every_seconds": -1}, "every_seconds"),
    ({"every_steps": True}, "True came"), ({"mode": "best"}, 'mode must be "min", "max" or "auto"')])
def test_bad_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        ModelCheckpoint(tmp_path, **options)


def test_a_step_that_went_wrong_is_not_written(tmp_path):
    """Between two looks at the loss a checkpoint looks itself."""
    data = bars(90)
    data.images[:] = np.nan
    with pytest.raises(NonFiniteLoss, match="step 1 "):
        training(tmp_path, data=data)
    assert not (tmp_path / "last.safetensors").exists()
