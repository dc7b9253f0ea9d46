"""Convolution and its transpose."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...geometry import each, same_padding
from .padding import pad

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


def conv1d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Any:
    """Convolution (cross-correlation) of sequences (n, c, l), or one (c, l), with weight (k, c/groups, i).

    padding: an int, "valid" (none) or "same" (output as long as the input; wants stride 1; what cannot be halved goes
    to the end).
    """
    input, padding = padded_by_name("conv1d", input, weight.shape[2:], stride, padding, dilation)
    return on_batch(ops.conv1d, input, weight, bias, stride, padding, dilation, groups)


def conv2d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Any:
    """Convolution (cross-correlation) of images (n, c, h, w), or one image (c, h, w), with weight (k, c/groups, i, j).

    padding: an int, a pair, "valid" (none) or "same" (output as large as the input; wants stride 1; what cannot be
    halved goes to the right and the bottom).
    """
    return convolved(ops.conv2d, input, weight, bias, stride, padding, dilation, groups)


def conv2d_relu(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                groups: int = 1) -> Any:
    """relu(conv2d(...)) in one pass."""
    return convolved(ops.conv2d_relu, input, weight, bias, stride, padding, dilation, groups)


def convolved(op: Any, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
              groups: int) -> Any:
    """An op like conv2d on images or one image, the padding also by name."""
    input, padding = padded_by_name("conv2d", input, weight.shape[2:], stride, padding, dilation)
    return on_batch(op, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Any:
    """The transpose of conv1d: input (n, c, p), or (c, p), and weight (c, k/groups, i) -> (n, k, l).

    l = (p - 1)*stride - 2*padding + dilation*(i - 1) + 1 + output_padding
    """
    return on_batch(ops.conv_transpose1d, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Any:
    """The transpose of conv2d: input (n, c, p, q), or (c, p, q), and weight (c, k/groups, i, j) -> (n, k, h, w).

    h = (p - 1)*stride - 2*padding + dilation*(i - 1) + 1 + output_padding, and w likewise.
    """
    return on_batch(ops.conv_transpose2d, input, weight, bias, stride, padding, output_padding, groups, dilation)


def on_batch(op: Any, input: Any, weight: Any, *args: Any) -> Any:
    """The op on a batch; a single image or sequence, which has an axis less than the weight, is a batch of one."""
    if len(input.shape) == len(weight.shape) - 1:
        return ops.squeeze(op(ops.expand_dims(input, 0), weight, *args), 0)
    return op(input, weight, *args)


def padded_by_name(what: str, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Any, Any]:
    """The padding that "same" or "valid" names, and the input, already padded by what one side needs more."""
    if not isinstance(padding, str):
        return input, padding
    if padding == "valid":
        return input, 0
    axes = len(kernel)
    if padding != "same":
        raise ValueError(f"{what}: padding must be an int, {'a pair, ' * (axes == 2)}'same' or 'valid', "
                         f"{padding!r} came")
    if each(stride, axes, "stride") != (1,) * axes:
        raise ValueError(f"{what}: padding 'same' needs stride 1, {stride} came: the output would be smaller")
    ends = same_padding(kernel, each(dilation, axes, "dilation"))
    if any([after > before for before, after in ends]):
        input = pad(input, tuple([n for before, after in reversed(ends) for n in (0, after - before)]))
    return input, tuple([before for before, _ in ends])
