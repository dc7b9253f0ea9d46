"""LeNet-5: LeCun, Bottou, Bengio, Haffner, Gradient-Based Learning Applied to Document Recognition, 1998, figure 2.

`lenet5` is what is called so today, `lenet5_modern` has ReLU and max pooling, and `lenet5_paper` is the paper's own.
Nodes have the paper's names for its layers: C convolution, S subsampling, F fully connected.
"""

from __future__ import annotations

from typing import Any

from .. import nn, ops
from ..graph import Graph, Input
from .lenet5_codes import codes
from .parts import kaiming, scaled

# Table I: the maps of S2 that each map of C3 reads.
TABLE = [(0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1),
         (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2),
         (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)]


def lenet5(num_classes: int = 10, in_channels: int = 1, width: float = 1.0) -> Graph:
    """LeNet-5 for images (n, in_channels, 32, 32); gives the classes' scores before softmax, (n, num_classes).

    For 10 classes 61,706 parameters and 416,520 multiplications an image. Images should be normalised to mean 0 and
    variance about 1.
    """
    # Departures from the paper are stated at their lines; and f7 feeds a softmax with cross-entropy, not equation 9.
    c1, c3, c5, f6 = [scaled(c, width) for c in (6, 16, 120, 84)]
    x = Input((in_channels, 32, 32), name="image")
    h = ops.tanh(nn.Conv2d(in_channels, c1, 5)(x, name="c1"))   # (n, 6, 28, 28)    the paper has 1.7159 tanh(2/3 a)
    h = nn.AvgPool2d(2)(h, name="s2")                   # (n, 6, 14, 14)    the paper's has gain, bias and squashing
    h = ops.tanh(nn.Conv2d(c1, c3, 5)(h, name="c3"))    # (n, 16, 10, 10)   the paper's table I omits 36 of 96 pairs
    h = nn.AvgPool2d(2)(h, name="s4")                   # (n, 16, 5, 5)     as s2
    h = ops.tanh(nn.Conv2d(c3, c5, 5)(h, name="c5"))    # (n, 120, 1, 1)
    h = ops.flatten(h, 1)                               # (n, 120)
    h = ops.tanh(nn.Linear(c5, f6)(h, name="f6"))       # (n, 84)
    y = nn.Linear(f6, num_classes)(h, name="f7")        # (n, num_classes)  the paper's are distances to drawn digits
    model = Graph(x, y)
    initialize(model)
    return model


def lenet5_modern(num_classes: int = 10, in_channels: int = 1, width: float = 1.0) -> Graph:
    """LeNet-5 with ReLU and max pooling: shapes, parameters and multiplications are those of `lenet5`.

    First values are He et al.'s 2015: convolutions normal with variance 2 / fan-in; linear layers as nn.Linear's.
    """
    c1, c3, c5, f6 = [scaled(c, width) for c in (6, 16, 120, 84)]
    x = Input((in_channels, 32, 32), name="image")
    h = ops.relu(nn.Conv2d(in_channels, c1, 5)(x, name="c1"))   # (n, 6, 28, 28)
    h = nn.MaxPool2d(2)(h, name="s2")                           # (n, 6, 14, 14)
    h = ops.relu(nn.Conv2d(c1, c3, 5)(h, name="c3"))            # (n, 16, 10, 10)
    h = nn.MaxPool2d(2)(h, name="s4")                           # (n, 16, 5, 5)
    h = ops.relu(nn.Conv2d(c3, c5, 5)(h, name="c5"))            # (n, 120, 1, 1)
    h = ops.flatten(h, 1)                                       # (n, 120)
    h = ops.relu(nn.Linear(c5, f6)(h, name="f6"))               # (n, 84)
    model = Graph(x, nn.Linear(f6, num_classes)(h, name="f7"))  # (n, num_classes)
    kaiming(model)
    return model


def initialize(model: nn.Module) -> None:
    """Biases 0, weights normal with variance 1 / fan-in (LeCun et al. 1998, Efficient BackProp, equation 16).

    The paper draws from +-2.4 / fan-in, which is a variance of 1.92 / fan-in^2.
    """
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            nn.init.lecun_normal_(parameter)
        else:
            nn.init.zeros_(parameter)


# --- the paper's own ----------------------------------------------------------------------------------------------

def lenet5_paper(num_classes: int = 10, in_channels: int = 1) -> Graph:
    """LeNet-5 as in section II.B: images (n, in_channels, 32, 32) -> scores (n, num_classes), which are <= 0.

    60,000 parameters, and 325,680 multiplications in its convolutions and linear layers. The paper's output
    unit i is a penalty, y[i] = sum over j of (f6[j] - code[i, j])^2 (equation 7), node "f7"; the scores are -y, whose
    largest is the class, as everywhere here. Train it with `mean_squared_error`, the paper's equation 8; or with
    cross-entropy, which on these scores is equation 9 without its constant j.

    The codes are a buffer: drawings of the ten digits (figure 3), or for other classes, as the paper suggests, +-1 at
    random. First values are the paper's: uniform in +-2.4 / fan-in, biases too. Images should have a background of
    -0.1 and a foreground of 1.175 (mean about 0, variance about 1).
    """
    x = Input((in_channels, 32, 32), name="image")
    h = squashed(nn.Conv2d(in_channels, 6, 5)(x, name="c1"), "c1")          # (n, 6, 28, 28)
    h = squashed(Subsampling(6)(h, name="s2"), "s2")                        # (n, 6, 14, 14)
    h = squashed(partly_connected(h, "c3"), "c3")                           # (n, 16, 10, 10)
    h = squashed(Subsampling(16)(h, name="s4"), "s4")                       # (n, 16, 5, 5)
    h = squashed(nn.Conv2d(16, 120, 5)(h, name="c5"), "c5")                 # (n, 120, 1, 1)
    h = ops.flatten(h, 1)                                                   # (n, 120)
    h = squashed(nn.Linear(120, 84)(h, name="f6"), "f6")                    # (n, 84)
    h = ops.subtract(ops.expand_dims(h, 1), codes(num_classes), name="f7.difference")       # (n, 10, 84)
    y = ops.sum(ops.square(h, name="f7.square"), 2, name="f7")              # (n, 10)
    model = Graph(x, ops.negative(y, name="scores"))
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            bound = 2.4 / nn.init.fans(layer.weight)[0]
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound)
    return model


def squashed(x: Any, name: str) -> Any:
    """f(a) = A tanh(S a), equation 6: f(1) = 1 and f(-1) = -1."""
    return ops.multiply(ops.tanh(x * (2 / 3), name=f"{name}.tanh"), 1.7159, name=f"{name}.squash")


class Subsampling(nn.Module):
    """The sum of each 2x2, times a number for each map, plus another: S2 and S4 of section II.B.

    x (n, c, h, w)   weight, bias (c, 1, 1)   ->   y (n, c, h/2, w/2)
    """

    def __init__(self, c: int):
        self.sum = nn.AvgPool2d(2, divisor_override=1)
        self.weight = nn.Parameter(ops.zeros((c, 1, 1)))
        self.bias = nn.Parameter(ops.zeros((c, 1, 1)))
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -2.4 / 4, 2.4 / 4)              # four numbers come in

    def forward(self, x: Any) -> Any:
        return self.sum(x) * self.weight + self.bias


def partly_connected(x: Any, name: str) -> Any:
    """C3: each map has its own 5x5 for each map of S2 that table I gives it: (n, 6, 14, 14) -> (n, 16, 10, 10)."""
    parts = []
    for maps in (3, 4, 6):
        rows = [row for row in TABLE if len(row) == maps]
        read = ops.take(x, [i for row in rows for i in row], 1, name=f"{name}.read{maps}")  # (n, maps * rows, 14, 14)
        conv = nn.Conv2d(maps * len(rows), len(rows), 5, groups=len(rows))
        parts.append(conv(read, name=f"{name}.of{maps}"))                                   # (n, rows, 10, 10)
    return ops.concat(parts, 1, name=f"{name}.concat")


def mean_squared_error(scores: Any, targets: Any) -> Any:
    """Equation 8: the mean over the images of the penalty of the right class, -scores[i, targets[i]].

    scores (n, classes), as `lenet5_paper` gives them   targets (n,) of integers   ->   one number
    """
    return -ops.mean(ops.take_along_axis(scores, ops.expand_dims(targets, 1), 1))
