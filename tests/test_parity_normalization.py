"""Normalisation beside PyTorch's, on drawn shapes and options."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, masks, same, same_layer, sides

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:.*(empty slice|divide|invalid):RuntimeWarning")]


@st.composite
def inputs(draw, channels, places=(0, 2), low=1, batch=None, kind="normal"):
    """(n, channels, ...) with so many axes of places, from `low` on; a batch that may be empty."""
    n = draw(sides(0, 3)) if batch is None else batch
    return draw(arrays((n, channels, *[draw(sides(low, 3)) for _ in range(draw(sides(*places)))]), kind))


@st.composite
def vector(draw, n, kind="normal"):
    """One number for each of n channels, or None."""
    return draw(st.none() | arrays((n,), kind))


EPS = st.sampled_from([1e-5, 1e-2, 0.5])
MOMENTUM = st.sampled_from([0.1, 0, 1, 0.7])


def twice(weight, bias):
    """PyTorch's second gradients fail where there is a bias alone."""
    return weight is not None or bias is None


def options_of(eps):
    """How to compare: where a variance is no larger than eps, gradients are eps^(-1/2) times rounding."""
    return {"scale": 1.0, "float32": eps is None or eps > 1e-3}


def with_statistics(name, mean, var, **options):
    """Both functions, each followed by running statistics of its own, which are outputs too."""
    import torch

    def mine(x, weight, bias):
        running = [v if v is None else mg.tensor(v.astype(x.dtype), device=x.device) for v in (mean, var)]
        return getattr(F, name)(x, *running, weight, bias, **options), *running

    def theirs(x, weight, bias):
        running = [v if v is None else torch.from_numpy(v.copy()).to(x.dtype) for v in (mean, var)]
        return getattr(torch.nn.functional, name)(x, *running, weight, bias, **options), *running

    return {"mine": mine, "theirs": theirs}


# --- by the statistics of a batch -----------------------------------------------------------------------------

@given(st.data())
def test_batch_norm(data):
    """In training and not, with running statistics or none, or only one of the two."""
    c = data.draw(sides(1, 3))
    x = data.draw(inputs(c, low=0))
    tracked = data.draw(st.sampled_from(["both", "neither", "mean", "var"]))
    if 0 in x.shape:                                                        # then PyTorch looks no further
        tracked = "both"
    mean = data.draw(arrays((c,))) if tracked in ("both", "mean") else None
    var = data.draw(arrays((c,), "positive")) if tracked in ("both", "var") else None
    options = {"training": data.draw(st.booleans()), "momentum": data.draw(MOMENTUM), "eps": data.draw(EPS)}
    weight, bias = data.draw(vector(c)), data.draw(vector(c))
    same("batch_norm", [x, weight, bias], second=twice(weight, bias), **options_of(options["eps"]),
         **with_statistics("batch_norm", mean, var, **options))


@pytest.mark.parametrize("options", [
    {"training": True, "eps": 0.0}, {"eps": -1.0}, {"training": True, "momentum": None}, {"momentum": None}, {}])
@pytest.mark.parametrize("shape", [(2, 3), (1, 3), (3,), (2, 4), (0, 3)])
def test_batch_norm_corners(shape, options):
    same("batch_norm", [np.ones(shape), None, None],
         **with_statistics("batch_norm", np.zeros(3), np.ones(3), **options))


def test_batch_norm_far_from_zero():
    """|mean| >> std: nothing is left of a variance that is E[x^2] - E[x]^2."""
    x = 1e6 + np.random.default_rng(0).standard_normal((50, 2))
    same("batch_norm", [x, None, None], second=False, float32=False,
         **with_statistics("batch_norm", np.zeros(2), np.ones(2), training=True))
    y = F.batch_norm(mg.tensor((1e4 + np.random.default_rng(0).standard_normal((50, 2))).astype("f4")), None, None,
                     training=True)
    assert abs(y.numpy().std(0) - 1).max() < 1e-3


@given(st.data())
def test_instance_norm(data):
    c = data.draw(sides(1, 3))
    x = data.draw(inputs(c, low=0, batch=data.draw(sides(1, 3))))
    tracked = data.draw(st.booleans())
    mean, var = (data.draw(arrays((c,))), data.draw(arrays((c,), "positive"))) if tracked else (None, None)
    weight = data.draw(vector(c))
    bias = data.draw(vector(c))
    options = {"use_input_stats": data.draw(st.booleans()), "momentum": data.draw(MOMENTUM), "eps": data.draw(EPS)}
    same("instance_norm", [x, weight, bias], second=twice(weight, bias), **options_of(options["eps"]),
         **with_statistics("instance_norm", mean, var, **options))


@pytest.mark.parametrize("mean, var, shape", [((3,), None, (2, 3, 4)), (None, (3,), (2, 3, 4)), ((2,), (2,), (2, 3, 4)),
                                              ((3,), (3,), (2, 3)), ((3,), (3,), (2, 3, 1, 1)), ((3,), (3,), (3,)),
                                              (None, None, (0, 3, 2)), (None, None, (2, 3, 0))])
def test_instance_norm_corners(mean, var, shape):
    mean, var = [value if value is None else np.ones(value) for value in (mean, var)]
    same("instance_norm", [np.ones(shape), None, None], **with_statistics("instance_norm", mean, var))


# --- within a sample ------------------------------------------------------------------------------------------

@st.composite
def last_axes(draw):
    """An input and a shape that is (seldom: is not) its last axes."""
    shape = [draw(sides(1, 3)) for _ in range(draw(sides(1, 4)))]
    shape[0] = draw(sides(0, 3))
    normalized = shape[draw(sides(0, len(shape) - 1)):]
    if draw(st.sampled_from([False] * 9 + [True])):
        normalized[-1] += 1
    return draw(arrays(tuple(shape))), normalized


@given(last_axes(), st.booleans(), st.booleans(), EPS, st.data())
def test_layer_norm(drawn, scaled, shifted, eps, data):
    x, shape = drawn
    weight, bias = [data.draw(arrays(tuple(shape))) if wanted else None for wanted in (scaled, shifted)]
    same("layer_norm", [x, shape, weight, bias], {"eps": eps}, second=twice(weight, bias), **options_of(eps))


@given(last_axes(), st.booleans(), st.none() | EPS, st.data())
def test_rms_norm(drawn, scaled, eps, data):
    x, shape = drawn
    weight = data.draw(arrays(tuple(shape))) if scaled else None
    same("rms_norm", [x, shape, weight], {"eps": eps}, **options_of(eps))


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("shape, weight", [((), None), ((4,), (3,)), ((4, 1), None), ((0,), None)])
def test_last_axes_that_are_not(name, shape, weight):
    same(name, [np.ones((2, 4)), shape, None if weight is None else np.ones(weight)])


@given(st.data())
def test_group_norm(data):
    groups = data.draw(sides(1, 3))
    c = groups * data.draw(sides(1, 2)) + data.draw(st.sampled_from([0, 0, 0, 0, 1]))
    x, eps = data.draw(inputs(c, low=0)), data.draw(EPS)
    weight = None if 0 in x.shape else data.draw(vector(c))     # of nothing PyTorch has NaN for a weight's gradient
    bias = None if weight is None else data.draw(vector(c))     # and fails for that of a bias alone
    same("group_norm", [x, groups, weight, bias], {"eps": eps}, **options_of(eps))


@pytest.mark.parametrize("shape, groups, weight", [((2, 4, 3), -1, None), ((2, 4, 3), 3, None), ((2, 4, 3), 2, (3,)),
                                                   ((4,), 2, None), ((1, 2), 2, None), ((1, 2, 1), 2, None)])
def test_group_norm_corners(shape, groups, weight):
    same("group_norm", [np.ones(shape), groups, None if weight is None else np.ones(weight)])


@given(st.data())
def test_local_response_norm(data):
    x = data.draw(inputs(data.draw(sides(1, 5)), (0, 3), low=0))
    options = {"alpha": data.draw(st.sampled_from([1e-4, 1, 2.0])), "beta": data.draw(st.sampled_from([0.75, 1, 0.5])),
               "k": data.draw(st.sampled_from([1.0, 2]))}
    same("local_response_norm", [x, data.draw(sides(1, 7))], options, scale=1.0)


@pytest.mark.parametrize("shape, size", [((2, 3), 2), ((2, 3, 4), 0), ((2, 3, 4), -1), ((3,), 2)])
def test_local_response_norm_corners(shape, size):
    same("local_response_norm", [np.ones(shape), size])


# --- by a norm ------------------------------------------------------------------------------------------------

NORMS = st.sampled_from([2.0, 2, 1, 3, 1.5, 0.5, 0, -1, float("inf"), -float("inf")])


@given(st.data())
def test_normalize(data):
    shape = data.draw(st.lists(sides(1, 3), min_size=1, max_size=3))
    axis = st.integers(-len(shape), len(shape))                             # one of them is not there
    dim = data.draw(axis | st.tuples(axis))
    sizes, signs = data.draw(arrays(tuple(shape), "positive")), data.draw(masks(tuple(shape)))
    same("normalize", [np.where(signs, sizes, -sizes), data.draw(NORMS), dim], scale=1.0)


@given(st.data())
def test_normalize_where_elements_are_zero_or_alike(data):
    """Whole rows are 0 too: there the gradient is that of x / eps, the norm's being 0."""
    x = data.draw(arrays((2, data.draw(sides(0, 4))), "ties"))
    same("normalize", [x, data.draw(NORMS)], {"eps": data.draw(st.sampled_from([1e-3, 0.3]))}, second=False,
         scale=1.0)


@pytest.mark.parametrize("p", [2, 1, float("inf")])
def test_normalize_where_the_norm_is_eps(p):
    """The gradient is that of x / norm still."""
    same("normalize", [np.array([[0.5, 0.0], [0.0, -1.0]]), p], {"eps": 0.5}, second=False)


@pytest.mark.parametrize("dim", [None, (), (0, 2), [1, 0], (1, 1)])
@pytest.mark.parametrize("p", [2, 1, "fro"])
def test_normalize_along_several_axes(dim, p):
    same("normalize", [np.random.default_rng(0).standard_normal((2, 3, 2)), p, dim], scale=1.0)


def test_normalize_into_another_tensor():
    import torch

    x = np.random.default_rng(0).standard_normal((2, 3))
    out, theirs = mg.zeros(2, 3, dtype="float64"), torch.zeros(2, 3, dtype=torch.float64)
    assert F.normalize(mg.tensor(x, requires_grad=True), out=out) is out and not out.requires_grad
    torch.nn.functional.normalize(torch.from_numpy(x), out=theirs)
    np.testing.assert_allclose(out.numpy(), theirs.numpy(), rtol=1e-12)


# --- integers, and half precision -------------------------------------------------------------------------------

@pytest.mark.parametrize("name, args", [("batch_norm", [None, None, None, None, True]), ("instance_norm", []),
                                        ("layer_norm", [(4,)]), ("rms_norm", [(4,)]), ("group_norm", [1]),
                                        ("normalize", [])])
def test_integers_are_refused(name, args):
    same(name, [np.arange(24).reshape(2, 3, 4), *args])


def test_rms_norm_of_half_precision():
    """The machine epsilon is that of float32, in which it is computed."""
    import torch

    for x in ([[0.01, 0.02]], [[1e-3, 1e-3]], [[300.0, 400.0]]):
        y = F.rms_norm(mg.tensor(np.array(x, "f2")), 2)
        expected = torch.nn.functional.rms_norm(torch.tensor(x).half(), (2,))
        np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=2e-3)


# --- layers ---------------------------------------------------------------------------------------------------

def pair_of(name, *args, **options):
    """minigrad's layer and PyTorch's, with a state that is not the first one."""
    import torch

    mine, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(mine) == repr(theirs)
    for value in theirs.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=torch.Generator().manual_seed(0)) + 0.5)
    return mine, theirs


def thrice(layer):
    """The layer on what it gave: its state moves three times."""
    return lambda x: layer(layer(layer(x) + 0.5 * x) + x)


AXES = {"BatchNorm1d": (0, 1), "BatchNorm2d": (2, 2), "BatchNorm3d": (3, 3), "InstanceNorm1d": (1, 1),
        "InstanceNorm2d": (2, 2), "InstanceNorm3d": (3, 3)}


@pytest.mark.parametrize("name", AXES)
@given(st.data())
def test_layer_with_statistics(name, data):
    c = data.draw(sides(1, 3))
    options = {"eps": data.draw(EPS), "momentum": data.draw(st.sampled_from([0.1, None, 0.7])),
               "affine": data.draw(st.booleans()), "track_running_stats": data.draw(st.booleans()),
               "bias": data.draw(st.just(True) if name.startswith("I") else st.booleans())}
    x = data.draw(inputs(c, AXES[name], batch=data.draw(sides(0 if name.startswith("B") else 1, 3))))
    call = thrice if 0 not in x.shape and x.size > c else lambda layer: layer
    same_layer(*pair_of(name, c, **options), [x], call=call, training=data.draw(st.booleans()),
               **options_of(options["eps"]))


@pytest.mark.parametrize("name", ["InstanceNorm1d", "InstanceNorm2d"])
@pytest.mark.parametrize("options", [{}, {"affine": True}, {"track_running_stats": True}])
@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (2, 2, 3), (3, 3, 2), (2, 2, 2, 3), (2,)])
def test_instance_norm_layer_without_a_batch(name, options, shape):
    """(c, l) is a sample, (3, ...) has other channels than num_features, the rest has too many axes, or too few."""
    same_layer(*pair_of(name, 2, **options), [np.random.default_rng(0).standard_normal(shape)], scale=1.0)


def test_an_empty_batch_is_counted_and_changes_nothing_else():
    same_layer(*pair_of("BatchNorm1d", 3), [np.zeros((0, 3))])
    same_layer(*pair_of("BatchNorm2d", 3, momentum=None), [np.zeros((2, 3, 0, 2))])


def test_statistics_that_are_switched_off_stay():
    mine, theirs = pair_of("BatchNorm1d", 2)
    mine.track_running_stats = theirs.track_running_stats = False
    same_layer(mine, theirs, [np.random.default_rng(0).standard_normal((4, 2))])
    same_layer(mine, theirs, [np.random.default_rng(0).standard_normal((4, 2))], training=False)


@given(last_axes(), st.booleans(), st.booleans(), EPS)
def test_layer_norm_layer(drawn, affine, bias, eps):
    x, shape = drawn
    same_layer(*pair_of("LayerNorm", shape, eps, affine, bias), [x], **options_of(eps))


@given(last_axes(), st.booleans(), st.none() | EPS)
def test_rms_norm_layer(drawn, affine, eps):
    x, shape = drawn
    same_layer(*pair_of("RMSNorm", shape, eps, affine), [x], **options_of(eps))


@given(st.data())
def test_group_norm_layer(data):
    groups = data.draw(sides(1, 3))
    c = groups * data.draw(sides(1, 2))
    eps = data.draw(EPS)
    layers = pair_of("GroupNorm", groups, c, eps, data.draw(st.booleans()), bias=data.draw(st.booleans()))
    same_layer(*layers, [data.draw(inputs(c))], **options_of(eps))


@given(st.data())
def test_local_response_norm_layer(data):
    layers = pair_of("LocalResponseNorm", data.draw(sides(1, 5)), data.draw(st.sampled_from([1e-4, 1])), 0.75,
                     data.draw(st.sampled_from([1.0, 2])))
    same_layer(*layers, [data.draw(inputs(data.draw(sides(1, 4)), (1, 3)))], scale=1.0)
