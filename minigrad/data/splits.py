"""Which examples go where: stratified splits and batches. Those of indices touch no data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .dataset import DataError, Subset, labels_of


def split(data: Any, fraction: float, seed: int = 0) -> tuple[Any, Any]:
    """Split off about `fraction` of a data set at random: (rest, held_out), of every class alike where it has classes.

        train, validation = split(train, 0.1, seed=0)

    data: anything with a length and `data[i]`. The split depends on its labels (its length, where it has none), the
    fraction and the seed alone. Raises DataError for a fraction that leaves either part empty.
    """
    labels = labels_of(data)
    try:
        rest, held_out = stratified_split(np.zeros(len(data), np.int64) if labels is None else labels, fraction, seed)
    except ValueError as error:
        raise DataError(f"{getattr(data, 'name', type(data).__name__)}: {error}") from error
    if hasattr(data, "subset"):
        return data.subset(rest), data.subset(held_out)
    return Subset(data, rest), Subset(data, held_out)


def stratified_split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split off about `fraction` of every class at random: (rest, held_out), both sorted indices into `labels` (n,).

    round(n * fraction) examples are held out in all; of each class its share, rounded down or up. The split depends on
    the labels, the fraction and the seed alone: NumPy keeps the raw stream of PCG64 for ever, unlike its shuffles.

    Raises ValueError for a fraction that leaves either part empty.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"stratified_split: expected labels (n,), {labels.shape} came")
    total = round(len(labels) * fraction)
    if not 0 < total < len(labels):
        raise ValueError("stratified_split: expected a fraction between 0 and 1 that leaves both parts at least "
                         f"one of {len(labels)} examples, {fraction} came")
    classes, of_class, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    quotas = _apportion(sizes * (total / len(labels)), total)
    mixed = np.argsort(np.random.PCG64(seed).random_raw(len(labels)), kind="stable")
    held = np.zeros(len(labels), bool)
    for k in range(len(classes)):
        held[mixed[of_class[mixed] == k][:quotas[k]]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _apportion(shares: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers near `shares` that add up to `total`: the largest remainders are rounded up."""
    quotas = np.floor(shares).astype(int)
    up = np.argsort(quotas - shares, kind="stable")[:total - quotas.sum()]
    quotas[up] += 1
    return quotas


def batches(n: int, size: int, generator: np.random.Generator | None = None, shuffle: bool = True,
            drop_last: bool = False) -> Iterator[np.ndarray]:
    """The indices 0 to n - 1 in batches of `size`, shuffled by `generator`; the last one is what is left over.

        for index in batches(len(data), 64, generator):
            images, labels = data[index]

    `drop_last` leaves out a last batch that is smaller than the others. Raises ValueError for n < 0 or size < 1, and
    TypeError where it shall shuffle without a generator.
    """
    if n < 0 or size < 1:
        raise ValueError(f"batches: expected n >= 0 and size >= 1, n = {n} and size = {size} came")
    if shuffle and not isinstance(generator, np.random.Generator):
        raise TypeError("batches: expected a numpy.random.Generator to shuffle with, "
                        f"{type(generator).__name__} came; shuffle=False needs none")
    return _cut(n, size, generator if shuffle else None, drop_last)


def _cut(n: int, size: int, generator: np.random.Generator | None, drop_last: bool) -> Iterator[np.ndarray]:
    order = np.arange(n) if generator is None else generator.permutation(n)
    for start in range(0, n - size + 1 if drop_last else n, size):
        yield order[start:start + size]
