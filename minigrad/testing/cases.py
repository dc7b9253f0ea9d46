"""One example of calling an op, from which every proof takes its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Case:
    """Inputs and parameters with which an op is called: `op(*inputs, **params)`.

    `inputs`: NumPy arrays, in the order of the op's arguments. Floating ones are float64, lie away from the kinks of
    the op (equal values for `max`, zero for `abs`), and are what gradients are checked for; integer and boolean ones
    (targets, masks) ride along, and so does what is no array: None for an optional input that is left out, a shape
    that comes before an array. For an op of a list of arrays (`concat`), the members of that list.
    `params`: everything else by name. Arrays may occur inside them (the index of `getitem`); they are never floating.
    `name`: what the case is about; tests show it.
    """

    inputs: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)
    name: str = ""

    def map(self, change: Callable[[np.ndarray], Any]) -> Case:
        """The same case with change(array) in place of every array, those inside parameters included."""
        inputs = tuple(map_arrays(change, x) for x in self.inputs)
        return Case(inputs, {key: map_arrays(change, value) for key, value in self.params.items()}, self.name)


def map_arrays(change: Callable[[np.ndarray], Any], value: Any) -> Any:
    """`value` with every NumPy array in it, also inside tuples and lists, replaced by change(array)."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, (tuple, list)):
        return type(value)(map_arrays(change, part) for part in value)
    return value
