"""The pictures of a run: they open as PNG, have the size they should, show something, and cut nothing off."""

import sys

import numpy as np
import pytest

from minigrad.train import pictures

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")


def rng(seed=0):
    return np.random.default_rng(seed)


def pixels(path):
    """(h, w, 3) of a PNG with nothing left beside it."""
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    with Image.open(path) as image:
        assert image.format == "PNG"
        image.load()
        return np.asarray(image.convert("RGB"))


def check_drawn(image, width=None, height=None):
    """Not blank, of the size in inches, and the outermost pixels are paper: no text runs over the edge."""
    inches = image.shape[1] / pictures.DPI, image.shape[0] / pictures.DPI
    assert width is None or inches == pytest.approx((width, height), abs=0.01)
    assert (image != 255).any(2).mean() > 0.01
    assert all((edge == 255).all() for edge in (image[0], image[-1], image[:, 0], image[:, -1]))


def coloured(image, colour):
    """How many pixels have just this colour."""
    value = tuple(int(colour[i:i + 2], 16) for i in (1, 3, 5))
    return int((image == value).all(2).sum())


def history(epochs):
    epoch = np.arange(1, epochs + 1)
    loss = 2 * np.exp(-epoch / 4) + 0.02
    return {"epoch": epoch.tolist(), "train_loss": loss, "validation_loss": 1.2 * loss, "train_accuracy": 1 - loss / 3,
            "validation_accuracy": 1 - loss / 2.5}


# --- curves ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("epochs", [1, 2, 20, 300])
def test_training_curves(tmp_path, epochs):
    pictures.training_curves(history(epochs), tmp_path / "curves.png", chosen=epochs, title="LeNet-5, seed 0")
    image = pixels(tmp_path / "curves.png")
    check_drawn(image, 10, 4.2)
    assert coloured(image, pictures.TRAIN) > 20 and coloured(image, pictures.VALIDATION) > 20


def test_the_chosen_epoch_is_marked(tmp_path):
    seen = []
    for chosen in (None, 3, 15):
        pictures.training_curves(history(20), tmp_path / "curves.png", chosen)
        seen.append(pixels(tmp_path / "curves.png"))
    dark = [(image.max(2) < 60).sum() for image in seen]
    assert dark[1] > dark[0] and dark[2] > dark[0]
    assert (seen[1] != seen[2]).any()


def test_training_curves_with_gaps(tmp_path):
    columns = history(5)
    columns["validation_loss"][2] = np.nan
    columns["train_loss"][:] = np.inf
    pictures.training_curves(columns, tmp_path / "curves.png", chosen=5)
    check_drawn(pixels(tmp_path / "curves.png"))


def test_training_curves_refuse_what_they_cannot_draw(tmp_path):
    columns = history(3)
    for wrong in ({}, {"epoch": [1]}, {"epoch": [], "train_loss": []}, {"train_loss": [1.0]}):
        with pytest.raises(ValueError, match="expected columns epoch and train_loss, .* came"):
            pictures.training_curves(wrong, tmp_path / "curves.png")
    with pytest.raises(ValueError, match="chosen epoch among 1 to 3, 4 came"):
        pictures.training_curves(columns, tmp_path / "curves.png", chosen=4)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("names", "panels", "width", "height"), [
    (["train_loss"], ["loss"], 6, 4.2),
    (["train_accuracy", "train_loss", "learning_rate"], ["loss", "accuracy"], 10, 4.2),
    (["train_loss", "train_main_loss", "validation_main_loss", "validation_top5"],
     ["loss", "main_loss", "top5"], 10, 8.4)])
def test_every_loss_and_metric_has_a_panel(tmp_path, names, panels, width, height):
    columns = {"epoch": [1, 2, 3], **dict.fromkeys(names, [-0.5, 0.25, 0.5])}
    assert pictures._panels(columns) == panels
    pictures.training_curves(columns, tmp_path / "curves.png", chosen=2)
    check_drawn(pixels(tmp_path / "curves.png"), width, height)


@pytest.mark.parametrize(("first", "last", "expected"), [
    (1, 1, [1]), (1, 3, [1, 2, 3]), (1, 11, list(range(1, 12))), (1, 12, [2, 4, 6, 8, 10, 12]),
    (1, 20, list(range(2, 21, 2))), (0, 50, list(range(0, 51, 5))), (1, 200, list(range(20, 201, 20))),
    (7, 9, [7, 8, 9])])
def test_epochs_are_named_by_whole_numbers(first, last, expected):
    assert pictures._whole_ticks(first, last) == expected


# --- confusion matrix -----------------------------------------------------------------------------------------------

def test_count_confusions():
    counts = pictures.count_confusions(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 0, 2]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]


@pytest.mark.parametrize("classes", [("0",), ("cat", "dog"), tuple("0123456789"),
                                     ("airplane", "automobile", "bird", "a rather long name of a class")])
@pytest.mark.parametrize("scale", [1, 12345])
def test_confusion_matrix(tmp_path, classes, scale):
    k = len(classes)
    counts = scale * (20 * np.eye(k, dtype=int) + rng().integers(0, 2, (k, k)))
    pictures.confusion_matrix(counts, classes, tmp_path / "confusion_matrix.png")
    side = max(4.6, 0.5 * k + 1.6)
    check_drawn(pixels(tmp_path / "confusion_matrix.png"), side, side)


def test_confusion_matrix_colours_hits_and_errors_apart(tmp_path):
    def blue_and_red(counts):
        pictures.confusion_matrix(np.array(counts), ("a", "b"), tmp_path / "confusion_matrix.png")
        image = pixels(tmp_path / "confusion_matrix.png").astype(int)
        return (image[:, :, 2] > image[:, :, 0] + 60).mean(), (image[:, :, 0] > image[:, :, 2] + 60).mean()

    blue, red = blue_and_red([[5, 0], [0, 5]])
    assert blue > 0.2 and red < 0.01
    blue, red = blue_and_red([[0, 5], [5, 0]])
    assert blue < 0.01 and red > 0.2
    assert blue_and_red([[0, 0], [0, 0]]) == (0, 0)
    white = (pixels(tmp_path / "confusion_matrix.png") == 255).all(2).mean()
    assert white > 0.9                              # what never happened has no colour


def test_confusion_matrix_refuses_another_shape(tmp_path):
    with pytest.raises(ValueError, match=r"expected counts \(3, 3\) for 3 classes, \(2, 3\) came"):
        pictures.confusion_matrix(np.zeros((2, 3), int), "abc", tmp_path / "a.png")


# --- filters --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [(1, 1, 5, 5), (6, 1, 5, 5), (7, 3, 3, 3), (64, 3, 7, 7)])
def test_first_layer_filters(tmp_path, shape):
    pictures.first_layer_filters(rng().standard_normal(shape), tmp_path / "filters.png")
    check_drawn(pixels(tmp_path / "filters.png"))


def test_filters_share_one_scale_around_zero(tmp_path):
    """Zero is white, the largest is dark red, its negative is dark blue; an all-zero layer is drawn too."""
    weight = np.zeros((3, 1, 2, 2))
    weight[1], weight[2] = 0.3, -0.3
    pictures.first_layer_filters(weight, tmp_path / "filters.png")
    image = pixels(tmp_path / "filters.png").astype(int)
    red, blue = (image[:, :, 0] > image[:, :, 2] + 60).mean(), (image[:, :, 2] > image[:, :, 0] + 60).mean()
    assert red > 0.1 and red == pytest.approx(blue, rel=0.05)
    pictures.first_layer_filters(np.zeros((3, 1, 2, 2)), tmp_path / "filters.png")
    pictures.first_layer_filters(np.zeros((3, 3, 2, 2)), tmp_path / "filters.png")
    assert coloured(pixels(tmp_path / "filters.png"), "#7f7f7f") > 10000


@pytest.mark.parametrize("shape", [(6, 2, 5, 5), (6, 25)])
def test_filters_refuse_other_channels(tmp_path, shape):
    with pytest.raises(ValueError, match="first_layer_filters: expected weight"):
        pictures.first_layer_filters(np.zeros(shape), tmp_path / "filters.png")


# --- most wrong -----------------------------------------------------------------------------------------------------

def answers(labels, errors, k=10):
    """Probabilities (n, k) with the first `errors` wrong, the surest of them last."""
    probabilities = np.full((len(labels), k), 0.01)
    answer = np.where(np.arange(len(labels)) < errors, (labels + 1) % k, labels)
    probabilities[np.arange(len(labels)), answer] = np.linspace(0.4, 0.9, len(labels))
    return probabilities


def test_surest_errors_come_first():
    labels = rng().integers(0, 10, 30)
    assert pictures._surest_errors(labels, answers(labels, 4)).tolist() == [3, 2, 1, 0]
    assert pictures._surest_errors(labels, answers(labels, 0)).tolist() == []


@pytest.mark.parametrize("errors", [0, 1, 6, 30])
@pytest.mark.parametrize("channels", [1, 3])
def test_most_wrong(tmp_path, errors, channels):
    images, labels = rng().standard_normal((40, channels, 32, 32)), rng().integers(0, 10, 40)
    names = tuple("0123456789") if channels == 1 else tuple(f"a class named {i}" for i in range(10))
    pictures.most_wrong(images, labels, answers(labels, errors), names, tmp_path / "most_wrong.png")
    image = pixels(tmp_path / "most_wrong.png")
    check_drawn(image)
    assert (coloured(image, pictures.WRONG) > 0) == (errors > 0)        # red words where it was wrong


def test_most_wrong_draws_no_more_than_asked(tmp_path):
    images, labels = rng().standard_normal((40, 1, 8, 8)), rng().integers(0, 10, 40)
    heights = []
    for count in (4, 20):
        pictures.most_wrong(images, labels, answers(labels, 30), "0123456789", tmp_path / "most_wrong.png", count=count)
        heights.append(pixels(tmp_path / "most_wrong.png").shape[0])
    assert heights[0] < heights[1]


# --- all ------------------------------------------------------------------------------------------------------------

def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "minigrad\[demo\]"'):
        pictures.training_curves(history(3), tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())


def test_pictures_do_not_depend_on_the_users_settings(tmp_path):
    import matplotlib

    def drawn():
        pictures.training_curves(history(3), tmp_path / "curves.png", chosen=2)
        return pixels(tmp_path / "curves.png")

    plain = drawn()
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30, "savefig.bbox": "tight"}):
        assert (drawn() == plain).all()
