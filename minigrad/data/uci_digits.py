"""The UCI handwritten digits, from the copy inside scikit-learn: nothing to fetch.

E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998. The 1,797
images are that set's test part: 32x32 bitmaps, of which each 4x4 block was counted, which leaves 8x8 numbers from 0 to
16. They are enlarged three times, to 24x24 in the middle of 32x32: about the share of the sheet that MNIST's fill.
"""

from __future__ import annotations

import numpy as np

from .dataset import Dataset, TrainTest
from .splits import stratified_split

SIDE = 32                       # what LeNet-5 reads
SCALE = 3                       # pixels that one of the 8x8 becomes on each side: 24x24 in the middle of 32x32
FULL_INK = 16
TEST_FRACTION = 0.2
TEST_SEED = 0                   # of the split only; never the run's
CLASSES = tuple("0123456789")


def digits() -> TrainTest:
    """The UCI digits: train (1438, 1, 32, 32) and test (359, 1, 32, 32); the training pixels have mean 0, variance 1.

    The test part is a stratified fifth, the same in every call, on every machine and for every seed of a run. The mean
    and the standard deviation that both parts are normalised with are those of the training part.

    Raises ImportError where scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError('the UCI digits come with scikit-learn, which is not installed: pip install "minigrad[demo]"'
                          ) from error
    bunch = load_digits()
    ink = enlarge(bunch.images / FULL_INK)                              # (n, 1, 32, 32)
    labels = bunch.target.astype(np.int64)
    rest, held_out = stratified_split(labels, TEST_FRACTION, TEST_SEED)
    mean, std = float(ink[rest].mean()), float(ink[rest].std())

    def part(name: str, index: np.ndarray) -> Dataset:
        return Dataset(name, ((ink[index] - mean) / std).astype(np.float32), labels[index], CLASSES, mean, std)

    return TrainTest(part("digits train", rest), part("digits test", held_out))


def enlarge(images: np.ndarray, side: int = SIDE, scale: float = SCALE) -> np.ndarray:
    """Bilinear enlargement onto the middle of a larger sheet: images (n, a, a) -> (n, 1, side, side).

    Output pixel i has its centre at u = (i + 1/2 - side/2) / scale + a/2 - 1/2 of the small image, and takes from small
    pixel j the share max(0, 1 - |u - j|), along rows and columns alike. Outside of the small image is paper (0), into
    which the ink fades, as between any two of its pixels.
    """
    a = images.shape[-1]
    centres = (np.arange(side) + 0.5 - side / 2) / scale + a / 2 - 0.5
    share = np.maximum(0, 1 - abs(centres[:, None] - np.arange(a)))     # (side, a)
    return (share @ images @ share.T)[:, None]
