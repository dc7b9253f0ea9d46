"""Data sets by name, for the command line and for `data.load`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

from .cells import cells
from .cifar_files import cifar10, cifar100
from .dataset import DataError, TrainTest
from .image_folder import image_folder
from .mask_folder import mask_folder
from .mnist_files import fashion_mnist, mnist
from .uci_digits import digits


@dataclass(frozen=True)
class Source:
    """A data set that can be named. Its options are the keyword arguments of `read`."""

    name: str
    title: str                  # what pictures and listings call it
    about: str                  # in a line
    read: Callable[..., TrainTest]
    root: str                   # what root= is: "" where it takes none
    needs_root: bool = False    # whether it cannot do without one
    masks: bool = False         # whether targets are class maps (h, w) rather than classes

    @property
    def downloads(self) -> bool:
        """Whether `download=True` can fetch it."""
        return "download" in signature(self.read).parameters

    @property
    def options(self) -> dict[str, Any]:
        """Name -> default of what `load` takes for it, beside root and download."""
        return {name: p.default for name, p in signature(self.read).parameters.items()
                if p.kind is Parameter.KEYWORD_ONLY and name not in ("download", "progress")}


FILES = "the folder of the four IDX files; without, the cache"
ARCHIVE = "the folder of the binary archive or of what is in it; without, the cache"
SOURCES = {source.name: source for source in (
    Source("digits", "the UCI digits", "1,797 handwritten digits, 1 x 32 x 32; inside scikit-learn", digits, ""),
    Source("mnist", "MNIST", "70,000 handwritten digits, 1 x 32 x 32", mnist, FILES),
    Source("fashion_mnist", "Fashion-MNIST", "70,000 pieces of clothing, 1 x 32 x 32", fashion_mnist, FILES),
    Source("cifar10", "CIFAR-10", "60,000 photographs in 10 classes, 3 x 32 x 32", cifar10, ARCHIVE),
    Source("cifar100", "CIFAR-100", "60,000 photographs in 100 classes, 3 x 32 x 32", cifar100, ARCHIVE),
    Source("folder", "images in folders", "a folder or zip file with a folder of images for each class", image_folder,
           "the folder or zip file", needs_root=True),
    Source("cells", "drawn cells", "50 drawn images of cells with masks, 1 x 96 x 96; no files", cells, "",
           masks=True),
    Source("masks", "images and masks", "a folder or zip file with a folder of images and one of masks", mask_folder,
           "the folder or zip file", needs_root=True, masks=True),
)}


def names() -> list[str]:
    """The names that `load` knows."""
    return list(SOURCES)


def source(name: str) -> Source:
    """What there is to know of a data set by name, "fashion-mnist" and "fashion_mnist" alike. Raises DataError."""
    known = name.lower().replace("-", "_") if isinstance(name, str) else ""
    if known not in SOURCES:
        near = get_close_matches(known, SOURCES, 1)
        raise DataError(f"load: expected a data set, one of {', '.join(SOURCES)}, {name!r} came"
                        + (f": did you mean {near[0]}?" if near else ""))
    return SOURCES[known]


def load(name: str, root: str | os.PathLike[str] | None = None, *, download: bool = False, **options: Any) -> TrainTest:
    """A data set by name: `train, test = load("cifar10", download=True)`.

        load("digits")
        load("mnist", "data/mnist")                             # a folder of its files
        load("mnist", download=True, raw=True)                  # fetched into the cache; 28 x 28 bytes
        load("cifar100", download=True, coarse=True)
        load("folder", "flowers.zip", size=64)                  # a folder of images for each class
        load("cells", seed=1)                                   # drawn, with masks
        load("masks", "membrane", size=128, channels=1)         # images and masks

    root: see `source(name).root`. download: fetch what is missing. options: those of its own function (`mnist`,
    `cifar10`, `image_folder`, ...), listed by `source(name).options`.
    Raises DataError: no such name or option, and whatever is wrong with the data.
    """
    found = source(name)
    unknown = [option for option in options if option not in found.options]
    if unknown:
        there_are = f"the options {', '.join(found.options)}" if found.options else "no options"
        raise DataError(f"load: {found.name} has {there_are}, {unknown[0]}={options[unknown[0]]!r} came")
    if download and not found.downloads:
        raise DataError(f"load: {found.name} is not downloaded: {found.about}")
    if not found.root and root is not None:
        raise DataError(f"load: {found.name} takes no root, {os.fspath(root)!r} came: {found.about}")
    if found.needs_root and root is None:
        raise DataError(f"load: {found.name} needs root=, {found.root}")
    if download:
        options["download"] = True
    return found.read(root, **options) if found.root else found.read(**options)
