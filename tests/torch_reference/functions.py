"""Exponentials, trigonometry, the error function, rounding and bounds."""

import torch

from .elementwise import binary


def clip(x, min=None, max=None):
    """PyTorch wants both bounds to be numbers or both tensors."""
    if isinstance(min, torch.Tensor) or isinstance(max, torch.Tensor):
        min, max = [None if bound is None else torch.as_tensor(bound, dtype=x.dtype) for bound in (min, max)]
    return torch.clamp(x, min, max)


TORCH = {
    **{name: getattr(torch, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: getattr(torch, name) for name in ("sinh", "cosh", "asinh", "acosh", "atanh")},
    **{name: getattr(torch, name) for name in ("exp2", "expm1", "log1p", "log2", "log10", "erf", "erfc")},
    **{name: binary(getattr(torch, name)) for name in ("atan2", "hypot", "logaddexp", "copysign")},
    **{name: getattr(torch, name) for name in ("floor", "ceil", "trunc")},
    "round": lambda x, decimals=0: torch.round(x, decimals=decimals),
    "clip": clip,
}
