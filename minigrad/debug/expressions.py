"""Expressions over an event: what `p`, `display` and the conditions of breakpoints can speak of."""

from __future__ import annotations

from typing import Any

import numpy

from .events import Accumulate, Event, Leaf, Leave, Rule, Seed, Unbroadcast
from .formulas import arriving
from .values import by_name


class ExpressionError(ValueError):
    """An expression cannot be evaluated here; one line says why."""


def names(event: Event, call: Rule | None = None) -> dict[str, Any]:
    """Name -> value: arguments and `y`, `g`, `gx` and so on; and `event`, `op`, `layer`, `kind`, `np`.

    call: the rule event of the same call, whose gradients an event after it speaks of too.
    """
    found = {"np": numpy, "event": event, "op": event.op, "layer": event.layer, "kind": event.kind}
    found |= by_name(event.values)
    rule = event if isinstance(event, Rule) else call
    if rule is not None:
        found |= arriving(rule) | by_name(rule.gradients, "g")
    if isinstance(event, Seed):
        found["g"] = event.g
    elif isinstance(event, Unbroadcast):
        found |= by_name({event.argument: event.delivered}, "g")
    elif isinstance(event, Accumulate):
        found |= {"part": event.part, "place": event.place}
    elif isinstance(event, Leaf):
        found |= {"g": event.gradient, "name": event.name, "tensor": event.tensor}
    elif isinstance(event, Leave):
        found |= {"differences": event.differences, "worst": event.worst}
    return found


def evaluated(text: str, known: dict[str, Any]) -> Any:
    """The value of an expression. Whatever goes wrong is an ExpressionError of one line."""
    try:
        with numpy.errstate(all="ignore"):
            return eval(compiled(text), {"__name__": "debugger"}, known)
    except ExpressionError:
        raise
    except NameError as error:
        there = ", ".join([name for name in known if name not in ("np", "event", "op", "layer", "kind")])
        raise ExpressionError(f"{error}; here are {there}") from None
    except Exception as error:      # noqa: BLE001  whatever an expression of the user's may raise
        raise ExpressionError(f"{type(error).__name__}: {' '.join(str(error).split())}") from None


def compiled(text: str) -> Any:
    """An expression ready to be evaluated; ExpressionError if it is none."""
    try:
        return compile(text.strip(), "<expression>", "eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise ExpressionError(f"{text.strip()!r} is no expression: {reason}") from None
