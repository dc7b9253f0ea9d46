"""Functions with PyTorch's signatures, thin over the pure ops: they draw the masks and update running statistics.

`dim` is what the ops call `axis`. Inputs are tensors; a layer asked for its output shape passes arrays without values.
"""

from __future__ import annotations

from math import prod
from typing import Any
from warnings import warn

import numpy

from .. import ops
from ..backend import Array, device_of, on_device_of, using
from ..geometry import pair
from ..meta import Meta, counting
from ..ops.creation import draw
from ..ops.reductions import narrowed, widened
from ..tensor import Tensor, bare


def has_values(x: Any) -> bool:
    return type(bare(x)) is not Meta


def is_symbol(x: Any) -> bool:
    return isinstance(x, Tensor) and type(x.data) is Meta


# --- layers with weights ----------------------------------------------------------------------------------------

def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input (..., in)   weight (out, in)   bias (out,)   ->   input weight^T + bias (..., out)"""
    return ops.linear(input, weight, bias)


def conv2d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Any:
    """Convolution (cross-correlation) of images (n, c, h, w), or one image (c, h, w), with weight (k, c/groups, i, j).

    padding: an int, a pair, "valid" (none) or "same" (output as large as the input; wants stride 1; what cannot be
    halved goes to the right and the bottom).
    """
    if isinstance(padding, str):
        input, padding = padded_by_name(input, weight.shape[2:], stride, padding, dilation)
    return on_batch(ops.conv2d, input, weight, bias, stride, padding, dilation, groups)


def padded_by_name(input: Any, kernel: Any, stride: Any, padding: str, dilation: Any) -> tuple[Any, tuple[int, int]]:
    """The padding that "same" or "valid" names, and the input, already padded by what one side needs more."""
    if padding == "valid":
        return input, (0, 0)
    if padding != "same":
        raise ValueError(f"conv2d: padding must be an int, a pair, 'same' or 'valid', {padding!r} came")
    if pair(stride, "stride") != (1, 1):
        raise ValueError(f"conv2d: padding 'same' needs stride 1, {stride} came: the output would be smaller")
    bottom, right = [d * (k - 1) % 2 for d, k in zip(pair(dilation, "dilation"), kernel, strict=True)]
    if bottom or right:
        input = pad(input, (0, right, 0, bottom))
    top, left = [d * (k - 1) // 2 for d, k in zip(pair(dilation, "dilation"), kernel, strict=True)]
    return input, (top, left)


def on_batch(op: Any, input: Any, *args: Any) -> Any:
    """An op on (n, c, h, w); an input (c, h, w) is a batch of one, and so goes out."""
    if len(input.shape) == 3:
        return ops.squeeze(op(ops.expand_dims(input, 0), *args), 0)
    return op(input, *args)


# --- pooling ----------------------------------------------------------------------------------------------------

def max_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False) -> Any:
    """Every window's largest: (n, c, h, w) -> (n, c, p, q), also without n; stride: by default kernel_size"""
    return on_batch(ops.max_pool2d, input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Any:
    """The mean of every window: (n, c, h, w) -> (n, c, p, q), or without n. stride: by default the kernel's."""
    if divisor_override == 0:
        raise ValueError("avg_pool2d: divisor_override must not be 0")
    return on_batch(ops.avg_pool2d, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


# --- normalisation ----------------------------------------------------------------------------------------------

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


# --- activations --------------------------------------------------------------------------------------------------
# `inplace` is accepted, as PyTorch's listings have it, and has no effect.

def relu(input: Any, inplace: bool = False) -> Any:
    """max(input, 0)"""
    return ops.relu(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """input where it is positive, else negative_slope * input. Maas et al. 2013."""
    return ops.leaky_relu(input, negative_slope)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """input where it is positive, else alpha * (e^input - 1). Clevert et al. 2015."""
    return ops.elu(input, alpha)


def silu(input: Any, inplace: bool = False) -> Any:
    """input * sigmoid(input). Elfwing et al. 2017."""
    return ops.silu(input)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + e^(beta * input)) / beta; the input itself where beta * input > threshold, as in PyTorch."""
    scaled = input if beta == 1 else ops.multiply(input, beta)
    y = ops.softplus(scaled)
    return ops.where(ops.greater(scaled, threshold), input, y if beta == 1 else ops.divide(y, beta))


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return ops.tanh(input)


def sigmoid(input: Any) -> Any:
    """1 / (1 + e^-input)"""
    return ops.sigmoid(input)


def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """e^input over its sum along `dim`. dim None: axis 0 of inputs with 0, 1 or 3 axes, else axis 1, as in PyTorch."""
    return ops.softmax(input if dtype is None else ops.astype(input, dtype), implied(input) if dim is None else dim)


def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """The logarithm of softmax, without rounding small probabilities to 0. dim as in `softmax`."""
    return ops.log_softmax(input if dtype is None else ops.astype(input, dtype), implied(input) if dim is None else dim)


def implied(input: Any) -> int:
    """The axis of classes if none is named."""
    return 0 if len(input.shape) in (0, 1, 3) else 1


# --- dropout ------------------------------------------------------------------------------------------------------

def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Any = None) -> Any:
    """In training every element is 0 with probability p, else input / (1 - p). Srivastava et al. 2014.

    generator: by default that of the input's device. On a symbol of a graph it is a Dropout layer, which then follows
    the graph's train() and eval().
    """
    check_probability("dropout", p)
    if is_symbol(input):
        from .dropout import Dropout  # that file imports this one

        return Dropout(p).train(training)(input)
    if not training or not has_values(input):
        return input
    return ops.dropout(input, keep_mask(input.shape, p, input, generator), p)


def keep_mask(shape: tuple[int, ...], p: float, like: Any, generator: Any) -> Array:
    """Booleans on the device of `like`, True with probability 1 - p."""
    device = device_of(bare(like))
    with using(device):
        return draw("random", shape, device=device, generator=generator) >= p


def check_probability(who: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{who}: the probability must be in [0, 1], {p} came")


def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: float | None = None, *, generator: Any = None) -> Any:
    """softmax(query key^T * scale + mask) value. Vaswani et al. 2017, equation 1.

    query (..., l, d)   key (..., s, d)   value (..., s, e)   ->   (..., l, e)
    attn_mask broadcasts to (..., l, s): boolean, True where a key may be seen, or numbers to add. dropout_p drops
    weights whenever it is not 0: pass 0.0 in evaluation.
    """
    check_probability("scaled_dot_product_attention", dropout_p)
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: pass either attn_mask or is_causal=True, not both")
    mask = None
    if dropout_p and has_values(query):
        batch = numpy.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        mask = keep_mask((*batch, query.shape[-2], key.shape[-2]), dropout_p, query, generator)
    elif dropout_p and is_symbol(query):
        raise ValueError("scaled_dot_product_attention: on symbols of a graph dropout_p would draw one mask for all "
                         "runs: call it inside the forward of a layer of your own")
    return ops.scaled_dot_product_attention(query, key, value, attn_mask, mask, dropout_p, is_causal, scale)


# --- losses -------------------------------------------------------------------------------------------------------

def cross_entropy(input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Any:
    """-log softmax(input)[target].

    input (n, c), (c,) or (n, c, d1, ...)   target: class indices, the shape of input without c   weight (c,)
    Targets equal to ignore_index count nothing. ValueError if a target is no class (checked on the CPU only: a GPU
    would have to be waited for).
    """
    return ops.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """(input - target)^2: its mean, its "sum", or with reduction "none" all of it."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"mse_loss: reduction must be 'mean', 'sum' or 'none', {reduction!r} came")
    if input.shape != target.shape:
        warn(f"mse_loss: input {input.shape} and target {target.shape} differ and are broadcast, which is seldom meant",
             stacklevel=2)
    loss = ops.square(ops.subtract(input, target))
    return loss if reduction == "none" else ops.sum(loss) if reduction == "sum" else ops.mean(loss)


# --- padding ------------------------------------------------------------------------------------------------------

def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Constant values around the last axes; a negative number cuts off instead.

    pad: (before, after) of the last axis, then of the one before it, and so on: (left, right, top, bottom).
    """
    if mode != "constant":
        raise ValueError(f"pad: mode must be 'constant', {mode!r} came")
    pad, ndim = tuple(pad), len(input.shape)
    if len(pad) % 2 or len(pad) > 2 * ndim:
        raise ValueError(f"pad: expected (before, after) for at most {ndim} axes of input {input.shape}, {pad} came")
    axes = [(0, 0)] * (ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    if any(n + before + after < 0 for n, (before, after) in zip(input.shape, axes, strict=True)):
        raise ValueError(f"pad: {pad} cuts more off than input {input.shape} has")
    if min(pad, default=0) < 0:
        input = ops.getitem(input, tuple([slice(max(-before, 0), n - max(-after, 0))
                                          for n, (before, after) in zip(input.shape, axes, strict=True)]))
    widths = tuple([(max(before, 0), max(after, 0)) for before, after in axes])
    return ops.pad(input, widths, 0 if value is None else value)
