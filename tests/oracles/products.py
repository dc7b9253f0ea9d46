"""Oracles of outer, dot, inner, vecdot and tensordot: one multiplication at a time."""

import math

import numpy as np

from .shape import build


def tensordot(a, b, axes=2):
    """The sum over all positions on the paired axes, for every position on the others."""
    if isinstance(axes, int):
        axes = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    left, right = ([i % x.ndim for i in ([part] if isinstance(part, int) else part)]
                   for part, x in zip(axes, (a, b), strict=True))
    rows, columns = ([i for i in range(x.ndim) if i not in gone] for x, gone in ((a, left), (b, right)))
    shape = [a.shape[i] for i in rows] + [b.shape[i] for i in columns]

    def element(place):
        at = {("a", i): index for i, index in zip(rows, place, strict=False)}
        at |= {("b", i): index for i, index in zip(columns, place[len(rows) :], strict=True)}
        total = 0.0
        for inner in np.ndindex(*(a.shape[i] for i in left)):
            at |= {("a", i): index for i, index in zip(left, inner, strict=True)}
            at |= {("b", i): index for i, index in zip(right, inner, strict=True)}
            total += a[tuple(at["a", i] for i in range(a.ndim))] * b[tuple(at["b", i] for i in range(b.ndim))]
        return total

    return build(shape, element)


def outer(a, b):
    """Every element of one times every element of the other."""
    left, right = [a[place] for place in np.ndindex(*a.shape)], [b[place] for place in np.ndindex(*b.shape)]
    return build((len(left), len(right)), lambda place: left[place[0]] * right[place[1]])


def scaled(a, b):
    """An array times a scalar, whichever comes first."""
    x, number = (b, a) if not a.ndim else (a, b)
    return build(x.shape, lambda place: x[place] * float(number))


def dot(a, b):
    """The last axis of a against the last but one of b, or its only one."""
    if not a.ndim or not b.ndim:
        return scaled(a, b)
    return tensordot(a, b, (-1, -min(b.ndim, 2)))


def inner(a, b):
    """The last axis of a against the last of b."""
    return tensordot(a, b, (-1, -1)) if a.ndim and b.ndim else scaled(a, b)


def vecdot(x1, x2, axis=-1):
    """The products along one axis, the others aligned at the right."""
    a, b = (np.array([x.take(i, axis) for i in range(x.shape[axis])]) for x in (x1, x2))
    shape = np.broadcast_shapes(a.shape[1:], b.shape[1:])
    a, b = (np.array([np.broadcast_to(part, shape) for part in x]) for x in (a, b))
    return build(shape, lambda place: math.fsum(a[(i, *place)] * b[(i, *place)] for i in range(len(a))))


ORACLES = {function.__name__: function for function in (tensordot, outer, dot, inner, vecdot)}
