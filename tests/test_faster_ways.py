"""Where NumPy's own way is slow, large arrays take another: it gives the same."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import backend
from minigrad.op import OPS
from minigrad.ops import error_function, linalg, sorting


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "uint8", "bool"])
def test_choose_is_where(rng, dtype):
    a, b = rng.standard_normal((2, 60, 70)) * 5
    with np.errstate(invalid="ignore"):
        a, b = a.astype(dtype), b.astype(dtype)
    mask = rng.random((60, 70)) < 0.5
    assert mask.size > backend.MANY
    for pair in ((a, b), (a, b[:1]), (a[:, :1], b), (a, 0), (1, b), (a[::-1, ::-1], b[:, ::-1]), (a, 1.5), (2, 3)):
        got, expected = backend.choose(mask, *pair), np.where(mask, *pair)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


def test_choose_takes_infinity_nan_and_zeros_as_they_are(rng):
    a = np.tile(np.float32([np.inf, np.nan, -0.0, 1e-45]), 1000)
    mask = rng.random(a.size) < 0.5
    np.testing.assert_array_equal(backend.choose(mask, a, -a).view("i4"), np.where(mask, a, -a).view("i4"))
    assert np.array_equal(backend.choose(mask, a, 0.0), np.where(mask, a, np.float32(0)), equal_nan=True)


@pytest.mark.parametrize("index", ["rows", "negative", "grid", "mask", "slice and rows", "all of it"])
def test_scatter_add_is_add_at(rng, index):
    rows = rng.integers(0, 60, 90)
    index = {"rows": rows, "negative": -1 - rows, "grid": (rows[:60, None], rng.integers(0, 70, (60, 70))),
             "mask": rng.random((60, 70)) < 0.9, "slice and rows": (slice(None), rows % 70), "all of it": ...}[index]
    x = rng.standard_normal((60, 70))
    values = rng.standard_normal(x[index].shape)
    expected = x.copy()
    np.add.at(expected, index, values)
    assert backend.MANY < x.size < 4 * values.size
    backend.scatter_add(x, index, values)
    np.testing.assert_array_equal(x, expected)


def test_scatter_add_repeats_a_value_and_refuses_a_place_that_is_none(rng):
    x, rows = np.zeros((60, 70)), rng.integers(0, 60, 90)
    expected = x.copy()
    values = np.broadcast_to(rng.standard_normal((90, 1)), (90, 70))
    np.add.at(expected, rows, values)
    backend.scatter_add(x, rows, values)
    np.testing.assert_array_equal(x, expected)
    with pytest.raises(IndexError):
        backend.scatter_add(x, rows + 1, values)


@pytest.mark.parametrize("exponent", [3, 4, -3, -4, 5.0, 10, 2, 1, 0, 0.5, 3.5, -2])
def test_powers_of_negative_numbers(exponent):
    x = np.array([-2, -1.5, -0.0, 0, 1, 3, np.inf, -np.inf, np.nan])
    with np.errstate(all="ignore"):
        got, expected = mg.power(x, exponent), x ** exponent
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    np.testing.assert_array_equal(np.signbit(got[:-1]), np.signbit(expected[:-1]))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("values", ["distinct", "few ties", "many ties", "NaN"])
def test_first_places_are_those_of_argsort(rng, values, descending):
    shape = (30, 3, 100)
    x = {"distinct": lambda: rng.permutation(9000).reshape(shape) / 7, "few ties": lambda: rng.integers(0, 5000, shape),
         "many ties": lambda: rng.integers(0, 9, shape) / 2,
         "NaN": lambda: np.where(rng.random(shape) < 0.1, np.nan, rng.standard_normal(shape))}[values]()
    for k in (1, 3, 24):
        np.testing.assert_array_equal(OPS["first_places"](x, k, -1, descending),
                                      OPS["argsort"](x, -1, descending)[..., :k])
    swapped = np.swapaxes(x, 1, 2)
    np.testing.assert_array_equal(OPS["first_places"](swapped, 2, 1, descending),
                                  OPS["argsort"](swapped, 1, descending)[:, :2])


def test_a_cut_between_equals_is_left_to_argsort():
    x = np.arange(100.0)[None].repeat(30, 0)
    assert sorting.partitioned(x, 3, True).tolist() == [[99, 98, 97]] * 30
    x[:, 90] = 97.0
    assert sorting.partitioned(x, 3, True) is None
    assert mg.topk(x, 3)[1].tolist() == [[99, 98, 90]] * 30


@pytest.mark.parametrize("function", [mg.erf, mg.erfc])
@pytest.mark.parametrize("n", [error_function.BLOCK, error_function.BLOCK + 1, 2 * error_function.BLOCK])
def test_blocks_leave_no_gap(function, n):
    x = np.linspace(-4, 4, n).reshape(1, n)[:, ::-1]
    few = np.arange(0, n, 7)
    np.testing.assert_array_equal(function(x)[:, few], function(x[:, few]))
    assert function(x).shape == x.shape


@pytest.mark.parametrize("spec", ["ij,jk->ik", "bij,bjk->bik", "jbi,kbj->kib", "bhld,bhsd->bhls", "ijk,kjl->il",
                                  "bi,ij->bj"])
def test_einsum_by_matmul(rng, spec):
    left, right = spec.split("->")[0].split(",")
    size = dict(zip("bhijklsd", (2, 3, 4, 5, 6, 2, 3, 4), strict=True))
    a, b = [rng.standard_normal([size[c] for c in term]) for term in (left, right)]
    assert linalg.matrix_product(a, b, spec) is not None
    np.testing.assert_allclose(mg.einsum(spec, a, b), np.einsum(spec, a, b), rtol=1e-12)


@pytest.mark.parametrize("spec", ["i,j->ij", "ij,ij->ij", "ij,ij->i", "ij,j->i", "ij,jk->k", "ij,kl->"])
def test_einsum_that_is_no_product_of_matrices(rng, spec):
    left, right = spec.split("->")[0].split(",")
    size = dict(zip("ijkl", (4, 5, 6, 2), strict=True))
    a, b = [rng.standard_normal([size[c] for c in term]) for term in (left, right)]
    assert linalg.matrix_product(a, b, spec) is None
    np.testing.assert_allclose(mg.einsum(spec, a, b), np.einsum(spec, a, b), rtol=1e-12)


def test_einsum_of_a_length_1_that_is_repeated(rng):
    a, b = rng.standard_normal((4, 1)), rng.standard_normal((3, 5))
    np.testing.assert_allclose(mg.einsum("ij,jk->ik", a, b), np.einsum("ij,jk->ik", a, b))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "int64"])
def test_sigmoid_of_whole_numbers(dtype):
    """-|x| of the least one, or of one without a sign, is no number of theirs."""
    x = np.array([0, 1, 0, 1] if dtype == "bool" else [0, 1, 5, 127] if dtype == "uint8" else [0, -128, -5, 127], dtype)
    got = mg.sigmoid(mg.tensor(x))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got.numpy(), 1 / (1 + np.exp(-x.astype("float64"))), rtol=1e-14)
