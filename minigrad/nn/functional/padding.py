"""Padding."""

from __future__ import annotations

from typing import Any

from ... import ops

__all__ = ["pad"]

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}     # NumPy's words


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """More elements around the last axes; a negative number cuts off instead.

    pad: (before, after) of the last axis, then of the one before it, and so on: (left, right, top, bottom).
    mode: "constant" (`value`, by default 0), or the input's own elements: "reflect", "replicate", "circular"; these
    take 2 numbers for an input (c, w), 4 for (c, h, w), 6 for (c, d, h, w), each also with a batch axis.
    Raises ValueError where an axis has too few elements to cut off or to copy.
    """
    if mode not in MODES:
        raise ValueError(f"pad: mode must be {', '.join(map(repr, MODES))}; {mode!r} came")
    widths = by_axis(input.shape, pad)
    first = mode in ("constant", "circular")                    # else what is cut off may be copied to the other side
    if any([n + min(b, 0) + min(a, 0) < 0 if first else n + b + a < 0
            for n, (b, a) in zip(input.shape, widths, strict=True)]):
        raise ValueError(f"pad: {pad} cuts more off than input {input.shape} has")
    if mode != "constant":
        check_copies(input.shape, pad, widths, mode, value)
    more = tuple([(max(before, 0), max(after, 0)) for before, after in widths])
    if first:
        return ops.pad(cut(input, widths), more, MODES[mode], 0 if value is None else value)
    return cut(ops.pad(input, more, MODES[mode]), widths)


def by_axis(shape: tuple[int, ...], pad: Any) -> list[tuple[int, int]]:
    """(before, after) for every axis, as NumPy has them."""
    if not isinstance(pad, (tuple, list)):
        raise TypeError(f"pad: expected a tuple (left, right, ...), {pad!r} came")
    if len(pad) % 2 or len(pad) > 2 * len(shape):
        raise ValueError(f"pad: expected (before, after) for at most {len(shape)} axes of input {shape}, {pad} came")
    return [(0, 0)] * (len(shape) - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]


def cut(x: Any, widths: list[tuple[int, int]]) -> Any:
    """x without as many elements at the ends as the negative widths say."""
    if min([0, *[n for ends in widths for n in ends]]) == 0:
        return x
    return ops.getitem(x, tuple([slice(max(-before, 0), n - max(-after, 0))
                                 for n, (before, after) in zip(x.shape, widths, strict=True)]))


def check_copies(shape: tuple[int, ...], pad: Any, widths: list, mode: str, value: float | None) -> None:
    """Errors for what cannot be padded with its own elements, once."""
    if value:
        raise ValueError(f"pad: value {value} came, but mode {mode!r} copies the input's own elements")
    axes = len(pad) // 2
    if axes not in (1, 2, 3) or len(shape) not in (axes + 1, axes + 2):
        raise ValueError(f"pad: mode {mode!r} takes 2 numbers for an input (c, w), 4 for (c, h, w), 6 for "
                         f"(c, d, h, w), each also with a batch axis; {len(pad)} came for input {shape}")
    if mode != "circular" and 0 in shape[-axes - 1:]:
        raise ValueError(f"pad: mode {mode!r} needs elements to copy, input has shape {shape}")
    for n, (before, after) in zip(shape[-axes:], widths[-axes:], strict=True):
        most = n - 1 if mode == "reflect" else n + min(before, 0) + min(after, 0)
        if mode != "replicate" and max(before, after) > most:
            raise ValueError(f"pad: mode {mode!r} can add at most {most} to an axis of length {n}, "
                             f"{(before, after)} came; input {shape}")
    if mode != "circular" and max([n + sum(ends) for n, ends in zip(shape[-axes:], widths[-axes:], strict=True)]) < 1:
        raise ValueError(f"pad: {pad} leaves nothing of input {shape}, which mode {mode!r} does not allow")
