"""Which heights and widths a graph of any size takes: those that halve evenly as often as it halves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..misuse import REFUSALS
from .replay import replayed
from .symbol import Input

if TYPE_CHECKING:
    from .graph import Graph

MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
FAR = 5                         # odd, so that a multiple of it is one of no larger power of two; and not too small


class Sides(NamedTuple):
    """The sides of square images that a network with scores for every pixel takes: least, least + step, and so on.

    border: how many pixels along each edge of the image its map leaves out. fixed: whether the network is built for one
    side, with the argument `size`.
    """

    least: int = 16
    step: int = 16
    border: int = 0
    fixed: bool = False

    def fits(self, side: int) -> bool:
        return side >= self.least and (side - self.least) % self.step == 0

    def near(self, side: int) -> list[int]:
        """The sides next to one that does not fit."""
        below = max(side - self.least, 0) // self.step * self.step + self.least
        return [below, below + self.step]

    def covering(self, side: int) -> int:
        """The least side whose map is `side` or more."""
        return next(n for n in self.near(side + 2 * self.border) if n - 2 * self.border >= side)


def multiple_of(graph: Graph) -> int | None:
    """The power of two of which open heights and widths must be multiples; None where there are none, or no such."""
    shapes = [graph.node(name).shape[1:] for name in graph.inputs]
    if not any([len(shape) == 3 and None in shape[1:] for shape in shapes]):
        return None
    return next((n for n in MULTIPLES if goes_through(graph, shapes, n)), None)


def goes_through(graph: Graph, shapes: list[tuple], n: int) -> bool:
    """Whether images whose open sides are odd multiples of n do: at least 64 of them, as large as pooling needs."""
    side = n * (FAR + 2 * (64 // (2 * n)))
    try:
        replayed(graph, [Input([side if a is None else a for a in shape], graph.node(name).result.dtype)
                         for name, shape in zip(graph.inputs, shapes, strict=True)], lambda node: None)
    except REFUSALS:
        return False
    return True


def say_near(error: Exception, graph: Graph, shape: Sequence[int]) -> None:
    """Add to the error about an image (c, h, w) that does not go through which sizes near it do, where that is a matter
    of multiples."""
    n = multiple_of(graph)
    if n is None or n == 1 or len(shape) != 3 or not any([side % n for side in shape[1:]]):
        return
    below, above = [tuple([max(n, (side + up) // n * n) for side in shape[1:]]) for up in (0, n - 1)]
    found = " or ".join(dict.fromkeys([f"{h} x {w}" for h, w in (below, above)]))
    error.args = (f"{error}: the graph takes heights and widths that are multiples of {n}, as {found}", *error.args[1:])
