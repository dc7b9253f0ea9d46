"""What containers do alike: indices that count from the end, names that are there, values from a mapping or pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import index as whole
from typing import Any


def place(who: Any, index: Any, size: int, what: str = "modules", end: int = 0) -> int:
    """An index from 0 on, of one that may count from the end; IndexError outside of -size .. size - 1 + end."""
    if not -size <= whole(index) < size + end:
        raise IndexError(f"{type(who).__name__}: index {index}, but it holds {size} {what}")
    return whole(index) + size * (index < 0)


def update(holder: Any, pairs: Any) -> None:
    """holder[name] = value, of a mapping (also another holder) or of (name, value) pairs."""
    if not isinstance(pairs, Iterable):
        raise TypeError(f"{type(holder).__name__}: update takes a mapping or (name, value) pairs, "
                        f"{type(pairs).__name__} came")
    for pair in pairs.items() if hasattr(pairs, "items") else pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"{type(holder).__name__}: update takes (name, value) pairs, {pair!r} came")
        holder[pair[0]] = pair[1]


def value_of(holder: Any, values: Mapping[str, Any], key: str) -> Any:
    if key not in values:
        raise KeyError(f"{type(holder).__name__} has no {key!r}; there are {', '.join(values) or 'none'}")
    return values[key]
