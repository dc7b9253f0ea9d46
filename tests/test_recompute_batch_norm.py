"""Statistics of BatchNorm over a whole set: those of the population, whatever the batches; all else as it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import cupy, installed, only_on_the_double, syncs

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataError, Loader
from minigrad.graph import Graph, Input
from minigrad.train import RecomputeBatchNorm, fit, recompute_batch_norm, update_bn


def numbers(*shape, seed=0):
    return (3 + 2 * np.random.default_rng(seed).standard_normal(shape)).astype("f4")


def statistics(x):
    """Mean and unbiased variance of every channel."""
    axes = (0, *range(2, x.ndim))
    return x.mean(axes, dtype="f8"), x.astype("f8").var(axes, ddof=1)


def assert_statistics(layer, x, rtol=1e-5):
    mean, var = statistics(x)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=rtol)
    np.testing.assert_allclose(layer.running_var, var, rtol=rtol)


class Set:
    """A data set: a length and pairs."""

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], 0


# --- the population -------------------------------------------------------------------------------------------------

@given(st.integers(2, 40), st.integers(2, 12), st.integers(0, 2 ** 32 - 1), st.booleans())
def test_the_first_layer_gets_the_statistics_of_the_whole_set(n, size, seed, images):
    """However unequal the batches are; a trail of averages would depend on them."""
    x = numbers(n, 3, 2, 4, seed=seed) if images else numbers(n, 3, seed=seed)
    model = nn.Sequential(nn.BatchNorm2d(3) if images else nn.BatchNorm1d(3), nn.ReLU())
    assert recompute_batch_norm(model, Set(x), size) == ["0"]
    assert_statistics(model[0], x)


def test_values_far_from_0_lose_no_digits():
    """Sums of squares in float32 would have none left of this variance."""
    x = numbers(300, 2) + np.float32(4096)
    layer = nn.BatchNorm1d(2)
    recompute_batch_norm(layer, Set(x), 7)
    assert_statistics(layer, x, 1e-4)


@pytest.mark.parametrize("size", [10, 30])
def test_deeper_layers_see_the_layers_before_them_normalised_by_the_batch(size):
    """The same by hand: train mode, dropout off, and the batches put together."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.ReLU(), nn.Linear(4, 2),
                          nn.BatchNorm1d(2))
    x = numbers(30, 3)
    seen = []
    by_hand = nn.Sequential(model[0], nn.BatchNorm1d(4, track_running_stats=False), model[3], model[4])
    with mg.no_grad():
        for i in range(0, 30, size):
            seen.append(by_hand(mg.tensor(x[i:i + size])).numpy())
        first = model[0](mg.tensor(x)).numpy()
    assert recompute_batch_norm(model, Set(x), size) == ["1", "5"]
    assert_statistics(model[1], first)
    assert_statistics(model[5], np.concatenate(seen), 1e-4)


def test_a_shared_layer_pools_both_of_its_uses():
    x = Input((2,), name="x")
    norm = nn.BatchNorm1d(2)
    graph = Graph(x, norm(norm(x, name="norm") * 0.5 + 1))
    values = numbers(12, 2)
    assert recompute_batch_norm(graph, Set(values), 12) == ["norm"]
    normal = (values - values.mean(0)) / np.sqrt(values.var(0) + 1e-5)
    assert_statistics(norm, np.concatenate([values, normal * 0.5 + 1]), 1e-4)
    assert norm.num_batches_tracked == 2


def test_all_forms_of_data_give_the_same():
    x = numbers(21, 3)
    batches = [x[:10], x[10:20], x[20:]]
    merged = [x[:10], x[10:]]                           # of a single value in a channel there is no variance
    loader = Loader((x, np.zeros(21)), 7, shuffle=True)
    forms = [Set(x), (x, np.zeros(21)), loader, merged, iter(merged), (b for b in merged),
             [(b, None) for b in merged], [[mg.tensor(b), 0] for b in merged]]
    for data in forms:
        layer = nn.BatchNorm1d(3)
        recompute_batch_norm(layer, data, 10)
        assert_statistics(layer, x)
    assert loader.next_epoch == 1                       # the training's order of examples is what it was
    with pytest.raises(ValueError, match="more than one value per channel"):
        recompute_batch_norm(nn.BatchNorm1d(3), batches)


def test_models_of_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            self.norm = nn.BatchNorm1d(3)

        def forward(self, left, right):
            return self.norm(input=left + right)        # by keyword too

    x, y = numbers(8, 3), numbers(8, 3, seed=1)
    a, b = Input((3,), name="left"), Input((3,), name="right")
    graph = Graph([a, b], nn.BatchNorm1d(3)(a + b, name="norm"))
    for model in Two(), graph:
        for inputs in (x, y), {"right": y, "left": x}:
            recompute_batch_norm(model, [(inputs, None)])
            norm = model.norm if isinstance(model, Two) else model.node("norm").what
            assert_statistics(norm, x + y)


def test_double_precision_data_and_half_precision_models():
    for dtype, rtol in ("float32", 1e-5), ("float16", 1e-3):
        model = nn.BatchNorm1d(3).to(dtype)
        x = numbers(20, 3).astype("f8")
        recompute_batch_norm(model, Set(x), 6)
        assert model.running_mean.dtype == dtype
        assert_statistics(model, x.astype(dtype), rtol)


def test_evaluation_uses_them():
    """In eval mode what was seen comes out with mean 0 and variance 1."""
    layer, x = nn.BatchNorm2d(3, eps=1e-9), numbers(16, 3, 4, 4)
    recompute_batch_norm(layer, Set(x), 5)
    y = layer.eval()(mg.tensor(x)).numpy()
    np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.var((0, 2, 3), ddof=1), 1, rtol=1e-4)


# --- what stays -----------------------------------------------------------------------------------------------------

class Branches(nn.Module):
    """A BatchNorm that is reached in training alone."""

    def __init__(self):
        self.main, self.aux = nn.BatchNorm1d(3), nn.BatchNorm1d(3)

    def forward(self, x):
        return (self.main(x), self.aux(x)) if self.training else self.main(x)


def test_others_stay_as_they_are():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3), nn.Dropout(0.5), nn.BatchNorm1d(4),
                          nn.BatchNorm1d(4, track_running_stats=False), nn.BatchNorm1d(4, momentum=None))
    model.train()
    model[3].trainable = False
    model[2].eval()
    modes, momenta = [m.training for m in model.modules()], [getattr(m, "momentum", 0) for m in model.modules()]
    buffers = {name: b for name, b in model.named_buffers()}
    before = {name: a.copy() for name, a in model.state_dict().items()}
    assert recompute_batch_norm(model, Set(numbers(10, 3)), 5) == ["1", "5"]
    assert [m.training for m in model.modules()] == modes
    assert [getattr(m, "momentum", 0) for m in model.modules()] == momenta
    for name, b in model.named_buffers():
        assert b is buffers[name]                       # the same memory, for graphs and optimizers that refer to it
        assert (b != before[name]).any() == name.startswith(("1.", "5."))
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(p.numpy(), before[name])
        assert p.grad is None
    assert model[1].num_batches_tracked == 2 and model[1]._hooks.forward == []


def test_a_branch_that_eval_mode_does_not_reach():
    model, x = Branches(), numbers(9, 3)
    assert recompute_batch_norm(model, Set(x)) == ["main"]
    assert_statistics(model.main, x)
    assert model.aux.running_mean.tolist() == [0, 0, 0] and model.aux.num_batches_tracked == 0


def test_without_such_layers_nothing_is_read():
    def never():
        raise ValueError("read")
        yield

    assert recompute_batch_norm(nn.Linear(2, 2), never()) == []
    assert update_bn(never(), nn.Linear(2, 2)) is None


@pytest.mark.parametrize("recompute", [recompute_batch_norm, lambda model, data: update_bn(data, model)])
def test_after_an_error_all_is_as_it_was(recompute):
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3), nn.Dropout(0.5)).train()
    model[1].eval()
    model[0].running_mean[...] = 7

    def broken():
        yield numbers(4, 3)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        recompute(model, broken())
    assert model[0].momentum == 0.3 and model.training and not model[1].training and model[0].training
    if recompute is recompute_batch_norm:
        assert model[0].running_mean.tolist() == [7] * 3 and model[0]._hooks.forward == []
        with pytest.raises(ValueError, match="batch_norm|BatchNorm1d"):
            recompute(model, [numbers(4, 3), numbers(4, 2)])
        assert model[0].running_mean.tolist() == [7] * 3


def test_nothing_is_recorded():
    layer, seen = nn.BatchNorm1d(3), []
    layer.register_forward_hook(lambda module, args, y: seen.append(y.requires_grad))
    recompute_batch_norm(layer, Set(numbers(8, 3)), 4)
    assert seen == [False, False]


@only_on_the_double
def test_on_the_device_nothing_waits():
    with installed():
        model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).to("cuda:1")
        x = numbers(6, 1, 5, 5)
        syncs.clear()
        assert recompute_batch_norm(model, Set(x), 4) == ["1"]
        assert syncs == [] and type(model[1].running_var) is cupy.ndarray and model[1].running_var.device.id == 1
        here = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
        here.load_state_dict({name: a.get() for name, a in model.state_dict().items()})
        recompute_batch_norm(here, Set(x), 4)
        np.testing.assert_allclose(model[1].running_var.get(), here[1].running_var, rtol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match="the data have no batch"):
        recompute_batch_norm(nn.BatchNorm1d(2), [])
    with pytest.raises(DataError, match="expected a data set"):
        recompute_batch_norm(nn.BatchNorm1d(2), 7)


# --- PyTorch's ------------------------------------------------------------------------------------------------------

@pytest.mark.parity
@given(st.lists(st.integers(2, 5), min_size=1, max_size=4), st.integers(0, 2 ** 32 - 1))
def test_update_bn_is_pytorchs(sizes, seed):
    import torch
    from torch.optim.swa_utils import update_bn as pytorchs

    layers = [("Linear", 3, 4), ("BatchNorm1d", 4), ("ReLU",), ("BatchNorm1d", 4)]
    mine, theirs = [module.Sequential(*[getattr(module, kind)(*args) for kind, *args in layers])
                    for module in (nn, torch.nn)]
    theirs.load_state_dict({name: torch.tensor(a) for name, a in mine.state_dict().items()})
    batches = [numbers(n, 3, seed=seed + i) for i, n in enumerate(sizes)]
    mine.eval(), theirs.eval()
    update_bn([(b, None) for b in batches], mine)
    pytorchs([(torch.tensor(b), None) for b in batches], theirs)
    assert not mine.training and mine[1].momentum == 0.1
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(mine.state_dict()[name], value.numpy(), rtol=1e-4, atol=1e-5)


def test_update_bn_keeps_frozen_layers_and_is_in_train_mode():
    model = Branches().eval()
    model.main.trainable = False
    update_bn([numbers(4, 3)], model)
    assert model.main.num_batches_tracked == 0 and model.aux.num_batches_tracked == 1
    assert model.aux.running_mean.any() and not model.training


# --- as a callback --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("given", [False, True])
def test_the_end_of_a_training_leaves_the_statistics_of_the_whole_set(given):
    x, targets = numbers(30, 3), np.arange(30) % 2
    other = numbers(12, 3, seed=5)
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
    callback = RecomputeBatchNorm((other, np.zeros(12)), 5) if given else RecomputeBatchNorm()
    fit(model, (x, targets), loss=nn.CrossEntropyLoss(), optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=2,
        batch_size=8, callbacks=[callback])
    assert_statistics(model[0], other if given else x)
