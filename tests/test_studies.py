"""The studies of training run end to end on a few made-up images, and say what they found. No result is tested."""

from __future__ import annotations

import re
import sys
from functools import partial

import numpy as np
import pytest
from PIL import Image
from strict_cupy import installed

import minigrad as mg
from minigrad import data
from minigrad.models import resnet

CLASSES = {"blue": 2, "green": 1, "red": 0}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def root(tmp_path):
    """8 x 8 images of three classes, each mostly of one colour: 12 of each to train on, 4 to test."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 4)):
        for name, channel in CLASSES.items():
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 100, (8, 8, 3)).astype(np.uint8)
                pixels[:, :, channel] += 100
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "images"


@pytest.fixture
def study(benchmark, tmp_path, monkeypatch):
    """A study's module, and its main with a folder of the test: run(name, *arguments) -> what it printed."""
    def module(name):
        return benchmark(f"studies.{name}")

    def run(name, *arguments):
        module(name).main([*map(str, arguments), "--folder", str(tmp_path / "out")])
        text = (tmp_path / "out" / f"{name}.txt").read_text(encoding="utf-8")
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(PNG)
        assert f"python -m benchmarks.studies.{name}" in text and "processor" in text
        assert str(tmp_path) not in text
        return text

    module.run = run
    return module


def column(text, name, last=False):
    """The cells under a heading of the last table of a text, one a row."""
    lines = text.splitlines()
    rule = max(i for i, line in enumerate(lines) if re.fullmatch(r"-+(  -+)+", line))
    spans = [match.span() for match in re.finditer("-+", lines[rule])]
    heads = [lines[rule - 1].ljust(200)[a:b].strip() for a, b in spans]
    a, b = spans[heads.index(name)]
    rows = [line.ljust(200)[a:b].strip() for line in lines[rule + 1:]]
    return rows[:rows.index("")] if "" in rows else rows


# --- plain and residual nets ----------------------------------------------------------------------------------

@pytest.fixture
def shallow(study, monkeypatch):
    """Nets of 8 layers in place of those of 20."""
    nets = study("plain_vs_residual").NETS
    monkeypatch.setitem(nets, "plain20", partial(resnet.plain_cifar, 8))
    monkeypatch.setitem(nets, "resnet20", partial(resnet.resnet_cifar, 8))


TINY = ("--size", 8, "--epochs", 2, "--validation", 0.25)


def depth(root, *more):
    return ("--root", root, *TINY, "--nets", "plain20", "resnet20", "--width", 0.1, "--batch-size", 9, *more)


def test_depth_is_trained_once_and_drawn(shallow, root, study, tmp_path, monkeypatch):
    text = study.run("plain_vs_residual", *depth(root))
    assert column(text, "net") == ["plain20", "resnet20"] and column(text, "epochs") == ["2", "2"]
    assert "27 images of 8 x 8, 2 epochs, 6 steps of 9" in text and "64,000 steps" in text
    assert "--root path/to/images" in text
    histories = {path: path.read_bytes() for path in (tmp_path / "out").rglob("history.csv")}
    assert len(histories) == 2 and not list((tmp_path / "out").rglob("*.safetensors"))
    monkeypatch.setattr(study("common"), "fit", None)
    study.run("plain_vs_residual", *depth(root))
    assert histories == {path: path.read_bytes() for path in histories}


def test_depth_goes_on_where_it_stopped(shallow, root, study, tmp_path, monkeypatch):
    whole = study.run("plain_vs_residual", *depth(root))
    for file in sorted((tmp_path / "out").rglob("*.*"), reverse=True):
        file.unlink()
    common = study("common")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(common, "CSVLogger", partial(Stopping, common.CSVLogger))
        study.run("plain_vs_residual", *depth(root))
    stopped = study("plain_vs_residual")
    assert len(mg.train.History.from_csv(tmp_path / "out" / stopped.NAME / "plain20-seed0" / "history.csv")) == 1
    again = study.run("plain_vs_residual", *depth(root))
    for name in ("training", "validation", "test"):
        assert column(again, name) == column(whole, name)


def Stopping(kind, path):
    """A logger that is interrupted when the first epoch is written, its checkpoint too."""
    logger = kind(path)
    logger.on_epoch_begin = lambda trainer: interrupt() if trainer.epoch == 2 else None
    return logger


def interrupt():
    raise KeyboardInterrupt


def test_depth_refuses_a_folder_of_other_settings(shallow, root, study):
    study.run("plain_vs_residual", *depth(root))
    with pytest.raises(SystemExit, match="has a run with other settings.*choose another --folder"):
        study.run("plain_vs_residual", *depth(root, "--rate", 0.2))


def test_depth_warms_up_and_divides_the_rate(shallow, root, study, tmp_path):
    text = study.run("plain_vs_residual", *depth(root), "--epochs", 4, "--warm-up", 1, "--nets", "plain20")
    history = mg.train.History.from_csv(tmp_path / "out" / "plain_vs_residual" / "plain20-seed0" / "history.csv")
    assert history["learning_rate"] == pytest.approx([0.01, 0.1, 0.01, 0.001])
    assert "a tenth in the first 1 epochs too" in text


def test_depth_says_which_net_trains_worse(study):
    errors = {"plain20": [30.0, 32.0, 31.0], "plain56": [60.0], "resnet20": [28.0]}
    rows = [{"net": net, "training": value} for net, values in errors.items() for value in values]
    said = study("plain_vs_residual").finding(rows)
    assert said == "plain: training error 31.0 % with 20 layers, 60.0 % with 56 (+29.0); medians of 3 and 1 seeds"


# --- batch and normalisation ----------------------------------------------------------------------------------

def test_batches_and_norms(root, study):
    text = study.run("batch_norm_batch_size", "--root", root, *TINY, "--batches", 9, 3, "--width", 8, "--seeds", 0)
    assert column(text, "batch") == ["3"] * 3 + ["9"] * 3
    assert column(text, "norm") == ["none", "BatchNorm", "GroupNorm"] * 2


def test_the_learning_rate_is_in_proportion_to_the_batch(root, study, tmp_path):
    study.run("batch_norm_batch_size", "--root", root, *TINY, "--batches", 9, 3, "--width", 8, "--seeds", 0)
    rates = {}
    for batch in (9, 3):
        file = tmp_path / "out" / "batch_norm_batch_size" / f"BatchNorm-batch{batch}-seed0" / "history.csv"
        rates[batch] = mg.train.History.from_csv(file)[0]["learning_rate"] / batch
    halfway = [0.5 * (1 + np.cos(np.pi * done)) for done in (2 / 6, 8 / 18)]       # at the last step of epoch 1
    assert rates[9] * 64 == pytest.approx(0.1 * halfway[0]) and rates[3] * 64 == pytest.approx(0.1 * halfway[1])


@pytest.mark.parametrize("norm", ["none", "BatchNorm", "GroupNorm"])
def test_a_convolution_has_a_bias_or_a_norm(study, norm):
    model = study("batch_norm_batch_size").net(norm, 8, 3)
    biases = [name for name, _ in model.named_parameters() if name.endswith("bias")]
    assert len(biases) == 5 and model(mg.zeros(2, 3, 8, 8)).shape == (2, 3)
    kinds = [type(module).__name__ for module in model.modules()]
    assert kinds.count("BatchNorm2d") == (4 if norm == "BatchNorm" else 0)
    assert kinds.count("GroupNorm") == (4 if norm == "GroupNorm" else 0)


# --- dropout --------------------------------------------------------------------------------------------------

def test_dropout(study):
    pytest.importorskip("sklearn")
    text = study.run("dropout", "--images", 20, "--units", 16, "--epochs", 1, "--seeds", 0, 1, "--draws", 2)
    assert column(text, "p") == ["0", "0.25", "0.5"]
    none = [column(text, way)[0] for way in ("eval mode", "one draw", "mean of draws")]
    assert len(set(none)) == 1                          # without dropout there is but one way


def test_draws_differ_from_eval_mode_with_dropout_alone(study):
    dropout = study("dropout")
    mg.manual_seed(0)
    model, images = dropout.net(0.5, 32), np.random.default_rng(0).standard_normal((5, 1, 32, 32)).astype("float32")
    model.eval()
    quiet = dropout.probabilities(model, images)
    np.testing.assert_array_equal(quiet, dropout.probabilities(model, images))
    model.train()
    assert (quiet != dropout.probabilities(model, images)).any()
    np.testing.assert_allclose(quiet.sum(1), 1, rtol=1e-5)


# --- first values ---------------------------------------------------------------------------------------------

def test_first_values(study):
    pytest.importorskip("sklearn")
    text = study.run("initialization", "--depth", 12, "--units", 16, "--epochs", 1, "--seeds", 0, "--rate", 1e4)
    assert column(text, "scheme") == ["zeros", "normal, 0.01", "Xavier", "He", "1.5 x He"]
    assert column(text, "activations last")[0] == "0"
    assert "not finite in epoch 1" in text              # by so large a rate


@pytest.mark.parametrize(("scheme", "growth"), [("He", 1.0), ("Xavier", 0.5**0.5), ("1.5 x He", 1.5)])
def test_activations_and_gradients_grow_by_the_weights_variance(study, scheme, growth):
    first = study("initialization")
    mg.manual_seed(0)
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((64, 1, 32, 32)).astype("float32"), rng.integers(0, 10, 64)
    activations, gradients = first.at_start(first.net(scheme, 9, 512), images, labels)
    assert (activations[8] / activations[0]) ** (1 / 8) == pytest.approx(growth, rel=0.06)
    assert (gradients[0] / gradients[8]) ** (1 / 8) == pytest.approx(growth, rel=0.06)


# --- the images -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["plain_vs_residual", "batch_norm_batch_size"])
@pytest.mark.parametrize("make", ["nothing", "text", "empty"])
def test_a_wrong_root_is_one_line(study, tmp_path, name, make):
    wrong = tmp_path / "wrong"
    if make == "text":
        wrong.write_text("no archive")
    elif make == "empty":
        wrong.mkdir()
    with pytest.raises(SystemExit) as caught:
        study.run(name, "--root", wrong)
    message = str(caught.value)
    assert message.startswith(f"--root {wrong}: ") and "\n" not in message and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["plain_vs_residual", "batch_norm_batch_size"])
def test_a_device_that_is_not_there_is_one_line(root, study, tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(SystemExit, match='^--device cuda: device "cuda" needs CuPy.*') as caught:
        study.run(name, "--root", root, "--device", "cuda")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_the_device_is_named_and_trained_on(root, study, tmp_path):
    """On CuPy's double."""
    with installed():
        text = study.run("batch_norm_batch_size", "--root", root, *TINY, "--batches", 9, "--width", 8, "--seeds", 0,
                         "--device", "cuda")
    assert re.search("^device +[^ ]", text, re.M)
    assert column(text, "norm") == ["none", "BatchNorm", "GroupNorm"]


def test_images_are_normalised_by_the_training_part_and_split_alike(root, study):
    common, options = study("common"), type("Options", (), {"root": root, "size": 8, "images": 15, "validation": 0.25,
                                                "device": "cpu"})
    parts = common.read_images(options)
    assert [len(part) for part in parts] == [15, 9, 12] and parts.train.classes == ("blue", "green", "red")
    assert np.bincount(parts.train.targets).tolist() == [5, 5, 5]
    np.testing.assert_allclose(parts.train.inputs.mean((0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(parts.train.inputs.std((0, 2, 3)), 1, atol=1e-3)
    again = common.read_images(options)
    np.testing.assert_array_equal(parts.validation.inputs, again.validation.inputs)


def test_images_are_shifted_by_an_eighth_and_mirrored(study):
    change = study("common").crop_and_flip(32)
    images = np.ones((64, 3, 32, 32), np.float32)
    changed, _ = change(images, None, np.random.default_rng(0))
    empty = (changed[:, 0] == 0).all(2).sum(1)          # rows of zeros that came in
    assert empty.max() == 4 and empty.min() == 0
    assert isinstance(data.transforms.Compose([]), type(change))
