"""Inputs and targets may be one array, a tuple or a dict of them, nested: what walks over such trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backend import is_array, to_numpy
from ..tensor import bare
from .dataset import DataError


def leaves(x: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, leaf) of all that is in `x`: "" for a single array, "[0]" in a tuple, "['left']" in a dict; no None."""
    if isinstance(x, dict):
        for key, part in x.items():
            yield from leaves(part, f"{path}[{key!r}]")
    elif isinstance(x, tuple):
        for i, part in enumerate(x):
            yield from leaves(part, f"{path}[{i}]")
    elif x is not None:
        yield path, x


def mapped(x: Any, f: Callable[[Any], Any]) -> Any:
    """The same tree with f(leaf) in place of every leaf."""
    if isinstance(x, dict):
        return {key: mapped(part, f) for key, part in x.items()}
    if isinstance(x, tuple):
        return rebuilt(x, [mapped(part, f) for part in x])
    return None if x is None else f(x)


def rebuilt(like: tuple, parts: list) -> tuple:
    """A tuple of the same kind: a named one too."""
    return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts)


def stack(examples: Sequence[Any], numbers: Sequence[int], what: str) -> Any:
    """Trees of single examples -> one tree of batches, each array with a new first axis: (c, h, w) -> (n, c, h, w).

    numbers: the places of the examples in their data set, for errors. what: "input" or "target". Python numbers become
    int64, float32 and bool. Raises DataError where the trees, the shapes or the dtypes differ.
    """
    first = examples[0]
    if isinstance(first, dict):
        check_alike(examples, numbers, what, lambda x: isinstance(x, dict) and x.keys() == first.keys(),
                    lambda x: f"a dict of {', '.join(map(repr, x))}" if isinstance(x, dict) else type(x).__name__)
        return {key: stack([x[key] for x in examples], numbers, f"{what}[{key!r}]") for key in first}
    if isinstance(first, tuple):
        check_alike(examples, numbers, what, lambda x: isinstance(x, tuple) and len(x) == len(first),
                    lambda x: f"a tuple of {len(x)}" if isinstance(x, tuple) else type(x).__name__)
        return rebuilt(first, [stack([x[i] for x in examples], numbers, f"{what}[{i}]") for i in range(len(first))])
    if first is None:
        check_alike(examples, numbers, what, lambda x: x is None, lambda x: type(x).__name__)
        return None
    arrays = [as_array(x, number, what) for x, number in zip(examples, numbers, strict=True)]
    like = arrays[0]
    check_alike(arrays, numbers, what, lambda x: x.shape == like.shape and x.dtype == like.dtype,
                lambda x: f"{x.shape} of {x.dtype}")
    return np.stack(arrays)


def as_array(x: Any, number: int, what: str) -> np.ndarray:
    """A leaf of an example as an array."""
    try:
        array = host_array(x)
    except ValueError as error:
        raise DataError(f"example {number}: its {what} is no array ({error})") from error
    if not is_numeric(array):
        raise DataError(f"example {number}: its {what} must be an array of numbers, {type(x).__name__} came")
    return array


def host_array(x: Any) -> np.ndarray:
    """A NumPy array as it is, a tensor's or another library's on the host, numbers and lists of them as a new one."""
    x = bare(x)
    if isinstance(x, np.ndarray):
        return x
    if is_array(x):
        return to_numpy(x)
    array = np.asarray(x)
    python_floats = array.dtype == np.float64 and not isinstance(x, np.generic)
    return array.astype(np.float32) if python_floats else array         # as everywhere in minigrad


def is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "biufc" or array.dtype.kind == "V" and array.dtype.names is None     # V: bfloat16


def check_alike(examples: Sequence[Any], numbers: Sequence[int], what: str, fits: Callable[[Any], bool],
                told: Callable[[Any], str]) -> None:
    """DataError for the first example that cannot stand in one batch with the first."""
    for x, number in zip(examples, numbers, strict=True):
        if not fits(x):
            raise DataError(f"example {number}: its {what} is {told(x)}, that of example {numbers[0]} in the same "
                            f"batch is {told(examples[0])}: make all alike (a folder of images takes size=), or use "
                            "batch_size=1")
