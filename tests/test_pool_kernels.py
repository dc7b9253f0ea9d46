"""Kernels of pooling: what the small rows of the table do not reach."""

import numpy as np
import pytest
from kernel_checks import agree_with_definition, as_images

from minigrad import ops
from minigrad.kernels.numpy import adaptive_pool, pool, windows

RNG = np.random.default_rng(11)
DEFAULTS = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}
GEOMETRIES = [
    {"kernel_size": 2}, {"kernel_size": 3, "stride": 2}, {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 1, "padding": 1}, {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True}, {"kernel_size": 1, "stride": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 1, "dilation": (2, 3)},
    {"kernel_size": 5, "stride": 4, "padding": 2}, {"kernel_size": (2, 7), "stride": (2, 1)},
    {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True},
]
FEW = {"threads": (1, 3), "layouts": ("channels last", "backwards")}


@pytest.fixture(params=["small blocks", "blocks as they are"])
def blocks(request, monkeypatch):
    """Strips of few rows of an image, many for each thread."""
    if request.param == "small blocks":
        monkeypatch.setattr(windows, "BLOCK", 40)
        monkeypatch.setattr(windows, "WORTH", 1)
        monkeypatch.setattr(adaptive_pool, "WORTH", 1)


def halves(*shape):
    """Few values, so that many are equal."""
    return RNG.integers(-2, 3, shape) / 2


def with_special(x):
    """NaN, infinities and a corner of nothing but -inf."""
    x = x.copy()
    x[:, 0, :4, :5] = -np.inf
    x.flat[RNG.integers(0, x.size, 6)] = np.nan
    x.flat[RNG.integers(0, x.size, 6)] = np.inf
    return x


@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
def test_max_pool2d(options, blocks):
    """With ties, with NaN and infinities, the same winners as the definition's, and where they are."""
    options = (options["kernel_size"], *[options.get(name, default) for name, default in DEFAULTS.items()])
    for x in (halves(2, 3, 9, 8), with_special(halves(2, 3, 9, 8))):
        seed = RNG.integers(1, 9, ops.max_pool2d(x, *options).shape) * 1.0          # sums of them are exact
        with np.errstate(invalid="ignore"):
            agree_with_definition(ops.max_pool2d, (x, *options), (seed,), rtol=0, **FEW)
            agree_with_definition(ops.max_pool2d_with_indices, (x, *options), (seed, None), rtol=0, **FEW)


@pytest.mark.parametrize("options", [o for o in GEOMETRIES if "dilation" not in o], ids=str)
@pytest.mark.parametrize("counting", [(True, None), (False, None), (True, 3)], ids=str)
def test_avg_pool2d(options, counting, blocks):
    x = RNG.standard_normal((3, 2, 9, 8))
    full = (options["kernel_size"], options.get("stride"), options.get("padding", 0), options.get("ceil_mode", False),
            *counting)
    seed = RNG.standard_normal(ops.avg_pool2d(x, *full).shape)
    agree_with_definition(ops.avg_pool2d, (x, *full), (seed,), **FEW)


@pytest.mark.parametrize("size", [1, (3, 2), (4, 3), (5, 8), (9, 2)], ids=str)
def test_adaptive_pools(size, blocks):
    """Windows that are equal, that overlap, and more of them than there are elements."""
    x = halves(3, 2, 8, 6)
    seed = RNG.standard_normal(ops.adaptive_avg_pool2d(x, size).shape)
    agree_with_definition(ops.adaptive_avg_pool2d, (x, size), (seed,), **FEW)
    for image in (x, with_special(x)):
        with np.errstate(invalid="ignore"):
            agree_with_definition(ops.adaptive_max_pool2d, (image, size), (np.round(8 * seed),), rtol=0, **FEW)


def test_padding_never_wins_nor_gets_a_gradient():
    x = as_images(np.full((1, 1, 3, 3), -np.inf))
    y, winner = pool.max_pool2d_forward([True] * 6, x, 3, 2, 1)
    gx = pool.max_pool2d_backward([True] * 6, np.ones((1, 1, 2, 2)), winner, x, 3, 2, 1)[0]
    assert (y == -np.inf).all()
    np.testing.assert_array_equal(gx[0, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_an_infinite_gradient_goes_to_the_winner_alone():
    x = as_images(np.arange(16.0).reshape(1, 1, 4, 4))
    for stride in (1, 2):
        y, winner = pool.max_pool2d_forward([True] * 6, x, 2, stride)
        gx = pool.max_pool2d_backward([True] * 6, np.full(y.shape, np.inf), winner, x, 2, stride)[0]
        assert set(gx.flat) == {0, np.inf} and np.isinf(gx).sum() == y.size


def test_what_is_kept_is_a_byte_for_each_window():
    x = as_images(RNG.standard_normal((2, 3, 8, 8)).astype("f4"))
    y, winner = pool.max_pool2d_forward([True] * 6, x, 2)
    assert winner.nbytes == y.size and pool.max_pool2d_forward([False] * 6, x, 2)[1] is None
