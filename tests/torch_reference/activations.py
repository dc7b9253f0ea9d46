"""Activations and dropout."""

import torch.nn.functional as F

TORCH = {
    **{name: getattr(F, name) for name in ("relu", "leaky_relu", "elu", "silu", "softplus")},
    "dropout": lambda x, mask, p: x * mask / (1 - p),
}
