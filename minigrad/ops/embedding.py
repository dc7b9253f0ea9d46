"""Rows of a table, looked up by number."""

from __future__ import annotations

import numpy

from ..backend import library_of, namespace
from ..op import op
from .creation import FLOAT
from .elementwise import gate, ones_like
from .indexing import put, take
from .logic import not_equal
from .shape import expand_dims

__all__ = ["embedding"]


@op
def embedding(x, weight, padding_idx=None, scale_grad_by_freq=False):
    """The row of a table for each number: y[...] = weight[x[...]].

    x (...) integers from 0 to v - 1   weight (v, d)   ->   y (..., d)
    padding_idx: a row that gets no gradient; -1 is the last.   scale_grad_by_freq: a row that is looked up k times gets
    the mean of the k gradients, not their sum.
    Raises TypeError for numbers that are no integers; IndexError, on the CPU, for one that has no row.
    """
    check_embedding(x, weight, padding_idx)
    return namespace(weight).take(weight, x, axis=0)

embedding.gradient(weight=lambda g, x, weight_shape, padding_idx, scale_grad_by_freq: (
    put(due(g, x, weight_shape[0], padding_idx, scale_grad_by_freq), weight_shape, (x,))))


def due(g, x, rows, padding_idx, scale_grad_by_freq):
    """What of the gradient goes to the rows: nothing to the padding, and each row its mean if that is asked for."""
    if padding_idx is not None:
        g = gate(g, expand_dims(not_equal(x, padding_idx % rows), -1))
    if scale_grad_by_freq:
        counts = put(ones_like(x, FLOAT), (rows,), (x,))
        g = g / expand_dims(take(counts, x, 0), -1)
    return g


def check_embedding(x, weight, padding_idx):
    """Errors for a table that is none, and for numbers that have no row in it."""
    shapes = f"(x {x.shape}, weight {weight.shape})"
    if x.dtype.kind not in "iu":
        raise TypeError(f"embedding: x must hold integers, the numbers of rows, it is {x.dtype} {shapes}")
    if len(weight.shape) != 2:
        raise ValueError(f"embedding: weight must be (num_embeddings, embedding_dim) {shapes}")
    rows = weight.shape[0]
    check_padding("embedding", padding_idx, rows)
    if library_of(x) != "numpy" or not x.size or x.min() >= 0 and x.max() < rows:
        return
    at = tuple(int(i) for i in numpy.argwhere((x < 0) | (x >= rows))[0])
    raise IndexError(f"embedding: x{list(at) if at else ''} is {x[at]}, but there are {rows} embeddings, 0 to "
                     f"{rows - 1} {shapes}")


def check_padding(who, padding_idx, rows):
    """An error for a padding that is no row."""
    if padding_idx is not None and not -rows <= padding_idx < max(rows, 1):
        raise ValueError(f"{who}: padding_idx must be in [{-rows}, {rows - 1}], {padding_idx} came")
