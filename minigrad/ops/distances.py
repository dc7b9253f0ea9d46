"""How far vectors lie apart, and the losses that say how far they shall."""

from __future__ import annotations

from typing import Any

from ..fused import fused
from .elementwise import minimum, sqrt, square, where
from .logic import equal
from .loss_parts import (
    at_least,
    check_arrays,
    check_broadcast,
    check_floats,
    check_ranks,
    check_reduction,
    hinge,
    reduced,
)
from .norms import norm
from .precision import narrowed, widened
from .reductions import sum
from .shape import broadcast_to, common_shape, normalized

__all__ = ["cosine_embedding_loss", "cosine_similarity", "pairwise_distance", "triplet_margin_loss"]

TINY = 1e-12            # what cosine_embedding_loss adds to the square of a length


@fused
def cosine_similarity(x1, x2, axis=1, eps=1e-8):
    """The cosine of the angle between vectors, which lie along `axis` of the shape to which x1 and x2 broadcast.

    x1, x2 broadcast   ->   their common shape without the axis
    sum(x1 / max(|x1|, eps) * x2 / max(|x2|, eps)). Where a length is below eps, the gradient is that of a length which
    was not raised, and 0 at length 0. Raises ValueError for shapes that do not fit, TypeError for integers.
    """
    shape = common_shape("cosine_similarity", (x1, x2))
    axis = normalized(axis, len(shape)) if shape else None
    product = 1
    for x in (x1, x2):
        wide = broadcast_to(widened(x), shape)
        product = product * (wide / at_least(norm(wide, 2, axis, True), eps))
    return narrowed(sum(product, axis), x1)

cosine_similarity.rules(
    x1="gx1 = g / |x1| * (u2 - y * u1), where u1 = x1 / |x1| and u2 = x2 / |x2|",
    x2="gx2 = g / |x2| * (u1 - y * u2)",
)


@fused
def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdims=False):
    """The p-norm of x1 - x2 + eps over the last axis.

    x1, x2 (..., d), broadcast   ->   (...), or (..., 1) with keepdims
    p: any number, inf and -inf. The gradient at a difference of 0 is 0; where several are largest they share it. Raises
    ValueError for shapes that do not fit, TypeError for integers.
    """
    return narrowed(distance(widened(x1), widened(x2), p, eps, keepdims), x1)

pairwise_distance.rules(
    x1="gx1 = g * d * |d|^(p - 2) / y^(p - 1), where d = x1 - x2 + eps",
    x2="gx2 = -gx1",
)


@fused
def cosine_embedding_loss(x1, x2, target, margin=0.0, reduction="mean"):
    """1 - cos(x1, x2) where target is 1, max(0, cos(x1, x2) - margin) where it is -1, else 0.

    x1, x2 (n, d), target (n,), all broadcast; or x1, x2 (d,), target ()
    ->   () for reduction "mean" or "sum", the common shape without d for "none"
    1e-12 is added to the squares of the lengths. Raises ValueError for other shapes, TypeError for integers.
    """
    wide1, wide2 = widened(x1), widened(x2)
    lengths = sqrt((sum(square(wide1), -1) + TINY) * (sum(square(wide2), -1) + TINY))
    cosine = sum(wide1 * wide2, -1) / lengths
    loss = where(equal(target, 1), 1 - cosine, 0) + where(equal(target, -1), hinge(cosine - margin), 0)
    return narrowed(reduced(loss, reduction), x1)

cosine_embedding_loss.rules(
    x1="gx1 = -g / n * gcos where target is 1, g / n * gcos where it is -1 and cos >= margin: "
       "gcos = (u2 - cos * u1) / |x1|, u1 = x1 / |x1|, u2 = x2 / |x2|",
    x2="gx2: the same with x1 and x2 exchanged",
)


@fused
def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
    """max(0, margin + |anchor - positive| - |anchor - negative|), distances as in `pairwise_distance`.

    anchor, positive, negative (..., d) of as many axes, broadcast
    ->   () for reduction "mean" or "sum", (...) for "none"
    swap: |positive - negative| takes the place of |anchor - negative| where it is smaller. Raises ValueError for a
    margin that is not positive and for shapes that do not fit, TypeError for integers. Balntas et al. 2016.
    """
    wide = [widened(x) for x in (anchor, positive, negative)]
    near = distance(wide[0], wide[1], p, eps, False)
    far = distance(wide[0], wide[2], p, eps, False)
    if swap:
        far = minimum(far, distance(wide[1], wide[2], p, eps, False))
    return narrowed(reduced(hinge(margin + near - far), reduction), anchor)

triplet_margin_loss.rules(
    anchor="ganchor = g / n * (u(anchor - positive) - u(anchor - negative)) where it is not 0, u(d) = d / |d|",
    positive="gpositive = -g / n * u(anchor - positive) where the loss is not 0",
    negative="gnegative = g / n * u(anchor - negative) where the loss is not 0",
)


def distance(x1, x2, p, eps, keepdims):
    """The p-norm of x1 - x2 + eps over the last axis; of numbers the absolute value."""
    difference = x1 - x2 + eps
    return norm(difference, p, -1 if difference.shape else None, keepdims)


# --- checks ---------------------------------------------------------------------------------------------------

def check_cosine_similarity(x1, x2, axis, eps):
    """Errors for arguments that do not fit together."""
    check_pair("cosine_similarity", x1, x2)
    ndim = max(len(x1.shape), len(x2.shape))
    if not -(ndim or 1) <= axis < (ndim or 1):                              # a number counts as having one axis
        raise IndexError(f"cosine_similarity: axis {axis} is out of bounds for {ndim} axes "
                         f"(x1 {x1.shape}, x2 {x2.shape})")


def check_pair(name: str, x1: Any, x2: Any) -> None:
    """Errors for arrays of integers, and for shapes that do not broadcast."""
    check_floats(name, x1=x1, x2=x2)
    check_broadcast(name, x1=x1, x2=x2)


def check_cosine_embedding_loss(x1, x2, target, margin, reduction):
    """Errors for arguments that do not fit together."""
    name = "cosine_embedding_loss"
    check_reduction(name, reduction)
    check_pair(name, x1, x2)
    check_arrays(name, target=target)
    ndim = len(target.shape)
    shapes = f"(x1 {x1.shape}, x2 {x2.shape}, target {target.shape})"
    if ndim > 1 or len(x1.shape) != ndim + 1 or len(x2.shape) != ndim + 1:
        raise ValueError(f"{name}: expected x1, x2 (n, d) and target (n,), or x1, x2 (d,) and target () {shapes}")
    rows = common_shape(name, (x1, x2))[:-1]
    if 1 not in (*rows, *target.shape) and rows != target.shape:
        raise ValueError(f"{name}: target must be {rows}, one for each pair {shapes}")


def check_triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction):
    """Errors for arguments that do not fit together."""
    name = "triplet_margin_loss"
    check_reduction(name, reduction)
    if margin <= 0:
        raise ValueError(f"{name}: margin must be greater than 0, {margin} came")
    check_floats(name, anchor=anchor, positive=positive, negative=negative)
    check_ranks(name, anchor=anchor, positive=positive, negative=negative)
    check_broadcast(name, anchor=anchor, positive=positive, negative=negative)


cosine_similarity.checked_by(check_cosine_similarity)
pairwise_distance.checked_by(lambda x1, x2, p, eps, keepdims: check_pair("pairwise_distance", x1, x2))
cosine_embedding_loss.checked_by(check_cosine_embedding_loss)
triplet_margin_loss.checked_by(check_triplet_margin_loss)
