"""What is said to somebody who pools wrongly: the op, what was expected, what came."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops

IMAGE, PLACES = np.ones((2, 3, 8, 8), "f4"), np.zeros((2, 3, 4, 4), "i8")


def wrong(places, value):
    """The places, one of which is another."""
    places = places.copy()
    places[1, 2, 3, 0] = value
    return mg.tensor(places)


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    (lambda x: F.max_pool2d(x[0, 0], 2),
     r"max_pool2d: expected \(n, c, h, w\) or \(c, h, w\), input has shape \(8, 8\)"),
    (lambda x: F.max_pool1d(x, 2), r"max_pool1d: expected \(n, c, l\) or \(c, l\), input has shape \(2, 3, 8, 8\)"),
    (lambda x: F.max_pool2d(x[0, 0], 2, return_indices=True), r"^max_pool2d: expected"),
    (lambda x: ops.max_pool2d(x[0], 2),
     r"max_pool2d: expected a batch of images \(n, c, h, w\), x has shape \(3, 8, 8\)"),
    (lambda x: ops.avg_pool1d(x, 2),
     r"avg_pool1d: expected a batch of sequences \(n, c, l\), x has shape \(2, 3, 8, 8\)"),
    (lambda x: F.max_pool2d(x, 0), "max_pool2d: .*kernel 0"),
    (lambda x: F.max_pool2d(x, 2, 0), "max_pool2d: .*stride 0"),
    (lambda x: F.max_pool2d(x, 2, dilation=0), "max_pool2d: .*dilation 0"),
    (lambda x: F.max_pool2d(x, 2, padding=-1), "max_pool2d: .*padding -1"),
    (lambda x: F.max_pool2d(x, 2, padding=2), "max_pool2d: padding 2 is more than half of the kernel, 2"),
    (lambda x: F.max_pool2d(x, 9, return_indices=True), "max_pool2d.*: a window of 9 .* does not fit into 8"),
    (lambda x: F.max_pool2d(x, (1, 2, 3)), r"max_pool2d: kernel_size must be .*pair.*, \(1, 2, 3\) came"),
    (lambda x: F.max_pool2d(x, 2.5), "max_pool2d: kernel_size must be .*, 2.5 came"),
    (lambda x: F.max_pool1d(x[0], (2, 2)), r"max_pool1d: kernel_size must be an int, \(2, 2\) came"),
    (lambda x: F.max_pool1d(x[0], 9), "max_pool1d: a window of 9 .* does not fit into 8"),
    (lambda x: F.max_pool2d(x[:, :0], 2), r"max_pool2d: only the batch may be empty, x has shape \(2, 0, 8, 8\)"),
    (lambda x: F.avg_pool2d(x, 9), "avg_pool2d: a window of 9 .* does not fit into 8"),
    (lambda x: F.avg_pool2d(x, 2, divisor_override=0), "avg_pool2d: divisor_override must not be 0"),
    (lambda x: F.avg_pool1d(x[0], 2, 2, 2), "avg_pool1d: padding 2 is more than half of the kernel, 2"),
    (lambda x: F.avg_pool1d(x[:, :, :0, 0], 2), r"avg_pool1d: only the batch may be empty, x has shape \(2, 3, 0\)"),
    (lambda x: F.lp_pool2d(x, 0, 2), "lp_pool2d: norm_type must not be 0"),
    (lambda x: F.lp_pool1d(x[0], 2, 9), "lp_pool1d: a window of 9 .* does not fit into 8"),
    (lambda x: F.adaptive_avg_pool2d(x[0, 0], 2), r"adaptive_avg_pool2d: expected \(n, c, h, w\) or \(c, h, w\)"),
    (lambda x: F.adaptive_avg_pool2d(x, -1), "adaptive_avg_pool2d: output_size must be at least 0, -1 came"),
    (lambda x: F.adaptive_avg_pool2d(x, (1, 2, 3)), r"adaptive_avg_pool2d: output_size must be .*\(1, 2, 3\) came"),
    (lambda x: F.adaptive_avg_pool2d(x, None), "adaptive_avg_pool2d: output_size must be .*, None came"),
    (lambda x: F.adaptive_avg_pool1d(x[0], None), "adaptive_avg_pool1d: output_size must be .*, None came"),
    (lambda x: F.adaptive_avg_pool2d(x[:, :, :0], 2),
     r"adaptive_avg_pool2d: only the batch may be empty, .*\(2, 3, 0, 8\)"),
    (lambda x: F.adaptive_max_pool2d(x[:, :0], 2),
     r"adaptive_max_pool2d: only the batch may be empty, .*\(2, 0, 8, 8\)"),
    (lambda x: F.adaptive_max_pool1d(x[0], 2.5, True), "adaptive_max_pool1d.*: output_size must be .*, 2.5 came"),
    (lambda x: F.max_unpool2d(x[..., :4, :4], mg.tensor(PLACES[:1]), 2),
     r"max_unpool2d: indices must have x's shape \(2, 3, 4, 4\), they have \(1, 3, 4, 4\)"),
    (lambda x: F.max_unpool2d(x[..., :4, :4], mg.tensor(PLACES.astype("i4")), 2),
     "max_unpool2d: indices must be int64"),
    (lambda x: F.max_unpool2d(x[..., :4, :4], mg.tensor(PLACES.astype("f4")), 2),
     "max_unpool2d: indices must be int64"),
    (lambda x: F.max_unpool2d(x[..., :4, :4], wrong(PLACES, 64), 2),
     r"max_unpool2d: index 64 is out of range for the 64 places of an output \(8, 8\)"),
    (lambda x: F.max_unpool2d(x[..., :4, :4], wrong(PLACES, -1), 2),
     "max_unpool2d: index -1 is out of range for the 64"),
    (lambda x: F.max_unpool2d(x[..., :4, :4], mg.tensor(PLACES), 2, output_size=(8, 10)),
     r"max_unpool2d: \(8, 10\) cannot have been pooled to \(4, 4\): output_size must be within 7 to 9, 7 to 9"),
    (lambda x: F.max_unpool2d(x[..., :4, :4], mg.tensor(PLACES), 2, output_size=(8,)),
     r"max_unpool2d: output_size must be 2 or 4 ints in a tuple or list, \(8,\) came"),
    (lambda x: F.max_unpool1d(x[0], mg.tensor(PLACES), 2), r"max_unpool1d: indices must have x's shape"),
])
def test_wrong_calls(call, message, recorded, kernels):
    x = mg.Tensor(IMAGE, recorded)
    with mg.config(kernels=kernels), pytest.raises((ValueError, TypeError), match=message):
        call(x)


@pytest.mark.parametrize("name, args", [("adaptive_avg_pool2d", [2]), ("adaptive_max_pool2d", [2]),
                                        ("adaptive_avg_pool2d", [1])])
def test_integers_have_no_place_in_adaptive_pooling(name, args):
    with pytest.raises(TypeError, match=f"{name}: expected floating-point numbers, x is int64"):
        getattr(F, name)(mg.tensor(PLACES), *args)


@pytest.mark.parametrize("make, message", [
    (lambda: nn.MaxUnpool2d((1, 2, 3)), r"MaxUnpool2d: kernel_size must be .*, \(1, 2, 3\) came"),
    (lambda: nn.MaxUnpool1d(2, "2"), "MaxUnpool1d: stride must be an int, '2' came"),
    (lambda: nn.AvgPool1d(2, padding=0.5), "AvgPool1d: padding must be an int, 0.5 came"),
])
def test_wrong_layers(make, message):
    with pytest.raises(ValueError, match=message):
        make()
