"""Oracles of resampling: what every output element takes from which input element, one number at a time."""

import math

import numpy as np


def keys(distance, a):
    """The cubic of Keys, with a free a."""
    d = abs(distance)
    if d < 1:
        return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1
    return a * (d ** 3 - 5 * d ** 2 + 8 * d - 4) if d < 2 else 0.0


def ratio(n, size, align_corners, zoom):
    """How many input elements one output element is wide."""
    if align_corners:
        return (n - 1) / (size - 1) if size > 1 else 0.0
    return 1 / zoom if zoom else n / size


def parts(i, n, size, kind, align_corners=False, zoom=None, antialias=False):
    """The (element, weight) pairs that output i of `size` is made of."""
    step = ratio(n, size, align_corners, zoom)
    if kind == "nearest":
        return [(min(math.floor(i * step), n - 1), 1.0)]
    if kind == "nearest-exact":
        return [(min(math.floor((i + 0.5) * step), n - 1), 1.0)]
    if kind == "area":
        start, end = math.floor(i * n / size), math.ceil((i + 1) * n / size)
        return [(j, 1 / (end - start)) for j in range(start, end)]
    if antialias:
        scale = max(step, 1.0)
        found = []
        for j in range(n):
            distance = (j + 0.5 - step * (i + 0.5)) / scale
            found.append((j, keys(distance, -0.5) if kind == "cubic" else max(0.0, 1 - abs(distance))))
        total = sum(weight for _, weight in found)
        return [(j, weight / total) for j, weight in found]
    at = i * step if align_corners else (i + 0.5) * step - 0.5
    if kind == "linear":
        at = i if size == n else max(at, 0.0)
        left = min(math.floor(at), n - 1)
        return [(left, 1 - (at - left)), (min(left + 1, n - 1), at - left)]
    left = math.floor(at)
    return [(min(max(j, 0), n - 1), keys(at - j, -0.75)) for j in range(left - 1, left + 3)]


def resample(x, axis, size, kind="linear", zoom=None, align_corners=False, antialias=False):
    """y[i] = sum of weight * x[element] along the axis."""
    x = np.moveaxis(x, axis, 0)
    y = np.zeros((size, *x.shape[1:]))
    for i in range(size):
        for j, weight in parts(i, len(x), size, kind, align_corners, zoom, antialias):
            for rest in np.ndindex(*x.shape[1:]):
                y[(i, *rest)] += weight * x[(j, *rest)]
    return np.moveaxis(y, 0, axis)


def resample_back(x, axis, size, kind="linear", zoom=None, align_corners=False, antialias=False):
    """Every output of resample gives back to the elements that it took from."""
    x = np.moveaxis(x, axis, 0)
    y = np.zeros((size, *x.shape[1:]))
    for i in range(len(x)):
        for j, weight in parts(i, size, len(x), kind, align_corners, zoom, antialias):
            for rest in np.ndindex(*x.shape[1:]):
                y[(j, *rest)] += weight * x[(i, *rest)]
    return np.moveaxis(y, 0, axis)


def interpolate(x, size, mode="nearest", align_corners=False, zoom=None, antialias=False):
    """Every pixel: the sum over all pixels that it is made of, of the product of their weights along each axis."""
    kind = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    y = np.zeros((*x.shape[:2], *size))
    for place in np.ndindex(*size):
        made_of = [((), 1.0)]
        for axis, i in enumerate(place):
            along = parts(i, x.shape[axis + 2], size[axis], kind, align_corners, zoom and zoom[axis], antialias)
            made_of = [((*before, j), weight * w) for before, weight in made_of for j, w in along]
        for image, channel in np.ndindex(*x.shape[:2]):
            y[(image, channel, *place)] = sum(weight * x[(image, channel, *source)] for source, weight in made_of)
    return y


def pixel_shuffle(x, upscale_factor):
    """y[c, h r + i, w r + j] = x[c r r + i r + j, h, w]"""
    r, (*batch, c, h, w) = upscale_factor, x.shape
    y = np.zeros((*batch, c // (r * r), h * r, w * r))
    for *image, channel, row, column in np.ndindex(*y.shape):
        source = channel * r * r + row % r * r + column % r
        y[(*image, channel, row, column)] = x[(*image, source, row // r, column // r)]
    return y


def pixel_unshuffle(x, downscale_factor):
    """y[c r r + i r + j, h, w] = x[c, h r + i, w r + j]"""
    r, (*batch, c, h, w) = downscale_factor, x.shape
    y = np.zeros((*batch, c * r * r, h // r, w // r))
    for *image, channel, row, column in np.ndindex(*x.shape):
        target = channel * r * r + row % r * r + column % r
        y[(*image, target, row // r, column // r)] = x[(*image, channel, row, column)]
    return y


def channel_shuffle(x, groups):
    """Channel number i of group f goes to f of group i."""
    y = np.zeros(x.shape)
    each = x.shape[1] // groups
    for image, channel in np.ndindex(*x.shape[:2]):
        y[image, channel % each * groups + channel // each] = x[image, channel]
    return y


ORACLES = {"resample": resample, "resample_back": resample_back, "interpolate": interpolate,
           "pixel_shuffle": pixel_shuffle, "pixel_unshuffle": pixel_unshuffle, "channel_shuffle": channel_shuffle}
