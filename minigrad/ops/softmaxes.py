"""Softmax, its logarithm, and the loss made of it."""

from __future__ import annotations

import numpy

from ..backend import library_of
from ..fused import fused
from .elementwise import astype, copy, exp, log, where
from .kernels import kernel
from .logic import not_equal
from .reductions import max, mean, narrowed, sum, widened
from .shape import expand_dims, reshape, take, take_along_axis

__all__ = ["cross_entropy", "log_softmax", "softmax"]


@fused
def softmax(x, axis=-1):
    """e^x over its sum along `axis`: positive, and adding up to 1.   x any shape   ->   y like x"""
    if 0 in x.shape:
        return copy(x)                                                      # nothing has no largest element
    wide = widened(x)
    e = exp(wide - max(wide, axis, True))                                   # the largest is e^0: nothing overflows
    return narrowed(e / sum(e, axis, True), x)

softmax.rules(x="gx = y * (g - sum(g * y)), sums along the axis")
kernel(softmax, "numpy", "softmax")


@fused
def log_softmax(x, axis=-1):
    """The logarithm of softmax, without rounding small probabilities to 0.   x any shape   ->   y like x"""
    if 0 in x.shape:
        return copy(x)
    wide = widened(x)
    below = wide - max(wide, axis, True)
    return narrowed(below - log(sum(exp(below), axis, True)), x)

log_softmax.rules(x="gx = g - softmax(x) * sum(g), the sum along the axis")
kernel(log_softmax, "numpy", "softmax")


@fused
def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-log softmax(x)[target].

    x (n, c), (c,) or (n, c, d1, ...)   target: class indices, x's shape without the c axis   weight (c,)
    ->   () for reduction "mean" (divided by the sum of the targets' weights) or "sum", like target for "none"
    Targets equal to ignore_index count nothing; if all are, the mean is NaN and its gradient 0. With label_smoothing s
    the target distribution is (1 - s) on the target and s/c on every class (Szegedy et al. 2015, section 7).
    Raises TypeError for targets that are no integers; ValueError for another shape, an unknown reduction and, on the
    CPU, for a class out of range.
    """
    axis = 0 if len(x.shape) == 1 else 1
    logp = log_softmax(widened(x), axis)
    valid = not_equal(target, ignore_index)
    safe = where(valid, target, 0)
    share = astype(valid, logp.dtype)                                       # what each target counts
    if weight is not None:
        share = share * take(weight, safe)
    loss = -reshape(take_along_axis(logp, expand_dims(safe, axis), axis), target.shape) * share
    if label_smoothing:
        classes = (x.shape[axis],) + (1,) * (len(x.shape) - axis - 1)
        every = logp if weight is None else logp * reshape(weight, classes)
        loss = loss * (1 - label_smoothing) - mean(every, axis) * label_smoothing       # -sum over classes / c
    loss = where(valid, loss, 0)                                            # nothing goes back to what is ignored
    if reduction != "none":
        loss = sum(loss) if reduction == "sum" else sum(loss) / sum(share)
    return narrowed(loss, x)

cross_entropy.rules(
    x="gx = g / n * (softmax(x) - onehot(target)) for n targets of equal weight and reduction 'mean'",
    weight="gweight: the losses of each class, less their part in the mean",
)

def check_cross_entropy(x, target, weight, ignore_index, reduction, label_smoothing):
    """Errors for arguments that do not fit together."""
    shapes = f"(x {x.shape}, target {target.shape})"
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"cross_entropy: reduction must be 'mean', 'sum' or 'none', {reduction!r} came")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1], {label_smoothing} came")
    if not x.shape:
        raise ValueError(f"cross_entropy: x needs an axis of classes {shapes}")
    expected = x.shape[1:] if len(x.shape) == 1 else x.shape[:1] + x.shape[2:]
    if target.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: target must be integer class indices, it is {target.dtype} {shapes}")
    if target.shape != expected:
        raise ValueError(f"cross_entropy: target must be {expected}, x's shape without its classes {shapes}")
    classes = x.shape[0 if len(x.shape) == 1 else 1]
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"cross_entropy: weight must be ({classes},), one for each class, it is {weight.shape} "
                         f"{shapes}")
    check_classes(x, target, ignore_index)


def check_classes(x, target, ignore_index):
    """An error for the first target that is no class."""
    if library_of(target) != "numpy" or target.dtype.kind not in "iu" or not len(x.shape) or not target.size:
        return
    classes = x.shape[0 if len(x.shape) == 1 else 1]
    if target.min() >= 0 and target.max() < classes:
        return
    bad = (target != ignore_index) & ((target < 0) | (target >= classes))
    if bad.any():
        at = tuple(int(i) for i in numpy.argwhere(bad)[0])
        raise ValueError(f"cross_entropy: target{list(at) if at else ''} is {target[at]}, but there are {classes} "
                         f"classes, 0 to {classes - 1} (x {x.shape}, target {target.shape})")


cross_entropy.checked_by(check_cross_entropy)
kernel(cross_entropy, "numpy", "softmax")
