"""Softmax and cross-entropy."""

import torch.nn.functional as F


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """PyTorch does not differentiate with respect to `weight`."""
    return F.cross_entropy(
        x, target, None if weight is None else weight.detach(), ignore_index=ignore_index, reduction=reduction,
        label_smoothing=label_smoothing,
    )


TORCH = {
    "softmax": lambda x, axis=-1: F.softmax(x, dim=axis),
    "log_softmax": lambda x, axis=-1: F.log_softmax(x, dim=axis),
    "cross_entropy": cross_entropy,
}
