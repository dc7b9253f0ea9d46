"""Oracles of indexing: NumPy's rules for `x[index]` spelled out, and the gathers and scatters along an axis."""

import numpy as np

from .shape import build, place_of


def is_boolean(part):
    """True for a boolean array, a list of booleans, or a bare True or False."""
    return not isinstance(part, slice) and part is not None and part is not Ellipsis and np.asarray(part).dtype == bool


def in_full(index, ndim):
    """The index as a list with one entry an axis, None for new axes, `...` followed by as many `:` as it stands for.

    A boolean mask over m axes is m integer arrays: the positions where it is true.
    """
    parts = []
    for part in index if isinstance(index, tuple) else (index,):
        if is_boolean(part):
            mask = np.asarray(part)
            true = [place for place in np.ndindex(*mask.shape) if mask[place]]
            parts += [np.array([place[a] for place in true], dtype=int) for a in range(mask.ndim)]
        else:
            parts.append(part)
    used = sum(part is not None and part is not Ellipsis for part in parts)
    fill = [slice(None)] * (ndim - used)
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    return parts[: dots[0] + 1] + fill + parts[dots[0] + 1 :] if dots else parts + fill


def is_array(part):
    """True for what picks single positions: integers, integer arrays and lists."""
    return part is not None and part is not Ellipsis and not isinstance(part, slice)


def numbers_at(shape, index):
    """The row-major numbers, in an array of `shape`, of the elements that x[index] picks, in the shape of the result.

    Slices and new axes keep their places. Integer arrays broadcast together to one block of axes: it stands
    where they stand if they are neighbours, and in front if a slice, a new axis or `...`, even one that stands for
    nothing, comes between them. Integers count as arrays as soon as there is an array.
    """
    parts = in_full(index, len(shape))
    arrays = [i for i, part in enumerate(parts) if is_array(part)]
    block = np.broadcast_shapes(*(np.shape(parts[i]) for i in arrays))
    together = arrays == list(range(arrays[0], arrays[0] + len(arrays))) if arrays else False
    front = arrays[0] if together else 0  # how many parts stand in front of the block

    def lengths(chosen):
        """Sizes of the axes that come from slices and new axes, for the parts chosen."""
        sizes = []
        for i in chosen:
            if parts[i] is None:
                sizes.append(1)
            elif isinstance(parts[i], slice):
                sizes.append(len(range(*parts[i].indices(shape[axis_of(parts, i)]))))
        return sizes

    before, after = lengths(range(front)), lengths(range(front, len(parts)))
    numbers = np.zeros((*before, *block, *after), dtype=int)
    for place in np.ndindex(*numbers.shape):
        inside = place[len(before) : len(before) + len(block)]
        numbers[place] = source_number(shape, parts, place[: len(before)] + place[len(before) + len(block) :], inside)
    return numbers


def axis_of(parts, i):
    """Which axis of x part number i speaks of: new axes and `...` do not count."""
    return sum(part is not None and part is not Ellipsis for part in parts[:i])


def source_number(shape, parts, outside, inside):
    """The row-major number of the element at `inside` of the block and `outside` of the other axes."""
    outside = iter(outside)
    number, axis = 0, 0
    for part in parts:
        if part is None:
            next(outside)
        if part is None or part is Ellipsis:
            continue
        if isinstance(part, slice):
            at = range(*part.indices(shape[axis]))[next(outside)]
        else:
            spread = np.asarray(part)
            corner = inside[len(inside) - spread.ndim :]
            at = spread[tuple(0 if size == 1 else j for j, size in zip(corner, spread.shape, strict=True))].item()
        number = number * shape[axis] + at % shape[axis]
        axis += 1
    return number


def getitem(x, index):
    """x[index]: every element that the index picks."""
    numbers = numbers_at(x.shape, index)
    return build(numbers.shape, lambda place: x[place_of(int(numbers[place]), x.shape)], x.dtype)


def put(x, shape, index):
    """Zeros of `shape`, to which x is added at index; what is picked twice gets both."""
    numbers = numbers_at(shape, index)
    y = np.zeros(shape)
    for place in np.ndindex(*numbers.shape):
        y[place_of(int(numbers[place]), shape)] += x[place]
    return y


def take(x, indices, axis=None):
    """Slices number `indices` along an axis; without an axis, elements of the flat x."""
    indices = np.asarray(indices)
    if axis is None:
        return build(indices.shape, lambda place: x[place_of(int(indices[place]) % x.size, x.shape)])
    axis = axis % x.ndim
    shape = x.shape[:axis] + indices.shape + x.shape[axis + 1 :]
    end = axis + indices.ndim
    return build(shape, lambda place: x[place[:axis] + (int(indices[place[axis:end]]),) + place[end:]])


def along(place, axis, indices):
    """The position `place` with its index on `axis` replaced by the one that `indices` names there."""
    corner = tuple(0 if size == 1 else j for j, size in zip(place, indices.shape, strict=True))
    return place[:axis] + (int(indices[corner]),) + place[axis + 1 :]


def take_along_axis(x, indices, axis=-1):
    """y[..., m, ...] = x[..., indices[..., m, ...], ...]; the other axes of indices may be 1."""
    if axis is None:
        return build((indices.size,), lambda place: x[place_of(int(indices.reshape(-1)[place]) % x.size, x.shape)])
    axis = axis % x.ndim
    rest = np.broadcast_shapes(*(a.shape[:axis] + (1,) + a.shape[axis + 1 :] for a in (x, indices)))
    shape = rest[:axis] + (indices.shape[axis],) + rest[axis + 1 :]
    x = np.broadcast_to(x, rest[:axis] + (x.shape[axis],) + rest[axis + 1 :])
    return build(shape, lambda place: x[along(place, axis, indices)])


def scatter_along_axis(x, shape, indices, axis):
    """Zeros of `shape`; y[..., indices[..., m, ...], ...] += x[..., m, ...]."""
    y = np.zeros(shape)
    for place in np.ndindex(*x.shape):
        y[along(place, axis % x.ndim, indices)] += x[place]
    return y


def gather(x, axis, index):
    """y[..., m, ...] = x[..., index[..., m, ...], ...], of the shape of index."""
    if not x.ndim:
        return build(index.shape, lambda place: x[()])
    return build(index.shape, lambda place: x[replaced(place, axis % x.ndim, int(index[place]))])


def replaced(place, axis, number):
    return place[:axis] + (number,) + place[axis + 1 :]


def scatter_add(x, axis, index, src):
    """x, and y[..., index[..., m, ...], ...] += src[..., m, ...] for every position of index."""
    y = build(x.shape, lambda place: x[place])
    for place in np.ndindex(*index.shape):
        y[replaced(place, axis % x.ndim, int(index[place])) if x.ndim else ()] += src[place]
    return y


def index_select(x, axis, index):
    """The slices of these numbers, side by side."""
    return take(x, index.reshape(-1), axis)


def masked_fill(x, mask, value):
    """value where the mask is true."""
    shape = np.broadcast_shapes(x.shape, mask.shape)
    x, mask = np.broadcast_to(x, shape), np.broadcast_to(mask, shape)
    return build(shape, lambda place: float(value) if mask[place] else x[place])


def masked_select(x, mask):
    """The elements where the mask is true, in row-major order."""
    shape = np.broadcast_shapes(x.shape, mask.shape)
    x, mask = np.broadcast_to(x, shape), np.broadcast_to(mask, shape)
    return np.array([x[place] for place in np.ndindex(*shape) if mask[place]])


def one_hot(x, num_classes=-1):
    """1 at the class, 0 elsewhere."""
    if num_classes == -1:
        num_classes = max(int(x[place]) for place in np.ndindex(*x.shape)) + 1
    return build((*x.shape, num_classes), lambda place: int(x[place[:-1]] == place[-1]), np.int64)


ORACLES = {
    "gather": gather,
    "scatter_add": scatter_add,
    "index_select": index_select,
    "masked_fill": masked_fill,
    "masked_select": masked_select,
    "one_hot": one_hot,
    "getitem": getitem,
    "put": put,
    "take": take,
    "take_along_axis": take_along_axis,
    "scatter_along_axis": scatter_along_axis,
}
