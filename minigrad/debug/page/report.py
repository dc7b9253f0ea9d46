"""The report of `GradientHealth` over the steps of training, in the tab Health: the verdict first."""

from __future__ import annotations

from typing import Any

from .markup import Html, joined, table, tag
from .numbers import written

DEEP = 6                        # how far a report of another kind is unfolded


def report_of(report: Any) -> Html:
    """What was found, its likely causes and what helps, and the table of the last steps. Another dict is unfolded."""
    verdict = report.get("verdict") if isinstance(report, dict) else None
    if not (isinstance(verdict, dict) and "found" in verdict):
        return scrolled(unfolded(report), "report")
    parts = [tag("p", tag("strong", verdict["found"]))]
    for words, key in (("Likely causes", "causes"), ("What helps", "remedies"), ("Also", "remarks")):
        said = verdict.get(key) or []
        parts += [tag("p", words + ":"), tag("ul", *[tag("li", line) for line in said])] if said else []
    if "table" in report:
        parts.append(scrolled(tag("pre", report["table"], class_="report"), "layers over the steps"))
    return joined(parts)


def scrolled(content: Html, words: str) -> Html:
    """Something that scrolls sideways where it is too wide."""
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=words)


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
