"""Pictures of a training run, as PNG files. matplotlib draws them (extra `demo`); nothing else of minigrad needs it.

Every function takes arrays and a path, and writes the file atomically.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import DPI, PathLike, picture, rehearse, save_figure, sheet
from .history import is_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DPI", "PathLike", "confusion_matrix", "count_confusions", "first_layer_filters", "most_wrong", "picture",
           "rehearse", "save_figure", "sheet", "training_curves"]

TRAIN, VALIDATION, WRONG = "#1f77b4", "#d95f02", "#b2182b"
FEW_EPOCHS = 30                 # up to here every epoch gets a dot
PANELS = 8                      # losses and metrics in one picture


@picture
def training_curves(history: Mapping[str, Sequence[float]], path: PathLike, chosen: int | None = None,
                    title: str = "Training") -> None:
    """Losses and metrics over the epochs, training and validation, a panel each, with a line at the chosen epoch.

    history: columns of one number an epoch, as `History.columns`: epoch, and those called train_... and validation_...
    (loss first, at most PANELS of them are drawn); `chosen` is one of its epochs. Raises ValueError for none.
    """
    whats = _panels(history)
    epoch = np.asarray(history["epoch"], float)
    if chosen is not None and chosen not in epoch:
        raise ValueError(f"training_curves: expected the chosen epoch among {epoch[0]:g} to {epoch[-1]:g}, "
                         f"{chosen} came")
    rows = -(-len(whats) // 2)
    figure = sheet(10 if len(whats) > 1 else 6, 4.2 * rows)
    figure.suptitle(title)
    grid = figure.subplots(rows, min(len(whats), 2), squeeze=False).ravel()
    for axes, what in zip(grid, whats, strict=False):
        _draw_curves(axes, history, what, chosen)
    for axes in grid[len(whats):]:
        axes.set_visible(False)
    save_figure(figure, path)


def _panels(history: Mapping[str, Sequence[float]]) -> list[str]:
    """What is drawn: "loss" for train_loss and validation_loss."""
    columns = [name for name, values in history.items() if len(values)]
    found = [part for name in columns for prefix, _, part in [name.partition("_")] if prefix in ("train", "validation")]
    if "epoch" not in columns or not found:
        raise ValueError("training_curves: expected columns epoch and train_loss, validation_loss or other train_... "
                         f"and validation_..., with rows; {', '.join(columns) or 'none'} came")
    return sorted(dict.fromkeys(found), key=lambda what: what != "loss")[:PANELS]


def _draw_curves(axes: Axes, history: Mapping[str, Sequence[float]], what: str, chosen: int | None) -> None:
    epoch = np.asarray(history["epoch"], float)
    marker = "o" if len(epoch) <= FEW_EPOCHS else ""
    scale = 100 if is_share(what) else 1
    parts = {part: scale * np.asarray(history[f"{part}_{what}"], float) for part in ("train", "validation")
             if len(history.get(f"{part}_{what}", ()))}
    for part, values in parts.items():
        axes.plot(epoch, values, color=TRAIN if part == "train" else VALIDATION, marker=marker, markersize=3.5,
                  linewidth=1.6, label="training" if part == "train" else part)
    if chosen is not None:
        value = list(parts.values())[-1][epoch == chosen]
        spelled = f"{value[0]:.1f} %" if is_share(what) else f"{value[0]:.3f}"
        axes.axvline(chosen, color="0.55", linewidth=1, linestyle="--", zorder=0)
        axes.plot([chosen], value, "o", markersize=10, markerfacecolor="none", markeredgecolor="black", clip_on=False,
                  label=f"chosen: epoch {chosen}, {spelled}")
    if what.endswith("loss"):
        values = np.concatenate(list(parts.values()))
        values = values[np.isfinite(values)]
        if values.min(initial=0.0) >= 0:
            axes.set_ylim(0, 1.08 * values.max(initial=0.0) or 1.0)
    axes.set_ylabel(what.replace("_", " ") + " (%)" * is_share(what))
    axes.set_xlabel("epoch")
    axes.set_xticks(_whole_ticks(int(epoch[0]), int(epoch[-1])))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False,
                fontsize=9, handlelength=1.6, columnspacing=1.0)


def _whole_ticks(first: int, last: int) -> list[int]:
    """At most 11 epochs to name, a round number apart."""
    step = next(step for power in range(19) for step in (10**power, 2 * 10**power, 5 * 10**power)
                if (last - first) <= 10 * step)
    return [epoch for epoch in range(first - first % step, last + 1, step) if epoch >= first]


def count_confusions(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """labels (n,), predictions (n,) -> counts (k, k): row the true class, column the predicted one."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


@picture
def confusion_matrix(counts: np.ndarray, classes: Sequence[str], path: PathLike,
                     title: str = "Confusion matrix") -> None:
    """The counts (k, k) as a table, row the true class, column the predicted one: hits blue, errors red.

    A cell is as dark as its share of its row. Raises ValueError if counts is not (k, k) for k classes.
    """
    k = len(classes)
    if counts.shape != (k, k):
        raise ValueError(f"confusion_matrix: expected counts ({k}, {k}) for {k} classes, {counts.shape} came")
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    hit = np.eye(k, dtype=bool)
    side = max(4.6, 0.5 * k + 1.6)
    figure = sheet(side, side)
    axes = figure.subplots()
    colours = _colour_maps()
    cells = np.where(hit[:, :, None], colours["Blues"](0.85 * share), colours["Reds"](0.85 * np.sqrt(share)))
    cells[counts == 0] = 1.0                        # white
    axes.imshow(cells)
    for row, column in zip(*np.nonzero(counts), strict=True):
        dark = share[row, column] > 0.6 if row == column else share[row, column] > 0.4
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color="white" if dark else "black",
                  fontsize=_fitting(counts.max()), fontweight="normal" if row == column else "bold")
    _name_cells(axes, classes)
    right, total = int(counts.trace()), int(counts.sum())
    axes.set_title(f"{title}\n{right:,} of {total:,} right" + (f" ({100 * right / total:.2f} %)" if total else ""))
    save_figure(figure, path)


def _fitting(largest: int) -> float:
    """A size of letters at which the longest count fits its cell."""
    return min(10.0, 40.0 / max(len(f"{largest:,}"), 1))


def _name_cells(axes: Axes, classes: Sequence[str]) -> None:
    k = len(classes)
    slanted = max(map(len, classes)) > 3
    axes.set_xticks(range(k), classes, rotation=45 if slanted else 0, ha="right" if slanted else "center",
                    rotation_mode="anchor" if slanted else "default")
    axes.set_yticks(range(k), classes)
    axes.set_xticks(np.arange(k - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(k - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.8)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")


@picture
def first_layer_filters(weight: np.ndarray, path: PathLike, title: str = "First-layer filters") -> None:
    """The n filters of a first convolution, weight (n, c, i, j): c = 1 as weights in colour, c = 3 as RGB pictures.

    One scale for all filters, white (or grey, of RGB) at 0. Raises ValueError for another number of channels.
    """
    if weight.ndim != 4 or weight.shape[1] not in (1, 3):
        raise ValueError(f"first_layer_filters: expected weight (n, 1, i, j) or (n, 3, i, j), {weight.shape} came")
    n, c = weight.shape[:2]
    largest = float(abs(weight).max()) or 1.0
    figure, grid = _grid(n, cell=1.25)
    figure.suptitle(f"{title}: {n}, each {weight.shape[2]} × {weight.shape[3]}")
    for index, axes in enumerate(grid[:n]):
        if c == 1:
            drawn = axes.imshow(weight[index, 0], cmap="RdBu_r", vmin=-largest, vmax=largest)
        else:
            axes.imshow(0.5 + 0.5 * weight[index].transpose(1, 2, 0) / largest)
        axes.set_title(str(index), fontsize=9, pad=3)
    if c == 1:
        figure.colorbar(drawn, ax=grid, label="weight", aspect=25, fraction=0.25 / figure.get_figwidth())
    save_figure(figure, path)


@picture
def most_wrong(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str],
               path: PathLike, count: int = 20, title: str = "Most wrong") -> None:
    """The images whose wrong answer the model was surest of; where fewer than `count` are wrong, only those.

    images (n, c, h, w), c = 1 or 3   labels (n,)   probabilities (n, k)
    Without a single error, the right answers that it was least sure of, and the picture says so.
    """
    order = _surest_errors(labels, probabilities)[:count]
    errors = int((probabilities.argmax(1) != labels).sum())
    if errors:
        shown = f"{count} of {errors} errors" if errors > count else f"all {errors} errors" if errors > 1 else "1 error"
        text = f"{title}: {shown} among {len(labels):,} images"
    else:
        text = f"{title}: no error among {len(labels):,} images\nthe least sure right answers"
        order = np.argsort(probabilities.max(1), kind="stable")[:count]
    long = max(map(len, classes)) > 5               # such names get a line each
    separator = "\n" if long else ", "
    figure, grid = _grid(len(order), cell=1.6, text=0.7 if long else 0.5)
    figure.suptitle(text)
    for axes, index in zip(grid, order, strict=False):
        answer = int(probabilities[index].argmax())
        _show_image(axes, images[index])
        axes.set_title(f"is {_shorten(classes[labels[index]])}{separator}"
                       f"read as {_shorten(classes[answer])}\n{100 * probabilities[index, answer]:.1f} % sure",
                       fontsize=9, pad=4, color=WRONG if answer != labels[index] else "black")
    save_figure(figure, path)


def _shorten(name: str) -> str:
    """What of a class's name fits above a picture."""
    return name if len(name) <= 14 else name[:13] + "…"


def _surest_errors(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Indices of the errors, the most confident first."""
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")]


def _show_image(axes: Axes, image: np.ndarray) -> None:
    """image (c, h, w), stretched to the full range; one channel as ink on paper."""
    if len(image) == 1:
        axes.imshow(image[0], cmap="gray_r")
        return
    low, high = float(image.min()), float(image.max())
    axes.imshow(((image - low) / ((high - low) or 1.0)).transpose(1, 2, 0))


# --- what all of them use

def _grid(n: int, cell: float, text: float = 0.25) -> tuple[Figure, Any]:
    """A figure with n bare square pictures and its axes in reading order; those after the n-th are not drawn.

    A picture is `cell` inches wide, with `text` inches above; the sheet is nearly as high as wide, or wider, whichever
    leaves fewer gaps in the last row.
    """
    most = max(min(n, int(np.ceil(np.sqrt(1.8 * n)))), 1)
    columns = min(range(most, (most - 1) // 2, -1), key=lambda columns: -n % columns)
    rows = max(-(-n // columns), 1)
    figure = sheet(max(cell * columns + 0.9, 4.8), (cell + text) * rows + 0.6)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for index, axes in enumerate(grid):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_visible(index < n)
    return figure, grid


def _colour_maps() -> Any:
    from matplotlib import colormaps
    return colormaps
