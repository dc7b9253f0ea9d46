"""How losses are reduced, in PyTorch's older words too."""

from __future__ import annotations

from warnings import warn


def reduction_of(name: str, size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that `size_average` and `reduce`, which PyTorch had before it, stand for; without them itself."""
    if size_average is None and reduce is None:
        return reduction
    averaged, reduced = size_average is None or size_average, reduce is None or reduce
    reduction = "mean" if averaged and reduced else "sum" if reduced else "none"
    warn(f"{name}: size_average and reduce are deprecated, write reduction={reduction!r}", stacklevel=3)
    return reduction
