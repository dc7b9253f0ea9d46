"""Activations and dropout."""

import math

import torch
import torch.nn.functional as F


def leaky_relu(x, negative_slope=0.01):
    """PyTorch's slope is a number: for an array, what it says."""
    if isinstance(negative_slope, torch.Tensor):
        return torch.where(x > 0, x, x * negative_slope)
    return F.leaky_relu(x, negative_slope)


def alpha_dropout(x, mask, p):
    """PyTorch draws the mask itself: what it does then, in its words."""
    alpha = 1.7580993408473766
    a = 1 / math.sqrt((alpha * alpha * p + 1) * (1 - p))
    mask = mask.to(x.dtype)
    return x * (mask * a) + (mask - 1) * (alpha * a) + alpha * a * p


TORCH = {
    **{name: getattr(F, name) for name in (
        "relu", "prelu", "threshold", "hardtanh", "hardswish", "softshrink", "hardshrink", "elu", "selu",
        "celu", "gelu", "silu", "mish", "logsigmoid", "softsign", "tanhshrink",
    )},
    "gate": lambda x, mask: torch.where(mask, x, 0),
    "leaky_relu": leaky_relu,
    "hardsigmoid": lambda x: F.relu6(x + 3) / 6,        # F.hardsigmoid has no second gradient
    "softplus": lambda x, beta=1.0, threshold=math.inf: F.softplus(x, beta, threshold),
    "glu": lambda x, axis=-1: F.glu(x, axis),
    "dropout": lambda x, mask, p: x * mask / (1 - p),
    "alpha_dropout": alpha_dropout,
}
