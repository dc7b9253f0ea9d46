"""How the cost of a step grows: with the batch, the image, the depth, the threads, the length of the tape.

    python -m benchmarks.scaling --studies batch image depth
    python -m benchmarks.scaling --studies threads tape

Each study changes one number and keeps the others; minigrad and, if it is installed, PyTorch take turns. The step is a
training step of a plain network (3x3 convolutions of 32 channels with ReLU, a mean over the image, 10 classes), but for
the tape: there it is a chain of tiny ops, forward and backward. Each study gives a table and a picture of the times;
`growth` is how many times as long it takes as in the line before. Cost that is in proportion grows as the number does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import minigrad
from minigrad.cli.versus import Net, compared, in_turns, prove, pytorch, sides, using_threads
from minigrad.settings import usable_cpus

from .common import (
    described,
    machine,
    new_figure,
    plain_ticks,
    positive,
    table,
    takes_threads,
    torch_version,
    write_csv,
    write_text,
    write_whole,
)

BATCH, IMAGE, DEPTH, WIDTH = 16, 32, 4, 32
COLOURS = {"minigrad": "#1f77b4", "PyTorch": "#d95f02"}
COLUMNS = ("study", "value", "minigrad_ms", "pytorch_ms", "ratio", "minigrad_growth", "pytorch_growth")
Row = dict[str, Any]
Steps = dict[str, Callable[[], Any]]


def plain(nn: Any, depth: int) -> Any:
    """`depth` convolutions, then a class for the image."""
    layers = [layer for i in range(depth)
              for layer in (nn.Conv2d(3 if i == 0 else WIDTH, WIDTH, 3, padding=1), nn.ReLU())]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, 10))


def network(batch: int = BATCH, image: int = IMAGE, depth: int = DEPTH) -> Steps:
    """A training step of each library, proven to be the same."""
    net = Net(f"{depth} convolutions", partial(plain, depth=depth), (3, image, image), batch, 10, bound=3e-2)
    both = sides(net)
    prove(net, both)
    return {name: one.step for name, one in both.items()}


def tape(length: int) -> Steps:
    """A chain of `length` ops on 4 numbers, y * b and y + a in turns, forward and backward."""
    libraries = {"minigrad": minigrad} | ({"PyTorch": pytorch()} if pytorch() else {})
    return {name: partial(chain, library.tensor([0.1, 0.2, 0.3, 0.4], requires_grad=True),
                          library.tensor([0.9, 0.8, -0.7, 0.6], requires_grad=True), library.ones(4), length)
            for name, library in libraries.items()}


def chain(a: Any, b: Any, ones: Any, length: int) -> None:
    a.grad = b.grad = None
    y = a
    for i in range(length):
        y = y + a if i % 2 else y * b
    y.backward(ones)


# --- the studies ------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Study:
    """What changes, what stays, the values, and the steps for a value."""

    axis: str
    fixed: str
    values: Sequence[int]
    steps: Callable[[int], Steps]


STUDIES = {
    "batch": Study("images a batch", f"{IMAGE} x {IMAGE}, {DEPTH} convolutions", (1, 2, 4, 8, 16, 32, 64),
                   lambda n: network(batch=n)),
    "image": Study("height and width of the image", f"batch {BATCH}, {DEPTH} convolutions", (8, 16, 32, 64),
                   lambda n: network(image=n)),
    "depth": Study("convolutions", f"batch {BATCH}, {IMAGE} x {IMAGE}", (1, 2, 4, 8, 16, 32),
                   lambda n: network(depth=n)),
    "threads": Study("threads", f"batch {BATCH}, {IMAGE} x {IMAGE}, {DEPTH} convolutions",
                     tuple(range(1, usable_cpus() + 1)), lambda n: network()),
    "tape": Study("ops on the tape", "each on 4 numbers", (10, 100, 1000, 10_000), tape),
}


def measure(name: str, rounds: int, seconds: float, threads: int, most: int | None) -> list[Row]:
    """A row a value, up to the largest that is wanted."""
    rows: list[Row] = []
    values = [value for value in STUDIES[name].values if most is None or value <= most]
    if not values:
        raise SystemExit(f"{name}: no value is at most {most}, the least is {STUDIES[name].values[0]}")
    for value in values:
        with using_threads(value if name == "threads" else threads):
            found = compared(in_turns(STUDIES[name].steps(value), rounds, seconds), "minigrad")
        row = {"study": name, "value": value, "minigrad_ms": found["ms"], "pytorch_ms": found["other_ms"],
               "ratio": found["ratio"]}
        for who in ("minigrad", "pytorch"):
            before = rows[-1][f"{who}_ms"] if rows else None
            row[f"{who}_growth"] = row[f"{who}_ms"] / before if before else None
        rows.append(row)
    return rows


# --- the result -------------------------------------------------------------------------------------------------

def draw(name: str, rows: Sequence[Row], threads: int, path: Path) -> None:
    """The times over the value, both axes logarithmic, and a thin line for cost in proportion."""
    study, figure = STUDIES[name], new_figure(6.4, 4.4)
    axes = figure.subplots()
    values = [row["value"] for row in rows]
    for who, colour in COLOURS.items():
        times = [row[f"{who.lower()}_ms"] for row in rows]
        if None not in times:
            axes.plot(values, times, "o-", color=colour, label=who)
    last, power = rows[-1], {"image": 2, "threads": -1}.get(name, 1)
    word = {"image": "as the area", "threads": "shared among threads"}.get(name, "in proportion")
    start = last if name != "threads" else rows[0]
    axes.plot(values, [start["minigrad_ms"] * (value / start["value"]) ** power for value in values], ":",
              color="grey", label=word)
    axes.set(xscale="log", yscale="log", xlabel=study.axis, ylabel="ms a step",
             title=f"{study.fixed}" + ("" if name == "threads" else f", {threads} threads"))
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.minorticks_off()
    plain_ticks(axes.yaxis)
    axes.grid(alpha=0.3)
    axes.legend()
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=120, format="png"))


def report(name: str, rows: Sequence[Row], threads: int, rounds: int) -> str:
    """What is printed."""
    study = STUDIES[name]
    used = "as the table says" if name == "threads" else f"{threads} for each"
    facts = machine() | {"torch": torch_version(), "threads": used}
    shown = table(rows, {"value": ",d", "minigrad_ms": ".4g", "pytorch_ms": ".4g", "ratio": ".2f",
                         "minigrad_growth": ".2f", "pytorch_growth": ".2f"})
    return "\n".join([f"Milliseconds a step over the {study.axis}; {study.fixed}; medians of {rounds} rounds", "",
                      described(facts), "", shown])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling",
                                     description="How the cost of a step grows.")
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES), metavar="STUDY",
                        help=f"of {', '.join(STUDIES)} (all)")
    parser.add_argument("--rounds", type=positive, default=3, help="how often both libraries have their turn (3)")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long a turn takes at least (0.2)")
    parser.add_argument("--most", type=positive, metavar="N", help="leave out the values above N")
    parser.add_argument("--folder", type=Path, default=Path("runs/scaling"), metavar="FOLDER",
                        help="where <study>.csv, <study>.txt and <study>.png go (runs/scaling)")
    takes_threads(parser)
    options = parser.parse_args(arguments)
    for name in options.studies:
        rows = measure(name, options.rounds, options.seconds, options.threads, options.most)
        text = report(name, rows, options.threads, options.rounds)
        print(text + "\n", flush=True)
        file = options.folder / name
        write_csv(file.with_suffix(".csv"), rows, COLUMNS)
        write_text(file.with_suffix(".txt"), text)
        draw(name, rows, options.threads, file.with_suffix(".png"))
    print(f"written to {options.folder}")


if __name__ == "__main__":
    main()
