"""Drawn cells with their masks: a data set for segmentation that needs no files.

They look like tissue under an electron microscope, as the 30 images of the ISBI challenge of 2012 on which U-Net was
shown: bright cells, dark membranes between them, and in the cells organelles as dark as the membranes, under uneven
light, out of focus and with noise. A threshold on brightness takes the organelles for membranes.
"""

from __future__ import annotations

import numpy as np

from .arrays import Arrays
from .dataset import TrainTest, as_int

CLASSES = ("membrane", "cell")
SPACING = 22.0                  # pixels from one cell to the next, about
WIDTH = 1.5                     # half of a membrane's, in pixels
REACH = 8                       # of an organelle, in pixels
TRAIN, SIDE = 40, 96
TEST_SEED = 10**6               # of the test part's images: no seed of the training part comes near


def cells(*, n: int = TRAIN, size: int = SIDE, seed: int = 0) -> TrainTest:
    """Drawn cells: train n images (1, size, size) uint8 with masks (size, size) int64, and a quarter as many to test.

    Class 1 is the cells, 0 the membranes between them. Image i of a seed is always the same, whatever n is. Raises
    DataError for n below 4, a size below 16, a negative seed.
    """
    as_int(n, "cells", "n", 4), as_int(size, "cells", "size", 16), as_int(seed, "cells", "seed", 0)

    def part(name: str, count: int, first: int) -> Arrays:
        drawn = [draw_cells(size, np.random.default_rng((seed, first + i))) for i in range(count)]
        return Arrays(np.stack([image for image, _ in drawn]), np.stack([mask for _, mask in drawn]),
                      name=f"cells {name}", classes=CLASSES)

    return TrainTest(part("train", n, 0), part("test", max(n // 4, 1), TEST_SEED))


def draw_cells(size: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image (1, size, size) uint8 and its mask (size, size) int64.

    A cell is what is nearest to its own middle (Voronoi), on a sheet that is bent so that membranes are; where the
    second nearest is nearly as near there is a membrane.
    """
    y, x = np.mgrid[:size, :size] + np.stack([smooth(size, generator, 12.0) for _ in "yx"]) * 4.0       # (size, size)
    centres = middles(size, generator)                                                      # (k, 2)
    squares = (y[..., None] - centres[:, 0]) ** 2 + (x[..., None] - centres[:, 1]) ** 2     # (size, size, k)
    own, nearest = squares.argmin(-1), squares.min(-1)
    np.put_along_axis(squares, own[..., None], np.inf, -1)
    other, second = squares.argmin(-1), squares.min(-1)
    between = np.hypot(*np.moveaxis(centres[own] - centres[other], -1, 0))
    edge = (second - nearest) / (2 * between)                       # distance from the line that parts the two
    mask = (edge > WIDTH).astype(np.int64)
    tone = generator.normal(0, 0.05, len(centres))[own]   # each cell has its own grey
    light = 0.68 + tone - 0.42 * np.exp(-(edge / (1.2 * WIDTH)) ** 2)
    light = organelles(light, edge, generator)
    light = blurred(light, 0.8) + 0.12 * smooth(size, generator, size / 3) + generator.normal(0, 0.07, (size, size))
    return np.rint(255 * light.clip(0, 1)).astype(np.uint8)[None], mask


def middles(size: int, generator: np.random.Generator) -> np.ndarray:
    """(k, 2): the middles of cells, on a jittered grid that reaches beyond the image."""
    steps = np.arange(-1.5 * SPACING, size + 1.5 * SPACING, SPACING)
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    return grid + generator.uniform(-0.42 * SPACING, 0.42 * SPACING, grid.shape)


def organelles(light: np.ndarray, edge: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Dark ellipses inside of the cells, some with a bright core, as mitochondria and vesicles are."""
    size, light = len(light), light.copy()
    y, x = np.mgrid[:size, :size]
    for _ in range(generator.poisson(size**2 / 300)):
        row, column, angle = generator.uniform(0, size), generator.uniform(0, size), generator.uniform(0, np.pi)
        a, b = generator.uniform(1.5, 4.5), generator.uniform(1.2, 2.5)
        depth, hollow = generator.uniform(0.2, 0.45), generator.random() < 0.4
        place = tuple([slice(max(int(centre) - REACH, 0), int(centre) + REACH + 1) for centre in (row, column)])
        down, across = y[place] - row, x[place] - column
        along, off = across * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - across * np.sin(angle)
        far = np.hypot(along / a, off / b)                          # 1 on its rim
        shape = np.exp(-((far - 1) / 0.3) ** 2) if hollow else 0.5 - 0.5 * np.tanh(4 * (far - 1))
        light[place] -= depth * shape * (edge[place] > 2 * WIDTH)
    return light


def smooth(size: int, generator: np.random.Generator, scale: float) -> np.ndarray:
    """A smooth random field (size, size) of mean 0 and deviation 1, of hills about `scale` pixels wide."""
    field = blurred(generator.normal(size=(size, size)), scale)
    return (field - field.mean()) / field.std()


def blurred(field: np.ndarray, sigma: float) -> np.ndarray:
    """Convolved with a Gaussian of that deviation in pixels, going round at the borders, by FFT."""
    spectrum = np.exp(-2 * (np.pi * sigma * np.fft.fftfreq(len(field))) ** 2)
    return np.fft.ifft2(np.fft.fft2(field) * spectrum[:, None] * spectrum).real
