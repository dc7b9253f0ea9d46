"""The tabs beside the step: Architecture, what the layers are; Health, how large the gradients in each are."""

from __future__ import annotations

from math import ceil, isfinite, log10, prod
from typing import Any

from ...graph.drawing.svg import svg
from .graph import TapeViewer
from .markup import Html, joined, tag
from .numbers import HIGHEST, LOWEST, event_norm, norm_of, not_finite, shade, spell, written
from .tape import Events, Item, Tape, tape_of

NO_LAYER = "(no layer)"
DEEP = 6                        # how far a report of health is unfolded


def architecture(events: Events) -> Html:
    """A row per layer in the order of the forward pass, and the picture of all."""
    tape = tape_of(events)
    rows = [architecture_row(layer, items) for layer, items in by_layer(tape).items()]
    if not rows:
        return tag("p", "No call is on the tape.")
    parameters = sum([prod(item.shape) for item in tape.items if not item.op and learns(item)])
    calls = len([event for event in events if event["kind"] == "seed" for _ in event.get("tape", ())])
    drawn = tape_of([event for event in events if "tape" not in event or event["kind"] == "seed"], with_leaves=False)
    viewer = TapeViewer(drawn, plain=True)
    viewer.buttons = False
    view = viewer.view(frozenset([block.key for block in viewer.tree.blocks()]))
    picture = svg(view, "The layers", "The layers of the forward pass, from the input down to the loss.")
    return joined([
        tag("p", f"{len(rows)} layers, {calls} calls on the tape, {parameters:,} numbers in leaves of layers. "
                 "Calls without a gradient are not on the tape."),
        table(("layer", "ops", "output", "leaves", "numbers"), rows),
        tag("figure", Html(picture), class_="scroll")])


def learns(item: Item) -> bool:
    """Whether a leaf belongs to a layer by its name."""
    return bool(item.layer)


def by_layer(tape: Tape) -> dict[str, list[Item]]:
    """The items of each layer; those inside of a definition belong to the layer of the call."""
    found: dict[str, list[Item]] = {}
    entered = tuple([f"{name}." for name in tape.entered])
    for item in sorted([*tape.items, *tape.entered.values()], key=lambda item: item.call or 0):
        if not (item.op and item.name.startswith(entered)):
            found.setdefault(item.layer or NO_LAYER, []).append(item)
    order = {layer: min([item.call for item in items if item.op], default=0) for layer, items in found.items()}
    return dict(sorted(found.items(), key=lambda pair: order[pair[0]]))


def architecture_row(layer: str, items: list[Item]) -> list[Any]:
    calls = [item for item in items if item.op]
    leaves = [item for item in items if not item.op]
    names = [f"{item.label} {spell(item.shape)}" for item in leaves]
    count = sum([prod(item.shape) for item in leaves])
    return [layer, ", ".join(dict.fromkeys([item.op for item in calls])), spell(calls[-1].shape) if calls else "",
            ", ".join(names), f"{count:,}" if count else ""]


# --- health ---------------------------------------------------------------------------------------------------

def health(events: Events, hints: list[str], report: Any) -> Html:
    """A row per layer in the order of the walk. report: of `GradientHealth`, over many steps, if there is one."""
    layers: dict[str, Events] = {}
    for event in events:
        if "." not in event["number"] and event["kind"] in ("rule", "leaf"):
            layers.setdefault(event["layer"] or NO_LAYER, []).append(event)
    rows = [health_row(layer, inside) for layer, inside in layers.items()]
    parts: list[Any] = [tag("p", trend(events))]
    parts += [tag("ul", *[tag("li", hint) for hint in hints], class_="hints")] if hints else []
    head = ("layer", "calls", "gradient that arrives", "passed on", "factor", "leaves' gradients", "zeros",
            "not finite")
    parts.append(table(head, rows) if rows else tag("p", "The walk came to no rule yet."))
    parts.append(tag("p", "The colour and the length of a bar are the logarithm of the norm, from 1e"
                     f"{LOWEST} to 1e{HIGHEST + 1}. Factor: passed on, relative to what arrived. Zeros: of what is "
                     "passed on.", class_="muted"))
    if report is not None:
        parts += [tag("h3", "Over the steps of training"), unfolded(report)]
    return joined(parts)


def health_row(layer: str, inside: Events) -> list[Any]:
    rules = [event for event in inside if event["kind"] == "rule"]
    arrives = event_norm(rules[0]) if rules else None
    passed = [seen for event in rules for name, seen in event["given"].items()
              if "leaf" not in event["sources"].get(name, {})]
    last = norm_of([seen for name, seen in rules[-1]["given"].items()
                    if "leaf" not in rules[-1]["sources"].get(name, {})]) if rules else None
    leaves = norm_of([event["arrived"][0] for event in inside if event["kind"] == "leaf"])
    size = sum([prod(seen["shape"]) for seen in passed])
    bad = [not_finite(seen) for event in inside for seen in (*event["arrived"], *event["given"].values()) if seen]
    factor = f"{last / arrives:.3g}" if last is not None and arrives and isfinite(last / arrives) else ""
    zeros = f"{sum([seen['zeros'] for seen in passed]) / size:.0%}" if size else ""
    return [layer, len(rules), meter(arrives), meter(last), factor, meter(leaves), zeros,
            tag("strong", "yes", class_="bad") if any(bad) else ""]


def meter(norm: float | None) -> Any:
    """A norm with a bar of its logarithm."""
    if norm is None:
        return ""
    share = 0.0 if not norm else 1.0 if not isfinite(norm) else (log10(norm) - LOWEST) / (HIGHEST + 1 - LOWEST)
    wide = ceil(70 * min(max(share, 0.03), 1))
    return tag("span", tag("span", class_=f"meter {shade(norm)}", style=f"width:{wide}px", aria_hidden="true"), " ",
               written(norm), class_="measure")


def trend(events: Events) -> str:
    """From the first to the last layer that the walk came to, in a sentence."""
    rules = [event for event in events if event["kind"] == "rule" and "." not in event["number"]]
    firsts: dict[str, float] = {}
    for event in rules:
        norm = event_norm(event)
        if event["layer"] and norm is not None:
            firsts.setdefault(event["layer"], norm)
    if len(firsts) < 2:
        return "Too few layers to say how the gradient changes from one to the next."
    (last, start), (first, end) = list(firsts.items())[0], list(firsts.items())[-1]
    said = f"From {last} back to {first}, over {len(firsts)} layers, the norm of the gradient goes from " \
           f"{written(start)} to {written(end)}"
    if not (isfinite(start) and isfinite(end)) or not start or not end:
        return said + "."
    return said + f", by a factor of {written((end / start) ** (1 / (len(firsts) - 1)))} per layer."


def unfolded(value: Any, depth: int = 0) -> Html:
    """Any JSON value as text, lists and tables."""
    if isinstance(value, dict) and depth < DEEP:
        return tag("table", tag("tbody", *[tag("tr", tag("th", key, scope="row"), tag("td", unfolded(part, depth + 1)))
                                           for key, part in value.items()]))
    if isinstance(value, (list, tuple)) and depth < DEEP:
        if value and all([isinstance(part, dict) for part in value]):
            keys = list(dict.fromkeys([key for part in value for key in part]))
            return table(keys, [[unfolded(part.get(key, ""), depth + 1) for key in keys] for part in value])
        return joined([unfolded(part, depth + 1) for part in value], ", ")
    if value is None:
        return tag("span", "none", class_="muted")
    return joined([written(value) if isinstance(value, float) else value])


def table(head: Any, rows: list[list[Any]]) -> Html:
    """A table that scrolls sideways where it is too wide."""
    body = [tag("tr", tag("th", row[0], scope="row"), *[tag("td", cell) for cell in row[1:]]) for row in rows]
    return tag("div", tag("table", tag("thead", tag("tr", *[tag("th", words, scope="col") for words in head])),
                          tag("tbody", *body)), class_="scroll", tabindex="0", role="region",
               aria_label=f"table by {next(iter(head), 'rows')}")
