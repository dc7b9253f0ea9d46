"""Normalisation."""

import torch
import torch.nn.functional as F


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


TORCH = {
    "batch_norm_train": batch_norm_train,
    "batch_norm_eval": batch_norm_eval,
    "layer_norm": layer_norm,
}
