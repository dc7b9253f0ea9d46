"""Optimizers, with PyTorch's names, arguments, defaults and updates."""

from .adam import Adam
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["Adam", "Optimizer", "SGD"]
