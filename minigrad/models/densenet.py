"""DenseNet: Huang, Liu, van der Maaten, Weinberger, Densely connected convolutional networks, 2016, table 1.

`densenet121` to `densenet201` are DenseNet-BC, with torchvision's names. `densenet40_cifar` is the basic form of
section 4.2 (table 2, k=12, depth 40) without the dropout that the paper has where data are not augmented.

First values are the authors' and torchvision's, He et al.'s: convolutions normal with variance 2 / fan-in; the last
layer's weights are nn.Linear's, its biases 0.
"""

from __future__ import annotations

from typing import Any

from .. import nn, ops
from ..graph import Graph, Input
from .parts import kaiming, repeats, scaled


def bn_relu_conv(x: Any, c: int, kernel: int, name: str, i: str = "") -> Any:
    """The composite function H of section 3: BatchNorm, ReLU, convolution; i ends the names of the three."""
    h = nn.BatchNorm2d(x.shape[1])(x, name=f"{name}.norm{i}")
    h = ops.relu(h, name=f"{name}.relu{i}")
    return nn.Conv2d(x.shape[1], c, kernel, padding=kernel // 2, bias=False)(h, name=f"{name}.conv{i}")


def dense_block(x: Any, layers: int, k: int, name: str, bottleneck: bool = True) -> Any:
    """Each layer reads all before it and adds k channels: (n, c, h, w) -> (n, c + layers * k, h, w); equation 2.

    bottleneck: a 1x1 convolution to 4k channels comes before each 3x3 (DenseNet-B).
    """
    for i in range(1, layers + 1):
        layer = f"{name}.denselayer{i}"
        h = bn_relu_conv(x, 4 * k, 1, layer, "1") if bottleneck else x
        h = bn_relu_conv(h, k, 3, layer, "2" if bottleneck else "1")
        x = ops.concat([x, h], 1, name=f"{layer}.concat")
    return x


def transition(x: Any, c: int, name: str) -> Any:
    """To c channels and half the size: (n, a, h, w) -> (n, c, h/2, w/2)."""
    return nn.AvgPool2d(2, stride=2)(bn_relu_conv(x, c, 1, name), name=f"{name}.pool")


def head(x: Any, num_classes: int, norm: str) -> Any:
    """The last BatchNorm and ReLU, the mean of every channel, a linear layer: (n, c, h, w) -> (n, num_classes)."""
    h = ops.relu(nn.BatchNorm2d(x.shape[1])(x, name=norm), name=norm.replace("norm", "relu"))
    h = nn.AdaptiveAvgPool2d(1)(h, name="avgpool")
    h = nn.Flatten()(h, name="flatten")
    return nn.Linear(h.shape[1], num_classes)(h, name="classifier")


def densenet(depths: tuple[int, ...], growth: int, channels: int, num_classes: int, in_channels: int,
             width: float) -> Graph:
    """Table 1, a column: images (n, in_channels, h, w) of at least 29x29 -> scores (n, num_classes)."""
    k, c = scaled(growth, width), scaled(channels, width)
    x = Input((in_channels, None, None), name="image")                                              # (n, 3, 224, 224)
    h = nn.Conv2d(in_channels, c, 7, stride=2, padding=3, bias=False)(x, name="features.conv0")     # (n, 2k, 112, 112)
    h = ops.relu(nn.BatchNorm2d(c)(h, name="features.norm0"), name="features.relu0")
    h = nn.MaxPool2d(3, stride=2, padding=1)(h, name="features.pool0")                              # (n, 2k, 56, 56)
    for i, layers in enumerate(depths, start=1):                    # the blocks work at 56x56, 28x28, 14x14, 7x7
        h = dense_block(h, layers, k, f"features.denseblock{i}")
        if i < len(depths):
            h = transition(h, h.shape[1] // 2, f"features.transition{i}")       # theta = 0.5 (DenseNet-C)
    model = Graph(x, head(h, num_classes, "features.norm5"))
    initialize(model)
    return model


def densenet_cifar(depth: int, growth: int, num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """The basic DenseNet on images, by the paper (n, 3, 32, 32): 3m + 4 layers in three blocks, no bottlenecks.

    Raises ValueError for a depth that is no 3m + 4.
    """
    m = repeats(depth, 3, 4, "the CIFAR form")
    k, c = scaled(growth, width), scaled(16, width)
    x = Input((in_channels, None, None), name="image")                                          # (n, 3, 32, 32)
    h = nn.Conv2d(in_channels, c, 3, padding=1, bias=False)(x, name="features.conv0")           # (n, 16, 32, 32)
    h = dense_block(h, m, k, "features.denseblock1", bottleneck=False)
    h = transition(h, h.shape[1], "features.transition1")                                       # (n, c, 16, 16)
    h = dense_block(h, m, k, "features.denseblock2", bottleneck=False)
    h = transition(h, h.shape[1], "features.transition2")                                       # (n, c, 8, 8)
    h = dense_block(h, m, k, "features.denseblock3", bottleneck=False)
    model = Graph(x, head(h, num_classes, "features.norm3"))
    initialize(model)
    return model


def initialize(model: Graph) -> None:
    kaiming(model)
    nn.init.zeros_(model.get_parameter("classifier.bias"))


def densenet121(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """DenseNet-121 (k=32): 7,978,856 parameters, 2.83 G multiplications at 224x224."""
    return densenet((6, 12, 24, 16), 32, 64, num_classes, in_channels, width)


def densenet161(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """DenseNet-161 (k=48): 28,681,000 parameters, 7.73 G multiplications at 224x224."""
    return densenet((6, 12, 36, 24), 48, 96, num_classes, in_channels, width)


def densenet169(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """DenseNet-169 (k=32): 14,149,480 parameters, 3.36 G multiplications at 224x224."""
    return densenet((6, 12, 32, 32), 32, 64, num_classes, in_channels, width)


def densenet201(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """DenseNet-201 (k=32): 20,013,928 parameters, 4.29 G multiplications at 224x224."""
    return densenet((6, 12, 48, 32), 32, 64, num_classes, in_channels, width)


def densenet40_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """DenseNet of 40 layers (k=12) for CIFAR: table 2's 1.0 M parameters."""
    return densenet_cifar(40, 12, num_classes, in_channels, width)
