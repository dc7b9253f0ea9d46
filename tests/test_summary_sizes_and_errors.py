"""Summaries of open graphs, of modules, and of what raises: the error has the table up to there."""

from __future__ import annotations

import json

import numpy as np
import pytest
from strict_cupy import installed

import minigrad as mg
from minigrad import models, nn, ops
from minigrad.graph import Graph, Input, Summary, summary
from minigrad.nn import functional as F

# --- other sizes -----------------------------------------------------------------------------------------------

def small():
    x = Input((3, None, None), name="photo")
    h = nn.Conv2d(3, 8, 3, padding=1)(x, name="c")
    h = ops.mean(nn.MaxPool2d(2)(h, name="p"), (2, 3), name="m")
    return Graph(x, nn.Linear(8, 2)(h, name="fc"))


def test_open_axes():
    found = small().summary()
    assert found["c"].output_shapes == (("n", 8, None, None),) and found["c"].multiplications is None
    assert found["c"].memory is None and found["c"].parameters == 224 and found["fc"].multiplications == 16
    assert found["p"].multiplications == 0 and found["m"].memory == 32 and found.multiplications == 16
    assert [row.receptive_field for row in found] == [(1, 1), (3, 3), (4, 4), ("all", "all"), ("all", "all")]
    text = str(found)
    assert "3x?x? -> 8x?x?" in text and "? is an axis that is left open" in text and "summary((3, 64, 64))" in text
    json.dumps(found.to_dict())


def test_a_graph_at_another_size():
    found = small().summary((3, 20, 10))
    assert found["c"].multiplications == 8 * 200 * 27 and found["p"].output_shapes == (("n", 8, 10, 5),)
    assert "?" not in str(found)
    assert summary(small(), (3, 20, 10)).multiplications == found.multiplications
    assert models.lenet5().summary((1, 32, 32)).multiplications == 416_520
    with pytest.raises(TypeError, match="sized: this graph has 1 inputs"):
        small().summary((3, 2, 2), (3, 2, 2))


def test_what_depends_on_a_size_that_is_open():
    x = Input((3, None, None))
    y = F.interpolate(nn.AdaptiveAvgPool2d(5)(x, name="five"), (64, 64))
    found = Graph(x, y).summary()
    assert found["five"].receptive_field is None
    assert Graph(x, y).summary((3, 20, 20))["five"].receptive_field == (4, 4)


# --- modules, and errors ---------------------------------------------------------------------------------------

class Branching(nn.Module):
    """Several inputs, one that is not used; results inside a dict."""

    def __init__(self):
        self.embed, self.fc = nn.Embedding(10, 4), nn.Linear(4, 2)

    def forward(self, tokens, mask, unused):
        h = self.embed(tokens)
        return {"out": (self.fc(h), [h * ops.expand_dims(mask, -1)]), "none": None}


def test_a_module_with_several_inputs():
    found = summary(Branching(), (5,), (5,), (7,), dtypes=["int64", "float32", "float32"])
    assert [row.name for row in found] == ["input_1", "input_2", "embed", "fc", "expand_dims_1", "multiply_1"]
    assert found["embed"].receptive_field == (1,) and found.multiplications == 5 * 8


def test_dropout_inside_a_forward_does_not_hinder():
    """In training it would be fixed for ever in a graph; a summary makes none that stays."""
    found = summary(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True), (5, 8))
    assert found["self_attn"].multiplications == 4 * 5 * 64 + 2 * 5 * 5 * 8


class Broken(nn.Module):
    def __init__(self, c):
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(c, 6, 3), nn.Linear(6, 2)

    def forward(self, x):
        return self.fc(ops.tanh(self.conv2(ops.tanh(self.conv1(x)))))


def test_the_error_of_a_layer_has_the_table_up_to_it():
    with pytest.raises(ValueError, match="weight expects 5 input channels, x has 4") as caught:
        summary(Broken(5), (3, 8, 8))
    found = caught.value.summary
    assert isinstance(found, Summary)
    assert [row.name for row in found] == ["input_1", "conv1", "tanh_1", "conv2"]
    assert found["conv2"].output_shapes == () and found["conv2"].parameters == 276
    assert found["conv1"].multiplications == 36 * 4 * 27 and found["conv2"].multiplications is None
    (note,) = caught.value.__notes__
    assert note == f"what was built before:\n{found}" and "4x6x6 -> ?" in note
    assert note.splitlines()[-1].startswith("conv2 (Conv2d) raised ValueError: ")
    assert found.to_dict()["error"] == found.error and "conv2 (Conv2d) raised" in found._repr_html_()


def test_the_error_of_an_op_has_it_too():
    with pytest.raises(ValueError, match="weight expects 6 input features") as caught:
        summary(Broken(4), (3, 8, 8))
    assert [row.name for row in caught.value.summary][-2:] == ["tanh_2", "fc"]


class Thinking(nn.Module):
    def __init__(self):
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        h = self.fc(x)
        if h.sum() > 0:
            return h
        raise AssertionError


def test_the_error_of_a_forward_between_layers():
    with pytest.raises(TypeError, match="has no values") as caught:
        summary(Thinking(), (3,))
    assert caught.value.summary.error.startswith("behind greater_1, the forward raised TypeError: Symbol(")


def test_the_error_of_a_graph_at_a_size_that_is_too_small():
    with pytest.raises(ValueError, match="window") as caught:
        models.lenet5().summary((1, 8, 8))
    assert [row.name for row in caught.value.summary] == ["image", "c1", "tanh_1", "s2", "c3"]


def test_an_error_before_anything_was_built_is_what_it_was():
    class Never(nn.Module):
        def forward(self, x):
            raise KeyError("no")

    with pytest.raises(KeyError, match="no") as caught:
        summary(nn.Sequential(nn.Sequential(Never())), (3,))
    assert caught.value.summary.rows[-1].name == "0.0"
    with pytest.raises(ValueError, match="Input: expected the shape of one example"):
        summary(nn.Linear(3, 2), (0,))


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: summary(nn.Linear(3, 2)), TypeError, "the shape of each input of Linear is missing"),
    (lambda: summary(3, (3,)), TypeError, "expected a Graph or a Module, int came"),
    (lambda: summary(nn.Linear(3, 2), (3,), dtypes=["f4", "f4"]), ValueError, "1 shapes and 2 dtypes came"),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_summary_leaves_everything_as_it_was():
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Conv2d(3, 2, 3))
    before = {name: array.copy() for name, array in net.state_dict().items()}
    mg.manual_seed(3)
    summary(net, (3, 5, 5))
    drawn = mg.rand(3).numpy()
    mg.manual_seed(3)
    np.testing.assert_array_equal(drawn, mg.rand(3).numpy())
    assert all(module.training for module in net.modules())
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


class Twins(nn.Module):
    def __init__(self):
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.b(self.a(x, name="twin"), name="twin")


def test_an_error_without_a_table_stays_what_it_is():
    with pytest.raises(ValueError, match="two nodes are called 'twin'") as caught:
        summary(Twins(), (3,))
    assert not hasattr(caught.value, "summary")


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_recurrent_layer_wants_the_batch_first(kind):
    """With the time in front it would take as many steps as there are examples."""
    name = kind.__name__
    for shape in (5, 4), (4,):
        with pytest.raises(ValueError, match=f"{name}: on a symbol the first axis is the batch's"):
            summary(kind(4, 3), shape)


@pytest.mark.parametrize("net", [
    lambda: nn.Sequential(nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(3456, 10)),
    lambda: nn.Sequential(nn.ConvTranspose2d(1, 2, 3, 2), nn.GroupNorm(2, 2), nn.Upsample(scale_factor=2))])
def test_a_model_on_another_device_has_the_same(net):
    with installed():
        assert str(summary(net().to("cuda"), (1, 28, 28))) == str(summary(net(), (1, 28, 28)))
