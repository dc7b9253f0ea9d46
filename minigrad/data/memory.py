"""A data set that is read from files, all of it in memory: read once rather than in every epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Arrays
from .dataset import DataError
from .loader import Loader
from .nested import leaves, mapped


def to_memory(data: Any, workers: int = 0) -> Arrays:
    """All examples of a data set, read once by so many threads: an `Arrays` with the same name and classes.

        train = to_memory(ImageFolder("flowers", size=64), workers=2)

    Raises DataError for examples of unequal shapes, and whatever reading them raises.
    """
    loader, n, done = Loader(data, 64, workers=workers), len(data), 0
    whole: Any = None
    for batch in loader:
        if whole is None:
            whole = mapped(batch, lambda x: np.empty((n, *x.shape[1:]), x.dtype))
        for (path, place), (_, part) in zip(leaves(whole), leaves(batch), strict=True):
            check_fits(place, part, path, done)
            place[done:done + len(part)] = part
        done += len(part)
    inputs, targets = whole
    return Arrays(inputs, targets, name=getattr(data, "name", type(data).__name__),
                  classes=getattr(data, "classes", ()))


def check_fits(place: np.ndarray, part: np.ndarray, path: str, done: int) -> None:
    """The loader has seen to it that the examples of a batch are alike."""
    if part.shape[1:] != place.shape[1:] or part.dtype != place.dtype:
        raise DataError(f"example {done}: {path} is {part.shape[1:]} of {part.dtype}, that of example 0 is "
                        f"{place.shape[1:]} of {place.dtype}: make all alike (a folder of images takes size=)")
