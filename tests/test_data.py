"""Readers, splits, batches and augmentation. The MNIST files here are made up; nothing is fetched."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigrad.data import (
    DataError,
    Dataset,
    batches,
    digits,
    mnist,
    random_affine,
    random_shift,
    read_idx,
    stratified_split,
    write_idx,
)
from minigrad.data.idx import DTYPES
from minigrad.data.uci_digits import enlarge

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def rng(seed=0):
    return np.random.default_rng(seed)


def error_of(path, call=read_idx):
    """The message of the DataError that reading `path` gives: one line that names it."""
    with pytest.raises(DataError) as caught:
        call(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


# --- IDX ------------------------------------------------------------------------------------------------------

@given(hnp.arrays(st.sampled_from([dtype.newbyteorder("=") for dtype in DTYPES.values()]),
                  hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)), st.sampled_from(["a", "a.gz"]))
@settings(deadline=None)
def test_idx_round_trip(tmp_path_factory, array, name):
    path = tmp_path_factory.mktemp("idx") / name
    write_idx(path, array)
    back = read_idx(path)
    assert back.dtype == array.dtype and back.dtype.isnative
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()        # by bits: a NaN too
    back[...] = 0                                   # ours to write


def test_idx_bytes_are_those_of_the_format(tmp_path):
    """By hand, so that reader and writer cannot be wrong together."""
    path = tmp_path / "a"
    path.write_bytes(bytes.fromhex("00000B02" "00000002" "00000003" "0001 FFFF 0100 0002 0003 7FFF".replace(" ", "")))
    expected = np.array([[1, -1, 256], [2, 3, 32767]], np.int16)
    assert (read_idx(path) == expected).all()
    write_idx(tmp_path / "b", expected)
    assert (tmp_path / "b").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float16, np.bool_, np.complex64])
def test_idx_refuses_to_write_what_it_cannot_hold(tmp_path, dtype):
    assert np.dtype(dtype).name in error_of(tmp_path / "a", lambda path: write_idx(path, np.zeros(3, dtype)))
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_idx_cut_anywhere_is_truncated(tmp_path, name):
    write_idx(tmp_path / "whole", np.arange(6, dtype=np.int32).reshape(2, 3))
    content = (tmp_path / "whole").read_bytes()
    assert len(content) == 4 + 8 + 24
    path = tmp_path / name
    for length in range(len(content)):              # inside the magic number, the sizes and the numbers
        part = content[:length]
        path.write_bytes(gzip.compress(part) if name.endswith("gz") else part)
        assert "truncated" in error_of(path), length


def test_idx_cut_gzip_stream_is_an_error_everywhere(tmp_path):
    path = tmp_path / "a.gz"
    write_idx(path, rng().integers(0, 256, (3, 5, 5)).astype(np.uint8))
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        message = error_of(path)
        assert "truncated" in message if length >= 2 else "expected gzip" in message, length


def test_idx_damaged_gzip(tmp_path):
    path = tmp_path / "a.gz"
    write_idx(path, rng().integers(0, 256, (3, 5, 5)).astype(np.uint8))
    content = bytearray(path.read_bytes())
    content[-6] ^= 1                                # the checksum
    path.write_bytes(content)
    assert "damaged gzip" in error_of(path)
    content[12] ^= 0xFF                             # the compressed bytes
    path.write_bytes(content)
    assert "damaged gzip" in error_of(path) or "truncated" in error_of(path)


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_idx_trailing_bytes(tmp_path, name):
    write_idx(tmp_path / "whole", np.zeros((2, 3), np.uint8))
    content = (tmp_path / "whole").read_bytes() + b"\0"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    message = error_of(tmp_path / name)
    assert "trailing bytes" in message and "2 x 3 of uint8, 6 bytes" in message


@pytest.mark.parametrize("magic", ["01000803", "00010803", "00000003", "00000A03", "00000F03", "00000800", "00000841",
                                   "03080000", "89504E47"])
def test_idx_bad_magic(tmp_path, magic):
    (tmp_path / "a").write_bytes(bytes.fromhex(magic) + bytes(400))
    message = error_of(tmp_path / "a")
    assert "bad magic" in message and f"0x{magic.lower()}" in message


def test_idx_names_and_contents_must_agree_about_gzip(tmp_path):
    write_idx(tmp_path / "plain", np.zeros(3, np.uint8))
    (tmp_path / "plain").rename(tmp_path / "plain.gz")
    assert "expected gzip" in error_of(tmp_path / "plain.gz")
    write_idx(tmp_path / "packed.gz", np.zeros(3, np.uint8))
    (tmp_path / "packed.gz").rename(tmp_path / "packed")
    assert "gzip came: add .gz" in error_of(tmp_path / "packed")


@pytest.mark.parametrize("sizes", ["FFFFFFFF" * 4, "00000000" + "FFFFFFFF" * 3])
def test_idx_sizes_beyond_reason_reserve_no_memory(tmp_path, sizes):
    (tmp_path / "a").write_bytes(bytes.fromhex("00000E04" + sizes))
    assert "4294967295 x 4294967295" in error_of(tmp_path / "a")


def test_idx_missing_file_and_folder(tmp_path):
    assert "cannot be read: No such file" in error_of(tmp_path / "nothing")
    assert "cannot be read: Is a directory" in error_of(tmp_path)


# --- MNIST ----------------------------------------------------------------------------------------------------

def write_mnist(root, suffix="", separator="-", counts=(12, 7)):
    """Four made-up files; returns their arrays in the order of NAMES."""
    arrays = []
    for count in counts:
        images = rng(count).integers(0, 256, (count, 28, 28))
        arrays += [images.astype(np.uint8), (np.arange(count) % 10).astype(np.uint8)]
    for name, array in zip(NAMES, arrays, strict=True):
        write_idx(root / (name.replace("-idx", f"{separator}idx") + suffix), array)
    return arrays


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("separator", ["-", "."])
def test_mnist_reads_the_names_that_people_have(tmp_path, suffix, separator):
    arrays = write_mnist(tmp_path, suffix, separator)
    for part, images, labels in zip(mnist(tmp_path), arrays[::2], arrays[1::2], strict=True):
        assert part.images.shape == (len(images), 1, 32, 32) and part.images.dtype == np.float32
        assert part.labels.dtype == np.int64 and (part.labels == labels).all()
        expected = np.pad(images / 255, ((0, 0), (2, 2), (2, 2))) * 1.275 - 0.1     # paper -0.1, ink 1.175
        np.testing.assert_allclose(part.images[:, 0], expected, rtol=0, atol=1e-6)
        np.testing.assert_allclose(part.images[:, 0, 2:-2, 2:-2] * part.std + part.mean, images / 255, atol=1e-6)
        assert part.classes == tuple("0123456789")


def test_mnist_prefers_the_plain_file(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(b"not read")
    assert len(mnist(str(tmp_path)).train) == 12


def test_mnist_where_nothing_can_be_looked_into(tmp_path, monkeypatch):
    def forbidden(self, **options):
        raise PermissionError(13, "Permission denied", str(self))

    message = error_of(tmp_path / ("a" * 300), mnist)
    assert "cannot be looked into: File name too long" in message or "no such folder" in message
    for test in ("is_dir", "is_file"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, test, forbidden)
            assert error_of(tmp_path, mnist).endswith("it cannot be looked into: Permission denied")


def test_mnist_without_its_files(tmp_path):
    message = error_of(tmp_path / "nowhere", mnist)
    assert "no such folder" in message and all(name in message for name in NAMES)
    write_mnist(tmp_path)
    assert "a file came" in error_of(tmp_path / NAMES[0], mnist)
    (tmp_path / NAMES[1]).unlink()
    assert f"{NAMES[1]} is missing" in error_of(tmp_path, mnist)
    (tmp_path / NAMES[2]).unlink()
    assert f"{NAMES[1]}, {NAMES[2]} are missing" in error_of(tmp_path, mnist)


def mnist_error(root, name):
    """The message about file `name` in folder `root`."""
    message = error_of(root, mnist)
    assert message.startswith(f"{root / name}: ")
    return message


def test_mnist_swapped_files(tmp_path):
    arrays = write_mnist(tmp_path)
    write_idx(tmp_path / NAMES[0], arrays[1])
    write_idx(tmp_path / NAMES[1], arrays[0])
    assert "expected a file of images" in mnist_error(tmp_path, NAMES[0])
    assert "a file of labels came" in mnist_error(tmp_path, NAMES[0])
    write_idx(tmp_path / NAMES[0], arrays[0])       # images where labels belong, only there
    assert "a file of images came" in mnist_error(tmp_path, NAMES[1])


@pytest.mark.parametrize(("which", "array", "says"), [
    (0, np.zeros((12, 28, 27), np.uint8), "12 of 28 x 27 came"),
    (0, np.zeros((0, 28, 28), np.uint8), "0 of 28 x 28 came"),
    (0, np.zeros((12, 784), np.uint8), "uint8 in 2 dimensions came"),
    (0, np.zeros((12, 28, 28), np.float32), "float32 in 3 dimensions came"),
    (3, np.zeros(7, np.int32), "int32 in 1 dimensions came"),
    (3, np.zeros(8, np.uint8), "expected 7 labels"),
    (3, np.array([0, 9, 3, 10, 1, 2, 3], np.uint8), "label 3 is 10"),
])
def test_mnist_wrong_contents(tmp_path, which, array, says):
    write_mnist(tmp_path)
    write_idx(tmp_path / NAMES[which], array)
    assert says in mnist_error(tmp_path, NAMES[which])


# --- UCI digits -----------------------------------------------------------------------------------------------

def test_digits_are_normalised_by_their_training_part():
    pytest.importorskip("sklearn")
    train, test = digits()
    assert train.images.shape == (1438, 1, 32, 32) and test.images.shape == (359, 1, 32, 32)
    assert abs(train.images.mean(dtype=float)) < 1e-5 and abs(train.images.std(dtype=float) - 1) < 1e-5
    assert abs(test.images.mean(dtype=float)) > 1e-5                # its own mean was not looked at
    assert (train.mean, train.std) == (test.mean, test.std)
    ink = np.concatenate([part.images * part.std + part.mean for part in (train, test)])
    assert ink.min() == pytest.approx(0, abs=1e-6) and 0.9 < ink.max() <= 1 + 1e-6
    paper = -train.mean / train.std
    np.testing.assert_allclose(train.images[:, :, [0, 1, -2, -1], :], paper, rtol=1e-5)     # a margin all around
    np.testing.assert_allclose(train.images[:, :, :, [0, 1, -2, -1]], paper, rtol=1e-5)
    assert np.ptp(np.bincount(test.labels)) <= 2


def test_digits_test_part_is_always_the_same():
    datasets = pytest.importorskip("sklearn.datasets")
    (train, test), (_, again) = digits(), digits()
    assert (test.images == again.images).all() and (test.labels == again.labels).all()
    assert test.labels[:20].tolist() == [2, 3, 1, 3, 5, 0, 1, 5, 0, 8, 0, 3, 3, 6, 9, 6, 9, 8, 7, 4]
    assert len(train) + len(test) == len(datasets.load_digits().target)


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'pip install "minigrad\[demo\]"'):
        digits()


def test_enlarge_against_a_slow_loop():
    image = rng().random((3, 3))
    side, scale = 10, 2.5
    expected = np.zeros((side, side))
    for p in range(side):
        for q in range(side):
            u, v = [(i + 0.5 - side / 2) / scale + 1.5 - 0.5 for i in (p, q)]
            for i in range(3):
                for j in range(3):
                    if abs(u - i) < 1 and abs(v - j) < 1:
                        expected[p, q] += (1 - abs(u - i)) * (1 - abs(v - j)) * image[i, j]
    np.testing.assert_allclose(enlarge(image[None], side, scale)[0, 0], expected, atol=1e-12)


# --- datasets, splits, batches --------------------------------------------------------------------------------

def test_dataset_indexing_and_checks():
    images, labels = rng().random((6, 1, 4, 4), np.float32), np.array([0, 1, 1, 0, 1, 0])
    data = Dataset("toy", images, labels, ("a", "b"))
    assert len(data) == 6
    some, some_labels = data[np.array([4, 0])]
    assert (some == images[[4, 0]]).all() and some_labels.tolist() == [1, 0]
    part = data.subset(np.array([1, 2, 5]))
    assert (part.images == images[[1, 2, 5]]).all() and part.labels.tolist() == [1, 1, 0] and part.classes == ("a", "b")
    for wrong in ((images[:, 0], labels), (images.astype(float), labels), (images, labels[:5]),
                  (images, labels.astype(np.int32)), (images, labels + 1), (images, labels - 1)):
        with pytest.raises(DataError, match="toy: expected"):
            Dataset("toy", *wrong, ("a", "b"))


@given(st.lists(st.integers(0, 4), min_size=2, max_size=80), st.floats(0.05, 0.95), st.integers(0, 2**32))
def test_stratified_split_is_one(labels, fraction, seed):
    labels = np.array(labels)
    total = round(len(labels) * fraction)
    if not 0 < total < len(labels):
        with pytest.raises(ValueError, match="leaves both parts"):
            stratified_split(labels, fraction, seed)
        return
    rest, held = stratified_split(labels, fraction, seed)
    assert sorted([*rest, *held]) == list(range(len(labels)))
    assert len(held) == total
    assert (np.diff(rest) > 0).all() and (np.diff(held) > 0).all()
    for k in set(labels.tolist()):
        assert abs((labels[held] == k).sum() - (labels == k).sum() * total / len(labels)) < 1


def test_stratified_split_follows_its_seed_alone():
    labels = rng().integers(0, 10, 500)
    first = stratified_split(labels, 0.2, 7)[1]
    assert (stratified_split(labels, 0.2, 7)[1] == first).all()
    assert (stratified_split(labels, 0.2, 8)[1] != first).any()
    # the same on every machine and with every NumPy
    assert stratified_split(np.zeros(12, int), 0.25, 0)[1].tolist() == [2, 3, 11]


def test_stratified_split_rounds_up_the_largest_remainders():
    labels = np.repeat([0, 1, 2], [19, 11, 10])             # a fifth: 3.8, 2.2, 2.0
    assert np.bincount(labels[stratified_split(labels, 0.2, 0)[1]]).tolist() == [4, 2, 2]


def test_stratified_split_takes_one_label_each():
    with pytest.raises(ValueError, match=r"stratified_split: expected labels \(n,\), \(3, 2\) came"):
        stratified_split(np.zeros((3, 2)), 0.5, 0)


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, 0.001])
def test_stratified_split_refuses_empty_parts(fraction):
    with pytest.raises(ValueError, match="stratified_split: expected a fraction"):
        stratified_split(np.arange(10), fraction, 0)


@given(st.integers(0, 50), st.integers(1, 12), st.booleans(), st.booleans())
def test_batches_give_every_index_once(n, size, shuffle, drop_last):
    parts = list(batches(n, size, rng(3), shuffle, drop_last))
    seen = [int(i) for part in parts for i in part]
    assert len(set(seen)) == len(seen) == (n - n % size if drop_last else n)
    assert all(len(part) == size for part in parts[:-1]) and all(1 <= len(part) <= size for part in parts)
    if not shuffle:
        assert seen == list(range(len(seen)))


def test_batches_shuffle_by_their_generator():
    def order(seed):
        return np.concatenate(list(batches(100, 7, rng(seed)))).tolist()

    assert order(1) == order(1) != order(2)
    assert order(1) != sorted(order(1))


def test_batches_check_at_the_call():
    with pytest.raises(TypeError, match="shuffle=False"):
        batches(3, 2)
    with pytest.raises(ValueError, match="size = 0"):
        batches(3, 0, rng())
    assert [part.tolist() for part in batches(3, 2, shuffle=False)] == [[0, 1], [2]]


# --- augmentation ---------------------------------------------------------------------------------------------

def test_random_shift_moves_whole_images():
    images = rng().random((200, 2, 6, 5), np.float32)
    before = images.copy()
    moved = random_shift(images, rng(1), pixels=1)
    assert moved.shape == images.shape and moved.dtype == images.dtype
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    seen = set()
    for image, frame in zip(moved, padded, strict=True):
        places = [(i, j) for i in range(3) for j in range(3) if (image == frame[:, i:i + 6, j:j + 5]).all()]
        assert len(places) == 1                     # one of the nine shifts, the same for both channels
        seen.update(places)
    assert len(seen) == 9
    assert (images == before).all()


def test_random_affine_of_nothing_is_the_image():
    images = rng().random((5, 3, 7, 8), np.float32)
    same = random_affine(images, rng(), degrees=0, shift=0, scale=0, shear=0)
    np.testing.assert_allclose(same, images, atol=1e-5)
    assert not np.shares_memory(same, images)


def test_random_affine_against_a_slow_loop():
    """Images that are a plane a*row + b*column + c: bilinear interpolation is exact on them, so every pixel tells where
    it came from, and three pixels tell the whole map."""
    n, side = 50, 33
    row, column = np.mgrid[:side, :side].astype(float)
    images = np.repeat(np.stack([row, column])[None], n, 0)         # the two channels are the coordinates
    out = random_affine(images, rng(4), degrees=20, shift=2, scale=0.15, shear=0.1)
    middle = side // 2
    source = out[:, :, middle, middle] - middle                     # (n, 2): minus the move
    assert (abs(source) <= 2 + 1e-5).all() and abs(source).max() > 1.5
    down = out[:, :, middle + 4, middle] - out[:, :, middle, middle]
    right = out[:, :, middle, middle + 4] - out[:, :, middle, middle]
    matrix = np.stack([down, right], 2) / 4                         # (n, 2, 2)
    predicted = np.einsum("nij,j->ni", matrix, [-5, 6]) + out[:, :, middle, middle]
    np.testing.assert_allclose(out[:, :, middle - 5, middle + 6], predicted, atol=1e-3)
    area = np.linalg.det(matrix)                                    # rotation and slant keep it
    assert (area > np.exp(-0.31)).all() and (area < np.exp(0.31)).all() and np.ptp(area) > 0.2
    angle = np.rad2deg(np.arctan2(-matrix[:, 0, 1], matrix[:, 1, 1]))
    assert (abs(angle) <= 20.001).all() and abs(angle).max() > 12


@pytest.mark.parametrize("augment", [random_shift, random_affine])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_augmentation_is_seeded_and_keeps_dtype_and_range(augment, dtype):
    images = rng().random((9, 1, 32, 32)).astype(dtype)
    first, again, other = augment(images, rng(5)), augment(images, rng(5)), augment(images, rng(6))
    assert first.dtype == dtype
    assert (first == again).all() and (first != other).any() and (first != images).any()
    assert images.min() - 1e-6 <= first.min() and first.max() <= images.max() + 1e-6
    assert augment(images[:0], rng()).shape == (0, 1, 32, 32)
    assert augment(images[:, :, :1, :1], rng()).shape == (9, 1, 1, 1)
    assert (augment(images.transpose(0, 1, 3, 2), rng(5)) != first).any()      # strides are nobody's business
    with pytest.raises(ValueError, match=augment.__name__):
        augment(images[0], rng())
    with pytest.raises(ValueError, match=augment.__name__):
        augment((images * 255).astype(np.uint8), rng())
    with pytest.raises(ValueError, match=f"{augment.__name__}.*>= 0"):
        augment(images, rng(), -1)


def test_data_imports_numpy_alone():
    """scikit-learn is optional: importing the package must not need it."""
    import subprocess
    code = "import sys, minigrad.data; print(sorted(set(sys.modules) & {'sklearn', 'scipy', 'matplotlib', 'cupy'}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
