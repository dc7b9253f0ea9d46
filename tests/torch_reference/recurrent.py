"""Steps of recurrent networks. Where x is already multiplied, or h narrower than c, PyTorch has no function."""

import torch


def identity(x, rows):
    """The weight with which x stays as it is."""
    return torch.eye(rows, dtype=x.dtype)


def rnn_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh"):
    step = torch.rnn_tanh_cell if nonlinearity == "tanh" else torch.rnn_relu_cell
    return step(x, h, identity(x, len(w_hh)) if w_ih is None else w_ih, w_hh, b_ih, b_hh)


def lstm_cell(x, h, c, w_ih, w_hh, b_ih=None, b_hh=None):
    if h.shape == c.shape and (b_ih is None) == (b_hh is None):
        return torch.lstm_cell(x, (h, c), identity(x, len(w_hh)) if w_ih is None else w_ih, w_hh, b_ih, b_hh)
    total = torch.nn.functional.linear(h, w_hh, b_hh)
    total = total + (x if w_ih is None else torch.nn.functional.linear(x, w_ih, b_ih))
    i, f, g, o = total.chunk(4, 1)
    new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(new_c), new_c


def gru_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    return torch.gru_cell(x, h, identity(x, len(w_hh)) if w_ih is None else w_ih, w_hh, b_ih, b_hh)


TORCH = {
    "rnn_cell": rnn_cell,
    "lstm_cell": lstm_cell,
    "gru_cell": gru_cell,
}
