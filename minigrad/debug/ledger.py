"""What leads where on a tape: its leaves; how many paths lead to each place, and what a walk has brought along them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..tensor import Node, Tensor, bare
from ..walk import call_of, living


def leaves_of(order: Iterable[Node]) -> list[tuple[Tensor, str]]:
    """The leaves of a tape and their names, each once."""
    found: dict[int, tuple[Tensor, str]] = {}
    for node in order:
        for i, edge in enumerate(node.edges):
            if isinstance(edge, Tensor):
                name = node.note.leaves.get(i) if node.note else ""
                found.setdefault(id(edge), (edge, name or f"{node.op.names[i]} of {node.op.name} #{node.serial}"))
    return list(found.values())


class Ledger:
    """How many paths lead to each place of a tape, how many of them were walked, and what they brought.

    order: the calls to visit; leads: the places that count, None for all; doors: of a definition's tape, the calls at
    its ends, with the names of the arguments that they stand for.
    """

    def __init__(self, order: list[Node], leads: set | None, doors: dict[Any, str] | None = None):
        self.leads, self.doors = leads, doors or {}
        self.ahead = [node for node in reversed(order) if node not in self.doors]      # the next call at the end
        self.paths: dict[Any, int] = {}
        self.walked: dict[Any, int] = {}
        self.gathered: dict[Any, Any] = {}
        self.names: dict[Any, str] = {}
        self.told: set = set()          # the ends that have been said to be complete
        for node in order:
            if node not in self.doors:
                for edge in filter(self.leads_on, node.edges):
                    self.begin(edge)

    def begin(self, place: Any) -> None:
        """One more path leads to `place`."""
        self.paths[place] = self.paths.get(place, 0) + 1

    def leads_on(self, edge: Any) -> bool:
        return edge is not None and (self.leads is None or edge in self.leads)

    def receive(self, place: Any, gx: Any, name: str) -> tuple[Any, Any, int, int]:
        """What was at the place, what is there now, and that this was path k of m."""
        was, gx = self.gathered.get(place), bare(gx)
        now = self.gathered[place] = gx if was is None else was + gx
        k = self.walked[place] = self.walked.get(place, 0) + 1
        self.names.setdefault(place, name)
        return was, now, k, self.paths[place]

    def complete(self, place: Any) -> bool:
        """Whether it is an end of the tape to which all paths are walked; True only when first asked after that."""
        end = (isinstance(place, Tensor) or place in self.doors) and place not in self.told
        if not (end and place in self.gathered and self.walked[place] == self.paths[place]):
            return False
        self.told.add(place)
        return True

    def give_up(self, edges: list) -> None:
        """Paths along which, it turns out, nothing will come."""
        for edge in edges:
            self.paths[edge] -= 1

    def visit(self, node: Node) -> None:
        """The walk has come to this call, passing over those before it."""
        while self.ahead and self.ahead.pop() is not node:
            pass
        for place in places(node):
            self.gathered.pop(place, None)

    def pass_over(self) -> list:
        """Drop the next calls if they got nothing, for nobody is left to send them any. To where did they lead?"""
        places_ahead = []
        while self.ahead and not any([place in self.gathered for place in places(self.ahead[-1])]):
            places_ahead += [edge for edge in self.ahead.pop().edges if self.leads_on(edge)]
        self.give_up(places_ahead)
        return places_ahead

    def label(self, place: Any) -> str:
        """What to call it: a leaf's or argument's name, or the call whose output it is."""
        if place in self.doors:
            return self.doors[place]
        if isinstance(place, Tensor):
            return self.names.get(place) or "the loss itself"
        return f"{place.op.name} #{call_of(place).serial}"


def places(node: Node) -> list:
    """Where the gradient of a call's output, or outputs, is gathered."""
    return [place for place in living(node) if place is not None] if node.outputs else [node]
