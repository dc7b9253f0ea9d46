"""Activations as layers. `inplace` is accepted, as PyTorch's listings have it, and has no effect."""

from __future__ import annotations

from typing import Any

from . import functional as F
from . import init
from .module import Module
from .new_parameters import new_parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmax2d",
    "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]


class Plain(Module):
    """An activation without options but `inplace`."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


def options(layer: Any, *names: str) -> str:
    """The constructor's arguments of these names, and `inplace` if it was asked for."""
    texts = [f"{name}={getattr(layer, name)}" for name in names]
    return ", ".join(texts + ["inplace=True"] * bool(getattr(layer, "inplace", False)))


# --- straight pieces ------------------------------------------------------------------------------------------

class ReLU(Plain):
    """max(x, 0). Nair & Hinton 2010."""

    def forward(self, input: Any) -> Any:
        return F.relu(input)


class ReLU6(Plain):
    """min(max(x, 0), 6). Krizhevsky 2010."""

    def forward(self, input: Any) -> Any:
        return F.relu6(input)


class LeakyReLU(Module):
    """x where it is positive, else negative_slope * x. Maas et al. 2013."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Any) -> Any:
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return options(self, "negative_slope")


class PReLU(Module):
    """x where it is positive, else weight * x, the weight learned: one for all, or one for each channel.

    x (n, c, ...)   weight (num_parameters,), 1 or c of them, `init` to begin with. He et al. 2015.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: str | None = None, dtype: Any = None):
        self.num_parameters, self.init = num_parameters, init
        self.weight = new_parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """`init` everywhere."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return options(self, "num_parameters")


class RReLU(Module):
    """leaky_relu with slopes drawn from [lower, upper) in training, else with their mean. Xu et al. 2015."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False):
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Any) -> Any:
        return F.rrelu(input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return options(self, "lower", "upper")


class Hardtanh(Module):
    """x, but not below min_val, nor above max_val. min_value and max_value are old names of these."""

    old_arguments = ("min_value", "max_value")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False,
                 min_value: float | None = None, max_value: float | None = None):
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if not self.min_val < self.max_val:
            raise ValueError(f"Hardtanh: min_val must be below max_val, {self.min_val} and {self.max_val} came")

    def forward(self, input: Any) -> Any:
        return F.hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return options(self, "min_val", "max_val")


class Hardsigmoid(Plain):
    """min(max(x + 3, 0), 6) / 6. Howard et al. 2019."""

    def extra_repr(self) -> str:
        return ""                   # as PyTorch has it

    def forward(self, input: Any) -> Any:
        return F.hardsigmoid(input)


class Hardswish(Plain):
    """x * hardsigmoid(x). Howard et al. 2019."""

    def extra_repr(self) -> str:
        return ""                   # as PyTorch has it

    def forward(self, input: Any) -> Any:
        return F.hardswish(input)


class Softshrink(Module):
    """x moved by lambd towards 0, and 0 where it is nearer than that."""

    def __init__(self, lambd: float = 0.5):
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(Module):
    """x, but 0 from -lambd to lambd."""

    def __init__(self, lambd: float = 0.5):
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Threshold(Module):
    """x where it is above the threshold, else value."""

    def __init__(self, threshold: float, value: float, inplace: bool = False):
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Any) -> Any:
        return F.threshold(input, self.threshold, self.value)

    def extra_repr(self) -> str:
        return options(self, "threshold", "value")


# --- smooth ---------------------------------------------------------------------------------------------------

class ELU(Module):
    """x where it is positive, else alpha * (e^x - 1). Clevert et al. 2015."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Any:
        return F.elu(input, self.alpha)

    def extra_repr(self) -> str:
        return options(self, "alpha")


class SELU(Plain):
    """scale * elu(x, alpha), with fixed scale and alpha. Klambauer et al. 2017."""

    def forward(self, input: Any) -> Any:
        return F.selu(input)


class CELU(Module):
    """x where it is positive, else alpha * (e^(x / alpha) - 1). Barron 2017."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Any:
        return F.celu(input, self.alpha)

    def extra_repr(self) -> str:
        return options(self, "alpha")


class GELU(Module):
    """x times the probability that a normal number is below x. Hendrycks & Gimpel 2016."""

    def __init__(self, approximate: str = "none"):
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Plain):
    """x * sigmoid(x). Elfwing et al. 2017."""

    def forward(self, input: Any) -> Any:
        return F.silu(input)


class Mish(Plain):
    """x * tanh(softplus(x)). Misra 2019."""

    def forward(self, input: Any) -> Any:
        return F.mish(input)


class Softplus(Module):
    """log(1 + e^(beta * x)) / beta; x itself where beta * x > threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Any:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return options(self, "beta", "threshold")


class Softsign(Module):
    """x / (1 + |x|)"""

    def forward(self, input: Any) -> Any:
        return F.softsign(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Any) -> Any:
        return F.tanh(input)


class Tanhshrink(Module):
    """x - tanh(x)"""

    def forward(self, input: Any) -> Any:
        return F.tanhshrink(input)


class Sigmoid(Module):
    """1 / (1 + e^-x)"""

    def forward(self, input: Any) -> Any:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """log(sigmoid(x))"""

    def forward(self, input: Any) -> Any:
        return F.logsigmoid(input)


class GLU(Module):
    """The first half of x along `dim` times the sigmoid of the second. Dauphin et al. 2016."""

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, input: Any) -> Any:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return options(self, "dim")


# --- over an axis ---------------------------------------------------------------------------------------------

class OverAxis(Module):
    """What these share: `dim`, the axis of classes; None as in `functional.softmax`."""

    def __init__(self, dim: int | None = None):
        self.dim = dim

    def extra_repr(self) -> str:
        return options(self, "dim")


class Softmax(OverAxis):
    """e^x over its sum along `dim`."""

    def forward(self, input: Any) -> Any:
        return F.softmax(input, self.dim)


class Softmin(OverAxis):
    """softmax(-x) along `dim`."""

    def forward(self, input: Any) -> Any:
        return F.softmin(input, self.dim)


class LogSoftmax(OverAxis):
    """The logarithm of softmax along `dim`."""

    def forward(self, input: Any) -> Any:
        return F.log_softmax(input, self.dim)


class Softmax2d(Module):
    """softmax over the channels of images.   x (n, c, h, w) or (c, h, w); ValueError for anything else"""

    def forward(self, input: Any) -> Any:
        if len(input.shape) not in (3, 4):
            raise ValueError(f"Softmax2d: expected x (n, c, h, w) or (c, h, w), it is {input.shape}")
        return F.softmax(input, -3)
