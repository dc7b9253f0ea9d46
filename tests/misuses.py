"""What students do wrong with an op, a function or a layer, made of a right call: generators of wrong calls."""

import numpy as np

NOT_NUMBERS = ("abc", None, {}, object, object())
AXIS_NAMES = ("axis", "axes", "axis1", "axis2", "dim", "source", "destination", "start_dim", "end_dim")
REFUSALS = (TypeError, ValueError, IndexError)


def refusal(call):
    """The error that a call raises; None where it is legal. Whatever is no error of a caller goes on."""
    try:
        call()
    except REFUSALS as error:
        return error
    except (AttributeError, LookupError, ArithmeticError, AssertionError, RuntimeError, NameError) as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from error
    return None


def other_shapes(x):
    """(what, array) like x with an axis more, an axis less, and with each length larger by one and 0."""
    yield "an axis more", x[None]
    if x.ndim:
        yield "an axis less", np.asarray(x[0]) if len(x) else x.reshape(x.shape[1:])
    for axis, n in enumerate(x.shape):
        if n:
            yield f"axis {axis} longer", np.concatenate([x, np.take(x, [0], axis)], axis)
            yield f"axis {axis} empty", x[(slice(None),) * axis + (slice(0, 0),)]


def other_kinds(x):
    """(what, value) in the place of an array: numbers of another kind, and what is no array of numbers."""
    if x.dtype.kind == "f":
        yield "integers", np.ones(x.shape, int)
        yield "booleans", np.ones(x.shape, bool)
        yield "complex", x.astype(complex)
    else:
        yield "floats", x.astype(float)
    if x.dtype.kind in "iu":
        yield "indices too large", x + 1000
        yield "indices too small", x - 1000
    yield "a list", x.tolist()
    for value in NOT_NUMBERS:
        yield repr(value)[:20], value


def other_parameters(value):
    """Values in the place of one that is no array."""
    yield from (*NOT_NUMBERS, -1, 0, 1.5, 99, [1.5], (0, 0), (99,), (1, 2, 3, 4, 5), np.ones(3))


def wrong_axes(ndim):
    """Axes that an array of `ndim` >= 1 axes has not (nor would with one more), that came twice, or are no ints."""
    yield from (ndim + 2, -ndim - 3, 1.0, "0", (0, ndim + 2), (0, 0))
