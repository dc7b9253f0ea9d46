"""Reductions, norms, cumulative sums and products, sorting."""

import math

import numpy as np
from draws import case, distinct, halves, mask, normal, one_axis, reduction


def with_zeros(*places):
    """A (3, 4) array that is 0 at these places."""
    x = normal(3, 4)
    x.reshape(-1)[list(places)] = 0
    return x


def lines(draw):
    """The cases of what goes along an axis: the only one, the first, one in the middle, in a number."""
    return [
        case("vector", draw(5)),
        case("axis 0", draw(3, 4), axis=0),
        case("axis -2", draw(2, 5, 3), axis=-2),
        case("scalar", draw()),
    ]


CASES = {
    **{name: reduction(normal) for name in ("sum", "mean", "logsumexp")},
    **{name: reduction(distinct) for name in ("max", "min")},
    "var": [*reduction(normal)[:6], case("unbiased", normal(3, 4), axis=0, correction=1)],
    "std": [*reduction(normal)[:6], case("unbiased", normal(3, 4), axis=0, correction=1)],
    **{name: [*reduction(mask), case("numbers", halves(3, 2), axis=0)] for name in ("any", "all")},
    **{name: [*one_axis(distinct), case("ties", halves(3, 4), axis=1)] for name in ("argmax", "argmin")},
    "prod": [*reduction(normal), case("one zero a column", with_zeros(0, 5), axis=0),
             case("no element", np.zeros((2, 0)), axis=1)],
    "norm": [
        *reduction(normal),
        *[case(f"ord {ord}", normal(2, 3, 2), ord=ord, axis=(0, 2)) for ord in (1, 3, 0.5, -2, "fro", None)],
        *[case(f"ord {ord}", distinct(3, 4), ord=ord, axis=1) for ord in (math.inf, -math.inf)],
    ],
    "count_nonzero": [*reduction(mask), case("numbers", halves(3, 4), axis=1)],
    **{name: [*lines(normal), case("zeros", with_zeros(1, 3, 6), axis=1),
              case("from the start", normal(2, 3), axis=1, include_initial=True),
              case("scalar, from the start", normal(), include_initial=True)]
       for name in ("cumulative_sum", "cumulative_prod")},
    **{name: [*lines(normal), case("flattened", normal(2, 3))] for name in ("cumsum", "cumprod")},
    "sort": [*lines(distinct), case("descending", distinct(3, 4), axis=0, descending=True)],
    "argsort": [*lines(distinct), case("ties", halves(3, 4), axis=0), case("ties, descending", halves(3, 4),
                                                                         descending=True)],
    "first_places": [case("largest", distinct(3, 4), k=2, descending=True), case("ties", halves(3, 4), k=3, axis=0)],
    "topk": [
        case("largest", distinct(3, 4), k=2),
        case("smallest", distinct(2, 5, 2), k=3, axis=1, largest=False),
        case("all", distinct(4), k=4, axis=0),
        case("scalar", distinct(), k=1),
    ],
}
