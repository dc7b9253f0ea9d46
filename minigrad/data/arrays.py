"""Arrays in memory as a data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import DataError, Examples
from .nested import host_array, is_numeric, leaves, mapped


class Arrays(Examples):
    """Arrays in memory: example i is row i of every one of them.

        Arrays(x, y)                                        # x (n, ...), y (n, ...)
        Arrays({"left": a, "right": b}, {"same": y})        # several inputs, several targets
        Arrays(x)                                           # no targets: they are None

    inputs, targets: an array (n, ...), a tuple or a dict of such, nested; all with the same n. Lists become arrays, and
    tensors give theirs, on the host. classes: names of the classes, where the targets are class indices (n,).
    Raises DataError where the lengths differ, and for what is no array of numbers.
    """

    takes_indices = True

    def __init__(self, inputs: Any, targets: Any = None, *, name: str = "arrays", classes: tuple[str, ...] = ()):
        self.name, self.classes = name, tuple(classes)
        self.inputs = mapped(inputs, lambda x: self._as_array(x))
        self.targets = mapped(targets, lambda x: self._as_array(x))
        lengths = {f"{part}{path}": len(x) for part, tree in (("inputs", self.inputs), ("targets", self.targets))
                   for path, x in leaves(tree)}
        if not lengths:
            raise DataError(f"{name}: expected at least one array, none came")
        if len(set(lengths.values())) > 1:
            raise DataError(f"{name}: expected arrays of one length, "
                            f"{', '.join([f'{n} in {where}' for where, n in lengths.items()])} came")
        self.n = next(iter(lengths.values()))
        whole = isinstance(self.targets, np.ndarray) and self.targets.ndim == 1 and self.targets.dtype.kind in "iu"
        self.labels = self.targets if whole else None
        if self.classes and whole and self.n and not 0 <= self.targets.min() <= self.targets.max() < len(self.classes):
            raise DataError(f"{name}: expected targets from 0 to {len(self.classes) - 1}, "
                            f"{self.targets.min()} to {self.targets.max()} came")

    def _as_array(self, x: Any) -> np.ndarray:
        try:
            array = host_array(x)
        except ValueError as error:                 # nested lists of unequal lengths
            raise DataError(f"{self.name}: expected arrays of numbers, {type(x).__name__} came ({error})") from error
        if not is_numeric(array) or array.ndim < 1:
            raise DataError(f"{self.name}: expected arrays (n, ...) of numbers, {array.shape} of {array.dtype} came")
        return array

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        return mapped(self.inputs, lambda x: x[index]), mapped(self.targets, lambda x: x[index])

    def __repr__(self) -> str:
        def shapes(tree: Any) -> str:
            return str(mapped(tree, lambda x: x.shape)) if tree is not None else "None"
        return f"Arrays(inputs {shapes(self.inputs)}, targets {shapes(self.targets)})"
