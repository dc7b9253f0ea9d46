"""Oracles of the activations and of dropout: Python's math on one number after the other."""

import math

import numpy as np

from oracles.elementwise import elementwise, sigmoid
from oracles.normalization import softmax


def softplus(x, beta=1.0, threshold=math.inf):
    """log(1 + e^(beta x)) / beta, and x itself above the threshold."""
    return x if beta * x > threshold else math.log1p(math.exp(beta * x)) / beta


def normal_below(x):
    """The probability that a normal number is below x."""
    return math.erfc(-x / math.sqrt(2)) / 2


def gelu(x, approximate="none"):
    """x times the probability, or times its approximation."""
    if approximate == "none":
        return x * normal_below(x)
    return x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))) / 2


def shrunk(x, lambd=0.5):
    """x moved towards 0."""
    return x - lambd if x > lambd else x + lambd if x < -lambd else 0.0


def alpha_dropout(x, mask, p):
    """An element is kept or put to where selu saturates; then all is scaled and shifted."""
    low = -1.0507009873554805 * 1.6732632423543772
    scale = ((1 - p) * (1 + p * low ** 2)) ** -0.5
    return scale * (x if mask else low) - scale * p * low


ACTIVATIONS = {
    "gate": lambda x, mask: x if mask else 0.0,
    "threshold": lambda x, threshold, value: x if x > threshold else float(value),
    "hardtanh": lambda x, min_val=-1.0, max_val=1.0: float(min_val if x < min_val else max_val if x > max_val else x),
    "hardsigmoid": lambda x: 0.0 if x <= -3 else 1.0 if x >= 3 else x / 6 + 0.5,
    "hardswish": lambda x: 0.0 if x <= -3 else x if x >= 3 else x * (x / 6 + 0.5),
    "softshrink": shrunk,
    "hardshrink": lambda x, lambd=0.5: 0.0 if -lambd <= x <= lambd else x,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "celu": lambda x, alpha=1.0: x if x > 0 else alpha * math.expm1(x / alpha),
    "gelu": gelu,
    "mish": lambda x: x * math.tanh(softplus(x)),
    "softplus": softplus,
    "logsigmoid": lambda x: -softplus(-x),
    "softsign": lambda x: x / (1 + abs(x)),
    "tanhshrink": lambda x: x - math.tanh(x),
    "alpha_dropout": alpha_dropout,
}


def prelu(x, weight):
    """One slope for all, or one for each place of axis 1."""
    y = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        slope = weight.reshape(-1)[place[1] if weight.size > 1 else 0].item()
        y[place] = x[place].item() if x[place] > 0 else slope * x[place].item()
    return y


def glu(x, axis=-1):
    """An element of the first half with the one of the second half that stands in its place."""
    axis = axis % x.ndim
    half = x.shape[axis] // 2
    y = np.zeros(x.shape[:axis] + (half,) + x.shape[axis + 1:])
    for place in np.ndindex(y.shape):
        gate = place[:axis] + (place[axis] + half,) + place[axis + 1:]
        y[place] = x[place].item() * sigmoid(x[gate].item())
    return y


ORACLES = {name: elementwise(function) for name, function in ACTIVATIONS.items()} | {
    "prelu": prelu,
    "glu": glu,
    "softmin": lambda x, axis=-1: softmax(-x, axis),
}
