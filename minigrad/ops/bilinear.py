"""A layer's product of two inputs."""

from __future__ import annotations

from ..fused import fused
from .linalg import linear
from .shape import expand_dims, reshape

__all__ = ["bilinear"]


@fused
def bilinear(x1, x2, weight, bias=None):
    """A number for each pair of rows and each of k matrices: y[k] = x1^T weight[k] x2 + bias[k].

    x1 (..., i)   x2 (..., j)   weight (k, i, j)   bias (k,)   ->   y (..., k)
    A linear map of all products of an element of x1 with one of x2.
    Raises ValueError for shapes that do not fit together.
    """
    k, i, j = weight.shape
    pairs = expand_dims(x1, -1) * expand_dims(x2, -2)                           # (..., i, 1) (..., 1, j) -> (..., i, j)
    return linear(reshape(pairs, (*pairs.shape[:-2], i * j)), reshape(weight, (k, i * j)), bias)

bilinear.rules(
    x1="gx1 = sum over k of g[k] * (weight[k] x2)",
    x2="gx2 = sum over k of g[k] * (weight[k]^T x1)",
    weight="gweight[k] = g[k] * x1 x2^T, summed over the batch",
    bias="gbias = g, summed over the batch",
)


def check_bilinear(x1, x2, weight, bias):
    """Errors for shapes that do not fit together."""
    shapes = f"(x1 {x1.shape}, x2 {x2.shape}, weight {weight.shape})"
    if len(weight.shape) != 3:
        raise ValueError(f"bilinear: weight must be (out, in1, in2) {shapes}")
    for name, x, features in (("x1", x1, weight.shape[1]), ("x2", x2, weight.shape[2])):
        if x.shape[-1:] != (features,):
            raise ValueError(f"bilinear: weight expects {features} features on the last axis of {name} {shapes}")
    if x1.shape[:-1] != x2.shape[:-1]:
        raise ValueError(f"bilinear: x1 and x2 must have the same leading axes {shapes}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bilinear: bias must be {weight.shape[:1]}, one for each output, it is {bias.shape} {shapes}")


bilinear.checked_by(check_bilinear)
