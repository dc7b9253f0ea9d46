"""Linear layers, and those that only change the shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from .. import ops
from ..misuse import is_int
from . import functional as F
from .module import Module
from .new_parameters import new_parameter, uniform_start, usual_start

__all__ = ["Bilinear", "Flatten", "Identity", "Linear", "Unflatten"]


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


class Bilinear(Module):
    """y[k] = x1^T weight[k] x2 + bias[k].

    x1 (..., in1_features)   x2 (..., in2_features)   weight (out_features, in1_features, in2_features)
    bias (out_features,)   ->   y (..., out_features)
    """

    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
                 device: str | None = None, dtype: Any = None):
        if in1_features <= 0:
            raise ValueError(f"Bilinear: in1_features must be positive, {in1_features} came")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = new_parameter(out_features, in1_features, in2_features, device=device, dtype=dtype)
        self.bias = new_parameter(out_features, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in [-b, b), b = 1 / sqrt(in1_features)."""
        uniform_start((self.weight, self.bias), self.in1_features)

    def forward(self, input1: Any, input2: Any) -> Any:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
                f"out_features={self.out_features}, bias={self.bias is not None}")


class Flatten(Module):
    """The axes from start_dim to end_dim, both included, made one: (n, c, h, w) -> (n, c*h*w)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        return ops.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis `dim` made several: Unflatten(1, (c, h, w)) makes (n, c*h*w) -> (n, c, h, w). A size may be -1."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]):
        if not isinstance(unflattened_size, (tuple, list)) or not all([is_int(n) for n in (dim, *unflattened_size)]):
            raise TypeError(f"Unflatten: expected an int and a tuple of ints, {dim!r} and {unflattened_size!r} came")
        if not unflattened_size:
            raise ValueError("Unflatten: unflattened_size is empty: an axis is made of at least one")
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Any) -> Any:
        shape, sizes = input.shape, tuple(self.unflattened_size)
        if not -len(shape) <= self.dim < len(shape):
            raise IndexError(f"Unflatten: dim {self.dim} of an input of shape {shape}")
        dim = self.dim % len(shape)
        known = prod([n for n in sizes if n != -1])
        if -1 in sizes and known:
            sizes = tuple([shape[dim] // known if n == -1 else n for n in sizes])
        if min(sizes, default=0) < 0 or prod(sizes) != shape[dim]:
            raise ValueError(f"Unflatten: axis {self.dim} has {shape[dim]} elements, which do not make "
                             f"{self.unflattened_size} (input {shape})")
        return ops.reshape(input, (*shape[:dim], *sizes, *shape[dim + 1:]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Identity(Module):
    """Its input. Arguments of whatever layer it stands in for are accepted and ignored."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def get_config(self) -> dict[str, Any]:
        return {}

    def forward(self, input: Any) -> Any:
        return input
