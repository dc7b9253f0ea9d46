"""Oracles of normalisation and softmax."""

import math

import numpy as np

from .reductions import logsumexp_of, mean_of, reduce


def batch_norm_eval(x, mean, var, weight=None, bias=None, eps=1e-5):
    """y = (x - mean[c]) / sqrt(var[c] + eps) weight[c] + bias[c]   x (n, c, ...)"""
    y = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        c = place[1]
        standard = (x[place] - mean[c]) / math.sqrt(var[c] + eps)
        y[place] = standard * (1.0 if weight is None else weight[c]) + (0.0 if bias is None else bias[c])
    return y


def batch_norm_train(x, weight=None, bias=None, eps=1e-5):
    """The same with the mean and the biased variance of each channel of this very batch, which are outputs too."""
    channels = [[x[place].item() for place in np.ndindex(*x.shape) if place[1] == c] for c in range(x.shape[1])]
    mean = np.array([mean_of(values) for values in channels])
    var = np.array([mean_of([(v - m) ** 2 for v in values]) for values, m in zip(channels, mean, strict=True)])
    return batch_norm_eval(x, mean, var, weight, bias, eps), mean, var


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Mean 0 and variance 1 over the last axes, then weight and bias of that shape."""
    inner_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    y = np.zeros(x.shape)
    for outer in np.ndindex(*x.shape[: x.ndim - len(inner_shape)]):
        values = [x[outer + inner].item() for inner in np.ndindex(*inner_shape)]
        mean = mean_of(values)
        scale = 1 / math.sqrt(mean_of([(v - mean) ** 2 for v in values]) + eps)
        for inner in np.ndindex(*inner_shape):
            gain, shift = (1.0 if weight is None else weight[inner]), (0.0 if bias is None else bias[inner])
            y[outer + inner] = (x[outer + inner] - mean) * scale * gain + shift
    return y


def rms_norm(x, normalized_shape, weight=None, eps=None):
    """x / sqrt(mean(x^2) + eps) over the last axes, times weight."""
    inner_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    eps = 2.0 ** -52 if eps is None else eps
    y = np.zeros(x.shape)
    for outer in np.ndindex(*x.shape[: x.ndim - len(inner_shape)]):
        rms = math.sqrt(mean_of([x[outer + inner].item() ** 2 for inner in np.ndindex(*inner_shape)]) + eps)
        for inner in np.ndindex(*inner_shape):
            y[outer + inner] = x[outer + inner] / rms * (1.0 if weight is None else weight[inner])
    return y


def group_norm(x, num_groups, weight=None, bias=None, eps=1e-5):
    """Each of the groups of channels of each sample to mean 0 and variance 1; then weight[c] and bias[c]."""
    size = x.shape[1] // num_groups
    y = np.zeros(x.shape)
    for n in range(x.shape[0]):
        for group in range(num_groups):
            inside = [(n, c, *at) for c in range(group * size, (group + 1) * size) for at in np.ndindex(*x.shape[2:])]
            mean = mean_of([x[at].item() for at in inside])
            scale = 1 / math.sqrt(mean_of([(x[at].item() - mean) ** 2 for at in inside]) + eps)
            for at in inside:
                gain, shift = (1.0 if weight is None else weight[at[1]]), (0.0 if bias is None else bias[at[1]])
                y[at] = (x[at] - mean) * scale * gain + shift
    return y


def instance_norm_train(x, weight=None, bias=None, eps=1e-5):
    """A group for each channel, and the mean and the biased variance of each, (n, c)."""
    mean, var = np.zeros(x.shape[:2]), np.zeros(x.shape[:2])
    for n, c in np.ndindex(*x.shape[:2]):
        values = [v.item() for v in x[n, c].ravel()]
        mean[n, c] = mean_of(values)
        var[n, c] = mean_of([(v - mean[n, c].item()) ** 2 for v in values])
    return group_norm(x, x.shape[1], weight, bias, eps), mean, var


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha / size * sum of squares of the channels nearby)^beta."""
    y = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        n, c, *rest = at
        nearby = range(max(c - size // 2, 0), min(c + (size - 1) // 2 + 1, x.shape[1]))
        squares = math.fsum([x[(n, other, *rest)].item() ** 2 for other in nearby])
        y[at] = x[at] / (k + alpha * squares / size) ** beta
    return y


def normalize(x, p=2.0, axis=1, eps=1e-12):
    """x / max(norm, eps), the norm of the elements that share all places but those on the axes."""
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    y = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        group = x[tuple([slice(None) if i in axes else place for i, place in enumerate(at)])]
        sizes = [abs(v.item()) for v in group.ravel()]
        if math.isinf(p):
            norm = max(sizes) if p > 0 else min(sizes)
        else:
            norm = sum([v != 0 for v in sizes]) if p == 0 else math.fsum([v ** p for v in sizes]) ** (1 / p)
        y[at] = x[at] / max(norm, eps)
    return y


def log_softmax(x, axis=-1):
    """x - log sum e^x, the sum along one axis."""
    total = np.broadcast_to(reduce(logsumexp_of, x, axis, keepdims=True), x.shape)
    y = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        y[place] = x[place] - total[place]
    return y


def softmax(x, axis=-1):
    """e^x / sum e^x, the sum along one axis."""
    y = log_softmax(x, axis)
    for place in np.ndindex(*x.shape):
        y[place] = math.exp(y[place])
    return y


def batch_norm_relu_train(x, weight=None, bias=None, eps=1e-5, residual=None):
    """What is above 0 in the normalised batch and the residual together; and the batch's statistics."""
    y, mean, var = batch_norm_train(x, weight, bias, eps)
    return add_relu(y, np.zeros(x.shape) if residual is None else residual), mean, var


def batch_norm_relu_eval(x, mean, var, weight=None, bias=None, eps=1e-5, residual=None):
    """The same by given statistics."""
    y = batch_norm_eval(x, mean, var, weight, bias, eps)
    return add_relu(y, np.zeros(x.shape) if residual is None else residual)


def add_relu(a, b):
    """Every sum, or 0 if that is more; a vector is added to every row."""
    y = np.zeros(a.shape)
    for place in np.ndindex(*a.shape):
        y[place] = max(a[place] + b[place[a.ndim - b.ndim:]], 0.0)
    return y


ORACLES = {
    "batch_norm_relu_train": batch_norm_relu_train,
    "batch_norm_relu_eval": batch_norm_relu_eval,
    "add_relu": add_relu,
    "batch_norm_train": batch_norm_train,
    "batch_norm_eval": batch_norm_eval,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm_train": instance_norm_train,
    "rms_norm": rms_norm,
    "local_response_norm": local_response_norm,
    "normalize": normalize,
    "softmax": softmax,
    "log_softmax": log_softmax,
}
