"""Picking and placing along an axis, by masks, by classes; sums of products over chosen axes."""

import torch


def scatter_add(x, axis, index, src):
    """What index leaves out of src is cut off first: PyTorch's gradient does not fit else."""
    return torch.scatter_add(x, axis, index, src[tuple(slice(0, n) for n in index.shape)])


def dot(a, b):
    if not a.ndim or not b.ndim:
        return a * b
    return torch.tensordot(a, b, ([-1], [-min(b.ndim, 2)]))


def tensordot(a, b, axes=2):
    pairs = axes if isinstance(axes, int) else [[part] if isinstance(part, int) else list(part) for part in axes]
    return torch.tensordot(a, b, pairs)


TORCH = {
    "gather": torch.gather,
    "scatter_add": scatter_add,
    "index_select": torch.index_select,
    "masked_fill": torch.masked_fill,
    "masked_select": torch.masked_select,
    "one_hot": torch.nn.functional.one_hot,
    "outer": lambda a, b: torch.outer(a.reshape(-1), b.reshape(-1)),
    "dot": dot,
    "inner": torch.inner,
    "vecdot": lambda x1, x2, axis=-1: torch.linalg.vecdot(x1, x2, dim=axis),
    "tensordot": tensordot,
}
