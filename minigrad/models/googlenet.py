"""GoogLeNet, Inception v1: Szegedy et al., Going deeper with convolutions, 2014, table 1 and figure 3.

`googlenet` is torchvision's: BatchNorm behind each convolution in place of the two response normalisations, and a 3x3
where the paper has 5x5 (a slip of theirs that their weights have grown around). `googlenet_paper` is the paper's. Both
give a dict, {"scores": ..., "aux1": ..., "aux2": ...}, in training; in evaluation the auxiliary heads do not run and it
has "scores" alone. `cut(at="fc")` leaves the heads out for good: the scores themselves, without a dict. The losses of
the heads count 0.3 (section 5):

    fit(models.googlenet(), train, loss=dict.fromkeys(["scores", "aux1", "aux2"], "cross_entropy"),
        optimizer="sgd", weights={"scores": 1.0, "aux1": 0.3, "aux2": 0.3})
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn, ops
from ..graph import Graph, Input
from .parts import scaled

HEADS = ("aux1", "aux2")

# Table 1: channels of 1x1; 3x3 reduce, 3x3; 5x5 reduce, 5x5; pool proj.                           out    size
INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),                                                              # 256    28x28
    "3b": (128, 128, 192, 32, 96, 64),                                                            # 480
    "4a": (192, 96, 208, 16, 48, 64),                                                             # 512    14x14
    "4b": (160, 112, 224, 24, 64, 64),                                                            # 512
    "4c": (128, 128, 256, 24, 64, 64),                                                            # 512
    "4d": (112, 144, 288, 32, 64, 64),                                                            # 528
    "4e": (256, 160, 320, 32, 128, 128),                                                          # 832
    "5a": (256, 160, 320, 32, 128, 128),                                                          # 832    7x7
    "5b": (384, 192, 384, 48, 128, 128),                                                          # 1024
}

Conv = Callable[..., Any]               # (x, channels, kernel, name, stride=1) -> y


def conv_relu(x: Any, c: int, kernel: int, name: str, stride: int = 1) -> Any:
    """A convolution that keeps the size, but for the stride; and ReLU."""
    h = nn.Conv2d(x.shape[1], c, kernel, stride, padding=kernel // 2)(x, name=f"{name}.conv")
    return ops.relu(h, name=f"{name}.relu")


def conv_bn_relu(x: Any, c: int, kernel: int, name: str, stride: int = 1) -> Any:
    """The same with BatchNorm between."""
    h = nn.Conv2d(x.shape[1], c, kernel, stride, padding=kernel // 2, bias=False)(x, name=f"{name}.conv")
    return ops.relu(nn.BatchNorm2d(c, eps=0.001)(h, name=f"{name}.bn"), name=f"{name}.relu")


def inception(x: Any, row: str, width: float, conv: Conv, five: int) -> Any:
    """The module with dimension reductions (figure 2 b): four branches, concatenated. five: the size of the 5x5."""
    one, reduce3, three, reduce5, last, proj = [scaled(c, width) for c in INCEPTION[row]]
    name = f"inception{row}"
    b1 = conv(x, one, 1, f"{name}.branch1")
    b2 = conv(conv(x, reduce3, 1, f"{name}.branch2.0"), three, 3, f"{name}.branch2.1")
    b3 = conv(conv(x, reduce5, 1, f"{name}.branch3.0"), last, five, f"{name}.branch3.1")
    b4 = conv(nn.MaxPool2d(3, 1, padding=1)(x, name=f"{name}.branch4.0"), proj, 1, f"{name}.branch4.1")
    return ops.concat([b1, b2, b3, b4], 1, name=f"{name}.concat")


def auxiliary(x: Any, num_classes: int, width: float, conv: Conv, pool: nn.Module, name: str) -> Any:
    """An auxiliary classifier (section 5, end): (n, c, 14, 14) -> (n, num_classes)."""
    h = pool(x, name=f"{name}.pool")                                                # (n, c, 4, 4)
    h = conv(h, scaled(128, width), 1, f"{name}.conv")                              # (n, 128, 4, 4)
    h = nn.Flatten()(h, name=f"{name}.flatten")                                     # (n, 2048)
    h = nn.Linear(h.shape[1], scaled(1024, width))(h, name=f"{name}.fc1")           # (n, 1024)
    h = nn.Dropout(0.7)(ops.relu(h, name=f"{name}.relu"), name=f"{name}.dropout")
    return nn.Linear(h.shape[1], num_classes)(h, name=f"{name}.fc2")


def googlenet(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """torchvision's GoogLeNet for images (n, in_channels, h, w) of at least 15x15; {"scores": (n, num_classes), ...}.

    13,004,888 parameters, 6,624,904 of them without the auxiliary heads; 1.50 G multiplications at 224x224 without
    them. Weights start normal with standard deviation 0.01, the biases as nn.Linear's. torchvision's trained weights
    lack the heads, and want images normalised with mean 0.5 and standard deviation 0.5.
    """
    x = Input((in_channels, None, None), name="image")                              # (n, 3, 224, 224)
    h = conv_bn_relu(x, scaled(64, width), 7, "conv1", stride=2)                    # (n, 64, 112, 112)
    h = nn.MaxPool2d(3, stride=2, ceil_mode=True)(h, name="maxpool1")               # (n, 64, 56, 56)
    h = conv_bn_relu(h, scaled(64, width), 1, "conv2")                              # (n, 64, 56, 56)
    h = conv_bn_relu(h, scaled(192, width), 3, "conv3")                             # (n, 192, 56, 56)
    h = nn.MaxPool2d(3, stride=2, ceil_mode=True)(h, name="maxpool2")               # (n, 192, 28, 28)
    aux: list[Any] = []
    for row in INCEPTION:
        h = inception(h, row, width, conv_bn_relu, five=3)                          # the paper has 5x5
        if row == "3b":
            h = nn.MaxPool2d(3, stride=2, ceil_mode=True)(h, name="maxpool3")       # (n, 480, 14, 14)
        if row == "4e":
            h = nn.MaxPool2d(2, stride=2, ceil_mode=True)(h, name="maxpool4")       # (n, 832, 7, 7)  the paper has 3x3
        if row in ("4a", "4d"):
            pool = nn.AdaptiveAvgPool2d(4)                                          # the paper has 5x5, stride 3
            aux.append(auxiliary(h, num_classes, width, conv_bn_relu, pool, HEADS[len(aux)]))
    h = nn.AdaptiveAvgPool2d(1)(h, name="avgpool")
    h = nn.Dropout(0.2)(nn.Flatten()(h, name="flatten"), name="dropout")            # (n, 1024)    the paper has 40 %
    y = nn.Linear(h.shape[1], num_classes)(h, name="fc")                            # (n, 1000)
    model = Graph(x, {"scores": y, **dict(zip(HEADS, aux, strict=True))}, train_only=HEADS)
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0, 0.01)          # torchvision cuts off at 200 standard deviations
    return model


def googlenet_paper(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """Table 1 for images (n, in_channels, 224, 224); {"scores": (n, num_classes), ...}.

    13,378,280 parameters, 6,998,552 of them without the auxiliary heads; 1.58 G multiplications without them: the
    paper says 1.5 G. It says nothing of first values: those here are of its reproduction in Caffe, BVLC GoogLeNet,
    weights uniform with variance 1 / fan-in, biases 0.2 and in front of the softmax 0.
    """
    x = Input((in_channels, 224, 224), name="image")
    h = conv_relu(x, scaled(64, width), 7, "conv1", stride=2)                       # (n, 64, 112, 112)
    h = nn.MaxPool2d(3, stride=2, ceil_mode=True)(h, name="maxpool1")               # (n, 64, 56, 56)
    h = response_norm()(h, name="norm1")
    h = conv_relu(h, scaled(64, width), 1, "conv2")                                 # (n, 64, 56, 56)
    h = conv_relu(h, scaled(192, width), 3, "conv3")                                # (n, 192, 56, 56)
    h = response_norm()(h, name="norm2")
    h = nn.MaxPool2d(3, stride=2, ceil_mode=True)(h, name="maxpool2")               # (n, 192, 28, 28)
    aux: list[Any] = []
    for row in INCEPTION:
        h = inception(h, row, width, conv_relu, five=5)
        if row in ("3b", "4e"):
            number = 3 if row == "3b" else 4
            h = nn.MaxPool2d(3, stride=2, ceil_mode=True)(h, name=f"maxpool{number}")       # 14x14, 7x7
        if row in ("4a", "4d"):
            pool = nn.AvgPool2d(5, stride=3)
            aux.append(auxiliary(h, num_classes, width, conv_relu, pool, HEADS[len(aux)]))
    h = nn.AvgPool2d(7)(h, name="avgpool")                                          # (n, 1024, 1, 1)
    h = nn.Dropout(0.4)(nn.Flatten()(h, name="flatten"), name="dropout")            # (n, 1024)
    y = nn.Linear(h.shape[1], num_classes)(h, name="fc")                            # (n, 1000)
    model = Graph(x, {"scores": y, **dict(zip(HEADS, aux, strict=True))}, train_only=HEADS)
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            nn.init.lecun_uniform_(parameter)
        else:
            nn.init.constant_(parameter, 0 if name in ("fc.bias", "aux1.fc2.bias", "aux2.fc2.bias") else 0.2)
    return model


def response_norm() -> nn.LocalResponseNorm:
    """The paper gives no numbers: those of Krizhevsky et al. 2012, as in alexnet.py."""
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
