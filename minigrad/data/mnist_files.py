"""MNIST from its four IDX files, as LeNet-5 reads it.

LeCun, Bottou, Bengio, Haffner, Gradient-Based Learning Applied to Document Recognition, 1998, section II.B: the 28x28
images lie in the middle of 32x32, so that the ends of strokes can appear at the centre of the largest receptive field;
the paper is -0.1 and the ink 1.175. (That makes the mean of all pixels about 0, as the text there says; their variance
on MNIST is 0.12 rather than the 1 that it names, for only one pixel in seven carries ink.)
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .dataset import DataError, Dataset, TrainTest
from .download import Progress
from .idx import read_idx
from .official import FASHION_MNIST, MNIST, Official

PAPER, INK = -0.1, 1.175
SIDE, MARGIN = 28, 2
CLASSES = tuple("0123456789")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
PathLike = str | os.PathLike[str]


def mnist(root: PathLike | None = None, *, download: bool = False, raw: bool = False,
          progress: Progress | None = None) -> TrainTest:
    """The MNIST digits in folder `root`: train (60000, 1, 32, 32) and test (10000, 1, 32, 32), paper -0.1, ink 1.175.

    raw: as they are in the files, (n, 1, 28, 28) uint8 from 0, the paper, to 255.
    download: fetch what is missing. root: None for the cache folder (see `official.cache_folder`).

    The folder holds the four IDX files under their official names, plain or with `.gz`: `train-images-idx3-ubyte`,
    `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`. A dot before idx is understood too
    (`train-images.idx3-ubyte`). Of a file that lies there twice the plain one is read. Fewer images than MNIST's are
    accepted, none are not.

    Raises DataError: no such folder, files missing, damaged or swapped, counts that differ, labels outside 0 to 9, and
    what can go wrong with a download.
    """
    return _read(MNIST, CLASSES, root, download, raw, progress)


def fashion_mnist(root: PathLike | None = None, *, download: bool = False, raw: bool = False,
                  progress: Progress | None = None) -> TrainTest:
    """Fashion-MNIST: ten kinds of clothes in the form of MNIST, and read by the same rules; see `mnist`.

    Xiao, Rasul, Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms, 2017.
    """
    return _read(FASHION_MNIST, CLOTHES, root, download, raw, progress)


def _read(official: Official, classes: tuple[str, ...], root: PathLike | None, download: bool, raw: bool,
          progress: Progress | None) -> TrainTest:
    folder = official.folder(root)
    if download:
        lacking = [f"{name}.gz" for name in WANTED if not _is_there(folder, name)]
        official.fetch(folder, lacking, progress)
    paths = _find_files(folder, official)
    return TrainTest(_read_part(f"{official.name} train", paths[0], paths[1], classes, raw),
                     _read_part(f"{official.name} test", paths[2], paths[3], classes, raw))


WANTED = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def _is_there(folder: Path, name: str) -> bool:
    try:
        return _find_file(folder, name) is not None
    except OSError:
        return False                                # what is wrong with the folder is said when it is written


def _find_files(root: Path, official: Official) -> list[Path]:
    """Train images, train labels, test images, test labels."""
    expected = f"expected a folder with {', '.join(WANTED)} (plain or with .gz)"
    try:
        if not root.is_dir():
            raise DataError(f"{root}: {expected}, {'a file' if root.exists() else 'no such folder'} came: "
                            + official.advice(root))
        found = {name: _find_file(root, name) for name in WANTED}
    except OSError as error:                        # a name too long, a folder that may not be looked into
        raise DataError(f"{root}: {expected}, it cannot be looked into: {error.strerror or error}") from error
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise DataError(f"{root}: {expected}, {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: "
                        + official.advice(root))
    return [path for path in found.values() if path is not None]


def _find_file(root: Path, name: str) -> Path | None:
    for variant in (name, name.replace("-idx", ".idx")):
        for path in (root / variant, root / f"{variant}.gz"):
            if path.is_file():
                return path
    return None


def _read_part(name: str, image_path: Path, label_path: Path, classes: tuple[str, ...], raw: bool) -> Dataset:
    images, labels = read_idx(image_path), read_idx(label_path)
    _check_kind(image_path, images, "images", 3)
    _check_kind(label_path, labels, "labels", 1)
    if images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise DataError(f"{image_path}: expected images of {SIDE} x {SIDE}, at least one, "
                        f"{len(images)} of {images.shape[1]} x {images.shape[2]} came")
    if len(labels) != len(images):
        raise DataError(f"{label_path}: expected {len(images)} labels, one for each image in {image_path.name}, "
                        f"{len(labels)} came: the two files do not belong together")
    if labels.max() > 9:
        where = int((labels > 9).argmax())
        raise DataError(f"{label_path}: expected labels from 0 to 9, label {where} is {labels[where]}")
    if raw:
        return Dataset(name, images[:, None], labels.astype(np.int64), classes, std=1 / 255)
    # paper + ink * (INK - PAPER), written as the inverse of ink = value * std + mean
    std = 1 / (INK - PAPER)
    return Dataset(name, _pad_and_scale(images), labels.astype(np.int64), classes, mean=-PAPER * std, std=std)


def _check_kind(path: Path, array: np.ndarray, kind: str, dimensions: int) -> None:
    if array.dtype == np.uint8 and array.ndim == dimensions:
        return
    came = f"{array.dtype} in {array.ndim} dimensions came"
    if array.dtype == np.uint8 and array.ndim in (1, 3):
        other = "labels" if kind == "images" else "images"
        came = f"a file of {other} came ({array.ndim} dimension{'s' * (array.ndim > 1)}): are the two swapped?"
    raise DataError(f"{path}: expected a file of {kind} (uint8 in {dimensions} dimension{'s' * (dimensions > 1)}), "
                    f"{came}")


def _pad_and_scale(images: np.ndarray) -> np.ndarray:
    """images (n, 28, 28) of 0..255 -> (n, 1, 32, 32) float32, paper -0.1, ink 1.175."""
    grey = (PAPER + (INK - PAPER) * np.arange(256) / 255).astype(np.float32)    # by table: no float64 copy of it all
    side = SIDE + 2 * MARGIN
    padded = np.full((len(images), 1, side, side), grey[0], np.float32)
    padded[:, 0, MARGIN:-MARGIN, MARGIN:-MARGIN] = grey[images]
    return padded
