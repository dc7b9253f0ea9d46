"""Convolutions beside PyTorch's, on drawn shapes and options."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, same_layer, sides

from minigrad import nn

pytestmark = pytest.mark.parity


@given(st.data())
def test_conv2d(data):
    groups = data.draw(st.integers(1, 3))
    n, c, k = data.draw(sides()), groups * data.draw(sides(1, 2)), groups * data.draw(sides(1, 2))
    kernel = data.draw(sides(1, 3)), data.draw(sides(1, 3))
    x = data.draw(arrays((n, c, data.draw(sides(1, 6)), data.draw(sides(1, 6)))))
    weight = data.draw(arrays((k, c // groups, *kernel)))
    bias = data.draw(st.none() | arrays((k,)))
    same("conv2d", [x, weight, bias], {
        "stride": data.draw(st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "padding": data.draw(st.integers(0, 2) | st.tuples(st.integers(0, 2), st.integers(0, 2))
                             | st.sampled_from(["same", "valid"])),
        "dilation": data.draw(st.integers(1, 2)), "groups": groups})


@given(st.data())
def test_conv2d_layer(data):
    import torch

    args = data.draw(sides(1, 3)), data.draw(sides(1, 3)), data.draw(sides(1, 3))
    options = {"stride": data.draw(sides(1, 2)), "padding": data.draw(sides(0, 1)), "bias": data.draw(st.booleans())}
    x = data.draw(arrays((data.draw(sides(1, 2)), args[0], 5, 4)))
    same_layer(nn.Conv2d(*args, **options), torch.nn.Conv2d(*args, **options), [x])
