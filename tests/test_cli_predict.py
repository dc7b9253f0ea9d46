"""minigrad predict: image files of any size and mode become what the model was trained on, and bad ones are named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_runs import narrow, on, refused, said

import minigrad as mg
from minigrad import cli, nn
from minigrad.cli.images import ImageError, Reader, ground, placed
from minigrad.data import mnist
from minigrad.graph import Graph, Input

Image = pytest.importorskip("PIL.Image", reason='needs Pillow: pip install "minigrad[demo]"')
MNIST = Reader((1, 32, 32), (28, 28), 20, invert="auto")


def grey(pixels) -> Image.Image:
    return Image.fromarray(np.asarray(pixels, np.uint8))


def stroke(height=100, width=80, ink=0, paper=255) -> np.ndarray:
    """A thick L in the lower left of a sheet."""
    sheet = np.full((height, width), paper, np.uint8)
    sheet[40:90, 10:20] = sheet[80:90, 10:50] = ink
    return sheet


@pytest.fixture
def run(mnist_files, capsys) -> Path:
    """A run on the tiny MNIST, and its test images as PNG files in a folder."""
    assert cli.main(on(mnist_files, "--out", "run", "--quiet")) == 0
    from minigrad.data import read_idx

    Path("digits").mkdir()
    for i, image in enumerate(read_idx(mnist_files / "t10k-images-idx3-ubyte.gz")):
        grey(image).save(Path("digits", f"{i:02}.png"))
    capsys.readouterr()
    return mnist_files


def answers(words, capsys, status=0) -> list[dict]:
    return json.loads(said(["predict", "run", *words, "--json"], capsys, status))["images"]


# --- the command --------------------------------------------------------------------------------------------------

def test_files_of_the_data_set_get_the_very_probabilities_of_its_arrays(run, capsys):
    graph = mg.models.lenet5()
    graph.load_state_dict(mg.graph.load_weights("run/weights.safetensors"))
    expected = mg.softmax(graph.eval()(mg.tensor(mnist(run).test.images)), 1).numpy()
    found = answers(["digits", "--top", "10"], capsys)
    assert [Path(shown["image"]).name for shown in found] == [f"{i:02}.png" for i in range(12)]
    for shown, row in zip(found, expected, strict=True):
        assert [c["index"] for c in shown["classes"]] == list(np.argsort(-row, kind="stable"))
        assert [c["probability"] for c in shown["classes"]] == pytest.approx(sorted(row)[::-1], abs=1e-6)
        assert all([c["class"] == str(c["index"]) for c in shown["classes"]])


def test_a_table_for_people(run, capsys):
    out = said(["predict", "run", "digits/00.png", "digits/01.png"], capsys)
    assert narrow(out) and out.startswith("image ") and len(out.splitlines()) == 3
    assert out.splitlines()[1].startswith("digits/00.png  ") and out.count("%") == 6


def test_what_is_too_wide_for_a_table_is_a_block(run, capsys):
    long = Path("x" * 70 + ".png")
    Path("digits/00.png").rename(long)
    out = said(["predict", "run", str(long)], capsys)
    assert narrow(out) and out.splitlines()[0] == str(long) and len(out.splitlines()) == 4


def test_bad_images_are_named_and_the_others_answered(run, capsys):
    Path("letter.png").write_text("dear aunt")
    assert cli.main(["predict", "run", "nowhere.png", "digits/00.png", "letter.png", "digits/01.png"]) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3 and err.splitlines() == [
        "minigrad: error: nowhere.png: there is no such file",
        "minigrad: error: letter.png: is no image that Pillow can read"]
    document = json.loads(said(["predict", "run", "digits/00.png", "letter.png", "--json"], capsys, 2))
    assert [one["image"] for one in document["images"]] == ["digits/00.png"]
    assert document["errors"] == [{"image": "letter.png", "error": "is no image that Pillow can read"}]


def test_all_images_bad(run, capsys):
    assert "nowhere.png: there is no such file" in refused(["predict", "run", "nowhere.png"], capsys)


def test_folders_give_their_images_in_order_however_deep(run, capsys):
    Path("digits/more").mkdir()
    Path("digits/00.png").rename("digits/more/zz.PNG")
    Path("digits/notes.txt").write_text("mine")
    assert [shown["image"] for shown in answers(["digits"], capsys)][-2:] == ["digits/11.png", "digits/more/zz.PNG"]
    Path("empty").mkdir()
    assert cli.main(["predict", "run", "empty", "digits"]) == 2
    assert "empty: is a folder without images" in capsys.readouterr().err


def test_options_may_stand_between_images(run, capsys):
    assert len(answers(["digits/00.png", "--top", "2", "digits/01.png"], capsys)) == 2


def test_a_model_file_that_nobody_trained_here(mnist_files, capsys):
    """Without run.json classes are numbers, and the images are not normalised."""
    x = Input((3, None, None), name="photo")
    y = nn.Linear(3, 4)(mg.mean(x, axis=(2, 3)))
    model = Graph(x, y)
    mg.save(model, "model.safetensors")
    Image.new("RGB", (9, 7), "red").save("red.png")
    found = json.loads(said(["predict", "model.safetensors", "red.png", "--top", "4", "--json"], capsys))["images"]
    expected = mg.softmax(model(mg.tensor(np.array([1.0, 0, 0], "float32").reshape(1, 3, 1, 1))), 1).numpy()[0]
    assert {c["index"]: c["probability"] for c in found[0]["classes"]} == pytest.approx(dict(enumerate(expected)))


# --- reading ------------------------------------------------------------------------------------------------------

def every_mode() -> dict[str, Image.Image]:
    """One drawing, dark on bright, in every mode of Pillow's that a file can have."""
    base = grey(stroke())
    clear = Image.new("RGBA", base.size, (0, 0, 0, 0))
    clear.putalpha(Image.eval(base, lambda v: 255 - v))             # black ink on nothing
    large = Image.fromarray(stroke().astype(np.uint16) * 257)
    return {"L": base, "1": base.convert("1"), "P": base.convert("P"), "RGB": base.convert("RGB"),
            "RGBA": clear, "LA": clear.convert("LA"), "PA": clear.quantize(), "CMYK": base.convert("CMYK"),
            "YCbCr": base.convert("YCbCr"), "I;16": large, "I": base.convert("I"), "F": base.convert("F")}


ENDINGS = {"CMYK": "tif", "YCbCr": "jpg", "F": "tif", "I": "tif"}


@pytest.mark.parametrize("mode", every_mode())
def test_every_mode_gives_the_same_drawing(tmp_path, mode):
    expected = MNIST.read(saved(tmp_path / "L.png", every_mode()["L"]))
    found = MNIST.read(saved(tmp_path / f"x.{ENDINGS.get(mode, 'png')}", every_mode()[mode]))
    assert found.shape == (1, 32, 32) and found.dtype == np.float32
    assert abs(found - expected).max() < (0.1 if mode == "YCbCr" else 0.02)
    colour = Reader((3, 32, 32)).read(tmp_path / f"x.{ENDINGS.get(mode, 'png')}")
    assert colour.shape == (3, 32, 32) and 0 <= colour.min() and 0.5 < colour.max() <= 1


def saved(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (27, 28), (28, 28), (32, 32), (33, 32), (1000, 700)])
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 20, 30), (3, None, None)])
def test_every_size_becomes_the_models(tmp_path, size, shape):
    generator = np.random.default_rng(0)
    path = saved(tmp_path / "x.png", grey(generator.integers(0, 256, size)))
    found = Reader(shape, whole=True).read(path)
    assert found.shape == (shape[0], shape[1] or size[0], shape[2] or size[1]) and np.isfinite(found).all()
    assert Reader(shape).read(path).shape == found.shape


def test_ink_on_paper_and_chalk_on_a_board_are_one_drawing(tmp_path):
    ink = MNIST.read(saved(tmp_path / "ink.png", grey(stroke(ink=30, paper=230))))
    chalk = MNIST.read(saved(tmp_path / "chalk.png", grey(stroke(ink=230, paper=30))))
    assert abs(ink - chalk).max() < 0.01 and ground(ink) < 0.01 and ink.max() > 0.95


def test_a_drawing_is_cut_out_wherever_it_lies(tmp_path):
    """It fills a box of 20, its centre of mass in the middle: as MNIST was made."""
    near = np.full((400, 300), 255, np.uint8)
    near[200:300, 150:230] = stroke()
    found = [MNIST.read(saved(tmp_path / "x.png", grey(sheet))) for sheet in (stroke(), near)]
    assert abs(found[0] - found[1]).max() < 0.01
    rows, columns = [np.flatnonzero((found[0] > 0.5).any((0, axis))) for axis in (2, 1)]
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = [float((found[0].sum((0, 2 - axis)) * np.arange(32)).sum() / found[0].sum()) for axis in (0, 1)]
    assert mass == pytest.approx([15.5, 15.5], abs=0.6)


def test_whole_leaves_a_drawing_in_its_place(tmp_path):
    found = Reader((1, 32, 32), (28, 28), 20, invert="auto", whole=True).read(saved(tmp_path / "x.png", grey(stroke())))
    rows = np.flatnonzero((found > 0.5).any((0, 2)))
    assert rows[0] == pytest.approx(2 + 28 * 0.4, abs=1.5) and rows[-1] == pytest.approx(2 + 28 * 0.9, abs=1.5)


@pytest.mark.parametrize(("invert", "first"), [("auto", 0.0), ("yes", 0.0), ("no", 1.0)])
def test_invert(tmp_path, invert, first):
    path = saved(tmp_path / "x.png", grey(np.pad(np.zeros((2, 2)), 15, constant_values=255)))
    found = Reader((1, 32, 32), invert=invert).read(path)
    assert found[0, 0, 0] == first and found[0, 15, 15] == 1 - first


def test_photos_are_inverted_only_when_asked(tmp_path, capsys):
    path = saved(tmp_path / "x.png", Image.new("RGB", (8, 8), (255, 128, 0)))
    assert Reader((3, 8, 8)).read(path)[:, 0, 0] == pytest.approx([1, 128 / 255, 0])
    assert Reader((3, 8, 8), invert="yes").read(path)[:, 0, 0] == pytest.approx([0, 127 / 255, 1])
    for channels in (1, 3):                     # a model in a file: of one channel it is taken to know drawings
        model = Graph(x := Input((channels, 8, 8)), nn.Linear(channels * 64, 2)(nn.Flatten()(x)))
        mg.save(model, tmp_path / "m.safetensors")
        found = {how: said(["predict", str(tmp_path / "m.safetensors"), str(path), "--json", "--invert", how], capsys)
                 for how in ("auto", "yes", "no")}
        assert found["auto"] == found["yes" if channels == 1 else "no"] != found["no" if channels == 1 else "yes"]


def test_normalised_as_in_training(tmp_path):
    path = saved(tmp_path / "x.png", Image.new("RGB", (8, 8), (255, 128, 0)))
    found = Reader((3, 8, 8), mean=[0.5, 0.4, 0.3], std=[0.1, 0.2, 0.3]).read(path)
    assert found[:, 3, 3] == pytest.approx([5, (128 / 255 - 0.4) / 0.2, -1])


def test_a_photo_covers_the_input_or_with_whole_is_padded(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    path = saved(tmp_path / "x.png", Image.fromarray(wide))
    assert (Reader((3, 10, 10)).read(path) > 0.7).all()             # the middle third
    whole = Reader((3, 30, 30), whole=True).read(path)
    assert whole[0, 0, 0] == 0 and (whole[:, 11:19, 11:19] > 0.7).all()


def test_photos_are_turned_upright(tmp_path):
    image = Image.fromarray(np.concatenate([np.full((8, 4, 3), 255, np.uint8), np.zeros((8, 4, 3), np.uint8)], 1))
    exif = Image.Exif()
    exif[0x0112] = 6                                                # taken with the camera on its side
    image.save(tmp_path / "x.png", exif=exif)
    found = Reader((3, 8, 8)).read(tmp_path / "x.png")
    assert (found[:, :4] == 1).all() and (found[:, 4:] == 0).all()


def test_an_animation_is_its_first_picture(tmp_path):
    frames = [Image.new("L", (8, 8), v) for v in (255, 0)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert (Reader((3, 8, 8)).read(tmp_path / "x.gif") == 1).all()


def test_a_blank_sheet_is_said_to_be_blank(tmp_path):
    path = saved(tmp_path / "x.png", Image.new("L", (100, 100), "white"))
    with pytest.raises(ImageError, match="is blank: nothing is drawn on its ground"):
        MNIST.read(path)
    assert (Reader((1, 32, 32), (28, 28), 20, invert="auto", whole=True).read(path) == 0).all()


def test_a_damaged_file_never_ends_in_a_traceback(tmp_path):
    """Cut anywhere, or with bytes changed: an image or an ImageError."""
    generator = np.random.default_rng(0)
    photo = Image.fromarray(generator.integers(0, 256, (40, 50, 3), np.uint8))
    seen = set()
    for ending in ("png", "jpg", "gif", "bmp", "tif", "webp", "ppm"):
        content = saved(tmp_path / f"x.{ending}", photo).read_bytes()
        for _ in range(40):
            broken = bytearray(content)
            for place in generator.integers(0, min(len(broken), 300), 3):
                broken[place] = generator.integers(0, 256)
            path = tmp_path / f"broken.{ending}"
            path.write_bytes(bytes(broken[:generator.integers(1, len(broken) + 1)]))
            try:
                assert Reader((3, 32, 32)).read(path).shape == (3, 32, 32)
                seen.add("image")
            except ImageError as error:
                seen.add(str(error).split(" (")[0])
    assert {"image", "is damaged", "is no image that Pillow can read"} <= seen


def test_placed_keeps_within_the_sheet():
    lopsided = np.zeros((1, 8, 8), np.float32)
    lopsided[0, 0, 0] = 1
    assert placed(lopsided, (10, 10), 0.0, by_mass=True)[0, 2, 2] == 1       # as far down and right as the sheet allows
