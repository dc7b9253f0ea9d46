"""A view as SVG: plain shapes and texts that every renderer knows.

A picture is a list of pieces, each drawn from its own origin: the page that opens and closes blocks moves them about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from ..layout import Box
from ..layout.parts import Net, Point
from .looks import ICONS, TITLES, rules
from .text import escaped, text_width
from .view import ICON, PAD, SMALL, Frame, Unit, View, Wire, has_icon, two_lines

MARGIN = 16
BEND = 7                        # radius of a wire's bends
TITLE = 15                      # font size


class Piece(NamedTuple):
    """A group of SVG, from behind its `<g transform="..."`, and where it goes."""

    markup: str
    x: float
    y: float


class Sheet(NamedTuple):
    """What a picture is drawn on, in pixels: its size (width, height), where the layout begins, where the legend's rows
    do, and these."""

    size: tuple[int, int]
    left: float
    top: int
    low: int
    rows: list[list[tuple[float, str, str]]]


def sheet(view: View, title: str, heading: bool = False, legend: bool = True) -> Sheet:
    signs = legend_of([view]) if legend else []
    inner = ceil(max(view.layout.width, min(520, signs_width(signs)), text_width(title, TITLE, True) * heading))
    rows = flow(signs, inner)
    top = MARGIN + (TITLE + 13) * heading
    low = top + ceil(view.layout.height) + 16
    height = low + 20 * len(rows) + MARGIN - 16 * (not rows)
    return Sheet((inner + 2 * MARGIN, height), MARGIN + (inner - view.layout.width) // 2, top, low, rows)


def svg(view: View, title: str, description: str, heading: bool = False, legend: bool = True) -> str:
    """The whole picture. heading: write the title above it."""
    (width, height), left, top, low, rows = sheet(view, title, heading, legend)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" class="minigrad" role="img" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" aria-label="{escaped(title)}">',
             f"<title>{escaped(title)}</title>", f"<desc>{escaped(description)}</desc>",
             f"<style>{rules('.minigrad')}</style>",
             f'<rect class="ground" width="{width}" height="{height}"/>']
    if heading:
        parts.append(text(MARGIN, MARGIN + TITLE - 2, title, "title"))
    parts.append(f'<g class="picture" transform="translate({number(left)},{top})">')
    parts += [f'<g transform="translate({number(x)},{number(y)})"{markup}' for markup, x, y in pieces(view)]
    return "\n".join([*parts, "</g>", *legend_rows(rows, MARGIN, low), "</svg>", ""])


def pieces(view: View) -> list[Piece]:
    """Frames, wires, boxes; the boxes in the order in which the nodes run."""
    layout = view.layout
    found = [frame(view.frames[key], layout.frames[key]) for key in view.frames]
    found += wires(view)
    for key, is_frame in view.order:
        found.append(frame_heading(view.frames[key], layout.frames[key]) if is_frame
                     else unit_box(view.units[key], layout.boxes[key]))
    return found


# --- parts of SVG ---------------------------------------------------------------------------------------------

def number(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def text(x: float, y: float, content: str, style: str = "", anchor: str = "") -> str:
    end = f' text-anchor="{anchor}"' if anchor else ""
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{number(x)}" y="{number(y)}"{end}>{escaped(content)}</text>'


def rectangle(style: str, box: Box, radius: float) -> str:
    return (f'<rect class="{style}" x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" '
            f'height="{number(box.height)}" rx="{number(radius)}"/>')


def icon(family: str, x: float, y: float) -> str:
    return f'<path class="icon" transform="translate({number(x)},{number(y)})" d="{ICONS[family]}"/>'


# --- boxes ----------------------------------------------------------------------------------------------------

def frame(block: Frame, box: Box) -> Piece:
    return Piece(f' data-frame="{escaped(block.key)}">{rectangle("frame", Box(0, 0, *box[2:]), 8)}</g>', box.x, box.y)


def frame_heading(block: Frame, box: Box) -> Piece:
    """Its name, and in a page the sign that closes it."""
    sign = icon("open", 10, 6.5) if block.button else ""
    content = text(10 + ICON * block.button, 16, block.name, "name")
    return Piece(f' class="block heading" data-block="{escaped(block.key)}"><title>{escaped(block.whole)}</title>'
                 f"{sign}{content}</g>", box.x, box.y)


def unit_box(unit: Unit, box: Box) -> Piece:
    """Sign, name, what stands at its right; below, the kind."""
    terminal = unit.family in ("input", "output")
    style = ("input" if terminal else unit.family) + " shared" * unit.shared
    kind = "block" if unit.family == "block" else "node"
    width, height = box.width, box.height
    parts = [f' class="{style}" data-{kind}="{escaped(unit.key)}"><title>{escaped(unit.whole)}</title>',
             rectangle("box", Box(0, 0, width, height), height / 2 if terminal else 4)]
    if unit.family == "block":
        parts.append(rectangle("box", Box(2.5, 2.5, width - 5, height - 5), 2))
    first = height / 2 + (-3 if two_lines(unit) else 4)
    left, right = PAD, width - PAD
    if has_icon(unit):
        parts.append(icon(unit.family, left, first - 9.5))
        left += ICON
    side = unit.side or ("" if two_lines(unit) else unit.words)
    if has_icon(unit) or side:
        parts.append(text(left, first, unit.name, "name"))
    else:
        parts.append(text(width / 2, first, unit.name, "name", "middle"))
    if side:
        parts.append(text(right, first, side, "muted", "end"))
    if two_lines(unit):
        parts.append(text(left, first + 15, unit.words, "muted"))
    return Piece("".join([*parts, "</g>"]), box.x, box.y)


# --- wires ----------------------------------------------------------------------------------------------------

def wires(view: View) -> list[Piece]:
    """For every value the line from where it is made to all who take it, with its shape; a head for each of them."""
    found: dict[Net, list[tuple[Wire, list[Point]]]] = {}
    for wire, route in zip(view.wires, view.layout.routes, strict=True):
        found.setdefault((wire.edge.source, wire.edge.port), []).append((wire, route))
    parts = []
    for net, ways in found.items():
        x, y = ways[0][1][0]
        moved = [(wire, [(a - x, b - y) for a, b in route]) for wire, route in ways]
        line = "".join([rounded(route) for _, route in moved])
        inside = [f' data-from="{escaped(str(net[0]))}"><path class="wire" d="{line}"/>']
        for wire, route in moved:
            inside.append(f'<path class="head" data-to="{escaped(str(wire.edge.target))}" d="{arrow_head(route)}">'
                          f"<title>{escaped(wire.whole)}</title></path>")
            if wire.label:
                box = view.layout.labels[net]
                inside.append(text(box.x - x, box.y + box.height - 2 - y, wire.label, "muted"))
        parts.append(Piece("".join([*inside, "</g>"]), x, y))
    return parts


def rounded(route: Sequence[Point]) -> str:
    """A line through the corners, each rounded off; it ends within the arrow head."""
    points = [*route[:-1], toward(route[-1], route[-2], 4)]
    parts = [f"M{place(points[0])}"]
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(BEND, distance(before, at) / 2, distance(at, after) / 2)
        parts.append(f"L{place(toward(at, before, radius))}Q{place(at)} {place(toward(at, after, radius))}")
    return "".join([*parts, f"L{place(points[-1])}"])


def place(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def distance(a: Point, b: Point) -> float:
    return ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5


def toward(a: Point, b: Point, far: float) -> Point:
    """The point `far` from a on the way to b."""
    length = distance(a, b) or 1
    return a[0] + (b[0] - a[0]) * far / length, a[1] + (b[1] - a[1]) * far / length


def arrow_head(route: Sequence[Point]) -> str:
    """A triangle with its tip at the end."""
    (x0, y0), (x, y) = route[-2:]
    return f"M{place((x, y))}" + ("l-7 -3.5v7z" if abs(x - x0) > abs(y - y0) else "l-3.5 -7h7z")


# --- the legend -----------------------------------------------------------------------------------------------

def legend_of(views: Iterable[View]) -> list[tuple[str, str]]:
    """(family, what it means) of what these pictures have."""
    units = [unit for view in views for unit in view.units.values()]
    used = {unit.family for unit in units}
    found = [(family, words) for family, words in TITLES.items() if family in used]
    if any([unit.shared for unit in units]):
        found.append(("shared", "= name: weights of that node"))
    if any([unit.side and not unit.shared for unit in units]):
        found.append(("", "1,234: parameters"))
    return found


def sign_width(family: str, words: str) -> float:
    return text_width(words, SMALL) + (24 if family else 0) + 16


def signs_width(signs: Iterable[tuple[str, str]]) -> float:
    return sum([sign_width(family, words) for family, words in signs])


def flow(signs: Iterable[tuple[str, str]], width: float) -> list[list[tuple[float, str, str]]]:
    """Rows of (x, family, words)."""
    rows: list[list[tuple[float, str, str]]] = []
    x = width
    for family, words in signs:
        wide = sign_width(family, words)
        if not rows or x + wide - 16 > width:
            rows.append([])
            x = 0
        rows[-1].append((x, family, words))
        x += wide
    return rows


def legend_rows(rows: Sequence[Sequence[tuple[float, str, str]]], x0: float, y0: float) -> list[str]:
    parts = []
    for i, row in enumerate(rows):
        for x, family, words in row:
            left, top = x0 + x, y0 + 20 * i
            if family:
                style = "arithmetic shared" if family == "shared" else family
                parts.append(f'<g class="{style}">{rectangle("box", Box(left, top, 18, 16), 3)}'
                             + (icon(family, left + 3.5, top + 2.5) if family in ICONS else "") + "</g>")
                left += 24
            parts.append(text(left, top + 12, words, "muted"))
    return parts
