"""Every architecture is saved and read again; one of each family is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import SMALL, images, outputs, small

import minigrad as mg


@pytest.mark.parametrize("name", SMALL)
def test_a_file_brings_the_model_back(name, tmp_path):
    model = small(name).eval()
    mg.save(model, tmp_path / "model.safetensors")
    again = mg.load(tmp_path / "model.safetensors").eval()
    assert list(again.state_dict()) == list(model.state_dict())
    assert {key: p.shape for key, p in again.named_parameters()} == {
        key: p.shape for key, p in model.named_parameters()}
    with mg.no_grad():
        for one, other in zip(outputs(model(images(name, 1))), outputs(again(images(name, 1))), strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("name", ["lenet5_paper", "alexnet_paper", "vgg11_bn", "googlenet", "inception_v3", "resnet18",
                                  "wide_resnet50_2", "densenet40_cifar", "se_resnet18", "unet"])
def test_it_can_be_drawn(name, tmp_path):
    model = small(name)
    model.draw(tmp_path / "all.svg")
    model.draw(tmp_path / "blocks.svg", depth=1)
    assert (tmp_path / "all.svg").read_text().count("<rect") > 5 and (tmp_path / "blocks.svg").stat().st_size > 1000
