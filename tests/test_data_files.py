"""Data sets in files, made up here in their official forms: CIFAR, folders and zip files of images, masks, names."""

import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import minigrad as mg
from minigrad import data
from minigrad.data import (
    Arrays,
    DataError,
    Dataset,
    Examples,
    ImageFolder,
    Loader,
    MaskFolder,
    Subset,
    cifar10,
    cifar100,
    image_folder,
    mask_folder,
    mnist,
    split,
    to_memory,
    write_idx,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def error_of(call):
    """The message of the DataError: one line."""
    with pytest.raises(DataError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- CIFAR ----------------------------------------------------------------------------------------------------

def records(count, labels, seed):
    """count records, each of label bytes and 3072 pixels."""
    pixels = rng(seed).integers(0, 256, (count, 3072)).astype(np.uint8)
    return np.concatenate([np.array(labels, np.uint8).reshape(count, -1), pixels], 1).tobytes()


def cifar_files(name):
    if name == "cifar10":
        files = {f"data_batch_{i}.bin": records(2, [i, i + 4], i) for i in range(1, 6)}
        files["test_batch.bin"] = records(3, [0, 9, 4], 9)
        files["batches.meta.txt"] = b"\n".join([b"class%d" % i for i in range(10)]) + b"\n\n"
        return "cifar-10-batches-bin", files
    files = {"train.bin": records(4, [[0, 0], [19, 99], [3, 50], [3, 51]], 1),
             "test.bin": records(2, [[1, 2], [4, 8]], 2),
             "fine_label_names.txt": b"\n".join([b"fine%d" % i for i in range(100)]),
             "coarse_label_names.txt": b"\n".join([b"coarse%d" % i for i in range(20)])}
    return "cifar-100-binary", files


def cifar_archive(name, leave_out=()):
    folder, files = cifar_files(name)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo(folder))
        for name, content in files.items():
            if name not in leave_out:
                info = tarfile.TarInfo(f"{folder}/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def lay_out(root, name, how):
    """Write the files of CIFAR in one of the ways in which people have them; returns what to read."""
    folder, files = cifar_files(name)
    archive = "cifar-10-binary.tar.gz" if name == "cifar10" else "cifar-100-binary.tar.gz"
    if how in ("archive", "archive itself"):
        (root / archive).write_bytes(cifar_archive(name))
        return root if how == "archive" else root / archive
    place = root / folder if how == "unpacked" else root
    place.mkdir(exist_ok=True)
    for file, content in files.items():
        (place / file).write_bytes(content)
    return root


@pytest.mark.parametrize("how", ["archive", "archive itself", "unpacked", "flat"])
def test_cifar10(tmp_path, how):
    train, test = cifar10(lay_out(tmp_path, "cifar10", how))
    assert train.images.shape == (10, 3, 32, 32) and train.images.dtype == np.uint8 and train.labels.dtype == np.int64
    assert train.labels.tolist() == [1, 5, 2, 6, 3, 7, 4, 8, 5, 9] and test.labels.tolist() == [0, 9, 4]
    assert train.classes == tuple(f"class{i}" for i in range(10)) == test.classes
    _, files = cifar_files("cifar10")
    for i in range(3):                              # by hand: red, then green, then blue, each row by row
        record = files["test_batch.bin"][i * 3073:(i + 1) * 3073]
        assert record[0] == test.labels[i]
        for c, y, x in ((0, 0, 0), (1, 2, 3), (2, 31, 31)):
            assert test.images[i, c, y, x] == record[1 + c * 1024 + y * 32 + x]
    assert train.name == "cifar10 train" and train.images.flags.writeable


@pytest.mark.parametrize("how", ["archive", "flat"])
def test_cifar100(tmp_path, how):
    place = lay_out(tmp_path, "cifar100", how)
    train, test = cifar100(place)
    assert train.labels.tolist() == [0, 99, 50, 51] and test.labels.tolist() == [2, 8] and len(train.classes) == 100
    coarse, _ = cifar100(place, coarse=True)
    assert coarse.labels.tolist() == [0, 19, 3, 3] and coarse.classes[19] == "coarse19"
    assert (coarse.images == train.images).all()
    assert train.images[1, 0, 0, 0] == cifar_files("cifar100")[1]["train.bin"][3074 + 2]


def test_cifar_where_it_is_not(tmp_path):
    message = error_of(lambda: cifar10(tmp_path / "nowhere"))
    assert "expected a folder with cifar-10-binary.tar.gz or with data_batch_1.bin, " in message
    assert "no such folder: fetch with download=True (--download), or by hand from https://www.cs.toronto" in message
    assert "neither is there" in error_of(lambda: cifar10(tmp_path))
    assert "cifar-100-binary.tar.gz" in error_of(lambda: cifar100(tmp_path))


@pytest.mark.parametrize(("file", "content", "says"), [
    ("data_batch_3.bin", b"", "expected records of 3073 bytes, at least one, 0 bytes came"),
    ("data_batch_3.bin", bytes(3073 * 2 - 1), "6145 bytes came: it is truncated"),
    ("test_batch.bin", b"\x00" + bytes(3072) + b"\x0a" + bytes(3072), "expected labels from 0 to 9, label 1 is 10"),
    ("batches.meta.txt", b"a\nb", "expected the names of 10 classes, one a line, 2 came"),
    ("batches.meta.txt", None, "cannot be read: No such file"),
    ("data_batch_5.bin", None, "cannot be read: No such file"),
])
def test_cifar_wrong_contents(tmp_path, file, content, says):
    lay_out(tmp_path, "cifar10", "flat")
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    message = error_of(lambda: cifar10(tmp_path))
    assert message.startswith(f"{tmp_path / file}: {says}") or says in message and str(tmp_path / file) in message


def test_cifar_damaged_archives(tmp_path):
    path = tmp_path / "cifar-10-binary.tar.gz"
    whole = cifar_archive("cifar10")
    for content in (whole[:len(whole) // 2], b"no archive", b"", whole[:5000] + bytes(50) + whole[5050:]):
        path.write_bytes(content)
        message = error_of(lambda: cifar10(tmp_path))
        assert str(path) in message
        assert "truncated, damaged or of another kind" in message or "No such file in the archive" in message
    path.write_bytes(cifar_archive("cifar10", leave_out=["data_batch_2.bin"]))
    assert f"{path}: data_batch_2.bin: cannot be read: No such file in the archive: it belongs to cifar10" in error_of(
        lambda: cifar10(tmp_path))


# --- MNIST, as it is ------------------------------------------------------------------------------------------

def test_raw_mnist(tmp_path):
    images = rng().integers(0, 256, (5, 28, 28)).astype(np.uint8)
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", images)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(5, dtype=np.uint8))
    train, _ = mnist(tmp_path, raw=True)
    assert train.images.dtype == np.uint8 and (train.images[:, 0] == images).all()
    np.testing.assert_allclose(train.images * train.std + train.mean, images[:, None] / 255)
    clothes, _ = data.fashion_mnist(tmp_path)
    assert clothes.classes[9] == "Ankle boot" and clothes.name == "fashion_mnist train"


# --- folders of images ----------------------------------------------------------------------------------------

def picture(seed=0, size=(6, 5), mode="RGB", form="PNG", **options):
    """The bytes of an image file, h x w."""
    values = rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).convert(mode).save(stream, form, **options)
    return stream.getvalue()


def pixels(content, mode="RGB"):
    array = np.asarray(Image.open(io.BytesIO(content)).convert(mode))
    return array.transpose(2, 0, 1) if mode == "RGB" else array[None]


def write(root, files, as_zip):
    """Files by name, into a folder or a zip file; what to open."""
    if as_zip:
        with zipfile.ZipFile(root / "data.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return root / "data.zip"
    for name, content in files.items():
        path = root / "data" / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root / "data"


FLOWERS = {f"{name}/{i}.png": picture(10 * k + i) for k, name in enumerate(("tulip", "rose")) for i in (1, 2, 10)}


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("wrapped", ["", "flowers/", "a/b/"])
def test_image_folder(tmp_path, as_zip, wrapped):
    litter = {".DS_Store": b"", "__MACOSX/tulip/._1.png": b"?", "rose/Thumbs.db": b"", "rose/.hidden.png": b"?"}
    root = write(tmp_path, {wrapped + name: content for name, content in {**FLOWERS, **litter}.items()}, as_zip)
    folder = ImageFolder(root)
    assert folder.classes == ("rose", "tulip") and len(folder) == 6 and folder.labels.tolist() == [0] * 3 + [1] * 3
    assert folder.paths == [f"{wrapped}{name}/{i}.png" for name in ("rose", "tulip") for i in (1, 2, 10)]
    image, label = folder[-1]
    assert (image == pixels(FLOWERS["tulip/10.png"])).all() and label == 1
    assert image.dtype == np.uint8 and image.shape == (3, 6, 5) and image.flags.c_contiguous and image.flags.writeable
    assert (ImageFolder(root, channels=1)[0][0] == pixels(FLOWERS["rose/1.png"], "L")).all()
    assert [int(label) for _, label in folder] == [0, 0, 0, 1, 1, 1] and folder.damaged() == []
    assert repr(folder).startswith("ImageFolder(") and "6 images, 2 classes" in repr(folder)


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("parts", ["train test", "Train val", "training testing validation", "train"])
def test_image_folder_in_parts(tmp_path, as_zip, parts):
    files = {f"{part}/{name}": content for part in parts.split() for name, content in FLOWERS.items()
             if part.lower().startswith("train") or "2" not in name}
    root = write(tmp_path, files, as_zip)
    found = image_folder(root, size=4)
    assert found.train[0][0].shape == (3, 4, 4)
    if parts == "train":
        assert len(found.train) + len(found.test) == 6 and found.validation is None
        return
    assert len(found.train) == 6 and len(found.test) == 4 and found.test.classes == ("rose", "tulip")
    assert (found.validation is None) == (len(parts.split()) == 2)
    assert len(ImageFolder(root, "train")) == 6
    message = error_of(lambda: ImageFolder(root))
    assert "expected one of its parts train, " in message and "part=None came" in message


def test_links_and_loose_files(tmp_path):
    """What lies beside the one folder of a zip file is no class; links are followed, those that go round once."""
    files = {f"flowers/{name}": content for name, content in FLOWERS.items()}
    assert ImageFolder(write(tmp_path, {"README.txt": b"", **files}, True)).classes == ("rose", "tulip")
    loose = {"0.png": picture(), **files}
    assert "1 image lies outside of any (0.png)" in error_of(lambda: ImageFolder(write(tmp_path, loose, True)))
    root = write(tmp_path, {"a/1.png": picture(), "a/2.png": picture()}, False)
    (root / "a" / "again").symlink_to(root)
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "3.png").write_bytes(picture())
    folder = ImageFolder(root)
    assert folder.classes == ("a", "linked") and len(folder) == 3


def test_folders_that_may_not_be_looked_into(tmp_path, monkeypatch):
    root = write(tmp_path, FLOWERS, False)
    folder = ImageFolder(root)
    (root / "rose" / "1.png").unlink()
    assert "rose/1.png: cannot be read: No such file" in error_of(lambda: folder[0])

    def forbidden(*args):
        raise PermissionError(13, "Permission denied", str(root / "rose"))

    with monkeypatch.context() as patch:
        patch.setattr("os.scandir", forbidden)
        assert f"{root / 'rose'}: cannot be looked into: Permission denied" in error_of(lambda: ImageFolder(root))
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.is_dir", forbidden)
        assert f"{root}: cannot be looked into: Permission denied" in error_of(lambda: ImageFolder(root))


def test_folders_that_are_classes_and_not_parts(tmp_path):
    """A class named train is one as long as another class is not named like a part."""
    root = write(tmp_path, {"train/1.png": picture(), "plane/1.png": picture()}, False)
    assert ImageFolder(root).classes == ("plane", "train")
    message = error_of(lambda: ImageFolder(root, "test"))
    assert "expected part=None, as it has no folder train, part='test' came" in message


def test_image_folder_without_a_test_part_splits_it_off(tmp_path):
    files = {f"{name}/{i}.png": FLOWERS["rose/1.png"] for name in "ab" for i in range(10)}
    root = write(tmp_path, files, True)
    train, test = image_folder(root)
    assert len(test) == 4 and np.bincount(test.labels).tolist() == [2, 2] and len(train) == 16
    assert test.classes == ("a", "b") and isinstance(test, Subset)
    again = image_folder(root).test
    assert (again.index == test.index).all()
    assert len(image_folder(root, test_fraction=0.5).test) == 10


def test_classes_of_the_parts_are_those_of_train(tmp_path):
    files = {"train/a/1.png": picture(), "train/b/1.png": picture(), "test/b/1.png": picture()}
    assert image_folder(write(tmp_path, files, True)).test.labels.tolist() == [1]
    message = error_of(lambda: image_folder(write(tmp_path, {**files, "test/c/1.png": picture()}, True)))
    assert "expected the classes a, b, a folder c came" in message
    root = write(tmp_path, {"b/1.png": picture(), "a/1.png": picture()}, False)
    assert ImageFolder(root, classes=("b", "a", "z")).labels.tolist() == [1, 0]


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize(("files", "says"), [
    ({}, "expected images (.png, .jpg"), ({"a/readme.txt": b""}, "none are there"),
    ({"1.png": picture()}, "expected a folder for each class with its images, 1 image lies outside of any (1.png)"),
    ({"1.png": picture(), "2.png": picture(), "a/1.png": picture()}, "2 images lie outside of any (1.png)"),
    ({"a/1.png": picture(), "b/notes.txt": b""}, "b: expected the images of a class, none are there"),
    ({"a/1.png": picture(), "c/1.png": picture(), "b/": b""}, "b: expected the images of a class, none are there"),
])
def test_folders_without_images(tmp_path, as_zip, files, says):
    root = write(tmp_path, files, as_zip)
    root.mkdir(exist_ok=True) if not as_zip else None
    message = error_of(lambda: ImageFolder(root))
    assert str(root) in message and says in message


def test_roots_that_are_none(tmp_path):
    assert "expected a folder or a zip file, no such file came" in error_of(lambda: ImageFolder(tmp_path / "nothing"))
    (tmp_path / "a.zip").write_bytes(b"PK is no zip file")
    message = error_of(lambda: ImageFolder(tmp_path / "a.zip"))
    assert "a.zip: expected a zip file, it is damaged or of another kind" in message
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a/1.png", picture())
    content = (tmp_path / "b.zip").read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / "c.zip").write_bytes(content[:length])
        assert "c.zip: expected a zip file" in error_of(lambda: ImageFolder(tmp_path / "c.zip"))
    at = content.index(picture()[30:60])
    (tmp_path / "b.zip").write_bytes(content[:at] + b"\0" * 9 + content[at + 9:])
    folder = ImageFolder(tmp_path / "b.zip")
    assert "b.zip/a/1.png: cannot be unpacked: Bad CRC-32" in error_of(lambda: folder[0])


@pytest.mark.parametrize(("options", "says"), [
    ({"size": 0}, "ImageFolder: expected a size, a whole number from 1 on, 0 came"),
    ({"size": (3, 4, 5)}, "a size as an int or (h, w), (3, 4, 5) came"), ({"size": "32"}, "'32' came"),
    ({"channels": 4}, "expected channels 1 (grey) or 3 (red, green, blue), 4 came"),
    ({"channels": True}, "True came"),
])
def test_options_that_are_none(tmp_path, options, says):
    assert says in error_of(lambda: ImageFolder(write(tmp_path, FLOWERS, True), **options))


def test_without_pillow(tmp_path, monkeypatch):
    folder = ImageFolder(write(tmp_path, FLOWERS, True))
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ImportError, match=r'read with Pillow, which is not installed: pip install "minigrad\[demo\]"'):
        folder[0]


# --- images ---------------------------------------------------------------------------------------------------

def folder_of(root, name, content, **options):
    return ImageFolder(write(root, {f"a/{name}": content}, False), **options)


@pytest.mark.parametrize(("mode", "form", "name"), [
    ("RGB", "PNG", "1.png"), ("L", "PNG", "1.png"), ("P", "PNG", "1.PNG"), ("RGBA", "PNG", "1.png"),
    ("1", "PNG", "1.png"), ("LA", "PNG", "1.png"), ("CMYK", "JPEG", "1.jpg"), ("RGB", "BMP", "1.bmp"),
    ("P", "GIF", "1.gif"),
    ("RGB", "WEBP", "1.webp"), ("L", "TIFF", "1.tif"), ("RGB", "PPM", "1.ppm")])
def test_images_of_every_mode(tmp_path, mode, form, name):
    content = picture(3, mode=mode, form=form)
    assert (folder_of(tmp_path, name, content)[0][0] == pixels(content)).all()
    assert (folder_of(tmp_path, name, content, channels=1)[0][0] == pixels(content, "L")).all()


def test_images_of_sixteen_bits(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 256, 65535], [255, 511, 32768]], np.uint16)).save(stream, "PNG")
    image, _ = folder_of(tmp_path, "1.png", stream.getvalue(), channels=1)[0]
    assert image.tolist() == [[[0, 1, 255], [0, 1, 128]]]
    stream = io.BytesIO()
    Image.fromarray(np.ones((2, 2), np.float32)).save(stream, "TIFF")
    message = error_of(lambda: folder_of(tmp_path / "f", "1.tif", stream.getvalue())[0])
    assert "1.tif: expected an image of 8 or 16 bits a pixel, F (32 bits) came" in message


def test_cameras_that_were_held_sideways(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6                                # turn it clockwise to see it upright
    content = picture(form="PNG", exif=exif)
    image, _ = folder_of(tmp_path, "1.png", content)[0]
    assert (image == np.rot90(pixels(content), -1, (1, 2))).all()


def test_sizes(tmp_path):
    content = picture(size=(20, 30))
    original = Image.open(io.BytesIO(content))
    for size, expected in ((7, (7, 7)), ((10, 40), (10, 40)), ((20, 30), (20, 30))):
        image, _ = folder_of(tmp_path, "1.png", content, size=size)[0]
        resized = np.asarray(original.resize(expected[::-1], Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        assert (image == resized).all()
    image, _ = folder_of(tmp_path, "1.png", content, size=10, crop_to_aspect_ratio=True)[0]
    middle = np.asarray(original.crop((5, 0, 25, 20)).resize((10, 10), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert (image[:, :, 1:-1] == middle[:, :, 1:-1]).all()          # the outer ones look over the edge of the crop


def test_images_of_several_sizes_make_no_batch(tmp_path):
    root = write(tmp_path, {"a/1.png": picture(size=(4, 5)), "a/2.png": picture(size=(4, 6))}, False)
    message = error_of(lambda: next(iter(Loader(ImageFolder(root)))))
    assert "example 1: its input is (3, 4, 6) of uint8" in message and "(a folder of images takes size=)" in message
    assert next(iter(Loader(ImageFolder(root, size=8))))[0].shape == (2, 3, 8, 8)


@pytest.mark.parametrize(("form", "name"), [("PNG", "1.png"), ("JPEG", "1.jpg"), ("GIF", "1.gif"), ("BMP", "1.bmp"),
                                            ("TIFF", "1.tif"), ("WEBP", "1.webp")])
@given(draw=st.data())
def test_damaged_images_are_named(tmp_path_factory, form, name, draw):
    """Cut off anywhere, or with bytes changed: it is read, or the error is one line with its name."""
    content = bytearray(picture(size=(9, 9), form=form))
    if draw.draw(st.booleans()):
        content = content[:draw.draw(st.integers(0, len(content) - 1))]
    for _ in range(draw.draw(st.integers(0, 3)) if content else 0):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    folder = folder_of(tmp_path_factory.mktemp("damaged"), name, bytes(content))
    try:
        folder[0]
    except DataError as error:
        assert str(error).startswith(folder.tree.where(f"a/{name}")) and "\n" not in str(error)


def test_damaged_lists_all(tmp_path):
    files = {"a/1.png": picture(), "a/2.png": picture()[:60], "b/3.jpg": b"not an image", "b/4.png": b""}
    folder = ImageFolder(write(tmp_path, files, True))
    with pytest.raises(DataError, match="2.png: expected an image, it is truncated"):
        data.transforms.Normalize.of(folder)
    problems = folder.damaged()
    assert [problem.partition(":")[0].rpartition("/")[2] for problem in problems] == ["2.png", "3.jpg", "4.png"]
    assert all(["expected an image, it is truncated, damaged or of another kind (" in problem for problem in problems])
    message = error_of(lambda: list(Loader(folder, 1, workers=2)))
    assert message.startswith(f"example 1: {problems[0]}")


def test_an_image_that_would_fill_the_memory(tmp_path):
    content = bytearray(picture())
    content[16:24] = struct.pack(">II", 100_000, 100_000)       # the size in a PNG's header
    content[29:33] = struct.pack(">I", __import__("zlib").crc32(content[12:29]))
    message = error_of(lambda: folder_of(tmp_path, "1.png", bytes(content))[0])
    assert "1.png: expected an image" in message


# --- masks ----------------------------------------------------------------------------------------------------

def mask(values, mode=None):
    stream = io.BytesIO()
    image = Image.fromarray(np.array(values, np.uint8))
    if mode == "P":
        image.putpalette(list(range(255, -1, -1)) * 3)          # colours that have nothing to do with the indices
    elif mode:
        image = image.convert(mode)
    image.save(stream, "PNG")
    return stream.getvalue()


def cells(count=4, images="image", masks="label", ending="", part=""):
    files = {}
    for i in range(count):
        files[f"{part}{images}/{i}.png"] = picture(i, (4, 6))
        files[f"{part}{masks}/{i}{ending}.png"] = mask(rng(i).choice([0, 255], (4, 6)))
    return files


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize(("images", "masks", "ending"), [("image", "label", ""), ("imgs", "masks", "_mask"), (
    "JPEGImages", "SegmentationClass", ""), ("images", "gt", "-gt")])
def test_mask_folder(tmp_path, as_zip, images, masks, ending):
    files = cells(11, images, masks, ending)
    folder = MaskFolder(write(tmp_path, files, as_zip))
    assert len(folder) == 11 and folder.values == (0, 255) and folder.classes == ("0", "1") and folder.labels is None
    for i, (image, classes) in enumerate(folder):                   # 2 before 10
        assert (image == pixels(files[f"{images}/{i}.png"])).all()
        assert classes.dtype == np.int64 and (classes * 255 == pixels(files[f"{masks}/{i}{ending}.png"], "L")[0]).all()
    assert folder.damaged() == [] and "11 images with masks, 2 classes" in repr(folder)


def test_mask_folder_in_parts(tmp_path):
    files = {**cells(6, part="train/"), **cells(3, part="test/")}
    train, test = mask_folder(write(tmp_path, files, True), size=(2, 3), channels=1)
    assert len(train) == 6 and len(test) == 3 and train[0][0].shape == (1, 2, 3) and test[0][1].shape == (2, 3)
    x, y = next(iter(Loader(train, 6, workers=2)))
    assert x.shape == (6, 1, 2, 3) and y.shape == (6, 2, 3) and y.dtype == np.int64
    train, test = mask_folder(write(tmp_path, cells(10), False))
    assert len(train) == 8 and len(test) == 2


def test_values_of_the_training_masks_are_those_of_all_parts(tmp_path):
    files = {**cells(2, part="train/"), "test/image/0.png": picture(size=(1, 3)), "test/label/0.png": mask([[0, 0, 0]])}
    found = mask_folder(write(tmp_path, files, True))
    assert found.test.values == (0, 255) and len(found.test.classes) == 2
    files["test/label/0.png"] = mask([[0, 7, 9]])
    test = mask_folder(write(tmp_path, files, True)).test
    assert error_of(lambda: test[0]).endswith("test/label/0.png: expected the values 0, 255, 7, 9 came")


def test_masks_of_every_kind(tmp_path):
    values = [[0, 1, 2], [255, 2, 1]]
    for mode in (None, "P", "RGB"):
        files = {"image/a.png": picture(size=(2, 3)), "label/a.png": mask(values, mode)}
        folder = MaskFolder(write(tmp_path, files, True), ignore=255)
        assert folder[0][1].tolist() == [[0, 1, 2], [-100, 2, 1]] and folder.values == (0, 1, 2)
    files["label/a.png"] = mask([[0, 255, 0], [255, 255, 0]], "1")
    assert MaskFolder(write(tmp_path, files, True))[0][1].tolist() == [[0, 1, 0], [1, 1, 0]]
    chosen = MaskFolder(write(tmp_path, files, True), values=(255, 0), classes=("cell", "wall"))
    assert chosen[0][1].tolist() == [[1, 0, 1], [0, 0, 1]] and chosen.classes == ("cell", "wall")
    stream = io.BytesIO()
    Image.fromarray(np.array(values, np.uint16) << 8).save(stream, "PNG")
    files["label/a.png"] = stream.getvalue()
    assert MaskFolder(write(tmp_path, files, True), ignore=255)[0][1].tolist() == [[0, 1, 2], [-100, 2, 1]]
    files["label/a.png"] = picture(size=(2, 3))
    assert "expected a mask with one number for each pixel (grey or with a palette), a coloured image came" in error_of(
        lambda: MaskFolder(write(tmp_path, files, True)))


def test_masks_are_scaled_by_the_nearest(tmp_path):
    values = rng().choice([0, 255], (20, 30)).astype(np.uint8)
    files = {"image/a.png": picture(size=(20, 30)), "label/a.png": mask(values)}
    for crop in (False, True):
        image, classes = MaskFolder(write(tmp_path, files, True), size=10, crop_to_aspect_ratio=crop)[0]
        box = (5, 0, 25, 20) if crop else None
        expected = Image.fromarray(values).resize((10, 10), Image.Resampling.NEAREST, box)
        assert (classes * 255 == np.asarray(expected)).all() and image.shape == (3, 10, 10)


@pytest.mark.parametrize(("change", "options", "says"), [
    (lambda files: files.pop("label/1.png"), {}, "image/1.png: expected a mask of the same name, there is none (of 4 "
                                                 "images 1 has none)"),
    (lambda files: [files.pop(f"image/{i}.png") for i in (1, 2)], {}, "label/1.png: expected an image of the same "
                                                                     "name, there is none (of 4 masks 2 have none)"),
    (lambda files: files.update({"label/1_mask.png": mask([[0]])}), {}, "expected one mask for 1, label/1"),
    (lambda files: files.update({"image/1.jpg": picture(form="JPEG")}), {}, "expected one image for each mask, 2 are "
                                                                            "called 1"),
    (lambda files: files.update({"masks/1.png": mask([[0]])}), {}, "one folder of masks (mask, masks, label, "),
    (lambda files: None, {"masks": "gt"}, "expected a folder gt, image, label came: name it with masks="),
    (lambda files: [files.pop(name) for name in list(files) if name.startswith("image")], {},
     "expected one folder of images (image, images, "),
    (lambda files: None, {"values": (0, 0)}, "expected values that are different whole numbers from 0 to 255"),
    (lambda files: None, {"values": (0, 256)}, "(0, 256) and None came"),
    (lambda files: None, {"values": (0, 255), "ignore": 255}, "(0, 255) and 255 came"),
    (lambda files: None, {"classes": ("a",)}, "a name for each of the 2 values (0, 255) of the masks, 1 classes came"),
])
def test_mask_folders_that_do_not_fit(tmp_path, change, options, says):
    files = cells()
    change(files)
    assert says in error_of(lambda: MaskFolder(write(tmp_path, files, True), **options))


def test_a_mask_of_another_size(tmp_path):
    files = {**cells(), "label/2.png": mask(np.zeros((4, 5)))}
    folder = MaskFolder(write(tmp_path, files, True), values=(0, 255))
    assert len(folder.damaged()) == 1
    assert "label/2.png: expected a mask of 4 x 6 pixels, as its image is, 4 x 5 came" in error_of(lambda: folder[2])
    assert "label/2.png" not in str(folder[1])


# --- arrays, subsets, splits, memory --------------------------------------------------------------------------

def test_arrays():
    x, y = rng().random((6, 2)), np.array([0, 1, 1, 0, 1, 0])
    arrays = Arrays(x, y, classes=("a", "b"))
    assert len(arrays) == 6 and arrays.takes_indices and (arrays.labels == y).all() and arrays.classes == ("a", "b")
    assert arrays.inputs is x                       # not copied
    some, labels = arrays[[4, 0]]
    assert (some == x[[4, 0]]).all() and labels.tolist() == [1, 0]
    assert Arrays([[1.0, 2.0]], [3]).inputs.dtype == np.float32 and Arrays([[1, 2]]).targets is None
    both = Arrays({"a": x, "b": (x, x)}, (y, y))
    assert both[2][0]["b"][1].tolist() == x[2].tolist() and both.labels is None
    assert repr(both) == "Arrays(inputs {'a': (6, 2), 'b': ((6, 2), (6, 2))}, targets ((6,), (6,)))"


@pytest.mark.parametrize(("inputs", "targets", "says"), [
    (np.zeros((3, 2)), np.zeros(4), r"arrays: expected arrays of one length, 3 in inputs, 4 in targets came"),
    ({"a": np.zeros(3), "b": np.zeros(2)}, None, r"3 in inputs\['a'\], 2 in inputs\['b'\] came"),
    (None, None, "expected at least one array, none came"), ((), (), "expected at least one array, none came"),
    (np.zeros(()), None, r"expected arrays \(n, ...\) of numbers, \(\) of float64 came"),
    (["cat", "dog"], None, "expected arrays .* of numbers, .*<U3 came"), ([[1], [1, 2]], None, "list came"),
    (object(), None, "of object came"),
])
def test_arrays_that_are_none(inputs, targets, says):
    with pytest.raises(DataError, match=says):
        Arrays(inputs, targets)


def test_data_of_ones_own():
    class Squares(Examples):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return np.array([float(i)]), i * i

    squares = Squares()
    assert [y for _, y in squares] == [0, 1, 4, 9] and [y for _, y in squares.subset([3, 1])] == [9, 1]
    assert repr(squares.subset([3, 1])) == "Subset('Squares', 2 of 4 examples)"
    assert next(iter(Loader(squares)))[1].tolist() == [0, 1, 4, 9] and len(split(squares, 0.5)[0]) == 2
    assert repr(Dataset("d", np.zeros((2, 1, 3, 3), np.uint8), np.zeros(2, int), ("a",))) == \
        "Dataset('d', images (2, 1, 3, 3), 1 classes)"
    with pytest.raises(TypeError, match="Examples has no length: write __len__"):
        len(Examples())
    with pytest.raises(TypeError, match="Examples gives no examples: write __getitem__"):
        Examples()[0]
    tensors = Arrays(mg.tensor([[1.0, 2.0]]), mg.tensor([3]))
    assert type(tensors.inputs) is np.ndarray and tensors[0][0].tolist() == [1, 2]


def test_arrays_check_their_classes():
    with pytest.raises(DataError, match="expected targets from 0 to 1, 0 to 2 came"):
        Arrays(np.zeros(3), np.array([0, 2, 1]), classes=("a", "b"))


@given(st.data())
def test_subsets_of_every_kind(draw):
    n = draw.draw(st.integers(1, 9))
    x, y = np.arange(n * 2).reshape(n, 2), np.arange(n) % 3
    kinds = [Arrays(x, y), Dataset("d", x.reshape(n, 1, 2, 1).astype(np.uint8), y, ("a", "b", "c")),
             list(zip(x, y, strict=True))]
    index = draw.draw(st.lists(st.integers(-n, n - 1), max_size=6) | st.slices(n)
                      | st.lists(st.booleans(), min_size=n, max_size=n).map(np.array))
    expected = np.arange(n)[index if not isinstance(index, list) else np.array(index, int)]
    for whole in kinds:
        part = whole.subset(index) if hasattr(whole, "subset") else Subset(whole, index)
        assert len(part) == len(expected)
        assert [int(label) for _, label in part] == y[expected].tolist()
        if part.takes_indices and len(part):
            assert part[np.array([0])][1].tolist() == y[expected[:1]].tolist()
        if len(part) > 1:
            again = Subset(part, [1, 0])
            assert [int(label) for _, label in again] == y[expected[[1, 0]]].tolist()


@pytest.mark.parametrize(("index", "says"), [
    ([0, 7], "arrays: expected indices from 0 to 3, 0 to 7 came"), ([-5], "-5 to -5 came"),
    ([0.5], r"an index of ints \(m,\), a slice, or a mask of booleans \(4,\), float64 \(1,\) came"),
    (np.array([True]), r"bool \(1,\) came"), ([[0]], r"int64 \(1, 1\) came"),
])
def test_indices_that_are_none(index, says):
    with pytest.raises(DataError, match=says):
        Arrays(np.zeros(4), np.zeros(4)).subset(index)


def test_split_of_every_kind():
    labels = np.repeat([0, 1], [40, 10])
    for whole in (Arrays(np.arange(50), labels), list(zip(range(50), labels, strict=True)),
                  Arrays(np.arange(50), np.zeros((50, 3)))):
        rest, held = split(whole, 0.2, 3)
        assert len(held) == 10 and sorted(int(x) for x, _ in [*rest, *held]) == list(range(50))
    rest, held = split(Arrays(np.arange(50), labels), 0.2, 3)
    assert np.bincount(held.labels).tolist() == [8, 2] and np.bincount(rest.labels).tolist() == [32, 8]
    again = split(Arrays(np.arange(50), labels), 0.2, 3)[1]
    other = split(Arrays(np.arange(50), labels), 0.2, 4)[1]
    assert (again.index == held.index).all() and (other.index != held.index).any()
    message = error_of(lambda: split(Arrays(np.arange(3), np.arange(3)), 0.01))
    assert message.startswith("arrays: ") and "leaves both parts" in message


def test_to_memory(tmp_path):
    folder = ImageFolder(write(tmp_path, FLOWERS, True))
    for workers in (0, 2):
        memory = to_memory(folder, workers)
        assert memory.inputs.shape == (6, 3, 6, 5) and memory.inputs.dtype == np.uint8
        assert memory.classes == folder.classes and (memory.labels == folder.labels).all()
        assert memory.name == folder.name
        assert all([(a == b).all() for (a, _), (b, _) in zip(memory, folder, strict=True)])
    long = [(np.zeros(2), 0)] * 64 + [(np.zeros(3), 0)]
    assert "example 64: [0] is (3,) of float64, that of example 0 is (2,)" in error_of(lambda: to_memory(long))


# --- by name --------------------------------------------------------------------------------------------------

def test_names_and_options():
    assert data.names() == ["digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "folder", "cells", "masks"]
    for name in data.names():
        source = data.source(name)
        assert source.name == name and source.title and source.about
        assert source.downloads == (name not in ("digits", "folder", "cells", "masks"))
        assert source.needs_root == (name in ("folder", "masks"))
    assert data.source("cifar100").options == {"coarse": False}
    assert data.source("Fashion-MNIST").name == "fashion_mnist"
    assert data.source("folder").options == {"size": None, "channels": 3, "crop_to_aspect_ratio": False,
                                             "test_fraction": 0.2}


def test_load(tmp_path):
    pytest.importorskip("sklearn")
    assert len(data.load("digits").train) == 1438
    train, _ = data.load("folder", write(tmp_path, FLOWERS, True), size=4, channels=1, test_fraction=0.5)
    assert train[0][0].shape == (1, 4, 4)
    assert len(data.load("masks", write(tmp_path, cells(), False)).test) == 1
    place = tmp_path / "cifar"
    place.mkdir()
    assert len(data.load("cifar100", lay_out(place, "cifar100", "archive"), coarse=True).train.classes) == 20


@pytest.mark.parametrize(("name", "options", "says"), [
    ("mnst", {}, "load: expected a data set, one of digits, mnist, .* 'mnst' came: did you mean mnist?"),
    (None, {}, "None came"), ("imagenet21k", {}, "'imagenet21k' came$"),
    ("digits", {"root": "x"}, "load: digits takes no root, 'x' came"),
    ("digits", {"download": True}, "load: digits is not downloaded: .* inside scikit-learn"),
    ("digits", {"size": 3}, "load: digits has no options, size=3 came"),
    ("cifar100", {"corse": True}, "load: cifar100 has the options coarse, corse=True came"),
    ("folder", {}, "load: folder needs root=, the folder or zip file"),
    ("masks", {"root": "x", "download": True}, "load: masks is not downloaded"),
])
def test_load_what_there_is_not(name, options, says):
    with pytest.raises(DataError, match=says):
        data.load(name, **options)
