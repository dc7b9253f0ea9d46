"""Activations and dropout as primitives: they save an output, a mask or their input, never more."""

from __future__ import annotations

from ..backend import namespace
from ..op import op
from .elementwise import sigmoid, where
from .logic import greater

__all__ = ["dropout", "elu", "leaky_relu", "relu", "silu", "softplus"]


@op
def relu(x):
    """maximum(x, 0). Its gradient at 0 is 0; NaN passes through. Nair & Hinton 2010."""
    return namespace(x).maximum(x, 0)

relu.gradient(x=lambda g, y: g * greater(y, 0))


@op
def leaky_relu(x, negative_slope=0.01):
    """x where x > 0, else negative_slope * x. Maas et al. 2013."""
    return namespace(x).where(x > 0, x, x * negative_slope)

leaky_relu.gradient(x=lambda g, x, negative_slope: where(greater(x, 0), g, g * negative_slope))


@op
def elu(x, alpha=1.0):
    """x where x > 0, else alpha * (e^x - 1). Clevert et al. 2015, eq. 15."""
    xp = namespace(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0)))

elu.gradient(x=lambda g, y, x, alpha: where(greater(x, 0), g, g * (y + alpha)))


@op
def silu(x):
    """x * sigmoid(x), also called swish. Elfwing et al. 2017; Ramachandran et al. 2017."""
    return x * sigmoid(x)

silu.gradient(x=lambda g, x: g * sigmoid(x) * (1 + x * (1 - sigmoid(x))))


@op
def softplus(x):
    """log(1 + e^x), computed so that nothing overflows."""
    xp = namespace(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))

softplus.gradient(x=lambda g, x: g * sigmoid(x))


@op
def dropout(x, mask, p=0.5):
    """x / (1 - p) where the mask holds, else 0. Srivastava et al. 2014.

    mask: boolean, like x, drawn by the caller.
    """
    return where(mask, x * (1 / (1 - p) if p < 1 else 0.0), 0)

dropout.gradient(x=lambda g, mask, p: where(mask, g * (1 / (1 - p) if p < 1 else 0.0), 0))
