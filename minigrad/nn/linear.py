"""Linear layers, and those that only change the shape."""

from __future__ import annotations

from math import sqrt
from typing import Any

from .. import ops
from . import functional as F
from . import init
from .module import Module, Parameter


def new_parameter(*shape: int, device: str | None = None, dtype: Any = None) -> Parameter:
    """A parameter whose values are still to be set."""
    return Parameter(ops.empty(shape, dtype=dtype or "float32", device=device or "cpu"))


def neutral_start(weight: Parameter | None, bias: Parameter | None) -> None:
    """Scale 1, shift 0: a normalisation that only normalises."""
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)


def usual_start(weight: Parameter, bias: Parameter | None) -> None:
    """Both uniform in [-b, b), b = 1 / sqrt(fan_in), as in PyTorch."""
    bound = 1 / sqrt(max(init.fans(weight)[0], 1))
    init.uniform_(weight, -bound, bound)
    if bias is not None:
        init.uniform_(bias, -bound, bound)


class Linear(Module):
    """y = x weight^T + bias.

    x (..., in_features)   weight (out_features, in_features)   bias (out_features,)   ->   y (..., out_features)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: str | None = None,
                 dtype: Any = None):
        self.in_features, self.out_features = in_features, out_features
        self.weight = new_parameter(out_features, in_features, device=device, dtype=dtype)
        self.bias = new_parameter(out_features, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in [-b, b), b = 1 / sqrt(in_features)."""
        usual_start(self.weight, self.bias)

    def forward(self, input: Any) -> Any:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """The axes from start_dim to end_dim, both included, made one: (n, c, h, w) -> (n, c*h*w)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        return ops.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """Its input. Arguments of whatever layer it stands in for are accepted and ignored."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def forward(self, input: Any) -> Any:
        return input
