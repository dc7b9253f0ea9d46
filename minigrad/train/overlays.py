"""Pictures of segmentations: image, truth, answer and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .pictures import PathLike, picture, save_figure, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TINT = 0.45                     # how much of a class's colour lies over the image
COLOURS = ((0.12, 0.47, 0.71), (1.0, 0.5, 0.05), (0.17, 0.63, 0.17), (0.58, 0.4, 0.74), (0.55, 0.34, 0.29),
           (0.89, 0.47, 0.76), (0.74, 0.74, 0.13), (0.09, 0.75, 0.81))      # of classes 1, 2, ...; class 0 has none
MISSED, FALSE = (0.84, 0.1, 0.11), (0.99, 0.75, 0.1)
CELL = 2.3                      # inches of an image


@picture
def overlays(rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], classes: Sequence[str], path: PathLike,
             title: str = "Segmentation") -> None:
    """A row for each image: itself, with the true classes over it, with the model's, and the wrong pixels.

    rows: (image (c, h, w) in 0..1, c = 1 or 3; truth (h, w) and answer (h, w), numbers of classes; negative truths do
    not count). Wrong pixels are red where class 0 was answered, yellow where another was. Raises ValueError for no
    rows.
    """
    if not rows:
        raise ValueError("overlays: expected at least one image with its truth and answer, none came")
    heights = [image.shape[1] / image.shape[2] for image, _, _ in rows]
    figure = sheet(4 * CELL + 0.3, CELL * sum(heights) + 0.15 * len(rows) + 0.9)
    figure.suptitle(title)
    grid = figure.subplots(len(rows), 4, squeeze=False, gridspec_kw={"height_ratios": heights})
    for (image, truth, answer), line in zip(rows, grid, strict=True):
        shown = [colours(image), tinted(image, truth), tinted(image, answer), errors(image, truth, answer)]
        for axes, pixels in zip(line, shown, strict=True):
            axes.imshow(pixels, interpolation="antialiased")
            axes.set_axis_off()
        right = float((truth == answer)[truth >= 0].mean()) if (truth >= 0).any() else 0.0
        line[3].set_title(f"{100 * right:.1f} % right", fontsize=9, pad=3)
    for axes, text in zip(grid[0], ("image", "truth", "model"), strict=False):
        axes.set_title(text, fontsize=10, pad=3)
    explain(figure, grid[0][3], classes)
    save_figure(figure, path)


def explain(figure: Any, axes: Axes, classes: Sequence[str]) -> None:
    """What the colours mean, below."""
    from matplotlib.patches import Patch

    named = [Patch(color=colour, label=name) for colour, name in zip(COLOURS, classes[1:], strict=False)]
    wrong = [Patch(color=MISSED, label=f"wrongly {classes[0]}"),
             Patch(color=FALSE, label=f"wrongly {classes[1]}" if len(classes) == 2 else "wrongly another class")]
    figure.legend(handles=[*named, *wrong], loc="outside lower center", ncols=min(len(named) + 2, 5), frameon=False,
                  fontsize=9)


def colours(image: np.ndarray) -> np.ndarray:
    """(c, h, w) in 0..1 -> (h, w, 3)."""
    return np.repeat(image, 3, 0).transpose(1, 2, 0) if len(image) == 1 else image.transpose(1, 2, 0)


def tinted(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with the colours of the classes over it, (h, w, 3)."""
    pixels = np.array(colours(image), float)
    for k in np.unique(mask[mask > 0]):
        pixels[mask == k] = (1 - TINT) * pixels[mask == k] + TINT * np.array(COLOURS[(k - 1) % len(COLOURS)])
    return pixels


def errors(image: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """The image, pale, with its wrong pixels, (h, w, 3)."""
    pixels = 0.5 + 0.5 * np.array(colours(image), float)
    wrong = (truth != answer) & (truth >= 0)
    pixels[wrong & (answer == 0)], pixels[wrong & (answer != 0)] = MISSED, FALSE
    return pixels
