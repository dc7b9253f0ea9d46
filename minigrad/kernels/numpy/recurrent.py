"""The cells of recurrent networks: gates computed in place in one array, and no tape inside a step."""

from __future__ import annotations

import numpy as np

from ...products import product
from .common import full_precision


def affine(x, weight, bias):
    """x weight^T + bias, or a copy of x where weight is None: an array that may be changed."""
    if weight is None:
        return x.copy()
    y = product(x, weight.T)
    if bias is not None:
        y += bias
    return y


def logistic(x):
    """sigmoid(x) in place of x; e^-x is kept from overflowing."""
    x *= -1                                             # NumPy 2.4's negative is wrong in place of a single column
    np.minimum(x, 88 if x.dtype == np.float32 else 709, out=x)
    np.exp(x, out=x)
    x += 1
    np.reciprocal(x, out=x)


def gradients(needs, gx, gh, x, w_ih, h, w_hh):
    """Of x, h, w_ih, w_hh, b_ih and b_hh, from those of the products x w_ih^T (gx) and h w_hh^T (gh), where needed.

    needs: of these six.
    """
    return (
        None if not needs[0] else gx.copy() if w_ih is None else product(gx, w_ih),
        product(gh, w_hh) if needs[1] else None,
        product(gx.T, x) if needs[2] else None,
        product(gh.T, h) if needs[3] else None,
        gx.sum(0) if needs[4] else None,
        gh.sum(0) if needs[5] else None,
    )


# --- rnn_cell -------------------------------------------------------------------------------------------------

def rnn_cell_fits(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity):
    return full_precision(x, h, w_ih, w_hh, b_ih, b_hh)


def rnn_cell_forward(needs, x, h, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh"):
    y = affine(h, w_hh, b_hh)
    y += x if w_ih is None else affine(x, w_ih, b_ih)
    np.tanh(y, out=y) if nonlinearity == "tanh" else np.maximum(y, 0, out=y)
    return y, y


def rnn_cell_backward(needs, g, y, x, h, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh"):
    ga = g * (1 - y * y) if nonlinearity == "tanh" else g * (y > 0)
    return *gradients(needs, ga, ga, x, w_ih, h, w_hh), None


# --- lstm_cell ------------------------------------------------------------------------------------------------

def lstm_cell_fits(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return full_precision(x, h, c, w_ih, w_hh, b_ih, b_hh)


def lstm_cell_forward(needs, x, h, c, w_ih, w_hh, b_ih=None, b_hh=None):
    d = c.shape[1]
    gates = affine(h, w_hh, b_hh)                                              # (n, 4d)
    gates += x if w_ih is None else affine(x, w_ih, b_ih)
    logistic(gates[:, :2 * d])
    np.tanh(gates[:, 2 * d:3 * d], out=gates[:, 2 * d:3 * d])
    logistic(gates[:, 3 * d:])
    i, f, g, o = quarters(gates)
    new_c = f * c
    new_c += i * g
    squashed = np.tanh(new_c)
    return (o * squashed, new_c), (gates, squashed)


def lstm_cell_backward(needs, arrived, kept, x, h, c, w_ih, w_hh, b_ih=None, b_hh=None):
    (gh, gc), (gates, squashed) = arrived, kept
    i, f, g, o = quarters(gates)
    ga = 1 - gates
    ga *= gates                                                                 # the sigmoids' slopes
    s = np.zeros_like(c) if gc is None else gc
    ga_i, ga_f, ga_g, ga_o = quarters(ga)
    if gh is None:
        ga_o[...] = 0
    else:
        through = 1 - squashed * squashed
        through *= o
        through *= gh
        through += s
        s = through
        ga_o *= squashed
        ga_o *= gh
    ga_i *= g
    ga_i *= s
    ga_f *= c
    ga_f *= s
    np.multiply(g, g, out=ga_g)
    np.subtract(1, ga_g, out=ga_g)
    ga_g *= i
    ga_g *= s
    gx, gh, *weights = gradients(needs[:2] + needs[3:], ga, ga, x, w_ih, h, w_hh)
    return gx, gh, s * f if needs[2] else None, *weights


def quarters(gates):
    """Views of the input gate, the forget gate, the candidate and the output gate."""
    d = gates.shape[1] // 4
    return gates[:, :d], gates[:, d:2 * d], gates[:, 2 * d:3 * d], gates[:, 3 * d:]


# --- gru_cell -------------------------------------------------------------------------------------------------

def gru_cell_fits(x, h, w_ih, w_hh, b_ih, b_hh):
    return full_precision(x, h, w_ih, w_hh, b_ih, b_hh)


def gru_cell_forward(needs, x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    d = h.shape[1]
    gates, from_h = affine(x, w_ih, b_ih), affine(h, w_hh, b_hh)              # (n, 3d) each
    gates[:, :2 * d] += from_h[:, :2 * d]
    logistic(gates[:, :2 * d])
    r, z, n = gates[:, :d], gates[:, d:2 * d], gates[:, 2 * d:]
    n_h = from_h[:, 2 * d:]
    n += r * n_h
    np.tanh(n, out=n)
    y = h - n                                                                   # h' = n + z * (h - n)
    y *= z
    y += n
    return y, (gates, n_h)


def gru_cell_backward(needs, g, kept, x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    gates, n_h = kept
    d = h.shape[1]
    r, z, n = gates[:, :d], gates[:, d:2 * d], gates[:, 2 * d:]
    gx = 1 - gates
    gx *= gates                                                                 # the sigmoids' slopes
    gx_n = (1 - n * n) * (1 - z)
    gx_n *= g
    gx[:, 2 * d:] = gx_n
    gx[:, :d] *= gx_n * n_h
    gx[:, d:2 * d] *= g * (h - n)
    gh = gx.copy()                                                              # of the product h w_hh^T + b_hh
    gh[:, 2 * d:] *= r
    ga_x, ga_h, *weights = gradients(needs, gx, gh, x, w_ih, h, w_hh)
    if needs[1]:
        ga_h += g * z                                                           # h' also passes h on
    return ga_x, ga_h, *weights
