"""Products with weights and looking up rows beside PyTorch's, on drawn shapes and options."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, same_layer, sides, whole

import minigrad as mg
from minigrad import nn
from minigrad.graph import Graph, Input
from minigrad.nn import functional as F

pytestmark = pytest.mark.parity
BATCHES = st.lists(sides(), max_size=3).map(tuple)


@given(st.data())
def test_linear(data):
    features, outputs = data.draw(sides()), data.draw(sides())
    x = data.draw(arrays((*data.draw(BATCHES), features)))
    weight = data.draw(arrays((outputs, features)))
    same("linear", [x, weight, data.draw(st.none() | arrays((outputs,)))])


@given(st.data())
def test_linear_of_a_single_row(data):
    features = data.draw(sides(1))
    same("linear", [data.draw(arrays((*data.draw(BATCHES), features))), data.draw(arrays((features,)))])


@given(st.data())
def test_linear_with_a_number_for_bias(data):
    features, batch = data.draw(sides(1)), data.draw(BATCHES.filter(lambda batch: len(batch) != 1))
    x, bias = data.draw(arrays((*batch, features))), data.draw(arrays(()))
    same("linear", [x, data.draw(arrays((data.draw(sides(1)), features))), bias])
    same("linear", [x, data.draw(arrays((features,))), bias])       # of matrices PyTorch refuses this alone


@given(st.data())
def test_linear_layer(data):
    import torch

    args = data.draw(sides(1)), data.draw(sides(1)), data.draw(st.booleans())
    mine, theirs = nn.Linear(*args), torch.nn.Linear(*args)
    assert repr(mine) == repr(theirs)
    same_layer(mine, theirs, [data.draw(arrays((*data.draw(BATCHES), args[0])))])


@given(st.data())
def test_bilinear(data):
    i, j, k = data.draw(sides(1)), data.draw(sides(1)), data.draw(sides())
    batch = data.draw(BATCHES)
    inputs = [data.draw(arrays((*batch, n))) for n in (i, j)]
    same("bilinear", [*inputs, data.draw(arrays((k, i, j))), data.draw(st.none() | arrays((k,)))])


@pytest.mark.parametrize("shapes", [
    [(5, 2), (6, 3), (4, 2, 3), None], [(5, 2), (1, 3), (4, 2, 3), None], [(5, 2), (3,), (4, 2, 3), None],
    [(5, 2), (5, 2), (4, 2, 3), None], [(5, 3), (5, 3), (4, 2, 3), None], [(5, 2), (5, 3), (4, 2, 3), (3,)],
    [(5, 2), (5, 3), (4, 2, 3), (1,)], [(5, 2), (5, 3), (4, 2, 3), ()], [(5, 2), (5, 3), (2, 3), None],
    [(), (3,), (4, 2, 3), None],
])
def test_bilinear_of_what_does_not_fit(shapes):
    same("bilinear", [None if shape is None else np.ones(shape) for shape in shapes])


@given(st.data())
def test_bilinear_layer(data):
    import torch

    args = data.draw(sides(1)), data.draw(sides(1)), data.draw(sides(1)), data.draw(st.booleans())
    mine, theirs = nn.Bilinear(*args), torch.nn.Bilinear(*args)
    assert repr(mine) == repr(theirs)
    batch = data.draw(BATCHES)
    same_layer(mine, theirs, [data.draw(arrays((*batch, args[0]))), data.draw(arrays((*batch, args[1])))])


# --- looking up rows ------------------------------------------------------------------------------------------

@st.composite
def lookups(draw, narrowest=0):
    """Numbers of rows, and a table."""
    rows = draw(sides(1, 5))
    return draw(whole(draw(BATCHES), 0, rows)), draw(arrays((rows, draw(sides(narrowest)))))


@given(st.data())
def test_embedding(data):
    x, weight = data.draw(lookups())
    same("embedding", [x, weight], {
        "padding_idx": data.draw(st.none() | st.integers(-len(weight) - 1, len(weight))),
        "scale_grad_by_freq": data.draw(st.booleans())})


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@given(st.data())
def test_embedding_with_max_norm(dtype, data):
    """The rows that are looked up are shortened where they lie; the others stay as they are."""
    import torch

    x, weight = data.draw(lookups(1))
    options = {"max_norm": data.draw(st.sampled_from([0.0, 0.5, 2.0])),
               "norm_type": data.draw(st.sampled_from([2.0, 1.0, 3.0, float("inf"), 0.0]))}
    mine, theirs = mg.tensor(weight.copy(), requires_grad=True), torch.tensor(weight.copy(), requires_grad=True)
    y = F.embedding(mg.tensor(x.astype(dtype)), mine, **options)
    z = torch.nn.functional.embedding(torch.tensor(x.astype(dtype)), theirs, **options)
    for a, b in [(y, z), (mine, theirs)]:
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-7)
    (g,), (h,) = mg.grad(y, [mine], mg.ones_like(y)), torch.autograd.grad(z, [theirs], torch.ones_like(z))
    np.testing.assert_allclose(g.numpy(), h.numpy(), rtol=1e-12)


@pytest.mark.parametrize("x, weight, options", [
    ([0, 5], (5, 3), {}), ([0, -1], (5, 3), {}), ([0, 5], (5, 3), {"max_norm": 1.0}), ([0.0, 1.0], (5, 3), {}),
    ([True], (5, 3), {}), ([1], (5,), {}), ([1], (5, 3, 2), {}), ([1], (5, 3), {"padding_idx": 5}),
    ([1], (5, 3), {"padding_idx": -6}), ([0], (0, 3), {}),
])
def test_embedding_of_what_does_not_fit(x, weight, options):
    same("embedding", [np.array(x), np.ones(weight)], options, constant=(0,))


def test_embedding_of_nothing_in_an_empty_table():
    same("embedding", [np.zeros((2, 0), int), np.ones((0, 3))])


@given(st.data())
def test_embedding_layer(data):
    import torch

    rows, width = data.draw(sides(1, 5)), data.draw(sides(1))
    options = {"padding_idx": data.draw(st.none() | st.integers(-rows, rows - 1)),
               "max_norm": data.draw(st.sampled_from([None, 1.0])),
               "norm_type": data.draw(st.sampled_from([2.0, 1.0])),
               "scale_grad_by_freq": data.draw(st.booleans())}
    mine, theirs = nn.Embedding(rows, width, **options), torch.nn.Embedding(rows, width, **options)
    assert repr(mine) == repr(theirs) and mine.padding_idx == theirs.padding_idx
    if mine.padding_idx is not None:
        assert (mine.weight.numpy()[mine.padding_idx] == 0).all()
    same_layer(mine, theirs, [data.draw(whole(data.draw(BATCHES), 0, rows))])


@pytest.mark.parametrize("freeze", [True, False])
def test_an_embedding_that_was_learned_before(freeze):
    import torch

    table = np.arange(6, dtype="f4").reshape(3, 2)
    mine = nn.Embedding.from_pretrained(mg.Tensor(table), freeze, padding_idx=-1)
    theirs = torch.nn.Embedding.from_pretrained(torch.tensor(table), freeze, padding_idx=-1)
    assert repr(mine) == repr(theirs)
    assert mine.weight.requires_grad == theirs.weight.requires_grad == (not freeze)
    assert mine(mg.tensor([2, 0])).tolist() == theirs(torch.tensor([2, 0])).tolist() == [[4, 5], [0, 1]]
    assert mine.weight.data is table


@given(st.data())
def test_starting_values_are_drawn_as_pytorchs_are(data):
    """Within the same bounds, and all of them: uniform up to 1 / sqrt(in1_features), normal for a table."""
    mg.manual_seed(data.draw(st.integers(0, 9)))
    layer = nn.Bilinear(16, 30, 40)
    for values in (layer.weight.numpy(), layer.bias.numpy()):
        assert abs(values).max() <= 0.25 and abs(values).max() > 0.2
    table = nn.Embedding(200, 100).weight.numpy()
    assert abs(table.mean()) < 0.05 and abs(table.std() - 1) < 0.05


# --- in a graph -----------------------------------------------------------------------------------------------

def test_bilinear_of_two_symbols():
    x1, x2 = Input((3,)), Input((4,))
    layer = nn.Bilinear(3, 4, 5)
    y = layer(x1, x2)
    assert y.shape[1:] == (5,)
    a, b = mg.randn(2, 3), mg.randn(2, 4)
    np.testing.assert_array_equal(Graph([x1, x2], y)(a, b).numpy(), layer(a, b).numpy())


def test_embedding_of_a_symbol():
    x = Input((7,), dtype="int64")
    layer = nn.Embedding(10, 6, padding_idx=0, max_norm=1.0)
    y = layer(x)
    assert y.shape[1:] == (7, 6)
    tokens = mg.tensor(np.arange(14).reshape(2, 7) % 10)
    np.testing.assert_array_equal(Graph(x, y)(tokens).numpy(), layer(tokens).numpy())


# --- layers without numbers -----------------------------------------------------------------------------------

@given(st.data())
def test_flatten(data):
    import torch

    x = data.draw(arrays(BATCHES))
    axis = st.integers(-x.ndim - 1, x.ndim)
    options = data.draw(st.just({}) | st.fixed_dictionaries({"start_dim": axis, "end_dim": axis}))
    mine, theirs = nn.Flatten(**options), torch.nn.Flatten(**options)
    assert repr(mine) == repr(theirs)
    same_layer(mine, theirs, [x])


@given(st.data())
def test_identity(data):
    import torch

    same_layer(nn.Identity(3, unused=True), torch.nn.Identity(3, unused=True), [data.draw(arrays(BATCHES))])
