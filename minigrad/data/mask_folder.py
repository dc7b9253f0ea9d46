"""A folder, or a zip file, with a folder of images and a folder of masks, which say the class of every pixel.

    cells/image/1.png               cells/train/images/1.jpg
    cells/label/1.png       or      cells/train/masks/1_mask.png
                                    cells/test/images/2.jpg ...

A mask belongs to the image of its name; an ending like `_mask` does not count.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from .dataset import DataError, Examples, TrainTest
from .image_folder import TEST_FRACTION, folder_of, in_parts, pictures_in, problems
from .picture import as_channels, as_size, read_mask, read_picture
from .tree import Tree, open_tree

PathLike = str | os.PathLike[str]
IMAGES = ("image", "images", "img", "imgs", "jpegimages")
MASKS = ("mask", "masks", "label", "labels", "annotation", "annotations", "segmentationclass", "gt", "groundtruth")
ENDINGS = tuple(f"{joint}{word}" for joint in "_-" for word in ("mask", "masks", "label", "labels", "gt", "seg",
                                                                 "segmentation"))
MANY = 64                               # numbers in masks of which nobody has said that they are classes
IGNORED = -100                          # what cross_entropy leaves out


class MaskFolder(Examples):
    """Images and their masks: `data[i]` reads pair i and gives (image, mask), (c, h, w) uint8 and (h, w) int64.

        cells = MaskFolder("membrane", size=128, channels=1)

    root: a folder or a zip file. part: "train", "test" or "validation", where it has such folders; None where it has
    none. images, masks: the names of the two folders; None: as people call them (image, images, img; mask, masks,
    label, labels, annotations, ...). size, channels, crop_to_aspect_ratio: as of ImageFolder; masks are scaled alike,
    each pixel that of the nearest.
    values: the number that stands for class 0, 1, ... in the masks, as (0, 255); None: the numbers that are in the
    masks, all of which are then read once; at most 64. ignore: a number that stands for no class, as Pascal VOC's 255:
    it becomes -100, which `cross_entropy` leaves out. classes: their names.

    Raises DataError: folders that are not there, images without mask and masks without image; and, when they are met,
    images and masks that cannot be read, differ in size, or have other values.
    """

    labels = None

    def __init__(self, root: PathLike | Tree, part: str | None = None, size: Any = None, channels: int = 3, *,
                 crop_to_aspect_ratio: bool = False, images: str | None = None, masks: str | None = None,
                 values: Sequence[int] | None = None, ignore: int | None = None, classes: Sequence[str] | None = None):
        tree = root if isinstance(root, Tree) else open_tree(root)
        self.tree, self.size, self.channels = tree, as_size(size, "MaskFolder"), as_channels(channels, "MaskFolder")
        self.crop_to_aspect_ratio, self.ignore = crop_to_aspect_ratio, ignore
        under = folder_of(tree, part)
        self.name = tree.where(under)
        self.pairs = paired(tree, find_folder(tree, under, images, IMAGES, "images"),
                            find_folder(tree, under, masks, MASKS, "masks"))
        self.values = tuple(values) if values is not None else self._values_found()
        self.table = self._table()
        self.classes = tuple(classes) if classes is not None else tuple(map(str, range(len(self.values))))
        if len(self.classes) != len(self.values):
            raise DataError(f"{self.name}: expected a name for each of the {len(self.values)} values {self.values} of "
                            f"the masks, {len(self.classes)} classes came")

    def _values_found(self) -> tuple[int, ...]:
        """The numbers in all masks, sorted."""
        seen = np.zeros(256, bool)
        for _, path in self.pairs:
            seen[read_mask(self.tree.read(path), self.tree.where(path))] = True
        if self.ignore is not None and 0 <= self.ignore < 256:
            seen[self.ignore] = False
        found = np.flatnonzero(seen).tolist()
        if len(found) > MANY:
            raise DataError(f"{self.name}: expected masks with a number for each class, {len(found)} different ones "
                            f"came ({', '.join(map(str, found[:5]))}, ...), as in masks that were smoothed or saved as "
                            "JPEG: save them as PNG, unsmoothed, or say with values=(0, 255) which numbers are meant")
        return tuple(found)

    def _table(self) -> np.ndarray:
        """(256,) int64: the class of each number; -1 for those that stand for none."""
        numbers = [*self.values, *([] if self.ignore is None else [self.ignore])]
        if len(set(numbers)) < len(numbers) or not all([isinstance(v, int) and 0 <= v < 256 for v in numbers]):
            raise DataError(f"{self.name}: expected values that are different whole numbers from 0 to 255, and another "
                            f"one for ignore, {self.values} and {self.ignore} came")
        table = np.full(256, -1, np.int64)
        table[list(self.values)] = np.arange(len(self.values))
        if self.ignore is not None:
            table[self.ignore] = IGNORED
        return table

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        at_image, at_mask = self.pairs[index]
        where = self.tree.where(at_mask)
        image = read_picture(self.tree.read(at_image), self.tree.where(at_image), self.channels, self.size,
                             self.crop_to_aspect_ratio)
        mask = read_mask(self.tree.read(at_mask), where, self.size, self.crop_to_aspect_ratio)
        if mask.shape != image.shape[1:]:
            raise DataError(f"{where}: expected a mask of {image.shape[1]} x {image.shape[2]} pixels, as its image is, "
                            f"{mask.shape[0]} x {mask.shape[1]} came")
        classes = self.table[mask]
        if (classes == -1).any():
            others = sorted(set(mask[classes == -1].tolist()))
            raise DataError(f"{where}: expected the values {', '.join(map(str, self.values))}, "
                            f"{', '.join(map(str, others[:5]))}{', ...' * (len(others) > 5)} came")
        return image, classes

    def damaged(self) -> list[str]:
        """What is wrong with each pair that cannot be read; it reads them all."""
        return problems(self)

    def __repr__(self) -> str:
        return (f"MaskFolder({self.name!r}, {len(self)} images with masks, {len(self.classes)} classes, "
                f"size={self.size}, channels={self.channels})")


def mask_folder(root: PathLike, *, size: Any = None, channels: int = 3, crop_to_aspect_ratio: bool = False,
                images: str | None = None, masks: str | None = None, values: Sequence[int] | None = None,
                ignore: int | None = None, classes: Sequence[str] | None = None,
                test_fraction: float = TEST_FRACTION) -> TrainTest:
    """The parts of a folder or zip file of images and masks, as `MaskFolder`s; which parts, says `image_folder`."""
    tree = open_tree(root)
    options: dict[str, Any] = {
        "size": size, "channels": channels, "crop_to_aspect_ratio": crop_to_aspect_ratio, "images": images,
        "masks": masks, "values": values, "ignore": ignore, "classes": classes}
    known: dict[str, Any] = {}

    def make(part: str | None, _: Any) -> MaskFolder:
        """The numbers that the training masks have are those of all parts."""
        data = MaskFolder(tree, part, **{**options, **known})
        known["values"] = data.values
        return data

    return in_parts(tree, make, test_fraction)


def find_folder(tree: Tree, under: str, wanted: str | None, usual: tuple[str, ...], what: str) -> str:
    """The one folder that holds the images, or the masks, with a slash at its end."""
    folders = tree.top(under)
    found = [folder for folder in folders if (folder == wanted if wanted is not None else folder.lower() in usual)]
    if len(found) != 1:
        expected = f"a folder {wanted}" if wanted is not None else f"one folder of {what} ({', '.join(usual)})"
        raise DataError(f"{tree.where(under)}: expected {expected}, {', '.join(found or folders) or 'no folder'} came: "
                        f"name it with {what}=")
    return f"{under}{found[0]}/"


def paired(tree: Tree, images: str, masks: str) -> list[tuple[str, str]]:
    """(image, mask) of every image, in the order of the images."""
    by_name: dict[str, str] = {}
    for path in pictures_in(tree, masks):
        name = stem(path, masks)
        if name in by_name:
            raise DataError(f"{tree.where(path)}: expected one mask for {name}, {by_name[name]} is another")
        by_name[name] = path
    paths = pictures_in(tree, images)
    return match(tree, images, paths, [stem(path, images) for path in paths], by_name)


def match(tree: Tree, images: str, paths: list[str], names: list[str], masks: dict[str, str]) -> list[tuple[str, str]]:
    """The pairs; DataError where an image or a mask is left over."""
    alone = [path for path, name in zip(paths, names, strict=True) if name not in masks]
    if alone:
        raise DataError(f"{tree.where(alone[0])}: expected a mask of the same name, there is none (of {len(paths)} "
                        f"images {len(alone)} {'have' if len(alone) > 1 else 'has'} none)")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{tree.where(images)}: expected one image for each mask, {names.count(twice)} are called "
                        f"{twice}")
    left = sorted(set(masks) - set(names))
    if left:
        raise DataError(f"{tree.where(masks[left[0]])}: expected an image of the same name, there is none (of "
                        f"{len(masks)} masks {len(left)} {'have' if len(left) > 1 else 'has'} none)")
    return [(path, masks[name]) for path, name in zip(paths, names, strict=True)]


def plain(path: str, under: str) -> str:
    """The name of a file within a folder, without its suffix."""
    return str(PurePosixPath(path[len(under):]).with_suffix(""))


def stem(path: str, under: str) -> str:
    """The same without an ending like _mask."""
    name = plain(path, under)
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    return name[:len(name) - len(ending)] if len(ending) < len(PurePosixPath(name).name) else name
