"""Activations. `inplace` is accepted, as PyTorch's listings have it, and has no effect."""

from __future__ import annotations

from typing import Any

from ... import ops

__all__ = ["elu", "leaky_relu", "log_softmax", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh"]


def relu(input: Any, inplace: bool = False) -> Any:
    """max(input, 0)"""
    return ops.relu(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """input where it is positive, else negative_slope * input. Maas et al. 2013."""
    return ops.leaky_relu(input, negative_slope)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """input where it is positive, else alpha * (e^input - 1). Clevert et al. 2015."""
    return ops.elu(input, alpha)


def silu(input: Any, inplace: bool = False) -> Any:
    """input * sigmoid(input). Elfwing et al. 2017."""
    return ops.silu(input)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + e^(beta * input)) / beta; the input itself where beta * input > threshold, as in PyTorch."""
    scaled = input if beta == 1 else ops.multiply(input, beta)
    y = ops.softplus(scaled)
    return ops.where(ops.greater(scaled, threshold), input, y if beta == 1 else ops.divide(y, beta))


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return ops.tanh(input)


def sigmoid(input: Any) -> Any:
    """1 / (1 + e^-input)"""
    return ops.sigmoid(input)


def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """e^input over its sum along `dim`. dim None: axis 0 of inputs with 0, 1 or 3 axes, else axis 1, as in PyTorch."""
    return ops.softmax(input if dtype is None else ops.astype(input, dtype), implied(input) if dim is None else dim)


def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """The logarithm of softmax, without rounding small probabilities to 0. dim as in `softmax`."""
    return ops.log_softmax(input if dtype is None else ops.astype(input, dtype), implied(input) if dim is None else dim)


def implied(input: Any) -> int:
    """The axis of classes if none is named."""
    return 0 if len(input.shape) in (0, 1, 3) else 1
