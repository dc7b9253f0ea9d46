"""Convolution."""

import torch.nn.functional as F

TORCH = {
    "conv2d": F.conv2d,
}
