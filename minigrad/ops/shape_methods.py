"""What changes a tensor's shape or picks from it, as methods, each one line to the op of the same name."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor, bare
from . import indexing, joining, products, repeating, shape, triangular
from .array_methods import axis_of


class ShapeMethods:
    """Of Tensor; see methods.py."""

    __slots__ = ()

    @property
    def T(self) -> Tensor:
        """A matrix transposed; more axes reversed."""
        return self.permute_dims(tuple(range(bare(self).ndim))[::-1])

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return self.swapaxes(-1, -2)

    def reshape(self, *new_shape: Any) -> Tensor:
        """reshape(2, 3) or reshape((2, 3))"""
        return shape.reshape(self, new_shape[0] if len(new_shape) == 1 else new_shape)

    def view(self, *new_shape: Any) -> Tensor:
        """PyTorch's word for reshape; strides are no matter here."""
        return self.reshape(*new_shape)

    def view_as(self, other: Tensor) -> Tensor:
        """In the shape of another tensor."""
        return shape.reshape(self, other.shape)

    def ravel(self) -> Tensor:
        """All axes as one, as NumPy calls it."""
        return shape.flatten(self)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """The axes from start_dim to end_dim as one."""
        return shape.flatten(self, start_dim, end_dim)

    def permute_dims(self, *axes: Any) -> Tensor:
        """permute_dims(1, 0) or permute_dims((1, 0))"""
        one = len(axes) == 1 and not hasattr(axes[0], "__index__")
        return shape.permute_dims(self, tuple(axes[0] if one else axes))

    def transpose(self, *axes: Any) -> Tensor:
        """As NumPy's: all axes reversed, or in the order given."""
        if len(axes) == 2 and bare(self).ndim > 2:
            raise ValueError(f"transpose: as NumPy's it takes all {bare(self).ndim} axes in their new order, {axes} "
                             f"came (x {bare(self).shape}): swapaxes{axes} exchanges two")
        return self.permute_dims(*axes) if axes not in ((), (None,)) else self.T

    def permute(self, *axes: Any) -> Tensor:
        """PyTorch's word for permute_dims."""
        return self.permute_dims(*axes)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged."""
        return shape.swapaxes(self, axis1, axis2)

    def moveaxis(self, source: Any, destination: Any) -> Tensor:
        """Axes moved to other places; the rest keep their order."""
        return shape.moveaxis(self, source, destination)

    def expand_dims(self, axis: Any) -> Tensor:
        return shape.expand_dims(self, axis)

    def unsqueeze(self, dim: int) -> Tensor:
        """PyTorch's word for expand_dims."""
        return shape.expand_dims(self, dim)

    def squeeze(self, axis: Any = None, *, dim: Any = None) -> Tensor:
        return shape.squeeze(self, axis_of(axis, dim))

    def broadcast_to(self, *new_shape: Any) -> Tensor:
        """broadcast_to(2, 3) or broadcast_to((2, 3))"""
        return shape.broadcast_to(self, new_shape[0] if len(new_shape) == 1 else new_shape)

    def expand(self, *new_shape: Any) -> Tensor:
        """PyTorch's broadcast_to, where -1 leaves a length as it is: expand(3, -1) or expand((3, -1))"""
        wanted = tuple(new_shape[0] if len(new_shape) == 1 and not isinstance(new_shape[0], int) else new_shape)
        lengths = (0,) * (len(wanted) - bare(self).ndim) + bare(self).shape
        if -1 in wanted[:len(wanted) - bare(self).ndim]:
            raise ValueError(f"expand: a new axis has no length of its own, {wanted} came for shape {bare(self).shape}")
        return shape.broadcast_to(self, tuple([n if m == -1 else m for m, n in zip(wanted, lengths, strict=False)]))

    def expand_as(self, other: Any) -> Tensor:
        """broadcast_to the shape of another tensor."""
        return shape.broadcast_to(self, other.shape)

    def t(self) -> Tensor:
        """PyTorch's word for the transpose of a matrix; a vector or a number as it is."""
        if bare(self).ndim > 2:
            raise ValueError(f"t: expected a matrix, the shape is {bare(self).shape}: mT exchanges the last two axes")
        return self.T

    def flip(self, *axis: Any, dims: Any = None) -> Tensor:
        """All axes in the opposite order, or those named: flip(0), flip(0, 1) or flip((0, 1))"""
        axes = (dims,) if dims is not None else axis
        return shape.flip(self, None if not axes else axes[0] if len(axes) == 1 else axes)

    def roll(self, shift: Any = None, axis: Any = None, *, shifts: Any = None, dims: Any = None) -> Tensor:
        return shape.roll(self, axis_of(shift, shifts), axis_of(axis, dims))

    def tile(self, *repetitions: Any) -> Tensor:
        """tile(2, 1) or tile((2, 1))"""
        return repeating.tile(self, repetitions[0] if len(repetitions) == 1 else repetitions)

    def repeat(self, repeats: Any, axis: Any = None, *more: int) -> Tensor:
        """NumPy's, element by element; PyTorch's x.repeat(2, 1) is tile(2, 1)."""
        if more:
            raise TypeError("repeat: as NumPy's it takes a number of times and an axis: to lay copies side by side is "
                            f"tile{(repeats, axis, *more)}")
        return repeating.repeat(self, repeats, axis)

    def repeat_interleave(self, repeats: Any, dim: Any = None) -> Tensor:
        """PyTorch's word for repeat."""
        return repeating.repeat(self, repeats, dim)

    def chunk(self, chunks: int, axis: int = 0, *, dim: Any = None) -> tuple[Tensor, ...]:
        """At most so many parts of equal length; the last may be shorter."""
        return joining.chunk(self, chunks, axis_of(axis, dim))

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """PyTorch's word for unstack."""
        return joining.unstack(self, dim)

    def tril(self, k: int = 0, *, diagonal: int | None = None) -> Tensor:
        return triangular.tril(self, k if diagonal is None else diagonal)

    def triu(self, k: int = 0, *, diagonal: int | None = None) -> Tensor:
        return triangular.triu(self, k if diagonal is None else diagonal)

    def diag(self, k: int = 0, *, diagonal: int | None = None) -> Tensor:
        """A matrix from its diagonal, or the diagonal of a matrix."""
        return triangular.diag(self, k if diagonal is None else diagonal)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1, *, dim1: Any = None,
                 dim2: Any = None) -> Tensor:
        return triangular.diagonal(self, offset, axis_of(axis1, dim1), axis_of(axis2, dim2))

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """The sums of diagonals of the matrices."""
        return triangular.trace(self, offset, axis1, axis2)

    def dot(self, other: Any) -> Tensor:
        """NumPy's dot: the product of vectors or matrices."""
        return products.dot(self, other)

    def outer(self, other: Any) -> Tensor:
        return products.outer(self, other)

    def inner(self, other: Any) -> Tensor:
        """The products summed over the last axes of both."""
        return products.inner(self, other)

    # --- picking and placing ----------------------------------------------------------------------------------
    def take(self, indices: Any, axis: Any = None) -> Tensor:
        return indexing.take(self, indices, axis)

    def gather(self, dim: int, index: Any) -> Tensor:
        return indexing.gather(self, dim, index)

    def scatter_add(self, dim: int, index: Any, src: Any) -> Tensor:
        return indexing.scatter_add(self, dim, index, src)

    def index_select(self, dim: int, index: Any) -> Tensor:
        """What stands at the places `index` along an axis."""
        return indexing.index_select(self, dim, index)

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        return indexing.masked_fill(self, mask, value)

    def masked_select(self, mask: Any) -> Tensor:
        """The elements where the mask is true, as a vector."""
        return indexing.masked_select(self, mask)

    def select(self, dim: int, index: int) -> Tensor:
        """PyTorch's x[:, index]: one slice along an axis, which goes."""
        return indexing.getitem(self, shape.at_axis(shape.normalized(dim, bare(self).ndim, "select"), index))

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """PyTorch's x[:, start:start + length], where all of it must be there; a negative start counts from the end."""
        axis = shape.normalized(dim, bare(self).ndim, "narrow")
        n = bare(self).shape[axis] if bare(self).ndim else 0
        first = start + n if start < 0 else start
        if not bare(self).ndim or length < 0 or not 0 <= first <= first + length <= n:
            raise ValueError(f"narrow: {length} elements from {start} are not all in axis {dim} of length {n}")
        return indexing.getitem(self, shape.at_axis(axis, slice(first, first + length)))
