"""Oracles of the steps of recurrent networks: one sequence, one unit after the other."""

import math

import numpy as np


def sums(x, weight, bias):
    """One row: sum over k of weight[j, k] x[k] + bias[j]; x itself where there is no weight."""
    if weight is None:
        return [value.item() for value in x]
    products = [[weight[j, k].item() * x[k].item() for k in range(len(x))] for j in range(len(weight))]
    return [math.fsum(terms) + (0.0 if bias is None else bias[j].item()) for j, terms in enumerate(products)]


def logistic(a):
    return 1 / (1 + math.exp(-a)) if a >= 0 else math.exp(a) / (1 + math.exp(a))


def rnn_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh"):
    """h'[j] = tanh (or relu) of the sum from the input and the sum from the state."""
    y = np.zeros(h.shape)
    for row in range(len(x)):
        for j, (a, b) in enumerate(zip(sums(x[row], w_ih, b_ih), sums(h[row], w_hh, b_hh), strict=True)):
            y[row, j] = math.tanh(a + b) if nonlinearity == "tanh" else max(a + b, 0.0)
    return y


def lstm_cell(x, h, c, w_ih, w_hh, b_ih=None, b_hh=None):
    """The rows of the weights: input gates of all units, then forget gates, candidates, output gates."""
    new_h, new_c = np.zeros(c.shape), np.zeros(c.shape)
    d = c.shape[1]
    for row in range(len(x)):
        a, b = sums(x[row], w_ih, b_ih), sums(h[row], w_hh, b_hh)
        for j in range(d):
            i, f, g, o = [a[part * d + j] + b[part * d + j] for part in range(4)]
            new_c[row, j] = logistic(f) * c[row, j] + logistic(i) * math.tanh(g)
            new_h[row, j] = logistic(o) * math.tanh(new_c[row, j])
    return new_h, new_c


def gru_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    """The rows of the weights: reset gates of all units, then update gates, candidates."""
    y = np.zeros(h.shape)
    d = h.shape[1]
    for row in range(len(x)):
        a, b = sums(x[row], w_ih, b_ih), sums(h[row], w_hh, b_hh)
        for j in range(d):
            reset, update = logistic(a[j] + b[j]), logistic(a[d + j] + b[d + j])
            candidate = math.tanh(a[2 * d + j] + reset * b[2 * d + j])
            y[row, j] = (1 - update) * candidate + update * h[row, j]
    return y


ORACLES = {
    "rnn_cell": rnn_cell,
    "lstm_cell": lstm_cell,
    "gru_cell": gru_cell,
}
