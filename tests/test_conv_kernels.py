"""The ways of convolution, each forced, against the definition in float64: any geometry, layout, number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import layout
from minigrad.kernels.numpy import conv, conv_columns, conv_depthwise, conv_fold, conv_grouped, conv_pointwise
from minigrad.kernels.numpy import conv_transpose as transpose
from minigrad.kernels.numpy.conv_end import NOTHING, End
from minigrad.kernels.numpy.conv_phases import by_phases
from minigrad.kernels.numpy.conv_window import blocks, phases, window_of
from minigrad.ops.conv import conv2d, conv2d_relu
from minigrad.ops.conv_transpose import conv_transpose2d

# x, weight, stride, padding, dilation, groups
DENSE = {
    "odd": ((3, 2, 7, 9), (5, 2, 3, 3), 1, 1, 1, 1),
    "one image": ((1, 3, 11, 8), (4, 3, 3, 3), 1, 1, 1, 1),
    "one pixel": ((2, 3, 1, 1), (4, 3, 3, 3), 1, 1, 1, 1),
    "not square": ((2, 3, 9, 12), (4, 3, 1, 7), (1, 2), (0, 3), 1, 1),
    "high": ((2, 3, 12, 5), (4, 3, 7, 1), (3, 1), (3, 0), 1, 1),
    "stem": ((3, 3, 16, 16), (8, 3, 7, 7), 2, 3, 1, 1),
    "stride 4": ((2, 3, 23, 19), (6, 3, 5, 5), 4, 2, 1, 1),
    "stride beyond the kernel": ((2, 3, 11, 10), (4, 3, 2, 2), 3, 1, 1, 1),
    "padding beyond the kernel": ((2, 2, 4, 5), (3, 2, 2, 3), 1, 4, 1, 1),
    "dilation": ((2, 3, 13, 12), (4, 3, 3, 2), 1, 2, (2, 3), 1),
    "dilation and stride": ((2, 3, 15, 14), (4, 3, 4, 3), (4, 2), 3, (2, 4), 1),
    "one channel": ((4, 1, 12, 12), (6, 1, 5, 5), 1, 0, 1, 1),
}
OTHERS = {
    "1x1": ((3, 4, 5, 6), (7, 4, 1, 1), 1, 0, 1, 1),
    "1x1 with a stride": ((3, 4, 7, 6), (7, 4, 1, 1), (2, 3), 0, 1, 1),
    "1x1 with padding": ((2, 4, 3, 3), (5, 4, 1, 1), 2, 1, 1, 1),
    "groups": ((2, 6, 7, 8), (9, 2, 3, 3), 1, 1, 1, 3),
    "many narrow groups": ((2, 64, 5, 6), (64, 2, 3, 3), 2, 1, 1, 32),
    "wide groups": ((1, 66, 4, 4), (98, 33, 3, 2), 1, 1, 2, 2),
    "depthwise": ((3, 5, 8, 7), (5, 1, 3, 3), 1, 1, 1, 5),
    "depthwise, stride": ((2, 5, 11, 10), (5, 1, 4, 3), (3, 2), 2, 1, 5),
    "depthwise, dilation and stride": ((2, 3, 14, 13), (3, 1, 3, 4), (2, 4), 2, (3, 2), 3),
    "depthwise, several filters": ((2, 3, 8, 9), (6, 1, 3, 3), 2, 1, 1, 3),
}
CASES = DENSE | OTHERS


def draws(*shapes):
    rng = np.random.default_rng(len(shapes))
    return [rng.standard_normal(shape) for shape in shapes]


def last(a):
    """a with its channels last in memory."""
    y = layout.images(a.shape, a.dtype)
    y[...] = a
    return y


def by_definition(op, g_seed, x, weight, bias, *options):
    """y and the gradients of x, weight and bias."""
    with mg.config(kernels="definition"):
        leaves = [mg.tensor(a, requires_grad=True) for a in (x, weight, bias)]
        y = op(*leaves, *options)
        y.backward(mg.tensor(g_seed(y.shape)))
    return [y.numpy(), *[leaf.grad.numpy() for leaf in leaves]]


def seed(shape):
    return np.random.default_rng(7).standard_normal(shape)


def close(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10 * max(1, np.abs(b).max(initial=0)))


def by_kernel(module, name, place, x, weight, bias, *options):
    forward, backward = getattr(module, f"{name}_forward"), getattr(module, f"{name}_backward")
    arrays = [place(x), place(weight), bias]
    before = [a.copy() for a in arrays]
    needs = [True] * 3 + [False] * len(options)
    y, kept = forward(needs, *arrays, *options)
    g = place(seed(y.shape).astype(y.dtype))
    before.append(g.copy())
    gradients = backward(needs, g, kept, *arrays, *options)[:3]
    for a, b in zip([*arrays, g], before, strict=True):
        assert np.array_equal(a, b), "an argument was changed"
    assert all([a.base is None for a in (y, *gradients)]), "a result does not own its memory"
    return [y, *gradients]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("place", [np.ascontiguousarray, last], ids=["C", "channels last"])
@pytest.mark.parametrize("name", CASES)
def test_conv2d(name, place, threads):
    x_shape, w_shape, *options = CASES[name]
    args = draws(x_shape, w_shape, w_shape[:1])
    with mg.config(threads=threads):
        close(by_kernel(conv, "conv2d", place, *args, *options), by_definition(conv2d, seed, *args, *options))
        close(by_kernel(conv, "conv2d_relu", place, *args, *options),
              by_definition(conv2d_relu, seed, *args, *options))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_conv_transpose2d(name, threads):
    """With the shapes of a convolution turned around, and more output padding where the stride leaves room."""
    (n, _, *image), w_shape, stride, padding, dilation, groups = CASES[name]
    size = window_of((n, 1, *image), w_shape, stride, padding, dilation).out
    extra = tuple([max(1, s) - 1 for s in (stride if isinstance(stride, tuple) else (stride, stride))])
    args = draws((n, w_shape[0], *size), w_shape, (w_shape[1] * groups,))
    options = stride, padding, extra, groups, dilation
    expected = by_definition(conv_transpose2d, seed, *args, *options)
    with mg.config(threads=threads):
        for place in (np.ascontiguousarray, last):
            close(by_kernel(transpose, "conv_transpose2d", place, *args, *options), expected)


def test_output_padding_beyond_the_stride():
    args, options = draws((2, 2, 3, 4), (2, 3, 2, 2), (3,)), (1, 0, 2, 1, 3)
    close(by_kernel(transpose, "conv_transpose2d", last, *args, *options),
          by_definition(conv_transpose2d, seed, *args, *options))


# --- one way at a time --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", DENSE)
def test_every_tile_and_block_size(name, monkeypatch):
    x_shape, w_shape, *options, _ = DENSE[name]
    x, weight, _ = args = draws(x_shape, w_shape, w_shape[:1])
    y, gx, gw, _ = by_definition(conv2d, seed, *args, *options, 1)
    window, g = window_of(x_shape, w_shape, *options), layout.pixels(seed(y.shape))
    x, weight, bias = layout.pixels(x), layout.pixels(weight), args[2]
    q = window.out[1]
    for tile in [t for t in range(1, q + 1) if q % t == 0 and (t == 1 or window.dilation[1] == 1)]:
        for rows in (1, 5, 768):
            for module in (conv_columns, conv_fold):
                monkeypatch.setattr(module, "tile_of", lambda *_, tile=tile: tile)
                monkeypatch.setattr(module, "ROWS", rows)
                module.plan_of.cache_clear()
            monkeypatch.setattr(conv_columns, "SMALL", 0)
            found = np.empty((*y.shape[:1], *y.shape[2:], y.shape[1]))
            conv_columns.outputs(x, weight, window, found, End(bias))
            close([found, conv_columns.weight_gradient(x, g, window)],
                  [layout.pixels(y), layout.pixels(gw)])
            folded = np.empty(x.shape)
            conv_fold.input_gradient(g, weight, window, folded, NOTHING)
            close([folded], [layout.pixels(gx)])
    monkeypatch.undo()
    for module in (conv_columns, conv_fold):
        module.plan_of.cache_clear()


@pytest.mark.parametrize("name", DENSE)
def test_phases(name):
    x_shape, w_shape, *options, _ = DENSE[name]
    args = draws(x_shape, w_shape, w_shape[:1])
    y, gx, *_ = by_definition(conv2d, seed, *args, *options, 1)
    found = np.empty((x_shape[0], *x_shape[2:], x_shape[1]))
    by_phases(conv_columns.turned, layout.pixels(seed(y.shape)), layout.pixels(args[1]),
              window_of(x_shape, w_shape, *options), found, NOTHING)
    close([found], [layout.pixels(gx)])


def test_rows_in_parts(monkeypatch):
    """Columns of one image that are too many at once, and a row of positions too long for one piece."""
    monkeypatch.setattr(conv_fold, "COLUMNS", 1)
    monkeypatch.setattr(conv_depthwise, "RUN", 7)
    monkeypatch.setattr(conv_depthwise, "CACHE", 1)
    conv_fold.plan_of.cache_clear()
    args = draws((2, 3, 8, 9), (4, 3, 3, 3), (4,))
    y, gx, *_ = by_definition(conv2d, seed, *args, 2, 1, 1, 1)
    found = np.empty((2, 8, 9, 3))
    conv_fold.input_gradient(layout.pixels(seed(y.shape)), layout.pixels(args[1]),
                             window_of((2, 3, 8, 9), (4, 3, 3, 3), 2, 1, 1), found, NOTHING)
    close([found], [layout.pixels(gx)])
    args = draws((2, 3, 9, 11), (3, 1, 3, 3), (3,))
    close(by_kernel(conv, "conv2d", last, *args, 2, 1, 1, 3), by_definition(conv2d, seed, *args, 2, 1, 1, 3))
    conv_fold.plan_of.cache_clear()


def test_which_way():
    def way(x_shape, w_shape, groups=1, **options):
        window = window_of(x_shape, w_shape, options.get("stride", 1), options.get("padding", 0), 1)
        return conv.way_of(x_shape[1], w_shape[0], groups, window)

    assert way((1, 4, 5, 5), (4, 4, 1, 1)) is conv_pointwise
    assert way((1, 4, 5, 5), (4, 4, 1, 1), stride=2) is conv_pointwise
    assert way((1, 4, 5, 5), (4, 4, 1, 1), padding=1) is conv_columns
    assert way((1, 4, 5, 5), (4, 4, 3, 3)) is conv_columns
    assert way((1, 4, 5, 5), (8, 1, 3, 3), groups=4) is conv_depthwise
    assert way((1, 4, 5, 5), (4, 2, 3, 3), groups=2).outputs.func is conv_grouped.outputs


# --- geometry -----------------------------------------------------------------------------------------------------

sides = st.tuples(*[st.integers(1, 9)] * 2)
small = st.tuples(*[st.integers(1, 4)] * 2)


@given(image=sides, kernel=st.tuples(*[st.integers(1, 7)] * 2), stride=small,
       padding=st.tuples(*[st.integers(0, 3)] * 2), dilation=st.tuples(*[st.integers(1, 3)] * 2),
       channels=st.sampled_from([(1, 1, 1), (3, 2, 1), (4, 6, 2), (3, 3, 3), (2, 4, 2)]), n=st.integers(1, 3),
       threads=st.integers(1, 3))
def test_any_geometry(image, kernel, stride, padding, dilation, channels, n, threads):
    """Every size: images are made large enough for the window."""
    c, k, groups = channels
    image = [max(m, d * (i - 1) + 1 - 2 * o) for m, i, o, d in zip(image, kernel, padding, dilation, strict=True)]
    args, options = draws((n, c, *image), (k, c // groups, *kernel), (k,)), (stride, padding, dilation, groups)
    with mg.config(threads=threads):
        close(by_kernel(conv, "conv2d", last, *args, *options), by_definition(conv2d, seed, *args, *options))


@given(image=sides, kernel=small, stride=small, dilation=small, padding=st.tuples(*[st.integers(0, 3)] * 2))
def test_phases_reach_every_pixel_once(image, kernel, stride, dilation, padding):
    image = tuple([max(m, d * (i - 1) + 1) for m, i, d in zip(image, kernel, dilation, strict=True)])
    window = window_of((1, 1, *image), (1, 1, *kernel), stride, padding, dilation)
    for axis in range(2):
        reached = [pixel for phase in phases(axis, window) for pixel in range(image[axis])[phase.pixels]]
        assert sorted(reached) == list(range(image[axis]))


@given(n=st.integers(1, 5), out=sides, positions=st.integers(1, 99), threads=st.integers(1, 3))
def test_blocks_are_everything_once(n, out, positions, threads):
    seen = np.zeros((n, out[0]), int)
    for images, rows in blocks(n, out, positions, threads):
        seen[images, rows] += 1
    assert (seen == 1).all()


# --- what is promised besides --------------------------------------------------------------------------------------

def test_needs_alone():
    args = draws((2, 3, 6, 6), (4, 3, 3, 3), (4,))
    g = seed((2, 4, 6, 6))
    whole = conv.conv2d_backward([True] * 3, g, None, *args, 1, 1)
    for i in range(3):
        alone = conv.conv2d_backward([i == m for m in range(3)], g, None, *args, 1, 1)
        assert [a is None for a in alone[:3]] == [i != m for m in range(3)]
        assert np.array_equal(alone[i], whole[i])


def test_nothing_is_kept_but_the_output_of_relu():
    args = draws((2, 3, 6, 6), (4, 3, 3, 3), (4,))
    assert conv.conv2d_forward([True] * 3, *args, 1, 1)[1] is None
    y, kept = conv.conv2d_relu_forward([True] * 3, *args, 1, 1)
    assert kept is y
    assert conv.conv2d_relu_forward([False] * 3, *args, 1, 1)[1] is None


def test_what_is_declined():
    x, weight = draws((0, 3, 6, 6), (4, 3, 3, 3))
    assert not conv.conv2d_fits(x, weight)
    assert not conv.conv2d_fits(np.ones((1, 3, 6, 6), "f2"), weight.astype("f2"))
    assert conv2d(x, weight, None, 1, 1).shape == (0, 4, 6, 6)


@pytest.mark.parametrize("name", ["one channel", "stem", "stride 4", "many narrow groups", "depthwise", "1x1", "odd"])
@pytest.mark.parametrize("where", ["x", "weight", "g"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_where_it_is(name, where, bad):
    """Zeros in bands, between groups and around g would spread it: 0 * inf is NaN."""
    x_shape, w_shape, *options = CASES[name]
    x, weight, bias = draws(x_shape, w_shape, w_shape[:1])
    if where != "g":
        (x if where == "x" else weight)[0, 0, -1, -1] = bad

    def g(shape):
        arrived = seed(shape)
        if where == "g":
            arrived[0, 0, -1, -1] = bad
        return arrived

    with np.errstate(invalid="ignore"):
        expected = by_definition(conv2d, g, x, weight, bias, *options)
        y, _ = conv.conv2d_forward([True] * 3, x, weight, bias, *options)
        found = [y, *conv.conv2d_backward([True] * 3, g(y.shape), None, x, weight, bias, *options)[:3]]
        assert np.array_equal(*[np.isnan(conv2d_relu(x, weight, bias, *options)), np.isnan(np.maximum(y, 0))])
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(np.isfinite(a), np.isfinite(b))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_bits_again(threads):
    args = [a.astype("f4") for a in draws((3, 3, 20, 20), (8, 3, 5, 5), (8,))]
    with mg.config(threads=threads):
        first, second = [by_kernel(conv, "conv2d", lambda a: last(a.astype("f4")), *args, 2, 2) for _ in range(2)]
    assert all([np.array_equal(a, b) for a, b in zip(first, second, strict=True)])
