"""Oracles of normalisation, softmax and cross-entropy."""

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


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-sum over classes c of t[c] weight[c] log softmax(x)[c], where t is s / classes, and 1 - s more at the target.

    x (c,) or (n, c) or (n, c, d1, ...), target the same without c; s is label_smoothing. A target of ignore_index costs
    nothing and does not count; "mean" divides by the sum of the targets' weights.
    """
    axis = 0 if x.ndim == 1 else 1
    classes = x.shape[axis]
    log_p = log_softmax(x, axis)
    weight = np.ones(classes) if weight is None else weight
    losses, counted = np.zeros(target.shape), 0.0
    for place in np.ndindex(*target.shape):
        label = int(target[place])
        if label == ignore_index:
            continue
        counted += weight[label]
        for c in range(classes):
            t = label_smoothing / classes + (1 - label_smoothing if c == label else 0.0)
            losses[place] -= t * weight[c] * log_p[place[:axis] + (c,) + place[axis:]]
    if reduction == "none":
        return losses
    total = math.fsum(losses.ravel().tolist())
    return np.array(total / counted if reduction == "mean" else total)


ORACLES = {
    "batch_norm_train": batch_norm_train,
    "batch_norm_eval": batch_norm_eval,
    "layer_norm": layer_norm,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "cross_entropy": cross_entropy,
}
