"""Activations. `inplace` is accepted, as PyTorch's listings have it, and has no effect."""

from __future__ import annotations

from typing import Any
from warnings import warn

from ... import ops
from ...backend import device_of, using
from ...ops.random import draw
from ...tensor import bare
from .common import has_values, is_symbol

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax",
    "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmax", "softmin",
    "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]

# --- straight pieces ------------------------------------------------------------------------------------------


def relu(input: Any, inplace: bool = False) -> Any:
    """max(input, 0)"""
    return ops.relu(input)


def relu6(input: Any, inplace: bool = False) -> Any:
    """min(max(input, 0), 6). Krizhevsky 2010."""
    return ops.hardtanh(input, 0, 6)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """input where it is positive, else negative_slope * input. Maas et al. 2013."""
    return ops.leaky_relu(input, negative_slope)


def prelu(input: Any, weight: Any) -> Any:
    """input where it is positive, else weight * input.   input (n, c, ...)   weight (1,) or (c,). He et al. 2015."""
    return ops.prelu(input, weight)


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False, *,
          generator: Any = None) -> Any:
    """leaky_relu with a slope for every element, drawn evenly from [lower, upper) in training; else with their mean.

    generator: by default that of the input's device. On a symbol of a graph it is an RReLU layer. Xu et al. 2015.
    """
    if lower > upper:
        raise ValueError(f"rrelu: lower must not be above upper, {lower} and {upper} came")
    if is_symbol(input):
        from ..activation import RReLU  # that file imports this one

        return RReLU(lower, upper).train(training)(input)
    if not training or not has_values(input):
        return ops.leaky_relu(input, (lower + upper) / 2)
    device = device_of(bare(input))
    with using(device):
        slopes = draw("random", input.shape, input.dtype, device, generator) * (upper - lower) + lower
        slopes = slopes.astype(input.dtype, copy=False)
    return ops.leaky_relu(input, slopes)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """input, but not below min_val, nor above max_val."""
    return ops.hardtanh(input, min_val, max_val)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """min(max(input + 3, 0), 6) / 6. Howard et al. 2019."""
    return ops.hardsigmoid(input)


def hardswish(input: Any, inplace: bool = False) -> Any:
    """input * hardsigmoid(input). Howard et al. 2019."""
    return ops.hardswish(input)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """input moved by lambd towards 0, and 0 where it is nearer than that."""
    return ops.softshrink(input, lambd)


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """input, but 0 from -lambd to lambd."""
    return ops.hardshrink(input, lambd)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """input where it is above the threshold, else value."""
    return ops.threshold(input, threshold, value)


# --- smooth ---------------------------------------------------------------------------------------------------

def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """input where it is positive, else alpha * (e^input - 1). Clevert et al. 2015."""
    return ops.elu(input, alpha)


def selu(input: Any, inplace: bool = False) -> Any:
    """scale * elu(input, alpha), with fixed scale and alpha. Klambauer et al. 2017."""
    return ops.selu(input)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """input where it is positive, else alpha * (e^(input / alpha) - 1). Barron 2017."""
    return ops.celu(input, alpha)


def gelu(input: Any, approximate: str = "none") -> Any:
    """input times the probability that a normal number is below it; approximate="tanh" is faster. Hendrycks 2016."""
    return ops.gelu(input, approximate)


def silu(input: Any, inplace: bool = False) -> Any:
    """input * sigmoid(input). Elfwing et al. 2017."""
    return ops.silu(input)


def mish(input: Any, inplace: bool = False) -> Any:
    """input * tanh(softplus(input)). Misra 2019."""
    return ops.mish(input)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + e^(beta * input)) / beta; the input itself where beta * input > threshold, as in PyTorch.

    minigrad.softplus has no threshold unless one is given: it is exact everywhere.
    """
    return ops.softplus(input, beta, threshold)


def softsign(input: Any) -> Any:
    """input / (1 + |input|)"""
    return ops.softsign(input)


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return ops.tanh(input)


def tanhshrink(input: Any) -> Any:
    """input - tanh(input)"""
    return ops.tanhshrink(input)


def sigmoid(input: Any) -> Any:
    """1 / (1 + e^-input)"""
    return ops.sigmoid(input)


def logsigmoid(input: Any) -> Any:
    """log(sigmoid(input))"""
    return ops.logsigmoid(input)


def glu(input: Any, dim: int = -1) -> Any:
    """The first half of the input along `dim` times the sigmoid of the second. Dauphin et al. 2016."""
    return ops.glu(input, dim)


# --- over an axis ---------------------------------------------------------------------------------------------

def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """e^input over its sum along `dim`.

    dim None: axis 0 of inputs with 0, 1 or 3 axes, else axis 1, and a warning, as in PyTorch. dtype: what the input is
    converted to first.
    """
    return ops.softmax(converted(input, dtype), implied("softmax", input) if dim is None else dim)


def softmin(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """softmax(-input). dim and dtype as in `softmax`."""
    return ops.softmin(converted(input, dtype), implied("softmin", input) if dim is None else dim)


def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """The logarithm of softmax, without rounding small probabilities to 0. dim and dtype as in `softmax`."""
    return ops.log_softmax(converted(input, dtype), implied("log_softmax", input) if dim is None else dim)


def converted(input: Any, dtype: Any) -> Any:
    return input if dtype is None else ops.astype(input, dtype)


def implied(name: str, input: Any) -> int:
    """The axis of classes if none is named; it warns that this is a guess."""
    axis = 0 if len(input.shape) in (0, 1, 3) else 1
    warn(f"{name}: dim is not given, axis {axis} is taken for an input {input.shape}", stacklevel=4)
    return axis
