"""A trace's JSON in, one HTML file out. Without a script it is a document to read; the script moves about in it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from ...graph.drawing.page import POLICY
from .architecture import architecture
from .graph import FEW_LEAVES, Picture, TapeViewer, closed_at_first
from .health import health
from .markup import Html, joined, script_data, tag
from .numbers import HIGHEST, LOWEST, brief, rounded
from .steps import listed
from .tape import tape_of
from .timeline import timeline

FRAME = 720                     # height of the page in a notebook, in pixels
TABS = (("step", "Step"), ("architecture", "Architecture"), ("health", "Health"))
# what a button does -> its key, and what is said of it
KEYS = {
    "back": ("P", "previous event (also N, left arrow)"), "next": ("n", "next event, over definitions (right arrow)"),
    "step": ("s", "next event, into a definition (also i)"), "out": ("r", "out of the definition or layer (also o)"),
    "continue": ("c", "on to a breakpoint or the end"), "first": ("Home", "first event"), "last": ("End", "last event"),
}
FORMS = "nan, layer enc*, op conv2d, norm > 1e3, norm < 1e-7, grad(NAME) > 10"


def page(document: Mapping[str, Any], title: str = "", report: Any = None) -> str:
    """The page of `trace.as_dict()`. report: of the gradients over many steps, in what JSON has, for the Health tab."""
    events, hints = document["events"], document["hints"]
    title = title or heading(events)
    tape = tape_of(events)
    if len(tape.items) > FEW_LEAVES:
        tape = tape_of(events, with_leaves=False)
    viewer = TapeViewer(tape)
    picture = Picture(viewer, closed_at_first(tape, viewer)) if tape.items else None
    data = {"trace": slim(document), "picture": picture.content() if picture else None}
    body = [
        tag("header", tag("h1", title), tag("p", summary(document)), tabs()),
        tag("main", *[panel(key, words, content) for (key, words), content in zip(TABS, (
            step_panel(events, picture), architecture(events, document.get("graph")),
            health(events, hints, report)), strict=True)]),
        help_dialog(),
        tag("script", script_data(data), type="application/json", id="data"), tag("script", Html(asset("script.js")))]
    head = [tag("meta", charset="utf-8"), tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"), tag("title", title),
            tag("style", Html(shades() + asset("style.css")))]
    return "<!DOCTYPE html>\n" + tag("html", tag("head", *head), "\n", tag("body", joined(body, "\n")),
                                     lang="en") + "\n"


def inline(page: str, title: str) -> str:
    """The page in a notebook's output: a frame that holds it whole, so that an export has it too."""
    return tag("iframe", srcdoc=page, title=title, width="100%", height=FRAME,
               style="border:1px solid #8888;border-radius:6px;background:Canvas")


def asset(name: str) -> str:
    """A file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def heading(events: list[dict[str, Any]]) -> str:
    op = events[0]["op"] if events else "nothing"
    return f"Backward pass from {op}"


def summary(document: Mapping[str, Any]) -> Html:
    """How long the walk is, where it ended, what is known of a nan."""
    events = document["events"]
    rules = [event for event in events if event["kind"] == "rule" and "." not in event["number"]]
    leaves = [event for event in events if event["kind"] == "leaf" and "." not in event["number"]]
    loss = next((event["loss"] for event in events if "loss" in event), None)
    parts: list[Any] = [f"{len(events)} events: {len(rules)} calls, {len(leaves)} leaves"]
    if loss is not None:
        parts.append(f"; |loss| {brief({**loss, 'corner': loss['norm']}, '')}".replace("|| ", "").replace("|loss|  ",
                                                                                                         "|loss| "))
    if document["origin"]:
        parts += [". ", tag("strong", f"Not finite: {document['origin']}", class_="bad")]
    return joined([*parts, "."])


# --- parts ----------------------------------------------------------------------------------------------------

def tabs() -> Html:
    buttons = [tag("button", words, type="button", role="tab", id=f"tab-{key}", aria_controls=key,
                   aria_selected="true" if key == "step" else "false") for key, words in TABS]
    return tag("div", *buttons, role="tablist", aria_label="views of the trace", class_="scripted", hidden=True)


def panel(key: str, words: str, content: Html) -> Html:
    return tag("section", tag("h2", words), content, id=key, aria_labelledby=f"tab-{key}")


def step_panel(events: list[dict[str, Any]], picture: Picture | None) -> Html:
    graph = joined([legend(), tag("div", picture.svg(), class_="pane", id="graph-pane")]) if picture else \
        tag("p", "No call is on the tape.")
    return joined([
        buttons(),
        tag("p", "", id="live", aria_live="polite", class_="scripted", hidden=True),
        tag("div", tag("div", graph, class_="left"), tag("div", listed(events), class_="pane", id="list-pane"),
            class_="columns"),
        tag("h3", "Norms of the gradients, event by event ", tag(
            "span", "full: calls; hollow: leaves; paler: inside of definitions; dotted: not yet", class_="muted")),
        tag("div", timeline(events), class_="pane", id="time-pane")], "\n")


def buttons() -> Html:
    """The keys as buttons; a field to go to an event, one for breakpoints."""
    moves = [tag("button", name, " ", tag("kbd", key), type="button", data_do=name, title=words)
             for name, (key, words) in KEYS.items()]
    goto = tag("label", "go to ", tag("kbd", "g"), " ", tag("input", id="goto", size="5", autocomplete="off",
                                                            inputmode="decimal"))
    stop = tag("label", "break ", tag("kbd", "b"), " ", tag("input", id="break", size="16", autocomplete="off",
                                                            placeholder="norm < 1e-7", title=FORMS))
    more = tag("button", "help ", tag("kbd", "?"), type="button", data_do="help", title="what the keys do")
    return tag("div", *moves, goto, stop, tag("span", "", id="breaks"), more, class_="keys scripted", hidden=True)


def help_dialog() -> Html:
    rows = [tag("tr", tag("th", tag("kbd", key), scope="row"), tag("td", words)) for key, words in
            [*KEYS.values(), ("g", "to an event by its number, 7 or 7.2"), ("b", f"a breakpoint: {FORMS}"),
             ("?", "this list"), ("Esc", "out of a field, or of this list")]]
    close = tag("form", tag("button", "close"), method="dialog")
    return tag("dialog", tag("h2", "Keys"), tag("table", tag("tbody", *rows)), tag(
        "p", "They work wherever no field has the focus. #e=7 behind the file's name leads to event 7."), close,
        id="help", aria_label="keys")


def legend() -> Html:
    """What the colours mean."""
    ends = range(LOWEST, HIGHEST + 1)
    swatches = [tag("span", tag("span", class_=f"swatch h{k - LOWEST}"), f"1e{k}" if k % 2 == 0 else "")
                for k in ends]
    others = [tag("span", tag("span", class_=f"swatch {kind}"), words) for kind, words in
              (("zero", "zero"), ("bad", "not finite"), ("yet", "not yet"))]
    return tag("p", "norm of the gradient: ", *swatches, *others, class_="legend")


def shades() -> str:
    """A colour for each decade of a norm, in the light and in the dark: violet is tiny, green usual, red huge."""
    hues = (285, 270, 255, 238, 220, 203, 185, 160, 135, 45, 25, 0)
    light = "".join([f"--h{k}:hsl({hue} 65% {38 if 40 < hue < 200 else 46}%);" for k, hue in enumerate(hues)])
    dark = "".join([f"--h{k}:hsl({hue} 70% {60 if 40 < hue < 200 else 70}%);" for k, hue in enumerate(hues)])
    each = "".join([f".h{k}{{--c:var(--h{k});--w:{1.2 + 0.25 * k:.2f}}}" for k in range(len(hues))])
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}{each}\n"


def slim(document: Mapping[str, Any]) -> dict[str, Any]:
    """The trace for the script: its numbers rounded, without what the list of events shows already."""
    def bare(seen: dict[str, Any] | None) -> dict[str, Any] | None:
        return seen and {key: seen[key] for key in ("shape", "norm", "nans", "infs")}

    def kept(event: dict[str, Any]) -> dict[str, Any]:
        small = {key: event[key] for key in ("number", "kind", "op", "call", "layer")}
        small |= {"name": event["name"]} if "name" in event else {}
        return small | {"arrived": [bare(seen) for seen in event["arrived"]],
                        "given": {name: bare(seen) for name, seen in event["given"].items()}}

    return rounded({"schema": document["schema"], "version": document["version"], "hints": document["hints"],
                    "origin": document["origin"], "events": [kept(event) for event in document["events"]]})
