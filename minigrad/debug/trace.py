"""A walk as a record: what every event showed, bounded in size, without the tape. To look at later, compare and save.

    tr = debug.trace(loss, into=("conv2d",))        # runs the walk to its end, as loss.backward() does
    tr[7].rules, tr["7.2"], tr.grad(h), tr.find(op="conv2d"), tr.first_nonfinite(), tr.diff(other), tr.as_dict()
    tr.to_html("step.html")                         # the same as a page to step through; in a notebook `tr` shows it
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from weakref import ref

from ..files import write_atomically
from ..tensor import Tensor
from .breakpoints import not_finite, origin_of
from .diff import Diff, differences
from .events import Event, Seed
from .glance import brief, number
from .hints import at_the_end
from .model_of import summary_of_model
from .previews import Preview, plain
from .printed import check_names
from .show import WIDTH, clipped, spell
from .traced import TracedEvent, traced
from .walk import stepping, walk

SCHEMA, VERSION = "minigrad.trace", 1


def trace(loss: Tensor, gradient: Any = None, *, into: Collection[str] = (), keep: str = "preview",
          retain_graph: bool | None = None, create_graph: bool = False) -> Trace:
    """Run a backward pass to its end, as `loss.backward()` does, and keep what was seen.

    into: ops whose definitions are stepped into wherever they occur. keep: "preview", of every array its statistics,
    at most 64 elements and a thumbnail; "all", the arrays themselves too, by reference.
    Layers, lines, inputs and outputs are those that `debug.record()` noted during the forward pass.
    """
    if keep not in ("preview", "all"):
        raise ValueError(f"trace: keep is 'preview' or 'all', {keep!r} came")
    into = (into,) if isinstance(into, str) else tuple(into)
    check_names(into)
    return Trace.of(stepping(walk(loss, gradient, retain_graph, create_graph), into), keep)


class Trace:
    """The events of a walk, in its order. `trace[7]` is event 7 of the walk itself, `trace["7.2"]` one inside."""

    def __init__(self, events: list[TracedEvent], places: dict[Any, TracedEvent], origin: str,
                 made: TracedEvent | None, graph: dict[str, Any] | None = None):
        self.events = events
        self.hints = [hint for event in events for hint in event.hints] + at_the_end(events)
        self.origin = origin                    # of the forward pass's first nan or inf, in words
        self.graph = graph                      # the summary of the layer graph that was called, as a dict
        self._places, self._bad = places, made
        self._by_number = {event.number: event for event in events}

    @classmethod
    def of(cls, events: Iterable[Event], keep: str = "preview") -> Trace:
        """The record of these events. They are looked at one by one, so that the walk may free what it has passed."""
        kept: list[TracedEvent] = []
        places: dict[Any, TracedEvent] = {}
        origin, bad, graph = "", None, None
        for event in events:
            kept.append(traced(event, keep == "all"))
            places |= {place: kept[-1] for place in places_of(event)}
            if isinstance(event, Seed) and not origin:
                origin = str(origin_of(event.order) or "")
                graph = summary_of_model(event.order)
            if bad is None and not_finite(event):
                bad = kept[-1]
        return cls(kept, places, origin, bad, graph)

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[TracedEvent]:
        return iter(self.events)

    def __getitem__(self, number: int | str) -> TracedEvent:
        """An event by its number; a negative one counts from the end of the walk itself."""
        outer = [event for event in self.events if event.depth == 0 and "." not in event.number]
        if isinstance(number, int) and -len(outer) <= number < len(outer):
            return outer[number]
        if isinstance(number, str) and number in self._by_number:
            return self._by_number[number]
        raise IndexError(f"trace: there is no event {number!r}: they are 0 to {len(outer) - 1}, and as '7.2' those "
                         "inside of the definitions that were stepped into")

    def grad(self, x: Tensor) -> Any:
        """The whole gradient that was gathered at any tensor of the walk, intermediate ones too.

        A Tensor where the trace keeps all, else a Preview. ValueError for a tensor to which the walk did not come.
        """
        key = place_key(x.place) if isinstance(x, Tensor) and x.node is not None else None
        event = self._places.get(key)
        if event is None or key is None:
            raise ValueError(f"trace: the walk did not come to {x!r}")
        k = key[2] if key[0] == "call" else 0
        if event.arrays:
            return Tensor(event.arrays["arrived"][k])
        return event.arrived[k]

    def find(self, layer: str | None = None, op: str | None = None, kind: str = "rule") -> list[TracedEvent]:
        """The events of a kind whose layer and op match the patterns, as `find(layer="enc*", op="conv2d")`."""
        return [event for event in self.events if event.kind == kind
                and (layer is None or fnmatchcase(event.layer, layer)) and (op is None or fnmatchcase(event.op, op))]

    def first_nonfinite(self) -> TracedEvent | None:
        """The first event at which nan or infinity appeared; `origin` has the call of the forward pass behind it."""
        return self._bad

    def diff(self, other: Trace, rtol: float = 1e-5) -> Diff:
        """Compare with another trace of the same computation, rule by rule in backward order."""
        return differences(self, other, rtol)

    def as_dict(self) -> dict[str, Any]:
        """In what JSON has, under a versioned schema: {"schema", "version", "hints", "origin", "graph", "events"}.

        graph: of the layer graph that was called, if one was, `summary().to_dict()`; else None.
        """
        return {"schema": SCHEMA, "version": VERSION, "hints": self.hints, "origin": self.origin or None,
                "graph": self.graph, "events": [event.as_dict() for event in self.events]}

    def to_html(self, path: str | os.PathLike[str] | None = None, *, health: Any = None, title: str = "") -> str | None:
        """One page, complete in one file, that shows the walk event by event; it needs no network and opens from disk.

        path: a .html file to write, whole or not at all; without one the text of the page is returned. health: a
        `GradientHealth`, or its dict, for the page's Health tab. title: written above.
        ValueError for another suffix; OSError, naming the file, where it cannot be written.
        """
        from .page import page
        report = health.as_dict() if hasattr(health, "as_dict") else health
        text = page(self.as_dict(), title, report)
        if path is None:
            return text
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"to_html: expected a file name that ends in .html, {str(path)!r} came")
        try:
            write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        except OSError as error:
            raise type(error)(f"{path}: the page cannot be written ({error.strerror or error})") from error
        return None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """In a notebook: the page in a frame, which an export keeps; where no HTML is shown, the table."""
        from .page import inline
        return {"text/plain": repr(self), "text/html": inline(self.to_html() or "", "backward pass, event by event")}

    def __repr__(self) -> str:
        lines = [clipped(line(event), WIDTH) for event in self.events if event.kind in ("rule", "enter", "leave")]
        head = f"{'event':>6}  {'op':<13} {'layer':<9} {'shape':<16} {'arrives':<11} gives, as norms"
        return "\n".join([head, *lines, *[f"hint: {hint}" for hint in self.hints]])


def line(event: TracedEvent) -> str:
    """A row of the table."""
    if event.kind != "rule":
        return f"{event.number:>6}  {' '.join(event.text.replace('|', ' ').split())}"
    shape = " ".join([spell(s) for s in event.shape]) if len(event.arrived) > 1 else spell(event.shape)
    g = " ".join([brief(p.seen, "g") if p else "nothing" for p in event.arrived])
    given = ", ".join([f"{name} {p.seen.not_finite or number(p.seen.norm)}" for name, p in event.given.items()])
    return f"{event.number:>6}  {event.op:<13} {event.layer:<9} {shape:<16} {g:<11} {given}".rstrip()


def place_key(place: Any) -> tuple:
    """What a gradient is gathered at, under a name that keeps no tape alive."""
    if isinstance(place, Tensor):
        return "leaf", id(place), ref(place)
    node = getattr(place, "node", place)
    outputs = [each() for each in node.outputs or ()]
    return "call", node.serial, outputs.index(place) if place in outputs else 0


def places_of(event: Event) -> list[tuple]:
    """The places whose whole gradients an event shows."""
    if event.kind == "rule" and event.node is not None:
        return [("call", event.serial, k) for k in range(len(event.node.outputs or (None,)))]
    tensor = getattr(event, "tensor", None)
    return [place_key(tensor)] if event.kind == "leaf" and tensor is not None else []


__all__ = ["Diff", "Preview", "Trace", "TracedEvent", "plain", "trace"]
