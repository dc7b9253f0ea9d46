"""Convolution."""

from __future__ import annotations

from ..fused import fused
from ..geometry import geometry
from .kernels import kernel
from .shape import reshape
from .windows import check_image, unfold

__all__ = ["conv2d"]


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


def check_conv(x, weight, bias, stride, padding, dilation, groups):
    """Errors for shapes that do not fit together."""
    check_image("conv2d", x)
    shapes = f"(x {x.shape}, weight {weight.shape})"
    if len(weight.shape) != 4:
        raise ValueError(f"conv2d: weight must be (k, c/groups, i, j) {shapes}")
    c, (k, c_in) = x.shape[1], weight.shape[:2]
    if groups < 1 or k % groups:
        raise ValueError(f"conv2d: {k} output channels cannot be divided into {groups} groups {shapes}")
    if c != c_in * groups:
        each = f" ({c_in} for each of {groups} groups)" if groups > 1 else ""
        raise ValueError(f"conv2d: weight expects {c_in * groups} input channels{each}, x has {c} {shapes}")
    if bias is not None and bias.shape != (k,):
        raise ValueError(f"conv2d: bias must be ({k},), one for each output channel, it is {bias.shape} {shapes}")
    geometry(x.shape[2:], weight.shape[2:], stride, padding, dilation)


conv2d.checked_by(check_conv)
kernel(conv2d, "numpy", "conv")
