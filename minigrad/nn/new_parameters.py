"""New parameters, and the values that they start with, as in PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

from .. import ops
from . import init
from .module import Parameter


def new_parameter(*shape: int, device: str | None = None, dtype: Any = None) -> Parameter:
    """A parameter whose values are still to be set."""
    return Parameter(ops.empty(shape, dtype=dtype or "float32", device=device or "cpu"))


def neutral_start(weight: Parameter | None, bias: Parameter | None) -> None:
    """Scale 1, shift 0: a normalisation that only normalises."""
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)


def uniform_start(parameters: Iterable[Parameter | None], fan_in: int) -> None:
    """All uniform in [-b, b), b = 1 / sqrt(fan_in), or 0 where that is 0; None is no parameter."""
    bound = 1 / sqrt(fan_in) if fan_in > 0 else 0.0
    for parameter in parameters:
        if parameter is not None:
            init.uniform_(parameter, -bound, bound)


def usual_start(weight: Parameter, bias: Parameter | None) -> None:
    """Both uniform in [-b, b), b = 1 / sqrt(fan_in of the weight)."""
    uniform_start((weight, bias), init.fans(weight)[0])
