"""Kernels of normalisation and of activations: what the small rows of the table do not reach."""

import numpy as np
import pytest
from kernel_checks import LAYOUTS, agree_with_definition, as_images, defined

import minigrad as mg
from minigrad import ops
from minigrad.kernels.numpy import batch_norm, channels, flat, sample_norm

RNG = np.random.default_rng(7)
SHAPES = [(3, 4, 5, 6), (2, 3, 7, 7), (4, 1, 3, 5), (5, 7), (2, 3, 11), (1, 6, 4, 4), (2, 2, 2, 3, 4), (13, 2, 1, 1)]


def normal(*shape):
    return RNG.standard_normal(shape)


@pytest.fixture(params=["small blocks", "blocks as they are"])
def blocks(request, monkeypatch):
    """Blocks of a few rows, many of them for each thread, and the shift left out where it may be."""
    if request.param == "small blocks":
        channels.aside.cache_clear()
        for name, value in {"LENGTH": 12, "SUMMED": 6, "RUN": 2, "BLOCK": 24, "STRETCH": 48, "WORTH": 2}.items():
            monkeypatch.setattr(channels, name, value)
        monkeypatch.setattr(batch_norm, "LARGE", 0)
        monkeypatch.setattr(batch_norm, "BLOCK", 24)
        monkeypatch.setattr(batch_norm, "STRETCH", 48)
    yield request.param
    channels.aside.cache_clear()


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_train(shape, blocks):
    c = shape[1]
    args = (normal(*shape), normal(c), normal(c), 1e-5)
    agree_with_definition(ops.batch_norm_train, args, (normal(*shape), None, None))
    agree_with_definition(ops.batch_norm_train, args, (normal(*shape), normal(c), normal(c)))


@pytest.mark.parametrize("shape", SHAPES[:5])
@pytest.mark.parametrize("residual", [False, True])
def test_batch_norm_relu_train(shape, residual, blocks):
    c = shape[1]
    args = (normal(*shape), normal(c), normal(c), 1e-3, normal(*shape) if residual else None)
    agree_with_definition(ops.batch_norm_relu_train, args, (normal(*shape), normal(c), None))


@pytest.mark.parametrize("shape", SHAPES[:5])
@pytest.mark.parametrize("mean", [0.1, 50.0])
def test_batch_norm_eval(shape, mean, blocks):
    c = shape[1]
    args = (normal(*shape), normal(c) + mean, RNG.uniform(0.5, 2, c), normal(c), normal(c), 1e-5)
    agree_with_definition(ops.batch_norm_eval, args, (normal(*shape),))
    agree_with_definition(ops.batch_norm_relu_eval, (*args, normal(*shape)), (normal(*shape),))


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (2, 6, 7, 7), (1, 4, 3, 5), (5, 8), (2, 4, 11)])
def test_group_and_instance_norm(shape, blocks):
    c = shape[1]
    args = (normal(*shape) + 100, normal(c), normal(c), 1e-5)
    agree_with_definition(ops.group_norm, (args[0], 2, *args[1:]), (normal(*shape),), rtol=1e-9)
    if len(shape) > 2:
        seeds = (normal(*shape), normal(*shape[:2]), normal(*shape[:2]))
        agree_with_definition(ops.instance_norm_train, args, seeds, rtol=1e-9)


@pytest.mark.parametrize("mean", [0.0, 3.0, 1e2, 1e4, -1e4])
@pytest.mark.parametrize("std", [1e-2, 1.0])
def test_a_mean_far_from_0_costs_no_precision(mean, std):
    """In float32 statistics and result are those of float64 on the same numbers, to roundings of them alone."""
    x = (mean + std * normal(8, 16, 32, 32)).astype("f4")               # large enough that a shift is not always taken
    g = normal(*x.shape).astype("f4")
    w, b, wide = np.ones(16, "f4"), np.zeros(16, "f4"), x.astype("f8")
    centred = wide - wide.mean((0, 2, 3), keepdims=True)
    var = np.square(centred).mean((0, 2, 3))
    scale = 1 / np.sqrt(var + 1e-5)[:, None, None]
    (y, mu, found), kept = batch_norm.batch_norm_train_forward([True] * 4, as_images(x), w, b)
    np.testing.assert_allclose(mu, wide.mean((0, 2, 3)), rtol=1e-6, atol=1e-7 * std)
    np.testing.assert_allclose(found, var, rtol=2e-6)
    np.testing.assert_allclose(y, centred * scale, rtol=0, atol=1e-5)
    gx, gweight, gbias, _ = batch_norm.batch_norm_train_backward([True] * 4, (as_images(g), None, None), kept,
                                                                 as_images(x), w, b)
    xhat = centred * scale
    np.testing.assert_allclose(gweight, (g * xhat).sum((0, 2, 3)), rtol=1e-4, atol=2e-3)
    along, across = [h.mean((0, 2, 3), dtype="f8", keepdims=True) for h in (g * xhat, g)]
    expected = scale * (g - across - xhat * along)
    np.testing.assert_allclose(gx, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("groups", [2, 4])
def test_nor_does_it_cost_group_norm_any(groups):
    x, g = [(offset + 0.01 * normal(2, 4, 8, 8)).astype("f4") for offset in (1e4, 0)]
    args = [np.ones(4, "f4"), np.zeros(4, "f4"), 1e-12]
    y, kept = sample_norm.group_norm_forward([True] * 5, x, groups, *args)
    found = sample_norm.group_norm_backward([True] * 5, g, kept, x, groups, *args)
    wide = [x.astype("f8"), groups, *[a.astype("f8") for a in args[:2]], 1e-12]
    (expected,), gradients = defined(ops.group_norm, wide, (g.astype("f8"),))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    for a, b in zip([found[0], found[2], found[3]], gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())


def test_a_constant_channel_has_variance_0():
    x = np.full((4, 2, 64, 64), 0.1, "f4")
    x[:, 1] = normal(4, 64, 64)
    (y, _, var), _ = batch_norm.batch_norm_train_forward([False] * 4, x, None, None)
    assert var[0] == 0 and not y[:, 0].any() and abs(var[1] - 1) < 0.05


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_channel(value):
    x = normal(4, 3, 4, 4)
    x[1, 1, 2, 2] = value
    with np.errstate(invalid="ignore"):
        (y, mean, var), _ = batch_norm.batch_norm_relu_train_forward([False] * 5, as_images(x))
    assert np.isnan(y[:, 1]).any() and np.isnan(var[1]) and np.isfinite(y[:, [0, 2]]).all()
    assert np.isfinite(mean[[0, 2]]).all()


def test_the_masked_gradient_is_0_even_where_an_infinite_one_arrives_and_nan_passes():
    a, b = as_images(normal(2, 3, 4, 4)), as_images(normal(2, 3, 4, 4))
    a[0, 0, 0, 0], a[0, 0, 0, 1], a[0, 0, 0, 2], b[0, 0, 0, 2] = np.nan, -50, -0.0, -0.0
    g = np.full(a.shape, np.inf)
    y, kept = ops.add_relu.kernels["numpy"][0].forward([True, True], a, b)
    ga, gb = ops.add_relu.kernels["numpy"][0].backward([True, True], g, kept, a, b)
    assert np.isnan(y[0, 0, 0, 0]) and ga[0, 0, 0, 0] == np.inf
    assert (ga == np.where(y <= 0, 0, np.inf)).all() and not np.shares_memory(ga, gb)
    np.testing.assert_array_equal(ga, gb)


def test_two_runs_give_the_same_bits():
    x, g = as_images(normal(8, 32, 32, 32).astype("f4")), as_images(normal(8, 32, 32, 32).astype("f4"))
    runs = []
    for _ in range(2):
        (y, mean, var), kept = batch_norm.batch_norm_train_forward([True] * 4, x, None, None)
        gx = batch_norm.batch_norm_train_backward([True] + [False] * 3, (g, None, None), kept, x)[0]
        runs.append([y, mean, var, gx])
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_residual_must_be_like_x():
    x = mg.tensor(normal(2, 3, 4, 4))
    with pytest.raises(ValueError, match="residual must be like x"):
        ops.batch_norm_relu_train(x, residual=mg.tensor(normal(2, 3, 4)))
    with pytest.raises(ValueError, match="residual must be like x"):
        ops.batch_norm_relu_eval(x, mg.zeros(3, dtype="float64"), mg.ones(3, dtype="float64"),
                                 residual=mg.tensor(normal(3, 4, 4)))


# --- large elementwise primitives -----------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 88.0, -88.0, 700.0, -700.0]


@pytest.mark.parametrize("name, options", [
    ("relu", ()), ("tanh", ()), ("sigmoid", ()),
    *[("leaky_relu", (slope,)) for slope in (0.01, 1.0, 0.0, -0.5, 3.0, 1)],
])
@pytest.mark.parametrize("place", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("threads", [1, 3])
def test_large_arrays_go_as_small_ones(name, options, place, threads, monkeypatch):
    monkeypatch.setattr(flat, "BLOCK", 1000)
    monkeypatch.setattr(flat, "WORTH", 3000)
    flat.constant.cache_clear()
    op, x, g = getattr(ops, name), 3 * normal(4, 8, 32, 17), normal(4, 8, 32, 17)
    x.flat[:len(SPECIAL)] = SPECIAL
    g.flat[1:9:3] = np.inf
    results = []
    with np.errstate(all="ignore"):
        for kernels, move in ("definition", np.copy), ("auto", place):
            with mg.config(kernels=kernels, threads=threads):
                leaf = mg.tensor(move(x), requires_grad=True)
                y = op(leaf, *options)
                y.backward(mg.tensor(move(g)))
                results.append((y.numpy(), leaf.grad.numpy()))
    flat.constant.cache_clear()
    for plain, fast in zip(*results, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-13, atol=1e-300)
        assert fast.dtype == plain.dtype
