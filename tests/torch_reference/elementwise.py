"""Elementwise ops, and those that make arrays like another."""

import torch
from torch_words import torch_dtype


def binary(function):
    """A torch function of two tensors, for a Python scalar as second operand too."""
    return lambda a, b: function(a, torch.as_tensor(b, dtype=None if isinstance(b, torch.Tensor) else a.dtype))


TORCH = {
    "add": binary(torch.add),
    "subtract": binary(torch.sub),
    "multiply": binary(torch.mul),
    "divide": binary(torch.div),
    "floor_divide": binary(torch.floor_divide),
    "remainder": binary(torch.remainder),
    "power": binary(torch.pow),
    "maximum": binary(torch.maximum),
    "minimum": binary(torch.minimum),
    "where": lambda condition, a, b: torch.where(condition, a, b),
    "astype": lambda x, dtype: x.to(torch_dtype(dtype)),
    "alias": torch.clone,
    "copy": torch.clone,
    "negative": torch.neg,
    "bitwise_invert": torch.bitwise_not,
    "equal": binary(torch.eq),
    "not_equal": binary(torch.ne),
    "less": binary(torch.lt),
    "less_equal": binary(torch.le),
    "greater": binary(torch.gt),
    "greater_equal": binary(torch.ge),
    **{name: getattr(torch, name) for name in ("abs", "sign", "square", "exp", "log", "sqrt", "tanh", "sigmoid")},
    **{name: getattr(torch, name) for name in ("rsqrt", "reciprocal", "positive", "isnan", "isfinite", "isinf")},
    "lerp": torch.lerp,
    **{name: getattr(torch, name) for name in ("logical_and", "logical_or", "logical_xor", "logical_not")},
    **{name: getattr(torch, name) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")},
    **{name: getattr(torch, name) for name in ("bitwise_left_shift", "bitwise_right_shift")},

    # made like another array
    "identity": lambda x, axis: torch.eye(x.shape[axis], dtype=x.dtype),
    "causal_mask": lambda scores: torch.ones(scores.shape[-2:], dtype=torch.bool).tril(),
    "zeros_like": lambda x, dtype=None: torch.zeros_like(x, dtype=torch_dtype(dtype)),
    "ones_like": lambda x, dtype=None: torch.ones_like(x, dtype=torch_dtype(dtype)),
    "full_like": lambda x, fill_value, dtype=None: torch.full_like(x, fill_value, dtype=torch_dtype(dtype)),
    "transfer": lambda x, device, home: x.to(device),
}
