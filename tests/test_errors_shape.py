"""What is said to somebody who moves, joins, cuts, picks, pads or multiplies wrongly: the op, what was expected, what
came; on tensors that are recorded and that are not, with and without kernels."""

import numpy as np
import pytest
from strict_cupy import installed

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

X, V = np.ones((2, 3)), np.ones(4)
PLACES = np.zeros((2, 3), int)


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    # shapes and axes
    (lambda x, v: mg.reshape(x, (4, 2)), r"reshape: .*\(x \(2, 3\)\)"),
    (lambda x, v: mg.flatten(x, 2), "flatten: axis 2 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.flatten(x, 1, 0), "flatten: start_dim 1 comes after end_dim 0"),
    (lambda x, v: mg.permute_dims(x, (0, 0)), r"permute_dims: .*\(x \(2, 3\)\)"),
    (lambda x, v: mg.permute_dims(x, (0,)), r"permute_dims: .*\(x \(2, 3\)\)"),
    (lambda x, v: mg.swapaxes(x, 0, 2), "swapaxes: axis 2 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.moveaxis(x, -3, 0), "moveaxis: axis -3 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.moveaxis(x, (0, 1), 0), "moveaxis: source and destination must be as many different axes"),
    (lambda x, v: mg.matrix_transpose(v), r"matrix_transpose: x must have at least two axes, it has shape \(4,\)"),
    (lambda x, v: mg.expand_dims(x, 4), r"expand_dims: axis 4 is out of bounds .*\(x \(2, 3\)\)"),
    (lambda x, v: mg.squeeze(x, 1), r"squeeze: axis 1 has length 3, only an axis of length 1 can go \(x \(2, 3\)\)"),
    (lambda x, v: x.squeeze(dim=(0, -1)), "squeeze: axis 0 has length 2"),
    (lambda x, v: mg.squeeze(x, 2), "squeeze: axis 2 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.broadcast_to(x, (2, 2)), r"broadcast_to: .*\(2, ?3\)"),
    (lambda x, v: mg.broadcast_arrays(x, v), r"broadcast_arrays: the shapes do not broadcast: \(2, 3\), \(4,\)"),
    (lambda x, v: x.expand(-1, 2, 3), "expand: a new axis has no length of its own"),
    (lambda x, v: x[None].t(), r"t: expected a matrix, the shape is \(1, 2, 3\): mT"),
    # order, repeating
    (lambda x, v: mg.flip(x, 2), r"flip: axis 2 is out of bounds .*\(x \(2, 3\)\)"),
    (lambda x, v: mg.roll(x, 1, 2), r"roll: axis 2 is out of bounds .*\(x \(2, 3\)\)"),
    (lambda x, v: mg.repeat(x, -1, 0), r"repeat: repeats must not be negative, -1 came \(x \(2, 3\)\)"),
    (lambda x, v: mg.repeat(x, [1, 2], 1), r"repeat: 2 numbers of repeats came for axis 1 of x \(2, 3\)"),
    (lambda x, v: mg.repeat(x, mg.ones(2), 0), "repeat: repeats must be integers, they are float32"),
    (lambda x, v: mg.repeat(x, 2, 3), "repeat: axis 3 is out of bounds for 2 dimensions"),
    # joining, cutting
    (lambda x, v: mg.concat([x, v]), r"concat: .*dimension"),
    (lambda x, v: mg.concat([x, x], 2), "concat: axis 2 is out of bounds"),
    (lambda x, v: mg.stack([x, v]), "stack: all input arrays must have the same shape"),
    (lambda x, v: mg.split(x, 2, 1), r"split: axis 1 of length 3 cannot be divided into 2 equal parts; chunk\(x, n"),
    (lambda x, v: mg.split(x, 0), "split: axis 0 of length 2 cannot be divided into 0 equal parts"),
    (lambda x, v: mg.split(x, 2, 2), "split: axis 2 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.chunk(x, 0), r"chunk: .*chunks must be positive, x \(2, 3\) and 0 came"),
    (lambda x, v: mg.chunk(x, 2, 5), "chunk: axis 5 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.unstack(x, 2), "unstack: axis 2 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.unstack(x.sum()), "unstack: x has no axis"),
    (lambda x, v: x.narrow(1, 2, 2), "narrow: 2 elements from 2 are not all in axis 1 of length 3"),
    (lambda x, v: x.select(2, 0), "select: axis 2 is out of bounds for 2 dimensions"),
    # picking
    (lambda x, v: x[2], r"getitem: index 2 is out of bounds for axis 0 with size 2 \(x \(2, 3\)\)"),
    (lambda x, v: x[0, 0, 0], r"getitem: too many indices .*\(x \(2, 3\)\)"),
    (lambda x, v: x[mg.ones(2)], "getitem: .*integer"),
    (lambda x, v: x[mg.tensor([True] * 3)], "getitem: boolean index did not match .*axis 0.*2 .*3"),
    (lambda x, v: mg.take(x, np.array([3]), 1), "take: index 3 is out of bounds for axis 1 with size 3"),
    (lambda x, v: mg.take(x, np.array([0]), 2), "take: axis 2 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.take(x, np.array([0.5]), 0), "take: "),
    (lambda x, v: mg.take_along_axis(x, PLACES + 3, 1), "take_along_axis: index 3 is out of bounds for axis 1 with"),
    (lambda x, v: mg.take_along_axis(x, PLACES[0], 1), "take_along_axis: .*same number of dimensions"),
    (lambda x, v: mg.index_select(x, 0, PLACES), r"index_select: index must have one axis, it has shape \(2, 3\)"),
    (lambda x, v: mg.index_select(x, 0, PLACES[0] - 1), "index_select: index -1 is out of bounds for axis 0 of l"),
    (lambda x, v: mg.gather(x, 1, PLACES + 3), "gather: index 3 is out of bounds for axis 1 of length 3"),
    (lambda x, v: mg.gather(x, 1, PLACES - 1), "gather: index -1 is out of bounds for axis 1 of length 3"),
    (lambda x, v: mg.gather(x, 0, PLACES[0]), r"gather: x and index must have as many axes .*index \(3,\)\)"),
    (lambda x, v: mg.gather(x, 1, np.zeros((3, 1), int)), "gather: index is longer than x on axis 0, only on axis 1"),
    (lambda x, v: mg.gather(x, 1, PLACES + 0.5), "gather: index must have integers, it is float64"),
    (lambda x, v: mg.gather(x, 2, PLACES), "gather: axis 2 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.scatter_add(x, 0, PLACES + 2, x), "scatter_add: index 2 is out of bounds for axis 0 of length 2"),
    (lambda x, v: mg.scatter_add(x, 0, PLACES, v), r"x, index and src must have as many axes .*src \(4,\)\)"),
    (lambda x, v: mg.scatter_add(x, 0, PLACES, x[:, :2]), "scatter_add: index is longer than src on axis 1"),
    (lambda x, v: mg.scatter_add(x, 0, PLACES, x.float()), r"scatter_add: x is float64, src is float32: src.ast"),
    (lambda x, v: mg.masked_fill(x, PLACES, 0.0), "masked_fill: mask must be boolean, it is int64"),
    (lambda x, v: mg.masked_fill(x, PLACES == 0, v), r"masked_fill: value must .*, its shape is \(4,\): where"),
    (lambda x, v: mg.masked_fill(x, v.data == 0, 0.0), r"masked_fill: .*\(2,3\).*|masked_fill: .*\(4,\)"),
    (lambda x, v: mg.masked_fill(mg.tensor([1]), mg.tensor([True]), float("inf")), "value inf does not exist in int64"),
    (lambda x, v: mg.masked_select(x, x), "masked_select: mask must be boolean, it is float64"),
    (lambda x, v: mg.masked_select(x, v.data == 0), r"masked_select: the shapes do not broadcast: \(2, 3\), \(4,\)"),
    (lambda x, v: F.one_hot(x), "one_hot: x must have integers, it is float64"),
    (lambda x, v: F.one_hot(mg.tensor([0, 3]), 3), "one_hot: x must be 0 to 2, it is 0 to 3"),
    (lambda x, v: F.one_hot(mg.tensor([-1])), "one_hot: "),
    (lambda x, v: F.one_hot(mg.tensor(PLACES[:0])), r"one_hot: x \(0, 3\) has no values to count the clas"),
    (lambda x, v: F.one_hot(mg.tensor([0]), 0), "one_hot: num_classes must be positive, or -1"),
    # triangles, diagonals
    (lambda x, v: mg.tril(v), r"tril: x must be a matrix \(..., m, n\), it has shape \(4,\)"),
    (lambda x, v: mg.triu(v), r"triu: x must be a matrix \(..., m, n\), it has shape \(4,\)"),
    (lambda x, v: mg.diagonal(v), "diagonal: two different axes are needed, axis1 0 and axis2 1 came for 1"),
    (lambda x, v: mg.diagonal(x, 0, 1, -1), "diagonal: two different axes are needed, axis1 1 and axis2 -1"),
    (lambda x, v: mg.trace(v), "trace: two different axes are needed"),
    (lambda x, v: mg.diag(x[None]), r"diag: x must have one axis or two, it has shape \(1, 2, 3\); diagonal"),
    # padding
    (lambda x, v: mg.pad(x, 1, "mirror"), "pad: mode must be 'constant', 'edge', .*; 'mirror' came"),
    (lambda x, v: mg.pad(x, 1, 0.5), "pad: mode must be .*; 0.5 came"),
    (lambda x, v: mg.pad(x, -1), "pad: pad_width must be an int, a pair, or 2 pairs, of lengths >= 0; -1 came"),
    (lambda x, v: mg.pad(x, ((1, 1),) * 3), "pad: pad_width must be an int, a pair, or 2 pairs"),
    (lambda x, v: mg.pad(x, {1: (1, 2)}), "pad: pad_width must be an int, a pair, or 2 pairs; the dict {1: .*came"),
    (lambda x, v: mg.pad(x, 1, "constant", (1, 2)), r"pad: constant_values must be one number, \(1, 2\) came"),
    (lambda x, v: mg.pad(x[:0], 1, "edge"), "pad: axis 0 has length 0, mode 'edge' finds nothing there to copy"),
    (lambda x, v: F.pad(x, (1,)), r"pad: expected \(before, after\) for at most 2 axes of input \(2, 3\), \(1,\) came"),
    (lambda x, v: F.pad(x, 1), r"pad: expected a tuple \(left, right, ...\), 1 came"),
    (lambda x, v: F.pad(x, (-2, -2)), r"pad: \(-2, -2\) cuts more off than input \(2, 3\) has"),
    (lambda x, v: F.pad(x, (1, 1), "edge"), "pad: mode must be 'constant', 'reflect', 'replicate', 'circular'; 'edge'"),
    (lambda x, v: F.pad(x, (3, 0), "reflect"), "pad: mode 'reflect' can add at most 2 to an axis of length 3"),
    (lambda x, v: F.pad(x, (4, 0), "circular"), "pad: mode 'circular' can add at most 3 to an axis of length 3"),
    (lambda x, v: F.pad(x, (1, 1, 1, 1), "replicate"), r"pad: mode 'replicate' takes 2 .*; 4 came for input \(2, 3\)"),
    (lambda x, v: F.pad(x, (1, 1), "reflect", 1.0), "pad: value 1.0 came, but mode 'reflect' copies"),
    (lambda x, v: F.pad(x[:, :0], (0, 0), "replicate"), "pad: mode 'replicate' needs elements to copy"),
    (lambda x, v: nn.ReflectionPad2d((1, 1)), r"ReflectionPad2d: padding must be an int or 4 ints, \(1, 1\) came"),
    (lambda x, v: nn.ReflectionPad2d(1)(x), "pad: mode 'reflect' takes 2 numbers"),
    # products
    (lambda x, v: x @ x, r"matmul: 3 columns of a against 2 rows of b \(a \(2, 3\), b \(2, 3\)\)"),
    (lambda x, v: mg.dot(x, v), "matmul: 3 columns of a against 4 rows of b"),
    (lambda x, v: mg.inner(x, v), r"tensordot: axis 1 of a has length 3, axis 0 of b has 4 \(a \(2, 3\), b \(4,\)\)"),
    (lambda x, v: mg.tensordot(x, x, 3), "tensordot: axes 3 is more than a and b have"),
    (lambda x, v: mg.tensordot(x, x, ((0, 1), (0,))), "tensordot: axes must name as many different axes of a as of b"),
    (lambda x, v: mg.tensordot(x, x, ((2,), (0,))), "tensordot: axis 2 is out of bounds for 2 dimensions"),
    (lambda x, v: mg.vecdot(x, v), r"vecdot: x1 and x2 must have axis -1, of one length \(x1 \(2, 3\), x2 \(4,\)\)"),
    (lambda x, v: mg.einsum("ij,jk->ik", x, v), r"einsum: term 'jk' names 2 axes, its operand has shape \(4,\)"),
    (lambda x, v: mg.einsum(x, [0, 1], v, [1]), 'einsum: expected subscripts such as "ij,jk->ik" first, Tensor came'),
    (lambda x, v: mg.einsum("ij->k", x), "einsum: the output of 'ij->k' has a letter twice or one that no operand has"),
])
def test_wrong_calls(call, message, recorded, kernels):
    x, v = mg.Tensor(X, recorded), mg.Tensor(V, recorded)
    with mg.config(kernels=kernels), pytest.raises((ValueError, TypeError, IndexError), match=message):
        call(x, v)


@pytest.mark.parametrize("call", [
    lambda x, there: mg.gather(x, 0, there), lambda x, there: mg.take(x, there, 0), lambda x, there: x[there],
    lambda x, there: mg.masked_fill(x, there == 0, 0.0), lambda x, there: mg.outer(x, there.double()),
    lambda x, there: mg.scatter_add(x, 0, there, x), lambda x, there: mg.concat([x, there.double()])])
def test_tensors_on_two_devices(call):
    with installed():
        x, there = mg.tensor(X), mg.tensor(PLACES, device="cuda")
        with pytest.raises(TypeError, match=r"^\w+: .*is on cpu.* on cuda:0.*\.to\('cpu'\).* mends it"):
            call(x, there)
