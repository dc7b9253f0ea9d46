"""Auxiliary heads and new heads of the architectures, and their numbers of classes and channels."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import images, small

from minigrad import models
from minigrad.train import fit


def test_auxiliary_heads_are_there_in_training_alone():
    model, x = small("googlenet"), images("googlenet", 2)
    assert list(model.train()(x)) == ["scores", "aux1", "aux2"]
    assert list(model.eval()(x)) == ["scores"]
    alone = model.cut(at="fc")
    np.testing.assert_array_equal(alone.eval()(x).numpy(), model(x)["scores"].numpy())
    assert not [key for key in alone.state_dict() if key.startswith("aux")]


def test_fit_weighs_the_heads_as_the_card_says():
    weights = models.about("googlenet").loss_weights
    model = models.googlenet(num_classes=4, width=1 / 16)
    data = (images("googlenet", 4).numpy(), np.arange(4))
    row = fit(model, data, loss=dict.fromkeys(weights, "cross_entropy"), weights=weights, optimizer="sgd",
              validation=data, batch_size=4)[0]
    total = row["train_scores_loss"] + 0.3 * (row["train_aux1_loss"] + row["train_aux2_loss"])
    assert row["train_loss"] == pytest.approx(total, rel=1e-5)
    assert row["validation_loss"] == row["validation_scores_loss"]
    assert models.about("inception_v3").loss_weights == {"scores": 1.0, "aux": 0.4}
    for name in models.names():
        named = models.about(name).loss_weights
        assert named is None or list(named) == list(models.outline(name).outputs)


def test_a_new_head_for_other_classes():
    model = small("resnet18").replace_head(num_classes=7)
    assert model(images("resnet18", 2)).shape == (2, 7)


def test_numbers_of_classes_and_channels():
    for name in ("lenet5_modern", "alexnet", "vgg11", "resnet50", "densenet121", "unet", "resnet20_cifar", "wrn_16_8"):
        graph = models.outline(name, num_classes=3, in_channels=2, width=0.5)
        assert graph.node("image").shape[1] == 2 and graph.node(graph.outputs.node).shape[1] == 3
    assert models.outline("lenet5_paper", num_classes=26).node("f7").shape == ("n", 26)
