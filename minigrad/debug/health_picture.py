"""`GradientHealth` as a picture: gradients, updates and units over the steps. matplotlib draws it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import PathLike, picture, save_figure, sheet
from .health import GradientHealth
from .health_words import place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

USUAL = 1e-3                    # an update, of the weights
NAMED = 40                      # layers that get their names; of more, some
LINES = 8                       # of the lines of one panel, that get a name: the first, the last, and some between
FEW_STEPS = 30                  # up to here every step gets a dot
BAD = "#b2182b"


@picture
def draw(health: GradientHealth, path: PathLike, title: str = "Gradient health") -> None:
    """Three panels: a map of the gradients at the outputs (layers over steps), update to weight, units.

    Where nothing is known the map is white; where it is not finite red. Raises ValueError if no step was watched.
    """
    from matplotlib.ticker import MaxNLocator
    if not health.steps:
        raise ValueError("GradientHealth.plot: no step was watched yet: a step goes inside `with health.watch():`")
    shares = {(key, what): health.unit_series(key, what) for key in health.units for what in ("dead", "saturated")}
    shares = {line: share for line, share in shares.items() if np.isfinite(share).any()}
    heights = [1.0 + 0.17 * min(len(health.layers), NAMED), 2.6, *([2.6] if shares else [])]
    figure = sheet(9.5, sum(heights) + 1)
    figure.suptitle(title)
    grid: Any = figure.subplots(len(heights), 2, squeeze=False, sharex="col", height_ratios=heights,
                                width_ratios=[1, 0.3])
    for axes in grid[:, 1]:
        axes.axis("off")                # legends alone
    draw_map(grid[0, 0], grid[0, 1], health)
    wide = {layer for layer, ps in health.parameters.items() if any([p.ndim > 1 for p in ps.values()])}
    draw_updates(grid[1, 0], grid[1, 1], health, [layer for layer in health.layers if layer in wide])
    if shares:
        draw_units(grid[2, 0], grid[2, 1], health, shares)
    grid[-1, 0].set_xlabel("step")
    grid[-1, 0].xaxis.set_major_locator(MaxNLocator(8, integer=True))
    save_figure(figure, path)


def draw_map(axes: Axes, beside: Axes, health: GradientHealth) -> None:
    """log10 of the norm of the gradient at each layer's output; first layers on top."""
    from matplotlib.colors import ListedColormap
    layers = health.layers
    values = np.array([health.series(layer, "output") for layer in layers])         # (layers, steps)
    bad, none = np.isinf(values), np.isnan(values) | (values == 0)
    heights = np.log10(values, out=np.zeros_like(values), where=~(bad | none))
    places = borders(np.array(health.steps, float)), np.arange(len(layers) + 1) - 0.5
    shown = axes.pcolormesh(*places, np.ma.masked_array(heights, bad | none), cmap="viridis")
    if bad.any():
        axes.pcolormesh(*places, np.ma.masked_array(np.ones_like(values), ~bad), cmap=ListedColormap([BAD]))
        beside.plot([], [], "s", color=BAD, label="nan or inf")
        beside.legend(loc="lower left", fontsize=8, frameon=False)
    axes.invert_yaxis()
    apart = -(-len(layers) // NAMED)
    axes.set_yticks(range(0, len(layers), apart), layers[::apart], fontsize=8)
    axes.set_title("Gradient at the layers' outputs, first layer on top (white: none, or exactly 0)", fontsize=10)
    if not (bad | none).all():
        axes.figure.colorbar(shown, cax=beside.inset_axes((0.0, 0.15, 0.1, 0.8)), label="log10 of the norm")


def borders(steps: np.ndarray) -> np.ndarray:
    """Between the steps, and around the first and the last."""
    if len(steps) == 1:
        return np.array([steps[0] - 0.5, steps[0] + 0.5])
    between = (steps[1:] + steps[:-1]) / 2
    return np.concatenate([[2 * steps[0] - between[0]], between, [2 * steps[-1] - between[-1]]])


def draw_updates(axes: Axes, beside: Axes, health: GradientHealth, layers: list[str]) -> None:
    """What a step changes the weights by, of their own size, a line a layer: first layers dark, last ones light."""
    lines = {}
    for layer in layers:
        ratio = health.series(layer, "update_to_weight")
        ratio = np.where(np.isfinite(ratio) & (ratio > 0), ratio, np.nan)
        if np.isfinite(ratio).any():
            lines[place(layer)] = ratio, "-"
    axes.set_yscale("log")
    axes.axhline(USUAL, color="0.3", linestyle=":", linewidth=1.2, label="0.001, as is usual")
    axes.set_title("Update of the weights, of their own size", fontsize=10)
    draw_lines(axes, beside, health.steps, lines)


def draw_units(axes: Axes, beside: Axes, health: GradientHealth, shares: Mapping[Any, np.ndarray]) -> None:
    """The shares of dead units (dashed) and of saturated values, in percent."""
    lines = {f"{what}, {key[1]} of {place(key[0])}": (100 * share, "--" if what == "dead" else "-")
             for (key, what), share in shares.items()}
    axes.set_ylim(-3, 103)
    axes.set_ylabel("%")
    axes.set_title("Units: " + " and ".join([text for what, text in (
        ("dead", "dead (dashed)"), ("saturated", "saturated values")) if what in {what for _, what in shares}]),
        fontsize=10)
    draw_lines(axes, beside, health.steps, lines)


def draw_lines(axes: Axes, beside: Axes, steps: list[int], lines: Mapping[str, tuple[np.ndarray, str]]) -> None:
    """Lines from dark to light, some of them named beside the panel."""
    from matplotlib import colormaps
    named = set(np.linspace(0, len(lines) - 1, min(len(lines), LINES)).round().astype(int).tolist())
    for i, (name, (values, style)) in enumerate(lines.items()):
        axes.plot(steps, values, style, color=colormaps["plasma"](0.88 * i / max(len(lines) - 1, 1)), linewidth=1.3,
                  marker="." if len(steps) <= FEW_STEPS else "", label=name if i in named else None)
    axes.grid(alpha=0.3)
    beside.legend(*axes.get_legend_handles_labels(), loc="center left", fontsize=8, frameon=False)
