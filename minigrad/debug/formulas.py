"""A gradient rule in three lines: its symbols, the same with shapes, and with numbers where there are few."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy

from ..backend import is_array, to_numpy
from .events import Rule
from .glance import number

FEW = 16                # an array of so many elements is written out


def three_lines(event: Rule, argument: str) -> list[str]:
    """The rule of an argument: symbols, shapes and, if all arrays in it are small, numbers."""
    rule = event.rules[argument].partition("  # ")[0]
    known = event.values | arriving(event) | {f"g{argument}": event.gradients[argument]}
    known = {name: numpy.asarray(x) if isinstance(x, numpy.generic) else x for name, x in known.items()}
    lines = [rule, substituted(rule, known, lambda x: str(tuple(x.shape)))]
    used = [known[name] for name in names_in(rule, known)]
    if all([x.size <= FEW for x in used]) and any([name in known for name in names_in(rule, known)]):
        lines.append(substituted(rule, known, written))
    return lines


def arriving(event: Rule) -> dict[str, Any]:
    """`g`, or `g0`, `g1` of an op with several outputs, where something arrived."""
    if not isinstance(event.g, list):
        return {"g": event.g}
    return {f"g{k}": g for k, g in enumerate(event.g) if g is not None}


def names_in(rule: str, known: dict[str, Any]) -> list[str]:
    """The arrays that a rule speaks of. What comes behind a colon is prose."""
    found = re.findall(r"[A-Za-z_]\w*(?:\[\d+\])?", rule.partition(": ")[0])
    return [name for name in dict.fromkeys(found) if is_array(known.get(name))]


def substituted(rule: str, known: dict[str, Any], spell: Callable[[Any], str]) -> str:
    """The formula with each array's name replaced; `x_shape` is the shape of x."""
    def replaced(match: re.Match) -> str:
        name = match[0]
        if is_array(known.get(name)):
            return spell(known[name])
        of: Any = known.get(name.removesuffix("_shape"))
        return str(tuple(of.shape)) if name.endswith("_shape") and is_array(of) else name

    return re.sub(r"[A-Za-z_]\w*(?:\[\d+\])?", replaced, rule.partition(": ")[0])


def written(x: Any) -> str:
    """The numbers of a small array, in one line."""
    array = to_numpy(x)
    if array.ndim == 0:
        return number(float(array)) if float(array) >= 0 else f"({number(float(array))})"
    text = numpy.array2string(array, separator=", ", formatter={"all": lambda n: number(float(n))},  # type: ignore[arg-type]
                              max_line_width=10_000)
    return re.sub(r"\s*\n\s*", " ", text)
