"""What several architectures share: channels times a width, blocks of a depth, and first values."""

from __future__ import annotations

from math import isfinite
from typing import Any

from .. import nn


def scaled(channels: int, width: float, multiple: int = 1) -> int:
    """width * channels, rounded to a multiple, which is also the least: scaled(64, 0.25) is 16.

    Raises ValueError for a width that is no finite number above 0.
    """
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0 < width or not isfinite(width):
        raise ValueError(f"width multiplies the channels: expected a number above 0, as 0.5, {width!r} came")
    return max(multiple, round(channels * width / multiple) * multiple)


def repeats(depth: int, each: int, others: int, what: str) -> int:
    """m, where depth = each * m + others: how many blocks of `each` layers a network of so many layers has.

    Raises ValueError, beginning with `what`, for a depth that no m has.
    """
    m, rest = divmod(depth - others, each)
    if rest or m < 1:
        first = ", ".join([str(each * i + others) for i in (1, 2, 3)])
        raise ValueError(f"{what} has {each}m + {others} layers, {first} and so on: a depth of {depth} came")
    return m


def kaiming(model: nn.Module, mode: str = "fan_in") -> None:
    """Weights of convolutions normal with variance 2 / fan, their biases 0; linear layers stay as they are.

    He et al. 2015, Delving deep into rectifiers, equation 10; with mode "fan_out" equation 14.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def gaussian(model: nn.Module, std: float, kinds: Any = (nn.Conv2d, nn.Linear)) -> None:
    """Weights of convolutions and linear layers, or of one kind, normal with this standard deviation, biases 0."""
    for layer in model.modules():
        if isinstance(layer, kinds):
            nn.init.normal_(layer.weight, 0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
