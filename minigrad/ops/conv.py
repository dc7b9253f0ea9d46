"""Convolution. Its transpose is in conv_transpose.py."""

from __future__ import annotations

from typing import Any

from ..fused import fused
from ..geometry import as_image, geometry
from .activations import relu
from .kernels import kernel
from .shape import expand_dims, reshape, squeeze
from .windows import check_batch, unfold

__all__ = ["conv1d", "conv2d", "conv2d_relu"]


@fused
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide k filters over a batch of images (cross-correlation, as everybody's convolution layer).

    x (n, c, h, w)   weight (k, c/groups, i, j)   bias (k,)   ->   y (n, k, p, q)
    p = (h + 2*padding - dilation*(i - 1) - 1) // stride + 1, and q likewise. stride, padding, dilation: an int or a
    pair.
    With groups, filter block number f of as many sees only channel block f.
    Raises ValueError for shapes that do not fit together, and for a window larger than the padded image.
    Source: im2col, Chellapilla et al. 2006.
    """
    (n, _, h, w), (k, c_in, i, j) = x.shape, weight.shape
    p, q = geometry((h, w), (i, j), stride, padding, dilation)[-1]
    columns = unfold(x, (i, j), stride, padding, dilation)                  # (n, c*i*j, p*q)
    columns = reshape(columns, (n, groups, c_in * i * j, p * q))
    filters = reshape(weight, (groups, k // groups, c_in * i * j))
    y = filters @ columns                                                   # (f, k/f, cij) (n, f, cij, pq)
    y = reshape(y, (n, k, p, q))                                            # from (n, f, k/f, pq)
    return y if bias is None else y + reshape(bias, (1, k, 1, 1))

conv2d.rules(
    x="gx = fold(weight^T g): every window gets back what the filters took from it",
    weight="gweight = g columns^T, summed over the batch and all positions",
    bias="gbias = g, summed over the batch and all positions",
)


@fused
def conv2d_relu(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """relu(conv2d(...)), in one pass over memory: what a graph runs in place of the two.

    Shapes, arguments and errors are conv2d's.
    """
    return relu(conv2d(x, weight, bias, stride, padding, dilation, groups))

conv2d_relu.rules(
    x="gx = fold(weight^T h), h = g where y > 0, else 0",
    weight="gweight = h columns^T, summed over the batch and all positions",
    bias="gbias = h, summed over the batch and all positions",
)


@fused
def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide k filters along a batch of sequences: conv2d of images of height 1.

    x (n, c, l)   weight (k, c/groups, i)   bias (k,)   ->   y (n, k, p)
    p = (l + 2*padding - dilation*(i - 1) - 1) // stride + 1
    Raises ValueError for shapes that do not fit together, and for a window longer than the padded sequence.
    """
    s, o, d = as_image((stride, "stride", 1), (padding, "padding", 0), (dilation, "dilation", 1))
    image, filters = expand_dims(x, 2), expand_dims(weight, 2)              # (n, c, 1, l) and (k, c/f, 1, i)
    return squeeze(conv2d(image, filters, bias, s, o, d, groups), 2)

conv1d.rules(
    x="gx = fold(weight^T g): every window gets back what the filters took from it",
    weight="gweight = g columns^T, summed over the batch and all positions",
    bias="gbias = g, summed over the batch and all positions",
)


def check_conv(what: str, window: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
               groups: int) -> None:
    """Errors for shapes that do not fit together. window: the axes of a kernel, by their letters."""
    check_batch(what, x, len(window))
    shapes = f"(x {x.shape}, weight {weight.shape})"
    if len(weight.shape) != 2 + len(window):
        raise ValueError(f"{what}: weight must be (k, c/groups, {', '.join(window)}) {shapes}")
    c, (k, c_in) = x.shape[1], weight.shape[:2]
    if groups < 1 or k % groups or not k:
        raise ValueError(f"{what}: {k} output channels cannot be divided into {groups} groups {shapes}")
    if c != c_in * groups:
        each_group = f" ({c_in} for each of {groups} groups)" if groups > 1 else ""
        raise ValueError(f"{what}: weight expects {c_in * groups} input channels{each_group}, x has {c} {shapes}")
    check_bias(what, bias, k, shapes)
    if 0 in x.shape[2:] and 0 not in x.shape[:2]:
        raise ValueError(f"{what}: only the batch may be empty {shapes}")
    geometry(x.shape[2:], weight.shape[2:], stride, padding, dilation)


def check_bias(what: str, bias: Any, k: int, shapes: str) -> None:
    found = getattr(bias, "shape", bias)                                    # a number may come: the stride, misplaced
    if bias is not None and found != (k,):
        raise ValueError(f"{what}: bias must be ({k},), one for each output channel, it is {found} {shapes}")


conv1d.checked_by(lambda *args: check_conv("conv1d", "i", *args))
conv2d.checked_by(lambda *args: check_conv("conv2d", "ij", *args))
conv2d_relu.checked_by(lambda *args: check_conv("conv2d_relu", "ij", *args))
kernel(conv2d, "numpy", "conv_batch_last")
kernel(conv2d, "numpy", "winograd", is_exact=False)
kernel(conv2d, "numpy", "conv")
kernel(conv2d_relu, "numpy", "conv_batch_last")
kernel(conv2d_relu, "numpy", "winograd", is_exact=False)
kernel(conv2d_relu, "numpy", "conv")
