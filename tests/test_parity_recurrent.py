"""Recurrent networks and packed sequences beside PyTorch's, on drawn shapes and options."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, same_layer, sides

import minigrad as mg
from minigrad import nn, ops

pytestmark = pytest.mark.parity


def utils(x):
    """nn.utils.rnn of the library whose tensor (or list of tensors) x is."""
    if isinstance(x, (list, tuple)):
        x = x[0]
    if isinstance(x, mg.Tensor):
        return nn.utils.rnn
    import torch

    return torch.nn.utils.rnn


def layers(name, *args, **options):
    """The layer of this name in minigrad and in PyTorch."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")         # both warn of a dropout that does nothing
        return getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)


# --- single steps ---------------------------------------------------------------------------------------------

def small(shape):
    """Arrays whose products do not saturate tanh: where it is flat, float32 has few digits of its slope."""
    return arrays(shape).map(lambda x: np.multiply(x, 0.3, out=x))


PARTS = {"rnn": 1, "lstm": 4, "gru": 3}


@pytest.mark.parametrize("kind", sorted(PARTS))
@given(st.data())
def test_cell(kind, data):
    import torch

    n, width, d = data.draw(sides(0, 3)), data.draw(sides(1, 3)), data.draw(sides(1, 3))
    rows = PARTS[kind] * d
    inputs = [data.draw(small(shape)) for shape in [(n, width), *[(n, d)] * (2 if kind == "lstm" else 1), (rows, width),
                                                     (rows, d)]]
    inputs += [data.draw(small((rows,))) for _ in range(2)] if data.draw(st.booleans()) else [None, None]
    if kind == "lstm":
        same("lstm_cell", inputs, mine=ops.lstm_cell,
             theirs=lambda x, h, c, *weights: torch.lstm_cell(x, (h, c), *weights))
    elif kind == "gru":
        same("gru_cell", inputs, mine=ops.gru_cell, theirs=torch.gru_cell)
    else:
        which = data.draw(st.sampled_from(["tanh", "relu"]))
        same("rnn_cell", inputs, mine=lambda *args: ops.rnn_cell(*args, nonlinearity=which),
             theirs=getattr(torch, f"rnn_{which}_cell"))


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
@given(st.data())
def test_cell_layer(name, data):
    """Batched or not, with a state or without; now and then a state of another shape, which both refuse.

    Not with another number of axes: PyTorch then reads beyond the shape, and may crash.
    """
    width, d = data.draw(sides(1, 3)), data.draw(sides(1, 3))
    options = {"bias": data.draw(st.booleans())}
    if name == "RNNCell":
        options["nonlinearity"] = data.draw(st.sampled_from(["tanh", "relu"]))
    batch = data.draw(st.just(()) | st.tuples(sides(0, 3)))
    inputs = [data.draw(arrays((*batch, width)))]
    if data.draw(st.booleans()):
        shape = data.draw(st.sampled_from([(*batch, d)] * 4 + [(*(1 for _ in batch), d), (*batch, d + 1)]))
        inputs += [data.draw(arrays(shape)) for _ in range(2 if name == "LSTMCell" else 1)]
    same_layer(*layers(name, width, d, **options), inputs,
               call=lambda layer: lambda x, *hx: layer(x, hx if len(hx) == 2 else hx[0] if hx else None))


# --- whole sequences ------------------------------------------------------------------------------------------

@st.composite
def options_of(draw, name):
    """The options of a recurrent network; dropout is 0 or 1, of which the outcome is known."""
    options = {"num_layers": draw(sides(1, 3)), "bias": draw(st.booleans()), "batch_first": draw(st.booleans()),
               "bidirectional": draw(st.booleans()), "dropout": draw(st.sampled_from([0.0, 0.0, 1.0]))}
    if name == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if name == "LSTM":
        options["proj_size"] = draw(sides(0, 1))
    return options


@st.composite
def states_of(draw, options, batch, d):
    """Nothing, or the states of a network: two for an LSTM, known by its proj_size."""
    if draw(st.booleans()):
        return []
    count = options["num_layers"] * (1 + options["bidirectional"])
    widths = [options["proj_size"] or d, d] if "proj_size" in options else [d]
    return [draw(arrays((count, *batch, width))) for width in widths]


def given_states(hx):
    """hx as the layers take it."""
    return tuple(hx) if len(hx) == 2 else hx[0] if hx else None


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@given(st.data())
def test_layer(name, data):
    """Padded batches, also without a sequence or a step (which both refuse), and a single sequence."""
    width, d, steps = data.draw(sides(1, 3)), data.draw(sides(2, 3)), data.draw(st.sampled_from([0, 1, 2, 3, 4]))
    options = data.draw(options_of(name))
    batch = data.draw(st.just(()) | st.tuples(sides(0, 3)))
    shape = (*batch, steps, width) if options["batch_first"] else (steps, *batch, width)
    inputs = [data.draw(arrays(shape)), *data.draw(states_of(options, batch, d))]
    same_layer(*layers(name, width, d, **options), inputs, training=data.draw(st.booleans()),
               call=lambda layer: lambda x, *hx: layer(x, given_states(hx)))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@given(st.data())
def test_layer_on_packed_sequences(name, data):
    width, d, steps, n = [data.draw(sides(*ends)) for ends in ((1, 3), (2, 3), (1, 4), (1, 4))]
    options = data.draw(options_of(name))
    lengths = data.draw(st.lists(st.integers(1, steps), min_size=n, max_size=n))
    enforce = data.draw(st.booleans())
    lengths = sorted(lengths, reverse=True) if enforce else lengths
    inputs = [data.draw(arrays((steps, n, width))), *data.draw(states_of(options, (n,), d))]

    def call(layer):
        return lambda x, *hx: layer(utils(x).pack_padded_sequence(x, lengths, enforce_sorted=enforce), given_states(hx))

    same_layer(*layers(name, width, d, **options), inputs, call=call)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@given(st.data())
def test_layer_on_wrong_shapes(name, data):
    """What PyTorch refuses is refused."""
    wrong = data.draw(st.sampled_from(["input", "batch", "width", "axes", "layers"]))
    x = np.ones((2, 3, 4 if wrong == "input" else 2))
    state = {"batch": (1, 1, 2), "width": (1, 3, 3), "axes": (1, 2), "layers": (2, 3, 2)}.get(wrong, (1, 3, 2))
    inputs = [x] + [np.ones(state)] * (2 if name == "LSTM" else 1)
    same_layer(*layers(name, 2, 2), inputs, call=lambda layer: lambda x, *hx: layer(x, given_states(hx)))


@pytest.mark.parametrize("name, args, options", [
    ("RNN", (3, 4), {}),
    ("RNN", (3, 4, 2, "relu"), {"batch_first": True}),
    ("LSTM", (3, 4, 2, False, True, 0.5, True, 2), {}),
    ("LSTM", (3, 4), {"dropout": 0, "num_layers": 2}),
    ("GRU", (3, 4, 2), {"bidirectional": True, "dropout": 1}),
    ("RNNCell", (3, 4, False, "relu"), {}),
    ("LSTMCell", (3, 4), {}),
    ("GRUCell", (3, 4), {"bias": False}),
])
def test_repr_and_names(name, args, options):
    mine, theirs = layers(name, *args, **options)
    assert repr(mine) == repr(theirs)
    assert {k: v.shape for k, v in mine.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    if hasattr(theirs, "all_weights"):
        shapes = [[[p.shape for p in weights] for weights in net.all_weights] for net in (mine, theirs)]
        assert shapes[0] == shapes[1]


# --- packing and padding --------------------------------------------------------------------------------------

@given(st.data())
def test_pack_padded_sequence(data):
    """Lengths from 0, which both refuse, to the number of steps."""
    steps, n, rest = data.draw(sides(0, 4)), data.draw(sides(0, 4)), data.draw(st.lists(sides(0, 2), max_size=2))
    lengths = data.draw(st.lists(st.integers(data.draw(st.sampled_from([0, 1, 1])) if steps else 0, steps),
                                 min_size=n, max_size=n))
    options = {"batch_first": data.draw(st.booleans()), "enforce_sorted": data.draw(st.booleans())}
    if data.draw(st.booleans()):
        lengths = sorted(lengths, reverse=True)
    x = data.draw(arrays((n, steps, *rest) if options["batch_first"] else (steps, n, *rest)))
    same("pack_padded_sequence", [x], mine=lambda x: utils(x).pack_padded_sequence(x, lengths, **options),
         theirs=lambda x: utils(x).pack_padded_sequence(x, lengths, **options))


@given(st.data())
def test_pad_packed_sequence(data):
    steps, n, rest = data.draw(sides(1, 4)), data.draw(sides(1, 4)), data.draw(st.lists(sides(0, 2), max_size=2))
    lengths = data.draw(st.lists(st.integers(1, steps), min_size=n, max_size=n))
    options = {"batch_first": data.draw(st.booleans()), "padding_value": data.draw(st.sampled_from([0.0, -1.5])),
               "total_length": data.draw(st.none() | st.integers(0, 6))}

    def padded(x):
        return utils(x).pad_packed_sequence(utils(x).pack_padded_sequence(x, lengths, enforce_sorted=False), **options)

    same("pad_packed_sequence", [data.draw(arrays((steps, n, *rest)))], mine=padded, theirs=padded)


@given(st.data())
def test_pad_and_pack_sequence(data):
    rest = data.draw(st.lists(sides(0, 2), max_size=2))
    sequences = [data.draw(arrays((data.draw(sides(0, 4)), *rest))) for _ in range(data.draw(sides(1, 3)))]
    options = {"batch_first": data.draw(st.booleans()), "padding_value": data.draw(st.sampled_from([0.0, -1.5])),
               "padding_side": data.draw(st.sampled_from(["left", "right"]))}
    enforce = data.draw(st.booleans())

    def padded(xs):
        return utils(xs).pad_sequence(xs, **options)

    def packed(xs):
        return utils(xs).pack_sequence(xs, enforce)

    def unpacked(xs):
        return utils(xs).unpack_sequence(utils(xs).pack_sequence(xs, False))

    same("pad_sequence", [sequences], mine=padded, theirs=padded)
    same("pack_sequence", [sequences], mine=packed, theirs=packed)
    same("unpack_sequence", [sequences], mine=unpacked, theirs=unpacked)


@given(st.data())
def test_unpad_sequence(data):
    import torch

    shape, batch_first = (data.draw(sides(0, 4)), data.draw(sides(0, 3)), 2), data.draw(st.booleans())
    n = shape[0 if batch_first else 1]
    lengths = np.array(data.draw(st.lists(st.integers(-1, 5), min_size=n, max_size=n)), "int64")
    same("unpad_sequence", [data.draw(arrays(shape))],                  # PyTorch turns its argument over in place
         mine=lambda x: nn.utils.rnn.unpad_sequence(x, mg.tensor(lengths), batch_first),
         theirs=lambda x: torch.nn.utils.rnn.unpad_sequence(x.clone(), torch.from_numpy(lengths), batch_first))


@given(st.permutations(list(range(5))))
def test_invert_permutation(order):
    import torch

    mine = nn.utils.rnn.invert_permutation(mg.tensor(order))
    assert mine.tolist() == torch.nn.utils.rnn.invert_permutation(torch.tensor(order)).tolist()


# --- as they are used -----------------------------------------------------------------------------------------

def outcome(layer, x, library):
    """Output, last states and the gradient of everything of a layer in training on x."""
    x = library.tensor(x)
    output, last = layer(x)
    loss = (output * output).sum()
    loss.backward()
    states = last if isinstance(last, tuple) else (last,)
    return [np.asarray(a.detach().numpy()) for a in (output, *states)] + \
        [np.asarray(p.grad.numpy()) for p in layer.parameters()]


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_layer_in_float32(name):
    """PyTorch's fused float32 kernels and these agree to their rounding."""
    import torch

    mine, theirs = layers(name, 8, 16, num_layers=2, bidirectional=True)
    mine.load_state_dict({key: value.numpy().copy() for key, value in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((6, 4, 8)).astype("f4")
    for a, b in zip(outcome(mine, x, mg), outcome(theirs, x, torch), strict=True):
        assert a.dtype == b.dtype == "float32"
        np.testing.assert_allclose(a, b, atol=1e-5 * abs(b).max())


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_thousand_steps(name):
    import torch

    mine, theirs = layers(name, 2, 3)
    mine, theirs = mine.double(), theirs.double()
    mine.load_state_dict({key: value.numpy().copy() for key, value in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((1000, 2, 2))
    for a, b in zip(outcome(mine, x, mg), outcome(theirs, x, torch), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8 * abs(b).max())
