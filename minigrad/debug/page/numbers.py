"""Numbers of a trace's JSON in words, and the colour class of a norm."""

from __future__ import annotations

from math import floor, hypot, isfinite, log10, nan, prod
from typing import Any

from ..glance import number

LOWEST, HIGHEST = -8, 3         # decades with a colour of their own; what is smaller or larger has that of the end


def real(x: Any) -> float:
    """A number of the JSON, which has "nan", "inf" and "-inf" as words."""
    return float(x)


def written(x: Any) -> str:
    """Four significant digits."""
    return number(real(x))


def not_finite(seen: dict[str, Any]) -> str:
    """`3 nan and 1 inf`; "" if all is finite."""
    return " and ".join([f"{seen[key]} {word}" for key, word in (("nans", "nan"), ("infs", "inf")) if seen[key]])


def brief(seen: dict[str, Any], name: str = "g") -> str:
    """`|g| 0.478`, of a single number `g -2`; what is not finite is counted."""
    if prod(seen["shape"]) == 1:
        return f"{name} {written(first(seen['corner']))}"
    return f"|{name}| {not_finite(seen) or written(seen['norm'])}"


def first(corner: Any) -> Any:
    while isinstance(corner, list):
        corner = corner[0]
    return corner


def norm_of(seen: list[dict[str, Any] | None]) -> float | None:
    """The norm of several gradients together, nan if any is not finite; None where there are none."""
    norms = [nan if not_finite(each) else real(each["norm"]) for each in seen if each]
    return hypot(*norms) if norms else None


def event_norm(event: dict[str, Any]) -> float | None:
    """What the timeline shows of an event: the norm of what arrived, or, where broadcasting was undone, of what is
    left."""
    return norm_of(event["arrived"] or (list(event["given"].values()) if event["kind"] == "unbroadcast" else []))


def shade(norm: float | None) -> str:
    """The class of a norm's colour: one for each decade, one for zero, one for what is not finite."""
    if norm is None:
        return ""
    if not isfinite(norm):
        return "bad"
    if norm == 0:
        return "zero"
    return f"h{min(max(floor(log10(norm)), LOWEST), HIGHEST) - LOWEST}"


def spell(shape: Any) -> str:
    """(4, 10); the shapes of several outputs one after the other."""
    if shape and isinstance(shape[0], list):
        return " ".join([spell(part) for part in shape])
    return str(tuple(shape))


def rounded(value: Any, digits: int = 5) -> Any:
    """All floats in a JSON value with so many significant digits."""
    if isinstance(value, dict):
        return {key: rounded(part, digits) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part, digits) for part in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value
