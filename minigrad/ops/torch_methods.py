"""PyTorch's methods that NumPy's arrays do not have, each one line to the op that does it; see methods.py."""

from __future__ import annotations

from typing import Any

from ..backend import FLOATS
from ..tensor import Tensor, bare
from . import creation, linalg, shape, softmaxes, words


class TorchMethods:
    """Of Tensor; see methods.py."""

    __slots__ = ()

    # --- products and softmax -----------------------------------------------------------------------------------
    def matmul(self, other: Any) -> Tensor:
        return linalg.matmul(self, other)

    def mm(self, mat2: Any) -> Tensor:
        """The product of two matrices."""
        return words.mm(self, mat2)

    def mv(self, vec: Any) -> Tensor:
        """A matrix times a vector."""
        return words.mv(self, vec)

    def bmm(self, mat2: Any) -> Tensor:
        """The products of two batches of matrices."""
        return words.bmm(self, mat2)

    def softmax(self, dim: int) -> Tensor:
        return softmaxes.softmax(self, dim)

    def log_softmax(self, dim: int) -> Tensor:
        return softmaxes.log_softmax(self, dim)

    def nonzero(self) -> Tensor:
        """The places of what is not 0, one a row."""
        return words.nonzero(self)

    # --- shape --------------------------------------------------------------------------------------------------
    def movedim(self, source: Any, destination: Any) -> Tensor:
        """PyTorch's word for moveaxis."""
        return shape.moveaxis(self, source, destination)

    def contiguous(self) -> Any:
        """The tensor itself: how it lies in memory is no matter here."""
        return self

    def nelement(self) -> int:
        """numel by its other name."""
        return bare(self).size

    def ndimension(self) -> int:
        """dim by its other name."""
        return bare(self).ndim

    # --- others like this one, on its device --------------------------------------------------------------------
    def new_tensor(self: Any, data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """`tensor(data)` in the dtype and on the device of this one."""
        return creation.tensor(data, dtype or self.dtype, device or self.device, requires_grad)

    def new_zeros(self: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """zeros of this dtype and on this device: new_zeros(2, 3) or new_zeros((2, 3))"""
        return creation.zeros(*size, dtype=dtype or self.dtype, device=device or self.device,
                              requires_grad=requires_grad)

    def new_ones(self: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """ones of this dtype and on this device: new_ones(2, 3) or new_ones((2, 3))"""
        return creation.ones(*size, dtype=dtype or self.dtype, device=device or self.device,
                             requires_grad=requires_grad)

    def new_full(self: Any, size: Any, fill_value: Any, dtype: Any = None, device: Any = None,
                 requires_grad: bool = False) -> Tensor:
        """full of this dtype and on this device."""
        return creation.full(size, fill_value, dtype or self.dtype, device or self.device, requires_grad)

    # --- types; last, because `int` and `bool` are types above --------------------------------------------------
    @property
    def is_cuda(self: Any) -> Any:
        """Whether it is on a GPU."""
        return self.device.startswith("cuda")

    def is_floating_point(self: Any) -> Any:
        """Whether its dtype is of floating point."""
        return self.dtype.kind in FLOATS

    def type(self: Any, dtype: Any) -> Tensor:
        """PyTorch's word for astype."""
        return self.astype(dtype)

    def type_as(self: Any, other: Tensor) -> Tensor:
        """In the dtype of another tensor and on its device."""
        return self.to(other)

    def long(self: Any) -> Tensor:
        """Converted to int64."""
        return self.astype("int64")

    def int(self: Any) -> Tensor:
        """Converted to int32."""
        return self.astype("int32")

    def bool(self: Any) -> Tensor:
        """Converted to bool."""
        return self.astype("bool")
