"""torchvision's models, imported without its compiled operators; narrowed to the channels of a model here."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

# The packages on the way to a model's file, whose __init__ would import operators, transforms and all other models.
PACKAGES = ("torchvision", "torchvision.models", "torchvision.transforms")


@functools.cache
def source(name: str) -> Any:
    """The module torchvision.models.<name>; the test is skipped where torchvision is not installed."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs torchvision's sources: pip install --no-deps torchvision")
    (root,) = spec.submodule_search_locations
    for package in PACKAGES:
        stub: Any = ModuleType(package)
        stub.__path__ = [root + package.removeprefix("torchvision").replace(".", "/")]
        sys.modules[package] = stub
    presets: Any = ModuleType("torchvision.transforms._presets")
    presets.ImageClassification = object
    sys.modules[presets.__name__] = presets
    try:
        return importlib.import_module(f"torchvision.models.{name}")
    finally:
        for found in [module for module in sys.modules if module.partition(".")[0] == "torchvision"]:
            del sys.modules[found]              # nobody else shall meet the stubs


FILES = {"alexnet": "alexnet", "vgg": "vgg", "googlenet": "googlenet", "inception_v3": "inception", "resnet": "resnet",
         "wide_resnet": "resnet", "densenet": "densenet"}


def theirs(name: str, device: str = "cpu") -> Any:
    """torchvision's model of that name, with its first weights; device "meta": without any."""
    import torch

    options = {"init_weights": False} if name.startswith(("vgg", "googlenet", "inception")) else {}
    family = name if name in FILES else name.rstrip("0123456789_bn")
    if name.startswith("googlenet"):
        options["aux_logits"] = True
    with torch.device(device):
        return getattr(source(FILES[family]), name)(**options)


def narrowed(name: str, mine: Any) -> Any:
    """torchvision's model with as many channels in each layer as `mine` has, and the values of `mine`."""
    from torch import nn

    state = mine.state_dict()
    model = theirs(name, "meta")
    for path, layer in list(model.named_modules()):
        if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d, nn.Linear)):
            parent, _, own = path.rpartition(".")
            setattr(model.get_submodule(parent), own, like(layer, state[f"{path}.weight"].shape))
    give(state, model)
    return model


def like(layer: Any, shape: tuple[int, ...]) -> Any:
    """A layer of the same settings with a weight of that shape."""
    from torch import nn

    if isinstance(layer, nn.BatchNorm2d):
        return nn.BatchNorm2d(shape[0], eps=layer.eps)
    if isinstance(layer, nn.Linear):
        return nn.Linear(shape[1], shape[0])
    return nn.Conv2d(shape[1] * layer.groups, shape[0], layer.kernel_size, layer.stride, layer.padding,
                     layer.dilation, layer.groups, layer.bias is not None)


def give(state: Any, model: Any) -> None:
    """Load arrays by name into torchvision's model, strictly, in place of what it has."""
    import torch

    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()}, assign=True)


def to_numpy(model: Any) -> dict[str, np.ndarray]:
    """The state dict of a model of PyTorch, as arrays."""
    return {name: value.numpy(force=True) for name, value in model.state_dict().items()}
