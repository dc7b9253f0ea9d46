"""Convolution and its transpose."""

import torch.nn.functional as F

TORCH = {
    "conv1d": F.conv1d,
    "conv2d": F.conv2d,
    "conv2d_relu": lambda *args, **options: F.relu(F.conv2d(*args, **options)),
    "conv_transpose1d": F.conv_transpose1d,
    "conv_transpose2d": F.conv_transpose2d,
}
