"""How near each layer of a network comes to what the machine can do: the roofline of Williams et al. 2009.

    python -m benchmarks.roofline --model resnet18

Two ceilings are measured: of matrix products in float32 (GFLOP/s, with one thread and with all) and of memory (GB/s, a
sum of two arrays that no cache holds, 12 bytes an element). A layer that does I operations for a byte cannot be faster
than min(products, I * memory). Each convolution and linear layer is a dot, forward and backward: 2 operations for each
multiplication of the direct convolution, whatever the kernel really does (so Winograd's can be above the roof), and the
bytes of everything that must be read and written once: x, w, y; backward x, w, gy, gw, and gx where it is asked for.

Layers alike are timed once. The best of the rounds counts: a ceiling is a best case too.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import inf, prod
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy

import minigrad
from minigrad import nn
from minigrad.cli.versus import gemm_gflops, minigrad_graph, timed, using_threads
from minigrad.graph import Graph

from .common import (
    described,
    machine,
    new_figure,
    plain_ticks,
    positive,
    table,
    takes_threads,
    write_csv,
    write_text,
    write_whole,
)
from .networks import NETWORKS

COLUMNS = ("layer", "times", "pass", "gflop", "mb", "intensity", "ms", "gflop_per_s", "of_roof")
COLOURS = {"forward": "#1f77b4", "backward": "#d95f02"}
Row = dict[str, Any]


# --- the ceilings -----------------------------------------------------------------------------------------------

def bandwidth(threads: int, elements: int = 1 << 25, rounds: int = 5) -> float:
    """GB/s of out = a + b on arrays of float32, two read and one written, a part for each thread."""
    a, b, out = (numpy.ones(elements, "float32") for _ in range(3))
    parts = [slice(i * elements // threads, (i + 1) * elements // threads) for i in range(threads)]

    def add(part: slice) -> None:
        numpy.add(a[part], b[part], out=out[part])
    with ThreadPoolExecutor(threads) as pool:
        best = min(timed(lambda: list(pool.map(add, parts)), 1) for _ in range(rounds))
    return 12 * elements / best / 1e9


def ceilings(threads: int, quick: bool) -> list[Row]:
    """A row for one thread and one for all."""
    rows = []
    for number in dict.fromkeys((1, threads)):
        with using_threads(number):
            products = gemm_gflops(256, 0.02) if quick else gemm_gflops(seconds=1.5)
        rows.append({"threads": number, "gflop_per_s": products,
                     "gb_per_s": bandwidth(number, 1 << 16, 1) if quick else bandwidth(number)})
    return rows


# --- the layers -------------------------------------------------------------------------------------------------

def layers_of(graph: Graph, batch: int) -> list[tuple[Any, tuple[int, ...], bool, int]]:
    """(layer, shape of x, whether x needs a gradient, how many layers are alike), of convolutions and linear layers."""
    found: dict[Any, tuple[Any, tuple[int, ...], bool]] = {}
    times: Counter = Counter()
    for node in graph.nodes:
        layer = node.what
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            inner = node.inputs[0] not in graph.inputs
            shape = (batch, *graph.node(node.inputs[0]).shape[1:])
            alike = (repr(layer), shape, inner)
            found.setdefault(alike, (layer, shape, inner))
            times[alike] += 1
    return [(*found[alike], times[alike]) for alike in found]


def passes(layer: Any, shape: tuple[int, ...], inner: bool, rounds: int) -> dict[str, Row]:
    """Forward and backward of a layer alone: operations, bytes, and the least seconds that it took."""
    x = minigrad.tensor(numpy.random.default_rng(0).standard_normal(shape, dtype="float32"), requires_grad=inner)
    y = layer(x)
    g = minigrad.ones(y.shape)
    seconds = {"forward": inf, "backward": inf}
    for _ in range(rounds + 1):             # the first fills caches and buffers
        layer.zero_grad()
        x.grad = None
        start = perf_counter()
        y = layer(x)
        middle = perf_counter()
        y.backward(g)
        seconds = {"forward": min(seconds["forward"], middle - start),
                   "backward": min(seconds["backward"], perf_counter() - middle)}
    w = layer.weight.shape
    flops = 2 * prod(y.shape) * prod(w[1:])
    floats = {"forward": prod(shape) + prod(w) + prod(y.shape),
              "backward": (1 + inner) * prod(shape) + 2 * prod(w) + prod(y.shape)}
    return {name: {"flops": flops * (1 + inner if name == "backward" else 1), "bytes": 4 * floats[name],
                   "seconds": seconds[name]} for name in seconds}


def title_of(layer: Any, shape: tuple[int, ...]) -> str:
    """Kernel, channels, stride and size: 3x3 64 -> 128 /2 @ 56x56."""
    if isinstance(layer, nn.Linear):
        return f"linear {layer.in_features} -> {layer.out_features}"
    k, c, i, j = layer.weight.shape
    stride = "" if layer.stride[0] == 1 else f" /{layer.stride[0]}"
    return f"{i}x{j} {c} -> {k}{stride} @ {shape[2]}x{shape[3]}"


def measure(graph: Graph, batch: int, rounds: int, roof: Callable[[float], float]) -> list[Row]:
    """Two rows a layer."""
    rows = []
    for layer, shape, inner, times in layers_of(graph, batch):
        for name, found in passes(layer, shape, inner, rounds).items():
            rate, intensity = found["flops"] / found["seconds"] / 1e9, found["flops"] / found["bytes"]
            rows.append({"layer": title_of(layer, shape), "times": times, "pass": name, "gflop": found["flops"] / 1e9,
                         "mb": found["bytes"] / 1e6, "intensity": intensity, "ms": found["seconds"] * 1e3,
                         "gflop_per_s": rate, "of_roof": rate / roof(intensity)})
    return rows


# --- the result -------------------------------------------------------------------------------------------------

def roof_of(ceiling: Row) -> Callable[[float], float]:
    """Operations a byte -> the most GFLOP/s."""
    return lambda intensity: min(ceiling["gflop_per_s"], intensity * ceiling["gb_per_s"])


def draw(rows: Sequence[Row], limits: Sequence[Row], title: str, path: Path) -> None:
    """The roofs as lines, the passes as dots whose areas grow with their share of the time."""
    figure = new_figure(8.5, 5.5)
    axes = figure.subplots()
    low, high = min(row["intensity"] for row in rows) / 2, max(row["intensity"] for row in rows) * 2
    for limit, style in zip(limits, ("--", "-"), strict=False):
        ridge = limit["gflop_per_s"] / limit["gb_per_s"]
        points = sorted({low, min(max(ridge, low), high), high})
        label = f"roof, {limit['threads']} thread{'s' * (limit['threads'] > 1)}: {limit['gflop_per_s']:.0f} GFLOP/s, " \
                f"{limit['gb_per_s']:.0f} GB/s"
        axes.plot(points, [roof_of(limit)(x) for x in points], style, color="grey", label=label)
    total = sum(row["ms"] * row["times"] for row in rows)
    for name, colour in COLOURS.items():
        own = [row for row in rows if row["pass"] == name]
        sizes = [30 + 2000 * row["ms"] * row["times"] / total for row in own]
        axes.scatter([row["intensity"] for row in own], [row["gflop_per_s"] for row in own], sizes, color=colour,
                     alpha=0.6, edgecolor="black", linewidth=0.5, label=f"{name} (area: share of the time)")
    costly = most_costly(rows)
    for i, row in enumerate(costly, 1):
        axes.annotate(str(i), (row["intensity"], row["gflop_per_s"]), ha="center", va="center", fontsize=8)
    axes.text(0.02, 0.98, "\n".join([f"{i}  {row['layer']}" for i, row in enumerate(costly, 1)]), va="top", fontsize=8,
              transform=axes.transAxes)
    axes.margins(y=0.15)
    axes.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="GFLOP/s (direct convolution)", title=title)
    plain_ticks(axes.xaxis, (1,))
    plain_ticks(axes.yaxis)
    axes.grid(alpha=0.3, which="both")
    legend = axes.legend(fontsize=8, loc="lower right")
    for handle in legend.legend_handles[len(limits):]:
        handle.set_sizes([40])
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=120, format="png"))


def most_costly(rows: Sequence[Row], number: int = 6) -> list[Row]:
    """Of the layers that take most of the time, the pass that takes more of it."""
    found: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: -row["ms"] * row["times"]):
        found.setdefault(row["layer"], row)
    return list(found.values())[:number]


def report(rows: Sequence[Row], limits: Sequence[Row], title: str) -> str:
    """What is printed."""
    return "\n".join([title, "", described(machine()), "",
                      table(limits, {"threads": "d", "gflop_per_s": ".0f", "gb_per_s": ".1f"}), "",
                      table(rows, {"layer": "", "times": "d", "pass": "", "gflop": ".2f", "mb": ".1f",
                                   "intensity": ".0f", "ms": ".2f", "gflop_per_s": ".0f", "of_roof": ".0%"}), "",
                      "of_roof: of what the machine could do for such a layer with all threads, directly"])


def main(arguments: Sequence[str] | None = None) -> None:
    images = [name for name in NETWORKS if not name.startswith("transformer")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline",
                                     description="Each layer beside what the machine can do.")
    parser.add_argument("--model", default="resnet18", choices=images, help="the network (resnet18)")
    parser.add_argument("--batch", type=positive, metavar="N", help="images (as in vs_pytorch)")
    parser.add_argument("--rounds", type=positive, default=5, help="the best of so many rounds is taken (5)")
    parser.add_argument("--folder", type=Path, default=Path("runs/roofline"), metavar="FOLDER",
                        help="where <model>.csv, <model>.txt and <model>.png go (runs/roofline)")
    parser.add_argument("--quick", action="store_true", help="measure the ceilings roughly, to try the command out")
    takes_threads(parser)
    options = parser.parse_args(arguments)
    net = NETWORKS[options.model]
    batch = options.batch or net.batch
    limits = ceilings(options.threads, options.quick)
    with using_threads(options.threads):
        rows = measure(minigrad_graph(net), batch, options.rounds, roof_of(limits[-1]))
    title = f"{net.title}, batch {batch}, {options.threads} threads: its layers under the machine's roof"
    text = report(rows, limits, title)
    print(text)
    file = options.folder / options.model
    write_csv(file.with_suffix(".csv"), rows, COLUMNS)
    write_text(file.with_suffix(".txt"), text)
    draw(rows, limits, title, file.with_suffix(".png"))
    print(f"written to {options.folder}")


if __name__ == "__main__":
    main()
