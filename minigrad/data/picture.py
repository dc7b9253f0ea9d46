"""Image files as arrays, by Pillow."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np

from .dataset import DataError, as_int

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
MODES = {1: "L", 3: "RGB"}
Size = tuple[int, int]


def read_picture(content: bytes, name: str, channels: int = 3, size: Size | None = None,
                 crop_to_aspect_ratio: bool = False) -> np.ndarray:
    """An image file -> (c, h, w) uint8, upright as its camera noted.

    channels: 3 for red, green, blue, 1 for grey. size: (h, w) to scale to, bilinear; enlarged or reduced in both
    directions by themselves, or, with crop_to_aspect_ratio, so that it covers h x w, of which the middle is kept.
    name: what the error calls it. Raises DataError where it cannot be read, ImportError without Pillow.
    """
    with opened(content, name) as image:
        from PIL import ImageOps
        try:
            ImageOps.exif_transpose(image, in_place=True)
            upright = eight_bits(image, name).convert(MODES[channels])
            array = np.asarray(fitted(upright, size, crop_to_aspect_ratio, nearest=False))
        except DAMAGES as error:
            raise damaged(name, error) from error
    return np.ascontiguousarray(array.transpose(2, 0, 1)) if channels == 3 else array[None].copy()


def read_mask(content: bytes, name: str, size: Size | None = None, crop_to_aspect_ratio: bool = False) -> np.ndarray:
    """An image file with one number for each pixel -> (h, w) uint8: grey, black and white (0, 255), or the indices into
    its palette. Scaled as by `read_picture`, each pixel that of the nearest. Raises as that does."""
    with opened(content, name) as image:
        try:
            image.load()
            if image.mode in ("RGB", "RGBA"):
                image = one_channel(image, name)
            elif image.mode not in ("1", "L", "P"):
                image = eight_bits(image, name).convert("L")
            grey = image.convert("L") if image.mode == "1" else image
            return np.asarray(fitted(grey, size, crop_to_aspect_ratio, nearest=True)).copy()
        except DAMAGES as error:
            raise damaged(name, error) from error


# What Pillow raises for broken files of its many formats; it warns too, which is an error where the user says so.
DAMAGES = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError,
           OverflowError, MemoryError, Warning)


def damaged(name: str, error: BaseException) -> DataError:
    if isinstance(error, DataError):
        return error
    return DataError(f"{name}: expected an image, it is truncated, damaged or of another kind "
                     f"({' '.join(str(error).split())})")


def opened(content: bytes, name: str) -> Any:
    """A Pillow image of a file; its pixels are not read yet."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError('image files are read with Pillow, which is not installed: pip install "minigrad[demo]"'
                          ) from error
    try:
        return Image.open(io.BytesIO(content))
    except (*DAMAGES, Image.DecompressionBombError) as error:
        said = "Pillow knows no such format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise damaged(name, OSError(said)) from error


def eight_bits(image: Any, name: str) -> Any:
    """Images of 16 bits a pixel with their upper 8; DataError for floats and wider ones, whose range nobody knows."""
    if image.mode.startswith("I;16"):
        from PIL import Image
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DataError(f"{name}: expected an image of 8 or 16 bits a pixel, {image.mode} (32 bits) came: convert it")
    return image


def one_channel(image: Any, name: str) -> Any:
    """A mask that was saved in colour though it is grey."""
    red, green, blue = [image.getchannel(i) for i in range(3)]
    if red.tobytes() != green.tobytes() or red.tobytes() != blue.tobytes():
        raise DataError(f"{name}: expected a mask with one number for each pixel (grey or with a palette), a coloured "
                        "image came")
    return red


def fitted(image: Any, size: Size | None, crop: bool, nearest: bool) -> Any:
    """A Pillow image scaled to (h, w)."""
    if size is None or (size[1], size[0]) == image.size:
        return image
    from PIL import Image

    (h, w), (width, height) = size, image.size
    box = None
    if crop:                                        # the largest part in its middle that has the form of h x w
        scale = min(width / w, height / h)
        left, top = (width - w * scale) / 2, (height - h * scale) / 2
        box = (left, top, left + w * scale, top + h * scale)
    return image.resize((w, h), Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR, box)


def as_size(size: Any, who: str) -> Size | None:
    """32 -> (32, 32); (h, w) and None as they are. DataError for anything else."""
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2:
        raise DataError(f"{who}: expected a size as an int or (h, w), {size!r} came")
    return as_int(sides[0], who, "a size", 1), as_int(sides[1], who, "a size", 1)


def as_channels(channels: Any, who: str) -> int:
    if channels not in MODES or isinstance(channels, bool):
        raise DataError(f"{who}: expected channels 1 (grey) or 3 (red, green, blue), {channels!r} came")
    return channels
