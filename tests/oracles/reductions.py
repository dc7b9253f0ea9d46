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


ORACLES = {
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
