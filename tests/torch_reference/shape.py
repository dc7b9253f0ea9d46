"""Shapes, indexing, joining."""

import math

import numpy as np
import torch


def expand_dims(x, axis):
    axes = (axis,) if isinstance(axis, int) else axis
    for a in sorted(a % (x.ndim + len(axes)) for a in axes):
        x = x.unsqueeze(a)
    return x


def squeeze(x, axis=None):
    return x.squeeze() if axis is None else x.squeeze(axis)


def numbers_at(shape, index):
    """Row-major numbers of what x[index] picks, by NumPy: PyTorch has no negative steps."""
    return torch.as_tensor(np.arange(math.prod(shape)).reshape(shape)[index].copy())


def put(x, shape, index):
    numbers = numbers_at(shape, index).reshape(-1)
    return torch.zeros(math.prod(shape), dtype=x.dtype).index_add(0, numbers, x.reshape(-1)).reshape(shape)


def take(x, indices, axis=None):
    indices = torch.as_tensor(indices)
    if axis is None:
        return torch.take(x, indices)
    axis = axis % x.ndim
    rows = x.index_select(axis, indices.reshape(-1) % x.shape[axis])
    return rows.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


def take_along_axis(x, indices, axis=-1):
    return torch.take_along_dim(x, indices % (x.numel() if axis is None else x.shape[axis]), axis)


def scatter_along_axis(x, shape, indices, axis):
    axis = axis % x.ndim
    indices = (indices % shape[axis]).expand(x.shape)
    return torch.zeros(shape, dtype=x.dtype).scatter_add(axis, indices, x)


TORCH = {
    "reshape": lambda x, shape: x.reshape(shape),
    "permute_dims": lambda x, axes: x.permute(axes),
    "swapaxes": lambda x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
    "moveaxis": torch.moveaxis,
    "flatten": torch.flatten,
    "broadcast_to": lambda x, shape: x.broadcast_to(shape),
    "expand_dims": expand_dims,
    "squeeze": squeeze,
    "concat": torch.cat,
    "stack": torch.stack,
    "split": lambda x, n, axis=0: torch.split(x, x.shape[axis] // n, axis),
    "getitem": lambda x, index: x.reshape(-1)[numbers_at(x.shape, index)],
    "put": put,
    "take": take,
    "take_along_axis": take_along_axis,
    "scatter_along_axis": scatter_along_axis,
}
