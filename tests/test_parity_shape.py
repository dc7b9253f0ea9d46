"""Array functions that move elements, beside PyTorch's (for what NumPy alone has, beside that in terms of PyTorch's):
shapes, order, joining, cutting, triangles. Drawn shapes have axes of length 0, or no axes."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapes_and_axes import axes, several, shapes, theirs
from side_by_side import arrays, masks, same, sides, whole

import minigrad as mg

pytestmark = pytest.mark.parity


# --- shapes and axes ------------------------------------------------------------------------------------------

@given(st.data())
def test_reshape(data):
    a, b, c = [data.draw(sides(0, 3)) for _ in range(3)]
    shape = data.draw(st.sampled_from([(a * b, c), (-1,), (c, b, a), a * b * c, (a, -1), (b, -1, 1), (-1, -1), (2, 3)]))
    x = data.draw(arrays((a, b, c)))
    same("reshape", [x], mine=lambda x: mg.reshape(x, shape), theirs=lambda x: x.reshape(shape))


@given(st.data())
def test_reshape_and_squeeze_of_one_element(data):
    x = data.draw(arrays((1,) * data.draw(sides(0, 3))))
    shape = (1,) * data.draw(sides(0, 3))
    same("reshape", [x], mine=lambda x: mg.reshape(x, shape), theirs=lambda x: x.reshape(shape))
    same("squeeze", [x], mine=mg.squeeze, theirs=theirs("squeeze"))


@given(st.data())
def test_flatten(data):
    shape = data.draw(shapes())
    args = data.draw(axes(len(shape), 1)), data.draw(axes(len(shape), 1))
    same("flatten", [data.draw(arrays(shape)), *args], mine=mg.flatten, theirs=theirs("flatten"))


@given(st.data())
def test_permute_dims(data):
    shape = data.draw(shapes())
    order = data.draw(st.permutations(range(len(shape))))
    order = tuple(a - data.draw(st.sampled_from([0, len(shape)])) for a in order)
    same("permute_dims", [data.draw(arrays(shape)), order], mine=mg.permute_dims, theirs=theirs("permute"))


@given(st.data())
def test_swapaxes(data):
    shape = data.draw(shapes())
    args = data.draw(axes(len(shape), 1)), data.draw(axes(len(shape)))
    same("swapaxes", [data.draw(arrays(shape)), *args], mine=mg.swapaxes, theirs=theirs("swapaxes"))


@given(st.data())
def test_moveaxis(data):
    shape = data.draw(shapes())
    source = data.draw(several(len(shape)))
    target = data.draw(several(len(shape)))[:len(source)]
    x = data.draw(arrays(shape))
    same("moveaxis", [x, source[:len(target)], target], mine=mg.moveaxis, theirs=theirs("moveaxis"))
    args = data.draw(axes(len(shape), 1)), data.draw(axes(len(shape)))
    same("moveaxis", [x, *args], mine=mg.moveaxis, theirs=theirs("moveaxis"))


@given(st.data())
def test_matrix_transpose(data):
    x = data.draw(arrays(shapes(1)))
    same("matrix_transpose", [x], mine=mg.matrix_transpose, theirs=lambda x: x.mT)


@given(st.data())
def test_expand_dims(data):
    shape = data.draw(shapes())
    axis = data.draw(axes(len(shape) + 1, 1))
    same("expand_dims", [data.draw(arrays(shape)), axis], mine=mg.expand_dims, theirs=theirs("unsqueeze"))


@given(st.data())
def test_squeeze(data):
    shape = tuple(data.draw(st.lists(st.sampled_from([0, 1, 1, 2]), max_size=4)))
    ones = [a - b for a, n in enumerate(shape) if n == 1 for b in (0, len(shape))]
    axis = data.draw(st.sampled_from([None, *ones, len(shape) + 1]))
    args = [data.draw(arrays(shape))] + ([] if axis is None else [axis])
    same("squeeze", args, mine=mg.squeeze, theirs=theirs("squeeze"))


@given(st.data())
def test_broadcast_to(data):
    wanted = data.draw(shapes())
    shape = tuple(data.draw(st.sampled_from([1, n, n])) for n in wanted[data.draw(sides(0, len(wanted))):])
    same("broadcast_to", [data.draw(arrays(shape)), wanted], mine=mg.broadcast_to, theirs=theirs("broadcast_to"))


@given(st.data())
def test_broadcast_arrays(data):
    drawn = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=3, max_dims=3)).input_shapes
    inputs = [data.draw(arrays(shape)) for shape in drawn]
    same("broadcast_arrays", inputs, mine=mg.broadcast_arrays, theirs=theirs("broadcast_tensors"))


# --- the order of elements, repeating -------------------------------------------------------------------------

@given(st.data())
def test_flip(data):
    shape = data.draw(shapes())
    axis = data.draw(st.none() | axes(len(shape), 1) | several(len(shape)))
    x = data.draw(arrays(shape))

    def flipped(x):
        return x.flip(tuple(range(x.ndim)) if axis is None else axis)

    if shape or axis in (None, ()):                 # of a scalar NumPy has no axis to flip, PyTorch has
        same("flip", [x], mine=lambda x: mg.flip(x, axis), theirs=flipped)


@given(st.data())
def test_roll(data):
    shape = data.draw(shapes(1))
    axis = data.draw(st.none() | axes(len(shape)) | several(len(shape)))
    by = st.integers(-7, 7)
    shift = data.draw(st.tuples(*[by for _ in axis]) if isinstance(axis, tuple) and axis else by)
    axis = axis if axis != () else None
    same("roll", [data.draw(arrays(shape)), shift, axis], mine=mg.roll, theirs=theirs("roll"))


@given(st.data())
def test_tile(data):
    times = tuple(data.draw(st.lists(sides(0, 3), max_size=4)))
    x = data.draw(arrays(shapes(longest=2, high=3)))
    same("tile", [x, times], mine=mg.tile, theirs=theirs("tile"))


@given(st.data())
def test_repeat(data):
    shape = data.draw(shapes(1, 3))
    axis = data.draw(st.none() | axes(len(shape)))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    repeats = data.draw(st.integers(-1, 3) | whole((n,), 0, 3))
    same("repeat", [data.draw(arrays(shape)), repeats, axis], mine=mg.repeat, theirs=theirs("repeat_interleave"))
    same("repeat", [data.draw(arrays(shape)), repeats, axis], mine=lambda x, *args: x.repeat_interleave(*args),
         theirs=theirs("repeat_interleave"))


# --- joining and cutting --------------------------------------------------------------------------------------

@given(st.data())
def test_concat(data):
    shape = data.draw(shapes(1, 3).filter(lambda shape: shape != (0,)))       # PyTorch ignores a vector of length 0
    axis = data.draw(axes(len(shape)))
    longer = [list(shape) for _ in range(data.draw(sides(1, 3)))]
    for one in longer:
        one[axis] = data.draw(sides(0 if len(shape) > 1 else 1, 3))
    same("concat", [[data.draw(arrays(tuple(one))) for one in longer], axis], mine=mg.concat, theirs=theirs("cat"))


@given(st.data())
def test_concat_of_shapes_that_do_not_fit(data):
    inputs = [data.draw(arrays((2, 3))), data.draw(arrays(shapes(2, 3)))]
    same("concat", [inputs, data.draw(axes(2, 1))], mine=mg.concat, theirs=theirs("cat"))


@given(st.data())
def test_stack(data):
    shape = data.draw(shapes(0, 3))
    inputs = [data.draw(arrays(shape)) for _ in range(data.draw(sides(1, 3)))]
    if data.draw(st.booleans()):
        inputs.append(data.draw(arrays(shapes(0, 3))))
    same("stack", [inputs, data.draw(axes(len(shape) + 1, 1))], mine=mg.stack, theirs=theirs("stack"))


@given(st.data())
def test_split(data):
    """PyTorch has NumPy's split as tensor_split, but takes also what cannot be divided."""
    shape = data.draw(shapes(1))
    axis = data.draw(axes(len(shape)))
    parts = [n for n in (1, 2, 3) if shape[axis] % n == 0]
    where = data.draw(st.sampled_from(parts) | st.lists(st.integers(0, 4), max_size=3).map(sorted).map(tuple))
    same("split", [data.draw(arrays(shape)), where, axis], mine=mg.split, theirs=theirs("tensor_split"))


@given(st.data())
def test_chunk(data):
    shape = data.draw(shapes(longest=7, high=3))
    args = [data.draw(arrays(shape)), data.draw(st.integers(0, 5)), data.draw(axes(len(shape), 1))]
    same("chunk", args, mine=mg.chunk, theirs=theirs("chunk"))


@given(st.data())
def test_unstack(data):
    shape = data.draw(shapes())
    args = [data.draw(arrays(shape)), data.draw(axes(len(shape), 1))]
    same("unstack", args, mine=mg.unstack, theirs=theirs("unbind"))
    same("unbind", args, mine=lambda x, axis: x.unbind(axis), theirs=theirs("unbind"))


def test_numpys_words_for_joining_and_cutting():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(mg.concatenate([mg.tensor(x)] * 2, axis=1).numpy(), np.concatenate([x, x], axis=1))
    np.testing.assert_array_equal(mg.tile(mg.tensor(x), reps=(2, 1)).numpy(), np.tile(x, reps=(2, 1)))
    for part, expected in zip(mg.split(mg.tensor(x), indices_or_sections=3, axis=1),
                              np.split(x, indices_or_sections=3, axis=1), strict=True):
        np.testing.assert_array_equal(part.numpy(), expected)


# --- triangles and diagonals ----------------------------------------------------------------------------------

@given(st.data())
@pytest.mark.parametrize("name", ["tril", "triu"])
def test_triangles(name, data):
    x, k = data.draw(arrays(shapes())), data.draw(st.integers(-4, 4))
    same(name, [x, k], mine=getattr(mg, name), theirs=theirs(name))
    same(name, [x], {"diagonal": k}, mine=getattr(mg, name), theirs=theirs(name))


@given(st.data())
def test_diagonal(data):
    shape = data.draw(shapes())
    args = data.draw(st.integers(-3, 3)), data.draw(axes(len(shape), 1)), data.draw(axes(len(shape), 1))
    same("diagonal", [data.draw(arrays(shape)), *args], mine=mg.diagonal, theirs=theirs("diagonal"))


@given(st.data())
def test_diag(data):
    x, k = data.draw(arrays(shapes(0, 3))), data.draw(st.integers(-3, 3))
    same("diag", [x, k], mine=mg.diag, theirs=theirs("diag"))


@given(st.data())
def test_trace(data):
    x = data.draw(arrays((data.draw(sides()), data.draw(sides()))))
    same("trace", [x], mine=mg.trace, theirs=theirs("trace"))
    k = data.draw(st.integers(-3, 3))
    x = data.draw(arrays(shapes(2)))
    same("trace", [x, k], mine=mg.trace, theirs=lambda x, k: x.diagonal(k).sum(-1))


# --- PyTorch's methods ----------------------------------------------------------------------------------------

@given(st.data())
def test_methods_that_only_pytorch_has(data):
    shape = data.draw(shapes(1, 3))
    x, axis = data.draw(arrays(shape)), data.draw(axes(len(shape), 1))
    start, length = data.draw(st.integers(-4, 4)), data.draw(st.integers(-1, 4))
    wanted = (*data.draw(shapes(0, 1)), *[data.draw(st.sampled_from([-1, n, 2])) for n in shape])
    matrix = data.draw(arrays(shapes()))
    for name, inputs in (("narrow", [x, axis, start, length]), ("select", [x, axis, start]), ("expand", [x, wanted]),
                         ("unsqueeze", [x, axis]), ("t", [matrix])):
        def call(x, *args, name=name):
            return getattr(x, name)(*args)
        same(name, inputs, mine=call, theirs=call)


@pytest.mark.parametrize("call", [
    lambda x, lib: lib.chunk(x, 2, dim=1), lambda x, lib: lib.gather(x, dim=1, index=x.argmax(1)[:, None]),
    lambda x, lib: lib.index_select(x, dim=0, index=x.argmax(1)), lambda x, lib: lib.squeeze(x[:, :1], dim=1),
    lambda x, lib: lib.diagonal(x[None], dim1=-2, dim2=-1), lambda x, lib: lib.tril(x, diagonal=-1),
    lambda x, lib: lib.triu(x, diagonal=1), lambda x, lib: x.diagonal(dim1=1, dim2=0), lambda x, lib: x.chunk(2, dim=1),
    lambda x, lib: x.roll(1, dims=0), lambda x, lib: x.flip(dims=(0,)), lambda x, lib: x.repeat_interleave(2, dim=1),
    lambda x, lib: x.unbind(dim=1), lambda x, lib: x.expand_as(x[None]),
    lambda x, lib: x.gather(dim=0, index=x.argmax(0)[None]),
    lambda x, lib: x.scatter_add(dim=0, index=x.argmax(0)[None], src=x[:1]),
    lambda x, lib: x.view(-1), lambda x, lib: x.T])
def test_pytorchs_words_for_axes(call):
    import torch

    x = np.arange(9.0).reshape(3, 3) % 4
    same("words", [x], mine=lambda x: call(x, mg), theirs=lambda x: call(x, torch))


@given(st.data())
def test_methods_are_the_functions(data):
    """Every method of a tensor that moves elements is the function of that name."""
    x = mg.tensor(data.draw(arrays((data.draw(sides(1, 3)), data.draw(sides(1, 3))))))
    index, mask = mg.tensor(np.zeros((1, 1), int)), mg.tensor(data.draw(masks(x.shape)))
    for name, *args in [("flip",), ("flip", 0), ("roll", 1), ("roll", 1, 0), ("tile", (2, 1)), ("repeat", 2, 1),
                        ("chunk", 2), ("tril",), ("triu", 1), ("diag",), ("diagonal", 1), ("trace",),
                        ("take", index, 0), ("gather", 0, index), ("scatter_add", 1, index, x),
                        ("index_select", 0, index[0]), ("masked_fill", mask, 2.0), ("masked_select", mask),
                        ("dot", x[0]), ("outer", x), ("inner", x)]:
        mine, function = getattr(x, name)(*args), getattr(mg, name)(x, *args)
        for a, b in zip(*[y if isinstance(y, tuple) else (y,) for y in (mine, function)], strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
