"""Normalisation by a norm: of a vector, or of the channels nearby."""

from __future__ import annotations

from math import prod

from ..fused import fused
from .elementwise import power, where
from .logic import less
from .norms import norm
from .padding import pad
from .pool import avg_pool2d
from .precision import check_floating, narrowed, widened
from .reductions import axes_of
from .shape import reshape

__all__ = ["local_response_norm", "normalize"]


@fused
def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    """Divide every element by a power of the mean square of the `size` channels around its own.

    x (n, c, ...)   ->   y like x;  y = x / (k + alpha * mean(x^2))^beta, the mean over channels c - size // 2 up to
    c + (size - 1) // 2; channels that are not there count as zeros. The paper has the sum for the mean.
    Raises ValueError for x without places (fewer than 3 axes), and for size < 1. Krizhevsky et al. 2012, section 3.3.
    """
    if 0 in x.shape:
        return x
    (n, c), wide = x.shape[:2], widened(x)
    image = reshape(wide * wide, (n, 1, c, prod(x.shape[2:])))
    image = pad(image, ((0, 0), (0, 0), (size // 2, (size - 1) // 2), (0, 0)))
    nearby = reshape(avg_pool2d(image, (size, 1), 1), x.shape)
    return narrowed(wide / power(nearby * alpha + k, beta), x)

local_response_norm.rules(
    x="gx = g / s^beta - 2 alpha beta / size * x * (sum of g * x / s^(beta + 1) over the channels nearby), "
      "s = k + alpha * mean(x^2)",
)


def check_local_response_norm(x, size, alpha, beta, k):
    """Errors for an input without places, and for no channels to look at."""
    if len(x.shape) < 3:
        raise ValueError(f"local_response_norm: expected x (n, c, l) or (n, c, h, w), it has shape {x.shape}")
    if size < 1:
        raise ValueError(f"local_response_norm: size must be at least 1, {size} came")


local_response_norm.checked_by(check_local_response_norm)


@fused
def normalize(x, p=2.0, axis=1, eps=1e-12):
    """x / max(norm, eps), the p-norm of vectors along `axis`: an int, a tuple, or None for all axes.

    Vectors shorter than eps are divided by eps, and so are their gradients; p: any number, also 0, infinity, negative.
    Raises TypeError for integers, ValueError for the largest of none (p infinite, an axis of length 0).
    """
    wide = widened(x)
    length = norm(wide, p, axis, True)
    return narrowed(wide / where(less(length, eps), eps, length), x)

normalize.rules(x="gx = (g - y * sum(g * y)) / |x| for p = 2; g / eps where |x| < eps")


def check_normalize(x, p, axis, eps):
    """Errors for integers, and axes that are not there."""
    check_floating(x)
    axes_of(x.shape, axis)


normalize.checked_by(check_normalize)
