"""What is said to somebody who calls a recurrent network wrongly: which one, what was expected, what came."""

import numpy as np
import pytest
from strict_cupy import installed

import minigrad as mg
from minigrad import nn, ops
from minigrad.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpad_sequence,
)

ERRORS = (ValueError, TypeError, IndexError)


# --- ops ------------------------------------------------------------------------------------------------------

def arguments(recorded):
    """x (2, 3), h (2, 4), and w(k): w_ih (4k, 3), w_hh (4k, 4), biases (4k,)."""
    def ones(*shape):
        return mg.ones(shape, requires_grad=recorded)

    return ones(2, 3), ones(2, 4), lambda k: (ones(4 * k, 3), ones(4 * k, 4), ones(4 * k), ones(4 * k))


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    (lambda x, h, w: ops.rnn_cell(x, h, *w(1), "sigmoid"), "rnn_cell: nonlinearity must be 'tanh' or 'relu', 'sig"),
    (lambda x, h, w: ops.rnn_cell(x[0], h, *w(1)), r"rnn_cell: expected x with two axes, it has 1 \(x \(3,\), h \(2"),
    (lambda x, h, w: ops.gru_cell(x, h[0], *w(3)), "gru_cell: expected h with two axes, it has 1"),
    (lambda x, h, w: ops.rnn_cell(x, h, *w(2)), r"rnn_cell: for a state of width 4 w_hh must be \(4, 4\) .*w_hh \(8"),
    (lambda x, h, w: ops.gru_cell(x, h, *w(4)), r"gru_cell: for a state of width 4 w_hh must be \(12, 4\)"),
    (lambda x, h, w: ops.lstm_cell(x, h, h[:, :2], *w(4)), r"lstm_cell: for a state of width 2 w_hh must be \(8, 4\)"),
    (lambda x, h, w: ops.lstm_cell(x, h[:, :3], h, *w(4)), r"lstm_cell: for a state of width 4 w_hh must be \(16, 3\)"),
    (lambda x, h, w: ops.gru_cell(x[:, :2], h, *w(3)), "gru_cell: w_ih has 12 rows for 3 input features, x and h need "
                                                       "12 rows for 2"),
    (lambda x, h, w: ops.gru_cell(x[:1], h, *w(3)), "gru_cell: x is a batch of 1, h one of 2"),
    (lambda x, h, w: ops.lstm_cell(x, h, h[:1], *w(4)), "lstm_cell: x is a batch of 2, c one of 1"),
    (lambda x, h, w: ops.lstm_cell(x, h, h, *w(4)[:2], w(1)[2]), r"lstm_cell: b_ih must be \(16,\), it is \(4,\)"),
    (lambda x, h, w: ops.rnn_cell(x, h, *w(1)[:3], w(2)[2]), r"rnn_cell: b_hh must be \(4,\), it is \(8,\)"),
    (lambda x, h, w: ops.gru_cell(x, h, None, *w(3)[1:2]), "gru_cell: without w_ih x is the product, .* 12 columns"),
    (lambda x, h, w: ops.rnn_cell(h, h, None, *w(1)[1:]), "rnn_cell: without w_ih x already has its bias"),
    (lambda x, h, w: ops.rnn_cell(x.astype("int64"), h, *w(1)), "rnn_cell: expected floating-point numbers, x is int"),
    (lambda x, h, w: ops.lstm_cell(x, h, h.astype("int32"), *w(4)), "lstm_cell: expected .*, c is int32: astype"),
])
def test_wrong_cells(call, message, recorded, kernels):
    with mg.config(kernels=kernels), pytest.raises(ERRORS, match=message):
        call(*arguments(recorded))


def test_a_cell_on_two_devices():
    x, h, w = arguments(True)
    with installed(), pytest.raises(TypeError, match="gru_cell: x is on cuda:0, h is on cpu"):
        ops.gru_cell(x.cuda(), h, *w(3))


# --- layers ---------------------------------------------------------------------------------------------------

X = mg.ones(5, 2, 3)            # five steps of two sequences
H = mg.ones(1, 2, 4)


@pytest.mark.parametrize("call, message", [
    (lambda: nn.GRU(3, 4)(X[:, :, :2]), r"GRU: input_size is 3, the last axis of input 2 \(input \(5, 2, 2\)\)"),
    (lambda: nn.GRU(3, 4)(X[None]), r"GRU: expected \(t, in\), or a batch \(t, n, in\), input has shape \(1, 5, 2, 3"),
    (lambda: nn.GRU(3, 4, batch_first=True)(X[0, 0]), r"GRU: .* or a batch \(n, t, in\), input has shape \(3,\)"),
    (lambda: nn.RNN(3, 4)(X[:0]), r"RNN: a sequence needs at least one step \(input \(0, 2, 3\)\)"),
    (lambda: nn.RNN(3, 4, batch_first=True)(X[:, :0]), "RNN: a sequence needs at least one step"),
    (lambda: nn.LSTM(3, 4)(X.astype("int64")), "LSTM: expected floating-point numbers, input is int64: astype"),
    (lambda: nn.GRU(3, 4)(X, mg.ones(1, 3, 4)), r"GRU: expected a state \(1, 2, 4\), of 1 layers, 1 directions and a "
                                                r"batch of 2; one of shape \(1, 3, 4\) came"),
    (lambda: nn.GRU(3, 4, 2)(X, H), r"GRU: expected a state \(2, 2, 4\), of 2 layers"),
    (lambda: nn.GRU(3, 4, bidirectional=True)(X, H), r"GRU: expected a state \(2, 2, 4\), of 1 layers, 2 directions"),
    (lambda: nn.GRU(3, 4, batch_first=True)(X, H), r"GRU: expected a state \(1, 5, 4\)"),
    (lambda: nn.GRU(3, 4)(X[:, 0], H), r"GRU: expected a state \(1, 4\), of 1 layers, 1 directions; one of shape"),
    (lambda: nn.GRU(3, 4)(X, H[0]), r"GRU: expected a state \(1, 2, 4\), .* shape \(2, 4\) came"),
    (lambda: nn.GRU(3, 4)(X, (H, H)), "GRU: expected hx to be one tensor, a tuple of 2 came; only an LSTM has a pair"),
    (lambda: nn.LSTM(3, 4)(X, H), r"LSTM: expected hx to be a pair \(h, c\), one Tensor came"),
    (lambda: nn.LSTM(3, 4)(X, (H,)), r"LSTM: expected hx to be a pair \(h, c\), 1 tensors came"),
    (lambda: nn.LSTM(3, 4, proj_size=2)(X, (H, H)), r"LSTM: expected a state \(1, 2, 2\), .* \(1, 2, 4\) came"),
    (lambda: nn.GRU(3, 4)(pack_padded_sequence(X, [5, 4]), mg.ones(1, 5, 4)), r"GRU: expected a state \(1, 2, 4\)"),
    (lambda: nn.GRU(2, 4)(pack_padded_sequence(X, [5, 4])), r"GRU: input_size is 2, the last axis of input 3"),
    (lambda: nn.GRU(3, 4)(pack_padded_sequence(X[..., None], [5, 4])), r"GRU: expected data \(total, in\) of a Packed"),
    (lambda: nn.RNN(3, 4, nonlinearity="gelu"), "RNN: nonlinearity must be 'tanh' or 'relu', 'gelu' came"),
    (lambda: nn.RNN(3, 0), "RNN: hidden_size must be > 0, 0 came"),
    (lambda: nn.RNN(0, 3), "RNN: input_size must be > 0, 0 came"),
    (lambda: nn.GRU(3, 4, 0), "GRU: num_layers must be > 0, 0 came"),
    (lambda: nn.GRU(3, 4.0), "GRU: hidden_size must be int, 4.0 came"),
    (lambda: nn.GRU(3, 4, 1, 0.5), "GRU: bias must be bool, 0.5 came"),
    (lambda: nn.GRU(3, 4, 2, dropout=1.5), r"GRU: dropout must be a probability in \[0, 1\], 1.5 came"),
    (lambda: nn.LSTM(3, 4, proj_size=4), "LSTM: proj_size must be less than hidden_size, 4, or 0 .*; 4 came"),
    (lambda: nn.GRU(3, 4, proj_size=2), "proj_size"),
    (lambda: nn.RNNCell(3, 4, nonlinearity="gelu"), "RNNCell: nonlinearity must be 'tanh' or 'relu', 'gelu' came"),
    (lambda: nn.RNNCell(3, 4)(X), r"RNNCell: expected \(n, 3\) or \(3,\), input has shape \(5, 2, 3\)"),
    (lambda: nn.GRUCell(3, 4)(X[0, :, :2]), "gru_cell: w_ih has 12 rows for 3 input features"),
    (lambda: nn.GRUCell(3, 4)(X[0], H), r"GRUCell: for an input \(2, 3\) a state must be \(2, 4\), one of \(1, 2, 4\)"),
    (lambda: nn.RNNCell(3, 4)(X[0], H[0, 0]), r"RNNCell: for an input \(2, 3\) a state must be \(2, 4\), one of \(4,"),
    (lambda: nn.GRUCell(3, 4)(X[0], (H[0], H[0])), "GRUCell: expected hx to be one tensor, a tuple of 2 came"),
    (lambda: nn.LSTMCell(3, 4)(X[0], H[0]), r"LSTMCell: expected hx to be a pair \(h, c\), one Tensor came"),
    (lambda: nn.LSTMCell(3, 4)(X[0], (H[0], H[0, :1])), r"LSTMCell: for an input \(2, 3\) .* one of \(1, 4\) came"),
])
def test_wrong_layers(call, message):
    with pytest.raises(ERRORS, match=message):
        call()


# --- packing and padding --------------------------------------------------------------------------------------

@pytest.mark.parametrize("call, message", [
    (lambda: pack_padded_sequence(X, [3, 5]), r"pack_padded_sequence: lengths must not increase, \[3, 5\] came: "
                                              "enforce_sorted=False sorts them"),
    (lambda: pack_padded_sequence(X, [5, 4, 3]), "expected a length for each of the 2 sequences of input, lengths of "
                                                 r"shape \(3,\)"),
    (lambda: pack_padded_sequence(X, [5, 4, 3, 2, 1], enforce_sorted=False), "for each of the 2 sequences"),
    (lambda: pack_padded_sequence(X, [[5, 4]]), r"lengths of shape \(1, 2\) came"),
    (lambda: pack_padded_sequence(X, [5, 0]), r"no sequence may be empty, lengths \[5, 0\] came"),
    (lambda: pack_padded_sequence(X, [6, 5]), "input has 5 steps, a length of 6 came; batch_first says which axis"),
    (lambda: pack_padded_sequence(X, [4.5, 4]), "pack_padded_sequence: lengths must be whole numbers, float64 came"),
    (lambda: pack_padded_sequence(X[:, :0], []), r"there is nothing to pack, input has shape \(5, 0, 3\)"),
    (lambda: pack_padded_sequence(X[:, 0, 0], [5]), r"expected \(t, n, ...\), input has shape \(5,\)"),
    (lambda: pack_padded_sequence(X[:, 0, 0], [5], True), r"expected \(n, t, ...\), for batch_first, input has shape"),
    (lambda: pack_sequence([mg.ones(2), mg.ones(3)]), "lengths must not increase"),
    (lambda: pack_sequence([]), "pack_sequence: expected at least one sequence, an empty list came"),
    (lambda: pad_sequence([]), "pad_sequence: expected at least one sequence, an empty list came"),
    (lambda: pad_sequence(5), "pad_sequence: expected a list of sequences, int came"),
    (lambda: pad_sequence([[1, 2], [3]]), "pad_sequence: expected tensors, list came"),
    (lambda: pad_sequence([mg.ones(2, 3), mg.ones(2, 4)]), r"differ in their length alone, they are \[\(2, 3\), \(2"),
    (lambda: pad_sequence([mg.ones(())]), r"sequences must be \(length, ...\)"),
    (lambda: pad_sequence([mg.ones(2)], padding_side="top"), "padding_side must be 'left' or 'right', 'top' came"),
    (lambda: pad_packed_sequence(pack_padded_sequence(X, [4, 2]), total_length=3),
     "pad_packed_sequence: total_length 3 is less than the longest length, 4"),
    (lambda: unpad_sequence(X, [5]), "unpad_sequence: expected a length for each of the 2 sequences"),
    (lambda: PackedSequence(X), "PackedSequence: expected data and batch_sizes, or a pair of them; use pack_sequence"),
])
def test_wrong_sequences(call, message):
    with pytest.raises(ERRORS, match=message):
        call()


def test_batch_sizes_on_a_gpu():
    with installed(), pytest.raises(ValueError, match="batch_sizes must be on the CPU, they are on cuda:0"):
        PackedSequence(mg.ones(3), mg.tensor(np.array([2, 1]), device="cuda"))
