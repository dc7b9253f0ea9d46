"""Products with a weight matrix."""

from __future__ import annotations

from typing import Any

from ... import ops

__all__ = ["bilinear", "linear"]


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input (..., in)   weight (out, in)   bias (out,) or ()   ->   input weight^T + bias (..., out)

    A weight (in,) is a single row, its bias (), and the output (...) has no axis for it.
    """
    row = len(weight.shape) == 1
    weight = ops.expand_dims(weight, 0) if row and (bias is None or bias.shape == ()) else weight
    if bias is not None and bias.shape == ():
        bias = ops.broadcast_to(bias, weight.shape[:1])
    y = ops.linear(input, weight, bias)
    return ops.squeeze(y, -1) if row else y


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """input1 (..., i)   input2 (..., j)   weight (out, i, j)   bias (out,)   ->   (..., out)

    y[k] = input1^T weight[k] input2 + bias[k]
    """
    return ops.bilinear(input1, input2, weight, bias)
