"""Functions of images: padding."""

from __future__ import annotations

from typing import Any

from ... import ops

__all__ = ["pad"]


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Constant values around the last axes; a negative number cuts off instead.

    pad: (before, after) of the last axis, then of the one before it, and so on: (left, right, top, bottom).
    """
    if mode != "constant":
        raise ValueError(f"pad: mode must be 'constant', {mode!r} came")
    pad, ndim = tuple(pad), len(input.shape)
    if len(pad) % 2 or len(pad) > 2 * ndim:
        raise ValueError(f"pad: expected (before, after) for at most {ndim} axes of input {input.shape}, {pad} came")
    axes = [(0, 0)] * (ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    if any(n + before + after < 0 for n, (before, after) in zip(input.shape, axes, strict=True)):
        raise ValueError(f"pad: {pad} cuts more off than input {input.shape} has")
    if min(pad, default=0) < 0:
        input = ops.getitem(input, tuple([slice(max(-before, 0), n - max(-after, 0))
                                          for n, (before, after) in zip(input.shape, axes, strict=True)]))
    widths = tuple([(max(before, 0), max(after, 0)) for before, after in axes])
    return ops.pad(input, widths, 0 if value is None else value)
