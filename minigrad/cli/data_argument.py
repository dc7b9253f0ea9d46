"""Which images a command reads: `--data`, `--root`, `--download`, or what a run says it was trained on."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import names, source
from ..train.parts import ALL, Parts, load_parts
from ..train.run_folder import RUN
from ..train.segmentation import pixel_counts
from .errors import Ended
from .forward import marks_pixels
from .grammar import name, nearest, one_of, positive, several
from .run_record import Run
from .subject import Subject, image_shape

PARTS = ("test", "validation", "train")
LABELLED = [name for name in names() if not source(name).masks]       # what a classifier can be trained on
MASKED = [name for name in names() if source(name).masks]             # what a network for every pixel can


@dataclass(frozen=True)
class Chosen:
    """A part of a data set. common: the class that the training images show most often."""

    parts: Parts
    part: Any
    name: str
    common: int

    @property
    def labels(self) -> np.ndarray:
        return self.part.labels


def add_data(parser: argparse.ArgumentParser, default: str, root_default: str) -> None:
    parser.add_argument("--data", metavar="NAME", type=one_of("data set", names()),
                        help=f"the data set: {', '.join(LABELLED[:-1])}, or {LABELLED[-1]}, which is any images, in "
                             f"a folder for each class; for U-Net {MASKED[0]} or {MASKED[1]}, a folder of images and "
                             f"one of masks (default: {default})")
    parser.add_argument("--root", metavar="DIR", type=name, help="the folder of its files, for folder and masks also a "
                        f"zip file (default: {root_default})")
    parser.add_argument("--download", action="store_true", help="fetch what is missing from the official address")


def add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--classes", metavar="A,B,...", type=several, help="learn these classes of the data alone, in "
                        "this order (default: all)")
    parser.add_argument("--per-class", metavar="N", type=positive, help="use N training images of each class, drawn by "
                        "the seed, those for validation among them (default: all)")


def check_data(data: str, root: str | None, download: bool) -> None:
    """Whether the three options go together."""
    found = source(data)
    if root is not None and not found.root:
        raise Ended(f"--root {root}: --data {data} takes no folder: {found.about}")
    if root is None and found.needs_root:
        raise Ended(f"--data {data} needs --root: {found.root}")
    if download and not found.downloads:
        raise Ended(f"--download: --data {data} is not fetched: {found.about}")


def chosen(model: Subject, args: argparse.Namespace) -> Chosen:
    """The part that was asked for, of the data that were asked for, as this model reads them."""
    run = model.run
    if run is None and args.data is None:
        raise Ended(f"{model.name} does not say what it was trained on: name the data with --data")
    data = args.data or (run.data if run else "")
    own = run if run and run.data == data else None             # the run, if it was trained on these data
    if own and data not in names():
        raise Ended(f"{own.folder / RUN}: names the data set {data!r}, which minigrad has not: "
                    f"{nearest(data, names())}")
    if args.part == "validation" and own is None:
        raise Ended(f"--part validation is what a run kept aside of its own data: {model.name} has none of {data}")
    root = args.root if args.root is not None else own.root if own else None
    check_data(data, root, args.download)
    check_answers(model, data)
    seed, share = (own.seed, own.get("settings", "validation", kind=float)) if own else (0, 0.5)
    parts = load_parts(data, root, args.download, image_shape(model), seed, share, statistics(run),
                       own.choice if own else ALL)
    learnt = [parts.train] if own else [parts.train, parts.validation]
    return Chosen(parts, getattr(parts, args.part), f"{data} {args.part}", commonest(learnt, len(parts.classes)))


def check_answers(model: Subject, data: str) -> None:
    """Whether a model answers what such data ask."""
    masks = source(data).masks
    if masks and not marks_pixels(model.graph):
        raise Ended(f"--data {data} has a class for every pixel: {model.name} gives one for each image and is measured "
                    f"on {', '.join(LABELLED[:-1])} or {LABELLED[-1]}")
    if not masks and marks_pixels(model.graph):
        raise Ended(f"--data {data} has a class for each image: {model.name} marks every pixel and is measured on "
                    f"{' or '.join(MASKED)}")


def commonest(parts: list[Any], k: int) -> int:
    """The class that most images, or most pixels of their masks, have."""
    counts = [np.bincount(part.labels, minlength=k) if part.labels is not None else pixel_counts(part, k)
              for part in parts]
    return int(np.sum(counts, 0).argmax())


def statistics(run: Run | None) -> Any:
    """What the images that a model learnt from were normalised with, as run.json says; None where nobody says."""
    if run is None:
        return None
    kind = (int, float, list)
    return run.get("data", "mean", kind=kind), run.get("data", "std", kind=kind)
