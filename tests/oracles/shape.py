"""Oracles of the ops that move values without changing them: where each value of the output comes from."""

import math

import numpy as np


def number_of(place, shape):
    """The row-major number of a position: the last index runs fastest."""
    number = 0
    for index, size in zip(place, shape, strict=True):
        number = number * size + index
    return number


def place_of(number, shape):
    """The position with this row-major number."""
    place = []
    for size in reversed(shape):
        number, index = divmod(number, size)
        place.append(index)
    return tuple(reversed(place))


def build(shape, source, dtype=np.float64):
    """The array of `shape` whose value at each position is source(position)."""
    y = np.zeros(shape, dtype=dtype)
    for place in np.ndindex(*y.shape):
        y[place] = source(place)
    return y


def reshape(x, shape):
    """The same values in the same row-major order; one -1 stands for what is left."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    known = math.prod(size for size in shape if size != -1)
    shape = tuple(x.size // known if size == -1 else size for size in shape)
    return build(shape, lambda place: x[place_of(number_of(place, shape), x.shape)], x.dtype)


def permute_dims(x, axes):
    """Axis a of the output is axis axes[a] of x."""
    axes = [a % x.ndim for a in axes]
    shape = [x.shape[a] for a in axes]
    return build(shape, lambda place: x[tuple(place[axes.index(a)] for a in range(x.ndim))], x.dtype)


def swapaxes(x, axis1, axis2):
    """Two axes change places."""
    axes = list(range(x.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return permute_dims(x, axes)


def moveaxis(x, source, destination):
    """Axes `source` go to the positions `destination`; the others keep their order."""
    sources = [a % x.ndim for a in ((source,) if isinstance(source, int) else source)]
    targets = [a % x.ndim for a in ((destination,) if isinstance(destination, int) else destination)]
    others = iter([a for a in range(x.ndim) if a not in sources])
    return permute_dims(x, [sources[targets.index(a)] if a in targets else next(others) for a in range(x.ndim)])


def flatten(x, start_dim=0, end_dim=-1):
    """The axes from start_dim to end_dim, both included, as one; a scalar as a vector of one element."""
    if x.ndim == 0:
        return reshape(x, (1,))
    start, end = start_dim % x.ndim, end_dim % x.ndim
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


def broadcast_to(x, shape):
    """Axes align at the right; an axis of size 1 repeats its only value."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    new = len(shape) - x.ndim

    def source(place):
        return x[tuple(0 if size == 1 else index for index, size in zip(place[new:], x.shape, strict=True))]

    return build(shape, source, x.dtype)


def expand_dims(x, axis):
    """Axes of size 1 at the positions `axis` of the output."""
    axes = (axis,) if isinstance(axis, int) else axis
    ndim = x.ndim + len(axes)
    ones = [a % ndim for a in axes]
    sizes = iter(x.shape)
    shape = [1 if a in ones else next(sizes) for a in range(ndim)]
    return build(shape, lambda place: x[tuple(place[a] for a in range(ndim) if a not in ones)], x.dtype)


def squeeze(x, axis=None):
    """Drop axes of size 1: all of them, or those that are named."""
    axes = [a for a in range(x.ndim) if x.shape[a] == 1] if axis is None else axis
    gone = [a % x.ndim for a in ((axes,) if isinstance(axes, int) else axes)]
    kept = [a for a in range(x.ndim) if a not in gone]
    shape = [x.shape[a] for a in kept]
    return build(shape, lambda place: x[tuple(0 if a in gone else place[kept.index(a)] for a in range(x.ndim))])


def pad_pairs(pad_width, ndim):
    """NumPy's short forms in full: an int, one pair, or a pair an axis."""
    if isinstance(pad_width, int):
        return [(pad_width, pad_width)] * ndim
    if isinstance(pad_width[0], int):
        return [tuple(pad_width)] * ndim
    return [tuple(pair) for pair in (pad_width if len(pad_width) == ndim else list(pad_width) * ndim)]


def pad(x, pad_width, constant_values=0):
    """x with a border of `constant_values`, (before, after) elements wide on each axis."""
    pairs = pad_pairs(pad_width, x.ndim)
    y = np.zeros([before + size + after for (before, after), size in zip(pairs, x.shape, strict=True)])
    for place in np.ndindex(*y.shape):
        y[place] = constant_values
    for place in np.ndindex(*x.shape):
        y[tuple(index + before for index, (before, _) in zip(place, pairs, strict=True))] = x[place]
    return y


def concat(arrays, axis=0):
    """The arrays one after the other along an axis that they have."""
    axis = axis % arrays[0].ndim
    shape = list(arrays[0].shape)
    shape[axis] = 0
    for x in arrays:
        shape[axis] += x.shape[axis]
    y = np.zeros(shape)
    start = 0
    for x in arrays:
        for place in np.ndindex(*x.shape):
            y[place[:axis] + (start + place[axis],) + place[axis + 1 :]] = x[place]
        start += x.shape[axis]
    return y


def stack(arrays, axis=0):
    """The arrays one after the other along a new axis."""
    axis = axis % (arrays[0].ndim + 1)
    shape = arrays[0].shape[:axis] + (len(arrays),) + arrays[0].shape[axis:]
    return build(shape, lambda place: arrays[place[axis]][place[:axis] + place[axis + 1 :]])


def split(x, n, axis=0):
    """n parts of equal length along an axis."""
    axis = axis % x.ndim
    length = x.shape[axis] // n
    shape = x.shape[:axis] + (length,) + x.shape[axis + 1 :]

    def part(number):
        return lambda place: x[place[:axis] + (number * length + place[axis],) + place[axis + 1 :]]

    return tuple(build(shape, part(number)) for number in range(n))


def full_like(x, fill_value, dtype=None):
    """One value everywhere."""
    return build(x.shape, lambda place: fill_value, dtype or x.dtype)


ORACLES = {
    "full_like": full_like,
    "zeros_like": lambda x, dtype=None: full_like(x, 0, dtype),
    "ones_like": lambda x, dtype=None: full_like(x, 1, dtype),
    "reshape": reshape,
    "permute_dims": permute_dims,
    "swapaxes": swapaxes,
    "moveaxis": moveaxis,
    "flatten": flatten,
    "broadcast_to": broadcast_to,
    "expand_dims": expand_dims,
    "squeeze": squeeze,
    "concat": concat,
    "stack": stack,
    "split": split,
}
