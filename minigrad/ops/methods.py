"""What a tensor can do: its operators and conversions, each one line to the op of the same name.

Its functions are in array_methods.py, what changes its shape in shape_methods.py, what PyTorch alone has in
torch_methods.py and inplace_methods.py; `Methods` is all of them.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

import numpy

from ..backend import device_of, read_only
from ..meta import Meta
from ..op import OPS
from ..tensor import Tensor, bare
from ..walk import run
from . import elementwise, indexing, linalg, logic
from .array_methods import ArrayMethods
from .elementwise import add, divide, multiply, subtract
from .inplace_methods import InPlaceMethods
from .shape_methods import ShapeMethods
from .torch_methods import TorchMethods


def frozen(index: Any) -> Any:
    """An index that its lists' owner can no longer change."""
    if type(index) is tuple:
        return tuple([frozen(part) for part in index])
    return list(index) if type(index) is list else index


def is_dtype(x: Any) -> bool:
    """Whether this is meant as a dtype, not as a device: float64, dtype("float64") or "float64"."""
    return isinstance(x, (type, numpy.dtype)) or isinstance(x, str) and x.startswith(("float", "bfloat", "int", "uint",
                                                                                      "bool"))


class Size(int):
    """A number of elements, NumPy's x.size, that called gives the shape, PyTorch's x.size() and x.size(0)."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]


class Methods(ArrayMethods, ShapeMethods, TorchMethods, InPlaceMethods):
    """The operators and methods of Tensor; `minigrad.ops` gives them to it when it is imported."""

    __slots__ = ()
    if TYPE_CHECKING:
        requires_grad: bool

    # --- arithmetic -------------------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Tensor:
        return add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return divide(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return elementwise.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return elementwise.floor_divide(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return elementwise.remainder(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return elementwise.remainder(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return elementwise.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return elementwise.power(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return linalg.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return linalg.matmul(other, self)

    def __neg__(self) -> Tensor:
        return elementwise.negative(self)

    def __pos__(self) -> Tensor:
        return cast(Any, self)

    def __abs__(self) -> Tensor:
        return elementwise.abs(self)

    # --- comparisons and bits ---------------------------------------------------------------------------------
    def __eq__(self, other: Any) -> Any:            # a Tensor; object promises a bool
        return logic.equal(self, other)

    def __ne__(self, other: Any) -> Any:
        return logic.not_equal(self, other)

    def __lt__(self, other: Any) -> Tensor:
        return logic.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return logic.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return logic.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return logic.greater_equal(self, other)

    def __and__(self, other: Any) -> Tensor:
        return logic.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Tensor:
        return logic.bitwise_and(other, self)

    def __or__(self, other: Any) -> Tensor:
        return logic.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Tensor:
        return logic.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Tensor:
        return logic.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return logic.bitwise_xor(other, self)

    def __invert__(self) -> Tensor:
        return logic.bitwise_invert(self)

    def __lshift__(self, other: Any) -> Tensor:
        return logic.bitwise_left_shift(self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return logic.bitwise_left_shift(other, self)

    def __rshift__(self, other: Any) -> Tensor:
        return logic.bitwise_right_shift(self, other)

    def __rrshift__(self, other: Any) -> Tensor:
        return logic.bitwise_right_shift(other, self)

    __hash__ = object.__hash__      # by identity: == is elementwise

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add d(self)/d(leaf) to the `.grad` of every leaf that this tensor depends on.

        gradient: like this tensor, what arrives from above; may be left out for a tensor of one element (it is 1 then).
        retain_graph: keep what the tape saved, so that it can be walked again; by default as `create_graph`.
        create_graph: record the walk itself, so that the gradients can be differentiated.

        If anything raises on the way, every `.grad` is as it was before.
        """
        run([cast(Tensor, self)], [gradient], None, create_graph, retain_graph)

    # --- as a number, a sequence, an array --------------------------------------------------------------------
    def __bool__(self) -> bool:
        return bool(bare(self))

    def __float__(self) -> Any:
        return bare(self).__float__()

    def __int__(self) -> int:
        return bare(self).__int__()

    def __index__(self) -> int:
        return bare(self).__index__()

    def __format__(self, spec: str) -> str:
        """f"{x:.3f}" for one element; without a format as repr."""
        return format(self.item(), spec) if spec else repr(self)

    def __len__(self) -> int:
        if not bare(self).ndim:
            raise TypeError("len() of a tensor without axes")
        return bare(self).shape[0]

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))])

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __getitem__(self, index: Any) -> Tensor:
        return indexing.getitem(self, frozen(index))

    def __array__(self, dtype: Any = None, copy: Any = None) -> numpy.ndarray:
        x = bare(self)
        if device_of(x) != "cpu":
            raise TypeError(f"a tensor on {device_of(x)} does not become a NumPy array by itself: x.numpy() copies it")
        if self.requires_grad:
            raise TypeError("a tensor that requires gradients does not become a NumPy array by itself, its gradient "
                            "would be lost: x.numpy() copies it, minigrad's own functions keep it")
        return x.astype(dtype) if dtype is not None and x.dtype != dtype else x.copy() if copy else read_only(x)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The module whose functions work on tensors, as the array API standard asks for it."""
        return sys.modules[__name__.partition(".")[0]]

    def __dlpack__(self, **options: Any) -> Any:
        """The array itself for another library, without a copy; as a constant, gradients do not follow."""
        if self.requires_grad:
            raise TypeError("a tensor that requires gradients is not handed to another library, its gradient would be "
                            "lost: hand over x.detach()")
        return bare(self).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return bare(self).__dlpack_device__()

    def item(self) -> Any:
        """The value of a tensor of one element as a Python number."""
        x = bare(self)
        if x.size != 1:
            raise ValueError(f"item() needs a tensor of one element, this one has shape {x.shape}")
        return x.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return bare(self).tolist()

    @property
    def size(self) -> Size:
        """The number of elements, as in NumPy; called, x.size() or x.size(0), the shape or a length, as in PyTorch."""
        size = Size(bare(self).size)
        size.shape = bare(self).shape
        return size

    def numel(self) -> int:
        """The number of elements, as PyTorch calls it."""
        return bare(self).size

    def dim(self) -> int:
        """The number of axes, as PyTorch calls it."""
        return bare(self).ndim

    # --- types and devices ------------------------------------------------------------------------------------
    def astype(self, dtype: Any) -> Tensor:
        """Converted to `dtype`; itself if it has it already."""
        return cast(Any, self) if bare(self).dtype == dtype else elementwise.astype(self, dtype)

    def copy(self) -> Tensor:
        """The same values in memory of their own; gradients flow back."""
        return elementwise.copy(self)

    def clone(self) -> Tensor:
        """PyTorch's word for copy."""
        return elementwise.copy(self)

    def to(self, device: Any = None, dtype: Any = None, non_blocking: bool = False) -> Tensor:
        """On a device, "cpu", "cuda" or "cuda:<number>", in a dtype: to("cuda"), to("cuda", float16), to(float64).

        to(y): as another tensor. Itself if it is so already. Gradients flow back. non_blocking has no effect.
        """
        if isinstance(device, Tensor):
            device, dtype = device.device, device.dtype
        elif is_dtype(device):
            device, dtype = None, device
        x = cast(Any, self) if device is None else elementwise.to(self, device)
        return x if dtype is None else x.astype(dtype)

    def to_device(self, device: str) -> Tensor:
        """The array API's word for to."""
        return elementwise.to(self, device)

    def cpu(self) -> Tensor:
        """On the CPU; the tensor itself, if it is there."""
        return elementwise.to(self, "cpu")

    def cuda(self) -> Tensor:
        """On a GPU; the tensor itself, if it is there."""
        return elementwise.to(self, "cuda")

    # --- PyTorch's conversions; last, because `float` is a type above --------------------------------------
    def half(self) -> Tensor:
        """Converted to float16."""
        return self.astype("float16")

    def double(self) -> Tensor:
        """Converted to float64."""
        return self.astype("float64")

    def float(self) -> Tensor:
        """Converted to float32."""
        return self.astype("float32")


for _name, _method in {**vars(InPlaceMethods), **vars(TorchMethods), **vars(ShapeMethods), **vars(ArrayMethods),
                       **vars(Methods)}.items():
    if _name not in ("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__slots__", "__firstlineno__",
                     "__static_attributes__"):
        if _name in OPS and isinstance(_method, FunctionType):
            _method.__doc__ = _method.__doc__ or OPS[_name].__doc__         # sum, exp ... say what their ops say
        setattr(Tensor, _name, _method)
        if not _name.startswith("_") and _name not in vars(InPlaceMethods) and not hasattr(Meta, _name):
            setattr(Meta, _name, _method)           # in the forward of a leaf layer that is asked for its shape
