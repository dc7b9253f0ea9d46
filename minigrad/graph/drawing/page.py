"""A page with a drawing whose blocks open and close on a click. All is laid out here; the page only shows it.

There is a picture for every block: the one that was asked for with this block opened (and those around it), or closed
if it was open. A click on a block goes to its picture, another on its heading back; so of blocks that do not contain
each other one at a time differs from what was asked for. Two more pictures have all blocks open, and all closed.
Pictures share their pieces, so a page is not much larger than the largest of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .looks import PAGE_RULES
from .svg import MARGIN, Piece, flow, legend_of, legend_rows, pieces, svg
from .text import escaped, legal
from .tree import Block
from .view import View, Viewer

WIDTH = 640                 # of the legend
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(viewer: Viewer, closed: frozenset[str], title: str, description: str) -> str:
    """The HTML, complete in one file; without JavaScript it shows the picture with these blocks closed."""
    viewer = viewer.with_buttons()
    states = States(viewer, closed)
    signs = legend_of(states.views)
    rows = flow(signs, WIDTH)
    legend = "".join(legend_rows(rows, 0, 2))
    first = svg(states.views[0], title, description, legend=False).replace('role="img"', 'role="group"')
    content = json.dumps(states.content(), separators=(",", ":"), ensure_ascii=False)
    content = re.sub("<(?=[!sS])", r"\\u003c", content.replace("</", r"<\/"))      # no end or start of a script
    buttons = [f'<button type="button" data-state="{i}">{words}</button>'
               for i, words in enumerate(("as drawn", "open all", "close all"))]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width">
<title>{escaped(title)}</title>
<style>{PAGE_RULES}</style>
</head>
<body>
<header>
<h1>{escaped(title)}</h1>
<p>{escaped(description)}</p>
<nav hidden>{"".join(buttons)} <span>A click opens or closes a block.</span></nav>
<svg class="minigrad legend" width="{WIDTH}" height="{20 * len(rows)}" aria-hidden="true">{legend}</svg>
</header>
<main>
{first}</main>
<script type="application/json" id="states">{content}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


class States:
    """The pictures of a page: what was asked for, all open, all closed; and those of the blocks: block -> number."""

    def __init__(self, viewer: Viewer, closed: frozenset[str]):
        self.viewer, self.closed = viewer, closed
        self.parents: dict[str, Block | None] = {}
        self.note_parents(viewer.tree, None)
        self.number: dict[str, int] = {}
        self.views = [viewer.view(closed), viewer.view(frozenset()), viewer.view(frozenset(self.parents))]
        for key in self.parents:
            self.add(key, viewer.view(self.changed(key)))
        for view in list(self.views):
            for key, run in view.runs.items():
                if key not in self.number:
                    apart = frozenset([block.key for block in run.blocks])
                    self.add(key, viewer.view(self.changed(run.blocks[0].key) | apart, apart))

    def add(self, key: str, view: View) -> None:
        self.number[key] = len(self.views)
        self.views.append(view)

    def note_parents(self, block: Block, parent: Block | None) -> None:
        for part in block.children:
            if isinstance(part, Block):
                self.parents[part.key] = parent
                self.note_parents(part, part)

    def changed(self, key: str) -> frozenset[str]:
        """Which blocks are closed in the picture of a block."""
        return self.closed | {key} if self.is_drawn_open(key) else self.closed - {key, *self.above(key)}

    def above(self, key: str) -> list[str]:
        """The blocks around one, innermost first."""
        parent = self.parents[key]
        return [] if parent is None else [parent.key, *self.above(parent.key)]

    def is_drawn_open(self, key: str) -> bool:
        """Whether what was asked for shows a block open."""
        return not self.closed & {key, *self.above(key)}

    def after_click(self, key: str, is_open: bool) -> int:
        """The picture to go to from one in which the block is open, or closed."""
        if key not in self.parents:                 # several that are drawn as one
            return self.number[key]
        if is_open == self.is_drawn_open(key):
            return self.number[key]
        if not is_open:
            return 0
        around = next(iter(self.above(key)), None)
        return 0 if around is None or self.is_drawn_open(around) else self.number[around]

    def content(self, pieces: Callable[[View], list[Piece]] = pieces) -> dict[str, Any]:
        """For the script: the pieces, and for every picture its size, (piece, x, y) of each, and where clicks lead."""
        numbers: dict[str, int] = {}
        states = []
        for view in self.views:
            places: list[float] = []
            for piece in pieces(view):
                places += [numbers.setdefault(piece.markup, len(numbers)), tidy(piece.x), tidy(piece.y)]
            to = {legal(key): self.after_click(key, True) for key in view.frames}
            to |= {legal(key): self.after_click(key, False) for key, unit in view.units.items()
                   if unit.family == "block"}
            states.append({"w": tidy(view.layout.width + 2 * MARGIN), "h": tidy(view.layout.height + 2 * MARGIN),
                           "at": places, "to": to})
        return {"pieces": list(numbers), "states": states}


def tidy(x: float) -> float:
    return int(x) if x == int(x) else round(x, 1)


SCRIPT = """
"use strict";
const {pieces, states} = JSON.parse(document.getElementById("states").textContent);
const svg = document.querySelector("main svg"), picture = svg.querySelector(".picture");
const ground = svg.querySelector(".ground");
let now = 0;
function find(key) { return [...picture.querySelectorAll("[data-block]")].find(e => e.dataset.block === key); }
function show(number, key) {
  const before = key !== undefined && find(key).getBoundingClientRect();
  const state = states[now = number];
  let markup = "";
  for (let i = 0; i < state.at.length; i += 3)
    markup += `<g transform="translate(${state.at[i + 1]},${state.at[i + 2]})"` + pieces[state.at[i]];
  picture.innerHTML = markup;
  picture.setAttribute("transform", "translate(16,16)");
  for (const element of [svg, ground]) {
    element.setAttribute("width", state.w);
    element.setAttribute("height", state.h);
  }
  svg.setAttribute("viewBox", `0 0 ${state.w} ${state.h}`);
  for (const element of picture.querySelectorAll("[data-block]")) {
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "button");
    element.setAttribute("aria-expanded", element.classList.contains("heading"));
  }
  const after = key !== undefined && find(key);
  if (after) {
    const place = after.getBoundingClientRect();
    scrollBy(place.left - before.left, place.top - before.top);
    after.focus({preventScroll: true});
  }
}
function toggle(event) {
  const element = event.target.closest("[data-block]");
  if (element) { event.preventDefault(); show(states[now].to[element.dataset.block], element.dataset.block); }
}
picture.addEventListener("click", toggle);
picture.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") toggle(event); });
for (const button of document.querySelectorAll("nav button"))
  button.addEventListener("click", () => show(Number(button.dataset.state)));
document.querySelector("nav").hidden = states.length < 4;
show(0);
"""
