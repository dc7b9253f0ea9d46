"""nn.functional: PyTorch's signatures and corner cases; masks that are drawn, targets that are checked."""

import importlib
import inspect

import numpy as np
import pytest
from compare import assert_same
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.backend import make_generator
from minigrad.meta import Meta
from minigrad.tensor import Tensor


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def agree(name, *arrays, ours=F, params=None, **options):
    """The function of this name and PyTorch's give the same output and the same gradient of every floating input."""
    import torch
    params = params or {}
    mine = [mg.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    yours = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    y, z = getattr(ours, name)(*mine, **options), getattr(torch.nn.functional, name)(*yours, **{**options, **params})
    assert_same(y, z.detach(), 1e-9, 1e-11)
    g = random(*y.shape, seed=9)
    y.backward(g), z.backward(torch.tensor(g))
    for a, b in zip(mine, yours, strict=True):
        if a.requires_grad:
            assert_same(a.grad, b.grad, 1e-8, 1e-10)


ints, few = st.integers(1, 3), st.integers(0, 2)
pairs = st.one_of(ints, st.tuples(ints, ints))


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@given(n=st.integers(0, 2), groups=ints, each=ints, filters=ints, kernel=st.tuples(ints, ints), stride=pairs,
       dilation=pairs, padding=st.one_of(few, st.tuples(few, few), st.sampled_from(["same", "valid"])),
       bias=st.booleans())
def test_conv2d(n, groups, each, filters, kernel, stride, dilation, padding, bias):
    """n 0: one image without an axis for the batch."""
    batch = (n,) if n else ()
    x, w = random(*batch, groups * each, 8, 9), random(groups * filters, each, *kernel, seed=1)
    if padding == "same":
        stride = 1
    agree("conv2d", x, w, *[random(groups * filters, seed=2)] * bias, stride=stride, padding=padding, dilation=dilation,
          groups=groups)


@pytest.mark.parity
@given(batch=st.sampled_from([(), (1,), (2,)]), kernel=pairs, stride=st.one_of(st.none(), pairs), dilation=pairs,
       padding=st.integers(0, 1), ceil_mode=st.booleans())
def test_max_pool2d(batch, kernel, stride, dilation, padding, ceil_mode):
    smallest = kernel if isinstance(kernel, int) else min(kernel)
    agree("max_pool2d", random(*batch, 2, 8, 9), kernel_size=kernel, stride=stride, dilation=dilation,
          padding=min(padding, smallest // 2), ceil_mode=ceil_mode)


@pytest.mark.parity
@given(batch=st.sampled_from([(), (1,), (2,)]), kernel=pairs, stride=st.one_of(st.none(), pairs),
       padding=st.integers(0, 1), ceil_mode=st.booleans(), count=st.booleans(),
       divisor=st.sampled_from([None, None, 3, -1]))
def test_avg_pool2d(batch, kernel, stride, padding, ceil_mode, count, divisor):
    smallest = kernel if isinstance(kernel, int) else min(kernel)
    agree("avg_pool2d", random(*batch, 2, 8, 9), kernel_size=kernel, stride=stride, padding=min(padding, smallest // 2),
          ceil_mode=ceil_mode, count_include_pad=count, divisor_override=divisor)


@pytest.mark.parity
@given(widths=st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2)), max_size=3),
       value=st.sampled_from([None, 0.0, 1.5]))
def test_pad(widths, value):
    agree("pad", random(3, 4, 2), pad=[n for pair in widths for n in pair], value=value)


@pytest.mark.parity
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(("shape", "dim"), [((4,), 0), ((3, 4), 1), ((3, 4), -2), ((2, 3, 4), 1), ((2, 3, 2, 2), -1)])
def test_softmax(name, shape, dim):
    agree(name, random(*shape), dim=dim)


def test_a_function_is_found_where_it_says():
    for name in F.__dict__:
        function = getattr(F, name)
        if not name.startswith("_") and inspect.isfunction(function):
            assert getattr(importlib.import_module(function.__module__), name) is function


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore:Implicit dimension choice", "ignore:softmax. dim is not given")
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 3, 2, 2)])
def test_softmax_without_dim(shape):
    agree("softmax", random(*shape))


@pytest.mark.parity
@pytest.mark.parametrize(("name", "options"), [
    ("relu", {}), ("leaky_relu", {}), ("leaky_relu", {"negative_slope": -0.5}), ("elu", {"alpha": 2.0}), ("silu", {}),
    ("softplus", {}), ("softplus", {"beta": 2.5, "threshold": 1.0}), ("tanh", {}), ("sigmoid", {})])
def test_activations(name, options):
    agree(name, np.array([-30.0, -2.0, -0.3, 0.4, 1.0, 30.0]), **options)


def test_inplace_is_accepted_and_changes_nothing():
    x = mg.tensor([-1.0, 1.0])
    for f in (F.relu, F.leaky_relu, F.elu, F.silu):
        f(x, inplace=True)
    F.dropout(x, 0.5, True, True)
    assert x.tolist() == [-1, 1]


# --- normalisation ----------------------------------------------------------------------------------------------

@pytest.mark.parity
@given(shape=st.sampled_from([(4, 3), (2, 3, 2), (2, 3, 2, 2)]), affine=st.booleans(), running=st.booleans(),
       training=st.booleans(), momentum=st.sampled_from([0.1, 0.0, 1.0]), eps=st.sampled_from([1e-5, 0.1]))
def test_batch_norm(shape, affine, running, training, momentum, eps):
    import torch
    running, training = running or not training, training
    mean, var = random(3, seed=1), random(3, seed=2) ** 2
    theirs = [torch.tensor(mean), torch.tensor(var)] if running else [None, None]
    ours = [mean, var] if running else [None, None]
    x = random(*shape)
    extra = (random(3, seed=3), random(3, seed=4)) if affine else ()

    class Both:                     # x first, then weight and bias; statistics from outside
        @staticmethod
        def batch_norm(x, weight=None, bias=None, **options):
            return F.batch_norm(x, *ours, weight, bias, **options)

    original = torch.nn.functional.batch_norm
    try:
        torch.nn.functional.batch_norm = lambda x, weight=None, bias=None, **options: original(
            x, *theirs, weight, bias, **options)
        agree("batch_norm", x, *extra, ours=Both, training=training, momentum=momentum, eps=eps)
    finally:
        torch.nn.functional.batch_norm = original
    if running:
        assert_same(mean, theirs[0], 1e-10)
        assert_same(var, theirs[1], 1e-10)


def test_running_statistics_may_be_tensors():
    mean, var = mg.zeros(2), mg.ones(2)
    F.batch_norm(mg.tensor([[1.0, 2.0], [3.0, 6.0]]), mean, var, training=True, momentum=0.5)
    assert mean.tolist() == [1, 2] and var.tolist() == [1.5, 4.5] and mean.changed[0] > 0


def test_batch_norm_without_statistics():
    with pytest.raises(ValueError, match="outside of training it needs running_mean"):
        F.batch_norm(mg.zeros(2, 3), None, None)
    with pytest.raises(ValueError, match=r"more than one value per channel, input is \(1, 3, 1, 1\)"):
        F.batch_norm(mg.zeros(1, 3, 1, 1), None, None, training=True)


@pytest.mark.parity
def test_layer_norm():
    agree("layer_norm", random(4, 3, 2), normalized_shape=(3, 2), eps=0.01)


# --- dropout ----------------------------------------------------------------------------------------------------

@given(p=st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
def test_dropout(p):
    x = mg.ones(5000, requires_grad=True)
    y = F.dropout(x, p)
    dropped = y.data == 0
    assert dropped.mean() == pytest.approx(p, abs=0.04)
    assert p == 1 or y.data[~dropped] == pytest.approx(1 / (1 - p))
    y.sum().backward()
    assert_same(x.grad, y.data)
    assert F.dropout(x, p, training=False) is x


def test_dropout_draws_from_the_generator():
    x = mg.ones(100)
    first, again = [F.dropout(x, generator=make_generator("cpu", 1)).data for _ in range(2)]
    assert (first == again).all() and (first != F.dropout(x, generator=make_generator("cpu", 2)).data).any()
    mg.manual_seed(5)
    first = F.dropout(x).data
    assert (F.dropout(x).data != first).any()
    mg.manual_seed(5)
    assert (F.dropout(x).data == first).all()


def test_a_probability_is_one():
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="probability must be in"):
            F.dropout(mg.zeros(2), p)


# --- attention --------------------------------------------------------------------------------------------------

@pytest.mark.parity
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}])
def test_attention(options):
    q, k, v = random(2, 3, 4, 5), random(2, 3, 6, 5, seed=1), random(2, 3, 6, 2, seed=2)
    agree("scaled_dot_product_attention", q, k, v, **options)


@pytest.mark.parity
@pytest.mark.parametrize("mask", [random(4, 6) > -1, random(2, 1, 4, 6)], ids=["boolean", "added"])
def test_attention_with_a_mask(mask):
    import torch
    q, k, v = random(2, 3, 4, 5), random(2, 3, 6, 5, seed=1), random(2, 3, 6, 2, seed=2)
    y = F.scaled_dot_product_attention(*map(mg.tensor, (q, k, v)), attn_mask=mg.tensor(mask))
    z = torch.nn.functional.scaled_dot_product_attention(*map(torch.tensor, (q, k, v)), attn_mask=torch.tensor(mask))
    assert_same(y, z, 1e-9)


def test_attention_drops_weights():
    q, k, v = mg.zeros(2, 1, 50, 4), mg.zeros(2, 1, 40, 4), mg.ones(1, 1, 40, 3)      # every weight is 1/40
    y = F.scaled_dot_product_attention(q, k, v, dropout_p=0.25)
    kept = y.data[..., 0] * 40 * 0.75
    np.testing.assert_allclose(kept, kept.round(), atol=1e-4)
    assert kept.mean() == pytest.approx(30, abs=0.5) and kept.std() == pytest.approx((40 * 0.25 * 0.75) ** 0.5, rel=0.3)
    with pytest.raises(ValueError, match="either attn_mask or is_causal"):
        F.scaled_dot_product_attention(q, k, v, mg.zeros(50, 40), is_causal=True)


# --- losses -----------------------------------------------------------------------------------------------------

@pytest.mark.parity
@given(shape=st.sampled_from([(5, 4), (4,), (3, 4, 2), (2, 4, 3, 2)]), weighted=st.booleans(),
       ignore=st.sampled_from([-100, 2]), reduction=st.sampled_from(["mean", "sum", "none"]),
       smoothing=st.sampled_from([0.0, 0.2]))
def test_cross_entropy(shape, weighted, ignore, reduction, smoothing):
    import torch
    x = random(*shape)
    target = np.random.default_rng(1).integers(0, 4, shape[:1] + shape[2:] if len(shape) > 1 else ())
    if np.ndim(target) == 0:
        target = np.asarray(1)                      # PyTorch gives NaN where all targets are ignored, and so do we
    target = np.where(target == 3, ignore, target) if np.ndim(target) else target
    weight = np.array([0.5, 1.0, 2.0, 1.5]) if weighted else None
    options = {"ignore_index": ignore, "reduction": reduction, "label_smoothing": smoothing}
    a, b = mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = F.cross_entropy(a, target, weight, **options)
    theirs = None if weight is None else torch.tensor(weight)
    z = torch.nn.functional.cross_entropy(b, torch.tensor(target), theirs, **options)
    assert_same(y, z.detach(), 1e-9)
    y.sum().backward(), z.sum().backward()
    assert_same(a.grad, b.grad, 1e-8, 1e-10)


@pytest.mark.parametrize(("target", "message"), [
    ([0, 3, 1, -1], r"target\[1\] is 3, but there are 3 classes, 0 to 2"),
    ([0, 2, 1, -1], r"target\[3\] is -1, but there are 3 classes"),
    ([0, -100, 9, 1], r"target\[2\] is 9"),
])
def test_a_target_that_is_no_class(target, message):
    with pytest.raises(ValueError, match=message):
        F.cross_entropy(mg.zeros(4, 3), mg.tensor(target))


def test_where_the_bad_target_is():
    target = np.zeros((2, 4, 5), "i8")
    target[1, 2, 3] = 3
    with pytest.raises(ValueError, match=r"target\[1, 2, 3\] is 3"):
        F.cross_entropy(mg.zeros(2, 3, 4, 5), target)
    with pytest.raises(ValueError, match="target is 7, but"):
        F.cross_entropy(mg.zeros(3), mg.tensor(7))


def test_ignored_targets_may_be_anything():
    x = mg.zeros(3, 2)
    assert F.cross_entropy(x, mg.tensor([0, 9, 1]), ignore_index=9).item() == pytest.approx(np.log(2))
    assert F.cross_entropy(x, mg.tensor([0, -100, 1])).item() == pytest.approx(np.log(2))


def test_targets_are_class_indices_where_they_lack_the_classes():
    with pytest.raises(TypeError, match="target must be integer class indices"):
        F.cross_entropy(mg.zeros(4, 3), mg.zeros(4))
    with pytest.raises(ValueError, match="reduction must be"):
        F.cross_entropy(mg.zeros(4, 3), mg.tensor([0, 1, 2, 0]), reduction="average")


@pytest.mark.parity
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse_loss(reduction):
    agree("mse_loss", random(4, 3), random(4, 3, seed=1), reduction=reduction)


def test_mse_loss_warns_of_broadcasting():
    with pytest.warns(UserWarning, match=r"input \(3, 1\) and target \(3,\) differ"):
        F.mse_loss(mg.zeros(3, 1), mg.zeros(3))
    with pytest.raises(ValueError, match="reduction must be"):
        F.mse_loss(mg.zeros(3), mg.zeros(3), reduction="average")


# --- the rest ---------------------------------------------------------------------------------------------------

@pytest.mark.parity
def test_linear():
    agree("linear", random(2, 3, 4), random(5, 4, seed=1), random(5, seed=2))
    agree("linear", random(4), random(5, 4, seed=1))


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: F.conv2d(x, x, padding="full"), "'same' or 'valid', 'full' came"),
    (lambda x: F.conv2d(x, x, padding="same", stride=2), "needs stride 1, 2 came"),
    (lambda x: F.conv2d(mg.zeros(2, 2), x), r"expected a batch of images"),
    (lambda x: F.avg_pool2d(x, 2, divisor_override=0), "must not be 0"),
    (lambda x: F.pad(x, (1, 1), mode="edge"), "mode must be 'constant', .*'circular'; 'edge' came"),
    (lambda x: F.pad(x, (1, 1, 1)), "at most 4 axes"),
    (lambda x: F.pad(x, (-3, -3)), "cuts more off"),
])
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(mg.zeros(2, 2, 3, 3))


def test_functions_that_draw_say_what_a_graph_needs():
    class Symbol(Tensor):
        def add_layer(self, layer, args, name, options=None):
            return layer

    x = Symbol(Meta((1, 2, 3), "float32"))
    layer = F.dropout(x, 0.3, training=False)
    assert repr(layer) == "Dropout(p=0.3, inplace=False)" and not layer.training
    with pytest.raises(ValueError, match="inside the forward of a layer"):
        F.scaled_dot_product_attention(x, x, x, dropout_p=0.1)


def test_shapes_without_values():
    x = Meta((2, 3, 8, 8), "float32")
    assert F.conv2d(x, mg.zeros(4, 3, 2, 2), padding="same").shape == (2, 4, 8, 8)
    assert F.dropout(x).shape == F.batch_norm(x, None, None, training=True).shape == (2, 3, 8, 8)
    assert F.scaled_dot_product_attention(x, x, x, dropout_p=0.5).shape == (2, 3, 8, 8)
    assert F.cross_entropy(x, Meta((2, 8, 8), "int64")).shape == ()
