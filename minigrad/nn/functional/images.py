"""Functions of images: another size, pixels and channels exchanged, windows as columns."""

from __future__ import annotations

from math import floor
from typing import Any

from ... import ops

__all__ = ["channel_shuffle", "fold", "interpolate", "pixel_shuffle", "pixel_unshuffle", "unfold", "upsample"]

# --- another size ---------------------------------------------------------------------------------------------

def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Any:
    """Images of another size: (n, c, h, w) -> (n, c, *size); also sequences (n, c, l) and volumes (n, c, d, h, w).

    size, or scale_factor: a number for all axes, or one for each; of sizes the integral part is taken.
    mode: "nearest", "nearest-exact", "area", "linear" (sequences), "bilinear", "bicubic" (images), "trilinear".
    Pixels are squares, edges fall on edges; with align_corners the centres of the first and last do. scale_factor also
    says where a pixel is looked up, unless recompute_scale_factor: then the sizes say it. antialias: bilinear and
    bicubic see all pixels on the way down.
    """
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        raise ValueError(f"interpolate: mode {mode!r} has no align_corners, only linear, bilinear, bicubic and "
                         "trilinear have: leave it out")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: expected either size or scale_factor, {size} and {scale_factor} came")
    zoom = None
    if size is None:
        factors = for_each_axis(input, scale_factor, "scale_factor")
        if not all([isinstance(f, (int, float)) for f in factors]):
            raise TypeError(f"interpolate: scale_factor must be a number or one for each axis, {scale_factor!r} came")
        size = [floor(n * f) for n, f in zip(input.shape[2:], factors, strict=True)]
        zoom = None if recompute_scale_factor or mode == "area" else tuple([float(f) for f in factors])
    elif recompute_scale_factor:
        raise ValueError("interpolate: recompute_scale_factor goes with scale_factor, size came")
    else:
        size = for_each_axis(input, size, "size")
        if not all([hasattr(n, "__index__") for n in size]):
            raise TypeError(f"interpolate: size must be an int or one for each axis, {size} came")
    return ops.interpolate(input, tuple([floor(n) for n in size]), mode, bool(align_corners), zoom, antialias)


def for_each_axis(input: Any, value: Any, what: str) -> tuple:
    """A value for each axis behind batch and channels."""
    axes = len(input.shape) - 2
    if not isinstance(value, (tuple, list)):
        return (value,) * axes
    if len(value) != axes:
        raise ValueError(f"interpolate: {what} must be one number or {axes}, {value} came for input {input.shape}")
    return tuple(value)


def upsample(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Any:
    """The old name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


# --- pixels and channels ----------------------------------------------------------------------------------------

def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """r*r channels become one of r times the height and width: (..., c*r*r, h, w) -> (..., c, h*r, w*r)."""
    return ops.pixel_shuffle(input, upscale_factor)


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """The inverse of pixel_shuffle: (..., c, h*r, w*r) -> (..., c*r*r, h, w)."""
    return ops.pixel_unshuffle(input, downscale_factor)


def channel_shuffle(input: Any, groups: int) -> Any:
    """The channels of (n, c, ...) dealt anew: the first of every group, then the second of every group, and so on."""
    return ops.channel_shuffle(input, groups)


# --- windows ----------------------------------------------------------------------------------------------------

def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Every window of an image as a column: (n, c, h, w) -> (n, c*i*j, p*q), or both without n."""
    check_windows("unfold", input, ("c", "h", "w"), kernel_size, dilation, padding, stride)
    if len(input.shape) == 3:
        return ops.squeeze(ops.unfold(ops.expand_dims(input, 0), kernel_size, stride, padding, dilation), 0)
    return ops.unfold(input, kernel_size, stride, padding, dilation)


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Columns added back into images of output_size: (n, c*i*j, p*q) -> (n, c, h, w), or both without n."""
    check_windows("fold", input, ("c*i*j", "p*q"), output_size, kernel_size, dilation, padding, stride)
    if len(input.shape) == 2:
        return ops.squeeze(ops.fold(ops.expand_dims(input, 0), output_size, kernel_size, stride, padding, dilation), 0)
    return ops.fold(input, output_size, kernel_size, stride, padding, dilation)


def check_windows(what: str, input: Any, axes: tuple[str, ...], *options: Any) -> None:
    """Refuse an input that has other axes, or nothing in them, and options that are no int and no pair."""
    n = len(axes)
    if len(input.shape) not in (n, n + 1) or 0 in input.shape[-n:]:
        raise ValueError(f"{what}: expected (n, {', '.join(axes)}) or ({', '.join(axes)}), where only n may be 0, "
                         f"input has shape {input.shape}")
    for option in options:
        if isinstance(option, (tuple, list)) and len(option) != 2:
            raise ValueError(f"{what}: expected ints or pairs of ints, {option} came")
