"""Normalisation layers."""

from __future__ import annotations

from typing import Any
from warnings import warn

from .. import ops
from ..backend import device_of, using
from ..misuse import MISUSES
from ..ops.normalization import as_shape
from . import functional as F
from . import init
from .functional.common import has_values
from .functional.normalization import batch_norm_relu
from .module import Module
from .new_parameters import neutral_start, new_array, new_parameter

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LayerNorm", "LocalResponseNorm", "RMSNorm",
]


class ChannelNormalization(Module):
    """What batch and instance normalisation share: a scale and a shift for each channel, and running statistics."""

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
            self.register_buffer("running_mean", new_array(num_features, device=device, dtype=dtype))
            self.register_buffer("running_var", new_array(num_features, device=device, dtype=dtype))
            self.register_buffer("num_batches_tracked", new_array(device=device, dtype="int64"))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1, shift 0, and running statistics as before any batch."""
        neutral_start(self.weight, self.bias)
        self.reset_running_stats()

    def reset_running_stats(self) -> None:
        """Forget what has been seen: mean 0, variance 1."""
        for buffer, value in (self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0):
            if buffer is not None:
                init.constant_(buffer, value)

    @property
    def gathers(self) -> bool:
        """Whether statistics are the input's: in training, but not if the layer is frozen."""
        return self.training and self._trainable

    def check_axes(self, input: Any) -> None:
        """An error for an input with too many axes, or too few."""
        if len(input.shape) not in self.ndims:
            raise ValueError(f"{type(self).__name__}: expected {self.expects}, input has shape {input.shape}")

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


# --- over the batch -------------------------------------------------------------------------------------------

class BatchNorm(ChannelNormalization):
    """What batch normalisation of vectors and of images share. Ioffe & Szegedy 2015.

    In training every channel is normalised by the mean and the biased variance of the batch, and the running statistics
    (buffers) move towards the batch's by `momentum` (the variance unbiased); momentum None makes them the plain mean
    over all batches. In evaluation, and where the layer is frozen (`trainable = False`), the running statistics
    normalise, and stay. affine: learn a scale `weight` and, unless bias=False, a shift `bias`.
    """

    def forward(self, input: Any) -> Any:
        return self.normalized(F.batch_norm, input)

    def then_relu(self, input: Any, residual: Any = None) -> Any:
        """relu(forward(input) + residual) in one pass: what a graph runs in place of the three."""
        return self.normalized(batch_norm_relu, input, residual)

    def normalized(self, batch_norm: Any, input: Any, *rest: Any) -> Any:
        """The result of `batch_norm` with the statistics that are to be used now."""
        self.check_axes(input)
        batch = self.gathers or self.running_mean is None           # whose statistics: the batch's or the running ones
        momentum: Any = 0.0 if self.momentum is None else self.momentum
        mean, var = self.running_mean, self.running_var
        if self.gathers and not self.track_running_stats:           # switched off since: they stay as they are
            mean = var = None
        counts = mean is not None and self.gathers and self.num_batches_tracked is not None and has_values(input)
        if counts:
            with using(device_of(self.num_batches_tracked)):
                self.num_batches_tracked += 1
                if self.momentum is None:
                    momentum = 1 / self.num_batches_tracked         # an array: a GPU need not be waited for
        try:
            return batch_norm(input, mean, var, self.weight, self.bias, batch, momentum, self.eps, *rest)
        except MISUSES:
            if counts and batch_norm is batch_norm_relu:            # `forward` comes next, which says and counts it
                self.num_batches_tracked -= 1
            raise


class BatchNorm1d(BatchNorm):
    """Batch normalisation of x (n, c) or (n, c, l)."""

    __doc__ = f"{__doc__}\n\n{BatchNorm.__doc__}"
    ndims, expects = (2, 3), "(n, c) or (n, c, l)"


class BatchNorm2d(BatchNorm):
    """Batch normalisation of x (n, c, h, w)."""

    __doc__ = f"{__doc__}\n\n{BatchNorm.__doc__}"
    ndims, expects = (4,), "(n, c, h, w)"


class BatchNorm3d(BatchNorm):
    """Batch normalisation of x (n, c, d, h, w)."""

    __doc__ = f"{__doc__}\n\n{BatchNorm.__doc__}"
    ndims, expects = (5,), "(n, c, d, h, w)"


# --- over the places of a channel -----------------------------------------------------------------------------

class InstanceNorm(ChannelNormalization):
    """What instance normalisation of sequences and of images share. Ulyanov et al. 2016.

    Every channel of every sample is normalised by its own mean and biased variance, in training and in evaluation.
    track_running_stats: keep running statistics (buffers), which move by `momentum` towards the mean of the samples'
    (not at all if it is None), and normalise by them in evaluation and where the layer is frozen (`trainable = False`).
    affine: learn a scale `weight` and, unless bias=False, a shift `bias`.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: str | None = None, dtype: Any = None, *, bias: bool = True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Any) -> Any:
        self.check_axes(input)
        alone = len(input.shape) == self.ndims[0]                   # a sample without a batch
        found = input.shape[0 if alone else 1]
        if found != self.num_features and self.affine:
            raise ValueError(self.other_channels(input, found))
        if found != self.num_features:
            warn(self.other_channels(input, found), stacklevel=3)
        y = F.instance_norm(ops.expand_dims(input, 0) if alone else input, self.running_mean, self.running_var,
                            self.weight, self.bias, self.gathers or not self.track_running_stats,
                            0.0 if self.momentum is None else self.momentum, self.eps)
        return ops.squeeze(y, 0) if alone else y

    def other_channels(self, input: Any, found: int) -> str:
        return (f"{type(self).__name__}: expected {self.num_features} channels, as num_features; input {input.shape} "
                f"has {found}")


class InstanceNorm1d(InstanceNorm):
    """Instance normalisation of x (n, c, l) or (c, l)."""

    __doc__ = f"{__doc__}\n\n{InstanceNorm.__doc__}"
    ndims, expects = (2, 3), "(n, c, l) or (c, l)"


class InstanceNorm2d(InstanceNorm):
    """Instance normalisation of x (n, c, h, w) or (c, h, w)."""

    __doc__ = f"{__doc__}\n\n{InstanceNorm.__doc__}"
    ndims, expects = (3, 4), "(n, c, h, w) or (c, h, w)"


class InstanceNorm3d(InstanceNorm):
    """Instance normalisation of x (n, c, d, h, w) or (c, d, h, w)."""

    __doc__ = f"{__doc__}\n\n{InstanceNorm.__doc__}"
    ndims, expects = (4, 5), "(n, c, d, h, w) or (c, d, h, w)"


# --- over a sample, or some of its channels -------------------------------------------------------------------

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


class RMSNorm(Module):
    """Divide every sample by its root mean square over its last axes, then scale. Zhang & Sennrich 2019, equation 4.

    x (..., *normalized_shape)   weight: normalized_shape   ->   y like x
    eps: added to the mean square; None is the machine epsilon of the precision in which it is computed.
    """

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True,
                 device: str | None = None, dtype: Any = None):
        shape = as_shape(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        self.weight = new_parameter(*shape, device=device, dtype=dtype) if elementwise_affine else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1."""
        neutral_start(self.weight, None)

    def forward(self, x: Any) -> Any:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalise every group of channels of every sample, then scale and shift every channel. Wu & He 2018.

    x (n, num_channels) or (n, num_channels, ...)   weight, bias (num_channels,)   ->   y like x
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
                 device: str | None = None, dtype: Any = None, *, bias: bool = True):
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels {num_channels} must be divisible by num_groups {num_groups}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = new_parameter(num_channels, device=device, dtype=dtype) if affine else None
        self.bias = new_parameter(num_channels, device=device, dtype=dtype) if affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1, shift 0."""
        neutral_start(self.weight, self.bias)

    def forward(self, input: Any) -> Any:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class LocalResponseNorm(Module):
    """x / (k + alpha * mean of squares)^beta, the mean over `size` channels around each. Krizhevsky et al. 2012.

    x (n, c, ...)   ->   y like x
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Any) -> Any:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
