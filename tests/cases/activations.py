"""Activations and dropout."""

import numpy as np
from draws import case, distinct, mask, normal, unary


def thrice(*shape):
    """Evenly spaced between about -6 and 6: on every piece of hardswish and its kind, on none of their corners."""
    return np.asarray(3 * distinct(*shape) + 0.01)


CASES = {
    "gate": [case("matrix", normal(3, 4), mask(3, 4)), case("rows", normal(3, 4), mask(3, 1))],
    "relu": unary(distinct),
    "leaky_relu": [
        *unary(distinct), case("steep", distinct(2, 3), negative_slope=0.3),
        case("a slope for each column", distinct(2, 3), normal(3)), case("a slope for each", distinct(6), normal(6)),
    ],
    "prelu": [
        case("one for all", distinct(2, 3), normal(1)), case("one for each channel", distinct(2, 3, 2, 2), normal(3)),
        case("vector", distinct(5), normal(1)), case("number", distinct(2, 3), normal()), case("scalar", distinct(),
                                                                                              normal(1)),
    ],
    "threshold": [case("matrix", distinct(3, 4), threshold=0.1, value=2.5), case("scalar", distinct(), threshold=1,
                                                                                 value=0)],
    "hardtanh": [*unary(distinct), case("limits", distinct(3, 4), min_val=-1.3, max_val=0.7),
                 case("as relu6", thrice(4, 5), min_val=0, max_val=4)],
    "hardsigmoid": unary(thrice),
    "hardswish": unary(thrice),
    "softshrink": [*unary(distinct), case("far", distinct(3, 4), lambd=1.1)],
    "hardshrink": [*unary(distinct), case("far", distinct(3, 4), lambd=1.1), case("negative", distinct(3), lambd=-1.0)],
    "elu": [*unary(distinct), case("alpha", distinct(2, 3), alpha=0.7)],
    "selu": unary(distinct),
    "celu": [*unary(distinct), case("alpha", distinct(2, 3), alpha=0.5)],
    "gelu": [*unary(normal), case("tanh", normal(3, 4), approximate="tanh"), case("far", 5 * normal(3, 4))],
    "silu": unary(normal),
    "mish": unary(normal),
    "softplus": [*unary(normal), case("beta", normal(2, 3), beta=2.5), case("negative beta", normal(4), beta=-0.7),
                 case("threshold", distinct(3, 4), beta=1.7, threshold=1.0)],
    "logsigmoid": unary(normal),
    "glu": [case("rows", normal(3, 4)), case("channels", normal(2, 4, 3), axis=1), case("vector", normal(6), axis=0)],
    "softsign": unary(distinct),
    "tanhshrink": unary(normal),
    "dropout": [
        case("matrix", normal(3, 4), mask(3, 4), p=0.25),
        case("whole channels", normal(2, 3, 2, 2), mask(2, 3, 1, 1), p=0.5),
        case("none dropped", normal(2, 3), np.ones((2, 3), dtype=bool), p=0.0),
    ],
    "alpha_dropout": [
        case("matrix", normal(3, 4), mask(3, 4), p=0.25),
        case("whole channels", normal(2, 3, 2, 2), mask(2, 3, 1, 1), p=0.5),
        case("none dropped", normal(2, 3), np.ones((2, 3), dtype=bool), p=0.0),
    ],
}
