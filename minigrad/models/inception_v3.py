"""Inception v3: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, Rethinking the Inception architecture, 2015, table 1.

Table 1 leaves open how many channels the branches have, so there is no variant of the paper beside this one, which is
torchvision's after the authors' released network, names included. It differs from the paper in

- the stem: 80 channels by a 1x1, a pooling to 35x35 in place of a stride and of the 3x3 to 288 channels;
- Mixed_5b to 5d: figure 5, but for a 5x5 that the figure factorises into two 3x3; 5b reads 192 channels, not 288;
- how table 1's five modules at 17x17 and two at 8x8 are counted: they are Mixed_6a to 6e, of which 6a (figure 10)
  halves the image, and 7b and 7c, behind 7a, which does.

torchvision's trained weights want images normalised with mean 0.5 and standard deviation 0.5. In training it gives
{"scores": ..., "aux": ...}; in evaluation the auxiliary head does not run and the dict has "scores" alone.
`cut(at="fc")` leaves the head out for good: the scores themselves, without a dict. The loss of the head counts 0.4:

    fit(models.inception_v3(), train, loss=dict.fromkeys(["scores", "aux"], "cross_entropy"),
        optimizer="sgd", weights={"scores": 1.0, "aux": 0.4})
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .. import nn, ops
from ..graph import Graph, Input
from .parts import scaled

Conv = Callable[..., Any]               # (x, channels, kernel, name, stride=1, padding=0) -> y


def conv_bn_relu(x: Any, c: int, kernel: Any, name: str, stride: int = 1, padding: Any = 0, width: float = 1.0) -> Any:
    c = scaled(c, width)
    h = nn.Conv2d(x.shape[1], c, kernel, stride, padding, bias=False)(x, name=f"{name}.conv")
    return ops.relu(nn.BatchNorm2d(c, eps=0.001)(h, name=f"{name}.bn"), name=f"{name}.relu")


def module_a(x: Any, proj: int, conv: Conv, name: str) -> Any:
    """Figure 5, but for the 5x5: (n, c, 35, 35) -> (n, 224 + proj, 35, 35)."""
    one = conv(x, 64, 1, f"{name}.branch1x1")
    five = conv(x, 48, 1, f"{name}.branch5x5_1")
    five = conv(five, 64, 5, f"{name}.branch5x5_2", padding=2)
    double = conv(x, 64, 1, f"{name}.branch3x3dbl_1")
    double = conv(double, 96, 3, f"{name}.branch3x3dbl_2", padding=1)
    double = conv(double, 96, 3, f"{name}.branch3x3dbl_3", padding=1)
    pool = conv(nn.AvgPool2d(3, 1, padding=1)(x, name=f"{name}.pool"), proj, 1, f"{name}.branch_pool")
    return ops.concat([one, five, double, pool], 1, name=f"{name}.concat")


def reduction_b(x: Any, conv: Conv, name: str) -> Any:
    """Figure 10: (n, 288, 35, 35) -> (n, 768, 17, 17)."""
    three = conv(x, 384, 3, f"{name}.branch3x3", stride=2)
    double = conv(x, 64, 1, f"{name}.branch3x3dbl_1")
    double = conv(double, 96, 3, f"{name}.branch3x3dbl_2", padding=1)
    double = conv(double, 96, 3, f"{name}.branch3x3dbl_3", stride=2)
    pool = nn.MaxPool2d(3, stride=2)(x, name=f"{name}.pool")
    return ops.concat([three, double, pool], 1, name=f"{name}.concat")


def module_c(x: Any, c: int, conv: Conv, name: str) -> Any:
    """Figure 6, n = 7: (n, 768, 17, 17) -> (n, 768, 17, 17)."""
    row, column = {"kernel": (1, 7), "padding": (0, 3)}, {"kernel": (7, 1), "padding": (3, 0)}
    one = conv(x, 192, 1, f"{name}.branch1x1")
    seven = conv(x, c, 1, f"{name}.branch7x7_1")
    seven = conv(seven, c, name=f"{name}.branch7x7_2", **row)
    seven = conv(seven, 192, name=f"{name}.branch7x7_3", **column)
    double = conv(x, c, 1, f"{name}.branch7x7dbl_1")
    double = conv(double, c, name=f"{name}.branch7x7dbl_2", **column)
    double = conv(double, c, name=f"{name}.branch7x7dbl_3", **row)
    double = conv(double, c, name=f"{name}.branch7x7dbl_4", **column)
    double = conv(double, 192, name=f"{name}.branch7x7dbl_5", **row)
    pool = conv(nn.AvgPool2d(3, 1, padding=1)(x, name=f"{name}.pool"), 192, 1, f"{name}.branch_pool")
    return ops.concat([one, seven, double, pool], 1, name=f"{name}.concat")


def reduction_d(x: Any, conv: Conv, name: str) -> Any:
    """(n, 768, 17, 17) -> (n, 1280, 8, 8)."""
    three = conv(x, 192, 1, f"{name}.branch3x3_1")
    three = conv(three, 320, 3, f"{name}.branch3x3_2", stride=2)
    seven = conv(x, 192, 1, f"{name}.branch7x7x3_1")
    seven = conv(seven, 192, (1, 7), f"{name}.branch7x7x3_2", padding=(0, 3))
    seven = conv(seven, 192, (7, 1), f"{name}.branch7x7x3_3", padding=(3, 0))
    seven = conv(seven, 192, 3, f"{name}.branch7x7x3_4", stride=2)
    pool = nn.MaxPool2d(3, stride=2)(x, name=f"{name}.pool")
    return ops.concat([three, seven, pool], 1, name=f"{name}.concat")


def module_e(x: Any, conv: Conv, name: str) -> Any:
    """Figure 7: (n, c, 8, 8) -> (n, 2048, 8, 8)."""
    one = conv(x, 320, 1, f"{name}.branch1x1")
    three = conv(x, 384, 1, f"{name}.branch3x3_1")
    three = fork(three, conv, f"{name}.branch3x3_2")
    double = conv(x, 448, 1, f"{name}.branch3x3dbl_1")
    double = conv(double, 384, 3, f"{name}.branch3x3dbl_2", padding=1)
    double = fork(double, conv, f"{name}.branch3x3dbl_3")
    pool = conv(nn.AvgPool2d(3, 1, padding=1)(x, name=f"{name}.pool"), 192, 1, f"{name}.branch_pool")
    return ops.concat([one, three, double, pool], 1, name=f"{name}.concat")


def fork(x: Any, conv: Conv, name: str) -> Any:
    """1x3 and 3x1, side by side: (n, 384, 8, 8) -> (n, 768, 8, 8)."""
    sides = [conv(x, 384, (1, 3), f"{name}a", padding=(0, 1)), conv(x, 384, (3, 1), f"{name}b", padding=(1, 0))]
    return ops.concat(sides, 1, name=f"{name}.concat")


def auxiliary(x: Any, num_classes: int, conv: Conv, name: str) -> Any:
    """The auxiliary classifier (figure 8): (n, 768, 17, 17) -> (n, num_classes)."""
    h = nn.AvgPool2d(5, stride=3)(x, name=f"{name}.pool")                   # (n, 768, 5, 5)
    h = conv(h, 128, 1, f"{name}.conv0")                                    # (n, 128, 5, 5)
    h = conv(h, 768, 5, f"{name}.conv1")                                    # (n, 768, 1, 1)
    h = nn.AdaptiveAvgPool2d(1)(h, name=f"{name}.avgpool")
    h = nn.Flatten()(h, name=f"{name}.flatten")
    return nn.Linear(h.shape[1], num_classes)(h, name=f"{name}.fc")


def inception_v3(num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> Graph:
    """Inception v3, torchvision's: images (n, in_channels, h, w) -> {"scores": (n, num_classes), "aux": ...}.

    h and w are 299 in the paper, at least 75, and in training, for the auxiliary head, at least 299. 27,161,264
    parameters, 23,834,568 of them without the head; 5.71 G multiplications at 299x299 without it. Weights start normal
    with standard deviation 0.1, the head's conv1 with 0.01 and fc with 0.001, as the authors' code has it (torchvision
    means to do so, but its conv1 gets 0.1); biases as nn.Linear's.
    """
    conv = partial(conv_bn_relu, width=width)
    x = Input((in_channels, None, None), name="image")                      # (n, 3, 299, 299)
    h = conv(x, 32, 3, "Conv2d_1a_3x3", stride=2)                           # (n, 32, 149, 149)
    h = conv(h, 32, 3, "Conv2d_2a_3x3")                                     # (n, 32, 147, 147)
    h = conv(h, 64, 3, "Conv2d_2b_3x3", padding=1)                          # (n, 64, 147, 147)
    h = nn.MaxPool2d(3, stride=2)(h, name="maxpool1")                       # (n, 64, 73, 73)
    h = conv(h, 80, 1, "Conv2d_3b_1x1")                                     # (n, 80, 73, 73)       table 1: 3x3
    h = conv(h, 192, 3, "Conv2d_4a_3x3")                                    # (n, 192, 71, 71)      table 1: stride 2
    h = nn.MaxPool2d(3, stride=2)(h, name="maxpool2")                       # (n, 192, 35, 35)      table 1: 3x3 to 288
    h = module_a(h, 32, conv, "Mixed_5b")                                   # (n, 256, 35, 35)
    h = module_a(h, 64, conv, "Mixed_5c")                                   # (n, 288, 35, 35)
    h = module_a(h, 64, conv, "Mixed_5d")                                   # (n, 288, 35, 35)
    h = reduction_b(h, conv, "Mixed_6a")                                    # (n, 768, 17, 17)
    h = module_c(h, 128, conv, "Mixed_6b")
    h = module_c(h, 160, conv, "Mixed_6c")
    h = module_c(h, 160, conv, "Mixed_6d")
    h = module_c(h, 192, conv, "Mixed_6e")                                  # (n, 768, 17, 17)
    aux = auxiliary(h, num_classes, conv, "AuxLogits")
    h = reduction_d(h, conv, "Mixed_7a")                                    # (n, 1280, 8, 8)
    h = module_e(h, conv, "Mixed_7b")                                       # (n, 2048, 8, 8)
    h = module_e(h, conv, "Mixed_7c")                                       # (n, 2048, 8, 8)
    h = nn.AdaptiveAvgPool2d(1)(h, name="avgpool")
    h = nn.Flatten()(nn.Dropout(0.5)(h, name="dropout"), name="flatten")    # (n, 2048)
    y = nn.Linear(h.shape[1], num_classes)(h, name="fc")                    # (n, 1000)
    model = Graph(x, {"scores": y, "aux": aux}, train_only=["aux"])
    initialize(model)
    return model


def initialize(model: Graph) -> None:
    own = {"AuxLogits.conv1.conv": 0.01, "AuxLogits.fc": 0.001}
    for name, layer in model.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0, own.get(name, 0.1))
