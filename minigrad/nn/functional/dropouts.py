"""Dropout."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...backend import Array, device_of, using
from ...ops.creation import draw
from ...tensor import bare
from .common import has_values, is_symbol

__all__ = ["dropout"]


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Any = None) -> Any:
    """In training every element is 0 with probability p, else input / (1 - p). Srivastava et al. 2014.

    generator: by default that of the input's device. On a symbol of a graph it is a Dropout layer, which then follows
    the graph's train() and eval().
    """
    check_probability("dropout", p)
    if is_symbol(input):
        from ..dropout import Dropout  # that file imports this one

        return Dropout(p).train(training)(input)
    if not training or not has_values(input):
        return input
    return ops.dropout(input, keep_mask(input.shape, p, input, generator), p)


def keep_mask(shape: tuple[int, ...], p: float, like: Any, generator: Any) -> Array:
    """Booleans on the device of `like`, True with probability 1 - p."""
    device = device_of(bare(like))
    with using(device):
        return draw("random", shape, device=device, generator=generator) >= p


def check_probability(who: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{who}: the probability must be in [0, 1], {p} came")
