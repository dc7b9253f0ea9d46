"""Reading a batch of scores and class numbers, whatever their form, and saying what is wrong with them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

from ...backend import FLOATS, Array, device_of, is_array, library_of, namespace, to_device
from ...tensor import bare

FAR = 1e4                       # floats that large are no classes


class Batch(NamedTuple):
    """What every counting metric begins with. Arrays of one device."""

    scores: Array               # (n, c, *places); of two classes told by one score (n, *places)
    labels: Array               # (n, *places) int64; where it is not known something from 0 to classes - 1
    known: Array                # (n, *places) bool: whether there is a class at all
    strays: Array               # () how many are neither ignored nor a class
    classes: int
    binary: bool


def read(who: str, outputs: Any, targets: Any, ignore_index: int | None) -> Batch:
    """Check and sort out what came."""
    scores, labels = arrays(who, outputs, targets)
    shapes = f"(outputs {scores.shape}, targets {labels.shape})"
    binary = scores.ndim == 1 or scores.ndim > 1 and scores.shape[1] == 1
    if binary and scores.ndim > 1:
        labels = labels[:, 0] if labels.shape == scores.shape else labels
        scores = scores[:, 0]
    expected = scores.shape if binary else scores.shape[:1] + scores.shape[2:]
    if scores.ndim == 0 or scores.ndim > 1 and scores.shape[1] == 0 and not binary:
        raise ValueError(f"{who}: outputs must be scores (n, c) or (n, c, ...), or one for each of n {shapes}")
    if labels.shape != expected:
        cure = "; targets.argmax(1) makes numbers of one-hot targets" if labels.shape == scores.shape else ""
        raise ValueError(f"{who}: targets must be {expected}, a class for each {shapes}{cure}")
    if labels.dtype.kind not in "iub" and not (binary and labels.dtype.kind in FLOATS):
        raise TypeError(f"{who}: targets must be the numbers of the classes, ints, {labels.dtype} came {shapes}")
    xp, classes = namespace(scores), 2 if binary else scores.shape[1]
    if labels.dtype.kind in FLOATS:                     # smoothed ones are rounded; nan is no class
        labels = xp.rint(xp.where(xp.abs(labels) < FAR, labels, -FAR))
    labels = labels.astype("int64")
    known = (labels >= 0) & (labels < classes)
    counted = ~known if ignore_index is None else ~known & (labels != ignore_index)
    strays = counted.sum(dtype="int64")
    if ignore_index is not None:
        known &= labels != ignore_index
    if library_of(scores) == "numpy" and strays:        # on a GPU `compute` says it: asking now would wait
        raise ValueError(stray(who, int(strays), f"{classes - 1}", f", {labels[counted][0]} is one {shapes}"))
    return Batch(scores, xp.where(known, labels, 0), known, strays, classes, binary)


def arrays(who: str, outputs: Any, targets: Any) -> tuple[Array, Array]:
    """The two as arrays of one device; lists, and targets as NumPy arrays, are taken there."""
    if isinstance(outputs, (dict, tuple)):
        raise TypeError(f"{who}: outputs must be one tensor, a {type(outputs).__name__} came: choose one, by name in "
                        "fit(metrics={name: ...})")
    scores, labels = bare(outputs), bare(targets)
    labels = numpy.asarray(labels) if isinstance(labels, list) else labels
    for name, x in ("outputs", scores), ("targets", labels):
        if not is_array(x):
            raise TypeError(f"{who}: {name} must be a tensor or an array, {type(x).__name__} came")
    if scores.dtype.kind not in FLOATS:
        raise TypeError(f"{who}: outputs must be scores, floating-point numbers, {scores.dtype} came "
                        f"(outputs {scores.shape}, targets {labels.shape})")
    if library_of(labels) == "numpy":
        labels = to_device(labels, device_of(scores))
    if device_of(labels) != device_of(scores):
        raise TypeError(f"{who}: outputs are on {device_of(scores)}, targets on {device_of(labels)}; "
                        f"targets.to({device_of(scores)!r}) mends it")
    return scores, labels


def stray(who: str, count: int, last: str = "c - 1", more: str = "") -> str:
    """What to say of targets that are no class."""
    return (f"{who}: {count} {'targets are' if count > 1 else 'target is'} not among the classes 0 to {last}{more}; "
            "ignore_index=... leaves out what means no class")


def predicted(batch: Batch, threshold: float) -> Array:
    """The class with the highest score, of equal ones the first; of one score, whether it is above the threshold."""
    if batch.binary:
        return (batch.scores > threshold).astype("int64")
    return namespace(batch.scores).argmax(batch.scores, 1)
