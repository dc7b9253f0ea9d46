"""Functions of images beside PyTorch's: another size, pixels and channels exchanged, windows as columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, both, same, same_layer, sides, single

from minigrad import nn
from minigrad.nn import functional as F

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:`nn.functional.upsample:UserWarning")]
MODES = ["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"]
AXES = {"linear": [1], "bilinear": [2], "bicubic": [2], "trilinear": [3]}


def draw_images(data, axes, mode):
    """A batch, perhaps empty; now and then with nothing in its channels or images."""
    lengths = [data.draw(sides(1, 5)) for _ in range(axes)]
    channels = data.draw(sides(1, 2))
    if mode != "area" and data.draw(st.integers(0, 5)) == 0:            # PyTorch takes some areas of nothing
        lengths[0], channels = data.draw(st.sampled_from([(0, 1), (2, 0)]))
    return data.draw(arrays((data.draw(sides(0, 2)), channels, *lengths)))


def same_size(x, mode, options):
    """interpolate is PyTorch's. In float32 to the rounding of the input: there PyTorch rounds places and weights."""
    import torch
    options = {"mode": mode, **options}
    same("interpolate", [x], options, second=mode != "area", float32=False)
    both(F.interpolate, torch.nn.functional.interpolate, [single(x)], options, (), False, 1e-5,
         1 + abs(x).max(initial=0))


def draw_corners(data, mode):
    """align_corners, which the rough modes refuse; None is the default."""
    return data.draw(st.sampled_from([None, False, True] if mode in AXES else [None, None, None, False]))


@pytest.mark.parametrize("mode", MODES)
@given(data=st.data())
def test_interpolate_to_a_size(mode, data):
    axes = data.draw(st.sampled_from(AXES.get(mode, [1, 2, 3])))
    x = draw_images(data, axes, mode)
    size = data.draw(sides(1, 7) | st.lists(sides(1, 7), min_size=axes, max_size=axes).map(tuple)
                     | st.lists(sides(0, 4), min_size=1, max_size=3))
    same_size(x, mode, {"size": size, "align_corners": draw_corners(data, mode)})


def consistent(x, factors, mode):
    """PyTorch's gradients of nearest and bicubic are not those of its values where a factor that is not whole brings an
    axis to as many elements, or twice as many: its backward treats these lengths as if the factor were whole."""
    lengths = [(n, int(n * f), f) for n, f in zip(x.shape[2:], factors, strict=True) if n]
    return mode not in ("nearest", "bicubic") or not any([f != m / n and m in (n, 2 * n) for n, m, f in lengths])


@pytest.mark.parametrize("mode", MODES)
@given(data=st.data())
def test_interpolate_by_a_factor(mode, data):
    axes = data.draw(st.sampled_from(AXES.get(mode, [1, 2, 3])))
    x = draw_images(data, axes, mode)
    factor = st.sampled_from([0.5, 2, 3, 1.0, 0.3, 4 / 3]) | st.floats(0.2, 2.5)
    factors = data.draw(st.lists(factor, min_size=axes, max_size=axes))
    recompute = data.draw(st.sampled_from([None, False, True]))
    if not recompute and mode != "area" and not consistent(x, factors, mode):
        return
    factors = factors[0] if len(set(factors)) == 1 else factors
    same_size(x, mode, {"scale_factor": factors, "align_corners": draw_corners(data, mode),
                        "recompute_scale_factor": recompute})


@given(st.data())
def test_interpolate_antialias(data):
    """Images are at least 2 wide, before and after: PyTorch reads the wrong pixels of those that are 1 wide."""
    mode = data.draw(st.sampled_from(["bilinear", "bicubic", "nearest"]))
    x = data.draw(arrays((data.draw(sides(0, 2)), 1, data.draw(sides(4, 8)), data.draw(sides(4, 8)))))
    where = {"size": (data.draw(sides(1, 8)), data.draw(sides(2, 8)))} if data.draw(st.booleans()) else \
        {"scale_factor": data.draw(st.sampled_from([0.5, 0.6, 0.8, 1.0, 1.7, 2]))}
    same_size(x, mode, {**where, "antialias": True, "align_corners": draw_corners(data, mode)})


@given(st.data())
def test_upsample(data):
    mode = data.draw(st.sampled_from(["nearest", "bilinear", "bicubic"]))
    factor = data.draw(st.sampled_from([2, 3, (2, 3)]))
    same("upsample", [draw_images(data, 2, mode)], {"scale_factor": factor, "mode": mode}, float32=mode == "nearest")


@pytest.mark.parametrize("name", ["Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"])
@given(data=st.data())
def test_upsampling_layers(name, data):
    import torch

    options = data.draw(st.sampled_from([{"size": 5}, {"size": (4, 3)}, {"scale_factor": 2}, {"scale_factor": (2, 0.5)},
                                         {"scale_factor": 1.7}]))
    if name == "Upsample":
        mode = data.draw(st.sampled_from(["nearest", "nearest-exact", "bilinear", "bicubic", "area"]))
        recompute = None if "size" in options else data.draw(st.sampled_from([None, True]))
        options |= {"mode": mode, "recompute_scale_factor": recompute, "align_corners": draw_corners(data, mode)}
    layers = [getattr(library, name)(**options) for library in (nn, torch.nn)]
    assert repr(layers[0]) == repr(layers[1])
    x = data.draw(arrays((data.draw(sides(0, 2)), 2, data.draw(sides(2, 4)), data.draw(sides(2, 5)))))
    if consistent(x, [1.7, 1.7], options.get("mode", "nearest")) or options.get("scale_factor") != 1.7:
        same_layer(*layers, [x], second=options.get("mode") != "area")


# --- pixels and channels ----------------------------------------------------------------------------------------

def draw_channels(data, channels, lengths):
    """Any axes in front of the channels, and images whose lengths are drawn from `lengths`."""
    front = data.draw(st.lists(sides(0, 2), max_size=2))
    return data.draw(arrays((*front, data.draw(channels), data.draw(lengths), data.draw(lengths))))


def no_gradient(x):
    """The positions of inputs without a gradient: PyTorch's of nothing comes out with another shape, or not at all."""
    return () if x.size else (0,)


@given(st.data())
def test_pixel_shuffle(data):
    import torch

    r = data.draw(sides(-1, 3))
    x = draw_channels(data, st.sampled_from([0, 1, r * r, 2 * r * r]), sides(0, 3))
    same("pixel_shuffle", [x], {"upscale_factor": r}, constant=no_gradient(x))
    layers = nn.PixelShuffle(r), torch.nn.PixelShuffle(r)
    assert repr(layers[0]) == repr(layers[1])
    same_layer(*layers, [x], constant=no_gradient(x))


@given(st.data())
def test_pixel_unshuffle(data):
    import torch

    r = data.draw(sides(-1, 3))
    x = draw_channels(data, sides(1, 2), st.sampled_from([1, abs(r), 2 * abs(r)]))
    if not x.size:
        return                                              # PyTorch gives what is empty back as it came
    same("pixel_unshuffle", [x], {"downscale_factor": r})
    layers = nn.PixelUnshuffle(r), torch.nn.PixelUnshuffle(r)
    assert repr(layers[0]) == repr(layers[1])
    same_layer(*layers, [x])


@given(st.data())
def test_channel_shuffle(data):
    import torch

    groups = data.draw(sides(1, 3))
    x = data.draw(arrays((data.draw(sides(0, 2)), data.draw(st.sampled_from([0, 4, groups, 2 * groups])),
                          *data.draw(st.lists(sides(0, 3), max_size=3)))))
    same("channel_shuffle", [x, groups], constant=no_gradient(x))
    layers = nn.ChannelShuffle(groups), torch.nn.ChannelShuffle(groups)
    assert repr(layers[0]) == repr(layers[1])
    same_layer(*layers, [x], constant=no_gradient(x))


# --- windows ----------------------------------------------------------------------------------------------------

def draw_windows(data):
    """Options of unfold and fold, each a number or a pair."""
    def drawn(low, high):
        one = st.integers(low, high)
        return data.draw(one | st.tuples(one, one))

    return {"kernel_size": drawn(1, 3), "dilation": drawn(1, 2), "padding": drawn(0, 2), "stride": drawn(1, 3)}


@given(st.data())
def test_unfold(data):
    import torch

    batch = () if data.draw(st.booleans()) else (data.draw(sides(0, 2)),)
    x = data.draw(arrays((*batch, data.draw(sides(0, 2)), data.draw(sides(0, 6)), data.draw(sides(1, 6)))))
    options = draw_windows(data)
    same("unfold", [x], options)
    layers = nn.Unfold(**options), torch.nn.Unfold(**options)
    assert repr(layers[0]) == repr(layers[1])
    same_layer(*layers, [x])


@given(st.data())
def test_fold(data):
    import torch

    options = draw_windows(data)
    size = data.draw(sides(1, 6)), data.draw(sides(1, 6))
    pairs = {key: value if isinstance(value, tuple) else (value, value) for key, value in options.items()}
    counts = [(n + 2 * o - d * (k - 1) - 1) // s + 1 for n, k, d, o, s in zip(size, *pairs.values(), strict=True)]
    batch = () if data.draw(st.booleans()) else (data.draw(sides(0, 2)),)
    wrong = data.draw(st.integers(0, 5)) == 0
    columns = data.draw(sides(0, 2)) * pairs["kernel_size"][0] * pairs["kernel_size"][1]
    x = data.draw(arrays((*batch, columns, max(counts[0] * counts[1], 0) + wrong)))
    same("fold", [x], {"output_size": size, **options})
    layers = nn.Fold(size, **options), torch.nn.Fold(size, **options)
    assert repr(layers[0]) == repr(layers[1])
    same_layer(*layers, [x])
