"""Recurrent networks over whole sequences.

All run alike. The sequences of a batch lie step by step below each other in one array of rows (a padded batch of equal
lengths, or what a PackedSequence holds), so a layer multiplies all inputs by W_ih at once. Then it goes through time,
where a step has as many rows as there are sequences that long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any
from warnings import warn

from .. import ops
from ..backend import FLOATS
from . import functional as F
from . import init
from .functional.common import check_not_along_batch
from .module import Module, Parameter
from .new_parameters import new_parameter, uniform_start
from .recurrent_cells import check_nonlinearity, one_state, two_states, zero_state
from .utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


# --- through time ---------------------------------------------------------------------------------------------

def forwards(step: Callable, parts: Sequence, states: list) -> tuple[list, list]:
    """step(part, states) over the parts (n_t, gates) of time, n_t never increasing: outputs, and last states (n, d).

    Where a part has fewer rows than the one before, the last sequences are over, and their states stay as they are.
    """
    outputs, over = [], []
    for part in parts:
        n = part.shape[0]
        if n < states[0].shape[0]:
            over.append([ops.getitem(state, slice(n, None)) for state in states])
            states = [ops.getitem(state, slice(n)) for state in states]
        states = step(part, *states)
        outputs.append(states[0])
    if over:
        states = [ops.concat([state, *early[::-1]]) for state, *early in zip(states, *over, strict=True)]
    return outputs, states


def backwards(step: Callable, parts: Sequence, states: list) -> tuple[list, list]:
    """The same from the last part to the first: every sequence begins with its own last element."""
    outputs, running, n = [], [ops.getitem(state, slice(parts[-1].shape[0])) for state in states], parts[-1].shape[0]
    for part in reversed(parts):
        m = part.shape[0]
        if m > n:
            running = [ops.concat([now, ops.getitem(state, slice(n, m))])
                       for now, state in zip(running, states, strict=True)]
        n = m
        running = step(part, *running)
        outputs.append(running[0])
    return outputs[::-1], running


# --- what all share -------------------------------------------------------------------------------------------

class RNNBase(Module):
    """What RNN, LSTM and GRU share: layers on layers, each in one direction or in both.

    Parameters of layer k, with `_reverse` behind for the other direction: weight_ih_lk (gates, in), weight_hh_lk
    (gates, d), unless bias=False bias_ih_lk and bias_hh_lk (gates,), with proj_size weight_hr_lk (proj_size, d).
    """

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: str | None = None, dtype: Any = None):
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self.check_arguments()
        self.dropout = float(dropout)
        self.names = []
        gates, out = GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            into = out * self.directions if layer else input_size
            for suffix in ("", "_reverse")[:self.directions]:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, into), "weight_hh": (gates, out)}
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)} if bias else {}
                shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
                self.names.append({kind: f"{kind}_l{layer}{suffix}" for kind in shapes})
                for kind, shape in shapes.items():
                    setattr(self, f"{kind}_l{layer}{suffix}", new_parameter(*shape, device=device, dtype=dtype))
        self.reset_parameters()

    def check_arguments(self) -> None:
        """Errors for a constructor's arguments that make no network."""
        name = type(self).__name__
        for key, kind in {"bias": bool, "batch_first": bool, "input_size": int, "hidden_size": int}.items():
            value = getattr(self, key)
            if not isinstance(value, kind):
                raise TypeError(f"{name}: {key} must be {kind.__name__}, {value!r} came")
        for key in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{name}: {key} must be > 0, {getattr(self, key)} came")
        if not 0 <= self.proj_size < self.hidden_size:
            raise ValueError(f"{name}: proj_size must be less than hidden_size, {self.hidden_size}, or 0 for no "
                             f"projection; {self.proj_size} came")
        if isinstance(self.dropout, bool) or not isinstance(self.dropout, (int, float)) or not 0 <= self.dropout <= 1:
            raise ValueError(f"{name}: dropout must be a probability in [0, 1], {self.dropout!r} came")
        if self.dropout and self.num_layers == 1 and init.unfilled.get() is None:
            warn(f"{name}: dropout={self.dropout} acts between layers, and there is one layer: it has no effect",
                 stacklevel=4)

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def reset_parameters(self) -> None:
        """Uniform in [-b, b), b = 1 / sqrt(hidden_size)."""
        uniform_start(self.parameters(), self.hidden_size)

    def flatten_parameters(self) -> None:
        """Accepted, and without effect: there is no other layout of the parameters here."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of every layer and direction."""
        return [[getattr(self, name) for name in names.values()] for names in self.names]

    # --- what the three kinds say ---
    def widths(self) -> list[int]:
        """The width of each tensor of state."""
        return [self.hidden_size]

    def states_of(self, hx: Any) -> list | None:
        """The tensors of state in hx, or None."""
        return one_state(type(self).__name__, hx)

    def step(self, part: Any, states: tuple, weight_hh: Any, bias_hh: Any, weight_hr: Any) -> tuple:
        """The next states, from the product of a step's inputs and W_ih."""
        raise TypeError(f"{type(self).__name__} has no step of its own")

    # --- running ---
    def forward(self, input: Any, hx: Any = None) -> Any:
        """output, and the last state of each layer and direction: h_n, for an LSTM (h_n, c_n)."""
        states = self.states_of(hx)
        packed = isinstance(input, PackedSequence)
        self.check_input(input.data if packed else input, packed)
        if packed:
            output, last = self.on_packed(input, states)
        elif len(input.shape) == 2:
            output, last = self.on_one(input, states)
        else:
            output, last = self.on_batch(input, states)
        return output, last[0] if len(last) == 1 else tuple(last)

    def on_batch(self, x: Any, states: list | None) -> tuple[Any, list]:
        """A batch of equal lengths (t, n, in), or (n, t, in) if batch_first."""
        x = ops.swapaxes(x, 0, 1) if self.batch_first else x
        steps, n = x.shape[:2]
        states = self.checked_states(x, states, n, len(x.shape))
        rows, last = self.run(ops.reshape(x, (steps * n, self.input_size)), [n] * steps, states)
        y = ops.reshape(rows, (steps, n, rows.shape[1]))
        return ops.swapaxes(y, 0, 1) if self.batch_first else y, last

    def on_one(self, x: Any, states: list | None) -> tuple[Any, list]:
        """One sequence (t, in), whose states are (layers * directions, d)."""
        states = self.checked_states(x, states, 1, 2)
        rows, last = self.run(x, [1] * x.shape[0], [ops.expand_dims(state, 1) for state in states])
        return rows, [ops.squeeze(state, 1) for state in last]

    def on_packed(self, x: PackedSequence, states: list | None) -> tuple[PackedSequence, list]:
        """Sequences sorted by length; their states come and go in the order in which they were packed."""
        sizes = x.batch_sizes.tolist()
        given = states is not None
        states = self.checked_states(x.data, states, sizes[0], 3)
        if given and x.sorted_indices is not None:
            states = [ops.take(state, x.sorted_indices, 1) for state in states]
        rows, last = self.run(x.data, sizes, states)
        if x.unsorted_indices is not None:
            last = [ops.take(state, x.unsorted_indices, 1) for state in last]
        return x._replace(data=rows), last

    def run(self, rows: Any, sizes: list[int], states: list) -> tuple[Any, list]:
        """All layers over the rows (sum of sizes, in), step after step; rows that come out, and last states."""
        cuts = list(accumulate(sizes))[:-1]
        last = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self.directions):
                number = layer * self.directions + direction
                weights = {kind: getattr(self, name) for kind, name in self.names[number].items()}
                rest = weights["weight_hh"], weights.get("bias_hh"), weights.get("weight_hr")
                parts = ops.split(F.linear(rows, weights["weight_ih"], weights.get("bias_ih")), cuts)
                y, end = (backwards if direction else forwards)(
                    lambda part, *now, rest=rest: self.step(part, now, *rest), parts,
                    [ops.getitem(state, number) for state in states])
                outputs.append(ops.concat(y))
                last.append(end)
            rows = ops.concat(outputs, -1) if self.bidirectional else outputs[0]
            if layer < self.num_layers - 1 and self.dropout:
                rows = F.dropout(rows, self.dropout, self.training)
        return rows, [ops.stack(ends) for ends in zip(*last, strict=True)]

    # --- errors, and how it is shown ---
    def check_input(self, x: Any, packed: bool) -> None:
        """Errors for an input that is no sequence for this network."""
        name, shape = type(self).__name__, x.shape
        if len(shape) != 2 and (packed or len(shape) != 3):
            expected = ("data (total, in) of a PackedSequence" if packed else
                        f"(t, in), or a batch {'(n, t, in)' if self.batch_first else '(t, n, in)'}")
            raise ValueError(f"{name}: expected {expected}, input has shape {shape}")
        if shape[-1] != self.input_size:
            raise ValueError(f"{name}: input_size is {self.input_size}, the last axis of input {shape[-1]} "
                             f"(input {shape})")
        if x.dtype.kind not in FLOATS:
            raise TypeError(f"{name}: expected floating-point numbers, input is {x.dtype}: astype('float32')")
        steps = shape[1 if self.batch_first and len(shape) == 3 else 0]
        if not steps:
            raise ValueError(f"{name}: a sequence needs at least one step (input {shape})")
        check_not_along_batch(name, x, steps)

    def checked_states(self, x: Any, states: list | None, n: int, axes: int) -> list:
        """The states (layers * directions, n, d), without n where x has no batch: zeros where none are given."""
        count = self.num_layers * self.directions
        shapes = [(count, n, width) if axes == 3 else (count, width) for width in self.widths()]
        if states is None:
            return [zero_state(x, *shape) for shape in shapes]
        for state, shape in zip(states, shapes, strict=True):
            if state.shape != shape:
                raise ValueError(f"{type(self).__name__}: expected a state {shape}, of {self.num_layers} layers, "
                                 f"{self.directions} directions{f' and a batch of {n}' * (axes == 3)}; one of shape "
                                 f"{state.shape} came")
        return states

    def extra_repr(self) -> str:
        options = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0,
                   "bidirectional": False}
        return ", ".join([f"{self.input_size}, {self.hidden_size}",
                          *[f"{key}={getattr(self, key)}" for key, usual in options.items()
                            if getattr(self, key) != usual]])


# --- the three kinds ------------------------------------------------------------------------------------------

SHAPES = """
    input (t, n, input_size), (n, t, input_size) if batch_first, (t, input_size) for one sequence, or a PackedSequence
    of sequences of different lengths: minigrad.nn.utils.rnn packs them, from lengths or from those of a mask,
    mask.sum(1). Every hx is (layers * directions, n, d), without n for one sequence, by default zeros.
    Returns output, like input with directions * d features of the last layer, and the last states, like hx: those
    after each sequence's own last element. bidirectional: in every layer a second network reads the sequences from
    their ends, and both outputs go on side by side (Schuster & Paliwal 1997). dropout acts in training on what goes
    from layer to layer. flatten_parameters() has no effect.
    Raises ValueError for shapes that do not fit, TypeError for integers and for a state of another kind.
"""


class RNN(RNNBase):
    """A simple recurrent network, with tanh or relu as `nonlinearity`; its step is `minigrad.rnn_cell`. Elman 1990."""

    __doc__ = f"{__doc__}\n{SHAPES}"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
                 bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 device: str | None = None, dtype: Any = None):
        check_nonlinearity("RNN", nonlinearity)
        self.nonlinearity = nonlinearity
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, device=device, dtype=dtype)

    def step(self, part: Any, states: tuple, weight_hh: Any, bias_hh: Any, weight_hr: Any) -> tuple:
        h = ops.rnn_cell(part, *states, None, weight_hh, None, bias_hh, self.nonlinearity)
        return (h,)


class LSTM(RNNBase):
    """A long short-term memory; its step is `minigrad.lstm_cell`. Hochreiter & Schmidhuber 1997.

    hx is a pair (h_0, c_0). proj_size: h is projected to so many features before it goes on (Sak et al. 2014).
    """

    __doc__ = f"{__doc__}{SHAPES}"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: str | None = None, dtype: Any = None):
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         proj_size, device, dtype)

    def widths(self) -> list[int]:
        return [self.proj_size or self.hidden_size, self.hidden_size]

    def states_of(self, hx: Any) -> list | None:
        return two_states("LSTM", hx)

    def step(self, part: Any, states: tuple, weight_hh: Any, bias_hh: Any, weight_hr: Any) -> tuple:
        h, c = ops.lstm_cell(part, *states, None, weight_hh, None, bias_hh)
        return h if weight_hr is None else F.linear(h, weight_hr), c


class GRU(RNNBase):
    """A network of gated recurrent units; its step is `minigrad.gru_cell`. Cho et al. 2014, in PyTorch's variant."""

    __doc__ = f"{__doc__}\n{SHAPES}"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 device: str | None = None, dtype: Any = None):
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         device=device, dtype=dtype)

    def step(self, part: Any, states: tuple, weight_hh: Any, bias_hh: Any, weight_hr: Any) -> tuple:
        h = ops.gru_cell(part, *states, None, weight_hh, None, bias_hh)
        return (h,)
