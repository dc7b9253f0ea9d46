"""Handwritten digits, how to split and batch them, and light augmentation. NumPy arrays throughout."""

from .augment import random_affine, random_shift
from .dataset import DataError, Dataset, TrainTest
from .idx import read_idx, write_idx
from .mnist_files import mnist
from .split import batches, stratified_split
from .uci_digits import digits

__all__ = ["DataError", "Dataset", "TrainTest", "batches", "digits", "mnist", "random_affine", "random_shift",
           "read_idx", "stratified_split", "write_idx"]
