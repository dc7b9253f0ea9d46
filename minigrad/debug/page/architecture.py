"""The tab Architecture: what the layers are. Of a layer graph all that its summary knows, else what is on the tape."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ...graph.drawing.svg import svg
from ...graph.table import field, human, number
from .graph import TapeViewer
from .health import NO_LAYER
from .markup import Html, joined, table, tag
from .numbers import spell
from .tape import Events, Item, Tape, tape_of


def architecture(events: Events, model: Mapping[str, Any] | None = None) -> Html:
    """A row per layer in the order of the forward pass, and the picture of all. model: `Graph.summary` as a dict."""
    tape = tape_of(events)
    layers = by_layer(tape)
    if not layers:
        return tag("p", "No call is on the tape.")
    calls = len([event for event in events if event["kind"] == "seed" for _ in event.get("tape", ())])
    on_tape = f"{len(layers)} layers and {calls} calls are on the tape, which has those that a gradient goes through."
    said = totals(model) if model else f"{numbers_of(tape.items):,} numbers are in leaves of layers."
    drawn = tape_of([event for event in events if "tape" not in event or event["kind"] == "seed"], with_leaves=False)
    viewer = TapeViewer(drawn, plain=True)
    viewer.buttons = False
    view = viewer.view(frozenset([block.key for block in viewer.tree.blocks()]))
    picture = svg(view, "The layers", "The layers of the forward pass, from the input down to the loss.")
    return joined([tag("p", said, " ", on_tape), of_graph(model, layers) if model else of_tape(layers),
                   tag("figure", Html(picture), class_="scroll")])


def by_layer(tape: Tape) -> dict[str, list[Item]]:
    """The items of each layer; those inside of a definition belong to the layer of the call."""
    found: dict[str, list[Item]] = {}
    entered = tuple([f"{name}." for name in tape.entered])
    for item in sorted([*tape.items, *tape.entered.values()], key=lambda item: item.call or 0):
        if not (item.op and item.name.startswith(entered)):
            found.setdefault(item.layer or NO_LAYER, []).append(item)
    order = {layer: min([item.call for item in items if item.op], default=0) for layer, items in found.items()}
    return dict(sorted(found.items(), key=lambda pair: order[pair[0]]))


def numbers_of(items: list[Item]) -> int:
    """How many numbers are in the leaves that belong to layers."""
    return sum([prod(item.shape) for item in items if not item.op and item.layer])


# --- what the tape tells --------------------------------------------------------------------------------------

def of_tape(layers: dict[str, list[Item]]) -> Html:
    rows = []
    for layer, items in layers.items():
        leaves = [item for item in items if not item.op]
        count = sum([prod(item.shape) for item in leaves])
        named = ", ".join([f"{item.label} {spell(item.shape)}" for item in leaves])
        rows.append([layer, ops(items), output(items), named, f"{count:,}" if count else ""])
    return table(("layer", "ops", "output", "leaves", "numbers"), rows)


def ops(items: list[Item]) -> str:
    return ", ".join(dict.fromkeys([item.op for item in items if item.op]))


def output(items: list[Item]) -> str:
    """The shape of what the layer gave."""
    calls = [item for item in items if item.op]
    return spell(calls[-1].shape) if calls else ""


# --- what the graph tells -------------------------------------------------------------------------------------

def totals(model: Mapping[str, Any]) -> str:
    """`61,706 parameters, all trainable; 416,520 multiplications and 61.5 KiB of outputs for one example.` The latter
    where they are known of all layers."""
    total = model["total"]
    trained = "all trainable" if total["trainable"] == total["parameters"] else f"{total['trainable']:,} trainable"
    said = f"{total['parameters']:,} parameters, {trained}"
    if None in [row[key] for row in model["nodes"] for key in ("multiplications", "memory")]:
        return said + "."
    return (f"{said}; {total['multiplications']:,} multiplications and {human(total['memory'])} of outputs for one "
            "example.")


def of_graph(model: Mapping[str, Any], layers: dict[str, list[Item]]) -> Html:
    """A row per node of the graph, then what else is on the tape, as the loss."""
    heads = ("layer", "kind", "output", "parameters", "multiplications", "receptive field", "memory")
    nodes = {row["name"]: row for row in model["nodes"]}
    rows = [graph_row(row, layers.get(name, [])) for name, row in nodes.items()]
    others = {layer: items for layer, items in layers.items() if layer not in nodes}
    rows += [[layer, ops(items), output(items), "", "", "", ""] for layer, items in others.items()]
    return table(heads, rows)


def graph_row(row: Mapping[str, Any], items: list[Item]) -> list[str]:
    """Of a node. items: what the tape has of it, whose shapes are known where the graph leaves them open; a BatchNorm
    there has its statistics as outputs too."""
    open_ = None in [n for each in row["output_shapes"] for n in each]
    shape = (open_ and output(items)) or " ".join([shape_of(each) for each in row["output_shapes"]])
    seen = row["receptive_field"]
    return [row["name"], row["kind"] + frozen(row), shape, f"{row['parameters']:,}" if row["parameters"] else "",
            "" if row["multiplications"] == 0 else number(row["multiplications"]),
            field(None if seen is None else tuple(seen)), human(row["memory"])]


def shape_of(shape: list[Any]) -> str:
    """`(n, 6, 28, 28)`, `?` for a size that is left open."""
    return f"({', '.join(['?' if n is None else str(n) for n in shape])}{',' * (len(shape) == 1)})"


def frozen(row: Mapping[str, Any]) -> str:
    return ", frozen" if row["parameters"] and not row["trainable"] else ""
