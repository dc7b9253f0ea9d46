"""Functions that multiply by a weight matrix, and those that only look up its rows."""

from __future__ import annotations

from math import inf
from typing import Any

from ... import ops
from ...backend import namespace
from ...ops.embedding import check_embedding
from ...ops.reductions import widened
from ...tensor import bare, no_grad
from .common import has_values

__all__ = ["bilinear", "embedding", "linear"]


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input (..., in)   weight (out, in)   bias (out,)   ->   input weight^T + bias (..., out)

    A weight (in,) is a single row, and the output (...) has no axis for it.
    """
    if len(weight.shape) == 1 and bias is None:
        return ops.squeeze(ops.linear(input, ops.expand_dims(weight, 0)), -1)
    return ops.linear(input, weight, bias)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """input1 (..., i)   input2 (..., j)   weight (out, i, j)   bias (out,)   ->   (..., out)

    y[k] = input1^T weight[k] input2 + bias[k]
    """
    return ops.bilinear(input1, input2, weight, bias)


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
    xp, wider = namespace(rows), widened(rows)
    size = xp.abs(wider)
    if norm_type == inf:
        norm = xp.max(size, axis=-1, keepdims=True, initial=0)
    elif norm_type == 0:
        norm = xp.sum(size != 0, axis=-1, keepdims=True, dtype=size.dtype)
    else:
        norm = xp.sum(size ** norm_type, axis=-1, keepdims=True) ** (1 / norm_type)
    factor = xp.where(norm > max_norm, max_norm / (norm + 1e-7), 1)         # PyTorch's, so that nothing is divided by 0
    return (wider * factor).astype(rows.dtype)
