"""Gradients of the architectures beside PyTorch's, with few channels in both: in training, heads included."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import SMALL, images, lively, small, without_dropout
from torch_models import TORCHVISION, narrowed
from torch_models.beside import gradients_apart, my_gradients, their_gradients

import minigrad as mg
from minigrad import models

pytestmark = pytest.mark.parity

NETS = {        # the width, and the size of the images
    "alexnet": (1 / 8, (63, 64)), "vgg11": (1 / 8, (32, 48)), "vgg11_bn": (1 / 8, (32, 64)),
    "googlenet": (1 / 8, (32, 48)), "resnet18": (1 / 8, (33, 48)), "resnet50": (1 / 8, (33, 48)),
    "wide_resnet50_2": (1 / 8, (33, 48)), "densenet121": (1 / 8, (33, 48)),
    "inception_v3": (1 / 8, (299, 299)),        # smaller ones leave nothing to the auxiliary head's 5 x 5
}


def pair(name: str, width: float, seed: int = 0):
    """A narrow model, and torchvision's with the same channels and values."""
    return beside(name, models.create(name, num_classes=10, width=width), seed)


def beside(name: str, mine, seed: int = 0):
    mine.load_state_dict(lively(mine, seed))
    theirs = narrowed(name, mine)
    without_dropout(mine, theirs)
    return mine, theirs


def batch(n: int, size: tuple[int, int], seed: int = 0):
    return np.random.default_rng(seed).normal(size=(n, 3, *size))


def assert_close(mine, theirs, x) -> None:
    found, who = gradients_apart(my_gradients(mine, x, "float64"), their_gradients(theirs, x, "float64"))
    assert found <= 1e-6, who


@pytest.mark.parametrize("name", NETS)
def test_gradients_are_torchvisions(name):
    width, size = NETS[name]
    assert_close(*pair(name, width), batch(3, size))


@pytest.mark.parametrize("name", [name for name in SMALL if name not in TORCHVISION])
def test_gradients_are_those_of_the_paper_in_pytorch(name):
    assert_close(*beside(name, small(name)), images(name, 2, dtype="float64").numpy())


def test_gradients_of_inception_v3_with_its_head():
    assert_close(*pair("inception_v3", 1 / 16), batch(2, (299, 299)))


def test_the_comparison_has_teeth():
    """Gradients of one parameter that are 1e-5 too large are found."""
    mine, theirs = beside("resnet20_cifar", small("resnet20_cifar"))
    x = images("resnet20_cifar", 2, dtype="float64").numpy()
    wanted = their_gradients(theirs, x, "float64")
    found = dict(wanted)
    found["layer2.0.bn1.bias"] = wanted["layer2.0.bn1.bias"] * (1 + 1e-5)
    assert gradients_apart(found, wanted) == (pytest.approx(1e-5, rel=1e-3), "layer2.0.bn1.bias")


def far(found, exact) -> float:
    """How far gradients are from those of float64: the root of the mean over the tensors of |difference|^2 / |g|^2."""
    norm = np.linalg.norm
    largest = max(norm(g) for g in exact.values())
    apart = [norm(found[name] - g) / norm(g) for name, g in exact.items() if norm(g) > 1e-6 * largest]
    return float(np.sqrt(np.mean(np.square(apart))))


@pytest.mark.parametrize("name", ["alexnet", "vgg11_bn", "googlenet", "resnet18", "densenet121",
                                  "inception_v3", "lenet5", "resnet20_cifar", "wrn_16_8", "se_resnet18", "unet"])
def test_rounding_is_no_worse_than_pytorchs(name):
    """In one net of each architecture float32 gradients err against float64 as PyTorch's do. The ratio of the two is
    drawn anew with the order of every sum, and a ReLU that one of them sees on the other side of 0 makes it large or
    small at once: so the middle one of three draws counts, and 1 means 1.5. In "auto" kernels may round five times as
    much."""
    ratios = {"exact": [], "auto": []}
    for seed in range(3):
        if name in NETS:
            width, size = NETS[name]
            mine, theirs = pair(name, width, seed)
            x = batch(4, size, seed).astype("float32")
        else:
            mine, theirs = beside(name, small(name), seed)
            x = images(name, 4, dtype="float32").numpy()
        exact = their_gradients(theirs, x, "float64", seed)
        rounding = far(their_gradients(theirs, x, "float32", seed), exact)
        for kernels, found in ratios.items():
            with mg.config(kernels=kernels):
                found.append(far(my_gradients(mine, x, "float32", seed), exact) / rounding)
    assert np.median(ratios["exact"]) <= 1.5 and np.median(ratios["auto"]) <= 5, ratios
