"""What recurrent networks and packed sequences promise, without another library to compare with."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed

import minigrad as mg
from minigrad import nn, optim
from minigrad.graph import Graph, Input
from minigrad.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
)
from minigrad.testing import gradcheck

KINDS = ["RNN", "LSTM", "GRU"]


def layer(name, *args, **options):
    """A layer in float64."""
    return getattr(nn, name)(*args, **options).double()


def tensors(last):
    """The last states as a list."""
    return list(last) if isinstance(last, tuple) else [last]


def as_hx(states):
    return tuple(states) if len(states) == 2 else states[0]


def normal(*shape):
    return mg.randn(*shape, dtype="float64")


def gradients(outputs, inputs):
    """Of a sum over the outputs in which every element counts differently."""
    loss = sum([(y * mg.cos(mg.reshape(mg.arange(y.size, dtype="float64"), y.shape))).sum() for y in outputs])
    return mg.grad(loss, inputs)


def close(mine, expected):
    assert len(mine) == len(expected) > 0
    for a, b in zip(mine, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)


# --- packed sequences -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", KINDS)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), bidirectional=st.booleans(),
       num_layers=st.integers(1, 2))
def test_packed_is_each_sequence_alone(name, lengths, bidirectional, num_layers):
    """Outputs, last states, and the gradients of inputs, first states and parameters."""
    net = layer(name, 2, 3, num_layers, bidirectional=bidirectional)
    sequences = [normal(length, 2).requires_grad_() for length in lengths]
    count = num_layers * (1 + bidirectional)
    states = [normal(count, len(lengths), 3).requires_grad_() for _ in range(2 if name == "LSTM" else 1)]
    leaves = [*sequences, *states, *net.parameters()]

    output, last = net(pack_sequence(sequences, enforce_sorted=False), as_hx(states))
    together = [*unpack_sequence(output), *tensors(last)]
    alone, ends = [], []
    for i, x in enumerate(sequences):
        y, end = net(x, as_hx([state[:, i] for state in states]))
        alone.append(y)
        ends.append(tensors(end))
    apart = [*alone, *[mg.stack(parts, 1) for parts in zip(*ends, strict=True)]]
    close(together, apart)
    close(gradients(together, leaves), gradients(apart, leaves))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.booleans())
def test_packing_and_padding_undo_each_other(lengths, batch_first):
    sequences = [normal(length, 2) for length in lengths]
    packed = pack_sequence(sequences, enforce_sorted=False)
    assert packed.data.shape == (sum(lengths), 2)
    assert packed.batch_sizes.tolist() == [sum(n > t for n in lengths) for t in range(max(lengths))]
    padded, found = pad_packed_sequence(packed, batch_first)
    close([padded], [pad_sequence(sequences, batch_first)])
    assert found.tolist() == lengths
    again = pack_padded_sequence(padded, found, batch_first, enforce_sorted=False)
    close([again.data], [packed.data])
    close(unpack_sequence(again), sequences)


def test_the_example_of_the_module():
    packed = pack_sequence([mg.tensor([1, 2, 3]), mg.tensor([4]), mg.tensor([5, 6])], enforce_sorted=False)
    assert isinstance(packed, PackedSequence) and packed.data.dtype == "int64"
    assert [x.tolist() for x in packed] == [[1, 5, 4, 2, 6, 3], [3, 2, 1], [0, 2, 1], [0, 2, 1]]
    assert pad_packed_sequence(packed, True, -1)[0].tolist() == [[1, 2, 3], [4, -1, -1], [5, 6, -1]]


def test_lengths_of_a_mask():
    """What a user with a mask does."""
    x = normal(2, 4, 3)
    mask = mg.tensor([[True, True, True, False], [True, False, False, False]])
    packed = pack_padded_sequence(x, mask.sum(1), batch_first=True)
    close([packed.data], [mg.stack([x[0, 0], x[1, 0], x[0, 1], x[0, 2]])])
    assert packed.sorted_indices is None


def test_sorted_sequences_need_no_indices():
    packed = pack_sequence([normal(3, 2), normal(1, 2)])
    assert packed.sorted_indices is None and packed.unsorted_indices is None
    assert PackedSequence((packed.data, packed.batch_sizes)).data is packed.data


def test_sequences_of_one_length_keep_their_order():
    packed = pack_sequence([mg.full((2 - i % 2,), i) for i in range(40)], enforce_sorted=False)
    assert packed.sorted_indices.tolist() == [*range(0, 40, 2), *range(1, 40, 2)]


@pytest.mark.parametrize("convert, dtype", [("double", "float64"), ("float", "float32"), ("half", "float16"),
                                            ("long", "int64")])
def test_conversions_of_a_packed_sequence(convert, dtype):
    packed = getattr(pack_sequence([mg.ones(2), mg.ones(3)], False), convert)()
    assert isinstance(packed, PackedSequence)
    assert packed.data.dtype == dtype and packed.batch_sizes.tolist() == [2, 2, 1]


def test_a_packed_sequence_moves_but_for_its_batch_sizes():
    with installed():
        packed = pack_sequence([mg.ones(2), mg.ones(3)], False).cuda()
        assert [x.device for x in packed] == ["cuda:0", "cpu", "cuda:0", "cuda:0"]
        assert [x.device for x in packed.cpu()] == ["cpu"] * 4
        with pytest.raises(TypeError, match="lengths must be on the CPU, they are on cuda:0: cpu"):
            pack_padded_sequence(mg.ones(3, 2, device="cuda"), mg.tensor([3, 2], device="cuda"))


# --- layers ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", KINDS)
def test_bidirectional_is_forward_and_reversed(name):
    net = layer(name, 2, 3, bidirectional=True)
    one, other = layer(name, 2, 3), layer(name, 2, 3)
    state = net.state_dict()
    one.load_state_dict({key: value for key, value in state.items() if not key.endswith("_reverse")})
    other.load_state_dict({key.removesuffix("_reverse"): v for key, v in state.items() if key.endswith("_reverse")})
    x = normal(5, 4, 2)
    output, last = net(x)
    (y, end), (back, start) = one(x), other(mg.flip(x, 0))
    close([output], [mg.concat([y, mg.flip(back, 0)], -1)])
    close(tensors(last), [mg.concat(pair) for pair in zip(tensors(end), tensors(start), strict=True)])


@pytest.mark.parametrize("name", KINDS)
def test_a_layer_is_its_cell_step_by_step(name):
    net, cell = layer(name, 2, 3), layer(f"{name}Cell", 2, 3)
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in net.state_dict().items()})
    x, state, outputs = normal(4, 5, 2), None, []
    for t in range(4):
        state = cell(x[t], state)
        outputs.append(tensors(state)[0])
    output, last = net(x)
    close([output, *[s[0] for s in tensors(last)]], [mg.stack(outputs), *tensors(state)])


@pytest.mark.parametrize("name", KINDS)
def test_layouts(name):
    """batch_first exchanges two axes, of the input and the output alone; one sequence is a batch of one."""
    net, first = layer(name, 2, 3, 2), layer(name, 2, 3, 2, batch_first=True)
    first.load_state_dict(net.state_dict())
    x = normal(4, 5, 2)
    (y, last), (z, end) = net(x), first(mg.swapaxes(x, 0, 1))
    close([y, *tensors(last)], [mg.swapaxes(z, 0, 1), *tensors(end)])
    alone, end = first(x[:, 0])
    close([alone, *tensors(end)], [y[:, 0], *[state[:, 0] for state in tensors(last)]])


@pytest.mark.parametrize("name, options", [
    ("RNN", {}), ("RNN", {"bias": False, "num_layers": 2}), ("LSTM", {"bidirectional": True}),
    ("LSTM", {"proj_size": 1, "num_layers": 2}), ("GRU", {"num_layers": 2, "bidirectional": True}),
])
def test_gradients(name, options):
    """Of input, first states and all parameters, against differences."""
    net = layer(name, 2, 2, **options)
    names = list(net.state_dict())
    count = net.num_layers * net.directions
    widths = net.widths()

    def run(x, *rest):
        twin = copy.copy(net)
        states, values = rest[:len(widths)], rest[len(widths):]
        for key, value in zip(names, values, strict=True):
            object.__setattr__(twin, key, value)
        output, last = twin(x, as_hx(states))
        return [output, *tensors(last)]

    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((3, 2, 2)), *[rng.standard_normal((count, 2, width)) for width in widths]]
    gradcheck(run, [*inputs, *[value.copy() for value in net.state_dict().values()]])


def test_dropout_is_between_layers_and_in_training():
    x = normal(3, 2, 4)
    deep = layer("GRU", 4, 4, 2, dropout=1.0)
    deep.bias_ih_l1.data[...] = deep.bias_hh_l1.data[...] = 0
    assert not deep(x)[0].data.any()                                    # nothing reaches the second layer
    assert deep.eval()(x)[0].data.any()
    with pytest.warns(UserWarning, match="LSTM: dropout=0.5 acts between layers, and there is one layer"):
        shallow = layer("LSTM", 4, 4, dropout=0.5)
    close([shallow(x)[0]], [shallow.eval()(x)[0]])
    half = layer("RNN", 4, 4, 2, dropout=0.5)
    assert (half(x)[0].data != half(x)[0].data).any()                   # another mask each time


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_dtypes(name, dtype):
    net = getattr(nn, name)(2, 3, 2, bidirectional=True, dtype=dtype)
    output, last = net(mg.ones(4, 2, 2, dtype=dtype))
    output.sum().backward()
    assert {y.dtype for y in [output, *tensors(last), *[p.grad for p in net.parameters()]]} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", KINDS)
def test_on_symbols_a_layer_is_one_node(name):
    net = layer(name, 3, 4, 2, batch_first=True, bidirectional=True)
    x = Input((5, 3), dtype="float64")
    output, last = net(x, name="memory")
    assert output.shape[1:] == (5, 8) and all([state.shape[::2] == (4, 4) for state in tensors(last)])
    graph = Graph(x, [output, *tensors(last)])
    assert [node.name for node in graph.nodes] == ["input_1", "memory"]
    batch = normal(2, 5, 3)
    y, end = net(batch)
    close(graph(batch), [y, *tensors(end)])


@pytest.mark.parametrize("name", KINDS)
def test_cells_on_symbols(name):
    cell = layer(f"{name}Cell", 3, 4)
    x = Input((3,), dtype="float64")
    states = tensors(cell(x))
    close(Graph(x, states)(mg.ones(2, 3, dtype="float64")), tensors(cell(mg.ones(2, 3, dtype="float64"))))


def test_first_values_and_flatten_parameters():
    net = nn.LSTM(3, 16, 2)
    values = np.concatenate([p.data.ravel() for p in net.parameters()])
    assert 0.24 < np.abs(values).max() <= 0.25                          # 1 / sqrt(16)
    assert net.flatten_parameters() is None
    net.reset_parameters()
    assert (np.concatenate([p.data.ravel() for p in net.parameters()]) != values).any()


def test_kernels_and_definition_train_alike():
    losses = []
    for mode in ("auto", "definition"):
        mg.manual_seed(3)
        with mg.config(kernels=mode):
            net, head = nn.LSTM(2, 8), nn.Linear(8, 1)
            optimizer = optim.Adam([*net.parameters(), *head.parameters()], lr=0.05)
            x = mg.randn(6, 16, 2)
            target = x[0, :, :1]                                        # say after six steps what the first one was
            for _ in range(40):
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(head(net(x)[1][0][0]), target)
                loss.backward()
                optimizer.step()
            losses.append(loss.item())
    assert losses[0] < 0.2 * float((target.data ** 2).mean())
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.05)
