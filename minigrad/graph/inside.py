"""What a node does inside: its call is repeated on symbols, which shows the ops that it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..meta import counting
from ..op import Op
from ..tensor import no_grad
from .batch_size import BATCH, in_batches
from .node import Node, with_values
from .symbol import Call, Symbol, calls_behind, shape_of, symbols_for, symbols_in


class Inside(NamedTuple):
    """The calls of ops that one call is made of."""

    starts: dict[Any, Call]     # where it begins: name of a node, or number of an argument -> what stands for it
    calls: list[Call]           # of ops and of layers, oldest first
    result: Any                 # a symbol, or a tuple of them


def inside(node: Node, results: Mapping[str, Any]) -> Inside:
    """The ops of one node. results: name -> result, of the nodes before it."""
    starts = {name: Call(None, (), results[name]) for name in node.inputs}
    values = {name: symbols_for(call.result, call) for name, call in starts.items()}
    args, options = with_values(node.args, values, BATCH), with_values(node.options, values, BATCH)
    with only_counting():
        what: Any = node.what
        y = what(*args) if isinstance(what, Op) else shape_of(what, what.forward, args, options)
    return Inside(starts, calls_behind(symbols_in(y)), y)


def definition_of(call: Call) -> Inside:
    """The ops of a fused op's definition."""
    op: Any = call.what
    starts = {i: Call(None, (), a.data) for i, a in enumerate(call.args) if isinstance(a, Symbol)}
    args = [Symbol(a.data, starts[i]) if i in starts else a for i, a in enumerate(call.args)]
    with only_counting():
        y = op.definition(*args)
    return Inside(starts, calls_behind(symbols_in(y)), y)


@contextmanager
def only_counting() -> Iterator[None]:
    """While a forward runs on symbols of which no graph is made: it may do what would be fixed for ever in one."""
    token = counting.set(True)
    try:
        with no_grad():
            yield
    finally:
        counting.reset(token)


def of_one_example(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape for a batch of one. ValueError if it is made of the batch size in a way that is not known."""
    return tuple([sum(in_batches(m)) for m in shape])
