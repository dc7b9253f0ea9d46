"""What is said to somebody who calls a convolution or a function of images wrongly: the op, what was expected, what
came."""

import numpy as np
import pytest
from strict_cupy import installed

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops
from minigrad.op import OPS

IMAGE, FILTERS = np.ones((2, 3, 8, 8), "f4"), np.ones((5, 3, 3, 3), "f4")


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    # convolution
    (lambda x, w: F.conv1d(x, w[..., 0]), r"conv1d: expected a batch of sequences \(n, c, l\), x has shape \(2, 3, 8"),
    (lambda x, w: F.conv1d(x[..., 0], w), r"conv1d: expected a batch of sequences \(n, c, l\), x has shape \(1, 2, 3"),
    (lambda x, w: ops.conv1d(x[..., 0], w), r"conv1d: weight must be \(k, c/groups, i\) \(x \(2, 3, 8\), weight \(5"),
    (lambda x, w: F.conv1d(x[..., 0], w[:, :2, :, 0]), "conv1d: weight expects 2 input channels, x has 3"),
    (lambda x, w: F.conv1d(x[..., 0], w[..., 0], groups=2), "conv1d: 5 output channels cannot be divided into 2 gro"),
    (lambda x, w: F.conv1d(x[..., 0], w[..., 0], groups=0), "conv1d: 5 output channels cannot be divided into 0 gro"),
    (lambda x, w: F.conv1d(x[..., 0], w[..., 0], w[0, :, 0, 0]), r"conv1d: bias must be \(5,\), one for each output"),
    (lambda x, w: F.conv1d(x[..., 0], w[..., 0], stride=(1, 2)), r"conv1d: stride must be an int, \(1, 2\) came"),
    (lambda x, w: F.conv1d(x[..., 0], w[..., 0], dilation=4), "conv1d: a window of 9 .* does not fit into 8"),
    (lambda x, w: F.conv1d(x[..., 0], w[..., 0], padding="full"), "conv1d: padding must be an int, 'same' or 'valid'"),
    (lambda x, w: F.conv1d(x[..., 0], w[..., 0], 2), r"conv1d: bias must be \(5,\), one for each output channel, it i"),
    (lambda x, w: F.conv1d(x[..., 0], w[..., 0], stride=2, padding="same"), "conv1d: padding 'same' needs stride 1, 2"),
    (lambda x, w: F.conv2d(x, w, padding="full"), "conv2d: padding must be an int, a pair, 'same' or 'valid', 'full'"),
    (lambda x, w: F.conv2d(x[..., :0], w, padding=2), "conv2d: only the batch may be empty"),
    (lambda x, w: F.conv2d(x, w[:0]), "conv2d: 0 output channels cannot be divided"),
    # transposed convolution
    (lambda x, w: F.conv_transpose2d(x, w), r"conv_transpose2d: weight expects 5 input channels, and gives 3 a group"),
    (lambda x, w: F.conv_transpose2d(x[0, 0], w), r"conv_transpose2d: expected a batch of images \(n, c, h, w\)"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w[0]), r"conv_transpose2d: weight must be \(c, k/groups, i, j\)"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w, groups=2), "5 input channels cannot be divided into 2 groups"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w, w[:, 0, 0, 0]), r"conv_transpose2d: bias must be \(3,\)"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w, output_padding=1), "output_padding must be at least 0 and sma"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w, None, 2, 0, -1), "conv_transpose2d: output_padding must be at"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w, padding=9), "conv_transpose2d: nothing is left of an output of"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w, padding=-1), "conv_transpose2d: .*padding >= 0"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w, padding="same"), "padding must be an int or a pair .*'same'"),
    (lambda x, w: F.conv_transpose2d(x[:, [0] * 5], w, stride=0), r"conv_transpose2d: .*stride \(0, 0\)"),
    (lambda x, w: F.conv_transpose1d(x[:, [0] * 5, 0], w[..., 0], output_padding=1), "conv_transpose1d: output_pad"),
    (lambda x, w: F.conv_transpose1d(x[:, :, 0], w[..., 0]), "conv_transpose1d: weight expects 5 input channels"),
    # windows
    (lambda x, w: F.unfold(x[0, 0], 3), r"unfold: expected \(n, c, h, w\) or \(c, h, w\).*input has shape \(8, 8\)"),
    (lambda x, w: F.unfold(x[:, :0], 3), "unfold: .*only n may be 0"),
    (lambda x, w: F.unfold(x, 9), "unfold: a window of 9 .* does not fit into 8"),
    (lambda x, w: F.unfold(x, (3,)), r"unfold: expected ints or pairs of ints, \(3,\) came"),
    (lambda x, w: F.fold(x, 4, 3), r"fold: expected \(n, c\*i\*j, p\*q\) or \(c\*i\*j, p\*q\)"),
    (lambda x, w: F.fold(x[0], 9, 1), r"fold: expected \(n, c\*1, 81\) for kernel \(1, 1\) and output \(9, 9\)"),
    (lambda x, w: F.fold(x[0], 3, 2), r"fold: expected \(n, c\*4, 4\)"),
    # another size
    (lambda x, w: F.interpolate(x), "interpolate: expected either size or scale_factor, None and None came"),
    (lambda x, w: F.interpolate(x, 4, 2), "interpolate: expected either size or scale_factor, 4 and 2 came"),
    (lambda x, w: F.interpolate(x, (4,)), r"interpolate: size must be one number or 2, \(4,\) came"),
    (lambda x, w: F.interpolate(x, 4.0), r"interpolate: size must be an int or one for each axis, \(4.0, 4.0\) came"),
    (lambda x, w: F.interpolate(x, scale_factor="2"), "interpolate: scale_factor must be a number .* '2' came"),
    (lambda x, w: F.interpolate(x, scale_factor=0.1), r"interpolate: only the batch may be empty; .* to \(0, 0\) came"),
    (lambda x, w: F.interpolate(x, 4, mode="cubic"), "interpolate: mode must be one of 'nearest', .*'cubic' came"),
    (lambda x, w: F.interpolate(x, 4, mode="linear"), r"interpolate: mode 'linear' expects \(n, c, l\), x has shape"),
    (lambda x, w: F.interpolate(x[0, 0], 4), r"interpolate: mode 'nearest' expects \(n, c, l\) or \(n, c, h, w\) or"),
    (lambda x, w: F.interpolate(x, 4, align_corners=True), "interpolate: mode 'nearest' has no align_corners"),
    (lambda x, w: ops.interpolate(x, 4), "interpolate: size must be a tuple of 2, an int for each axis, 4 came"),
    (lambda x, w: OPS["resample"](x, 2, 4, "square"), "resample: kind must be one of 'nearest', .*'square' came"),
    (lambda x, w: ops.interpolate(x, (4, 4), "area", True), "interpolate: mode 'area' has no align_corners"),
    (lambda x, w: F.interpolate(x, 4, antialias=True), "interpolate: only modes 'bilinear' and 'bicubic' have antiali"),
    (lambda x, w: F.interpolate(x, 4, recompute_scale_factor=True), "recompute_scale_factor goes with scale_factor"),
    # pixels and channels
    (lambda x, w: F.pixel_shuffle(x, 2), r"pixel_shuffle: expected \(..., c, h, w\) with c a multiple of 2 \* 2, x"),
    (lambda x, w: F.pixel_shuffle(x, 0), "pixel_shuffle: upscale_factor must be at least 1, 0 came"),
    (lambda x, w: F.pixel_shuffle(x, 2.0), "pixel_shuffle: upscale_factor must be an int, 2.0 came"),
    (lambda x, w: F.pixel_unshuffle(x, 3), "pixel_unshuffle: expected .* with h and w multiples of 3, x has shape"),
    (lambda x, w: F.pixel_unshuffle(x[0, 0], 2), r"pixel_unshuffle: expected \(..., c, h, w\) .*x has shape \(8, 8\)"),
    (lambda x, w: F.channel_shuffle(x, 2), r"channel_shuffle: expected \(n, c, ...\) with c a multiple of 2 groups"),
    (lambda x, w: F.channel_shuffle(x[..., 0, 0], 3), "channel_shuffle: expected .* and an axis behind it"),
])
def test_wrong_calls(call, message, recorded, kernels):
    x, w = mg.Tensor(IMAGE, recorded), mg.Tensor(FILTERS, recorded)
    with mg.config(kernels=kernels), pytest.raises((ValueError, TypeError, IndexError), match=message):
        call(x, w)


@pytest.mark.parametrize("call, message", [
    (lambda: nn.Conv1d(3, 4, (3, 3)), r"Conv1d: kernel_size must be an int, \(3, 3\) came"),
    (lambda: nn.Conv1d(3, 4, 3, groups=2), "Conv1d: in_channels 3 and out_channels 4 must be multiples of groups 2"),
    (lambda: nn.Conv1d(3, 4, 3, padding="full"), "Conv1d: padding must be an int, 'same' or 'valid', 'full' came"),
    (lambda: nn.Conv1d(3, 4, 3, 2, "same"), "Conv1d: padding 'same' needs stride 1, 2 came"),
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "Conv2d: padding_mode must be one of 'zeros', .*'mirror' came"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, groups=0), "ConvTranspose2d: .*multiples of groups 0"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), "ConvTranspose2d: padding must be an int or a pair, 'same'"),
    (lambda: nn.ConvTranspose1d(3, 4, 3, padding="valid"), "ConvTranspose1d: padding must be an int, 'valid' came"),
    (lambda: nn.ConvTranspose1d(3, 4, 3, padding_mode="reflect"), "padding_mode must be 'zeros', 'reflect' came"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, 2)(mg.zeros(1, 3, 2, 2), (7, 5)),
     r"ConvTranspose2d: output_size must be from \(5, 5\) to \(6, 6\) for an input of \(2, 2\), \(7, 5\) came"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, 2)(mg.zeros(3, 2, 2), (4, 2, 5, 5)), "must have 2 numbers, or 3 with those"),
    (lambda: nn.ConvTranspose1d(3, 4, 3)(mg.zeros(1, 2, 5)), "conv_transpose1d: weight expects 3 input channels"),
    (lambda: nn.Upsample()(mg.zeros(1, 1, 2, 2)), "interpolate: expected either size or scale_factor"),
])
def test_wrong_layers(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_whole_numbers_between_which_there_is_nothing(dtype):
    image = mg.ones(1, 1, 2, 2).astype(dtype)
    with pytest.raises(TypeError, match=f"interpolate: expected floating numbers .*, {dtype} came: x.astype"):
        F.interpolate(image, 3, mode="bilinear")


def test_nearest_keeps_bytes():
    image = mg.tensor(np.array([[[[1, 2]]]], "u1"))
    y = F.interpolate(image, scale_factor=2)
    assert y.dtype == "uint8" and y.tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]


@pytest.mark.parametrize("function", [F.conv2d, F.conv_transpose2d])
def test_two_devices(function):
    with installed():
        x, weight = mg.ones(1, 2, 3, 3), mg.ones(2, 2, 1, 1, device="cuda")
        with pytest.raises(TypeError, match=r"weight is on cuda:0.*weight.to\('cpu'\) mends it"):
            function(x, weight)
