"""Training steps of whole networks beside PyTorch eager: how much of its time minigrad takes.

    python -m benchmarks.vs_pytorch --models lenet5 resnet18
    python -m benchmarks.vs_pytorch --profile resnet18
    python -m benchmarks.vs_pytorch --memory

A step is forward, cross-entropy, backward and SGD with momentum, in float32, dropout on, with as many threads for both.
Each network is written once for both libraries (networks.py) and starts from the same parameters. minigrad's is a layer
graph, called as a user would, `model(x)`, with default settings; a second column is without the fusion of its nodes.

Before the clock starts, the loss and every gradient must agree. Then they take turns, each in a process of its own, as
its users have it: a block is some whole steps, 0.3 s of them or more, after a pause and an untimed step. The ratio is
the median of the ratios within a round, below 1 minigrad is faster; each row has the mark that it should meet.
Inference is a forward pass in eval mode, minigrad's with BatchNorm folded into the convolutions, PyTorch's under
inference_mode. Tape is `overhead.py`'s chain, in one process.

Rows measured one by one, each with --json, are put into one table by --join.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

import minigrad
from minigrad.cli.versus import (
    BLOCK,
    Turns,
    alone,
    apart,
    compared,
    in_turns,
    minigrad_graph,
    prove,
    pytorch,
    sides,
    using_threads,
)

from . import breakdown, memory, overhead
from .common import described, hand_out, machine, positive, table, takes_files, takes_threads, torch_version
from .networks import INFERENCE, NETWORKS, Row
from .processes import Apart, all_apart

TAPE_MARK, MEAN_MARK = 0.9, 1.0
VALUES_BOUND = 1e-3             # how far the scores of a network may be apart, as part of their length
COLUMNS = ("model", "batch", "minigrad_ms", "pytorch_ms", "ratio", "least", "largest", "unfused_ratio", "mark", "met",
           "rounds", "apart")
Line = dict[str, Any]


# --- what is measured -------------------------------------------------------------------------------------------

def step_of(name: str, who: str) -> Callable[[], Any]:
    """What "minigrad", "unfused" or "PyTorch" does, in its own process: a training step or a forward pass."""
    library = who if who == "PyTorch" else "minigrad"
    step = alone(NETWORKS[name], library).step if name in NETWORKS else forwards(INFERENCE[name])[library]
    return minigrad.config(fuse=False)(step) if who == "unfused" else step


def forwards(row: Row) -> dict[str, Callable[[], Any]]:
    """A forward pass of each side, on equal weights and images."""
    x = numpy.random.default_rng(0).standard_normal((row.batch, *row.shape), dtype="float32")
    graph, torch, steps = minigrad_graph(row), pytorch(), {}
    if torch:
        torch.manual_seed(0)
        model, images = row.make(torch.nn), torch.from_numpy(x)
        with torch.no_grad():
            model(images)               # in training mode: now the running statistics are some
        graph.load_state_dict({name: value.numpy() for name, value in model.state_dict().items()})
        model.eval()
        steps["PyTorch"] = torch.inference_mode()(lambda: model(images))
    folded, own = graph.eval().fold_batch_norm(), minigrad.tensor(x)
    return {"minigrad": minigrad.no_grad()(lambda: folded(own))} | steps


def proven(name: str) -> float | None:
    """How far gradients, or the scores of inference, are apart; None without PyTorch. Too far ends it."""
    if name in NETWORKS:
        return prove(NETWORKS[name], sides(NETWORKS[name]))
    scores = [step().numpy() for step in forwards(INFERENCE[name]).values()]
    difference = apart(*scores) if len(scores) > 1 else None
    if difference is not None and not difference <= VALUES_BOUND:
        raise SystemExit(f"{INFERENCE[name].title}: the scores are {difference:.1e} of their length away from "
                         "PyTorch's")
    return difference


def measure(name: str, rounds: int, seconds: float, threads: int) -> tuple[Line, Turns]:
    """A row of the table, and its times."""
    if name == "tape":
        return tape(rounds)
    row, difference = (NETWORKS | INFERENCE)[name], proven(name)
    who = ["minigrad", "PyTorch", "unfused"] if pytorch() else ["minigrad", "unfused"]
    with all_apart({one: Apart(step_of, name, one, threads=threads, is_minigrad=one != "PyTorch")
                    for one in who}) as steps:
        times = in_turns(steps, rounds, seconds)
        last = steps["minigrad"]()
    if not math.isfinite(last):
        raise SystemExit(f"{row.title}: after the last step the loss is {last}; such steps may be slower or faster")
    return line(name, row.title, row.batch, times, row.mark, difference), times


def tape(rounds: int) -> tuple[Line, Turns]:
    """What a tiny op costs, forward and backward, by `overhead`'s measurement."""
    engines = [engine for engine in overhead.usable(overhead.ENGINES)[0] if engine.name in ("minigrad", "PyTorch")]
    for engine in engines:
        overhead.prove(engine)
    times = {name: [us / 1e6 for us in one["step"]] for name, one in overhead.measure(engines, rounds, 20).items()}
    return line("tape", "tape, per op", 1, times, TAPE_MARK, None), times


def line(name: str, title: str, batch: int, times: Turns, mark: float | None, difference: float | None) -> Line:
    """A row of the table, from the seconds of all rounds."""
    found = compared(times, "minigrad")
    return {"name": name, "model": title, "batch": batch, "minigrad_ms": found["ms"], "pytorch_ms": found["other_ms"],
            "ratio": found["ratio"], "least": found["least"], "largest": found["largest"],
            "unfused_ratio": compared(times, "unfused")["ratio"], "mark": mark, "met": verdict(found["ratio"], mark),
            "rounds": len(times["minigrad"]), "apart": difference}


def verdict(ratio: float | None, mark: float | None) -> str:
    return "-" if ratio is None or mark is None else "yes" if round(ratio, 2) <= mark else "no"


# --- the result -------------------------------------------------------------------------------------------------

def with_mean(lines: Sequence[Line]) -> list[Line]:
    """The lines, and after the training steps the geometric mean of those with a mark."""
    trained = [one for one in lines if one["name"] in NETWORKS]
    steps = [one for one in trained if NETWORKS[one["name"]].mark is not None]
    if len(steps) < 2:
        return list(lines)
    mean: Line = dict.fromkeys(COLUMNS) | {"name": "mean", "model": f"geometric mean of {len(steps)}",
                                           "mark": MEAN_MARK}
    for column in ("ratio", "unfused_ratio"):
        ratios = [one[column] for one in steps]
        mean[column] = None if None in ratios else math.exp(sum(map(math.log, ratios)) / len(ratios))
    mean["met"] = verdict(mean["ratio"], MEAN_MARK)
    return [*trained, mean, *[one for one in lines if one["name"] not in NETWORKS]]


def report(lines: Sequence[Line], facts: Mapping[str, str]) -> str:
    """What is printed."""
    shown = table(lines, {"model": "", "batch": "d", "minigrad_ms": ".4g", "pytorch_ms": ".4g", "ratio": ".2f",
                          "least": ".2f", "largest": ".2f", "unfused_ratio": ".2f", "mark": ".2f", "met": "",
                          "rounds": "d", "apart": ".0e"})
    return "\n".join(["Training steps beside PyTorch eager, float32: forward, cross-entropy, backward, SGD", "",
                      described(facts), "", shown, "",
                      "ratio: minigrad / PyTorch, the median over the rounds, with the least and the largest; below 1 "
                      "minigrad is faster",
                      "unfused_ratio: the same without the fusion of graph nodes",
                      "apart: the largest difference of a gradient (inference: of the scores), as part of its length"])


def facts_of(threads: int) -> dict[str, str]:
    return machine() | {"torch": torch_version(), "threads": f"{threads} for each"}


def joined(files: Sequence[str]) -> tuple[list[Line], dict[str, str], dict[str, Turns]]:
    """The rows of several JSON files in the table's order, the machine of the first, and all rounds."""
    lines: dict[str, Line] = {}
    rounds: dict[str, Turns] = {}
    facts: dict[str, str] = {}
    for name in files:
        with open(name, encoding="utf-8") as file:
            found = json.load(file)
        lines |= {one["name"]: one for one in found["rows"] if one["name"] in known()}
        rounds |= found["rounds"]
        facts = facts or found["facts"]
    return [lines[name] for name in known() if name in lines], facts, rounds


# --- the command ------------------------------------------------------------------------------------------------

def known() -> list[str]:
    """The names of all rows, in the table's order."""
    return [*NETWORKS, "tape", *INFERENCE]


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vs_pytorch",
                                     description="Training steps of whole networks beside PyTorch eager.")
    parser.add_argument("--models", nargs="+", choices=known(), default=known(), metavar="ROW",
                        help=f"the rows, of {', '.join(known())} (all)")
    parser.add_argument("--rounds", type=positive, default=7, help="how often everyone has a turn (7)")
    parser.add_argument("--seconds", type=float, default=BLOCK, help=f"how long a turn takes at least ({BLOCK})")
    takes_threads(parser)
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--profile", choices=[*NETWORKS], metavar="MODEL",
                       help="instead: where the time of a step goes, op by op, beside PyTorch's profiler")
    other.add_argument("--memory", action="store_true", help="instead: peak memory of training steps")
    other.add_argument("--join", nargs="+", metavar="FILE", help="instead: one table of what runs with --json left")
    takes_files(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parsed(arguments)
    facts = facts_of(options.threads)
    if options.memory:
        return memory.main(options, [name for name in options.models if name in NETWORKS], facts)
    lines, rounds = [], {}
    with using_threads(options.threads):
        if options.profile:
            return breakdown.main(options, NETWORKS[options.profile], facts)
        if options.join:
            lines, facts, rounds = joined(options.join)
        for name in [] if options.join else options.models:
            found, rounds[name] = measure(name, options.rounds, options.seconds, options.threads)
            lines.append(found)
    lines = with_mean(lines)
    hand_out(options, report(lines, facts), lines, COLUMNS, rounds=rounds, facts=facts)


if __name__ == "__main__":
    main()
