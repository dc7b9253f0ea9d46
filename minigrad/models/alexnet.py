"""AlexNet: Krizhevsky, Sutskever, Hinton, ImageNet classification with deep convolutional neural networks, 2012.

`alexnet_paper` is figure 2: its two towers are two groups of channels. `alexnet_one_tower` is the same without groups,
as lectures count it. `alexnet` is torchvision's, after Krizhevsky 2014, One weird trick: fewer channels, no response
normalisation, one tower.
"""

from __future__ import annotations

from .. import nn, ops
from ..graph import Graph, Input
from .parts import gaussian, scaled


def alexnet(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """torchvision's AlexNet for images (n, in_channels, h, w) of at least 63x63; scores (n, num_classes).

    61,100,840 parameters, 0.71 G multiplications at 224x224. First values are those of nn.Conv2d and nn.Linear.
    """
    c1, c2, c3, c4, f = [scaled(c, width) for c in (64, 192, 384, 256, 4096)]
    x = Input((in_channels, None, None), name="image")                              # (n, 3, 224, 224)
    h = nn.Conv2d(in_channels, c1, 11, stride=4, padding=2)(x, name="features.0")   # (n, 64, 55, 55)
    h = ops.relu(h, name="features.1")
    h = nn.MaxPool2d(3, stride=2)(h, name="features.2")                             # (n, 64, 27, 27)
    h = nn.Conv2d(c1, c2, 5, padding=2)(h, name="features.3")                       # (n, 192, 27, 27)
    h = ops.relu(h, name="features.4")
    h = nn.MaxPool2d(3, stride=2)(h, name="features.5")                             # (n, 192, 13, 13)
    h = nn.Conv2d(c2, c3, 3, padding=1)(h, name="features.6")                       # (n, 384, 13, 13)
    h = ops.relu(h, name="features.7")
    h = nn.Conv2d(c3, c4, 3, padding=1)(h, name="features.8")                       # (n, 256, 13, 13)
    h = ops.relu(h, name="features.9")
    h = nn.Conv2d(c4, c4, 3, padding=1)(h, name="features.10")                      # (n, 256, 13, 13)
    h = ops.relu(h, name="features.11")
    h = nn.MaxPool2d(3, stride=2)(h, name="features.12")                            # (n, 256, 6, 6)
    h = nn.AdaptiveAvgPool2d(6)(h, name="avgpool")                                  # itself, at 224x224
    h = nn.Flatten()(h, name="flatten")                                             # (n, 9216)
    h = nn.Dropout(0.5)(h, name="classifier.0")
    h = ops.relu(nn.Linear(36 * c4, f)(h, name="classifier.1"), name="classifier.2")
    h = nn.Dropout(0.5)(h, name="classifier.3")
    h = ops.relu(nn.Linear(f, f)(h, name="classifier.4"), name="classifier.5")      # (n, 4096)
    y = nn.Linear(f, num_classes)(h, name="classifier.6")                           # (n, 1000)
    return Graph(x, y)


def alexnet_paper(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """Figure 2 for images (n, in_channels, 227, 227); scores (n, num_classes).

    60,965,224 parameters, 0.72 G multiplications. First values are section 5's: weights normal with standard deviation
    0.01, biases 1 in conv2, conv4, conv5, fc6 and fc7, which feeds their ReLUs with positive inputs, and 0 elsewhere.
    """
    return towers(2, num_classes, in_channels, width)


def alexnet_one_tower(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """Figure 2 on one GPU, without groups: 62,378,344 parameters, 1.14 G multiplications; all else as the paper's."""
    return towers(1, num_classes, in_channels, width)


def towers(groups: int, num_classes: int, in_channels: int, width: float) -> Graph:
    """Section 3.5. groups: the GPUs, each with a tower, that look at each other's channels in conv3, fc6 and fc7."""
    c1, c2, c3, f = [scaled(c, width, groups) for c in (96, 256, 384, 4096)]
    x = Input((in_channels, 227, 227), name="image")                            # the paper says 224, which gives no 55
    h = ops.relu(nn.Conv2d(in_channels, c1, 11, stride=4)(x, name="conv1"))     # (n, 96, 55, 55)
    h = response_norm()(h, name="norm1")
    h = nn.MaxPool2d(3, stride=2)(h, name="pool1")                              # (n, 96, 27, 27)
    h = ops.relu(nn.Conv2d(c1, c2, 5, padding=2, groups=groups)(h, name="conv2"))   # (n, 256, 27, 27)
    h = response_norm()(h, name="norm2")
    h = nn.MaxPool2d(3, stride=2)(h, name="pool2")                              # (n, 256, 13, 13)
    h = ops.relu(nn.Conv2d(c2, c3, 3, padding=1)(h, name="conv3"))              # (n, 384, 13, 13)
    h = ops.relu(nn.Conv2d(c3, c3, 3, padding=1, groups=groups)(h, name="conv4"))   # (n, 384, 13, 13)
    h = ops.relu(nn.Conv2d(c3, c2, 3, padding=1, groups=groups)(h, name="conv5"))   # (n, 256, 13, 13)
    h = nn.MaxPool2d(3, stride=2)(h, name="pool5")                              # (n, 256, 6, 6)
    h = nn.Flatten()(h, name="flatten")                                         # (n, 9216)
    h = nn.Dropout(0.5)(ops.relu(nn.Linear(36 * c2, f)(h, name="fc6")), name="drop6")   # (n, 4096)
    h = nn.Dropout(0.5)(ops.relu(nn.Linear(f, f)(h, name="fc7")), name="drop7")         # (n, 4096)
    y = nn.Linear(f, num_classes)(h, name="fc8")                                # (n, 1000)
    model = Graph(x, y)
    gaussian(model, 0.01)
    for name in ("conv2", "conv4", "conv5", "fc6", "fc7"):
        nn.init.ones_(model.get_parameter(f"{name}.bias"))
    return model


def response_norm() -> nn.LocalResponseNorm:
    """Section 3.3: k=2, n=5, beta=0.75 and alpha=1e-4 of the sum of squares, so 5e-4 of their mean, PyTorch's.

    Its windows cross the border between the towers, as in Caffe's reproduction; on two GPUs they ended there.
    """
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
