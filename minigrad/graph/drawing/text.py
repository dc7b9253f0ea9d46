"""Text in pictures: how wide it is, before there is a font; how it is shortened; how it is escaped."""

from __future__ import annotations

import re
from unicodedata import category, east_asian_width
from xml.sax.saxutils import escape

# Helvetica's widths of the characters 32 to 126, in thousandths of the font size.
HELVETICA = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584)
ROOM = 1.07             # other fonts are wider
BOLD = 1.07
ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_width(text: str, size: float, bold: bool = False) -> float:
    """In pixels, rather too much than too little."""
    total = sum([character_width(c) for c in text])
    return total * size / 1000 * ROOM * (BOLD if bold else 1)


def character_width(c: str) -> int:
    if 32 <= ord(c) < 127:
        return HELVETICA[ord(c) - 32]
    if category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 1000 if east_asian_width(c) in "WF" or ord(c) > 0xFFFF else 584 if ord(c) == 0xD7 else 700


def shortened(text: str, room: float, size: float, bold: bool = False) -> str:
    """The text, or its beginning and its end with a dot sign between, such that it fits into `room` pixels."""
    if text_width(text, size, bold) <= room:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = (kept + 1) // 2
        short = text[:head] + "\u2026" + text[len(text) - (kept - head):]
        if text_width(short, size, bold) <= room:
            return short
    return text[:1] + "\u2026"


def legal(text: str) -> str:
    return ILLEGAL.sub("\ufffd", text)


def escaped(text: str) -> str:
    """For text and attributes of XML; characters that XML cannot hold become replacement characters."""
    return escape(legal(text), {'"': "&quot;", "'": "&#39;"})
