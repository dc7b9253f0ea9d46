"""How a training went: a row for every epoch, as a table in memory, as CSV, and as a picture."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

from ..files import write_atomically

TIMES = ("seconds", "samples_per_second")       # the columns in which two runs of one seed differ


class History(Sequence):
    """Rows of an epoch each: history[-1]["train_loss"]; and columns: history["train_loss"], one number an epoch.

    epoch: from 1 on
    train_loss, train_<metric>, train_<output>_loss: means over the epoch, of changing weights
    validation_loss, validation_<metric>, ...: after it, where there are validation data
    learning_rate: of its last step, of the first group of parameters
    samples_per_second, seconds: training alone; training and validation
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]] = ()):
        self.rows = [dict(row) for row in rows]

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the row of an epoch."""
        self.rows.append(dict(row))

    @property
    def columns(self) -> dict[str, list[Any]]:
        """Name -> one value an epoch; nan in the epochs that lack it."""
        found = dict.fromkeys([name for row in self.rows for name in row])
        return {name: [row.get(name, nan) for row in self.rows] for name in found}

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self.rows[key]
        if key not in self.columns:
            raise KeyError(f"there is no column {key!r} in the history; there are {', '.join(self.columns) or 'none'}")
        return self.columns[key]

    def best(self, monitor: str | Sequence[str] = "validation_loss", mode: str = "auto") -> dict[str, Any]:
        """The row of the best epoch; of equal ones the first. See `Monitor`. ValueError if there is none."""
        from .monitor import Monitor

        watched = Monitor(monitor, mode)
        chosen = None
        for row in self.rows:
            if watched.better(row, chosen):
                chosen = row
        if chosen is None:
            raise ValueError(f"the history has no epoch with {watched}: it has {len(self)} rows, with "
                             f"{', '.join(self.columns) or 'no columns'}")
        return chosen

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows under the names of their columns; numbers to the last bit. The file appears whole."""
        def write(temporary: Path) -> None:
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(self.columns), lineterminator="\n", restval="")
                writer.writeheader()
                writer.writerows([{name: "" if is_nan(x) else x for name, x in row.items()} for row in self.rows])
        write_atomically(path, write)

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> History:
        """What `to_csv` wrote. A cell that says nothing is nan."""
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return cls([{name: int(x) if name == "epoch" else float(x or "nan") for name, x in row.items()}
                    for row in rows])

    def plot(self, path: str | os.PathLike[str], chosen: int | None = None, title: str = "Training") -> None:
        """Draw all losses and metrics over the epochs into a PNG file, training and validation; needs matplotlib.

        chosen: an epoch to mark.
        """
        from .pictures import training_curves

        training_curves(self.columns, path, chosen, title)

    def __repr__(self) -> str:
        return f"History({len(self)} epochs; {', '.join(self.columns)})"


def is_nan(x: Any) -> bool:
    return isinstance(x, float) and isnan(x)


def is_share(column: str) -> bool:
    """Whether a column holds parts of 1, which are shown in percent: accuracies and the like."""
    return column.endswith(("accuracy", "acc", "iou")) or bool(re.search(r"(^|_)top\d+$", column))
