"""What an operation costs when it hardly computes: a chain of tiny ops through every engine that is installed.

    python -m benchmarks.overhead

The chain is y = y * b + a, a hundred times over: 200 ops on 4 numbers in float32, with gradients at a and b. All
engines run in one process, in short blocks that take turns, so that whatever else the machine does falls on all alike.
Before the clock starts, every engine's gradients must agree with derivatives computed forward in float64.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy

import minigrad

from .common import described, hand_out, machine, positive, table, takes_files

LINKS = 100                     # of the chain; each is a product and a sum
OPS = 2 * LINKS
A, B = numpy.float32([0.1, 0.2, 0.3, 0.4]), numpy.float32([0.9, 0.8, -0.7, 0.6])
COLUMNS = ("engine", "version", "step_us", "step_us_min", "step_us_max", "step_ratio", "forward_us", "forward_ratio")


@dataclass
class Engine:
    """An engine under test: its chain forward, and forward and backward, giving the gradients at a and b."""

    name: str
    version: str
    forward: Callable[[], Any]
    step: Callable[[], Sequence[Any]]
    to_numpy: Callable[[Any], numpy.ndarray]


Times = dict[str, dict[str, list[float]]]      # engine -> "step" and "forward" -> microseconds per op in every round


class NotUsable(Exception):
    """The engine is not installed, or does not run here: says how to get it."""


def chain(a: Any, b: Any) -> Any:
    """200 ops, starting at `a`."""
    y = a
    for _ in range(LINKS):
        y = y * b + a
    return y


def truth() -> tuple[numpy.ndarray, numpy.ndarray]:
    """Derivatives of the chain's elements by a and b, carried forward in float64: no engine is involved."""
    a, b = A.astype("float64"), B.astype("float64")
    y, by_a, by_b = a, numpy.ones(4), numpy.zeros(4)
    for _ in range(LINKS):
        y, by_a, by_b = y * b + a, by_a * b + 1, by_b * b + y
    return by_a, by_b


# --- the engines ----------------------------------------------------------------------------------------------

def with_backward(name: str, version: str, a: Any, b: Any, backward: Callable[[Any], object],
                  to_numpy: Callable[[Any], numpy.ndarray]) -> Engine:
    """An engine whose backward pass leaves the gradients in `a.grad` and `b.grad`."""
    def step() -> Sequence[Any]:
        a.grad = b.grad = None
        backward(chain(a, b))
        return a.grad, b.grad
    return Engine(name, version, lambda: chain(a, b), step, to_numpy)


def minigrad_engine() -> Engine:
    a, b = minigrad.tensor(A, requires_grad=True), minigrad.tensor(B, requires_grad=True)
    ones = minigrad.ones(4)
    return with_backward("minigrad", minigrad.__version__, a, b, lambda y: y.backward(ones), lambda g: g.numpy())


def pytorch_engine() -> Engine:
    try:
        import torch
    except ImportError as error:
        raise NotUsable("pip install torch") from error
    a, b = torch.tensor(A, requires_grad=True), torch.tensor(B, requires_grad=True)
    ones = torch.ones(4)
    return with_backward("PyTorch", torch.__version__, a, b, lambda y: y.backward(ones), lambda g: g.numpy())


def autograd_engine() -> Engine:
    try:
        from autograd import make_vjp
    except ImportError as error:
        raise NotUsable("pip install autograd") from error
    ones = numpy.ones(4, "float32")
    trace = make_vjp(lambda ab: chain(*ab))
    return Engine("HIPS autograd", metadata.version("autograd"), lambda: trace((A, B)), lambda: trace((A, B))[0](ones),
                  numpy.asarray)


def mygrad_engine() -> Engine:
    try:
        import mygrad
    except ImportError as error:
        raise NotUsable("pip install mygrad") from error
    a, b = mygrad.tensor(A), mygrad.tensor(B)
    ones = numpy.ones(4, "float32")

    def step() -> Sequence[Any]:        # its backward pass starts a and b from nothing by itself
        chain(a, b).backward(ones)
        return a.grad, b.grad
    return Engine("MyGrad", metadata.version("mygrad"), lambda: chain(a, b), step, numpy.asarray)


def dezero_engine() -> Engine:
    try:
        with patch.object(numpy, "int", int, create=True):      # its release of 2020 wants a name that NumPy dropped
            from dezero import Variable
    except ImportError as error:
        raise NotUsable("pip install dezero") from error
    a, b = Variable(A), Variable(B)

    def step() -> Sequence[Any]:
        a.cleargrad(), b.cleargrad()
        chain(a, b).backward()          # starts from ones
        return a.grad, b.grad
    return Engine("DeZero", metadata.version("dezero"), lambda: chain(a, b), step, lambda g: g.data)


ENGINES = {"minigrad": minigrad_engine, "PyTorch": pytorch_engine, "HIPS autograd": autograd_engine,
           "MyGrad": mygrad_engine, "DeZero": dezero_engine}


def usable(makers: Mapping[str, Callable[[], Any]]) -> tuple[list[Any], dict[str, str]]:
    """The engines that are installed, and how to get the others."""
    engines, missing = [], {}
    for name, make in makers.items():
        try:
            engines.append(make())
        except NotUsable as reason:
            missing[name] = str(reason)
    return engines, missing


def prove(engine: Engine) -> None:
    """Refuse to time an engine whose gradients are wrong."""
    for name, got, expected in zip("ab", engine.step(), truth(), strict=True):
        g = engine.to_numpy(got)
        if g.dtype != "float32" or not numpy.allclose(g, expected, rtol=1e-5, atol=0):
            raise SystemExit(f"{engine.name}: the gradient at {name} is {g}, {g.dtype}; expected {expected}, float32")


# --- the clock ------------------------------------------------------------------------------------------------

def per_op(run: Callable[[], object], calls: int) -> float:
    """Microseconds per op over a block of `calls` chains, after one that is not timed."""
    run()
    start = perf_counter()
    for _ in range(calls):
        run()
    return (perf_counter() - start) / calls / OPS * 1e6


def measure(engines: Sequence[Engine], rounds: int, calls: int) -> Times:
    """Time every engine in every round; who comes first changes."""
    times: Times = {engine.name: {"step": [], "forward": []} for engine in engines}
    for i in range(rounds):
        first = i % len(engines)
        for engine in [*engines[first:], *engines[:first]]:
            times[engine.name]["step"].append(per_op(engine.step, calls))
            times[engine.name]["forward"].append(per_op(engine.forward, calls))
    return times


def summary(engines: Sequence[Engine], times: Times, reference: str) -> list[dict[str, Any]]:
    """A row an engine: medians, and the median of the ratios to the reference within a round."""
    rows = []
    for engine in engines:
        row: dict[str, Any] = {"engine": engine.name, "version": engine.version}
        for what in ("step", "forward"):
            own, other = times[engine.name][what], times[reference][what]
            row |= {f"{what}_us": median(own), f"{what}_us_min": min(own), f"{what}_us_max": max(own),
                    f"{what}_ratio": median(mine / theirs for mine, theirs in zip(own, other, strict=True))}
        rows.append(row)
    return rows


def report(rows: list[dict[str, Any]], missing: dict[str, str], rounds: int, calls: int, reference: str) -> str:
    """What is printed."""
    shown = table(rows, {"engine": "", "version": "", "step_us": ".2f", "step_us_min": ".2f", "step_us_max": ".2f",
                         "step_ratio": ".2f", "forward_us": ".2f", "forward_ratio": ".2f"})
    lines = [f"A chain of {OPS} ops on 4 float32: microseconds per op; {rounds} rounds of {calls} chains, in turn",
             "step is forward and backward; medians over the rounds, with the least and the most", "",
             described(machine()), "", shown, "",
             f"ratio: to {reference}, the median of the ratios within a round; below 1 is faster"]
    return "\n".join(lines + [f"not measured: {name} ({how} adds it)" for name, how in missing.items()])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead",
                                     description="What a tiny op costs, engine beside engine.")
    parser.add_argument("--rounds", type=positive, default=15, help="how often every engine has its turn (15)")
    parser.add_argument("--calls", type=positive, default=20, help="chains in a turn (20)")
    takes_files(parser)
    options = parser.parse_args(arguments)
    engines, missing = usable(ENGINES)
    for engine in engines:
        prove(engine)
    times = measure(engines, options.rounds, options.calls)
    reference = "PyTorch" if "PyTorch" in times else "minigrad"
    rows = summary(engines, times, reference)
    hand_out(options, report(rows, missing, options.rounds, options.calls, reference), rows, COLUMNS,
             reference=reference, rounds=times, not_measured=missing)


if __name__ == "__main__":
    main()
