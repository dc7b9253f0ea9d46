"""What is said to somebody who normalises wrongly: the op, what was expected, what came."""

import numpy as np
import pytest
from strict_cupy import installed

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops

IMAGE = np.random.default_rng(0).standard_normal((2, 4, 3, 5)).astype("f4")


def ones(*shape):
    return mg.ones(*shape)


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    (lambda x: F.batch_norm(x, None, None), "batch_norm: outside of training it needs running_mean and running_var"),
    (lambda x: F.batch_norm(x, ones(4), None, training=True), "batch_norm: running_mean and running_var must both be"),
    (lambda x: F.batch_norm(x, ones(3), ones(3), training=True),
     r"batch_norm: running_mean must be \(4,\).*it is \(3,\)"),
    (lambda x: F.batch_norm(x, ones(3), ones(3)), r"batch_norm: mean must be \(4,\), one for each channel .* \(3,\)"),
    (lambda x: F.batch_norm(x, None, None, ones(3), training=True),
     r"batch_norm: weight must be \(4,\), .*it is \(3,\)"),
    (lambda x: F.batch_norm(x[:1, :, 0, 0], None, None, training=True),
     r"batch_norm: training needs more than one value per channel, input is \(1, 4\)"),
    (lambda x: F.batch_norm(x, None, None, training=True, momentum=None),
     "batch_norm: momentum must be a number, None"),
    (lambda x: F.batch_norm(x[0, 0, 0], None, None, training=True),
     r"batch_norm: expected x \(n, c\) or \(n, c, ...\)"),
    (lambda x: F.batch_norm(x, None, None, training=True, eps=0), "batch_norm: eps must be > 0 in training"),
    (lambda x: F.instance_norm(x[0, 0]), r"instance_norm: .*\(3, 5\)"),
    (lambda x: F.instance_norm(x[..., 0]), None),
    (lambda x: F.instance_norm(x[:, :, :1, 0]),
     r"instance_norm: it needs more than one value in each channel, .*\(2, 4, 1\)"),
    (lambda x: F.instance_norm(x, use_input_stats=False),
     "instance_norm: without use_input_stats it needs running_mean"),
    (lambda x: F.instance_norm(x, ones(4)),
     "instance_norm: running_mean and running_var must both be given, or neither"),
    (lambda x: F.instance_norm(x, ones(2), ones(2)), r"instance_norm: running_mean must be \(4,\).*it is \(2,\)"),
    (lambda x: F.instance_norm(x, None, None, None, ones(5)), r"instance_norm: bias must be \(4,\), .*it is \(5,\)"),
    (lambda x: F.layer_norm(x, 3), r"layer_norm: normalized_shape \(3,\) must be the last axes of x, .*\(2, 4, 3, 5\)"),
    (lambda x: F.layer_norm(x, ()), r"layer_norm: normalized_shape \(\) must be the last axes"),
    (lambda x: F.layer_norm(x, (3, 5), ones(5)),
     r"layer_norm: weight must be \(3, 5\), as normalized_shape; it is \(5,\)"),
    (lambda x: F.rms_norm(x, (4, 5)), r"rms_norm: normalized_shape \(4, 5\) must be the last axes of x"),
    (lambda x: F.rms_norm(x, 5, ones(3)), r"rms_norm: weight must be \(5,\), as normalized_shape; it is \(3,\)"),
    (lambda x: F.group_norm(x, 3), r"group_norm: 4 channels of x \(2, 4, 3, 5\) cannot be divided into 3 groups"),
    (lambda x: F.group_norm(x, 0), "group_norm: 4 channels .* cannot be divided into 0 groups"),
    (lambda x: F.group_norm(x[0, 0, 0], 1), r"group_norm: expected x \(n, c\) or \(n, c, ...\), it has shape \(5,\)"),
    (lambda x: F.group_norm(x, 2, ones(2)), r"group_norm: weight must be \(4,\), one for each channel .*it is \(2,\)"),
    (lambda x: F.group_norm(x[:1, :, 0, 0], 4), "group_norm: it needs more than one value in each of 4 groups"),
    (lambda x: F.local_response_norm(x[:, :, 0, 0], 2), r"local_response_norm: expected x .*shape \(2, 4\)"),
    (lambda x: F.local_response_norm(x, 0), "local_response_norm: size must be at least 1, 0 came"),
    (lambda x: F.normalize(x, dim=4), "normalize: axis 4 is out of bounds for 4 dimensions"),
    (lambda x: F.normalize(x, "nuc"), "norm.*ord.*'nuc' came"),
    (lambda x: F.normalize(x[:, :0], float("inf")), r"norm.*: nothing to take the norm of .*\(2, 0, 3, 5\)"),
])
def test_wrong_calls(call, message, recorded, kernels):
    x = mg.Tensor(IMAGE, recorded)
    with mg.config(kernels=kernels):
        if message is None:                     # its neighbour that is right
            assert call(x).shape == (2, 4, 3)
            return
        with pytest.raises((ValueError, TypeError, IndexError), match=message):
            call(x)


@pytest.mark.parametrize("call, name", [
    (lambda x: F.batch_norm(x, None, None, training=True), "batch_norm"), (lambda x: F.layer_norm(x, 3), "layer_norm"),
    (F.instance_norm, "instance_norm"), (lambda x: F.group_norm(x, 2), "group_norm"),
    (lambda x: F.rms_norm(x, 3), "rms_norm"), (F.normalize, "normalize")])
def test_integers_are_refused(call, name):
    with pytest.raises(TypeError, match=f"{name}.*: expected floating-point numbers, x is int64"):
        call(mg.tensor(np.arange(24).reshape(2, 4, 3)))


@pytest.mark.parametrize("call", [
    lambda x, w: ops.layer_norm(x, 5, w), lambda x, w: ops.rms_norm(x, 5, w),
    lambda x, w: ops.group_norm(x, 2, w[:4]), lambda x, w: ops.instance_norm_train(x, w[:4]),
    lambda x, w: ops.batch_norm_train(x, w[:4])])
def test_two_devices(call):
    message = r"norm.*: x is on cuda:0, weight is on cpu; weight.to\('cuda:0'\)"
    with installed(), pytest.raises(TypeError, match=message):
        call(mg.tensor(IMAGE, device="cuda"), ones(5))


@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (4, 3, 5)])
def test_instance_norm_without_parameters_warns_of_other_channels(shape):
    with pytest.warns(UserWarning, match=r"InstanceNorm2d: expected 3 channels, as num_features; input .* has 4"):
        nn.InstanceNorm2d(3)(ones(*shape))


@pytest.mark.parametrize("make, message", [
    (lambda: nn.GroupNorm(3, 4), "GroupNorm: num_channels 4 must be divisible by num_groups 3"),
    (lambda: nn.GroupNorm(0, 4), "GroupNorm: num_channels 4 must be divisible by num_groups 0"),
    (lambda: nn.InstanceNorm1d(4)(ones(2, 4, 3, 5)),
     r"InstanceNorm1d: expected \(n, c, l\) or \(c, l\), .*\(2, 4, 3, 5\)"),
    (lambda: nn.InstanceNorm2d(3, affine=True)(ones(2, 4, 3, 5)),
     r"InstanceNorm2d: expected 3 channels, as num_features; input \(2, 4, 3, 5\) has 4"),
    (lambda: nn.InstanceNorm2d(3, track_running_stats=True)(ones(2, 4, 3, 5)), r"running_mean must be \(4,\)"),
    (lambda: nn.BatchNorm3d(3)(ones(2, 3, 4, 5)), r"BatchNorm3d: expected \(n, c, d, h, w\), input has shape"),
])
@pytest.mark.filterwarnings("ignore:InstanceNorm2d")
def test_wrong_layers(make, message):
    with pytest.raises(ValueError, match=message):
        make()
