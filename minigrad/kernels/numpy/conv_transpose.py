"""conv_transpose2d as the gradient of a convolution's images, on images that lie channels last.

With the convolution that has y as its images, x as its outputs and the same filters, (c, i, j, k/groups):

    y = its input gradient for x        gx = its outputs for g        gfilters = its filters' gradient for g and x
"""

from __future__ import annotations

from ... import layout
from .common import full_precision
from .conv import filters_like, sum_of_pixels, way_of
from .conv_end import End
from .conv_window import transposed_window_of


def conv_transpose2d_fits(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    return full_precision(x, weight, bias) and x.size > 0


def conv_transpose2d_forward(needs, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    window = transposed_window_of(x.shape, weight.shape, stride, padding, output_padding, dilation)
    k = weight.shape[1] * groups
    y = layout.images((len(x), k, *window.image), x.dtype)
    way_of(k, len(weight), groups, window).input_gradient(
        layout.pixels(x), layout.pixels(weight), window, layout.as_pixels(y), end=End(bias))
    return y, None


def conv_transpose2d_backward(needs, g, kept, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                              dilation=1):
    window = transposed_window_of(x.shape, weight.shape, stride, padding, output_padding, dilation)
    way = way_of(weight.shape[1] * groups, len(weight), groups, window)
    g = layout.pixels(g)
    gx = gweight = gbias = None
    if needs[0]:
        gx = layout.images(x.shape, x.dtype)
        way.outputs(g, layout.pixels(weight), window, layout.as_pixels(gx))
    if needs[1]:
        gweight = filters_like(weight, way.weight_gradient(g, layout.pixels(x), window))
    if needs[2]:
        gbias = sum_of_pixels(g)
    return gx, gweight, gbias, None, None, None, None, None
