"""The training loop and a whole run: what is learned, chosen, written, and said when it goes wrong."""

from __future__ import annotations

import io
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strict_cupy import installed, syncs

import minigrad as mg
from minigrad import debug, models, nn, ops
from minigrad.data import DataError, Dataset, TrainTest, random_shift, stratified_split, write_idx
from minigrad.graph import Graph, Input, load
from minigrad.nn.module import Module
from minigrad.train import job as jobs
from minigrad.train import progress
from minigrad.train.job import Job, run
from minigrad.train.loop import READ_EVERY, Epoch, Settings, Step, Totals, Trainer, cosine, evaluate
from minigrad.train.nonfinite import NonFiniteLoss, first_nonfinite_gradient
from minigrad.train.run_folder import read_history

CLASSES = ("0", "1", "2")


def bars(n: int, seed: int = 0, classes: tuple[str, ...] = CLASSES) -> Dataset:
    """Images (n, 1, 8, 8) of noise with a bright row: the class is where."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % len(classes)
    images = generator.normal(0, 0.3, (n, 1, 8, 8)).astype(np.float32)
    images[np.arange(n), 0, 2 * labels] += 1.5
    return Dataset("bars", images, labels, classes)


def small_model() -> Graph:
    x = Input((1, 8, 8), name="image")
    h = ops.tanh(nn.Conv2d(1, 4, 3)(x, name="c1"))
    return Graph(x, nn.Linear(4 * 36, 3)(ops.flatten(h, 1), name="fc"))


def trainer(settings: Settings | None = None, model: Module | None = None, train: Dataset | None = None,
            **options) -> Trainer:
    mg.manual_seed(0)
    return Trainer(model or small_model(), train or bars(90), bars(30, 1),
                   settings or Settings(epochs=3, batch_size=16, learning_rate=0.05), seed=0, **options)


# --- the loop ---------------------------------------------------------------------------------------------------

def test_it_learns():
    t = trainer()
    epochs = list(t)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert epochs[0].train_loss > epochs[-1].train_loss and epochs[-1].validation_accuracy == 1


def test_one_seed_gives_the_same_bits_and_another_does_not():
    def weights(seed):
        t = Trainer(small_model(), bars(90), bars(30, 1), Settings(2, 16, 0.05), seed,
                    augment=lambda x, g: random_shift(x, g, 1))
        list(t)
        return t.model.state_dict()

    results = []
    for seed in (3, 3, 4):
        mg.manual_seed(0)
        results.append(weights(seed))
    for name, array in results[0].items():
        np.testing.assert_array_equal(array, results[1][name])
    assert (results[0]["c1.weight"] != results[2]["c1.weight"]).any()


def test_an_epoch_is_plain_gradient_descent():
    """One epoch against the update written out: no momentum, decay of the weights, the rate along the cosine."""
    t = trainer(Settings(epochs=1, batch_size=45, learning_rate=0.1, momentum=0.0, weight_decay=0.01))
    mg.manual_seed(0)
    model, order = small_model(), np.random.default_rng(0).permutation(90)
    list(t)
    for i, rate in enumerate((0.1, 0.05)):
        images, labels = t.train[order[45 * i:45 * (i + 1)]]
        parameters = list(model.parameters())
        gradients = mg.grad(ops.cross_entropy(model(mg.tensor(images)), mg.tensor(labels)), parameters)
        for p, g in zip(parameters, gradients, strict=True):
            p.data[...] -= rate * (g.data + 0.01 * p.data)
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(t.model.state_dict()[name], array, rtol=1e-4, atol=1e-6)


def test_the_rate_falls_along_half_a_cosine():
    assert cosine(0, 0.4) == 0.4 and cosine(0.5, 0.4) == pytest.approx(0.2) and cosine(1, 0.4) == pytest.approx(0)
    assert cosine(1 / 3, 1.0) == pytest.approx(0.75)
    epochs = list(trainer())
    assert epochs[0].learning_rate > epochs[1].learning_rate > epochs[2].learning_rate > 0


def test_validation_chooses_the_epoch():
    def epoch(number, accuracy, loss):
        return Epoch(number, 0.0, 0.0, loss, accuracy, 0.0, 0.0, 0.0)

    planned = [epoch(1, 0.5, 0.3), epoch(2, 0.9, 0.4), epoch(3, 0.9, 0.2), epoch(4, 0.8, 0.1), epoch(5, 0.9, 0.2)]
    t = trainer(Settings(epochs=5, batch_size=16, learning_rate=0.05))

    def run_epoch(number):
        nn.init.constant_(t.model.node("fc").what.bias, number)
        return planned[number - 1]

    t.run_epoch = run_epoch
    list(t)
    assert t.best is planned[2]
    assert (t.best_state["fc.bias"] == 3).all() and (t.model.state_dict()["fc.bias"] == 5).all()


def test_evaluation_is_over_all_images_and_leaves_the_model_alone(monkeypatch):
    monkeypatch.setattr("minigrad.train.loop.EVALUATE_BATCH", 7)
    model, data = small_model(), bars(30)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    seen = evaluate(model, data)
    with mg.no_grad():
        scores = model(mg.tensor(data.images))
    assert seen.loss == pytest.approx(float(ops.cross_entropy(scores, mg.tensor(data.labels))), rel=1e-5)
    assert seen.accuracy == (scores.numpy().argmax(1) == data.labels).mean()
    np.testing.assert_allclose(seen.probabilities, ops.softmax(scores, 1).numpy(), rtol=1e-5)
    assert not model.training
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_the_loss_is_read_every_so_many_steps(monkeypatch):
    reads = []
    means = Totals.means
    monkeypatch.setattr(Totals, "means", lambda self: reads.append(self.steps) or means(self))
    t = trainer(Settings(epochs=1, batch_size=2, learning_rate=0.01), report=lambda step: steps.append(step))
    steps: list[Step] = []
    t.run_epoch(1)
    assert [step.images for step in steps] == [20, 40, 60, 80, 90] and READ_EVERY == 10
    assert reads[:5] == [10, 20, 30, 40, 45]        # then the epoch's own means, and those of the validation part


def test_training_runs_without_augmentation_and_with_it():
    seen = []

    def augment(images, generator):
        seen.append(images.shape)
        assert isinstance(generator, np.random.Generator)
        return images

    trainer(Settings(1, 40, 0.01), augment=augment).run_epoch(1)
    assert seen == [(40, 1, 8, 8), (40, 1, 8, 8), (10, 1, 8, 8)]


# --- a loss that is not finite ------------------------------------------------------------------------------

def test_a_nan_in_the_images_is_named():
    data = bars(90)
    data.images[40, 0, 3, 3] = np.nan
    with pytest.raises(NonFiniteLoss, match=r"epoch 1, step \d+ .*: the loss is nan; .* already has \d+ nan "
                                            r"when it reaches .*conv2d \(layer c1\)"):
        list(trainer(train=data))


def test_the_op_that_made_a_nan_is_named_even_if_the_weights_are_long_lost():
    x = Input((1, 8, 8), name="image")
    h = ops.log(nn.Linear(64, 5)(ops.flatten(x, 1), name="fc") + 4.0)
    model = Graph(x, nn.Linear(5, 3)(h, name="out"))
    with pytest.raises(NonFiniteLoss, match=r"step \d+ .*log \(layer log_1\) made nan: x \(16, 5\) has \d+ "):
        list(trainer(Settings(40, 16, 1.0, momentum=0.0), model))


@pytest.mark.filterwarnings("error")
def test_a_learning_rate_that_is_far_too_large_is_named():
    with pytest.raises(NonFiniteLoss, match=r"step 2 \(learning rate 9.91e\+37\): .*linear \(layer fc\) made inf"):
        list(trainer(Settings(3, 16, 1e38)))


def test_an_update_that_overflows_is_named():
    steep = nn.Linear(64, 3)
    x = Input((1, 8, 8), name="image")
    model = Graph(x, steep(ops.flatten(x, 1), name="fc") * 1e4)
    with pytest.raises(NonFiniteLoss, match=r"step 1 .*loss and gradients are still finite, but SGD's step made "
                                            r"\d+ inf of fc.weight \(3, 64\): try a smaller"):
        list(trainer(Settings(3, 16, 3e38), model))


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
        list(trainer(Settings(3, 16, 0.1), nn.Sequential(nn.Flatten(), steep, Root())))


def test_a_sum_of_gradients_that_overflows_is_named():
    x = mg.tensor([1.0, 1.0], requires_grad=True)
    with np.errstate(over="ignore"):
        found = first_nonfinite_gradient(debug.walk((x * 3e38 + x * 2e38)[0]))
    assert found.startswith("the sum of the gradients that meet at ") and found.endswith(" made 1 inf")
    assert np.isinf(x.grad.numpy()[0])                              # it went to the end
    assert first_nonfinite_gradient(debug.walk((x * x).sum())) == ""


def test_the_replay_begins_from_the_same_random_numbers():
    t = trainer()
    t.replay.forget()
    drawn = mg.rand((4,)).numpy()
    images, labels = t.batch(np.arange(16))
    seen = []

    def loss_of(model, images, labels):
        seen.append(mg.rand((4,)).numpy())
        scores = model(images)
        return ops.cross_entropy(scores * math.nan, labels), scores

    t.replay.loss_of = loss_of
    t.replay.keep(images, labels, 0.1)
    assert "multiply" in str(t.replay.explain(1, 1))
    np.testing.assert_array_equal(seen[0], drawn)


@pytest.mark.parametrize("given", [1e308, 5e-324])
def test_no_rate_overflows(given):
    assert cosine(0, given) == given and cosine(0.5, given) <= given

def test_losses_whose_sum_overflows():
    with pytest.raises(NonFiniteLoss, match="every loss is finite: their sum overflowed, .*: try a smaller"):
        list(trainer(Settings(3, 16, 1e36)))


# --- a whole run ------------------------------------------------------------------------------------------------

@pytest.fixture
def tiny(monkeypatch):
    """`run` on a few bars instead of the digits."""
    data = TrainTest(bars(90), bars(40, 2))
    monkeypatch.setattr(jobs, "digits", lambda: data)
    recipe = jobs.Recipe("bars", Settings(3, 16, 0.05), 0.2, lambda x, g: random_shift(x, g, 1))
    monkeypatch.setitem(jobs.RECIPES, "digits", recipe)
    return data


def make_small(classes: int) -> Graph:
    assert classes == 3
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
    model = small_model()
    model.load_state_dict(load(out / "weights.safetensors"))
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
    monkeypatch.setitem(jobs.RECIPES, "digits", replace(jobs.RECIPES["digits"], title="the UCI digits"))
    run(Job("lenet5", make_small, seed=12, out=str(tmp_path)), "")
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

    class Show(progress.Progress):
        def epoch(self, epoch):
            (tmp_path / "history.csv").write_text("another's\n")

    run(Job("small", make_small, out=str(tmp_path)), "", lambda epochs, images: Show())
    assert drawn[0]["epoch"] == [1, 2, 3] and len(drawn[0]["train_loss"]) == 3


def test_the_test_part_is_read_once_and_at_the_end(tmp_path, tiny, monkeypatch):
    order = []

    class Watched(Dataset):
        def __getitem__(self, index):
            order.append("test")
            return super().__getitem__(index)

    test = Watched(tiny.test.name, tiny.test.images, tiny.test.labels, tiny.test.classes)
    monkeypatch.setattr(jobs, "digits", lambda: TrainTest(tiny.train, test))
    monkeypatch.setattr(jobs, "draw", lambda *args: None)

    class Show(progress.Progress):
        def epoch(self, epoch):
            order.append(epoch.epoch)

    run(Job("small", make_small, out=str(tmp_path / "run")), "", lambda epochs, images: Show())
    assert order == [1, 2, 3, "test"]


def test_one_seed_gives_the_same_file_and_splits_are_the_seeds(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(jobs, "draw", lambda *args: None)
    files = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        run(Job("small", make_small, seed=seed, out=str(tmp_path / name), epochs=1), "")
        files.append((tmp_path / name / "weights.safetensors").read_bytes())
    assert files[0] == files[1] != files[2]
    splits = [jobs.split(tiny.train, 0.2, seed)[1].images for seed in (5, 5, 6)]
    np.testing.assert_array_equal(splits[0], splits[1])
    assert (splits[0] != splits[2]).any()


def test_settings_given_take_the_recipes_place():
    job = Job("m", make_small, epochs=7, learning_rate=0.3)
    usual = jobs.RECIPES["digits"].settings
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
    class Show(progress.Progress):
        def epoch(self, epoch):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Job("small", make_small, out=str(tmp_path / "run")), "", lambda epochs, images: Show())
    assert json.loads((tmp_path / "run" / "run.json").read_text())["reason"] == "interrupted"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["history.csv", "run.json"]


def test_what_is_missing_is_said_before_anything_is_written(tmp_path, tiny, monkeypatch):
    out = tmp_path / "run"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'matplotlib, which is not installed: pip install "minigrad\[demo\]"'):
        run(Job("small", make_small, out=str(out)), "")
    monkeypatch.undo()
    with pytest.raises(DataError, match="name the folder of its four files with --root"):
        run(Job("small", make_small, data="mnist", out=str(out)), "")
    with pytest.raises(DataError, match="--root belongs to --data mnist"):
        run(Job("small", make_small, root="somewhere", out=str(out)), "")
    assert not out.exists()


def test_too_few_images(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(jobs, "digits", lambda: TrainTest(bars(1), bars(4)))
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

def test_a_step_does_not_wait_for_the_device():
    with installed():
        t = trainer(device="cuda")
        total = Totals()
        for i in range(3):
            images, labels = t.batch(np.arange(i, i + 16))
            syncs.clear()
            total.add(*t.step(images, labels, 0.05), labels)
            assert syncs == []
        total.means()
        assert len(syncs) == 2          # the loss and the hits, when somebody reads them


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


# --- progress -----------------------------------------------------------------------------------------------------

EPOCH = Epoch(2, 0.25, 0.875, 0.3, 0.75, 1234.0, 1.5, 0.01)


def test_lines():
    out = io.StringIO()
    with progress.Lines(4, out) as lines:
        lines.step(Step(2, 10, 0.3, 0.8, 1000.0))
        lines.epoch(EPOCH)
    assert out.getvalue() == ("epoch 2/4  loss 0.2500  accuracy  87.50 %  validation  75.00 %  1,234 images/s  "
                              "0:00 left\n")


def test_lines_that_nobody_reads_stop_and_the_run_does_not():
    class Gone(io.StringIO):
        def write(self, text):
            asked.append(text)
            raise BrokenPipeError(32, "Broken pipe")

    asked: list[str] = []
    lines = progress.Lines(4, Gone())
    lines.epoch(EPOCH)
    lines.epoch(EPOCH)
    assert len(asked) == 1


def test_a_bar_shows_loss_accuracy_rate_and_time_left():
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), force_terminal=True, width=80)
    with progress.Bar(400, 100, console) as bar:
        bar.step(Step(1, 50, 0.5, 0.6, 1000.0))
        bar.epoch(EPOCH)
        bar.step(Step(300, 50, 0.25, 0.875, 12345.0))
        bar.bar.refresh()
        text = console.file.getvalue()
    for part in ("epoch 300/400", "loss 0.250", "acc  87.5 %", "val  75.0 %", "12,345 img/s", "left"):
        assert part in text
    assert bar.bar.tasks[0].completed == 29_950 and bar.bar.tasks[0].total == 40_000


def test_which_progress_is_shown(monkeypatch):
    assert type(progress.choose(3, 10, quiet=True)) is progress.Progress
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert type(progress.choose(3, 10, quiet=False)) is progress.Lines
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    assert type(progress.choose(3, 10, quiet=False)) is progress.Lines
    monkeypatch.setattr("sys.stderr", None)
    assert type(progress.choose(3, 10, quiet=False)) is progress.Progress


def test_clock():
    assert [progress.clock(s) for s in (0, 59.6, 83, 3600)] == ["0:00", "1:00", "1:23", "60:00"]
    assert math.isclose(EPOCH.rank[0], 0.75)
