"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..backend import device_of, using
from ..ops.normalization import as_shape
from . import functional as F
from .functional.common import has_values
from .linear import neutral_start, new_parameter
from .module import Module


class BatchNorm(Module):
    """What batch normalisation of vectors and of images share. Ioffe & Szegedy 2015.

    In training every channel is normalised by the mean and the biased variance of the batch, and the running statistics
    (buffers) move towards the batch's by `momentum` (the variance unbiased); momentum None makes them the plain mean
    over all batches. In evaluation the running statistics normalise. affine: learn a scale `weight` and, unless
    bias=False, a shift `bias`.
    """

    ndims: tuple[int, ...] = ()
    expects = ""
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: str | None = None, dtype: Any = None, *, bias: bool = True):
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = new_parameter(num_features, device=device, dtype=dtype) if affine else None
        self.bias = new_parameter(num_features, device=device, dtype=dtype) if affine and bias else None
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, None)
        if track_running_stats:
            place = device or "cpu"
            self.register_buffer("running_mean", ops.empty(num_features, dtype=dtype or "float32", device=place).data)
            self.register_buffer("running_var", ops.empty(num_features, dtype=dtype or "float32", device=place).data)
            self.register_buffer("num_batches_tracked", ops.zeros((), dtype="int64", device=place).data)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1, shift 0, and running statistics as before any batch."""
        neutral_start(self.weight, self.bias)
        self.reset_running_stats()

    def reset_running_stats(self) -> None:
        """Forget what has been seen: mean 0, variance 1."""
        for buffer, value in (self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0):
            if buffer is not None:
                with using(device_of(buffer)):
                    buffer[...] = value

    def forward(self, input: Any) -> Any:
        if len(input.shape) not in self.ndims:
            raise ValueError(f"{type(self).__name__}: expected {self.expects}, input has shape {input.shape}")
        batch = self.training or self.running_mean is None          # whose statistics: the batch's or the running ones
        momentum: Any = self.momentum
        if self.training and self.num_batches_tracked is not None and has_values(input):
            with using(device_of(self.num_batches_tracked)):
                self.num_batches_tracked += 1
                if momentum is None:
                    momentum = 1 / self.num_batches_tracked         # an array: a GPU need not be waited for
        return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, batch, momentum,
                            self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class BatchNorm1d(BatchNorm):
    """Batch normalisation of x (n, c) or (n, c, l)."""

    __doc__ = f"{__doc__}\n\n{BatchNorm.__doc__}"
    ndims, expects = (2, 3), "(n, c) or (n, c, l)"


class BatchNorm2d(BatchNorm):
    """Batch normalisation of x (n, c, h, w)."""

    __doc__ = f"{__doc__}\n\n{BatchNorm.__doc__}"
    ndims, expects = (4,), "(n, c, h, w)"


class LayerNorm(Module):
    """Normalise every sample over its last axes, then scale and shift. Ba et al. 2016, equation 3.

    x (..., *normalized_shape)   weight, bias: normalized_shape   ->   y like x
    """

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
                 device: str | None = None, dtype: Any = None):
        shape = as_shape(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        self.weight = new_parameter(*shape, device=device, dtype=dtype) if elementwise_affine else None
        self.bias = new_parameter(*shape, device=device, dtype=dtype) if elementwise_affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1, shift 0."""
        neutral_start(self.weight, self.bias)

    def forward(self, input: Any) -> Any:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")
