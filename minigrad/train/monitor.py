"""Which of two epochs is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import isnan
from typing import Any

from .batch import names

LESS = ("loss", "error", "perplexity", "mae", "mse", "rmse")    # ends of columns' names of which less is better


class Monitor:
    """Compares the rows of a history by a column: less is better, or more.

    monitor: a column, or several: where the first is equal the second decides, and so on. None: validation_loss where
    there is one, else train_loss.
    mode: "min", "max", or "auto": "max" but for losses and errors. A list, one for each column, is fine too.
    min_delta: by how much the first column must differ to count as better.
    A value of nan is worse than all others.
    """

    def __init__(self, monitor: str | Sequence[str] | None = None, mode: str | Sequence[str] = "auto",
                 min_delta: float = 0.0):
        self.columns = [monitor] if isinstance(monitor, str) else list(monitor or ())
        modes = [mode] * max(len(self.columns), 1) if isinstance(mode, str) else list(mode)
        if any([m not in ("min", "max", "auto") for m in modes]) or len(modes) != max(len(self.columns), 1):
            raise ValueError(f"mode must be \"min\", \"max\" or \"auto\", for each of {names(self.columns)}; "
                             f"{mode!r} came")
        if not min_delta >= 0:
            raise ValueError(f"min_delta must be at least 0, {min_delta!r} came")
        self.modes, self.min_delta = modes, float(min_delta)

    def expect(self, possible: Sequence[str]) -> None:
        """ValueError for a column that is not among those that there can be: before the training, not after it."""
        missing = [name for name in self.columns if name not in possible]
        if missing:
            near = get_close_matches(missing[0], possible, 1)
            raise ValueError(f"monitor: there is no column {names(missing)} to watch; there are {names(possible)}"
                             + (f"; did you mean {near[0]}?" if near else ""))

    def resolve(self, row: Mapping[str, Any], better: Mapping[str, str | None] | None = None) -> None:
        """Settle, by the first row, what was left open. ValueError for a column that it lacks or that is no number.

        better: for "auto", what metrics say of themselves: their columns, without train_ or validation_, -> "max",
        "min" or None.
        """
        if not self.columns:
            self.columns = ["validation_loss" if "validation_loss" in row else "train_loss"]
        missing = [name for name in self.columns if not isinstance(row.get(name), (int, float))]
        if missing:
            numbers = [name for name, x in row.items() if isinstance(x, (int, float))]
            raise ValueError(f"monitor: there is no column {names(missing)} to watch; there are {names(numbers)}")
        known = better or {}
        self.modes = [known.get(name.partition("_")[2]) or self.direction(name, mode) if mode == "auto" else mode
                      for name, mode in zip(self.columns, self.modes, strict=True)]

    @staticmethod
    def direction(name: str, mode: str) -> str:
        return ("min" if name.endswith(LESS) else "max") if mode == "auto" else mode

    def rank(self, row: Mapping[str, Any]) -> list[float]:
        """The columns' values, turned so that more is better."""
        values = []
        for name, mode in zip(self.columns, self.modes, strict=True):
            x = float(row[name])
            values.append(-float("inf") if isnan(x) else -x if self.direction(name, mode) == "min" else x)
        return values

    def better(self, row: Mapping[str, Any], than: Mapping[str, Any] | None) -> bool:
        """Whether an epoch is better than another; than none, every one is."""
        if not self.columns or than is None:
            self.resolve(row)
        if than is None:
            return True
        new, old = self.rank(row), self.rank(than)
        if self.min_delta:
            return new[0] > old[0] + self.min_delta
        return new > old

    def __str__(self) -> str:
        return names(self.columns)
