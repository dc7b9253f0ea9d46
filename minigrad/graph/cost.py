"""What a graph costs: the multiplications of its nodes; and the sums of a lecture, on convolutions not yet built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from ..fused import Fused
from ..geometry import each, positions
from ..misuse import is_int
from ..op import Op
from ..tensor import Tensor
from .inside import definition_of, inside, of_one_example
from .node import Node
from .symbol import Call, Symbol

# --- of nodes -------------------------------------------------------------------------------------------------

class Multiplications:
    """How many multiplications the matrix products of a node take for a batch of one; elementwise ones do not count.

    Nothing here knows of convolutions or attention: a layer's forward runs on symbols, which shows its ops; an op's
    definition likewise; and so on down to matrix products, whose shapes tell.
    """

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}         # of fused ops that came before with arguments alike

    def of(self, node: Node, results: Mapping[str, Any]) -> int | None:
        """Of one node; None if its call cannot be followed. results: name -> result, of the nodes before it."""
        if node.what is None:
            return 0
        try:
            return self.total(inside(node, results).calls)
        except Exception:       # noqa: BLE001     whatever a forward says that wants values and meets symbols
            return None

    def total(self, calls: Sequence[Call]) -> int:
        return sum([self.of_call(call) for call in calls if isinstance(call.what, Op)])

    def of_call(self, call: Call) -> int:
        """Of one op's call."""
        if isinstance(call.what, Fused):
            alike = (call.what, tuple([looks(a) for a in call.args]))
            if alike not in self.known:
                self.known[alike] = self.total(definition_of(call).calls)
            return self.known[alike]
        if call.kind == "matmul":               # (..., m, k) @ (..., k, n): k for each element of the result
            return prod(of_one_example(call.result.shape)) * of_one_example(call.args[0].shape)[-1]
        return self.of_contraction(*call.args) if call.kind == "contract" else 0

    def of_contraction(self, *args: Any) -> int:
        """einsum of several: all but one of the operands are multiplied to it, for each combination of all letters."""
        *operands, subscripts = args
        terms = subscripts.partition("->")[0].split(",")
        sizes = {letter: n for term, x in zip(terms, operands, strict=True)
                 for letter, n in zip(term, of_one_example(x.shape), strict=True)}
        return prod(sizes.values()) * (len(operands) - 1)


def looks(x: Any) -> Any:
    """What of an argument the multiplications depend on, as something that can be looked up."""
    if isinstance(x, (tuple, list)):
        return tuple([looks(part) for part in x])
    if isinstance(x, Tensor) or hasattr(x, "dtype"):
        return type(x) is Symbol, tuple(x.shape), str(x.dtype)
    return x if x is None or isinstance(x, (int, float, str)) else repr(x)


# --- of convolutions that are not built yet ---------------------------------------------------------------------

def stack_weights(kernel_sizes: Sequence[Any], channels: Any, bias: bool = False) -> int:
    """The weights of convolutions on top of each other.

    kernel_sizes: of each, an int, or one for each axis. An int stands for a square, i * i.
    channels: C, if all have as many in and out; or the numbers before, between and behind the convolutions.
    bias: count also a bias for each output channel.

    >>> C = 64
    >>> stack_weights([3, 3, 3], C) == 27 * C ** 2, stack_weights([7], C) == 49 * C ** 2
    (True, True)

    Raises ValueError for numbers of channels that are not one more than the convolutions. The comparison is that of
    Simonyan and Zisserman, Very deep convolutional networks, 2014, section 2.3.
    """
    kernels = [areas("stack_weights", kernel) for kernel in listed("stack_weights", kernel_sizes)]
    sizes = list(channels) if isinstance(channels, (list, tuple)) else [channels] * (len(kernels) + 1)
    if len(sizes) != len(kernels) + 1:
        raise ValueError(f"stack_weights: {len(kernels)} convolutions need {len(kernels) + 1} numbers of channels, "
                         f"those before, between and behind them, {len(sizes)} came")
    for number in sizes:
        check_positive("stack_weights", channels=number)
    return sum([prod(kernel) * before * behind + bias * behind
                for kernel, before, behind in zip(kernels, sizes[:-1], sizes[1:], strict=True)])


def conv_cost(shape: Sequence[int], out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = "same",
              dilation: Any = 1, groups: int = 1) -> int:
    """The multiplications of a convolution for one image: k * p * q outputs of c / groups * i * j each.

    shape: (c, h, w) of its input; or (c, l), of a sequence. padding: as nn.Conv2d has it; "same": the outputs are as
    many as the inputs, divided by the stride and rounded up.

    >>> conv_cost((480, 14, 14), 48, kernel_size=5)             # 5x5x48 on 14x14x480, directly
    112896000

    Raises ValueError for groups that do not divide the channels, and for a window that does not fit. The example is of
    Szegedy et al., Going deeper with convolutions, 2014: inception (4a).
    """
    c, *size = checked_shape("conv_cost", shape)
    kernel, s, d = [each(value, len(size), f"conv_cost: {what}") for value, what in (
        (kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))]
    check_positive("conv_cost", out_channels=out_channels, groups=groups, kernel_size=min(kernel), stride=min(s),
                   dilation=min(d))
    if c % groups or out_channels % groups:
        raise ValueError(f"conv_cost: {c} input and {out_channels} output channels must be multiples of groups, "
                         f"{groups}")
    if padding == "same":
        outputs = [-(-n // step) for n, step in zip(size, s, strict=True)]
    else:
        o = each(0 if padding == "valid" else padding, len(size), "conv_cost: padding")
        outputs = [positions(*axis) for axis in zip(size, kernel, s, o, d, strict=True)]
    return prod(outputs) * out_channels * prod(kernel) * (c // groups)


def bottleneck_cost(shape: Sequence[int], out_channels: int, kernel_size: Any, bottleneck: int, stride: Any = 1,
                    padding: Any = "same") -> tuple[int, int]:
    """The multiplications of a convolution behind a 1x1 convolution to `bottleneck` channels: those of each.

    The other arguments are those of `conv_cost`, which has what it takes directly.

    >>> bottleneck_cost((480, 14, 14), 48, kernel_size=5, bottleneck=16)           # 5,268,480 in all
    (1505280, 3763200)
    """
    _, *size = checked_shape("bottleneck_cost", shape)
    check_positive("bottleneck_cost", bottleneck=bottleneck)
    return (conv_cost(shape, bottleneck, 1),
            conv_cost((bottleneck, *size), out_channels, kernel_size, stride, padding))


def listed(caller: str, kernel_sizes: Any) -> list:
    if not isinstance(kernel_sizes, (list, tuple)) or not kernel_sizes:
        raise TypeError(f"{caller}: kernel_sizes must be a list, with an entry for each layer, {kernel_sizes!r} came; "
                        "of one layer alone it is [3]")
    return list(kernel_sizes)


def areas(caller: str, kernel: Any) -> tuple[int, ...]:
    """A kernel's sizes; an int is that of a square."""
    sizes = each(kernel, len(kernel) if isinstance(kernel, (list, tuple)) else 2, f"{caller}: kernel_sizes")
    check_positive(caller, kernel_sizes=min(sizes))
    return sizes


def checked_shape(caller: str, shape: Any) -> list[int]:
    if not isinstance(shape, (list, tuple)) or len(shape) < 2 or not all([is_int(n) and n > 0 for n in shape]):
        raise ValueError(f"{caller}: shape must be (c, h, w), or (c, l) of a sequence, without the batch, {shape!r} "
                         "came")
    return list(shape)


def check_positive(caller: str, **numbers: Any) -> None:
    for name, number in numbers.items():
        if not is_int(number) or number < 1:
            raise ValueError(f"{caller}: {name} must be at least 1, {number!r} came")
