"""The size of the batch against the normalisation: none, BatchNorm, GroupNorm.

    python -m benchmarks.studies.batch_norm_batch_size --root path/to/cifar10-subset.zip

Wu, He, Group normalization, 2018, figure 1: error against images a batch. Every run sees the same number of images; the
learning rate grows in proportion to the batch (Goyal et al. 2017, section 2.1) and falls to 0 along half a cosine. The
net: four 3x3 convolutions, each with its normalisation and ReLU, the mean of every channel, a linear layer.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from minigrad import nn
from minigrad.graph import Graph, Input
from minigrad.nn import init

from ..common import positive, table
from .common import (
    COLOURS,
    crop_and_flip,
    error,
    legend_below,
    panels,
    read_images,
    report,
    run,
    seeds,
    sgd,
    study,
    takes_images,
    takes_training,
    test_error,
    write_study,
)

NAME, GROUPS, REFERENCE = "batch_norm_batch_size", 8, 64
SETTINGS = ("size", "images", "validation", "width", "epochs", "rate")
NORMS = {"none": None, "BatchNorm": nn.BatchNorm2d, "GroupNorm": partial(nn.GroupNorm, GROUPS)}


def net(norm: str, width: int, classes: int) -> Graph:
    """Images (n, 3, h, w) -> scores (n, classes); `width` channels, twice as many where the image is halved."""
    x = h = Input((3, None, None))
    for c, stride in ((width, 1), (width, 1), (2 * width, 2), (2 * width, 2)):
        make: Any = NORMS[norm]
        conv = nn.Conv2d(h.shape[1], c, 3, stride, padding=1, bias=make is None)
        init.kaiming_normal_(conv.weight, nonlinearity="relu")
        h = conv(h)
        h = nn.ReLU()(make(c)(h) if make else h)
    return Graph(x, nn.Linear(2 * width, classes)(h.mean((2, 3))))


def folder_of(options: Namespace, norm: str, batch: int, seed: int) -> Path:
    return options.folder / NAME / f"{norm}-batch{batch}-seed{seed}"


def measure(options: Namespace) -> tuple[list[dict[str, Any]], int]:
    """A row a run, the largest batches first, which are the quickest; and on how many images they were trained."""
    parts = read_images(options)
    settings, rows = {name: getattr(options, name) for name in SETTINGS}, []
    for seed in options.seeds:
        for batch in sorted(options.batches, reverse=True):
            for norm in NORMS:
                folder, rate = folder_of(options, norm, batch, seed), options.rate * batch / REFERENCE
                make = partial(net, norm, options.width, len(parts.train.classes))
                history = run(folder, settings, make, parts, seed, epochs=options.epochs, batch_size=batch,
                              optimizer=sgd(rate), schedule="cosine", transform=crop_and_flip(options.size),
                              device=options.device)
                rows.append({"norm": norm, "batch": batch, "seed": seed,
                             "training": error(history[-1]["train_accuracy"]),
                             "validation": error(history[-1]["validation_accuracy"]), "test": test_error(folder),
                             "seconds": sum(history["seconds"])})
                print(f"{norm}, batch {batch}, seed {seed}: {rows[-1]['validation']:.1f} %", flush=True)
    return rows, len(parts.train)


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a batch and a norm: medians over the seeds, and the worst validation error."""
    found = []
    for batch in sorted({row["batch"] for row in rows}):
        for norm in NORMS:
            own = [row for row in rows if (row["norm"], row["batch"]) == (norm, batch)]
            found.append({"batch": batch, "norm": norm, "worst": max(row["validation"] for row in own),
                          **{name: median(row[name] for row in own)
                             for name in ("training", "validation", "test", "seconds")}})
    return found


def draw(rows: list[dict[str, Any]], options: Namespace, images: int) -> Any:
    """Validation error against images a batch, the largest left as in the paper: medians, and each run as a dot."""
    figure, (axes,) = panels(1, 6.4)
    batches = sorted(options.batches, reverse=True)
    for norm, colour in zip(NORMS, COLOURS, strict=False):
        own = [row for row in rows if row["norm"] == norm]
        axes.plot(batches, [median(row["validation"] for row in own if row["batch"] == batch) for batch in batches],
                  "-", color=colour, label=norm if norm != "none" else "no normalisation")
        axes.plot([row["batch"] for row in own], [row["validation"] for row in own], "o", ms=4, color=colour, alpha=0.7)
    axes.set(xscale="log", xlabel="images a batch", ylabel="validation error (%)",
             title=f"{images:,} images of {options.size} x {options.size}, {options.epochs} epochs each")
    axes.set_xticks(batches, [str(batch) for batch in batches])
    axes.minorticks_off()
    axes.invert_xaxis()
    legend_below(axes)
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study(NAME, "The size of the batch against the normalisation.")
    takes_images(parser, 16, 3000)
    takes_training(parser, 3, 4, None, 0.1, f"the learning rate for {REFERENCE} images a batch")
    parser.add_argument("--batches", nargs="+", type=positive, default=[2, 4, 8, 16, 64], metavar="N",
                        help="images a batch (2, 4, 8, 16 and 64)")
    parser.add_argument("--width", type=positive, default=16, help="channels of the first convolution (16)")
    options = parser.parse_args(arguments)
    rows, images = measure(options)
    facts = {"trained on": f"{images:,} images of {options.size} x {options.size}, {options.epochs} epochs, whatever "
                           f"the batch; learning rate {options.rate:g} for {REFERENCE} images, else in proportion",
             "net": f"four convolutions of {options.width} and {2 * options.width} channels; {GROUPS} groups",
             "errors": f"in percent, after the last epoch; medians of {seeds(options)} (worst: of the "
                       "validation error); test: read once"}
    form = {"batch": "d", "norm": "", "training": ".1f", "validation": ".1f", "worst": ".1f", "test": ".1f",
            "seconds": ",.0f"}
    shown = table(summary(rows), form)
    text = report("The size of the batch against the normalisation", parser, arguments, facts, shown,
                  trained_on=options.device)
    write_study(NAME, options.folder, text, draw(rows, options, images))


if __name__ == "__main__":
    main()
