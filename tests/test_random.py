"""Tensors drawn at random: what they are distributed like, whom they obey, where they live."""

import numpy as np
import pytest
from halves import HALVES
from strict_cupy import installed, only_on_the_double

import minigrad as mg
from minigrad import backend
from minigrad.backend import make_generator

MANY = 20000
P = mg.tensor([0.1, 0.5, 0.9])

DRAWS = {
    "rand": lambda **o: mg.rand(3, 4, **o),
    "randn": lambda **o: mg.randn(3, 4, **o),
    "randint": lambda **o: mg.randint(0, 9, (3, 4), **o),
    "randperm": lambda **o: mg.randperm(9, **o),
    "uniform": lambda **o: mg.uniform(-1.0, 2.0, (3, 4), **o),
    "normal": lambda **o: mg.normal(1.0, 2.0, (3, 4), **o),
    "rand_like": lambda **o: mg.rand_like(mg.zeros(3, 4), **o),
    "randn_like": lambda **o: mg.randn_like(mg.zeros(3, 4), **o),
    "bernoulli": lambda **o: mg.bernoulli(mg.full((3, 4), 0.5), **o),
    "multinomial": lambda **o: mg.multinomial(mg.ones(20), 9, **o),
    "multinomial with replacement": lambda **o: mg.multinomial(mg.ones(20), 9, True, **o),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_obey_their_generator_and_the_seed(name):
    draw = DRAWS[name]
    first, again = [draw(generator=make_generator("cpu", 7)).tolist() for _ in range(2)]
    assert first == again != draw(generator=make_generator("cpu", 8)).tolist()
    mg.manual_seed(3)
    first, next_one = draw().tolist(), draw().tolist()
    mg.manual_seed(3)
    assert draw().tolist() == first != next_one


@pytest.mark.parametrize("name", DRAWS)
def test_draws_on_the_other_library(name):
    """Where they should be, of the dtype that they have on the CPU."""
    draw = DRAWS[name]
    expected = draw()
    with installed():
        if name.endswith("_like"):
            y = getattr(mg, name)(mg.zeros(3, 4, device="cuda"))
        elif name == "bernoulli":
            y = mg.bernoulli(mg.full((3, 4), 0.5, device="cuda"))
        elif name.startswith("multinomial"):
            y = mg.multinomial(mg.ones(20, device="cuda"), 9, "with" in name)
        else:
            y = draw(device="cuda")
        assert (y.device, y.shape, y.dtype) == ("cuda:0", expected.shape, expected.dtype)


def test_uniform():
    x = mg.uniform(-1.0, 3.0, (MANY,)).numpy()
    assert x.min() >= -1 and x.max() < 3 and x.dtype == np.float32
    assert abs(x.mean() - 1) < 0.05 and abs(x.var() - 16 / 12) < 0.05


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_halves_below_1(dtype):
    """Nothing is rounded up to 1, and every number of the grid below is equally likely."""
    bits = {"float16": 11, "bfloat16": 8}[str(np.dtype(dtype))]
    for x in (mg.rand(MANY, dtype=dtype), mg.rand_like(mg.zeros(MANY, dtype=dtype)), mg.uniform(0, 1, MANY, dtype)):
        values = x.numpy().astype("float64")
        assert x.dtype == dtype and values.min() >= 0 and values.max() < 1 and abs(values.mean() - 0.5) < 0.01
        assert (values * 2**bits % 1 == 0).all()


@pytest.mark.parametrize("dtype", ["int64", bool], ids=str)
@pytest.mark.parametrize("call", [
    lambda dtype: mg.rand(2, dtype=dtype), lambda dtype: mg.randn(2, dtype=dtype),
    lambda dtype: mg.rand_like(mg.zeros(2), dtype=dtype), lambda dtype: mg.uniform(0, 1, 2, dtype=dtype),
    lambda dtype: mg.normal(0, 1, 2, dtype=dtype),
])
def test_whole_numbers_are_not_drawn_by_rounding(call, dtype):
    with pytest.raises(TypeError, match="expected a floating dtype, (int64|bool) came.*randint"):
        call(dtype)


def test_uniform_between_tensors():
    low = mg.tensor(np.array([[0.0], [10.0]]))
    x = mg.uniform(low, low + mg.tensor(np.array([1.0, 2.0, 4.0])), (2, 3)).numpy()
    assert x.dtype == np.float64 and (x >= low.numpy()).all() and (x < low.numpy() + [1, 2, 4]).all()
    assert mg.uniform(low, 11.0).shape == (2, 1)


def test_normal():
    x = mg.normal(mg.tensor([0.0, 100.0]), mg.tensor([1.0, 3.0]), (MANY, 2)).numpy()
    np.testing.assert_allclose(x.mean(0), [0, 100], atol=0.1)
    np.testing.assert_allclose(x.std(0), [1, 3], rtol=0.03)
    assert mg.normal().shape == () and mg.normal(size=(2,), dtype="float64").dtype == np.float64


def test_rand_like_takes_shape_dtype_and_asks_for_gradients():
    x = mg.rand_like(mg.zeros(2, 3, dtype="float64"), requires_grad=True)
    assert x.shape == (2, 3) and x.dtype == np.float64 and x.requires_grad
    assert mg.randn_like(mg.tensor([1, 2]), "float16").dtype == np.float16


def test_randperm():
    x = mg.randperm(50)
    assert x.dtype == np.int64 and sorted(x.tolist()) == list(range(50)) != x.tolist()
    assert mg.randperm(0).shape == (0,)
    firsts = [mg.randperm(3).tolist()[0] for _ in range(900)]
    assert min(np.bincount(firsts)) > 230


def test_bernoulli():
    x = mg.bernoulli(P.broadcast_to(MANY, 3))
    assert x.dtype == np.float32 and set(np.unique(x.numpy())) == {0, 1} and not x.requires_grad
    np.testing.assert_allclose(x.numpy().mean(0), [0.1, 0.5, 0.9], atol=0.02)
    assert mg.bernoulli(mg.tensor([0.0, 1.0])).tolist() == [0, 1]


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial(replacement):
    """Firsts are drawn in proportion to the weights; without replacement the second among the rest."""
    weights = np.array([1.0, 0.0, 3.0, 6.0])
    x = mg.multinomial(mg.tensor(np.broadcast_to(weights, (MANY, 4))), 2, replacement).numpy()
    assert x.shape == (MANY, 2) and x.dtype == np.int64
    np.testing.assert_allclose(np.bincount(x[:, 0], minlength=4) / MANY, weights / 10, atol=0.02)
    second = np.bincount(x[x[:, 0] == 3, 1], minlength=4) / (x[:, 0] == 3).sum()
    np.testing.assert_allclose(second, weights / 10 if replacement else [0.25, 0, 0.75, 0], atol=0.02)
    assert mg.multinomial(mg.tensor([0.0, 2.0, 0.0]), 1, replacement).tolist() == [1]


def test_multinomial_draws_more_than_there_are_places_only_with_replacement():
    assert mg.multinomial(mg.ones(2), 5, replacement=True).shape == (5,)
    assert sorted(mg.multinomial(mg.ones(4), 4).tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda:1", marks=only_on_the_double)])
def test_generators_draw_again_what_they_drew_after_a_state_was_taken(device):
    with installed():
        mg.manual_seed(3)
        mg.rand(5, device=device)
        states = backend.generator_states()
        assert set(states["generators"]) == {device} and states["seed"] == 3
        first = mg.rand(7, device=device).numpy(), mg.randn(3, device=device).numpy(), mg.rand(2, device="cuda").numpy()
        mg.manual_seed(4)
        backend.set_generator_states(states)
        again = mg.rand(7, device=device).numpy(), mg.randn(3, device=device).numpy(), mg.rand(2, device="cuda").numpy()
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)         # that of cuda:0 did not exist then: it begins anew from seed 3


def test_states_of_devices_that_are_not_here_are_left_out():
    mg.manual_seed(3)
    mg.rand(5)
    states = backend.generator_states()
    elsewhere = {**states["generators"], "cuda:77": np.zeros(3, "i1")}
    with installed():
        backend.set_generator_states({"seed": 3, "generators": elsewhere})
    backend.set_generator_states({"seed": 3, "generators": elsewhere})
    assert set(backend.generator_states()["generators"]) == {"cpu"}
