"""Every row of the table on arrays without values: shapes and dtypes are those of the computation. And array functions
on symbols of a graph, whose batch may have any size: the graph computes what the function computes."""

import numpy as np
import pytest
from cases import call
from rows import rows
from strict_cupy import installed
from test_parity import name_of

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.graph import Graph, Input
from minigrad.graph.symbol import symbols_in
from minigrad.meta import Meta
from minigrad.testing.gradcheck import is_floating

# A mask picks as many as it has true elements; values travel between devices.
NEED_VALUES = {"nonzero", "masked_select", "transfer"}


@pytest.mark.parametrize("op, case", rows(lambda op, case: name_of(op) not in NEED_VALUES))
def test_shapes_and_dtypes_are_those_of_the_computation(op, case):
    if name_of(op) == "einsum":
        def function(inputs, params):
            return op(*inputs, **params)
    else:
        def function(inputs, params):
            return call(name_of(op), inputs, params)
    hollow = case.map(lambda x: Meta(x.shape, x.dtype) if is_floating(x) else x)
    expected, found = function(case.inputs, case.params), function(hollow.inputs, hollow.params)
    pairs = zip(*[y if isinstance(y, (tuple, list)) else (y,) for y in (found, expected)], strict=True)
    for mine, real in pairs:
        assert (tuple(mine.shape), np.dtype(mine.dtype)) == (np.shape(real), np.asarray(real).dtype)


PLACES = mg.tensor(np.array([[[1, 0, 0, 1]]]))
# functions of x (n, 2, 4)
FUNCTIONS = {
    "flip": lambda x: mg.flip(x, (1, -1)),
    "flip the batch": lambda x: x.flip(0),
    "roll": lambda x: mg.roll(x, (1, -1), (1, 2)),
    "roll the batch": lambda x: x.roll(1, 0),
    "tile": lambda x: mg.tile(x, (1, 3, 1)),
    "tile the batch": lambda x: x.tile(2, 1, 1),
    "repeat": lambda x: mg.repeat(x, 2, -1),
    "repeat the batch": lambda x: mg.repeat(x, 3, 0),
    "repeat each": lambda x: mg.repeat(x, (2, 0), 1),
    "chunk": lambda x: mg.concat(mg.chunk(x, 3, 2)[:2], 1),
    "unstack": lambda x: mg.unstack(x, 1)[1],
    "expand": lambda x: x[:, :, None].expand(-1, -1, 3, -1),
    "narrow and select": lambda x: x.narrow(2, 1, 2).select(1, 0),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "matrix_transpose": mg.matrix_transpose,
    "broadcast_arrays": lambda x: mg.broadcast_arrays(x[:, :1], x)[0],
    "tril": mg.tril,
    "triu": lambda x: mg.triu(x, k=1),
    "diagonal": lambda x: mg.diagonal(x, 1, -2, -1),
    "trace": lambda x: mg.trace(x, 0, 1, 2),
    "take": lambda x: mg.take(x, [3, 0, 3], 2),
    "take_along_axis": lambda x: mg.take_along_axis(x, PLACES, 1),
    "index_select": lambda x: mg.index_select(x, 1, mg.tensor([1, 1, 0])),
    "masked_fill": lambda x: mg.masked_fill(x, x > 0, -1.0),
    "one_hot": lambda x: mg.one_hot(mg.argmax(x, -1), 4),
    "outer": lambda x: mg.outer(x, mg.ones(3)),
    "vecdot": lambda x: mg.vecdot(x, x),
    "tensordot": lambda x: mg.tensordot(x, mg.ones(2, 4, 3), ((1, 2), (0, 1))),
    "inner": lambda x: mg.inner(x, mg.ones(5, 4)),
    "dot": lambda x: mg.dot(x, mg.ones(4, 5)),
    "scatter_add": lambda x: mg.scatter_add(x * 0, 1, mg.one_hot(mg.argmax(x, 1), 2).swapaxes(1, 2), x),
    "gather": lambda x: mg.gather(x, 2, mg.argmax(x, 2)[:, :, None]),
    **{f"pad, {mode}": lambda x, mode=mode: mg.pad(x, ((0, 0), (1, 0), (2, 1)), mode)
       for mode in ("constant", "reflect", "symmetric", "edge", "wrap")},
    **{f"F.pad, {mode}": lambda x, mode=mode: F.pad(x, (1, -1), mode) for mode in ("constant", "reflect", "replicate",
                                                                                  "circular")},
    "ReflectionPad1d": nn.ReflectionPad1d(2), "ConstantPad2d": nn.ConstantPad2d((1, 0, 2, 0), 0.5),
}


@pytest.mark.parametrize("call, message", [
    (mg.unstack, "unstack: n outputs are more than a graph can have"),
    (lambda x: mg.split(x, 2), "split: axis 0 of length n cannot be divided into 2 equal parts"),
    (lambda x: mg.one_hot(mg.argmax(x, 1)), "one_hot: .* say num_classes"),
    (lambda x: mg.masked_select(x, x > 0), "boolean index without values"),
    (lambda x: mg.gather(x, 0, mg.argmax(x, 1)), r"gather: x and index must have as many axes"),
    (lambda x: F.pad(x, (5, 0), "reflect"), "pad: mode 'reflect' can add at most 3"),
    (lambda x: mg.squeeze(x, 1), "squeeze: axis 1 has length 2"),
    (lambda x: mg.repeat(x, [1, 2, 3], 1), "repeat: 3 numbers of repeats came for axis 1"),
])
def test_what_no_graph_can_compute_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(Input((2, 4)))


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_graph_computes_what_the_function_computes(name, n):
    """For a batch of any size."""
    function, x = FUNCTIONS[name], Input((2, 4))
    graph = Graph(x, function(x))
    values = mg.tensor(np.random.default_rng(n).standard_normal((n, 2, 4)).astype("float32"))
    expected = function(values)
    y = graph(values)
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(y.numpy(), expected.numpy())


ON_A_DEVICE = {
    "Linear": (nn.Linear(4, 2), (4,)), "Conv2d": (nn.Conv2d(3, 4, 3, groups=1), (3, 5, 5)),
    "Conv1d": (nn.Conv1d(4, 4, 3, padding=1, padding_mode="reflect"), (4, 5)),
    "ConvTranspose2d": (nn.ConvTranspose2d(3, 4, 3), (3, 5, 5)), "BatchNorm2d": (nn.BatchNorm2d(3), (3, 4, 4)),
    "BatchNorm2d, not affine": (nn.BatchNorm2d(3, affine=False), (3, 4, 4)), "LayerNorm": (nn.LayerNorm(4), (3, 4)),
    "LSTM": (nn.LSTM(3, 4, batch_first=True), (5, 3)), "PReLU": (nn.PReLU(), (3, 4)),
    "TransformerEncoderLayer": (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (3, 4)),
}


@pytest.mark.parametrize("name", ON_A_DEVICE)
def test_layers_whose_parameters_are_on_a_device_find_their_shapes(name):
    layer, shape = ON_A_DEVICE[name]
    expected = [y.shape for y in symbols_in(layer(Input(shape)))]
    with installed():
        layer.to("cuda")
        found = [y.shape for y in symbols_in(layer(Input(shape)))]
        layer.to("cpu")
    assert found == expected


def test_constants_on_a_device_find_their_shapes():
    """Also positions, whose values are asked for, and in a graph that is built anew for another size."""
    with installed():
        x = Input((4, None), name="x")
        scale, order = mg.tensor(np.ones((4, 1), "float32"), device="cuda"), mg.tensor([2, 0], device="cuda")
        graph = Graph(x, mg.take(x * scale, order, 1) + scale.data[:2])
        assert graph.sized((4, 3)).node("add_1").shape == ("n", 2, 3)
        assert graph(mg.ones(2, 4, 6, device="cuda")).shape == (2, 2, 6)
