"""`minigrad models`: the models by name, with their papers."""

from __future__ import annotations

import argparse
from typing import Any

from .. import models
from .grammar import Parser, add_json
from .output import clipped, columns, table, tell, tell_json

USAGE = "models [MODEL]"
ABOUT = """
List the models that minigrad has: each is built from its paper, one file a paper, and every command takes them by
these names. With a name, say more about that one.
"""
EXAMPLES = [
    ("minigrad models", "all of them, a line each"),
    ("minigrad models lenet5", "the paper, the image it reads, what was left open"),
    ("minigrad models --json", "the same for a program"),
]


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES)
    parser.add_argument("model", nargs="?", metavar="MODEL", help="show one model rather than the list")
    add_json(parser, "the list")
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    if args.model is not None:
        models.find(args.model)
    shown = [args.model] if args.model is not None else models.names()
    cards = [{"name": name, **models.about(name)._asdict()} for name in shown]
    if args.json:
        tell_json(cards if args.model is None else {**cards[0], **details(args.model)})
    elif args.model is None:
        tell(listing(cards))
    else:
        tell(card(cards[0], details(args.model)))
    return 0


def listing(cards: list[dict[str, Any]]) -> str:
    """A line a model; titles that are too long end in dots."""
    rows = [[card["name"], f"{card['parameters']:,}", str(card["year"]), card["paper"]] for card in cards]
    text = table(["name", "parameters", "year", "paper"], rows, right=["parameters"])
    return "\n".join([clipped(line, columns()) for line in text.splitlines()])


def details(name: str) -> dict[str, Any]:
    """What only the model itself knows."""
    graph = models.outline(name)
    return {"inputs": {node: list(graph.node(node).shape[1:]) for node in graph.inputs}, "nodes": len(graph.nodes),
            "about": " ".join((models.find(name).__doc__ or "").split())}


def card(about: dict[str, Any], more: dict[str, Any]) -> str:
    """One model in a few lines."""
    from .grammar import wrapped

    inputs = ", ".join([f"{name} (n, {', '.join(map(spell, shape))})" for name, shape in more["inputs"].items()])
    lines = [f"{about['name']}: {about['title']}", wrapped(f"{about['authors']}, {about['paper']}, {about['year']}"),
             "", wrapped(more["about"]), "",
             f"input       {inputs}", f"parameters  {about['parameters']:,}", f"nodes       {more['nodes']:,}", "",
             f"minigrad summary {about['name']}    its layers in a table",
             f"minigrad draw {about['name']}       a picture of them"]
    return "\n".join(lines)


def spell(size: int | None) -> str:
    return "any" if size is None else str(size)
