"""The architectures with few channels and on small images, for tests that run them whole."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

import minigrad as mg
from minigrad import models
from minigrad.graph import Graph


class Small(NamedTuple):
    """width multiplies the channels; image (c, h, w)."""

    width: float
    image: tuple[int, int, int]


# One net of every kind of block and of every builder; what differs in depth alone is left out.
SMALL = {
    "lenet5": Small(1.0, (1, 32, 32)), "lenet5_modern": Small(1.0, (1, 32, 32)),
    "lenet5_paper": Small(1.0, (1, 32, 32)),
    "alexnet": Small(1 / 16, (3, 63, 64)), "alexnet_one_tower": Small(1 / 16, (3, 227, 227)),
    "alexnet_paper": Small(1 / 16, (3, 227, 227)),
    "vgg11": Small(1 / 8, (3, 32, 32)), "vgg11_bn": Small(1 / 8, (3, 64, 64)),
    "googlenet": Small(1 / 8, (3, 64, 64)), "googlenet_paper": Small(1 / 16, (3, 224, 224)),
    "inception_v3": Small(1 / 16, (3, 107, 107)),
    "resnet18": Small(1 / 8, (3, 48, 48)), "resnet50": Small(1 / 16, (3, 64, 64)),
    "resnet50_paper": Small(1 / 16, (3, 64, 64)), "plain18": Small(1 / 8, (3, 48, 48)),
    "resnet20_cifar": Small(1 / 2, (3, 16, 16)), "plain20_cifar": Small(1 / 2, (3, 16, 16)),
    "wide_resnet50_2": Small(1 / 16, (3, 64, 64)), "wrn_16_8": Small(1 / 16, (3, 16, 16)),
    "densenet121": Small(1 / 8, (3, 64, 64)), "densenet40_cifar": Small(1 / 2, (3, 12, 12)),
    "se_resnet18": Small(1 / 4, (3, 48, 48)), "se_resnet50": Small(1 / 16, (3, 64, 64)),
    "unet": Small(1 / 16, (1, 32, 48)), "unet_upsample": Small(1 / 16, (1, 32, 48)),
    "unet_paper": Small(1 / 16, (1, 188, 188)),
}
WITHOUT_WIDTH = ("lenet5_paper",)           # table I says which of its maps read which


def small(name: str, num_classes: int | None = None) -> Graph:
    """The model in the size of SMALL; Inception v3 without its auxiliary head, which needs images of 299x299."""
    options: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    if name not in WITHOUT_WIDTH:
        options["width"] = SMALL[name].width
    if name == "unet_paper":
        options["size"] = SMALL[name].image[1]
    model = models.create(name, **options)
    return model.cut(at="fc") if name == "inception_v3" else model


def images(name: str, n: int, seed: int = 0, dtype: str = "float32") -> Any:
    rng = np.random.default_rng(seed)
    return mg.tensor(rng.normal(size=(n, *SMALL[name].image)).astype(dtype))


def outputs(y: Any) -> list[Any]:
    """What a model gives: one tensor, or those of a dict."""
    return list(y.values()) if isinstance(y, dict) else [y]


def without_dropout(*found: Any) -> None:
    """What is dropped in training is drawn anew at every call, by each library for itself: drop nothing."""
    for model in found:
        for layer in model.modules():
            if type(layer).__name__ == "Dropout":
                layer.p = 0.0


def lively(model: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """Values by name with which signals neither vanish nor explode, BatchNorm's statistics included."""
    rng = np.random.default_rng(seed)
    return {name: live(name, tuple(array.shape), rng) for name, array in model.state_dict().items()}


def live(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if name.endswith("num_batches_tracked"):
        return np.array(7)
    if len(shape) > 1:                                              # He et al.'s variance
        scale = np.float32(np.sqrt(2 / np.prod(shape[1:])))
        return rng.standard_normal(shape, dtype="float32") * scale
    if name.endswith(("running_var", "weight")):
        return rng.uniform(0.5, 1.5, shape).astype("float32")
    return rng.normal(0, 0.1, shape).astype("float32")


def with_memory(outline: Graph) -> Graph:
    """An outline as a model into which values can be loaded; of large models that is faster than drawing first ones."""
    return copy.deepcopy(outline)
