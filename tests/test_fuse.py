"""Neighbours of a graph that run in one pass: when they do, that nothing changes, and when they run apart."""

from __future__ import annotations

import math
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import debug, nn
from minigrad.graph import Graph, Input


class Block(nn.Module):
    """A residual block, the shortcut the input or a projection; the ReLUs are layers or functions."""

    def __init__(self, c: int, k: int, by_function: bool = False):
        self.conv1, self.bn1 = nn.Conv2d(c, k, 3, padding=1, bias=False), nn.BatchNorm2d(k)
        self.conv2, self.bn2 = nn.Conv2d(k, k, 3, padding=1, bias=False), nn.BatchNorm2d(k)
        self.down = nn.Sequential(nn.Conv2d(c, k, 1, bias=False), nn.BatchNorm2d(k)) if c != k else None
        self.relu = nn.functional.relu if by_function else nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.down is None else self.down(x)))


def network(by_function: bool = False) -> Graph:
    mg.manual_seed(0)
    x = Input((3, 8, 8), name="x")
    y = nn.ReLU()(nn.Conv2d(3, 4, 3, padding=1)(x, name="stem"), name="stem_relu")
    y = Block(4, 4, by_function)(y, name="block1")
    y = Block(4, 6, by_function)(y, name="block2")
    y = nn.Flatten()(nn.AvgPool2d(8)(y, name="pool"), name="flat")
    return Graph(x, nn.Linear(6, 3)(y, name="fc"))


FUSED = [("stem", "stem_relu"), ("block1.bn1", "block1.relu"), ("block1.bn2", "block1.add", "block1.relu2"),
         ("block2.bn1", "block2.relu"), ("block2.bn2", "block2.add", "block2.relu2")]


def images(dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(1).normal(size=(4, 3, 8, 8)).astype(dtype)


def step(model: Graph, x: np.ndarray, fuse: bool) -> dict[str, np.ndarray]:
    """Everything that a training step leaves: output, gradients, buffers."""
    model = deepcopy(model)
    with mg.config(fuse=fuse):
        x_tensor = mg.tensor(x, requires_grad=True)
        y = model(x_tensor)
        (y * y).sum().backward()
    left = {"y": y.numpy(), "x.grad": x_tensor.grad.numpy()}
    left |= {f"{name}.grad": p.grad.numpy() for name, p in model.named_parameters()}
    return left | {name: np.asarray(b) for name, b in model.named_buffers()}


@pytest.mark.parametrize("by_function", [False, True])
def test_the_plan_says_what_is_fused(by_function):
    plan = network(by_function).plan()
    assert [len(names) for names in plan.fused] == [2, 2, 3, 2, 3]
    if not by_function:
        assert [tuple(name.rstrip("_0123456789") for name in names) for names in plan.fused] == \
            [tuple(name.rstrip("_0123456789") for name in names) for names in FUSED]
    assert "block1.bn1 + block1.relu" in str(plan) or by_function
    assert "BatchNorm2d + add + ReLU" in str(plan) or by_function
    assert "in one pass" in str(plan) and f"{len(plan)} steps, 5 of them of several nodes" in str(plan)
    with mg.config(fuse=False):
        assert network(by_function).plan().fused == []


@pytest.mark.parametrize("by_function", [False, True])
@pytest.mark.parametrize("mode", ["auto", "exact", "definition"])
def test_fused_or_not_a_training_step_is_the_same(by_function, mode):
    model = network(by_function).to("float64")
    with mg.config(kernels=mode):
        fused, apart = step(model, images(), True), step(model, images(), False)
    assert fused.keys() == apart.keys()
    for name, value in apart.items():
        np.testing.assert_allclose(fused[name], value, rtol=1e-9, atol=1e-9 * np.abs(value).max(), err_msg=name)


def test_fused_nodes_really_run_as_one():
    ops = []
    y = network().to("float64")(mg.tensor(images()))
    for node, *_ in mg.walk.backward_steps([y.sum()], [None]):
        ops.append(node.op.name)
    assert ops.count("batch_norm_relu_train") == 4 and ops.count("conv2d_relu") == 1 and "relu" not in ops


@pytest.mark.parametrize("fuse", [True, False])
def test_evaluation(fuse):
    model = network().to("float64")
    for _ in range(3):
        model(mg.tensor(images()))
    model.eval()
    with mg.config(fuse=False):
        expected = model(mg.tensor(images())).numpy()
    with mg.config(fuse=fuse), mg.no_grad():
        np.testing.assert_allclose(model(mg.tensor(images())).numpy(), expected, rtol=1e-10)
        np.testing.assert_allclose(model.fold_batch_norm()(mg.tensor(images())).numpy(), expected, rtol=1e-8)


def test_folded_graphs_add_and_rectify_in_one_pass():
    plan = network().fold_batch_norm().plan()
    assert [len(names) for names in plan.fused] == [2, 2, 2, 2, 2]


def test_names_of_the_state_stay():
    model = network()
    names = list(model.state_dict())
    model(mg.tensor(images("float32")))
    assert list(model.state_dict()) == names and model.plan().fused


# --- when they run apart ------------------------------------------------------------------------------------------

def test_what_is_asked_for_is_there():
    model = network().to("float64")
    inner = ["block1.bn1", "block1.add_1", "stem"]
    values = model.run(mg.tensor(images()), at=inner)
    with mg.config(fuse=False):
        expected = model.run(mg.tensor(images()), at=inner)
    for name in inner:
        np.testing.assert_allclose(values[name].numpy(), expected[name].numpy(), rtol=1e-9, atol=1e-9)
    assert (values["stem"].numpy() < 0).any()


def test_a_value_that_two_nodes_read():
    x = Input((4, 4, 4), name="x")
    y = nn.BatchNorm2d(4)(x, name="bn")
    assert Graph(x, nn.ReLU()(y) + y).plan().fused == []
    assert Graph(x, [y, nn.ReLU()(y)]).plan().fused == []
    assert len(Graph(x, nn.ReLU()(y)).plan().fused) == 1
    z = y + y
    assert Graph(x, nn.ReLU()(z)).plan().fused == []


def test_layers_of_ones_own_classes_run_apart():
    class Louder(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x) * 2

    x = Input((4, 4, 4), name="x")
    assert Graph(x, nn.ReLU()(Louder(4)(x))).plan().fused == []
    assert Graph(x, nn.ReLU6()(nn.BatchNorm2d(4)(x))).plan().fused == []
    assert Graph(x, nn.ReLU()(nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")(x))).plan().fused == []


def test_a_hook_sees_its_layer():
    model, seen = network().to("float64"), []
    bn = model.node("block1.bn2").what
    handle = bn.register_forward_hook(lambda module, args, y: seen.append(y.numpy()))
    hooked = model(mg.tensor(images())).numpy()
    handle.remove()
    assert len(seen) == 1 and (seen[0] < 0).any()
    np.testing.assert_allclose(model(mg.tensor(images())).numpy(), hooked, rtol=1e-9, atol=1e-12)
    assert len(seen) == 1


def test_the_debugger_sees_every_layer():
    model = network().to("float64")
    with debug.record():
        y = model(mg.tensor(images()))
    names = [event.node.op.name for event in debug.walk(y.sum()) if event.kind == "rule"]
    assert "relu" in names and "batch_norm_train" in names and "batch_norm_relu_train" not in names


@pytest.mark.parametrize("dtype", ["float16"])
def test_low_precision_runs_apart(dtype):
    model, x = network().to(dtype), mg.tensor(images(dtype))
    y = model(x)
    with mg.config(fuse=False):
        assert (deepcopy(model)(x).numpy() == y.numpy()).all()


def test_errors_name_the_layer_that_cannot_work():
    model = network()
    x = mg.tensor(images("float32")[:1, :, :1, :1])
    messages = []
    for fuse in (True, False):
        small = Input((3, 1, 1), name="x")
        graph = Graph(small, nn.ReLU()(nn.BatchNorm2d(3)(small, name="bn")))
        with mg.config(fuse=fuse), pytest.raises(ValueError, match="more than one value per channel") as caught:
            graph(x)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert model.training


def counted(make, fuse, calls=2):
    """The BatchNorm of a graph after some training steps: make(bn, conv, x) -> y."""
    mg.manual_seed(0)
    x, bn, conv = Input((3, 6, 6)), nn.BatchNorm2d(3, momentum=None), nn.Conv2d(3, 3, 3, padding=1)
    model = Graph(x, make(bn, conv, x))
    with mg.config(fuse=fuse):
        for seed in range(calls):
            model(mg.tensor(3 + np.random.default_rng(seed).normal(size=(4, 3, 6, 6)).astype("f4")))
    return bn


@pytest.mark.parametrize("make", [
    lambda bn, conv, x: nn.ReLU()(bn(conv(x)) + nn.AdaptiveAvgPool2d(1)(x)),            # the addition broadcasts
    lambda bn, conv, x: nn.ReLU()(bn(x) + nn.ReLU()(bn(conv(x)))),                      # its order of calls counts
], ids=["broadcast", "shared"])
def test_statistics_are_gathered_once_and_in_order(make):
    fused, apart = [counted(make, fuse) for fuse in (True, False)]
    assert fused.num_batches_tracked == apart.num_batches_tracked
    np.testing.assert_allclose(fused.running_mean, apart.running_mean, rtol=1e-5)
    np.testing.assert_allclose(fused.running_var, apart.running_var, rtol=1e-5)


@pytest.mark.parametrize("fuse", [True, False])
def test_a_batch_that_is_refused_is_counted_once(fuse):
    """As PyTorch counts it."""
    x, bn = Input((3, None, None)), nn.BatchNorm2d(3)
    model = Graph(x, nn.ReLU()(bn(x)))
    with mg.config(fuse=fuse), pytest.raises(ValueError, match="more than one value per channel"):
        model(mg.zeros(1, 3, 1, 1))
    assert bn.num_batches_tracked == 1


def test_a_forward_of_ones_own_is_called():
    x, relu = Input((3, 6, 6)), nn.ReLU()
    model = Graph(x, relu(nn.Conv2d(3, 3, 3)(x)))
    relu.forward = lambda t: t * 0 + 42.0
    assert (model(mg.randn(2, 3, 6, 6)).numpy() == 42).all()


# --- a ReLU in front of a max pooling -----------------------------------------------------------------------------

@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.sampled_from(["float16", "float32", "float64"]),
       st.randoms(use_true_random=False))
def test_a_relu_runs_behind_a_max_pooling_and_nothing_changes(kernel, stride, padding, dtype, draw):
    """Values of a small set have many ties, and windows with nothing above 0."""
    values = [draw.choice([-2.0, -1.0, -0.0, 0.0, 1.0, 2.0, math.inf, -math.inf, math.nan]) for _ in range(2 * 49)]
    model = nn.Sequential(nn.Sequential(nn.ReLU(), nn.MaxPool2d(kernel, stride, min(padding, kernel // 2))))
    found = []
    for fuse in (False, True):
        x = mg.tensor(np.array(values, dtype).reshape(1, 2, 7, 7), requires_grad=True)
        with mg.config(fuse=fuse):
            y = model(x)
        assert (y.node.op.name == "relu") == fuse
        y.backward(mg.arange(1, y.size + 1, dtype=dtype).reshape(y.shape))
        found.append((y.numpy(), x.grad.numpy()))
    for apart, swapped in zip(*found, strict=True):
        np.testing.assert_array_equal(swapped, apart)


def test_a_relu_stays_in_front_where_somebody_looks():
    x = mg.randn(1, 1, 4, 4, requires_grad=True)
    model, seen = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), []
    assert model(x).node.op.name == "relu"
    with debug.record() as recorder:
        model(x)
    assert [call.op.name for call in recorder.calls] == ["relu", "max_pool2d"]
    for layer in model:
        handle = layer.register_forward_hook(lambda *args: seen.append(args[2].shape))
        assert model(x).node.op.name == "max_pool2d"
        handle.remove()
    assert seen == [(1, 1, 4, 4), (1, 1, 2, 2)]
    assert nn.Sequential(nn.ReLU(), nn.MaxPool2d(2, return_indices=True))(x)[0].node.op.name != "relu"
    graph = Graph(x := Input((1, 4, 4)), model(x))
    assert [node.kind for node in graph.nodes][-2:] == ["ReLU", "MaxPool2d"]
