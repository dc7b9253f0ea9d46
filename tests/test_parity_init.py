"""First values beside PyTorch's: the same bounds, gains, fans and patterns; the same distributions."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minigrad.backend import make_generator
from minigrad.nn import Parameter, init
from minigrad.nn.quantile import normal_quantile

pytestmark = pytest.mark.parity


class Constant:
    """A generator that always draws the same number: it shows the ends of a uniform, and the unit of a normal."""

    def __init__(self, value):
        self.value = value

    def random(self, shape, dtype):
        return np.full(shape, self.value, dtype)

    standard_normal = random


def new(shape):
    return Parameter(np.full(shape, np.nan))


def theirs(monkeypatch, name, shape, **options):
    """The arguments with which PyTorch draws, uniform between them or normal with this mean and deviation."""
    import torch

    seen = []
    with monkeypatch.context() as patch:
        for kind in ("uniform_", "normal_"):
            patch.setattr(torch.Tensor, kind, lambda self, a, b, generator=None: (seen.append((a, b)), self)[1])
        getattr(torch.nn.init, name)(torch.empty(shape), **options)
    return seen[-1]


shapes = st.lists(st.integers(1, 6), min_size=2, max_size=5).map(tuple)
gains = st.sampled_from([1.0, 0.5, 2.0])


@given(shape=shapes, gain=gains, kind=st.sampled_from(["uniform", "normal"]))
def test_xavier_has_pytorchs_bounds(shape, gain, kind):
    with pytest.MonkeyPatch.context() as patch:
        low, high = theirs(patch, f"xavier_{kind}_", shape, gain=gain)
    fill = getattr(init, f"xavier_{kind}_")
    ends = [fill(new(shape), gain, generator=Constant(value)).data for value in (0.0, 1.0)]
    assert np.allclose(ends[0], low, rtol=1e-14) and np.allclose(ends[1], high, rtol=1e-14)


@given(shape=shapes, a=st.sampled_from([0, 0.2, 5 ** 0.5]), mode=st.sampled_from(["fan_in", "fan_out", "FAN_IN"]),
       nonlinearity=st.sampled_from([*init.GAINS, "leaky_relu"]), kind=st.sampled_from(["uniform", "normal"]))
def test_kaiming_has_pytorchs_bounds(shape, a, mode, nonlinearity, kind):
    options = {"a": a, "mode": mode, "nonlinearity": nonlinearity}
    with pytest.MonkeyPatch.context() as patch:
        low, high = theirs(patch, f"kaiming_{kind}_", shape, **options)
    fill = getattr(init, f"kaiming_{kind}_")
    ends = [fill(new(shape), **options, generator=Constant(value)).data for value in (0.0, 1.0)]
    assert np.allclose(ends[0], low, rtol=1e-14) and np.allclose(ends[1], high, rtol=1e-14)


@given(channels=st.lists(st.integers(0, 5), max_size=2), kernel=st.lists(st.integers(1, 4), max_size=4),
       groups=st.integers(1, 3))
def test_dirac_and_eye_are_pytorchs(channels, kernel, groups):
    import torch

    shape = (*channels, *kernel)
    for name, options in (("dirac_", {"groups": groups}), ("eye_", {})):
        try:
            expected = getattr(torch.nn.init, name)(torch.empty(shape), **options)
        except ValueError:
            with pytest.raises(ValueError, match=name):
                getattr(init, name)(new(shape), **options)
            continue
        assert (getattr(init, name)(new(shape), **options).data == expected.numpy()).all()


@pytest.mark.parametrize("name", [*init.GAINS, "leaky_relu"])
@pytest.mark.parametrize("param", [None, 0.0, 0.5, 2])
def test_gains_are_pytorchs(name, param):
    import torch

    assert init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param), rel=1e-15)


@given(shape=shapes)
def test_fans_are_pytorchs(shape):
    import torch

    assert init.fans(new(shape)) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


def quantiles(x):
    return np.quantile(np.asarray(x, "f8").ravel(), np.linspace(0.02, 0.98, 25))


DRAWN = [("trunc_normal_", {}), ("trunc_normal_", {"std": 0.02}), ("trunc_normal_", {"mean": 1.0, "a": 0.5, "b": 3.0}),
         ("trunc_normal_", {"a": 1.0, "b": 2.0}), ("trunc_normal_", {"a": -3.0, "b": -2.5}),
         ("normal_", {"mean": 2.0}), ("uniform_", {"a": -3.0, "b": 5.0}), ("orthogonal_", {"gain": 2.0}),
         ("sparse_", {"sparsity": 0.1, "std": 0.5})]


@pytest.mark.parametrize(("name", "options"), DRAWN)
@pytest.mark.filterwarnings("ignore:mean is more than 2 std")
def test_distributions_are_pytorchs(name, options):
    """Quantiles of 40,000 values each, within five of their own deviations, about 0.03 of the spread."""
    import torch

    mine = getattr(init, name)(new((200, 200)), **options, generator=make_generator("cpu", 1)).data
    expected = getattr(torch.nn.init, name)(torch.empty(200, 200), **options,
                                            generator=torch.Generator().manual_seed(1)).numpy()
    spread = expected.std()
    assert np.abs(quantiles(mine) - quantiles(expected)).max() < 0.06 * spread
    assert mine.std() == pytest.approx(spread, rel=0.03)


# --- truncated normal, sparse ------------------------------------------------------------------------------------

@given(p=st.floats(1e-300, 1, exclude_max=True))
def test_quantiles_of_the_normal_distribution(p):
    assert normal_quantile(np.array([p]))[0] == pytest.approx(NormalDist().inv_cdf(p), rel=1e-13, abs=1e-15)
    assert normal_quantile(np.array([0.0, 1.0])).tolist() == [-np.inf, np.inf]


@given(mean=st.floats(-3, 3), std=st.sampled_from([0.02, 1.0, 5.0]), a=st.floats(-6, 6), width=st.floats(0.01, 4),
       dtype=st.sampled_from(["f2", "f4", "f8"]), seed=st.integers(0, 9))
def test_truncated_values_lie_in_their_bounds(mean, std, a, width, dtype, seed):
    b = a + width
    assume(abs(a) < 30 * std and abs(b) < 30 * std)
    p = init.trunc_normal_(Parameter(np.zeros((30, 20), dtype)), mean, std, a, b, make_generator("cpu", seed))
    slack = 8 * float(np.finfo(dtype).eps) * max(abs(a), abs(b))
    assert p.dtype == dtype and a - slack <= p.data.min() and p.data.max() <= b + slack


def test_far_out_in_a_tail_values_still_differ():
    for a, b in ((8.0, 12.0), (-12.0, -8.0)):
        x = init.trunc_normal_(new((50, 50)), a=a, b=b).data
        assert len(np.unique(x)) > 2000 and a <= x.min() and x.max() <= b
        assert abs(x).mean() == pytest.approx(8 + 0.121, abs=0.02)          # about 1 / 8 beyond the nearer bound


@given(rows=st.integers(0, 12), columns=st.integers(0, 4), sparsity=st.sampled_from([0.0, 0.1, 0.5, 0.99, 1.0]))
def test_sparse_has_as_many_zeros_in_every_column(rows, columns, sparsity):
    x = init.sparse_(new((rows, columns)), sparsity).data
    assert ((x == 0).sum(0) == np.ceil(sparsity * rows)).all()


def test_sparse_columns_differ():
    x = init.sparse_(new((40, 40)), 0.5).data == 0
    assert len({tuple(column) for column in x.T}) == 40


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("name", ["kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_", "normal_",
                                  "orthogonal_", "uniform_", "trunc_normal_", "eye_", "zeros_"])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_no_elements(name, shape):
    import torch

    getattr(torch.nn.init, name)(torch.empty(shape))
    p = new(shape)
    assert getattr(init, name)(p) is p
