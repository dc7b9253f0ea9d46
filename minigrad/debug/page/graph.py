"""The picture of a tape: boxes for calls and leaves, frames for layers and definitions, wires in the colours of the
gradients that came along them. All is drawn as at the end of the walk; a class shows a part as not visited yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from math import ceil
from typing import Any

from ...graph.drawing.page import States
from ...graph.drawing.svg import Piece, arrow_head, icon, number, rectangle, rounded, text
from ...graph.drawing.text import shortened, text_width
from ...graph.drawing.tree import Block, Run
from ...graph.drawing.view import ICON, NAME, PAD, SMALL, Unit, View, Viewer, Wire, within
from ...graph.drawing.words import BY_NAME, FAMILIES
from ...graph.layout import Box, Edge
from ...op import OPS
from .markup import Html, html, tag
from .numbers import brief, norm_of, shade, spell
from .steps import anchor
from .tape import Item, Source, Tape

NOT_YET = "not yet"
FEW_LEAVES = 120                # a tape of more nodes is drawn without its leaves


class TapeViewer(Viewer):
    """Views of a tape, for the drawings of graphs. plain: without gradients, each call in the colours of its family."""

    def __init__(self, tape: Tape, plain: bool = False):
        self.tape, self.plain = tape, plain
        self.tree, self.direction, self.shapes, self.runs, self.buttons = tape.tree(), "down", "changes", False, True
        self.outputs, self.takers = [], {}
        self.items = {item.name: item for item in tape.items}
        self.of: dict[str, list[Item]] = {}             # unit or block -> what it stands for, as far as visited

    def with_buttons(self) -> TapeViewer:
        return copy(self)

    def unit(self, key: str, part: Any, around: str) -> Unit:
        if isinstance(part, (Block, Run)):
            unit = self.block_unit(key, part)
            unit.name = self.called(part, around)
            return unit
        item: Item = part
        self.of[key] = [item]
        layer = within(around, item.layer) if item.layer != around and not item.name.startswith(
            tuple([name + "." for name in self.tape.entered])) else ""
        name, side = (item.label, "") if not item.op else (item.op, layer)
        return Unit(key, family(item.op), name, side, self.words(key), self.whole(item), names=[item.name])

    def block_unit(self, key: str, part: Block | Run) -> Unit:
        items: list[Any] = part.nodes()
        op = self.tape.entered.get(part.prefix)
        if op is not None:
            self.of[key] = [op, *items]
        else:
            inside = {name: each for name, each in self.tape.entered.items() if name.startswith(part.prefix + ".")}
            self.of[key] = [*inside.values(), *items]
        count = len([item for item in items if item.op])
        whole = f"{part.prefix}: {count} calls" if op is None else f"the definition of {self.whole(op)}"
        return Unit(key, "block", part.prefix, "", self.words(key), whole, names=[item.name for item in items])

    def called(self, part: Block | Run, around: str) -> str:
        """The name of a block in another: a layer's, or the op that was stepped into."""
        op = self.tape.entered.get(part.prefix)
        return op.op if op else within(around, part.prefix)

    def words(self, key: str) -> str:
        """The second line: the gradient that arrives."""
        first = self.first(key)
        if self.plain:
            shapes = [item.shape for item in self.of[key][-1:]]
            return spell(shapes[0]) if shapes else ""
        if first is None:
            return NOT_YET
        seen = [each for each in self.tape.events[first]["arrived"] if each]
        return " ".join([brief(each) for each in seen]) or NOT_YET

    def first(self, key: str) -> int | None:
        """The first event of what a box stands for."""
        return min([i for item in self.of[key] for i in item.events], default=None)

    def visits(self, key: str) -> list[int]:
        return sorted({i for item in self.of[key] for i in item.events})

    def whole(self, item: Item) -> str:
        if not item.op:
            return f"leaf {item.layer + '.' if item.layer else ''}{item.label} {spell(item.shape)}"
        return f"{item.op} #{item.call}, output {spell(item.shape)}" + f", layer {item.layer}" * bool(item.layer)

    def wires(self, units: Mapping[str, Unit], home: Mapping[str, str]) -> list[Wire]:
        """Between the units, each pair once, with the shape of what is carried where it is not that of an input."""
        found: dict[tuple[str, str], TapeWire] = {}
        said: set[str] = set()
        for item in self.tape.items:
            for source in item.sources:
                start, end = home[source.node], home[item.name]
                maker = self.items[source.node]
                if start == end:
                    continue
                if (start, end) not in found:
                    new = start not in said and bool(maker.op) and maker.shape not in self.coming(maker)
                    said.add(start)
                    label = " \u00d7 ".join(map(str, maker.shape)) if new and not nested(maker.shape) else ""
                    size = (ceil(text_width(label, SMALL)), 12) if label else (0, 0)
                    found[start, end] = TapeWire(Edge(start, end, 0, size), label, "")
                found[start, end].sources.append(source)
        for wire in found.values():
            wire.whole = "\n".join(map(gradient_words, wire.sources))
        return list(found.values())

    def coming(self, item: Item) -> list[Any]:
        return [self.items[source.node].shape for source in item.sources]


class TapeWire(Wire):
    """A wire, and the arguments that it carries."""

    def __init__(self, edge: Edge, label: str, whole: str):
        super().__init__(edge, label, whole)
        self.sources: list[Source] = []


def nested(shape: Any) -> bool:
    return bool(shape) and isinstance(shape[0], list)


def gradient_words(source: Source) -> str:
    seen = source.given
    return f"{source.argument}: {brief(seen, 'g' + source.argument) if seen else 'no gradient yet'}"


def family(op: str) -> str:
    """The family of an op, for its sign; a leaf is an input."""
    if not op:
        return "input"
    if op in BY_NAME:
        return BY_NAME[op]
    return FAMILIES.get(OPS[op].module.rpartition(".")[2], "other") if op in OPS else "other"


def closed_at_first(tape: Tape, viewer: TapeViewer) -> frozenset[str]:
    """Definitions are closed, and of layers as many as needed."""
    from ...graph.draw import usual_blocks  # not above: draw.py imports the drawing, of which this is a relative
    usual = usual_blocks(viewer)
    definitions = {block.key for block in viewer.tree.blocks() if block.prefix in tape.entered}
    return usual | definitions


# --- shapes ---------------------------------------------------------------------------------------------------

class Picture:
    """The pieces of a tape's views, and the script's data on which views there are."""

    def __init__(self, viewer: TapeViewer, closed: frozenset[str]):
        self.viewer = viewer
        self.states = States(viewer, closed)

    def svg(self) -> Html:
        """The first view, as it is without a script."""
        view = self.states.views[0]
        width, height = ceil(view.layout.width) + 32, ceil(view.layout.height) + 32
        body = "".join([f'<g transform="translate({number(p.x)},{number(p.y)})"{p.markup}' for p in self.pieces(view)])
        picture = tag("g", Html(body), class_="picture", transform="translate(16,16)")
        return tag("svg", picture, class_="graph", id="graph", width=width, height=height,
                   viewBox=f"0 0 {width} {height}", role="group",
                   aria_label="the calls of the forward pass, the loss first")

    def content(self) -> dict[str, Any]:
        """The views for the script; opens: number of an event -> the view in which its definition is open."""
        keys = {block.prefix: block.key for block in self.viewer.tree.blocks()}
        opens = {level: self.states.number[keys[name]] for level, name in self.viewer.tape.levels.items()
                 if name in keys}
        return {**self.states.content(self.pieces), "opens": opens}

    def pieces(self, view: View) -> list[Piece]:
        """Frames, wires, and the boxes in the order of the walk: the loss first."""
        found = [Piece(f' data-frame="{html(key)}">{rectangle("frame", Box(0, 0, *box[2:]), 8)}</g>', box.x, box.y)
                 for key, box in view.layout.frames.items()]
        found += self.wires(view)
        for key, is_frame in reversed(view.order):
            found.append(self.heading(view, key) if is_frame else self.box(view.units[key], view.layout.boxes[key]))
        return found

    def heading(self, view: View, key: str) -> Piece:
        """An open block: its name, the sign that closes it."""
        frame, box = view.frames[key], view.layout.frames[key]
        visits = self.viewer.visits(key)
        content = Html(text(10 + ICON, 16, frame.name, "name"))
        op = self.viewer.of[key][0] if self.viewer.of[key] else None
        if op is not None and op.name in self.viewer.tape.entered and op.events and key.startswith(op.name):
            content = Html(text(10 + ICON, 16, shortened(op.op, 170, NAME, True), "name"))
            content = link(self.viewer.tape.events[op.events[0]], content, frame.whole)
        sign = Html(f'<g class="toggle" data-block="{html(key)}" aria-label="close {html(frame.name)}">'
                    f'{rectangle("touch", Box(4, 1, 22, 22), 3)}{icon("open", 10, 6.5)}</g>')
        return Piece(f' class="block heading" data-e="{numbers(visits)}">{sign}{content}</g>', box.x, box.y)

    def box(self, unit: Unit, box: Box) -> Piece:
        """Sign, name, layer; below, the gradient that arrived, and what to show before it did."""
        visits = self.viewer.visits(unit.key)
        first = visits[0] if visits else None
        leaf, block = unit.family == "input", unit.family == "block"
        norm = norm_of(self.viewer.tape.events[first]["arrived"]) if first is not None else None
        parts = [rectangle(f"box {shade(norm)}", Box(0, 0, box.width, box.height), box.height / 2 if leaf else 4)]
        if block:
            parts.append(rectangle("inset", Box(2.5, 2.5, box.width - 5, box.height - 5), 2))
        left = PAD if leaf else PAD + ICON
        middle = box.width / 2
        across = {"anchor": "middle"} if leaf else {}
        low = 34 if box.height > 30 else 17
        if low == 34:
            parts.append(text(middle if leaf else left, 17, unit.name, "name", **across))
            parts.append(text(middle if leaf else left, low - 2, unit.words, "num", **across))
            if first is not None:
                parts.append(text(middle if leaf else left, low - 2, NOT_YET, "yet", **across))
        else:                                           # one line: a leaf, whose gradient stands beside its name
            parts.append(text(PAD + 2, low, unit.name, "name"))
            parts.append(text(box.width - PAD - 2, low, unit.words, "num", "end"))
            if first is not None:
                parts.append(text(box.width - PAD - 2, low, NOT_YET, "yet", "end"))
        if unit.side:
            parts.append(text(box.width - PAD, 17, unit.side, "muted", "end"))
        sign = "" if leaf or block else icon(unit.family, PAD, 7.5)
        content = f"<title>{html(unit.whole)}</title>{''.join(parts)}{sign}"
        if first is not None:
            content = link(self.viewer.tape.events[first], Html(content), unit.whole)
        if block:
            content += (f'<g class="toggle" data-block="{html(unit.key)}" aria-label="open {html(unit.name)}">'
                        f'{rectangle("touch", Box(3, 3, 22, box.height - 6), 3)}{icon("block", PAD, 7.5)}</g>')
        style = "block" if block else "leaf" if leaf else "call"
        return Piece(f' class="{style}{"" if visits else " yet never"}" data-e="{numbers(visits)}">{content}</g>',
                     box.x, box.y)

    def wires(self, view: View) -> list[Piece]:
        """Each wire in grey, as the values went; along it the gradient went back, in its colour."""
        found = []
        labelled = set()
        for wire, route in zip(view.wires, view.layout.routes, strict=True):
            x, y = route[0]
            moved = [(a - x, b - y) for a, b in route]
            sources: Sequence[Source] = wire.sources if isinstance(wire, TapeWire) else ()
            given = [source.given for source in sources]
            kind = shade(norm_of(given))
            event = min([source.event for source in sources if source.event is not None and source.given], default=None)
            style = "wire" if event is not None else "wire yet never"
            parts = [f'<g class="{style}" data-e="{"" if event is None else event}"><title>{html(wire.whole)}</title>'
                     f'<path class="way {kind}" d="{rounded(moved)}"/>'
                     f'<path class="head {kind}" d="{arrow_head(moved)}"/></g>']
            net = wire.edge.source, wire.edge.port
            if wire.label and net in view.layout.labels and net not in labelled:
                labelled.add(net)
                box = view.layout.labels[net]
                parts.append(text(box.x - x, box.y + box.height - 2 - y, wire.label, "muted"))
            found.append(Piece(f">{''.join(parts)}</g>", x, y))
        return found


def link(event: dict[str, Any], content: Html, words: str) -> Html:
    return tag("a", content, href="#" + anchor(event), aria_label=f"event {event['number']}: {words}")


def numbers(events: Sequence[int]) -> str:
    return " ".join(map(str, events))
