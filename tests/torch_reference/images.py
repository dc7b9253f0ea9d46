"""Images of another size; pixels and channels exchanged."""

import torch
import torch.nn.functional as F


def interpolate(x, size, mode="nearest", align_corners=False, zoom=None, antialias=False):
    """PyTorch finds the sizes from the factors itself: these have to be what its rounding down gives."""
    corners = None if mode in ("nearest", "nearest-exact", "area") else align_corners
    if zoom is None:
        return F.interpolate(x, size, None, mode, corners, antialias=antialias)
    return F.interpolate(x, None, zoom, mode, corners, antialias=antialias)


def resample(x, axis, size, kind="linear", zoom=None, align_corners=False, antialias=False):
    """As an image of height 1 whose width is the axis."""
    image = x.movedim(axis, -1)
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(kind, kind)
    y = interpolate(image.reshape(1, -1, 1, x.shape[axis]), (1, size), mode, align_corners, zoom and (1.0, zoom),
                    antialias)
    return y.reshape(*image.shape[:-1], size).movedim(-1, axis)


def resample_back(x, axis, size, kind="linear", zoom=None, align_corners=False, antialias=False):
    """The gradient of resample, which is linear, where x arrives."""
    shape = list(x.shape)
    shape[axis] = size
    start = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
    y = resample(start, axis, x.shape[axis], kind, zoom, align_corners, antialias)
    gradient = torch.autograd.grad(y, start, x, create_graph=True)[0]
    return gradient if x.requires_grad else gradient.detach()


TORCH = {
    "resample": resample,
    "resample_back": resample_back,
    "interpolate": interpolate,
    "pixel_shuffle": F.pixel_shuffle,
    "pixel_unshuffle": F.pixel_unshuffle,
    "channel_shuffle": F.channel_shuffle,
}
