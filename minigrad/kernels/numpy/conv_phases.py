"""The gradient of a convolution's images, which is also the forward of its transpose.

With stride s, the pixels of an image fall in s*s phases. Those of a phase are reached by the same offsets of the
filter, and their gradient is a convolution of g with stride 1 with these offsets, backwards (`conv_window.phases`): as
many multiplications as the forward has, no zeros between the elements of g. With stride 1 there is one phase, and the
convolution is that of g with the whole filter, turned around. Dumoulin and Visin, A guide to convolution arithmetic for
deep learning, 2016, chapter 4; Shi et al., Is the deconvolution layer the same as a convolutional layer?, 2016.
"""

from __future__ import annotations

import numpy as np

from .conv_end import End
from .conv_window import Phase, Window, phases


def by_phases(convolve, g: np.ndarray, weight: np.ndarray, window: Window, gx: np.ndarray, end: End) -> None:
    """gx (n, h, w, c) for g (n, p, q, k) and weight (k, i, j, c), or any other whose axes 1 and 2 are the offsets.

    convolve(g, weight with its offsets backwards, window, phase of gx, end) does one phase. end: perhaps a bias.
    """
    for above in phases(0, window):
        for beside in phases(1, window):
            part = gx[:, above.pixels, beside.pixels]
            if above.taps and beside.taps:
                convolve(g, weight[:, above.offsets, beside.offsets], phase_window(window, above, beside), part, end)
            else:                                                   # no position reaches these pixels
                part[...] = 0 if end.bias is None else end.bias


def phase_window(window: Window, above: Phase, beside: Phase) -> Window:
    """The window of the convolution that gives a phase."""
    return Window(window.out, (above.length, beside.length), (above.taps, beside.taps), (1, 1),
                  (above.before, beside.before), (above.dilation, beside.dilation))
