"""One step of a recurrent network: from an input and the last state to the next state.

In all three W_ih may be None: then x is already multiplied, x W_ih^T + b_ih. A layer multiplies the inputs of all time
steps in one product and leaves to the steps what has to wait for the state.
"""

from __future__ import annotations

from typing import Any

from ..backend import FLOATS
from ..fused import fused
from .activations import relu
from .elementwise import sigmoid, tanh
from .joining import split
from .kernels import kernel
from .linalg import linear
from .precision import narrowed, widened

__all__ = ["gru_cell", "lstm_cell", "rnn_cell"]


def affine(x: Any, weight: Any, bias: Any) -> Any:
    """x weight^T + bias, in float32 at least; x itself where weight is None."""
    if weight is None:
        return widened(x)
    return linear(widened(x), widened(weight), None if bias is None else widened(bias))


@fused
def rnn_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh"):
    """The next state of a simple recurrent network.

    x (n, in)   h (n, d)   w_ih (d, in)   w_hh (d, d)   b_ih, b_hh (d,)   ->   h' (n, d)
    h' = tanh(x w_ih^T + b_ih + h w_hh^T + b_hh); nonlinearity="relu" puts relu in place of tanh.
    w_ih None: x (n, d) is already multiplied. Raises ValueError for shapes that do not fit together, TypeError for
    integers. Elman 1990.
    """
    total = affine(x, w_ih, b_ih) + affine(h, w_hh, b_hh)                                                  # (n, d)
    return narrowed(tanh(total) if nonlinearity == "tanh" else relu(total), x)

rnn_cell.rules(
    x="gx = ga w_ih, ga = g * (1 - h'^2), for relu g * (h' > 0)",
    h="gh = ga w_hh",
    w_ih="gw_ih = ga^T x",
    w_hh="gw_hh = ga^T h",
    b_ih="gb_ih = ga, summed over the batch",
    b_hh="gb_hh = ga, summed over the batch",
)


@fused
def lstm_cell(x, h, c, w_ih, w_hh, b_ih=None, b_hh=None):
    """The next output and the next cell of a long short-term memory.

    x (n, in)   h (n, p)   c (n, d)   w_ih (4d, in)   w_hh (4d, p)   b_ih, b_hh (4d,)   ->   h' (n, d), c' (n, d)
    i, f, g, o = x w_ih^T + b_ih + h w_hh^T + b_hh, d columns each: input gate, forget gate, candidate, output gate
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)        h' = sigmoid(o) * tanh(c')
    p is d, unless h' is projected before it comes back as h (Sak et al. 2014). w_ih None: x (n, 4d) is already
    multiplied. Raises ValueError for shapes that do not fit together, TypeError for integers.
    Hochreiter & Schmidhuber 1997; the forget gate is that of Gers et al. 2000, without peepholes.
    """
    i, f, g, o = split(affine(x, w_ih, b_ih) + affine(h, w_hh, b_hh), 4, -1)                       # (n, d) each
    new_c = sigmoid(f) * widened(c) + sigmoid(i) * tanh(g)
    return narrowed(sigmoid(o) * tanh(new_c), x), narrowed(new_c, x)

lstm_cell.rules(
    x="gx = ga w_ih, ga the gradients of the four sums before the gates: with i, f, g, o the gates, "
      "s = gc' + gh' * o * (1 - tanh(c')^2), "
      "ga = (s * g * i * (1 - i), s * c * f * (1 - f), s * i * (1 - g^2), gh' * tanh(c') * o * (1 - o))",
    h="gh = ga w_hh",
    c="gc = s * f",
    w_ih="gw_ih = ga^T x",
    w_hh="gw_hh = ga^T h",
    b_ih="gb_ih = ga, summed over the batch",
    b_hh="gb_hh = ga, summed over the batch",
)


@fused
def gru_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    """The next state of a gated recurrent unit.

    x (n, in)   h (n, d)   w_ih (3d, in)   w_hh (3d, d)   b_ih, b_hh (3d,)   ->   h' (n, d)
    r_x, z_x, n_x = x w_ih^T + b_ih and r_h, z_h, n_h = h w_hh^T + b_hh, d columns each
    r = sigmoid(r_x + r_h)      z = sigmoid(z_x + z_h)      n = tanh(n_x + r * n_h)      h' = (1 - z) * n + z * h
    w_ih None: x (n, 3d) is already multiplied. Raises ValueError for shapes that do not fit together, TypeError for
    integers. Cho et al. 2014, in PyTorch's and cuDNN's variant: the reset gate r multiplies the product n_h with its
    bias inside, where the paper multiplies h before the product.
    """
    r_x, z_x, n_x = split(affine(x, w_ih, b_ih), 3, -1)                                             # (n, d) each
    r_h, z_h, n_h = split(affine(h, w_hh, b_hh), 3, -1)
    z = sigmoid(z_x + z_h)
    candidate = tanh(n_x + sigmoid(r_x + r_h) * n_h)
    return narrowed((1 - z) * candidate + z * widened(h), x)

gru_cell.rules(
    x="gx = ga w_ih, ga = (gn * n_h * r * (1 - r), g * (h - n) * z * (1 - z), gn), gn = g * (1 - z) * (1 - n^2)",
    h="gh = g * z + gb w_hh, gb is ga with its last part, gn, times r",
    w_ih="gw_ih = ga^T x",
    w_hh="gw_hh = gb^T h",
    b_ih="gb_ih = ga, summed over the batch",
    b_hh="gb_hh = gb, summed over the batch",
)


# --- errors ---------------------------------------------------------------------------------------------------

def check_rnn(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity):
    """Errors for arguments that do not fit together."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"rnn_cell: nonlinearity must be 'tanh' or 'relu', {nonlinearity!r} came")
    check_cell("rnn_cell", 1, x, h, h, w_ih, w_hh, b_ih, b_hh)


def check_lstm(x, h, c, w_ih, w_hh, b_ih, b_hh):
    """Errors for arguments that do not fit together."""
    check_cell("lstm_cell", 4, x, h, c, w_ih, w_hh, b_ih, b_hh)
    if c.shape[0] != x.shape[0]:
        raise ValueError(f"lstm_cell: x is a batch of {x.shape[0]}, c one of {c.shape[0]} "
                         f"(x {x.shape}, c {c.shape})")


def check_gru(x, h, w_ih, w_hh, b_ih, b_hh):
    """Errors for arguments that do not fit together."""
    check_cell("gru_cell", 3, x, h, h, w_ih, w_hh, b_ih, b_hh)


def check_cell(name: str, parts: int, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> None:
    """Errors for arguments of a cell that do not fit together; c (n, d) has the width d, and w_hh parts*d rows."""
    arrays = {"x": x, "h": h, "c": c, "w_ih": w_ih, "w_hh": w_hh}
    shapes = "(" + ", ".join([f"{key} {a.shape}" for key, a in arrays.items() if a is not None
                              and not (key == "c" and a is h)]) + ")"
    for key, a in arrays.items():
        if a is not None and len(a.shape) != 2:
            raise ValueError(f"{name}: expected {key} with two axes, it has {len(a.shape)} {shapes}")
        if a is not None and a.dtype.kind not in FLOATS:
            raise TypeError(f"{name}: expected floating-point numbers, {key} is {a.dtype}: astype('float32')")
    rows = parts * c.shape[1]
    if w_hh.shape != (rows, h.shape[1]):
        raise ValueError(f"{name}: for a state of width {c.shape[1]} w_hh must be {(rows, h.shape[1])} {shapes}")
    if w_ih is None and x.shape[1] != rows:
        raise ValueError(f"{name}: without w_ih x is the product, which must have {rows} columns {shapes}")
    if w_ih is not None and w_ih.shape != (rows, x.shape[1]):
        raise ValueError(f"{name}: w_ih has {w_ih.shape[0]} rows for {w_ih.shape[1]} input features, x and h need "
                         f"{rows} rows for {x.shape[1]} {shapes}")
    if x.shape[0] != h.shape[0]:
        raise ValueError(f"{name}: x is a batch of {x.shape[0]}, h one of {h.shape[0]} {shapes}")
    if w_ih is None and b_ih is not None:
        raise ValueError(f"{name}: without w_ih x already has its bias, pass b_ih=None")
    for key, b in (("b_ih", b_ih), ("b_hh", b_hh)):
        if b is not None and b.shape != (rows,):
            raise ValueError(f"{name}: {key} must be {(rows,)}, it is {b.shape} {shapes}")


rnn_cell.checked_by(check_rnn)
lstm_cell.checked_by(check_lstm)
gru_cell.checked_by(check_gru)
kernel(rnn_cell, "numpy", "recurrent")
kernel(lstm_cell, "numpy", "recurrent")
kernel(gru_cell, "numpy", "recurrent")
