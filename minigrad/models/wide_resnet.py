"""Wide residual networks: Zagoruyko, Komodakis, Wide residual networks, 2016, table 1.

`wide_resnet50_2` and `wide_resnet101_2` are torchvision's: ResNet with twice the channels in the bottlenecks' 3x3,
and its first values. `wrn_16_8`, `wrn_28_10` and `wrn_40_4` are WRN-d-k, the paper's on CIFAR: d layers, k times the
channels, BatchNorm and ReLU before each convolution. Their first values are He et al.'s: variance 2 / fan-in.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import nn, ops
from ..graph import Graph, Input
from .parts import kaiming, repeats, scaled
from .resnet import bottleneck, conv, head, residual, resnet, stages

wide_bottleneck = partial(bottleneck, inner=2)


def wide_resnet50_2(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """WRN-50-2-bottleneck (table 8), torchvision's: 68,883,240 parameters, 11.4 G multiplications at 224x224."""
    return resnet(partial(residual, wide_bottleneck), (3, 4, 6, 3), num_classes, in_channels, width)


def wide_resnet101_2(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """torchvision's WRN-101-2, which the paper lacks: 126,886,696 parameters, 22.8 G multiplications at 224x224."""
    return resnet(partial(residual, wide_bottleneck), (3, 4, 23, 3), num_classes, in_channels, width)


# --- CIFAR --------------------------------------------------------------------------------------------------------

def bn_relu(x: Any, name: str) -> Any:
    return ops.relu(nn.BatchNorm2d(x.shape[1])(x, name=name), name=f"{name}_relu")


def block(x: Any, c: int, stride: int, name: str) -> Any:
    """B(3, 3) (figure 1 c): x (n, a, h, w) -> (n, c, h/stride, w/stride)."""
    active = bn_relu(x, f"{name}.bn1")
    h = conv(active, c, 3, stride, f"{name}.conv1")
    h = conv(bn_relu(h, f"{name}.bn2"), c, 3, 1, f"{name}.conv2")
    if x.shape[1] != c or stride != 1:
        x = conv(active, c, 1, stride, f"{name}.shortcut")      # of the activated input, as in the authors' code
    return ops.add(h, x, name=f"{name}.add")


def wrn(depth: int, k: int, num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """WRN-depth-k on images, by the paper (n, 3, 32, 32): 6m + 4 convolutions.

    Raises ValueError for a depth that is no 6m + 4.
    """
    m, c = repeats(depth, 6, 4, "WRN"), scaled(16, width)
    x = Input((in_channels, None, None), name="image")                      # (n, 3, 32, 32)
    h = conv(x, c, 3, 1, "conv1")                                           # (n, 16, 32, 32)
    h = stages(h, block, (m, m, m), [c * k, 2 * c * k, 4 * c * k])          # (n, 64k, 8, 8)
    model = Graph(x, head(bn_relu(h, "bn"), num_classes))
    kaiming(model)
    return model


def wrn_16_8(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """WRN-16-8: 11.0 M parameters (table 4)."""
    return wrn(16, 8, num_classes, in_channels, width)


def wrn_28_10(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """WRN-28-10: 36,479,194 parameters, table 4's 36.5 M."""
    return wrn(28, 10, num_classes, in_channels, width)


def wrn_40_4(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """WRN-40-4: 8.9 M parameters (table 4)."""
    return wrn(40, 4, num_classes, in_channels, width)
