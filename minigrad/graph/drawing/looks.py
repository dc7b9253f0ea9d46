"""Colours and signs of the families, and the style sheet, for light and dark."""

from __future__ import annotations

from typing import NamedTuple

from .view import NAME, SMALL

SANS = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'Noto Sans', sans-serif"


class Look(NamedTuple):
    """The colours of a family: fill and border, in the light and in the dark."""

    fill: str
    border: str
    dark_fill: str
    dark_border: str


LOOKS = {
    "input": Look("#ffffff", "#3d4450", "#16191f", "#aab3c0"),
    "convolution": Look("#dfeafc", "#3c6fb8", "#1c3050", "#6ea3ea"),
    "pooling": Look("#fde6cf", "#b0651a", "#46301a", "#e09a50"),
    "normalisation": Look("#e2f2da", "#4b8434", "#20381c", "#7cbd63"),
    "activation": Look("#fbdfe5", "#b8465f", "#48222c", "#ea8399"),
    "linear": Look("#e8e1fa", "#6a50b8", "#302653", "#a58eee"),
    "arithmetic": Look("#eceef1", "#636b78", "#2b3038", "#98a2b1"),
    "sequence": Look("#d6f0ee", "#1f7d77", "#14393a", "#4dbdb5"),
    "other": Look("#f4efdc", "#7d7042", "#37321f", "#b9aa72"),
    "block": Look("#f7f8fa", "#4a5260", "#22262e", "#aab3c0"),
}
TEXT, MUTED = ("#1b1f26", "#eceef2"), ("#4c5563", "#b4bcc8")
GROUND, WIRE = ("#ffffff", "#16191f"), ("#6a7382", "#8d97a6")
TITLES = {"convolution": "convolution", "pooling": "pooling", "normalisation": "normalisation",
          "activation": "activation", "linear": "linear, embedding", "arithmetic": "arithmetic, joins",
          "sequence": "attention, recurrent", "other": "shape and other", "block": "closed block"}

# A sign for each family, 11 pixels square, so that colour is not all that tells them apart.
ICONS = {
    "convolution": "M.5.5h10v10h-10zM.5 3.8h10M.5 7.2h10M3.8.5v10M7.2.5v10",
    "pooling": "M.5.5h10v10h-10zM3.5 3.5h4v4h-4z",
    "normalisation": "M0 10.5h11M.5 9C4 9 3.8 1 5.5 1S7 9 10.5 9",
    "activation": "M.5 9.5h5L10.5 1.5",
    "linear": "M1.5 1.5 9.5 9.5M1.5 9.5 9.5 1.5M1.5 1.5h8M1.5 9.5h8",
    "arithmetic": "M5.5.5a5 5 0 1 0 .01 0zM5.5 3v5M3 5.5h5",
    "sequence": "M1 8.5a4.5 4.5 0 1 1 4.5 2M5.5 10.5l2-2.2M5.5 10.5l2.4 1",
    "other": "M.5 3 5.5.5 10.5 3v5L5.5 10.5.5 8zM.5 3l5 2.5L10.5 3M5.5 5.5v5",
    "block": "M.5.5h10v10h-10zM5.5 3v5M3 5.5h5",
    "open": "M.5.5h10v10h-10zM3 5.5h5",
}


def rules(scope: str) -> str:
    """The style sheet; `scope` before every selector, for pages with other things on them."""
    def one(dark: bool) -> list[str]:
        look = {family: (look.dark_fill, look.dark_border) if dark else (look.fill, look.border)
                for family, look in LOOKS.items()}
        found = [f"{scope} .ground{{fill:{GROUND[dark]}}}", f"{scope} text{{fill:{TEXT[dark]}}}",
                 f"{scope} .muted{{fill:{MUTED[dark]}}}",
                 f"{scope} .frame{{fill:{TEXT[dark]};stroke:{WIRE[dark]}}}",
                 f"{scope} .wire{{stroke:{WIRE[dark]}}}", f"{scope} .head{{fill:{WIRE[dark]}}}"]
        for family, (fill, border) in look.items():
            found.append(f"{scope} .{family} .box{{fill:{fill};stroke:{border}}}")
            found.append(f"{scope} .{family} .icon{{stroke:{border}}}")
        return found
    plain = [f"{scope} text{{font:{SMALL}px {SANS}}}", f"{scope} .name{{font-size:{NAME}px;font-weight:bold}}",
             f"{scope} .title{{font-size:15px;font-weight:bold}}",
             f"{scope} .box{{stroke-width:1.2}}", f"{scope} .shared .box{{stroke-dasharray:5 3}}",
             f"{scope} .icon{{fill:none;stroke-width:1.1;stroke-linejoin:round;stroke-linecap:round}}",
             f"{scope} .frame{{fill-opacity:.035;stroke-opacity:.55}}", f"{scope} .wire{{fill:none;stroke-width:1.25}}"]
    return "\n".join([*plain, *one(False), "@media (prefers-color-scheme:dark){", *one(True), "}"])


# Of the page around a drawing.
PAGE_RULES = f"""
:root{{color-scheme:light dark}}
body{{margin:0;font:14px {SANS};color:{TEXT[0]};background:{GROUND[0]}}}
header{{padding:14px 16px 0}}
h1{{font-size:18px;margin:0 0 4px}}
p,nav{{margin:0 0 8px}}
nav span{{color:{MUTED[0]};margin-left:6px}}
button{{font:inherit;padding:3px 10px;margin-right:6px}}
.legend{{max-width:100%}}
main{{overflow-x:auto}}
main svg{{display:block;margin:0 auto}}
[data-block]{{cursor:pointer}}
[data-block]:focus-visible{{outline:2px solid {LOOKS["convolution"].border};outline-offset:2px}}
@media (prefers-color-scheme:dark){{
body{{color:{TEXT[1]};background:{GROUND[1]}}}
nav span{{color:{MUTED[1]}}}
[data-block]:focus-visible{{outline-color:{LOOKS["convolution"].dark_border}}}
}}
"""
