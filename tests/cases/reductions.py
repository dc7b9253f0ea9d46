"""Reductions."""

from draws import case, distinct, halves, mask, normal, one_axis, reduction

CASES = {
    **{name: reduction(normal) for name in ("sum", "mean", "logsumexp")},
    **{name: reduction(distinct) for name in ("max", "min")},
    "var": [*reduction(normal)[:6], case("unbiased", normal(3, 4), axis=0, correction=1)],
    "std": [*reduction(normal)[:6], case("unbiased", normal(3, 4), axis=0, correction=1)],
    **{name: [*reduction(mask), case("numbers", halves(3, 2), axis=0)] for name in ("any", "all")},
    **{name: [*one_axis(distinct), case("ties", halves(3, 4), axis=1)] for name in ("argmax", "argmin")},
}
