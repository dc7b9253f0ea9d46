"""What losses have in common: how they are reduced, in which precision they are computed, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy

from ..backend import FLOATS, library_of, namespace
from ..op import op
from .elementwise import astype, where
from .logic import less
from .precision import FULL, wide, widened
from .reductions import mean, sum
from .shape import common_shape, fits_into

REDUCTIONS = ("mean", "sum", "none")


def reduced(loss, reduction):
    """All losses, their sum, or their mean; the mean of nothing is NaN."""
    if reduction == "sum":
        return sum(loss)
    return mean(loss) if reduction == "mean" else loss


def averaged(loss, share, reduction):
    """The reduction of losses that count by their shares already: the mean is divided by the sum of these."""
    return sum(loss) / sum(share) if reduction == "mean" else reduced(loss, reduction)


def by_weight(loss, weight, x):
    """Each loss times what it counts; as it is without weights."""
    return loss if weight is None else loss * matched(weight, x)


def class_axis(x):
    """The axis of the classes: of (c,) the only one, of (n, c, ...) the second."""
    return 0 if len(x.shape) == 1 else 1


def matched(target, x):
    """A target in the precision in which the loss of x is computed; integers and booleans become floats."""
    return widened(target) if target.dtype in FULL or wide(target) else astype(target, wide(x) or x.dtype)


def hinge(x):
    """max(0, x), with the whole gradient at 0, as PyTorch's clamp has it."""
    return where(less(x, 0), 0, x)


@op
def at_least(x, low):
    """The larger of x and the number low. The gradient passes as if nothing had been raised."""
    return namespace(x).maximum(x, low)

at_least.gradient(x=lambda g: g)


# --- checks ---------------------------------------------------------------------------------------------------

def described(arrays: dict) -> str:
    """Names and shapes, for messages."""
    return ", ".join([f"{name} {a.shape}" for name, a in arrays.items()])


def check_reduction(name: str, reduction: str, more: tuple[str, ...] = ()) -> None:
    allowed = (*REDUCTIONS, *more)
    if reduction not in allowed:
        raise ValueError(f"{name}: reduction must be {', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}, "
                         f"{reduction!r} came")


def check_arrays(name: str, **arrays: Any) -> None:
    for which, a in arrays.items():
        if not hasattr(a, "shape"):
            raise TypeError(f"{name}: {which} must be a tensor or an array, {type(a).__name__} came")


def check_floats(name: str, **arrays: Any) -> None:
    """An error for arrays of integers or booleans."""
    check_arrays(name, **arrays)
    for which, a in arrays.items():
        if a.dtype.kind not in FLOATS:
            raise TypeError(f"{name}: {which} must be of floating point, it is {a.dtype} ({described(arrays)})")


def check_broadcast(name: str, **arrays: Any) -> None:
    """An error for shapes that do not broadcast."""
    check_arrays(name, **arrays)
    try:
        common_shape(name, arrays.values())
    except ValueError:
        raise ValueError(f"{name}: the shapes do not fit together: {described(arrays)}") from None


def check_into(name: str, shape: tuple[int, ...], **arrays: Any) -> None:
    """An error for arrays, None among them, that do not broadcast to x's shape and no further."""
    for which, a in arrays.items():
        if a is None:
            continue
        check_arrays(name, **{which: a})
        if not fits_into(a.shape, shape):
            raise ValueError(f"{name}: {which} {a.shape} does not broadcast to {shape}, the shape of x")


def check_same_shape(name: str, x: Any, **others: Any) -> None:
    """An error for an array of another shape than x; None is of any."""
    check_arrays(name, x=x)
    for which, a in others.items():
        if a is None:
            continue
        check_arrays(name, **{which: a})
        if a.shape != x.shape:
            raise ValueError(f"{name}: {which} must have the shape of x, {x.shape}; it has {a.shape}")


def check_ranks(name: str, **arrays: Any) -> None:
    """An error for arrays that differ in their number of axes."""
    check_arrays(name, **arrays)
    if len({len(a.shape) for a in arrays.values()}) > 1:
        raise ValueError(f"{name}: all must have as many axes: {described(arrays)}")


def check_classes(name: str, x: Any, target: Any, ignore_index: int | None) -> None:
    """An error for the first target that is no class; on the CPU only, for a GPU would have to be waited for."""
    if library_of(target) != "numpy" or not target.size:
        return
    classes = x.shape[class_axis(x)]
    if target.min() >= 0 and target.max() < classes:
        return
    bad = (target < 0) | (target >= classes)
    if ignore_index is not None:
        bad &= target != ignore_index
    if bad.any():
        at = tuple([int(i) for i in numpy.argwhere(bad)[0]])
        raise ValueError(f"{name}: target{list(at) if at else ''} is {target[at]}, but there are {classes} classes, "
                         f"0 to {classes - 1} (x {x.shape}, target {target.shape})")
