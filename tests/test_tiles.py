"""Drawn cells, and images in tiles: every pixel once, surroundings mirrored, maps put together as they were cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import data
from minigrad.data import Arrays, DataError, Tiles, Tiling
from minigrad.data.tiles import BEYOND, mirrored


def rng(seed=0):
    return np.random.default_rng(seed)


def some(sizes, seed=0):
    """Images (2, h, w) and masks (h, w), as a list of pairs."""
    r = rng(seed)
    return [(r.integers(0, 256, (2, h, w)).astype(np.uint8), r.integers(0, 3, (h, w))) for h, w in sizes]


# --- tiles ----------------------------------------------------------------------------------------------------

SIZES = st.integers(1, 40)


@given(SIZES, SIZES, st.integers(1, 17), st.integers(0, 12), st.sampled_from([0, 1, 4, 16]), st.integers(0, 5))
def test_what_is_cut_is_put_together_again(h, w, size, margin, step, trim):
    """Of tiles whose maps lose up to their margin at each edge, as those of convolutions without padding."""
    tiling, image = Tiling(size, margin, step), rng().random((3, h, w))
    tiles = [tiling.cut(image, i) for i in range(tiling.count(h, w))]
    *_, p, q, m = tiling.parts(h, w)
    assert {tile.shape for tile in tiles} == {(3, p + 2 * m, q + 2 * m)}
    trim = min(trim, m)
    maps = [tile[:, trim:tile.shape[1] - trim, trim:tile.shape[2] - trim] for tile in tiles]
    assert (tiling.joined(maps, h, w) == image).all()
    if step and max(h, w) <= size + 2 * margin:
        assert len(tiles) == 1 and p % step == q % step == 0 and p - h < step


@given(SIZES, SIZES, st.integers(1, 17), st.integers(0, 9), st.sampled_from([0, 4]))
def test_every_pixel_counts_once(h, w, size, margin, step):
    tiling, mask = Tiling(size, margin, step), np.arange(h * w).reshape(h, w)
    seen = np.concatenate([tiling.cut(mask, i, BEYOND).ravel() for i in range(tiling.count(h, w))])
    assert sorted(seen[seen != BEYOND].tolist()) == list(range(h * w))


@given(st.integers(1, 9), st.integers(0, 8))
def test_beyond_its_border_an_image_is_its_mirror_image(n, around):
    row = rng().random((1, n))
    places = mirrored(np.arange(-around, n + around), n)
    assert (row[:, places] == np.pad(row, ((0, 0), (around, around)), "reflect")).all()


def test_tiles_of_images_of_several_sizes():
    pairs = some([(20, 30), (9, 9), (33, 16)])
    tiles = Tiles(pairs, Tiling(16, 4))
    assert len(tiles) == 4 + 1 + 3
    image, mask = tiles[4]                                          # the second image, mirrored
    assert image.shape == (2, 24, 24) and mask.shape == (24, 24)
    assert (image[:, 4:13, 4:13] == pairs[1][0]).all() and (mask[4:13, 4:13] == pairs[1][1]).all()
    assert (image[:, 3, 4:13] == pairs[1][0][:, 1]).all() and (mask[3, 4:13] == pairs[1][1][1]).all()
    assert (tiles[-1][0] == tiles[7][0]).all()
    once = Tiles(pairs, Tiling(16, 4), once=True)
    counted = sum([int((mask != BEYOND).sum()) for _, mask in once])
    assert counted == 20 * 30 + 9 * 9 + 33 * 16
    with pytest.raises(IndexError, match="tiles 0 to 7, 8 came"):
        tiles[8]
    with pytest.raises(DataError, match=r"example 1 is \(2, 9, 9\) and \(9, 8\)"):
        Tiles([pairs[0], (pairs[1][0], pairs[1][1][:, :8])], Tiling(16))


# --- cells ----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def drawn():
    return data.load("cells", n=8, size=64, seed=3)


def test_cells_are_drawn_from_their_seed(drawn):
    again = data.cells(n=8, size=64, seed=3)
    other, more = data.cells(n=8, size=64, seed=4), data.cells(n=9, size=64, seed=3)
    for part, same in zip(drawn, again, strict=True):
        assert isinstance(part, Arrays) and part.classes == ("membrane", "cell") and part.labels is None
        assert (part.inputs == same.inputs).all() and (part.targets == same.targets).all()
    assert (drawn.train.inputs == more.train.inputs[:8]).all()
    assert (drawn.train.inputs != other.train.inputs).any() and (drawn.train.inputs[0] != drawn.test.inputs[0]).any()
    x, y = drawn.train[2]
    assert x.shape == (1, 64, 64) and x.dtype == np.uint8 and y.shape == (64, 64) and y.dtype == np.int64
    assert len(drawn.test) == 2


def test_most_of_the_pixels_are_cells_and_a_threshold_fails(drawn):
    """The best threshold of all on brightness: known only to who knows the masks. It hardly beats the constant answer,
    and finds less than half of the membranes' area."""
    images, masks = drawn.train.inputs[:, 0], drawn.train.targets
    share = masks.mean()
    assert 0.6 < share < 0.85
    answers = [images > threshold for threshold in range(0, 256, 4)]
    accuracy = max([float((answer == masks).mean()) for answer in answers])
    membranes = max([float((~answer & (masks == 0)).sum() / (~answer | (masks == 0)).sum()) for answer in answers])
    assert share < accuracy < 0.88 and membranes < 0.6
    for image, mask in zip(images, masks, strict=True):             # yet membranes are darker, so there is something
        assert image[mask == 0].mean() < image[mask == 1].mean() - 15


@pytest.mark.parametrize(("options", "says"), [({"n": 2}, "n, a whole number from 4 on, 2 came"),
                                               ({"size": 8}, "size, a whole number from 16 on, 8 came"),
                                               ({"seed": -1}, "seed, a whole number from 0 on, -1 came")])
def test_cells_that_cannot_be_drawn(options, says):
    with pytest.raises(DataError, match=f"cells: expected {says}"):
        data.cells(**options)
