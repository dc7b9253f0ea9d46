"""The architectures beside torchvision's: names and shapes of all, and scores of full-size ones on their weights."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import lively, outputs, with_memory
from torchvision_models import give, theirs, to_numpy

import minigrad as mg
from minigrad import models

pytestmark = pytest.mark.parity

TORCHVISION = ["alexnet", "googlenet", "inception_v3", *[f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")],
               *[f"resnet{n}" for n in (18, 34, 50, 101, 152)], "wide_resnet50_2", "wide_resnet101_2",
               *[f"densenet{n}" for n in (121, 161, 169, 201)]]


@pytest.mark.parametrize("name", TORCHVISION)
def test_names_and_shapes_are_torchvisions(name):
    wanted = {key: tuple(value.shape) for key, value in theirs(name, "meta").state_dict().items()}
    assert {key: array.shape for key, array in models.outline(name).state_dict().items()} == wanted


# A net of each kind of block, with its channels as they are: vgg11 stands for all that VGG's table says.
FULL = ["alexnet", "googlenet", "inception_v3", "vgg11", "resnet18", "resnet50", "wide_resnet50_2", "densenet121"]


@pytest.mark.parametrize("name", FULL)
def test_scores_are_torchvisions(name):
    """The state dict of torchvision's model loads strictly, and the scores differ by 1e-4 of the largest at most."""
    import torch

    mine, model = with_memory(models.outline(name)).eval(), theirs(name, "meta").eval()
    give(lively(mine), model)
    mine.load_state_dict(to_numpy(model), strict=True)
    for size in ((96, 96), (75, 91)):
        x = np.random.default_rng(1).normal(size=(2, 3, *size)).astype("float32")
        with torch.no_grad(), mg.no_grad():
            wanted, (found,) = model(torch.from_numpy(x)).numpy(), outputs(mine(mg.tensor(x)))
        assert wanted.std() > 0.05                      # or nothing but the last layer's biases came through
        assert abs(found.numpy() - wanted).max() <= 1e-5 * abs(wanted).max(), size


def test_weights_of_a_googlenet_without_auxiliary_heads():
    """torchvision's trained weights lack them; so does the graph that is cut at its scores."""
    model = theirs("googlenet")
    state = {name: array for name, array in to_numpy(model).items() if not name.startswith("aux")}
    mine = models.googlenet().cut(at="fc")
    mine.load_state_dict(state, strict=True)
    np.testing.assert_array_equal(mine.state_dict()["fc.weight"], state["fc.weight"])
