"""Convolutional layers, and transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..geometry import each, same_padding
from . import functional as F
from .functional.conv import conv2d_relu
from .module import Module
from .new_parameters import new_parameter, usual_start

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Convolution(Module):
    """What the convolutional layers share: their options, their parameters, how they look."""

    axes: int                       # 1 for sequences, 2 for images
    output_padding: tuple[int, ...]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: str | None = None, dtype: Any = None):
        self.set_up((in_channels, out_channels), kernel_size, stride, padding, dilation, groups, padding_mode)
        self.make_parameters(out_channels, in_channels // groups, bias, device, dtype)

    def set_up(self, channels: tuple[int, int], kernel_size: Any, stride: Any, padding: Any, dilation: Any, groups: int,
               padding_mode: str) -> None:
        """Check the options and keep them, those of each axis as tuples."""
        name = type(self).__name__
        self.in_channels, self.out_channels = channels
        if groups < 1 or self.in_channels % groups or self.out_channels % groups:
            raise ValueError(f"{name}: in_channels {self.in_channels} and out_channels {self.out_channels} must be "
                             f"multiples of groups {groups}")
        self.groups, self.padding_mode = groups, padding_mode
        self.kernel_size, self.stride = self.each(kernel_size, "kernel_size"), self.each(stride, "stride")
        self.padding: Any = padding if isinstance(padding, str) else self.each(padding, "padding")
        self.dilation, self.output_padding = self.each(dilation, "dilation"), (0,) * self.axes
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"{name}: padding must be an int, {'a pair, ' * (self.axes == 2)}'same' or 'valid', "
                             f"{padding!r} came")
        if padding == "same" and max(self.stride) > 1:
            raise ValueError(f"{name}: padding 'same' needs stride 1, {stride} came")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"{name}: padding_mode must be one of {', '.join(map(repr, PADDING_MODES))}, "
                             f"{padding_mode!r} came")

    def each(self, value: Any, what: str) -> tuple[int, ...]:
        """An int, alone for all axes or one for each, as a tuple with one for each."""
        return each(value, self.axes, f"{type(self).__name__}: {what}")

    def make_parameters(self, first: int, second: int, bias: bool, device: str | None, dtype: Any) -> None:
        """weight (first, second, *kernel_size), bias (out_channels,)"""
        self.weight = new_parameter(first, second, *self.kernel_size, device=device, dtype=dtype)
        self.bias = new_parameter(self.out_channels, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in [-b, b), b = 1 / sqrt(length of the weight's second axis * prod(kernel_size))."""
        usual_start(self.weight, self.bias)

    def padded(self, input: Any) -> tuple[Any, Any]:
        """The input, and the padding that is left to do: with a padding_mode other than "zeros", none."""
        if self.padding_mode == "zeros":
            return input, self.padding
        if self.padding == "same":
            ends = same_padding(self.kernel_size, self.dilation)
        else:
            ends = tuple([(n, n) for n in ((0,) * self.axes if self.padding == "valid" else self.padding)])
        return F.pad(input, [n for before_and_after in reversed(ends) for n in before_and_after], self.padding_mode), 0

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.axes:
            text += f", padding={self.padding!r}"
        if self.dilation != (1,) * self.axes:
            text += f", dilation={self.dilation}"
        if any(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else text + f", padding_mode={self.padding_mode!r}"


class Conv1d(Convolution):
    """Convolution (cross-correlation) of sequences with out_channels filters.

    x (n, in_channels, l), or without n   ->   y (n, out_channels, p)
    p = (l + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1
    weight (out_channels, in_channels/groups, i)   bias (out_channels,)
    padding also "same" or "valid". padding_mode, what is around: "zeros", "reflect", "replicate", "circular".
    """

    axes = 1

    def forward(self, input: Any) -> Any:
        input, padding = self.padded(input)
        return F.conv1d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(Convolution):
    """Convolution (cross-correlation) of images with out_channels filters.

    x (n, in_channels, h, w), or without n   ->   y (n, out_channels, p, q)
    p = (h + 2*padding - dilation*(kernel - 1) - 1) // stride + 1, and q likewise
    weight (out_channels, in_channels/groups, i, j)   bias (out_channels,)
    kernel_size, stride, padding, dilation: an int or a pair; padding also "same" or "valid".
    padding_mode, what is around: "zeros", "reflect", "replicate", "circular".
    """

    axes = 2

    def forward(self, input: Any) -> Any:
        return self.convolved(F.conv2d, input)

    def then_relu(self, input: Any) -> Any:
        """relu(forward(input)) in one pass: what a graph runs in place of the two."""
        return self.convolved(conv2d_relu, input)

    def convolved(self, conv: Any, input: Any) -> Any:
        """The result of `conv` with the layer's parameters and options."""
        input, padding = self.padded(input)
        return conv(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class TransposedConvolution(Convolution):
    """What the transposed ones share beside: output_padding, or in its place the size of the output."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
                 padding_mode: str = "zeros", device: str | None = None, dtype: Any = None):
        self.set_up((in_channels, out_channels), kernel_size, stride, padding, dilation, groups, padding_mode)
        self.set_up_transposed(output_padding, padding_mode)
        self.make_parameters(in_channels, out_channels // groups, bias, device, dtype)

    def set_up_transposed(self, output_padding: Any, padding_mode: str) -> None:
        """Keep output_padding, and refuse what transposed convolutions do not have."""
        name = type(self).__name__
        self.output_padding = self.each(output_padding, "output_padding")
        if isinstance(self.padding, str):
            raise ValueError(f"{name}: padding must be an int{' or a pair' * (self.axes == 2)}, {self.padding!r} came")
        if padding_mode != "zeros":
            raise ValueError(f"{name}: padding_mode must be 'zeros', {padding_mode!r} came")

    def output_padding_for(self, input: Any, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """What is wanting between the smallest output and output_size, which may have batch and channels in front."""
        if output_size is None:
            return self.output_padding
        ahead, name = len(input.shape) - self.axes, type(self).__name__
        wanted = tuple(output_size)[-self.axes:]
        if len(output_size) not in (self.axes, self.axes + ahead):
            raise ValueError(f"{name}: output_size must have {self.axes} numbers, or {self.axes + ahead} with those in "
                             f"front, {tuple(output_size)} came")
        smallest = [(p - 1) * s - 2 * o + d * (k - 1) + 1 for p, s, o, d, k in zip(
            input.shape[ahead:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True)]
        largest = [n + s - 1 for n, s in zip(smallest, self.stride, strict=True)]
        if any([not a <= n <= b for n, a, b in zip(wanted, smallest, largest, strict=True)]):
            raise ValueError(f"{name}: output_size must be from {tuple(smallest)} to {tuple(largest)} for an input of "
                             f"{tuple(input.shape[ahead:])}, {wanted} came")
        return tuple([n - a for n, a in zip(wanted, smallest, strict=True)])


class ConvTranspose1d(TransposedConvolution):
    """The transpose of Conv1d, which makes sequences longer: every element paints out_channels filters.

    x (n, in_channels, p), or without n   ->   y (n, out_channels, l)
    l = (p - 1)*stride - 2*padding + dilation*(kernel_size - 1) + 1 + output_padding
    weight (in_channels, out_channels/groups, i)   bias (out_channels,)
    `layer(x, output_size)` chooses the output_padding that gives this l.
    """

    axes = 1

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Any:
        return F.conv_transpose1d(input, self.weight, self.bias, self.stride, self.padding,
                                  self.output_padding_for(input, output_size), self.groups, self.dilation)


class ConvTranspose2d(TransposedConvolution):
    """The transpose of Conv2d, which makes images larger: every pixel paints out_channels filters.

    x (n, in_channels, p, q), or without n   ->   y (n, out_channels, h, w)
    h = (p - 1)*stride - 2*padding + dilation*(kernel - 1) + 1 + output_padding, and w likewise
    weight (in_channels, out_channels/groups, i, j)   bias (out_channels,)
    `layer(x, output_size)` chooses the output_padding that gives (h, w) = output_size.
    """

    axes = 2

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Any:
        return F.conv_transpose2d(input, self.weight, self.bias, self.stride, self.padding,
                                  self.output_padding_for(input, output_size), self.groups, self.dilation)
