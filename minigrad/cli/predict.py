"""`minigrad predict`: what a trained model sees in image files."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..backend import library_for
from ..train.parts import Prepare, at_once
from ..train.run_folder import RUN
from .bar import shown
from .data_argument import statistics
from .errors import BAD_INPUT, Ended, complain
from .forward import log_probabilities, marks_pixels
from .grammar import Parser, add_device, add_json, add_quiet, add_views, name, one_of, positive
from .images import ImageError, Reader, pillow
from .masks import predict_masks
from .output import columns, percent, plural, table, tell, tell_json
from .subject import TRAINED, Subject, image_shape, trained

# Data sets that are bright on a dark ground: the size of their images, and the side of what is drawn in these.
FRAMES: dict[str, tuple[tuple[int, int], int | None]] = {
    "digits": ((8, 8), 24), "mnist": ((28, 28), 20), "fashion_mnist": ((28, 28), None)}

AT_ONCE = 64                    # images that are read before they are answered, at most

USAGE = "predict RUN IMAGE..."
ABOUT = """
Say what a trained model sees in images: files of any size that Pillow can read, or folders of them.
"""
EXAMPLES = [
    ("minigrad evaluate runs/lenet5-digits-seed0 --out look", "makes images to try it on"),
    ("minigrad predict runs/lenet5-digits-seed0 look/images", "what the run's model sees in them"),
    ("minigrad predict runs/lenet5-digits-seed0 look/images/01*.png --top 5", "the five likeliest classes of one"),
    ("minigrad predict runs/unet-cells-seed0 tissue.png --out masks", "a mask of it, from a network that marks pixels"),
]
MORE = """
An image is made what the model has learnt from: it gets the model's channels, size and normalisation.

MNIST, Fashion-MNIST and the UCI digits are bright on a dark ground. For a model that has learnt them a picture with a
bright edge, as ink on paper, is inverted (--invert says otherwise); and for digits what is drawn is cut out and put in
the middle, as the makers of MNIST did (--whole leaves it in its place). Other pictures are scaled until they cover the
input, and what stands out is cut off (with --whole they are padded instead). An image that has the size of the training
images already is taken as it is.

A network that marks every pixel, as U-Net, takes images of any size as they are, in tiles where they are large; its
masks have 0 and 255 for two classes, else the numbers of the classes, with colours.

What is no image is named on stderr, the others are answered, and the status is 2.
"""


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES, MORE)
    parser.add_argument("run", metavar="RUN", help=TRAINED)
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="an image file, or a folder of images")
    parser.add_argument("--out", metavar="DIR", type=name, help="the folder for the masks of a network that marks "
                        "every pixel, NAME_mask.png, and NAME_overlay.png (default: none, only the shares are told)")
    parser.add_argument("--top", metavar="K", type=positive, default=3, help="how many classes to name (default: 3)")
    parser.add_argument("--invert", metavar="WHEN", type=one_of("word", ("auto", "yes", "no")), default="auto",
                        help="swap dark and bright: yes, no, or auto, which is told below (default: auto)")
    parser.add_argument("--whole", action="store_true", help="scale the whole picture instead of cutting it")
    add_views(parser, "the run's")
    add_device(parser)
    add_quiet(parser)
    add_json(parser)
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    pillow()
    library_for(args.device)                    # DeviceError before anything else
    model = trained(args.run)
    if marks_pixels(model.graph):
        return predict_masks(args, model, *found_in([Path(word) for word in args.images]))
    if args.out is not None:
        raise Ended(f"--out {args.out} is for masks, {model.name} gives a class for each image")
    reader, prepare = reader_for(model, args)
    files, problems = found_in([Path(word) for word in args.images])
    answers = []
    size = at_once(prepare.reads, AT_ONCE)
    groups = [files[i:i + size] for i in range(0, len(files), size)]
    for group in shown(groups, len(groups), "images", args.quiet):
        read, bad = read_all(reader, group)
        rows, unfit = answered(model, prepare, read, args.device)
        answers += [answer(path, row, names_of(model, len(row)), args.top) for path, row in rows]
        problems += bad + unfit
    if args.json:
        tell_json({"run": args.run, "images": answers,
                   "errors": [{"image": str(path), "error": problem} for path, problem in problems],
                   **({"error": summed_up(problems), "status": BAD_INPUT} if problems else {})})
    elif answers:
        tell(told(answers))
    for path, problem in problems:
        complain(f"{path}: {problem}", BAD_INPUT)
    return BAD_INPUT if problems else 0


# --- from files to answers ----------------------------------------------------------------------------------------

def reader_for(model: Subject, args: argparse.Namespace) -> tuple[Reader, Prepare]:
    """How files become examples like those of the run's data set, and what examples go through before the model."""
    reads, run = image_shape(model), model.run
    mean, std = statistics(run) or (0.0, 1.0)           # a model in a file normalises by itself, or takes 0..1
    image: tuple[int | None, ...] = reads
    if run is not None:
        image = tuple(run.get("data", "image", kind=list))
        if len(image) != 3 or not all([isinstance(n, int) and n > 0 for n in image]):
            raise Ended(f"{run.folder / RUN}: is damaged: expected data.image to be three positive sizes")
    if image[0] not in (1, 3, None):
        raise Ended(f"{model.name} reads {image[0]} channels, image files have 1 or 3")
    native, box = FRAMES.get(run.data if run else "", (None, None))
    dark = native is not None or run is None and image[0] == 1
    invert = "no" if args.invert == "auto" and not dark else args.invert
    return Reader(image, native, box, mean, std, invert, args.whole), Prepare(mean, std, reads)


def found_in(paths: list[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The files to read: folders give their images, in the order of their names; and what is wrong."""
    endings = set(pillow().registered_extensions())
    files, problems = [], []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
            continue
        inside = sorted([file for file in path.rglob("*") if file.suffix.lower() in endings and file.is_file()])
        files += inside
        if not inside:
            problems.append((path, "is a folder without images"))
    return files, problems


def read_all(reader: Reader, files: list[Path]) -> tuple[list[tuple[Path, np.ndarray]], list[tuple[Path, str]]]:
    """The images (c, h, w) of some files, and what is wrong with the others."""
    read, problems = [], []
    for file in files:
        try:
            read.append((file, reader.read(file)))
        except ImageError as error:
            problems.append((file, str(error)))
    return read, problems


def answered(model: Subject, prepare: Prepare, read: list[tuple[Path, np.ndarray]],
             device: str) -> tuple[list[tuple[Path, np.ndarray]], list[tuple[Path, str]]]:
    """log p (k,) of each image, all at once where they have one size; and those that do not fit into the model."""
    alike = len({x.shape for _, x in read}) <= 1
    groups = [read] if alike and read else [[one] for one in read]
    rows, problems = [], []
    for group in groups:
        images, _ = prepare(np.stack([x for _, x in group]))
        try:
            logs = log_probabilities(model.graph, [(images, None)], 1, device, quiet=True)
        except Ended as error:
            problems += [(path, str(error)) for path, _ in group]
        else:
            rows += [(path, row) for (path, _), row in zip(group, logs, strict=True)]
    return rows, problems


def names_of(model: Subject, k: int) -> list[str]:
    names = model.run.classes if model.run else []
    return [*names, *map(str, range(len(names), k))][:k]


def answer(path: Path, logs: np.ndarray, names: list[str], top: int) -> dict[str, Any]:
    """The likeliest classes of an image, log p (k,)."""
    order = np.argsort(-logs, kind="stable")[:top]
    return {"image": str(path), "classes": [
        {"class": names[i], "index": int(i), "probability": float(np.exp(logs[i]))} for i in order]}


def summed_up(problems: list[tuple[Path, str]]) -> str:
    """What is wrong, in a line."""
    (path, problem), *others = problems
    return f"{path}: {problem}" + (f", and {plural(len(others), 'other image')} too" if others else "")


# --- telling ------------------------------------------------------------------------------------------------------

def told(answers: list[dict[str, Any]]) -> str:
    """A line an image, as far as that fits; else a block each."""
    others = len(answers[0]["classes"]) - 1
    rows = [[shown["image"], shown["classes"][0]["class"], percent(shown["classes"][0]["probability"]),
             ", ".join([f"{c['class']} ({percent(c['probability'])})" for c in shown["classes"][1:]])]
            for shown in answers]
    text = table(["image", "answer", "sure", "or" if others else ""], rows, right=["sure"])
    if max([len(line) for line in text.splitlines()]) <= columns():
        return text
    return "\n".join([block(shown) for shown in answers])


def block(shown: dict[str, Any]) -> str:
    lines = [[percent(c["probability"]), c["class"]] for c in shown["classes"]]
    return shown["image"] + "\n" + "\n".join([f"  {sure:>9}  {name}" for sure, name in lines])
