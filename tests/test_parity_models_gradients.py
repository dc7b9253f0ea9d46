"""Gradients of the architectures beside torchvision's, with few channels in both: in training, heads included."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from small_models import lively, outputs, without_dropout
from torchvision_models import narrowed

import minigrad as mg
from minigrad import models

pytestmark = pytest.mark.parity

NETS = {        # the width, and the size of the images
    "alexnet": (1 / 8, (63, 64)), "vgg11": (1 / 8, (32, 48)), "vgg11_bn": (1 / 8, (32, 64)),
    "googlenet": (1 / 8, (32, 48)), "resnet18": (1 / 8, (33, 48)), "resnet50": (1 / 8, (33, 48)),
    "wide_resnet50_2": (1 / 8, (33, 48)), "densenet121": (1 / 8, (33, 48)),
}


def pair(name: str, width: float, seed: int = 0):
    """A narrow model, and torchvision's with the same channels and values."""
    mine = models.create(name, num_classes=10, width=width)
    mine.load_state_dict(lively(mine, seed))
    theirs = narrowed(name, mine)
    without_dropout(mine, theirs)
    return mine.train(), theirs.train()


def batch(n: int, size: tuple[int, int], seed: int = 0):
    """Images, and what arrives at the scores and at the heads."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3, *size)), [rng.normal(size=(n, 10)) for _ in range(3)]


def my_gradients(model, x, seeds, dtype):
    """Of the images and of all parameters, by name."""
    model = copy.deepcopy(model).to(dtype)
    x = mg.tensor(x.astype(dtype), requires_grad=True)
    ys = outputs(model(x))
    sum([(y * mg.tensor(g.astype(dtype))).sum() for y, g in zip(ys, seeds, strict=False)]).backward()
    return {"image": x.grad.numpy(), **{name: p.grad.numpy() for name, p in model.named_parameters()}}


def their_gradients(model, x, seeds, dtype):
    import torch

    model = copy.deepcopy(model).to(getattr(torch, dtype))
    x = torch.from_numpy(x.astype(dtype)).requires_grad_()
    ys = model(x)
    ys = [ys] if torch.is_tensor(ys) else [ys[0], *reversed(ys[1:])]        # GoogLeNet's heads: the second comes first
    sum([(y * torch.from_numpy(g.astype(dtype))).sum() for y, g in zip(ys, seeds, strict=False)]).backward()
    return {"image": x.grad.numpy(), **{name: p.grad.numpy() for name, p in model.named_parameters()}}


def assert_close(found, wanted) -> None:
    """To 1e-6 of the largest element of each; in front of BatchNorm a bias has no gradient, all that comes is noise."""
    largest = max(abs(g).max() for g in wanted.values())
    assert set(found) == set(wanted)
    for name, g in wanted.items():
        assert abs(found[name] - g).max() <= 1e-6 * max(abs(g).max(), 1e-6 * largest), name


@pytest.mark.parametrize("name", NETS)
def test_gradients_are_torchvisions(name):
    width, size = NETS[name]
    mine, theirs = pair(name, width)
    x, seeds = batch(3, size)
    assert_close(my_gradients(mine, x, seeds, "float64"), their_gradients(theirs, x, seeds, "float64"))


def test_gradients_of_inception_v3_with_its_head():
    mine, theirs = pair("inception_v3", 1 / 16)
    x, seeds = batch(2, (299, 299))
    assert_close(my_gradients(mine, x, seeds, "float64"), their_gradients(theirs, x, seeds, "float64"))


def far(found, exact) -> float:
    """How far gradients are from those of float64: the root of the mean over the tensors of |difference|^2 / |g|^2."""
    norm = np.linalg.norm
    largest = max(norm(g) for g in exact.values())
    apart = [norm(found[name] - g) / norm(g) for name, g in exact.items() if norm(g) > 1e-6 * largest]
    return float(np.sqrt(np.mean(np.square(apart))))


@pytest.mark.parametrize("name", ["alexnet", "vgg11_bn", "googlenet", "resnet18", "densenet121"])
def test_rounding_is_no_worse_than_torchvisions(name):
    """Float32 gradients err against float64 as PyTorch's do. The ratio of the two is drawn anew with the order of every
    sum, and a ReLU that one of them sees on the other side of 0 makes it large or small at once: so the middle one of
    three draws counts, and 1 means 1.5. In "auto" kernels may round five times as much."""
    width, size = NETS[name]
    ratios = {"exact": [], "auto": []}
    for seed in range(3):
        mine, theirs = pair(name, width, seed)
        x, seeds = batch(4, size, seed)
        x, seeds = x.astype("float32"), [g.astype("float32") for g in seeds]
        exact = their_gradients(theirs, x, seeds, "float64")
        rounding = far(their_gradients(theirs, x, seeds, "float32"), exact)
        for kernels, found in ratios.items():
            with mg.config(kernels=kernels):
                found.append(far(my_gradients(mine, x, seeds, "float32"), exact) / rounding)
    assert np.median(ratios["exact"]) <= 1.5 and np.median(ratios["auto"]) <= 5, ratios
