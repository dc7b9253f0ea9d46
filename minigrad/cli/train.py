"""`minigrad train`: train a model on a data set and leave a folder that says how it went."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from contextlib import suppress
from inspect import signature
from typing import Any

from .. import models
from ..data import source
from ..data.transforms import AUGMENTATIONS
from ..train import Callback, ProgressBar
from ..train.checkpoint import LAST
from ..train.fit import OPTIMIZERS
from ..train.job import Job
from ..train.job import run as run_job
from ..train.parts import Choice
from ..train.recipes import FAMILIES, RECIPES, Settings
from ..train.segmentation import FOREGROUND
from .data_argument import LABELLED, MASKED, add_choice, add_data, check_data
from .errors import INTERRUPTED, TERMINATED, Ended
from .grammar import (
    Parser,
    add_json,
    add_quiet,
    add_views,
    add_workers,
    device,
    name,
    one_of,
    positive,
    rate,
    share,
    whole,
    width,
    wrapped,
)
from .output import percent, plural, table, tell, tell_json
from .run_record import Run, unfinished
from .signals import Terminated

DRAWN = "cells"                 # what networks for every pixel are trained on unless something else is named
MARKERS = [model for model in models.names() if models.about(model).masks]
BY_DATA, BY_MODEL = "(default: the data set's, below)", ", or the model's"
USAGE = "train MODEL"
ABOUT = """
Train a model, choose an epoch by a part of the training images that is kept aside, read the test part once, and leave a
run folder: run.json (command, seed, versions, hardware, settings, result), history.csv, weights.safetensors and
pictures.
"""
EXAMPLES = [
    ("minigrad train lenet5", "LeNet-5 on the UCI digits, in a minute or two, into runs/lenet5-digits-seed0"),
    ("minigrad train lenet5 --epochs 3 --lr 0.1 --out runs/try", "briefly, in a folder of its own"),
    ("minigrad train lenet5 --optimizer adam --patience 10 --seed 1",
     "with another optimizer, and no longer than there is progress"),
    ("minigrad train lenet5 --data mnist --download", "on MNIST, fetched into the cache first"),
    ("minigrad train resnet20_cifar --data folder --root photos", "on one's own images, one folder for each class"),
    ("minigrad train googlenet --data folder --root photos.zip --width 0.25", "a large model in small, out of a zip "
     "file"),
    ("minigrad train unet --width 0.25", "a small U-Net on drawn cells, which need no files"),
    ("minigrad train unet --data masks --root membrane --width 0.25", "on a folder of images and one of their masks"),
    ("minigrad train --resume runs/try", "go on where Ctrl-C, a crash or a power cut has stopped a run"),
]
BY_PAPER = """
These are for LeNet-5. For other models --lr and --weight-decay are their papers', --lr in proportion to a smaller
batch:
"""
MORE = """
Another optimizer than sgd brings its own usual rate and weight decay, unless they are given. Narrow forms (--width) of
AlexNet and of VGG without BatchNorm start sooner with --optimizer adam. Validation is the share of
the training images that chooses the epoch, where the data have no such part of their own.

Ctrl-C ends a run after its step, with a checkpoint; a second Ctrl-C ends it at once. Checkpoints come every 30 seconds
too, from which a run that crashed goes on. With --resume it comes to the very result that it would have had. It
takes everything from run.json; --epochs may be larger than there.

The model gets as many outputs as the data have classes, and as many channels as their images. One that takes any size
reads the images as they are, where they are not too small for it; files of several sizes are scaled to 64 x 64. One
for a single size, or for larger images, has them resized, and a line says so. Auxiliary heads count as their paper
has it, and do not run after the training.

U-Net gives every pixel a class and learns from images with masks: cells, which are drawn, or masks, which is a folder
of images and one of masks with the same names. It learns from tiles at random places (--tile), turned, mirrored and
bent together with their masks, and answers images whole. The epoch is chosen by the intersection over union (IoU) of
the foreground on the validation images; of more than two classes by their mean.
"""


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES, f"{defaults()}\n\n{BY_PAPER.strip()}\n\n{families()}\n\n{MORE}")
    parser.add_argument("model", metavar="MODEL", nargs="?", help="the name of a model (see minigrad models)")
    parser.add_argument("--resume", metavar="RUN", type=name,
                        help="go on with an unfinished run, in its folder (default: begin a new one)")
    add_data(parser, "digits; cells for U-Net", "the cache")
    add_choice(parser)
    parser.add_argument("--out", metavar="DIR", type=name, help="the run folder; a finished run in it is kept until "
                        "this one has finished, and then replaced (default: runs/MODEL-DATA-seedSEED)")
    parser.add_argument("--width", metavar="X", type=width, help="multiply the model's channels, as 0.25 for a small "
                        "form of a large model (default: 1, the paper's)")
    parser.add_argument("--tile", metavar="N", type=positive, help="the side of the tiles that U-Net learns from, in "
                        "pixels (default: 128, less for small images; of unet_paper the least whose map is that large)")
    add_views(parser, "1")
    add_training(parser)
    return parser


def add_training(parser: Parser, usual: Settings | None = None) -> None:
    """The options that say how to train. usual: what they are where they are not given; None: that is the data's."""
    def default(name: str, by_paper: str = "") -> str:
        return BY_DATA if usual is None else f"(default: {getattr(usual, name):g}{by_paper})"

    parser.add_argument("--seed", metavar="N", type=whole,
                        help="of weights, split, order and augmentation (default: 0)")
    parser.add_argument("--epochs", metavar="N", type=positive,
                        help=f"passes over the training images {default('epochs')}")
    parser.add_argument("--batch-size", metavar="N", type=positive, help=f"images a step {default('batch_size')}")
    parser.add_argument("--optimizer", metavar="NAME", type=one_of("optimizer", OPTIMIZERS),
                        help=f"one of {', '.join(OPTIMIZERS)} (default: sgd, with Nesterov's momentum, 0.9"
                             f"{'; adam for masks' * (usual is None)})")
    parser.add_argument("--lr", metavar="RATE", type=rate, help="learning rate of the first step; it falls to 0 along "
                        f"a cosine {default('learning_rate', BY_MODEL)}")
    parser.add_argument("--weight-decay", metavar="X", type=share,
                        help=f"how strongly weights are pulled to 0 {default('weight_decay', BY_MODEL)}")
    parser.add_argument("--augment", metavar="HOW", type=one_of("augmentation", ["auto", *AUGMENTATIONS]),
                        help=f"change the training images at random: {', '.join(AUGMENTATIONS)}, or auto, as is usual "
                             "for the data (default: auto)")
    parser.add_argument("--patience", metavar="N", type=positive,
                        help="end after so many epochs without a better one (default: never)")
    parser.add_argument("--health", action="store_true", default=None, help="watch how gradients fare, every tenth "
                        "step; write health.txt, health.csv and health.png, and say the verdict (default: do not)")
    parser.add_argument("--device", type=device, help="cpu, cuda or cuda:NUMBER (default: cpu)")
    add_workers(parser)
    add_quiet(parser)
    add_json(parser)


def defaults() -> str:
    """What the data sets set, as an indented table."""
    rows = [[data, str(recipe.settings.epochs), str(recipe.settings.batch_size), f"{recipe.settings.learning_rate:g}",
             f"{recipe.settings.weight_decay:g}", f"{100 * recipe.validation:.0f} %"]
            for data, recipe in RECIPES.items()]
    heads = ["defaults of", "--epochs", "--batch-size", "--lr", "--weight-decay", "validation"]
    return indented(table(heads, rows, right=heads[1:]))


def families() -> str:
    """What the papers set, as an indented table."""
    rows = [[f"{start}...", f"{family.learning_rate:g}", str(family.batch_size), f"{family.weight_decay:g}"]
            for start, family in FAMILIES.items()]
    heads = ["of models", "--lr", "at a batch of", "--weight-decay"]
    return indented(table(heads, rows, right=heads[1:]))


def indented(text: str) -> str:
    return "\n".join([f"  {line}" for line in text.splitlines()])


def run(args: argparse.Namespace, command: str) -> int:
    return trained(new_job(args) if args.resume is None else resumed_job(args), args, command)


def trained(job: Job, args: argparse.Namespace, command: str, *more: Callback) -> int:
    """Run a job and tell its result. more: what else is shown meanwhile. Ended where a signal stops it and it can go
    on."""
    shown = [*more, ProgressBar("images")]
    try:
        result = run_job(job, command) if args.quiet else run_job(job, command, shown, tell_aside)
    except (KeyboardInterrupt, Terminated) as error:
        if not (unfinished(job.folder) / LAST).exists():
            raise
        how, status = (f"terminated ({error})", TERMINATED) if isinstance(error, Terminated) else \
            ("interrupted", INTERRUPTED)
        command = f"minigrad {command_of(job)} --resume {shlex.quote(job.folder)}"
        raise Ended(f"{how}: {command} goes on from here", status) from error
    if args.json:
        tell_json(result)
    else:
        tell(told(result))
    return 0


def new_job(args: argparse.Namespace) -> Job:
    """What shall be run."""
    if args.model is None:
        raise Ended("the following arguments are required: MODEL, or --resume RUN (see minigrad train --help)")
    chosen = architecture(args.model, args.width)
    data = args.data or (DRAWN if models.about(args.model).masks else "digits")
    check_fit(args.model, data, args.tile, args.views)
    return Job(args.model, tile=args.tile, views=args.views or 1, **chosen, **asked(args, data))


def asked(args: argparse.Namespace, data: str) -> dict[str, Any]:
    """What a new job must know of the data and the training, as the options say it."""
    check_data(data, args.root, args.download)
    root = None if args.root is None else os.path.abspath(args.root)        # run.json is read from anywhere
    seed = args.seed or 0
    return {"data": data, "root": root, "download": args.download, "seed": seed, "out": args.out,
            "choice": Choice(args.classes, args.per_class, seed), "device": args.device or "cpu", "epochs": args.epochs,
            "batch_size": args.batch_size, "learning_rate": args.lr, "weight_decay": args.weight_decay,
            "optimizer": args.optimizer, "augment": args.augment, "patience": args.patience, "workers": args.workers,
            "health": bool(args.health)}


def architecture(model: str, width: float | None) -> dict[str, Any]:
    """What a job must know of a model: how to make it, and what its card says."""
    make, card = models.find(model), models.about(model)
    if width is not None and "width" not in signature(make).parameters:
        raise Ended(f"--width {width:g}: {model} has the maps that its paper's tables name, no more and no fewer")
    given = {} if width is None else {"width": width}
    return {"make_model": lambda classes, channels, **options: make(num_classes=classes, in_channels=channels, **given,
                                                                    **options),
            "called": card.title, "loss_weights": card.loss_weights, "sides": (card.least_side, card.image[1]),
            "tiles": card.sides, "width": width}


def check_fit(model: str, data: str, tile: int | None, views: int | None) -> None:
    """Whether a model is for such data, tiles and views."""
    sides, masks = models.about(model).sides, source(data).masks
    if sides is None and masks:
        raise Ended(f"--data {data} has a class for every pixel: {model} gives one for each image and learns from "
                    f"{', '.join(LABELLED[:-1])} or {LABELLED[-1]}; for every pixel there are {', '.join(MARKERS)}")
    if sides is not None and not masks:
        raise Ended(f"--data {data} has a class for each image: {model} marks every pixel and learns from images with "
                    f"masks, --data {' or --data '.join(MASKED)}")
    for option, number in (("--tile", tile), ("--views", views)):
        if number is not None and sides is None:
            raise Ended(f"{option} {number}: {model} reads images whole and once, tiles and views are for "
                        f"{', '.join(MARKERS)}")
    if tile is not None and sides is not None and not sides.fits(tile):
        raise Ended(f"--tile {tile}: {model} halves its maps four times and takes tiles of {sides.least}, "
                    f"{sides.least + sides.step}, {sides.least + 2 * sides.step}, ... pixels a side: "
                    f"{' and '.join(map(str, sides.near(tile)))} are near")


def command_of(job: Job) -> str:
    return "train" if job.origin is None else "finetune"


def tell_aside(line: str) -> None:
    """Say something beside the result, on stderr."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


# --- going on -----------------------------------------------------------------------------------------------------

OPTIONS = {"--batch-size": "batch_size", "--lr": "learning_rate", "--weight-decay": "weight_decay",
           "--optimizer": "optimizer", "--augment": "augment", "--patience": "patience", "--device": "device",
           "--health": "health"}


def resumed_job(args: argparse.Namespace) -> Job:
    """An unfinished run, as its run.json says; Ended where an option contradicts that."""
    run = Run(unfinished(args.resume))
    width = run.get("settings", "width", kind=(int, float, type(None)), default=None)
    tile = run.get("settings", "tile", kind=(int, type(None)), default=None)
    views = run.get("settings", "views", kind=int, default=1)
    known = goes_on(args, run, "train", {"MODEL": run.model, "--width": width, "--tile": tile, "--views": views})
    check_fit(run.model, run.data, tile, None)
    return Job(run.model, tile=tile, views=views, **architecture(run.model, width), **known)


def goes_on(args: argparse.Namespace, run: Run, command: str, own: dict[str, Any]) -> dict[str, Any]:
    """What a job must know of the data and the training to go on with a run of `command`; Ended where an option
    contradicts that, of which `own` has those that other commands do not have, and the run's values."""
    if run.command != command:
        raise Ended(f"{args.resume}: was begun by minigrad {run.command}, and goes on with it: minigrad {run.command} "
                    f"--resume {args.resume}")
    settings = run.get("settings", kind=dict)
    known = {option: settings.get(name) for option, name in OPTIONS.items()}
    check_contradictions(args, run, {**known, **own, "--data": run.data, "--seed": run.seed,
                                     "--classes": run.choice.classes, "--per-class": run.choice.per_class})
    if run.status == "finished":
        raise Ended(f"{args.resume}: the run has finished, there is nothing to resume")
    epochs = run.get("settings", "epochs", kind=int)
    if args.epochs is not None and args.epochs < epochs:
        raise Ended(f"--epochs {args.epochs}: the run in {args.resume} shall have {epochs}, and may get more of them "
                    "but not fewer")
    given = {name: settings[name] for name in OPTIONS.values() if name in settings}
    held_out = run.get("settings", "validation", kind=float)
    root = args.root if args.root is not None else run.root
    check_data(run.data, root, args.download)
    return {**given, "data": run.data, "root": root, "download": args.download, "seed": run.seed, "out": args.resume,
            "choice": run.choice, "epochs": args.epochs or epochs, "validation": held_out, "workers": args.workers,
            "resume": True}


def check_contradictions(args: argparse.Namespace, run: Run, known: dict[str, Any]) -> None:
    """Options beside --resume that say something else than run.json, all of them by name."""
    came = {option: getattr(args, option.lstrip("-").replace("-", "_").lower()) for option in known}
    wrong = [f"{option} {spelled(came[option])} (it has {spelled(known[option])})" for option in known
             if came[option] is not None and came[option] != known[option]]
    if args.out is not None:
        wrong.append(f"--out {args.out} (it goes on where it is)")
    if wrong:
        raise Ended(f"--resume {run.folder}: contradicted by {', '.join(wrong)}: a run goes on as it began; only "
                    "--epochs may be larger")


def spelled(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def told(result: dict[str, Any]) -> str:
    """The result for people."""
    if "test_iou" in result:
        return "\n".join([wrapped(line) for line in told_of_masks(result)])
    lines = [f"test accuracy {percent(result['test_accuracy'])} ({plural(result['test_errors'], 'error')} in "
             f"{result['test_images']:,} images; always answering {result['baseline_class']}: "
             f"{percent(result['baseline_accuracy'])})",
             f"weights of epoch {result['chosen_epoch']}, which had the best validation accuracy, "
             f"{percent(result['validation_accuracy'])}",
             f"trained in {result['seconds']:.1f} s; weights, history and pictures are in {result['folder']}"]
    return "\n".join([wrapped(line) for line in lines])


def told_of_masks(result: dict[str, Any]) -> list[str]:
    """The same of a network that gives every pixel a class."""
    of = f"IoU of {list(result['test_class_iou'])[FOREGROUND]}" if len(result["test_class_iou"]) == 2 else "mean IoU"
    return [f"test accuracy {percent(result['test_accuracy'])} of {result['test_pixels']:,} pixels in "
            f"{plural(result['test_images'], 'image')}, {of} {percent(result['test_iou'])} (always answering "
            f"{result['baseline_class']}: {percent(result['baseline_accuracy'])}, {percent(result['baseline_iou'])})",
            f"weights of epoch {result['chosen_epoch']}, which had the best validation IoU, "
            f"{percent(result['validation_iou'])}",
            f"trained in {result['seconds']:.1f} s; weights, history and pictures are in {result['folder']}"]
