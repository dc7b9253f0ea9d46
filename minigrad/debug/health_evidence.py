"""The numbers from which a verdict on `GradientHealth` is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from .health import RECENT, GradientHealth, middle
from .health_words import place

LEAST_LAYERS = 3    # with weights, for a trend over them
LEAST_VALUES = 32   # that a unit must have given to be called dead: by chance half of them are 0
FAR_BELOW = -0.5    # for a bias, where what comes in has about variance 1


@dataclass
class Evidence:
    """The numbers of the last watched steps, from which each kind is read.

    depth: the layers with weights (matrices, filters) that a gradient reached, from the last to the first.
    factor: by how much the gradient at their outputs changes from one to the next, towards the first; lost: those at
    whose outputs it is exactly 0, though it is not behind them. bad: the first watched step with nan or inf, 0 for
    none; worst: where. updates: of the weights, a number a layer.
    """

    health: GradientHealth
    depth: list[str] = field(default_factory=list)
    factor: float = float("nan")
    lost: list[str] = field(default_factory=list)
    bad: int = 0
    worst: str = ""
    growth: float = float("nan")
    updates: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        health = self.health
        wide = {layer for layer, ps in health.parameters.items() if any([p.ndim > 1 for p in ps.values()])}
        bad = np.array([[row[i, 4] for row in health.layer_rows] for i in range(len(health.parameters))])
        steps = bad.sum(0) > 0                                  # (layers, steps) -> (steps,)
        good = np.flatnonzero(~steps)
        if steps.any():
            first = int(steps.argmax())
            self.bad = health.steps[first]
            names = list(health.parameters)
            self.worst = next(layer for layer in reversed(health.layers) if bad[names.index(layer), first])
        output = {layer: health.series(layer, "output")[good][-RECENT:] for layer in wide}
        self.depth = [layer for layer in reversed(health.layers) if layer in wide and (output[layer] >= 0).any()]
        if self.depth:
            self.find_trend(np.array([output[layer] for layer in self.depth]))
        total = np.sqrt(np.nansum([health.series(layer, "gradient")[good] ** 2 for layer in health.parameters], 0))
        if total.size and total[0] > 0:
            self.growth = float(total[-1] / total[0])
        ratios = {layer: middle(health.series(layer, "update_to_weight")[good][-RECENT:]) for layer in wide}
        self.updates = {layer: x for layer, x in ratios.items() if isfinite(x)}

    def find_trend(self, output: np.ndarray) -> None:
        """The slope of the logarithm over the depth: the median over all pairs of layers (Theil 1950, Sen 1968), which
        a few odd layers do not move; then over the steps. output: (depth, steps)."""
        slopes = []
        for norms in output.T:
            places = np.flatnonzero(norms > 0)
            i, j = np.triu_indices(len(places), 1)
            if i.size:
                heights = np.log(norms[places])
                slopes.append(np.median((heights[j] - heights[i]) / (places[j] - places[i])))
        if slopes:
            self.factor = float(np.exp(np.median(slopes)))
        some = (output > 0).any(1)
        zero = [middle(row) == 0 for row in output]
        behind = int(some.argmax())
        self.lost = [layer for i, layer in enumerate(self.depth) if i > behind and zero[i]] if some.any() else []

    @property
    def top(self) -> str:
        """The last layer, from which the gradient comes."""
        return place(self.depth[0])

    @property
    def bottom(self) -> str:
        return place(self.depth[-1])

    @property
    def span(self) -> float:
        """The gradient at the first layer, with the last layer's as 1, along that trend."""
        return float(self.factor ** (len(self.depth) - 1)) if len(self.depth) >= LEAST_LAYERS else float("nan")

    @property
    def gain(self) -> float:
        """How much the weights stretched what came in at the first watched step: root mean square times the root of
        the number of inputs, the median of the layers. He et al. 2015, equations 9 and 10: 1 keeps the size, behind
        ReLUs 1.4."""
        found = []
        for layer in self.depth:
            outputs = max(self.health.parameters[layer].values(), key=lambda p: p.ndim).shape[0]
            found.append(self.health.series(layer, "weight")[0] / np.sqrt(outputs))
        return middle(np.array(found))

    @property
    def fastest(self) -> float:
        """The largest update of any layer's weights, of their own size, at any watched step."""
        found = [self.health.series(layer, "update_to_weight") for layer in self.updates]
        there = np.array(found)[np.isfinite(found)] if found else np.array([])
        return float(there.max(initial=0.0))

    @property
    def low_biases(self) -> dict[str, float]:
        """The means of the biases before dead units, where they are far below 0 now."""
        found = {}
        for layer, _, _ in self.dead:
            bias: Any = self.health.parameters.get(layer, {}).get("bias")
            if bias is not None and self.dead_behind(layer) > 0:
                mean, spread = float(bias.data.mean()), float(bias.data.std())
                if mean < FAR_BELOW and mean < -spread:
                    found[layer] = mean
        return found

    def dead_behind(self, layer: str) -> float:
        return max([x for key, x in self.dead.items() if key[0] == layer], default=0.0)

    @property
    def update(self) -> float:
        return float(np.median(list(self.updates.values()))) if self.updates else float("nan")

    def shares(self, what: str, hidden: bool = False) -> dict[tuple[str, str, int], float]:
        """The share, lately, for the units of each kind behind each layer; hidden: but behind the last."""
        found = {key: middle(self.health.unit_series(key, what)[-RECENT:] if what != "dead" else
                             self.health.unit_series(key, what)[-1:]) for key in self.health.units
                 if not hidden or key[0] != (self.depth or [""])[0]}
        return {key: x for key, x in found.items() if isfinite(x)}

    @property
    def dead(self) -> dict[tuple[str, str, int], float]:
        """Only where each unit gave enough values."""
        units = self.health.units
        return {key: x for key, x in self.shares("dead").items()
                if units[key].awake_before is not None or units[key].values >= LEAST_VALUES}

    def numbers(self) -> dict[str, Any]:
        """What a verdict rests on."""
        dead, flat = self.dead, self.shares("saturated", hidden=True)
        return {"steps": len(self.health.steps), "weight_layers": len(self.depth), "factor_per_layer": self.factor,
                "first_to_last": self.span, "update_to_weight": self.update,
                "dead": share_of_all(dead) if dead else float("nan"),
                "saturated": float(np.mean(list(flat.values()))) if flat else float("nan"),
                "first_not_finite_step": self.bad or None}


def share_of_all(shares: dict[tuple[str, str, int], float]) -> float:
    """Of units of several layers together."""
    counts = np.array([key[2] for key in shares])
    return float((np.array(list(shares.values())) * counts).sum() / counts.sum())
