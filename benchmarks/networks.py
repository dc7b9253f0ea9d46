"""The networks that are compared with PyTorch, each written once for both libraries: `nn` is either's.

They are torchvision's, layer by layer; `minigrad.cli.versus` has the two that are small, and the parts of ResNets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from minigrad.cli.versus import Net, basic_block, conv_norm, lenet5, residual

VGG_16 = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512, 512, "pool")
HEADS = 8


def alexnet(nn: Any) -> Any:
    """Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks: torchvision's alexnet."""
    def conv(*numbers: int) -> list:
        return [nn.Conv2d(*numbers), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *conv(3, 64, 11, 4, 2), nn.MaxPool2d(3, 2), *conv(64, 192, 5, 1, 2), nn.MaxPool2d(3, 2),
        *conv(192, 384, 3, 1, 1), *conv(384, 256, 3, 1, 1), *conv(256, 256, 3, 1, 1), nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d((6, 6)), nn.Flatten(),
        nn.Dropout(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 1000))


def vgg16(nn: Any) -> Any:
    """Simonyan and Zisserman 2014, table 1, D: torchvision's vgg16."""
    layers, c = [], 3
    for k in VGG_16:
        if k == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(c, k, 3, padding=1), nn.ReLU(inplace=True)]
            c = k
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d((7, 7)), nn.Flatten(),
                         nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(),
                         nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, 1000))


def bottleneck(nn: Any, c: int, width: int, stride: int) -> Any:
    """1x1, 3x3 and 1x1 convolutions to 4 times the width, and the shortcut around them."""
    body = [*conv_norm(nn, c, width, 1), nn.ReLU(inplace=True), *conv_norm(nn, width, width, 3, stride),
            nn.ReLU(inplace=True), *conv_norm(nn, width, 4 * width, 1)]
    return residual(nn, body, c, 4 * width, stride)


def resnet(nn: Any, block: Callable[..., Any] = basic_block, depths: tuple[int, ...] = (2, 2, 2, 2), growth: int = 1,
           on_cifar: bool = False) -> Any:
    """He et al. 2015, table 1: by default ResNet-18. on_cifar: a 3x3 stem without pooling, and 10 classes."""
    stem = conv_norm(nn, 3, 64, 3) if on_cifar else conv_norm(nn, 3, 64, 7, 2)
    layers = [*stem, nn.ReLU(inplace=True), *([] if on_cifar else [nn.MaxPool2d(3, 2, 1)])]
    c = 64
    for width, depth in zip((64, 128, 256, 512), depths, strict=True):
        for i in range(depth):
            layers.append(block(nn, c, width, 2 if i == 0 and width > 64 else 1))
            c = growth * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10 if on_cifar else 1000))


def transformer(nn: Any, width: int, **options: Any) -> Any:
    """A layer of Vaswani et al. 2017, as the library makes it unless told otherwise: ReLU, dropout 0.1, normalised
    behind the sums; then a class for each token."""
    return nn.Sequential(nn.TransformerEncoderLayer(width, HEADS, 4 * width, batch_first=True, **options),
                         nn.Linear(width, 10))


# With dropout PyTorch leaves its fast attention, and its GELU is one pass where NumPy's is 18: a harder race.
hard_transformer = partial(transformer, dropout=0.0, activation="gelu")


@dataclass(frozen=True)
class Row(Net):
    """A network and the mark it should meet: minigrad's time over PyTorch's, at most; None: there is none."""

    mark: float | None = None


COLOUR = (3, 224, 224)
NETWORKS: dict[str, Row] = {
    "lenet5": Row("LeNet-5", lenet5, (1, 32, 32), 64, 10, mark=1.0),
    "alexnet": Row("AlexNet", alexnet, COLOUR, 16, mark=1.1),
    "vgg16": Row("VGG-16", vgg16, COLOUR, 2, bound=5e-2, mark=0.95),
    "resnet18": Row("ResNet-18", resnet, COLOUR, 8, bound=3e-2, mark=0.95),
    "resnet18_cifar": Row("ResNet-18, CIFAR", partial(resnet, on_cifar=True), (3, 32, 32), 32, 10, bound=3e-2,
                          mark=0.95),
    "resnet50": Row("ResNet-50", partial(resnet, block=bottleneck, depths=(3, 4, 6, 3), growth=4), COLOUR, 4,
                    bound=0.1, mark=1.05),
    "transformer_256": Row("Transformer, d 256", partial(transformer, width=256), (64, 256), 16, 10, mark=1.15),
    "transformer_512": Row("Transformer, d 512", partial(transformer, width=512), (64, 512), 16, 10, mark=1.15),
    "transformer_256_gelu": Row("no dropout, GELU, d 256", partial(hard_transformer, width=256), (64, 256), 16, 10),
    "transformer_512_gelu": Row("no dropout, GELU, d 512", partial(hard_transformer, width=512), (64, 512), 16, 10),
}
INFERENCE: dict[str, Row] = {
    "resnet18_inference": Row("ResNet-18, inference", resnet, COLOUR, 8, mark=1.0),
    "vgg16_inference": Row("VGG-16, inference", vgg16, COLOUR, 2, mark=1.0),
}
