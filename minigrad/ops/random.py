"""Tensors drawn at random, from a generator: the one given, or the device's default, which `manual_seed` starts anew.

New tensors go to `device`, by default "cpu"; a generator must be of that device (`make_generator(device, seed)`).
"""

from __future__ import annotations

from typing import Any, cast

import numpy

from ..backend import FLOATS, Array, default_generator, device_of, namespace, on_device_of, using
from ..meta import BATCH, Meta, asking
from ..misuse import named
from ..tensor import Tensor, bare
from .creation import FLOAT, one_tuple
from .precision import FULL

__all__ = [
    "bernoulli", "multinomial", "normal", "rand", "rand_like", "randint", "randn", "randn_like", "randperm", "uniform",
]

GRID = {"float16": 2.0**11, "bfloat16": 2.0**8}     # how many evenly spaced numbers in [0, 1) a half can tell apart


def draw(kind: str, shape: tuple[int, ...], dtype: Any = FLOAT, device: str = "cpu", generator: Any = None) -> Array:
    """Random numbers, "random" in [0, 1) or "standard_normal", from `generator` or the device's default one."""
    if device == "meta" or BATCH in shape:
        if not asking.get():
            raise TypeError("a symbol has no values, and random numbers drawn now would stay the same for ever: draw "
                            "them in the forward of a leaf layer")
        return Meta(shape, floating(dtype))
    with using(device):
        generator = default_generator(device) if generator is None else generator
        dtype = floating(dtype)
        drawn = getattr(generator, kind)(shape, dtype=dtype if dtype in FULL else FLOAT)
        if kind == "random" and str(dtype) in GRID:             # rounded to the nearest some would be 1
            drawn = namespace(drawn).floor(drawn * GRID[str(dtype)]) / GRID[str(dtype)]
        return drawn.astype(dtype, copy=False)


def drawn(kind: str, shape: tuple[int, ...], dtype: Any, device: str, generator: Any, requires_grad: bool) -> Any:
    """Such random numbers as a tensor; for a leaf layer that is asked for its shape an array without values."""
    array = draw(kind, shape, dtype, device, generator)
    return array if isinstance(array, Meta) else Tensor(array, requires_grad)


def floating(dtype: Any) -> numpy.dtype:
    """The dtype, if it is one of floating numbers."""
    dtype = numpy.dtype(dtype)
    if dtype.kind not in FLOATS:
        raise TypeError(f"expected a floating dtype, {dtype} came: randint draws whole numbers, bernoulli 0 and 1")
    return dtype


@named
def rand(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False,
         generator: Any = None) -> Tensor:
    """Uniform in [0, 1)."""
    return drawn("random", one_tuple(shape), dtype, device, generator, requires_grad)


@named
def randn(*shape: Any, dtype: Any = FLOAT, device: str = "cpu", requires_grad: bool = False,
          generator: Any = None) -> Tensor:
    """Normal with mean 0 and variance 1."""
    return drawn("standard_normal", one_tuple(shape), dtype, device, generator, requires_grad)


def like(name: str, x: Any, kind: str, dtype: Any, requires_grad: bool, generator: Any) -> Tensor:
    """Random numbers in the shape, dtype and device of x."""
    array = bare(x)
    if dtype is None and array.dtype.kind in "iub":
        raise TypeError(f"{name}: expected floating numbers to make some like them, {array.dtype} came: give a dtype")
    return drawn(kind, array.shape, dtype or array.dtype, device_of(array), generator, requires_grad)


@named
def rand_like(x: Any, dtype: Any = None, requires_grad: bool = False, generator: Any = None) -> Tensor:
    """Uniform in [0, 1), in the shape, dtype and device of x. Without a dtype integers raise TypeError."""
    return like("rand_like", x, "random", dtype, requires_grad, generator)


@named
def randn_like(x: Any, dtype: Any = None, requires_grad: bool = False, generator: Any = None) -> Tensor:
    """Normal with mean 0 and variance 1, in the shape, dtype and device of x; integers without a dtype: TypeError."""
    return like("randn_like", x, "standard_normal", dtype, requires_grad, generator)


@named
def randint(low: int, high: Any, shape: Any = None, dtype: Any = "int64", device: str = "cpu",
            generator: Any = None, *, size: Any = None) -> Tensor:
    """Whole numbers from low to high - 1: randint(low, high, shape), or randint(high, shape) from 0.

    size: PyTorch's word for the shape. ValueError if there are no such numbers.
    """
    shape = size if shape is None else shape
    if shape is None:
        low, high, shape = 0, low, high
    if low >= high:
        raise ValueError(f"randint: expected low < high, {low} and {high} came")
    with using(device):
        generator = default_generator(device) if generator is None else generator
        return Tensor(generator.integers(low, high, one_tuple((shape,)), dtype=dtype))


@named
def randperm(n: int, dtype: Any = "int64", device: str = "cpu", generator: Any = None) -> Tensor:
    """The numbers 0 to n - 1 in random order. ValueError for a negative n."""
    if n < 0:
        raise ValueError(f"randperm: expected n >= 0, {n} came")
    return Tensor(in_random_order((n,), device, generator).astype(dtype, copy=False))


def in_random_order(shape: tuple[int, ...], device: str, generator: Any, weights: Any = None) -> Array:
    """A random permutation of the places on the last axis; heavier ones tend to come first.

    Of exponential variables with rates w the smallest is the i-th with probability w[i] / sum(w), and so on among the
    rest: the order of sampling without replacement. Efraimidis & Spirakis 2006.
    """
    u = draw("random", shape, "float64", device, generator)
    xp = namespace(u)
    with using(device), numpy.errstate(divide="ignore", invalid="ignore"):
        waits = -xp.log1p(-u)                               # exponential: u < 1
        return xp.argsort(waits if weights is None else waits / weights, axis=-1)


@named
def uniform(low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = None, device: str = "cpu",
            generator: Any = None) -> Tensor:
    """Uniform from low up to high: numbers or tensors; `size` by default is what they broadcast to."""
    return shifted("uniform", "random", low, bare(high) - bare(low), size, dtype, device, generator)


@named
def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, dtype: Any = None, device: str = "cpu",
           generator: Any = None) -> Tensor:
    """Normal with this mean and standard deviation: numbers or tensors; `size` by default is what they broadcast to.

    Raises ValueError for a negative number as std.
    """
    if isinstance(std, (int, float)) and std < 0:
        raise ValueError(f"normal: expected std >= 0, {std} came")
    return shifted("normal", "standard_normal", mean, bare(std), size, dtype, device, generator)


def shifted(name: str, kind: str, start: Any, scale: Any, size: Any, dtype: Any, device: str, generator: Any) -> Tensor:
    """start + scale * random numbers, where the arrays among start and scale live, else on `device`."""
    parts = [x for x in (bare(start), scale) if hasattr(x, "dtype")]
    if parts:
        device = device_of(parts[0])
        common = numpy.result_type(*[x.dtype for x in parts])
        dtype = dtype or (common if common.kind in FLOATS else FLOAT)
    shape = full_shape(name, [x.shape for x in parts], size)
    drawn = draw(kind, shape, dtype or FLOAT, device, generator)
    with on_device_of(drawn):
        return Tensor((bare(start) + scale * drawn).astype(dtype or FLOAT, copy=False))


def full_shape(name: str, shapes: list, size: Any) -> tuple[int, ...]:
    """`size`, if the arguments of these shapes broadcast to it; without one what they broadcast to."""
    wanted = () if size is None else one_tuple((size,))
    try:
        whole = numpy.broadcast_shapes(wanted, *shapes)
    except ValueError:
        whole = None
    if whole is None or size is not None and whole != wanted:
        target = "one shape" if size is None else f"size {wanted}"
        raise ValueError(f"{name}: arguments of shapes {shapes} do not broadcast to {target}")
    return whole


@named
def bernoulli(p: Any, generator: Any = None) -> Tensor:
    """1 with probability p, else 0: for every element of a tensor of probabilities, in its dtype.

    The result is a constant: no gradient goes to p. Raises ValueError for what lies outside [0, 1], NaN too.
    """
    array = bare(p if isinstance(p, Tensor) else numpy.asarray(p, FLOAT) if isinstance(p, (int, float)) else p)
    if array.dtype.kind in "iub":
        raise TypeError(f"bernoulli: expected probabilities, floating numbers, {array.dtype} came")
    with on_device_of(array):
        if device_of(array) != "meta" and not bool(namespace(array).all((array >= 0) & (array <= 1))):
            raise ValueError("bernoulli: expected probabilities from 0 to 1")
        found = (draw("random", array.shape, "float64", device_of(array), generator) < array).astype(array.dtype)
    return cast(Tensor, found) if isinstance(found, Meta) else Tensor(found)


@named
def multinomial(weights: Any, num_samples: int, replacement: bool = False, generator: Any = None) -> Tensor:
    """`num_samples` places on the last axis of `weights`, each with a probability proportional to its weight.

    weights (n,) or (rows, n), not negative   ->   int64 (num_samples,) or (rows, num_samples). Without replacement no
    place is drawn twice. Raises ValueError for weights that are negative, not finite or all zero, and, without
    replacement, for more samples than there are places.
    """
    array = bare(weights)
    check_weights(array, num_samples, replacement)
    wide = array.astype("float64")
    with on_device_of(array):
        if not replacement:
            order = in_random_order(array.shape, device_of(array), generator, wide)
            return Tensor(order[..., :num_samples])
        xp = namespace(array)
        ends = xp.cumsum(wide, axis=-1)                                     # (..., n)
        u = draw("random", array.shape[:-1] + (num_samples,), "float64", device_of(array), generator)
        drawn = u * ends[..., -1:]                                          # (..., num_samples)
        return Tensor(xp.sum(ends[..., None, :] <= drawn[..., None], axis=-1))


def check_weights(weights: Array, num_samples: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2) or not weights.shape[-1]:
        raise ValueError(f"multinomial: expected weights (n,) or (rows, n), {weights.shape} came")
    if num_samples <= 0 or not replacement and num_samples > weights.shape[-1]:
        raise ValueError(f"multinomial: expected num_samples from 1 to {weights.shape[-1]} (more only with "
                         f"replacement=True), {num_samples} came")
    xp = namespace(weights)
    fine = xp.all(xp.isfinite(weights) & (weights >= 0)) & xp.all(xp.sum(weights, axis=-1) > 0)
    if not bool(fine):
        raise ValueError("multinomial: expected weights that are finite and not negative, not all zero")
