"""What `GradientHealth` saw as a table, as comma-separated values, and in what JSON has."""

from __future__ import annotations

import csv
import os
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_atomically
from ..graph.table import UNKNOWN, lines_of
from .health import LAYER, RATIOS, RECENT, UNITS, GradientHealth
from .health_words import percent

COLUMNS = (*LAYER[:5], *RATIOS, *UNITS)         # of the file
HEADS = {"layer": "", "units": "", "|g| out": "output", "|grad|": "gradient", "|w|": "weight",
         "grad/w": "gradient_to_weight", "update/w": "update_to_weight", "zeros": "zeros", "dead": "dead",
         "saturated": "saturated"}


def table(health: GradientHealth) -> str:
    """A line a layer, in the order of the forward pass."""
    cells = [list(HEADS)]
    for layer in health.layers:
        kinds = ", ".join([f"{count} {kind}" for name, kind, count in health.units if name == layer])
        cells.append([layer, kinds, *[cell(health, layer, what) for what in list(HEADS.values())[2:]]])
    used = [i for i in range(len(HEADS)) if i < 2 or any([row[i] for row in cells[1:]])]
    lines = lines_of([[row[i] for i in used] for row in cells], numbers=list(HEADS)[2:])
    n, counted = len(health.steps), min(len(health.steps), RECENT)
    below = [f"medians of the last {counted} of {n:,} watched steps: norms of the gradient at the layer's",
             "output, of the parameters' gradient, of the parameters, and quotients"]
    return "\n".join([*lines, *(below if n else ["no step was watched yet"])])


def cell(health: GradientHealth, layer: str, what: str) -> str:
    """A number as it is read; of what there is none of, why."""
    value = health.recent(layer, what) if what != "dead" else last(health.series(layer, what))
    if not isnan(value):
        return percent(value) if what in UNITS else f"{value:.2g}"
    if what == "gradient" and health.steps:
        return "frozen" if health.recent(layer, "frozen") == 1 else "no gradient"
    return "" if what in UNITS else UNKNOWN


def last(values: np.ndarray) -> float:
    return float(values[-1]) if len(values) else float("nan")


def write_csv(health: GradientHealth, path: str | os.PathLike[str]) -> None:
    """step, layer and the COLUMNS; empty where there is nothing."""
    columns = {layer: [health.series(layer, what) for what in COLUMNS] for layer in health.layers}

    def write(temporary: Path) -> None:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["step", "layer", *COLUMNS])
            for i, step in enumerate(health.steps):
                for layer, values in columns.items():
                    writer.writerow([step, layer, *["" if isnan(x[i]) else repr(float(x[i])) for x in values]])
    write_atomically(path, write)


def as_dict(health: GradientHealth) -> dict[str, Any]:
    """steps; layers: a dict each, with a number a step; the verdict, and the table as text."""
    layers = [{"name": layer, "units": [{"kind": kind, "count": count} for name, kind, count in health.units
                                        if name == layer],
               "frozen": health.recent(layer, "frozen") == 1,
               **{what: [plain(x) for x in health.series(layer, what)] for what in COLUMNS}}
              for layer in health.layers]
    return {"steps": list(health.steps), "layers": layers, "verdict": health.verdict().as_dict(),
            "table": table(health)}


def plain(x: float) -> float | str | None:
    return None if np.isnan(x) else float(x) if np.isfinite(x) else "inf"
