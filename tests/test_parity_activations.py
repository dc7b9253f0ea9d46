"""Activations beside PyTorch's, on drawn shapes, options and layouts, at their corners too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, same_layer, sides

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

pytestmark = pytest.mark.parity
SHAPES = st.lists(sides(), max_size=4).map(tuple)


@st.composite
def signals(draw, shapes=SHAPES):
    """Normal numbers or, as often, multiples of a half or of 3: on every corner."""
    x = draw(arrays(shapes, draw(st.sampled_from(["normal", "ties"]))))
    return np.asarray(x * draw(st.sampled_from([1.0, 6.0])))


def numbers(*values):
    return st.sampled_from(values)


# What an option may be; of PyTorch's constants in float32 only those that it can hold.
OPTIONS = {
    "relu": {"inplace": st.just(False)},
    "relu6": {},
    "leaky_relu": {"negative_slope": numbers(0.01, 0.0, 0.5, 2.0)},
    "elu": {"alpha": numbers(1.0, 0.5, 0.0, -1.0)},
    "selu": {},
    "celu": {"alpha": numbers(1.0, 0.5, 4.0)},
    "gelu": {"approximate": numbers("none", "tanh")},
    "silu": {},
    "mish": {},
    "softplus": {"beta": numbers(1.0, 0.5, 3.0, -2.0), "threshold": numbers(20.0, 1.0, 0.0)},
    "softsign": {},
    "hardtanh": {"min_val": numbers(-1.0, 0.0), "max_val": numbers(1.0, 0.5, 0.0, -1.0)},
    "hardsigmoid": {},
    "hardswish": {},
    "logsigmoid": {},
    "tanhshrink": {},
    "softshrink": {"lambd": numbers(0.5, 0.0, 1.0, -1.0)},
    "hardshrink": {"lambd": numbers(0.5, 0.0, 1.0, -1.0)},
    "threshold": {"threshold": numbers(0.0, 0.5, -3.0), "value": numbers(0.0, 7.0)},
    "sigmoid": {},
    "tanh": {},
}


def drawn(data, options):
    return {name: data.draw(values) for name, values in options.items()}


def and_a_square(function):
    """The function plus x^2, so that second gradients that all but vanish have something to be small against."""
    return lambda x, *rest, **options: function(x, *rest, **options) + x * x


def and_a_weight(function):
    """The function times a second input: gradients of a softmax alone add up to 0."""
    return lambda x, weight, **options: function(x, **options) * weight


# Whose gradients all but vanish far from 0.
FAINT = {"gelu", "tanh", "tanhshrink", "sigmoid", "mish", "silu", "softplus", "logsigmoid"}


@pytest.mark.parametrize("name", OPTIONS)
@given(st.data())
def test_elementwise(name, data):
    """In float32 the gradient of tanh loses digits at large inputs, in either library others."""
    import torch

    functions = {"mine": getattr(F, name), "theirs": getattr(torch.nn.functional, name)}
    if name in FAINT:
        functions = {side: and_a_square(f) for side, f in functions.items()}
    same(name, [data.draw(signals())], drawn(data, OPTIONS[name]), **functions)


@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_given_by_default(name):
    """The options left out; numbers far from 0 on both sides."""
    x = np.concatenate([np.linspace(-8, 8, 21), [-700.0, 700.0, -30.0, 30.0, 1e-9, -1e-9]])
    required = {"threshold": 0.5, "value": 2.0} if name == "threshold" else {}
    same(name, [x], required, second=name != "mish")                # PyTorch's of mish is NaN at 700


@pytest.mark.parametrize("name", sorted({*OPTIONS} - {"sigmoid", "tanh", "softsign", "tanhshrink"}))
@given(st.data())
def test_integers_are_taken_where_pytorch_takes_them(name, data):
    x = np.array([[-3, 0], [1, 9]])
    same(name, [x], drawn(data, OPTIONS[name]), float32=False)


@given(st.data())
def test_prelu(data):
    x = data.draw(signals())
    channels = st.sampled_from([1, 2, x.shape[1] if x.ndim > 1 else 1])
    weight = data.draw(arrays(st.just(()) | st.tuples(channels)))
    same("prelu", [x, weight], second=not (x == 0).any())           # see test_prelu_at_zero


def test_prelu_at_zero():
    """The gradients are those of the left side in both libraries; those of gradients too here, 0 in PyTorch."""
    import torch

    found = []
    for library, tensor in ((mg, mg.tensor), (torch.autograd, torch.tensor)):
        x, weight = tensor([0.0], requires_grad=True), tensor([0.25], requires_grad=True)
        prelu = F.prelu if library is mg else torch.nn.functional.prelu
        gx, gw = library.grad(prelu(x, weight).sum(), [x, weight], create_graph=True)
        (again,) = library.grad(gx.sum(), [weight])
        found.append([gx.tolist(), gw.tolist(), again.tolist()])
    assert found == [[[0.25], [0.0], [1.0]], [[0.25], [0.0], [0.0]]]


@given(st.data())
def test_rrelu_in_evaluation(data):
    lower = data.draw(numbers(0.0, 0.125, 0.5))
    same("rrelu", [data.draw(signals())], {"lower": lower, "upper": data.draw(numbers(0.25, 0.5, 1.0))})


@given(st.data())
def test_glu(data):
    shape = data.draw(SHAPES)
    same("glu", [data.draw(signals(st.just(shape)))], {"dim": data.draw(st.integers(-len(shape) - 1, len(shape)))})


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
@given(st.data())
def test_over_an_axis(name, data):
    import torch

    shape = data.draw(SHAPES)
    dim = data.draw(st.none() | st.integers(-len(shape) - 1, len(shape)))
    same(name, [data.draw(signals(st.just(shape))), data.draw(arrays(shape))], {"dim": dim},
         mine=and_a_weight(getattr(F, name)), theirs=and_a_weight(getattr(torch.nn.functional, name)))


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
def test_over_an_axis_with_infinities(name):
    inf = -np.inf if name == "softmin" else np.inf
    rows = np.array([[-inf, -inf], [-inf, 0.0], [inf, 0.0], [inf, -inf], [np.nan, 0.0], [1e308, -1e308]])
    with np.errstate(all="ignore"):
        same(name, [rows], {"dim": 1}, float32=False, second=name != "log_softmax")


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
def test_dtype_of_the_output(name):
    import torch

    x = np.array([[1, 2], [3, 5]])
    y = getattr(F, name)(mg.tensor(x), 1, dtype="float64")
    theirs = getattr(torch.nn.functional, name)(torch.tensor(x), 1, dtype=torch.float64)
    assert y.dtype == "float64"
    np.testing.assert_allclose(y.numpy(), theirs.numpy(), rtol=1e-14)


# --- layers ---------------------------------------------------------------------------------------------------

INPLACE = st.booleans()
LAYERS = {
    "ReLU": {"inplace": INPLACE}, "ReLU6": {"inplace": INPLACE}, "SELU": {"inplace": INPLACE},
    "SiLU": {"inplace": INPLACE}, "Mish": {"inplace": INPLACE}, "Hardsigmoid": {"inplace": INPLACE},
    "Hardswish": {"inplace": INPLACE},
    "LeakyReLU": {**OPTIONS["leaky_relu"], "inplace": INPLACE},
    "ELU": {**OPTIONS["elu"], "inplace": INPLACE}, "CELU": {**OPTIONS["celu"], "inplace": INPLACE},
    "GELU": OPTIONS["gelu"], "Softplus": OPTIONS["softplus"], "Softsign": {}, "LogSigmoid": {}, "Tanhshrink": {},
    "Sigmoid": {}, "Tanh": {},
    "Hardtanh": {"min_val": numbers(-1.0, 0.0), "max_val": numbers(1.0, 0.5), "inplace": INPLACE},
    "Softshrink": {"lambd": numbers(0.5, 0.0, 1.0)}, "Hardshrink": {"lambd": numbers(0.5, 0.0, 1.0)},
    "Threshold": {**OPTIONS["threshold"], "inplace": INPLACE},
    "RReLU": {"lower": numbers(0.0, 0.125), "upper": numbers(0.25, 0.5), "inplace": INPLACE},
    "GLU": {"dim": numbers(-1, 0, 1)},
    "Softmax": {"dim": numbers(None, -1, 0, 1)}, "Softmin": {"dim": numbers(None, -1, 0, 1)},
    "LogSoftmax": {"dim": numbers(None, -1, 0, 1)},
    "Softmax2d": {},
}


def pair(name, options, **ours):
    """Our layer and PyTorch's; a layer that PyTorch would change its input with computes the same without."""
    import torch

    return getattr(nn, name)(**options, **ours), getattr(torch.nn, name)(**(options | {"inplace": False} if "inplace" in
                                                                            options else options))


@pytest.mark.parametrize("name", LAYERS)
@given(st.data())
def test_layers(name, data):
    mine, theirs = pair(name, drawn(data, LAYERS[name]))
    x = data.draw(signals())
    if "Soft" in name and "max" in name or name in ("LogSoftmax", "Softmin"):
        same_layer(mine, theirs, [x, data.draw(arrays(x.shape))], call=and_a_weight)
    else:
        call = and_a_square if name.lower() in FAINT else lambda layer: layer
        same_layer(mine, theirs, [x], training=name != "RReLU", call=call)


@pytest.mark.parametrize("name", LAYERS)
@given(st.data())
def test_layers_are_shown_as_pytorchs(name, data):
    import torch

    options = drawn(data, LAYERS[name])
    assert repr(getattr(nn, name)(**options)) == repr(getattr(torch.nn, name)(**options))
    bare = {"threshold": 1, "value": 2} if name == "Threshold" else {}
    assert repr(getattr(nn, name)(**bare)) == repr(getattr(torch.nn, name)(**bare))


@given(st.data())
def test_prelu_layer(data):
    import torch

    parameters, init = data.draw(sides(1, 3)), data.draw(numbers(0.25, -1.0))
    layers = nn.PReLU(parameters, init), torch.nn.PReLU(parameters, init)
    assert repr(layers[0]) == repr(layers[1])
    assert layers[0].weight.tolist() == layers[1].weight.tolist()
    x = data.draw(signals(st.lists(sides(1, 3), min_size=1, max_size=4).map(tuple)))
    same_layer(*layers, [x], second=not (x == 0).any())


# --- far from 0 -----------------------------------------------------------------------------------------------

FAR = {"float16": [6e4, -6e4, 300, -300], "float32": [1e30, -1e30, 1e6, -1e6, 200, -200],
       "float64": [1e300, -1e300, 1e6, -1e6, 800, -800]}


@pytest.mark.parametrize("dtype", FAR)
@pytest.mark.parametrize("name", OPTIONS)
def test_nothing_overflows(name, dtype):
    """No warning, which would be an error, and the answers and gradients of PyTorch; gradients of gradients finite."""
    import torch

    choices = {"threshold": [{"threshold": 0.5, "value": 2.0}],
               "gelu": [{"approximate": "none"}, {"approximate": "tanh"}]}
    for options in choices.get(name, [{}]):
        values = np.array(FAR[dtype], dtype)
        x, t = mg.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
        y, z = getattr(F, name)(x, **options), getattr(torch.nn.functional, name)(t, **options)
        (g,) = mg.grad(y, [x], mg.ones_like(y), create_graph=True)
        (h,) = torch.autograd.grad(z, [t], torch.ones_like(z))
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=2e-3)
        if options != {"approximate": "tanh"}:              # PyTorch's of gelu by tanh is NaN where x^3 overflows
            np.testing.assert_allclose(g.numpy(), h.numpy(), rtol=2e-3, atol=1e-5)
        assert np.isfinite(g.numpy()).all()
        if g.requires_grad:
            (again,) = mg.grad(g, [x], mg.ones_like(g), allow_unused=True)
            assert again is None or np.isfinite(again.numpy()).all()
