"""What functions and layers of usual sizes cost beside PyTorch's, forward and backward, both in one thread.

    python -m benchmarks.ops --only norm

Each row is one expression that both libraries understand, on the same random numbers in float32: numbers in order, or
masks with a pattern, would flatter code that branches. Before the clock starts, values and gradients must agree.
Gradients are asked for at all floating inputs and parameters. Processor time is counted, of all threads together: set
OMP_NUM_THREADS=1 for NumPy's products.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time
from types import ModuleType
from typing import Any

import numpy

import minigrad
from minigrad import nn

from .common import described, hand_out, machine, positive, table, takes_files
from .op_rows import Row, all_rows

COLUMNS = ("name", "minigrad_ms", "pytorch_ms", "ratio", "minigrad_forward_ms", "pytorch_forward_ms", "forward_ratio")
NAMES = ("minigrad", "pytorch")


@dataclass(frozen=True)
class Library:
    """minigrad or PyTorch as the rows know it."""

    top: ModuleType
    nn: ModuleType
    tensor: Callable[..., Any]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.top, name)

    @property
    def F(self) -> Any:
        """Its nn.functional."""
        return self.nn.functional


@dataclass(frozen=True)
class Run:
    """A row in one library: forward, and forward and backward; then the gradients are in the leaves."""

    forward: Callable[[], Any]
    step: Callable[[], Any]
    leaves: Sequence[Any]


Times = dict[str, list[float]]          # "minigrad", "minigrad_forward", "pytorch", ... -> milliseconds in every round


def libraries() -> dict[str, Library]:
    """minigrad, and PyTorch in one thread if it is installed."""
    found = {"minigrad": Library(minigrad, nn, minigrad.tensor)}
    try:
        import torch
    except ImportError:
        return found
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return found | {"pytorch": Library(torch, torch.nn, torch.from_numpy)}


# --- one row --------------------------------------------------------------------------------------------------

def runs(row: Row, known: dict[str, Library]) -> dict[str, Run]:
    """The row in every library, on the same numbers."""
    draw = numpy.random.default_rng(0)
    inputs = [make(draw) for make in row.inputs]
    modules = {name: row.layer(library.nn) for name, library in known.items()} if row.layer else {}
    if len(modules) > 1:
        state = {name: x.detach().numpy() for name, x in modules["pytorch"].state_dict().items()}
        modules["minigrad"].load_state_dict(state)
    return {name: run(row, library, inputs, modules.get(name)) for name, library in known.items()}


def run(row: Row, library: Library, inputs: Sequence[numpy.ndarray], module: Any) -> Run:
    """The row in one library."""
    tensors = [library.tensor(x.copy()) for x in inputs]
    leaves = [x.requires_grad_() for x, array in zip(tensors, inputs, strict=True) if array.dtype == "float32"]
    leaves += module.parameters() if module else []
    arguments = [module, *tensors] if module else tensors
    seeds: list[Any] = []

    def forward() -> Any:
        return row.compute(library, *arguments)

    def step() -> Any:
        for leaf in leaves:
            leaf.grad = None
        y = forward()
        if not seeds:                   # the first call, which is not timed
            values = numpy.random.default_rng(1).standard_normal(tuple(y.shape))
            seeds.append(library.tensor(numpy.asarray(values, "float32")))
        y.backward(seeds[0])
        return y
    return Run(forward, step, leaves)


def prove(row: Row, both: dict[str, Run]) -> None:
    """Refuse to time a row in which the libraries compute different things."""
    answers = []
    for one in both.values():
        y = one.step()
        found = [y, *[leaf.grad for leaf in one.leaves if leaf.grad is not None]]
        answers.append([numpy.asarray(x.detach().numpy()) for x in found])
    for mine, theirs in zip(answers[0], answers[-1], strict=True):
        if mine.shape != theirs.shape or not row.is_random and apart(mine, theirs) > 1e-2:
            raise SystemExit(f"{row.name}: minigrad and PyTorch do not compute the same")


def apart(mine: numpy.ndarray, theirs: numpy.ndarray) -> float:
    """|mine - theirs| / |theirs|, as vectors: of a million numbers one may lie on the other side of a kink."""
    return float(numpy.linalg.norm(mine - theirs) / max(numpy.linalg.norm(theirs), 1e-6))


# --- the clock ------------------------------------------------------------------------------------------------

def milliseconds(function: Callable[[], object]) -> float:
    """Of processor time: while others have the core, this clock stands still."""
    start = process_time()
    function()
    return (process_time() - start) * 1e3


def measure(both: dict[str, Run], rounds: int) -> Times:
    """Time the libraries in turns."""
    times: Times = {name + what: [] for name in both for what in ("", "_forward")}
    for _ in range(rounds):
        for name, one in both.items():
            times[name].append(milliseconds(one.step))
            times[name + "_forward"].append(milliseconds(one.forward))
    return times


def summary(row: str, times: Times) -> dict[str, Any]:
    """Medians, and the medians of the ratios within a round; None without PyTorch."""
    line: dict[str, Any] = {"name": row}
    for what, ratio in (("", "ratio"), ("_forward", "forward_ratio")):
        mine, theirs = [times.get(name + what) for name in NAMES]
        line |= {f"{name}{what}_ms": median(times[name + what]) if name in times else None for name in NAMES}
        line[ratio] = median(m / t for m, t in zip(mine, theirs, strict=True)) if mine and theirs else None
    return line


def report(lines: list[dict[str, Any]], rounds: int) -> str:
    """What is printed, the slowest beside PyTorch first."""
    ranked = sorted(lines, key=lambda line: -(line["ratio"] or 0))
    ratios = [line["ratio"] for line in lines if line["ratio"] is not None]
    shown = table(ranked, {"name": "", "minigrad_ms": ".2f", "pytorch_ms": ".2f", "ratio": ".2f",
                           "minigrad_forward_ms": ".2f", "pytorch_forward_ms": ".2f", "forward_ratio": ".2f"})
    foot = f"ratio: to PyTorch, the median of the ratios within a round; median of all rows {median(ratios):.2f}" \
        if ratios else "not measured: PyTorch (pip install torch adds it)"
    return "\n".join(["Functions and layers in float32, forward and backward, and forward alone",
                      f"processor time; medians of {rounds} rounds in turns", "",
                      described(machine()), "", shown, "", foot])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ops",
                                     description="Functions and layers beside PyTorch's.")
    parser.add_argument("--only", metavar="TEXT", action="append", help="only rows with this in their name; repeatable")
    parser.add_argument("--rounds", type=positive, default=7, help="how often both libraries have their turn (7)")
    takes_files(parser)
    options = parser.parse_args(arguments)
    chosen = [row for row in all_rows() if not options.only or any(text in row.name for text in options.only)]
    if not chosen:
        raise SystemExit(f"no row has {' or '.join(options.only)} in its name")
    known, lines, rounds = libraries(), [], {}
    for row in chosen:
        both = runs(row, known)
        prove(row, both)
        rounds[row.name] = measure(both, options.rounds)
        lines.append(summary(row.name, rounds[row.name]))
    hand_out(options, report(lines, options.rounds), lines, COLUMNS, rounds=rounds)


if __name__ == "__main__":
    main()
