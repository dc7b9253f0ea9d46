"""Normalisation."""

from __future__ import annotations

from typing import Any

from ..fused import fused
from .elementwise import sqrt
from .kernels import kernel
from .reductions import mean, narrowed, widened
from .shape import reshape

__all__ = ["batch_norm_eval", "batch_norm_train", "layer_norm"]


def channels(x: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """All axes but the channels', and the shape that lets a vector (c,) broadcast against x (n, c, ...)."""
    return (0, *range(2, len(x.shape))), (1, x.shape[1]) + (1,) * (len(x.shape) - 2)


def as_shape(normalized_shape: Any) -> tuple[int, ...]:
    """layer_norm's normalized_shape, an int or a sequence, as a tuple."""
    return tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (int(normalized_shape),)


def check_batch_norm(x: Any, eps: float, positive: bool, **vectors: Any) -> None:
    """Errors for shapes that do not fit together, and for an eps that may divide by 0."""
    if len(x.shape) < 2:
        raise ValueError(f"batch_norm: expected x (n, c) or (n, c, ...), it has shape {x.shape}")
    if not positive:
        raise ValueError(f"batch_norm: eps must be > 0 in training and >= 0 in evaluation, {eps} came")
    for name, v in vectors.items():
        if v is not None and v.shape != x.shape[1:2]:
            raise ValueError(f"batch_norm: {name} must be ({x.shape[1]},), one for each channel of x {x.shape}; "
                             f"it is {v.shape}")


def check_layer_norm(x, normalized_shape, weight, bias, eps):
    """Errors for shapes that do not fit together."""
    shape = as_shape(normalized_shape)
    if not shape or x.shape[-len(shape):] != shape:
        raise ValueError(f"layer_norm: normalized_shape {shape} must be the last axes of x, which is {x.shape}")
    for name, v in (("weight", weight), ("bias", bias)):
        if v is not None and v.shape != shape:
            raise ValueError(f"layer_norm: {name} must be {shape}, as normalized_shape; it is {v.shape}")


def scaled(x, weight, bias, shape):
    """x * weight + bias, either of which may be None."""
    if weight is not None:
        x = x * reshape(weight, shape)
    return x if bias is None else x + reshape(bias, shape)


@fused
def batch_norm_train(x, weight=None, bias=None, eps=1e-5):
    """Whiten every channel over its batch, then scale and shift.

    x (n, c) or (n, c, ...)   weight, bias (c,)   ->   y like x, mean (c,), var (c,), the biased variance
    y = (x - mean) / sqrt(var + eps) * weight + bias
    Pure: who wants running statistics makes them from mean and var, and gives x in float32 where var may be too large
    for float16. Raises ValueError for vectors that are not (c,), and for eps <= 0. Ioffe & Szegedy 2015, algorithm 1.
    """
    axes, row = channels(x)
    wide = widened(x)
    mu = mean(wide, axes, True)                                             # (1, c, 1, 1)
    centred = wide - mu
    variance = mean(centred * centred, axes, True)
    y = narrowed(scaled(centred / sqrt(variance + eps), weight, bias, row), x)
    mu, variance = [narrowed(reshape(statistic, (x.shape[1],)), x) for statistic in (mu, variance)]
    return y, mu, variance

batch_norm_train.rules(
    x="gx = weight / sqrt(var + eps) * (g - mean(g) - xhat * mean(g * xhat)): the batch's statistics move too",
    weight="gweight = sum(g * xhat), xhat = (x - mean) / sqrt(var + eps)",
    bias="gbias = sum(g)",
)
batch_norm_train.checked_by(lambda x, weight, bias, eps: (
    check_batch_norm(x, eps, eps > 0, weight=weight, bias=bias)))
kernel(batch_norm_train, "numpy", "norm")


@fused
def batch_norm_eval(x, mean, var, weight=None, bias=None, eps=1e-5):
    """Batch normalisation with given statistics, as in evaluation: every channel is scaled and shifted by constants.

    x (n, c) or (n, c, ...)   mean, var, weight, bias (c,)   ->   y like x
    y = (x - mean) / sqrt(var + eps) * weight + bias. Raises ValueError for vectors that are not (c,), and for eps < 0.
    Ioffe & Szegedy 2015, algorithm 2.
    """
    row = channels(x)[1]
    whitened = (widened(x) - reshape(mean, row)) / sqrt(widened(reshape(var, row)) + eps)
    return narrowed(scaled(whitened, weight, bias, row), x)

batch_norm_eval.rules(
    x="gx = g * weight / sqrt(var + eps): the statistics are constants here",
    mean="gmean = -sum(g) * weight / sqrt(var + eps)",
    var="gvar = -sum(g * (x - mean)) * weight / (2 * (var + eps)^(3/2))",
    weight="gweight = sum(g * xhat), xhat = (x - mean) / sqrt(var + eps)",
    bias="gbias = sum(g)",
)
batch_norm_eval.checked_by(lambda x, mean, var, weight, bias, eps: (
    check_batch_norm(x, eps, eps >= 0, mean=mean, var=var, weight=weight, bias=bias)))


@fused
def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Whiten every sample over its last axes, then scale and shift.

    x (..., *normalized_shape)   weight, bias normalized_shape   ->   y like x
    y = (x - mean) / sqrt(var + eps) * weight + bias, mean and biased var over the last axes. Ba et al. 2016, eq. 3.
    Raises ValueError where normalized_shape is not x's last axes.
    """
    shape = as_shape(normalized_shape)
    axes = tuple(range(-len(shape), 0))
    wide = widened(x)
    centred = wide - mean(wide, axes, True)
    variance = mean(centred * centred, axes, True)
    return narrowed(scaled(centred / sqrt(variance + eps), weight, bias, shape), x)

layer_norm.rules(
    x="gx = (h - mean(h) - xhat * mean(h * xhat)) / sqrt(var + eps), h = g * weight, means over the normalised axes",
    weight="gweight = sum(g * xhat) over the samples, xhat = (x - mean) / sqrt(var + eps)",
    bias="gbias = sum(g) over the samples",
)
layer_norm.checked_by(check_layer_norm)
kernel(layer_norm, "numpy", "norm")
