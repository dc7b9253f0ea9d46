"""The architectures that torchvision lacks, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from .alexnet_googlenet import AlexNet, GoogLeNet
from .lenet import LeNet5, LeNet5Paper
from .residual import Cifar, ResNet, Wide
from .small_forms import DenseNetCifar, UNet

DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}

MODELS: dict[str, Callable[[], nn.Module]] = {
    "lenet5": LeNet5, "lenet5_modern": partial(LeNet5, nn.ReLU, nn.MaxPool2d), "lenet5_paper": LeNet5Paper,
    "alexnet_one_tower": partial(AlexNet, 1), "alexnet_paper": partial(AlexNet, 2), "googlenet_paper": GoogLeNet,
    "plain18": partial(ResNet, DEPTHS[18], "basic", shortcut=None),
    "plain34": partial(ResNet, DEPTHS[34], "basic", shortcut=None),
    **{f"resnet{n}_paper": partial(ResNet, DEPTHS[n], "bottleneck, early stride") for n in (50, 101, 152)},
    **{f"se_resnet{n}": partial(ResNet, depths, "basic" if n < 50 else "bottleneck", gated=True)
       for n, depths in DEPTHS.items()},
    **{f"resnet{n}_cifar": partial(Cifar, n, "zeros") for n in (20, 32, 44, 56, 110)},
    **{f"plain{n}_cifar": partial(Cifar, n, None) for n in (20, 32, 44, 56, 110)},
    "wrn_16_8": partial(Wide, 16, 8), "wrn_28_10": partial(Wide, 28, 10), "wrn_40_4": partial(Wide, 40, 4),
    "densenet40_cifar": DenseNetCifar,
    "unet": UNet, "unet_upsample": partial(UNet, upsample=True), "unet_paper": partial(UNet, padding=0),
}
