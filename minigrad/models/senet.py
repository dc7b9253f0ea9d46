"""SE-Net: Hu, Shen, Albanie, Sun, Wu, Squeeze-and-excitation networks, 2017, table 1 and figure 3.

ResNet as torchvision has it, with a gate on every residual branch. So the image is halved in the 3x3 of a bottleneck;
the paper's nets do it in the 1x1 before it, which is why its table 2 has 3.87, 7.60 and 11.32 G multiplications for
`se_resnet50`, `se_resnet101` and `se_resnet152`, and these here 4.09, 7.81 and 11.52. Parameters are the same.

The first values are ResNet's; the gates' linear layers have nn.Linear's.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import nn, ops
from ..graph import Graph
from .resnet import Block, basic, bottleneck, residual, resnet

REDUCTION = 16                  # r, section 6.1


def gated(branch: Block, x: Any, c: int, stride: int, name: str) -> Any:
    """The branch, each channel times a number in 0..1 that is computed from the means of all (equations 2 to 4)."""
    h = branch(x, c, stride, name)                                                      # (n, c, h, w)
    c = h.shape[1]
    s = nn.AdaptiveAvgPool2d(1)(h, name=f"{name}.se.squeeze")                           # (n, c, 1, 1)
    s = nn.Flatten()(s, name=f"{name}.se.flatten")                                      # (n, c)
    s = nn.Linear(c, max(1, c // REDUCTION))(s, name=f"{name}.se.fc1")                  # (n, c/r)
    s = ops.relu(s, name=f"{name}.se.relu")
    s = nn.Linear(s.shape[1], c)(s, name=f"{name}.se.fc2")                              # (n, c)
    s = ops.sigmoid(s, name=f"{name}.se.sigmoid")
    s = nn.Unflatten(1, (c, 1, 1))(s, name=f"{name}.se.unflatten")                      # (n, c, 1, 1)
    return ops.multiply(h, s, name=f"{name}.se.scale")


def se_resnet18(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """SE-ResNet-18 on images (n, in_channels, h, w): 11,778,592 parameters."""
    return resnet(partial(residual, partial(gated, basic)), (2, 2, 2, 2), num_classes, in_channels, width)


def se_resnet34(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """SE-ResNet-34 on images (n, in_channels, h, w): 21,958,868 parameters."""
    return resnet(partial(residual, partial(gated, basic)), (3, 4, 6, 3), num_classes, in_channels, width)


def se_resnet50(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """SE-ResNet-50 on images (n, in_channels, h, w): 28,088,024 parameters."""
    return resnet(partial(residual, partial(gated, bottleneck)), (3, 4, 6, 3), num_classes, in_channels, width)


def se_resnet101(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """SE-ResNet-101 on images (n, in_channels, h, w): 49,326,872 parameters."""
    return resnet(partial(residual, partial(gated, bottleneck)), (3, 4, 23, 3), num_classes, in_channels, width)


def se_resnet152(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """SE-ResNet-152 on images (n, in_channels, h, w): 66,821,848 parameters."""
    return resnet(partial(residual, partial(gated, bottleneck)), (3, 8, 36, 3), num_classes, in_channels, width)
