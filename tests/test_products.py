"""Matrix products split over threads are np.matmul's, whichever way they are cut."""

import numpy as np
import pytest

from minigrad import config, products
from minigrad.blas import one_thread
from minigrad.products import product

# (m, k, n) for every way: plain, rows, columns, few rows of a transposed matrix, long sums, short sums.
SIZES = [(3, 4, 5), (300, 70, 64), (64, 70, 300), (5, 300, 200), (1, 900, 600), (7, 20000, 3), (600, 2, 300),
         (33, 257, 129)]


def arrays(shape, layout, rng):
    """Whole numbers, so that every order of summing gives the same; laid out in one of several ways."""
    x = rng.integers(-4, 5, shape).astype("f4")
    if layout == "transposed":
        return np.ascontiguousarray(np.swapaxes(x, -1, -2)).swapaxes(-1, -2)
    if layout == "strided":
        wide = np.zeros((*shape[:-1], 2 * shape[-1]), "f4")
        wide[..., ::2] = x
        return wide[..., ::2]
    return x[::-1].copy()[::-1] if layout == "backwards" else x


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("layout", ["plain", "transposed", "strided", "backwards"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_matrices(size, layout, threads):
    m, k, n = size
    rng = np.random.default_rng(0)
    a, b = arrays((m, k), layout, rng), arrays((k, n), layout, rng)
    expected = a.astype("f8") @ b.astype("f8")
    with config(threads=threads):
        np.testing.assert_array_equal(product(a, b), expected)
        wide = np.full((m, 2 * n), np.nan, "f4")
        assert product(a, b, wide[:, ::2]) is not None
        np.testing.assert_array_equal(wide[:, ::2], expected)
        assert np.isnan(wide[:, 1::2]).all()
        bias = np.arange(n, dtype="f4")
        np.testing.assert_array_equal(product(a, b, bias=bias), expected + bias)
        double = product(a.astype("f8"), b.astype("f8"))
        assert double.dtype == "f8"
        np.testing.assert_array_equal(double, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("left", "right"), [
    ((40,), ()), ((2,), (2,)), ((1, 9), (7, 1)), ((5, 1, 3), (3,)), ((3,), (1,)), ((1, 2), (4, 1, 1)), ((0,), (1,)),
])
def test_stacks(left, right, threads):
    rng = np.random.default_rng(0)
    a, b = arrays((*left, 60, 80), "plain", rng), arrays((*right, 80, 70), "transposed", rng)
    with config(threads=threads):
        y = product(a, b)
    expected = a.astype("f8") @ b.astype("f8")
    assert y.shape == expected.shape
    np.testing.assert_array_equal(y, expected)


def test_vectors_mixed_dtypes_and_errors_are_matmuls():
    a, v = np.ones((600, 900), "f4"), np.ones(900, "f4")
    assert product(a, v).shape == (600,) and product(v, a.T).shape == (600,) and product(v, v) == 900
    for left, right in (((0, 0), (0,)), ((3, 0), (0,)), ((0,), (0, 4)), ((0, 5), (5,)), ((5,), (5, 0))):
        expected = np.ones(left, "f4") @ np.ones(right, "f4")
        np.testing.assert_array_equal(product(np.ones(left, "f4"), np.ones(right, "f4")), expected, strict=True)
    assert product(a, a.T.astype("f8")).dtype == "f8"
    assert product(a.astype("i8"), a.T.astype("i8")).dtype == "i8"
    assert product(np.ones((0, 900), "f4"), a.T).shape == (0, 600)
    assert not product(np.ones((600, 0), "f4"), np.ones((0, 700), "f4")).any()
    for b in (a, np.ones((901, 600), "f4")):
        with pytest.raises(ValueError, match="matmul"):
            product(a, b)
    with pytest.raises(ValueError):
        product(a, a.T, np.empty((600, 601), "f4"))
    with pytest.raises(ValueError, match="a bias goes with two matrices"):
        product(a, v, bias=v)


def test_every_way_is_taken(monkeypatch):
    """The sizes above reach all branches: each of them, broken, is noticed."""
    taken = set()
    for name in ("stacked", "single", "in_blocks", "add_up"):
        plain = getattr(products, name)
        monkeypatch.setattr(products, name, lambda *args, f=plain, name=name: (taken.add(name), f(*args))[1])
    for m, k, n in SIZES:
        product(np.ones((m, k), "f4"), np.ones((k, n), "f4"))
    product(np.ones((4, 100, 100), "f4"), np.ones((4, 100, 100), "f4"))
    assert taken == {"stacked", "single", "in_blocks", "add_up"}


def test_same_threads_same_bits():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((5, 90000)).astype("f4"), rng.standard_normal((90000, 7)).astype("f4")
    with config(threads=2):
        assert (product(a, b) == product(a, b)).all()


def test_a_vector_is_a_product_in_one_thread_of_blas(monkeypatch):
    inside = []
    plain = np.matmul

    def watched(*args, **kwargs):
        inside.append(one_thread.users)
        return plain(*args, **kwargs)

    a, v = np.ones((3000, 900), "f4"), np.ones(900, "f4")
    monkeypatch.setattr(products.np, "matmul", watched)
    assert product(a, v).shape == (3000,) and product(v, a.T).shape == (3000,)
    assert product(a, np.ones((900, 700), "f8")).dtype == "f8"
    assert inside and all(inside)
