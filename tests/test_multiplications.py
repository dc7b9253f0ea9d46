"""The multiplications that a summary counts: against closed formulas, and against the products that really run."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input, summary


def of(layer, *shapes, dtypes=None):
    """The row of a layer that is called on inputs of these shapes."""
    return summary(layer, *shapes, dtypes=dtypes).rows[-1]


# --- multiplications -------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("layer", "shapes", "parameters", "multiplications"), [
    (nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False), [(4, 5, 5)], 6 * 2 * 9, 6 * 25 * 2 * 9),
    (nn.Conv2d(3, 8, 2, stride=2), [(3, 8, 8)], 8 * 12 + 8, 8 * 16 * 12),
    (nn.Conv2d(6, 6, 3, groups=6), [(6, 9, 8)], 60, 6 * 7 * 6 * 9),                                 # depthwise
    (nn.Conv2d(3, 8, (3, 5), dilation=(2, 1)), [(3, 9, 9)], 8 * 45 + 8, 8 * 5 * 5 * 45),
    (nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"), [(3, 9, 9)], 224, 8 * 81 * 27),
    (nn.Conv1d(4, 8, 5, stride=2, groups=2), [(4, 21)], 8 * 2 * 5 + 8, 8 * 9 * 2 * 5),
    (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), [(4, 5, 7)], 4 * 3 * 9 + 6, 35 * 4 * 3 * 9),
    (nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1), [(4, 5)], 78, 5 * 4 * 6 * 3),
    (nn.Linear(5, 7), [(3, 5)], 42, 3 * 35),
    (nn.Linear(5, 7), [(2, 3, 5)], 42, 6 * 35),
    (nn.Bilinear(4, 5, 3), [(4,), (5,)], 63, 60),
    (nn.Bilinear(4, 5, 3), [(7, 4), (7, 5)], 63, 7 * 60),
    (nn.BatchNorm2d(3), [(3, 4, 4)], 6, 0),
    (nn.GroupNorm(1, 3), [(3, 4, 4)], 6, 0),
    (nn.MaxPool2d(2), [(3, 4, 4)], 0, 0),
    (nn.Upsample(scale_factor=2, mode="bilinear"), [(3, 4, 4)], 0, 0),
    (nn.RNN(3, 5, batch_first=True), [(7, 3)], 50, 7 * 5 * (3 + 5)),
    (nn.GRU(3, 5, batch_first=True), [(7, 3)], 150, 7 * 3 * 5 * (3 + 5)),
    (nn.LSTM(3, 5, batch_first=True), [(7, 3)], 200, 7 * 4 * 5 * (3 + 5)),
    (nn.LSTM(3, 5, 2, batch_first=True, bidirectional=True), [(7, 3)], 2 * 200 + 2 * (20 * 15 + 40),
     7 * 2 * 20 * (3 + 5) + 7 * 2 * 20 * (10 + 5)),
    (nn.LSTM(3, 5, batch_first=True, proj_size=2), [(7, 3)], 20 * 5 + 40 + 10, 7 * (20 * (3 + 2) + 2 * 5)),
    (nn.MultiheadAttention(8, 2, batch_first=True), [(5, 8), (7, 8), (7, 8)], 4 * 72,
     (5 + 7 + 7 + 5) * 64 + 2 * 5 * 7 * 8),
], ids=lambda value: str(value) if isinstance(value, nn.Module) else "")
def test_multiplications_of_layers(layer, shapes, parameters, multiplications):
    found = summary(layer, *shapes)
    assert (found.parameters, found.rows[-1].multiplications) == (parameters, multiplications)


@pytest.mark.parametrize(("layer", "gates"), [(nn.RNNCell, 1), (nn.GRUCell, 3), (nn.LSTMCell, 4)])
def test_multiplications_of_a_cell_that_starts_at_zeros(layer, gates):
    assert of(layer(3, 5), (3,)).multiplications == gates * 5 * (3 + 5)


def test_multiplications_of_ops():
    q, k = Input((2, 5, 8), name="q"), Input((2, 7, 8), name="k")
    attention = ops.scaled_dot_product_attention(q, k, k)
    product = ops.einsum("nhqd,nhkd->nhqk", q, k)
    three = ops.einsum("nhqd,nhkd,nhkd->nhqk", q, k, k)
    found = Graph([q, k], [attention, product, q @ mg.ones(8, 3), three, q @ ops.reshape(k, (-1, 2, 8, 7)),
                           ops.einsum("nhqd->nhq", q)]).summary()
    assert found["scaled_dot_product_attention_1"].multiplications == 2 * 2 * 5 * 7 * 8
    assert found["contract_1"].multiplications == 2 * 5 * 7 * 8 and found["matmul_1"].multiplications == 2 * 5 * 8 * 3
    assert found["contract_2"].multiplications == 2 * found["contract_1"].multiplications
    assert found["matmul_2"].multiplications == 2 * 5 * 8 * 7 and found["contract_3"].multiplications == 0


def test_multiplications_beyond_the_batch_size_that_stands_in():
    """VGG-16's widest layer: 1.85 G; the batch size while a graph is built is 1.58 G."""
    found = of(nn.Conv2d(512, 512, 3, padding=1), (512, 28, 28))
    assert found.multiplications == 28 * 28 * 512 * 512 * 9 == 1_849_688_064
    windows = nn.Sequential(nn.Linear(8, 24))                   # of many, in the batch's axis
    x = Input((64, 8))
    assert Graph(x, windows(ops.reshape(x, (-1, 8)))).summary().multiplications == 64 * 8 * 24


class Whimsical(nn.Module):
    """It does on a tensor what can be done on arrays without values alone."""

    def __init__(self):
        self.weight = nn.Parameter(mg.ones(3))

    def forward(self, x):
        if isinstance(x, mg.Tensor):
            raise RuntimeError("no tensors here")
        return x * self.weight.data


def test_a_layer_that_cannot_be_followed_has_a_summary():
    found = summary(nn.Sequential(Whimsical(), nn.Linear(3, 2)), (3, 3))
    assert found["0"].multiplications is None and found["0"].receptive_field is None and found["0"].parameters == 3
    assert found["1"].multiplications == 18
    assert "at least 18 multiplications" in str(found) and " - " in str(found).splitlines()[3]
    assert found.to_csv().splitlines()[2].split(",")[13] == ""


# --- every layer -----------------------------------------------------------------------------------------------

EXAMPLES = {    # arguments of the constructor, shapes of the inputs; others take none, and images
    "AdaptiveAvgPool1d": ((2,), [(4, 8)]), "AdaptiveAvgPool2d": ((2,), [(4, 8, 8)]),
    "AdaptiveMaxPool1d": ((3,), [(4, 8)]), "AdaptiveMaxPool2d": ((3,), [(4, 8, 8)]),
    "AvgPool1d": ((2,), [(4, 8)]), "AvgPool2d": ((2,), [(4, 8, 8)]),
    "BatchNorm1d": ((4,), [(4, 8)]), "BatchNorm2d": ((4,), [(4, 8, 8)]), "BatchNorm3d": ((4,), [(4, 8, 8, 8)]),
    "Bilinear": ((4, 4, 3), [(4,), (4,)]), "ChannelShuffle": ((2,), [(4, 8, 8)]), "CircularPad1d": ((1,), [(4, 8)]),
    "Conv1d": ((4, 6, 3), [(4, 8)]), "Conv2d": ((4, 6, 3), [(4, 8, 8)]), "ConstantPad1d": ((1, 0), [(4, 8)]),
    "ConstantPad2d": ((1, 0), [(4, 8, 8)]), "ConstantPad3d": ((1, 0), [(4, 8, 8, 8)]),
    "ConvTranspose1d": ((4, 6, 3), [(4, 8)]), "ConvTranspose2d": ((4, 6, 3), [(4, 8, 8)]),
    "CosineSimilarity": ((), [(4,), (4,)]), "Embedding": ((9, 4), [(8,)]), "Fold": (((4, 4), 2), [(8, 9)]),
    "GLU": ((1,), [(4, 8)]), "GroupNorm": ((2, 4), [(4, 8, 8)]), "GRU": ((8, 5, 1), [(4, 8)]),
    "GRUCell": ((8, 5), [(8,)]),
    "InstanceNorm1d": ((4,), [(4, 8)]), "InstanceNorm2d": ((4,), [(4, 8, 8)]), "InstanceNorm3d": ((4,), [(4, 8, 8, 8)]),
    "LayerNorm": ((8,), [(4, 8)]), "Linear": ((8, 3), [(4, 8)]), "LocalResponseNorm": ((3,), [(4, 8, 8)]),
    "LPPool1d": ((2, 2), [(4, 8)]), "LPPool2d": ((2, 2), [(4, 8, 8)]), "LSTM": ((8, 5, 1), [(4, 8)]),
    "LSTMCell": ((8, 5), [(8,)]), "MaxPool1d": ((2,), [(4, 8)]), "MaxPool2d": ((2,), [(4, 8, 8)]),
    "MultiheadAttention": ((8, 2), [(4, 8)] * 3), "PairwiseDistance": ((), [(4,), (4,)]),
    "Normalization": ((0.5, 0.2), [(4, 8, 8)]),
    "PixelShuffle": ((2,), [(4, 8, 8)]), "PixelUnshuffle": ((2,), [(4, 8, 8)]), "ReflectionPad1d": ((1,), [(4, 8)]),
    "RMSNorm": ((8,), [(4, 8)]), "RNN": ((8, 5, 1), [(4, 8)]), "RNNCell": ((8, 5), [(8,)]),
    "Threshold": ((0.1, 0.0), [(4, 8)]), "Transformer": ((8, 2, 1, 1, 16), [(4, 8), (4, 8)]),
    "TransformerDecoderLayer": ((8, 2, 16), [(4, 8), (4, 8)]), "TransformerEncoderLayer": ((8, 2, 16), [(4, 8)]),
    "Unflatten": ((1, (2, 2)), [(4, 8)]), "Unfold": ((2,), [(4, 8, 8)]), "Upsample": ((16,), [(4, 8, 8)]),
    "UpsamplingBilinear2d": ((16,), [(4, 8, 8)]), "UpsamplingNearest2d": ((16,), [(4, 8, 8)]),
    "Dropout1d": ((), [(4, 8)]), "LogSoftmax": ((1,), [(4, 8)]), "Softmax": ((1,), [(4, 8)]),
    "Softmin": ((1,), [(4, 8)]),
    "ReplicationPad1d": ((1,), [(4, 8)]), "ZeroPad1d": ((1,), [(4, 8)]), "ZeroPad3d": ((1,), [(4, 8, 8, 8)]),
    "MaxUnpool1d": ((2,), [(4, 8), (4, 8)]), "MaxUnpool2d": ((2,), [(4, 8, 8), (4, 8, 8)]),
}
OTHERS = {      # what is no layer that is called on one batch of numbers
    "RNNBase", "RNNCellBase", "Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList",
    "Sequential", "TransformerDecoder", "TransformerEncoder",
}
SEQUENTIAL = {"GRU", "LSTM", "RNN", "MultiheadAttention", "Transformer", "TransformerDecoderLayer",
              "TransformerEncoderLayer"}
INDICES = {"Embedding", "MaxUnpool1d", "MaxUnpool2d"}


def layers():
    return [name for name in dir(nn) if isinstance(getattr(nn, name), type) and name not in OTHERS
            and not name.endswith("Loss")]


@pytest.mark.parametrize("name", layers())
def test_every_layer_has_a_summary(name):
    """Nothing is unknown of the library's own layers; their multiplications are those of the products that run."""
    arguments, shapes = EXAMPLES.get(name, ((1,) if "Pad" in name else (), [(4, 8, 8)]))
    layer = getattr(nn, name)(*arguments, **{"batch_first": True} if name in SEQUENTIAL else {})
    dtypes = ["float32"] * len(shapes)
    if name in INDICES:
        dtypes[-1] = "int64"
    found = summary(layer, *shapes, dtypes=dtypes)
    assert all(row.multiplications is not None and row.memory is not None for row in found)
    assert all(row.receptive_field is not None for row in found) or name in {
        "Fold", "Unflatten", "Unfold", "Softmax2d", *[n for n, (_, s) in EXAMPLES.items() if len(s[0]) == 1]}
    for text in (str(found), found.to_markdown(), found.to_csv(), found._repr_html_()):
        assert found.rows[-1].name.rpartition(".")[2] in text
    products = Counting()
    with mg.no_grad():
        layer.eval()
        products.of(layer, [np.zeros((1, *shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)])
    assert found.multiplications == products.total


@pytest.mark.filterwarnings("ignore:kl_div")
@pytest.mark.parametrize("name", [name for name in dir(nn) if name.endswith("Loss")])
def test_every_loss_has_a_summary(name):
    tries = [([(4,), (4,)], "float32"), ([(4,), ()], ["float32", "int64"]), ([(4,)] * 3, "float32"),
             ([(4,), (4,), ()], "float32")]
    for shapes, dtypes in tries:
        try:
            row = summary(getattr(nn, name)(), *shapes, dtypes=dtypes).rows[-1]
        except (TypeError, ValueError):
            continue
        assert (row.output_shapes, row.multiplications) == (((),), 0)
        return
    pytest.fail(f"{name} takes none of these inputs")


class Counting:
    """What the matrix products do when a layer really runs: an oracle, which sees arrays alone."""

    def of(self, layer, arrays):
        self.total = 0
        matmul = ops.matmul.forward
        ops.matmul.forward = self.counted(matmul)
        try:
            with mg.config(kernels="definition"):
                layer(*map(mg.tensor, arrays))
        finally:
            ops.matmul.forward = matmul

    def counted(self, forward):
        def run(a, b):
            y = forward(a, b)
            self.total += y.size * a.shape[-1]
            return y
        return run
