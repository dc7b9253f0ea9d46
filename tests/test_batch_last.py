"""Convolution and pooling of few channels, on images that lie with the batch last, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.kernels.numpy import conv_batch_last
from minigrad.layout import batch_last, lies_batch_last, with_batch_last

# x, weight, stride, padding, dilation
CASES = [((17, 1, 9, 8), (6, 1, 5, 5), 1, 0, 1), ((16, 3, 9, 9), (4, 3, 4, 5), 2, (1, 2), 1),
         ((20, 2, 11, 10), (3, 2, 4, 4), (1, 2), 3, 2), ((16, 16, 5, 5), (20, 16, 5, 5), 1, 0, 1)]


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


@pytest.mark.parametrize("rows", [1, 1 << 20])
@pytest.mark.parametrize("op", [ops.conv2d, ops.conv2d_relu], ids=lambda op: op.name)
@pytest.mark.parametrize("x, weight, stride, padding, dilation", CASES)
def test_convolution_is_its_definition(x, weight, stride, padding, dilation, op, rows, monkeypatch):
    monkeypatch.setattr(conv_batch_last, "COLUMNS", rows)
    monkeypatch.setattr(conv_batch_last, "WORTH", 1)
    arrays, options = (draw(*x), draw(*weight), draw(weight[0])), (stride, padding, dilation)
    leaves = [mg.tensor(a, requires_grad=True) for a in arrays]
    with mg.config(kernels="definition"):
        y = op(*leaves, *options)
        g = draw(*y.shape, seed=1)
        expected = mg.grad(y, leaves, [mg.tensor(g)])
    forward, backward = [getattr(conv_batch_last, f"{op.name}_{way}") for way in ("forward", "backward")]
    for threads, lay in ((1, np.ascontiguousarray), (2, batch_last), (3, batch_last)):
        with mg.config(threads=threads):
            found, kept = forward([True] * 3, lay(arrays[0]), *arrays[1:], *options)
            np.testing.assert_allclose(found, y.numpy(), rtol=0, atol=1e-10)
            assert lies_batch_last(found) or found.shape[2:] == (1, 1)
            for i in range(3):
                needs = [k == i for k in range(3)]
                gradients = backward(needs, lay(g), kept, lay(arrays[0]), *arrays[1:], *options)
                np.testing.assert_allclose(gradients[i], expected[i].numpy(), rtol=0, atol=1e-9)
                assert gradients[i].flags.owndata
                assert [k for k, gradient in enumerate(gradients) if gradient is not None] == [i]


@pytest.mark.parametrize("pool", [lambda x: ops.max_pool2d(x, 2), lambda x: ops.max_pool2d(x, 3, 2, 1),
                                  lambda x: ops.avg_pool2d(x, 2), lambda x: ops.avg_pool2d(x, 3, 2, 1),
                                  lambda x: ops.max_pool2d_with_indices(x, 2)[0]])
def test_pooling_keeps_the_order(pool):
    x = draw(16, 3, 7, 6)
    results = []
    for lay in (np.array, batch_last):
        leaf = mg.tensor(lay(x), requires_grad=True)
        y = pool(leaf)
        (y * mg.tensor(draw(*y.shape, seed=2))).sum().backward()
        results.append((y.numpy(), leaf.grad.numpy()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_lenet_keeps_the_batch_last():
    x = mg.randn(16, 1, 32, 32)
    y = ops.conv2d(x, mg.randn(6, 1, 5, 5))
    assert lies_batch_last(y.data) and lies_batch_last(mg.tanh(y).data) and lies_batch_last(ops.avg_pool2d(y, 2).data)
    small = ops.conv2d(x[:2], mg.randn(6, 1, 5, 5))
    assert not lies_batch_last(small.data)


def test_an_array_with_the_batch_last_owns_its_memory():
    y = with_batch_last((5, 2, 3, 4), "f4")
    assert y.shape == (5, 2, 3, 4) and y.flags.owndata and y.transpose(1, 2, 3, 0).flags.c_contiguous
    assert batch_last(y) is y and lies_batch_last(y)
    x = draw(5, 2, 3, 4)
    assert (batch_last(x) == x).all() and not lies_batch_last(x)


def test_images_without_channels_give_zeros():
    y = ops.conv2d(mg.zeros(20, 0, 9, 9), mg.zeros(4, 0, 5, 5))
    assert y.shape == (20, 4, 5, 5) and not y.numpy().any()
