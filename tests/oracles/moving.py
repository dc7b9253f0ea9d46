"""Oracles of flips, rolls, tiles, repeats, triangles, diagonals and cuts: where each element comes from."""

import itertools
import math

import numpy as np

from .shape import broadcast_to, build, number_of, pad_pairs, place_of
from .shape import pad as constant_pad


def replaced(place, axis, index):
    """A position with another index on one axis."""
    return place[:axis] + (index,) + place[axis + 1 :]


def listed(value):
    """An int as a list of one; a tuple as a list."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


# --- the order of elements ----------------------------------------------------------------------------------------


def flip(x, axis=None):
    """Index i is what was n - 1 - i, on every axis named."""
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in listed(axis)]
    return build(x.shape, lambda place: x[tuple(x.shape[a] - 1 - i if a in axes else i for a, i in enumerate(place))])


def roll(x, shift, axis=None):
    """What lies at i goes to i + shift, modulo the length; without an axis i is the row-major number."""
    if axis is None:
        return build(x.shape, lambda place: x[place_of((number_of(place, x.shape) - shift) % x.size, x.shape)])
    for by, a in zip(listed(shift), listed(axis), strict=True):
        a, before = a % x.ndim, x
        x = build(x.shape, lambda place, a=a, by=by, before=before: (
            before[replaced(place, a, (place[a] - by) % before.shape[a])]))
    return x


def tile(x, repetitions):
    """The index on each axis counts modulo the length of x there."""
    times = listed(repetitions)
    ndim = max(len(times), x.ndim)
    times, lengths = [1] * (ndim - len(times)) + times, (1,) * (ndim - x.ndim) + x.shape
    shape = [n * k for n, k in zip(lengths, times, strict=True)]

    def source(place):
        inside = tuple(i % n for i, n in zip(place, lengths, strict=True))
        return x[inside[ndim - x.ndim :]]

    return build(shape, source)


def repeat(x, repeats, axis=None):
    """Element i stands repeats[i] times in a row."""
    if axis is None:
        x, axis = build((x.size,), lambda place, x=x: x[place_of(place[0], x.shape)]), 0
    axis = axis % x.ndim
    counts = listed(repeats)
    counts = counts * x.shape[axis] if len(counts) == 1 else counts
    origin = [i for i, count in enumerate(counts) for _ in range(count)]
    return build(replaced(x.shape, axis, len(origin)), lambda place: x[replaced(place, axis, origin[place[axis]])])


def broadcast_arrays(*arrays):
    """All in the shape of which every axis is the longest of theirs (none is 0 here)."""
    ndim = max(x.ndim for x in arrays)
    padded = [(1,) * (ndim - x.ndim) + x.shape for x in arrays]
    return tuple(broadcast_to(x, tuple(max(lengths) for lengths in zip(*padded, strict=True))) for x in arrays)


def matrix_transpose(x):
    """Rows for columns."""
    return build((*x.shape[:-2], x.shape[-1], x.shape[-2]), lambda place: x[(*place[:-2], place[-1], place[-2])])


# --- cuts -----------------------------------------------------------------------------------------------------------


def chunk(x, chunks, axis=0):
    """Parts of ceil(n / chunks), the last one what is left."""
    axis = axis % x.ndim
    n = x.shape[axis]
    length = math.ceil(n / chunks)
    return tuple(
        build(replaced(x.shape, axis, min(length, n - start)),
              lambda place, start=start: x[replaced(place, axis, start + place[axis])])
        for start in range(0, n, length)
    )


def unstack(x, axis=0):
    """One array for every index on the axis."""
    axis = axis % x.ndim
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    return tuple(build(shape, lambda place, i=i: x[place[:axis] + (i,) + place[axis:]]) for i in range(x.shape[axis]))


# --- triangles and diagonals --------------------------------------------------------------------------------------


def tril(x, k=0):
    """0 where the column is more than k to the right of the row."""
    return build(x.shape, lambda place: x[place] if place[-1] - place[-2] <= k else 0)


def triu(x, k=0):
    """0 where the column is less than k to the right of the row."""
    return build(x.shape, lambda place: x[place] if place[-1] - place[-2] >= k else 0)


def diagonal_places(shape, offset, axis1, axis2):
    """For every position of the diagonal the position in the whole."""
    axis1, axis2 = axis1 % len(shape), axis2 % len(shape)
    steps = [(i, i + offset) for i in range(shape[axis1]) if 0 <= i + offset < shape[axis2]]
    others = [range(n) for a, n in enumerate(shape) if a not in (axis1, axis2)]
    found = {}
    for outside in itertools.product(*others):
        for number, (i, j) in enumerate(steps):
            rest = iter(outside)
            found[(*outside, number)] = tuple(i if a == axis1 else j if a == axis2 else next(rest)
                                              for a in range(len(shape)))
    return found, (*[len(other) for other in others], len(steps))


def diagonal(x, offset=0, axis1=0, axis2=1):
    """What has the same index on both axes, but for the offset."""
    places, shape = diagonal_places(x.shape, offset, axis1, axis2)
    return build(shape, lambda place: x[places[place]])


def put_diagonal(x, shape, offset=0, axis1=0, axis2=1):
    """The opposite of it, with zeros elsewhere."""
    y = np.zeros(shape)
    for place, whole in diagonal_places(shape, offset, axis1, axis2)[0].items():
        y[whole] = x[place]
    return y


def diag(x, k=0):
    """A matrix of a vector, a vector of a matrix."""
    return diagonal(x, k) if x.ndim == 2 else put_diagonal(x, (x.size + abs(k),) * 2, k)


def trace(x, offset=0, axis1=0, axis2=1):
    """The elements of the diagonal, added up."""
    d = diagonal(x, offset, axis1, axis2)
    return build(d.shape[:-1], lambda place: math.fsum(d[place]))


# --- padding ------------------------------------------------------------------------------------------------------


def walked(i, n, mode):
    """Where index i of an endless axis lies among the n elements, found by walking there one step at a time."""
    here, step, towards = 0, 1, 1 if i > 0 else -1
    if towards < 0:
        here, step = (0, -1)
    for _ in range(abs(i)):
        if mode == "wrap":
            here = (here + towards) % n
        elif mode == "edge":
            here = min(max(here + towards, 0), n - 1)
        elif 0 <= here + step < n:
            here += step
        else:
            step = -step                                            # at an end: turn round
            here += step if mode == "reflect" and n > 1 else 0
    return here


def pad_sources(shape, pad_width, mode):
    """For every position of the padded array the position that it copies."""
    pairs = pad_pairs(pad_width, len(shape))
    padded = [before + n + after for n, (before, after) in zip(shape, pairs, strict=True)]
    return padded, lambda place: tuple(walked(i - before, n, mode)
                                       for i, n, (before, _) in zip(place, shape, pairs, strict=True))


def pad(x, pad_width, mode="constant", constant_values=0):
    """Constant borders, or borders that copy."""
    if mode == "constant":
        return constant_pad(x, pad_width, constant_values)
    padded, source = pad_sources(x.shape, pad_width, mode)
    return build(padded, lambda place: x[source(place)])


def unpad(x, shape, pad_width, mode):
    """Every element added to the one it would have copied."""
    source, y = pad_sources(shape, pad_width, mode)[1], np.zeros(shape)
    for place in np.ndindex(*x.shape):
        y[source(place)] += x[place]
    return y


ORACLES = {
    function.__name__: function
    for function in (flip, roll, tile, repeat, broadcast_arrays, matrix_transpose, chunk, unstack, tril, triu, diagonal,
                     put_diagonal, diag, trace, pad, unpad)
}
