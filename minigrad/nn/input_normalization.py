"""The normalisation of what comes into a model, as its first layer: so it is saved, and moved, with the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy

from .. import ops
from ..backend import FLOATS, Array, is_array, to_numpy
from ..tensor import bare
from .module import Module

__all__ = ["Normalization"]

BYTES = 255                     # what uint8 images are divided by, everywhere
AT_ONCE = 256                   # examples whose statistics are taken together


class Normalization(Module):
    """(x - mean) / std in every channel, with a mean and a standard deviation that are given: x (n, c, ...), or (n, c).

        x = Input((3, 32, 32))
        model = Graph(x, net(nn.Normalization.of(train)(x)))    # mean and std of the training images, saved with it
        nn.Sequential(nn.Normalization(0.1307, 0.3081), nn.Conv2d(1, 6, 5), ...)

    mean, std: a number, or one for each channel (c,); kept as the buffers `mean` and `std` (c,) or (1,), which are not
    learnt. uint8 images count as 0 to 1 and are divided by 255 first, so they need not be made floats on the host.
    Raises ValueError for a std that is not positive, lengths that differ, and inputs with other channels.
    """

    mean: Any
    std: Any

    def __init__(self, mean: Any, std: Any):
        means, stds = as_channels("mean", mean), as_channels("std", std)
        c = max(means.size, stds.size)
        if {means.size, stds.size} - {1, c}:
            raise ValueError(f"Normalization: expected a mean and a std of one length, {means.shape} and "
                             f"{stds.shape} came")
        if not (stds > 0).all():
            raise ValueError(f"Normalization: expected a positive std, {std} came")
        self.register_buffer("mean", numpy.broadcast_to(means, c).copy())
        self.register_buffer("std", numpy.broadcast_to(stds, c).copy())

    @classmethod
    def of(cls, data: Any) -> Normalization:
        """The one that gives the inputs of a data set mean 0 and standard deviation 1 in every channel.

        data: an array (n, c, ...), or anything with a length and `data[i] -> (input, target)`, input (c, ...); it is
        read once, a few examples at a time. Or a Loader, whose first epoch is read, by its threads and with its
        transform. A channel that is the same everywhere keeps its scale: std 1.
        Raises ValueError where there are no examples or no single input array.
        """
        statistics = ChannelStatistics()
        for inputs in inputs_of(data):
            statistics.update(inputs)
        return cls(*statistics.compute())

    def forward(self, input: Any) -> Any:
        if bare(input).dtype == numpy.uint8:
            input = ops.astype(input, self.mean.dtype) / BYTES
        dtype, shape = bare(input).dtype, input.shape
        if dtype.kind not in FLOATS:
            raise TypeError(f"Normalization: expected floats, or uint8 from 0 to {BYTES}, {dtype} came")
        if len(shape) < 2 or self.mean.size not in (1, shape[1]):
            raise ValueError(f"Normalization: expected an input (n, {self.mean.size}, ...), as there are means for "
                             f"{self.mean.size} channels, {shape} came")
        mean, std = [buffer.astype(dtype, copy=False).reshape(-1, *[1] * (len(shape) - 2))      # (c, 1, 1)
                     for buffer in (self.mean, self.std)]
        return (input - mean) / std

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as lists of numbers."""
        return {"mean": to_numpy(self.mean).tolist(), "std": to_numpy(self.std).tolist()}

    def extra_repr(self) -> str:
        return f"mean={spell(self.mean)}, std={spell(self.std)}"


def as_channels(name: str, value: Any) -> numpy.ndarray:
    """A number or a row of numbers as (c,) float32."""
    value = bare(value)
    array = numpy.atleast_1d(numpy.asarray(to_numpy(value) if is_array(value) else value, numpy.float32))
    if array.ndim != 1 or not array.size or not numpy.isfinite(array).all():
        raise ValueError(f"Normalization: expected {name} to be a finite number, or one for each channel, {value} came")
    return array


def spell(buffer: Array) -> str:
    """Few channels one by one, many in short."""
    values = [float(f"{x:.4g}") for x in to_numpy(buffer).tolist()]
    return str(values[0] if len(values) == 1 else values if len(values) <= 4 else f"({len(values)} channels)")


# --- over a data set ------------------------------------------------------------------------------------------

class ChannelStatistics:
    """Mean and standard deviation of every channel of arrays that come one after the other.

    Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979, eq. 2.1.
    """

    def __init__(self) -> None:
        self.count = 0                              # numbers in each channel so far
        self.mean: Any = 0.0                        # (c,)
        self.squares: Any = 0.0                     # (c,): the sum of squared distances from the mean

    def update(self, x: numpy.ndarray) -> None:
        """x (n, c, ...) of floats, or uint8, which counts as 0 to 1."""
        if x.ndim < 2 or x.dtype.kind not in FLOATS + "u" or x.dtype.kind == "u" and x.dtype != numpy.uint8:
            raise ValueError(f"Normalization.of: expected inputs (n, c, ...) of floats or uint8, {x.shape} of "
                             f"{x.dtype} came")
        if self.count and len(self.mean) != x.shape[1]:
            raise ValueError(f"Normalization.of: expected {len(self.mean)} channels as before, {x.shape[1]} came")
        scale = BYTES if x.dtype == numpy.uint8 else 1
        rows = x.swapaxes(0, 1).reshape(x.shape[1], -1).astype(numpy.float64) / scale       # (c, numbers)
        count = rows.shape[1]
        if count == 0:
            return
        mean = rows.mean(1)
        rows -= mean[:, None]
        away, total = mean - self.mean, self.count + count
        self.squares = self.squares + (rows * rows).sum(1) + away ** 2 * (self.count * count / total)
        self.mean = self.mean + away * (count / total)
        self.count = total

    def compute(self) -> tuple[numpy.ndarray, numpy.ndarray]:
        """(mean, std), (c,) float32 each."""
        if not self.count:
            raise ValueError("Normalization.of: expected at least one example, none came")
        std = numpy.sqrt(self.squares / self.count)
        flat = std <= 1e-7 * numpy.maximum(abs(self.mean), 1e-30)           # all of one value, but for rounding
        return self.mean.astype(numpy.float32), numpy.where(flat, 1, std).astype(numpy.float32)


def inputs_of(data: Any) -> Iterator[numpy.ndarray]:
    """The inputs of a data set as arrays (n, c, ...), a few at a time."""
    data = bare(data)
    if is_array(data):
        yield from (to_numpy(data[i:i + AT_ONCE]) for i in range(0, len(data), AT_ONCE))
    elif hasattr(data, "epoch"):
        yield from (input_of(batch) for batch in data.epoch(1))
    elif getattr(data, "takes_indices", False):
        yield from (input_of(data[numpy.arange(i, min(i + AT_ONCE, len(data)))]) for i in range(0, len(data), AT_ONCE))
    else:
        yield from (input_of(data[i])[None] for i in range(len(data)))


def input_of(example: Any) -> numpy.ndarray:
    """The one input array of an example, or of a batch."""
    inputs = bare(example[0] if isinstance(example, (tuple, list)) and len(example) == 2 else None)
    if not is_array(inputs):
        raise ValueError(f"Normalization.of: expected data whose input is one array, {type(inputs).__name__} came: "
                         "give it that array (n, c, ...)")
    return to_numpy(inputs)
