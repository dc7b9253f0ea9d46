"""A whole run: what is learned, chosen, written, resumed, and said when it goes wrong."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strict_cupy import installed
from trainings import Interrupt, bars, small_model

from minigrad import models, nn
from minigrad.data import DataError, Dataset, TrainTest, random_shift, stratified_split, write_idx
from minigrad.graph import Graph, Input, load
from minigrad.train import Callback, CheckpointError, Interrupted, NonFiniteLoss, parts, recipes
from minigrad.train import job as jobs
from minigrad.train.checkpoint import read_checkpoint
from minigrad.train.classification import evaluate
from minigrad.train.fit import OPTIMIZERS
from minigrad.train.job import Job, run
from minigrad.train.recipes import Recipe, Settings, settings_for
from minigrad.train.run_folder import RunFolderError, read_history

# --- a whole run ------------------------------------------------------------------------------------------------

@pytest.fixture
def tiny(monkeypatch):
    """`run` on a few bars instead of the digits."""
    data = TrainTest(bars(90), bars(40, 2))
    monkeypatch.setattr(jobs, "load_data", lambda *args: data)
    recipe = Recipe(Settings(3, 16, 0.05), 0.2, lambda x, g: random_shift(x, g, 1))
    monkeypatch.setitem(recipes.RECIPES, "digits", recipe)
    return data


def make_small(classes: int, channels: int) -> Graph:
    assert (classes, channels) == (3, 1)
    return small_model()


def test_a_run_leaves_its_folder(tmp_path, tiny):
    pytest.importorskip("matplotlib")
    out = tmp_path / "run"
    result = run(Job("small", make_small, seed=1, out=str(out)), "minigrad train small --seed 1")
    assert sorted(path.name for path in out.iterdir()) == [
        "confusion_matrix.png", "curves.png", "first_layer_filters.png", "history.csv", "most_wrong.png", "run.json",
        "weights.safetensors"]
    written = json.loads((out / "run.json").read_text())
    assert written["status"] == "finished" and written["seed"] == 1 and written["command"].startswith("minigrad train")
    assert written["result"] == {name: value for name, value in result.items() if name != "folder"}
    assert written["settings"]["epochs"] == 3 and written["settings"]["device"] == "cpu"
    assert written["data"]["train_images"] == 72 and written["data"]["validation_images"] == 18
    history = read_history(out / "history.csv")
    assert history["epoch"] == [1, 2, 3] and len(history["validation_accuracy"]) == 3
    chosen = history["epoch"].index(result["chosen_epoch"])
    accuracies = history["validation_accuracy"]
    assert accuracies[chosen] == max(accuracies) == result["validation_accuracy"]
    model = load(out / "weights.safetensors")
    assert evaluate(model, tiny.test).accuracy == result["test_accuracy"] > result["baseline_accuracy"]
    assert result["baseline_accuracy"] == 14 / 40 and result["baseline_class"] == "0" and result["parameters"] == 475


def test_pictures_say_of_what_they_are_and_cut_nothing_off(tmp_path, tiny, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure
    titles = []
    savefig = Figure.savefig

    def noted(figure, *args, **options):
        titles.append((figure.get_suptitle() or (figure.axes[0].get_title() if figure.axes else "")).splitlines())
        savefig(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", noted)
    run(Job("lenet5", make_small, seed=12, out=str(tmp_path), called="LeNet-5"), "")
    assert titles[0] == []                                          # the rehearsal
    assert [title[0] for title in titles[1:]] == ["LeNet-5 on the UCI digits, seed 12"] * 4
    for path in tmp_path.glob("*.png"):
        with image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert all([(edge == 255).all() for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])]), path.name


def test_curves_are_those_of_the_run_whatever_the_disk_says(tmp_path, tiny, monkeypatch):
    pytest.importorskip("matplotlib")
    drawn = []
    monkeypatch.setattr(jobs.pictures, "training_curves", lambda history, path, *more: drawn.append(history)
                        or path.write_bytes(b""))

    class Show(Callback):
        def on_epoch_end(self, trainer):
            (tmp_path / "history.csv").write_text("another's\n")

    run(Job("small", make_small, out=str(tmp_path)), "", [Show()])
    assert drawn[0]["epoch"] == [1, 2, 3] and len(drawn[0]["train_loss"]) == 3


def test_the_test_part_is_read_once_and_at_the_end(tmp_path, tiny, monkeypatch):
    order = []

    class Watched(Dataset):
        def __getitem__(self, index):
            order.append("test")
            return super().__getitem__(index)

    test = Watched(tiny.test.name, tiny.test.images, tiny.test.labels, tiny.test.classes)
    monkeypatch.setattr(jobs, "load_data", lambda *args: TrainTest(tiny.train, test))
    monkeypatch.setattr(jobs, "draw", lambda *args: None)

    class Show(Callback):
        def on_epoch_end(self, trainer):
            order.append(trainer.epoch)

    run(Job("small", make_small, out=str(tmp_path / "run")), "", [Show()])
    assert order == [1, 2, 3, "test"]


def test_one_seed_gives_the_same_file_and_splits_are_the_seeds(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(jobs, "draw", lambda *args: None)
    files = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        run(Job("small", make_small, seed=seed, out=str(tmp_path / name), epochs=1), "")
        files.append((tmp_path / name / "weights.safetensors").read_bytes())
    assert files[0] == files[1] != files[2]
    splits = [parts.split(tiny.train, 0.2, seed)[1].images for seed in (5, 5, 6)]
    np.testing.assert_array_equal(splits[0], splits[1])
    assert (splits[0] != splits[2]).any()


def test_settings_given_take_the_recipes_place():
    job = Job("m", make_small, epochs=7, learning_rate=0.3)
    usual = recipes.RECIPES["digits"].settings
    assert job.settings == Settings(7, usual.batch_size, 0.3, usual.momentum, usual.weight_decay)
    assert Path(job.folder) == Path("runs/m-digits-seed0")


def test_a_run_that_stops_says_so(tmp_path, tiny):
    tiny.train.images[:] = np.inf
    with pytest.raises(NonFiniteLoss):
        run(Job("small", make_small, out=str(tmp_path / "run")), "")
    written = json.loads((tmp_path / "run" / "run.json").read_text())
    assert written["status"] == "stopped" and "already has" in written["reason"] and "result" not in written
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]


def test_a_run_that_is_interrupted_says_so(tmp_path, tiny):
    class Show(Callback):
        def on_epoch_end(self, trainer):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Job("small", make_small, out=str(tmp_path / "run")), "", [Show()])
    assert json.loads((tmp_path / "run" / "run.json").read_text())["reason"] == "interrupted"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["history.csv", "run.json"]


def test_what_is_missing_is_said_before_anything_is_written(tmp_path, tiny, monkeypatch):
    out = tmp_path / "run"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'matplotlib, which is not installed: pip install "minigrad\[demo\]"'):
        run(Job("small", make_small, out=str(out)), "")
    monkeypatch.undo()
    with pytest.raises(DataError, match="expected a folder with train-images-idx3-ubyte"):
        run(Job("small", make_small, data="mnist", root=str(tmp_path), out=str(out)), "")
    with pytest.raises(DataError, match="digits takes no root, 'somewhere' came"):
        run(Job("small", make_small, root="somewhere", out=str(out)), "")
    assert not out.exists()


def test_too_few_images(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(jobs, "load_data", lambda *args: TrainTest(bars(1), bars(4)))
    with pytest.raises(DataError, match="bars: 1 images are too few to split off a validation part"):
        run(Job("small", make_small, out=str(tmp_path / "run")), "")


def test_lenet5_learns_digits_from_idx_files(tmp_path, monkeypatch):
    """The digits as MNIST's files: the whole way from bytes to an accuracy."""
    monkeypatch.setattr(jobs, "draw", lambda *args: None)
    data = pytest.importorskip("sklearn.datasets").load_digits()
    images = np.repeat(np.repeat(data.images[:900], 3, 1), 3, 2)
    images = np.pad(images * (255 / 16), ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    rest, held = stratified_split(data.target[:900], 0.2, 0)
    for part, index in (("train", rest), ("t10k", held)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images[index])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", data.target[index].astype(np.uint8))
    job = Job("lenet5", models.lenet5, "mnist", str(tmp_path), out=str(tmp_path / "run"), epochs=4, batch_size=16)
    result = run(job, "")
    assert result["test_accuracy"] > 0.85 and result["baseline_accuracy"] < 0.11 and result["test_images"] == len(held)


# --- on a GPU, played by the strict double of CuPy ------------------------------------------------------------

def test_a_run_on_a_device(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(jobs, "draw", lambda *args: None)
    monkeypatch.setattr(jobs, "device_name", lambda device: "a double")
    results = [run(Job("small", make_small, out=str(tmp_path / "cpu")), "")]
    with installed():
        results.append(run(Job("small", make_small, out=str(tmp_path / "cuda"), device="cuda"), ""))
        tiny.train.images[:] = np.nan
        with pytest.raises(NonFiniteLoss, match="already has .* nan"):
            run(Job("small", make_small, out=str(tmp_path / "nan"), device="cuda"), "")
    assert results[1]["test_accuracy"] == results[0]["test_accuracy"]
    assert results[1]["test_loss"] == pytest.approx(results[0]["test_loss"], rel=0.05)




# --- going on with a run ------------------------------------------------------------------------------------------

def bits(folder):
    return (folder / "weights.safetensors").read_bytes()


def rows(folder):
    history = read_history(folder / "history.csv")
    return {name: column for name, column in history.items() if name not in ("seconds", "samples_per_second")}


@pytest.fixture
def bare(tiny, monkeypatch):
    """The same, without pictures."""
    monkeypatch.setattr(jobs, "draw", lambda *args: None)
    return tiny


@pytest.mark.parametrize("step", [0, 3, 4, 7])
def test_ctrl_c_ends_after_a_step_and_resume_goes_on_to_the_last_bit(tmp_path, bare, step):
    job = Job("small", make_small, seed=2, out=str(tmp_path / "run"), batch_size=16)
    run(replace(job, out=str(tmp_path / "whole")), "")
    with pytest.raises(Interrupted, match=r"interrupted in epoch \d of 3, after batch \d of 5; .*last.safetensors "
                                          "goes on from there: resume="):
        run(job, "minigrad train small", [Interrupt(step)])
    folder = tmp_path / "run"
    written = json.loads((folder / "run.json").read_text())
    assert written["status"] == "stopped" and written["reason"] == "interrupted"
    assert read_checkpoint(folder).state["steps"] == step + 1
    result = run(replace(job, resume=True), "minigrad train --resume run")
    assert bits(folder) == bits(tmp_path / "whole") and rows(folder) == rows(tmp_path / "whole")
    after = json.loads((folder / "run.json").read_text())
    assert after["status"] == "finished" and len(after["resumed"]) == 1 and "reason" not in after
    assert after["command"] == written["command"] and after["started"] == written["started"]
    assert result["seconds"] > 0 and not list(folder.glob("*last*")) and not list(folder.glob("*previous*"))


def test_a_run_may_be_interrupted_again_and_again(tmp_path, bare):
    job = Job("small", make_small, out=str(tmp_path / "run"))
    run(replace(job, out=str(tmp_path / "whole")), "")
    for step in (1, 2, 3, 8):
        with pytest.raises(KeyboardInterrupt):
            run(job, "", [Interrupt(step)])
        job = replace(job, resume=True)
    run(job, "")
    assert bits(tmp_path / "run") == bits(tmp_path / "whole")
    assert len(json.loads((tmp_path / "run" / "run.json").read_text())["resumed"]) == 4


def test_beside_a_finished_run_it_waits_to_be_resumed(tmp_path, bare):
    """The finished one stays until then, whatever comes; a new start lets what waits go."""
    job, folder = Job("small", make_small, out=str(tmp_path)), tmp_path
    run(job, "the first")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = replace(job, seed=1)
    for resume in (False, True):
        with pytest.raises(KeyboardInterrupt):
            run(replace(again, resume=resume), "the second", [Interrupt(3 + resume)])
        assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == first
    run(replace(again, resume=True), "")
    after = json.loads((folder / "run.json").read_text())
    assert after["command"] == "the second" and after["status"] == "finished"
    assert sorted(path.name for path in folder.iterdir()) == sorted(first)
    assert bits(folder) != first["weights.safetensors"]
    with pytest.raises(KeyboardInterrupt):
        run(again, "the third", [Interrupt(3)])
    run(job, "the fourth")
    assert sorted(path.name for path in folder.iterdir()) == sorted(first)
    assert bits(folder) == first["weights.safetensors"]


def test_what_cannot_be_resumed(tmp_path, bare):
    job = Job("small", make_small, out=str(tmp_path / "run"), resume=True)
    with pytest.raises(RunFolderError, match="there is no such folder, so nothing to resume"):
        run(job, "")
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    with pytest.raises(RunFolderError, match="holds no run of minigrad"):
        run(job, "")
    with pytest.raises(KeyboardInterrupt):
        run(replace(job, resume=False), "", [Interrupt(3)])
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    for other, message in ((replace(job, epochs=2), "settings.epochs was 3, is 2"),
                           (replace(job, seed=7), "seed was 0, is 7"),
                           (replace(job, learning_rate=0.25, augment="none"),
                            "settings.learning_rate was 0.05, is 0.25; settings.augment was auto, is none"),
                           (replace(job, model="other"), "settings.model was small, is other")):
        with pytest.raises(RunFolderError, match=f"cannot be resumed with other settings: {message}: leave them"):
            run(other, "")
        assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    run(job, "")
    with pytest.raises(RunFolderError, match="its run has finished, there is nothing to resume: more epochs are"):
        run(replace(job, epochs=7), "")


def test_a_run_without_a_checkpoint_cannot_be_resumed(tmp_path, bare):
    class Fault(Callback):
        def on_epoch_end(self, trainer):
            raise ZeroDivisionError

    job = Job("small", make_small, out=str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        run(job, "", [Fault()])
    with pytest.raises(RunFolderError, match="its run ended before its first checkpoint"):
        run(replace(job, resume=True), "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "run.json"]


def test_a_checkpoint_that_is_damaged_says_so_in_run_json(tmp_path, bare):
    job = Job("small", make_small, out=str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        run(job, "", [Interrupt(3)])
    (tmp_path / "last.safetensors").write_bytes(b"damage")
    with pytest.raises(CheckpointError, match="last.safetensors"):
        run(replace(job, resume=True), "")
    assert "last.safetensors" in json.loads((tmp_path / "run.json").read_text())["reason"]


# --- settings -----------------------------------------------------------------------------------------------------

def test_an_optimizer_brings_its_own_usual_rate():
    usual = settings_for("lenet5", "digits")
    assert settings_for("lenet5", "digits", optimizer="adam") == replace(
        usual, optimizer="adam", learning_rate=1e-3, weight_decay=0.0)
    assert settings_for("lenet5", "digits", optimizer="adamw", learning_rate=0.1).weight_decay == 1e-2
    assert settings_for("lenet5", "digits", optimizer="sgd", patience=3) == replace(usual, patience=3)
    for name in OPTIMIZERS:
        made = settings_for("lenet5", "digits", optimizer=name).make_optimizer([nn.Parameter([1.0])])
        assert type(made).__name__.lower() == name and made.param_groups[0]["lr"] > 0


def test_a_familys_own_settings():
    """Rate and decay are the paper's, the rate for the batch that is taken; the rest is the data's."""
    assert settings_for("resnet20_cifar", "cifar10") == recipes.RECIPES["cifar10"].settings
    assert settings_for("wrn_16_8", "cifar10").weight_decay == 5e-4
    usual = settings_for("lenet5", "mnist")
    assert settings_for("resnet18", "mnist") == replace(usual, learning_rate=0.1 * 32 / 128, weight_decay=1e-4)
    assert settings_for("googlenet", "cifar10").learning_rate == 0.01
    assert settings_for("vgg11", "digits", learning_rate=0.3).learning_rate == 0.3


def test_every_classifier_but_lenet5_has_a_familys_recipe():
    for name, card in models.CARDS.items():
        assert (recipes.family_of(name) is None) == (name.startswith("lenet5") or card.masks)


def test_patience_and_augment_and_validation(tmp_path, bare):
    result = run(Job("small", make_small, out=str(tmp_path), epochs=50, patience=2, augment="none", validation=0.4,
                     optimizer="adam", learning_rate=1e-30), "")
    written = json.loads((tmp_path / "run.json").read_text())
    assert written["data"]["validation_images"] == 36 and written["settings"]["augment"] == "none"
    assert written["settings"]["optimizer"] == "adam" and written["settings"]["validation"] == 0.4
    epochs = len(read_history(tmp_path / "history.csv")["epoch"])
    assert result["chosen_epoch"] == 1 and epochs == 3


# --- images of another size ---------------------------------------------------------------------------------------

def test_images_are_resized_and_grey_becomes_three_channels(tmp_path, bare):
    def make(classes, channels):
        x = Input((3, 11, 9), name="image")
        return Graph(x, nn.Linear(297, classes)(nn.Flatten()(x), name="fc"))

    result = run(Job("large", make, out=str(tmp_path), epochs=8), "")
    assert result["test_accuracy"] > 0.9
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "finished"
