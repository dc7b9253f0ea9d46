"""Batches of a data set, epoch after epoch: in which order, changed how at random, read by how many threads.

The order of an epoch is a function of (seed, epoch) alone, and what the transform draws for a batch is one of (seed,
epoch, batch): so a run resumes anywhere, and the number of threads changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np

from .arrays import Arrays
from .dataset import DataError, as_int
from .nested import stack

Batch = tuple[Any, Any]
Transform = Callable[[Any, Any, np.random.Generator], Batch]


class Loader:
    """The examples of `data` in batches: `for inputs, targets in loader` is one epoch, and the next time the next.

        loader = Loader(train, batch_size=128, shuffle=True, seed=0, workers=2, transform=RandomHorizontalFlip())
        for inputs, targets in loader:                          # NumPy arrays: (n, c, h, w) and (n,), say
            ...
        for inputs, targets in loader.epoch(3, start=10):       # the third epoch from its eleventh batch on
            ...

    data: anything with a length and `data[i] -> (input, target)`, or a pair of arrays (inputs, targets). Inputs and
    targets are stacked along a new first axis, those in a tuple or dict one by one.
    shuffle: in another order in every epoch, which `seed` decides; otherwise as they come.
    workers: threads that read ahead, for data that are read from files or changed at length; 0: no threads. The batches
    come in the same order, and are the same. prefetch: how many batches each of them may be ahead.
    drop_last: leave out a last batch that is smaller than the others.
    transform: `transform(inputs, targets, generator) -> (inputs, targets)` on whole batches; see `data.transforms`.

    Raises DataError: no examples, no batch, options that are none; and, when they are met, examples that are no pairs
    or do not fit into one batch. What reading an example or the transform raises comes out as it is, with a note that
    says which example or batch it was; a DataError says so in its line.
    """

    def __init__(self, data: Any, batch_size: int = 32, shuffle: bool = False, seed: int = 0, workers: int = 0,
                 prefetch: int = 2, drop_last: bool = False, transform: Transform | None = None):
        self.data, self.name = as_examples(data), getattr(data, "name", type(data).__name__)
        self.batch_size = as_int(batch_size, "Loader", "batch_size", 1)
        self.seed, self.workers = as_int(seed, "Loader", "seed", 0), as_int(workers, "Loader", "workers", 0)
        self.prefetch = as_int(prefetch, "Loader", "prefetch", 1)
        self.shuffle, self.drop_last, self.transform = bool(shuffle), bool(drop_last), transform
        if transform is not None and not callable(transform):
            raise DataError("Loader: expected a transform, transform(inputs, targets, generator), "
                            f"{type(transform).__name__} came")
        self.next_epoch = 1             # which one `iter` gives
        n = len(self.data)
        if n == 0:
            raise DataError(f"Loader: {self.name} has no examples, expected at least one")
        if len(self) == 0:
            raise DataError(f"Loader: {self.name} has {n} examples, which make no whole batch of {batch_size}: "
                            f"use batch_size={n} or less, or drop_last=False")

    def __len__(self) -> int:
        """How many batches an epoch has."""
        n = len(self.data)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the next epoch: `next_epoch`, which counts on."""
        number = self.next_epoch
        self.next_epoch = number + 1
        return self.epoch(number)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` (1, 2, ...) from batch `start` (0, 1, ...) on.

        The threads of an epoch end with it, and where it is left early (`close`, or the end of the `for`).
        """
        number, start = as_int(number, "Loader.epoch", "number", 1), as_int(start, "Loader.epoch", "start", 0)
        if start > len(self):
            raise DataError(f"Loader.epoch: expected a start from 0 to {len(self)}, there are no more batches, "
                            f"{start} came")
        return self._read_ahead(number, start) if self.workers else self._read(number, start)

    def order(self, number: int) -> np.ndarray:
        """The places (n,) of the examples in epoch `number`, in the order in which they come.

        NumPy keeps the raw stream of PCG64 for ever, unlike its shuffles.
        """
        n = len(self.data)
        if not self.shuffle:
            return np.arange(n)
        bits = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(number, 0)))
        return np.argsort(bits.random_raw(n), kind="stable")

    def generator(self, number: int, batch: int) -> np.random.Generator:
        """What the transform draws from for a batch (0, 1, ...) of epoch `number`."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(number, batch + 1))))

    # --- reading --------------------------------------------------------------------------------------------
    def _read(self, number: int, start: int) -> Iterator[Batch]:
        order = self.order(number)
        for i in range(start, len(self)):
            yield self._batch(order, number, i)

    def _read_ahead(self, number: int, start: int) -> Iterator[Batch]:
        """The same, made by threads that are at most workers * prefetch batches ahead."""
        order, ahead = self.order(number), self.workers * self.prefetch
        made: deque[Future[Batch]] = deque()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="minigrad-loader")
        try:
            for i in range(start, len(self)):
                made.append(pool.submit(copy_context().run, self._batch, order, number, i))
                if len(made) > ahead:
                    yield made.popleft().result()
            while made:
                yield made.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _batch(self, order: np.ndarray, number: int, i: int) -> Batch:
        """Batch i of an epoch, transformed."""
        inputs, targets = self._examples(order[i * self.batch_size:(i + 1) * self.batch_size])
        if self.transform is None:
            return inputs, targets
        where = f"the transform of batch {i} of epoch {number}"
        try:
            changed = self.transform(inputs, targets, self.generator(number, i))
        except Exception as error:      # noqa: BLE001  goes on to the caller
            explain(error, where)
            raise
        if not isinstance(changed, tuple) or len(changed) != 2:
            raise DataError(f"{where}: expected it to return (inputs, targets), {kind(changed)} came")
        return changed

    def _examples(self, index: np.ndarray) -> Batch:
        """The examples of these places, stacked."""
        if getattr(self.data, "takes_indices", False):
            return self.data[index]
        numbers = index.tolist()
        pairs = [self._example(i) for i in numbers]
        return (stack([x for x, _ in pairs], numbers, "input"), stack([y for _, y in pairs], numbers, "target"))

    def _example(self, i: int) -> Batch:
        try:
            example = self.data[i]
        except Exception as error:      # noqa: BLE001  goes on to the caller
            explain(error, f"example {i}")
            raise
        if not isinstance(example, (tuple, list)) or len(example) != 2:
            raise DataError(f"example {i}: expected a pair (input, target), {kind(example)} came")
        return example[0], example[1]

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in (
            ("batch_size", self.batch_size), ("shuffle", self.shuffle), ("seed", self.seed), ("workers", self.workers),
            ("drop_last", self.drop_last), ("transform", self.transform))]
        return f"Loader({self.data!r}, {', '.join(options)})"


def as_examples(data: Any) -> Any:
    """What a user passes as data, as a data set: a pair of arrays, or of dicts of them, becomes one."""
    if isinstance(data, tuple) and len(data) == 2 and all([isinstance(x, (np.ndarray, dict)) for x in data]):
        return Arrays(*data)
    if not hasattr(data, "__len__") or not hasattr(data, "__getitem__") or isinstance(data, (dict, str, np.ndarray)):
        raise DataError("expected a data set, which has a length and data[i] -> (input, target), or a pair of arrays "
                        f"(inputs, targets), {type(data).__name__} came")
    return data


def explain(error: Exception, where: str) -> None:
    """Say in an error what was being done: in the line of a DataError; in a note, where it is the user's own."""
    if isinstance(error, DataError):
        raise DataError(f"{where}: {error}") from error
    error.add_note(f"Loader: this was {where}")


def kind(x: Any) -> str:
    return f"a {type(x).__name__} of {len(x)}" if isinstance(x, (tuple, list)) else type(x).__name__
