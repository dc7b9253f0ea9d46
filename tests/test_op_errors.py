"""What is said to somebody who calls an op wrongly, or writes one wrongly: the op, what was expected, what came."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.variadic import Variadic

IMAGE, FILTERS = np.ones((2, 3, 8, 8), "f4"), np.ones((5, 3, 3, 3), "f4")


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    (lambda x, w: ops.conv2d(x, w[:, :2]), r"conv2d: weight expects 2 input channels, x has 3 \(x \(2, 3, 8, 8\), "),
    (lambda x, w: ops.conv2d(x[0], w), r"conv2d: expected a batch of images \(n, c, h, w\)"),
    (lambda x, w: ops.conv2d(x, w, stride=0), "conv2d: .*stride 0"),
    (lambda x, w: ops.conv2d(x, w, dilation=0), "conv2d: .*dilation 0"),
    (lambda x, w: ops.conv2d(x, w, padding=-1), "conv2d: .*padding -1"),
    (lambda x, w: ops.conv2d(x, w, stride=(1, 2, 3)), r"stride must be an int or a pair of ints, \(1, 2, 3\) came"),
    (lambda x, w: ops.conv2d(x, w, stride=1.5), "stride must be an int or a pair of ints, 1.5 came"),
    (lambda x, w: ops.conv2d(x, w, dilation=4), "a window of 9 .* does not fit into 8"),
    (lambda x, w: ops.conv2d(x, w, groups=2), "conv2d: 5 output channels cannot be divided into 2 groups"),
    (lambda x, w: ops.conv2d(x, w, w[0, 0, 0]), r"conv2d: bias must be \(5,\)"),
    (lambda x, w: ops.max_pool2d(x, 2, 0), "max_pool2d: .*stride 0"),
    (lambda x, w: ops.max_pool2d(x, 2, padding=2), "max_pool2d: .*padding 2 is more than half of the kernel, 2"),
    (lambda x, w: ops.avg_pool2d(x, 9), "avg_pool2d: .*does not fit into 8"),
    (lambda x, w: ops.linear(x, w), r"linear: weight must be \(out, in\)"),
    (lambda x, w: ops.linear(x, w[0, 0]), "linear: weight expects 3 input features on the last axis"),
    (lambda x, w: ops.layer_norm(x, 7), r"layer_norm: normalized_shape \(7,\) must be the last axes of x"),
    (lambda x, w: ops.batch_norm_train(x, w[0, 0, 0, :2]), r"batch_norm: weight must be \(3,\)"),
    (lambda x, w: ops.cross_entropy(x[:, :, 0, 0], np.array([0, 3])), "cross_entropy: .*3.*"),
    (lambda x, w: ops.cross_entropy(x[:, :, 0, 0], np.array([0, -1])), "cross_entropy: .*-1"),
    (lambda x, w: ops.cross_entropy(x[:, :, 0, 0], np.array([0.0, 1.0])), "cross_entropy: target must be integer"),
    (lambda x, w: ops.cross_entropy(x[:, :, 0, 0], np.array([0])), r"cross_entropy: target must be \(2,\)"),
    (lambda x, w: ops.scaled_dot_product_attention(x, x[..., :4], x), "scaled_dot_product_attention: query and key"),
    (lambda x, w: x @ w[0], r"^matmul: 8 columns of a against 3 rows of b \(a \(2, 3, 8, 8\), b \(3, 3, 3\)\)$"),
    (lambda x, w: x @ w[0, 0, 0], r"^matmul: 8 columns of a against 3 rows of b \(a \(2, 3, 8, 8\), b \(3,\)\)$"),
    (lambda x, w: w @ x[..., :3, :], r"^matmul: the leading axes do not broadcast \(a \(5, 3, 3, 3\), b"),
    (lambda x, w: x @ w[0, 0, 0, 0], r"^matmul: a and b need at least one axis, a number is multiplied with \* \(a"),
    (lambda x, w: ops.batch_norm_train(x, eps=0.0), "batch_norm: eps must be > 0 in training"),
    (lambda x, w: ops.batch_norm_eval(x, w[0, 0, 0], w[0, 0, 0], eps=-1e-5), "batch_norm: eps must be .* -1e-05 came"),
    (lambda x, w: ops.max_pool2d(x, 11, 2, ceil_mode=True), "max_pool2d: a window of 11 .* does not fit into 8"),
    (lambda x, w: ops.max_pool2d(x, 2, 0, ceil_mode=True), "max_pool2d: .*stride 0"),
    (lambda x, w: x + w, r"add: .*\(a \(2, 3, 8, 8\), b \(5, 3, 3, 3\)\)"),
    (lambda x, w: x.reshape(7, -1), r"reshape: .*\(x \(2, 3, 8, 8\)\)"),
    (lambda x, w: x.sum(axis=4), "sum: axis 4 is out of bounds"),
    (lambda x, w: ops.concat([x, w]), "concat: "),
    (lambda x, w: ops.einsum("ijkl,ij->ijkl", x, w), "einsum: term 'ij' names 2 axes"),
    (lambda x, w: x[5], "getitem: "),
    (lambda x, w: ops.take(x, np.array([9]), 1), "take: "),
])
def test_wrong_calls(call, message, recorded, kernels):
    x, w = mg.Tensor(IMAGE, recorded), mg.Tensor(FILTERS, recorded)
    with mg.config(kernels=kernels), pytest.raises((ValueError, TypeError, IndexError), match=message):
        call(x, w)


@pytest.mark.parametrize("call, message", [
    (lambda: ops.add(1.0), "add: argument b is missing"),
    (lambda: ops.add(mg.ones(2)), "add: argument b is missing"),
    (lambda: ops.exp(mg.ones(2), 1), r"exp: takes 1 arguments \(x\), 2 came"),
    (lambda: ops.sum(mg.ones(2), along=0), "sum: has no argument 'along'; it has x, axis, keepdims"),
    (lambda: ops.sum(mg.ones(2), p=0), "sum: has no argument 'p'; it has x, axis, keepdims"),
    (lambda: ops.exp({}), "^exp: expected x to be a tensor or an array, a dict came"),
    (lambda: ops.sum(mg.ones(2), x=0), "sum: argument 'x' came twice"),
    (lambda: ops.concat(mg.ones(2)), "concat: expected a non-empty list or tuple of arrays, Tensor came"),
])
def test_wrong_arguments(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_wrong_gradients_are_refused_where_they_are_written():
    @mg.op
    def twice(x):
        return x * 2

    with pytest.raises(TypeError, match="twice.gradient: there is no argument 'z'; there are x"):
        twice.gradient(z=lambda g: g)
    with pytest.raises(TypeError, match="first parameter must be g"):
        twice.gradient(x=lambda x: x)
    with pytest.raises(TypeError, match="asks for 'w'"):
        twice.gradient(x=lambda g, w: g)
    twice.gradient(x=lambda g: g.reshape(-1)[:1].broadcast_to(7) if hasattr(g, "node") else g.reshape(-1)[[0] * 7])
    with pytest.raises(ValueError, match=r"twice: a formula gave a gradient of shape \(7,\) for an input of shape"):
        twice(mg.ones(3, requires_grad=True)).sum().backward()


def test_a_variadic_op_that_was_called_before_it_had_a_gradient():
    @Variadic
    def total(arrays):
        return sum(arrays)

    x = mg.ones(2, requires_grad=True)
    assert not total([x, x]).requires_grad
    total.gradient(arrays=lambda g, i, shapes: g)
    total([x, x]).sum().backward()
    assert x.grad.tolist() == [2, 2]
