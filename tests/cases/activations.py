"""Activations and dropout."""

import numpy as np
from draws import case, distinct, mask, normal, unary

CASES = {
    "relu": unary(distinct),
    "leaky_relu": [*unary(distinct), case("steep", distinct(2, 3), negative_slope=0.3)],
    "elu": [*unary(distinct), case("alpha", distinct(2, 3), alpha=0.7)],
    "silu": unary(normal),
    "softplus": unary(normal),
    "dropout": [
        case("matrix", normal(3, 4), mask(3, 4), p=0.25),
        case("whole channels", normal(2, 3, 2, 2), mask(2, 3, 1, 1), p=0.5),
        case("none dropped", normal(2, 3), np.ones((2, 3), dtype=bool), p=0.0),
    ],
}
