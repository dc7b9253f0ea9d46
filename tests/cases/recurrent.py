"""Steps of recurrent networks."""

from draws import case, normal


def weights(rows, width, state):
    """w_ih, w_hh, b_ih, b_hh."""
    return normal(rows, width), normal(rows, state), normal(rows), normal(rows)


CASES = {
    "rnn_cell": [
        case("tanh", normal(2, 3), normal(2, 2), *weights(2, 3, 2)),
        case("relu", normal(2, 3), normal(2, 2), *weights(2, 3, 2), nonlinearity="relu"),
        case("no bias", normal(2, 3), normal(2, 2), *weights(2, 3, 2)[:2]),
        case("x is multiplied", normal(2, 2), normal(2, 2), None, normal(2, 2), None, normal(2)),
    ],
    "lstm_cell": [
        case("biases", normal(2, 3), normal(2, 2), normal(2, 2), *weights(8, 3, 2)),
        case("no bias", normal(3, 1), normal(3, 2), normal(3, 2), *weights(8, 1, 2)[:2]),
        case("one unit", normal(3, 2), normal(3, 1), normal(3, 1), *weights(4, 2, 1)),
        case("only the bias of h", normal(2, 3), normal(2, 2), normal(2, 2), *weights(8, 3, 2)[:2], None, normal(8)),
        case("h is projected", normal(2, 3), normal(2, 1), normal(2, 2), *weights(8, 3, 1)),
        case("x is multiplied", normal(2, 8), normal(2, 2), normal(2, 2), None, normal(8, 2), None, normal(8)),
    ],
    "gru_cell": [
        case("biases", normal(2, 3), normal(2, 2), *weights(6, 3, 2)),
        case("no bias", normal(3, 1), normal(3, 2), *weights(6, 1, 2)[:2]),
        case("only the bias of h", normal(2, 3), normal(2, 2), *weights(6, 3, 2)[:2], None, normal(6)),
        case("x is multiplied", normal(2, 6), normal(2, 2), None, normal(6, 2), None, normal(6)),
    ],
}
