"""Convolution."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...geometry import pair
from .common import on_batch
from .vision import pad

__all__ = ["conv2d"]


def conv2d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Any:
    """Convolution (cross-correlation) of images (n, c, h, w), or one image (c, h, w), with weight (k, c/groups, i, j).

    padding: an int, a pair, "valid" (none) or "same" (output as large as the input; wants stride 1; what cannot be
    halved goes to the right and the bottom).
    """
    if isinstance(padding, str):
        input, padding = padded_by_name(input, weight.shape[2:], stride, padding, dilation)
    return on_batch(ops.conv2d, input, weight, bias, stride, padding, dilation, groups)


def padded_by_name(input: Any, kernel: Any, stride: Any, padding: str, dilation: Any) -> tuple[Any, tuple[int, int]]:
    """The padding that "same" or "valid" names, and the input, already padded by what one side needs more."""
    if padding == "valid":
        return input, (0, 0)
    if padding != "same":
        raise ValueError(f"conv2d: padding must be an int, a pair, 'same' or 'valid', {padding!r} came")
    if pair(stride, "stride") != (1, 1):
        raise ValueError(f"conv2d: padding 'same' needs stride 1, {stride} came: the output would be smaller")
    bottom, right = [d * (k - 1) % 2 for d, k in zip(pair(dilation, "dilation"), kernel, strict=True)]
    if bottom or right:
        input = pad(input, (0, right, 0, bottom))
    top, left = [d * (k - 1) // 2 for d, k in zip(pair(dilation, "dilation"), kernel, strict=True)]
    return input, (top, left)
