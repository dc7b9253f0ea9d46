"""Channels and pixels exchanged: pixel_shuffle, its inverse, and channel_shuffle."""

from __future__ import annotations

from typing import Any

from ..fused import fused
from .shape import permute_dims, reshape

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


@fused
def pixel_shuffle(x, upscale_factor):
    """r*r channels become one of r times the height and width: y[c, h*r + i, w*r + j] = x[c*r*r + i*r + j, h, w].

    x (..., c*r*r, h, w)   ->   y (..., c, h*r, w*r) for r = upscale_factor
    Source: Shi et al., Real-time single image and video super-resolution, 2016, equation 4.
    """
    *batch, c, h, w = x.shape
    r, b = upscale_factor, len(batch)
    y = reshape(x, (*batch, c // (r * r), r, r, h, w))
    y = permute_dims(y, (*range(b), b, b + 3, b + 1, b + 4, b + 2))         # (..., c, h, r, w, r)
    return reshape(y, (*batch, c // (r * r), h * r, w * r))

pixel_shuffle.rules(x="gx = pixel_unshuffle(g)")


@fused
def pixel_unshuffle(x, downscale_factor):
    """Every block of r * r pixels becomes one pixel of r*r times the channels: the inverse of pixel_shuffle.

    x (..., c, h*r, w*r)   ->   y (..., c*r*r, h, w) for r = downscale_factor
    """
    *batch, c, h, w = x.shape
    r, b = downscale_factor, len(batch)
    y = reshape(x, (*batch, c, h // r, r, w // r, r))
    y = permute_dims(y, (*range(b), b, b + 2, b + 4, b + 1, b + 3))         # (..., c, r, r, h, w)
    return reshape(y, (*batch, c * r * r, h // r, w // r))

pixel_unshuffle.rules(x="gx = pixel_shuffle(g)")


@fused
def channel_shuffle(x, groups):
    """The channels dealt anew: groups of c/f become c/f groups of f, so that the next convolution's groups mix them.

    x (n, c, *)   ->   y (n, c, *): y[:, i*f + j] = x[:, j*(c/f) + i] for f = groups
    Source: Zhang et al., ShuffleNet, 2018, section 3.1.
    """
    n, c, *rest = x.shape
    y = reshape(x, (n, groups, c // groups, *rest))
    y = permute_dims(y, (0, 2, 1, *range(3, len(rest) + 3)))
    return reshape(y, x.shape)

channel_shuffle.rules(x="gx = channel_shuffle(g, c/groups): dealt back")


def check_factor(what: str, argument: str, factor: Any) -> None:
    if not hasattr(factor, "__index__"):
        raise TypeError(f"{what}: {argument} must be an int, {factor!r} came")
    if factor < 1:
        raise ValueError(f"{what}: {argument} must be at least 1, {factor} came")


def check_pixel_shuffle(x: Any, r: Any) -> None:
    """Errors for channels that cannot be divided among r * r pixels."""
    check_factor("pixel_shuffle", "upscale_factor", r)
    if len(x.shape) < 3 or x.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: expected (..., c, h, w) with c a multiple of {r} * {r}, "
                         f"x has shape {x.shape}")


def check_pixel_unshuffle(x: Any, r: Any) -> None:
    """Errors for images that cannot be divided into blocks of r * r pixels."""
    check_factor("pixel_unshuffle", "downscale_factor", r)
    if len(x.shape) < 3 or x.shape[-2] % r or x.shape[-1] % r:
        raise ValueError(f"pixel_unshuffle: expected (..., c, h, w) with h and w multiples of {r}, "
                         f"x has shape {x.shape}")


def check_channel_shuffle(x: Any, groups: Any) -> None:
    """Errors for channels that cannot be divided into groups."""
    check_factor("channel_shuffle", "groups", groups)
    if len(x.shape) < 3 or x.shape[1] % groups:
        raise ValueError(f"channel_shuffle: expected (n, c, ...) with c a multiple of {groups} groups and an axis "
                         f"behind it, x has shape {x.shape}")


pixel_shuffle.checked_by(check_pixel_shuffle)
pixel_unshuffle.checked_by(check_pixel_unshuffle)
channel_shuffle.checked_by(check_channel_shuffle)
