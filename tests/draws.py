"""How rows of the table are made: seeded inputs in float64, away from kinks, and the cases that many ops share."""

import math

import numpy as np

from minigrad.testing import Case

rng = np.random.default_rng(0)


def start(family):
    """Draw anew from here: what one family adds shall not change the numbers of another."""
    rng.bit_generator.state = np.random.default_rng(list(family.encode())).bit_generator.state


def normal(*shape):
    """Standard normal numbers."""
    return np.asarray(rng.standard_normal(shape))


def positive(*shape):
    """Between 0.5 and 2."""
    return np.asarray(rng.uniform(0.5, 2.0, shape))


def distinct(*shape):
    """Evenly spaced between about -2 and 2, shuffled: no two alike, none zero."""
    count = math.prod(shape)
    return ((rng.permutation(count) - count // 2 + 0.3) * (4 / (count + 1))).reshape(shape)


def distinct_pair(a_shape, b_shape):
    """Two arrays of which no element of one equals one of the other."""
    a_size, b_size = math.prod(a_shape), math.prod(b_shape)
    both = distinct(a_size + b_size)
    return both[:a_size].reshape(a_shape), both[a_size:].reshape(b_shape)


def quotient(*shape):
    """Between -3 and 3, but no whole number, nor near one."""
    return np.asarray(rng.integers(-3, 3, shape) + rng.uniform(0.2, 0.8, shape))


def divisible(a_shape, b_shape):
    """A dividend and a divisor, with a quotient as above."""
    b = positive(*b_shape)
    return quotient(*a_shape) * b, b


def halves(*shape):
    """Multiples of one half from -1 to 1, so that ties occur."""
    return rng.integers(-2, 3, shape) / 2


def integers(low, high, *shape):
    """Integers from low up to, but without, high."""
    return np.asarray(rng.integers(low, high, shape))


def mask(*shape):
    """Booleans with a true one in every row, and both kinds if there is room."""
    drawn = np.asarray(rng.random(shape) < 0.6)
    if drawn.ndim:
        drawn[..., 0], drawn[..., -1] = True, drawn.shape[-1] == 1
    return drawn


# --- rows that many ops share -------------------------------------------------------------------------------------


def case(name, *inputs, **params):
    """A row of the table: what it is about, the inputs in order, the parameters by name."""
    return Case(inputs, params, name)


def unary(draw):
    """The cases of an op of one array and nothing else."""
    return [case("matrix", draw(3, 4)), case("scalar", draw()), case("image", draw(2, 2, 3, 2))]


def binary(draw=lambda a, b: (normal(*a), normal(*b))):
    """The cases of an op of two arrays that broadcast: same shape, b wider, a wider, both, a scalar."""
    shapes = {
        "same shape": ((2, 3), (2, 3)),
        "b lacks an axis": ((2, 3), (3,)),
        "a lacks an axis": ((3,), (2, 3)),
        "both stretch": ((2, 1, 3), (4, 1)),
        "b is 0-d": ((2, 3), ()),
    }
    return [case(name, *draw(a, b)) for name, (a, b) in shapes.items()]


def two_of(draw):
    """A drawer for `binary` that takes both arrays from one kind of number."""
    return lambda a, b: (draw(*a), draw(*b))


def compared():
    """The cases of a comparison: ties occur; broadcasting; a Python scalar."""
    return [*binary(two_of(halves))[:4], case("python scalar", halves(2, 3), b=0.5)]


def reduction(draw):
    """The cases of a reduction: every kind of `axis`, with and without keepdims."""
    return [
        case("all", draw(2, 3)),
        case("all keepdims", draw(2, 3), keepdims=True),
        case("axis 0", draw(3, 4), axis=0),
        case("axis -1 keepdims", draw(2, 3), axis=-1, keepdims=True),
        case("two axes", draw(2, 3, 4), axis=(0, -1)),
        case("image axes keepdims", draw(2, 3, 2, 2), axis=(0, 2, 3), keepdims=True),
        case("scalar", draw()),
    ]


def one_axis(draw):
    """The cases of a reduction that takes one axis only."""
    return [
        case("flat", draw(2, 3)),
        case("axis 0", draw(3, 4), axis=0),
        case("axis -2 keepdims", draw(2, 3, 2), axis=-2, keepdims=True),
        case("flat keepdims", draw(2, 3), keepdims=True),
    ]
