"""Large images in tiles, and the tiles' maps put together again: the overlap-tile strategy of U-Net's paper.

Ronneberger, Fischer, Brox, U-Net: convolutional networks for biomedical image segmentation, 2015, figure 2: a network
sees more of the image than it says something of, and what lies beyond the image's border is its mirror image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dataset import DataError, Examples

BEYOND = -100                           # the class of pixels that do not count; cross_entropy leaves it out


@dataclass(frozen=True)
class Tiling:
    """How images are cut. `size` pixels a side of each tile count, `margin` more around them are only seen.

    step: 0, or the number of which sides must be multiples: then an image that is no larger than a tile with its margin
    stays in one piece, enlarged to such sides to the right and below.
    """

    size: int
    margin: int = 0
    step: int = 0

    def parts(self, h: int, w: int) -> tuple[int, int, int, int, int]:
        """Of an image of h x w: rows and columns of tiles, height and width of what counts of each, the margin."""
        most = self.size + 2 * self.margin
        if self.step and max(h, w) <= most:
            return 1, 1, -(-h // self.step) * self.step, -(-w // self.step) * self.step, 0
        return -(-h // self.size), -(-w // self.size), self.size, self.size, self.margin

    def count(self, h: int, w: int) -> int:
        """How many tiles an image of h x w has."""
        rows, columns, *_ = self.parts(h, w)
        return rows * columns

    def cut(self, image: np.ndarray, index: int, beyond: int | None = None) -> np.ndarray:
        """Tile `index` of an image (..., h, w), in rows from top left, its margin around it.

        beyond: what stands in place of all that does not count; None: the image and, where it ends, its mirror image.
        """
        h, w = image.shape[-2:]
        _, columns, p, q, m = self.parts(h, w)
        top, left = index // columns * p, index % columns * q
        if beyond is None:
            rows, places = mirrored(np.arange(top - m, top + p + m), h), mirrored(np.arange(left - m, left + q + m), w)
            return image[..., rows[:, None], places]
        tile = np.full((*image.shape[:-2], p + 2 * m, q + 2 * m), beyond, image.dtype)
        inside = image[..., top:top + p, left:left + q]
        tile[..., m:m + inside.shape[-2], m:m + inside.shape[-1]] = inside
        return tile

    def joined(self, tiles: Iterable[np.ndarray], h: int, w: int) -> np.ndarray:
        """The maps (c, ...) of all tiles of an image of h x w, in their order -> (c, h, w).

        A map covers what counts of its tile, or more around it, which is left out.
        """
        rows, columns, p, q, _ = self.parts(h, w)
        whole: Any = None
        for index, tile in enumerate(tiles):
            if whole is None:
                whole = np.empty((len(tile), rows * p, columns * q), tile.dtype)
            top, left = index // columns * p, index % columns * q
            whole[:, top:top + p, left:left + q] = middle(tile, p, q)
        return whole[:, :h, :w]


class Tiles(Examples):
    """The images and masks of a data set in tiles: `tiles[i]` gives (image, mask) of one, with its margin.

        tiles = Tiles(MaskFolder("membrane", channels=1), Tiling(size=128, margin=32))      # 192 x 192 each

    data: `data[i] -> (image (c, h, w), mask (h, w))`, each of any size; all are read once, to know how large they are.
    once: every pixel of the images counts in one tile alone: elsewhere masks are -100. Otherwise they are mirrored and
    go on into the margin, as the images do.
    """

    labels = None

    def __init__(self, data: Any, tiling: Tiling, once: bool = False):
        self.data, self.tiling, self.beyond = data, tiling, BEYOND if once else None
        self.name, self.classes = getattr(data, "name", type(data).__name__), tuple(getattr(data, "classes", ()))
        self.counts = [tiling.count(*self._sides(i)) for i in range(len(data))]
        self.ends = np.cumsum(self.counts)

    def _sides(self, i: int) -> tuple[int, int]:
        image, mask = self.data[i]
        if np.ndim(image) != 3 or np.shape(mask) != np.shape(image)[1:]:
            raise DataError(f"{self.name}: expected an image (c, h, w) and a mask (h, w) of the same size, example {i} "
                            f"is {np.shape(image)} and {np.shape(mask)}")
        return image.shape[1], image.shape[2]

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name}: there are tiles 0 to {len(self) - 1}, {index} came")
        index %= len(self)
        i = int(np.searchsorted(self.ends, index, "right"))
        image, mask = self.data[i]
        place = index - int(self.ends[i]) + self.counts[i]
        return self.tiling.cut(image, place), self.tiling.cut(mask, place, self.beyond)

    def __repr__(self) -> str:
        return f"Tiles({self.name!r}, {len(self)} tiles of {len(self.data)} images, {self.tiling})"


def mirrored(places: np.ndarray, n: int) -> np.ndarray:
    """Places along an axis of n pixels, those outside mirrored at the middles of the outermost pixels."""
    period = max(2 * (n - 1), 1)
    places = abs(places) % period
    return np.minimum(places, period - places) if n > 1 else np.zeros_like(places)


def middle(x: np.ndarray, h: int, w: int) -> np.ndarray:
    """The middle h x w of (..., a, b)."""
    top, left = (x.shape[-2] - h) // 2, (x.shape[-1] - w) // 2
    return x[..., top:top + h, left:left + w]
