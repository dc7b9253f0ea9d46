"""Where the time of a training step goes: minigrad's by op, beside PyTorch's profiler (`vs_pytorch --profile MODEL`).

minigrad's calls are timed from outside, by wrapping the methods in which an op works, forward and backward. What an op
calls inside (a definition's primitives, a formula's) counts for it, so nothing counts twice. The rest is what happens
between ops: the graph's and the walk's bookkeeping, and the sums of gradients that meet.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from time import perf_counter
from typing import Any
from unittest.mock import patch

from minigrad.cli.versus import Net, Side, loss_of, sides
from minigrad.op import Op

from .common import described, hand_out, table

WARM_UPS, TOP = 2, 15
COLUMNS = ("op", "forward_ms", "backward_ms", "calls", "share")
REST = "between ops"


@dataclass
class Book:
    """Milliseconds by (op, phase), and calls by op; `inside`: an op is at work, whose time includes what it calls."""

    ms: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    phase: str = "forward"
    inside: bool = False

    def entry(self, op: str, phase: str) -> float:
        return self.ms.get((op, phase), 0.0)


# --- minigrad ---------------------------------------------------------------------------------------------------

def by_op(one: Side, steps: int) -> list[dict[str, Any]]:
    """A row an op, the slowest first; then what is between ops, the optimizer, and the whole step: ms of one step."""
    for _ in range(WARM_UPS):
        one.step()
    book = Book()
    with noting(book):
        for _ in range(steps):
            noted_step(one, book)
    rows = [{"op": op, "forward_ms": book.entry(op, "forward") / steps,
             "backward_ms": book.entry(op, "backward") / steps, "calls": book.calls[op] / steps}
            for op in {op for op, _ in book.ms if op != "step"}]
    rows.sort(key=lambda row: -(row["forward_ms"] + row["backward_ms"]))
    whole = {phase: book.entry("step", phase) / steps for phase in ("forward", "backward", "update")}
    rest = {f"{phase}_ms": whole[phase] - sum(row[f"{phase}_ms"] for row in rows) for phase in ("forward", "backward")}
    rows += [{"op": REST, "calls": None} | rest,
             {"op": "optimizer", "forward_ms": None, "backward_ms": whole["update"], "calls": None},
             {"op": "whole step", "forward_ms": whole["forward"], "backward_ms": whole["backward"] + whole["update"],
              "calls": None}]
    total = sum(whole.values())
    return [row | {"share": ((row["forward_ms"] or 0) + row["backward_ms"]) / total} for row in rows]


def noted_step(one: Side, book: Book) -> None:
    """A training step, each phase of it timed as a whole."""
    one.optimizer.zero_grad()
    loss = in_phase(book, "forward", lambda: loss_of(one.library, one.model, one.x, one.labels))
    in_phase(book, "backward", loss.backward)
    in_phase(book, "update", one.optimizer.step)


def in_phase(book: Book, phase: str, act: Callable[[], Any]) -> Any:
    book.phase = phase
    start = perf_counter()
    result = act()
    book.ms["step", phase] += (perf_counter() - start) * 1e3
    return result


@contextmanager
def noting(book: Book) -> Iterator[None]:
    """Inside, the outermost op at work has its time noted in the book."""
    with ExitStack() as stack:
        for kind in [Op, *below(Op)]:
            for name in {"__call__", "backward"} & vars(kind).keys():
                stack.enter_context(patch.object(kind, name, noted(vars(kind)[name], book)))
        yield


def noted(method: Callable, book: Book) -> Callable:
    """A method of Op that notes its time, unless an op called it. A call in the walk (a sum that undoes broadcasting)
    belongs to the backward phase."""
    @wraps(method)
    def timed(op: Op, *args: Any, **kwargs: Any) -> Any:
        if book.inside or book.phase == "update":
            return method(op, *args, **kwargs)
        book.inside, start = True, perf_counter()
        try:
            return method(op, *args, **kwargs)
        finally:
            book.inside = False
            book.ms[op.name, book.phase] += (perf_counter() - start) * 1e3
            book.calls[op.name] += book.phase == "forward"
    return timed


def below(kind: type) -> list[type]:
    """All its subclasses, theirs too."""
    return [one for direct in kind.__subclasses__() for one in (direct, *below(direct))]


# --- PyTorch ----------------------------------------------------------------------------------------------------

def by_profiler(one: Side, steps: int) -> list[dict[str, Any]]:
    """What PyTorch's profiler says of one step: the calls that take longest by themselves, and their sum."""
    from torch.profiler import ProfilerActivity, profile

    for _ in range(WARM_UPS):
        one.step()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            one.step()
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [{"call": event.key, "ms": event.self_cpu_time_total / steps / 1e3, "calls": event.count / steps,
             "share": event.self_cpu_time_total / total} for event in events[:TOP]] + [
            {"call": "all calls", "ms": total / steps / 1e3, "calls": None, "share": 1.0}]


# --- the result -------------------------------------------------------------------------------------------------

def main(options: argparse.Namespace, net: Net, facts: dict[str, str]) -> None:
    both = sides(net)
    rows = by_op(both["minigrad"], options.rounds)
    theirs = by_profiler(both["PyTorch"], options.rounds) if "PyTorch" in both else []
    lines = [f"{net.title}, batch {net.batch}: one training step, means of {options.rounds}", "", described(facts), "",
             "minigrad", "", table(rows, {"op": "", "forward_ms": ".2f", "backward_ms": ".2f", "calls": ".3g",
                                          "share": ".1%"})]
    if theirs:
        lines += ["", f"PyTorch's profiler, self CPU time, the first {TOP}", "",
                  table(theirs, {"call": "", "ms": ".2f", "calls": ".3g", "share": ".1%"})]
    hand_out(options, "\n".join(lines), rows, COLUMNS, pytorch=theirs, facts=facts)
