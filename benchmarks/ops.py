"""What functions and layers of usual sizes cost beside PyTorch's, forward and backward.

    python -m benchmarks.ops --only norm
    python -m benchmarks.ops --worst 10 --threads 2

Each row is one expression that both libraries understand, on the same random numbers in float32: numbers in order, or
masks with a pattern, would flatter code that branches. Before the clock starts, values and gradients must agree.
Gradients are asked for at all floating inputs and parameters. A row in which a fused op has a kernel is timed by the
ops' own definitions too (`definition`), which is what the kernel gains.

In one thread processor time is counted: while others have the core, that clock stands still. In several it is the time
on the wall, after a pause and an untimed call, so that the threads of the library before have stopped spinning.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time, sleep
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy

import minigrad
from minigrad import nn
from minigrad.cli.versus import apart, using_threads
from minigrad.fused import Fused
from minigrad.meta import Meta
from minigrad.op import OPS, Op

from .common import described, hand_out, machine, positive, table, takes_files, takes_threads, torch_version
from .op_rows import Row, all_rows

COLUMNS = ("name", "minigrad_ms", "pytorch_ms", "ratio", "minigrad_forward_ms", "pytorch_forward_ms", "forward_ratio",
           "definition_ms", "definition_ratio", "definition_forward_ms", "definition_forward_ratio", "fused")
FORMATS = {"name": "", "minigrad_ms": ".2f", "pytorch_ms": ".2f", "ratio": ".2f", "minigrad_forward_ms": ".2f",
           "pytorch_forward_ms": ".2f", "forward_ratio": ".2f", "definition_ratio": ".2f",
           "definition_forward_ratio": ".2f"}
REST = 0.02                             # seconds before a turn of several threads
WITHOUT_ROW: dict[str, str] = {}        # fused op -> why it needs no row


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
    """minigrad and, if it is installed, PyTorch."""
    found = {"minigrad": Library(minigrad, nn, minigrad.tensor)}
    try:
        import torch
    except ImportError:
        return found
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
    leaves = [x.requires_grad_() for i, x in enumerate(tensors) if inputs[i].dtype == "float32" and i not in row.fixed]
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
        if mine.shape != theirs.shape or not row.is_random and not apart(mine, theirs) <= 1e-2:
            raise SystemExit(f"{row.name}: minigrad and PyTorch do not compute the same")


def by_definition(one: Run) -> Run:
    """minigrad's run, every fused op by its definition."""
    def forward() -> Any:
        with minigrad.config(kernels="definition"):
            return one.forward()

    def step() -> Any:
        with minigrad.config(kernels="definition"):
            return one.step()
    return Run(forward, step, one.leaves)


def fused_in(row: Row) -> list[str]:
    """The fused ops that a row calls itself, found without computing anything: on arrays without values."""
    found: list[str] = []
    library, nothing = Library(minigrad, nn, minigrad.tensor), [make(Blank()) for make in row.inputs]
    arguments = [row.layer(nn), *nothing] if row.layer else nothing
    call = Op.__call__

    def noted(self: Op, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(self, Fused):
            return call(self, *args, **kwargs)
        found.append(self.name)
        with patch.object(Op, "__call__", call):        # what its definition calls is no business of the row
            return self(*args, **kwargs)
    with patch.object(Op, "__call__", noted), suppress(TypeError):      # masked_select has no shape without values
        row.compute(library, *arguments)
    return list(dict.fromkeys(found))


class Blank:
    """Draws arrays without values, for a row that shall only be looked at."""

    def standard_normal(self, shape: tuple[int, ...], dtype: str = "float64") -> Meta:
        return Meta(shape, dtype)

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> Meta:
        return Meta(shape, "float64")

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Meta:
        return Meta(shape, "int64")

    def random(self, shape: tuple[int, ...]) -> Meta:
        return Meta(shape, "float64")


def without_row(rows: Sequence[Row]) -> list[str]:
    """The library's fused ops that no row times, and that are not excused."""
    covered = {name for row in rows for name in fused_in(row)} | WITHOUT_ROW.keys()
    return [name for name, op in OPS.items()
            if isinstance(op, Fused) and op.module.startswith("minigrad.") and name not in covered]


# --- the clock ------------------------------------------------------------------------------------------------

def milliseconds(function: Callable[[], object], threads: int = 1) -> float:
    """Of processor time in one thread, on the wall in several."""
    clock = process_time
    if threads > 1:
        sleep(REST)
        function()
        clock = perf_counter
    start = clock()
    function()
    return (clock() - start) * 1e3


def measure(both: dict[str, Run], rounds: int, threads: int = 1) -> Times:
    """Time the libraries in turns."""
    times: Times = {name + what: [] for name in both for what in ("", "_forward")}
    for _ in range(rounds):
        for name, one in both.items():
            times[name].append(milliseconds(one.step, threads))
            times[name + "_forward"].append(milliseconds(one.forward, threads))
    return times


def timed(row: Row, known: dict[str, Library], rounds: int, threads: int) -> tuple[Times, list[str]]:
    """The times of a row, which is proven first, and the fused ops in it."""
    both, fused = runs(row, known), fused_in(row)
    prove(row, both)
    if any("numpy" in OPS[name].kernels for name in fused):
        both["definition"] = by_definition(both["minigrad"])
        both["definition"].step()
    return measure(both, rounds, threads), fused


def summary(row: str, times: Times) -> dict[str, Any]:
    """Medians, and the medians of minigrad's ratios within a round; None for what was not timed."""
    line: dict[str, Any] = {"name": row}
    for what in ("", "_forward"):
        mine = times["minigrad" + what]
        for other, ratio in (("pytorch", f"{what}_ratio".lstrip("_")), ("definition", f"definition{what}_ratio")):
            theirs = times.get(other + what)
            line |= {f"minigrad{what}_ms": median(mine), f"{other}{what}_ms": median(theirs) if theirs else None,
                     ratio: median(m / t for m, t in zip(mine, theirs, strict=True)) if theirs else None}
    return line


def report(lines: list[dict[str, Any]], rounds: int, threads: int = 1, worst: int | None = None) -> str:
    """What is printed, the slowest beside PyTorch first; only so many of them, if `worst` says so."""
    ranked = sorted(lines, key=lambda line: -(line["ratio"] or 0))
    ratios = [line["ratio"] for line in lines if line["ratio"] is not None]
    foot = f"ratio: to PyTorch, the median of the ratios within a round; median of all {len(ratios)} rows " \
           f"{median(ratios):.2f}" if ratios else "not measured: PyTorch (pip install torch adds it)"
    clock = "processor time" if threads == 1 else "time on the wall"
    head = "Functions and layers in float32, forward and backward, and forward alone"
    return "\n".join([head if worst is None else f"{head}: the worst {min(worst, len(ranked))} of {len(ranked)}",
                      f"{clock}; medians of {rounds} rounds in turns", "",
                      described(machine() | {"torch": torch_version(), "threads": f"{threads} for each"}), "",
                      table(ranked[:worst], FORMATS), "", foot,
                      "definition_ratio: to the definitions of the row's ops; a dash: none of them has a kernel"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ops",
                                     description="Functions and layers beside PyTorch's.")
    parser.add_argument("--only", metavar="TEXT", action="append", help="only rows with this in their name; repeatable")
    parser.add_argument("--rounds", type=positive, default=7, help="how often everyone has a turn (7)")
    parser.add_argument("--worst", type=positive, metavar="N", help="print the N rows worst beside PyTorch")
    takes_threads(parser, 1)
    takes_files(parser)
    options = parser.parse_args(arguments)
    chosen = [row for row in all_rows() if not options.only or any(text in row.name for text in options.only)]
    if not chosen:
        raise SystemExit(f"no row has {' or '.join(options.only)} in its name")
    lines, rounds = [], {}
    with using_threads(options.threads):
        known = libraries()
        for row in chosen:
            rounds[row.name], fused = timed(row, known, options.rounds, options.threads)
            lines.append(summary(row.name, rounds[row.name]) | {"fused": " ".join(fused)})
    hand_out(options, report(lines, options.rounds, options.threads, options.worst), lines, COLUMNS, rounds=rounds)


if __name__ == "__main__":
    main()
