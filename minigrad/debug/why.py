"""Why an element of a gradient is what it is: the terms that add up to it.

A rule is linear in the gradient that arrives, so gx[i] = sum over o of g[o] * c[o]. The coefficients c follow without a
guess: the rule is recorded with g as a leaf, and one walk back from gx[i] to g gives them all. A fused op's kernel
is not recorded; there it is the definition that is walked.
"""

from __future__ import annotations

from ast import literal_eval
from dataclasses import dataclass
from typing import Any

from ..backend import namespace, on_device_of, to_numpy
from ..casting import as_it_is
from ..tensor import Tensor, set_grad_enabled
from ..walk import grad
from .events import Rule
from .glance import number

MOST = 8                # terms that are listed


@dataclass(frozen=True)
class Term:
    """One part of the sum: an element of the arriving gradient times the coefficient that the rule gives it."""

    place: str
    g: float
    coefficient: float

    @property
    def value(self) -> float:
        return self.g * self.coefficient


@dataclass(frozen=True)
class Reason:
    """The terms of one element of a gradient, the largest first, and how many more there are that are not zero.

    value: the element as the rule gave it; total: the sum of all terms.
    """

    name: str
    value: float
    terms: list[Term]
    more: int
    total: float

    def __str__(self) -> str:
        count = len(self.terms) + self.more
        lines = [f"{self.name} = {number(self.value)}, the sum of {count} term{'s' * (count != 1)} g * coefficient"]
        if not self.terms:
            lines[0] = f"{self.name} = {number(self.value)}: no element that arrived has a part in it"
        width = max([len(term.place) for term in self.terms], default=0)
        lines += [f"  {term.place:<{width}} = {number(term.g):>10} * {number(term.coefficient):>10} = "
                  f"{number(term.value):>10}" for term in self.terms]
        if self.more:
            rest = self.total - sum([term.value for term in self.terms])
            lines.append(f"  and {self.more} more, together {number(rest)}")
        if self.terms:
            lines.append(f"  they add up to {number(self.total)}, off by {abs(self.total - self.value):.1e}")
        return "\n".join(lines)


def why(event: Rule, argument: str, index: tuple[int, ...], most: int = MOST) -> Reason:
    """The terms of element `index` of the gradient of `argument`.

    index: into the gradient as the rule gives it or, where that is then summed over what was broadcast, into the sum.
    Raises TypeError where the rule gave no gradient for the argument, IndexError for an element that there is not.
    """
    if argument not in event.gradients:
        raise TypeError(f"why: {event.op} gave no gradient for {argument!r}; it did for {', '.join(event.gradients)}")
    name = f"g{argument}" + (f"[{', '.join(map(str, index))}]" if index else "")
    sources, part, value = traced(event, argument, index)
    terms: list[Term] = []
    count, total = 0, 0.0
    found = grad(part, [g for _, g in sources], allow_unused=True) if part.requires_grad else [None] * len(sources)
    for (label, g), coefficients in zip(sources, found, strict=True):
        if coefficients is not None:
            some, n, add = largest(label, g.data, coefficients.data, most)
            terms, count, total = terms + some, count + n, total + add
    terms = sorted(terms, key=lambda term: -abs(term.value))[:most]
    return Reason(name, value, terms, count - len(terms), total)


def traced(event: Rule, argument: str, index: tuple[int, ...]) -> tuple[list[tuple[str, Tensor]], Tensor, float]:
    """The arriving gradients as leaves, the element as a tensor that depends on them, and its value in this walk."""
    node, op = event.node, event.node.op
    if node.saved is None:
        raise RuntimeError(f"why: what {op.name} saved is freed: ask while the walk stands there, or walk with "
                           "retain_graph=True")
    i = op.names.index(argument)
    edges = [edge if k == i else None for k, edge in enumerate(node.edges)]
    like: Any = node.edges[i]
    given = event.gradients[argument]
    parts = event.g if isinstance(event.g, list) else [event.g]
    leaves = [None if g is None else Tensor(g.copy(), requires_grad=True) for g in parts]
    with on_device_of(given), set_grad_enabled(True), as_it_is():
        gx = op.backward(node, leaves if isinstance(event.g, list) else leaves[0], edges, True)[i]
        whole = given
        if not reaches(index, given.shape):
            if not reaches(index, like.shape):
                if not index:
                    raise IndexError(f"why: which element of g{argument} {tuple(like.shape)}? as why g{argument}"
                                     f"[{', '.join('0' * len(like.shape))}]")
                shapes = " and ".join(dict.fromkeys([str(tuple(given.shape)), str(tuple(like.shape))]))
                raise IndexError(f"why: g{argument} has shape {shapes}, there is no element "
                                 f"[{', '.join(map(str, index))}]")
            gx, whole = op.fit(gx, like.shape, like.dtype), op.fit(given, like.shape, like.dtype)
        part = gx[index] if isinstance(gx, Tensor) else Tensor(gx[index])
        several = isinstance(event.g, list)
        sources = [(f"g{k}" if several else "g", leaf) for k, leaf in enumerate(leaves) if leaf is not None]
        return sources, part, float(to_numpy(whole[index]))


def reaches(index: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an index names one element."""
    return len(index) == len(shape) and all([-n <= k < n for k, n in zip(index, shape, strict=True)])


def largest(label: str, g: Any, coefficients: Any, most: int) -> tuple[list[Term], int, float]:
    """The largest terms, how many are not zero, and the sum of all. Only these few are copied to the host."""
    xp = namespace(g)
    with on_device_of(g):
        terms = (g.astype("float64") * coefficients.astype("float64")).reshape(-1)
        order = xp.argsort(-xp.abs(terms))[:most]
        numbers = to_numpy(xp.stack([g.reshape(-1)[order].astype("float64"),
                                     coefficients.reshape(-1)[order].astype("float64")]))
        places = to_numpy(order).tolist()
        count, total = int(to_numpy(xp.count_nonzero(terms))), float(to_numpy(xp.sum(terms)))
    found = [Term(label + spelled(place, g.shape), float(a), float(c))
             for place, a, c in zip(places, *numbers, strict=True) if a * c != 0]
    return found, count, total


def spelled(place: int, shape: tuple[int, ...]) -> str:
    """`[0, 3]` for a place in the flat array; "" of a number."""
    index = []
    for n in reversed(shape):
        place, k = divmod(place, n)
        index.append(k)
    return f"[{', '.join(map(str, reversed(index)))}]" if shape else ""


def asked(event: Rule, text: str) -> tuple[str, tuple[int, ...]]:
    """Argument and index that `gx[1, 2]` asks for; ValueError where it asks for nothing that is there."""
    for name in sorted(event.gradients, key=len, reverse=True):
        rest = text.removeprefix(f"g{name}").strip()
        if text.startswith(f"g{name}") and (not rest or rest[0] + rest[-1] == "[]"):
            try:
                index = literal_eval(f"({rest[1:-1]},)") if rest else ()
            except (SyntaxError, ValueError):
                index = (None,)
            if not all([isinstance(k, int) for k in index]):
                raise ValueError(f"why: expected whole numbers in brackets, as g{name}[1, 2]; {text!r} came")
            return name, index
    there = ", ".join([f"g{name}" for name in event.gradients]) or "none"
    asks = next((f"; an element of it stands in brackets, as g{name}[1, 2]" for name in event.gradients
                 if text.startswith(f"g{name}")), "")
    raise ValueError(f"why: expected one of the gradients of {event.op}, {there}; {text!r} came{asks}")
