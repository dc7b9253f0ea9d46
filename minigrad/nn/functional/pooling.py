"""Pooling."""

from __future__ import annotations

from typing import Any

from ... import ops
from .common import on_batch

__all__ = ["avg_pool2d", "max_pool2d"]


def max_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False) -> Any:
    """Every window's largest: (n, c, h, w) -> (n, c, p, q), also without n; stride: by default kernel_size"""
    return on_batch(ops.max_pool2d, input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Any:
    """The mean of every window: (n, c, h, w) -> (n, c, p, q), or without n. stride: by default the kernel's."""
    if divisor_override == 0:
        raise ValueError("avg_pool2d: divisor_override must not be 0")
    return on_batch(ops.avg_pool2d, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
