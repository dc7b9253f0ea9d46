"""What is said to somebody who calls an activation, dropout or a product wrongly."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore:dropout2d")
ROWS, NUMBERS, TABLE = np.ones((2, 3), "f4"), np.array([[0, 4], [2, 7]]), np.ones((5, 3), "f4")

SMOOTH = ["elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "logsigmoid", "glu", "softmax", "softmin",
          "log_softmax", "leaky_relu", "hardsigmoid", "hardswish", "softshrink", "hardshrink"]


@pytest.mark.parametrize("name", SMOOTH)
def test_whole_numbers(name):
    x = mg.tensor([[1, 2], [3, 4]])
    with pytest.raises(TypeError, match=rf"^{name}: expected floating-point numbers, x is int64: x.astype\('float32'\) "
                                        r"converts \(x \(2, 2\)\)$"):
        getattr(ops, name)(x)


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    (lambda x: ops.prelu(x, np.ones(2, "f4")), r"^prelu: weight must be \(1,\) or \(3,\), one for each channel, it is "
                                               r"\(2,\) \(x \(2, 3\), weight \(2,\)\)$"),
    (lambda x: ops.prelu(x, np.ones((1, 3), "f4")), r"prelu: weight must be .* it is \(1, 3\)"),
    (lambda x: ops.prelu(x, np.ones(3)), r"^prelu: x is float32, weight float64; weight.astype\('float32'\) mends it"),
    (lambda x: ops.prelu(x[0], np.ones(3, "f4")), r"prelu: weight must be \(1,\) or \(1,\)"),
    (lambda x: ops.hardtanh(x, 1.0, -1.0), "^hardtanh: min_val must not be above max_val, 1.0 and -1.0 came"),
    (lambda x: ops.softshrink(x, -1.0), "^softshrink: lambd must be at least 0, -1.0 came"),
    (lambda x: ops.celu(x, 0.0), "^celu: alpha must not be 0"),
    (lambda x: ops.gelu(x, "exact"), "^gelu: approximate must be 'none' or 'tanh', 'exact' came"),
    (lambda x: ops.glu(x), r"^glu: expected an even length along axis -1, it is 3 \(x \(2, 3\)\)$"),
    (lambda x: ops.glu(x, 2), r"^glu: axis 2 is out of bounds for x \(2, 3\)"),
    (lambda x: ops.glu(x[0, 0]), "^glu: expected an axis to halve, x is a single number"),
    (lambda x: ops.softmax(x, 2), r"^softmax: axis 2 is out of bounds .*\(x \(2, 3\)\)"),
    (lambda x: ops.softmin(x, -3), "^softmin: axis -3 is out of bounds"),
    (lambda x: ops.log_softmax(x, 2), "^log_softmax: axis 2 is out of bounds"),
    (lambda x: ops.dropout(x, np.ones((4, 3), bool)), r"^dropout: .*\(x \(2, 3\), mask \(4, 3\)\)"),
    (lambda x: ops.alpha_dropout(x, np.ones((4, 3), bool)), r"^alpha_dropout: .*\(x \(2, 3\), mask \(4, 3\)\)"),
    (lambda x: ops.bilinear(x, x, x), r"^bilinear: weight must be \(out, in1, in2\) \(x1 \(2, 3\), x2 \(2, 3\), "),
    (lambda x: ops.bilinear(x, x, np.ones((4, 3, 2), "f4")), "^bilinear: weight expects 2 features on the last axis of "
                                                            "x2"),
    (lambda x: ops.bilinear(x, x[:1], np.ones((4, 3, 3), "f4")), "^bilinear: x1 and x2 must have the same leading"),
    (lambda x: ops.bilinear(x, x, np.ones((4, 3, 3), "f4"), x[0]), r"^bilinear: bias must be \(4,\), one for each "
                                                                  r"output, it is \(3,\)"),
])
def test_wrong_calls(call, message, recorded, kernels):
    x = mg.Tensor(ROWS, recorded)
    with mg.config(kernels=kernels), pytest.raises((ValueError, TypeError, IndexError), match=message):
        call(x)


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    (lambda w: ops.embedding(NUMBERS, w), r"^embedding: x\[1, 1\] is 7, but there are 5 embeddings, 0 to 4 \(x \(2, 2\)"
                                          r", weight \(5, 3\)\)$"),
    (lambda w: ops.embedding(np.array(-1), w), r"^embedding: x is -1, but there are 5 embeddings, 0 to 4"),
    (lambda w: ops.embedding(ROWS, w), "^embedding: x must hold integers, the numbers of rows, it is float32"),
    (lambda w: ops.embedding(NUMBERS > 2, w), "^embedding: x must hold integers, the numbers of rows, it is bool"),
    (lambda w: ops.embedding(NUMBERS, w[0]), r"^embedding: weight must be \(num_embeddings, embedding_dim\)"),
    (lambda w: ops.embedding(NUMBERS, w, 5), r"^embedding: padding_idx must be in \[-5, 4\], 5 came"),
])
def test_wrong_lookups(call, message, recorded):
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        call(mg.Tensor(TABLE, recorded))


@pytest.mark.parametrize("call, message", [
    (lambda: F.rrelu(mg.ones(2), 0.5, 0.1), "^rrelu: lower must not be above upper, 0.5 and 0.1 came"),
    (lambda: F.dropout(mg.arange(3)), "^dropout: expected floating-point numbers, x is int64"),
    (lambda: F.dropout1d(mg.ones(2)), r"^dropout1d: expected an input \(n, c, l\) or \(c, l\), it is \(2,\)"),
    (lambda: F.dropout2d(mg.ones(2)), r"^dropout2d: expected an input with at least 2 axes, channels among them, it"),
    (lambda: F.dropout3d(mg.tensor(1.0)), "^dropout3d: expected an input with at least 1 axes"),
    (lambda: F.feature_alpha_dropout(mg.ones(2), training=True), "^feature_alpha_dropout: expected an input with at"),
    (lambda: nn.AlphaDropout(1.5), r"^AlphaDropout: the probability must be in \[0, 1\], 1.5 came"),
    (lambda: nn.Hardtanh(1.0, 1.0), "^Hardtanh: min_val must be below max_val, 1.0 and 1.0 came"),
    (lambda: nn.Softmax2d()(mg.ones(2, 3)), r"^Softmax2d: expected x \(n, c, h, w\) or \(c, h, w\), it is \(2, 3\)"),
    (lambda: nn.Bilinear(0, 2, 3), "^Bilinear: in1_features must be positive, 0 came"),
    (lambda: nn.Embedding(5, 3, padding_idx=5), r"^Embedding: padding_idx must be in \[-5, 4\], 5 came"),
    (lambda: nn.Embedding(5, 3, sparse=True), "^Embedding: there are no sparse gradients here: leave out sparse=True"),
    (lambda: nn.Embedding(5, 3, _weight=mg.ones(3, 5)), r"^Embedding: _weight must be \(5, 3\), it is \(3, 5\)"),
    (lambda: nn.Embedding.from_pretrained(mg.ones(3)), r"^from_pretrained: embeddings must be .*, they are \(3,\)"),
    (lambda: F.embedding(mg.tensor([1]), mg.ones(5, 3), sparse=True), "^embedding: there are no sparse gradients here"),
    (lambda: F.embedding(mg.tensor([9]), mg.ones(5, 3), max_norm=1.0), r"^embedding: x\[0\] is 9, but there are 5"),
])
def test_wrong_functions_and_layers(call, message):
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        call()


@pytest.mark.parametrize("shape, message", [
    ((3, 4, 5), r"dropout2d: an input of 3 axes is taken for a batch \(n, c, l\), .*\(3, 4, 5\)"),
    ((3, 4), r"dropout2d: expected an input \(n, c, h, w\), it is \(3, 4\)"),
])
def test_dropout2d_warns_where_it_is_seldom_meant(shape, message):
    with pytest.warns(UserWarning, match=message):
        nn.Dropout2d()(mg.ones(shape))


@pytest.mark.parametrize("call", [F.softmax, F.softmin, F.log_softmax, nn.Softmax(), nn.Softmin(), nn.LogSoftmax()])
def test_an_axis_that_is_not_named_is_warned_of(call):
    with pytest.warns(UserWarning, match="softm.*: dim is not given, axis 1 is taken"):
        call(mg.ones(2, 3))


def test_a_table_stays_as_it_was_when_a_number_has_no_row():
    table = mg.full((5, 3), 9.0)
    with pytest.raises(IndexError):
        F.embedding(mg.tensor([1, 9]), table, max_norm=1.0)
    assert (table.numpy() == 9).all()
