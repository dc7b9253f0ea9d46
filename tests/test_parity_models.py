"""The architectures beside PyTorch's: names and shapes of all, and scores, of torchvision's on full-size weights."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import SMALL, images, lively, small, with_memory, without_dropout
from torch_models import TORCHVISION, give, narrowed, theirs, to_numpy
from torch_models.beside import scores_apart
from torch_models.from_torchvision import published

from minigrad import models

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("name", models.names())
def test_names_and_shapes_are_pytorchs(name):
    """torchvision's, or those of the network that is written out once more in torch.nn."""
    wanted = {key: tuple(value.shape) for key, value in theirs(name, "meta").state_dict().items()}
    assert {key: array.shape for key, array in models.outline(name).state_dict().items()} == wanted


@pytest.mark.parametrize("name", TORCHVISION)
def test_counts_are_those_in_torchvisions_source(name):
    parameters, giga = published(name)
    card = models.about(name)
    if name == "googlenet":                     # its trained weights lack the heads
        card = card._replace(parameters=6_624_904)
    assert (card.parameters, round(card.multiplications / 1e9, 3)) == (parameters, giga)


# A net of each kind of block, with its channels as they are: vgg11 stands for all that VGG's table says.
FULL = ["alexnet", "googlenet", "inception_v3", "vgg11", "resnet18", "resnet50", "wide_resnet50_2", "densenet121"]


@pytest.mark.parametrize("name", FULL)
def test_scores_are_torchvisions(name):
    """The state dict of torchvision's model loads strictly, and the scores differ by 1e-4 of the largest at most."""
    mine, model = with_memory(models.outline(name)).eval(), theirs(name, "meta").eval()
    give(lively(mine), model)
    mine.load_state_dict(to_numpy(model), strict=True)
    for size in ((96, 96), (75, 91)):
        x = np.random.default_rng(1).normal(size=(2, 3, *size)).astype("float32")
        assert scores_apart(mine, model, x) <= 1e-5, size


@pytest.mark.parametrize("name", [name for name in SMALL if name not in TORCHVISION])
def test_scores_are_those_of_the_paper_in_pytorch(name):
    mine = small(name)
    mine.load_state_dict(lively(mine))
    model = narrowed(name, mine)
    without_dropout(mine, model)
    x = images(name, 2).numpy()
    assert scores_apart(mine, model, x) <= 1e-5


def test_weights_of_a_googlenet_without_auxiliary_heads():
    """torchvision's trained weights lack them; so does the graph that is cut at its scores."""
    model = theirs("googlenet")
    state = {name: array for name, array in to_numpy(model).items() if not name.startswith("aux")}
    mine = models.googlenet().cut(at="fc")
    mine.load_state_dict(state, strict=True)
    np.testing.assert_array_equal(mine.state_dict()["fc.weight"], state["fc.weight"])
