"""Other light: brightness, contrast, saturation and hue, as torchvision defines them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset import DataError
from .base import Drawn, Transform, as_range, rounded

LUMINANCE = np.array([0.2989, 0.587, 0.114], np.float32)            # of red, green, blue: ITU-R BT.601


class ColorJitter(Transform):
    """Change brightness, contrast, saturation and hue of every image, each by a factor of its own, in random order.

    brightness, contrast, saturation: the factor is drawn from (1 - x, 1 + x), but not below 0, or from (low, high).
    hue: the shift, in turns of the colour wheel, is drawn from (-x, x), x <= 0.5, or from (low, high).
    Images: uint8, or floats from 0 to 1, in colour (n, 3, h, w) or grey (n, 1, h, w), whose saturation and hue stay.
    What leaves the range is cut off; uint8 is rounded once, at the end (torchvision cuts the fraction off each time).
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0):
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        self.ranges = [as_range(x, "ColorJitter", name, 0, 1e6, 1) for name, x in (
            ("brightness", brightness), ("contrast", contrast), ("saturation", saturation))]
        self.ranges.append(as_range(hue, "ColorJitter", "hue", -0.5, 0.5))

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        factors = np.array([generator.uniform(*ends, n) for ends in self.ranges], np.float32)      # (4, n)
        return factors, generator.random((4, n)).argsort(0)

    def change(self, images: np.ndarray, factors: np.ndarray, order: np.ndarray) -> np.ndarray:
        """order (4, n): which change comes first, second, ... of each image."""
        colours = as_colours(images)
        able = CHANGES if images.shape[1] == 3 else CHANGES[:2]
        active = [i for i in range(len(able)) if self.ranges[i] != (NOTHING[i], NOTHING[i])]
        for step in order:
            for i in active:
                chosen = np.flatnonzero(step == i)
                if chosen.size:
                    colours[chosen] = CHANGES[i](colours[chosen], factors[i, chosen, None, None, None])
        return rounded(colours * 255 if images.dtype == np.uint8 else colours, images.dtype)


def as_colours(images: np.ndarray) -> np.ndarray:
    """A copy as floats from 0 to 1; DataError for what has other channels or another range."""
    if images.shape[1] not in (1, 3):
        raise DataError(f"ColorJitter: expected images of 1 or 3 channels, {images.shape[1]} came")
    if images.dtype == np.uint8:
        return images.astype(np.float32, order="C") / 255
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise DataError(f"ColorJitter: expected floats from 0 to 1, {images.min():.4g} to {images.max():.4g} came: "
                        "put it before Normalize")
    return images.astype(np.float64 if images.dtype == np.float64 else np.float32, order="C")


def grey(x: np.ndarray) -> np.ndarray:
    """(n, 3, h, w) -> the luminance (n, 1, h, w); of grey images themselves."""
    return x if x.shape[1] == 1 else np.einsum("nchw,c->nhw", x, LUMINANCE.astype(x.dtype))[:, None]


def blend(x: np.ndarray, other: Any, factor: np.ndarray) -> np.ndarray:
    return (factor * x + (1 - factor) * other).clip(0, 1)


def brighten(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return blend(x, 0, factor)


def contrast(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Away from, or towards, the mean luminance of the image."""
    return blend(x, grey(x).mean((1, 2, 3), keepdims=True), factor)


def saturate(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Away from, or towards, the grey image."""
    return blend(x, grey(x), factor)


def shift_hue(x: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Turn the colour wheel: to hue, saturation, value and back (A. R. Smith, Color Gamut Transform Pairs, 1978)."""
    red, green, blue = x[:, 0], x[:, 1], x[:, 2]
    value = x.max(1)
    chroma = value - x.min(1)
    safe = np.where(chroma == 0, 1, chroma)
    hue = np.where(value == red, (green - blue) / safe % 6,
                   np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4))     # in sixths
    hue = hue + 6 * turn[:, 0]
    wheel = [(offset + hue) % 6 for offset in (5, 3, 1)]                    # red, green, blue
    return np.stack([value - chroma * np.minimum(k, 4 - k).clip(0, 1) for k in wheel], 1).astype(x.dtype, copy=False)


CHANGES = (brighten, contrast, saturate, shift_hue)
NOTHING = (1, 1, 1, 0)           # the factors that change nothing
