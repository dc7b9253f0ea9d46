"""Padding: F.pad and the layers beside PyTorch's, the array function beside NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, same_layer, sides

import minigrad as mg
from minigrad import nn

pytestmark = pytest.mark.parity
MODES = ["reflect", "symmetric", "edge", "wrap"]


def shapes(low=0, high=3):
    return st.lists(sides(0, 3), min_size=low, max_size=high).map(tuple)


@given(st.data())
def test_pad(data):
    """The array function: widths in all of NumPy's forms, also wider than x is long."""
    shape = data.draw(shapes(1))
    pair = st.tuples(sides(0, 5), sides(0, 5))
    widths = data.draw(sides(0, 3) | pair | st.tuples(sides(0, 2)) | st.tuples(pair)
                       | st.tuples(*[pair for _ in shape]))
    x, mode = data.draw(arrays(shape)), data.draw(st.sampled_from(["constant", *MODES]))
    options = {"constant_values": 2.5} if mode == "constant" else {}
    try:
        expected = np.pad(x, widths, mode, **options)
    except ValueError:
        with pytest.raises(ValueError, match="pad: axis .* has length 0"):
            mg.pad(mg.tensor(x), widths, mode)
        return
    np.testing.assert_array_equal(mg.pad(mg.tensor(x), widths, mode, **options).numpy(), expected)


@given(st.data())
def test_constant(data):
    """On any axes, of any sign."""
    shape = data.draw(shapes())
    width = [data.draw(st.integers(-2, 2)) for _ in range(data.draw(sides(0, 2 * len(shape) + 1)))]
    value = data.draw(st.sampled_from([None, 0.0, -1.5, np.inf]))
    same("pad", [data.draw(arrays(shape)), width], {"value": value})


@given(st.data())
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_copies(mode, data):
    """One to three axes, with and without a batch, also too few elements."""
    axes = data.draw(sides(1, 3))
    low = data.draw(st.sampled_from([0, 1]))
    shape = [data.draw(sides(low, 3)) for _ in range(axes + data.draw(sides(1, 2)))]
    width = [data.draw(sides(0, n + 1 if low == 0 else max(n - 1, 0))) for n in shape[:-axes - 1:-1] for _ in range(2)]
    value = data.draw(st.sampled_from([None, 0.0, 1.0])) if low == 0 else None
    same("pad", [data.draw(arrays(tuple(shape))), width, mode, value])


@given(st.data())
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_copies_and_cuts(mode, data):
    """Negative numbers cut off. PyTorch leaves memory unwritten where a ring is too short for what it shall show."""
    n = data.draw(sides(1, 4))
    before, after = data.draw(st.integers(-4, 4)), data.draw(st.integers(-4, 4))
    if mode == "circular" and max(before, after) > n + min(before, 0) + min(after, 0):
        with pytest.raises(ValueError, match="pad: "):
            nn.functional.pad(mg.zeros(2, n), (before, after), mode)
        return
    same("pad", [data.draw(arrays((2, n))), (before, after), mode])


@given(st.data())
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular", "edge"])
def test_numbers_that_do_not_fit_the_input(mode, data):
    width = [1] * data.draw(sides(0, 8))
    same("pad", [data.draw(arrays(shapes(0, 4).map(lambda shape: tuple(n + 2 for n in shape)))), width, mode])


LAYERS = ["ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d", "ReflectionPad1d",
          "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
          "CircularPad1d", "CircularPad2d", "CircularPad3d"]


@given(st.data())
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, data):
    import torch

    axes = int(name[-2])
    shape = tuple(data.draw(sides(3, 4)) for _ in range(axes + data.draw(sides(1, 2))))
    args = [data.draw(sides(0, 1) | st.tuples(*[st.integers(-1, 1) for _ in range(2 * axes)]))]
    args += [data.draw(st.sampled_from([0, 2.5]))] if name.startswith("Constant") else []
    mine, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert repr(mine) == repr(theirs)
    same_layer(mine, theirs, [data.draw(arrays(shape))])
