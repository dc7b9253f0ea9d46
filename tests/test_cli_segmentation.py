"""The command on images with masks: U-Net is trained, measured and asked; what does not fit ends in one line."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runs import contents, narrow, refused, run_json, said
from trainings import Interrupt

from minigrad import cli, data, models
from minigrad.data import registry
from minigrad.data.cells import draw_cells
from minigrad.train import Interrupted
from minigrad.train.job import Job
from minigrad.train.job import run as run_job

SMALL = ("--width", "0.06", "--epochs", "1")


def save(path: Path, pixels: np.ndarray) -> None:
    image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.fromarray(pixels).save(path)


def write_masks(folder: Path, count: int = 8, h: int = 40, w: int = 56) -> Path:
    """Grey images of drawn cells, and their masks, black and white."""
    for i in range(count):
        image, mask = draw_cells(w, np.random.default_rng(i))
        save(folder / "image" / f"{i}.png", image[0, :h])
        save(folder / "label" / f"{i}.png", (255 * mask[:h]).astype(np.uint8))
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, and few, small cells."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    few = replace(registry.SOURCES["cells"], read=lambda: data.cells(n=8, size=32))
    monkeypatch.setitem(registry.SOURCES, "cells", few)
    return tmp_path / "here"


@pytest.fixture
def bare(here, monkeypatch):
    """The same, and runs draw no pictures."""
    monkeypatch.setattr("minigrad.train.job.draw", lambda *args: None)
    monkeypatch.setattr("minigrad.train.pictures.rehearse", lambda: None)
    return here


# --- what a run does ------------------------------------------------------------------------------------------

def test_train_evaluate_predict(here, capsys):
    root = write_masks(here / "membrane")
    assert cli.main(["train", "unet", "--data", "masks", "--root", str(root), "--tile", "32", "--out", "run",
                     *SMALL]) == 0
    out, err = capsys.readouterr()
    assert narrow(out + err)
    out = " ".join(out.split())
    assert "% of 4,480 pixels in 2 images, IoU of 1 " in out and "(always answering 1: " in out
    assert "best validation IoU" in out and "epoch 1/1  loss " in err and "  val " in err
    record = run_json()
    assert record["data"]["classes"] == ["0", "1"] and record["data"]["reads"] == [1, 32, 32]
    assert (record["settings"]["tile"], record["settings"]["augment"]) == (32, "auto")
    assert sorted(path.name for path in Path("run").iterdir()) == [
        "curves.png", "history.csv", "overlays.png", "run.json", "weights.safetensors"]
    row, = csv.DictReader(Path("run/history.csv").read_text().splitlines())
    assert {"train_accuracy", "train_iou", "validation_accuracy", "validation_iou"} <= set(row)

    measured = json.loads(said(["evaluate", "run", "--out", "look", "--json", "--quiet"], capsys))
    for name in ("accuracy", "iou", "loss", "class_iou", "pixels"):
        assert measured[name] == pytest.approx(record["result"][f"test_{name}"])
    assert measured["baseline_iou"] == record["result"]["baseline_iou"] and Path("look/overlays.png").is_file()
    counts = np.array(measured["confusions"])
    assert measured["accuracy"] == counts.trace() / counts.sum()
    assert measured["class_iou"]["0"] == counts[0, 0] / (counts[0].sum() + counts[:, 0].sum() - counts[0, 0])
    assert narrow(said(["evaluate", "run", "--quiet", "--part", "validation"], capsys))


def test_predicted_masks_are_those_that_were_measured(bare, capsys):
    """The masks of the test images, read as a folder of masks, agree with the truth as often as evaluate says."""
    image = pytest.importorskip("PIL.Image")
    root = write_masks(here_ := bare / "membrane")
    said(["train", "unet", "--data", "masks", "--root", str(root), "--out", "run", "--quiet", *SMALL], capsys)
    found = json.loads(said(["evaluate", "run", "--json", "--quiet"], capsys))
    test = data.mask_folder(root, channels=1).test
    names = [test.data.pairs[i][0] for i in test.index]
    out = json.loads(said(["predict", "run", *[str(here_ / name) for name in names], "--out", "masks", "--json",
                           "--quiet"], capsys))
    right = []
    for one, name in zip(out["images"], names, strict=True):
        with image.open(one["mask"]) as mask, image.open(here_ / name.replace("image", "label")) as truth:
            right.append(np.asarray(mask) == np.asarray(truth))
            assert one["shares"]["1"] == float((np.asarray(mask) == 255).mean())
            assert set(np.unique(mask)) <= {0, 255} and mask.size == truth.size
        with image.open(one["overlay"]) as overlay:
            assert overlay.size == (56, 40) and overlay.mode == "RGB"
    assert np.mean(right) == pytest.approx(found["accuracy"])
    assert "cell" not in said(["predict", "run", str(here_ / names[0]), "--quiet"], capsys)
    err = refused(["predict", "run", "nowhere.png", "--quiet"], capsys)
    assert "nowhere.png: there is no such file" in err


@pytest.mark.parametrize(("model", "side"), [("unet", 32), ("unet_upsample", 32), ("unet_paper", 220)])
def test_every_u_net_trains_on_drawn_cells(bare, capsys, model, side):
    said(["train", model, "--out", "run", "--quiet", *SMALL], capsys)
    record = run_json()
    assert record["data"]["name"] == "cells" and record["data"]["classes"] == ["membrane", "cell"]
    assert record["data"]["reads"] == [1, side, side] and record["result"]["test_pixels"] == 2 * 32 * 32
    found = json.loads(said(["evaluate", "run", "--json", "--quiet"], capsys))
    assert found["accuracy"] == record["result"]["test_accuracy"]


def test_several_classes_and_colours(bare, capsys):
    """Three grey levels on coloured images: what is learnt beats the commonest class, and masks come with a palette."""
    image = pytest.importorskip("PIL.Image")
    colours = np.array([[30, 30, 30], [220, 40, 40], [60, 60, 230]])
    for i in range(10):
        mask = np.zeros((32, 48), np.uint8)
        mask[4 + i:18 + i, 3:20 + i], mask[20:, 30:] = 1, 2
        noise = np.random.default_rng(i).normal(0, 12, (32, 48, 3))
        save(Path("shapes/images") / f"{i}.png", (colours[mask] + noise).clip(0, 255).astype(np.uint8))
        save(Path("shapes/masks") / f"{i}_mask.png", mask)
    said(["train", "unet", "--data", "masks", "--root", "shapes", "--out", "run", "--width", "0.13", "--epochs", "20",
          "--batch-size", "2", "--lr", "0.005", "--augment", "flip-turn", "--quiet"], capsys)
    result = run_json()["result"]
    assert result["test_accuracy"] > 0.9 > result["baseline_accuracy"] + 0.1 and result["test_iou"] > 0.7
    assert list(result["test_class_iou"]) == ["0", "1", "2"] and "mean of the classes" in said(
        ["evaluate", "run", "--quiet"], capsys)
    said(["predict", "run", "shapes/images", "--out", "masks", "--quiet"], capsys)
    with image.open("masks/3_mask.png") as drawn, image.open("shapes/masks/3_mask.png") as truth:
        assert drawn.mode == "P" and (np.asarray(drawn) == np.asarray(truth)).mean() > 0.8


def test_an_interrupted_run_goes_on_to_the_same_end(bare):
    job = Job("unet", lambda k, c: models.unet(k, c, width=1 / 16), data="cells", epochs=2, batch_size=2)
    run_job(replace(job, out="whole"), "")
    with pytest.raises(Interrupted):
        run_job(replace(job, out="run"), "", [Interrupt(4)])
    run_job(replace(job, out="run", resume=True), "")
    assert contents("run")[str(Path("run/weights.safetensors"))] == contents("whole")[
        str(Path("whole/weights.safetensors"))]


def test_views_are_turned_back(bare, capsys):
    """A network that marks bright pixels answers every view alike; one of random weights differs, and is averaged."""
    from minigrad import nn
    from minigrad.data import Tiling
    from minigrad.graph import Graph, Input
    from minigrad.train.segmentation import averaged, maps

    x = Input((1, None, None), name="image")
    bright = Graph(x, nn.Conv2d(1, 2, 1)(x, name="out")).eval()
    image, tiling = np.random.default_rng(0).normal(size=(1, 20, 36)).astype(np.float32), Tiling(64, 0, 1)
    plain = maps(bright, image, tiling)
    chances = np.exp(plain - plain.max(0)) / np.exp(plain - plain.max(0)).sum(0)
    np.testing.assert_allclose(np.exp(averaged(bright, image, tiling, 8)), chances, rtol=1e-5)
    net, part = models.unet(width=1 / 16).eval(), image[:, :16, :32]
    one, other = [averaged(net, x, Tiling(320, 96, 16), 8) for x in (part, np.rot90(part, 1, (1, 2)))]
    np.testing.assert_allclose(np.rot90(one, 1, (1, 2)), other, atol=1e-4)      # of whatever network
    said(["train", "unet", "--out", "run", "--views", "8", "--quiet", *SMALL], capsys)
    found = json.loads(said(["evaluate", "run", "--json", "--quiet"], capsys))
    assert found["accuracy"] == run_json()["result"]["test_accuracy"] and run_json()["settings"]["views"] == 8
    alone = json.loads(said(["evaluate", "run", "--views", "1", "--json", "--quiet"], capsys))
    assert alone["loss"] != found["loss"]


def test_a_large_image_goes_through_in_tiles_as_in_one_piece(bare, monkeypatch):
    """With margins as wide as what a pixel sees, tiles change nothing but rounding; at the image's own border they do:
    there a tile sees its mirror image, the whole image the padding."""
    from minigrad.data import Tiling
    from minigrad.train.segmentation import maps, tiling_of

    model = models.unet(width=1 / 16).eval()
    image = np.random.default_rng(0).normal(size=(1, 200, 360)).astype(np.float32)
    assert tiling_of(model, (1, 32, 32)) == Tiling(320, 96, 16)
    whole = maps(model, image, Tiling(512, 0, 16))
    tiled = maps(model, image, Tiling(80, 96))
    assert whole.shape == tiled.shape == (2, 200, 360)
    assert abs(whole - tiled)[:, 96:104, 96:264].max() < 1e-4 < abs(whole - tiled)[:, 0].max()


# --- what does not fit ----------------------------------------------------------------------------------------

def broken(folder: Path, how: str) -> Path:
    """A folder of images and masks with one thing wrong."""
    write_masks(folder, 6, 20, 24)
    image, label = folder / "image" / "2.png", folder / "label" / "2.png"
    if how == "no mask":
        label.unlink()
    elif how == "no image":
        image.unlink()
    elif how == "size":
        save(label, np.zeros((20, 25), np.uint8))
    elif how == "values":
        save(label, np.random.default_rng(0).integers(0, 256, (20, 24)).astype(np.uint8))
    elif how == "colour":
        save(label, np.random.default_rng(0).integers(0, 256, (20, 24, 3)).astype(np.uint8))
    elif how == "one class":
        for path in (folder / "label").iterdir():
            save(path, np.full((20, 24), 255, np.uint8))
    elif how in ("bad image", "bad mask"):
        (image if how == "bad image" else label).write_text("dear aunt")
    elif how == "no images":
        for path in (folder / "image").iterdir():
            path.unlink()
    elif how == "no folder":
        (folder / "label").rename(folder / "notes")
    return folder


MISUSES: list[tuple[str, str]] = [
    ("no mask", "image/2.png: expected a mask of the same name, there is none (of 6 images 1 has none)"),
    ("no image", "label/2.png: expected an image of the same name, there is none (of 6 masks 1 has none)"),
    ("size", "label/2.png: expected a mask of 20 x 24 pixels, as its image is, 20 x 25 came"),
    ("values", "different ones came (0, 1, 2, 3, 4, ...), as in masks that were smoothed or saved as JPEG: save them"),
    ("colour", "label/2.png: expected a mask with one number for each pixel (grey or with a palette), a coloured"),
    ("one class", "data: expected masks with two classes or more, all pixels have one number"),
    ("bad image", "image/2.png: expected an image, it is truncated, damaged or of another kind"),
    ("bad mask", "label/2.png: expected an image, it is truncated, damaged or of another kind"),
    ("no images", "image: expected images (.png, .jpg, "),
    ("no folder", "expected one folder of masks (mask, masks, label, labels,"),
]


@pytest.mark.parametrize(("how", "message"), MISUSES, ids=[how for how, _ in MISUSES])
def test_masks_that_do_not_match_their_images(bare, capsys, how, message):
    root = broken(bare / "data", how)
    assert message in refused(["train", "unet", "--data", "masks", "--root", str(root), *SMALL], capsys)
    assert not Path("runs").exists()


def test_a_value_of_the_test_masks_alone_is_told_before_the_training(bare, capsys):
    write_masks(bare / "data" / "train", 4, 20, 24)
    write_masks(bare / "data" / "test", 2, 20, 24)
    save(bare / "data/test/label/1.png", np.full((20, 24), 7, np.uint8))
    error = refused(["train", "unet", "--data", "masks", "--root", str(bare / "data"), *SMALL], capsys)
    assert "test/label/1.png: expected the values 0, 255, 7 came" in error and not Path("runs").exists()


WORDS: list[tuple[list[str], str]] = [
    (["unet", "--data", "digits"], "--data digits has a class for each image: unet marks every pixel and learns from "
                                   "images with masks, --data cells or --data masks"),
    (["unet_paper", "--data", "folder", "--root", "data"], "--data folder has a class for each image: unet_paper"),
    (["lenet5", "--data", "cells"], "--data cells has a class for every pixel: lenet5 gives one for each image"),
    (["resnet18", "--data", "masks", "--root", "data"], "for every pixel there are unet, unet_paper, unet_upsample"),
    (["unet", "--tile", "100"], "--tile 100: unet halves its maps four times and takes tiles of 16, 32, 48, ... pixels "
                                "a side: 96 and 112 are near"),
    (["unet_paper", "--tile", "128"], "takes tiles of 188, 204, 220, ... pixels a side: 188 and 204 are near"),
    (["lenet5", "--tile", "32"], "--tile 32: lenet5 reads images whole and once, tiles and views are for unet"),
    (["lenet5", "--views", "8"], "--views 8: lenet5 reads images whole and once"),
    (["unet", "--views", "3"], "--views: expected 1 or 8, '3' came"),
    (["unet", "--data", "masks"], "--data masks needs --root: the folder or zip file"),
    (["unet", "--root", "data"], "--root data: --data cells takes no folder: 50 drawn images"),
    (["unet", "--data", "masks", "--root", "nowhere"], "nowhere: expected a folder or a zip file"),
]


@pytest.mark.parametrize(("words", "message"), WORDS, ids=[" ".join(words) for words, _ in WORDS])
def test_models_and_data_that_do_not_go_together(bare, capsys, words, message):
    assert message in refused(["train", *words], capsys)
    assert list(bare.iterdir()) == []


def test_evaluate_and_predict_say_what_the_model_takes(bare, capsys, tmp_path):
    write_masks(bare / "data", 6, 20, 24)
    said(["train", "unet", "--out", "run", "--quiet", *SMALL], capsys)
    error = refused(["evaluate", "run", "--data", "digits"], capsys)
    assert "--data digits has a class for each image: run marks every pixel and is measured on cells or masks" in error
    models.lenet5().save("lenet5.safetensors")
    assert "--data cells has a class for every pixel: lenet5.safetensors gives one for each image" in refused(
        ["evaluate", "lenet5.safetensors", "--data", "cells"], capsys)
    assert "--out masks is for masks, lenet5.safetensors gives a class for each image" in refused(
        ["predict", "lenet5.safetensors", "data/image/1.png", "--out", "masks"], capsys)
    Path("file").write_text("")
    assert "file: is a file, name a folder for the masks" in refused(
        ["predict", "run", "data/image/1.png", "--out", "file"], capsys)
    other = json.loads(said(["evaluate", "run", "--data", "masks", "--root", "data", "--json", "--quiet"], capsys))
    assert other["images"] == 1 and other["data"] == "masks"
