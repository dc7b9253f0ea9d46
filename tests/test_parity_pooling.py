"""Pooling beside PyTorch's, on drawn shapes and options."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, same_layer, sides, whole

import minigrad.nn.functional as F
from minigrad import nn

pytestmark = pytest.mark.parity

KINDS = st.sampled_from(["normal", "ties"])


@st.composite
def inputs(draw, axes, low=1, high=7, kind=None):
    """Sequences (axes 1) or images (2); sometimes one without a batch, an empty batch, no channels.

    Max pooling gets sizes from 2 on, so that every window has an element: PyTorch has an index outside of the image
    for one that is all padding, minigrad -1.
    """
    batch = draw(st.sampled_from([(), (2,), (2,), (0,)]))
    channels = draw(st.sampled_from([1, 2, 2, 3, 0]))
    return draw(arrays((*batch, channels, *[draw(sides(low, high)) for _ in range(axes)]), kind or draw(KINDS)))


@st.composite
def per_axis(draw, axes, low, high):
    """An int, or a tuple with one for each axis or for all."""
    return draw(st.integers(low, high) | st.tuples(st.integers(low, high))
                | st.tuples(*[st.integers(low, high)] * axes))


def drawn_options(data, axes, **more):
    """kernel_size, stride, padding, ceil_mode, and more strategies by name; some are left at their defaults."""
    options = {"kernel_size": data.draw(per_axis(axes, 1, 3))}
    rest = {"stride": st.none() | per_axis(axes, 1, 3), "padding": per_axis(axes, 0, 1), "ceil_mode": st.booleans()}
    for name, strategy in (rest | more).items():
        if data.draw(st.booleans()):
            options[name] = data.draw(strategy)
    return options


# --- windows of a given size ----------------------------------------------------------------------------------

@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_max_pool(axes, data):
    options = drawn_options(data, axes, dilation=per_axis(axes, 1, 2), return_indices=st.booleans())
    same(f"max_pool{axes}d", [data.draw(inputs(axes, 2))], options)


@given(st.data())
def test_max_pool2d_in_order(data):
    """Arguments by position; and where the padding is more than half of a kernel."""
    args = [data.draw(sides(1, 3)), data.draw(st.none() | sides(1, 3)), data.draw(sides(0, 2)), data.draw(sides(1, 2)),
            data.draw(st.booleans()), data.draw(st.booleans())]
    same("max_pool2d", [data.draw(inputs(2, 2)), *args])


@given(whole((1, 2, 4, 5), -9, 9), st.sampled_from(["int64", "int32", "int8", "uint8"]))
def test_max_pool2d_of_integers(x, dtype):
    same("max_pool2d", [abs(x).astype(dtype) if dtype == "uint8" else x.astype(dtype), 3, 2, 1])


@given(st.data())
def test_max_pool_where_nothing_is_finite(data):
    x = data.draw(arrays((1, 1, 4, 4), "ties"))
    x = np.where(x > 0.5, np.nan, np.where(x < 0, -np.inf, x))
    for name, size in (("max_pool2d", data.draw(sides(1, 3))), ("adaptive_max_pool2d", data.draw(sides(1, 5)))):
        same(name, [x, size], {"return_indices": True}, second=False)


@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_avg_pool(axes, data):
    more = {"divisor_override": st.sampled_from([None, 1, 3, -2, 0])} if axes == 2 else {}
    options = drawn_options(data, axes, count_include_pad=st.booleans(), **more)
    same(f"avg_pool{axes}d", [data.draw(inputs(axes))], options)


@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_lp_pool(axes, data):
    kernel = data.draw(sides(1, 3) if axes == 1 else sides(1, 3) | st.tuples(sides(1, 3), sides(1, 3)))
    options = {"norm_type": data.draw(st.sampled_from([1, 2, 2.0, 3, 1.5, float("inf"), -float("inf")])),
               "kernel_size": kernel, "stride": data.draw(st.none() | sides(1, 3)),
               "ceil_mode": data.draw(st.booleans())}
    same(f"lp_pool{axes}d", [data.draw(inputs(axes, kind="positive"))], options, scale=1.0)


def test_lp_pool_of_nothing_but_zeros():
    for p in (1, 2, float("inf")):
        same("lp_pool2d", [np.zeros((1, 1, 4, 4)), p, 2], second=False)
    with pytest.raises(ValueError, match="lp_pool2d: norm_type must not be 0"):
        F.lp_pool2d(nn.Parameter([[[[1.0]]]]), 0, 1)


# --- as many windows as are asked for ---------------------------------------------------------------------------

@pytest.mark.filterwarnings("ignore:.*(empty slice|divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("what", ["avg", "max"])
@given(st.data())
def test_adaptive_pool(what, axes, data):
    one = st.integers(1, 9) if axes == 1 else st.none() | st.integers(1, 9)
    size = data.draw(st.integers(1, 9) | st.tuples(*[one] * axes))
    options = {"return_indices": data.draw(st.booleans())} if what == "max" else {}
    x = data.draw(inputs(axes, 0, 8))                       # without channels PyTorch's means have no backward
    same(f"adaptive_{what}_pool{axes}d", [x, size], options, constant=[] if x.shape[-axes - 1] else [0])


@given(st.data())
def test_adaptive_pool_of_equal_windows(data):
    """Where output_size divides the size, or is 1: other code."""
    p, q, i, j = [data.draw(sides(1, 3)) for _ in range(4)]
    x = data.draw(arrays((2, 2, p * i, q * j), data.draw(KINDS)))
    same("adaptive_avg_pool2d", [x, (p, q)])
    same("adaptive_max_pool2d", [x, (p, q)], {"return_indices": True})


@pytest.mark.parametrize("name", ["adaptive_avg_pool1d", "adaptive_max_pool1d", "adaptive_avg_pool2d",
                                  "adaptive_max_pool2d"])
@pytest.mark.parametrize("size", [-1, None, (2, 2, 2), (-1, 2), (None,), 2.5, 0, (0, 2)])
def test_adaptive_pool_to_odd_sizes(name, size):
    """What PyTorch refuses is refused; to nothing there is a forward alone."""
    shape = (2, 2, 3) if name.endswith("1d") else (2, 2, 3, 4)
    same(name, [np.ones(shape), size], constant=[0])


# --- back -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_max_unpool_of_max_pool(axes, data):
    import torch

    x = data.draw(inputs(axes, 4, 7))
    kernel, stride, padding = data.draw(sides(2, 3)), data.draw(sides(1, 3)), data.draw(sides(0, 1))
    size = data.draw(st.sampled_from([None, x.shape, x.shape[-axes:], tuple([n + 4 for n in x.shape[-axes:]])]))

    def there_and_back(functional):
        def function(x):
            y, indices = getattr(functional, f"max_pool{axes}d")(x, kernel, stride, padding, return_indices=True)
            return y, getattr(functional, f"max_unpool{axes}d")(y, indices, kernel, stride, padding, size)

        return function

    same("", [x], mine=there_and_back(F), theirs=there_and_back(torch.nn.functional))


@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_max_unpool(axes, data):
    """Any indices: several may be alike, and some out of range."""
    x = data.draw(inputs(axes, 1, 3))
    places = (2 * np.array(x.shape[-axes:])).prod()
    indices = data.draw(whole(x.shape, data.draw(st.sampled_from([0, 0, 0, -1])), places + data.draw(sides(0, 1))))
    same(f"max_unpool{axes}d", [x, indices, 2])


@pytest.mark.parametrize("indices", [np.zeros((1, 1, 2), "int32"), np.zeros((1, 1, 3), "int64"),
                                     np.zeros((1, 2), "int64"), np.zeros((1, 1, 2))])
def test_max_unpool_with_wrong_indices(indices):
    same("max_unpool1d", [np.ones((1, 1, 2)), indices, 2], constant=[1])


# --- layers ---------------------------------------------------------------------------------------------------

def pair_of(name, *args, **options):
    import torch

    mine, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(mine) == repr(theirs)
    return mine, theirs


@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_max_pool_layer(axes, data):
    options = drawn_options(data, axes, dilation=per_axis(axes, 1, 2), return_indices=st.booleans())
    same_layer(*pair_of(f"MaxPool{axes}d", **options), [data.draw(inputs(axes, 2))])


@given(st.data())
def test_max_pool_layer_in_order(data):
    args = data.draw(sides(1, 3)), data.draw(sides(1, 3)), 1, 1, data.draw(st.booleans()), data.draw(st.booleans())
    same_layer(*pair_of("MaxPool2d", *args), [data.draw(inputs(2))])


@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_avg_pool_layer(axes, data):
    more = {"divisor_override": st.sampled_from([None, 3])} if axes == 2 else {}
    options = drawn_options(data, axes, count_include_pad=st.booleans(), **more)
    same_layer(*pair_of(f"AvgPool{axes}d", **options), [data.draw(inputs(axes))])


@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_lp_pool_layer(axes, data):
    args = [data.draw(st.sampled_from([1, 2, 3.0])), data.draw(sides(1, 3)), data.draw(st.none() | sides(1, 3)),
            data.draw(st.booleans())]
    same_layer(*pair_of(f"LPPool{axes}d", *args), [data.draw(inputs(axes, kind="positive"))], scale=1.0)


@pytest.mark.filterwarnings("ignore:.*(empty slice|divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize("name", ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d"])
@given(st.data())
def test_adaptive_pool_layer(name, data):
    axes = int(name[-2])
    size = data.draw(sides(1, 5) if axes == 1 else sides(1, 5) | st.tuples(sides(1, 5), st.none() | sides(1, 5)))
    args = [size, data.draw(st.booleans())] if "Max" in name else [size]
    x = data.draw(inputs(axes))
    same_layer(*pair_of(name, *args), [x], constant=[] if x.shape[-axes - 1] else [0])


@pytest.mark.parametrize("axes", [1, 2])
@given(st.data())
def test_max_unpool_layer(axes, data):
    x = data.draw(inputs(axes, 1, 3))
    kernel, padding = data.draw(sides(2, 3)), data.draw(sides(0, 1))
    indices = data.draw(whole(x.shape, 0, 3))
    filled = [(n - 1) * 2 + kernel - 2 * padding for n in x.shape[-axes:]]
    size = data.draw(st.sampled_from([None, tuple(filled), tuple([n + 1 for n in filled])]))
    same_layer(*pair_of(f"MaxUnpool{axes}d", kernel, 2, padding), [x, indices],
               call=lambda layer: lambda x, indices: layer(x, indices, size))
