"""Oracles of the reductions: for every kept position, the list of its scalars, and one Python function on it."""

import math

import numpy as np


def kept_and_reduced(x, axis):
    """Split the axes of x into those that stay and those that go; `axis` is None, an int or a tuple."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    reduced = sorted(a % x.ndim for a in axes)
    return [a for a in range(x.ndim) if a not in reduced], reduced


def reduce(function, x, axis, keepdims):
    """function(list of the scalars that meet) for every position of the axes that stay."""
    kept, reduced = kept_and_reduced(x, axis)
    results = []
    for outer in np.ndindex(*(x.shape[a] for a in kept)):
        scalars = []
        for inner in np.ndindex(*(x.shape[a] for a in reduced)):
            place = dict(zip(kept, outer, strict=True)) | dict(zip(reduced, inner, strict=True))
            scalars.append(x[tuple(place[a] for a in range(x.ndim))].item())
        results.append(function(scalars))
    shape = [1 if a in reduced else size for a, size in enumerate(x.shape) if keepdims or a in kept]
    return np.array(results).reshape(shape)


def mean_of(scalars):
    """Their sum, over how many they are."""
    return math.fsum(scalars) / len(scalars)


def logsumexp_of(scalars):
    """log sum e^s, with the largest taken out first so that nothing overflows."""
    largest = max(scalars)
    return largest + math.log(math.fsum(math.exp(s - largest) for s in scalars))


def reduction(function):
    """The oracle of a reduction that `function` describes on a list."""

    def oracle(x, axis=None, keepdims=False):
        return reduce(function, x, axis, keepdims)

    return oracle


def var(x, axis=None, correction=0, keepdims=False):
    """Sum of squared distances from the mean, over (count - correction)."""

    def var_of(scalars):
        center = mean_of(scalars)
        return math.fsum((s - center) ** 2 for s in scalars) / (len(scalars) - correction)

    return reduce(var_of, x, axis, keepdims)


def std(x, axis=None, correction=0, keepdims=False):
    """The square root of the variance."""
    variance = var(x, axis, correction, keepdims)
    return np.array([math.sqrt(v) for v in variance.ravel().tolist()]).reshape(variance.shape)


def power_mean_root(scalars, p):
    """The norm of a list of numbers."""
    sizes = [abs(s) for s in scalars]
    if p in (math.inf, -math.inf):
        return max(sizes) if p > 0 else min(sizes)
    return float(sum(s != 0 for s in sizes)) if p == 0 else math.fsum(s**p for s in sizes) ** (1 / p)


def norm(x, ord=2, axis=None, keepdims=False):
    """(sum |x|^p)^(1/p) and its limits."""
    p = 2 if ord in (None, "fro") else ord
    return reduce(lambda scalars: power_mean_root(scalars, p), x, axis, keepdims)


def along(function):
    """The oracle of what `function` does to a list, for every line along an axis."""

    def oracle(x, axis=None, **options):
        axis = 0 if axis is None else axis
        moved = np.moveaxis(x.reshape(x.shape or (1,)), axis, -1)
        results = [function(moved[outer].tolist(), **options) for outer in np.ndindex(moved.shape[:-1])]
        y = np.moveaxis(np.array(results).reshape(moved.shape[:-1] + (-1,)), -1, axis)
        return y.reshape(()) if not x.shape and y.size == 1 else y

    return oracle


def flattened(function):
    """The same, of the whole array where there is no axis."""
    return lambda x, axis=None: function(x.reshape(-1) if axis is None else x, axis)


def cumulative(step, start):
    """step(step(start, first), second) ... on a list."""

    def of_list(scalars, include_initial=False):
        done = [start]
        for s in scalars:
            done.append(step(done[-1], s))
        return done if include_initial else done[1:]

    return of_list


def places(scalars, descending=False, stable=True):
    """Where the elements come from when sorted; Python's sort keeps ties in order, also in reverse."""
    return sorted(range(len(scalars)), key=lambda i: scalars[i], reverse=descending)


def sort(x, axis=-1, descending=False):
    return along(lambda scalars: sorted(scalars, reverse=descending))(x, axis)


def topk(x, k, axis=-1, largest=True):
    first = along(lambda scalars: places(scalars, largest)[:k])(x, axis)
    values = along(lambda scalars: sorted(scalars, reverse=largest)[:k])(x, axis)
    return values, first


CUMULATIVE_SUM = along(cumulative(lambda total, s: total + s, 0.0))
CUMULATIVE_PROD = along(cumulative(lambda product, s: product * s, 1.0))

ORACLES = {
    "prod": reduction(lambda scalars: float(math.prod(scalars))),
    "norm": norm,
    "count_nonzero": reduction(lambda scalars: sum(s != 0 for s in scalars)),
    "cumulative_sum": CUMULATIVE_SUM,
    "cumulative_prod": CUMULATIVE_PROD,
    "cumsum": flattened(CUMULATIVE_SUM),
    "cumprod": flattened(CUMULATIVE_PROD),
    "sort": sort,
    "argsort": lambda x, axis=-1, descending=False: along(lambda s: places(s, descending))(x, axis),
    "first_places": lambda x, k, axis=-1, descending=False: along(lambda s: places(s, descending)[:k])(x, axis),
    "topk": topk,
    "sum": reduction(math.fsum),
    "mean": reduction(mean_of),
    "max": reduction(max),
    "min": reduction(min),
    "var": var,
    "std": std,
    "logsumexp": reduction(logsumexp_of),
    "any": reduction(any),
    "all": reduction(all),
    "argmax": reduction(lambda scalars: scalars.index(max(scalars))),
    "argmin": reduction(lambda scalars: scalars.index(min(scalars))),
}
