"""Pooling layers."""

from __future__ import annotations

from typing import Any

from ..geometry import each
from . import functional as F
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d",
    "LPPool1d", "LPPool2d", "MaxPool1d", "MaxPool2d", "MaxUnpool1d", "MaxUnpool2d",
]

# --- the largest ----------------------------------------------------------------------------------------------

class MaxPool(Module):
    """The largest element of every window.

    kernel_size, stride (by default kernel_size), padding, dilation: an int, or one for each axis. return_indices: also
    where they are, for max unpooling. ceil_mode rounds the number of windows up.
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 return_indices: bool = False, ceil_mode: bool = False):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def options(self) -> tuple:
        """What the function takes after its input, in its order."""
        return (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(MaxPool):
    """Max pooling of sequences x (n, c, l), or without n -> (n, c, p)."""

    __doc__ = f"{__doc__}\n\n{MaxPool.__doc__}"

    def forward(self, input: Any) -> Any:
        return F.max_pool1d(input, *self.options())


class MaxPool2d(MaxPool):
    """Max pooling of images x (n, c, h, w), or without n -> (n, c, p, q)."""

    __doc__ = f"{__doc__}\n\n{MaxPool.__doc__}"

    def forward(self, input: Any) -> Any:
        return F.max_pool2d(input, *self.options())


class MaxUnpool(Module):
    """indices: what the max pooling gave beside x with return_indices=True. output_size, of the call: where inputs of
    several sizes are pooled to that of x, which one it was. kernel_size, stride (by default kernel_size), padding: as
    in the pooling.
    """

    axes: int                   # 1 for sequences, 2 for images

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0):
        name = type(self).__name__
        self.kernel_size = each(kernel_size, self.axes, f"{name}: kernel_size")
        self.stride = self.kernel_size if stride is None else each(stride, self.axes, f"{name}: stride")
        self.padding = each(padding, self.axes, f"{name}: padding")

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(MaxUnpool):
    """What MaxPool1d found, put back where it was, zeros elsewhere: x (n, c, p), or without n -> (n, c, l)."""

    __doc__ = f"{__doc__}\n\n{MaxUnpool.__doc__}"
    axes = 1

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(MaxUnpool):
    """What MaxPool2d found, put back where it was, zeros elsewhere: x (n, c, p, q), or without n -> (n, c, h, w)."""

    __doc__ = f"{__doc__}\n\n{MaxUnpool.__doc__}"
    axes = 2

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


# --- the mean, and other norms --------------------------------------------------------------------------------

class AvgPool1d(Module):
    """The mean of every window: x (n, c, l), or without n -> (n, c, p).

    ceil_mode rounds p up. Zeros of the padding count unless count_include_pad=False.
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True):
        self.kernel_size = each(kernel_size, 1, "AvgPool1d: kernel_size")
        self.stride = self.kernel_size if stride is None else each(stride, 1, "AvgPool1d: stride")
        self.padding = each(padding, 1, "AvgPool1d: padding")
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Any) -> Any:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of every window: x (n, c, h, w), or without n -> (n, c, p, q).

    kernel_size, stride (by default kernel_size), padding: an int or a pair. ceil_mode rounds p and q up. Zeros of the
    padding count unless count_include_pad=False. divisor_override: divide every sum by this instead.
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Any) -> Any:
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
                            self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class LPPool(Module):
    """(sum of x^norm_type)^(1/norm_type) of every window; stride: by default kernel_size. ceil_mode rounds the number
    of windows up."""

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False):
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


class LPPool1d(LPPool):
    """Power-average pooling of sequences x (n, c, l), or without n -> (n, c, p)."""

    __doc__ = f"{__doc__}\n\n{LPPool.__doc__}"

    def forward(self, input: Any) -> Any:
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(LPPool):
    """Power-average pooling of images x (n, c, h, w), or without n -> (n, c, p, q)."""

    __doc__ = f"{__doc__}\n\n{LPPool.__doc__}"

    def forward(self, input: Any) -> Any:
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


# --- as many windows as are asked for ---------------------------------------------------------------------------

class AdaptivePool(Module):
    """What adaptive pooling layers share: output_size, an int, or one or None (as large as the input) for each axis."""

    def __init__(self, output_size: Any):
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(AdaptivePool):
    """The means of output_size windows spread over the whole input: x (n, c, l), or without n -> (n, c, p)."""

    def forward(self, input: Any) -> Any:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(AdaptivePool):
    """The means of windows spread over the whole input: x (n, c, h, w), or without n -> (n, c, p, q).

    output_size: an int or a pair, in which None is the input's size; 1 is global average pooling.
    """

    def forward(self, input: Any) -> Any:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool(AdaptivePool):
    """The same of the largest; return_indices: also where they are."""

    def __init__(self, output_size: Any, return_indices: bool = False):
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """The largest of output_size windows spread over the whole input: x (n, c, l), or without n -> (n, c, p).

    return_indices: also where they are.
    """

    def forward(self, input: Any) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """The largest of windows spread over the whole input: x (n, c, h, w), or without n -> (n, c, p, q).

    output_size: an int or a pair, in which None is the input's size. return_indices: also row * w + column of each.
    """

    def forward(self, input: Any) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)
