"""New parameters and buffers, and the values that they start with, as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import sqrt
from typing import Any

import numpy

from .. import ops
from ..backend import Array
from ..layout import images
from . import init
from .module import Parameter


def new_parameter(*shape: int, device: str | None = None, dtype: Any = None) -> Parameter:
    """A parameter whose values are still to be set."""
    return Parameter(new_array(*shape, device=device, dtype=dtype))


def new_array(*shape: int, device: str | None = None, dtype: Any = None) -> Array:
    """An array whose values are still to be set: a buffer. One of four axes, as filters are, lies as images do."""
    check = init.unfilled.get()
    if check is not None:
        check(shape)
        return numpy.lib.stride_tricks.as_strided(numpy.zeros(1, dtype or "float32"), shape, (0,) * len(shape))
    if len(shape) == 4 and (device or "cpu") == "cpu":
        return images(shape, numpy.dtype(dtype or "float32"))
    return ops.empty(shape, dtype=dtype or "float32", device=device or "cpu").data


@contextmanager
def skip_init(check: Callable[[tuple[int, ...]], object]) -> Iterator[None]:
    """Inside this context new layers take no memory, draw no random numbers, and wait for their values.

    check(shape) is called with the shape of each new parameter and buffer, and may raise.
    """
    token = init.unfilled.set(check)
    try:
        yield
    finally:
        init.unfilled.reset(token)


def neutral_start(weight: Parameter | None, bias: Parameter | None) -> None:
    """Scale 1, shift 0: a normalisation that only normalises."""
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)


def uniform_start(parameters: Iterable[Parameter | None], fan_in: int) -> None:
    """All uniform in [-b, b), b = 1 / sqrt(fan_in), or 0 where that is 0; None is no parameter."""
    bound = 1 / sqrt(fan_in) if fan_in > 0 else 0.0
    for parameter in parameters:
        if parameter is not None:
            init.uniform_(parameter, -bound, bound)


def usual_start(weight: Parameter, bias: Parameter | None) -> None:
    """Both uniform in [-b, b), b = 1 / sqrt(fan_in of the weight)."""
    uniform_start((weight, bias), init.fans(weight)[0])
