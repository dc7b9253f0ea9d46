"""PyTorch's methods that end in an underscore: each is `x[...] = v`, by the rules of Tensor.__setitem__, and returns x.

What requires gradients is written to only inside no_grad(), as an optimizer or an average of weights does.
"""

from __future__ import annotations

from typing import Any

from ..backend import FLOATS, is_array
from ..tensor import Tensor, bare, recording
from . import elementwise, indexing, rounding
from .random import normal, uniform


def rank(dtype: Any) -> int:
    """Numbers of a higher rank do not fit into those of a lower: booleans, integers, floating point, complex."""
    return 2 if dtype.kind in FLOATS else 3 if dtype.kind == "c" else int(dtype.kind in "ui")


class InPlaceMethods:
    """Of Tensor; see methods.py."""

    __slots__ = ()
    is_parameter = False            # an nn.Parameter is one, frozen too

    def _become(self: Any, name: str, value: Any) -> Any:
        """This tensor with the values of a result, whose numbers must fit in."""
        if rank(value.dtype) > rank(self.dtype):
            raise TypeError(f"{name}: the result is {value.dtype}, it does not fit into this {self.dtype} tensor: "
                            f"convert it first, astype({str(value.dtype)!r})")
        if value.shape != self.shape:
            raise ValueError(f"{name}: the result has shape {value.shape}, this tensor {self.shape}, which stays")
        self[...] = value
        return self

    # --- x += v ---
    # A new tensor takes the name, so that the tape's x stays what it was. But for a parameter inside no_grad() that
    # would leave the model as it was, without a word: `w -= lr * w.grad` is a step, and changes w itself.

    def _updated(self: Any, name: str, value: Any) -> Any:
        """The new value, or this very tensor with it if it is a parameter and nothing is recorded."""
        is_step = (self.requires_grad or self.is_parameter) and self.is_leaf and not recording.get()
        return self._become(name, value) if is_step else value

    def __iadd__(self: Any, other: Any) -> Any:
        return self._updated("+=", self + other)

    def __isub__(self: Any, other: Any) -> Any:
        return self._updated("-=", self - other)

    def __imul__(self: Any, other: Any) -> Any:
        return self._updated("*=", self * other)

    def __itruediv__(self: Any, other: Any) -> Any:
        return self._updated("/=", self / other)

    def __ifloordiv__(self: Any, other: Any) -> Any:
        return self._updated("//=", self // other)

    def __imod__(self: Any, other: Any) -> Any:
        return self._updated("%=", self % other)

    def __ipow__(self: Any, other: Any) -> Any:
        return self._updated("**=", self ** other)

    # --- x.add_(v) and the like ---
    def fill_(self: Any, value: Any) -> Any:
        """One value everywhere."""
        self[...] = value
        return self

    def zero_(self) -> Any:
        """0 everywhere."""
        return self.fill_(0)

    def copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
        """The values of another tensor or array, broadcast, in this one's dtype and on its device."""
        src = Tensor(src) if is_array(src) else src
        self[...] = src.to(self.device) if isinstance(src, Tensor) else src
        return self

    def add_(self: Any, other: Any, *, alpha: Any = 1) -> Any:
        """x + alpha other"""
        return self._become("add_", self + (other if alpha == 1 else alpha * other))

    def sub_(self: Any, other: Any, *, alpha: Any = 1) -> Any:
        """x - alpha other"""
        return self._become("sub_", self - (other if alpha == 1 else alpha * other))

    def mul_(self: Any, other: Any) -> Any:
        """x other"""
        return self._become("mul_", self * other)

    def div_(self: Any, other: Any) -> Any:
        """x / other"""
        return self._become("div_", self / other)

    def lerp_(self: Any, end: Any, weight: Any) -> Any:
        """x + weight (end - x)"""
        return self._become("lerp_", elementwise.lerp(self, end, weight))

    def clamp_(self: Any, min: Any = None, max: Any = None) -> Any:
        """Not below `min` nor above `max`."""
        return self._become("clamp_", rounding.clip(self, min, max))

    def masked_fill_(self: Any, mask: Any, value: Any) -> Any:
        """`value` where the mask is true."""
        return self._become("masked_fill_", indexing.masked_fill(self, mask, value))

    def scatter_(self: Any, dim: int, index: Any, src: Any) -> Any:
        """src[.., i, ..], or one number, at [.., index[.., i, ..], ..] along `dim`; see `scatter_add` for what fits."""
        index, shape = indexing.plain(index, bare(self)), getattr(src, "shape", ())
        indexing.check_index("scatter_", self.shape, dim, index, shape or index.shape)
        if not self.shape:
            return self.fill_(src.reshape(()) if shape else src) if index.size else self
        self[indexing.places(index, dim, index.shape)] = src[indexing.corner(index.shape)] if shape else src
        return self

    def normal_(self: Any, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Any:
        """Normal with this mean and standard deviation."""
        return self._become("normal_", normal(mean, std, self.shape, device=self.device, generator=generator))

    def uniform_(self: Any, low: Any = 0.0, high: Any = 1.0, *, generator: Any = None) -> Any:
        """Uniform in [low, high)."""
        return self._become("uniform_", uniform(low, high, self.shape, device=self.device, generator=generator))

    def detach_(self: Any) -> Any:
        """Forget how this tensor was made: from now on it is a constant."""
        self.node = None
        return self
