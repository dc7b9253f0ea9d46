"""Two traces of the same computation side by side: where they begin to differ on the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .glance import glance, number
from .previews import Preview
from .show import WIDTH, clipped

if TYPE_CHECKING:
    from .trace import Trace
    from .traced import TracedEvent


@dataclass(frozen=True)
class Row:
    """One gradient of one call in both traces. difference: the norm of that of the arrays; where only previews are, of
    what these have, the norms and the first elements."""

    number: str
    op: str
    layer: str
    name: str
    here: float
    there: float
    difference: float
    same: bool


@dataclass(frozen=True)
class Diff:
    """The gradients of two traces in backward order. `rows[k].same` is within rtol; whole: arrays were compared."""

    rows: list[Row]
    rtol: float
    whole: bool

    @property
    def first(self) -> Row | None:
        """The first gradient that differs."""
        return next((row for row in self.rows if not row.same), None)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return self.first is not None

    def __str__(self) -> str:
        what = "elements" if self.whole else "norms and first elements"
        if self.first is None:
            return f"{len(self.rows)} gradients agree: rtol {number(self.rtol)}, of {what}"
        bad = [row for row in self.rows if not row.same]
        head = (f"{len(bad)} of {len(self.rows)} gradients differ ({what}, rtol {number(self.rtol)}); the first on the "
                f"way back:")
        rows = [f"[{row.number}] {row.op} {row.layer}  |{row.name}| {number(row.here)} and {number(row.there)}, "
                f"difference {row.difference:.1e}" for row in bad[:8]]
        more = [f"and {len(bad) - 8} more"] if len(bad) > 8 else []
        return "\n".join([clipped(text, WIDTH) for text in (head, *rows, *more)])


def differences(a: Trace, b: Trace, rtol: float) -> Diff:
    """Compare rule by rule. ValueError where the two did not call the same ops in the same order."""
    ours, theirs = [[event for event in each if event.kind == "rule"] for each in (a, b)]
    for x, y in zip(ours, theirs, strict=False):
        if (x.op, x.shape) != (y.op, y.shape):
            raise ValueError(f"diff: the traces part at event {x.number}: {x.op} {x.shape} here, "
                             f"{y.op} {y.shape} there")
    if len(ours) != len(theirs):
        raise ValueError(f"diff: {len(ours)} calls here, {len(theirs)} there")
    rows = [row for x, y in zip(ours, theirs, strict=True) for row in compared(x, y, rtol)]
    return Diff(rows, rtol, all([x.arrays and y.arrays for x, y in zip(ours, theirs, strict=True)]))


def compared(x: TracedEvent, y: TracedEvent, rtol: float) -> Iterator[Row]:
    """A row for every gradient that two rule events gave."""
    for name in x.given:
        if name in y.given:
            here, there = x.given[name], y.given[name]
            difference = apart(x, y, name, here, there)
            allowed = rtol * max(here.seen.norm, there.seen.norm)
            same = difference <= allowed or here.seen.norm != here.seen.norm and there.seen.norm != there.seen.norm
            yield Row(x.number, x.op, x.layer, f"g{name}", here.seen.norm, there.seen.norm, difference, same)


def apart(x: TracedEvent, y: TracedEvent, name: str, here: Preview, there: Preview) -> float:
    """The norm of the difference, where the arrays are kept; else how far the norms are apart."""
    a: Any = x.arrays.get("given", {}).get(name)
    b: Any = y.arrays.get("given", {}).get(name)
    if a is not None and b is not None and a.shape == b.shape:
        return glance(a - b).norm
    corners = here.corner, there.corner
    if corners[0].shape != corners[1].shape:
        return float("inf")
    return max(abs(here.seen.norm - there.seen.norm), glance(corners[0] - corners[1]).norm)
