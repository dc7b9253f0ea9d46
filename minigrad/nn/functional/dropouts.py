"""Dropout, of elements and of whole channels. `inplace` is accepted and has no effect.

Everywhere `generator` is by default that of the input's device. On a symbol of a graph a function makes the layer of
its name, which then follows the graph's train() and eval().
"""

from __future__ import annotations

from typing import Any
from warnings import warn

from ... import ops
from ...backend import Array, device_of, using
from ...ops.random import draw
from ...tensor import bare
from .common import has_values, is_symbol

LAYERS = {
    "alpha_dropout": "AlphaDropout", "dropout": "Dropout", "dropout1d": "Dropout1d", "dropout2d": "Dropout2d",
    "dropout3d": "Dropout3d", "feature_alpha_dropout": "FeatureAlphaDropout",
}
__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Any = None) -> Any:
    """In training every element is 0 with probability p, else input / (1 - p). Srivastava et al. 2014."""
    return dropped("dropout", ops.dropout, input, p, training, generator)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *,
              generator: Any = None) -> Any:
    """In training every channel is 0 with probability p, else input / (1 - p).

    input (n, c, l) or (c, l); ValueError for anything else. Tompson et al. 2015, section 3.2.
    """
    if len(input.shape) not in (2, 3):
        raise ValueError(f"dropout1d: expected an input (n, c, l) or (c, l), it is {input.shape}")
    return dropped("dropout1d", ops.dropout, input, p, training, generator, len(input.shape) - 1)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *,
              generator: Any = None) -> Any:
    """In training every channel is 0 with probability p, else input / (1 - p). Tompson et al. 2015, section 3.2.

    input (n, c, h, w), or any (n, c, ...), which warns: as in PyTorch, three axes are a batch (n, c, l), no image.
    """
    if len(input.shape) != 4:
        warn("dropout2d: " + ("an input of 3 axes is taken for a batch (n, c, l), not for an image (c, h, w)"
                              if len(input.shape) == 3 else "expected an input (n, c, h, w)")
             + f", it is {input.shape}", stacklevel=3)
    return dropped("dropout2d", ops.dropout, input, p, training, generator, 2)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *,
              generator: Any = None) -> Any:
    """In training every channel is 0 with probability p, else input / (1 - p).

    input (n, c, d, h, w), or without the batch (c, d, h, w); any other input counts as one without, as in PyTorch.
    """
    return dropped("dropout3d", ops.dropout, input, p, training, generator, 2 if len(input.shape) == 5 else 1)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *,
                  generator: Any = None) -> Any:
    """In training every element is, with probability p, selu's lowest value; then all is scaled and shifted so that
    mean 0 and variance 1 stay. Klambauer et al. 2017."""
    return dropped("alpha_dropout", ops.alpha_dropout, input, p, training, generator)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *,
                          generator: Any = None) -> Any:
    """alpha_dropout of whole channels.   input (n, c, ...)"""
    return dropped("feature_alpha_dropout", ops.alpha_dropout, input, p, training, generator, 2)


def dropped(who: str, op: Any, input: Any, p: float, training: bool, generator: Any, front: int | None = None) -> Any:
    """The input dropped by `op` where a random mask says so; on a symbol the layer of the function `who`.

    front: how many axes the mask has of its own, the channels the last of them; by default all, each element its own.
    """
    check_probability(who, p)
    if is_symbol(input):
        from .. import dropout as layers  # that file imports this one

        return getattr(layers, LAYERS[who])(p).train(training)(input)
    axes = len(input.shape)
    if not training or not p or 0 in input.shape:
        return input
    front = axes if front is None else front
    if front > axes and p < 1:              # where all is dropped PyTorch does not ask
        raise ValueError(f"{who}: expected an input with at least {front} axes, channels among them, it is "
                         f"{input.shape}")
    if not has_values(input):
        return input
    return op(input, keep_mask((*input.shape[:front], *[1] * (axes - front)), p, input, generator), p)


def keep_mask(shape: tuple[int, ...], p: float, like: Any, generator: Any) -> Array:
    """Booleans on the device of `like`, True with probability 1 - p."""
    device = device_of(bare(like))
    with using(device):
        return draw("random", shape, device=device, generator=generator) >= p


def check_probability(who: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{who}: the probability must be in [0, 1], {p} came")
