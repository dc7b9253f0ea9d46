"""Pooling."""

import torch.nn.functional as F


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return F.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode)


TORCH = {
    "max_pool2d": max_pool2d,
    "avg_pool2d": F.avg_pool2d,
}
