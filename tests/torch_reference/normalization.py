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


def instance_norm_train(x, weight=None, bias=None, eps=1e-5):
    axes = list(range(2, x.ndim))
    return F.instance_norm(x, weight=weight, bias=bias, eps=eps), x.mean(axes), x.var(axes, correction=0)


def rms_norm(x, normalized_shape, weight=None, eps=None):
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
    return F.rms_norm(x, shape, weight, eps)


def normalize(x, p=2.0, axis=1, eps=1e-12):
    return F.normalize(x, p, axis, eps)


def batch_norm_relu_train(x, weight=None, bias=None, eps=1e-5, residual=None):
    y, mean, var = batch_norm_train(x, weight, bias, eps)
    return F.relu(y if residual is None else y + residual), mean, var


def batch_norm_relu_eval(x, mean, var, weight=None, bias=None, eps=1e-5, residual=None):
    y = batch_norm_eval(x, mean, var, weight, bias, eps)
    return F.relu(y if residual is None else y + residual)


def add_relu(a, b):
    return F.relu(a + b)


TORCH = {
    "batch_norm_relu_train": batch_norm_relu_train,
    "batch_norm_relu_eval": batch_norm_relu_eval,
    "add_relu": add_relu,
    "batch_norm_train": batch_norm_train,
    "batch_norm_eval": batch_norm_eval,
    "layer_norm": layer_norm,
    "group_norm": F.group_norm,
    "instance_norm_train": instance_norm_train,
    "rms_norm": rms_norm,
    "local_response_norm": F.local_response_norm,
    "normalize": normalize,
}
