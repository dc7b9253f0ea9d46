"""pad: more elements around an array, constant or copied from it."""

from __future__ import annotations

from typing import Any

from ..backend import namespace
from ..meta import spend
from ..op import op
from .indexing import getitem
from .precision import wide
from .shape import at_axis

__all__ = ["pad"]


@op
def pad(x, pad_width, mode="constant", constant_values=0):
    """x with more elements around it. pad_width: an int, (before, after), or a pair for every axis, as in NumPy.

    mode   of a b c d, three before and three after
    "constant"     . . . a b c d . . .     . is constant_values
    "reflect"      d c b a b c d c b a
    "symmetric"    c b a a b c d d c b
    "edge"         a a a a b c d d d d     PyTorch's word is "replicate"
    "wrap"         b c d a b c d a b c     PyTorch's word is "circular"

    Raises ValueError where there is nothing to copy: a mode other than "constant" on an axis of length 0.
    """
    widths = pairs(pad_width, x.ndim)
    if mode == "constant":
        if isinstance(constant_values, (tuple, list)):
            raise TypeError(f"pad: constant_values must be one number, {constant_values} came")
        y = namespace(x).full_like(x, constant_values, shape=padded(x.shape, widths))
        y[inside(widths, x.shape)] = x
        return y
    check_mode(mode, x.shape, widths)
    sources = [copies(n, *ends, mode) for n, ends in zip(x.shape, widths, strict=True)]
    y = namespace(x).empty_like(x, shape=padded(x.shape, widths))
    y[inside(widths, x.shape)] = x
    for axis in range(x.ndim):                              # what is copied includes the padding of the axes before
        lines, middle = along(y, axis, widths, x.shape)
        for there, here in sources[axis]:
            lines[at_axis(axis, there)] = middle[at_axis(axis, here)]
    return y

pad.gradient(x=lambda g, x_shape, pad_width, mode: (
    getitem(g, inside(pairs(pad_width, len(x_shape)), x_shape)) if mode == "constant"
    else unpad(g, x_shape, pad_width, mode)))


@op
def unpad(x, shape, pad_width, mode):
    """Every element added to the one in `shape` that `pad` copied it from: the transpose of pad, if not "constant"."""
    y, widths = x.astype(wide(x) or x.dtype), pairs(pad_width, x.ndim)
    for axis in range(x.ndim)[::-1]:
        lines, middle = along(y, axis, widths, shape)
        for there, here in copies(shape[axis], *widths[axis], mode):
            part = lines[at_axis(axis, there)]
            if here.step is None:                           # one element, shown again and again
                part = namespace(x).sum(part, axis=axis, keepdims=True)
            middle[at_axis(axis, here)] += part
    return y[inside(widths, shape)].astype(x.dtype)

unpad.gradient(x=lambda g, pad_width, mode: pad(g, pad_width, mode))


def along(y, axis, widths, shape):
    """The padded lines along an axis, and the unpadded part of them; the axes behind it without their padding."""
    middle = inside(widths, shape)
    lines = y[at_axis(axis, slice(None)) + middle[axis + 1:]]
    return lines, lines[at_axis(axis, middle[axis])]


SOURCES = {                     # where the element comes from that lies i behind the first of n
    "edge": lambda i, n: min(max(i, 0), n - 1),
    "wrap": lambda i, n: i % n,
    "reflect": lambda i, n: min(i % max(2 * n - 2, 1), -i % max(2 * n - 2, 1)),
    "symmetric": lambda i, n: min(i % (2 * n), (-i - 1) % (2 * n)),
}


def copies(n: int, before: int, after: int, mode: str) -> list[tuple[slice, slice]]:
    """What is copied along an axis of length n: slices of the padded axis, each with the slice of the axis itself that
    it shows: as long, or one element. None of them shows an element twice, but for that."""
    found = []
    spend(4 * (before + after))
    for start, stop in ((-before, 0), (n, n + after)):
        places = [SOURCES[mode](i, n) for i in range(start, stop)]
        while places:
            step = places[1] - places[0] if len(places) > 1 else 0
            length = 1
            while length < len(places) and places[length] - places[length - 1] == step:
                length += 1
            first, end = places[0], places[0] + step * length
            here = slice(first, end if end >= 0 else None, step) if step else slice(first, first + 1)
            found.append((slice(before + start, before + start + length), here))
            places, start = places[length:], start + length
    return found


# --- how wide -------------------------------------------------------------------------------------------------

def pairs(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """(before, after) for every axis."""
    widths = pad_width.tolist() if hasattr(pad_width, "tolist") else pad_width
    if isinstance(widths, dict):
        raise TypeError(f"pad: pad_width must be an int, a pair, or {ndim} pairs; the dict {pad_width} came")
    widths = [(widths, widths)] * ndim if isinstance(widths, int) else \
        [n.tolist() if hasattr(n, "tolist") else n for n in widths]
    if len(widths) == 1 and isinstance(widths[0], int):
        widths = widths * 2
    if len(widths) == 2 and all([isinstance(n, int) for n in widths]):
        widths = [tuple(widths)] * ndim
    if len(widths) == 1:
        widths = widths * ndim
    if len(widths) != ndim or any([isinstance(ends, int) or len(ends) != 2 or min(ends) < 0 for ends in widths]):
        raise ValueError(f"pad: pad_width must be an int, a pair, or {ndim} pairs, of lengths >= 0; {pad_width} came")
    return widths


def padded(shape: tuple[int, ...], widths: list[tuple[int, int]]) -> tuple[int, ...]:
    """The shape with the padding."""
    return tuple([before + n + after for n, (before, after) in zip(shape, widths, strict=True)])


def inside(widths: list[tuple[int, int]], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Where the unpadded array lies in the padded one."""
    return tuple([slice(before, before + n) for n, (before, _) in zip(shape, widths, strict=True)])


def check_mode(mode: Any, shape: tuple[int, ...], widths: list[tuple[int, int]]) -> None:
    if not isinstance(mode, str) or mode not in SOURCES:
        raise ValueError(f"pad: mode must be 'constant', {', '.join(map(repr, SOURCES))}; {mode!r} came")
    for axis, (n, ends) in enumerate(zip(shape, widths, strict=True)):
        if not n and max(ends):
            raise ValueError(f"pad: axis {axis} has length 0, mode {mode!r} finds nothing there to copy; "
                             "mode='constant' needs nothing")
