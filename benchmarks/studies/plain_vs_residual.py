"""Plain and residual nets of 20 and 56 layers: does the deeper one train worse?

    python -m benchmarks.studies.plain_vs_residual --root path/to/cifar10-subset.zip

He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2015, figures 1 and 6, section 4.2: the deeper plain
net has the larger error in training too, the deeper residual net has not. SGD with momentum 0.9, weight decay 1e-4, a
learning rate of 0.1 that is divided by 10 at one half and at three quarters of the training; images shifted and
mirrored. The paper trains 64,000 steps of 128 on 45,000 images of 32 x 32; what was done here stands in the result.
With `--warm-up` the first epochs have a tenth of the rate, as the paper gives its net of 110 layers.
Every epoch is kept, a run goes on where it stopped; `--nets` and `--seeds` train a part, in a process of its own if
wanted, and the table and the picture have all runs that are there, ended or not.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from minigrad import models
from minigrad.optim.lr_scheduler import LambdaLR
from minigrad.train import History

from ..common import table
from .common import (
    amount,
    crop_and_flip,
    error,
    is_of,
    legend_below,
    panels,
    read_images,
    report,
    run,
    sgd,
    steps,
    study,
    takes_images,
    takes_training,
    test_error,
    write_study,
)

NAME, PAPER_STEPS = "plain_vs_residual", 64_000
NETS = {"plain20": models.plain20_cifar, "plain56": models.plain56_cifar,
        "resnet20": models.resnet20_cifar, "resnet56": models.resnet56_cifar}
SHALLOW, DEEP = "#1f77b4", "#b2182b"
Runs = dict[str, dict[int, History]]        # net -> seed -> history
SETTINGS = ("size", "images", "validation", "width", "epochs", "batch_size", "rate", "warm_up")


def folder_of(options: Namespace, net: str, seed: int) -> Path:
    return options.folder / NAME / f"{net}-seed{seed}"


def settings_of(options: Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in SETTINGS}


def share(options: Namespace, epoch: int) -> float:
    """Of the learning rate, in an epoch from 0 on."""
    if epoch < options.warm_up:
        return 0.1
    return 0.1 ** ((epoch >= options.epochs // 2) + (epoch >= options.epochs * 3 // 4))


def train(options: Namespace) -> int:
    """The runs that were asked for, one after the other; on how many images."""
    parts = read_images(options)
    for seed in [] if options.draw else options.seeds:
        for net in options.nets:
            make = partial(NETS[net], num_classes=len(parts.train.classes), width=options.width)
            history = run(folder_of(options, net, seed), settings_of(options), make, parts, seed, epochs=options.epochs,
                          batch_size=options.batch_size, optimizer=sgd(options.rate),
                          schedule=partial(LambdaLR, lr_lambda=partial(share, options)),
                          transform=crop_and_flip(options.size), device=options.device)
            last = history[-1]
            print(f"{net} seed {seed}: training error {error(last['train_accuracy']):.1f} %, "
                  f"validation {error(last['validation_accuracy']):.1f} %", flush=True)
    return len(parts.train)


def kept(options: Namespace) -> Runs:
    """All runs of the folder with these settings, ended or not."""
    found: Runs = {net: {} for net in NETS}
    for folder in sorted((options.folder / NAME).glob("*-seed*")):
        net, _, seed = folder.name.partition("-seed")
        if net in NETS and is_of(folder, settings_of(options)):
            found[net][int(seed)] = History.from_csv(folder / "history.csv")
    return {net: runs for net, runs in found.items() if runs}


def rows_of(runs: Runs, options: Namespace) -> list[dict[str, Any]]:
    """A row a run: errors of the last epoch and of the best, and how long it took."""
    return [{"net": net, "seed": seed, "epochs": len(history), "training": float(error(history["train_accuracy"])[-1]),
             "validation": float(error(history["validation_accuracy"])[-1]),
             "best validation": float(error(history["validation_accuracy"]).min()),
             "test": test_error(folder_of(options, net, seed)), "seconds": sum(history["seconds"])}
            for net, seeds in runs.items() for seed, history in seeds.items()]


def finding(rows: list[dict[str, Any]]) -> str:
    """One line on each kind of net: the median training error of both depths."""
    lines = []
    for kind in ("plain", "resnet"):
        errors = [[row["training"] for row in rows if row["net"] == f"{kind}{depth}"] for depth in (20, 56)]
        if all(errors):
            shallow, deep = map(median, errors)
            lines.append(f"{kind}: training error {shallow:.1f} % with 20 layers, {deep:.1f} % with 56 "
                         f"({deep - shallow:+.1f}); medians of {len(errors[0])} and {len(errors[1])} seeds")
    return "\n".join(lines)


def draw(runs: Runs, options: Namespace, images: int) -> Any:
    """Figure 6: training error thin and dashed, validation error bold; a panel for plain and one for residual nets, if
    there are such runs."""
    kinds = {kind: title for kind, title in (("plain", "plain"), ("resnet", "residual"))
             if any([net.startswith(kind) for net in runs])}
    figure, both = panels(len(kinds), sharey=True)
    for axes, (kind, title) in zip(both, kinds.items(), strict=True):
        for depth, colour in ((20, SHALLOW), (56, DEEP)):
            for i, history in enumerate(runs.get(f"{kind}{depth}", {}).values()):
                for part, style in (("train", {"lw": 1, "ls": "--"}), ("validation", {"lw": 2})):
                    word = "training" if part == "train" else part
                    axes.plot(history["epoch"], error(history[f"{part}_accuracy"]), color=colour, **style,
                              label=f"{depth} layers, {word}" if i == 0 else None)
        axes.set(title=f"{title} nets", xlabel="epoch")
        legend_below(axes, 2)
    both[0].set(ylabel="error (%)", ylim=(0, 100))
    space = "\n" if len(kinds) == 1 else " "
    figure.suptitle(f"{images:,} images of {options.size} x {options.size}, width {options.width:g}, "
                    f"{steps(options, images):,} steps{space}"
                    f"(the paper: 45,000 of 32 x 32, width 1, {PAPER_STEPS:,} steps)", fontsize=10)
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study(NAME, "Depth in plain and residual nets.")
    takes_images(parser, 16, 4500)
    takes_training(parser, 1, 12, 64, 0.1, "the learning rate at the start")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS), metavar="NET",
                        help=f"of {', '.join(NETS)} (all)")
    parser.add_argument("--draw", action="store_true", help="train nothing more: table and picture of what is there")
    parser.add_argument("--width", type=float, default=0.5, help="channels, of the paper's 16, 32 and 64 (0.5)")
    parser.add_argument("--warm-up", type=int, default=0, metavar="EPOCHS", help="with a tenth of the rate (0)")
    options = parser.parse_args(arguments)
    images = train(options)
    runs = kept(options)
    rows = rows_of(runs, options)
    warm = f", a tenth in the first {options.warm_up} epochs too" if options.warm_up else ""
    facts = {"trained on": f"{amount(options, images, f'images of {options.size} x {options.size}')}; "
                           f"the paper: 45,000 of 32 x 32, {PAPER_STEPS:,} steps of 128",
             "nets": f"width {options.width:g}; learning rate {options.rate:g}, a tenth from one half on, a hundredth "
                     f"from three quarters on{warm}",
             "errors": "in percent; training: mean over the last epoch, of changed images and changing weights; "
                       "test: read once, after the last epoch"}
    form = dict.fromkeys(("training", "validation", "best validation", "test"), ".1f")
    shown = table(rows, {"net": "", "seed": "d", "epochs": "d", **form, "seconds": ",.0f"})
    text = report("Depth in plain and in residual nets", parser, arguments, facts, shown, finding(rows),
                  trained_on=options.device)
    write_study(NAME, options.folder, text, draw(runs, options, images))


if __name__ == "__main__":
    main()
