"""What the architectures say of images, values and options that do not fit: one line, and nothing is half-loaded."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import small

import minigrad as mg
from minigrad import models
from minigrad.models.resnet import resnet_cifar
from minigrad.models.wide_resnet import wrn


@pytest.mark.parametrize(("name", "shape", "message"), [
    ("alexnet_paper", (3, 224, 224), r"input image expects \(n, 3, 227, 227\), .*\(1, 3, 224, 224\) came"),
    ("googlenet_paper", (3, 227, 227), r"input image expects \(n, 3, 224, 224\), .*\(1, 3, 227, 227\) came"),
    ("lenet5_paper", (1, 28, 28), r"input image expects \(n, 1, 32, 32\), .*\(1, 1, 28, 28\) came"),
    ("unet_paper", (1, 200, 200), r"input image expects \(n, 1, 188, 188\), .*\(1, 1, 200, 200\) came"),
    ("resnet18", (1, 64, 64), r"input image expects \(n, 3, None, None\), .*\(1, 1, 64, 64\) came"),
    ("alexnet", (3, 32, 32), r"^features.12: max_pool2d: a window of 3 .* called with image \(1, 3, 32, 32\)"),
    ("vgg11", (3, 16, 16), r"^features.20: max_pool2d: a window of 2 .* called with image \(1, 3, 16, 16\)"),
    ("densenet121", (3, 16, 16), r"^features.transition3.pool: .* called with image \(1, 3, 16, 16\)"),
    ("unet", (1, 40, 50), r"^up4.concat: .* size 5 .* size 4 .* called with image \(1, 1, 40, 50\)\): the graph "
                          r"takes heights and widths that are multiples of 16, as 32 x 48 or 48 x 64$"),
])
def test_images_that_do_not_fit(name, shape, message):
    with pytest.raises(ValueError, match=message) as error:
        small(name).eval()(mg.zeros(1, *shape))
    assert "\n" not in str(error.value)


def test_inception_v3_says_that_its_head_needs_larger_images():
    model, x = models.inception_v3(width=1 / 16), mg.zeros(1, 3, 96, 96)
    assert model.eval()(x)["scores"].shape == (1, 1000)
    with pytest.raises(ValueError, match=r"^AuxLogits.pool: .* called with image \(1, 3, 96, 96\)"):
        model.train()(x)


@pytest.mark.parametrize(("other", "message"), [
    ("vgg11_bn", r"missing: conv1.weight, .* more\n  unexpected: features.0.weight, .* more$"),
    ("resnet50", "unexpected: layer1.0.conv3.weight, .* more$"),
])
def test_the_values_of_another_architecture_are_refused_whole(other, message):
    model = models.resnet18(width=1 / 16)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    with pytest.raises(ValueError, match=message) as error:
        model.load_state_dict(models.create(other, width=1 / 16).state_dict())
    assert len(str(error.value)) < 600
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(("make", "message"), [
    (lambda: models.unet_paper(size=512), "512 came, 508 is near"),
    (lambda: models.unet_paper(size=20), "20 came, 188 is near"),
    (lambda: models.vgg16(width=0), "width .* above 0, as 0.5, 0 came"),
    (lambda: models.resnet18(width=float("nan")), "width .* above 0, as 0.5, nan came"),
    (lambda: models.resnet18(width="half"), "width .* above 0, as 0.5, 'half' came"),
    (lambda: resnet_cifar(21), r"6m \+ 2 layers, .* depth of 21 came"),
    (lambda: wrn(28 + 1, 10), r"6m \+ 4 layers, .* depth of 29 came"),
])
def test_options_that_make_no_model(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_names_that_are_near():
    for word, near in (("vgg", "vgg11 or vgg11_bn or vgg13"), ("resnet-50", "resnet50"), ("resnet20", "resnet20_cifar"),
                       ("Inception", "inception_v3")):
        with pytest.raises(models.UnknownModelError, match=f"did you mean {near}"):
            models.create(word)
