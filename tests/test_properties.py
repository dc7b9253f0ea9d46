"""What holds for any shape, index, mix of dtypes or expression: hypothesis looks for counterexamples."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import minigrad as mg
from minigrad import ops
from minigrad.ops.indexing import put
from minigrad.testing import Case, check_op, gradcheck, gradgradcheck
from minigrad.testing.runs import Run
from minigrad.testing.strategies import arrays, broadcastable_shapes, op_cases, shapes

FLOATS = ("float16", "float32", "float64")
BINARY = {"add": {}, "subtract": {}, "multiply": {}, "divide": {"low": 0.5}, "power": {"low": 0.5}}
UNARY = {"exp": {}, "tanh": {}, "sigmoid": {}, "relu": {}, "silu": {}, "softplus": {}, "abs": {}, "log": {"low": 0.5},
         "sqrt": {"low": 0.5}, "square": {}, "sin": {}, "cos": {}, "elu": {}, "leaky_relu": {}, "negative": {}}


# --- broadcasting, reductions ------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", BINARY)
@given(data=st.data())
def test_binary_ops_broadcast(name, data):
    op = getattr(ops, name)
    case = data.draw(op_cases(op, **BINARY[name]))
    gradcheck(op, case.inputs)
    run = Run(op, case)
    assert {i: g.shape for i, g in run.gradients.items()} == {i: x.shape for i, x in enumerate(case.inputs)}


@given(st.data())
def test_the_larger_and_the_smaller(data):
    """Two arrays without a tie: values of one grid, dealt out."""
    first, second = data.draw(broadcastable_shapes(2))
    both = data.draw(arrays((int(np.prod(first)) + int(np.prod(second)),)))
    a, b = both[:int(np.prod(first))].reshape(first), both[int(np.prod(first)):].reshape(second)
    for op in (ops.maximum, ops.minimum):
        gradcheck(op, [a, b])


@given(st.data())
def test_where_broadcasts_all_three(data):
    first, second, third = data.draw(broadcastable_shapes(3))
    condition = data.draw(hnp.arrays(bool, first))
    gradcheck(ops.where, [condition, data.draw(arrays(second)), data.draw(arrays(third))])


@st.composite
def reduced(draw):
    """An array, axes to reduce, and keepdims."""
    x = draw(shapes(min_dims=1).flatmap(arrays))
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1)
                | st.lists(st.integers(0, x.ndim - 1), unique=True, max_size=x.ndim).map(tuple))
    return x, axis, draw(st.booleans())


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "logsumexp", "var"])
@given(reduced())
def test_reductions_over_any_axes(name, drawn):
    x, axis, keepdims = drawn
    op = getattr(ops, name)
    gradcheck(lambda x: op(x, axis=axis, keepdims=keepdims), [x])
    if name in ("sum", "mean", "max", "min", "var"):
        np.testing.assert_allclose(op(mg.tensor(x), axis=axis, keepdims=keepdims).numpy(),
                                   getattr(np, name)(x, axis=axis, keepdims=keepdims), rtol=1e-12, atol=1e-14)


@given(shapes(min_dims=1).flatmap(arrays), st.data())
def test_softmax_along_any_axis(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    for op in (ops.softmax, ops.log_softmax):
        gradcheck(lambda x, op=op: op(x, axis), [x])
    np.testing.assert_allclose(ops.softmax(mg.tensor(x), axis).numpy().sum(axis), 1.0, rtol=1e-12)


# --- indexing, joining --------------------------------------------------------------------------------------------

@given(st.data())
def test_getitem_with_any_index(data):
    x = data.draw(shapes(min_dims=1, max_side=5).flatmap(arrays))
    basic = hnp.basic_indices(x.shape, allow_newaxis=True)
    gathered = hnp.integer_array_indices(x.shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3))
    masks = hnp.arrays(bool, x.shape)
    index = data.draw(basic | gathered | masks)
    np.testing.assert_array_equal(mg.tensor(x)[index].numpy(), x[index])
    gradcheck(lambda x: x[index], [x])


@given(st.data())
def test_put_is_the_transpose_of_getitem(data):
    """<x[index], y> = <x, put(y, index)>, whether an index occurs once or more often."""
    x = data.draw(shapes(min_dims=1, max_side=5).flatmap(arrays))
    index = data.draw(hnp.basic_indices(x.shape) | hnp.integer_array_indices(x.shape))
    picked = np.asarray(x[index])
    y = data.draw(arrays(picked.shape))
    back = put(mg.tensor(y), x.shape, index).numpy()
    assert (picked * y).sum() == pytest.approx((x * back).sum(), rel=1e-10, abs=1e-12)


@given(st.data())
def test_concat_and_split_undo_each_other(data):
    shape = data.draw(shapes(min_dims=1))
    axis, n = data.draw(st.integers(-len(shape), len(shape) - 1)), data.draw(st.integers(1, 3))
    parts = [data.draw(arrays(shape)) for _ in range(n)]
    whole = ops.concat([mg.tensor(p) for p in parts], axis)
    for part, again in zip(parts, ops.split(whole, n, axis), strict=True):
        np.testing.assert_array_equal(part, again.numpy())
    gradcheck(lambda *xs: ops.concat(list(xs), axis), parts)
    gradcheck(lambda x: ops.split(x, n, axis), [whole.numpy()])


@given(st.data())
def test_stack_along_any_axis(data):
    shape = data.draw(shapes())
    axis, n = data.draw(st.integers(-len(shape) - 1, len(shape))), data.draw(st.integers(1, 3))
    parts = [data.draw(arrays(shape)) for _ in range(n)]
    np.testing.assert_array_equal(ops.stack([mg.tensor(p) for p in parts], axis).numpy(), np.stack(parts, axis))
    gradcheck(lambda *xs: ops.stack(list(xs), axis), parts)


@given(st.data())
def test_reshape_and_permute_keep_every_element(data):
    x = data.draw(shapes(min_dims=1).flatmap(arrays))
    axes = data.draw(st.permutations(range(x.ndim)).map(tuple))
    gradcheck(lambda x: ops.reshape(ops.permute_dims(x, axes), (-1,)) * np.arange(1.0, x.data.size + 1), [x])


# --- windows ------------------------------------------------------------------------------------------------------

@st.composite
def windows(draw):
    """The size of an image and windows that fit into it: kernel, stride, padding, dilation, each a pair."""
    def pair(low, high):
        return st.tuples(st.integers(low, high), st.integers(low, high))

    kernel, stride, padding, dilation = draw(pair(1, 3)), draw(pair(1, 3)), draw(pair(0, 2)), draw(pair(1, 2))
    least = [max(1, d * (k - 1) + 1 - 2 * o) for k, d, o in zip(kernel, dilation, padding, strict=True)]
    size = tuple([n + draw(st.integers(0, 3)) for n in least])
    return size, (kernel, stride, padding, dilation)


@given(windows(), st.data())
def test_fold_is_the_transpose_of_unfold(drawn, data):
    """<unfold(x), y> = <x, fold(y)>"""
    size, geometry = drawn
    x = data.draw(arrays((2, 2, *size)))
    columns = ops.unfold(mg.tensor(x), *geometry).numpy()
    y = data.draw(arrays(columns.shape))
    image = ops.fold(mg.tensor(y), size, *geometry).numpy()
    assert (columns * y).sum() == pytest.approx((x * image).sum(), rel=1e-10, abs=1e-10)


@given(windows(), st.data())
def test_convolution_is_linear_in_both_and_its_gradients_are_its_transposes(drawn, data):
    """<conv(x, w), g> = <x, gx> = <w, gw>"""
    size, (kernel, *options) = drawn
    x, w = data.draw(arrays((2, 2, *size))), data.draw(arrays((3, 2, *kernel)))
    tensors = mg.tensor(x, requires_grad=True), mg.tensor(w, requires_grad=True)
    y = ops.conv2d(*tensors, None, *options)
    g = data.draw(arrays(y.shape))
    gx, gw = mg.grad(y, tensors, mg.tensor(g))
    expected = pytest.approx((y.numpy() * g).sum(), rel=1e-10, abs=1e-10)
    assert (x * gx.numpy()).sum() == expected and (w * gw.numpy()).sum() == expected


# --- dtypes ---------------------------------------------------------------------------------------------------------

@given(st.data())
def test_mixed_precision_keeps_the_dtype_of_every_gradient(data):
    """The output is promoted as NumPy does it, each gradient comes back in the dtype of its input."""
    name = data.draw(st.sampled_from(["add", "subtract", "multiply", "divide", "maximum", "power", "matmul", "where"]))
    dtypes = data.draw(st.tuples(st.sampled_from(FLOATS), st.sampled_from(FLOATS)))
    a, b = [data.draw(arrays((3, 3), low=0.5)).astype(dtype) for dtype in dtypes]
    leaves = [mg.tensor(a, requires_grad=True), mg.tensor(b, requires_grad=True)]
    y = ops.where(np.eye(3, dtype=bool), *leaves) if name == "where" else getattr(ops, name)(*leaves)
    assert y.dtype == np.result_type(*dtypes)
    y.backward(mg.ones_like(y))
    assert [x.grad.dtype for x in leaves] == list(dtypes)


@given(st.data())
def test_python_scalars_are_weak(data):
    name, dtype = data.draw(st.sampled_from(sorted(BINARY))), data.draw(st.sampled_from(FLOATS))
    x = mg.tensor(data.draw(arrays((3,), low=0.5)).astype(dtype), requires_grad=True)
    for args in ((x, 2.0), (x, 3), (2.0, x)):
        y = getattr(ops, name)(*args)
        assert y.dtype == dtype
        assert mg.grad(y, [x], mg.ones_like(y))[0].dtype == dtype


@pytest.mark.parametrize("name", UNARY)
@given(data=st.data())
def test_half_precision_is_the_float64_result_rounded(name, data):
    op = getattr(ops, name)
    x = data.draw(arrays((5,), **UNARY[name])).astype("float16")
    low, exact = Run(op, Case((x,))), Run(op, Case((x.astype("float64"),)))
    for a, e in zip(low.arrays(), exact.arrays(), strict=True):
        assert a.dtype == "float16"
        np.testing.assert_allclose(a.astype("float64"), e, rtol=8e-3, atol=8e-3)


# --- expressions ----------------------------------------------------------------------------------------------------

LINKS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "quotient": lambda a, b: a / (1.5 + b * b),
    "tanh": lambda a, b: mg.tanh(a),
    "sigmoid": lambda a, b: mg.sigmoid(a) * b,
    "sin": lambda a, b: mg.sin(a + b),
    "damped": lambda a, b: mg.exp(-a * a),
    "softplus": lambda a, b: mg.softplus(a - b),
    "itself": lambda a, b: a * a,
    "log": lambda a, b: mg.log(1.0 + a * a),
    "root": lambda a, b: mg.sqrt(1.0 + b * b),
    "turned": lambda a, b: ops.permute_dims(a, (1, 0)) * b,
    "mean": lambda a, b: a - ops.mean(b, 0, True),
    "softmax": lambda a, b: mg.softmax(a, 1) + b,
    "matmul": lambda a, b: mg.tanh(a @ b),
}


@st.composite
def expressions(draw):
    """A random program: each line takes two earlier values, which may be the same and may be used again."""
    names = draw(st.lists(st.sampled_from(sorted(LINKS)), min_size=1, max_size=8))
    return [(name, draw(st.integers(0, k + 1)), draw(st.integers(0, k + 1))) for k, name in enumerate(names)]


def run(program, *inputs):
    """The last value of the program, and the sum of all others so that none is lost."""
    values = list(inputs)
    for name, i, j in program:
        values.append(mg.tanh(LINKS[name](values[i], values[j])))
    return values[-1], sum(values[1:], values[0])


@given(expressions(), st.data())
def test_random_expressions_with_shared_nodes(program, data):
    inputs = [data.draw(arrays((3, 3))), data.draw(arrays((3, 3)))]
    gradcheck(lambda *xs: run(program, *xs), inputs)


@given(expressions(), st.data())
def test_and_their_second_gradients(program, data):
    inputs = [data.draw(arrays((2, 2), low=-1.0, high=1.0)), data.draw(arrays((2, 2), low=-1.0, high=1.0))]
    gradgradcheck(lambda *xs: run(program, *xs), inputs)


# --- the strategies themselves --------------------------------------------------------------------------------------

@given(shapes(max_side=6), st.data())
def test_drawn_arrays_keep_away_from_kinks(shape, data):
    x = data.draw(arrays(shape))
    values = np.sort(x, axis=None)
    assert x.shape == shape and x.dtype == "float64"
    assert (np.diff(values) > 0.9 * 4.0 / max(x.size, 1)).all()
    assert x.size == 0 or abs(values).min() >= 0.19 * 4.0 / x.size
    low = data.draw(arrays(shape, low=0.5))
    assert (low >= 0.5).all()


@given(broadcastable_shapes(3))
def test_drawn_shapes_broadcast(several):
    assert len(several) == 3
    np.broadcast_shapes(*several)


@given(st.data())
def test_drawn_cases_pass_every_proof(data):
    op, cases = data.draw(st.sampled_from([
        (ops.multiply, op_cases(ops.multiply, max_side=3)),
        (ops.divide, op_cases(ops.divide, b=arrays((3,), low=0.5), max_dims=0)),
        (ops.leaky_relu, op_cases(ops.leaky_relu, negative_slope=st.floats(0.1, 0.9), max_side=3)),
        (ops.stack, op_cases(ops.stack, max_dims=2, axis=st.just(-1))),
    ]))
    check_op(op, [data.draw(cases)])


def test_unknown_arguments_of_a_strategy_are_named():
    with pytest.raises(TypeError, match="sum has no argument 'dim'; it has x, axis, keepdims"):
        op_cases(ops.sum, dim=st.just(0))
