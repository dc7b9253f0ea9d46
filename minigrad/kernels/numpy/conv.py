"""conv2d on images that lie channels last, the way that suits its shape:

    conv_pointwise   1x1 filters: one matrix product over all pixels
    conv_columns     matrix products of blocks of columns; all that no other does
    conv_depthwise   a filter for each channel
    conv_grouped     groups of channels, each by columns

A way is a module with outputs(x, filters, window, y, end), input_gradient(g, filters, window, gx) and
weight_gradient(x, g, window), on x (n, h, w, c), filters (k, i, j, c/groups), y and g (n, p, q, k). Nothing is kept for
the backward pass but the arguments, and y where ReLU follows.
"""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np

from ... import layout
from ...products import product
from . import conv_columns, conv_depthwise, conv_grouped, conv_pointwise
from .common import full_precision
from .conv_end import End
from .conv_window import Window, window_of
from .flat import elementwise, gated


def way_of(c: int, k: int, groups: int, window: Window):
    """The way for c input and k output channels."""
    if groups == 1:
        return conv_pointwise if window.is_pointwise else conv_columns
    if groups == c:
        return conv_depthwise
    return SimpleNamespace(**{name: partial(getattr(conv_grouped, name), groups=groups)
                              for name in ("outputs", "input_gradient", "weight_gradient")})


def conv2d_fits(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return full_precision(x, weight, bias) and x.size > 0


def conv2d_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return convolved(x, weight, stride, padding, dilation, groups, End(bias)), None


def conv2d_backward(needs, g, kept, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return gradients(needs, layout.pixels(g), x, weight, stride, padding, dilation, groups)


conv2d_relu_fits = conv2d_fits


def conv2d_relu_forward(needs, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = convolved(x, weight, stride, padding, dilation, groups, End(bias, relu=True))
    return y, y if any(needs) else None


def conv2d_relu_backward(needs, g, y, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    g = elementwise(gated, layout.pixels(g), layout.pixels(y))
    return gradients(needs, g, x, weight, stride, padding, dilation, groups)


def convolved(x: np.ndarray, weight: np.ndarray, stride, padding, dilation, groups: int, end: End) -> np.ndarray:
    """y (n, k, p, q)"""
    window = window_of(x.shape, weight.shape, stride, padding, dilation)
    y = layout.images((len(x), len(weight), *window.out), x.dtype)
    way = way_of(x.shape[1], len(weight), groups, window)
    way.outputs(layout.pixels(x), layout.pixels(weight), window, layout.as_pixels(y), end=end)
    return y


def gradients(needs, g: np.ndarray, x: np.ndarray, weight: np.ndarray, stride, padding, dilation, groups: int) -> tuple:
    """The gradients of conv2d's arguments, of those that need one. g (n, p, q, k)"""
    window = window_of(x.shape, weight.shape, stride, padding, dilation)
    way = way_of(x.shape[1], len(weight), groups, window)
    gx = gweight = gbias = None
    if needs[0]:
        gx = layout.images(x.shape, x.dtype)
        way.input_gradient(g, layout.pixels(weight), window, layout.as_pixels(gx))
    if needs[1]:
        gweight = filters_like(weight, way.weight_gradient(layout.pixels(x), g, window))
    if needs[2]:
        gbias = sum_of_pixels(g)
    return gx, gweight, gbias, None, None, None, None


def filters_like(weight: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """gradient (k, i, j, c) as an array like weight (k, c, i, j) that owns its memory."""
    gweight = layout.images(weight.shape, weight.dtype)
    np.copyto(layout.as_pixels(gweight), gradient)
    return gweight


def sum_of_pixels(g: np.ndarray) -> np.ndarray:
    """g (n, p, q, k) added up to (k,), as a product with ones: faster than a sum."""
    rows, total = g.reshape(-1, g.shape[-1]), np.empty(g.shape[-1], g.dtype)
    product(np.ones((1, len(rows)), g.dtype), rows, total[None])
    return total
