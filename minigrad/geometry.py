"""Where the windows of convolution and pooling lie in an image: plain integers, for definitions and kernels alike."""

from __future__ import annotations

from typing import Any


def pair(value: Any, what: str) -> tuple[int, int]:
    """An int or a pair of ints, for height and width, as a pair."""
    both = value if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2 or not all([hasattr(n, "__index__") for n in both]):
        raise ValueError(f"{what} must be an int or a pair of ints, {value!r} came")
    return int(both[0]), int(both[1])


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


def geometry(size: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> tuple:
    """Kernel, stride, padding and dilation as pairs, and the numbers of positions (p, q). stride None: the kernel's."""
    k, o, d = pair(kernel_size, "kernel_size"), pair(padding, "padding"), pair(dilation, "dilation")
    s = k if stride is None else pair(stride, "stride")
    return k, s, o, d, tuple([positions(*axis) for axis in zip(size, k, s, o, d, strict=True)])


def offsets(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], out: tuple[int, int]) -> list:
    """For every kernel offset (a, b), where in the padded image its elements are: [(a, b, rows, columns)]."""
    return [(a, b,
             slice(a * dilation[0], a * dilation[0] + (out[0] - 1) * stride[0] + 1, stride[0]),
             slice(b * dilation[1], b * dilation[1] + (out[1] - 1) * stride[1] + 1, stride[1]))
            for a in range(kernel[0]) for b in range(kernel[1])]
