"""How a model is trained on a data set unless the user says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from ..data import DataError, random_affine, source
from ..data.transforms import AUGMENTATIONS, Transform
from ..optim import SGD, Optimizer
from .fit import OPTIMIZERS

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Settings:
    """How to train. The learning rate is that of the first step; it falls to 0 along half a cosine, step by step.

    optimizer: the name of one of `optim`; "sgd" has momentum, Nesterov's. augment: how the training images are changed
    at random: "auto", as is usual for the data, or one of `data.transforms.AUGMENTATIONS`. patience: epochs without a
    better one after which the training ends; None: never.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float = 0.9
    weight_decay: float = 0.0
    optimizer: str = "sgd"
    augment: str = "auto"
    patience: int | None = None

    def make_optimizer(self, parameters: list[Any]) -> Optimizer:
        """The optimizer of these settings. Nesterov 1983; Sutskever et al. 2013 for its form here."""
        if self.optimizer == "sgd":
            return SGD(parameters, lr=self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay,
                       nesterov=self.momentum > 0)
        return OPTIMIZERS[self.optimizer](parameters, lr=self.learning_rate, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class Recipe:
    """How a data set is trained on. Of models that have a `Family` rate and weight decay are the family's."""

    settings: Settings
    validation: float           # the share of the training images that chooses the epoch
    augment: Augment | None     # of images with masks: None


def by_name(name: str) -> Augment | None:
    """One of the augmentations of `data.transforms`, for images alone."""
    transform = AUGMENTATIONS[name]
    return None if transform is None else lambda images, generator: transform(images, None, generator)[0]


# Those of digits and mnist were found on validation parts. Those of the others are usual ones, tried on nothing here:
# CIFAR's are He et al. 2015, Deep Residual Learning for Image Recognition, section 4.2, in fewer epochs.
PHOTOS = Settings(epochs=30, batch_size=128, learning_rate=0.1, weight_decay=1e-4)
# Tiles of images with masks, four at once; Adam for the paper's SGD with momentum 0.99, which needs far longer.
TILES = Settings(epochs=16, batch_size=4, learning_rate=1e-3, optimizer="adam")
RECIPES = {
    "digits": Recipe(Settings(epochs=100, batch_size=32, learning_rate=0.05, weight_decay=1e-3), 0.2,
                     partial(random_affine, degrees=8.0, shift=2.0, scale=0.1, shear=0.1)),
    "mnist": Recipe(Settings(epochs=20, batch_size=32, learning_rate=0.05, weight_decay=1e-4), 1 / 12,
                    partial(random_affine, degrees=10.0, shift=1.5, scale=0.1, shear=0.1)),
    "fashion_mnist": Recipe(Settings(epochs=20, batch_size=32, learning_rate=0.05, weight_decay=1e-4), 1 / 12, None),
    "cifar10": Recipe(PHOTOS, 0.1, by_name("crop-flip")),
    "cifar100": Recipe(PHOTOS, 0.1, by_name("crop-flip")),
    "folder": Recipe(Settings(epochs=30, batch_size=32, learning_rate=0.01, weight_decay=1e-4), 0.2,
                     by_name("crop-flip")),
    "cells": Recipe(replace(TILES, epochs=40), 0.2, None),
    "masks": Recipe(TILES, 0.2, None),
}
MASKS_AUGMENT = "elastic"           # the paper's, section 3.1, which changes masks alike


# Of a network that goes on from what it knows, on whatever data: small batches, for there are few images as a rule.
TUNING = Settings(epochs=30, batch_size=32, learning_rate=0.01, weight_decay=1e-4)


@dataclass(frozen=True)
class Family:
    """How a paper trains its models: by SGD with momentum 0.9, with this learning rate at this size of batch."""

    learning_rate: float
    batch_size: int
    weight_decay: float

    def applied(self, usual: Settings) -> Settings:
        """A data set's settings with the family's rate and decay. Smaller batches have a smaller rate, in proportion:
        Goyal et al. 2017, Accurate, large minibatch SGD, section 2.1."""
        rate = self.learning_rate * min(1.0, usual.batch_size / self.batch_size)
        return replace(usual, learning_rate=rate, weight_decay=self.weight_decay)


# By the beginning of a model's name. LeNet-5 has none: the settings of digits and mnist were found for it. Epochs,
# batch and augmentation are the data's for all: the papers' are for ImageNet, and for weeks of a GPU.
RESNET = Family(0.1, 128, 1e-4)                     # He et al. 2015, section 4.2 (ImageNet: a batch of 256)
FAMILIES = {
    "alexnet": Family(0.01, 128, 5e-4),             # Krizhevsky et al. 2012, section 5
    "vgg": Family(0.01, 256, 5e-4),                 # Simonyan, Zisserman 2014, section 3.1
    "googlenet": Family(0.01, 32, 2e-4),            # of its reproduction, BVLC GoogLeNet: the paper has no numbers
    "inception": Family(0.045, 32, 4e-5),           # Szegedy et al. 2015, section 8, where RMSProp is the optimizer;
                                                    # the decay is that of the authors' code
    "resnet": RESNET, "plain": RESNET,
    "wide_resnet": Family(0.1, 128, 5e-4),          # Zagoruyko, Komodakis 2016, section 3
    "wrn": Family(0.1, 128, 5e-4),
    "densenet": Family(0.1, 64, 1e-4),              # Huang et al. 2016, section 4.2
    "se_resnet": Family(0.6, 1024, 1e-4),           # Hu et al. 2017, section 5; the decay is that of the authors' code
}


def family_of(model: str) -> Family | None:
    """The family of a model by its name; None where nothing is known of it."""
    return next((family for start, family in FAMILIES.items() if model.startswith(start)), None)


def recipe_for(data: str) -> Recipe:
    """The recipe of a data set by name. Raises DataError where there is none."""
    found = source(data).name
    if found not in RECIPES:
        raise DataError(f"{data} has no recipe: there are {', '.join(RECIPES)}")
    return RECIPES[found]


def augmentation(name: str, data: str) -> Augment | None:
    """How training images are changed at random; "auto": as is usual for the data."""
    return recipe_for(data).augment if name == "auto" else by_name(name)


def mask_augmentation(name: str) -> list[Transform]:
    """How images and masks are changed alike; "auto": as is usual for them."""
    transform = AUGMENTATIONS[MASKS_AUGMENT if name == "auto" else name]
    return [] if transform is None else [transform]


def settings_for(model: str, data: str, usual: Settings | None = None, **asked: Any) -> Settings:
    """The settings of a model on a data set: what is `usual`, None for the data's recipe, with rate and weight decay of
    the model's family; of what is asked None is that.

    An optimizer that is not the recipe's has its own usual learning rate, unless one is asked for; and no weight decay.
    """
    asked = {name: value for name, value in asked.items() if value is not None}
    usual, family = usual or recipe_for(data).settings, family_of(model)
    if family is not None:
        usual = family.applied(usual)
    other = asked.get("optimizer", usual.optimizer)
    if other != usual.optimizer:
        defaults = signature(OPTIMIZERS[other]).parameters
        asked = {"learning_rate": defaults["lr"].default, "weight_decay": defaults["weight_decay"].default, **asked}
    return replace(usual, **asked)
