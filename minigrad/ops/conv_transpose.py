"""Transposed convolution: what convolution's gradient does, as a forward. Convolution is in conv.py."""

from __future__ import annotations

from typing import Any

from ..fused import fused
from ..geometry import as_image, transposed
from .conv import check_bias
from .kernels import kernel
from .padding import pad
from .shape import expand_dims, reshape, squeeze, swapaxes
from .windows import check_batch, fold

__all__ = ["conv_transpose1d", "conv_transpose2d"]


@fused
def conv_transpose2d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Every pixel paints a filter, times its value, onto a larger image: the transpose of conv2d.

    x (n, c, p, q)   weight (c, k/groups, i, j)   bias (k,)   ->   y (n, k, h, w)
    h = (p - 1)*stride - 2*padding + dilation*(i - 1) + 1 + output_padding, and w likewise. stride, padding,
    output_padding, dilation: an int or a pair. padding is cut off; output_padding, smaller than stride or dilation,
    tells apart the sizes that conv2d with this stride brings to p.
    Raises ValueError for shapes that do not fit together, and where nothing is left.
    Source: Zeiler et al., Deconvolutional networks, 2010; Dumoulin and Visin, A guide to convolution arithmetic, 2016.
    """
    (n, c, p, q), (_, k, i, j) = x.shape, weight.shape                      # k: of one group
    _, s, (top, left), d, covered, (h, w) = transposed((p, q), (i, j), stride, padding, output_padding, dilation)
    filters = reshape(weight, (groups, c // groups, k * i * j))
    pixels = reshape(x, (n, groups, c // groups, p * q))
    columns = swapaxes(filters, 1, 2) @ pixels                              # (f, kij, c/f) (n, f, c/f, pq)
    columns = reshape(columns, (n, groups * k * i * j, p * q))
    y = fold(columns, covered, (i, j), s, 0, d)                             # (n, k*f, *covered)
    beyond = [max(0, o + size - m) for o, size, m in zip((top, left), (h, w), covered, strict=True)]
    y = pad(y, ((0, 0), (0, 0), (0, beyond[0]), (0, beyond[1]))) if any(beyond) else y
    y = y[:, :, top:top + h, left:left + w]
    return y if bias is None else y + reshape(bias, (1, groups * k, 1, 1))

conv_transpose2d.rules(
    x="gx = weight g's columns: conv2d of g with the same weight",
    weight="gweight = x g's columns^T, summed over the batch and all positions",
    bias="gbias = g, summed over the batch and all positions",
)


@fused
def conv_transpose1d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The transpose of conv1d: conv_transpose2d of images of height 1.

    x (n, c, p)   weight (c, k/groups, i)   bias (k,)   ->   y (n, k, l)
    l = (p - 1)*stride - 2*padding + dilation*(i - 1) + 1 + output_padding
    Raises ValueError for shapes that do not fit together, and where nothing is left.
    """
    s, o, d = as_image((stride, "stride", 1), (padding, "padding", 0), (dilation, "dilation", 1))
    (extra,) = as_image((output_padding, "output_padding", 0))
    image, filters = expand_dims(x, 2), expand_dims(weight, 2)              # (n, c, 1, p) and (c, k/f, 1, i)
    return squeeze(conv_transpose2d(image, filters, bias, s, o, extra, groups, d), 2)

conv_transpose1d.rules(
    x="gx = weight g's columns: conv1d of g with the same weight",
    weight="gweight = x g's columns^T, summed over the batch and all positions",
    bias="gbias = g, summed over the batch and all positions",
)


def check_conv_transpose(what: str, window: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any,
                         output_padding: Any, groups: int, dilation: Any) -> None:
    """Errors for shapes that do not fit together. window: the axes of a kernel, by their letters."""
    check_batch(what, x, len(window))
    shapes = f"(x {x.shape}, weight {weight.shape})"
    if len(weight.shape) != 2 + len(window):
        raise ValueError(f"{what}: weight must be (c, k/groups, {', '.join(window)}) {shapes}")
    c, (c_in, k) = x.shape[1], weight.shape[:2]
    if c != c_in or not c * k:
        raise ValueError(f"{what}: weight expects {c_in} input channels, and gives {k} a group, x has {c} {shapes}")
    if groups < 1 or c % groups:
        raise ValueError(f"{what}: {c} input channels cannot be divided into {groups} groups {shapes}")
    check_bias(what, bias, k * groups, shapes)
    transposed(x.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation)


conv_transpose1d.checked_by(lambda *args: check_conv_transpose("conv_transpose1d", "i", *args))
conv_transpose2d.checked_by(lambda *args: check_conv_transpose("conv_transpose2d", "ij", *args))
kernel(conv_transpose2d, "numpy", "conv_transpose")
