"""Array functions in corners that the table does not reach: precision, memory that is shared, nothing at all, kinks."""

import math

import numpy as np
import pytest
from halves import HALVES
from strict_cupy import installed

import minigrad as mg
from minigrad.meta import Meta

# --- the error function -----------------------------------------------------------------------------------------

POINTS = np.concatenate([np.linspace(-7, 7, 4001), np.linspace(-0.6, 0.6, 2001), np.logspace(-300, 0, 500)])


def units_off(y, exact):
    """How many units in the last place a float64 result is off at most."""
    exact = np.array(exact)
    return float((abs(y - exact) / np.spacing(abs(exact))).max())


def test_erf_is_exact():
    assert units_off(mg.erf(POINTS), [math.erf(x) for x in POINTS]) <= 3
    points = np.concatenate([POINTS, np.linspace(7, 26, 2001)])
    assert units_off(mg.erfc(points), [math.erfc(x) for x in points]) <= 10


def test_erf_of_what_is_far_away():
    x = np.array([0.0, -0.0, math.inf, -math.inf, 1e300, -1e300, math.nan])
    np.testing.assert_array_equal(mg.erf(x), [0, -0.0, 1, -1, 1, -1, math.nan])
    assert np.signbit(mg.erf(x)[1])
    np.testing.assert_array_equal(mg.erfc(x), [1, 1, 0, 2, 0, 2, math.nan])


@pytest.mark.parametrize("dtype", ["float32", *HALVES], ids=str)
def test_erf_in_lower_precision(dtype):
    x = np.linspace(-4, 4, 801).astype(dtype)
    for function, exact in ((mg.erf, math.erf), (mg.erfc, math.erfc)):
        y = function(mg.tensor(x))
        assert y.dtype == x.dtype
        eps = {"float32": 2.0**-20, "float16": 2.0**-10, "bfloat16": 2.0**-7}[str(x.dtype)]
        np.testing.assert_allclose(y.numpy().astype("f8"), [exact(float(v)) for v in x], rtol=eps, atol=eps / 16)


def test_erf_of_integers_and_without_values():
    assert mg.erf(mg.tensor([0, 1])).dtype == np.float64
    y = mg.erf(Meta((2, 3), "float32"))
    assert (y.shape, y.dtype) == ((2, 3), "float32")


# --- half precision ---------------------------------------------------------------------------------------------

BIG = np.array([300.0, -400.0, 250.0, 0.0])
LARGE = {
    "norm": (lambda x: x.norm(), BIG),
    "norm 3": (lambda x: x.norm(3), BIG / 2),
    "norm 1": (lambda x: x.norm(1), np.full(40000, 0.25)),
    "cumsum": (lambda x: x.cumsum(0)[-1], np.full(4096, 0.5)),
    "einsum": (lambda x: mg.einsum("ij->j", x.reshape(-1, 2))[0], np.full(8192, 0.5)),
    "einsum of two": (lambda x: mg.einsum("ij,ij->j", x.reshape(-1, 2), x.reshape(-1, 2))[0], np.full(8192, 0.5)),
    "matmul": (lambda x: x @ x, np.full(4096, 0.5)),
    "sum": (lambda x: x.sum(), np.full(4096, 0.5)),
    "prod": (lambda x: x.prod(), np.array([2.0**12, 2.0**10, 2.0**-9, 2.0**-10])),
    "cumprod": (lambda x: x.cumprod(0)[-1], np.array([2.0**12, 2.0**3, 2.0**-9, 2.0**-6])),
    "atan": (lambda x: x.atan().sum(), BIG),
    "asinh": (lambda x: x.asinh().sum(), BIG),
}


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("name", LARGE)
def test_half_precision_is_wide_inside(name, dtype):
    """What is squared, multiplied or added up inside neither overflows nor vanishes; gradients neither."""
    function, values = LARGE[name]
    values = values.astype(dtype).astype("float64")
    found = []
    for kind in (dtype, "float64"):
        x = mg.tensor(values.astype(kind), requires_grad=True)
        y = function(x)
        found.append((y, mg.grad(y, x)[0]))
        assert y.dtype == np.dtype(kind) == found[-1][1].dtype
    for low, exact in zip(*found, strict=True):
        exact = exact.numpy()
        np.testing.assert_allclose(low.numpy().astype("f8"), exact, rtol=0.02, atol=2e-3 * abs(exact).max())


# --- products with zeros, norms of nothing ------------------------------------------------------------------------

def test_gradients_of_products_with_zeros():
    for values, gradient in (([0.0, 2, 3], [6, 0, 0]), ([0.0, 0, 3], [0, 0, 0]), ([0.0], [1])):
        x = mg.tensor(values, requires_grad=True)
        assert mg.grad(x.prod(), x)[0].tolist() == gradient
    x = mg.tensor([2.0, 0, 3, 0, 5], requires_grad=True)
    assert mg.grad(x.cumprod(0).sum(), x)[0].tolist() == [1, 8, 0, 0, 0]


def test_second_gradients_of_products_with_zeros():
    x = mg.tensor([0.0, 0, 3], requires_grad=True)
    (g,) = mg.grad(x.prod(), x, create_graph=True)
    assert mg.grad(g[0], x)[0].tolist() == [0, 3, 0]


@pytest.mark.parametrize("order", [2, 1, 3, 0.5, -1, math.inf, -math.inf])
def test_the_norm_of_zeros_is_flat(order):
    x = mg.zeros(3, requires_grad=True)
    assert mg.grad(x.norm(order), x)[0].tolist() == [0, 0, 0]


def test_reductions_of_nothing():
    x = mg.zeros(0, 3)
    assert x.sum(0).tolist() == [0] * 3 and x.prod(0).tolist() == [1] * 3 and x.norm(axis=0).tolist() == [0] * 3
    assert x.any().item() is False and x.all().item() is True and x.count_nonzero().item() == 0
    with pytest.warns(RuntimeWarning):
        assert np.isnan(x.mean().item())
    assert x.max(1).shape == (0,) and x.cumsum(0).shape == (0, 3) and x.sort(0).shape == (0, 3)
    assert mg.cumulative_prod(x, 0, include_initial=True).tolist() == [[1] * 3]
    assert [part.shape for part in x.topk(2)] == [(0, 2), (0, 2)]


@pytest.mark.parametrize("name", ["mean", "var", "std", "logsumexp", "sum", "max", "norm"])
def test_a_number_has_no_axis_but_0(name):
    x = mg.tensor(2.0, requires_grad=True)
    assert getattr(mg, name)(x, axis=0).shape == getattr(mg, name)(x, axis=-1).shape == ()
    for axis in (1, -2, (0, 3)):
        with pytest.raises((ValueError, IndexError), match=f"{name}: .*out of bounds"):
            getattr(mg, name)(x, axis=axis)


@pytest.mark.parametrize("values, gradient", [
    ([1.0, math.nan, 2.0], [math.nan] * 3),
    ([math.inf, 1.0, 2.0], [math.nan, 0, 0]),
    ([math.inf, math.inf, -math.inf], [math.nan, math.nan, 0]),
    ([-math.inf, 0.0, 0.0], [0, 0.5, 0.5]),
])
@pytest.mark.parametrize("dtype", ["float64", *HALVES], ids=str)
def test_logsumexp_of_what_is_not_finite(values, gradient, dtype):
    """NaN and infinity do not disappear from the gradient, as if the sum were 1."""
    x = mg.tensor(values, dtype, requires_grad=True)
    with np.errstate(invalid="ignore"):
        mg.logsumexp(x, 0).backward()
    np.testing.assert_array_equal(x.grad.numpy().astype("float64"), gradient)


@pytest.mark.parametrize("dtype", ["float64", "float32", *HALVES], ids=str)
def test_the_angle_of_a_point_close_to_the_origin(dtype):
    """Half precision squares in float32; where even the squares vanish the gradient is that of the origin."""
    tiny = {"float64": 1e-300, "float32": 1e-30}.get(str(dtype))
    for a, b, expected in [(tiny, 0.0, [0, 0])] if tiny else [(2.0**-13, 0.0, [0, -2.0**13]), (0.0, -0.125, [-8, 0])]:
        a, b = [mg.tensor(v, dtype, requires_grad=True) for v in (a, b)]
        assert [g.item() for g in mg.grad(mg.atan2(a, b), [a, b])] == expected


# --- NumPy's numbers as arguments -------------------------------------------------------------------------------

NUMPYS = {
    "topk": lambda x, n: mg.topk(x, n(2))[0],
    "tensordot": lambda x, n: mg.tensordot(x, x, n(2)),
    "tensordot of axes": lambda x, n: mg.tensordot(x, x, (n(0), n(0))),
    "pad": lambda x, n: mg.pad(x, n(1)),
    "pad a pair": lambda x, n: mg.pad(x, (n(1), n(2))),
    "pad pairs": lambda x, n: mg.pad(x, ((n(1), n(0)), (n(0), n(2)))),
    "tile": lambda x, n: mg.tile(x, n(2)),
    "repeat": lambda x, n: mg.repeat(x, n(2), n(1)),
    "roll": lambda x, n: mg.roll(x, n(1), n(0)),
    "split": lambda x, n: mg.split(x, n(3), n(1))[2],
    "chunk": lambda x, n: mg.chunk(x, n(2), n(1))[1],
    "permute": lambda x, n: x.permute_dims(n(1), n(0)),
    "permute a vector": lambda x, n: x[0].permute_dims(n(0)),
    "moveaxis": lambda x, n: mg.moveaxis(x, n(0), n(1)),
    "tril": lambda x, n: mg.tril(x, n(1)),
}


@pytest.mark.parametrize("name", NUMPYS)
def test_numbers_of_numpys_are_as_good_as_pythons(name):
    found = []
    for kind in (int, np.int64, np.int8):
        x = mg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
        y = NUMPYS[name](x, kind)
        found.append((y.tolist(), mg.grad((y * y).sum(), x)[0].tolist()))
    assert found[0] == found[1] == found[2]


def test_an_array_says_how_often_to_tile():
    x = mg.tensor([[1.0, 2.0]], requires_grad=True)
    y = mg.tile(x, np.array([2, 2]))
    assert y.tolist() == [[1, 2, 1, 2]] * 2 and mg.grad(y.sum(), x)[0].tolist() == [[4, 4]]


@pytest.mark.parametrize("repeats", [3, [3], np.array([3])], ids=str)
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_a_number_repeated(repeats, axis):
    x = mg.tensor(2.0, requires_grad=True)
    y = mg.repeat(x, repeats, axis)
    assert y.tolist() == [2, 2, 2] and mg.grad(y.sum(), x)[0].item() == 3


def test_arange_between_numbers_of_numpys():
    x = mg.arange(np.float32(0), np.float32(1), np.float32(0.25))
    assert x.tolist() == [0, 0.25, 0.5, 0.75] and x.dtype == "float32"
    assert mg.arange(np.float64(2)).dtype == "float32" and mg.arange(np.int8(3)).dtype == "int64"


def test_pytorchs_words_for_flip_and_roll():
    x = mg.tensor([1.0, 2.0, 3.0])
    assert mg.flip(x, dims=(0,)).tolist() == [3, 2, 1] == x.flip(dims=(0,)).tolist()
    assert mg.roll(x, shifts=1, dims=0).tolist() == [3, 1, 2] == x.roll(shifts=1, dims=0).tolist()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("condition", [True, np.True_, [True, True]], ids=repr)
def test_where_one_condition_holds_for_all(condition, device):
    with installed():
        x = mg.ones(3, 2, device=device).requires_grad_()
        y = mg.where(condition, x, 0)
        y.sum().backward()
        assert y.device == x.device and y.tolist() == x.grad.tolist() == [[1, 1]] * 3


# --- bounds -----------------------------------------------------------------------------------------------------

def test_clip_gives_the_gradient_to_what_was_taken():
    x, low, high = [mg.tensor(values, requires_grad=True) for values in
                    ([0.0, 1, -1, 2, 0.5], [0.0, 0, 0, 0, 1], [1.0, 1, 1, 1, 0])]
    y = mg.clip(x, low, high)
    assert y.tolist() == [0, 1, 0, 1, 0]
    assert [g.tolist() for g in mg.grad(y.sum(), [x, low, high])] == [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]]


def test_clip_where_x_stretches():
    x, low = mg.tensor([0.0, 2], requires_grad=True), mg.tensor([[1.0], [-1]], requires_grad=True)
    gx, glow = mg.grad(mg.clip(x, low, 1.5).sum(), [x, low])
    assert gx.tolist() == [1, 0] and glow.tolist() == [[1], [0]]


@pytest.mark.parametrize("name", ["sign", "floor", "ceil", "trunc", "round"])
def test_what_is_flat_has_gradient_zero(name):
    x = mg.tensor([0.5, -1.25], requires_grad=True)
    getattr(x, name)().sum().backward()
    assert x.grad.tolist() == [0, 0]


# --- memory -----------------------------------------------------------------------------------------------------

def test_from_numpy_shares_memory_and_tensor_does_not():
    array = np.zeros(3, "f4")
    shared, own = mg.from_numpy(array), mg.tensor(array)
    array[0] = 1
    assert shared.tolist() == [1, 0, 0] and own.tolist() == [0, 0, 0]
    shared[1] = 2
    assert array[1] == 2


def test_asarray_copies_only_where_it_must():
    x = mg.tensor([1.0, 2.0])
    assert mg.asarray(x) is x and mg.asarray(x.data).data is x.data and mg.asarray(x, copy=True).data is not x.data
    assert mg.asarray(x, "float64").dtype == np.float64 and mg.asarray([1.0]).dtype == np.float32
    leaf = mg.tensor([1.0, 2.0], requires_grad=True)
    (mg.asarray(leaf, "float64", copy=True) * 3).sum().backward()
    assert leaf.grad.tolist() == [3, 3] and leaf.grad.dtype == np.float32


def test_sorting_makes_arrays_of_its_own():
    x = mg.tensor([1.0])
    for y in (x.sort(), x.topk(1)[0], x.cumsum(0), x.cumprod(0), mg.positive(x)):
        y[0] = 7.0
    assert x.tolist() == [1]


def test_tri():
    assert mg.tri(2, 3, 1).tolist() == np.tri(2, 3, 1).tolist() and mg.tri(2).dtype == np.float32


# --- lists in the place of arrays -----------------------------------------------------------------------------

@pytest.mark.parametrize("function", [
    lambda x, v: mg.atan2(x, v), lambda x, v: mg.power(x, v), lambda x, v: x * v, lambda x, v: v * x,
    lambda x, v: x @ v, lambda x, v: x ** v, lambda x, v: mg.matmul([v], x),
    lambda x, v: mg.where([True, False], x, v)])
def test_a_list_of_numbers_is_an_array_there(function):
    """Forward and backward, on symbols of a graph, and on the device of the tensor beside it."""
    x, v = mg.tensor([1.0, 2.0], dtype="float64", requires_grad=True), [2.0, 3.0]
    y, expected = function(x, v), function(x, mg.tensor(np.array(v)))
    np.testing.assert_array_equal(y.numpy(), expected.numpy())
    for a, b in zip(mg.grad(y.sum(), [x]), mg.grad(expected.sum(), [x]), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    with installed():
        there = mg.tensor([1.0, 2.0], dtype="float64", device="cuda")
        np.testing.assert_allclose(function(there, v).numpy(), y.numpy(), rtol=1e-15)


def test_lists_alone_are_arrays_too():
    """Python's + and * would join and repeat them."""
    for y, expected in ((mg.add([1, 2], [3, 4]), [4, 6]), (mg.multiply([1, 2], 3), [3, 6]),
                        (mg.subtract([1, 2], np.array([3, 4])), [-2, -2]), (mg.exp([0.0]), [1.0]), (mg.sum([1, 2]), 3)):
        assert isinstance(y, np.ndarray | np.generic) and y.tolist() == expected


def test_numpys_words_for_the_bounds_of_clip():
    x = mg.tensor([-2.0, 0.5, 3.0])
    assert mg.clip(x, a_min=-1, a_max=1).tolist() == np.clip(x.numpy(), a_min=-1, a_max=1).tolist() == [-1.0, 0.5, 1.0]
    assert x.reshape(3, 1).ravel().shape == (3,)
