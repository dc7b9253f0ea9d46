"""The parts of a data set as a run uses them, and what images become before a model reads them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import data as sets
from ..data import DataError, Dataset, Loader, Subset, TrainTest
from ..data.transforms import Normalize, Resize, ToFloat
from ..graph import Graph
from ..nn import Module

ANY_SIZE = 64                   # the side of folders' images of several sizes, for a model that reads any
LOOKED_AT = 20                  # images of a folder that say in what sizes they come
PIXELS = 500 * 32 * 32          # at once where nothing is learned, which bounds the memory that this takes
SAMPLE = 2000                   # images of a folder that mean and standard deviation are taken from
Shape = tuple[int | None, ...]
Numbers = float | list[float]
Statistics = tuple[Numbers, Numbers]


@dataclass(frozen=True)
class Choice:
    """Which examples of a data set count. classes: their names, in the order in which they are numbered; per_class: so
    many training images of each, those that `seed` draws; None: all."""

    classes: tuple[str, ...] | None = None
    per_class: int | None = None
    seed: int = 0

    def of(self, found: TrainTest) -> TrainTest:
        """The chosen examples of every part. Raises DataError for classes that are not there, or have too few, and
        where every pixel has one."""
        if self.said and found.train.labels is None:
            raise DataError(f"{found.train.name}: has a class for every pixel: images cannot be chosen by their "
                            "classes")
        parts = {name: part for name, part in vars(found).items() if part is not None}
        if self.classes is not None:
            parts = {name: sets.of_classes(part, self.classes) for name, part in parts.items()}
        if self.per_class is not None:
            parts["train"] = sets.per_class(parts["train"], self.per_class, self.seed)
        return TrainTest(**parts)

    @property
    def said(self) -> dict[str, Any]:
        """What run.json says of it: nothing where all counts."""
        said = {"chosen_classes": self.classes, "per_class": self.per_class}
        return {name: value for name, value in said.items() if value is not None}


ALL = Choice()


class Prepare:
    """What every image goes through, in training and after it: transform(images, targets, generator).

    Bytes become floats from 0 to 1, (x - mean) / std in every channel; then the size that the model reads, bilinear,
    and its number of channels, grey ones repeated. Images (n, c, h, w) that are floats are normalised already.
    """

    def __init__(self, mean: Numbers, std: Numbers, reads: Shape | None):
        self.normalize, self.reads = Normalize(mean, std), reads

    def __call__(self, images: Any, targets: Any = None, generator: Any = None) -> tuple[Any, Any]:
        if images.dtype == np.uint8:
            images, _ = self.normalize(ToFloat()(images)[0])
        if self.reads is None:
            return images, targets
        c, h, w = self.reads
        size = (h or images.shape[2], w or images.shape[3])
        if images.shape[2:] != size:
            images, _ = Resize(size)(images)
        if c not in (None, images.shape[1]):
            images = np.repeat(images, c, 1)
        return images, targets


@dataclass(frozen=True)
class Parts:
    """A data set in three parts. image: (c, h, w) of its examples. mean, std: what pixels from 0 to 1 are normalised
    with, numbers or one for each channel, as JSON can hold them."""

    name: str
    train: Any
    validation: Any
    test: Any
    image: tuple[int, ...]
    mean: Numbers
    std: Numbers
    prepare: Prepare

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.train.classes)

    def batches(self, part: Any, size: int, workers: int = 0) -> Loader:
        """The examples of a part in their order, prepared."""
        return Loader(part, size, workers=workers, transform=self.prepare)


def as_picture(image: np.ndarray, mean: Numbers, std: Numbers) -> np.ndarray:
    """An example (c, h, w) as it was before it was normalised: 0..1."""
    if image.dtype == np.uint8:
        return (image / 255).astype(np.float32)
    shift, scale = [np.reshape(np.asarray(x, np.float32), (-1, 1, 1)) for x in (mean, std)]     # (c, 1, 1)
    return np.clip(image * scale + shift, 0, 1)


class Pictures:
    """The examples of a part as pictures (c, h, w) in 0..1, each read when it is asked for: pictures[i]."""

    def __init__(self, parts: Parts, part: Any):
        self.parts, self.part = parts, part

    def __getitem__(self, index: Any) -> np.ndarray:
        return as_picture(self.part[int(index)][0], self.parts.mean, self.parts.std)


def load_parts(name: str, root: str | None, download: bool, reads: Shape | None, seed: int, share: float,
               statistics: Statistics | None = None, choice: Choice = ALL) -> Parts:
    """A data set by name in three parts; see `parts_of`."""
    return parts_of(load_data(name, root, download, reads, choice), name, reads, seed, share, statistics)


def load_data(name: str, root: str | None, download: bool, reads: Shape | None, choice: Choice = ALL) -> TrainTest:
    """A data set by name; images in folders are scaled to what the model reads. Raises DataError."""
    return choice.of(sets.load(name, root, download=download, **options_for(name, reads)))


def parts_of(found: TrainTest, name: str, reads: Shape | None, seed: int, share: float,
             statistics: Statistics | None = None) -> Parts:
    """A data set in three parts, for a model that reads images of shape `reads` (c, h, w).

    reads: None for an open axis; None as a whole: whatever comes. share: of the training images, for validation; not
    used where the data have a validation part of their own. The share that `seed` chooses is another for every seed.
    statistics: the mean and std of an earlier run; by default those of the training part. Float images are normalised
    already, and keep theirs.
    Raises DataError, also where the model reads no such images.
    """
    train, validation = (found.train, found.validation) if found.validation is not None else \
        split(found.train, share, seed)
    image = tuple(np.shape(train[0][0]))
    check_fit(name, image, reads)
    mean, std = statistics_of(train) if statistics is None or is_normalised(train) else statistics
    return Parts(name, train, validation, found.test, image, mean, std, Prepare(mean, std, reads))


def options_for(name: str, reads: Shape | None) -> dict[str, Any]:
    """Images in folders are read in the size that the model wants, or as they are where there is no model yet."""
    found = sets.source(name).name
    if found == "masks":                                    # which are read in tiles
        return {"channels": 1} if reads is not None and reads[0] == 1 else {}
    if found != "folder":
        return {}
    if reads is None:
        return {"size": None, "channels": 3}
    c, h, w = reads
    return {"size": (h or ANY_SIZE, w or ANY_SIZE), "channels": c if c in (1, 3) else 3, "crop_to_aspect_ratio": True}


def split(data: Any, share: float, seed: int) -> tuple[Any, Any]:
    """A training and a validation part, with their share of every class."""
    try:
        return sets.split(data, share, seed)
    except (DataError, ValueError) as error:
        raise DataError(f"{data.name}: {len(data)} images are too few to split off a validation part of {share:.2g}"
                        ) from error


def check_fit(name: str, image: tuple[int, ...], reads: Shape | None) -> None:
    if reads is None:
        return
    if len(reads) != 3 or len(image) != 3:
        raise DataError(f"the model reads {spell(reads)}, the images of {name} are {spell(image)}: a model for images "
                        "is needed")
    if reads[0] not in (None, image[0]) and image[0] != 1:
        raise DataError(f"the model reads {reads[0]} channel{'s' * (reads[0] != 1)}, the images of {name} have "
                        f"{image[0]}: grey images alone can be given more")


def shape_of(train: Any) -> Shape:
    """(c, h, w) of the images of a training part; None for h and w where they differ, 1 for c where all are grey.

    Of files it looks at some.
    """
    if getattr(train, "takes_indices", False):                              # one array of them
        return tuple(np.shape(train[0][0]))
    channels, sizes = 1, set()
    for i in np.linspace(0, len(train) - 1, min(len(train), LOOKED_AT)):
        image = train[int(i)][0]
        sizes.add(image.shape[1:])
        if not (image == image[:1]).all():
            channels = len(image)
    return (channels, *(sizes.pop() if len(sizes) == 1 else (None, None)))


def shape_for(takes: Shape | None, image: Shape, sides: tuple[int, int]) -> Shape | None:
    """What a model reads of images (c, h, w), h and w None where they differ, in the axes that it leaves open.

    takes: as `image_shape` gives it. sides: the least side that it takes, and its paper's. Between these the images
    stay as they are; beyond they are scaled, in their proportions, until the shorter side is there.
    """
    if takes is None or len(takes) != 3 or len(image) != 3 or None not in takes[1:]:
        return takes
    h, w = image[1] or ANY_SIZE, image[2] or ANY_SIZE
    least, most = sides
    short = min(h, w)
    wanted = max(min(short, most), least)
    return (takes[0], takes[1] or round(h * wanted / short), takes[2] or round(w * wanted / short))


def at_once(reads: Shape | None, most: int) -> int:
    """How many images of shape (c, h, w) go through a model together where nothing is learned."""
    c, h, w = reads if reads is not None and len(reads) == 3 else (None, None, None)
    return max(1, min(most, PIXELS // ((h or 1) * (w or 1))))


def spell(shape: Shape) -> str:
    return " x ".join(["any" if n is None else str(n) for n in shape])


def one_blas_thread() -> AbstractContextManager:
    """Inside, BLAS uses one thread. Matrix products as small as LeNet-5's gain nothing from two, and lose much where
    the cores have other work: then the threads wait for each other."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError('a run keeps BLAS to one thread with threadpoolctl, which is not installed: '
                          'pip install "minigrad[demo]"') from error
    return threadpool_limits(1, user_api="blas")


def image_shape(model: Module) -> Shape | None:
    """The shape of one example that a graph with one input reads, None for an open axis; None for other models."""
    if not isinstance(model, Graph) or len(model.inputs) != 1:
        return None
    shape: Any = model.node(model.inputs[0]).shape
    return tuple([n if isinstance(n, int) else None for n in shape[1:]])


def is_normalised(data: Any) -> bool:
    """Whether its images are floats, with the mean and std that it names."""
    return isinstance(data, Dataset) and data.images.dtype != np.uint8


def statistics_of(train: Any) -> tuple[Numbers, Numbers]:
    """Mean and std of a training part; those that float images were normalised with already."""
    if is_normalised(train):
        return train.mean, train.std
    sample = train
    if not getattr(train, "takes_indices", False) and len(train) > SAMPLE:         # files, each read from the disk
        sample = Subset(train, np.linspace(0, len(train) - 1, SAMPLE).astype(int))
    normalize = Normalize.of(sample)
    return list(normalize.mean), list(normalize.std)
