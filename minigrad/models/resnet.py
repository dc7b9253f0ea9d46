"""ResNet: He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2015, table 1 and section 4.2.

`resnet18` to `resnet152` are torchvision's, whose weights load by name. They halve the image in a block's 3x3
convolution; `resnet50_paper`, `resnet101_paper` and `resnet152_paper` do it in the 1x1 before it, as the paper does.
Where shapes differ all have projections (option B); the paper's own ResNet-18 and -34 of table 2 pad with zeros.
`resnet20_cifar` to `resnet110_cifar` have the shortcuts without parameters of section 4.2, and `plain18`, `plain34`,
`plain20_cifar` to `plain110_cifar` are the same networks without shortcuts.

First values are those of torchvision: convolutions normal with variance 2 / fan-out, the last layer as nn.Linear's.
The CIFAR form has the paper's, He et al. 2015 (its reference 13): variance 2 / fan-in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .. import nn, ops
from ..graph import Graph, Input
from .parts import kaiming, repeats, scaled

Block = Callable[[Any, int, int, str], Any]     # (x, channels, stride, name) -> y


# --- the blocks -------------------------------------------------------------------------------------------------

def conv(x: Any, c: int, kernel: int, stride: int, name: str) -> Any:
    """A convolution that keeps the size, but for the stride: (n, a, h, w) -> (n, c, h/stride, w/stride)."""
    return nn.Conv2d(x.shape[1], c, kernel, stride, padding=kernel // 2, bias=False)(x, name=name)


def conv_bn(x: Any, c: int, kernel: int, stride: int, name: str, bn: str) -> Any:
    """The same, and BatchNorm; bn is its name."""
    return nn.BatchNorm2d(c)(conv(x, c, kernel, stride, name), name=bn)


def basic(x: Any, c: int, stride: int, name: str) -> Any:
    """3x3, 3x3 (figure 5, left): x (n, a, h, w) -> (n, c, h/stride, w/stride)."""
    h = conv_bn(x, c, 3, stride, f"{name}.conv1", f"{name}.bn1")
    h = ops.relu(h, name=f"{name}.relu1")
    return conv_bn(h, c, 3, 1, f"{name}.conv2", f"{name}.bn2")


def bottleneck(x: Any, c: int, stride: int, name: str, inner: int = 1, first: int = 1) -> Any:
    """1x1, 3x3, 1x1 (figure 5, right): x (n, a, h, w) -> (n, 4c, h/stride, w/stride).

    inner: how many times c channels the 3x3 has. first: the stride of the first 1x1, which is not of the 3x3 then.
    """
    h = conv_bn(x, inner * c, 1, first, f"{name}.conv1", f"{name}.bn1")
    h = ops.relu(h, name=f"{name}.relu1")
    h = conv_bn(h, inner * c, 3, stride // first, f"{name}.conv2", f"{name}.bn2")
    h = ops.relu(h, name=f"{name}.relu2")
    return conv_bn(h, 4 * c, 1, 1, f"{name}.conv3", f"{name}.bn3")


def bottleneck_paper(x: Any, c: int, stride: int, name: str) -> Any:
    """The bottleneck with its stride in the first 1x1: table 1's downsampling is "performed by conv3_1, ..."."""
    return bottleneck(x, c, stride, name, first=stride)


def projected(x: Any, c: int, stride: int, name: str) -> Any:
    """x itself, or a 1x1 convolution of it where the shapes differ (equation 2, option B)."""
    if x.shape[1] == c and stride == 1:
        return x
    return conv_bn(x, c, 1, stride, f"{name}.downsample.0", f"{name}.downsample.1")


def padded(x: Any, c: int, stride: int, name: str) -> Any:
    """x itself; where the shapes differ every other pixel, and zeros for the channels that it lacks (option A)."""
    if stride > 1:
        x = ops.getitem(x, (slice(None), slice(None), slice(None, None, stride), slice(None, None, stride)),
                        name=f"{name}.subsample")
    more = c - x.shape[1]
    return ops.pad(x, ((0, 0), (0, more), (0, 0), (0, 0)), name=f"{name}.pad") if more else x


def residual(branch: Block, x: Any, c: int, stride: int, name: str, shortcut: Block = projected) -> Any:
    """relu(branch(x) + x), figure 2."""
    h = branch(x, c, stride, name)
    h = ops.add(h, shortcut(x, h.shape[1], stride, name), name=f"{name}.add")
    return ops.relu(h, name=f"{name}.relu")


def plain(branch: Block, x: Any, c: int, stride: int, name: str) -> Any:
    """relu(branch(x)): the block without its shortcut."""
    return ops.relu(branch(x, c, stride, name), name=f"{name}.relu")


# --- table 1 ----------------------------------------------------------------------------------------------------

def stages(x: Any, block: Block, depths: Sequence[int], channels: Sequence[int]) -> Any:
    """`depths` blocks of so many channels; each stage but the first begins with stride 2."""
    for i, (depth, c) in enumerate(zip(depths, channels, strict=True), start=1):
        for j in range(depth):
            x = block(x, c, 2 if i > 1 and j == 0 else 1, f"layer{i}.{j}")
    return x


def head(x: Any, num_classes: int) -> Any:
    """The mean of every channel, and a linear layer: (n, c, h, w) -> (n, num_classes)."""
    h = nn.AdaptiveAvgPool2d(1)(x, name="avgpool")
    h = nn.Flatten()(h, name="flatten")
    return nn.Linear(h.shape[1], num_classes)(h, name="fc")


def resnet(block: Block, depths: Sequence[int], num_classes: int, in_channels: int, width: float) -> Graph:
    """Table 1, a column: images (n, in_channels, h, w) -> scores (n, num_classes). Shapes are of 224x224."""
    c = scaled(64, width)
    x = Input((in_channels, None, None), name="image")          # (n, 3, 224, 224)
    h = conv_bn(x, c, 7, 2, "conv1", "bn1")                     # (n, 64, 112, 112)
    h = ops.relu(h, name="relu")
    h = nn.MaxPool2d(3, 2, padding=1)(h, name="maxpool")        # (n, 64, 56, 56)
    h = stages(h, block, depths, [c, 2 * c, 4 * c, 8 * c])      # (n, 512, 7, 7); of bottlenecks (n, 2048, 7, 7)
    model = Graph(x, head(h, num_classes))
    kaiming(model, "fan_out")
    return model


def resnet18(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-18, torchvision's: 11,689,512 parameters, 1.81 G multiplications at 224x224."""
    return resnet(partial(residual, basic), (2, 2, 2, 2), num_classes, in_channels, width)


def resnet34(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-34, torchvision's: 21,797,672 parameters, 3.66 G multiplications at 224x224."""
    return resnet(partial(residual, basic), (3, 4, 6, 3), num_classes, in_channels, width)


def resnet50(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-50, torchvision's: 25,557,032 parameters, 4.09 G multiplications at 224x224."""
    return resnet(partial(residual, bottleneck), (3, 4, 6, 3), num_classes, in_channels, width)


def resnet101(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-101, torchvision's: 44,549,160 parameters, 7.80 G multiplications at 224x224."""
    return resnet(partial(residual, bottleneck), (3, 4, 23, 3), num_classes, in_channels, width)


def resnet152(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-152, torchvision's: 60,192,808 parameters, 11.5 G multiplications at 224x224."""
    return resnet(partial(residual, bottleneck), (3, 8, 36, 3), num_classes, in_channels, width)


def resnet50_paper(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-50 with the paper's strides: table 1's 3.8 G multiplications at 224x224."""
    return resnet(partial(residual, bottleneck_paper), (3, 4, 6, 3), num_classes, in_channels, width)


def resnet101_paper(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-101 with the paper's strides: table 1's 7.6 G multiplications at 224x224."""
    return resnet(partial(residual, bottleneck_paper), (3, 4, 23, 3), num_classes, in_channels, width)


def resnet152_paper(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-152 with the paper's strides: table 1's 11.3 G multiplications at 224x224."""
    return resnet(partial(residual, bottleneck_paper), (3, 8, 36, 3), num_classes, in_channels, width)


def plain18(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-18 without shortcuts (section 4.1)."""
    return resnet(partial(plain, basic), (2, 2, 2, 2), num_classes, in_channels, width)


def plain34(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-34 without shortcuts (figure 3, middle): 3.6 G multiplications at 224x224."""
    return resnet(partial(plain, basic), (3, 4, 6, 3), num_classes, in_channels, width)


# --- section 4.2: CIFAR-10 ----------------------------------------------------------------------------------------

def cifar(block: Block, depth: int, num_classes: int, in_channels: int, width: float) -> Graph:
    """6m + 2 layers on images, by the paper (n, 3, 32, 32): a 3x3, three stages of m blocks, a linear layer.

    Raises ValueError for a depth that is no 6m + 2.
    """
    m, c = repeats(depth, 6, 2, "the CIFAR form"), scaled(16, width)
    x = Input((in_channels, None, None), name="image")          # (n, 3, 32, 32)
    h = conv_bn(x, c, 3, 1, "conv1", "bn1")                     # (n, 16, 32, 32)
    h = ops.relu(h, name="relu")
    h = stages(h, block, (m, m, m), [c, 2 * c, 4 * c])          # (n, 64, 8, 8)
    model = Graph(x, head(h, num_classes))
    kaiming(model)
    return model


def resnet_cifar(depth: int, num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet with 6m + 2 layers for small images; its shortcuts have no parameters (option A)."""
    return cifar(partial(residual, basic, shortcut=padded), depth, num_classes, in_channels, width)


def plain_cifar(depth: int, num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """The same without shortcuts.

    At the start its gradient grows by about 1.15 a layer towards the images (Yang et al., A mean field theory of batch
    normalization, 2019), to some million in 110 layers. So the first steps make filters ten thousand times larger.
    Training does not see it, as BatchNorm divides; but its running statistics lag behind, and in eval mode values
    overflow until they have caught up: `train.recompute_batch_norm` sets them right.
    """
    return cifar(partial(plain, basic), depth, num_classes, in_channels, width)


def resnet20_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-20 for CIFAR, shortcuts padded with zeros: 269,722 parameters, table 6's 0.27 M."""
    return resnet_cifar(20, num_classes, in_channels, width)


def resnet32_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-32 for CIFAR, shortcuts padded with zeros: 0.46 M parameters (table 6)."""
    return resnet_cifar(32, num_classes, in_channels, width)


def resnet44_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-44 for CIFAR, shortcuts padded with zeros: 0.66 M parameters (table 6)."""
    return resnet_cifar(44, num_classes, in_channels, width)


def resnet56_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-56 for CIFAR, shortcuts padded with zeros: 0.85 M parameters (table 6)."""
    return resnet_cifar(56, num_classes, in_channels, width)


def resnet110_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-110 for CIFAR, shortcuts padded with zeros: 1,727,962 parameters, table 6's 1.7 M."""
    return resnet_cifar(110, num_classes, in_channels, width)


def plain20_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-20 for CIFAR without its shortcuts."""
    return plain_cifar(20, num_classes, in_channels, width)


def plain32_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-32 for CIFAR without its shortcuts."""
    return plain_cifar(32, num_classes, in_channels, width)


def plain44_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-44 for CIFAR without its shortcuts."""
    return plain_cifar(44, num_classes, in_channels, width)


def plain56_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-56 for CIFAR without its shortcuts."""
    return plain_cifar(56, num_classes, in_channels, width)


def plain110_cifar(num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> Graph:
    """ResNet-110 for CIFAR without its shortcuts."""
    return plain_cifar(110, num_classes, in_channels, width)
