"""Where a walk stops: at nan, at layers, ops and shapes, at norms out of a range, where a condition holds.

`with debug.breaks("nan"): loss.backward()` raises GradientBreak there; the debugger's prompt opens there.
"""

from __future__ import annotations

import ast
import builtins
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from ..op import OPS
from ..tensor import Node, observer
from ..walk import watcher
from .events import Accumulate, Event, Leaf, Rule, Seed, Unbroadcast
from .expressions import ExpressionError, compiled, evaluated, names
from .glance import Glance, differentiable, glance, number
from .nonfinite import Origin, find_origin
from .record import Recorder, noting
from .walk import events_of

FORMS = "nan; layer PATTERN; op PATTERN; norm < 1e-7; norm > 1e3; grad(NAME) > 10; shape [(64, *)]; if EXPRESSION"
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


class BreakpointError(ValueError):
    """There is no such breakpoint; the message has those that there are."""


@dataclass
class Breakpoint:
    """A reason to stop: `test(event)` says in words what it found, or "". once: it goes when it has been hit."""

    text: str
    test: Callable[[Event], str]
    once: bool = False
    hits: int = 0

    def __str__(self) -> str:
        times = f", hit {self.hits} time{'s' * (self.hits != 1)}" if self.hits else ""
        return f"{self.text}{' (once)' * self.once}{times}"


class GradientBreak(RuntimeError):
    """A walk came to a breakpoint inside `debug.breaks(...)`. Every `.grad` is as it was.

    event: where; reason: why; origin: of a value that is not finite, the call of the forward pass that made it.
    """

    def __init__(self, event: Event, reason: str, origin: Origin | None = None):
        self.event, self.reason, self.origin = event, reason, origin
        place = ", ".join([part for part in (event.layer and f"layer {event.layer}", str(event.source or "")) if part])
        where = f"{event.kind} of {event.op} #{event.serial}" + (f" ({place})" if place else "")
        super().__init__(f"{reason}, at the {where}" + (f"; born at {origin}" if origin else ""))


# --- kinds of breakpoints -------------------------------------------------------------------------------------

def parse(text: str, once: bool = False) -> Breakpoint:
    """The breakpoint that a line like `norm > 1e3` asks for; BreakpointError or ExpressionError if it asks for none."""
    text = " ".join(text.split())
    kind, _, rest = text.partition(" ")
    grad = re.fullmatch(r"(?:grad\((.+?)\)|(norm)) ?(<=?|>=?) ?(\S+)", text)
    if kind in ("nan", "inf") and not rest:
        return Breakpoint(text, not_finite, once)
    if kind in ("layer", "op") and rest:
        return Breakpoint(text, matching(kind, rest), once)
    if kind == "shape":
        return Breakpoint(text, shaped(rest), once)
    if kind == "if" and rest:
        return Breakpoint(text, condition(rest), once)
    if grad:
        try:
            limit = float(grad[4])
        except ValueError:
            raise BreakpointError(f"expected a number after {grad[3]}, {grad[4]!r} came") from None
        test = COMPARED[grad[3]]
        return Breakpoint(text, norms(test, grad[3], limit) if grad[2] else leaf_norm(grad[1], test, grad[3], limit),
                          once)
    near = get_close_matches(kind, ("nan", "layer", "op", "norm", "shape", "if"), 1)
    hint = f"did you mean op {kind}?" if kind in OPS else f"did you mean {near[0]}?" if near else ""
    raise BreakpointError(f"unknown breakpoint {text!r}: {hint or f'there are {FORMS}'}")


def not_finite(event: Event) -> str:
    """Where nan or infinity appears: in the loss, in a gradient though what arrived was finite, or in the output of the
    forward call though its inputs were finite."""
    if isinstance(event, Seed):
        return said("the loss is", event.value) or said("the gradient at the start has", event.arrived)
    if isinstance(event, Unbroadcast):
        return said(f"g{event.argument} became", event.after) if event.before.finite else ""
    if isinstance(event, Accumulate):
        parts = [seen.finite for seen in (event.was, event.plus) if seen]
        return said(f"the gradient gathered at {event.place} has", event.now) if all(parts) else ""
    if not isinstance(event, Rule):
        return ""
    call = event.seen
    if call and all([glance(a).finite for a in call.arguments if differentiable(a)]):
        for y in call.outputs:
            if differentiable(y) and not glance(y).finite:
                return said("the forward call's output has", glance(y))
    if all([seen.finite for seen in event.arrived if seen]):
        return next((said(f"g{name} has", seen) for name, seen in event.given.items() if not seen.finite), "")
    return ""


def said(what: str, seen: Glance) -> str:
    if seen.finite:
        return ""
    alone = seen.values is not None and seen.values.size == 1
    return f"{what} {'nan' if seen.nans else 'inf'}" if alone else f"{what} {seen.not_finite}"


def matching(kind: str, pattern: str) -> Callable[[Event], str]:
    """Calls of a layer or an op by a pattern with `*` and `?`."""
    def test(event: Event) -> str:
        found = event.layer if kind == "layer" else event.op
        return f"{kind} {found}" if isinstance(event, Rule) and found and fnmatchcase(found, pattern) else ""

    return test


def norms(compared: Callable[[float, float], bool], sign: str, limit: float) -> Callable[[Event], str]:
    """Rules at which a gradient, arriving or given, has a norm out of bounds."""
    def test(event: Event) -> str:
        if not isinstance(event, Rule):
            return ""
        found = [(f"g{k}" if len(event.arrived) > 1 else "g", seen) for k, seen in enumerate(event.arrived) if seen]
        found += [(f"g{name}", seen) for name, seen in event.given.items()]
        return next((f"|{name}| {number(seen.norm)} {sign} {number(limit)}" for name, seen in found
                     if compared(seen.norm, limit)), "")

    return test


def leaf_norm(name: str, compared: Callable[[float, float], bool], sign: str, limit: float) -> Callable[[Event], str]:
    """A leaf whose whole gradient has such a norm."""
    def test(event: Event) -> str:
        if isinstance(event, Leaf) and fnmatchcase(event.name, name) and compared(event.final.norm, limit):
            return f"|grad of {event.name}| {number(event.final.norm)} {sign} {number(limit)}"
        return ""

    return test


def shaped(text: str) -> Callable[[Event], str]:
    """Rules with an output or a gradient of a shape, `*` for any length; without one, where broadcasting is undone."""
    if not text:
        return lambda event: f"g{event.argument} changes its shape" if isinstance(event, Unbroadcast) else ""
    lengths = [part for part in re.split(r"[\s,]+", text.strip("()[] ")) if part]
    if not all([part == "*" or part.isdecimal() for part in lengths]):
        raise BreakpointError(f"expected a shape like (64, *), {text!r} came")

    def test(event: Event) -> str:
        seen = [s.shape for s in (*event.arrived, *event.given.values()) if s] if isinstance(event, Rule) else []
        found = [shape for shape in seen if len(shape) == len(lengths)
                 and all([want in ("*", str(n)) for want, n in zip(lengths, shape, strict=True)])]
        return f"shape {found[0]}" if found else ""

    return test


def condition(text: str) -> Callable[[Event], str]:
    """Rules at which an expression over x, y, g, gx and so on is true. Where one of its names is not, it is not."""
    wanted = free_names(text)
    strangers = wanted - possible_names() - set(dir(builtins))
    if strangers:
        raise BreakpointError(f"no call has anything of the name {min(strangers)!r}: there are the op's arguments (x, "
                              "weight ...), y, their gradients (gx, gweight ...), g, op, layer, np, event")

    def test(event: Event) -> str:
        if not isinstance(event, Rule):
            return ""
        known = names(event)
        missing = [name for name in wanted if name not in known and not hasattr(builtins, name)]
        return text if not missing and holds(text, known) else ""

    return test


def holds(text: str, known: dict[str, Any]) -> bool:
    """Whether a condition is true; ExpressionError where it is neither true nor false."""
    value = evaluated(text, known)
    try:
        return bool(value)
    except Exception as error:      # noqa: BLE001  whatever a value of the user's may raise
        shape = getattr(value, "shape", None)
        what = f"a {type(value).__name__}" if shape is None else \
            f"an array of shape {tuple(shape)}: say ({text}).any() or .all()"
        raise ExpressionError(f"a condition is true or false, this is {what}") from error


def free_names(text: str) -> set[str]:
    """The names that an expression reads and does not bind itself."""
    compiled(text)
    found = [node for node in ast.walk(ast.parse(text.strip(), mode="eval")) if isinstance(node, ast.Name)]
    return {node.id for node in found} - {node.id for node in found if isinstance(node.ctx, ast.Store)}


def possible_names() -> set[str]:
    """What an expression can speak of at some call or other."""
    arguments = {name for op in OPS.values() for name in op.names}
    outputs = {f"{letter}{k}" for letter in "gy" for k in range(10)}
    return arguments | {f"g{name}" for name in arguments} | outputs | {"g", "y", "np", "event", "op", "layer", "kind"}


# --- in a program -----------------------------------------------------------------------------------------------

def gather(*texts: str, norm: tuple[float, float] | None = None, layer: str | None = None, op: str | None = None,
           shape: tuple | None = None, grad: Mapping[str, tuple[float, float]] | None = None,
           when: Callable[[Event], Any] | None = None) -> list[Breakpoint]:
    """The breakpoints that `breaks` is asked for."""
    found = [parse(text) for text in texts]
    found += [parse(f"layer {layer}")] if layer is not None else []
    found += [parse(f"op {op}")] if op is not None else []
    found += [parse(f"shape ({', '.join(map(str, shape))})")] if shape is not None else []
    for name, (low, high) in ({"norm": norm} if norm else {}).items():
        found += [parse(f"{name} < {low}"), parse(f"{name} > {high}")]
    for name, (low, high) in (grad or {}).items():
        found += [parse(f"grad({name}) < {low}"), parse(f"grad({name}) > {high}")]
    if when is not None:
        found.append(Breakpoint(getattr(when, "__name__", "when"), lambda event: "the condition holds"
                                if when(event) else ""))
    if not found:
        raise BreakpointError(f"breaks: expected at least one breakpoint: {FORMS}, or norm=, layer=, op=, shape=, "
                              "grad=, when=")
    return found


@contextmanager
def breaks(*texts: str, **kinds: Any) -> Iterator[None]:
    """Inside, a backward pass that comes to a breakpoint raises GradientBreak, and leaves every `.grad` as it was.

    texts: as at the debugger's prompt: "nan", "op conv2d", "norm > 1e3", "if abs(gx).max() > 1".
    norm: (lowest, highest) of the gradients that arrive at a call or leave it; layer, op: patterns as "encoder.*";
    shape: of a gradient, "*" for any length; grad: {name of a leaf: (lowest, highest)}; when: a function of an event.

    Forward passes inside note layer and line of their calls; breakpoints at layers, and the origin of a nan, need that.

    >>> import minigrad as mg
    >>> from minigrad import debug
    >>> x = mg.tensor([1.0, 1e-30], requires_grad=True)
    >>> try:
    ...     with debug.breaks("norm > 1e6"):
    ...         mg.log(x).sum().backward()
    ... except debug.GradientBreak as stop:
    ...     print(stop.reason, x.grad)
    |gx| 1e+30 > 1e+06 None
    """
    breakpoints = gather(*texts, **kinds)

    def watch(outputs: Any, seeds: Any, inputs: Any, create_graph: bool, retain_graph: bool | None) -> list:
        events = events_of(outputs, seeds, inputs, create_graph, retain_graph)
        order: Collection[Node] = ()
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value
            order = event.order if isinstance(event, Seed) else order
            for each in breakpoints:
                reason = each.test(event)
                if reason:
                    raise GradientBreak(event, reason, origin_of(order) if each.test is not_finite else None)

    token = watcher.set(watch)
    try:
        if observer.get() is None:
            with noting(Recorder(keeps=False), always=False):
                yield
        else:
            yield                               # somebody records already
    finally:
        watcher.reset(token)


def origin_of(order: Collection[Node]) -> Origin | None:
    """The first call of a tape that made nan or inf, as far as the forward pass was recorded. order: youngest first."""
    return find_origin([node.note for node in reversed(list(order)) if node.note])
