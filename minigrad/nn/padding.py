"""Padding as layers. `padding` is one number for all sides, or one for each: (left, right), (left, right, top, bottom),
(left, right, top, bottom, front, back)."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]


class Pad(Module):
    """What the layers share: the numbers of padding, and the mode."""

    axes = 1                    # how many of the last axes are padded
    mode = "constant"

    def __init__(self, padding: Any):
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.axes)
        if len(self.padding) != 2 * self.axes:
            raise ValueError(f"{type(self).__name__}: padding must be an int or {2 * self.axes} ints, {padding} came")

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class ConstantPad(Pad):
    """One value around the input."""

    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(ConstantPad):
    """`value` before and after the last axis: (..., w) -> (..., left + w + right)."""


class ConstantPad2d(ConstantPad):
    """`value` around images: (..., h, w) -> (..., top + h + bottom, left + w + right)."""

    axes = 2


class ConstantPad3d(ConstantPad):
    """`value` around volumes: (..., d, h, w) -> (..., front + d + back, top + h + bottom, left + w + right)."""

    axes = 3


class ZeroPad(ConstantPad):
    """Zeros around the input."""

    def __init__(self, padding: Any):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad1d(ZeroPad):
    """Zeros before and after the last axis: (..., w) -> (..., left + w + right)."""


class ZeroPad2d(ZeroPad):
    """Zeros around images: (..., h, w) -> (..., top + h + bottom, left + w + right)."""

    axes = 2


class ZeroPad3d(ZeroPad):
    """Zeros around volumes: (..., d, h, w) -> (..., front + d + back, top + h + bottom, left + w + right)."""

    axes = 3


class ReflectionPad1d(Pad):
    """The input mirrored at its first and last element, which are not repeated: (n, c, w), or without n."""

    mode = "reflect"


class ReflectionPad2d(Pad):
    """Images mirrored at their outermost rows and columns, which are not repeated: (n, c, h, w), or without n."""

    axes, mode = 2, "reflect"


class ReflectionPad3d(Pad):
    """Volumes mirrored at their outermost planes, which are not repeated: (n, c, d, h, w), or without n."""

    axes, mode = 3, "reflect"


class ReplicationPad1d(Pad):
    """The first and the last element again and again: (n, c, w), or without n."""

    mode = "replicate"


class ReplicationPad2d(Pad):
    """The outermost rows and columns again and again: (n, c, h, w), or without n."""

    axes, mode = 2, "replicate"


class ReplicationPad3d(Pad):
    """The outermost planes again and again: (n, c, d, h, w), or without n."""

    axes, mode = 3, "replicate"


class CircularPad1d(Pad):
    """The other end of the input on either side, as if it were a ring: (n, c, w), or without n."""

    mode = "circular"


class CircularPad2d(Pad):
    """The other side of the image on every side, as if it were a torus: (n, c, h, w), or without n."""

    axes, mode = 2, "circular"


class CircularPad3d(Pad):
    """The other side of the volume on every side: (n, c, d, h, w), or without n."""

    axes, mode = 3, "circular"
