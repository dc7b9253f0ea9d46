"""First values of a deep net of ReLUs: what they do to activations and gradients, and whether it then learns.

    python -m benchmarks.studies.initialization

He, Zhang, Ren, Sun, Delving deep into rectifiers, 2015, section 2.2 and figure 3 (30 layers learn with He's first
values and not with Xavier's); Glorot, Bengio, Understanding the difficulty of training deep feedforward neural
networks, 2010, figures 6 and 7 (activations and gradients, layer by layer). The net is 30 hidden layers without
normalisation, on the UCI digits. Before the first step one batch goes through: the standard deviation of every layer's
activations, and of the gradient that arrives at them. A sum of n numbers keeps its variance with weights of variance
1/n, and as ReLU takes half of it, with 2/n; with other values it grows or shrinks in every layer.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from math import sqrt
from statistics import median
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import data, nn
from minigrad.nn import init
from minigrad.train import NonFiniteLoss, fit
from minigrad.train.callbacks import Callback

from ..common import positive, table
from .common import (
    COLOURS,
    SPLIT_SEED,
    amount,
    error,
    panels,
    report,
    seeds,
    sgd,
    study,
    takes_training,
    write_study,
)

NAME = "initialization"
TOO_LARGE = 1.5                 # times He's standard deviation
SCHEMES = {"zeros": init.zeros_, "normal, 0.01": partial(init.normal_, std=0.01), "Xavier": init.xavier_normal_,
           "He": partial(init.kaiming_normal_, nonlinearity="relu"),
           f"{TOO_LARGE:g} x He": lambda weight: init.normal_(weight, std=TOO_LARGE * sqrt(2 / weight.shape[1]))}
LARGEST = 100.0                 # loss that the picture shows


def net(scheme: str, depth: int, units: int) -> nn.Sequential:
    """`depth` hidden layers with ReLU, and a linear one; biases are 0."""
    sizes = [1024, *[units] * depth]
    layers = [layer for a, b in zip(sizes[:-1], sizes[1:], strict=True) for layer in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(nn.Flatten(), *layers, nn.Linear(units, 10))
    for name, parameter in model.named_parameters():
        (init.zeros_ if name.endswith("bias") else SCHEMES[scheme])(parameter)
    return model


def at_start(model: nn.Sequential, images: np.ndarray, labels: np.ndarray) -> tuple[list[float], list[float]]:
    """The standard deviation of each ReLU's output, and of the gradient of the loss there."""
    h, outputs = mg.tensor(images), []
    for layer in model:
        h = layer(h)
        if isinstance(layer, nn.ReLU):
            h.retain_grad()
            outputs.append(h)
    mg.cross_entropy(h, mg.tensor(labels)).backward()
    model.zero_grad()
    return [spread(x) for x in outputs], [spread(x.grad) for x in outputs]


def spread(x: mg.Tensor) -> float:
    """The standard deviation; in float64, as squares of small numbers are 0 in float32."""
    return float(x.numpy().astype("float64").std())


class Losses(Callback):
    """The mean loss of every epoch, as far as it is a number."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, trainer: Any) -> None:
        self.rows.append(trainer.history[-1])


def learn(scheme: str, seed: int, train: Any, validation: Any, options: Namespace) -> dict[str, Any]:
    """A row: the net at the start, its loss in every epoch, and how it ended."""
    mg.manual_seed(seed)
    model = net(scheme, options.depth, options.units)
    activations, gradients = at_start(model, *train[np.arange(min(len(train), 256))])
    losses = Losses()
    row = {"scheme": scheme, "seed": seed, "activations": activations, "gradients": gradients, "ended": ""}
    try:
        fit(model, train, loss="cross_entropy", metrics=["accuracy"], validation=validation, seed=seed,
            callbacks=[losses], epochs=options.epochs, batch_size=options.batch_size, optimizer=sgd(options.rate, 0.0))
    except NonFiniteLoss:
        row["ended"] = f"not finite in epoch {len(losses.rows) + 1}"
    done = losses.rows
    return row | {"losses": [epoch["train_loss"] for epoch in done],
                  "loss": done[-1]["train_loss"] if done and not row["ended"] else None,
                  "error": error(done[-1]["validation_accuracy"]) if done and not row["ended"] else None}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a scheme: first and last layer at the start, loss and error at the end; medians over the seeds."""
    found = []
    for scheme in SCHEMES:
        own = [row for row in rows if row["scheme"] == scheme]
        middle = {f"{what} {place}": median(row[what][layer] for row in own) for what in ("activations", "gradients")
                  for place, layer in (("first", 0), ("last", -1))}
        ends = {name: None if any(row[name] is None for row in own) else median(row[name] for row in own)
                for name in ("loss", "error")}
        words = sorted({row["ended"] for row in own} - {""})
        found.append({"scheme": scheme, **middle, **ends, "": ", ".join(words)})
    return found


def draw(rows: list[dict[str, Any]], options: Namespace) -> Any:
    """Activations, gradients, and the loss while it learns; a line a seed."""
    figure, (left, middle, right) = panels(3, 4.3)
    layers = range(1, options.depth + 1)
    for scheme, colour, thick in zip(SCHEMES, COLOURS, (6, 3.6, 1.2, 1.2, 1.2), strict=True):     # three are alike
        for i, row in enumerate([row for row in rows if row["scheme"] == scheme]):
            name = scheme if i == 0 else None
            for axes, what in ((left, "activations"), (middle, "gradients")):
                if any(row[what]):
                    axes.plot(layers, row[what], color=colour, lw=1.2)
            shown = [loss for loss in row["losses"] if loss <= LARGEST]
            right.plot(range(1, len(shown) + 1), shown, color=colour, lw=thick,
                       label=f"{name} ({row['ended']})" if name and row["ended"] else name)
    left.set(title="activations at the start", ylabel="standard deviation", xlabel="layer", yscale="log")
    middle.set(title="gradients at the start", ylabel="standard deviation", xlabel="layer", yscale="log")
    right.set(title="training", ylabel="training loss", xlabel="epoch", ylim=(0, None))
    handles, names = right.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=9)
    figure.suptitle(f"{options.depth} hidden layers of {options.units} with ReLU, {seeds(options)}; "
                    "zeros are 0 in every layer, which a logarithmic axis does not show", fontsize=10)
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study(NAME, "First values compared.")
    takes_training(parser, 3, 8, 32, 0.01)
    parser.add_argument("--depth", type=positive, default=30, help="hidden layers (30)")
    parser.add_argument("--units", type=positive, default=128, help="of each (128)")
    options = parser.parse_args(arguments)
    train, validation = data.split(data.digits().train, 0.2, SPLIT_SEED)
    rows = [learn(scheme, seed, train, validation, options) for scheme in SCHEMES for seed in options.seeds]
    facts = {"trained on": f"{amount(options, len(train), 'UCI digits')}; SGD with momentum 0.9, learning rate "
                           f"{options.rate:g}",
             "net": f"{options.depth} hidden layers of {options.units} with ReLU, no normalisation, biases 0",
             "columns": "standard deviations in the first and the last hidden layer before the first step; training "
                        f"loss and validation error (percent) after the last; medians of {seeds(options)}"}
    form = {"scheme": "", **{f"{what} {place}": ".2g" for what in ("activations", "gradients")
                             for place in ("first", "last")}, "loss": ".4f", "error": ".1f", "": ""}
    text = report("First values of a deep net of ReLUs", parser, arguments, facts, table(summary(rows), form))
    write_study(NAME, options.folder, text, draw(rows, options))


if __name__ == "__main__":
    main()
