"""unfold (im2col) and fold (col2im): every window of an image as a column, and back. Each is the other's gradient."""

from __future__ import annotations

from typing import Any

from ..backend import namespace
from ..op import op


def pair(value: Any, what: str) -> tuple[int, int]:
    """An int or a pair of ints, for height and width, as a pair."""
    both = (value, value) if isinstance(value, int) else tuple(value)
    if len(both) != 2 or not all([isinstance(n, int) or hasattr(n, "__index__") for n in both]):
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


def geometry(size: tuple[int, int], kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> tuple:
    """Kernel, stride, padding and dilation as pairs, and the numbers of positions (p, q)."""
    k, s = pair(kernel_size, "kernel_size"), pair(stride, "stride")
    o, d = pair(padding, "padding"), pair(dilation, "dilation")
    return k, s, o, d, tuple([positions(*axis) for axis in zip(size, k, s, o, d, strict=True)])


def offsets(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], out: tuple[int, int]) -> list:
    """For every kernel offset (a, b), where in the padded image its elements are: [(a, b, rows, columns)]."""
    return [(a, b,
             slice(a * dilation[0], a * dilation[0] + (out[0] - 1) * stride[0] + 1, stride[0]),
             slice(b * dilation[1], b * dilation[1] + (out[1] - 1) * stride[1] + 1, stride[1]))
            for a in range(kernel[0]) for b in range(kernel[1])]


def check_image(what: str, x: Any) -> None:
    if len(x.shape) != 4:
        raise ValueError(f"{what}: expected a batch of images (n, c, h, w), x has shape {x.shape}")


@op
def unfold(x, kernel_size, stride=1, padding=0, dilation=1):
    """Every window of an image as a column, where it is outside the image 0.

    x (n, c, h, w)   ->   y (n, c*i*j, p*q) for a kernel (i, j); p = (h + 2*padding - dilation*(i - 1) - 1) // stride
    + 1 Source: im2col, Chellapilla et al. 2006.
    """
    check_image("unfold", x)
    (n, c, h, w), xp = x.shape, namespace(x)
    (i, j), s, (top, left), d, (p, q) = geometry((h, w), kernel_size, stride, padding, dilation)
    padded = x
    if top or left:
        padded = xp.zeros_like(x, shape=(n, c, h + 2 * top, w + 2 * left))
        padded[:, :, top:top + h, left:left + w] = x
    columns = xp.empty_like(x, shape=(n, c, i, j, p, q))
    for a, b, rows, cols in offsets((i, j), s, d, (p, q)):
        columns[:, :, a, b] = padded[:, :, rows, cols]
    return xp.reshape(columns, (n, c * i * j, p * q))

unfold.gradient(x=lambda g, x_shape, kernel_size, stride, padding, dilation: (
    fold(g, x_shape[2:], kernel_size, stride, padding, dilation)))


@op
def fold(x, output_size, kernel_size, stride=1, padding=0, dilation=1):
    """Columns added back into images: where windows overlap, their elements add up.

    x (n, c*i*j, p*q)   ->   y (n, c, h, w) with (h, w) = output_size; the transpose of unfold
    """
    (h, w), xp, n = pair(output_size, "output_size"), namespace(x), x.shape[0]
    (i, j), s, (top, left), d, (p, q) = geometry((h, w), kernel_size, stride, padding, dilation)
    if len(x.shape) != 3 or x.shape[1] % (i * j) or x.shape[2] != p * q:
        raise ValueError(f"fold: expected (n, c*{i * j}, {p * q}) for kernel {(i, j)} and output {(h, w)}, "
                         f"x has {x.shape}")
    c = x.shape[1] // (i * j)
    columns = xp.reshape(x, (n, c, i, j, p, q))
    padded = xp.zeros_like(x, shape=(n, c, h + 2 * top, w + 2 * left))
    for a, b, rows, cols in offsets((i, j), s, d, (p, q)):
        padded[:, :, rows, cols] += columns[:, :, a, b]
    return padded[:, :, top:top + h, left:left + w]

fold.gradient(x=lambda g, kernel_size, stride, padding, dilation: unfold(g, kernel_size, stride, padding, dilation))
