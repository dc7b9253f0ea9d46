"""PyTorch's answer to every op: `TORCH[name]` takes torch tensors and the op's own parameters.

Everything here is differentiable by PyTorch where the op is, so that gradients can be compared as well. Only the
parity tests import this file.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F


def torch_dtype(dtype):
    """PyTorch's dtype of this name; None stays None."""
    return None if dtype is None else getattr(torch, str(np.dtype(dtype)))


def binary(function):
    """A torch function of two tensors, for a Python scalar as second operand too."""
    return lambda a, b: function(a, torch.as_tensor(b, dtype=None if isinstance(b, torch.Tensor) else a.dtype))


def all_axes(x, axis):
    """An axis or a tuple of them, None spelled out."""
    return tuple(range(x.ndim)) if axis is None else axis


def reduction(function):
    """A torch reduction that takes `dim` and `keepdim`."""
    return lambda x, axis=None, keepdims=False: function(x, dim=all_axes(x, axis), keepdim=keepdims)


def first_of(function):
    """argmax or argmin; PyTorch's answer on the flat array when there is no axis."""

    def reference(x, axis=None, keepdims=False):
        if axis is None:
            return function(x.reshape(-1), dim=0).reshape([1] * x.ndim if keepdims else [])
        return function(x, dim=axis, keepdim=keepdims)

    return reference


def truth(function):
    """any or all, one axis after the other."""

    def reference(x, axis=None, keepdims=False):
        x = x != 0
        axes = all_axes(x, axis)
        for a in sorted([a % x.ndim for a in ((axes,) if isinstance(axes, int) else axes)], reverse=True):
            x = function(x, dim=a, keepdim=keepdims)
        return x

    return reference


def var(x, axis=None, correction=0, keepdims=False):
    return torch.var(x, dim=all_axes(x, axis), correction=correction, keepdim=keepdims)


def std(x, axis=None, correction=0, keepdims=False):
    return torch.std(x, dim=all_axes(x, axis), correction=correction, keepdim=keepdims)


def expand_dims(x, axis):
    axes = (axis,) if isinstance(axis, int) else axis
    for a in sorted(a % (x.ndim + len(axes)) for a in axes):
        x = x.unsqueeze(a)
    return x


def squeeze(x, axis=None):
    return x.squeeze() if axis is None else x.squeeze(axis)


def pad(x, pad_width, constant_values=0):
    pairs = np.broadcast_to(pad_width, (x.ndim, 2)).tolist()
    return F.pad(x, [width for pair in reversed(pairs) for width in pair], value=constant_values)


def numbers_at(shape, index):
    """Row-major numbers of what x[index] picks, by NumPy: PyTorch has no negative steps."""
    return torch.as_tensor(np.arange(math.prod(shape)).reshape(shape)[index].copy())


def put(x, shape, index):
    numbers = numbers_at(shape, index).reshape(-1)
    return torch.zeros(math.prod(shape), dtype=x.dtype).index_add(0, numbers, x.reshape(-1)).reshape(shape)


def take(x, indices, axis=None):
    if axis is None:
        return torch.take(x, indices)
    axis = axis % x.ndim
    rows = x.index_select(axis, indices.reshape(-1) % x.shape[axis])
    return rows.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


def scatter_along_axis(x, shape, indices, axis):
    axis = axis % x.ndim
    indices = (indices % shape[axis]).expand(x.shape)
    return torch.zeros(shape, dtype=x.dtype).scatter_add(axis, indices, x)


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return F.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode)


def batch_norm_train(x, weight=None, bias=None, eps=1e-5):
    axes = [a for a in range(x.ndim) if a != 1]
    y = F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)
    return y, x.mean(axes), x.var(axes, correction=0)


def batch_norm_eval(x, mean, var, weight=None, bias=None, eps=1e-5):
    """Written out: PyTorch does not differentiate with respect to running statistics."""
    shape = [1, -1] + [1] * (x.ndim - 2)
    y = (x - mean.reshape(shape)) / torch.sqrt(var.reshape(shape) + eps)
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
    return F.layer_norm(x, shape, weight, bias, eps)


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """PyTorch does not differentiate with respect to `weight`."""
    return F.cross_entropy(
        x, target, None if weight is None else weight.detach(), ignore_index=ignore_index, reduction=reduction,
        label_smoothing=label_smoothing,
    )


def attention(query, key, value, attn_mask=None, dropout_mask=None, dropout_p=0.0, is_causal=False, scale=None):
    """PyTorch draws its dropout mask itself: with a given one, equation 1 of the paper is written out."""
    if dropout_mask is None:
        return F.scaled_dot_product_attention(query, key, value, attn_mask, is_causal=is_causal, scale=scale)
    scores = query @ key.mT * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    return (torch.softmax(scores, -1) * dropout_mask / (1 - dropout_p)) @ value


ELEMENTWISE = {
    "add": binary(torch.add),
    "subtract": binary(torch.sub),
    "multiply": binary(torch.mul),
    "divide": binary(torch.div),
    "floor_divide": binary(torch.floor_divide),
    "remainder": binary(torch.remainder),
    "power": binary(torch.pow),
    "maximum": binary(torch.maximum),
    "minimum": binary(torch.minimum),
    "where": lambda condition, a, b: torch.where(condition, a, b),
    "astype": lambda x, dtype: x.to(torch_dtype(dtype)),
    "alias": torch.clone,
    "copy": torch.clone,
    "negative": torch.neg,
    "bitwise_invert": torch.bitwise_not,
    "equal": binary(torch.eq),
    "not_equal": binary(torch.ne),
    "less": binary(torch.lt),
    "less_equal": binary(torch.le),
    "greater": binary(torch.gt),
    "greater_equal": binary(torch.ge),
    **{name: getattr(torch, name) for name in ("abs", "sign", "square", "exp", "log", "sqrt", "tanh", "sigmoid")},
    **{name: getattr(torch, name) for name in ("sin", "cos", "isnan", "isfinite")},
    **{name: getattr(torch, name) for name in ("logical_and", "logical_or", "logical_xor", "logical_not")},
    **{name: getattr(torch, name) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")},
    **{name: getattr(torch, name) for name in ("bitwise_left_shift", "bitwise_right_shift")},
    **{name: getattr(F, name) for name in ("relu", "leaky_relu", "elu", "silu", "softplus")},
    "dropout": lambda x, mask, p: x * mask / (1 - p),
}

REDUCTIONS = {
    "sum": reduction(torch.sum),
    "mean": reduction(torch.mean),
    "max": reduction(torch.amax),
    "min": reduction(torch.amin),
    "logsumexp": reduction(torch.logsumexp),
    "var": var,
    "std": std,
    "any": truth(torch.any),
    "all": truth(torch.all),
    "argmax": first_of(torch.argmax),
    "argmin": first_of(torch.argmin),
}

SHAPES = {
    "reshape": lambda x, shape: x.reshape(shape),
    "permute_dims": lambda x, axes: x.permute(axes),
    "swapaxes": lambda x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
    "moveaxis": torch.moveaxis,
    "flatten": torch.flatten,
    "broadcast_to": lambda x, shape: x.broadcast_to(shape),
    "expand_dims": expand_dims,
    "squeeze": squeeze,
    "pad": pad,
    "concat": torch.cat,
    "stack": torch.stack,
    "split": lambda x, n, axis=0: torch.split(x, x.shape[axis] // n, axis),
    "getitem": lambda x, index: x.reshape(-1)[numbers_at(x.shape, index)],
    "put": put,
    "take": take,
    "take_along_axis": lambda x, indices, axis=-1: torch.take_along_dim(x, indices % x.shape[axis], axis),
    "scatter_along_axis": scatter_along_axis,
}

NETWORK = {
    "matmul": torch.matmul,
    "einsum": torch.einsum,
    "contract": lambda operands, subscripts: torch.einsum(subscripts, *operands),
    "identity": lambda x, axis: torch.eye(x.shape[axis], dtype=x.dtype),
    "causal_mask": lambda scores: torch.ones(scores.shape[-2:], dtype=torch.bool).tril(),
    "linear": F.linear,
    "scaled_dot_product_attention": attention,
    "unfold": lambda x, kernel_size, stride=1, padding=0, dilation=1: F.unfold(
        x, kernel_size, dilation=dilation, padding=padding, stride=stride
    ),
    "fold": lambda x, output_size, kernel_size, stride=1, padding=0, dilation=1: F.fold(
        x, output_size, kernel_size, dilation=dilation, padding=padding, stride=stride
    ),
    "conv2d": F.conv2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": F.avg_pool2d,
    "batch_norm_train": batch_norm_train,
    "batch_norm_eval": batch_norm_eval,
    "layer_norm": layer_norm,
    "softmax": lambda x, axis=-1: F.softmax(x, dim=axis),
    "log_softmax": lambda x, axis=-1: F.log_softmax(x, dim=axis),
    "cross_entropy": cross_entropy,
}

CREATION = {
    "zeros_like": lambda x, dtype=None: torch.zeros_like(x, dtype=torch_dtype(dtype)),
    "ones_like": lambda x, dtype=None: torch.ones_like(x, dtype=torch_dtype(dtype)),
    "full_like": lambda x, fill_value, dtype=None: torch.full_like(x, fill_value, dtype=torch_dtype(dtype)),
    "transfer": lambda x, device, home: x.to(device),
}

TORCH = CREATION | ELEMENTWISE | REDUCTIONS | SHAPES | NETWORK
