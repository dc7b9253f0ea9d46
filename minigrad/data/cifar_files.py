"""CIFAR-10 and CIFAR-100 from their official binary files: in a folder, or straight from the archive.

A file is a row of records: one byte for the class (CIFAR-100: one for the coarse class, then one for the fine), then
3072 bytes of a 32x32 image, all red before green before blue, row by row.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .dataset import DataError, Dataset, TrainTest
from .download import Progress
from .official import CIFAR10, CIFAR100, Official

PathLike = str | os.PathLike[str]
IMAGE = (3, 32, 32)
PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Form:
    """How the files of one of the two are made."""

    official: Official
    folder: str                     # in the archive, and after unpacking
    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int
    names: str                      # the file with the names of the classes, one a line
    label: int = 0                  # which of the label bytes counts
    classes: int = 10


TEN = Form(CIFAR10, "cifar-10-batches-bin", tuple(f"data_batch_{i}.bin" for i in range(1, 6)), ("test_batch.bin",), 1,
           "batches.meta.txt")
FINE = Form(CIFAR100, "cifar-100-binary", ("train.bin",), ("test.bin",), 2, "fine_label_names.txt", 1, 100)
COARSE = Form(CIFAR100, "cifar-100-binary", ("train.bin",), ("test.bin",), 2, "coarse_label_names.txt", 0, 20)


def cifar10(root: PathLike | None = None, *, download: bool = False, progress: Progress | None = None) -> TrainTest:
    """CIFAR-10: train (50000, 3, 32, 32) and test (10000, 3, 32, 32), uint8 from 0 to 255, ten classes.

    root: a folder with `cifar-10-binary.tar.gz`, or with what is in it; or that archive itself; None for the cache
    folder. The archive need not be unpacked. download: fetch it if it is not there (162 MB). Fewer images than the
    official number are accepted, none are not.

    Raises DataError: no such folder, files missing or damaged, labels outside of the classes, and what can go wrong
    with a download.
    """
    return _read(TEN, root, download, progress)


def cifar100(root: PathLike | None = None, *, download: bool = False, coarse: bool = False,
             progress: Progress | None = None) -> TrainTest:
    """CIFAR-100: as `cifar10`, with a hundred classes, or with coarse=True the twenty that these are grouped in.

    root: a folder with `cifar-100-binary.tar.gz` (161 MB), or with what is in it; or that archive itself.
    """
    return _read(COARSE if coarse else FINE, root, download, progress)


def _read(form: Form, root: PathLike | None, download: bool, progress: Progress | None) -> TrainTest:
    place = form.official.folder(root)
    (archive,) = form.official.files
    if download and not place.is_file() and not any([(f / form.train[0]).is_file() for f in folders(place, form)]):
        form.official.fetch(place, progress=progress)
    wanted = [*form.train, *form.test, form.names]
    if place.is_file():
        contents = from_archive(place, form, wanted)
    elif (folder := next((f for f in folders(place, form) if (f / form.train[0]).is_file()), None)) is not None:
        contents = from_folder(folder, form, wanted)
    elif (place / archive).is_file():
        contents = from_archive(place / archive, form, wanted)
    else:
        came = "neither is there" if place.is_dir() else "no such folder"
        raise DataError(f"{place}: expected a folder with {archive} or with {', '.join(form.train)}, {came}: "
                        + form.official.advice(place))
    classes = class_names(form, *contents[form.names])
    return TrainTest(part(form, "train", classes, [contents[name] for name in form.train]),
                     part(form, "test", classes, [contents[name] for name in form.test]))


def folders(place: Path, form: Form) -> list[Path]:
    """Where the unpacked files may lie."""
    return [place, place / form.folder]


Contents = dict[str, tuple[str, bytes]]             # name -> what errors call the file, its bytes


def from_folder(folder: Path, form: Form, wanted: list[str]) -> Contents:
    def read(name: str) -> bytes:
        return (folder / name).read_bytes()
    return collected(read, lambda name: str(folder / name), wanted, form)


def from_archive(path: Path, form: Form, wanted: list[str]) -> Contents:
    """The same from the .tar.gz, read once from front to back; nothing is unpacked onto the disk."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = Path(member.name).name
                file = archive.extractfile(member) if member.isreg() and name in wanted else None
                if file is not None:
                    found[name] = file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path}: expected the archive of {form.official.name}, it is truncated, damaged or of another "
                        f"kind ({error}): {form.official.advice(path.parent)}") from error

    def read(name: str) -> bytes:
        if name not in found:
            raise FileNotFoundError(2, "No such file in the archive")
        return found[name]
    return collected(read, lambda name: f"{path}: {name}", wanted, form)


def collected(read: Callable[[str], bytes], named: Callable[[str], str], wanted: list[str], form: Form) -> Contents:
    contents = {}
    for name in wanted:
        try:
            contents[name] = named(name), read(name)
        except OSError as error:
            raise DataError(f"{named(name)}: cannot be read: {error.strerror or error}: it belongs to "
                            f"{form.official.name}, fetch it again") from error
    return contents


def class_names(form: Form, name: str, content: bytes) -> tuple[str, ...]:
    lines = tuple(content.decode("utf-8", "replace").split())
    if len(lines) != form.classes:
        raise DataError(f"{name}: expected the names of {form.classes} classes, one a line, {len(lines)} came")
    return lines


def part(form: Form, kind: str, classes: tuple[str, ...], files: list[tuple[str, bytes]]) -> Dataset:
    """All records of some files."""
    size = form.label_bytes + PIXELS
    images, labels = [], []
    for name, content in files:
        if not content or len(content) % size:
            raise DataError(f"{name}: expected records of {size} bytes, at least one, {len(content)} bytes came: "
                            "it is truncated or of another kind: fetch it again")
        records = np.frombuffer(content, np.uint8).reshape(-1, size)
        label = records[:, form.label]
        if label.max() >= len(classes):
            where = int((label >= len(classes)).argmax())
            raise DataError(f"{name}: expected labels from 0 to {len(classes) - 1}, label {where} is {label[where]}")
        images.append(records[:, form.label_bytes:].reshape(-1, *IMAGE))
        labels.append(label)
    return Dataset(f"{form.official.name} {kind}", np.concatenate(images), np.concatenate(labels).astype(np.int64),
                   classes, std=1 / 255)
