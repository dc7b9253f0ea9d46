"""Functions of class indices."""

from __future__ import annotations

from typing import Any

from ... import ops

__all__ = ["one_hot"]


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """1 at the class, 0 elsewhere: integers (...) -> int64 (..., num_classes), by default as many as tensor shows."""
    return ops.one_hot(tensor, num_classes)
