"""Data sets, how to fetch, split, change and batch them. NumPy arrays throughout.

    train, test = data.load("cifar10", download=True)           # or digits(), mnist(root), image_folder(root, size=64)
    train, validation = data.split(train, 0.1, seed=0)
    augment = data.transforms.Compose([RandomCrop(32, padding=4), RandomHorizontalFlip()])
    loader = data.Loader(train, batch_size=128, shuffle=True, seed=0, workers=2, transform=augment)
    for images, labels in loader: ...
"""

from . import transforms
from .arrays import Arrays
from .augment import random_affine, random_shift
from .cells import cells
from .choice import of_classes, per_class
from .cifar_files import cifar10, cifar100
from .dataset import DataError, Dataset, Examples, Subset, TrainTest
from .idx import read_idx, write_idx
from .image_folder import ImageFolder, image_folder
from .loader import Loader
from .mask_folder import MaskFolder, mask_folder
from .memory import to_memory
from .mnist_files import fashion_mnist, mnist
from .official import cache_folder
from .registry import load, names, source
from .splits import batches, split, stratified_split
from .tiles import Tiles, Tiling
from .uci_digits import digits

__all__ = [
    "Arrays", "DataError", "Dataset", "Examples", "ImageFolder", "Loader", "MaskFolder", "Subset", "Tiles", "Tiling",
    "TrainTest", "batches", "cache_folder", "cells", "cifar10", "cifar100", "digits", "fashion_mnist", "image_folder",
    "load", "mask_folder", "mnist", "names", "of_classes", "per_class", "random_affine", "random_shift", "read_idx",
    "source", "split", "stratified_split", "to_memory", "transforms", "write_idx",
]
