"""Convolutional layers."""

from __future__ import annotations

from typing import Any

from ..geometry import pair
from . import functional as F
from .linear import new_parameter, usual_start
from .module import Module


class Conv2d(Module):
    """Convolution (cross-correlation) of images with out_channels filters.

    x (n, in_channels, h, w), or without n   ->   y (n, out_channels, p, q)
    p = (h + 2*padding - dilation*(kernel - 1) - 1) // stride + 1, and q likewise
    weight (out_channels, in_channels/groups, i, j)   bias (out_channels,)
    kernel_size, stride, padding, dilation: an int or a pair; padding also "same" or "valid".
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, *, device: str | None = None,
                 dtype: Any = None):
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"Conv2d: in_channels {in_channels} and out_channels {out_channels} must be multiples of "
                             f"groups {groups}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = pair(kernel_size, "Conv2d: kernel_size"), pair(stride, "Conv2d: stride")
        self.padding = padding if isinstance(padding, str) else pair(padding, "Conv2d: padding")
        self.dilation = pair(dilation, "Conv2d: dilation")
        if padding not in ("same", "valid") and isinstance(padding, str):
            raise ValueError(f"Conv2d: padding must be an int, a pair, 'same' or 'valid', {padding!r} came")
        if padding == "same" and self.stride != (1, 1):
            raise ValueError(f"Conv2d: padding 'same' needs stride 1, {stride} came")
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = new_parameter(*shape, device=device, dtype=dtype)
        self.bias = new_parameter(out_channels, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in [-b, b), b = 1 / sqrt(in_channels/groups * i * j)."""
        usual_start(self.weight, self.bias)

    def forward(self, input: Any) -> Any:
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0, 0):
            text += f", padding={self.padding!r}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if self.bias is not None else text + ", bias=False"
