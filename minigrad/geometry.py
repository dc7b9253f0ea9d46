"""Where the windows of convolution and pooling lie in an image: plain integers, for definitions and kernels alike."""

from __future__ import annotations

from typing import Any


def each(value: Any, axes: int, what: str) -> tuple[int, ...]:
    """An int, alone for all axes or one for each, as a tuple with one for each."""
    if type(value) is int:
        return (value,) * axes
    several = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    several = several * axes if len(several) == 1 else several
    if len(several) != axes or not all([hasattr(n, "__index__") for n in several]):
        expected = "an int" if axes == 1 else "an int or a pair of ints" if axes == 2 else f"an int or {axes} ints"
        raise ValueError(f"{what} must be {expected}, {value!r} came")
    return tuple([int(n) for n in several])


def pair(value: Any, what: str) -> tuple[int, int]:
    """An int or a pair of ints, for height and width, as a pair."""
    height, width = each(value, 2, what)
    return height, width


def as_image(*options: Any) -> list:
    """Options of a window over a sequence, each an int, as those of one of height 1 over an image of height 1.

    An option is (value, name, what it is along the height).
    """
    return [(value if value is None else (other, *each(value, 1, name))) for value, name, other in options]


def positions(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """In how many places a window fits: (size + 2*padding - dilation*(kernel - 1) - 1) // stride + 1."""
    span = dilation * (kernel - 1) + 1
    if stride < 1 or kernel < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"windows need kernel, stride and dilation >= 1 and padding >= 0; kernel {kernel}, "
                         f"stride {stride}, dilation {dilation}, padding {padding} came")
    if span > size + 2 * padding:
        raise ValueError(f"a window of {span} (kernel {kernel}, dilation {dilation}) does not fit into {size} with "
                         f"padding {padding} on either side")
    return (size + 2 * padding - span) // stride + 1


def same_padding(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis that make, with stride 1, the output as long as the input.

    What cannot be halved goes to the end.
    """
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple([(n // 2, n - n // 2) for n in total])


def geometry(size: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> tuple:
    """Kernel, stride, padding and dilation for each axis (pairs, of an image), and the numbers of positions (p, q).
    stride None: the kernel's."""
    n = len(size)
    k, o, d = each(kernel_size, n, "kernel_size"), each(padding, n, "padding"), each(dilation, n, "dilation")
    s = k if stride is None else each(stride, n, "stride")
    return k, s, o, d, tuple([positions(*axis) for axis in zip(size, k, s, o, d, strict=True)])


def pool_positions(size: int, kernel: int, stride: int, padding: int, dilation: int,
                   ceil_mode: bool) -> tuple[int, int]:
    """The number of positions of a pooling's windows along one axis, and the padding after its end.

    With ceil_mode a last window that reaches beyond the padded end is kept if it starts inside the image or its left
    padding.
    """
    short = dilation * (kernel - 1) + 1 - size - 2 * padding                # > 0: the window is longer than everything
    over = short % stride if ceil_mode and stride > max(short, 0) else 0
    out = positions(size + over, kernel, stride, padding, dilation)
    if 2 * padding > kernel:
        raise ValueError(f"padding {padding} is more than half of the kernel, {kernel}: "
                         "a window could lie outside the image")
    if over and (out - 1) * stride >= size + padding:
        return out - 1, padding
    return out, padding + over


def pool_geometry(size: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any,
                  ceil_mode: bool) -> tuple:
    """Kernel, stride and dilation of a pooling for each axis; (before, after) padding for each; the numbers of
    positions."""
    n = len(size)                                                           # of sequences all have length one
    k, o, d = each(kernel_size, n, "kernel_size"), each(padding, n, "padding"), each(dilation, n, "dilation")
    s = k if stride is None else each(stride, n, "stride")
    axes = [pool_positions(*axis, ceil_mode) for axis in zip(size, k, s, o, d, strict=True)]
    ends = tuple([(before, after) for before, (_, after) in zip(o, axes, strict=True)])
    return k, s, d, ends, tuple([out for out, _ in axes])


def transposed(size: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, output_padding: Any,
               dilation: Any) -> tuple:
    """Kernel, stride, padding and dilation for each axis of an image whose windows lie at `size` positions, and its
    size: all that the windows cover, and that without the padding but with output_padding at its end.

    Several sizes have so many positions, as the last stride may be cut short; output_padding says which it is.
    """
    n = len(size)
    k, o, d = each(kernel_size, n, "kernel_size"), each(padding, n, "padding"), each(dilation, n, "dilation")
    s, extra = each(stride, n, "stride"), each(output_padding, n, "output_padding")
    if min(*k, *s, *d) < 1 or min(o) < 0:
        raise ValueError(f"windows need kernel, stride and dilation >= 1 and padding >= 0; kernel {k}, stride {s}, "
                         f"dilation {d}, padding {o} came")
    if any([e < 0 or e >= max(a, b) for e, a, b in zip(extra, s, d, strict=True)]):
        raise ValueError(f"output_padding must be at least 0 and smaller than stride or dilation; output_padding "
                         f"{extra}, stride {s}, dilation {d} came")
    covered = tuple([(p - 1) * a + b * (i - 1) + 1 for p, i, a, b in zip(size, k, s, d, strict=True)])
    left = tuple([m - 2 * b + e for m, b, e in zip(covered, o, extra, strict=True)])
    if min(size) < 1 or min(left) < 1:
        raise ValueError(f"nothing is left of an output of {covered} without the padding {o} on either side, for an "
                         f"input of {tuple(size)}")
    return k, s, o, d, covered, left


def offsets(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], out: tuple[int, int]) -> list:
    """For every kernel offset (a, b), where in the padded image its elements are: [(a, b, rows, columns)]."""
    return [(a, b,
             slice(a * dilation[0], a * dilation[0] + (out[0] - 1) * stride[0] + 1, stride[0]),
             slice(b * dilation[1], b * dilation[1] + (out[1] - 1) * stride[1] + 1, stride[1]))
            for a in range(kernel[0]) for b in range(kernel[1])]
