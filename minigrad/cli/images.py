"""Image files as a model's input: any size, any mode.

MNIST, Fashion-MNIST and the UCI digits are bright on a dark ground. So for a model that was trained on them (or reads
one channel, and does not say on what it was trained) dark ink on bright paper is inverted (`--invert` decides
otherwise), and a digit is cut out and put in the middle as the makers of MNIST did it (`--whole` leaves it in place).
An image that has the size of the training images already is taken as it is.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .errors import Ended

BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError,
          AttributeError, OverflowError, RuntimeError, MemoryError)     # what damaged files make Pillow's readers raise
INK = 0.2                       # of the darkest stroke's darkness: what is paler is paper
FAINT = 0.05                    # how much darker than the paper a stroke must be at least


class ImageError(ValueError):
    """An image file cannot be used: says why, without its name."""


def pillow() -> Any:
    """Pillow's Image; Ended where it is missing."""
    try:
        from PIL import Image
    except ImportError as error:
        raise Ended('image files are read with Pillow, which is not installed: pip install "minigrad[demo]"') from error
    return Image


@dataclass(frozen=True)
class Reader:
    """How image files become a model's input.

    shape: (c, h, w) of the input, None where any size will do. native: (h, w) of the data set's own images, which lie
    in the middle of the input. box: the side of the square that a drawing fills there; None: images are not drawings.
    mean, std: (c,) or numbers that pixels from 0 to 1 are normalised with. invert: "yes", "no", or "auto", where the
    ground is bright.
    """

    shape: tuple[int | None, ...]
    native: tuple[int, int] | None = None
    box: int | None = None
    mean: Any = 0.0
    std: Any = 1.0
    invert: str = "no"
    whole: bool = False

    def read(self, path: Path) -> np.ndarray:
        """The image (c, h, w) float32 in a file; ImageError where it holds none."""
        pixels = decoded(path, self.shape[0])                           # (c, h, w) in 0..1
        if self.invert == "yes" or self.invert == "auto" and ground(pixels) > 0.5:
            pixels = 1 - pixels
        pixels = self.framed(pixels)
        mean, std = [np.reshape(np.asarray(number, np.float32), (-1, 1, 1)) for number in (self.mean, self.std)]
        return ((pixels - mean) / std).astype(np.float32)

    def framed(self, pixels: np.ndarray) -> np.ndarray:
        """Brought to the input's size (h, w)."""
        size = (self.shape[1] or pixels.shape[1], self.shape[2] or pixels.shape[2])
        if pixels.shape[1:] == size:
            return pixels
        if pixels.shape[1:] == self.native:
            return placed(pixels, size, 0.0)
        if self.whole:
            return placed(fitted(pixels, self.native or size), size, ground(pixels))
        if self.box is not None:
            return placed(fitted(cut_out(pixels), (self.box, self.box)), size, 0.0, by_mass=True)
        return cropped(fitted(pixels, size, cover=True), size)


# --- reading files ------------------------------------------------------------------------------------------------

def decoded(path: Path, channels: int | None) -> np.ndarray:
    """The pixels (c, h, w) of an image file, float32 in 0..1, upright, on white where it is transparent."""
    image = pillow()
    with opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")                             # of odd metadata
        warnings.simplefilter("error", image.DecompressionBombWarning)
        try:
            with image.open(file) as picture:
                return as_pixels(upright(picture), 1 if channels == 1 else 3)
        except (image.DecompressionBombError, image.DecompressionBombWarning):
            raise ImageError(f"is too large: a picture may have {image.MAX_IMAGE_PIXELS:,} pixels") from None
        except image.UnidentifiedImageError:
            raise ImageError("is no image that Pillow can read") from None
        except BROKEN as error:
            raise ImageError(f"is damaged ({' '.join(str(error).split()) or type(error).__name__})") from error


def opened(path: Path) -> BinaryIO:
    """A file to read; ImageError where it is none, or cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise ImageError("is a folder" if path.is_dir() else "is no plain file")
        return open(path, "rb")
    except FileNotFoundError:
        raise ImageError("there is no such file") from None
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror or error})") from error
    except ImageError:
        raise
    except ValueError as error:                                     # a zero in its name
        raise ImageError(f"cannot be read ({error})") from error


def upright(image: Any) -> Any:
    """As a camera meant it to be seen."""
    from PIL import ImageOps

    image.load()
    return ImageOps.exif_transpose(image)


def as_pixels(image: Any, channels: int) -> np.ndarray:
    """An image of any mode -> (c, h, w) in 0..1."""
    if image.mode.startswith("I") or image.mode == "F":             # 16 or 32 bits: one channel of large numbers
        grey = stretched(np.asarray(image, np.float32), image.mode)
        return np.repeat(grey[None], channels, 0)
    if "A" in image.mode or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        image = pillow().new("RGBA", image.size, "white")
        image.alpha_composite(with_alpha)
    pixels = np.asarray(image.convert("RGB").convert("L") if channels == 1 else image.convert("RGB"), np.float32) / 255
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def stretched(values: np.ndarray, mode: str) -> np.ndarray:
    """16 bits over their range; others as they are if they lie in 0..1, else from their least to their largest."""
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if mode.startswith("I") and 0 <= low and 255 < high <= 65535:
        return values / 65535
    if 0 <= low and high <= 1:
        return values
    if 0 <= low and high <= 255:
        return values / 255
    return (values - low) / (high - low)


# --- bringing them to size ----------------------------------------------------------------------------------------

def ground(pixels: np.ndarray) -> float:
    """How bright the ground of a picture (c, h, w) is: the median along its edge."""
    edge = np.concatenate([line.ravel() for line in (pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1])])
    return float(np.median(edge))


def cut_out(pixels: np.ndarray) -> np.ndarray:
    """What is drawn in bright on a dark ground (1, h, w): from 0 the ground to 1 the brightest, without the margins."""
    ink = np.clip(pixels - ground(pixels), 0, None)
    largest = float(ink.max())
    if largest < FAINT:
        raise ImageError("is blank: nothing is drawn on its ground (--whole takes it as it is)")
    ink = ink / largest
    rows, columns = np.flatnonzero((ink > INK).any((0, 2))), np.flatnonzero((ink > INK).any((0, 1)))
    return ink[:, rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]


def fitted(pixels: np.ndarray, size: tuple[int, int], cover: bool = False) -> np.ndarray:
    """Scaled, in its proportions, to the largest that fits into `size` (h, w), or the smallest that covers it."""
    ratios = [n / m for n, m in zip(size, pixels.shape[1:], strict=True)]
    ratio = max(ratios) if cover else min(ratios)
    height, width = [max(round(ratio * m), 1) for m in pixels.shape[1:]]
    image = pillow()
    channels = [image.fromarray(np.ascontiguousarray(channel)) for channel in pixels.astype(np.float32)]
    return np.stack([np.asarray(x.resize((width, height), image.Resampling.BILINEAR)) for x in channels])


def cropped(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle of it."""
    top, left = [(m - n) // 2 for n, m in zip(size, pixels.shape[1:], strict=True)]
    return pixels[:, top:top + size[0], left:left + size[1]]


def placed(pixels: np.ndarray, size: tuple[int, int], value: float, by_mass: bool = False) -> np.ndarray:
    """On a sheet of `size` (h, w): its middle in the middle; or its centre of mass, as far as the sheet allows."""
    sheet = np.full((len(pixels), *size), value, np.float32)
    middle = [(m - 1) / 2 for m in pixels.shape[1:]]
    if by_mass and pixels.sum() > 0:
        middle = [float((pixels.sum((0, 2 - axis)) * np.arange(m)).sum() / pixels.sum())
                  for axis, m in enumerate(pixels.shape[1:])]
    top, left = [min(max(round((n - 1) / 2 - centre), 0), n - m)
                 for n, m, centre in zip(size, pixels.shape[1:], middle, strict=True)]
    sheet[:, top:top + pixels.shape[1], left:left + pixels.shape[2]] = pixels
    return sheet
