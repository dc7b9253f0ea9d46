"""What the functions share."""

from __future__ import annotations

from typing import Any
from warnings import warn

from ...meta import Meta
from ...tensor import Tensor, bare

ENDLESS = 1_000_000             # steps that no sequence has: it is a graph's batch that stands where the steps should


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


def check_not_along_batch(who: str, x: Any, steps: Any) -> None:
    """ValueError for a sequence on a symbol whose steps are the batch, which is long beyond all sequences there."""
    if type(bare(x)) is Meta and steps > ENDLESS:
        raise ValueError(f"{who}: on a symbol the first axis is the batch's, the sequence would go along it: make the "
                         f"layer with batch_first=True, or permute the axes (input {x.shape})")
