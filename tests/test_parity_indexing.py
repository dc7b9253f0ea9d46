"""Array functions that pick and place elements, beside PyTorch's: indices, masks, classes. Drawn shapes have axes of
length 0, or no axes."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapes_and_axes import axes, shapes, theirs
from side_by_side import arrays, masks, same, sides, whole

import minigrad as mg

pytestmark = pytest.mark.parity


# --- picking --------------------------------------------------------------------------------------------------

@st.composite
def basics(draw, n):
    """An int or a slice for an axis of length n, in PyTorch's power: its steps are positive."""
    part = draw(st.slices(n) | (st.integers(-n, n - 1) if n else st.just(slice(None))))
    return slice(part.start, part.stop, abs(part.step or 1)) if isinstance(part, slice) else part


@given(st.data())
def test_getitem(data):
    """Ints, slices, new axes, an ellipsis; or slices and one array, at any place."""
    shape = data.draw(shapes(1, 4))
    index = [data.draw(basics(n)) for n in shape]
    if data.draw(st.booleans()):
        at = data.draw(sides(0, len(shape) - 1))
        index = [part if isinstance(part, slice) else slice(None) for part in index]
        n = shape[at]
        index[at] = data.draw(whole((2, 2), -n, n) | whole((0,), 0, 1) | masks((n,))) if n else np.zeros((0,), bool)
    else:
        start = data.draw(sides(0, len(index)))
        index[start:] = [...] if data.draw(st.booleans()) else index[start:]
        index.insert(data.draw(sides(0, len(index))), None)
    same("getitem", [data.draw(arrays(shape)), tuple(index)], mine=lambda x, index: x[index],
         theirs=lambda x, index: x[index])


@given(st.data())
def test_getitem_of_masks_and_pairs(data):
    shape = data.draw(shapes(2, 3))
    count = data.draw(sides(0, 2))
    index = data.draw(masks(shape) | masks(shape[:1]))
    if min(shape[:2]) and data.draw(st.booleans()):
        index = tuple(data.draw(whole((3,) * count, -n, n)) for n in shape[:2])
    same("getitem", [data.draw(arrays(shape)), index], mine=lambda x, index: x[index], theirs=lambda x, index: x[index])


@given(st.data())
def test_take(data):
    shape = data.draw(shapes(1, 3))
    axis = data.draw(st.none() | axes(len(shape)))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    if not n:
        return                                      # nothing to take from: see below
    indices = data.draw(whole(tuple(data.draw(st.lists(sides(0, 3), max_size=2))), -n, n))

    def taken(x, indices):
        import torch

        if axis is None:
            return torch.take(x, indices)
        rows = x.index_select(axis, indices.reshape(-1) % n)
        a = axis % x.ndim
        return rows.reshape(x.shape[:a] + indices.shape + x.shape[a + 1:])

    same("take", [data.draw(arrays(shape)), indices], mine=lambda x, indices: mg.take(x, indices, axis), theirs=taken)


@given(st.data())
def test_take_and_index_select_of_what_is_not_there(data):
    shape = data.draw(shapes(0, 2))
    axis, index = data.draw(axes(len(shape), 1)), data.draw(whole((2,), -4, 5) | whole((), 0, 2) | whole((1,), 0, 1))
    x = data.draw(arrays(shape))
    same("index_select", [x, axis, index], mine=mg.index_select, theirs=theirs("index_select"), device=False)
    if shape and 0 not in shape and -len(shape) <= axis < len(shape) and (abs(index + 0.5) > shape[axis]).any():
        with pytest.raises(IndexError, match="take: .*out of bounds|take: cannot do"):
            mg.take(mg.tensor(x), index, axis)


@given(st.data())
def test_take_along_axis(data):
    shape = data.draw(shapes(1, 3))
    axis = data.draw(axes(len(shape)) | st.none())
    n = int(np.prod(shape)) if axis is None else shape[axis]
    lines = [data.draw(st.sampled_from([m, m, 1])) for m in shape]
    lines[axis or 0] = data.draw(sides(0, 3)) if n else 0
    x, indices = data.draw(arrays(shape)), data.draw(whole(tuple(lines), 0, max(n, 1)))
    if data.draw(st.booleans()):
        at = data.draw(sides(0, len(shape) - 1))    # x may stretch too
        x = x if axis is None or at == axis % len(shape) else x[(slice(None),) * at + (slice(0, 1),)]
    same("take_along_axis", [x, indices, axis], mine=mg.take_along_axis, theirs=theirs("take_along_dim"))


def indices_for(data, shape, axis, n, beyond=0):
    """An index for gather: on other axes at most as long as `shape`."""
    lines = [data.draw(sides(0, m)) for m in shape]
    if lines and -len(shape) <= axis < len(shape):
        lines[axis] = data.draw(sides(0, 4))
    return data.draw(whole(tuple(lines), -beyond, max(n, 1) + beyond))


@given(st.data())
def test_gather(data):
    shape = data.draw(shapes(0, 3))
    axis = data.draw(axes(len(shape)))
    n = shape[axis] if shape else 1
    index = indices_for(data, shape, axis, n)
    same("gather", [data.draw(arrays(shape)), axis, index], mine=mg.gather, theirs=theirs("gather"), device=n > 0)


@given(st.data())
def test_gather_of_what_does_not_fit(data):
    shape = data.draw(shapes(0, 3))
    axis = data.draw(axes(len(shape), 1))
    index = data.draw(st.one_of(st.just(indices_for(data, shape, axis, 2, 1)), shapes(0, 3).flatmap(
        lambda other: whole(other, 0, 3))))
    same("gather", [data.draw(arrays(shape)), axis, index], mine=mg.gather, theirs=theirs("gather"), device=False)


@given(st.data())
def test_scatter_add(data):
    shape = data.draw(shapes(0, 3))
    axis = data.draw(axes(len(shape)))
    index = indices_for(data, shape, axis, shape[axis] if shape else 1)
    src = data.draw(arrays(tuple(n + data.draw(sides(0, 1)) for n in index.shape)))
    same("scatter_add", [data.draw(arrays(shape)), axis, index, src], mine=mg.scatter_add, device=0 not in shape,
         theirs=lambda x, axis, index, src: x.scatter_add(axis, index, src[tuple(slice(n) for n in index.shape)]))


@given(st.data())
def test_scatter_add_of_what_does_not_fit(data):
    shape = data.draw(shapes(0, 2))
    index = data.draw(shapes(0, 2).flatmap(lambda other: whole(other, 0, 3)))
    inputs = [data.draw(arrays(shape)), data.draw(axes(len(shape), 1)), index, data.draw(arrays(shapes(0, 2)))]
    same("scatter_add", inputs, mine=mg.scatter_add, theirs=theirs("scatter_add"), device=False, constant=(0, 3))


# --- masks, classes -------------------------------------------------------------------------------------------

@given(st.data())
def test_masked_fill(data):
    a, b = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=3)).input_shapes
    value = data.draw(st.sampled_from([-2.5, 0, np.inf]) | arrays(()) | arrays((1,)))
    same("masked_fill", [data.draw(arrays(a)), data.draw(masks(b)), value], mine=mg.masked_fill,
         theirs=theirs("masked_fill"))


@given(st.data())
def test_masked_select(data):
    a, b = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=3)).input_shapes
    same("masked_select", [data.draw(arrays(a)), data.draw(masks(b))], mine=mg.masked_select,
         theirs=theirs("masked_select"))


@given(st.data())
def test_one_hot(data):
    classes = data.draw(whole(tuple(data.draw(st.lists(sides(0, 3), max_size=2))), data.draw(sides(-1, 0)), 4))
    same("one_hot", [classes, data.draw(st.integers(-2, 5))])
    same("one_hot", [classes])
