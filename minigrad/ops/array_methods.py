"""A tensor's functions as methods, each one line to the op of the same name; see methods.py."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import (
    activations,
    cumulative,
    elementwise,
    error_function,
    exponential,
    logic,
    norms,
    reductions,
    rounding,
    sorting,
    trigonometry,
)


def axis_of(axis: Any, dim: Any) -> Any:
    """`dim` is understood as PyTorch's word for `axis`."""
    return axis if dim is None else dim


def correction_of(correction: Any, ddof: Any, unbiased: Any) -> Any:
    """`ddof` is understood as NumPy's word for `correction`, `unbiased=True` as PyTorch's for 1."""
    return unbiased if unbiased is not None else ddof if ddof is not None else correction


class ArrayMethods:
    """Of Tensor; see methods.py."""

    __slots__ = ()

    # --- of every element -------------------------------------------------------------------------------------
    def exp(self) -> Tensor:
        return elementwise.exp(self)

    def log(self) -> Tensor:
        return elementwise.log(self)

    def sqrt(self) -> Tensor:
        return elementwise.sqrt(self)

    def rsqrt(self) -> Tensor:
        return elementwise.rsqrt(self)

    def reciprocal(self) -> Tensor:
        return elementwise.reciprocal(self)

    def square(self) -> Tensor:
        return elementwise.square(self)

    def abs(self) -> Tensor:
        return elementwise.abs(self)

    def negative(self) -> Tensor:
        return elementwise.negative(self)

    def tanh(self) -> Tensor:
        return elementwise.tanh(self)

    def sigmoid(self) -> Tensor:
        return elementwise.sigmoid(self)

    def exp2(self) -> Tensor:
        return exponential.exp2(self)

    def expm1(self) -> Tensor:
        return exponential.expm1(self)

    def log1p(self) -> Tensor:
        return exponential.log1p(self)

    def log2(self) -> Tensor:
        return exponential.log2(self)

    def log10(self) -> Tensor:
        return exponential.log10(self)

    def sin(self) -> Tensor:
        return trigonometry.sin(self)

    def cos(self) -> Tensor:
        return trigonometry.cos(self)

    def tan(self) -> Tensor:
        return trigonometry.tan(self)

    def asin(self) -> Tensor:
        return trigonometry.asin(self)

    def acos(self) -> Tensor:
        return trigonometry.acos(self)

    def atan(self) -> Tensor:
        return trigonometry.atan(self)

    def sinh(self) -> Tensor:
        return trigonometry.sinh(self)

    def cosh(self) -> Tensor:
        return trigonometry.cosh(self)

    def asinh(self) -> Tensor:
        return trigonometry.asinh(self)

    def acosh(self) -> Tensor:
        return trigonometry.acosh(self)

    def atanh(self) -> Tensor:
        return trigonometry.atanh(self)

    def erf(self) -> Tensor:
        return error_function.erf(self)

    def erfc(self) -> Tensor:
        return error_function.erfc(self)

    def sign(self) -> Tensor:
        return elementwise.sign(self)

    def floor(self) -> Tensor:
        return rounding.floor(self)

    def ceil(self) -> Tensor:
        return rounding.ceil(self)

    def trunc(self) -> Tensor:
        return rounding.trunc(self)

    def relu(self) -> Tensor:
        return activations.relu(self)

    def isnan(self) -> Tensor:
        return logic.isnan(self)

    def isinf(self) -> Tensor:
        return logic.isinf(self)

    def isfinite(self) -> Tensor:
        return logic.isfinite(self)

    def logical_not(self) -> Tensor:
        return logic.logical_not(self)

    def round(self, decimals: int = 0) -> Tensor:
        return rounding.round(self, decimals)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return rounding.clip(self, min, max)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """PyTorch's word for clip."""
        return rounding.clip(self, min, max)

    # --- of two ------------------------------------------------------------------------------------------------
    def maximum(self, other: Any) -> Tensor:
        return elementwise.maximum(self, other)

    def minimum(self, other: Any) -> Tensor:
        return elementwise.minimum(self, other)

    def remainder(self, other: Any) -> Tensor:
        return elementwise.remainder(self, other)

    def floor_divide(self, other: Any) -> Tensor:
        return elementwise.floor_divide(self, other)

    def logaddexp(self, other: Any) -> Tensor:
        return exponential.logaddexp(self, other)

    def atan2(self, other: Any) -> Tensor:
        return trigonometry.atan2(self, other)

    def hypot(self, other: Any) -> Tensor:
        return trigonometry.hypot(self, other)

    def copysign(self, other: Any) -> Tensor:
        return rounding.copysign(self, other)

    def logical_and(self, other: Any) -> Tensor:
        return logic.logical_and(self, other)

    def logical_or(self, other: Any) -> Tensor:
        return logic.logical_or(self, other)

    def logical_xor(self, other: Any) -> Tensor:
        return logic.logical_xor(self, other)

    def bitwise_and(self, other: Any) -> Tensor:
        return logic.bitwise_and(self, other)

    def bitwise_or(self, other: Any) -> Tensor:
        return logic.bitwise_or(self, other)

    def bitwise_xor(self, other: Any) -> Tensor:
        return logic.bitwise_xor(self, other)

    def where(self, condition: Any, other: Any) -> Tensor:
        """This tensor where the condition holds, else `other`, as PyTorch's method does."""
        return elementwise.where(condition, self, other)

    def lerp(self, end: Any, weight: Any) -> Tensor:
        return elementwise.lerp(self, end, weight)

    # --- PyTorch's words ---------------------------------------------------------------------------------------
    def neg(self) -> Tensor:
        """PyTorch's word for negative."""
        return elementwise.negative(self)

    def add(self, other: Any) -> Tensor:
        """PyTorch's word for add."""
        return elementwise.add(self, other)

    def sub(self, other: Any) -> Tensor:
        """PyTorch's word for subtract."""
        return elementwise.subtract(self, other)

    def mul(self, other: Any) -> Tensor:
        """PyTorch's word for multiply."""
        return elementwise.multiply(self, other)

    def div(self, other: Any) -> Tensor:
        """PyTorch's word for divide."""
        return elementwise.divide(self, other)

    def pow(self, exponent: Any) -> Tensor:
        """PyTorch's word for power."""
        return elementwise.power(self, exponent)

    def bitwise_not(self) -> Tensor:
        """PyTorch's word for bitwise_invert."""
        return logic.bitwise_invert(self)

    def eq(self, other: Any) -> Tensor:
        """PyTorch's word for equal."""
        return logic.equal(self, other)

    def ne(self, other: Any) -> Tensor:
        """PyTorch's word for not_equal."""
        return logic.not_equal(self, other)

    def lt(self, other: Any) -> Tensor:
        """PyTorch's word for less."""
        return logic.less(self, other)

    def le(self, other: Any) -> Tensor:
        """PyTorch's word for less_equal."""
        return logic.less_equal(self, other)

    def gt(self, other: Any) -> Tensor:
        """PyTorch's word for greater."""
        return logic.greater(self, other)

    def ge(self, other: Any) -> Tensor:
        """PyTorch's word for greater_equal."""
        return logic.greater_equal(self, other)

    # --- reductions -------------------------------------------------------------------------------------------
    def sum(self, axis: Any = None, keepdims: bool = False, *, dtype: Any = None, dim: Any = None,
            keepdim: bool = False) -> Tensor:
        return reductions.sum(self, axis_of(axis, dim), keepdims or keepdim, dtype)

    def mean(self, axis: Any = None, keepdims: bool = False, *, dtype: Any = None, dim: Any = None,
             keepdim: bool = False) -> Tensor:
        return reductions.mean(self, axis_of(axis, dim), keepdims or keepdim, dtype)

    def max(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reductions.max(self, axis_of(axis, dim), keepdims or keepdim)

    def min(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reductions.min(self, axis_of(axis, dim), keepdims or keepdim)

    def var(self, axis: Any = None, correction: Any = 0, keepdims: bool = False, *, dim: Any = None,
            keepdim: bool = False, ddof: Any = None, unbiased: bool | None = None) -> Tensor:
        return reductions.var(self, axis_of(axis, dim), correction_of(correction, ddof, unbiased), keepdims or keepdim)

    def std(self, axis: Any = None, correction: Any = 0, keepdims: bool = False, *, dim: Any = None,
            keepdim: bool = False, ddof: Any = None, unbiased: bool | None = None) -> Tensor:
        """The square root of the variance over `axis`; see `var`."""
        return reductions.std(self, axis_of(axis, dim), correction_of(correction, ddof, unbiased), keepdims or keepdim)

    def logsumexp(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reductions.logsumexp(self, axis_of(axis, dim), keepdims or keepdim)

    def any(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reductions.any(self, axis_of(axis, dim), keepdims or keepdim)

    def all(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reductions.all(self, axis_of(axis, dim), keepdims or keepdim)

    def argmax(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reductions.argmax(self, axis_of(axis, dim), keepdims or keepdim)

    def argmin(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reductions.argmin(self, axis_of(axis, dim), keepdims or keepdim)

    def amax(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        """PyTorch's word for max over one or several axes."""
        return reductions.max(self, axis_of(axis, dim), keepdims or keepdim)

    def amin(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False) -> Tensor:
        """PyTorch's word for min over one or several axes."""
        return reductions.min(self, axis_of(axis, dim), keepdims or keepdim)

    def prod(self, axis: Any = None, keepdims: bool = False, *, dtype: Any = None, dim: Any = None,
             keepdim: bool = False) -> Tensor:
        return reductions.prod(self, axis_of(axis, dim), keepdims or keepdim, dtype)

    def count_nonzero(self, axis: Any = None, keepdims: bool = False, *, dim: Any = None,
                      keepdim: bool = False) -> Tensor:
        return reductions.count_nonzero(self, axis_of(axis, dim), keepdims or keepdim)

    def norm(self, ord: Any = 2, axis: Any = None, keepdims: bool = False, *, p: Any = None, dim: Any = None,
             keepdim: bool = False) -> Tensor:
        return norms.norm(self, ord if p is None else p, axis_of(axis, dim), keepdims or keepdim)

    # --- along an axis -----------------------------------------------------------------------------------------
    def cumsum(self, axis: Any = None, dtype: Any = None, *, dim: Any = None) -> Tensor:
        """The sums up to each element along `axis`, by default of the flattened array."""
        return cumulative.cumsum(self, axis_of(axis, dim), dtype)

    def cumprod(self, axis: Any = None, dtype: Any = None, *, dim: Any = None) -> Tensor:
        """The products up to each element along `axis`, by default of the flattened array."""
        return cumulative.cumprod(self, axis_of(axis, dim), dtype)

    def sort(self, axis: int = -1, descending: bool = False, stable: bool = True, *, dim: Any = None) -> Tensor:
        return sorting.sort(self, axis_of(axis, dim), descending, stable)

    def argsort(self, axis: int = -1, descending: bool = False, stable: bool = True, *, dim: Any = None) -> Tensor:
        return sorting.argsort(self, axis_of(axis, dim), descending, stable)

    def topk(self, k: int, axis: int = -1, largest: bool = True, sorted: bool = True, *,
             dim: Any = None) -> tuple[Tensor, Tensor]:
        return sorting.topk(self, k, axis_of(axis, dim), largest, sorted)
