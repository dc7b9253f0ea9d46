"""First values: means, variances and ranges; orthogonality; seeds."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.backend import make_generator
from minigrad.nn import Parameter, init
from minigrad.tensor import Tensor

SHAPE = (200, 50, 3, 2)                 # fan_in 300, fan_out 1200
SQUARE = 2 / 1500                       # Xavier's variance


def new(*shape, dtype="f4"):
    return Parameter(np.full(shape, np.nan, dtype))


def test_constants():
    for fill, value in ((init.zeros_, 0), (init.ones_, 1), (lambda p: init.constant_(p, 2.5), 2.5)):
        p = new(3, 2)
        assert fill(p) is p and (p.data == value).all()


DRAWS = [
    (lambda p, **kw: init.normal_(p, 2.0, 3.0, **kw), 2.0, 9.0, False),
    (lambda p, **kw: init.uniform_(p, -1.0, 5.0, **kw), 2.0, 3.0, True),
    (init.lecun_normal_, 0, 1 / 300, False), (init.lecun_uniform_, 0, 1 / 300, True),
    (init.xavier_normal_, 0, SQUARE, False), (init.xavier_uniform_, 0, SQUARE, True),
    (lambda p, **kw: init.xavier_normal_(p, 3.0, **kw), 0, 9 * SQUARE, False),
    (lambda p, **kw: init.xavier_uniform_(p, gain=3.0, **kw), 0, 9 * SQUARE, True),
    (init.kaiming_normal_, 0, 2 / 300, False), (init.kaiming_uniform_, 0, 2 / 300, True),
    (lambda p, **kw: init.kaiming_normal_(p, mode="fan_out", nonlinearity="relu", **kw), 0, 2 / 1200, False),
    (lambda p, **kw: init.kaiming_uniform_(p, a=1.0, **kw), 0, 1 / 300, True),
    (lambda p, **kw: init.kaiming_normal_(p, nonlinearity="tanh", **kw), 0, 25 / 9 / 300, False),
]


@pytest.mark.parametrize(("fill", "mean", "variance", "uniform"), DRAWS)
def test_mean_variance_and_range(fill, mean, variance, uniform):
    """60,000 draws: the mean's own deviation is std/245, the variance's at most 0.6 %; five of them are allowed."""
    p = new(*SHAPE)
    date = p.changed[0]
    assert fill(p) is p and p.changed[0] > date and p.requires_grad
    x = p.data.astype("f8")
    assert x.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance) / 245)
    assert x.var() == pytest.approx(variance, rel=0.03)
    half = np.sqrt(3 * variance)
    if uniform:
        assert mean - half <= x.min() < mean - 0.99 * half and mean + 0.99 * half < x.max() <= mean + half * 1.000001
    else:
        assert np.abs(x - mean).max() > 3 * np.sqrt(variance)       # it has tails


@pytest.mark.parametrize("fill", [draw[0] for draw in DRAWS] + [init.orthogonal_])
def test_a_generator_decides(fill):
    first, again, other = new(20, 5), new(20, 5), new(20, 5)
    fill(first, generator=make_generator("cpu", 7))
    fill(again, generator=make_generator("cpu", 7))
    fill(other, generator=make_generator("cpu", 8))
    assert (first.data == again.data).all() and (first.data != other.data).any()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_dtype_stays(dtype):
    for fill in (init.normal_, init.uniform_, init.orthogonal_, init.kaiming_uniform_):
        p = fill(new(4, 6, dtype=dtype))
        assert p.dtype == dtype and np.isfinite(p.data).all()


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (4, 2, 3, 3), (30, 2, 3, 3)])
def test_orthogonal(shape):
    w = init.orthogonal_(new(*shape, dtype="f8"), gain=2.0).data.reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_orthogonal_favours_no_sign():
    """Plain QR would give a diagonal of one sign; over all orthogonal 2x2 matrices it has both."""
    signs = [np.sign(init.orthogonal_(new(2, 2)).data[0, 0]) for _ in range(60)]
    assert 10 < signs.count(1) < 50


def test_gains():
    assert init.calculate_gain("linear") == init.calculate_gain("conv2d") == init.calculate_gain("sigmoid") == 1
    assert init.calculate_gain("tanh") == 5 / 3 and init.calculate_gain("relu") == 2 ** 0.5
    assert init.calculate_gain("leaky_relu") == pytest.approx((2 / 1.0001) ** 0.5)
    assert init.calculate_gain("leaky_relu", 1.0) == 1


@pytest.mark.parity
@pytest.mark.parametrize("name", [*init.GAINS, "leaky_relu"])
def test_gains_are_pytorchs(name):
    import torch
    assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name), rel=1e-12)


def test_errors():
    with pytest.raises(ValueError, match=r"this tensor has shape \(3,\)"):
        init.xavier_normal_(new(3))
    with pytest.raises(ValueError, match="orthogonal_: expected at least two axes"):
        init.orthogonal_(new(3))
    with pytest.raises(ValueError, match="mode must be 'fan_in' or 'fan_out', 'both' came"):
        init.kaiming_normal_(new(3, 3), mode="both")
    with pytest.raises(ValueError, match="'swoosh' came"):
        init.calculate_gain("swoosh")


def test_a_plain_tensor_can_be_filled():
    x = Tensor(np.zeros((2, 2)))
    assert init.ones_(x) is x and (x.data == 1).all() and not mg.ones(1).requires_grad
