"""What a list says of the models without making them: a card for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..graph.near_sizes import Sides


class Card(NamedTuple):
    """What a list says of a model, and what a command must know before it makes one.

    parameters: with its default arguments, auxiliary heads included. multiplications: of its matrix products, for one
    image (c, h, w) of the size that the paper has, without auxiliary heads, which do not run in evaluation.
    least_side: of the images that it takes in training; that of `image`, where the size is fixed.
    loss_weights: of a model with several outputs, each output's name and how much the paper lets its loss count, as
    `train.fit(weights=...)` takes them. sides: of a network that gives scores for every pixel, not for the image.
    """

    title: str
    authors: str
    paper: str
    year: int
    parameters: int
    multiplications: int
    image: tuple[int, int, int]
    least_side: int
    loss_weights: dict[str, float] | None = None
    sides: Sides | None = None

    @property
    def masks(self) -> bool:
        """Whether it gives scores for every pixel, and learns from images with masks."""
        return self.sides is not None


GREY_32, RGB_32, RGB_224, RGB_227, RGB_299 = (1, 32, 32), (3, 32, 32), (3, 224, 224), (3, 227, 227), (3, 299, 299)
GREY_512, GREY_572 = (1, 512, 512), (1, 572, 572)
Row = tuple[str, str, int, int, tuple[int, int, int], int]

# A paper and its models: authors, title, year; (name, title, parameters, multiplications, image, least side) of each.
PAPERS: list[tuple[str, str, int, list[Row]]] = [
    ("LeCun, Bottou, Bengio, Haffner", "Gradient-Based Learning Applied to Document Recognition", 1998, [
        ("lenet5", "LeNet-5", 61_706, 416_520, GREY_32, 32),
        ("lenet5_modern", "LeNet-5 with ReLU and max pooling", 61_706, 416_520, GREY_32, 32),
        ("lenet5_paper", "LeNet-5, the paper's", 60_000, 325_680, GREY_32, 32)]),
    ("Krizhevsky, Sutskever, Hinton", "ImageNet Classification with Deep Convolutional Neural Networks", 2012, [
        ("alexnet", "AlexNet", 61_100_840, 714_188_480, RGB_224, 63),
        ("alexnet_one_tower", "AlexNet, one tower", 62_378_344, 1_135_256_096, RGB_227, 227),
        ("alexnet_paper", "AlexNet, the paper's two towers", 60_965_224, 724_406_816, RGB_227, 227)]),
    ("Simonyan, Zisserman", "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, [
        ("vgg11", "VGG-11", 132_863_336, 7_609_090_048, RGB_224, 32),
        ("vgg11_bn", "VGG-11 with BatchNorm", 132_868_840, 7_609_090_048, RGB_224, 32),
        ("vgg13", "VGG-13", 133_047_848, 11_308_466_176, RGB_224, 32),
        ("vgg13_bn", "VGG-13 with BatchNorm", 133_053_736, 11_308_466_176, RGB_224, 32),
        ("vgg16", "VGG-16", 138_357_544, 15_470_264_320, RGB_224, 32),
        ("vgg16_bn", "VGG-16 with BatchNorm", 138_365_992, 15_470_264_320, RGB_224, 32),
        ("vgg19", "VGG-19", 143_667_240, 19_632_062_464, RGB_224, 32),
        ("vgg19_bn", "VGG-19 with BatchNorm", 143_678_248, 19_632_062_464, RGB_224, 32)]),
    ("Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich", "Going Deeper with Convolutions",
     2014, [
        ("googlenet", "GoogLeNet (Inception v1)", 13_004_888, 1_498_376_192, RGB_224, 15),
        ("googlenet_paper", "GoogLeNet (Inception v1), the paper's", 13_378_280, 1_582_671_872, RGB_224, 224)]),
    ("Szegedy, Vanhoucke, Ioffe, Shlens, Wojna", "Rethinking the Inception Architecture for Computer Vision", 2015, [
        ("inception_v3", "Inception v3", 27_161_264, 5_713_216_096, RGB_299, 299)]),
    ("He, Zhang, Ren, Sun", "Deep Residual Learning for Image Recognition", 2015, [
        ("resnet18", "ResNet-18", 11_689_512, 1_814_073_344, RGB_224, 1),
        ("resnet34", "ResNet-34", 21_797_672, 3_663_761_408, RGB_224, 1),
        ("resnet50", "ResNet-50", 25_557_032, 4_089_184_256, RGB_224, 1),
        ("resnet101", "ResNet-101", 44_549_160, 7_801_405_440, RGB_224, 1),
        ("resnet152", "ResNet-152", 60_192_808, 11_513_626_624, RGB_224, 1),
        ("resnet50_paper", "ResNet-50, the paper's strides", 25_557_032, 3_857_973_248, RGB_224, 1),
        ("resnet101_paper", "ResNet-101, the paper's strides", 44_549_160, 7_570_194_432, RGB_224, 1),
        ("resnet152_paper", "ResNet-152, the paper's strides", 60_192_808, 11_282_415_616, RGB_224, 1),
        ("plain18", "ResNet-18 without shortcuts", 11_515_688, 1_794_805_760, RGB_224, 1),
        ("plain34", "ResNet-34 without shortcuts", 21_623_848, 3_644_493_824, RGB_224, 1),
        ("resnet20_cifar", "ResNet-20 for CIFAR", 269_722, 40_551_040, RGB_32, 1),
        ("resnet32_cifar", "ResNet-32 for CIFAR", 464_154, 68_862_592, RGB_32, 1),
        ("resnet44_cifar", "ResNet-44 for CIFAR", 658_586, 97_174_144, RGB_32, 1),
        ("resnet56_cifar", "ResNet-56 for CIFAR", 853_018, 125_485_696, RGB_32, 1),
        ("resnet110_cifar", "ResNet-110 for CIFAR", 1_727_962, 252_887_680, RGB_32, 1),
        ("plain20_cifar", "ResNet-20 for CIFAR without shortcuts", 269_722, 40_551_040, RGB_32, 1),
        ("plain32_cifar", "ResNet-32 for CIFAR without shortcuts", 464_154, 68_862_592, RGB_32, 1),
        ("plain44_cifar", "ResNet-44 for CIFAR without shortcuts", 658_586, 97_174_144, RGB_32, 1),
        ("plain56_cifar", "ResNet-56 for CIFAR without shortcuts", 853_018, 125_485_696, RGB_32, 1),
        ("plain110_cifar", "ResNet-110 for CIFAR without shortcuts", 1_727_962, 252_887_680, RGB_32, 1)]),
    ("Zagoruyko, Komodakis", "Wide Residual Networks", 2016, [
        ("wide_resnet50_2", "Wide ResNet-50-2", 68_883_240, 11_398_021_120, RGB_224, 1),
        ("wide_resnet101_2", "Wide ResNet-101-2", 126_886_696, 22_753_050_624, RGB_224, 1),
        ("wrn_16_8", "WRN-16-8 for CIFAR", 10_961_370, 1_548_145_664, RGB_32, 1),
        ("wrn_28_10", "WRN-28-10 for CIFAR", 36_479_194, 5_243_328_768, RGB_32, 1),
        ("wrn_40_4", "WRN-40-4 for CIFAR", 8_949_210, 1_298_582_016, RGB_32, 1)]),
    ("Huang, Liu, van der Maaten, Weinberger", "Densely Connected Convolutional Networks", 2016, [
        ("densenet121", "DenseNet-121", 7_978_856, 2_834_161_664, RGB_224, 29),
        ("densenet161", "DenseNet-161", 28_681_000, 7_727_907_072, RGB_224, 29),
        ("densenet169", "DenseNet-169", 14_149_480, 3_359_843_328, RGB_224, 29),
        ("densenet201", "DenseNet-201", 20_013_928, 4_291_365_888, RGB_224, 29),
        ("densenet40_cifar", "DenseNet-40 (k=12) for CIFAR", 1_019_722, 264_812_928, RGB_32, 4)]),
    ("Hu, Shen, Albanie, Sun, Wu", "Squeeze-and-Excitation Networks", 2017, [
        ("se_resnet18", "SE-ResNet-18", 11_778_592, 1_814_160_384, RGB_224, 1),
        ("se_resnet34", "SE-ResNet-34", 21_958_868, 3_663_918_592, RGB_224, 1),
        ("se_resnet50", "SE-ResNet-50", 28_088_024, 4_091_699_200, RGB_224, 1),
        ("se_resnet101", "SE-ResNet-101", 49_326_872, 7_806_148_608, RGB_224, 1),
        ("se_resnet152", "SE-ResNet-152", 66_821_848, 11_520_204_800, RGB_224, 1)]),
    ("Ronneberger, Fischer, Brox", "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015, [
        ("unet", "U-Net, padded", 31_030_658, 192_384_335_872, GREY_512, 16),
        ("unet_upsample", "U-Net, padded, by upsampling", 31_030_658, 218_154_139_648, GREY_512, 16),
        ("unet_paper", "U-Net, the paper's", 31_030_658, 150_428_424_448, GREY_572, 572)]),
]

LOSS_WEIGHTS = {
    "googlenet": {"scores": 1.0, "aux1": 0.3, "aux2": 0.3},             # section 5
    "googlenet_paper": {"scores": 1.0, "aux1": 0.3, "aux2": 0.3},
    "inception_v3": {"scores": 1.0, "aux": 0.4},                        # the authors' code; the paper gives no number
}

SIDES = {"unet": Sides(), "unet_upsample": Sides(), "unet_paper": Sides(188, 16, 92, fixed=True)}


def cards() -> Iterator[tuple[str, Card]]:
    """(name, card) of every model."""
    for authors, paper, year, entries in PAPERS:
        for name, title, parameters, multiplications, image, least_side in entries:
            yield name, Card(title, authors, paper, year, parameters, multiplications, image, least_side,
                             LOSS_WEIGHTS.get(name), SIDES.get(name))


CARDS: dict[str, Card] = dict(cards())
