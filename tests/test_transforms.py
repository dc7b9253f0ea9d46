"""Transforms of batches: beside Pillow, scipy, colorsys, PyTorch and slow loops; masks that follow their images."""

import colorsys
import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from minigrad.data import DataError, Loader, transforms
from minigrad.data.transforms import (
    AUGMENTATIONS,
    CenterCrop,
    ColorJitter,
    Compose,
    Normalize,
    RandomAffine,
    RandomCrop,
    RandomElastic,
    RandomHorizontalFlip,
    RandomQuarterTurn,
    RandomRotation,
    RandomShift,
    RandomVerticalFlip,
    Resize,
    ToFloat,
    Transform,
    augmentation,
)
from minigrad.data.transforms.affine import matrices
from minigrad.data.transforms.color import shift_hue
from minigrad.data.transforms.sampling import sample


def rng(seed=0):
    return np.random.default_rng(seed)


def pictures(n=6, c=3, h=9, w=7, dtype=np.float32, seed=0):
    """Random images: floats from 0 to 1, or bytes."""
    values = rng(seed).random((n, c, h, w))
    return (values * 255).astype(np.uint8) if dtype == np.uint8 else values.astype(dtype)


def smooth(n=2, c=3, h=40, w=30):
    """Images without sharp edges, on which interpolations agree."""
    y, x = np.mgrid[:h, :w] / 10
    waves = np.array([[np.sin(y + i) * np.cos(x - j) for j in range(c)] for i in range(n)])
    return np.rint(waves * 100 + 128).astype(np.uint8)


EVERY = [RandomCrop(5), RandomCrop(padding=2), RandomCrop((4, 6), (1, 2, 3, 4), padding_mode="reflect"), CenterCrop(5),
         RandomShift(2), RandomShift(1, fill=0), RandomHorizontalFlip(), RandomVerticalFlip(0.3), RandomRotation(30),
         RandomRotation((10, 20), "nearest", "edge"), RandomAffine(10, (0.1, 0.2), (0.8, 1.2), (1, 2, -3, 4)),
         ColorJitter(0.4, 0.4, 0.4, 0.2), ColorJitter(brightness=(0.5, 0.9)), Resize(5),
         Resize((12, 3), antialias=False), Resize(4, "nearest"), ToFloat(),
         RandomQuarterTurn(), RandomElastic(1.5), RandomElastic(2, 4, "nearest", 0),
         Compose([RandomHorizontalFlip(), ToFloat(), Normalize(0.5, [0.1, 0.2, 0.3])])]
GEOMETRY = [transform for transform in EVERY if transform.moves]


# --- what holds for all ---------------------------------------------------------------------------------------

def test_every_transform_is_here():
    kinds = {kind for kind in vars(transforms).values() if inspect.isclass(kind) and issubclass(kind, Transform)}
    assert kinds - {Transform, Normalize} == {type(transform) for transform in EVERY}


@pytest.mark.parametrize("transform", EVERY, ids=repr)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_seeded_pure_and_true_to_the_dtype(transform, dtype):
    if dtype != np.uint8 and isinstance(transform, Compose):
        dtype = np.float32
    images, labels = pictures(dtype=dtype), np.arange(6)
    before = images.copy()
    images.flags.writeable = False
    out, kept = transform(images, labels, rng(1))
    again, _ = transform(images, labels, rng(1))
    assert kept is labels and (images == before).all() and (out == again).all()
    assert not np.shares_memory(out, images)
    expected = np.float32 if dtype == np.uint8 and isinstance(transform, (ToFloat, Compose)) else dtype
    assert out.dtype == expected and out.shape[:2] == images.shape[:2] and out.flags.c_contiguous
    strided = np.asfortranarray(images)                             # strides are nobody's business
    np.testing.assert_array_equal(transform(strided, labels, rng(1))[0], out)
    if transform.random and not isinstance(transform, Compose):
        assert (transform(images, labels, rng(2))[0] != out).any()
    assert transform(images[:0], labels[:0], rng())[0].shape == (0, *out.shape[1:])


@pytest.mark.parametrize("transform", EVERY, ids=repr)
def test_repr_makes_it_again(transform):
    made = eval(repr(transform))
    assert repr(made) == repr(transform)
    assert (made(pictures(), None, rng(3))[0] == transform(pictures(), None, rng(3))[0]).all()


def test_repr_reads_well():
    assert repr(RandomCrop(32, padding=4)) == "RandomCrop(32, 4)"
    assert repr(Compose([RandomHorizontalFlip(), ColorJitter(saturation=0.2)])) == \
        "Compose([RandomHorizontalFlip(), ColorJitter(saturation=0.2)])"
    assert repr(Normalize(0.1307, 0.3081)) == "Normalize([0.1307], [0.3081])"


@pytest.mark.parametrize("transform", GEOMETRY, ids=repr)
def test_masks_follow_their_images(transform):
    """A mask that is its image, in whole numbers: wherever a pixel is copied and not mixed, both show the same one."""
    n, h, w = 20, 9, 7
    masks = rng().permuted(np.tile(np.arange(1, h * w + 1), (n, 1)), axis=1).reshape(n, h, w)
    images = masks[:, None].astype(np.float64)
    nearest = eval(repr(transform))
    if hasattr(transform, "interpolation"):
        nearest.interpolation = "nearest"
    out, moved = nearest(images, masks, rng(5))
    assert moved.dtype == masks.dtype and moved.shape == (n, *out.shape[2:]) and moved.flags.c_contiguous
    assert (out[:, 0] == moved).all()
    if len({len(set(mask.ravel().tolist())) for mask in moved}) == 1:
        assert (moved != 0).any()
    mixed, again = transform(images, masks, rng(5))                 # the masks do not mind how images are interpolated
    assert (again == moved).all() and mixed.shape == out.shape


def test_targets_that_are_images_move_and_others_stay():
    images = pictures(4, 1, 8, 8)
    flip = RandomHorizontalFlip(1)
    inputs, targets = flip({"a": images, "n": np.arange(4)}, (images, np.zeros((4, 3)), images[:, :, :4]), rng())
    assert (inputs["a"] == images[..., ::-1]).all() and inputs["n"].tolist() == [0, 1, 2, 3]
    assert (targets[0] == images[..., ::-1]).all() and not targets[1].any() and (targets[2] == images[:, :, :4]).all()
    masks = rng().integers(0, 3, (4, 8, 8))
    assert (ColorJitter(0.5)(images, masks, rng())[1] is masks) and (ToFloat()(images, masks)[1] is masks)
    assert (flip(images, masks > 1, rng())[1] == (masks > 1)[..., ::-1]).all()


def test_in_a_loader_workers_change_nothing():
    images, masks = pictures(30, 3, 12, 12, np.uint8), rng().integers(0, 2, (30, 12, 12))
    augment = Compose([RandomCrop(10, 1), RandomAffine(10), ColorJitter(0.1, 0.1, 0.1, 0.1)])
    one, other = [list(Loader((images, masks), 8, True, 3, workers=workers, transform=augment)) for workers in (0, 2)]
    for (x, y), (u, v) in zip(one, other, strict=True):
        assert (x == u).all() and (y == v).all() and x.shape[1:] == (3, 10, 10) and x.dtype == np.uint8


# --- crops, flips, shifts -------------------------------------------------------------------------------------

@pytest.mark.parametrize(("mode", "fill"), [("constant", 0), ("constant", 7), ("edge", 0), ("reflect", 0)])
def test_random_crop_takes_every_part(mode, fill):
    images = pictures(300, 2, 5, 4, np.uint8)
    out, _ = RandomCrop((4, 5), (1, 2, 3, 0), fill, mode)(images, None, rng())      # left, top, right, bottom
    options = {"constant_values": fill} if mode == "constant" else {}
    framed = np.pad(images, ((0, 0), (0, 0), (2, 0), (1, 3)), mode, **options)      # 7 x 8
    seen = set()
    for image, frame in zip(out, framed, strict=True):
        places = [(i, j) for i in range(4) for j in range(4) if (frame[:, i:i + 4, j:j + 5] == image).all()]
        assert places
        seen.update(places)
    assert len(seen) == 16


@pytest.mark.parametrize("transform", GEOMETRY, ids=repr)
def test_targets_of_every_pixel_move_in_whatever_form_they_come(transform):
    """Masks with an axis of channels, as binary_cross_entropy wants them, and maps of floats, as a regression does."""
    images, masks = pictures(), rng().integers(0, 3, (6, 9, 7))
    _, moved = transform(images, masks, rng(5))
    assert moved.shape != masks.shape or (moved != masks).any()
    for form in (masks[:, None], np.stack([masks, masks], 1), masks[:, None] == 1):
        _, same = transform(images, form, rng(5))
        expected = moved[:, None] if form.dtype != bool else moved[:, None] == 1
        assert same.dtype == form.dtype and (same == np.broadcast_to(expected, same.shape)).all()
    depth = images[:, 0]
    out, other = transform(images, depth, rng(5))
    assert other.dtype == depth.dtype and other.shape == (6, *out.shape[2:]) and np.allclose(other, out[:, 0])
    words = np.zeros((6, 4, 5), np.float32)
    assert transform(images, words, rng(5))[1] is words
    with pytest.raises(DataError, match=r"expected masks \(6, 9, 7\), as the images are, \(6, 1, 4, 4\) came"):
        transform(images, np.zeros((6, 1, 4, 4), int), rng(5))


def test_masks_have_a_fill_of_their_own():
    images, masks = np.ones((50, 1, 4, 4)), np.ones((50, 4, 4), int)
    for transform in (RandomCrop(4, 2, fill=5, mask_fill=-100), RandomShift(2, fill=5, mask_fill=-100),
                      RandomRotation((45, 45), "nearest", 5, -100),
                      RandomAffine(0, (0.5, 0.5), None, None, "nearest", 5, -100)):
        out, moved = transform(images, masks, rng())
        assert set(np.unique(out)) == {1, 5} and set(np.unique(moved)) == {1, -100}
        assert ((out[:, 0] == 5) == (moved == -100)).all()
        with pytest.raises(DataError, match="a fill that fits in uint8, -100 came: make .* masks int64"):
            transform(images, masks.astype(np.uint8), rng())
    _, moved = RandomShift(2, mask_fill=-100)(images, masks, rng())
    assert (moved == 1).all()                                       # "edge" holds for both


def test_random_shift_is_a_crop_of_the_framed_image():
    images = pictures(200, 1, 5, 5)
    out, _ = RandomShift(1)(images, None, rng())
    framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), "edge")
    seen = {(i, j) for image, frame in zip(out, framed, strict=True) for i in range(3) for j in range(3)
            if (frame[:, i:i + 5, j:j + 5] == image).all()}
    assert len(seen) == 9
    assert (RandomShift(0)(images, None, rng())[0] == images).all()


@pytest.mark.parametrize(("kind", "axis"), [(RandomHorizontalFlip, 3), (RandomVerticalFlip, 2)])
def test_flips(kind, axis):
    images = pictures(1000, 1, 3, 4)
    out, _ = kind(0.3)(images, None, rng())
    flipped = (out == np.flip(images, axis)).all((1, 2, 3))
    assert ((out == images).all((1, 2, 3)) != flipped).all() and 250 < flipped.sum() < 350
    assert (kind(0)(images, None, rng())[0] == images).all()
    assert (kind(1)(images, None, rng())[0] == np.flip(images, axis)).all()


def test_center_crop():
    images = pictures(2, 3, 9, 7)
    assert (CenterCrop(5)(images)[0] == images[:, :, 2:7, 1:6]).all()
    assert (CenterCrop((4, 7))(images)[0] == images[:, :, 2:6]).all()       # 2.5 is rounded to 2, as in torchvision


# --- affine ---------------------------------------------------------------------------------------------------

def test_quarter_turns_are_exact():
    images = pictures(3, 2, 6, 6, np.uint8)
    for degrees, k in ((90, 1), (180, 2), (-90, 3), (360, 0)):              # counter-clockwise
        for interpolation in ("bilinear", "nearest"):
            out, _ = RandomRotation((degrees, degrees), interpolation)(images, None, rng())
            assert (out == np.rot90(images, k, (2, 3))).all()
    out, _ = RandomAffine((90, 90), interpolation="nearest")(images, None, rng())       # clockwise, as in torchvision
    assert (out == np.rot90(images, 3, (2, 3))).all()


@pytest.mark.parametrize("degrees", [-33, 10, 45, 100])
@pytest.mark.parametrize(("interpolation", "most"), [("bilinear", 1), ("nearest", 14)])
def test_rotation_beside_pillow(interpolation, most, degrees):
    """Pillow turns counter-clockwise too, about the same centre. It rounds otherwise, and decides ties otherwise."""
    images = smooth()
    out, _ = RandomRotation((degrees, degrees), interpolation)(images, None, rng())
    y, x = np.mgrid[:40, :30]
    inside = (y - 19.5) ** 2 + (x - 14.5) ** 2 < 13 ** 2                    # what stays in the image
    for image, turned in zip(images, out, strict=True):
        picture = Image.fromarray(image.transpose(1, 2, 0))
        expected = np.asarray(picture.rotate(degrees, getattr(Image.Resampling, interpolation.upper())))
        away = abs(turned.transpose(1, 2, 0).astype(int) - expected)[inside]
        assert away.max() <= most and (away > 1).mean() < 0.03


def test_sampling_beside_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    images = pictures(2, 3, 8, 11, np.float64)
    rows, columns = rng(1).uniform(-3, 11, (2, 2, 5, 6)).astype(np.float32)
    rows[:, 0, 0], columns[:, 0, 0] = 7, 10                         # on the last pixel
    for fill, options in (("edge", {"mode": "nearest"}), (0.25, {"mode": "grid-constant", "cval": 0.25})):
        for interpolation, order in (("bilinear", 1), ("nearest", 0)):
            out = sample(images, rows, columns, interpolation, fill)
            for i in range(2):
                for k in range(3):
                    expected = ndimage.map_coordinates(images[i, k], [rows[i], columns[i]], order=order, **options)
                    np.testing.assert_allclose(out[i, k], expected, atol=1e-5)


@pytest.mark.parity
def test_affine_beside_pytorch():
    """grid_sample through the matrix that torchvision makes, written out here as it does."""
    torch = pytest.importorskip("torch")
    images = pictures(1, 2, 12, 10, np.float64)
    h, w = images.shape[2:]
    draws = rng(2)
    for interpolation in ("bilinear", "nearest"):
        for _ in range(5):
            angle, scale, sx, sy = draws.uniform(-60, 60), draws.uniform(0.6, 1.5), *draws.uniform(-20, 20, 2)
            moved = RandomAffine((angle, angle), None, (scale, scale), (sx, sx, sy, sy), interpolation)
            out, _ = moved(images, None, rng())
            rot, sx, sy = [np.radians(x) for x in (angle, sx, sy)]
            a, b = np.cos(rot - sy) / np.cos(sy), -np.cos(rot - sy) * np.tan(sx) / np.cos(sy) - np.sin(rot)
            c, d = np.sin(rot - sy) / np.cos(sy), -np.sin(rot - sy) * np.tan(sx) / np.cos(sy) + np.cos(rot)
            theta = np.array([[d, -b, 0], [-c, a, 0]]) / scale
            x = np.linspace(-w * 0.5 + 0.5, w * 0.5 - 0.5, w)
            y = np.linspace(-h * 0.5 + 0.5, h * 0.5 - 0.5, h)
            base = np.stack([*np.meshgrid(x, y), np.ones((h, w))], -1)
            grid = base @ (theta.T / [0.5 * w, 0.5 * h])
            expected = torch.nn.functional.grid_sample(
                torch.from_numpy(images), torch.from_numpy(grid[None]), interpolation, "zeros", align_corners=False)
            np.testing.assert_allclose(out, expected.numpy(), atol=1e-4)


@given(st.floats(-180, 180), st.floats(0.5, 2), st.floats(-45, 45), st.floats(-45, 45))
def test_matrices_undo_what_they_say(angle, scale, shear_x, shear_y):
    """They are the inverse of scale * rotation * shears, on (row, column)."""
    one = np.ones(1)
    (inverse,) = matrices(angle * one, scale * one, shear_x * one, shear_y * one)
    t, tx, ty = np.radians(angle), np.tan(np.radians(shear_x)), np.tan(np.radians(shear_y))
    turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])              # on (x, y), y downwards
    forward = scale * turn @ np.array([[1, 0], [-ty, 1]]) @ np.array([[1, -tx], [0, 1]])
    swapped = forward[::-1, ::-1]
    np.testing.assert_allclose(swapped @ inverse, np.eye(2), atol=1e-9)


def test_affine_ranges():
    """On images that are their own coordinates every pixel tells where it came from."""
    n, side = 400, 41
    row, column = np.mgrid[:side, :side].astype(float) - side // 2
    images = np.repeat(np.stack([row, column])[None], n, 0)
    out, _ = RandomAffine(0, (0.1, 0.2))(images, None, rng(1))
    came = -out[:, :, side // 2, side // 2]                         # (n, 2): down by up to 0.2 h, right by up to 0.1 w
    assert 8 < abs(came[:, 0]).max() <= 8.2 + 1e-4 and 4 < abs(came[:, 1]).max() <= 4.1 + 1e-4
    out, _ = RandomAffine(0, scale=(0.5, 0.8))(images, None, rng(2))
    grew = 1 / (out[:, 0, side // 2 + 1, side // 2] - out[:, 0, side // 2, side // 2])
    assert 0.5 <= grew.min() < 0.51 and 0.79 < grew.max() <= 0.8001
    out, _ = RandomRotation((20, 50))(images, None, rng(3))
    angle = np.degrees(np.arctan2(out[:, 1, side // 2 + 5, side // 2], out[:, 0, side // 2 + 5, side // 2]))
    assert 20 - 1e-3 <= abs(angle).min() < 21 and 49 < abs(angle).max() <= 50 + 1e-3


# --- colour ---------------------------------------------------------------------------------------------------

def jittered(images, **factors):
    """With exactly these factors."""
    exact = {name: (f, f) for name, f in factors.items()}
    return ColorJitter(**exact)(images, None, rng())[0]


@pytest.mark.parametrize("factor", [0, 0.4, 1, 1.7])
@pytest.mark.parametrize(("name", "enhance"), [
    ("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast), ("saturation", ImageEnhance.Color)])
def test_jitter_beside_pillow(name, enhance, factor):
    """Pillow cuts fractions off, and its grey is 0.299, 0.587, 0.114: two steps of 255, times the factor."""
    images = pictures(3, 3, 20, 20, np.uint8)
    images[:, 2] //= 4                              # the mean luminance is not the mean of the channels
    for image, out in zip(images, jittered(images, **{name: factor}), strict=True):
        expected = np.asarray(enhance(Image.fromarray(image.transpose(1, 2, 0))).enhance(factor)).transpose(2, 0, 1)
        assert abs(out.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0, 0.1, 0.5])
def test_hue_beside_colorsys(turn):
    images = pictures(2, 3, 5, 4, np.float64)
    images[0, :, 0] = 0.3                                           # grey, and ties of two channels
    images[0, 1, 1] = images[0, 0, 1]
    images[0, 2, 2] = images[0, 1, 2]
    out = jittered(images, hue=turn)
    for i, y, x in np.ndindex(2, 5, 4):
        h, s, v = colorsys.rgb_to_hsv(*images[i, :, y, x])
        expected = colorsys.hsv_to_rgb((h + np.float64(np.float32(turn))) % 1, s, v)
        np.testing.assert_allclose(out[i, :, y, x], expected, atol=1e-6)


@given(st.floats(-0.5, 0.5))
def test_hue_turns_back(turn):
    images, turns = pictures(dtype=np.float64), np.full((6, 1, 1, 1), turn)
    np.testing.assert_allclose(shift_hue(shift_hue(images, turns), -turns), images, atol=1e-9)


def test_bytes_and_floats_agree():
    images = pictures(8, 3, 6, 6, np.uint8)
    jitter = ColorJitter(0.4, 0.4, 0.4, 0.3)
    floats, _ = jitter(images.astype(np.float32) / 255, None, rng(2))
    assert (np.rint(floats * 255) == jitter(images, None, rng(2))[0]).all()
    assert floats.min() >= 0 and floats.max() <= 1


def test_the_order_is_random_and_matters():
    """Brightness 2 then contrast 0.5 is not contrast 0.5 then brightness 2: both are seen, in one batch."""
    images = np.repeat(pictures(1, 3, 4, 4), 64, 0)
    out = jittered(images, brightness=2, contrast=0.5)
    bright = (images * 2).clip(0, 1)
    first = jittered(bright, contrast=0.5)
    second = (jittered(images, contrast=0.5) * 2).clip(0, 1)
    is_first, is_second = [np.isclose(out, x, atol=1e-6).all((1, 2, 3)) for x in (first, second)]
    assert (is_first ^ is_second).all() and 10 < is_first.sum() < 54


def test_factors_are_drawn_for_each_image_within_their_range():
    images = np.full((500, 3, 1, 1), 0.5)
    factor = ColorJitter(0.3)(images, None, rng())[0][:, 0, 0, 0] / 0.5
    assert 0.7 <= factor.min() < 0.71 and 1.29 < factor.max() <= 1.3
    factor = ColorJitter(1.5)(images, None, rng())[0][:, 0, 0, 0] / 0.5      # 1 - 1.5 is not below 0
    assert 0 <= factor.min() < 0.02
    assert (ColorJitter()(images, None, rng())[0] == images).all()


def test_grey_images_have_no_hue():
    images = pictures(5, 1, 4, 4)
    np.testing.assert_array_equal(ColorJitter(saturation=0.9, hue=0.5)(images, None, rng())[0], images)
    assert (ColorJitter(contrast=0.9)(images, None, rng())[0] != images).any()


# --- values and sizes -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("size", [(20, 15), (80, 60), (11, 60), (40, 30), (1, 1), (7, 64)])
def test_resize_beside_pillow(size):
    images = pictures(2, 3, 40, 30, np.uint8)
    out, _ = Resize(size)(images)
    nearest, _ = Resize(size, "nearest")(images)
    _, masks = Resize(size)(images, images[:, 0].astype(np.int64))
    for i, image in enumerate(images):
        picture = Image.fromarray(image.transpose(1, 2, 0))
        expected = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        assert abs(out[i].astype(int) - expected).max() <= 1        # Pillow rounds between its two passes
        expected = np.asarray(picture.resize(size[::-1], Image.Resampling.NEAREST)).transpose(2, 0, 1)
        assert (nearest[i] == expected).all() and (masks[i] == expected[0]).all()


@pytest.mark.parity
@given(st.integers(2, 20), st.integers(2, 20), st.integers(2, 20), st.integers(2, 20), st.booleans())
def test_resize_beside_pytorch(h, w, p, q, antialias):
    """From 2 pixels on: where there is one column alone, PyTorch's antialias forgets about the rows."""
    torch = pytest.importorskip("torch")
    images = pictures(2, 2, h, w, np.float64)
    expected = torch.nn.functional.interpolate(torch.from_numpy(images), (p, q), mode="bilinear", antialias=antialias)
    np.testing.assert_allclose(Resize((p, q), antialias=antialias)(images)[0], expected.numpy(), atol=1e-6)
    expected = torch.nn.functional.interpolate(torch.from_numpy(images), (p, q), mode="nearest-exact")
    np.testing.assert_array_equal(Resize((p, q), "nearest")(images)[0], expected.numpy())


def test_resize_the_shorter_side():
    assert Resize(10)(pictures(1, 1, 40, 31))[0].shape == (1, 1, 12, 10)
    assert Resize(10)(pictures(1, 1, 31, 40))[0].shape == (1, 1, 10, 12)


def test_to_float_and_normalize():
    images = pictures(dtype=np.uint8)
    out, _ = Compose([ToFloat(), Normalize([0.1, 0.2, 0.3], 0.5 * np.ones(3))])(images)
    expected = (images / 255 - np.array([0.1, 0.2, 0.3])[:, None, None]) / 0.5
    np.testing.assert_allclose(out, expected, atol=1e-6)
    assert out.dtype == np.float32
    normal, _ = Compose([ToFloat(), Normalize.of(images)])(images)
    np.testing.assert_allclose(normal.mean((0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(normal.std((0, 2, 3)), 1, atol=1e-6)


def test_presets():
    names = ["none", "crop-flip", "affine", "flip-turn", "elastic"]
    assert list(AUGMENTATIONS) == names == list(transforms.presets.ABOUT)
    assert augmentation("none") is None
    for name in names[1:]:
        for images in (pictures(8, 3, 32, 32, np.uint8), pictures(8, 1, 28, 28)):
            out, labels = augmentation(name)(images, np.arange(8), rng())
            assert out.shape == images.shape and out.dtype == images.dtype and (out != images).any()
    with pytest.raises(DataError, match="augmentation: expected one of none, crop-flip, affine, flip-turn, el"):
        augmentation("flip")


def test_quarter_turns():
    images = pictures(200, 2, 5, 5)
    out, _ = RandomQuarterTurn()(images, None, rng())
    turns = [next(k for k in range(4) if (np.rot90(a, k, (1, 2)) == b).all()) for a, b in zip(images, out, strict=True)]
    assert set(turns) == {0, 1, 2, 3}
    wide = pictures(50, 1, 4, 6)
    assert {bool((a == b).all()) or (a[:, ::-1, ::-1] == b).all() for a, b in
            zip(wide, RandomQuarterTurn()(wide, None, rng())[0], strict=True)} == {True}


def test_elastic_bends_smoothly_and_by_its_deviation():
    """A ramp shows where each pixel came from: by std on average at the grid's points, and neighbours nearly alike."""
    side, std = 61, 3.0
    ramp = np.broadcast_to(np.arange(side, dtype=np.float64)[:, None], (400, 1, side, side))
    moved = RandomElastic(std)(ramp, None, rng())[0][:, 0, 5:-5] - np.arange(5.0, side - 5)[:, None]
    middle = moved[:, side // 2 - 5, side // 2]                     # on the middle point of the grid
    assert abs(middle.std() - std) < 0.4 and abs(middle.mean()) < 0.5
    assert abs(np.diff(moved, axis=2)).max() < 1.2
    assert (RandomElastic(0)(ramp, None, rng())[0] == ramp).all()


@pytest.mark.parametrize("points", [2, 3, 6])
def test_splines_go_through_their_points(points):
    from minigrad.data.transforms.elastic import splines

    values, n = rng().normal(size=points), 5 * (points - 1) + 1
    np.testing.assert_allclose((splines(n, points) @ values)[::5], values)
    np.testing.assert_allclose(splines(n, points).sum(1), 1)


# --- errors ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("make", "says"), [
    (lambda: RandomElastic(-1), "RandomElastic: expected std from 0 to"),
    (lambda: RandomElastic(grid=1), "RandomElastic: expected grid, a number of points, a whole number from 2 on, 1"),
    (lambda: RandomCrop(0), "RandomCrop: expected a size, a whole number from 1 on, 0 came"),
    (lambda: RandomCrop((1, 2, 3)), r"RandomCrop: expected a size as an int or \(h, w\), \(1, 2, 3\) came"),
    (lambda: RandomCrop(3, (1, 2, 3)), r"padding as an int, .*\(1, 2, 3\) came"),
    (lambda: RandomCrop(3, -1), "RandomCrop: expected padding, a whole number from 0 on, -1 came"),
    (lambda: RandomCrop(3, 1, padding_mode="wrap"), "padding_mode to be one of constant, edge, .* 'wrap' came"),
    (lambda: CenterCrop(None), "CenterCrop: expected a size .* None came"),
    (lambda: Resize(None), "Resize: expected a size .* None came"),
    (lambda: Resize(3, "bicubic"), "interpolation to be one of bilinear, nearest, 'bicubic' came"),
    (lambda: RandomShift(1.5), "RandomShift: expected pixels, a whole number from 0 on, 1.5 came"),
    (lambda: RandomShift(1, "reflect"), 'RandomShift: expected fill, "edge" or a number from .* \'reflect\' came'),
    (lambda: RandomHorizontalFlip(1.1), "RandomHorizontalFlip: expected a probability from 0 to 1, 1.1 came"),
    (lambda: RandomVerticalFlip("1"), "RandomVerticalFlip: expected a probability from 0 to 1, '1' came"),
    (lambda: RandomRotation(-3), r"RandomRotation: expected degrees, a number or \(low, high\) from 0 to 360, -3 came"),
    (lambda: RandomRotation((3, 1)), r"RandomRotation: expected degrees as \(low, high\), \(3, 1\) came"),
    (lambda: RandomRotation(3, "cubic"), "RandomRotation: expected interpolation to be one of"),
    (lambda: RandomAffine(0, 0.1), r"RandomAffine: expected translate as \(a, b\)"),
    (lambda: RandomAffine(0, (0.1, 2)), "RandomAffine: expected translate from 0 to 1, 2 came"),
    (lambda: RandomAffine(0, scale=2), r"RandomAffine: expected scale as \(low, high\), 2 came"),
    (lambda: RandomAffine(0, scale=(0, 2)), "RandomAffine: expected scale from 0.01 to 100, 0 came"),
    (lambda: RandomAffine(0, shear=90), "RandomAffine: expected shear, .* from 0 to 89, 90 came"),
    (lambda: ColorJitter(-1), "ColorJitter: expected brightness, .* -1 came"),
    (lambda: ColorJitter(hue=0.6), "ColorJitter: expected hue, .* from 0 to 0.5, 0.6 came"),
    (lambda: ColorJitter(contrast=(-1, 1)), "ColorJitter: expected contrast from 0 to 1e.06, -1 came"),
    (lambda: ColorJitter(contrast=float("nan")), "ColorJitter: expected contrast, .* nan came"),
    (lambda: Normalize(0, 0), "Normalize: expected a positive std"),
    (lambda: Normalize([0, 1], [1, 1, 1]), "Normalize: expected a mean and a std of one length"),
    (lambda: Compose([3]), "Compose: expected transforms, int came"),
])
def test_arguments_that_are_none(make, says):
    with pytest.raises(DataError, match=says):
        make()


@pytest.mark.parametrize(("transform", "inputs", "says"), [
    (RandomHorizontalFlip(), np.zeros((3, 4, 4)),
     r"RandomHorizontalFlip: expected images \(n, c, h, w\) of uint8 or floats, \(3, 4, 4\) of float64 came"),
    (RandomHorizontalFlip(), np.zeros((1, 3, 4, 4), int), r"\(1, 3, 4, 4\) of int64 came"),
    (RandomHorizontalFlip(), None, "nothing came"),
    (RandomHorizontalFlip(), (np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 3, 2))),
     r"images of one size among the inputs, \(1, 1, 2, 2\), \(1, 1, 3, 2\) came"),
    (RandomCrop(9), np.zeros((1, 1, 8, 9)), "images of 9 x 9 pixels or more, with the padding, 8 x 9 came"),
    (CenterCrop(9), np.zeros((1, 1, 8, 9)), "images of 9 x 9 pixels or more, 8 x 9 came"),
    (ColorJitter(0.1), np.zeros((1, 2, 8, 9)), "images of 1 or 3 channels, 2 came"),
    (ColorJitter(0.1), np.full((1, 1, 2, 2), 1.5), "floats from 0 to 1, 1.5 to 1.5 came: put it before Normalize"),
    (ColorJitter(0.1), np.full((1, 1, 2, 2), np.nan), "floats from 0 to 1, nan to nan came"),
    (Normalize(0, 1), np.zeros((1, 1, 2, 2), np.uint8), r"expected floats, uint8 came: put ToFloat\(\) before it"),
    (Normalize([0, 0], [1, 1]), np.zeros((1, 3, 2, 2)), "expected 2 channels, as there are means for, 3 came"),
    (RandomRotation(3, fill=300), np.zeros((1, 3, 2, 2), np.uint8), "a fill that fits in uint8, 300 came"),
])
def test_images_that_are_none(transform, inputs, says):
    with pytest.raises(DataError, match=says):
        transform(inputs, None, rng())


def test_no_generator_and_masks_of_another_size():
    with pytest.raises(DataError, match="RandomShift: expected a numpy.random.Generator to draw from.* NoneType came"):
        RandomShift(1)(pictures())
    with pytest.raises(DataError, match=r"expected masks \(6, 9, 7\), as the images are, \(6, 4, 4\) came"):
        RandomShift(1)(pictures(), np.zeros((6, 4, 4), int), rng())
    with pytest.raises(TypeError, match="Transform changes nothing: write change"):
        Transform()(pictures(), None, rng())


def test_a_transform_of_ones_own():
    class Invert(Transform):
        random = False

        def change(self, images):
            return 1 - images

    assert (Compose([Invert(), Invert()])(pictures(), 3, rng())[0] == 1 - (1 - pictures())).all()
