"""From calls on symbols to the nodes of a graph: what is checked, and which names they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from ..tensor import Tensor
from .batch_size import BATCH
from .node import Node, with_refs
from .symbol import Call, Symbol


def several(values: Any, role: str) -> tuple:
    """A symbol, or a list of them, as a tuple."""
    if isinstance(values, Symbol):
        return (values,)
    if values is None or isinstance(values, Tensor) or not hasattr(values, "__iter__"):
        raise TypeError(no_symbol(role, values))
    return tuple(values)


def no_symbol(role: str, value: Any) -> str:
    return f"Graph: {role} must be symbols, made of Input by calling layers, {type(value).__name__} came"


def check_symbols(inputs: Sequence, outputs: Sequence) -> None:
    for role, values in ("inputs", inputs), ("outputs", outputs):
        if not values:
            raise ValueError(f"Graph: {role} are empty")
        for x in values:
            if not isinstance(x, Symbol):
                raise TypeError(no_symbol(role, x))
    if len({x.call for x in inputs}) < len(inputs):
        raise ValueError(f"Graph: the same symbol comes twice among the inputs, {', '.join(map(str, inputs))}")
    for x in inputs:
        if x.path:
            raise ValueError(f"Graph: {x!r} cannot be an input, it is one of several results of a node")
        if x.shape[:1] != (BATCH,):
            raise ValueError(f"Graph: {x!r} cannot be an input, its first axis is not the batch's n")


def check_inputs(inputs: Sequence[Symbol], calls: Sequence[Call], names: Mapping[Call, str]) -> None:
    """Every input is used, and nothing else is needed."""
    for x in inputs:
        if x.call not in names:
            raise ValueError(f"Graph: the outputs do not depend on input {x!r}: leave it out")
    for call in calls:
        if call.what is None and call not in [x.call for x in inputs]:
            raise ValueError(f"Graph: the outputs depend on input {names[call]}, which is not among the inputs: add it")


def named(calls: Sequence[Call]) -> list[str]:
    """A name for every call, none twice: the one it was given, else its kind and a number."""
    owners: dict[str, Call] = {}
    for call in calls:
        if call.name and owners.setdefault(call.name, call).what is not call.what:
            raise ValueError(f"Graph: two nodes are called {call.name!r}, {owners[call.name].kind} and {call.kind}: "
                             "names must differ")
    used: set[str] = set()
    names: list[str] = []
    for call in calls:
        stem = call.name or call.prefix + call.kind
        numbered = (f"{stem}_{i}" for i in count(2 if call.name else 1))
        name = call.name if call.name and call.name not in used else \
            next(name for name in numbered if name not in used and name not in owners)
        used.add(name)
        names.append(name)
    return names


def make_node(call: Call, is_input: bool, names: Mapping[Call, str]) -> Node:
    if is_input:
        return Node(names[call], None, (), call.result, {}, call.other)
    return Node(names[call], call.what, with_refs(call.args, names), call.result, with_refs(call.options, names),
                call.other)


def checked_train_only(names: Sequence[str], outputs: Any) -> tuple[str, ...]:
    """The names of outputs that are absent in eval mode: some, but not all, of the named ones."""
    wanted = (names,) if isinstance(names, str) else tuple(names)
    known = list(outputs) if isinstance(outputs, dict) else []
    for name in wanted:
        if name not in known:
            raise ValueError(f"Graph: train_only has {name!r}, "
                             + (f"the outputs are {', '.join(known)}" if known else
                                "but the outputs have no names: give a dict of them"))
    for name in known:
        if not isinstance(name, str):
            raise TypeError(f"Graph: the names of outputs must be strings, {name!r} came")
    if known and len(set(wanted)) == len(known):
        raise ValueError("Graph: all outputs are train_only: none would be left in eval mode")
    return wanted
