"""Activations with an exponential in them, as primitives that save only their input.

They are computed so that nothing overflows, in float32 at least: half precision is widened on the way in, in the
formulas too.
"""

from __future__ import annotations

from math import inf, pi, sqrt
from typing import Any

from ..backend import namespace
from ..fused import fused
from ..op import op
from .elementwise import abs, exp, sigmoid, square, tanh, where
from .error_function import erf
from .joining import split
from .kernels import primitive_kernel
from .logic import greater, greater_equal, less, less_equal
from .precision import check_floating, narrowed, widened
from .rounding import clip

__all__ = ["celu", "elu", "gelu", "glu", "logsigmoid", "mish", "selu", "silu", "softplus", "softsign", "tanhshrink"]

# --- straight on the right, an exponential on the left ----------------------------------------------------------


@op
def elu(x, alpha=1.0):
    """x where x > 0, else alpha * (e^x - 1); the gradient at 0 is alpha. Clevert et al. 2015, equation 15."""
    return bent(x, 1.0, alpha, 1.0)

elu.gradient(x=lambda g, x, alpha: g * bent_slope(widened(x), 1.0, alpha, 1.0))

# The fixed point of mean 0 and variance 1: Klambauer et al. 2017, equation 14, to all digits of float64.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804935


@op
def selu(x):
    """scale * elu(x, alpha) with the alpha and scale that keep mean 0 and variance 1. Klambauer et al. 2017."""
    return bent(x, SELU_SCALE, SELU_SCALE * SELU_ALPHA, 1.0)

selu.gradient(x=lambda g, x: g * bent_slope(widened(x), SELU_SCALE, SELU_SCALE * SELU_ALPHA, 1.0))


@op
def celu(x, alpha=1.0):
    """x where x > 0, else alpha * (e^(x / alpha) - 1), whose gradient at 0 is 1 for every alpha. Barron 2017."""
    if not alpha:
        raise ValueError("celu: alpha must not be 0")
    return bent(x, 1.0, alpha, 1 / alpha)

celu.gradient(x=lambda g, x, alpha: g * bent_slope(widened(x), 1.0, 1.0, 1 / alpha))


def bent(x: Any, right: float, left: float, rate: float) -> Any:
    """right * x where x > 0, else left * (e^(rate * x) - 1)."""
    check_floating(x)
    xp, wider = namespace(x), widened(x)
    return narrowed(where(wider > 0, wider * right, left * xp.expm1(xp.minimum(wider, 0) * rate)), x)


def bent_slope(x: Any, right: float, left: float, rate: float) -> Any:
    """right where x > 0, else left * e^(rate * x); at 0 itself the slope does not change with x."""
    return where(less_equal(x, 0), left * exp(where(less(x, 0), x * rate, 0)), right)


# --- the logistic function's relatives ------------------------------------------------------------------------

@op
def softplus(x, beta=1.0, threshold=inf):
    """log(1 + e^(beta * x)) / beta; x itself where beta * x > threshold. Dugas et al. 2000."""
    check_floating(x)
    xp, wider = namespace(x), widened(x)
    scaled = wider if beta == 1 else wider * beta
    y = xp.maximum(scaled, 0) + xp.log1p(xp.exp(-xp.abs(scaled)))
    y = y if beta == 1 else y / beta
    return narrowed(y if threshold == inf else where(scaled > threshold, wider, y), x)

softplus.gradient(x=lambda g, x, beta, threshold: softplus_slope(g, widened(x) * beta, threshold))


def softplus_slope(g, scaled, threshold):
    """g * sigmoid(beta * x); g where beta * x is above the threshold. On the threshold it does not change with x."""
    if threshold == inf:
        return g * sigmoid(scaled)
    slope = sigmoid(where(greater_equal(scaled, threshold), threshold, scaled))
    return where(greater(scaled, threshold), g, g * slope)


@op
def logsigmoid(x):
    """log(sigmoid(x)) = -softplus(-x)"""
    check_floating(x)
    xp, wider = namespace(x), widened(x)
    return narrowed(xp.minimum(wider, 0) - xp.log1p(xp.exp(-xp.abs(wider))), x)

logsigmoid.gradient(x=lambda g, x: g * sigmoid(-widened(x)))


@op
def silu(x):
    """x * sigmoid(x), also called swish. Elfwing et al. 2017; Ramachandran et al. 2017."""
    check_floating(x)
    wider = widened(x)
    return narrowed(wider * sigmoid(wider), x)

silu.gradient(x=lambda g, x: g * silu_slope(widened(x)))
primitive_kernel(silu, "gelu")


def silu_slope(x):
    """s + x * s * (1 - s) for s = sigmoid(x)."""
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


@op
def mish(x):
    """x * tanh(softplus(x)). Misra 2019."""
    check_floating(x)
    wider = widened(x)
    return narrowed(wider * tanh(softplus(wider)), x)

mish.gradient(x=lambda g, x: g * mish_slope(widened(x)))


def mish_slope(x):
    """t + x * sigmoid(x) * (1 - t^2) for t = tanh(softplus(x))."""
    t = tanh(softplus(x))
    return t + x * sigmoid(x) * (1 - square(t))


@op
def gelu(x, approximate="none"):
    """x * P(x), where P(x) is the probability that a normal number is below x. Hendrycks & Gimpel 2016.

    approximate: "none", P(x) = (1 + erf(x / sqrt(2))) / 2; or "tanh", the paper's approximation
    P(x) = (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2. ValueError for anything else.
    """
    check_floating(x)
    wider = widened(x)
    return narrowed(wider * (below(wider) if exact(approximate) else below_by_tanh(wider)), x)

gelu.gradient(x=lambda g, x, approximate: (
    g * (gelu_slope(widened(x)) if exact(approximate) else gelu_tanh_slope(widened(x)))))
primitive_kernel(gelu, "gelu")


FAR = 40.0                      # farther from 0 than this all densities are 0, and squares might overflow


def exact(approximate: str) -> bool:
    """What the word asks for."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', {approximate!r} came")
    return approximate == "none"


def below(x):
    """The probability that a normal number is below x."""
    return 0.5 * (1 + erf(x * sqrt(0.5)))


def gelu_slope(x):
    """P(x) + x * p(x), p the density e^(-x^2 / 2) / sqrt(2 * pi)."""
    near = clip(x, -FAR, FAR)
    return below(near) + x * exp(-0.5 * square(near)) * (1 / sqrt(2 * pi))


def below_by_tanh(x):
    """The same by the paper's approximation."""
    near = clip(x, -FAR, FAR)
    return 0.5 * (1 + tanh(sqrt(2 / pi) * (near + 0.044715 * near * square(near))))


def gelu_tanh_slope(x):
    """P(x) + x * P'(x) = P(x) + 2 * x * P(x) * (1 - P(x)) * u'(x), where P(x) = (1 + tanh(u(x))) / 2."""
    p = below_by_tanh(x)
    return p + 2 * x * p * (1 - p) * (sqrt(2 / pi) * (1 + 3 * 0.044715 * square(clip(x, -FAR, FAR))))


@fused
def glu(x, axis=-1):
    """One half of x gated by the other: a * sigmoid(b). Dauphin et al. 2016.

    x (..., 2d, ...)   ->   y (..., d, ...): a is the first half along `axis`, b the second
    Raises ValueError if the axis cannot be halved, TypeError for integers.
    """
    a, b = split(widened(x), 2, axis)
    return narrowed(a * sigmoid(b), x)

glu.rules(x="gx = (g * s, g * a * s * (1 - s)) side by side, s = sigmoid(b)")


def check_glu(x, axis):
    """Errors for what cannot be halved."""
    check_floating(x)
    if not x.shape:
        raise ValueError("glu: expected an axis to halve, x is a single number")
    if not -len(x.shape) <= axis < len(x.shape):
        raise IndexError(f"glu: axis {axis} is out of bounds for x {x.shape}")
    if x.shape[axis] % 2:
        raise ValueError(f"glu: expected an even length along axis {axis}, it is {x.shape[axis]} (x {x.shape})")


glu.checked_by(check_glu)

# --- quotients and differences --------------------------------------------------------------------------------


@op
def softsign(x):
    """x / (1 + |x|). Bergstra et al. 2009."""
    return x / (1 + namespace(x).abs(x))

softsign.gradient(x=lambda g, x: twice_divided(g, 1 + abs(widened(x))))


def twice_divided(g, a):
    """g / a^2, where a^2 might overflow."""
    return g / a / a


@op
def tanhshrink(x):
    """x - tanh(x)"""
    wider = widened(x)
    return narrowed(wider - tanh(wider), x)

tanhshrink.gradient(x=lambda g, x: g * square(tanh(widened(x))))
