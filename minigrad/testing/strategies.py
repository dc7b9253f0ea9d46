"""Hypothesis strategies for cases of ops. Hypothesis is imported when a strategy is made: pip install "minigrad[test]".

What hypothesis draws of an array is its shape and a seed; a failing example shrinks in both. Values are spaced evenly
and shuffled, so that no two are equal and none is zero: they lie off the kinks that ops have there.
"""

from __future__ import annotations

from inspect import Parameter
from typing import Any

import numpy as np

from ..op import Op
from ..variadic import Variadic
from .cases import Case


def hypothesis_strategies() -> Any:
    """The module hypothesis.strategies."""
    try:
        import hypothesis.strategies
    except ImportError as error:
        raise ImportError('minigrad.testing.strategies needs hypothesis: pip install "minigrad[test]"') from error
    return hypothesis.strategies


def spaced(shape: tuple[int, ...], low: float, high: float, seed: int, dtype: Any = "float64") -> np.ndarray:
    """Values evenly spaced between low and high, in random order; the grid lies so that 0 is between two of them."""
    count = int(np.prod(shape))
    gap = (high - low) / max(count, 1)
    places = np.random.default_rng(seed).permutation(count) + 0.5
    values = low + gap * places
    values += gap * (0.3 - abs(values).min() / gap) if count and abs(values).min() < 0.2 * gap else 0.0
    return np.asarray(values.reshape(shape), dtype)


def arrays(shape: Any, *, low: float = -2.0, high: float = 2.0, dtype: Any = "float64") -> Any:
    """Arrays of `shape` (a tuple, or a strategy for one) with values between low and high, away from kinks.

    No two elements are closer than (high - low) / size, none is closer to 0 than a fifth of that.
    For logarithms and divisors take low=0.5.
    """
    st = hypothesis_strategies()
    shapes = st.just(shape) if isinstance(shape, tuple) else shape
    return st.builds(lambda s, seed: spaced(s, low, high, seed, dtype), shapes, st.integers(0, 2**32 - 1))


def shapes(*, min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4) -> Any:
    """Shapes as tuples."""
    st = hypothesis_strategies()
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


def broadcastable_shapes(count: int = 2, *, max_dims: int = 3, max_side: int = 4) -> Any:
    """Tuples of `count` shapes that broadcast together: axes of length 1, and axes that are missing in front."""
    st = hypothesis_strategies()

    def cut(full: tuple[int, ...]) -> Any:
        """Shapes that broadcast to `full`; the first is `full` itself in some order."""
        one = st.tuples(st.integers(0, len(full)), st.tuples(*[st.booleans() for _ in full])).map(
            lambda drawn: tuple([1 if short else n for n, short in zip(full, drawn[1], strict=True)])[drawn[0]:])
        return st.tuples(*[one for _ in range(count)])

    return shapes(max_dims=max_dims, max_side=max_side).flatmap(cut)


def op_cases(op: Op, *, max_dims: int = 3, max_side: int = 4, low: float = -2.0, high: float = 2.0,
             **given: Any) -> Any:
    """Cases of an op: for `check_op`, or for a property of your own.

    Arguments without a default get arrays between low and high whose shapes broadcast together; an op on any number of
    arrays (concat) gets one to three of one shape. `given` has strategies for arguments by name, also for inputs:

    >>> import hypothesis.strategies as st
    >>> from minigrad import ops
    >>> from minigrad.testing.strategies import arrays, op_cases
    >>> cases = op_cases(ops.divide, b=arrays((3,), low=0.5))
    >>> cases = op_cases(ops.sum, axis=st.sampled_from([None, 0]), max_dims=1)
    """
    st = hypothesis_strategies()
    unknown = [name for name in given if name not in op.names]
    if unknown:
        raise TypeError(f"op_cases: {op.name} has no argument {unknown[0]!r}; it has {', '.join(op.names)}")
    if isinstance(op, Variadic):
        inputs = st.tuples(shapes(max_dims=max_dims, max_side=max_side), st.integers(1, 3)).flatmap(
            lambda drawn: st.tuples(*[arrays(drawn[0], low=low, high=high)] * drawn[1]))
        return st.builds(lambda xs, params: Case(xs, params, op.name), inputs, st.fixed_dictionaries(given))
    needed = [name for name, default in zip(op.names, op.defaults, strict=True) if default is Parameter.empty]
    drawn = [name for name in needed if name not in given]

    def inputs_of(several: tuple) -> Any:
        own = dict(zip(drawn, [arrays(shape, low=low, high=high) for shape in several], strict=True))
        return st.fixed_dictionaries({name: given.get(name, own.get(name)) for name in needed})

    several = broadcastable_shapes(len(drawn), max_dims=max_dims, max_side=max_side)
    params = st.fixed_dictionaries({name: strategy for name, strategy in given.items() if name not in needed})
    return st.builds(lambda xs, rest: Case(tuple(xs.values()), rest, op.name), several.flatmap(inputs_of), params)
