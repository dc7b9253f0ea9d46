"""Arrays in the page: a table of their statistics, a picture of each as a map of colours, the numbers of its corner."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterable
from math import isfinite, prod
from typing import Any

from .markup import Html, html, joined, tag
from .numbers import not_finite, real, spell, written

FEW = 16                        # so many numbers are written out; more are behind a click
STEPS = 16                      # shades on either side of zero
MINUS, ZERO, PLUS, BAD = (33, 102, 205), (238, 238, 232), (214, 96, 20), (255, 0, 200)
PIXEL = 6                       # the side of an element in the picture


def table(arrays: Iterable[tuple[str, dict[str, Any]]]) -> Html:
    """(name, preview) a row."""
    rows = [row(name, seen) for name, seen in arrays]
    if not rows:
        return Html("")
    head = tag("tr", *[tag("th", words, scope="col") for words in ("", "shape", "norm", "range", "zeros", "elements")])
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="arrays")


def row(name: str, seen: dict[str, Any]) -> Html:
    size = prod(seen["shape"])
    bad = not_finite(seen)
    spread = f"{written(seen['low'])} to {written(seen['high'])}" if size else ""
    dtype = seen["dtype"] + ("" if seen["device"] == "cpu" else f" {seen['device']}")
    return tag("tr", tag("th", name, scope="row"),
               tag("td", spell(seen["shape"]), " ", tag("span", dtype, class_="muted")),
               tag("td", tag("strong", bad, class_="bad") if bad else written(seen["norm"])),
               tag("td", spread), tag("td", f"{seen['zeros'] / size:.0%}" if size else ""),
               tag("td", elements(name, seen)))


def elements(name: str, seen: dict[str, Any]) -> Html:
    """The numbers, if there are few; else a picture, and the numbers of the corner behind a click."""
    size = prod(seen["shape"])
    if size == 0:
        return html("none")
    numbers = tag("pre", grid(straight(seen["corner"], seen["shape"])))
    if size <= FEW:
        return numbers
    matrix = seen["thumbnail"] or as_matrix(seen["corner"])
    shape = f"{len(matrix)} by {len(matrix[0])}"
    what = f"{name}: the elements" if seen["thumbnail"] is None else f"{name}: means over {shape} blocks"
    picture = tag("img", class_="map", alt=f"{what}, blue below zero, orange above", title=what, src=png(matrix),
                  width=PIXEL * len(matrix[0]), height=PIXEL * len(matrix))
    words = "numbers" if seen["whole"] else "first numbers"
    return joined([picture, tag("details", tag("summary", words), numbers)])


def straight(corner: Any, shape: Any) -> Any:
    """Numbers along one axis alone, as of (1, 16, 1, 1), in a line."""
    if sum([n > 1 for n in shape]) > 1 or not isinstance(corner, list):
        return corner
    return [x for line in as_matrix(corner) for x in line]


def as_matrix(corner: Any) -> list[list[Any]]:
    """All axes but the last one run down."""
    if not isinstance(corner, list):
        return [[corner]]
    if not isinstance(corner[0], list):
        return [corner]
    return [line for part in corner for line in as_matrix(part)]


def grid(corner: Any) -> str:
    """Numbers in columns; between matrices an empty line."""
    if isinstance(corner, list) and corner and isinstance(corner[0], list) and isinstance(corner[0][0], list):
        return "\n\n".join([grid(part) for part in corner])
    lines = [[written(x) for x in line] for line in as_matrix(corner)]
    width = max([len(word) for line in lines for word in line])
    return "\n".join(["  ".join([word.rjust(width) for word in line]) for line in lines])


# --- a picture ------------------------------------------------------------------------------------------------

def png(matrix: list[list[Any]]) -> str:
    """A matrix as the address of a picture, an element a pixel: blue, white at zero, orange; pink is not finite."""
    top = max([abs(real(x)) for line in matrix for x in line if isfinite(real(x))], default=0.0) or 1.0
    lines = b"".join([b"\0" + bytes([place(real(x), top) for x in line]) for line in matrix])
    header = struct.pack(">IIBBBBB", len(matrix[0]), len(matrix), 8, 3, 0, 0, 0)
    parts = [(b"IHDR", header), (b"PLTE", PALETTE), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join([chunk(kind, data) for kind, data in parts])
    return "data:image/png;base64," + b64encode(content).decode("ascii")


def place(x: float, top: float) -> int:
    """The number of a value's colour in the palette."""
    return round(x / top * STEPS) + STEPS if isfinite(x) else 2 * STEPS + 1


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def palette() -> bytes:
    colours = []
    for k in range(-STEPS, STEPS + 1):
        far, end = abs(k) / STEPS, MINUS if k < 0 else PLUS
        colours.append([round(z + (e - z) * far) for z, e in zip(ZERO, end, strict=True)])
    return bytes([c for colour in [*colours, BAD] for c in colour])


PALETTE = palette()
