"""torchvision's models, imported without its compiled operators."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any
from unittest import SkipTest

# The packages on the way to a model's file, whose __init__ would import operators, transforms and all other models.
PACKAGES = ("torchvision", "torchvision.models", "torchvision.transforms")
FILES = {"alexnet": "alexnet", "vgg": "vgg", "googlenet": "googlenet", "inception_v3": "inception", "resnet": "resnet",
         "wide_resnet": "resnet", "densenet": "densenet"}


def make(name: str) -> Any:
    """torchvision's model of that name; SkipTest where torchvision is not installed."""
    options = {"init_weights": False} if name.startswith(("vgg", "googlenet", "inception")) else {}
    family = name if name in FILES else name.rstrip("0123456789_bn")
    if name.startswith("googlenet"):
        options["aux_logits"] = True
    return getattr(source(FILES[family]), name)(**options)


@functools.cache
def source(name: str) -> Any:
    """The module torchvision.models.<name>."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        raise SkipTest("needs torchvision's sources: pip install --no-deps torchvision")
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


def published(name: str) -> tuple[int, float]:
    """(parameters, 10^9 multiplications) that torchvision's source says of its trained weights."""
    family = name if name in FILES else name.rstrip("0123456789_bn")
    module = source(FILES[family])
    (weights,) = [value for key, value in vars(module).items() if key.lower() == f"{name}_weights".lower()]
    meta = weights.IMAGENET1K_V1.value.meta
    return meta["num_params"], meta["_ops"]
