"""Array functions in corners that the table does not reach: precision, memory that is shared, nothing at all, kinks."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad.meta import Meta

HALVES = ["float16"]
try:
    import ml_dtypes
except ImportError:
    pass
else:
    HALVES.append(np.dtype(ml_dtypes.bfloat16))


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
