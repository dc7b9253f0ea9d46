"""Dropout as primitives: the caller draws the mask."""

from __future__ import annotations

from math import sqrt

from ..op import op
from .elementwise import gate, where
from .precision import check_floating
from .smooth_activations import SELU_ALPHA, SELU_SCALE

__all__ = ["alpha_dropout", "dropout"]


@op
def dropout(x, mask, p=0.5):
    """x / (1 - p) where the mask holds, else 0. Srivastava et al. 2014.

    mask: boolean, like x or broadcast against it, drawn by the caller.
    """
    check_probability("dropout", p)
    check_floating(x)
    return gate(x * inflation(p), mask)

dropout.gradient(x=lambda g, mask, p: gate(g * inflation(p), mask))


def check_probability(caller, p):
    if isinstance(p, str) or not 0 <= p <= 1:
        raise ValueError(f"{caller}: the probability must be in [0, 1], {p!r} came")


def inflation(p):
    """What makes up for the part p that is dropped."""
    return 1 / (1 - p) if p < 1 else 0.0


@op
def alpha_dropout(x, mask, p=0.5):
    """a * x + b where the mask holds, else a * low + b: dropout that keeps mean 0 and variance 1.

    mask: boolean, like x or broadcast against it, drawn by the caller.   low: where selu saturates
    a = 1 / sqrt((1 - p) * (1 + p * low^2)),   b = -a * p * low; with p 1 all is 0. Klambauer et al. 2017, section 3.
    """
    check_floating(x)
    check_probability("alpha_dropout", p)
    a = rescaling(p)
    return (where(mask, x, LOW) * a - a * p * LOW).astype(x.dtype, copy=False)

alpha_dropout.gradient(x=lambda g, mask, p: gate(g * rescaling(p), mask))

LOW = -SELU_SCALE * SELU_ALPHA


def rescaling(p):
    """What brings the variance back to 1."""
    return 1 / sqrt((1 - p) * (1 + p * LOW ** 2)) if p < 1 else 0.0
