"""Transfer learning: what a network that knows one half of the classes brings to the other half, in few images.

    python -m benchmarks.studies.transfer --root path/to/cifar10-jpeg-subset.zip --out transfer.txt --plot transfer.png

A residual net learns the first half of the classes of an image folder. Of each of the other classes there are 10, 20 or
50 images, and three ways to learn them: frozen features (the net as it is, a new linear layer alone learns), fine-tuned
(all of the net learns on, with a new linear layer) and from scratch (fresh weights).

The seed of a run chooses its images, the new weights, the order and the augmentation; the net is trained beforehand
once. Learning rate and number of steps of each way are chosen by a share of the training images (`--validation`) that
no run learns from, in runs with a seed of their own, at the middle number of images. The test part is read once, at the
end of each run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import process_time
from typing import Any, NamedTuple

import minigrad
from minigrad import data
from minigrad.data.transforms import AUGMENTATIONS, Compose, Normalize, ToFloat
from minigrad.models.resnet import resnet_cifar
from minigrad.optim import SGD
from minigrad.train import evaluate, fit
from minigrad.train.job import one_blas_thread

from ..common import described, machine, new_figure, plain_ticks, positive, table, write_csv, write_text, write_whole

ARMS = ("frozen features", "fine-tuned", "from scratch")
COLOURS = dict(zip(ARMS, ("#1b9e77", "#1f77b4", "#d95f02"), strict=True))
RATES, STEPS = (0.01, 0.05, 0.2), (60, 150)     # what is chosen among
BATCH, DECAY = 25, 5e-4
FIRST_RATE, FIRST_BATCH = 0.1, 64               # of the training on the first classes
CHOOSING = 100                                  # the seed of the runs that choose rate and steps
PREPARE = [ToFloat(), Normalize([0.5] * 3, [0.25] * 3)]
COLUMNS = ("arm", "images", "seed", "rate", "steps", "validation", "test", "cpu_seconds")
Row = dict[str, Any]


class Half(NamedTuple):
    """Some classes of a folder, in memory: their training images, those kept aside, and the test part."""

    train: Any
    validation: Any
    test: Any


@dataclass(frozen=True)
class Recipe:
    """How an arm learns: the rate of the first step, which falls to 0 along a cosine, and how many steps."""

    rate: float
    steps: int


# --- data -----------------------------------------------------------------------------------------------------

def halves(root: str, validation: float) -> tuple[Half, Half]:
    """The first and the second half of the classes of a folder; a share of the training images is kept aside."""
    found = data.image_folder(root)
    classes, middle = found.train.classes, len(found.train.classes) // 2

    def half(names: Sequence[str]) -> Half:
        train, test = [data.to_memory(data.of_classes(part, names)) for part in found]
        return Half(*data.split(train, validation, seed=0), test)

    return half(classes[:middle]), half(classes[middle:])


# --- training ---------------------------------------------------------------------------------------------------

def learn(model: Any, train: Any, recipe: Recipe, batch: int, seed: int) -> float:
    """Train what of the model is not frozen; the processor's seconds."""
    epochs = max(1, round(recipe.steps / -(-len(train) // batch)))
    loader = data.Loader(train, batch, shuffle=True, seed=seed, transform=Compose([AUGMENTATIONS["crop-flip"],
                                                                                   *PREPARE]))
    started = process_time()
    fit(model, loader, loss="cross_entropy", epochs=epochs, schedule="cosine",
        optimizer=lambda ps: SGD(ps, lr=recipe.rate, momentum=0.9, nesterov=True, weight_decay=DECAY))
    return process_time() - started


def accuracy(model: Any, part: Any) -> float:
    loader = data.Loader(part, 250, transform=Compose(PREPARE))
    return evaluate(model, loader, metrics=["accuracy"])["accuracy"]


@dataclass(frozen=True)
class Study:
    """What all runs share: a function of a number of classes that gives a fresh net, the trained one, the new data."""

    fresh: Callable[[int], Any]
    before: Any
    second: Half

    def begun(self, arm: str) -> Any:
        """The network as an arm begins; the trained one stays as it is."""
        classes = len(self.second.train.classes)
        if arm == "from scratch":
            return self.fresh(classes)
        model = self.before.replace_head(num_classes=classes, copy=True)
        return model.freeze(until="flatten") if arm == "frozen features" else model

    def run(self, arm: str, images: int, recipe: Recipe, seed: int, test: bool) -> Row:
        """Learn from so many images of each class; measured on the images kept aside, or on the test part."""
        minigrad.manual_seed(seed)
        model = self.begun(arm)
        seconds = learn(model, data.per_class(self.second.train, images, seed), recipe, BATCH, seed)
        return {"arm": arm, "images": images, "seed": seed, "rate": recipe.rate, "steps": recipe.steps,
                "validation": None if test else accuracy(model, self.second.validation),
                "test": accuracy(model, self.second.test) if test else None, "cpu_seconds": seconds}


# --- what comes out ---------------------------------------------------------------------------------------------

def summary(rows: Sequence[Row]) -> list[Row]:
    """Median and worst over the seeds, of each arm and number of images."""
    tested = [row for row in rows if row["test"] is not None]
    found = []
    for arm, images in dict.fromkeys([(row["arm"], row["images"]) for row in tested]):
        runs = [row for row in tested if (row["arm"], row["images"]) == (arm, images)]
        scores = [100 * row["test"] for row in runs]
        found.append({"images": images, "arm": arm, "median": median(scores), "worst": min(scores), "best": max(scores),
                      "rate": runs[0]["rate"], "steps": runs[0]["steps"],
                      "cpu_s": median([row["cpu_seconds"] for row in runs])})
    return sorted(found, key=lambda row: row["images"])


def report(facts: dict[str, str], rows: Sequence[Row]) -> str:
    chosen = [{**row, "validation": 100 * row["validation"]} for row in rows if row["validation"] is not None]
    return "\n\n".join([
        "Transfer learning: test accuracy on new classes, per cent, by images of each class to learn from",
        described(facts),
        table(summary(rows), {"images": "d", "arm": "", "median": ".1f", "worst": ".1f", "best": ".1f", "rate": "g",
                              "steps": "d", "cpu_s": ".1f"}),
        "Chosen by validation accuracy, per cent, of one run each:",
        table(chosen, {"arm": "", "images": "d", "rate": "g", "steps": "d", "validation": ".1f", "cpu_seconds": ".1f"})
    ])


def draw(rows: Sequence[Row], classes: int, path: str) -> None:
    """Accuracy against images of each class: the medians as lines, worst to best seed as bands."""
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    lines = summary(rows)
    for arm in ARMS:
        own = [row for row in lines if row["arm"] == arm]
        images = [row["images"] for row in own]
        axes.fill_between(images, [row["worst"] for row in own], [row["best"] for row in own], color=COLOURS[arm],
                          alpha=0.15, linewidth=0)
        axes.plot(images, [row["median"] for row in own], "o-", color=COLOURS[arm], label=arm)
    axes.axhline(100 / classes, color="0.5", linestyle="--", label="guessing")
    axes.set_xscale("log")
    plain_ticks(axes.xaxis)
    axes.set_xlabel("images of each new class to learn from")
    axes.set_ylabel("test accuracy, %")
    axes.set_title("New classes: medians, and from the worst to the best seed")
    axes.grid(alpha=0.3)
    axes.legend()
    write_whole(path, lambda temporary: figure.savefig(temporary, format="png", dpi=100))


def told(numbers: Sequence[float]) -> str:
    return " or ".join([f"{x:g}" for x in numbers])


# --- the study --------------------------------------------------------------------------------------------------

def prepared(options: argparse.Namespace) -> tuple[Study, dict[str, str]]:
    """The data, and the network that has learnt the first half of the classes; and what there is to say of both."""
    first, second = halves(options.root, options.validation)
    fresh = partial(resnet_cifar, options.depth, width=options.width)
    minigrad.manual_seed(0)
    before = fresh(len(first.train.classes))
    steps = options.epochs * -(-len(first.train) // FIRST_BATCH)
    seconds = learn(before, first.train, Recipe(FIRST_RATE, steps), FIRST_BATCH, 0)
    guessing = 100 / len(second.train.classes)
    return Study(fresh, before, second), {
        **machine(), "minigrad's threads": str(minigrad.get_num_threads()),
        "network": f"ResNet-{options.depth} for CIFAR, width {options.width:g}, "
                   f"{sum([p.size for p in before.parameters()]):,} parameters",
        "old classes": f"{', '.join(first.train.classes)}: {len(first.train):,} images, {options.epochs} epochs, "
                       f"{seconds:.0f} s of processor time, test accuracy {100 * accuracy(before, first.test):.1f} %",
        "new classes": f"{', '.join(second.train.classes)}: {len(second.test):,} test images, guessing "
                       f"{guessing:.0f} %; rates and steps chosen by {len(second.validation):,} others",
        "each run": f"batches of {BATCH}, SGD with Nesterov's momentum 0.9, rate {told(options.rates)}, "
                    f"{told(options.steps)} steps, weight decay {DECAY:g}, crops and flips; {options.seeds} seeds"}


def runs(study: Study, options: argparse.Namespace) -> Iterator[Row]:
    """All runs: first those that choose, then seed by seed those that are told."""
    chosen, middle = {}, options.images[len(options.images) // 2]
    for arm in ARMS:
        tried = []
        for recipe in [Recipe(rate, steps) for rate in options.rates for steps in options.steps]:
            tried.append(study.run(arm, middle, recipe, CHOOSING, test=False))
            yield tried[-1]
        best = max(tried, key=lambda row: row["validation"])
        chosen[arm] = Recipe(best["rate"], best["steps"])
    for seed in range(options.seeds):
        for images in options.images:
            for arm in ARMS:
                yield study.run(arm, images, chosen[arm], seed, test=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies.transfer", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, metavar="DIR", help="a folder, or a zip file, with train/CLASS and "
                        "test/CLASS")
    parser.add_argument("--images", type=positive, nargs="+", default=[10, 20, 50], metavar="N",
                        help="of each new class to learn from")
    parser.add_argument("--seeds", type=positive, default=5, metavar="N", help="runs of each kind")
    parser.add_argument("--validation", type=float, default=0.1, metavar="X", help="share of the training images that "
                        "is kept aside to choose by")
    parser.add_argument("--epochs", type=positive, default=8, metavar="N", help="on the first half of the classes")
    parser.add_argument("--depth", type=positive, default=8, metavar="N", help="layers of the net, 6m + 2")
    parser.add_argument("--width", type=float, default=0.75, metavar="X", help="multiplies the net's channels")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, metavar="X", help="learning rates to try")
    parser.add_argument("--steps", type=positive, nargs="+", default=STEPS, metavar="N", help="numbers of steps to try")
    parser.add_argument("--out", metavar="FILE", help="write what is printed to a file too")
    parser.add_argument("--csv", metavar="FILE", help="write a line for each run, as they come")
    parser.add_argument("--plot", metavar="FILE", help="draw a picture, a PNG file")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with one_blas_thread():
        study, facts = prepared(options)
        print(described(facts), flush=True)
        for row in runs(study, options):
            rows.append(row)
            print(", ".join([f"{name} {value}" for name, value in row.items() if value is not None]), flush=True)
            if options.csv:
                write_csv(options.csv, rows, COLUMNS)
    text = report(facts, rows)
    print(text)
    if options.out:
        write_text(options.out, text)
    if options.plot:
        draw(rows, len(study.second.train.classes), options.plot)


if __name__ == "__main__":
    main()
