"""VGG: Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition, 2014, table 1.

The columns A, B, D and E, each also with BatchNorm, which is younger (torchvision's; its convolutions keep their
biases). Names and first values are torchvision's: convolutions normal with variance 2 / fan-out, linear layers normal
with standard deviation 0.01, biases 0. The paper draws all with 0.01, the deeper nets on top of a trained A.
"""

from __future__ import annotations

from .. import nn, ops
from ..graph import Graph, Input
from .parts import gaussian, kaiming, scaled

# Numbers of channels of 3x3 convolutions; a bar is a max pooling, which halves the image.
COLUMNS = {
    "A": "64 | 128 | 256 256 | 512 512 | 512 512 |",
    "B": "64 64 | 128 128 | 256 256 | 512 512 | 512 512 |",
    "D": "64 64 | 128 128 | 256 256 256 | 512 512 512 | 512 512 512 |",
    "E": "64 64 | 128 128 | 256 256 256 256 | 512 512 512 512 | 512 512 512 512 |",
}


def vgg(column: str, batch_norm: bool, num_classes: int, in_channels: int, width: float) -> Graph:
    """A column of table 1: images (n, in_channels, h, w) of at least 32x32 -> scores (n, num_classes)."""
    f = scaled(4096, width)
    x = h = Input((in_channels, None, None), name="image")          # (n, 3, 224, 224)
    i = 0
    for entry in COLUMNS[column].split():
        if entry == "|":
            h = nn.MaxPool2d(2, stride=2)(h, name=f"features.{i}")
        else:
            c = scaled(int(entry), width)
            h = nn.Conv2d(h.shape[1], c, 3, padding=1)(h, name=f"features.{i}")
            if batch_norm:
                h = nn.BatchNorm2d(c)(h, name=f"features.{(i := i + 1)}")
            h = ops.relu(h, name=f"features.{(i := i + 1)}")
        i += 1
    h = nn.AdaptiveAvgPool2d(7)(h, name="avgpool")                  # (n, 512, 7, 7), itself at the paper's 224x224
    h = nn.Flatten()(h, name="flatten")                             # (n, 25088)
    h = ops.relu(nn.Linear(h.shape[1], f)(h, name="classifier.0"), name="classifier.1")
    h = nn.Dropout(0.5)(h, name="classifier.2")                     # (n, 4096)
    h = ops.relu(nn.Linear(f, f)(h, name="classifier.3"), name="classifier.4")
    h = nn.Dropout(0.5)(h, name="classifier.5")                     # (n, 4096)
    model = Graph(x, nn.Linear(f, num_classes)(h, name="classifier.6"))
    kaiming(model, "fan_out")
    gaussian(model, 0.01, nn.Linear)
    return model


def vgg11(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """VGG-11, column A: 132,863,336 parameters, 7.61 G multiplications at 224x224."""
    return vgg("A", False, num_classes, in_channels, width)


def vgg13(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """VGG-13, column B: 133,047,848 parameters, 11.31 G multiplications at 224x224."""
    return vgg("B", False, num_classes, in_channels, width)


def vgg16(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """VGG-16, column D: 138,357,544 parameters, 15.47 G multiplications at 224x224."""
    return vgg("D", False, num_classes, in_channels, width)


def vgg19(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """VGG-19, column E: 143,667,240 parameters, 19.63 G multiplications at 224x224."""
    return vgg("E", False, num_classes, in_channels, width)


def vgg11_bn(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """VGG-11 with BatchNorm, column A: 132,868,840 parameters, 7.61 G multiplications at 224x224."""
    return vgg("A", True, num_classes, in_channels, width)


def vgg13_bn(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """VGG-13 with BatchNorm, column B: 133,053,736 parameters, 11.31 G multiplications at 224x224."""
    return vgg("B", True, num_classes, in_channels, width)


def vgg16_bn(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """VGG-16 with BatchNorm, column D: 138,365,992 parameters, 15.47 G multiplications at 224x224."""
    return vgg("D", True, num_classes, in_channels, width)


def vgg19_bn(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """VGG-19 with BatchNorm, column E: 143,678,248 parameters, 19.63 G multiplications at 224x224."""
    return vgg("E", True, num_classes, in_channels, width)
