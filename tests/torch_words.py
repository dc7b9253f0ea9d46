"""What several families of PyTorch's answers share."""

import numpy as np
import torch


def torch_dtype(dtype):
    """PyTorch's dtype of this name; None stays None."""
    return None if dtype is None else getattr(torch, str(np.dtype(dtype)))


def all_axes(x, axis):
    """An axis or a tuple of them, None spelled out."""
    return tuple(range(x.ndim)) if axis is None else axis
