"""Pooling."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...geometry import each

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d", "avg_pool1d",
    "avg_pool2d", "lp_pool1d", "lp_pool2d", "max_pool1d", "max_pool2d", "max_unpool1d", "max_unpool2d",
]


def on_batch(op: Any, axes: int, input: Any, *args: Any, at: int = 0) -> Any:
    """An op on a batch of sequences (axes 1) or images (2); a single one is a batch of one, and so goes out.

    at: where the missing axis is put in. At 1 the channels are taken for the batch, each with one channel.
    """
    if len(input.shape) not in (axes + 1, axes + 2):
        expected = "(n, c, l) or (c, l)" if axes == 1 else "(n, c, h, w) or (c, h, w)"
        raise ValueError(f"{op.name.removesuffix('_with_indices')}: expected {expected}, input has shape {input.shape}")
    if len(input.shape) == axes + 2:
        return op(input, *args)
    args = tuple([ops.expand_dims(a, at) if hasattr(a, "shape") else a for a in args])
    y = op(ops.expand_dims(input, at), *args)
    return tuple([ops.squeeze(part, at) for part in y]) if isinstance(y, tuple) else ops.squeeze(y, at)


# --- windows of a given size ----------------------------------------------------------------------------------

def max_pool1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Every window's largest: (n, c, l) -> (n, c, p), also without n; stride: by default kernel_size.

    return_indices: also where they are, as integers, for max_unpool1d.
    """
    op = ops.max_pool1d_with_indices if return_indices else ops.max_pool1d
    return on_batch(op, 1, input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Every window's largest: (n, c, h, w) -> (n, c, p, q), also without n; stride: by default kernel_size.

    return_indices: also where they are, row * w + column, for max_unpool2d.
    """
    op = ops.max_pool2d_with_indices if return_indices else ops.max_pool2d
    return on_batch(op, 2, input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Any:
    """The mean of every window: (n, c, l) -> (n, c, p), or without n. stride: by default the kernel's."""
    return on_batch(ops.avg_pool1d, 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Any:
    """The mean of every window: (n, c, h, w) -> (n, c, p, q), or without n. stride: by default the kernel's."""
    return on_batch(ops.avg_pool2d, 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
                    divisor_override)


def lp_pool1d(input: Any, norm_type: float, kernel_size: int, stride: Any = None, ceil_mode: bool = False) -> Any:
    """(sum of x^norm_type)^(1/norm_type) of every window: (n, c, l) -> (n, c, p), or without n."""
    return on_batch(ops.lp_pool1d, 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """(sum of x^norm_type)^(1/norm_type) of every window: (n, c, h, w) -> (n, c, p, q), or without n."""
    return on_batch(ops.lp_pool2d, 2, input, norm_type, kernel_size, stride, ceil_mode)


# --- as many windows as are asked for ---------------------------------------------------------------------------

def asked_for(what: str, input: Any, output_size: Any) -> Any:
    """output_size, a None in a pair spelled out: as large as the input."""
    if isinstance(output_size, (tuple, list)) and len(output_size) == 2:
        return tuple([n if out is None else out for n, out in zip(input.shape[-2:], output_size, strict=True)])
    if not hasattr(output_size, "__index__"):
        raise TypeError(f"{what}: output_size must be an int or a pair of ints or None, {output_size!r} came")
    return output_size


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """The means of output_size windows spread over the whole input: (n, c, l) -> (n, c, p), or without n."""
    return on_batch(ops.adaptive_avg_pool1d, 1, input, output_size, at=1)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """The means of windows spread over the whole input: (n, c, h, w) -> (n, c, p, q), or without n.

    output_size: an int or a pair, in which None is the input's size. 1 gives the mean of the whole image.
    """
    return on_batch(ops.adaptive_avg_pool2d, 2, input, asked_for("adaptive_avg_pool2d", input, output_size), at=1)


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest of output_size windows spread over the whole input: (n, c, l) -> (n, c, p), or without n."""
    op = ops.adaptive_max_pool1d_with_indices if return_indices else ops.adaptive_max_pool1d
    return on_batch(op, 1, input, output_size, at=1)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest of windows spread over the whole input: (n, c, h, w) -> (n, c, p, q), or without n.

    output_size: an int or a pair, in which None is the input's size. return_indices: also row * w + column of each.
    """
    op = ops.adaptive_max_pool2d_with_indices if return_indices else ops.adaptive_max_pool2d
    return on_batch(op, 2, input, asked_for("adaptive_max_pool2d", input, output_size), at=1)


# --- back ---------------------------------------------------------------------------------------------------------

def unpooled_size(what: str, size: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any,
                  output_size: Any) -> tuple[int, ...]:
    """The size of what was pooled to `size`: the one that the windows just fill, or output_size if it is near that."""
    n = len(size)
    k, o = each(kernel_size, n, f"{what}: kernel_size"), each(padding, n, f"{what}: padding")
    s = k if stride is None else each(stride, n, f"{what}: stride")
    filled = tuple([(m - 1) * b + a - 2 * c for m, a, b, c in zip(size, k, s, o, strict=True)])
    if output_size is None:
        return filled
    if not isinstance(output_size, (tuple, list)) or len(output_size) not in (n, n + 2):
        raise ValueError(f"{what}: output_size must be {n} or {n + 2} ints in a tuple or list, {output_size!r} came")
    chosen = tuple(output_size[-n:])
    if any([not a - b < m < a + b for m, a, b in zip(chosen, filled, s, strict=True)]):
        limits = [(a - b + 1, a + b - 1) for a, b in zip(filled, s, strict=True)]
        raise ValueError(f"{what}: {chosen} cannot have been pooled to {tuple(size)}: output_size must be within "
                         f"{', '.join([f'{low} to {high}' for low, high in limits])}")
    return chosen


def max_unpool1d(input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
                 output_size: Any = None) -> Any:
    """What max_pool1d found, put back where it was, zeros elsewhere: (n, c, p) -> (n, c, l), or without n.

    output_size: where several lengths are pooled to p, which one it was.
    """
    size = unpooled_size("max_unpool1d", input.shape[-1:], kernel_size, stride, padding, output_size)
    return on_batch(ops.max_unpool1d, 1, input, indices, size, at=1)


def max_unpool2d(input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
                 output_size: Any = None) -> Any:
    """What max_pool2d found, put back where it was, zeros elsewhere: (n, c, p, q) -> (n, c, h, w), or without n.

    output_size: where images of several sizes are pooled to (p, q), which one it was.
    """
    size = unpooled_size("max_unpool2d", input.shape[-2:], kernel_size, stride, padding, output_size)
    return on_batch(ops.max_unpool2d, 2, input, indices, size, at=1)
