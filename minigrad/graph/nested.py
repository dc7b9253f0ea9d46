"""Values inside tuples, lists, dicts and slices: the arguments of a node, the outputs of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def mapped(x: Any, f: Callable[[Any], Any]) -> Any:
    """The same structure with f(leaf) in place of every leaf. Named tuples and other subclasses are leaves."""
    if type(x) in (tuple, list):
        return type(x)([mapped(part, f) for part in x])
    if type(x) is dict:
        return {key: mapped(part, f) for key, part in x.items()}
    if type(x) is slice:
        return slice(mapped(x.start, f), mapped(x.stop, f), mapped(x.step, f))
    return f(x)


def leaves(x: Any) -> list:
    """The single ones of a value, a tuple, a list, a dict or a slice, in order."""
    if isinstance(x, dict):
        return [leaf for part in x.values() for leaf in leaves(part)]
    if isinstance(x, (tuple, list)):
        return [leaf for part in x for leaf in leaves(part)]
    return leaves((x.start, x.stop, x.step)) if type(x) is slice else [x]
