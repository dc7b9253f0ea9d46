"""The losses of classification."""

from __future__ import annotations

from typing import Any

from ..backend import FLOATS
from ..fused import fused
from ..misuse import check_ints
from .elementwise import astype, where
from .indexing import take, take_along_axis
from .kernels import kernel
from .logic import not_equal
from .loss_parts import averaged, check_arrays, check_classes, check_floats, check_reduction, class_axis, matched
from .precision import narrowed, widened
from .reductions import mean, sum
from .shape import expand_dims, reshape
from .softmaxes import log_softmax

__all__ = ["cross_entropy", "nll_loss"]


@fused
def nll_loss(x, target, weight=None, ignore_index=-100, reduction="mean"):
    """-x[target], for x the logarithms of probabilities.

    x (n, c), (c,) or (n, c, d1, ...)   target: class indices, x's shape without the c axis   weight (c,)
    ->   () for reduction "mean" (divided by the sum of the targets' weights) or "sum", like target for "none"
    Targets equal to ignore_index count nothing; if all are, the mean is NaN and its gradient 0. Raises TypeError for
    targets that are no integers; ValueError for another shape and, on the CPU, for a class out of range.
    """
    valid, share = shares_of(widened(x), target, weight, ignore_index)
    loss = where(valid, picked(widened(x), target, valid) * share, 0)
    return narrowed(averaged(loss, share, reduction), x)

nll_loss.rules(
    x="gx = -g / n at the targets, for n targets of equal weight and reduction 'mean', and 0 elsewhere",
    weight="gweight: the losses of each class, less their part in the mean",
)


@fused
def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-log softmax(x)[target], or the sum of -target * log softmax(x) over the classes.

    x (n, c), (c,) or (n, c, d1, ...)   target: class indices, x's shape without the c axis, or the classes'
    probabilities, x's shape   weight (c,)
    ->   () for reduction "mean" or "sum", x's shape without the c axis for "none"
    The mean is divided by the sum of the targets' weights, or (probabilities) by their number. Targets equal to
    ignore_index count nothing; if all are, the mean is NaN and its gradient 0. With label_smoothing s the target
    distribution is (1 - s) times itself and s/c more on every class (Szegedy et al. 2015, section 7).
    Raises TypeError for a target that is neither; ValueError for another shape, an ignore_index that is not negative
    beside probabilities, an unknown reduction and, on the CPU, for a class out of range.
    """
    axis = class_axis(x)
    logp = log_softmax(widened(x), axis)
    every = logp                                                            # weighted, for classes without a target
    if weight is not None:
        every = logp * reshape(matched(weight, x), (x.shape[axis],) + (1,) * (len(x.shape) - axis - 1))
    if len(target.shape) == len(x.shape):
        return narrowed(expected_loss(every, widened(target), axis, reduction, label_smoothing), x)
    valid, share = shares_of(logp, target, weight, ignore_index)
    loss = picked(logp, target, valid) * share
    if label_smoothing:
        loss = loss * (1 - label_smoothing) - mean(every, axis) * label_smoothing       # -sum over classes / c
    return narrowed(averaged(where(valid, loss, 0), share, reduction), x)   # nothing goes back to what is ignored

cross_entropy.rules(
    x="gx = g / n * (softmax(x) - onehot(target)) for n targets of equal weight and reduction 'mean'",
    target="gtarget = -g / n * log softmax(x), for probabilities, n of them and reduction 'mean'",
    weight="gweight: the losses of each class, less their part in the mean",
)
kernel(cross_entropy, "numpy", "softmax")


def shares_of(logp, target, weight, ignore_index):
    """Which targets are not to be ignored, and what each of them counts."""
    valid = not_equal(target, ignore_index)
    share = astype(valid, logp.dtype)
    return valid, share if weight is None else share * take(matched(weight, logp), where(valid, target, 0))


def picked(logp, target, valid):
    """-logp[target], and something in place of what is ignored."""
    axis = class_axis(logp)
    safe = where(valid, target, 0)
    return -reshape(take_along_axis(logp, expand_dims(safe, axis), axis), target.shape)


def expected_loss(logp, target, axis, reduction, label_smoothing):
    """The sum of -target * logp over the classes."""
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / (logp.shape[axis] or 1)
    loss = -(target * logp)
    if reduction == "mean":
        return mean(loss) * logp.shape[axis]                                # over all but the classes
    return sum(loss, axis) if reduction == "none" else sum(loss)


# --- checks ---------------------------------------------------------------------------------------------------

def check_indices(name: str, x: Any, target: Any, ignore_index: int, otherwise: str = "") -> None:
    """Errors for a target that is not a class index for each sample of x."""
    check_ints(name, ignore_index=ignore_index)
    shapes = f"(x {x.shape}, target {target.shape})"
    expected = x.shape[:class_axis(x)] + x.shape[class_axis(x) + 1:]
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: target must be integer class indices{otherwise}, it is {target.dtype} {shapes}")
    if target.shape != expected:
        raise ValueError(f"{name}: target must be {expected}, x's shape without its classes{otherwise} {shapes}")
    check_classes(name, x, target, ignore_index)


def check_scores(name: str, x: Any, target: Any, weight: Any) -> None:
    """Errors for x without classes, and weights that are not one for each."""
    check_floats(name, x=x)
    check_arrays(name, target=target)
    shapes = f"(x {x.shape}, target {target.shape})"
    if not x.shape:
        raise ValueError(f"{name}: x needs an axis of classes {shapes}")
    classes = x.shape[class_axis(x)]
    if weight is not None and getattr(weight, "shape", None) != (classes,):
        raise ValueError(f"{name}: weight must be ({classes},), one for each class, it is "
                         f"{getattr(weight, 'shape', weight)} {shapes}")


def check_nll_loss(x, target, weight, ignore_index, reduction):
    """Errors for arguments that do not fit together."""
    check_reduction("nll_loss", reduction)
    check_scores("nll_loss", x, target, weight)
    check_indices("nll_loss", x, target, ignore_index)


def check_cross_entropy(x, target, weight, ignore_index, reduction, label_smoothing):
    """Errors for arguments that do not fit together."""
    check_reduction("cross_entropy", reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1], {label_smoothing} came")
    check_scores("cross_entropy", x, target, weight)
    if target.shape != x.shape:
        check_indices("cross_entropy", x, target, ignore_index, f", or probabilities {x.shape}")
    elif target.dtype.kind not in FLOATS:
        raise TypeError(f"cross_entropy: a target of x's shape {x.shape} holds probabilities and must be of floating "
                        f"point, it is {target.dtype}; class indices lack the axis of classes")
    elif ignore_index >= 0:
        raise ValueError(f"cross_entropy: ignore_index {ignore_index} is for class indices, but target {target.shape} "
                         "holds probabilities")


nll_loss.checked_by(check_nll_loss)
cross_entropy.checked_by(check_cross_entropy)
