"""Which places along one axis each place along another sees: the geometry of convolution, pooling and resizing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, gcd, lcm

LARGEST_PERIOD = 4096


@dataclass(frozen=True)
class Windows:
    """Place a * len(spans) + i of an axis sees the places spans[i], moved on by a * step, of the axis behind it.

    A convolution has one span, Windows((range(-1, 2),), 2), and so has a pooling; a transposed one or a resizing as
    many as it takes until the pattern repeats. Places may lie outside of the axis: in the padding.
    """

    spans: tuple[range, ...]
    step: int

    @property
    def size(self) -> int:
        """From the first to the last place that one sees, where that is most."""
        return max([span[-1] - span[0] + 1 if span else 0 for span in self.spans])

    @property
    def jump(self) -> Fraction:
        """How far apart are what one place sees and what the next does, on average."""
        return Fraction(self.step, len(self.spans))

    def at(self, place: int) -> range:
        """The places that one sees."""
        a, i = divmod(place, len(self.spans))
        span = self.spans[i]
        return range(span.start + a * self.step, span.stop + a * self.step, span.step)

    def over(self, n: int) -> range:
        """What the first n places see together."""
        period = len(self.spans)
        return hull([self.at(i) for i in (*range(min(n, period)), *range(max(0, n - period), n))])

    def after(self, before: Windows) -> Windows | None:
        """What the places see through `before`, which says what the places that they see see.

        None if it is too long until that repeats, as behind several resizings by odd ratios.
        """
        period = len(before.spans) // gcd(len(before.spans), self.step)
        if period * len(self.spans) > LARGEST_PERIOD:
            return None
        spans = [hull([before.at(place) for place in self.at(i)]) for i in range(period * len(self.spans))]
        return shortest(spans, period * self.step // len(before.spans) * before.step)

    def beside(self, other: Windows) -> Windows | None:
        """What the places see through both; None if they drift apart, so that it grows along the axis, and if it is too
        long until it repeats."""
        n = lcm(len(self.spans), len(other.spans))
        if self.jump != other.jump or n > LARGEST_PERIOD:
            return None
        return shortest([hull([self.at(i), other.at(i)]) for i in range(n)], self.step * n // len(self.spans))


def hull(spans: Iterable[range]) -> range:
    """From the first to the last place of all spans."""
    seen = [span for span in spans if span]
    return range(min([span[0] for span in seen]), max([span[-1] for span in seen]) + 1) if seen else range(0)


def shortest(spans: Sequence[range], step: int) -> Windows:
    """The same with as few spans as say it."""
    n = len(spans)
    for period in range(1, n):
        if n % period == 0 and step * period % n == 0:
            move = step * period // n
            if all([alike(spans[i], spans[i + period], move) for i in range(n - period)]):
                return Windows(tuple(spans[:period]), move)
    return Windows(tuple(spans), step)


def alike(span: range, later: range, move: int) -> bool:
    return range(span.start + move, span.stop + move, span.step) == later


# --- of layers ------------------------------------------------------------------------------------------------

SAME = Windows((range(1),), 1)          # every place sees itself


def shifted(by: int, step: int = 1) -> Windows:
    """Place i sees place i * step + by alone."""
    return Windows((range(by, by + 1),), step)


def sliding(kernel: int, stride: int, padding: int, dilation: int = 1) -> Windows:
    """Of convolution and pooling."""
    return Windows((range(-padding, dilation * (kernel - 1) + 1 - padding, dilation),), stride)


def painting(kernel: int, stride: int, padding: int, dilation: int = 1) -> Windows:
    """Of the transposed convolution: what paints on place o is every i with o = i * stride - padding + dilation * k."""
    spans = []
    for o in range(stride):
        seen = [(o + padding - dilation * k) // stride for k in range(kernel) if (o + padding - dilation * k) % stride
                == 0]
        apart = dilation // gcd(dilation, stride)
        spans.append(range(min(seen), max(seen) + 1, apart) if seen else range(0))
    return shortest(spans, 1)


def adaptive(n: int, out: int) -> Windows:
    """Of adaptive pooling from n places to `out`."""
    period = out // gcd(n, out)
    return Windows(tuple([range(i * n // out, -(-(i + 1) * n // out)) for i in range(period)]), n // gcd(n, out))


def resized(n: int, out: int, kind: str, zoom: float | None = None, align_corners: bool = False,
            antialias: bool = False) -> Windows | None:
    """Of a resizing from n places to `out`: minigrad/ops/resampling.py says where they lie. None if it never repeats.

    kind: "nearest", "nearest-exact", "linear", "cubic" or "area".
    """
    step = Fraction(n, out) if zoom is None else 1 / Fraction(zoom).limit_denominator(1000)
    if align_corners:
        step = Fraction(n - 1, out - 1) if out > 1 else Fraction(0)
    if kind == "area":
        return adaptive(n, out)
    if step.denominator > LARGEST_PERIOD:
        return None
    reach = {"linear": 1, "cubic": 2}.get(kind, 0) * (max(step, Fraction(1)) if antialias else 1)
    spans = []
    for i in range(step.denominator):
        if kind.startswith("nearest"):
            at = floor(step * (i + Fraction(kind == "nearest-exact", 2)))
            spans.append(range(at, at + 1))
            continue
        centre = step * i if align_corners and not antialias else step * (i + Fraction(1, 2)) - Fraction(1, 2)
        whole = centre.denominator == 1 and not antialias           # all other weights are 0
        spans.append(range(int(centre), int(centre) + 1) if whole else
                     range(floor(centre - reach) + 1, ceil(centre + reach)))
    return shortest(spans, step.numerator)
