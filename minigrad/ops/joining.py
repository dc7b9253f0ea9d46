"""Primitives that join arrays to one, and that cut one into several."""

from __future__ import annotations

from math import prod
from typing import Any

from ..backend import library_of, namespace
from ..meta import spend
from ..misuse import check_ints
from ..op import op
from ..variadic import Variadic
from .indexing import getitem
from .shape import at_axis, in_both_words, normalized, reshape

__all__ = ["chunk", "concat", "split", "stack", "unstack"]

MANY = 2**16                    # of a longer axis, as the batch of a graph has, unstack would make an output each

# --- to one ---------------------------------------------------------------------------------------------------

@Variadic
def concat(arrays, axis=0):
    """The arrays one after the other along an axis that they have; with axis None flattened, as in NumPy."""
    xp = namespace(arrays[0])
    if axis is None:
        arrays, axis = [xp.reshape(x, (-1,)) for x in arrays], 0
    return xp.concatenate(arrays, axis=axis)

concat.gradient(arrays=lambda g, i, shapes, axis: (
    getitem(g, section(i, shapes, axis)) if axis is not None
    else reshape(getitem(g, section(i, [(prod(shape),) for shape in shapes], 0)), shapes[i])))


def section(i, shapes, axis):
    """Where the i-th of the arrays lies among all of them."""
    axis = normalized(axis, len(shapes[0]))
    start = sum([shape[axis] for shape in shapes[:i]])
    return at_axis(axis, slice(start, start + shapes[i][axis]))


@Variadic
def stack(arrays, axis=0):
    """The arrays side by side along a new axis."""
    return namespace(arrays[0]).stack(arrays, axis=axis)

stack.gradient(arrays=lambda g, i, shapes, axis: getitem(g, at_axis(normalized(axis, g.ndim), i)))


# --- to several -----------------------------------------------------------------------------------------------

@op
def split(x, n, axis=0):
    """Parts of x along `axis`, as a tuple: n equal ones, or cut before each of the indices n, as in NumPy.

    Raises ValueError where n does not divide the axis; `chunk` then makes the last part shorter.
    """
    check_ints("split", n=n)
    length = x.shape[normalized(axis, x.ndim, "split")] if x.ndim else 0
    if not x.ndim or isinstance(n, int) and (n < 1 or length % n):
        raise ValueError(f"split: axis {axis} of length {length} cannot be divided into {n} equal parts; "
                         "chunk(x, n, axis) makes the last one shorter" if x.ndim else "split: x has no axis to cut")
    if isinstance(n, int):
        spend(n)
    return tuple(namespace(x).split(x, n, axis=axis))

split.gradient(x=lambda g, axis: concat(g, axis))


@in_both_words
def chunk(x: Any, chunks: int, axis: int = 0) -> Any:
    """At most `chunks` parts of x along `axis`, all of the same length but the last one, as PyTorch's chunk cuts."""
    if not x.ndim or chunks < 1:
        raise ValueError(f"chunk: x needs an axis and chunks must be positive, x {x.shape} and {chunks} came")
    n = x.shape[normalized(axis, x.ndim, "chunk")]
    if not n:
        return split(x, chunks, axis)
    length = -(-n // chunks)
    spend(n // length)
    return split(x, list(range(length, n, length)), axis)


@op
def unstack(x, axis=0):
    """The slices of x along `axis`, which they lack, as a tuple: the opposite of stack. PyTorch calls it unbind."""
    if not x.ndim:
        raise ValueError("unstack: x has no axis")
    axis = normalized(axis, x.ndim, "unstack")
    n = x.shape[axis]
    if library_of(x) == "meta" and n > MANY:
        raise ValueError(f"unstack: {n} outputs are more than a graph can have; getitem picks one")
    return tuple([x[(*at_axis(axis, i), ...)] for i in range(n)])

unstack.gradient(x=lambda g, axis: stack(g, axis))
