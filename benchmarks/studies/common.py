"""What the studies share: the images, how a run is trained and kept, the head of a result, the look of a picture."""

from __future__ import annotations

import json
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad import data, manual_seed, optim
from minigrad.backend import DeviceError, device_name, library_for
from minigrad.cli.grammar import device
from minigrad.data.transforms import Compose, Normalize, RandomCrop, RandomHorizontalFlip, ToFloat
from minigrad.graph import Graph
from minigrad.settings import get_num_threads
from minigrad.train import CSVLogger, History, ModelCheckpoint, evaluate, fit
from minigrad.train.pictures import DPI, TRAIN, VALIDATION

from ..common import described, machine, new_figure, positive, write_text, write_whole

COLOURS = (TRAIN, VALIDATION, "#1b9e77", "#7570b3", "#a6761d")        # of the lines of a picture
SPLIT_SEED = 0                  # which images are for validation, whatever the seed of the training
SETTINGS, RESULT = "settings.json", "result.json"
BATCH_AT_ONCE = 250             # images at once where nothing is learned


class Parts(NamedTuple):
    """Images (n, 3, h, w) float32, with mean 0 and standard deviation 1 in each channel of the training part."""

    train: data.Arrays
    validation: data.Arrays
    test: data.Arrays


# --- the options ------------------------------------------------------------------------------------------------

def study(name: str, description: str) -> ArgumentParser:
    """The options of a study: --folder, where runs, table and picture go."""
    parser = ArgumentParser(prog=f"python -m benchmarks.studies.{name}", description=description)
    parser.add_argument("--folder", type=Path, default=Path("runs/studies"), metavar="FOLDER",
                        help=f"where {name}.txt, {name}.png and the runs go (runs/studies)")
    return parser


def takes_training(parser: ArgumentParser, seeds: int, epochs: int, batch_size: int | None, rate: float,
                   rate_is: str = "the learning rate") -> None:
    """Add --seeds, by default 0 and so on, --epochs, --rate, and --batch-size unless that is None."""
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(seeds)), metavar="SEED",
                        help=f"a run each (0{f' to {seeds - 1}' * (seeds > 1)})")
    parser.add_argument("--epochs", type=positive, default=epochs, metavar="N", help=f"({epochs})")
    if batch_size is not None:
        parser.add_argument("--batch-size", type=positive, default=batch_size, metavar="N", help=f"({batch_size})")
    parser.add_argument("--rate", type=float, default=rate, help=f"{rate_is} ({rate:g})")


# --- the images -------------------------------------------------------------------------------------------------

def takes_images(parser: ArgumentParser, size: int, images: int | None) -> None:
    """Add the options of `read_images`."""
    parser.add_argument("--root", required=True, metavar="PATH", help="a folder or a zip file with train/CLASS/*.jpg "
                        "and test/CLASS/*.jpg: CIFAR-10 or a part of it")
    parser.add_argument("--size", type=positive, default=size, metavar="N",
                        help=f"height and width to which the images are scaled ({size})")
    parser.add_argument("--images", type=positive, default=images, metavar="N",
                        help=f"how many images to train on, of every class alike ({images or 'all'})")
    parser.add_argument("--validation", type=float, default=0.1, metavar="SHARE",
                        help="share of the training images that is held out for validation (0.1)")
    parser.add_argument("--device", type=device, default="cpu", help="where to train: cpu, cuda or cuda:NUMBER (cpu)")


def read_images(options: Namespace) -> Parts:
    """The images of --root in memory. Where they, or --device, cannot be had it ends with one line that says why."""
    try:
        library_for(options.device)
        found = data.image_folder(options.root, size=options.size)
        train, validation = data.split(found.train, options.validation, SPLIT_SEED)
        if options.images is not None and options.images < len(train):
            train, _ = data.split(train, 1 - options.images / len(train), SPLIT_SEED)
        parts = [data.to_memory(part) for part in (train, validation, found.test)]
        change = Compose([ToFloat(), Normalize.of(parts[0])])
    except (data.DataError, OSError) as error:
        raise SystemExit(f"--root {options.root}: {error}") from error
    except DeviceError as error:
        raise SystemExit(f"--device {options.device}: {error}") from error
    return Parts(*[data.Arrays(change(part.inputs)[0], part.targets, name=part.name, classes=part.classes)
                   for part in parts])


def crop_and_flip(size: int) -> Compose:
    """Shifted by up to an eighth, 4 pixels of 32, zeros coming in, and mirrored: He et al. 2015, section 4.2."""
    return Compose([RandomCrop(padding=max(size // 8, 1)), RandomHorizontalFlip()])


# --- a run ------------------------------------------------------------------------------------------------------

def sgd(rate: float, weight_decay: float = 1e-4) -> Callable[[Any], optim.Optimizer]:
    """SGD with momentum 0.9."""
    return lambda parameters: optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=weight_decay)


def run(folder: Path, settings: Mapping[str, Any], make: Callable[[], Graph], parts: Parts, seed: int,
        **options: Any) -> History:
    """Train a model, or what is left of its training, and read the test part once at the end; its history.

    folder: of this run; after every epoch it has the history and a checkpoint, at the end the test error. A run that
    has ended is not run again. settings: what it was run with; in a folder of other settings it ends with a line.
    options: of `fit`, the rest of which is the same for all studies.
    """
    kept = folder / SETTINGS
    if kept.exists() and kept.read_text() != spelled(settings):
        raise SystemExit(f"{folder} has a run with other settings, {kept.read_text().strip()}: choose another --folder")
    write_text(kept, spelled(settings).rstrip())
    if not (folder / RESULT).exists():
        manual_seed(seed)
        model = make()
        fit(model, parts.train, loss="cross_entropy", metrics=["accuracy"], validation=parts.validation, seed=seed,
            callbacks=[CSVLogger(folder / "history.csv"), ModelCheckpoint(folder, save_best=False)], resume=True,
            **options)
        found = evaluate(model, parts.test, loss="cross_entropy", metrics=["accuracy"], batch_size=BATCH_AT_ONCE)
        write_text(folder / RESULT, json.dumps({"test_error": error(found["accuracy"])}))
        for file in folder.glob("*.safetensors"):
            file.unlink()
    return History.from_csv(folder / "history.csv")


def is_of(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Whether `folder` has epochs of a run with these settings."""
    return (folder / "history.csv").exists() and (folder / SETTINGS).read_text() == spelled(settings)


def spelled(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings) + "\n"


def error(accuracy: Any) -> Any:
    """In percent: of a number, or of each of several."""
    return 100 * (1 - np.asarray(accuracy, float)) if np.ndim(accuracy) else 100 * (1 - float(accuracy))


def test_error(folder: Path) -> float | None:
    """What `run` found on the test part, in percent; None before its end."""
    kept = folder / RESULT
    return json.loads(kept.read_text())["test_error"] if kept.exists() else None


def steps(options: Namespace, images: int) -> int:
    """Of a whole training."""
    return options.epochs * -(-images // options.batch_size)


def seeds(options: Namespace) -> str:
    """How many there are, in words."""
    return f"{len(options.seeds)} seed" + "s" * (len(options.seeds) > 1)


# --- the result -------------------------------------------------------------------------------------------------

def amount(options: Namespace, images: int, kind: str) -> str:
    """How much was trained: on so many images of a kind, so many epochs and steps."""
    return (f"{images:,} {kind}, {options.epochs} epochs, {steps(options, images):,} steps of {options.batch_size} "
            "images")


def report(title: str, parser: ArgumentParser, arguments: Sequence[str] | None, facts: Mapping[str, str],
           *tables: str, trained_on: str = "cpu") -> str:
    """What is printed and written: what it is, the command, the machine, how it was trained, the tables."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--root" in words:
        where = words.index("--root") + 1
        words[where] = "path/to/" + Path(words[where]).name
    if "--folder" in words:                     # where it was written says nothing about the result
        where = words.index("--folder")
        del words[where:where + 2]
    known = {"command": f"{parser.prog} {shlex.join(words)}".strip(), **machine()}
    known["threads"] += f"; {get_num_threads()} of minigrad's"
    if trained_on != "cpu":
        known["device"] = device_name(trained_on)
    return "\n\n".join([title, described(known), described(facts), *tables])


def write_study(name: str, folder: Path, text: str, figure: Any) -> None:
    """Print the report and write it, with its picture, to the folder."""
    write_text(folder / f"{name}.txt", text)
    write_whole(folder / f"{name}.png", lambda temporary: figure.savefig(temporary, dpi=DPI, format="png"))
    print(f"{text}\n\nwritten to {folder / name}.txt and .png", flush=True)


def panels(columns: int, width: float = 5.2, height: float = 4.4, **options: Any) -> tuple[Any, list[Any]]:
    """A figure with so many axes beside each other, with a light grid."""
    figure = new_figure(width * columns, height)
    found = figure.subplots(1, columns, squeeze=False, **options)[0]
    for axes in found:
        axes.grid(alpha=0.3)
    return figure, list(found)


def legend_below(axes: Any, columns: int = 3) -> None:
    """What the lines are, under the axes."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=columns, frameon=False, fontsize=9)
