"""The picture of `minigrad models --plot`: parameters against multiplications, a dot for each model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..files import write_atomically
from ..models import Card
from ..train.pictures import DPI, picture, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

NEAR = 6.0                      # pixels: dots that lie closer look like one, and share a label
DISTANCES = (6.0, 10.0, 16.0, 24.0, 34.0, 46.0, 60.0, 76.0)     # points: of a label from its dot, at most
DIRECTIONS = ((1, 0), (-1, 0), (0.7, 0.7), (0.7, -0.7), (-0.7, 0.7), (-0.7, -0.7), (0, 1), (0, -1))


class Dot(NamedTuple):
    """Where a model is drawn: at (x, y) in pixels, for a point of the data."""

    name: str
    data: tuple[int, int]
    x: float
    y: float
    colour: Any


@picture
def draw(cards: Mapping[str, Card], path: Path) -> None:
    """Write the picture, as the suffix of `path` says: .png or .svg. A colour a paper; both axes are logarithmic."""
    from matplotlib import colormaps

    figure = sheet(13, 9)
    axes = figure.subplots()
    papers = dict.fromkeys([card.paper for card in sorted(cards.values(), key=lambda card: card.year)])
    colours = {paper: colormaps["tab10"](i % 10) for i, paper in enumerate(papers)}
    for paper, colour in colours.items():
        drawn = [card for card in cards.values() if card.paper == paper]
        axes.plot([card.parameters for card in drawn], [card.multiplications for card in drawn], "o", color=colour,
                  markersize=6, markeredgecolor="white", markeredgewidth=0.6, label=f"{drawn[0].year}  {paper}")
    axes.set(xscale="log", yscale="log", xlabel="parameters",
             ylabel="multiplications for one image of the paper's size",
             title=f"{len(cards)} models: what they hold and what they cost")
    axes.margins(0.06)
    axes.grid(alpha=0.25)
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")            # everything stays where it is now
    dots = []
    for name, card in cards.items():
        data = card.parameters, card.multiplications
        x, y = axes.transData.transform(data)
        dots.append(Dot(name, data, x, y, colours[card.paper]))
    label(axes, list(together(dots)), dots)
    kind = path.suffix[1:].lower()
    write_atomically(path, lambda temporary: figure.savefig(temporary, format=kind, dpi=DPI))


def together(dots: list[Dot]) -> Iterable[Dot]:
    """The dots that get a label: those that look like one dot share it, "resnet50, se_resnet50"."""
    left = list(dots)
    while left:
        first = left[0]
        same = [dot for dot in left if hypot(dot.x - first.x, dot.y - first.y) < NEAR]
        left = [dot for dot in left if dot not in same]
        yield first._replace(name=shared([dot.name for dot in same]))


def shared(names: list[str]) -> str:
    """At most two names to a line."""
    return "\n".join([", ".join(names[i:i + 2]) for i in range(0, len(names), 2)])


def label(axes: Axes, labelled: list[Dot], dots: list[Dot]) -> None:
    """Put each label at the nearest free place around its dot; a thin line leads to those that are far."""
    legend = axes.get_legend()
    taken = [] if legend is None else [legend.get_window_extent()]
    for dot in sorted(labelled, key=lambda dot: -crowd(dot, dots)):         # where there is least room, first
        text = axes.annotate(dot.name, dot.data, (0, 0), textcoords="offset points", fontsize=7.5, color=dot.colour)
        if place(axes, text, taken, dots) > DISTANCES[1]:
            axes.annotate("", dot.data, text.get_position(), textcoords="offset points", arrowprops={
                "arrowstyle": "-", "color": dot.colour, "linewidth": 0.6, "alpha": 0.7, "shrinkA": 0, "shrinkB": 3})
        taken.append(text.get_window_extent())


def crowd(dot: Dot, dots: list[Dot]) -> int:
    return sum([hypot(dot.x - other.x, dot.y - other.y) < DISTANCES[-1] for other in dots])


def place(axes: Axes, text: Any, taken: list[Bbox], dots: list[Dot]) -> float:
    """Move a text to where it covers neither labels nor dots, or as few as possible; how far from its dot that is."""
    found: list[tuple[int, float, tuple[float, float], str, str]] = []
    for distance in DISTANCES:
        for x, y in DIRECTIONS:
            sides = "left" if x > 0 else "right" if x < 0 else "center", "bottom" if y > 0 else "top" if y < 0 \
                else "center"
            text.set(position=(x * distance, y * distance), ha=sides[0], va=sides[1])
            box = text.get_window_extent().padded(1)
            hits = box.count_overlaps(taken) + sum([box.contains(dot.x, dot.y) for dot in dots])
            outside = box.x0 < axes.bbox.x0 or box.x1 > axes.bbox.x1 or box.y0 < axes.bbox.y0 or box.y1 > axes.bbox.y1
            found.append((hits + 9 * outside, distance, (x * distance, y * distance), *sides))
            if found[-1][0] == 0:
                return distance
    _, distance, position, ha, va = min(found)
    text.set(position=position, ha=ha, va=va)
    return distance
