"""Numbers to vectors: rows of a table that is learned, and those of the identity matrix."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...backend import namespace
from ...ops.embedding import check_embedding
from ...ops.norms import norm
from ...ops.precision import widened
from ...tensor import bare, no_grad
from .common import has_values

__all__ = ["embedding", "one_hot"]


def embedding(input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Any:
    """The rows of `weight` that `input` names.   input (...) integers   weight (v, d)   ->   (..., d)

    padding_idx: a row that gets no gradient; -1 is the last. max_norm: rows that are looked up and whose norm (of order
    norm_type) is larger are first brought to it, in place. scale_grad_by_freq: the gradient of a row is divided by how
    often it is looked up. sparse=True raises ValueError: there are no sparse gradients here.
    """
    if sparse:
        raise ValueError("embedding: there are no sparse gradients here: leave out sparse=True")
    if max_norm is not None and has_values(input) and has_values(weight):
        check_embedding(bare(input), bare(weight), padding_idx)
        with no_grad():
            weight[input] = shortened(bare(weight)[bare(input)], max_norm, norm_type)
    return ops.embedding(input, weight, padding_idx, scale_grad_by_freq)


def shortened(rows: Any, max_norm: float, norm_type: float) -> Any:
    """Rows of an array, those that are longer than max_norm scaled down to it."""
    if not rows.size:
        return rows
    xp, wider = namespace(rows), widened(rows)
    length = norm(wider, norm_type, -1, True)
    factor = xp.where(length > max_norm, max_norm / (length + 1e-7), 1)     # PyTorch's, so that nothing is divided by 0
    return (wider * factor).astype(rows.dtype)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """1 at the class, 0 elsewhere: integers (...) -> int64 (..., num_classes), by default as many as tensor shows."""
    return ops.one_hot(tensor, num_classes)
