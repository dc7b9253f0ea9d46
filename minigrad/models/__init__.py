"""Architectures, one a file, each named after its paper. `create(name)` makes one by its name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from ..graph import Graph
from .lenet5 import lenet5

MODELS: dict[str, Callable[..., Graph]] = {"lenet5": lenet5}

__all__ = ["UnknownModelError", "create", "find", "lenet5", "names"]


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


def create(name: str, **options: Any) -> Graph:
    """The model called `name`, with fresh weights: create("lenet5", num_classes=26).

    options: those of the model's function. Raises UnknownModelError, with the nearest names, if there is none.
    """
    return find(name)(**options)
