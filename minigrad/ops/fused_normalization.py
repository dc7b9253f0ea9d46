"""What stands in a row in residual networks, as one op: batch normalisation, the addition of a shortcut, relu.

A graph runs these in place of such neighbours: each element is then read and written once where it was three times.
"""

from __future__ import annotations

from typing import Any

from ..fused import fused
from .activations import relu
from .kernels import kernel
from .normalization import batch_norm_eval, batch_norm_train, check_batch_norm

__all__ = ["add_relu", "batch_norm_relu_eval", "batch_norm_relu_train"]


def check_residual(x: Any, residual: Any) -> None:
    """An error for a residual that is not like x."""
    if residual is not None and (residual.shape != x.shape or residual.dtype != x.dtype):
        raise ValueError(f"batch_norm: residual must be like x {x.shape} {x.dtype}, "
                         f"it is {residual.shape} {residual.dtype}")


@fused
def batch_norm_relu_train(x, weight=None, bias=None, eps=1e-5, residual=None):
    """relu(batch_norm_train(x, weight, bias, eps) + residual), and the batch's statistics.

    x, residual (n, c) or (n, c, ...)   weight, bias (c,)   ->   y like x, mean (c,), var (c,), the biased variance
    residual None is none. Raises ValueError as batch_norm_train, and for a residual that is not like x.
    He et al. 2016, figure 2.
    """
    y, mean, var = batch_norm_train(x, weight, bias, eps)
    return relu(y if residual is None else y + residual), mean, var

batch_norm_relu_train.rules(
    x="gx = weight / sqrt(var + eps) * (h - mean(h) - xhat * mean(h * xhat)), h = g where y > 0, else 0",
    weight="gweight = sum(h * xhat), xhat = (x - mean) / sqrt(var + eps), h = g where y > 0, else 0",
    bias="gbias = sum(h), h = g where y > 0, else 0",
    residual="gresidual = g where y > 0, else 0",
)


def check_relu_train(x: Any, weight: Any, bias: Any, eps: float, residual: Any) -> None:
    """Errors for arguments that do not fit together."""
    check_batch_norm(x, eps, eps > 0, weight=weight, bias=bias)
    check_residual(x, residual)


batch_norm_relu_train.checked_by(check_relu_train)
kernel(batch_norm_relu_train, "numpy", "batch_norm")


@fused
def batch_norm_relu_eval(x, mean, var, weight=None, bias=None, eps=1e-5, residual=None):
    """relu(batch_norm_eval(x, mean, var, weight, bias, eps) + residual).

    x, residual (n, c) or (n, c, ...)   mean, var, weight, bias (c,)   ->   y like x
    residual None is none. Raises ValueError as batch_norm_eval, and for a residual that is not like x.
    """
    y = batch_norm_eval(x, mean, var, weight, bias, eps)
    return relu(y if residual is None else y + residual)

batch_norm_relu_eval.rules(
    x="gx = h * weight / sqrt(var + eps), h = g where y > 0, else 0",
    mean="gmean = -sum(h) * weight / sqrt(var + eps), h = g where y > 0, else 0",
    var="gvar = -sum(h * (x - mean)) * weight / (2 * (var + eps)^(3/2)), h = g where y > 0, else 0",
    weight="gweight = sum(h * xhat), xhat = (x - mean) / sqrt(var + eps), h = g where y > 0, else 0",
    bias="gbias = sum(h), h = g where y > 0, else 0",
    residual="gresidual = g where y > 0, else 0",
)


def check_relu_eval(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float, residual: Any) -> None:
    """Errors for arguments that do not fit together."""
    check_batch_norm(x, eps, eps >= 0, mean=mean, var=var, weight=weight, bias=bias)
    check_residual(x, residual)


batch_norm_relu_eval.checked_by(check_relu_eval)
kernel(batch_norm_relu_eval, "numpy", "batch_norm")


@fused
def add_relu(a, b):
    """relu(a + b), of arrays that broadcast against each other."""
    return relu(a + b)

add_relu.rules(a="ga = g where y > 0, else 0", b="gb = g where y > 0, else 0")
kernel(add_relu, "numpy", "activations")
