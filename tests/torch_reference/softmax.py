"""Softmax."""

import torch.nn.functional as F

TORCH = {
    "softmax": lambda x, axis=-1: F.softmax(x, dim=axis),
    "softmin": lambda x, axis=-1: F.softmin(x, dim=axis),
    "log_softmax": lambda x, axis=-1: F.log_softmax(x, dim=axis),
}
