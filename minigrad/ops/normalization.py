"""Normalisation by means and variances. local_normalization.py has what divides by a norm.

The mean is taken out before squares are summed: |mean| >> std costs no precision.
"""

from __future__ import annotations

from math import prod
from typing import Any

from ..fused import fused
from .elementwise import sqrt
from .kernels import kernel
from .precision import check_floating, narrowed, widened
from .reductions import mean
from .shape import reshape

__all__ = ["batch_norm_eval", "batch_norm_train", "group_norm", "instance_norm_train", "layer_norm", "rms_norm"]


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
    check_floating(x)
    check_vectors("batch_norm", x, **vectors)


def check_vectors(what: str, x: Any, **vectors: Any) -> None:
    """Errors for vectors that have not one element for each channel; None is no vector."""
    for name, v in vectors.items():
        if v is not None and v.shape != x.shape[1:2]:
            raise ValueError(f"{what}: {name} must be ({x.shape[1]},), one for each channel of x {x.shape}; "
                             f"it is {v.shape}")


def check_last_axes(what: str, x: Any, normalized_shape: Any, **parameters: Any) -> None:
    """Errors for a normalized_shape that is not x's last axes, and for parameters of another shape."""
    check_floating(x)
    shape = as_shape(normalized_shape)
    if not shape or x.shape[-len(shape):] != shape:
        raise ValueError(f"{what}: normalized_shape {shape} must be the last axes of x, which is {x.shape}")
    for name, v in parameters.items():
        if v is not None and v.shape != shape:
            raise ValueError(f"{what}: {name} must be {shape}, as normalized_shape; it is {v.shape}")


def whitened(x, axes, eps):
    """x with mean 0 and variance 1 over `axes`; and the mean and the biased variance that it had, axes kept."""
    mu = mean(x, axes, True)
    centred = x - mu
    variance = mean(centred * centred, axes, True)
    return centred / sqrt(variance + eps), mu, variance


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
    xhat, mu, variance = whitened(widened(x), axes, eps)                    # mu and variance (1, c, 1, 1)
    y = narrowed(scaled(xhat, weight, bias, row), x)
    mu, variance = [narrowed(reshape(statistic, (x.shape[1],)), x) for statistic in (mu, variance)]
    return y, mu, variance

batch_norm_train.rules(
    x="gx = weight / sqrt(var + eps) * (g - mean(g) - xhat * mean(g * xhat)): the batch's statistics move too",
    weight="gweight = sum(g * xhat), xhat = (x - mean) / sqrt(var + eps)",
    bias="gbias = sum(g)",
)
batch_norm_train.checked_by(lambda x, weight, bias, eps: (
    check_batch_norm(x, eps, eps > 0, weight=weight, bias=bias)))
kernel(batch_norm_train, "numpy", "batch_norm")


@fused
def batch_norm_eval(x, mean, var, weight=None, bias=None, eps=1e-5):
    """Batch normalisation with given statistics, as in evaluation: every channel is scaled and shifted by constants.

    x (n, c) or (n, c, ...)   mean, var, weight, bias (c,)   ->   y like x
    y = (x - mean) / sqrt(var + eps) * weight + bias. Raises ValueError for vectors that are not (c,), and for eps < 0.
    Ioffe & Szegedy 2015, algorithm 2.
    """
    row = channels(x)[1]
    xhat = (widened(x) - reshape(mean, row)) / sqrt(widened(reshape(var, row)) + eps)
    return narrowed(scaled(xhat, weight, bias, row), x)

batch_norm_eval.rules(
    x="gx = g * weight / sqrt(var + eps): the statistics are constants here",
    mean="gmean = -sum(g) * weight / sqrt(var + eps)",
    var="gvar = -sum(g * (x - mean)) * weight / (2 * (var + eps)^(3/2))",
    weight="gweight = sum(g * xhat), xhat = (x - mean) / sqrt(var + eps)",
    bias="gbias = sum(g)",
)
batch_norm_eval.checked_by(lambda x, mean, var, weight, bias, eps: (
    check_batch_norm(x, eps, eps >= 0, mean=mean, var=var, weight=weight, bias=bias)))
kernel(batch_norm_eval, "numpy", "batch_norm")


@fused
def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Whiten every sample over its last axes, then scale and shift.

    x (..., *normalized_shape)   weight, bias normalized_shape   ->   y like x
    y = (x - mean) / sqrt(var + eps) * weight + bias, mean and biased var over the last axes. Ba et al. 2016, eq. 3.
    Raises ValueError where normalized_shape is not x's last axes.
    """
    shape = as_shape(normalized_shape)
    xhat, _, _ = whitened(widened(x), tuple(range(-len(shape), 0)), eps)
    return narrowed(scaled(xhat, weight, bias, shape), x)

layer_norm.rules(
    x="gx = (h - mean(h) - xhat * mean(h * xhat)) / sqrt(var + eps), h = g * weight, means over the normalised axes",
    weight="gweight = sum(g * xhat) over the samples, xhat = (x - mean) / sqrt(var + eps)",
    bias="gbias = sum(g) over the samples",
)
layer_norm.checked_by(lambda x, normalized_shape, weight, bias, eps: (
    check_last_axes("layer_norm", x, normalized_shape, weight=weight, bias=bias)))
kernel(layer_norm, "numpy", "layer_norm")


@fused
def rms_norm(x, normalized_shape, weight=None, eps=None):
    """Divide every sample by its root mean square over the last axes, then scale.

    x (..., *normalized_shape)   weight normalized_shape   ->   y like x
    y = x / sqrt(mean(x^2) + eps) * weight; eps None is the machine epsilon of the precision in which it is computed,
    2^-52 for float64, else 2^-23. Zhang & Sennrich 2019, eq. 4.
    Raises ValueError where normalized_shape is not x's last axes.
    """
    shape, wide = as_shape(normalized_shape), widened(x)
    if eps is None:
        eps = 2.0 ** -52 if str(wide.dtype) == "float64" else 2.0 ** -23
    scale = sqrt(mean(wide * wide, tuple(range(-len(shape), 0)), True) + eps)
    return narrowed(scaled(wide / scale, weight, None, shape), x)

rms_norm.rules(
    x="gx = (h - xhat * mean(h * xhat)) / rms, h = g * weight, xhat = x / rms, means over the normalised axes",
    weight="gweight = sum(g * xhat) over the samples",
)
rms_norm.checked_by(lambda x, normalized_shape, weight, eps: (
    check_last_axes("rms_norm", x, normalized_shape, weight=weight)))
kernel(rms_norm, "numpy", "layer_norm")


# --- over a part of the channels ------------------------------------------------------------------------------

@fused
def group_norm(x, num_groups, weight=None, bias=None, eps=1e-5):
    """Whiten every group of channels of every sample, then scale and shift every channel.

    x (n, c) or (n, c, ...)   weight, bias (c,)   ->   y like x
    y = (x - mean) / sqrt(var + eps) * weight + bias, mean and biased var over a group's c/num_groups channels and all
    places. One group is layer_norm over (c, ...), c groups are instance_norm. Wu & He 2018, eq. 1 and 7.
    Raises ValueError for channels that cannot be divided into the groups, and vectors that are not (c,).
    """
    groups = (x.shape[0], num_groups, prod(x.shape[1:]) // num_groups)
    xhat, _, _ = whitened(reshape(widened(x), groups), 2, eps)
    return narrowed(scaled(reshape(xhat, x.shape), weight, bias, channels(x)[1]), x)

group_norm.rules(
    x="gx = (h - mean(h) - xhat * mean(h * xhat)) / sqrt(var + eps), h = g * weight, means over each group",
    weight="gweight = sum(g * xhat) over samples and places, xhat = (x - mean) / sqrt(var + eps)",
    bias="gbias = sum(g) over samples and places",
)


def check_group_norm(x, num_groups, weight, bias, eps):
    """Errors for shapes that do not fit together."""
    if len(x.shape) < 2:
        raise ValueError(f"group_norm: expected x (n, c) or (n, c, ...), it has shape {x.shape}")
    check_floating(x)
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ValueError(f"group_norm: {x.shape[1]} channels of x {x.shape} cannot be divided into {num_groups} groups")
    check_vectors("group_norm", x, weight=weight, bias=bias)


group_norm.checked_by(check_group_norm)
kernel(group_norm, "numpy", "sample_norm")


@fused
def instance_norm_train(x, weight=None, bias=None, eps=1e-5):
    """Whiten every channel of every sample, then scale and shift.

    x (n, c, ...)   weight, bias (c,)   ->   y like x, mean (n, c), var (n, c), the biased variance
    y = (x - mean) / sqrt(var + eps) * weight + bias. Pure, as batch_norm_train. Ulyanov et al. 2016, eq. 6 and 7.
    """
    xhat, mu, variance = whitened(widened(x), tuple(range(2, len(x.shape))), eps)       # mu and variance (n, c, 1, 1)
    y = narrowed(scaled(xhat, weight, bias, channels(x)[1]), x)
    mu, variance = [narrowed(reshape(statistic, x.shape[:2]), x) for statistic in (mu, variance)]
    return y, mu, variance

instance_norm_train.rules(
    x="gx = weight / sqrt(var + eps) * (g - mean(g) - xhat * mean(g * xhat)), means over the places of a channel",
    weight="gweight = sum(g * xhat) over samples and places, xhat = (x - mean) / sqrt(var + eps)",
    bias="gbias = sum(g) over samples and places",
)


def check_instance_norm(x, weight, bias, eps):
    """Errors for shapes that do not fit together."""
    if len(x.shape) < 3:
        raise ValueError(f"instance_norm: expected x (n, c, l) or (n, c, h, w), it has shape {x.shape}")
    check_floating(x)
    check_vectors("instance_norm", x, weight=weight, bias=bias)


instance_norm_train.checked_by(check_instance_norm)
kernel(instance_norm_train, "numpy", "sample_norm")
