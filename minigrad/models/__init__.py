"""Architectures, one a file, each named after its paper. `create(name)` makes one by its name.

Under torchvision's names are torchvision's variants, whose weights load by name; `<name>_paper` is the paper's own.
All take num_classes, in_channels (of the images) and width, which multiplies the channels.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from ..graph import Graph
from ..nn.new_parameters import skip_init
from .alexnet import alexnet, alexnet_one_tower, alexnet_paper
from .cards import CARDS, Card
from .densenet import densenet40_cifar, densenet121, densenet161, densenet169, densenet201
from .googlenet import googlenet, googlenet_paper
from .inception_v3 import inception_v3
from .lenet5 import lenet5, lenet5_modern, lenet5_paper
from .resnet import (
    plain18,
    plain20_cifar,
    plain32_cifar,
    plain34,
    plain44_cifar,
    plain56_cifar,
    plain110_cifar,
    resnet18,
    resnet20_cifar,
    resnet32_cifar,
    resnet34,
    resnet44_cifar,
    resnet50,
    resnet50_paper,
    resnet56_cifar,
    resnet101,
    resnet101_paper,
    resnet110_cifar,
    resnet152,
    resnet152_paper,
)
from .senet import se_resnet18, se_resnet34, se_resnet50, se_resnet101, se_resnet152
from .unet import unet, unet_paper, unet_upsample
from .vgg import vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from .wide_resnet import wide_resnet50_2, wide_resnet101_2, wrn_16_8, wrn_28_10, wrn_40_4

__all__ = [
    "CARDS", "Card", "MODELS", "UnknownModelError", "about", "create", "find", "names", "outline",
    "alexnet", "alexnet_one_tower", "alexnet_paper", "densenet121", "densenet161", "densenet169", "densenet201",
    "densenet40_cifar", "googlenet", "googlenet_paper", "inception_v3", "lenet5", "lenet5_modern", "lenet5_paper",
    "plain110_cifar", "plain18", "plain20_cifar", "plain32_cifar", "plain34", "plain44_cifar", "plain56_cifar",
    "resnet101", "resnet101_paper", "resnet110_cifar", "resnet152", "resnet152_paper", "resnet18",
    "resnet20_cifar", "resnet32_cifar", "resnet34", "resnet44_cifar", "resnet50", "resnet50_paper",
    "resnet56_cifar", "se_resnet101", "se_resnet152", "se_resnet18", "se_resnet34", "se_resnet50", "unet",
    "unet_paper", "unet_upsample", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19",
    "vgg19_bn", "wide_resnet101_2", "wide_resnet50_2", "wrn_16_8", "wrn_28_10", "wrn_40_4",
]

# Every card's name is that of a function here.
MODELS: dict[str, Callable[..., Graph]] = {name: globals()[name] for name in CARDS}


class UnknownModelError(ValueError):
    """There is no model of that name; the message has the nearest names."""


def names() -> list[str]:
    """The names of all models."""
    return sorted(MODELS)


def find(name: str) -> Callable[..., Graph]:
    """The function that makes the model called `name`.

    Raises UnknownModelError, with the nearest names, if there is none.
    """
    if name not in MODELS:
        word = name.lower()
        near = [word] if word in MODELS else [known for known in names() if word and known.startswith(word)][:8] \
            or get_close_matches(word, MODELS, 3, 0.8) or get_close_matches(word, MODELS, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}"
        raise UnknownModelError(f"unknown model {name!r}: {hint}")
    return MODELS[name]


def about(name: str) -> Card:
    """What its card says of the model called `name`: title, paper, parameters and so on, without making it.

    Raises UnknownModelError, with the nearest names, if there is none.
    """
    find(name)
    return CARDS[name]


def outline(name: str, **options: Any) -> Graph:
    """The model called `name` without values, for its names, shapes and counts: made at once, whatever its size.

    Raises as `create` does. All elements of a parameter are one number in memory: nothing can be written into them.
    """
    with skip_init(lambda shape: None):
        return create(name, **options)


def create(name: str, **options: Any) -> Graph:
    """The model called `name`, with fresh weights: create("lenet5", num_classes=26).

    options: those of the model's function. Raises UnknownModelError, with the nearest names, if there is none.
    """
    return find(name)(**options)
