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


TORCH = {
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
