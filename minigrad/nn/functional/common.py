"""What the functions share."""

from __future__ import annotations

from typing import Any
from warnings import warn

from ...meta import Meta
from ...tensor import Tensor, bare


def has_values(x: Any) -> bool:
    return type(bare(x)) is not Meta


def is_symbol(x: Any) -> bool:
    return isinstance(x, Tensor) and type(x.data) is Meta


def reduction_of(name: str, size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that `size_average` and `reduce`, which PyTorch had before it, stand for; without them itself."""
    if size_average is None and reduce is None:
        return reduction
    averaged, reduced = size_average is None or size_average, reduce is None or reduce
    reduction = "mean" if averaged and reduced else "sum" if reduced else "none"
    warn(f"{name}: size_average and reduce are deprecated, write reduction={reduction!r}", stacklevel=4)
    return reduction
