"""LeNet-5: the paper's layers, counted; and the registry of models."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import models, nn, ops
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
