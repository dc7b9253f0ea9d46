"""The tape of a trace as a graph: calls and leaves as nodes, layers and definitions that were stepped into as blocks.

Names are dotted, `c3.conv2d_37.matmul_63`, so that the blocks of a drawing are found as those of a layer graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...graph.drawing.tree import Block, children_of
from .numbers import event_norm

Events = list[dict[str, Any]]
Place = tuple[str, int]         # the number of the event whose definition it is in ("" for none), a call's number


@dataclass(eq=False)
class Source:
    """An argument of a node: what makes it, its name, the event that gives its gradient and that one's preview."""

    node: str
    argument: str
    event: int | None
    given: dict[str, Any] | None


@dataclass(eq=False)
class Item:
    """A call, or with `op` "" a leaf. events: their places in the trace; norm: of the gradient that arrived."""

    name: str
    op: str
    call: int
    layer: str
    shape: Any
    sources: list[Source] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    label: str = ""

    @property
    def inputs(self) -> list[str]:
        """The names of the nodes that it takes, as the blocks of a drawing want them."""
        return [source.node for source in self.sources]


@dataclass(eq=False)
class Tape:
    """items: in the order of the forward pass. entered: name of a call that was stepped into -> that call, which is no
    item but a block; levels: the number of its event -> its name."""

    events: Events
    items: list[Item] = field(default_factory=list)
    entered: dict[str, Item] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)

    def tree(self) -> Block:
        """The blocks."""
        root = Block("", "")
        before = {item.name: item.inputs for item in self.items}
        nodes: Any = self.items
        root.children = children_of(nodes, before, 0, {item.name for item in self.items})
        return root

    def norm(self, item: Item) -> float | None:
        """The norm of the gradient that arrived at a call or leaf; None if the walk did not come to it."""
        return event_norm(self.events[item.events[0]]) if item.events else None


def tape_of(events: Events, with_leaves: bool = True) -> Tape:
    """The graph of a trace's events. with_leaves: False leaves the leaves to the calls that take them."""
    return Builder(events, with_leaves).tape


class Builder:
    """One tape in the making."""

    def __init__(self, events: Events, with_leaves: bool):
        self.events, self.with_leaves = events, with_leaves
        self.tape = Tape(events)
        self.calls: dict[Place, Item] = {}
        self.leaves: dict[int, Item] = {}
        self.leaf_names: dict[str, Item] = {}
        self.rules = {(level_of(event), event["call"]): i for i, event in enumerate(events) if event["kind"] == "rule"}
        tapes = {level_of(event, inner=True): event["tape"] for event in events if "tape" in event}
        self.tapes = {level: tape for level, tape in tapes.items() if not level or len(tape) > 1}
        self.ends: dict[Place, list[str]] = {}          # an entered call -> the items that make its output
        self.arguments: dict[str, dict[str, list[str]]] = {}    # level -> argument -> the items that make it
        if "" in self.tapes:
            self.add("", "")
        self.give_events()

    def add(self, level: str, prefix: str) -> None:
        """The calls of one tape, oldest first; below it those of the definitions that were stepped into."""
        for row in reversed(self.tapes[level]):
            around = prefix or row["layer"]
            own = f"{row['op']}_{row['call']}"
            item = Item(f"{around}.{own}" if around else own, row["op"], row["call"], row["layer"], row["shape"])
            at = self.calls[level, row["call"]] = item
            number = self.events[self.rules[level, row["call"]]]["number"] if (level, row["call"]) in self.rules else ""
            found = self.sources(row, level, at, around)
            if number in self.tapes and number:
                self.enter(level, number, at, found)
            else:
                item.sources = found
                self.tape.items.append(item)
                self.ends[level, row["call"]] = [item.name]

    def enter(self, level: str, number: str, item: Item, sources: list[Source]) -> None:
        """A call that was stepped into: a block with the calls of its definition."""
        self.tape.entered[item.name] = item
        self.tape.levels[number] = item.name
        by_argument = self.arguments.setdefault(number, {})
        for source in sources:
            by_argument.setdefault(source.argument, []).append(source.node)
        self.add(number, item.name)
        inner = self.tapes[number]
        taken = {source["call"] for row in inner for source in row["sources"].values() if "call" in source}
        ends = [name for row in inner if row["call"] not in taken for name in self.ends[number, row["call"]]]
        self.ends[level, item.call] = ends or self.ends[number, inner[0]["call"]]

    def sources(self, row: dict[str, Any], level: str, item: Item, around: str) -> list[Source]:
        """What a call takes, with the gradients that its rule gave."""
        event = self.rules.get((level, row["call"]))
        given = self.events[event]["given"] if event is not None else {}
        found = []
        for argument, source in row["sources"].items():
            makers: list[str] = []
            if "leaf" in source:
                makers = [self.leaf(source, around, item).name] if self.with_leaves else []
                self.leaf_names.setdefault(source["leaf"], item)
            elif "argument" in source:
                makers = self.arguments.get(level, {}).get(source["argument"], [])
            elif (level, source["call"]) in self.ends:
                makers = self.ends[level, source["call"]]
            found += [Source(name, argument, event, given.get(argument)) for name in makers]
        return found

    def leaf(self, source: dict[str, Any], around: str, taker: Item) -> Item:
        """The leaf, once; beside the first call that takes it."""
        known = self.leaves.get(source["place"])
        if known is None:
            label = source["leaf"]
            if taker.layer and label.startswith(taker.layer + "."):
                label = label[len(taker.layer) + 1:]
            own = f"leaf_{source['place']}"
            known = Item(f"{around}.{own}" if around else own, "", 0, taker.layer, source["shape"], label=label)
            self.leaves[source["place"]] = known
            self.tape.items.append(known)
        self.leaf_names.setdefault(source["leaf"], known)
        return known

    def give_events(self) -> None:
        """To every node the events that are about it: of a leaf those of its name, of a call all others."""
        for i, event in enumerate(self.events):
            level = level_of(event)
            item = self.calls.get((level, event["call"]))
            if event["kind"] == "leaf" and not level:
                item = self.leaf_names.get(event["name"], item)
            while item is None and level:               # a definition of one call, which is drawn as the op itself
                outer = next(other for other in self.events if other["number"] == level)
                level = level_of(outer)
                item = self.calls.get((level, outer["call"]))
            if item is not None:
                item.events.append(i)


def level_of(event: dict[str, Any], inner: bool = False) -> str:
    """The number of the event whose definition an event is in; "" outside of all. Those that enter and leave it are
    outside, as the call is that they are about; inner: count them as inside."""
    level = event["number"].rpartition(".")[0]
    if event["kind"] in ("enter", "leave") and not inner:
        level = level.rpartition(".")[0]
    return level
