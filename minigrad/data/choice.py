"""A part of a data set by its classes: some of them, or a few examples of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from .dataset import DataError, Dataset, Examples, Subset, as_int


def of_classes(data: Examples, names: Sequence[str]) -> Any:
    """The examples of some classes, which are numbered anew in the order of `names`.

        train = of_classes(cifar10("data").train, ["dog", "frog", "horse"])

    Raises DataError for classes that the data have not, with the nearest, for one that comes twice, and for none.
    """
    names = tuple(names)
    unknown = [name for name in names if name not in data.classes]
    if unknown:
        near = get_close_matches(str(unknown[0]), data.classes, 3)
        raise DataError(f"{data.name}: has no class {unknown[0]!r}: "
                        + (f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(data.classes)}"))
    if not names or len(set(names)) < len(names):
        twice = next((f"{name} twice" for name in names if names.count(name) > 1), "none")
        raise DataError(f"{data.name}: expected the names of some classes, each once, {twice} came")
    number = np.full(len(data.classes), -1, np.int64)
    number[[data.classes.index(name) for name in names]] = np.arange(len(names))
    chosen = np.flatnonzero(number[data.labels] >= 0)
    if isinstance(data, Dataset):
        return replace(data, images=data.images[chosen], labels=number[data.labels[chosen]], classes=names)
    return OfClasses(data, chosen, number, names)


class OfClasses(Subset):
    """The examples of another data set that are of some classes. number: their old labels -> the new ones."""

    def __init__(self, data: Examples, index: np.ndarray, number: np.ndarray, names: tuple[str, ...]):
        super().__init__(data, index)
        self.number, self.classes, self.labels = number, names, number[self.labels]

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        example, label = super().__getitem__(index)
        return example, self.number[label]

    def __repr__(self) -> str:
        return f"OfClasses({self.name!r}, {len(self)} examples of {', '.join(self.classes)})"


def per_class(data: Examples, n: int, seed: int = 0) -> Any:
    """`n` examples of every class, drawn at random, in the order that they have in the data.

    The draw depends on the labels, n and the seed alone, and a larger n has the smaller one's examples among its own.
    Raises DataError where a class has fewer.
    """
    n, found = as_int(n, "per_class", "how many examples of each class", 1), []
    mixed = np.argsort(np.random.PCG64(seed).random_raw(len(data)), kind="stable")      # as in a stratified split
    for label, name in enumerate(data.classes):
        own = mixed[data.labels[mixed] == label]
        if len(own) < n:
            raise DataError(f"{data.name}: expected {n} examples of each class, there are {len(own)} of {name}")
        found.append(own[:n])
    return data.subset(np.sort(np.concatenate(found)))
