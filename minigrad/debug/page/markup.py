"""Markup, escaped in one place: what is not `Html` already is text, and becomes such."""

from __future__ import annotations

import json
from typing import Any

from ...graph.drawing.text import escaped

VOID = {"img", "input", "br", "meta"}


class Html(str):
    """Markup, to be put into a page as it is."""


def html(part: Any) -> Html:
    """Markup as it is; anything else as text."""
    return part if isinstance(part, Html) else Html(escaped(str(part)))


def joined(parts: Any, between: str = "") -> Html:
    """One after the other."""
    return Html(between.join([html(part) for part in parts]))


def tag(name: str, /, *content: Any, **attributes: Any) -> Html:
    """An element. Attributes: `class_` for class, `data_i` for data-i; None and False are left out, True has
    no value."""
    words = []
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(f" {key}")
        elif value is not None and value is not False:
            words.append(f' {key}="{escaped(str(value))}"')
    start = f"<{name}{''.join(words)}>"
    return Html(start if name in VOID else f"{start}{joined(content)}</{name}>")


def table(head: Any, rows: list[list[Any]]) -> Html:
    """A table that scrolls sideways where it is too wide."""
    body = [tag("tr", tag("th", row[0], scope="row"), *[tag("td", cell) for cell in row[1:]]) for row in rows]
    return tag("div", tag("table", tag("thead", tag("tr", *[tag("th", words, scope="col") for words in head])),
                          tag("tbody", *body)), class_="scroll", tabindex="0", role="region",
               aria_label=f"table by {next(iter(head), 'rows')}")


def script_data(value: Any) -> Html:
    """JSON for a <script>: with no `<` in it, nothing ends or opens one."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Html(text.replace("<", "\\u003c"))
