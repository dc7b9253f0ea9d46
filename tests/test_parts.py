"""The parts of a data set, and what images become before a model reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trainings import bars, small_model

import minigrad as mg
from minigrad import nn
from minigrad.data import DataError, Dataset, ImageFolder, TrainTest, digits
from minigrad.graph import Graph, Input
from minigrad.train.parts import (
    Pictures,
    Prepare,
    at_once,
    image_shape,
    load_data,
    load_parts,
    parts_of,
    shape_for,
    shape_of,
)


def photos(n: int = 12, side: int = 8) -> Dataset:
    """Random bytes of three channels, in three classes."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (n, 3, side, side)).astype(np.uint8)
    images[:, 1] //= 2
    return Dataset("photos", images, np.arange(n) % 3, ("a", "b", "c"))


def reading(*shape) -> Graph:
    x = Input(shape, name="image")
    return Graph(x, nn.Linear(1, 3)(mg.mean(x, axis=(1, 2, 3), keepdims=True).reshape(-1, 1)))


# --- what images become ---------------------------------------------------------------------------------------------

def test_floats_are_normalised_already():
    images = bars(4).images
    out, labels = Prepare(0.5, 0.1, (1, *images.shape[2:]))(images, "labels")
    assert out is images and labels == "labels"


def test_bytes_are_normalised_in_every_channel():
    images = photos().images
    out, _ = Prepare([0.5, 0.25, 0.5], [0.25, 0.5, 1.0], None)(images)
    expected = (images / 255 - np.reshape([0.5, 0.25, 0.5], (3, 1, 1))) / np.reshape([0.25, 0.5, 1.0], (3, 1, 1))
    assert out.dtype == np.float32 and images.dtype == np.uint8
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_size_and_channels_are_the_models():
    images = bars(4).images                                 # (4, 1, 8, 8)
    out, _ = Prepare(0.0, 1.0, (3, 16, 5))(images)
    assert out.shape == (4, 3, 16, 5) and (out[:, 0] == out[:, 2]).all()
    assert Prepare(0.0, 1.0, (None, None, 4))(images)[0].shape == (4, 1, images.shape[2], 4)
    even = np.full((1, 1, 3, 3), 2.0, np.float32)
    assert (Prepare(0.0, 1.0, (1, 7, 2))(even)[0] == 2).all()


def test_image_shape():
    assert image_shape(reading(3, None, 7)) == (3, None, 7)
    assert image_shape(nn.Linear(2, 2)) is None


# --- parts --------------------------------------------------------------------------------------------------------

def test_statistics_are_those_of_the_training_part():
    data = photos(30)
    parts = parts_of(TrainTest(data, photos(6)), "photos", (3, 8, 8), 0, 0.2)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (24, 6, 6)
    pixels = parts.train.images / 255
    np.testing.assert_allclose(parts.mean, pixels.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(parts.std, pixels.std((0, 2, 3)), rtol=1e-5)
    (batch, _), = parts.batches(parts.train, 24)
    np.testing.assert_allclose(batch.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(batch.std((0, 2, 3)), 1, atol=1e-5)


def test_the_statistics_of_an_earlier_run_hold():
    parts = parts_of(TrainTest(photos(30), photos(6)), "photos", None, 0, 0.2, ([0.1] * 3, [2.0] * 3))
    assert (parts.mean, parts.std) == ([0.1] * 3, [2.0] * 3)


def test_a_validation_part_of_their_own_is_used():
    own = photos(9)
    parts = parts_of(TrainTest(photos(30), photos(6), own), "photos", None, 0, 0.2)
    assert parts.validation is own and len(parts.train) == 30


def test_the_seed_chooses_the_validation_part():
    found = [parts_of(TrainTest(bars(90), bars(9)), "bars", None, seed, 0.2).validation.images for seed in (1, 1, 2)]
    assert (found[0] == found[1]).all() and (found[0] != found[2]).any()


def test_pictures_are_what_they_were_before():
    data = photos()
    parts = parts_of(TrainTest(data, data), "photos", None, 0, 0.25)
    np.testing.assert_allclose(Pictures(parts, data)[np.int64(3)], data.images[3] / 255, rtol=1e-6)
    pytest.importorskip("sklearn")
    part = load_parts("digits", None, False, (1, 32, 32), 0, 0.2)
    picture = Pictures(part, part.test)[0]
    assert picture.min() == 0 and picture.max() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose((picture - part.mean) / part.std, digits().test.images[0], atol=1e-5)


def test_folders_are_read_in_the_size_that_the_model_reads(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, value in (("dark", 20), ("bright", 230)):
        (tmp_path / name).mkdir()
        for i in range(10):
            image.new("RGB", (20 + i, 10), (value, value, i)).save(tmp_path / name / f"{i}.png")
    for reads, expected in (((3, 6, 4), (3, 6, 4)), ((1, 6, 6), (1, 6, 6)), ((3, None, None), (3, 64, 64))):
        parts = load_parts("folder", str(tmp_path), False, reads, 0, 0.2)
        assert parts.image == expected and parts.classes == ("bright", "dark")
        images, labels = next(iter(parts.batches(parts.test, 4, workers=2)))
        assert images.shape == (4, *expected) and images.dtype == np.float32 and len(labels) == 4


def test_what_images_a_folder_has(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(3):
            image.new("L", (20, 10), 40 * i).save(tmp_path / name / f"{i}.png")
    found = load_data("folder", str(tmp_path), False, None).train
    assert shape_of(found) == (1, 10, 20)                       # grey, as files and as what is read
    image.new("RGB", (20, 10), (9, 8, 7)).save(tmp_path / "a" / "0.png")
    assert shape_of(ImageFolder(tmp_path)) == (3, 10, 20)
    image.new("RGB", (21, 10), (9, 8, 7)).save(tmp_path / "a" / "0.png")
    assert shape_of(ImageFolder(tmp_path)) == (3, None, None)
    assert shape_of(bars(4)) == np.shape(bars(4).images[0])


@pytest.mark.parametrize(("takes", "image", "sides", "expected"), [
    ((3, None, None), (3, 32, 32), (29, 224), (3, 32, 32)),             # as they are
    ((3, None, None), (3, 10, 20), (32, 224), (3, 32, 64)),             # too small
    ((3, None, None), (3, 300, 400), (1, 224), (3, 224, 299)),          # larger than the paper's
    ((3, None, None), (3, None, None), (1, 224), (3, 64, 64)),          # several sizes
    ((3, None, None), (3, None, None), (1, 32), (3, 32, 32)),
    ((3, None, None), (3, None, None), (299, 299), (3, 299, 299)),
    ((1, 32, 32), (1, 28, 28), (32, 32), (1, 32, 32)),                  # one size alone
    ((3, 8, None), (3, 10, 20), (1, 224), (3, 8, 20)),
    ((7,), (3, 10, 20), (1, 224), (7,)),                                # check_fit says what is wrong
    (None, (3, 10, 20), (1, 224), None),
])
def test_the_size_that_images_are_read_in(takes, image, sides, expected):
    assert shape_for(takes, image, sides) == expected


def test_large_images_go_through_in_small_batches():
    assert [at_once(reads, 500) for reads in (None, (7,), (1, 32, 32), (3, 64, 64), (3, 299, 299), (3, 9999, 9999))] \
        == [500, 500, 500, 125, 5, 1]


# --- what does not fit --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("reads", "message"), [
    ((1, 8, 8), "the model reads 1 channel, the images of photos have 3: grey images alone can be given more"),
    ((4, 8, 8), "the model reads 4 channels, the images of photos have 3"),
    ((7,), "the model reads 7, the images of photos are 3 x 8 x 8: a model for images is needed"),
])
def test_images_that_a_model_cannot_read(reads, message):
    with pytest.raises(DataError, match=message):
        parts_of(TrainTest(photos(), photos()), "photos", reads, 0, 0.25)


def test_too_few_images():
    with pytest.raises(DataError, match="photos: 2 images are too few to split off a validation part of 0.2"):
        parts_of(TrainTest(photos(2), photos(2)), "photos", None, 0, 0.2)


def test_modules_take_what_comes():
    for model in (nn.Linear(2, 2), small_model()):
        parts_of(TrainTest(bars(30), bars(9)), "bars", image_shape(model), 0, 0.2)


def test_no_such_folder():
    with pytest.raises(DataError, match="nowhere"):
        load_parts("folder", str(Path("nowhere")), False, None, 0, 0.2)
