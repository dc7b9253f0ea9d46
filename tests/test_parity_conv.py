"""Convolutions beside PyTorch's, on drawn shapes and options."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, same_layer, sides

from minigrad import nn
from minigrad.geometry import each

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:Using padding='same'")]
LENGTHS = sides(0, 6)


def per_axis(axes, low, high):
    """A number for all axes, or one for each, or one in a tuple."""
    one = st.integers(low, high)
    return one | st.tuples(*[one] * axes) | st.tuples(one)


def draw_groups(data):
    """groups, and the numbers of channels on both sides, multiples of it."""
    groups = data.draw(st.integers(1, 3))
    return groups, groups * data.draw(sides(1, 2)), groups * data.draw(sides(1, 2))


def draw_input(data, c, axes, lengths=LENGTHS):
    """A batch, perhaps empty, or one image or sequence alone."""
    batch = () if data.draw(st.booleans()) else (data.draw(sides(0, 3)),)
    return data.draw(arrays((*batch, c, *[data.draw(lengths) for _ in range(axes)])))


def draw_kernel(data, axes):
    return tuple([data.draw(sides(1, 3)) for _ in range(axes)])


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
def test_conv(axes, data):
    groups, c, k = draw_groups(data)
    weight = data.draw(arrays((k, c // groups, *draw_kernel(data, axes))))
    same(f"conv{axes}d", [draw_input(data, c, axes), weight, data.draw(st.none() | arrays((k,)))], {
        "stride": data.draw(per_axis(axes, 1, 3)),
        "padding": data.draw(per_axis(axes, 0, 2) | st.sampled_from(["same", "valid"])),
        "dilation": data.draw(per_axis(axes, 1, 2)), "groups": groups})


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
def test_conv_same(axes, data):
    """The output is as large as the input; what cannot be halved goes to the end."""
    groups, c, k = draw_groups(data)
    weight = data.draw(arrays((k, c // groups, *[data.draw(sides(1, 4)) for _ in range(axes)])))
    same(f"conv{axes}d", [draw_input(data, c, axes), weight, data.draw(st.none() | arrays((k,)))],
         {"padding": "same", "dilation": data.draw(per_axis(axes, 1, 3)), "groups": groups})


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
def test_conv_transpose(axes, data):
    groups, c, k = draw_groups(data)
    weight = data.draw(arrays((c, k // groups, *draw_kernel(data, axes))))
    x = draw_input(data, c, axes, sides(1, 5))
    largest = 2 if x.size else 0                        # PyTorch accepts any output_padding of an empty batch
    options = {"stride": data.draw(per_axis(axes, 1, 3)), "padding": data.draw(per_axis(axes, 0, 2)),
               "output_padding": data.draw(per_axis(axes, 0, largest)), "dilation": data.draw(per_axis(axes, 1, 3))}
    values = [each(value, axes, name) for name, value in options.items()]
    sizes = [(p - 1) * s - 2 * o + d * (i - 1) + 1 + e
             for p, i, s, o, e, d in zip(x.shape[-axes:], weight.shape[2:], *values, strict=True)]
    if 0 not in sizes:                                  # which some of PyTorch's implementations refuse and some do not
        same(f"conv_transpose{axes}d", [x, weight, data.draw(st.none() | arrays((k,)))], {**options, "groups": groups})


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
def test_conv_layers(axes, data):
    import torch

    groups, c, k = draw_groups(data)
    mode = data.draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    args = c, k, draw_kernel(data, axes) if data.draw(st.booleans()) else data.draw(sides(1, 3))
    options = {"dilation": data.draw(sides(1, 2)), "groups": groups, "bias": data.draw(st.booleans()),
               "padding_mode": mode}
    if data.draw(st.booleans()):
        options["padding"] = data.draw(st.sampled_from(["same", "valid"]))
    else:
        options |= {"padding": data.draw(per_axis(axes, 0, 2)), "stride": data.draw(per_axis(axes, 1, 2))}
    if any([isinstance(value, tuple) and len(value) != axes for value in options.values()]):
        return                                      # PyTorch's layers do not spread one number in a tuple
    layers = [getattr(library, f"Conv{axes}d")(*args, **options) for library in (nn, torch.nn)]
    assert repr(layers[0]).replace("'", "") == repr(layers[1])
    for name in ("kernel_size", "stride", "padding", "dilation", "output_padding", "groups"):
        assert getattr(layers[0], name) == getattr(layers[1], name), name
    same_layer(*layers, [draw_input(data, c, axes)])


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
def test_conv_transpose_layers(axes, data):
    import torch

    groups, c, k = draw_groups(data)
    stride, kernel = data.draw(sides(1, 3)), draw_kernel(data, axes)
    options = {"stride": stride, "padding": data.draw(sides(0, min(kernel) > 1)), "groups": groups,
               "bias": data.draw(st.booleans()), "output_padding": data.draw(sides(0, stride - 1)),
               "dilation": data.draw(sides(1, 2))}
    args = c, k, kernel
    layers = [getattr(library, f"ConvTranspose{axes}d")(*args, **options) for library in (nn, torch.nn)]
    assert repr(layers[0]) == repr(layers[1]) and layers[0].output_padding == layers[1].output_padding
    x = draw_input(data, c, axes, sides(2, 5))
    size = data.draw(st.none() | st.lists(sides(1, 12), min_size=axes, max_size=axes + 2))
    same_layer(*layers, [x], call=lambda layer: lambda x: layer(x, output_size=size))


@pytest.mark.parametrize("name", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
@given(data=st.data())
def test_first_values_have_pytorchs_bounds(name, data):
    import torch

    groups, c, k = draw_groups(data)
    args = c, k, data.draw(sides(1, 3))
    mine, theirs = getattr(nn, name)(*args, groups=groups), getattr(torch.nn, name)(*args, groups=groups)
    fan_in = torch.nn.init._calculate_fan_in_and_fan_out(theirs.weight)[0]
    for ours, p in ((mine.weight, theirs.weight), (mine.bias, theirs.bias)):
        assert ours.shape == tuple(p.shape) and abs(ours.numpy()).max() <= fan_in ** -0.5


def test_first_values_fill_their_interval():
    layer = nn.ConvTranspose2d(64, 16, 3, groups=4)             # each output pixel is made of 4 * 9 products a channel
    for p in (layer.weight, nn.Conv1d(12, 2000, 3).bias):
        assert 0.98 / 6 < p.numpy().max() <= 1 / 6 and -1 / 6 <= p.numpy().min() < -0.98 / 6
