"""A node of a graph: one call, on the results of other nodes.

Its arguments are as they came, but for those that were symbols: in their place stands a Ref to a node's result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..misuse import is_int
from ..nn.module import Module
from ..op import Op
from .batch_size import known_length, number_for_batch
from .length import Length
from .nested import leaves, mapped
from .symbol import Call, Symbol


@dataclass(frozen=True)
class Ref:
    """The result of another node; `path` says which, of a node with several."""

    node: str
    path: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.node + "".join([f"[{i}]" for i in self.path])


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a graph: a layer or op (None: an input) on the results of other nodes."""

    name: str
    what: Module | Op | None
    args: tuple                 # as they came, each symbol replaced by the Ref to its node
    result: Any                 # the array without values that comes out, or a tuple of them
    options: dict[str, Any] = field(default_factory=dict)       # arguments that came by keyword alone
    other: Any = None           # where axes are open, the result in the second trial (length.py): it differs in these

    @property
    def kind(self) -> str:
        """What is called: "Conv2d" for a layer, "reshape" for an op, "Input" for an input."""
        if self.what is None:
            return "Input"
        return self.what.name if isinstance(self.what, Op) else type(self.what).__name__

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the nodes whose results it takes, each once."""
        return tuple(dict.fromkeys([ref.node for ref in self.refs]))

    @property
    def refs(self) -> list[Ref]:
        """The results that it takes, in the order of its arguments."""
        return refs_in([self.args, self.options])

    @property
    def shape(self) -> Any:
        """Of its result, the batch size as "n" and None for an open axis: ("n", 6, 28, None); of several, a tuple."""
        return shape_in(self.result, self.other)

    def __repr__(self) -> str:
        shapes = ", ".join(map(shown, single(self.result, self.other)))
        return f"Node({self.name}: {self.kind}({', '.join(map(str, self.refs))}) -> {shapes})"


# --- references -----------------------------------------------------------------------------------------------

def with_refs(x: Any, names: Mapping[Call, str]) -> Any:
    """Arguments or outputs with references in place of symbols."""
    def ref(symbol: Symbol) -> Ref:
        return Ref(names[symbol.call], symbol.path)

    return mapped(x, lambda leaf: ref(leaf) if isinstance(leaf, Symbol) else leaf.placed(ref)
                  if isinstance(leaf, Length) else leaf)


def with_values(x: Any, values: Mapping[str, Any], n: int) -> Any:
    """Arguments or outputs with values in place of references, for a batch of n."""
    def value(ref: Ref) -> Any:
        found = values[ref.node]
        for i in ref.path:
            found = found[i]
        return found

    def one(leaf: Any) -> Any:
        if type(leaf) is Ref:
            return value(leaf)
        if isinstance(leaf, Length):
            return leaf.evaluated(lambda number: number_for_batch(number, n), lambda ref, axis: value(ref).shape[axis])
        return number_for_batch(leaf, n) if is_int(leaf) else leaf

    return mapped(x, one)


def called(node: Node, is_plain: bool, values: Mapping[str, Any], n: int) -> Any:
    """What a node gives for the values of other nodes, for a batch of n. is_plain: see plan.Step."""
    what: Any = node.what
    if is_plain:
        return what(*[values[a.node] if type(a) is Ref else a for a in node.args])
    return what(*with_values(node.args, values, n), **with_values(node.options, values, n))


def say_where(error: Exception, name: str, inputs: Mapping[str, Any]) -> None:
    """Add to an error of an op or a layer in which node it arose, and what the graph was called with.

    A window that does not fit somewhere inside tells little: which image was too small for which layer tells all.
    """
    if hasattr(error, "core") and not hasattr(error, "node"):
        came = ", ".join([f"{key} {tuple(x.shape)}" for key, x in inputs.items()])
        vars(error)["node"] = name
        error.args = (f"{name}: {error} (in a graph called with {came})", *error.args[1:])


def refs_in(x: Any) -> list[Ref]:
    """All references, also those of the nodes from whose lengths an argument is computed."""
    return [ref for leaf in leaves(x)
            for ref in (leaf.places if isinstance(leaf, Length) else [leaf] if isinstance(leaf, Ref) else [])]


# --- shapes ---------------------------------------------------------------------------------------------------

def shape_in(result: Any, other: Any = None) -> Any:
    """The shape of a result, the batch size as "n" and None for an axis in which the second trial differs."""
    if isinstance(result, tuple):
        return tuple([shape_in(part, other and other[i]) for i, part in enumerate(result)])
    if result is None:
        return None
    others = result.shape if other is None else other.shape
    return tuple([None if a != b else known_length(a) for a, b in zip(result.shape, others, strict=True)])


def shown(shape: tuple | None) -> str:
    """("n", 6, 28, None) -> "(n, 6, 28, None)" """
    return str(shape).replace("'", "")


def single(result: Any, other: Any = None) -> list[tuple]:
    """The shapes of a result, or of each in a tuple."""
    if isinstance(result, tuple):
        return [shape for i, part in enumerate(result) for shape in single(part, other and other[i])]
    return [] if result is None else [shape_in(result, other)]
