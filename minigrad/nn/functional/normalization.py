"""Normalisation."""

from __future__ import annotations

from math import prod
from typing import Any

from ... import ops
from ...backend import Array, on_device_of
from ...meta import counting
from ...ops.reductions import narrowed, widened
from ...tensor import Tensor, bare
from .common import has_values, is_symbol

__all__ = ["batch_norm", "layer_norm"]


def batch_norm(input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
               training: bool = False, momentum: Any = 0.1, eps: float = 1e-5) -> Any:
    """Normalise every channel of input (n, c) or (n, c, ...) over its batch, or (not training) by running statistics.

    running_mean, running_var (c,): raw arrays or None; in training they are updated in place,
    running = (1 - momentum) * running + momentum * new, the variance the unbiased one. Ioffe & Szegedy 2015.
    """
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: outside of training it needs running_mean and running_var")
        return ops.batch_norm_eval(input, running_mean, running_var, weight, bias, eps)
    if is_symbol(input) and not counting.get():
        raise ValueError("batch_norm: on symbols of a graph training would be fixed and no statistics kept: "
                         "use nn.BatchNorm2d")
    known = has_values(input)
    count = prod(input.shape[:1] + input.shape[2:])                         # values per channel
    if known and count <= 1:
        raise ValueError(f"batch_norm: training needs more than one value per channel, input is {input.shape}; "
                         "use a larger batch, or eval()")
    y, mean, var = ops.batch_norm_train(widened(input), weight, bias, eps)  # var would not fit into float16
    if known:
        update_running(running_mean, bare(mean), momentum, 1)
        update_running(running_var, bare(var), momentum, count / (count - 1))
    return narrowed(y, input)


def update_running(running: Any, new: Array, momentum: Any, factor: float) -> None:
    """running = (1 - momentum) * running + momentum * factor * new, in place. momentum: a number or a 0-d array."""
    if running is None:
        return
    array = bare(running)
    with on_device_of(array):
        array *= 1 - momentum
        array += (momentum * factor * new).astype(array.dtype, copy=False)
    if isinstance(running, Tensor):
        running.touch()


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalise every sample over its last axes, which are normalized_shape, as are weight and bias. Ba et al. 2016."""
    return ops.layer_norm(input, normalized_shape, weight, bias, eps)
