"""A walk that one can move in: forward by the engine's own steps, backward and inside by what was seen. No printing.

Nothing is undone: going back shows events again. The tape is kept until the session is left, so that every event can
be asked again; what it holds is then freed, as `backward()` would have done on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from ..tensor import Node
from .breakpoints import Breakpoint, not_finite, origin_of
from .events import Enter, Event, Leave, Rule, Seed
from .expressions import ExpressionError
from .nonfinite import Origin
from .walk import Telling


class NoEvent(ValueError):
    """There is no such event to go to."""


class Halt(NamedTuple):
    """Why a session stopped moving. kind: there (as asked), break, interrupted or end; reason: of a breakpoint."""

    kind: str
    reason: str = ""


class Session:
    """A walk, the events seen so far, and the one that is looked at.

    events: those of the walk, made with `retain_graph=True`. breakpoints: looked at as events are passed; of a dozen
    kinds, see breakpoints.py.
    """

    def __init__(self, events: Telling, breakpoints: Collection[Breakpoint] = ()):
        self.breakpoints = list(breakpoints)
        self.timeline: list[Event] = []
        self.at = 0
        self.over = False                       # the walk has ended: leaves have their gradients
        self.result: list = []                  # what the walk gave at its end
        self.stop_asked = False                 # somebody pressed Ctrl-C
        self._live: list[Any] = [events]        # the walk and, on top, the definitions that it is inside of
        self.fetch()

    # --- what there is ----------------------------------------------------------------------------------------
    @property
    def here(self) -> Event:
        return self.timeline[self.at]

    @property
    def order(self) -> tuple[Node, ...]:
        """The calls of the whole walk, in its order."""
        first = self.timeline[0]
        return first.order if isinstance(first, Seed) else ()

    @property
    def level(self) -> tuple[Node, ...]:
        """The calls of the tape that the event looked at is on: the walk's, or a definition's."""
        for event in self.timeline[self.at::-1]:
            if isinstance(event, Enter) and event.node is (self.here.parent.node if self.here.parent else None):
                return event.order
        return self.order

    def rule_of(self, node: Node | None) -> Rule | None:
        """The latest rule event of a call; None if the walk has not come to it."""
        return next((event for event in reversed(list(self.rules())) if event.node is node), None)

    def origin(self) -> Origin | None:
        """Which call of the forward pass made the first nan or inf, if that was recorded."""
        return origin_of(self.order)

    @property
    def was_recorded(self) -> bool:
        return any([node.note for node in self.order])

    # --- moving -----------------------------------------------------------------------------------------------
    def next(self) -> Halt:
        """To the next event at this depth or further out; what a definition has to tell is passed over."""
        inside = self.here.number + "."
        return self.run(lambda event: not event.number.startswith(inside))

    def step(self) -> Halt:
        """Into the definition, where the event is the rule of a fused op, else to the next event."""
        here = self.here
        if isinstance(here, Rule) and here.can_enter and not self.has_entered():
            if self.at == len(self.timeline) - 1 and not self.over:
                self._live.append(here.into())
            else:
                self.timeline[self.at + 1:self.at + 1] = list(here.into())
        return self.run(lambda event: True)

    def has_entered(self) -> bool:
        following = self.timeline[self.at + 1:self.at + 2]
        return bool(following) and isinstance(following[0], Enter)

    def out(self) -> Halt:
        """To the end of the definition, where it is compared with the rule; outside of all, to the end of the layer."""
        layer = self.here.layer
        around = self.here if isinstance(self.here, Enter) else self.here.parent
        if around is not None:
            return self.run(lambda event: isinstance(event, Leave) and event.node is around.node)
        return self.run(lambda event: isinstance(event, Rule) and event.layer != layer)

    def go_on(self) -> Halt:
        """To the next breakpoint, or the end."""
        return self.run(lambda event: False)

    def run(self, arrived: Callable[[Event], bool]) -> Halt:
        """Forward until `arrived(event)`, a breakpoint, Ctrl-C or the end."""
        self.stop_asked = False
        while self.forward():
            reasons = self.reasons()
            if reasons:
                return Halt("break", "; ".join(reasons))
            if arrived(self.here):
                return Halt("there")
            if self.stop_asked:
                return Halt("interrupted")
        return Halt("end")

    def reasons(self) -> list[str]:
        """Why the walk stops at the event looked at: the words of the breakpoints that it hits."""
        return [reason for each in list(self.breakpoints) if (reason := self.tested(each))]

    def tested(self, each: Breakpoint) -> str:
        """Why the walk stops here for a breakpoint, or ""."""
        try:
            reason = each.test(self.here)
        except ExpressionError as error:
            reason = f"{each.text}: {error}"
        if reason:
            each.hits += 1
            if each.once:
                self.breakpoints.remove(each)
        return reason

    @property
    def wants_origin(self) -> bool:
        """Whether it is for nan or inf that the walk stops here."""
        return bool(not_finite(self.here))

    def forward(self) -> bool:
        """One event on; False at the end."""
        if self.at + 1 == len(self.timeline) and not self.fetch():
            return False
        self.at += 1
        return True

    def fetch(self) -> bool:
        """Let the walk go on by one event; False when it has ended."""
        while self._live:
            try:
                self.timeline.append(next(self._live[-1]))
                return True
            except StopIteration as end:
                self._live.pop()
                if not self._live:
                    self.over, self.result = True, end.value
        return False

    def back(self) -> bool:
        """One event back; False at the first."""
        if self.at == 0:
            return False
        self.at -= 1
        return True

    def goto(self, number: str) -> None:
        """To the event of a number, seen already or to come; NoEvent if there is none."""
        if not re.fullmatch(r"\d+(\.\d+)*", number):
            raise NoEvent(f"expected the number of an event, as 7 or 7.2, {number!r} came")
        there = self.find(number)
        if there is None and "." in number:
            raise NoEvent(f"there is no event {number} yet: step into the definition at {number.rpartition('.')[0]}")
        if there is not None:
            self.at = there
            return
        start, self.at = self.at, len(self.timeline) - 1
        while self.forward():
            if self.here.number == number:
                return
        self.at = start
        raise NoEvent(f"there is no event {number}: the walk has ended with {self.last}")

    def find(self, number: str) -> int | None:
        return next((i for i, event in enumerate(self.timeline) if event.number == number), None)

    @property
    def last(self) -> str:
        """The number of the last event of the walk itself that was seen."""
        return next(event.number for event in reversed(self.timeline) if event.depth == 0)

    # --- leaving ----------------------------------------------------------------------------------------------
    def close(self, keep: bool = False) -> None:
        """Leave. A walk that has ended frees what its calls saved, unless `keep`; one that has not changes nothing."""
        for events in reversed(self._live):
            events.close()
        if self.over and not keep:
            for event in self.rules():
                if event.depth == 0:
                    event.node.saved = None

    def rules(self) -> Iterator[Rule]:
        """The rule events seen so far."""
        return (event for event in self.timeline if isinstance(event, Rule))
