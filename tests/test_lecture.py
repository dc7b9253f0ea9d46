"""The sums of a lecture: receptive fields and weights of stacks, a convolution directly and through a bottleneck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import models, nn
from minigrad.graph import bottleneck_cost, conv_cost, receptive_field, stack_weights, summary
from minigrad.graph.windows import SAME, sliding


def convolutions(kernel_sizes, channels, **options):
    return nn.Sequential(*[nn.Conv2d(channels, channels, k, bias=False, **options) for k in kernel_sizes])


def test_two_3x3_see_5x5_and_three_see_7x7():
    assert receptive_field([3, 3]) == 5 and receptive_field([3, 3, 3]) == 7 == receptive_field([7])
    for kernel_sizes, size in ([3, 3], 5), ([3, 3, 3], 7), ([7], 7):
        found = summary(convolutions(kernel_sizes, 2), (2, 9, 9))
        assert found.rows[-1].receptive_field == (size, size)


@pytest.mark.parametrize("c", [1, 64, 512])
def test_three_3x3_have_27_cc_weights_and_one_7x7_has_49(c):
    assert stack_weights([3, 3, 3], c) == 27 * c * c and stack_weights([7], c) == 49 * c * c
    assert stack_weights([3, 3], c) == 18 * c * c and stack_weights([5], c) == 25 * c * c
    if c < 100:
        assert summary(convolutions([3, 3, 3], c), (c, 9, 9)).parameters == 27 * c * c


def test_weights_of_a_stack_with_other_channels():
    assert stack_weights([(3, 5), 1], [3, 8, 4], bias=True) == 15 * 24 + 8 + 32 + 4
    net = nn.Sequential(nn.Conv2d(3, 8, (3, 5)), nn.Conv2d(8, 4, 1))
    assert stack_weights([(3, 5), 1], (3, 8, 4), bias=True) == summary(net, (3, 9, 9)).parameters
    assert stack_weights([(3,), (5,)], 2) == 4 * 8


def test_5x5x48_on_14x14x480_directly_and_through_a_bottleneck():
    """Szegedy et al. 2014: 112.9 M against 1.5 M + 3.8 M = 5.3 M."""
    assert conv_cost((480, 14, 14), 48, 5) == 112_896_000
    assert bottleneck_cost((480, 14, 14), 48, 5, 16) == (1_505_280, 3_763_200)
    assert sum(bottleneck_cost((480, 14, 14), 48, 5, 16)) == 5_268_480
    direct = nn.Conv2d(480, 48, 5, padding=2)
    through = nn.Sequential(nn.Conv2d(480, 16, 1), nn.Conv2d(16, 48, 5, padding=2))
    assert summary(direct, (480, 14, 14)).multiplications == 112_896_000
    assert [row.multiplications for row in summary(through, (480, 14, 14))] == [0, 1_505_280, 3_763_200]


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3),
       st.integers(0, 2), st.integers(1, 2), st.sampled_from([1, 2]))
def test_the_cost_of_a_convolution_is_what_its_graph_has(c, k, i, j, stride, padding, dilation, groups):
    layer = nn.Conv2d(c * groups, k * groups, (i, j), stride, padding, dilation, groups)
    expected = summary(layer, (c * groups, 12, 9)).multiplications
    assert conv_cost((c * groups, 12, 9), k * groups, (i, j), stride, padding, dilation, groups) == expected
    assert conv_cost((c, 12), k, i, padding="valid") == summary(nn.Conv1d(c, k, i), (c, 12)).multiplications
    assert conv_cost((c, 12, 9), k, (i, j)) == summary(nn.Conv2d(c, k, (i, j), padding="same"),
                                                       (c, 12, 9)).multiplications
    assert conv_cost((c, 12, 9), k, 3, 2) == summary(nn.Conv2d(c, k, 3, 2, 1), (c, 12, 9)).multiplications


def test_receptive_fields_of_stacks():
    assert receptive_field([1]) == 1 and receptive_field([3], dilations=[2]) == 5
    assert receptive_field([3] * 4, dilations=[1, 2, 4, 8]) == 31            # WaveNet's doubling, van den Oord 2016
    assert receptive_field([7, 3], strides=[2, 2]) == 11                       # the stem of a ResNet
    assert receptive_field([(3, 5), 3], strides=(1, 2)) == (5, 9)
    lenet5 = models.lenet5().summary()
    kernels, strides = [5, 2, 5, 2, 5], [1, 2, 1, 2, 1]
    for n, name in enumerate(["c1", "s2", "c3", "s4", "c5"], 1):
        assert lenet5[name].receptive_field == (receptive_field(kernels[:n], strides[:n]),) * 2
    assert lenet5["c5"].receptive_field == (32, 32)                           # the whole image


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=6))
def test_the_formula_for_a_stack_is_what_windows_through_windows_see(layers):
    kernels, strides, dilations = map(list, zip(*layers, strict=True))
    view = SAME
    for k, s, d in layers:
        view = sliding(k, s, 0, d).after(view)
    assert receptive_field(kernels, strides, dilations) == view.size


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: receptive_field(3), TypeError, r"kernel_sizes must be a list, .* 3 came; of one layer alone it is \[3\]"),
    (lambda: receptive_field([]), TypeError, "kernel_sizes must be a list"),
    (lambda: receptive_field([3, 3], [1]), ValueError, "strides must be one for all, or a list of 2"),
    (lambda: receptive_field([3, 3], dilations=[1, 1, 1]), ValueError, "dilations must be one for all, or a list of 2"),
    (lambda: receptive_field([3, 0]), ValueError, "kernel_sizes must be at least 1, 0 came"),
    (lambda: receptive_field([3], 0), ValueError, "strides must be at least 1, 0 came"),
    (lambda: receptive_field([(3, 3), (3, 3, 3)]), ValueError, "kernel_sizes must be an int or 3 ints"),
    (lambda: receptive_field([3.5]), ValueError, "kernel_sizes must be an int, 3.5 came"),
    (lambda: stack_weights(7, 3), TypeError, "stack_weights: kernel_sizes must be a list"),
    (lambda: stack_weights([3, 3], [1, 2]), ValueError, "2 convolutions need 3 numbers of channels"),
    (lambda: stack_weights([3], 0), ValueError, "channels must be at least 1, 0 came"),
    (lambda: stack_weights([3], 1.5), ValueError, "channels must be at least 1, 1.5 came"),
    (lambda: stack_weights([0], 3), ValueError, "kernel_sizes must be at least 1, 0 came"),
    (lambda: conv_cost((3,), 2, 3), ValueError, r"shape must be \(c, h, w\), or \(c, l\) of a sequence"),
    (lambda: conv_cost((3, 0, 4), 2, 3), ValueError, r"conv_cost: shape must be .*\(3, 0, 4\) came"),
    (lambda: conv_cost((3, 4, 4), 2, 3, groups=2), ValueError, "must be multiples of groups, 2"),
    (lambda: conv_cost((3, 4, 4), 0, 3), ValueError, "out_channels must be at least 1"),
    (lambda: conv_cost((3, 4, 4), 2, (3, 3, 3)), ValueError, "conv_cost: kernel_size must be an int or a pair"),
    (lambda: conv_cost((3, 4, 4), 2, 7, padding=0), ValueError, "does not fit into 4"),
    (lambda: conv_cost((3, 4, 4), 2, 7, padding="valid"), ValueError, "does not fit into 4"),
    (lambda: conv_cost((3, 4, 4), 2, 3, padding="full"), ValueError, "conv_cost: padding must be"),
    (lambda: bottleneck_cost((3, 4, 4), 2, 3, 0), ValueError, "bottleneck must be at least 1"),
    (lambda: bottleneck_cost(3, 2, 3, 1), ValueError, "bottleneck_cost: shape must be"),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
