"""How a summary looks: as text that fits a width, as Markdown, HTML and comma-separated values."""

from __future__ import annotations

import csv as csv_format
from collections.abc import Collection, Sequence
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .summary import Row, Summary

UNKNOWN = "-"
NUMBERS = ("parameters", "multiplications", "receptive field", "memory", "params", "mults", "RF", "bytes")


# --- text -------------------------------------------------------------------------------------------------------

def text(summary: Summary, width: int | None) -> str:
    """The richest of the layouts that fits the width; the narrowest if none does."""
    tries = [lambda: lines_of(wide(summary.rows)),
             lambda: lines_of(narrow(summary.rows)),
             lambda: lines_of(narrow(summary.rows), grouped=True),
             lambda: lines_of(narrow(summary.rows, inputs=False), grouped=True),
             lambda: lines_of(narrow(summary.rows, inputs=False), grouped=True, gap=1)]
    for make in tries:
        lines = make()
        if width is None or max(map(len, lines)) <= width:
            break
    return "\n".join([*lines, *totals(summary)])


def wide(rows: Sequence[Row]) -> list[list[str]]:
    """All columns, under their whole names."""
    heads = ["name", "kind", "input -> output", "window", "parameters", "multiplications", "receptive field", "memory"]
    return [heads, *[[row.name, row.kind, change(row), str(row.window or ""), f"{row.parameters:,}",
                      number(row.multiplications), field(row.receptive_field), human(row.memory)] for row in rows]]


def narrow(rows: Sequence[Row], inputs: bool = True) -> list[list[str]]:
    """The window beside the kind, and short names."""
    heads = ["name", "layer", "input -> output" if inputs else "output", "params", "mults", "RF", "bytes"]
    return [heads, *[[row.name, f"{row.kind} {row.window or ''}".rstrip(), change(row) if inputs else outputs(row),
                      f"{row.parameters:,}", number(row.multiplications), field(row.receptive_field),
                      human(row.memory, short=True)] for row in rows]]


def lines_of(cells: list[list[str]], grouped: bool = False, gap: int = 2,
             numbers: Collection[str] = NUMBERS) -> list[str]:
    """Cells, heads first, as aligned lines between rules; grouped: names without the prefix, which stands above.

    numbers: the heads, the last of all, whose columns stand to the right.
    """
    heads, *rows = cells
    headings: dict[int, str] = {}
    if grouped:
        rows, headings = in_groups(rows)
    texts = sum([head not in numbers for head in heads])
    widths = [max([len(row[i]) for row in [heads, *rows]]) for i in range(len(heads))]

    def line(row: list[str]) -> str:
        return (" " * gap).join([cell.ljust(w) if i < texts else cell.rjust(w)
                                 for i, (cell, w) in enumerate(zip(row, widths, strict=True))]).rstrip()

    rule = "-" * (sum(widths) + gap * (len(widths) - 1))
    body = [part for i, row in enumerate(rows) for part in ([headings[i]] if i in headings else []) + [line(row)]]
    return [line(heads), rule, *body, rule]


def head_of_number(head: str) -> bool:
    return head in NUMBERS


def in_groups(rows: list[list[str]]) -> tuple[list[list[str]], dict[int, str]]:
    """The rows with names that lack the prefix of their group, indented; and before which rows which prefix stands."""
    group, shown, headings = "", [], {}
    for i, (name, *rest) in enumerate(rows):
        if not name.startswith(f"{group}.") or not group:
            prefix = name.rpartition(".")[0]
            if prefix and prefix != group:
                headings[i] = prefix
            group = prefix
        shown.append([f"  {name[len(group) + 1:]}" if group else name, *rest])
    return shown, headings


def totals(summary: Summary) -> list[str]:
    """The lines below a table."""
    rows, frozen = summary.rows, summary.parameters - summary.trainable
    trainable = "all trainable" if not frozen else f"{summary.trainable:,} of them trainable"
    some = "at least " if any([row.multiplications is None for row in rows]) else ""
    lines = [f"total  {summary.parameters:,} parameters, {trainable}, {human(summary.parameter_bytes)}",
             f"       {some}{summary.multiplications:,} multiplications for one example",
             f"       {some and 'at least '}{human(summary.memory)} of outputs for one example"]
    if any([None in shape for row in rows for shape in row.output_shapes]):
        lines[1:] = ["       ? is an axis that is left open: with the shape of an example, as in "
                     "summary((3, 64, 64)),", "       multiplications and memory are known"]
    return lines + ([summary.error] if summary.error else [])


# --- cells ------------------------------------------------------------------------------------------------------

def change(row: Row) -> str:
    """6x28x28 -> 6x14x14; one shape if it stays the same, "2 inputs -> ..." for those of different shapes."""
    shapes, out = list(dict.fromkeys(row.input_shapes)), outputs(row)
    taken = f"{len(row.input_shapes)} inputs" if len(shapes) > 1 else "".join([shape_text(shape) for shape in shapes])
    return out if taken in ("", out) else f"{taken} -> {out}"


def outputs(row: Row) -> str:
    return ", ".join([shape_text(shape) for shape in row.output_shapes]) or "?"


def shape_text(shape: Sequence[Any]) -> str:
    """Of one example: ("n", 6, 28, 28) is 6x28x28; what has not the batch in front is in brackets."""
    if shape[:1] == ("n",):
        return product(shape[1:]) if len(shape) > 1 else "1"
    return f"[{product(shape)}]"


def product(numbers: Sequence[Any], once: bool = False) -> str:
    """5x5; once: equal numbers are one."""
    several = numbers[:1] if once and len(set(numbers)) == 1 else numbers
    return "x".join(["?" if n is None else str(n) for n in several])


def field(sizes: Sequence[Any] | None) -> str:
    """14 of a square, 5x3 of another; "all"."""
    return UNKNOWN if sizes is None else product(sizes, once=True)


def number(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def human(size: int | None, short: bool = False) -> str:
    """18816 is 18.4 KiB; short: 18.4K."""
    if size is None:
        return UNKNOWN
    value, unit = float(size), ""
    for larger in ("K", "M", "G", "T"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    digits = f"{value:.0f}" if not unit or value >= 99.95 else f"{value:.1f}"
    return digits + unit if short else f"{digits} {unit}iB" if unit else f"{digits} B"


# --- other formats ----------------------------------------------------------------------------------------------

def with_total(summary: Summary) -> list[list[str]]:
    cells = wide(summary.rows)
    total = ["total", "", "", "", f"{summary.parameters:,}", f"{summary.multiplications:,}", "", human(summary.memory)]
    return [*cells, total]


def markdown(summary: Summary) -> str:
    """A table with the totals in its last row."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in with_total(summary)]
    cells[-1] = [f"**{cell}**" if cell else "" for cell in cells[-1]]
    widths = [max([len(row[i]) for row in cells]) for i in range(len(cells[0]))]
    right = [head_of_number(head) for head in cells[0]]
    lines = ["| " + " | ".join([cell.rjust(w) if r else cell.ljust(w)
                                for cell, w, r in zip(row, widths, right, strict=True)]) + " |" for row in cells]
    rule = "| " + " | ".join(["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]) + " |"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def html(summary: Summary) -> str:
    """What a notebook shows."""
    heads, *rows = with_total(summary)
    aligned = [f' style="text-align: {"right" if head_of_number(head) else "left"}"' for head in heads]

    def line(row: list[str], tag: str) -> str:
        return "<tr>" + "".join([f"<{tag}{style}>{escape(cell)}</{tag}>"
                                 for cell, style in zip(row, aligned, strict=True)]) + "</tr>"

    body = [line(row, "td") for row in rows[:-1]] + [line(rows[-1], "th")]
    below = f"<pre>{escape(summary.error)}</pre>" if summary.error else ""
    return f"<table><thead>{line(heads, 'th')}</thead><tbody>{''.join(body)}</tbody></table>{below}"


def csv(summary: Summary) -> str:
    """A line a node, one of heads, and one of totals; lists as 5x5, what is not known or does not apply empty."""
    content = summary.to_dict()
    heads = list(content["nodes"][0])
    total = {"name": "total", **content["total"]}
    out = StringIO()
    writer = csv_format.writer(out, lineterminator="\n")
    writer.writerow(heads)
    for values in [*content["nodes"], total]:
        writer.writerow([plain(head, values.get(head)) for head in heads])
    return out.getvalue()


def plain(head: str, value: Any) -> Any:
    if head.endswith("shapes") and value is not None:
        return " ".join([product(shape) for shape in value])
    return " ".join(value) if head == "inputs" and value else product([whole(n) for n in value]) \
        if isinstance(value, list) else value


def whole(n: Any) -> Any:
    return int(n) if isinstance(n, float) and n.is_integer() else n
