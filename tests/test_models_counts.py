"""Parameters and multiplications of the architectures, against the published figures."""

from __future__ import annotations

import re
from functools import cache

import pytest

from minigrad import models
from minigrad.graph import Graph, Input, bottleneck_cost, conv_cost
from minigrad.graph.cost import Multiplications
from minigrad.models.googlenet import conv_relu, inception

outline = cache(models.outline)          # of several tests


def parameters(graph: Graph, under: str = "") -> int:
    return sum([p.data.size for name, p in graph.named_parameters() if name.startswith(under)])


COST = Multiplications()        # one for all: most of their layers are alike
# The least side is that of these; what is deeper alone is no pickier.
SMALLEST = {"vgg": "vgg11", "densenet40": "densenet40_cifar", "densenet": "densenet121", "unet": "unet",
            "googlenet": "googlenet", "alexnet": "alexnet", "inception": "inception_v3"}


def multiplications(graph: Graph) -> int:
    results = {node.name: node.result for node in graph.nodes}
    return sum([COST.of(node, results) or 0 for node in graph.nodes])


@pytest.mark.parametrize("name", models.names())
def test_every_card_counts_what_there_is(name):
    card, graph = models.about(name), outline(name)
    assert card.parameters == parameters(graph)
    takes = graph.node(graph.inputs[0]).shape[1:]
    assert all([n in (None, side) for n, side in zip(takes, card.image, strict=True)])
    like = next((models.about(known).least_side for start, known in SMALLEST.items() if name.startswith(start)), 1)
    assert card.least_side == (like if takes[1] is None else card.image[1])
    graph = graph.cut(at="fc") if card.loss_weights else graph
    assert card.multiplications == multiplications(graph.sized(card.image))


@pytest.mark.parametrize("name", SMALLEST.values())
def test_a_card_knows_the_smallest_image(name):
    """With the auxiliary heads, as in training."""
    card, graph = models.about(name), outline(name)
    c, side = card.image[0], card.least_side
    assert side > 1 and graph.sized((c, side, side))
    with pytest.raises(ValueError, match="window|pool"):
        graph.sized((c, side - 1, side - 1))


PUBLISHED = {
    "lenet5": 61_706, "lenet5_paper": 60_000, "alexnet_one_tower": 62_378_344, "alexnet_paper": 60_965_224,
    "alexnet": 61_100_840, "vgg11": 132_863_336, "vgg13": 133_047_848, "vgg16": 138_357_544, "vgg19": 143_667_240,
    "vgg16_bn": 138_365_992, "googlenet": 13_004_888, "inception_v3": 27_161_264, "resnet18": 11_689_512,
    "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160, "resnet152": 60_192_808,
    "resnet20_cifar": 269_722, "resnet110_cifar": 1_727_962, "wide_resnet50_2": 68_883_240,
    "wide_resnet101_2": 126_886_696, "densenet121": 7_978_856, "densenet161": 28_681_000, "densenet169": 14_149_480,
    "densenet201": 20_013_928, "se_resnet50": 28_088_024, "unet_paper": 31_030_658,
}


def test_parameters_are_the_published_ones():
    assert {name: models.about(name).parameters for name in PUBLISHED} == PUBLISHED


@pytest.mark.parametrize(("name", "millions", "digits"), [
    ("resnet20_cifar", 0.27, 2), ("resnet32_cifar", 0.46, 2), ("resnet44_cifar", 0.66, 2), ("resnet56_cifar", 0.85, 2),
    ("resnet110_cifar", 1.7, 1), ("wrn_28_10", 36.5, 1), ("wrn_40_4", 8.9, 1), ("wrn_16_8", 11.0, 1),
    ("densenet40_cifar", 1.0, 1),
])
def test_parameters_in_millions_are_the_papers(name, millions, digits):
    assert round(models.about(name).parameters / 1e6, digits) == millions


def test_alexnet_layer_by_layer():
    found = {name: parameters(outline("alexnet_one_tower"), f"{name}.")
             for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")}
    assert found == {"conv1": 34_944, "conv2": 614_656, "conv3": 885_120, "conv4": 1_327_488, "conv5": 884_992,
                     "fc6": 37_752_832, "fc7": 16_781_312, "fc8": 4_097_000}


def test_lenet5_layer_by_layer():
    """Section II.B of the paper, which counts each layer's trainable parameters."""
    found = {name: parameters(outline("lenet5_paper"), f"{name}.")
             for name in ("c1", "s2", "c3", "s4", "c5", "f6", "f7")}
    assert found == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164, "f7": 0}


@pytest.mark.parametrize(("name", "output", "published"), [
    ("googlenet", "fc", 6_624_904),
    ("googlenet_paper", "fc", 6_998_552),           # of its reproduction in Caffe
    ("inception_v3", "fc", 23_834_568),
])
def test_parameters_without_auxiliary_heads(name, output, published):
    assert parameters(outline(name).cut(at=output)) == published


def test_a_plain_twin_lacks_the_shortcuts_alone():
    assert models.about("plain20_cifar").parameters == models.about("resnet20_cifar").parameters
    graph = outline("resnet18")
    shortcuts = sum([p.data.size for name, p in graph.named_parameters() if "downsample" in name])
    assert models.about("plain18").parameters == models.about("resnet18").parameters - shortcuts


# --- multiplications ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("name", "giga"), [
    ("alexnet", 0.71), ("vgg11", 7.61), ("vgg16", 15.47), ("resnet18", 1.81), ("resnet50", 4.09), ("densenet121", 2.83),
    ("wide_resnet50_2", 11.40),
])
def test_multiplications_are_the_published_ones(name, giga):
    """torchvision's own figures, at 224x224; that a card counts what there is has a test above."""
    assert models.about(name).image == (3, 224, 224) and round(models.about(name).multiplications / 1e9, 2) == giga


def test_a_summary_counts_as_the_cards_do():
    found = outline("resnet18").summary((3, 224, 224))
    assert found.multiplications == models.about("resnet18").multiplications
    assert found.parameters == models.about("resnet18").parameters


@pytest.mark.parametrize(("name", "side", "giga"), [("googlenet", 224, 1.498), ("inception_v3", 299, 5.713)])
def test_multiplications_without_auxiliary_heads(name, side, giga):
    card = models.about(name)
    assert card.image == (3, side, side) and round(card.multiplications / 1e9, 3) == giga


def test_the_papers_resnet50_is_cheaper():
    """Table 1 of the 2015 paper has 3.8 G, with the stride in the 1x1; 4.09 G belong to the stride in the 3x3."""
    found = models.about("resnet50_paper").multiplications
    assert found == 3_857_973_248 and found // 10**8 == 38


def test_alexnets_multiplications():
    """Two towers save what conv2, conv4 and conv5 do not look at."""
    one, two = [models.about(name).multiplications for name in ("alexnet_one_tower", "alexnet_paper")]
    assert (one, two) == (1_135_256_096, 724_406_816)


# --- an Inception block against one convolution ----------------------------------------------------------------------

def test_an_inception_block_against_one_convolution():
    """GoogLeNet's inception (3a), 192 channels of 28x28 to 256: 163,328 weights, and one multiplication for each weight
    at each place, 128.0 M. 3x3 and 5x5 convolutions of as many channels have the other figures of that comparison, and
    table 1 rounds 163,328 to 159 K (of 1024) and 128.0 M to 128 M."""
    x = Input((192, 28, 28), name="image")
    block = Graph(x, inception(x, "3a", 1.0, conv_relu, five=5))
    weights = sum([p.data.size for name, p in block.named_parameters() if name.endswith("weight")])
    assert block.node("inception3a.concat").shape == ("n", 256, 28, 28)
    assert weights == 163_328 and block.summary().multiplications == 163_328 * 28 * 28 == 128_049_152
    for kernel, count, published in ((3, 442_368, 346.8), (5, 1_228_800, 963.4)):
        assert 192 * 256 * kernel**2 == count
        assert conv_cost((192, 28, 28), 256, kernel) == count * 28 * 28
        assert round(count * 28 * 28 / 1e6, 1) == published
    branches = [(conv_cost((192, 28, 28), 64, 1),), bottleneck_cost((192, 28, 28), 128, 3, 96),
                bottleneck_cost((192, 28, 28), 32, 5, 16), (conv_cost((192, 28, 28), 32, 1),)]
    assert sum(map(sum, branches)) == 128_049_152


# --- what is written about them ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", models.names())
def test_docstrings_have_the_figures_of_the_cards(name):
    card, text = models.about(name), " ".join(models.find(name).__doc__.split())
    for figure in re.findall(r"([\d,]{4,}) parameters", text):
        assert figure == f"{card.parameters:,}"
    for figure in re.findall(r"([\d.]+) G multiplications", text):
        digits = len(figure.partition(".")[2])
        assert figure == f"{card.multiplications / 1e9:.{digits}f}" or figure == PRINTED.get(name)


PRINTED = {"resnet50_paper": "3.8"}         # table 1 cuts 3.857 off
