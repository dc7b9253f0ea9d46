"""One event of a trace: what it showed, in previews and words, without the tape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..backend import is_array
from ..tensor import Node, Tensor
from ..walk import call_of
from .events import Accumulate, Enter, Event, Leaf, Leave, Rule, Seed, Unbroadcast
from .formulas import three_lines
from .glance import brief
from .previews import Preview, plain, preview

Previews = dict[str, Preview]


@dataclass(eq=False, repr=False)
class TracedEvent:
    """What was seen of an event. The names are those of events; arrays are previews.

    operands: argument -> what it is in words; sources: argument -> the call (its serial number) or leaf that it is;
    formulas: argument -> its rule as symbols, with shapes and, where they are few, with numbers; arrays: with
    keep="all" the arrays themselves, under "values", "arrived" and "given"; facts: what only events of the kind have.
    """

    number: str
    kind: str
    depth: int
    op: str
    serial: int
    layer: str
    source: str
    line: str
    shape: Any
    text: str
    arrived: list[Preview | None] = field(default_factory=list)
    given: Previews = field(default_factory=dict)
    values: Previews = field(default_factory=dict)
    operands: dict[str, str] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    formulas: dict[str, list[str]] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)
    can_enter: bool = False
    hints: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """All its rules, a line per argument."""
        return "\n".join(self.rules.values())

    @property
    def g(self) -> Any:
        """What arrived, of an op with several outputs a list: arrays where the trace keeps all, else previews."""
        found = self.arrays.get("arrived", self.arrived)
        return found[0] if len(found) == 1 else found

    @property
    def gradients(self) -> dict[str, Any]:
        """Argument -> its gradient: an array where the trace keeps all, else a preview."""
        return self.arrays.get("given", self.given)

    def as_dict(self) -> dict[str, Any]:
        """In what JSON has."""
        return {
            "number": self.number, "kind": self.kind, "depth": self.depth, "op": self.op, "call": self.serial,
            "layer": self.layer, "source": self.source or None, "line": self.line or None, "shape": lists(self.shape),
            "text": self.text, "arrived": [seen and seen.as_dict() for seen in self.arrived],
            "given": {name: seen.as_dict() for name, seen in self.given.items()},
            "values": {name: seen.as_dict() for name, seen in self.values.items()},
            "operands": self.operands, "sources": self.sources, "rules": self.rules, "formulas": self.formulas,
            "gains": {name: plain(gain) for name, gain in self.gains.items()}, "can_enter": self.can_enter,
            "hints": self.hints, **{name: plain_fact(fact) for name, fact in self.facts.items()}}

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self.kind} {self.op} #{self.serial}, event {self.number}>"


def traced(event: Event, keep_all: bool = False) -> TracedEvent:
    """What is to be kept of an event."""
    line = event.source
    found = TracedEvent(event.number, event.kind, event.depth, event.op, event.serial, event.layer, str(line or ""),
                        line.text if line else "", event.shape, str(event), hints=event.hints)
    arrived: list[Any] = []
    if isinstance(event, Rule):
        arrived = event.g if isinstance(event.g, list) else [event.g]
        fill(found, event, keep_all)
    elif isinstance(event, Seed):
        arrived, found.facts = [event.g], {"loss": preview_of_glance(event), "tape": tape(event.order, {})}
    elif isinstance(event, Enter):
        found.facts = {"tape": tape(event.order, event.doors)}
    elif isinstance(event, Unbroadcast):
        found.given = {event.argument: preview(event.delivered)}
        found.facts = {"argument": event.argument, "axes": list(event.axes), "before": list(event.before.shape)}
    elif isinstance(event, Accumulate):
        arrived, found.facts = [event.part], {"place": event.place, "path": event.k, "paths": event.m,
                                              "now": brief(event.now)}
    elif isinstance(event, Leaf):
        arrived, found.facts = [event.gradient], {"name": event.name}
    elif isinstance(event, Leave):
        found.facts = {"compared": event.compared, "agrees": event.agrees, "differences": event.differences,
                       "largest": event.largest}
    found.arrived = [None if g is None else preview(g) for g in arrived]
    if keep_all and arrived:
        found.arrays["arrived"] = arrived
    return found


def fill(found: TracedEvent, event: Rule, keep_all: bool) -> None:
    """What only a rule event has."""
    values = {name: value for name, value in event.values.items() if is_array(value)}
    found.given = {name: preview(gx) for name, gx in event.gradients.items()}
    found.values = {name: preview(value) for name, value in values.items()}
    found.operands, found.rules, found.gains = event.operands, event.rules, event.gains
    found.formulas = {name: three_lines(event, name) for name in event.gradients}
    found.sources = {name: source(edge, event.node, i) for i, (name, edge) in
                     enumerate(zip(event.node.op.names, event.node.edges, strict=True)) if edge is not None}
    found.can_enter = event.can_enter
    if keep_all:
        found.arrays = {"given": event.gradients, "values": values}


def tape(order: Iterable[Node], doors: dict[Any, str]) -> list[dict[str, Any]]:
    """The calls that are to be visited, youngest first, and what each takes: with it the whole graph is known from the
    start. Leaves are numbered, as two may have one name; doors: the calls that are arguments of a definition."""
    leaves: dict[int, int] = {}
    calls = []
    for node in order:
        sources: dict[str, dict[str, Any]] = {}
        for i, edge in enumerate(node.edges):
            if edge is not None and edge in doors:
                sources[node.op.names[i]] = {"argument": doors[edge]}
            elif edge is not None:
                sources[node.op.names[i]] = source(edge, node, i)
                if isinstance(edge, Tensor):
                    sources[node.op.names[i]]["place"] = leaves.setdefault(id(edge), len(leaves))
        layer = node.note.layer if node.note else ""
        calls.append({"call": node.serial, "op": node.op.name, "layer": layer, "shape": lists(node.shape),
                      "sources": sources})
    return calls


def source(edge: Any, node: Node, i: int) -> dict[str, Any]:
    """The call or the leaf that an argument is; of the page's graph, an edge."""
    if isinstance(edge, Tensor):
        return {"leaf": (node.note.leaves.get(i) if node.note else "") or f"{node.op.names[i]} of {node.op.name} "
                f"#{node.serial}", "shape": list(edge.shape)}
    return {"call": call_of(edge).serial, "op": call_of(edge).op.name}


def preview_of_glance(event: Seed) -> dict[str, Any]:
    return {"norm": event.value.norm, "shape": list(event.value.shape), "nans": event.value.nans,
            "infs": event.value.infs}


def lists(shape: Any) -> list:
    """A shape, or the list of several, as lists."""
    return [lists(part) if isinstance(part, (tuple, list)) else part for part in shape]


def plain_fact(fact: Any) -> Any:
    """In what JSON has."""
    if isinstance(fact, dict):
        return {name: plain_fact(part) for name, part in fact.items()}
    if isinstance(fact, list):
        return [plain_fact(part) for part in fact]
    return plain(fact)
