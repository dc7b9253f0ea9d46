"""Reductions, cumulative sums and products, norms, sorting and creation beside PyTorch's: any axis, ties, zeros."""

import warnings
from math import inf

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, masks, same, whole

import minigrad as mg

pytestmark = pytest.mark.parity

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
KINDS = st.sampled_from(["normal", "ties"])


@st.composite
def axes(draw, shape, several=True):
    """An axis, counted from either end, or a tuple of them, or None; now and then one that is not there."""
    one = st.integers(-len(shape) - 1, len(shape)) if draw(st.integers(0, 9)) == 0 else \
        st.integers(-max(len(shape), 1), max(len(shape), 1) - 1)
    kinds = [one, st.none()]
    if several and shape:
        kinds.append(st.permutations(range(len(shape))).flatmap(
            lambda order: st.integers(1, len(order)).map(lambda n: tuple(order[:n]))))
    return draw(st.one_of(kinds))


def over(function, one_by_one=False):
    """A reduction of PyTorch's under NumPy's names for its arguments. one_by_one: over one axis after the other."""
    def reduction(x, axis=None, keepdims=False, **options):
        dims = tuple(range(x.ndim)) if axis is None else axis
        if not one_by_one or isinstance(dims, int):
            return function(x, dim=dims, keepdim=keepdims, **options)
        for dim in sorted(dims, reverse=True):
            x = function(x, dim=dim, keepdim=keepdims, **options)
        return x
    return reduction


def compare(name, inputs, options, theirs, **more):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)             # NumPy's, of the mean of nothing
        same(name, inputs, options, mine=getattr(mg, name), theirs=theirs, **more)


def drawn(data, kind=None, several=True):
    """An array, and which axes to reduce."""
    shape = data.draw(SHAPES)
    x = data.draw(arrays(shape, kind or data.draw(KINDS)))
    return x, {"axis": data.draw(axes(shape, several)), "keepdims": data.draw(st.booleans())}


# --- reductions -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, word", [("sum", "sum"), ("mean", "mean"), ("max", "amax"), ("min", "amin"),
                                        ("logsumexp", "logsumexp")])
@given(st.data())
def test_reductions(name, word, data):
    import torch

    x, options = drawn(data)
    compare(name, [x], options, over(getattr(torch, word)))


@pytest.mark.parametrize("name", ["max", "min", "sum", "logsumexp"])
@given(st.data())
def test_reductions_of_infinities(name, data):
    import torch

    x, options = drawn(data, "ties")
    x = np.asarray(np.where(x > 0.6, inf, np.where(x < -0.6, -inf, x)))
    constant = (0,) if name == "logsumexp" else ()      # PyTorch's gradient is NaN there, by inf - inf
    compare(name, [x], options, over(getattr(torch, {"max": "amax", "min": "amin"}.get(name, name))), second=False,
            constant=constant)


@given(st.data())
def test_prod(data):
    """With no zero, one or several in a group; second gradients too."""
    import torch

    x, options = drawn(data)
    compare("prod", [x], options, over(torch.prod, one_by_one=True))


@pytest.mark.parametrize("name", ["var", "std"])
@given(st.data())
def test_var_and_std(name, data):
    """std of equal elements has gradient 0, and PyTorch no second one."""
    import torch

    x, options = drawn(data)
    options["correction"] = data.draw(st.integers(0, 1))
    reduced = over(getattr(torch, name))
    compare(name, [x], options, reduced, second=False)
    if name == "var" and not options["correction"] and x.size:
        compare(name, [x], options, reduced)


@pytest.mark.parametrize("name", ["any", "all", "count_nonzero"])
@given(st.data())
def test_truth(name, data):
    import torch

    shape = data.draw(SHAPES)
    x = data.draw(masks(shape) | whole(shape, -1, 2) | arrays(shape, "ties"))
    options = {"axis": data.draw(axes(shape)), "keepdims": data.draw(st.booleans())}
    reduced = over(torch.sum) if name == "count_nonzero" else over(getattr(torch, name), one_by_one=True)
    compare(name, [x], options, lambda x, **options: reduced(x != 0, **options), constant=(0,))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@given(st.data())
def test_places_of_extremes(name, data):
    """The first of several; NaN counts as the extreme."""
    import torch

    x, options = drawn(data, several=False)
    if data.draw(st.booleans()):
        x = np.asarray(np.where(x > 0.9, np.nan, x))
    compare(name, [x], options, lambda x, axis, keepdims: getattr(torch, name)(x, axis, keepdims), constant=(0,))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all", "cumsum", "cumprod"])
@given(st.data())
def test_of_integers(name, data):
    import torch

    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
    x = data.draw(masks(shape) | whole(shape, -3, 4) | whole(shape, 0, 9).map(lambda x: x.astype("int8")))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    function = getattr(torch, {"max": "amax", "min": "amin"}.get(name, name))
    compare(name, [x], {"axis": axis}, lambda x, axis: function(x, dim=axis))


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "cumsum", "cumprod", "cumulative_sum", "cumulative_prod"])
@given(st.data())
def test_dtypes_that_are_asked_for(name, data):
    """x is converted before anything is added or multiplied, and its gradient is converted back."""
    import torch

    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
    options = {"axis": data.draw(st.integers(-len(shape), len(shape) - 1))}
    wanted = data.draw(st.sampled_from(["float32", "float64"] + ["int32", "int64"] * (name != "mean")))
    x = data.draw(masks(shape) | whole(shape, -3, 4)) if wanted.startswith("int") else data.draw(
        arrays(shape) | whole(shape, -3, 4))
    function = getattr(torch, name.replace("cumulative_", "cum"))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert getattr(mg, name)(mg.tensor(x), **options, dtype=wanted).dtype == wanted
        if not name.startswith("cumulative"):
            assert getattr(mg.tensor(x), name)(**options, dtype=wanted).dtype == wanted
        if wanted != "float32":
            same(name, [x], options, mine=lambda x, axis: getattr(mg, name)(x, axis, dtype=wanted),
                 theirs=lambda x, axis: function(x, dim=axis, dtype=getattr(torch, wanted)))


def test_a_dtype_that_is_asked_for_keeps_what_would_overflow():
    x = mg.tensor(np.array([60000.0, 60000.0], "float16"), requires_grad=True)
    for y in (mg.sum(x, dtype="float32"), x.sum(dtype="float32"), mg.cumsum(x, dtype="float32")[1]):
        assert y.item() == 120000.0
        (g,) = mg.grad([y], [x])
        assert g.dtype == "float16"
        np.testing.assert_array_equal(g.numpy(), [1, 1])


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "cumulative_sum", "cumulative_prod"])
def test_a_dtype_that_is_asked_for_holds_for_bfloat16(name):
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    x = mg.tensor(np.array([1.0, 2.0], bfloat16))
    assert getattr(mg, name)(x, dtype="float32").dtype == "float32"
    assert getattr(mg, name)(x).dtype == bfloat16


@pytest.mark.parametrize("name", ["var", "std"])
def test_numpys_word_for_a_correction(name):
    x = np.arange(12.0).reshape(3, 4) ** 2
    wanted = getattr(np, name)(x, axis=0, ddof=1)
    np.testing.assert_allclose(getattr(mg, name)(mg.tensor(x), axis=0, ddof=1).numpy(), wanted)
    np.testing.assert_allclose(getattr(mg.tensor(x), name)(0, ddof=1).numpy(), wanted)


# --- norms ------------------------------------------------------------------------------------------------------

ORDERS = [2, 1, 3, 0.5, 1.5, 0, -1, -2, inf, -inf]


@given(st.data())
def test_norm(data):
    """Gradients at 0 too, where PyTorch has no second ones to compare with."""
    import torch

    kind = data.draw(KINDS)
    x, options = drawn(data, kind)
    options["ord"] = ord = data.draw(st.sampled_from(ORDERS))
    compare("norm", [x], options, over(torch.linalg.vector_norm), second=kind == "normal",
            constant=(0,) if ord == 0 else ())


@given(st.data())
def test_frobenius_norm(data):
    import torch

    x = data.draw(arrays(data.draw(SHAPES)))
    compare("norm", [x], {}, lambda x: torch.norm(x))
    same("norm", [x], mine=lambda x: x.norm(p="fro"), theirs=lambda x: x.norm(p="fro"))


# --- along an axis ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@given(st.data())
def test_cumulative(name, data):
    import torch

    x, options = drawn(data, several=False)
    axis = options["axis"]
    function = getattr(torch, name)
    compare(name, [x], {"axis": axis}, lambda x, axis: function(x.reshape(-1) if axis is None else x, axis or 0))


@pytest.mark.parametrize("name, word, start", [("cumulative_sum", "cumsum", 0), ("cumulative_prod", "cumprod", 1)])
@given(st.data())
def test_cumulative_from_the_start(name, word, start, data):
    import torch

    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))

    def theirs(x, axis, include_initial):
        first = torch.full_like(x.sum(axis, keepdim=True), start)
        return torch.cat([first, getattr(torch, word)(x, axis)], axis)
    compare(name, [data.draw(arrays(shape, data.draw(KINDS)))], {"axis": axis, "include_initial": True}, theirs)


@given(st.data())
def test_sort(data):
    """Ties keep their order; NaN comes last, descending first."""
    import torch

    x, options = drawn(data, several=False)
    if data.draw(st.booleans()):
        x = np.asarray(np.where(x > 0.9, np.nan, x))
    axis = -1 if options["axis"] is None else options["axis"]
    options = {"axis": axis, "descending": data.draw(st.booleans())}
    compare("sort", [x], options,
            lambda x, axis, descending: torch.sort(x, dim=axis, descending=descending, stable=True)[0])
    compare("argsort", [x], options,
            lambda x, axis, descending: torch.argsort(x, dim=axis, descending=descending, stable=True))


@given(st.data())
def test_sort_of_the_flattened_array(data):
    """axis=None, as in NumPy."""
    import torch

    x = data.draw(arrays(data.draw(SHAPES), data.draw(KINDS)))
    compare("sort", [x], {"axis": None}, lambda x, axis: torch.sort(x.reshape(-1), stable=True)[0])
    compare("argsort", [x], {"axis": None}, lambda x, axis: torch.argsort(x.reshape(-1), stable=True))


@given(st.data())
def test_topk(data):
    """Values and places where no two elements are equal; where some are, PyTorch names any of them: the values."""
    import torch

    kind = data.draw(KINDS)
    x, options = drawn(data, kind, several=False)
    axis = -1 if options["axis"] is None else options["axis"]
    k = data.draw(st.integers(0 if x.ndim else 1, 4))           # none of a number PyTorch calls a number
    largest = data.draw(st.booleans())

    def values(function):
        return lambda *args: function(*args) if kind == "normal" else function(*args)[0].detach()
    same("topk", [x, k, axis, largest], mine=values(mg.topk), theirs=values(torch.topk), second=False)


# --- methods ----------------------------------------------------------------------------------------------------

METHODS = ["sum", "mean", "var", "std", "amax", "amin", "logsumexp", "any", "all", "argmax", "argmin", "prod", "norm",
           "cumsum", "cumprod", "argsort", "count_nonzero"]


@pytest.mark.parametrize("name", METHODS)
@given(st.data())
def test_methods(name, data):
    """Under PyTorch's names for axes."""
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
    options = {"dim": data.draw(st.integers(-len(shape), len(shape) - 1))}
    if name not in ("cumsum", "cumprod", "argsort", "count_nonzero"):
        options["keepdim"] = data.draw(st.booleans())
    if name in ("var", "std"):
        options["correction"] = data.draw(st.integers(0, 1))
    x = data.draw(arrays(shape))
    constant = (0,) if name in ("any", "all", "argmax", "argmin", "argsort", "count_nonzero") else ()
    with np.errstate(all="ignore"):
        same(name, [x], options, mine=lambda x, **o: getattr(x, name)(**o), theirs=lambda x, **o: getattr(x, name)(**o),
             constant=constant, second=name not in ("std", "norm"))


# --- creation ---------------------------------------------------------------------------------------------------

def made(name, *args, **options):
    """The same values of the same dtype from both."""
    import torch

    mine, theirs = getattr(mg, name)(*args, **options), getattr(torch, name)(*args, **options)
    assert mine.shape == tuple(theirs.shape)
    assert str(mine.dtype) == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-6)


@given(st.data())
def test_creation(data):
    shape = data.draw(SHAPES)
    for name in ("zeros", "ones"):
        made(name, shape)
        made(name, *shape) if shape else made(name, ())
    made("full", shape, data.draw(st.sampled_from([0, 2, -1.5, True])))
    made("eye", data.draw(st.integers(0, 4)))
    made("eye", data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4)))
    made("linspace", data.draw(st.integers(-3, 3)), data.draw(st.sampled_from([1.5, -2.0, 4])),
         data.draw(st.integers(0, 6)))


def test_creation_in_numpys_words():
    """A diagonal beside the main one; without the end."""
    for k in (-2, 0, 1, 5):
        np.testing.assert_array_equal(mg.eye(3, 4, k).numpy(), np.eye(3, 4, k))
        np.testing.assert_array_equal(mg.eye(3, k=k).numpy(), np.eye(3, k=k))
    np.testing.assert_allclose(mg.linspace(0, 1, 5, endpoint=False).numpy(), np.linspace(0, 1, 5, endpoint=False))


@given(start=st.integers(-4, 4), length=st.integers(0, 5), step=st.sampled_from([1, 2, 0.5, -1, -0.25]))
def test_arange(start, length, step):
    made("arange", start, start + length * step, step)
    made("arange", abs(start))
    made("arange", start, start + length)


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like"])
@given(shape=SHAPES, dtype=st.sampled_from(["float32", "float64", "int64"]))
def test_made_like_another(name, shape, dtype):
    import torch

    if name.startswith("rand") and dtype == "int64":
        with pytest.raises(TypeError, match="integers|floating"):
            getattr(mg, name)(mg.zeros(shape, dtype=dtype))
        return
    x = np.zeros(shape, dtype)
    args = (3,) * (name == "full_like")
    mine, theirs = getattr(mg, name)(mg.tensor(x), *args), getattr(torch, name)(torch.from_numpy(x), *args)
    assert mine.shape == tuple(theirs.shape) and str(mine.dtype) == str(theirs.dtype).removeprefix("torch.")
    if name in ("zeros_like", "ones_like", "full_like"):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


@given(st.data())
def test_meshgrid(data):
    import torch

    vectors = [data.draw(arrays((n,))) for n in data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))]
    indexing = data.draw(st.sampled_from(["ij", "xy"]))
    same("meshgrid", vectors, {"indexing": indexing}, mine=mg.meshgrid, theirs=torch.meshgrid, device=False)
