"""LeNet-5: the paper's layers, counted; and the registry of models."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import models, nn, ops
from minigrad.graph import Graph, Input
from minigrad.models.lenet5 import TABLE, mean_squared_error, squashed
from minigrad.models.lenet5_codes import codes
from minigrad.nn import functional as F

# The paper's figure 2 and section II.B, with full connections in C3 and a linear layer at the end.
LAYERS = {                      # node -> shape, parameters, multiplications for one image
    "image": ((1, 32, 32), 0, 0),
    "c1": ((6, 28, 28), 6 * (25 + 1), 6 * 28 * 28 * 25),
    "s2": ((6, 14, 14), 0, 0),
    "c3": ((16, 10, 10), 2_416, 240_000),
    "s4": ((16, 5, 5), 0, 0),
    "c5": ((120, 1, 1), 48_120, 48_000),
    "f6": ((84,), 10_164, 10_080),
    "f7": ((10,), 850, 840),
}


def summary_of(model) -> dict[str, tuple[int, int]]:
    table = model.summary()
    return {row.name: (row.parameters, row.multiplications) for row in table} | {
        "total": (table.parameters, table.multiplications)}


def test_layers_are_the_papers():
    model = models.lenet5()
    table = summary_of(model)
    for name, (shape, parameters, multiplications) in LAYERS.items():
        assert model.node(name).shape == ("n", *shape), name
        assert table[name] == (parameters, multiplications), name
    assert table["total"] == (61_706, 416_520)
    layers = [node.name for node in model.nodes if isinstance(node.what, nn.Module)]
    assert layers == ["c1", "s2", "c3", "s4", "c5", "f6", "f7"]
    assert [node.what for node in model.nodes if node.what is ops.tanh] == 4 * [ops.tanh]


def test_it_computes_what_its_layers_say():
    model = models.lenet5()
    w = {name: mg.tensor(array) for name, array in model.state_dict().items()}
    x = mg.randn(3, 1, 32, 32)
    h = F.avg_pool2d(F.conv2d(x, w["c1.weight"], w["c1.bias"]).tanh(), 2)
    h = F.avg_pool2d(F.conv2d(h, w["c3.weight"], w["c3.bias"]).tanh(), 2)
    h = F.conv2d(h, w["c5.weight"], w["c5.bias"]).tanh().reshape(3, 120)
    h = F.linear(h, w["f6.weight"], w["f6.bias"]).tanh()
    scores = F.linear(h, w["f7.weight"], w["f7.bias"])
    np.testing.assert_allclose(model(x).numpy(), scores.numpy(), rtol=1e-5, atol=1e-6)


def test_the_papers_own_computes_what_section_ii_says():
    """Written out once more, map by map: subsampling, table I, scaled tanh and the distances to the codes."""
    model = models.lenet5_paper()
    w = {name: mg.tensor(array) for name, array in model.state_dict().items()}
    x = mg.randn(3, 1, 32, 32)

    def f(a):
        return 1.7159 * (a * (2 / 3)).tanh()

    def subsampled(h, name):
        sums = h[:, :, ::2, ::2] + h[:, :, 1::2, ::2] + h[:, :, ::2, 1::2] + h[:, :, 1::2, 1::2]
        return f(sums * w[f"{name}.weight"] + w[f"{name}.bias"])

    h = subsampled(f(F.conv2d(x, w["c1.weight"], w["c1.bias"])), "s2")
    kernels = [k for n in (3, 4, 6) for k in w[f"c3.of{n}.weight"].numpy()]
    biases = [b for n in (3, 4, 6) for b in w[f"c3.of{n}.bias"].numpy()]
    maps = [F.conv2d(h[:, list(row)], mg.tensor(kernel[None]), mg.tensor([bias]))
            for row, kernel, bias in zip(TABLE, kernels, biases, strict=True)]
    h = subsampled(f(mg.concat(maps, 1)), "s4")
    h = f(F.conv2d(h, w["c5.weight"], w["c5.bias"])).reshape(3, 120)
    h = f(F.linear(h, w["f6.weight"], w["f6.bias"])).numpy()
    penalties = np.array([[sum((row - code) ** 2) for code in codes().numpy()] for row in h])
    np.testing.assert_allclose(model.run(x, at="f7").numpy(), penalties, rtol=1e-5)
    np.testing.assert_allclose(model(x).numpy(), -penalties, rtol=1e-5)
    right = mean_squared_error(model(x), mg.tensor([7, 0, 7]))
    np.testing.assert_allclose(right.numpy(), (penalties[0, 7] + penalties[1, 0] + penalties[2, 7]) / 3, rtol=1e-5)


def test_table_i_has_60_pairs():
    """Six maps of 3, six of 4 in a row, three of 4, one of all: 1,500 weights, with the biases 151,600 connections."""
    assert [len(row) for row in TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len(set(TABLE)) == 16 and sum(map(len, TABLE)) == 60 and (60 * 25 + 16) * 100 == 151_600
    assert all(sum(i in row for row in TABLE) == 10 for i in range(6))


def test_codes_are_ten_drawings_of_7_by_12():
    found = codes().numpy()
    assert found.shape == (10, 84) and set(np.unique(found)) == {-1.0, 1.0} and len(np.unique(found, axis=0)) == 10
    drawn = ["".join(" #"[int(dot > 0)] for dot in row).rstrip() for row in found[7].reshape(12, 7)]
    assert drawn == ["#######", "     ##", "     ##", "    ##", "   ##", "   ##", *4 * ["  ##"], "", ""]


def test_scaled_tanh_keeps_1():
    """Appendix A: f(1) = 1, f(-1) = -1, and the gain there is 1 on the whole."""
    a = mg.tensor([-1.0, 0.0, 1.0])
    x = Input((3,))
    y = Graph(x, squashed(x, "f"))(mg.reshape(a, (1, 3)))
    np.testing.assert_allclose(y.numpy(), [[-1, 0, 1]], atol=1e-4)


def test_the_modern_one_has_relu_and_max_pooling():
    model = models.lenet5_modern()
    assert [type(model.node(name).what) for name in ("s2", "s4")] == 2 * [nn.MaxPool2d]
    assert [node.what for node in model.nodes if node.what is ops.relu] == 4 * [ops.relu]
    assert {name: p.shape for name, p in model.named_parameters()} == {
        name: p.shape for name, p in models.lenet5().named_parameters()}


def test_initialisation_is_lecuns():
    model = models.lenet5()
    for name, parameter in model.named_parameters():
        values = parameter.numpy()
        if name.endswith("bias"):
            assert not values.any()
        elif values.size > 2_000:
            fan_in = values[0].size
            assert values.var() * fan_in == pytest.approx(1, rel=0.1), name


def test_the_seed_decides_the_weights():
    states = []
    for seed in (1, 1, 2):
        mg.manual_seed(seed)
        states.append(models.lenet5().state_dict())
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name])
    assert (states[0]["c1.weight"] != states[2]["c1.weight"]).all()


def test_another_number_of_classes():
    assert models.create("lenet5", num_classes=26)(mg.zeros(2, 1, 32, 32)).shape == (2, 26)


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"input image expects \(n, 1, 32, 32\), .* \(2, 1, 28, 28\) came"):
        models.lenet5()(mg.zeros(2, 1, 28, 28))


def test_models_by_name():
    assert "lenet5" in models.names()
    assert list(models.create("lenet5").state_dict()) == list(models.lenet5().state_dict())


@pytest.mark.parametrize(("name", "hint"), [("lenet", "did you mean lenet5"), ("LeNet5", "did you mean lenet5"),
                                            ("zzz", "there are .*lenet5")])
def test_an_unknown_model_suggests_the_nearest(name, hint):
    with pytest.raises(models.UnknownModelError, match=f"unknown model '{name}': {hint}"):
        models.create(name)
