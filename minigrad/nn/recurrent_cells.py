"""Single steps of recurrent networks as layers."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..backend import namespace, on_device_of
from ..tensor import Tensor, bare
from .functional.common import is_symbol
from .module import Module
from .new_parameters import new_parameter, uniform_start

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


def zero_state(x: Any, *shape: int) -> Any:
    """Zeros on the device and in the dtype of x."""
    if is_symbol(x):
        return ops.broadcast_to(ops.sum(x), shape)          # whose work is counted: there is no value, only a shape
    array = bare(x)
    with on_device_of(array):
        zeros = namespace(array).zeros_like(array, shape=shape)
    return Tensor(zeros) if isinstance(x, Tensor) else zeros


class RNNCellBase(Module):
    """What the three cells share: weight_ih (k*d, in), weight_hh (k*d, d), bias_ih and bias_hh (k*d,).

    A cell takes x (n, input_size), or (input_size,) for one sequence, and the state (n, hidden_size), or
    (hidden_size,), by default zeros; it returns the next state.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: str | None = None,
                 dtype: Any = None):
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        self.weight_ih = new_parameter(rows, input_size, device=device, dtype=dtype)
        self.weight_hh = new_parameter(rows, hidden_size, device=device, dtype=dtype)
        self.bias_ih = new_parameter(rows, device=device, dtype=dtype) if bias else None
        self.bias_hh = new_parameter(rows, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    @property
    def num_chunks(self) -> int:
        return self.weight_ih.shape[0] // self.hidden_size

    def reset_parameters(self) -> None:
        """Uniform in [-b, b), b = 1 / sqrt(hidden_size)."""
        uniform_start(self.parameters(), self.hidden_size)

    def step(self, input: Any, states: tuple, *options: Any) -> Any:
        """The next state of a batch."""
        raise TypeError(f"{type(self).__name__} has no step of its own")

    def advance(self, input: Any, states: list | None, number: int = 1) -> Any:
        """The next state, from `number` tensors of state, or None for zeros; one sequence is a batch of one."""
        name, axes = type(self).__name__, len(input.shape)
        if axes not in (1, 2):
            raise ValueError(f"{name}: expected (n, {self.input_size}) or ({self.input_size},), input has shape "
                             f"{input.shape}")
        if states is None:
            states = [zero_state(input, *input.shape[:-1], self.hidden_size)] * number
        expected = (*input.shape[:-1], self.hidden_size)
        for state in states:
            if state.shape != expected:
                raise ValueError(f"{name}: for an input {input.shape} a state must be {expected}, one of "
                                 f"{state.shape} came")
        if axes == 2:
            return self.step(input, *states)
        new = self.step(ops.expand_dims(input, 0), *[ops.expand_dims(state, 0) for state in states])
        return tuple([ops.squeeze(y, 0) for y in new]) if number > 1 else ops.squeeze(new, 0)

    def weights(self) -> tuple:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + (f", bias={self.bias}" if self.bias is not True else "")


def one_state(name: str, hx: Any) -> list | None:
    """The state of a network that has one tensor of it."""
    if isinstance(hx, (tuple, list)):
        raise TypeError(f"{name}: expected hx to be one tensor, a {type(hx).__name__} of {len(hx)} came; "
                        "only an LSTM has a pair of states")
    return None if hx is None else [hx]


def two_states(name: str, hx: Any) -> list | None:
    """The state of a network that has two tensors of it."""
    if hx is not None and not (isinstance(hx, (tuple, list)) and len(hx) == 2):
        what = f"{len(hx)} tensors" if isinstance(hx, (tuple, list)) else f"one {type(hx).__name__}"
        raise TypeError(f"{name}: expected hx to be a pair (h, c), {what} came")
    return None if hx is None else list(hx)


class RNNCell(RNNCellBase):
    """h' = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh), or relu in place of tanh. Elman 1990.

    input (n, input_size)   hx (n, hidden_size), by default zeros   ->   h' (n, hidden_size); all without n for one
    sequence.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
                 device: str | None = None, dtype: Any = None):
        check_nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def step(self, input: Any, h: Any) -> Any:
        return ops.rnn_cell(input, h, *self.weights(), self.nonlinearity)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self.advance(input, one_state("RNNCell", hx))

    def extra_repr(self) -> str:
        return super().extra_repr() + (f", nonlinearity={self.nonlinearity}" if self.nonlinearity != "tanh" else "")


class LSTMCell(RNNCellBase):
    """One step of a long short-term memory, see `minigrad.lstm_cell`. Hochreiter & Schmidhuber 1997.

    input (n, input_size)   hx: a pair (h, c), each (n, hidden_size), by default zeros   ->   (h', c'); all without n
    for one sequence.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: str | None = None,
                 dtype: Any = None):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def step(self, input: Any, h: Any, c: Any) -> Any:
        return ops.lstm_cell(input, h, c, *self.weights())

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self.advance(input, two_states("LSTMCell", hx), 2)


class GRUCell(RNNCellBase):
    """One step of a gated recurrent unit, see `minigrad.gru_cell`. Cho et al. 2014, in PyTorch's variant.

    input (n, input_size)   hx (n, hidden_size), by default zeros   ->   h' (n, hidden_size); all without n for one
    sequence.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: str | None = None,
                 dtype: Any = None):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def step(self, input: Any, h: Any) -> Any:
        return ops.gru_cell(input, h, *self.weights())

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self.advance(input, one_state("GRUCell", hx))


def check_nonlinearity(name: str, nonlinearity: str) -> None:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{name}: nonlinearity must be 'tanh' or 'relu', {nonlinearity!r} came")
