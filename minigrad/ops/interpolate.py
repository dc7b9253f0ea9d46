"""Images of another size: every output element is a weighted sum of a few neighbours, along one axis at a time."""

from __future__ import annotations

from typing import Any

from ..backend import FLOATS, device_of, namespace, to_device
from ..fused import fused
from ..meta import spend
from ..op import op
from .precision import narrowed, wide, widened
from .resampling import KINDS, Resampling, taps, transposed
from .shape import normalized

__all__ = ["interpolate"]

MODES = {"nearest": (3, 4, 5), "nearest-exact": (3, 4, 5), "area": (3, 4, 5), "linear": (3,), "bilinear": (4,),
         "bicubic": (4,), "trilinear": (5,)}                # mode -> how many axes the input may have
SMOOTH = {"linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


@op
def resample(x, axis, size, kind="linear", zoom=None, align_corners=False, antialias=False):
    """x with `size` elements along an axis: y[i] = sum over a few k of w[i, k] * x[place[i, k]].

    kind: "nearest", "nearest-exact", "linear", "cubic" or "area", or a mode of interpolate that is made of them.
    minigrad/ops/resampling.py has the places and weights.
    """
    n = x.shape[normalized(axis, len(x.shape))]
    spend(n + size)
    return weighted(x, axis, *taps(n, size, known(kind, zoom, align_corners, antialias)))

resample.gradient(x=lambda g, x_shape, axis, size, kind, zoom, align_corners, antialias: (
    resample_back(g, axis, x_shape[axis], kind, zoom, align_corners, antialias)))


@op
def resample_back(x, axis, size, kind="linear", zoom=None, align_corners=False, antialias=False):
    """The transpose of resample, from x as large as its output to `size` elements, as many as its input has."""
    n = x.shape[normalized(axis, len(x.shape))]
    spend(n + size)
    return weighted(x, axis, *transposed(size, n, known(kind, zoom, align_corners, antialias)))

resample_back.gradient(x=lambda g, x_shape, axis, size, kind, zoom, align_corners, antialias: (
    resample(g, axis, x_shape[axis], kind, zoom, align_corners, antialias)))


def known(kind, zoom, align_corners, antialias):
    """How an axis is resampled, of which the kind may be a mode of interpolate."""
    kind = SMOOTH.get(kind, kind)
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}, {kind!r} came")
    return Resampling(kind, zoom, align_corners, antialias)


def weighted(x, axis, places, weights):
    """Sum over k of weights[:, k] * x[places[:, k]] along the axis; half precision is added up in float32."""
    xp, device, dtype = namespace(x), device_of(x), wide(x) or x.dtype
    along = (-1,) + (1,) * (len(x.shape) - normalized(axis, len(x.shape)) - 1)
    plain, y = (weights == 1).all(), None                                   # plain: what is nearest, nothing to weigh
    for k in range(places.shape[1]):
        part = xp.take(x, on(device, places[:, k]), axis=axis).astype(dtype, copy=False)
        if not plain:
            part = part * on(device, weights[:, k].reshape(along).astype(dtype))
        if y is None:
            y = part
        else:
            y += part
    return y.astype(x.dtype, copy=False)


def on(device, table):
    """A table of the host on a device."""
    return table if device in ("cpu", "meta") else to_device(table, device)


@fused
def interpolate(x, size, mode="nearest", align_corners=False, zoom=None, antialias=False):
    """Images of another size.

    x (n, c, h, w)   ->   y (n, c, *size); also (n, c, l) and (n, c, d, h, w)
    mode: "nearest" (one element, to the left or above), "nearest-exact" (the one whose pixel holds the centre),
    "linear", "bilinear", "trilinear" (two along each axis), "bicubic" (four, Keys 1981 with a = -0.75), "area" (the
    mean of all that an output pixel touches).
    Pixels are squares, edges fall on edges; with align_corners the centres of the first and last pixels do. zoom: the
    factor of each axis by which places are found, by default that of the sizes. antialias, of bilinear and bicubic:
    going down the filter becomes as much wider, so that no pixel is skipped.
    """
    y = widened(x)
    for i, n in enumerate(size):
        y = resample(y, i + 2, n, mode, zoom and zoom[i], align_corners, antialias)
    return narrowed(y, x)

interpolate.rules(x="gx = R^T g along each axis, where y = R x: every pixel gets back what each output took from it")


def check_interpolate(x: Any, size: Any, mode: str, align_corners: bool, zoom: Any, antialias: bool) -> None:
    """Errors for modes that do not exist or do not fit, and for sizes of no pixel."""
    if mode not in MODES:
        raise ValueError(f"interpolate: mode must be one of {', '.join(map(repr, MODES))}, {mode!r} came")
    if len(x.shape) not in MODES[mode]:
        shapes = " or ".join([f"(n, c, {axes})" for axes, n in (("l", 3), ("h, w", 4), ("d, h, w", 5))
                              if n in MODES[mode]])
        raise ValueError(f"interpolate: mode {mode!r} expects {shapes}, x has shape {x.shape}")
    axes = len(x.shape) - 2
    if not isinstance(size, (tuple, list)) or len(size) != axes or not all([hasattr(n, "__index__") for n in size]):
        raise ValueError(f"interpolate: size must be a tuple of {axes}, an int for each axis, {size!r} came")
    if min(size) < 1 or 0 in x.shape[1:]:
        raise ValueError(f"interpolate: only the batch may be empty; from {x.shape[1:]} to {tuple(size)} came")
    if x.dtype.kind not in FLOATS and (mode not in ("nearest", "nearest-exact") or x.dtype != "uint8"):
        raise TypeError(f"interpolate: expected floating numbers (nearest also takes uint8), {x.dtype} came: "
                        "x.astype('float32') mends it")
    if align_corners and mode not in SMOOTH:
        raise ValueError(f"interpolate: mode {mode!r} has no align_corners, only {', '.join(SMOOTH)} have")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: only modes 'bilinear' and 'bicubic' have antialias, {mode!r} came")


interpolate.checked_by(check_interpolate)
