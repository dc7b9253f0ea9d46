"""A folder, or a zip file, with a folder of images for each class.

    flowers/rose/1.jpg              flowers/train/rose/1.jpg
    flowers/rose/2.jpg      or      flowers/train/tulip/7.jpg
    flowers/tulip/7.jpg             flowers/test/rose/2.jpg             (or val, or both)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .dataset import DataError, Examples, TrainTest
from .picture import SUFFIXES, as_channels, as_size, read_picture
from .splits import split
from .tree import Tree, is_picture, open_tree

PathLike = str | os.PathLike[str]
TEST_FRACTION, TEST_SEED = 0.2, 0       # where there is no test part


class ImageFolder(Examples):
    """Images in class folders: `data[i]` reads image i and gives (image, label), (c, h, w) uint8 and an int64.

        train = ImageFolder("flowers.zip", part="train", size=64)

    root: a folder or a zip file, which is not unpacked. part: "train", "test" or "validation", where it has such
    folders; None: all class folders of a root without. size: an int, or (h, w), to which each image is scaled as it is
    read (see `picture.read_picture`); None: each as it is, and then a batch takes images of one size only.
    channels: 3, or 1 for grey. classes: the order of the classes; None: the folders' names, sorted.

    paths: the name of each image within root   labels (n,)   classes
    Images come in the order of their names, 2.jpg before 10.jpg; threads may read at once.
    Raises DataError: no such root or part, no images, a class without images, images outside of class folders; and,
    when it is met, an image that cannot be read. `damaged()` finds all of these.
    """

    def __init__(self, root: PathLike | Tree, part: str | None = None, size: Any = None, channels: int = 3, *,
                 crop_to_aspect_ratio: bool = False, classes: Sequence[str] | None = None):
        tree = root if isinstance(root, Tree) else open_tree(root)
        self.tree, self.size, self.channels = tree, as_size(size, "ImageFolder"), as_channels(channels, "ImageFolder")
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        under = folder_of(tree, part)
        self.name = tree.where(under)
        self.paths = pictures_in(tree, under)
        self.classes = check_classes(self.name, self.paths, under, classes)
        empty = sorted({*tree.top(under)} - {class_of(path, under) for path in self.paths})
        if empty:
            raise DataError(f"{tree.where(under + empty[0])}: expected the images of a class, none are there")
        number = {name: i for i, name in enumerate(self.classes)}
        self.labels = np.array([number[class_of(path, under)] for path in self.paths], np.int64)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.int64]:
        path = self.paths[index]
        image = read_picture(self.tree.read(path), self.tree.where(path), self.channels, self.size,
                             self.crop_to_aspect_ratio)
        return image, self.labels[index]

    def damaged(self) -> list[str]:
        """What is wrong with each image that cannot be read; it reads them all."""
        return problems(self)

    def __repr__(self) -> str:
        return (f"ImageFolder({self.name!r}, {len(self)} images, {len(self.classes)} classes, size={self.size}, "
                f"channels={self.channels})")


def image_folder(root: PathLike, *, size: Any = None, channels: int = 3, crop_to_aspect_ratio: bool = False,
                 test_fraction: float = TEST_FRACTION) -> TrainTest:
    """The parts of a folder or zip file of class folders, as `ImageFolder`s.

    Where it has folders train and test, or train and val, these are the parts; with all three, val is `validation`.
    Where it has none, the stratified `test_fraction` of the images is the test part, always the same.
    """
    tree = open_tree(root)
    options: dict[str, Any] = {"size": size, "channels": channels, "crop_to_aspect_ratio": crop_to_aspect_ratio}
    return in_parts(tree, lambda part, classes: ImageFolder(
        tree, part, **options, classes=classes), test_fraction)


def in_parts(tree: Tree, make: Any, test_fraction: float) -> TrainTest:
    """make(part, classes) of each part of a tree."""
    parts = tree.parts(tree.heart())
    if not parts:
        data = make(None, None)
        try:
            return TrainTest(*split(data, test_fraction, TEST_SEED))
        except DataError as error:
            if not 0 < test_fraction < 1:
                raise
            raise DataError(f"{data.name}: {len(data)} images are too few to split off a test part of "
                            f"{test_fraction:.2g}") from error
    train = make("train", None)
    others = {part: make(part, train.classes or None) for part in parts if part != "train"}
    if "test" not in others:
        return TrainTest(train, others["validation"])
    return TrainTest(train, others["test"], others.get("validation"))


def folder_of(tree: Tree, part: str | None) -> str:
    """The folder of a part, with a slash at its end, or where the data begin."""
    heart = tree.heart()
    parts = tree.parts(heart)
    if part is None and not parts:
        return heart
    if part not in parts:
        expected = f"one of its parts {', '.join(parts)}" if parts else "part=None, as it has no folder train"
        raise DataError(f"{tree.where(heart)}: expected {expected}, part={part!r} came")
    return parts[part]


def pictures_in(tree: Tree, under: str) -> list[str]:
    """The image files of a folder, at any depth; at least one."""
    paths = [name for name in tree.files(under) if is_picture(name)]
    if not paths:
        raise DataError(f"{tree.where(under)}: expected images ({', '.join(SUFFIXES)}), none are there")
    return paths


def class_of(path: str, under: str) -> str:
    return path[len(under):].partition("/")[0]


def check_classes(name: str, paths: list[str], under: str, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The classes in their order."""
    outside = [path for path in paths if "/" not in path[len(under):]]
    if outside:
        raise DataError(f"{name}: expected a folder for each class with its images, {len(outside)} image"
                        f"{'s lie' if len(outside) > 1 else ' lies'} outside of any ({outside[0]})")
    found = sorted({class_of(path, under) for path in paths})
    if wanted is None:
        return tuple(found)
    unknown = [folder for folder in found if folder not in wanted]
    if unknown:
        raise DataError(f"{name}: expected the classes {', '.join(wanted)}, a folder {unknown[0]} came")
    return tuple(wanted)


def problems(data: Any) -> list[str]:
    """The messages of all examples that cannot be read."""
    found = []
    for i in range(len(data)):
        try:
            data[i]
        except DataError as error:
            found.append(str(error))
    return found
