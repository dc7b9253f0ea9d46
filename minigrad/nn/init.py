"""First values of parameters. Every function fills a tensor, or its `.data`, in place, unrecorded, and returns it.

fan_in is the number of inputs that reach an output, fan_out the number of outputs that an input reaches: of a weight
(out, in, *kernel) in * prod(kernel) and out * prod(kernel). generator: by default that of the tensor's device.

The field knows most of these by several names: Xavier and Glorot initialisation are one, after Xavier Glorot; Kaiming
and He initialisation are one, after Kaiming He, and so is Caffe's "MSRA" filler (fan_in, relu). LeCun's is Kaiming's
with gain 1.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from math import ceil, erfc, prod, sqrt
from typing import Any, TypeVar

from ..backend import device_of, namespace, using
from ..ops.random import draw
from ..tensor import Tensor, bare
from .quantile import normal_quantile

T = TypeVar("T", bound=Tensor)
# Set while layers are made whose values come later, from a file: nothing is filled. The function sees each new shape.
unfilled: ContextVar[Callable[[tuple[int, ...]], object] | None] = ContextVar("unfilled", default=None)
GAINS = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0, "conv_transpose2d": 1.0,
         "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": sqrt(2), "selu": 3 / 4}


def filled(tensor: T, make: Callable[[], Any]) -> T:
    """The tensor with the values that `make` gives on its device."""
    if unfilled.get() is not None:
        return tensor
    with using(device_of(bare(tensor))):
        bare(tensor)[...] = make()
    if isinstance(tensor, Tensor):
        tensor.touch()
    return tensor


def random(tensor: T, kind: str, scale: float, shift: float, generator: Any) -> T:
    """The tensor with random numbers, "random" in [0, 1) or "standard_normal", times `scale` plus `shift`."""
    return filled(tensor, lambda: (drawn(tensor, kind, generator) * scale + shift).astype(tensor.dtype, copy=False))


def drawn(tensor: Tensor, kind: str, generator: Any) -> Any:
    """Random numbers like the tensor, in float32 at least."""
    dtype = "float64" if tensor.dtype == "float64" else "float32"
    return draw(kind, tensor.shape, dtype, device_of(bare(tensor)), generator)


def zeros_(tensor: T) -> T:
    """0 everywhere."""
    return filled(tensor, lambda: 0)


def ones_(tensor: T) -> T:
    """1 everywhere."""
    return filled(tensor, lambda: 1)


def constant_(tensor: T, val: float) -> T:
    """`val` everywhere."""
    return filled(tensor, lambda: val)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> T:
    """Normal with this mean and standard deviation."""
    return random(tensor, "standard_normal", std, mean, generator)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Any = None) -> T:
    """Uniform in [a, b)."""
    return random(tensor, "random", b - a, a, generator)


def trunc_normal_(tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Any = None) -> T:
    """Normal with this mean and standard deviation, cut off: all values lie in [a, b], which are no multiples of std.

    Every value is drawn once, as the quantile of a number that is uniform between the probabilities of a and b; also
    far out in a tail.
    """
    if not std > 0 or not a < b:
        raise ValueError(f"trunc_normal_: expected std above 0 and a < b, std {std}, a {a}, b {b} came")
    low, high = (a - mean) / std, (b - mean) / std
    sign = -1 if low + high > 0 else 1              # below the mean small probabilities keep their digits
    ends = sorted([sign * low, sign * high])
    first, last = [erfc(-z / sqrt(2)) / 2 for z in ends]

    def make() -> Any:
        u = draw("random", tensor.shape, "float64", device_of(bare(tensor)), generator)
        z = normal_quantile(first + (last - first) * u)
        xp = namespace(z)
        return xp.clip(sign * std * z + mean, a, b).astype(tensor.dtype, copy=False)

    return filled(tensor, make)


def eye_(tensor: T) -> T:
    """Ones on the diagonal of a matrix, zeros elsewhere: a linear layer that keeps what it can of its input."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a matrix, this tensor has shape {tensor.shape}")
    return filled(tensor, lambda: namespace(bare(tensor)).eye(*tensor.shape))


def dirac_(tensor: T, groups: int = 1) -> T:
    """The kernels of a convolution that gives its input back, as many of its channels as there are outputs.

    tensor (k, c, *kernel) with one to three axes in kernel: in every group of outputs weight[d, d, *middle] = 1, all
    else is 0. ValueError for another number of axes, or k no multiple of groups.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"dirac_: expected kernels (k, c, ...) of 3 to 5 axes, this tensor has shape {tensor.shape}")
    k, c, *kernel = tensor.shape
    if k % groups:
        raise ValueError(f"dirac_: {k} outputs are no multiple of {groups} groups")
    zeros_(tensor)
    if 0 not in tensor.shape and unfilled.get() is None:
        with using(device_of(bare(tensor))):
            n, middle = k // groups, [m // 2 for m in kernel]
            d = namespace(bare(tensor)).arange(min(n, c))
            for g in range(groups):
                bare(tensor)[(g * n + d, d, *middle)] = 1
    return tensor


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Any = None) -> T:
    """Normal with mean 0, and in every column the share `sparsity` of the elements, rounded up, is 0.

    tensor (rows, columns). Which elements, is drawn for every column anew. Source: Martens 2010, Deep learning via
    Hessian-free optimization, section 5.
    """
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: expected a matrix, this tensor has shape {tensor.shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: sparsity is a share in [0, 1], {sparsity} came")
    zeros = ceil(sparsity * tensor.shape[0])

    def make() -> Any:
        values = drawn(tensor, "standard_normal", generator) * std
        ranks = namespace(values).argsort(drawn(tensor, "random", generator), axis=0)     # a shuffle of every column
        return (values * (ranks >= zeros)).astype(tensor.dtype, copy=False)

    return filled(tensor, make)


# --- scaled to the layer ------------------------------------------------------------------------------------------

def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, *kernel)."""
    if tensor.ndim < 2:
        raise ValueError(f"fan in and fan out need a weight (out, in, ...), this tensor has shape {tensor.shape}")
    out, into, *kernel = tensor.shape
    return into * prod(kernel), out * prod(kernel)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a layer's weights make up for the nonlinearity after it.

    1 for linear, convolutions, sigmoid; 5/3 for tanh; sqrt(2) for relu; sqrt(2 / (1 + slope^2)) for leaky_relu, whose
    slope is `param`, by default 0.01; 3/4 for selu. He et al. 2015 derive relu's and leaky_relu's (equations 10, 15).
    """
    if nonlinearity == "leaky_relu":
        if not isinstance(param, (int, float, type(None))) or isinstance(param, bool):
            raise ValueError(f"calculate_gain: leaky_relu's slope must be a number, {param!r} came")
        return sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(f"calculate_gain: expected leaky_relu, {', '.join(GAINS)}; {nonlinearity!r} came")
    return GAINS[nonlinearity]


def lecun_normal_(tensor: T, generator: Any = None) -> T:
    """Normal with variance 1 / fan_in. LeCun et al. 1998, Efficient BackProp, equation 16."""
    return normal_(tensor, 0.0, sqrt(1 / fans(tensor)[0]), generator)


def lecun_uniform_(tensor: T, generator: Any = None) -> T:
    """Uniform in [-b, b), b = sqrt(3 / fan_in): variance 1 / fan_in. LeCun et al. 1998, equation 16."""
    return symmetric(tensor, sqrt(1 / fans(tensor)[0]), generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Normal with variance gain^2 * 2 / (fan_in + fan_out). Glorot & Bengio 2010, equation 12.

    Lectures also say Glorot initialisation; some mean variance 1 / fan_in by Xavier's, which is lecun_normal_ here.
    """
    return normal_(tensor, 0.0, gain * sqrt(2 / max(sum(fans(tensor)), 1)), generator)


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Uniform in [-b, b), b = gain * sqrt(6 / (fan_in + fan_out)). Glorot & Bengio 2010, equation 16.

    Lectures also say Glorot initialisation, or the normalized one.
    """
    return symmetric(tensor, gain * sqrt(2 / max(sum(fans(tensor)), 1)), generator)


def kaiming_normal_(tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Any = None) -> T:
    """Normal with variance gain^2 / fan. He et al. 2015, equations 10 and 14.

    a: the slope of the leaky_relu that follows. mode: "fan_in" keeps the variance going forward, "fan_out" going back.
    Lectures also say He initialisation, or MSRA's: sqrt(2 / fan_in) times a normal number, for relu.
    """
    return normal_(tensor, 0.0, kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_uniform_(tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Any = None) -> T:
    """Uniform in [-b, b), b = gain * sqrt(3 / fan), so with kaiming_normal_'s variance. He et al. 2015.

    Lectures also say He initialisation.
    """
    return symmetric(tensor, kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """gain / sqrt(fan)"""
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: mode must be 'fan_in' or 'fan_out', {mode!r} came")
    return calculate_gain(nonlinearity, a) / sqrt(max(fans(tensor)[mode.lower() == "fan_out"], 1))


def symmetric(tensor: T, std: float, generator: Any) -> T:
    """Uniform around 0 with this standard deviation."""
    return uniform_(tensor, -sqrt(3) * std, sqrt(3) * std, generator)


def orthogonal_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Rows (or, if there are more rows than columns, columns) that are orthogonal and of length `gain`.

    tensor: (rows, ...), the axes after the first taken as one. Saxe et al. 2013. The QR decomposition of a normal
    matrix, with the signs that make it uniform over all orthogonal matrices (Mezzadri 2007, section 5).
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected at least two axes, this tensor has shape {tensor.shape}")
    if 0 in tensor.shape:
        return tensor

    def make() -> Any:
        xp, rows = namespace(bare(tensor)), tensor.shape[0]
        matrix = drawn(tensor, "standard_normal", generator).reshape(rows, -1)
        wide = rows < matrix.shape[1]
        q, r = xp.linalg.qr(matrix.T if wide else matrix)
        q = q * xp.where(xp.diagonal(r) < 0, -1, 1).astype(q.dtype)
        return ((q.T if wide else q).reshape(tensor.shape) * gain).astype(tensor.dtype, copy=False)

    return filled(tensor, make)
