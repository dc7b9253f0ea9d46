"""Normalisation."""

from __future__ import annotations

from math import prod
from typing import Any

from ... import ops
from ...backend import Array, on_device_of
from ...meta import counting
from ...ops.precision import narrowed, widened
from ...tensor import Tensor, bare
from .common import has_values, is_symbol

__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm",
]


# --- by the statistics of a batch, or by running ones ---------------------------------------------------------

def batch_norm(input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
               training: bool = False, momentum: Any = 0.1, eps: float = 1e-5) -> Any:
    """Normalise every channel of input (n, c) or (n, c, ...) over its batch, or (not training) by running statistics.

    running_mean, running_var (c,): raw arrays or None; in training they are updated in place,
    running = (1 - momentum) * running + momentum * new, the variance the unbiased one. An empty batch changes nothing.
    Ioffe & Szegedy 2015.
    """
    return batch_normalized(ops.batch_norm_train, ops.batch_norm_eval, input, running_mean, running_var, weight, bias,
                            training, momentum, eps)


def batch_norm_relu(input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool,
                    momentum: Any, eps: float, residual: Any = None) -> Any:
    """relu(batch_norm(input, ...) + residual) in one pass; without a residual (None) nothing is added."""
    return batch_normalized(ops.batch_norm_relu_train, ops.batch_norm_relu_eval, input, running_mean, running_var,
                            weight, bias, training, momentum, eps, residual)


def batch_normalized(train: Any, evaluate: Any, input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any,
                     training: bool, momentum: Any, eps: float, *rest: Any) -> Any:
    """The result of one of two ops; what they share is the running statistics."""
    check_running("batch_norm", running_mean, running_var, momentum, "" if training else "outside of training")
    if not training:
        return evaluate(input, running_mean, running_var, weight, bias, eps, *rest)
    refuse_symbols("batch_norm", "nn.BatchNorm2d", input)
    count = prod(input.shape[:1] + input.shape[2:])                         # values per channel
    if count == 1 and has_values(input):
        raise ValueError(f"batch_norm: training needs more than one value per channel, input is {input.shape}; "
                         "use a larger batch, or eval()")
    y, mean, var = train(widened(input), weight, bias, eps, *rest)          # var would not fit into float16
    keep("batch_norm", running_mean, running_var, mean, var, momentum, count)
    return narrowed(y, input)


def instance_norm(input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
                  use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    """Normalise every channel of every sample of input (n, c, ...) over its places, or by running statistics.

    running_mean, running_var (c,): raw arrays or None; where the input's statistics are used they are updated in place,
    running = (1 - momentum) * running + momentum * new: the mean over the batch, of the variances of the unbiased ones.
    Ulyanov et al. 2016.
    """
    check_running("instance_norm", running_mean, running_var, momentum,
                  "" if use_input_stats else "without use_input_stats")
    if not use_input_stats:
        return ops.batch_norm_eval(input, running_mean, running_var, weight, bias, eps)
    if running_mean is not None:
        refuse_symbols("instance_norm", "nn.InstanceNorm2d", input)
    count = prod(input.shape[2:])                                           # values per channel
    if count == 1:
        raise ValueError(f"instance_norm: it needs more than one value in each channel, input is {input.shape}")
    y, mean, var = ops.instance_norm_train(widened(input), weight, bias, eps)
    if running_mean is not None:
        keep("instance_norm", running_mean, running_var, ops.mean(mean, 0), ops.mean(var, 0), momentum, count)
    return narrowed(y, input)


def check_running(what: str, mean: Any, var: Any, momentum: Any, wanted: str) -> None:
    """Errors for running statistics that are not there. wanted: why there must be some, or ""."""
    if wanted and (mean is None or var is None):
        raise ValueError(f"{what}: {wanted} it needs running_mean and running_var")
    if (mean is None) is not (var is None):
        raise ValueError(f"{what}: running_mean and running_var must both be given, or neither")
    if momentum is None:
        raise TypeError(f"{what}: momentum must be a number, None came: only a layer can count its batches")


def refuse_symbols(what: str, layer: str, input: Any) -> None:
    """An error for a symbol: whether in training would be fixed in its graph."""
    if is_symbol(input) and not counting.get():
        raise ValueError(f"{what}: on symbols of a graph training would be fixed and no statistics kept: use {layer}")


def keep(what: str, running_mean: Any, running_var: Any, mean: Any, var: Any, momentum: Any, count: int) -> None:
    """Move running statistics, if there are any, towards those of a batch with `count` values per channel."""
    for name, running in (("running_mean", running_mean), ("running_var", running_var)):
        if running is not None and running.shape != mean.shape:
            raise ValueError(f"{what}: {name} must be {mean.shape}, one for each channel; it is {running.shape}")
    if running_mean is not None and count and has_values(mean):
        update_running(running_mean, bare(mean), momentum, 1)
        update_running(running_var, bare(var), momentum, count / (count - 1))


def update_running(running: Any, new: Array, momentum: Any, factor: float) -> None:
    """running = (1 - momentum) * running + momentum * factor * new, in place. momentum: a number or a 0-d array."""
    array = bare(running)
    with on_device_of(array):
        array *= 1 - momentum
        array += (momentum * factor * new).astype(array.dtype, copy=False)
    if isinstance(running, Tensor):
        running.touch()


# --- within a sample ------------------------------------------------------------------------------------------

def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalise every sample over its last axes, which are normalized_shape, as are weight and bias. Ba et al. 2016."""
    return ops.layer_norm(input, normalized_shape, weight, bias, eps)


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """Divide every sample by its root mean square over its last axes, which are normalized_shape, as is weight.

    eps None: the machine epsilon of the precision in which it is computed. Zhang & Sennrich 2019.
    """
    return ops.rms_norm(input, normalized_shape, weight, eps)


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalise every group of channels of every sample of input (n, c, ...); weight, bias (c,). Wu & He 2018."""
    if len(input.shape) > 1 and num_groups > 0 and prod((input.shape[0] * input.shape[1] // num_groups,
                                                         *input.shape[2:])) == 1:
        raise ValueError(f"group_norm: it needs more than one value in each of {num_groups} groups, input is "
                         f"{input.shape}")
    return ops.group_norm(input, num_groups, weight, bias, eps)


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """input / (k + alpha * mean of squares)^beta, the mean over `size` channels around each: (n, c, ...) as it came.

    Krizhevsky et al. 2012, who have the sum for the mean.
    """
    return ops.local_response_norm(input, size, alpha, beta, k)


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """input / max(norm, eps), the p-norm of vectors along dim: an int, a tuple, or None for all axes.

    out: a tensor that takes the result and is returned; then there is no gradient.
    """
    axes = (tuple(dim) or None) if isinstance(dim, (tuple, list)) else dim
    y = ops.normalize(input, p, axes, eps)
    if out is None:
        return y
    out[...] = y.detach()
    return out
