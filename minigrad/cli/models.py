"""`minigrad models`: the models by name, with their papers, sizes and costs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import models
from .errors import Ended
from .grammar import Parser, add_json, name
from .output import clipped, columns, table, tell, tell_json

PICTURES = (".png", ".svg")

USAGE = "models [MODEL]"
ABOUT = """
List the models that minigrad has, the oldest first: each is built from its paper, one file a paper, and every command
takes them by these names. With a name, say more about that one.
"""
EXAMPLES = [
    ("minigrad models", "all of them, a line each"),
    ("minigrad models lenet5", "the paper, the image it reads, what was left open"),
    ("minigrad models --plot zoo.png", "a picture: parameters against multiplications"),
    ("minigrad models --json", "the same for a program"),
]
MORE = """
The multiplications (mults) are those of the matrix products that convolutions and linear layers are made of, for one
image of the size that is named, the paper's. Parameters include auxiliary heads, multiplications do not: these heads
run in training alone.
"""


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES, MORE)
    parser.add_argument("model", nargs="?", metavar="MODEL", help="show one model rather than the list")
    parser.add_argument("--plot", metavar="FILE", type=name, help="draw all models into a file, .png or .svg, which is "
                        "replaced: parameters to the right, multiplications upwards (default: no picture)")
    add_json(parser, "the list")
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    if args.plot is not None:
        return plot(args)
    if args.model is not None:
        models.find(args.model)
    shown = [args.model] if args.model is not None else sorted(models.names(), key=by_age)
    cards = [{"name": name, **described(models.about(name))} for name in shown]
    if args.json:
        tell_json(cards if args.model is None else {**cards[0], **details(args.model)})
    elif args.model is None:
        tell(listing(cards))
    else:
        tell(card(cards[0], details(args.model)))
    return 0


def by_age(name: str) -> tuple[int, int]:
    """A key that sorts by year, and within a year as the cards stand: paper by paper, the small before the large."""
    return models.about(name).year, list(models.CARDS).index(name)


def described(card: models.Card) -> dict[str, Any]:
    """A card as JSON has it."""
    return {**card._asdict(), "sides": None if card.sides is None else card.sides._asdict(), "masks": card.masks}


def plot(args: argparse.Namespace) -> int:
    """Draw all models into a file."""
    from .models_picture import draw

    out = Path(args.plot)
    if args.model is not None:
        raise Ended(f"--plot draws all models, {args.model} came: minigrad draw {args.model} is a picture of one")
    if out.suffix.lower() not in PICTURES:
        raise Ended(f"--plot {out}: expected a file that ends in {' or '.join(PICTURES)}")
    if out.is_dir():
        raise Ended(f"--plot {out}: is a folder, expected a file to write")
    try:
        draw(models.CARDS, out)
    except OSError as error:
        raise Ended(f"--plot {out}: cannot be written ({error.strerror or error})") from error
    if args.json:
        tell_json({"file": str(out), "models": len(models.CARDS)})
    else:
        tell(f"{len(models.CARDS)} models are drawn in {out}")
    return 0


def listing(cards: list[dict[str, Any]]) -> str:
    """A line a model; titles that are too long end in dots."""
    rows = [[card["name"], str(card["year"]), f"{card['parameters']:,}", short(card["multiplications"]),
             "x".join(map(str, card["image"])), card["paper"]] for card in cards]
    text = table(["name", "year", "parameters", "mults", "input", "paper"], rows, right=["parameters", "mults"])
    return "\n".join([clipped(line, columns()) for line in text.splitlines()])


def short(n: int) -> str:
    """4_089_184_256 -> 4.09 G; 416_520 -> 0.42 M"""
    return f"{n / 1e9:.2f} G" if n >= 1e9 else f"{n / 1e6:.2f} M" if n < 1e7 else f"{n / 1e6:.0f} M"


def details(name: str) -> dict[str, Any]:
    """What only the model itself knows."""
    graph = models.outline(name)
    return {"inputs": {node: list(graph.node(node).shape[1:]) for node in graph.inputs}, "nodes": len(graph.nodes),
            "about": " ".join((models.find(name).__doc__ or "").split())}


def card(about: dict[str, Any], more: dict[str, Any]) -> str:
    """One model in a few lines."""
    from .grammar import wrapped

    inputs = ", ".join([f"{name} (n, {', '.join(map(spell, shape))})" for name, shape in more["inputs"].items()])
    size = " x ".join(map(str, about["image"]))
    least = about["least_side"]
    smaller = f"; at least {least} x {least} in training" if 1 < least < about["image"][1] else ""
    lines = [f"{about['name']}: {about['title']}", wrapped(f"{about['authors']}, {about['paper']}, {about['year']}"),
             "", wrapped(more["about"]), "",
             f"input            {inputs}{smaller}",
             f"parameters       {about['parameters']:,}",
             f"multiplications  {about['multiplications']:,} for an image of {size}",
             f"nodes            {more['nodes']:,}", "",
             f"minigrad summary {about['name']}    its layers in a table",
             f"minigrad draw {about['name']}       a picture of them"]
    lines.append(f"minigrad train {about['name']}      its weights from data" + " with masks" * about["masks"])
    return "\n".join(lines)


def spell(size: int | None) -> str:
    return "any" if size is None else str(size)
