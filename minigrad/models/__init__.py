"""Architectures, one a file, each named after its paper. `create(name)` makes one by its name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NamedTuple

from ..graph import Graph
from .lenet5 import lenet5

MODELS: dict[str, Callable[..., Graph]] = {"lenet5": lenet5}

__all__ = ["Card", "UnknownModelError", "about", "create", "find", "lenet5", "names"]


class Card(NamedTuple):
    """What a list says of a model. parameters: with its default arguments."""

    title: str
    authors: str
    paper: str
    year: int
    parameters: int


CARDS: dict[str, Card] = {
    "lenet5": Card("LeNet-5", "LeCun, Bottou, Bengio, Haffner",
                   "Gradient-Based Learning Applied to Document Recognition", 1998, 61_706),
}


class UnknownModelError(ValueError):
    """There is no model of that name; the message has the nearest names."""


def names() -> list[str]:
    """The names of all models."""
    return sorted(MODELS)


def find(name: str) -> Callable[..., Graph]:
    """The function that makes the model called `name`.

    Raises UnknownModelError, with the nearest names, if there is none.
    """
    if name not in MODELS:
        near = get_close_matches(name.lower(), MODELS, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}"
        raise UnknownModelError(f"unknown model {name!r}: {hint}")
    return MODELS[name]


def about(name: str) -> Card:
    """Title, authors, paper, year and number of parameters of the model called `name`, without making it.

    Raises UnknownModelError, with the nearest names, if there is none.
    """
    find(name)
    return CARDS[name]


def create(name: str, **options: Any) -> Graph:
    """The model called `name`, with fresh weights: create("lenet5", num_classes=26).

    options: those of the model's function. Raises UnknownModelError, with the nearest names, if there is none.
    """
    return find(name)(**options)
