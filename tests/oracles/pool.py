"""Oracles of pooling beside those in windows.py: with places, along sequences, adaptive, and back; as nested loops."""

import math

import numpy as np

from .windows import avg_pool2d, max_pool2d, pair, pooled


def pixel_numbers(x):
    """1, 2, ... row after row, for one image."""
    h, w = x.shape[2:]
    return np.array([[[[row * w + column + 1 for column in range(w)] for row in range(h)]]])


def max_pool2d_with_indices(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest in every window and row * w + column of it."""
    (kh, kw), (ph, pw), (dh, dw) = map(pair, (kernel_size, padding, dilation))
    sh, sw = (kh, kw) if stride is None else pair(stride)
    n, c, h, w = x.shape
    y = max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode)
    indices = np.full(y.shape, -1)
    for image, channel, row, column in np.ndindex(*y.shape):
        for i, j in np.ndindex(kh, kw):
            at_h, at_w = row * sh - ph + i * dh, column * sw - pw + j * dw
            inside = 0 <= at_h < h and 0 <= at_w < w
            if inside and indices[image, channel, row, column] < 0 \
                    and x[image, channel, at_h, at_w] == y[image, channel, row, column]:
                indices[image, channel, row, column] = at_h * w + at_w
    return y, indices


def of_height_one(oracle):
    """The oracle of images for sequences; options that are ints or None are those along the width."""
    rest = {"kernel_size": 1, "stride": 1, "dilation": 1, "padding": 0}

    def along(x, *inputs, **options):
        options = {name: (rest[name], value) if name in rest and value is not None else value
                   for name, value in options.items()}
        found = oracle(x[:, :, None], *inputs, **options)
        return tuple(y[:, :, 0] for y in found) if isinstance(found, tuple) else found[:, :, 0]

    return along


def lp_pool2d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(mean of the p-th powers, times the size of a whole window)^(1/p); the largest or smallest magnitude."""
    kh, kw = pair(kernel_size)
    sh, sw = (kh, kw) if stride is None else pair(stride)
    n, c, h, w = x.shape
    y = np.zeros((n, c, pooled(h, kh, sh, 0, 1, ceil_mode), pooled(w, kw, sw, 0, 1, ceil_mode)))
    for image, channel, p, q in np.ndindex(*y.shape):
        window = [x[image, channel, row, column].item() for row in range(p * sh, min(p * sh + kh, h))
                  for column in range(q * sw, min(q * sw + kw, w))]
        if math.isinf(norm_type):
            y[image, channel, p, q] = (max if norm_type > 0 else min)([abs(v) for v in window])
        else:
            mean = math.fsum([v ** norm_type for v in window]) / len(window)
            y[image, channel, p, q] = (mean * kh * kw) ** (1 / norm_type)
    return y


# --- adaptive -------------------------------------------------------------------------------------------------

def window(n, out, i):
    """The places of window i of `out` over n elements."""
    return range(math.floor(i * n / out), math.ceil((i + 1) * n / out))


def window_places(x, n, out):
    """A column for each window, its last place repeated."""
    windows = [list(window(n, out, i)) for i in range(out)]
    longest = max([len(places) for places in windows], default=1)
    return np.array([[places[min(k, len(places) - 1)] for places in windows] for k in range(longest)], int)


def adaptive(x, output_size, chosen):
    """What `chosen` makes of the [(place, value)] of every window."""
    p, q = pair(output_size)
    n, c, h, w = x.shape
    found = {}
    for at in np.ndindex(n, c, p, q):
        image, channel, i, j = at
        found[at] = chosen([(row * w + column, x[image, channel, row, column].item())
                            for row in window(h, p, i) for column in window(w, q, j)])
    return found, (n, c, p, q)


def filled(found, shape, dtype=float):
    y = np.zeros(shape, dtype)
    for at, value in found.items():
        y[at] = value
    return y


def adaptive_sum(x, output_size):
    return filled(*adaptive(x, output_size, lambda window: math.fsum([v for _, v in window])))


def adaptive_avg_pool2d(x, output_size):
    return filled(*adaptive(x, output_size, lambda window: math.fsum([v for _, v in window]) / len(window)))


def adaptive_max_pool2d(x, output_size):
    return filled(*adaptive(x, output_size, lambda window: max([v for _, v in window])))


def adaptive_max_pool2d_with_indices(x, output_size):
    """Of equals the first."""
    found, shape = adaptive(x, output_size, lambda window: max(window, key=lambda entry: (entry[1], -entry[0]))[0])
    return adaptive_max_pool2d(x, output_size), filled(found, shape, int)


def along_width(oracle):
    """An adaptive oracle of images for sequences."""
    def along(x, output_size):
        size = output_size if isinstance(output_size, int) else output_size[0]
        found = oracle(x[:, :, None], (1, size))
        return tuple(y[:, :, 0] for y in found) if isinstance(found, tuple) else found[:, :, 0]

    return along


# --- back -----------------------------------------------------------------------------------------------------

def place_along_last(x, indices, length):
    """y[n, c, indices[n, c, i]] = x[n, c, i], in the order of i."""
    y = np.zeros((*x.shape[:2], length))
    for n, c, i in np.ndindex(*x.shape):
        y[n, c, indices[n, c, i]] = x[n, c, i]
    return y


def max_unpool2d(x, indices, output_size):
    h, w = pair(output_size)
    y = np.zeros((*x.shape[:2], h, w))
    for n, c, p, q in np.ndindex(*x.shape):
        y[n, c, indices[n, c, p, q] // w, indices[n, c, p, q] % w] = x[n, c, p, q]
    return y


def max_unpool1d(x, indices, output_size):
    return place_along_last(x, indices, output_size if isinstance(output_size, int) else output_size[0])


ORACLES = {
    "pixel_numbers": pixel_numbers,
    "max_pool1d": of_height_one(max_pool2d),
    "max_pool1d_with_indices": of_height_one(max_pool2d_with_indices),
    "max_pool2d_with_indices": max_pool2d_with_indices,
    "avg_pool1d": of_height_one(avg_pool2d),
    "lp_pool1d": of_height_one(lp_pool2d),
    "lp_pool2d": lp_pool2d,
    "window_places": window_places,
    "adaptive_sum": adaptive_sum,
    "adaptive_avg_pool1d": along_width(adaptive_avg_pool2d),
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "adaptive_max_pool1d": along_width(adaptive_max_pool2d),
    "adaptive_max_pool1d_with_indices": along_width(adaptive_max_pool2d_with_indices),
    "adaptive_max_pool2d": adaptive_max_pool2d,
    "adaptive_max_pool2d_with_indices": adaptive_max_pool2d_with_indices,
    "place_along_last": place_along_last,
    "max_unpool1d": max_unpool1d,
    "max_unpool2d": max_unpool2d,
}
