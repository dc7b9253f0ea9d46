"""HealthMonitor and `minigrad train --health`: the files, what is said, and that a run goes on to the last bit."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from cli_runs import on, refused
from trainings import bars, copies, same_bits, small_model

import minigrad as mg
from minigrad import cli, nn, optim
from minigrad.train import Callback, GradientClipping, HealthMonitor, ModelCheckpoint, NonFiniteLoss, fit

pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """But in one test, as they take long."""
    monkeypatch.setattr("minigrad.debug.GradientHealth.plot", lambda health, path, **options: Path(path).touch())


def train(*callbacks, model=None, lr=0.05, **options):
    options = {"epochs": 2, "batch_size": 16, "loss": "cross_entropy", **options}
    mg.manual_seed(0)
    model = model or small_model()
    fit(model, bars(90), optimizer=lambda ps: optim.SGD(ps, lr), callbacks=callbacks, **options)
    return model


def rows(path):
    return list(csv.DictReader(Path(path).read_text().splitlines()))


def test_files_and_words(tmp_path):
    said: list[str] = []
    watched = train(HealthMonitor(tmp_path / "new", every=4, say=said.append))
    assert same_bits(copies(watched), copies(train()))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["health.csv", "health.png", "health.txt"]
    assert [row["step"] for row in rows(tmp_path / "new/health.csv")] == ["1", "1", "5", "5", "9", "9"]
    assert len(said) == 1 and said[0].startswith("Healthy: in 3 watched steps")
    assert (tmp_path / "new/health.txt").read_text().startswith(said[0] + "\n\nlayer  units")
    with pytest.raises(ValueError, match="every must be"):
        HealthMonitor(tmp_path, every=True)


def test_it_says_once_when_it_turns_bad(tmp_path):
    class Spoil(Callback):
        def on_epoch_begin(self, trainer):
            if trainer.epoch == 2:
                trainer.model[0].bias.data[...] = -100.0

    said: list[str] = []
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minigrad.debug.health.RECENT", 3)
        train(Spoil(), HealthMonitor(tmp_path, every=1, say=said.append), model=model, epochs=4)
    assert [text.partition(":")[0] for text in said] == ["epoch 2", "Dead"] and "Dead: 100 %" in said[0]


def test_a_training_that_fails_leaves_why(tmp_path):
    said: list[str] = []
    with np.errstate(all="ignore"), pytest.raises(NonFiniteLoss):
        train(HealthMonitor(tmp_path, every=1, say=said.append), lr=1e39)
    assert len(said) == 1 and said[0].startswith(("Exploding", "Not finite"))
    assert (tmp_path / "health.txt").read_text().startswith(said[0]) and (tmp_path / "health.png").exists()


def test_what_happened_between_watched_steps_is_not_called_healthy(tmp_path):
    class Spoil(Callback):
        def on_step_begin(self, trainer, inputs, targets):
            if trainer.steps == 3:
                trainer.model.parameters().__next__().data[...] = np.nan

    said: list[str] = []
    with pytest.raises(NonFiniteLoss):
        train(HealthMonitor(tmp_path, every=50, say=said.append), Spoil())
    assert said[0].startswith("Healthy") and "But the loss is nan: that came after step 1, the last" in said[0]
    assert (tmp_path / "health.txt").read_text().startswith(said[0])


def test_an_error_in_the_first_step_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="input image expects"):
        fit(small_model(), (np.zeros((8, 1, 9, 9), "f4"), np.zeros(8, int)), loss="cross_entropy", optimizer="sgd",
            callbacks=[HealthMonitor(tmp_path)])
    assert list(tmp_path.iterdir()) == []
    assert mg.tensor([1.0], requires_grad=True).exp().requires_grad


class Stop(Exception):
    pass


class StopAt(Callback):
    comes_last = True

    def __init__(self, steps):
        self.steps = steps

    def on_step_end(self, trainer):
        if trainer.steps == self.steps:
            raise Stop


def test_resumed_it_goes_on_with_what_was_seen(tmp_path):
    whole = train(HealthMonitor(tmp_path / "whole", every=2))
    with pytest.raises(Stop):
        train(HealthMonitor(tmp_path / "part", every=2), ModelCheckpoint(tmp_path / "c", every_steps=1), StopAt(8))
    again = train(HealthMonitor(tmp_path / "part", every=2), ModelCheckpoint(tmp_path / "c"), resume=tmp_path / "c")
    assert same_bits(copies(whole), copies(again))
    for name in ("health.csv", "health.txt"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_training_goes_on_with_it_or_without_it(tmp_path):
    with pytest.raises(Stop):
        train(ModelCheckpoint(tmp_path / "c", every_steps=1), StopAt(8))
    with_it = train(HealthMonitor(tmp_path / "h", every=1), ModelCheckpoint(tmp_path / "d", every_steps=1),
                    resume=tmp_path / "c")
    assert same_bits(copies(with_it), copies(train())) and rows(tmp_path / "h/health.csv")[0]["step"] == "1"
    train(ModelCheckpoint(tmp_path / "d"), resume=tmp_path / "d", epochs=3)


def test_gradients_are_those_that_the_optimizer_saw(tmp_path):
    monitor = HealthMonitor(tmp_path, every=1)
    train(GradientClipping(norm=1e-3), monitor, lr=1.0)
    total = np.sqrt(sum([monitor.health.series(layer, "gradient") ** 2 for layer in monitor.health.layers]))
    assert total == pytest.approx(np.full(12, 1e-3), rel=1e-3)
    assert monitor.health.series("fc", "update") == pytest.approx(monitor.health.series("fc", "gradient"), rel=1e-2)


def test_steps_whose_loss_scale_was_too_large_do_not_count(tmp_path):
    monitor = HealthMonitor(tmp_path, every=1)
    with np.errstate(all="ignore"):
        train(monitor, amp=mg.amp.GradScaler("cpu", init_scale=2.0 ** 20))
    assert monitor.health.steps[0] > 1 and monitor.health.verdict().kind == "healthy"
    assert max(monitor.health.series("fc", "gradient")) < 100


# --- the command ----------------------------------------------------------------------------------------------

def test_train_with_health(mnist_files, capsys):
    assert cli.main(on(mnist_files, "--out", "plain", "--quiet")) == 0
    assert cli.main(on(mnist_files, "--out", "run", "--health", "--batch-size", "4")) == 0
    out, err = capsys.readouterr()
    assert "in 1 watched step" in err or "watched steps" in err
    assert "test accuracy" in out and "watched" not in out
    names = {path.name for path in Path("run").iterdir()}
    assert {"health.csv", "health.png", "health.txt"} <= names
    assert cli.main(on(mnist_files, "--out", "run", "--quiet")) == 0            # the earlier run's files go with it
    assert not [path for path in Path("run").iterdir() if path.name.startswith("health")]
    assert not [path for path in Path("plain").iterdir() if path.name.startswith("health")]


def test_a_run_resumed_keeps_its_health(mnist_files, capsys, monkeypatch):
    monkeypatch.setattr("minigrad.train.job.CHECKPOINT_SECONDS", 1e-9)
    with monkeypatch.context() as stopping, pytest.raises(Stop):
        stopping.setattr("minigrad.train.job.InFolder.on_epoch_end", lambda self, trainer: (_ for _ in ()).throw(Stop))
        cli.main(on(mnist_files, "--out", "run", "--health", "--quiet", "--batch-size", "4"))
    assert cli.main(["train", "--resume", "run", "--quiet"]) == 0
    assert Path("run/health.txt").exists() and rows("run/health.csv")
    with monkeypatch.context() as stopping, pytest.raises(Stop):
        stopping.setattr("minigrad.train.job.InFolder.on_epoch_end", lambda self, trainer: (_ for _ in ()).throw(Stop))
        cli.main(on(mnist_files, "--out", "bare", "--quiet", "--batch-size", "4"))
    assert "--health" in refused(["train", "--resume", "bare", "--health"], capsys)
