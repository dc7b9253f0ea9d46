"""Dropout on and off: a net that overfits, with dropout of 0, 1/4 and 1/2, and what dropout does when it is asked.

    python -m benchmarks.studies.dropout

Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout: a simple way to prevent neural networks from
overfitting, 2014. Two hidden layers with ReLU and dropout learn 100 of the UCI digits; 400 others are the validation
part. After the training the test part is asked three times: in eval mode, which leaves all units in
(section 4, "weight scaling"); in train mode, by one draw of the masks; and by the mean probability of many draws
(section 7.5, "Monte-Carlo model averaging").
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import data, nn
from minigrad.train import fit

from ..common import positive, table
from .common import (
    COLOURS,
    SPLIT_SEED,
    amount,
    error,
    legend_below,
    panels,
    report,
    seeds,
    sgd,
    study,
    takes_training,
    write_study,
)

NAME = "dropout"
VALIDATION = 400                # images
RATES = (0.0, 0.25, 0.5)
WAYS = ("eval mode", "one draw", "mean of draws")


def net(p: float, units: int) -> nn.Sequential:
    """Two hidden layers, each followed by dropout."""
    return nn.Sequential(nn.Flatten(), nn.Linear(1024, units), nn.ReLU(), nn.Dropout(p),
                         nn.Linear(units, units), nn.ReLU(), nn.Dropout(p), nn.Linear(units, 10))


def probabilities(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """In the mode in which the model is: (n, 10)."""
    with mg.no_grad():
        return mg.softmax(model(mg.tensor(images)), 1).numpy()


def test_errors(model: nn.Module, test: Any, draws: int) -> dict[str, float]:
    """The error in each of the ways to ask, in percent."""
    images, labels = test[np.arange(len(test))]
    model.eval()
    found = {"eval mode": probabilities(model, images)}
    model.train()
    drawn = [probabilities(model, images) for _ in range(draws)]
    found |= {"one draw": drawn[0], "mean of draws": np.mean(drawn, 0)}
    return {way: error((found[way].argmax(1) == labels).mean()) for way in WAYS}


def measure(options: Namespace) -> list[dict[str, Any]]:
    """A row for every rate and seed, with its history."""
    digits = data.digits()
    rest, train = data.split(digits.train, options.images / len(digits.train), SPLIT_SEED)
    _, validation = data.split(rest, VALIDATION / len(rest), SPLIT_SEED)
    rows = []
    for p in RATES:
        for seed in options.seeds:
            mg.manual_seed(seed)
            model = net(p, options.units)
            history = fit(model, train, loss="cross_entropy", metrics=["accuracy"], validation=validation, seed=seed,
                          epochs=options.epochs, batch_size=options.batch_size, optimizer=sgd(options.rate, 0.0))
            rows.append({"p": p, "seed": seed, "history": history, "training loss": history[-1]["train_loss"],
                         "validation loss": history[-1]["validation_loss"],
                         "least": min(history["validation_loss"]),
                         "validation error": error(history[-1]["validation_accuracy"]),
                         **test_errors(model, digits.test, options.draws)})
    return rows


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a rate: the median over the seeds, and the worst validation error."""
    found = []
    for p in RATES:
        own = [row for row in rows if row["p"] == p]
        names = [name for name in own[0] if name not in ("p", "seed", "history")]
        found.append({"p": p, **{name: median(row[name] for row in own) for name in names},
                      "worst": max(row["validation error"] for row in own)})
    return found


def draw(rows: list[dict[str, Any]], options: Namespace) -> Any:
    """Training loss and validation loss over the epochs: the median of the seeds, and the range as a band."""
    figure, both = panels(2)
    for axes, part in zip(both, ("train", "validation"), strict=True):
        for p, colour in zip(RATES, COLOURS, strict=False):
            runs = np.array([row["history"][f"{part}_loss"] for row in rows if row["p"] == p])
            epochs = np.arange(1, runs.shape[1] + 1)
            axes.plot(epochs, np.median(runs, 0), color=colour, label=f"dropout {p:g}")
            axes.fill_between(epochs, runs.min(0), runs.max(0), color=colour, alpha=0.2, lw=0)
        axes.set(xlabel="epoch", ylabel=f"{'training' if part == 'train' else part} loss")
        legend_below(axes)
    both[0].set(yscale="log", title="training, dropout at work")
    both[1].set(title="validation, all units in")
    figure.suptitle(f"{options.images} digits, two hidden layers of {options.units}; median and range of "
                    f"{seeds(options)}", fontsize=10)
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study(NAME, "Dropout on and off.")
    takes_training(parser, 5, 100, 20, 0.005)
    parser.add_argument("--images", type=positive, default=100, help="to train on (100)")
    parser.add_argument("--units", type=positive, default=256, help="of each hidden layer (256)")
    parser.add_argument("--draws", type=positive, default=50, help="of the masks, to be averaged at test (50)")
    options = parser.parse_args(arguments)
    rows = measure(options)
    facts = {"trained on": f"{amount(options, options.images, 'UCI digits')}; SGD with momentum 0.9, learning rate "
                           f"{options.rate:g}",
             "errors": f"in percent, medians of {seeds(options)} (worst: of the validation error); least: "
                       "the validation loss of the best epoch",
             "test": f"read once: in eval mode, by one draw of the masks, by the mean of {options.draws} draws"}
    form = {"p": "g", "training loss": ".4f", "validation loss": ".3f", "least": ".3f", "validation error": ".2f",
            "worst": ".2f", **dict.fromkeys(WAYS, ".2f")}
    text = report("Dropout on and off", parser, arguments, facts, table(summary(rows), form))
    write_study(NAME, options.folder, text, draw(rows, options))


if __name__ == "__main__":
    main()
