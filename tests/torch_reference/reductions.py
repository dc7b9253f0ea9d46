"""Reductions."""

import torch
from torch_words import all_axes


def reduction(function):
    """A torch reduction that takes `dim` and `keepdim`."""
    return lambda x, axis=None, keepdims=False: function(x, dim=all_axes(x, axis), keepdim=keepdims)


def first_of(function):
    """argmax or argmin; PyTorch's answer on the flat array when there is no axis."""

    def reference(x, axis=None, keepdims=False):
        if axis is None:
            return function(x.reshape(-1), dim=0).reshape([1] * x.ndim if keepdims else [])
        return function(x, dim=axis, keepdim=keepdims)

    return reference


def truth(function):
    """any or all, one axis after the other."""

    def reference(x, axis=None, keepdims=False):
        x = x != 0
        axes = all_axes(x, axis)
        for a in sorted([a % x.ndim for a in ((axes,) if isinstance(axes, int) else axes)], reverse=True):
            x = function(x, dim=a, keepdim=keepdims)
        return x

    return reference


def var(x, axis=None, correction=0, keepdims=False):
    return torch.var(x, dim=all_axes(x, axis), correction=correction, keepdim=keepdims)


def std(x, axis=None, correction=0, keepdims=False):
    return torch.std(x, dim=all_axes(x, axis), correction=correction, keepdim=keepdims)


def prod(x, axis=None, keepdims=False):
    """PyTorch multiplies over one axis, or over all."""
    for a in sorted([a % max(x.ndim, 1) for a in (all_axes(x, axis) if not isinstance(axis, int) else (axis,))])[::-1]:
        x = torch.prod(x, dim=a, keepdim=keepdims)
    return x


def norm(x, ord=2, axis=None, keepdims=False):
    return torch.linalg.vector_norm(x, 2 if ord in (None, "fro") else ord, dim=axis, keepdim=keepdims)


def cumulative(function, start):
    """cumsum or cumprod, with the initial element in front where it is asked for."""

    def reference(x, axis=None, include_initial=False):
        axis = 0 if axis is None else axis
        y = function(x, dim=axis)
        if not include_initial:
            return y
        y = y.reshape(x.shape or (1,))
        first = torch.full_like(y.narrow(axis, 0, 1), start)
        return torch.cat([first, y], dim=axis)

    return reference


def flattened(function):
    """Of the whole array where there is no axis."""
    return lambda x, axis=None: function(x.reshape(-1) if axis is None else x, dim=0 if axis is None else axis)


def along(function):
    """A function of a tensor and `dim`, under the name that NumPy has for it."""
    return lambda x, axis=-1, **options: function(x, dim=axis, **options)


TORCH = {
    "prod": prod,
    "norm": norm,
    "count_nonzero": lambda x, axis=None, keepdims=False: (x != 0).sum(dim=all_axes(x, axis), keepdim=keepdims),
    "cumulative_sum": cumulative(torch.cumsum, 0.0),
    "cumulative_prod": cumulative(torch.cumprod, 1.0),
    "cumsum": flattened(torch.cumsum),
    "cumprod": flattened(torch.cumprod),
    "sort": along(lambda x, dim, **options: torch.sort(x, dim=dim, stable=True, **options)[0]),
    "argsort": along(lambda x, dim, **options: torch.argsort(x, dim=dim, stable=True, **options)),
    "first_places": along(lambda x, k, dim, **options: (
        torch.argsort(x, dim=dim, stable=True, **options).narrow(dim, 0, k))),
    "topk": lambda x, k, axis=-1, **options: tuple(torch.topk(x, k, dim=axis, **options)),
    "sum": reduction(torch.sum),
    "mean": reduction(torch.mean),
    "max": reduction(torch.amax),
    "min": reduction(torch.amin),
    "logsumexp": reduction(torch.logsumexp),
    "var": var,
    "std": std,
    "any": truth(torch.any),
    "all": truth(torch.all),
    "argmax": first_of(torch.argmax),
    "argmin": first_of(torch.argmin),
}
