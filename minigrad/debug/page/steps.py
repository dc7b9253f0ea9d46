"""The events as an ordered list, each to open: what arrived, the rule, what it gave. No script is needed for it."""

from __future__ import annotations

from typing import Any

from . import arrays
from .markup import Html, joined, tag
from .numbers import brief, event_norm, shade, spell, written

KINDS = {"seed": "start", "rule": "rule", "unbroadcast": "sum back", "accumulate": "add up", "leaf": "leaf",
         "enter": "into", "leave": "out of"}


def listed(events: list[dict[str, Any]]) -> Html:
    """The list; the first event is open."""
    items = [item(i, event) for i, event in enumerate(events)]
    return tag("ol", *items, class_="events", id="events")


def anchor(event: dict[str, Any]) -> str:
    """The address of an event in the page: e=7, or e=7.2 inside of a definition."""
    return f"e={event['number']}"


def item(i: int, event: dict[str, Any]) -> Html:
    depth = min(event["number"].count("."), 6)
    body = [tag("p", *where(event), class_="where"), *[tag("p", "hint: ", hint, class_="hint") for hint in
                                                       event["hints"]], *BODIES.get(event["kind"], told)(event)]
    opened = tag("details", tag("summary", *headline(event)), tag("div", *body, class_="body"), open=i == 0)
    return tag("li", opened, id=anchor(event), class_=f"depth{depth}", data_i=i)


def headline(event: dict[str, Any]) -> list[Any]:
    """One line: number, kind, op, layer, shape, norm."""
    name = event.get("name") if event["kind"] == "leaf" else event["op"]
    seen = [each for each in event["arrived"] if each] or \
        [each for each in event["given"].values() if event["kind"] == "unbroadcast"]
    said = "  ".join([brief(each) for each in seen])
    bad = shade(event_norm(event)) == "bad"
    return [tag("span", f"[{event['number']}]", class_="number"), " ",
            tag("span", KINDS[event["kind"]], class_=f"kind {event['kind']}"), " ", tag("b", name), " ",
            tag("span", event["layer"], class_="muted"), " ",
            tag("span", tag("span", class_=f"swatch {shade(event_norm(event))}", aria_hidden="true"), " ",
                tag("span", said, class_="bad" if bad else None), class_="norm") if said else ""]


def where(event: dict[str, Any]) -> list[Any]:
    """Call, shape of its output, line of source."""
    parts: list[Any] = [f"{event['op']} #{event['call']}, output {spell(event['shape'])}"]
    if event["layer"]:
        parts += [", layer ", tag("b", event["layer"])]
    if event["source"]:
        parts += [", ", event["source"]]
    return [*parts, " ", tag("code", event["line"])] if event["line"] else parts


def rule_body(event: dict[str, Any]) -> list[Html]:
    """The values, what arrived, the rules in three lines each, what they give."""
    operands = [joined([tag("b", name), " is ", what]) for name, what in event["operands"].items()]
    found = [tag("p", joined(operands, ", "))] if operands else []
    found.append(tag("h4", "values and the gradient that arrives"))
    found.append(arrays.table([*event["values"].items(), *arrived(event)]))
    found.append(tag("h4", "rule" if len(event["rules"]) == 1 else "rules"))
    for name, rule in event["rules"].items():
        comment = rule.partition("  # ")[2]
        lines = event["formulas"].get(name) or [rule]
        gain = event["gains"].get(name, "nan")
        said = f"|g{name}| is {written(gain)} of what arrived" if written(gain) not in ("nan", "inf") else ""
        found.append(tag("pre", "\n".join(lines), class_="formula"))
        words = "; ".join([part for part in (comment, said) if part])
        found += [tag("p", words, class_="muted")] if words else []
    found.append(tag("h4", "gives"))
    found.append(arrays.table([(f"g{name}", seen) for name, seen in event["given"].items()]))
    return found


def arrived(event: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    several = len(event["arrived"]) > 1
    return [(f"g{k}" if several else "g", seen) for k, seen in enumerate(event["arrived"]) if seen]


def told(event: dict[str, Any]) -> list[Html]:
    """The words of the terminal, and what there is of arrays."""
    words = " ".join(event["text"].replace("|  ", " ").replace(" +- ", " ").split()).removeprefix("-> ")
    words = words.removeprefix("=> ")
    rows = [*arrived(event), *[(f"g{name}", seen) for name, seen in event["given"].items()]]
    return [tag("p", words), arrays.table(rows)]


BODIES = {"rule": rule_body}
