"""PyTorch's words for array functions that the array API calls otherwise, and for devices."""

from __future__ import annotations

from typing import Any

from ..backend import namespace, parse_device
from ..misuse import named
from ..tensor import Tensor, bare, no_grad
from . import reductions
from .creation import asarray
from .elementwise import copy, divide, multiply, negative, power, subtract
from .joining import unstack
from .linalg import matmul
from .logic import equal, greater, greater_equal, less, less_equal, not_equal
from .repeating import repeat
from .rounding import clip
from .shape import expand_dims, moveaxis, permute_dims

__all__ = [
    "allclose", "amax", "amin", "as_tensor", "bmm", "clamp", "clone", "device", "div", "eq", "ge", "gt",
    "inference_mode", "is_tensor", "isclose", "le", "lt", "mm", "movedim", "mul", "mv", "ne", "neg", "nonzero", "numel",
    "permute", "pow", "repeat_interleave", "sub", "unbind", "unsqueeze",
]

sub, mul, div, neg, pow = subtract, multiply, divide, negative, power
eq, ne, lt, le, gt, ge = equal, not_equal, less, less_equal, greater, greater_equal
clamp, clone, as_tensor = clip, copy, asarray
permute, movedim, unsqueeze, unbind, repeat_interleave = permute_dims, moveaxis, expand_dims, unstack, repeat
inference_mode = no_grad


class device(str):
    """The name of a device: device("cpu"), device("cuda"), device("cuda:1") or device("cuda", 1).

    It is a string, as `x.device` is, that also knows its type and index. ValueError if there is no such name.
    """

    __slots__ = ()

    def __new__(cls, type: str, index: int | None = None) -> device:
        name = str(type) if index is None else f"{type}:{index}"
        parse_device(name)
        return super().__new__(cls, name)

    @property
    def type(self) -> str:
        """"cpu" or "cuda"."""
        return parse_device(self)[0]

    @property
    def index(self) -> Any:         # of a string, index is a method
        """The number behind the colon; None if there is none."""
        return parse_device(self)[1] if ":" in self else None


@named
def amax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element over one or several axes; see `max`."""
    return reductions.max(x, dim, keepdim)


@named
def amin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element over one or several axes; see `min`."""
    return reductions.min(x, dim, keepdim)


def is_tensor(x: Any) -> bool:
    """Whether it is a Tensor; arrays are none."""
    return isinstance(x, Tensor)


@named
def numel(x: Any) -> int:
    """The number of elements."""
    return x.size + 0               # a tensor's size may also be called


@named
def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where |input - other| <= atol + rtol |other|, as a constant; infinities equal themselves."""
    a, b = bare(input), bare(other)
    return Tensor(namespace(a).isclose(a, b, rtol, atol, equal_nan))


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close; see `isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@named
def nonzero(input: Any) -> Tensor:
    """The places of the elements that are not 0, a row each.   input of d axes   ->   y (n, d), int64

    `where` and masks as indices do without them, and without waiting for a GPU.
    """
    x = bare(input)
    if not getattr(x, "shape", True):
        return Tensor(namespace(x).zeros((int(x != 0), 0), "int64"))
    return Tensor(namespace(x).stack(namespace(x).nonzero(x), axis=1))


@named
def mm(a: Any, b: Any) -> Any:
    """The product of two matrices.   a (n, d), b (d, m)   ->   y (n, m)"""
    return product("mm", a, b, 2, 2)


@named
def mv(a: Any, b: Any) -> Any:
    """A matrix times a vector.   a (n, d), b (d,)   ->   y (n,)"""
    return product("mv", a, b, 2, 1)


@named
def bmm(a: Any, b: Any) -> Any:
    """The products of two batches of matrices.   a (b, n, d), b (b, d, m)   ->   y (b, n, m)"""
    if a.ndim == b.ndim == 3 and a.shape[0] != b.shape[0]:
        raise ValueError("bmm: expected as many matrices in a as in b: matmul broadcasts")
    return product("bmm", a, b, 3, 3)


def product(name: str, a: Any, b: Any, *axes: int) -> Any:
    """matmul of what has these numbers of axes; ValueError for others."""
    if (a.ndim, b.ndim) != axes:
        raise ValueError(f"{name}: expected a of {axes[0]} axes and b of {axes[1]}: matmul takes others")
    return matmul(a, b)
