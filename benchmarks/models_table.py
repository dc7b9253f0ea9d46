"""All architectures in a table: their size and cost beside the published, how far they are from PyTorch, their speed.

    python -m benchmarks.models_table --out benchmarks/results/models.txt --csv benchmarks/results/models.csv

Each has a model of PyTorch beside it with the same values: torchvision's, or where it has none the one that the tests
write out from the paper (`tests/torch_models/`). `scores`: the largest difference in float32, as part of the largest
score; `gradients`: the largest difference in float64 and in training, auxiliary heads included, as part of the largest
element of the same gradient, over the images and all parameters. Both for images of the size that is named, the
paper's but for U-Net, and where the model takes them for 96 x 96.

`step` is the median of a few training steps after one that is not counted (forward, cross-entropy, backward, SGD with
momentum): a figure for orientation, taken where others may be busy; `vs_pytorch` compares.

Models are added to the CSV file one by one, the cheapest first and first without times; what it has is not measured
again.
"""

from __future__ import annotations

import argparse
import csv
import gc
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy

import minigrad
from minigrad import models, optim
from minigrad.cli.versus import timed, using_threads
from minigrad.graph import Graph
from minigrad.nn import functional

from .common import described, machine, positive, table, takes_threads, torch_version, write_csv, write_text
from .published import PUBLISHED, Published

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))         # PyTorch's side is that of the tests

SMALL = 96
FORMATS = {"model": "", "year": "d", "parameters": ",d", "published": "", "giga": ".4g", "published_giga": "",
           "where": "", "reference": "", "size": "d", "scores": ".0e", "gradients": ".0e", "scores_96": ".0e",
           "gradients_96": ".0e", "batch": "d", "step_s": ".2f", "file": "", "lines": "d"}
Row = dict[str, Any]


# --- what is published ------------------------------------------------------------------------------------------

def published(name: str) -> Published:
    """Parameters and multiplications from the paper, or of torchvision's model from its source."""
    from torch_models import TORCHVISION
    from torch_models.from_torchvision import published as of_torchvision

    if name not in TORCHVISION:
        return PUBLISHED[name]
    parameters, giga = of_torchvision(name)
    heads = " without heads" if name == "googlenet" else ""         # its trained weights lack them
    return Published(f"{parameters:,}{heads}", str(giga), "torchvision")


def source(name: str) -> tuple[str, int]:
    """The file of a model, and how many lines it has."""
    path = Path(inspect.getsourcefile(models.find(name)) or "")
    return path.name, len(path.read_text(encoding="utf-8").splitlines())


# --- beside PyTorch ---------------------------------------------------------------------------------------------

def side(name: str) -> int:
    """Of the images: the paper's; of U-Net, whose paper has 512 and 572, 224 and the smallest tile."""
    return {"unet": 224, "unet_upsample": 224, "unet_paper": 188}.get(name, models.about(name).image[1])


def empty(name: str) -> Graph:
    """The model for images of this size, still to be given values."""
    from small_models import with_memory

    return with_memory(models.outline(name, **({"size": side(name)} if name == "unet_paper" else {})))


def pair(name: str) -> tuple[Graph, Any]:
    """The model here and PyTorch's, with the same values; neither drops anything."""
    from small_models import lively, without_dropout
    from torch_models import give, theirs

    mine, other = empty(name), theirs(name, "meta")
    state = lively(mine)
    mine.load_state_dict(state)
    give(state, other)
    without_dropout(mine, other)
    return mine, other


def differences(name: str) -> Row:
    """Of scores and gradients, at the model's size and at 96 x 96; None where the model does not take it."""
    from torch_models.beside import gradients_apart, my_gradients, scores_apart, settle, their_gradients

    mine, other = pair(name)
    card, open_size = models.about(name), None in mine.node("image").shape
    found: Row = {"scores_96": None, "gradients_96": None}
    for size, suffix in ((side(name), ""), (SMALL, "_96")):
        if suffix and not open_size:
            continue
        n = 1 if card.multiplications > 6e9 and not suffix else 2   # Inception's head normalises maps of 1 x 1: 2
        x = numpy.random.default_rng(0).standard_normal((n, card.image[0], size, size), dtype="float32")
        if not suffix and name.startswith("se_"):
            settle(mine, other, x)
        found[f"scores{suffix}"] = rounded(scores_apart(mine, other, x))
        if size >= min(card.least_side, side(name)):                # in training, with the heads
            apart, _ = gradients_apart(my_gradients(mine, x, "float64"), their_gradients(other, x, "float64"))
            found[f"gradients{suffix}"] = rounded(apart)
        gc.collect()
    return found


def rounded(x: float) -> float:
    return float(f"{x:.2g}")


# --- the clock --------------------------------------------------------------------------------------------------

def batch_size(multiplications: int) -> int:
    """So that a step takes seconds, not minutes."""
    return next((n for n, most in ((32, 5e8), (8, 2e9), (4, 4.5e9), (2, 1.2e10)) if multiplications <= most), 1)


def seconds_a_step(name: str, batch: int, steps: int) -> float:
    """The median; ValueError where the loss is no number."""
    from small_models import lively, outputs

    model, card = empty(name), models.about(name)
    model.load_state_dict(lively(model))
    model.train()
    rng = numpy.random.default_rng(0)
    x = minigrad.tensor(rng.standard_normal((batch, card.image[0], side(name), side(name)), dtype="float32"))
    weights = list((card.loss_weights or {"scores": 1.0}).values())
    optimizer = optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        ys = outputs(model(x))
        labels = minigrad.tensor(numpy.arange(batch).reshape(-1, *[1] * (ys[0].ndim - 2)) % ys[0].shape[1]
                                 + numpy.zeros((batch, *ys[0].shape[2:]), "int64"))
        loss = sum([w * functional.cross_entropy(y, labels) for w, y in zip(weights, ys, strict=True)])
        loss.backward()
        optimizer.step()
        if not numpy.isfinite(loss.numpy()):
            raise ValueError(f"{name}: the loss is {loss.numpy()}")

    step()
    return median([timed(step, 1) for _ in range(steps)])


# --- the table --------------------------------------------------------------------------------------------------

def compared(name: str) -> Row:
    """The row of a model, but for its time."""
    card, known = models.about(name), published(name)
    return {"model": name, "year": card.year, "parameters": card.parameters, "published": known.parameters,
            "giga": card.multiplications / 1e9, "published_giga": known.giga, "where": known.where,
            "reference": "torchvision" if known.where == "torchvision" else "torch.nn", "size": side(name),
            "batch": batch_size(card.multiplications), "step_s": None, **differences(name)}


def read(path: Path) -> dict[str, Row]:
    """The rows of a table that is not finished, by model."""
    if not path.exists():
        return {}
    kinds = {"d": int, "f": float, "e": float, "g": float, "": str}
    with open(path, newline="", encoding="utf-8") as file:
        return {row["model"]: {key: None if row[key] == "" else kinds[form[-1:]](row[key])
                               for key, form in FORMATS.items()} for row in csv.DictReader(file)}


def report(rows: Sequence[Row], threads: int, steps: int) -> str:
    """The head says what the figures are; the table; the worst of each difference."""
    worst = [f"{name}: {max([row[name] for row in rows if row[name] is not None], default=0):.1e}"
             for name in ("scores", "scores_96", "gradients", "gradients_96")]
    return "\n\n".join([
        "All architectures: parameters, multiplications (10^9, of one image of the paper's size, without auxiliary\n"
        "heads), the largest difference from PyTorch (scores in float32, gradients in float64), seconds a step.\n"
        "Reference torch.nn: written out from the paper in the tests, for torchvision lacks it.\n"
        f"Steps: medians of {steps} after one, on a machine that others used meanwhile: for orientation alone.",
        described(machine() | {"torch": torch_version(), "threads": str(threads)}),
        table(rows, FORMATS), "The largest of each column: " + ", ".join(worst)])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(models.CARDS), default=list(models.CARDS), metavar="NAME")
    parser.add_argument("--steps", type=positive, default=3, help="training steps that are timed (3)")
    parser.add_argument("--csv", metavar="FILE", help="write the table as CSV, and go on with what it has")
    parser.add_argument("--out", metavar="FILE", help="write what is printed to a file too")
    takes_threads(parser, 2)
    options = parser.parse_args(arguments)
    rows = read(Path(options.csv)) if options.csv else {}
    with using_threads(options.threads):
        cheapest_first = sorted(options.models, key=lambda name: models.about(name).multiplications)
        for name in cheapest_first:
            if name not in rows:
                rows[name] = compared(name)
                keep(rows, options)
        for name in cheapest_first:
            if rows[name]["step_s"] is None:
                rows[name]["step_s"] = rounded(seconds_a_step(name, rows[name]["batch"], options.steps))
                keep(rows, options)
    print(keep(rows, options))


def keep(rows: dict[str, Row], options: argparse.Namespace) -> str:
    """Write what there is to the files; the report."""
    gc.collect()
    ordered = [rows[name] | dict(zip(("file", "lines"), source(name), strict=True)) for name in models.CARDS
               if name in rows]
    text = report(ordered, options.threads, options.steps)
    if options.csv:
        write_csv(options.csv, ordered, list(FORMATS))
    if options.out:
        write_text(options.out, text)
    return text


if __name__ == "__main__":
    main()
