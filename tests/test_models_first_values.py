"""First values of the architectures: those that their docstrings say."""

from __future__ import annotations

import pytest

from minigrad import models, nn


@pytest.mark.parametrize(("name", "layer", "std"), [
    ("resnet18", "layer3.1.conv1", (2 / (256 * 9)) ** 0.5), ("googlenet", "inception4e.branch2.1.conv", 0.01),
    ("inception_v3", "Mixed_6b.branch1x1.conv", 0.1), ("densenet40_cifar", "features.transition2.conv", None),
    ("unet", "up3.up", (2 / 512) ** 0.5),
])
def test_first_values_have_the_standard_deviation_that_is_said(name, layer, std):
    model = models.create(name)
    weight = dict(model.named_modules())[layer].weight.numpy()
    expected = std or (2 / (weight[0].size)) ** 0.5
    assert weight.std() == pytest.approx(expected, rel=0.02) and abs(weight.mean()) < 0.02 * expected


def test_alexnets_biases_are_1_where_the_paper_says():
    state = models.alexnet_paper(width=1 / 16).state_dict()
    ones = [name for name, array in state.items() if name.endswith("bias") and array.all()]
    assert sorted(ones) == ["conv2.bias", "conv4.bias", "conv5.bias", "fc6.bias", "fc7.bias"]


def test_dropout_is_a_layer_of_its_own():
    found = [layer.p for layer in models.outline("googlenet_paper").modules() if isinstance(layer, nn.Dropout)]
    assert sorted(found) == [0.4, 0.7, 0.7]
