"""How far rounding takes the gradients of whole networks from those in float64, in each mode of the kernels.

    python -m benchmarks.rounding --models resnet18 vgg16 --smooth

The same parameters and images in float64 and in float32. Of each parameter's gradient, as a vector, the distance from
the one in float64 as part of its length; the median over the parameters, of which the median and the largest over
some draws of parameters and images are shown. `exact` may round as much as PyTorch, `auto` five times as much.

A number that rounding takes over a kink (of a ReLU, or from one element of a max pooling to another) counts a hundred
times as much as all the rest, and whether there is one is chance. `--smooth` puts softplus and average pooling in their
place, so that rounding alone is left.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy

import minigrad
from minigrad.cli.versus import Net, apart, loss_and_gradients, side, sides, using_threads

from .common import described, hand_out, machine, positive, table, takes_files, takes_threads, torch_version
from .networks import NETWORKS

Gradients = Mapping[str, numpy.ndarray]
COLUMNS = ("model", "kinks", "batch", "draws", "who", "median", "largest", "times_exact")


def gradients(model: Any, x: numpy.ndarray, labels: numpy.ndarray, dtype: str, mode: str = "auto") -> Gradients:
    """Of every parameter, computed in `dtype`. The model is left in float32."""
    library = minigrad if isinstance(model, minigrad.nn.Module) else __import__("torch")
    model.to(getattr(library, dtype))
    model.zero_grad()
    with minigrad.config(kernels=mode):
        found = loss_and_gradients(side(library, model, x.astype(dtype), labels))[1]
    model.to(library.float32)
    return found


class Smooth:
    """A library's layers, with smooth ones in place of those with kinks."""

    def __init__(self, nn: Any):
        self.nn = nn

    def __getattr__(self, name: str) -> Any:
        return getattr(self.nn, name)

    def ReLU(self, inplace: bool = False) -> Any:               # noqa: N802  its name in nn
        return self.nn.Softplus()

    def MaxPool2d(self, *window: int) -> Any:                   # noqa: N802
        return self.nn.AvgPool2d(*window)


def errors(net: Net, batch: int | None, seed: int) -> dict[str, float]:
    """The typical error of each way of computing in float32."""
    both = sides(net, batch, seed)
    x, labels = [numpy.array(a.numpy()) for a in (both["minigrad"].x, both["minigrad"].labels)]
    model = both["minigrad"].model
    true = gradients(model, x, labels, "float64", "exact")
    ways = {mode: gradients(model, x, labels, "float32", mode) for mode in ("exact", "auto")}
    if "PyTorch" in both:
        ways["PyTorch"] = gradients(both["PyTorch"].model, x, labels, "float32")
    return {who: median([apart(g, true[key]) for key, g in found.items()]) for who, found in ways.items()}


def measure(name: str, batch: int | None, draws: int, is_smooth: bool) -> list[dict[str, Any]]:
    """A row for each way."""
    net: Net = NETWORKS[name]
    if is_smooth:
        make = net.make
        net = replace(net, make=lambda nn: make(Smooth(nn)))
    found = [errors(net, batch, seed) for seed in range(draws)]
    exact = median([each["exact"] for each in found])
    rows = []
    for who in found[0]:
        own = [each[who] for each in found]
        rows.append({"model": net.title, "kinks": "no" if is_smooth else "yes", "batch": batch or net.batch,
                     "draws": draws, "who": who, "median": median(own), "largest": max(own),
                     "times_exact": median(own) / exact})
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(NETWORKS), default=["resnet18", "vgg16"])
    parser.add_argument("--batch", type=positive, help="images; by default as in vs_pytorch")
    parser.add_argument("--draws", type=positive, default=5, help="of parameters and images (5)")
    parser.add_argument("--smooth", action="store_true", help="softplus and average pooling in place of kinks")
    takes_threads(parser, 2)
    takes_files(parser)
    options = parser.parse_args(arguments)
    with using_threads(options.threads):
        rows = [row for name in options.models for row in measure(name, options.batch, options.draws, options.smooth)]
    text = "\n\n".join(["Distance of gradients from those in float64, as part of their length",
                        described(machine() | {"torch": torch_version()}),
                        table(rows, {"model": "", "kinks": "", "batch": "d", "draws": "d", "who": "", "median": ".1e",
                                     "largest": ".1e", "times_exact": ".2f"})])
    hand_out(options, text, rows, COLUMNS)


if __name__ == "__main__":
    main()
