"""What a list says of the models without making them: a card for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Card(NamedTuple):
    """What a list says of a model.

    parameters: with its default arguments, auxiliary heads included. loss_weights: of a model with several outputs,
    each output's name and how much the paper lets its loss count, as `train.fit(weights=...)` takes them.
    """

    title: str
    authors: str
    paper: str
    year: int
    parameters: int
    loss_weights: dict[str, float] | None = None


# A paper and its models: authors, title, year; (name, title, parameters) of each.
PAPERS: list[tuple[str, str, int, list[tuple[str, str, int]]]] = [
    ("LeCun, Bottou, Bengio, Haffner", "Gradient-Based Learning Applied to Document Recognition", 1998, [
        ("lenet5", "LeNet-5", 61_706),
        ("lenet5_modern", "LeNet-5 with ReLU and max pooling", 61_706),
        ("lenet5_paper", "LeNet-5, the paper's", 60_000)]),
    ("Krizhevsky, Sutskever, Hinton", "ImageNet Classification with Deep Convolutional Neural Networks", 2012, [
        ("alexnet", "AlexNet", 61_100_840),
        ("alexnet_one_tower", "AlexNet, one tower", 62_378_344),
        ("alexnet_paper", "AlexNet, the paper's two towers", 60_965_224)]),
    ("Simonyan, Zisserman", "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, [
        ("vgg11", "VGG-11", 132_863_336), ("vgg11_bn", "VGG-11 with BatchNorm", 132_868_840),
        ("vgg13", "VGG-13", 133_047_848), ("vgg13_bn", "VGG-13 with BatchNorm", 133_053_736),
        ("vgg16", "VGG-16", 138_357_544), ("vgg16_bn", "VGG-16 with BatchNorm", 138_365_992),
        ("vgg19", "VGG-19", 143_667_240), ("vgg19_bn", "VGG-19 with BatchNorm", 143_678_248)]),
    ("Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich", "Going Deeper with Convolutions",
     2014, [
        ("googlenet", "GoogLeNet (Inception v1)", 13_004_888),
        ("googlenet_paper", "GoogLeNet (Inception v1), the paper's", 13_378_280)]),
    ("Szegedy, Vanhoucke, Ioffe, Shlens, Wojna", "Rethinking the Inception Architecture for Computer Vision", 2015, [
        ("inception_v3", "Inception v3", 27_161_264)]),
    ("He, Zhang, Ren, Sun", "Deep Residual Learning for Image Recognition", 2015, [
        ("resnet18", "ResNet-18", 11_689_512), ("resnet34", "ResNet-34", 21_797_672),
        ("resnet50", "ResNet-50", 25_557_032), ("resnet101", "ResNet-101", 44_549_160),
        ("resnet152", "ResNet-152", 60_192_808),
        ("resnet50_paper", "ResNet-50, the paper's strides", 25_557_032),
        ("resnet101_paper", "ResNet-101, the paper's strides", 44_549_160),
        ("resnet152_paper", "ResNet-152, the paper's strides", 60_192_808),
        ("plain18", "ResNet-18 without shortcuts", 11_515_688), ("plain34", "ResNet-34 without shortcuts", 21_623_848),
        ("resnet20_cifar", "ResNet-20 for CIFAR", 269_722), ("resnet32_cifar", "ResNet-32 for CIFAR", 464_154),
        ("resnet44_cifar", "ResNet-44 for CIFAR", 658_586), ("resnet56_cifar", "ResNet-56 for CIFAR", 853_018),
        ("resnet110_cifar", "ResNet-110 for CIFAR", 1_727_962),
        ("plain20_cifar", "ResNet-20 for CIFAR without shortcuts", 269_722),
        ("plain32_cifar", "ResNet-32 for CIFAR without shortcuts", 464_154),
        ("plain44_cifar", "ResNet-44 for CIFAR without shortcuts", 658_586),
        ("plain56_cifar", "ResNet-56 for CIFAR without shortcuts", 853_018),
        ("plain110_cifar", "ResNet-110 for CIFAR without shortcuts", 1_727_962)]),
    ("Zagoruyko, Komodakis", "Wide Residual Networks", 2016, [
        ("wide_resnet50_2", "Wide ResNet-50-2", 68_883_240), ("wide_resnet101_2", "Wide ResNet-101-2", 126_886_696),
        ("wrn_16_8", "WRN-16-8 for CIFAR", 10_961_370), ("wrn_28_10", "WRN-28-10 for CIFAR", 36_479_194),
        ("wrn_40_4", "WRN-40-4 for CIFAR", 8_949_210)]),
    ("Huang, Liu, van der Maaten, Weinberger", "Densely Connected Convolutional Networks", 2016, [
        ("densenet121", "DenseNet-121", 7_978_856), ("densenet161", "DenseNet-161", 28_681_000),
        ("densenet169", "DenseNet-169", 14_149_480), ("densenet201", "DenseNet-201", 20_013_928),
        ("densenet40_cifar", "DenseNet-40 (k=12) for CIFAR", 1_019_722)]),
    ("Hu, Shen, Albanie, Sun, Wu", "Squeeze-and-Excitation Networks", 2017, [
        ("se_resnet18", "SE-ResNet-18", 11_778_592), ("se_resnet34", "SE-ResNet-34", 21_958_868),
        ("se_resnet50", "SE-ResNet-50", 28_088_024), ("se_resnet101", "SE-ResNet-101", 49_326_872),
        ("se_resnet152", "SE-ResNet-152", 66_821_848)]),
    ("Ronneberger, Fischer, Brox", "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015, [
        ("unet", "U-Net, padded", 31_030_658),
        ("unet_upsample", "U-Net, padded, by upsampling", 31_030_658),
        ("unet_paper", "U-Net, the paper's", 31_030_658)]),
]

LOSS_WEIGHTS = {
    "googlenet": {"scores": 1.0, "aux1": 0.3, "aux2": 0.3},             # section 5
    "googlenet_paper": {"scores": 1.0, "aux1": 0.3, "aux2": 0.3},
    "inception_v3": {"scores": 1.0, "aux": 0.4},                        # the authors' code; the paper gives no number
}


def cards() -> Iterator[tuple[str, Card]]:
    """(name, card) of every model."""
    for authors, paper, year, entries in PAPERS:
        for name, title, parameters in entries:
            yield name, Card(title, authors, paper, year, parameters, LOSS_WEIGHTS.get(name))


CARDS: dict[str, Card] = dict(cards())
