"""LeNet-5: LeCun, Bottou, Bengio, Haffner, Gradient-Based Learning Applied to Document Recognition, 1998, figure 2."""

from __future__ import annotations

from .. import nn, ops
from ..graph import Graph, Input


def lenet5(num_classes: int = 10) -> Graph:
    """LeNet-5 for images (n, 1, 32, 32); gives the classes' scores before softmax, (n, num_classes).

    For 10 classes 61,706 parameters and 416,520 multiplications an image. Nodes have the paper's names for its layers:
    C convolution, S subsampling, F fully connected. Images should be normalised to mean 0 and variance about 1.
    """
    # Departures from the paper are stated at their lines; and f7 feeds a softmax with cross-entropy, not equation 9.
    x = Input((1, 32, 32), name="image")
    h = ops.tanh(nn.Conv2d(1, 6, 5)(x, name="c1"))      # (n, 6, 28, 28)    the paper has 1.7159 tanh(2/3 a), appendix A
    h = nn.AvgPool2d(2)(h, name="s2")                   # (n, 6, 14, 14)    the paper's has gain, bias and squashing
    h = ops.tanh(nn.Conv2d(6, 16, 5)(h, name="c3"))     # (n, 16, 10, 10)   the paper's table I omits 36 of 96 pairs
    h = nn.AvgPool2d(2)(h, name="s4")                   # (n, 16, 5, 5)     as s2
    h = ops.tanh(nn.Conv2d(16, 120, 5)(h, name="c5"))   # (n, 120, 1, 1)
    h = ops.flatten(h, 1)                               # (n, 120)
    h = ops.tanh(nn.Linear(120, 84)(h, name="f6"))      # (n, 84)
    y = nn.Linear(84, num_classes)(h, name="f7")        # (n, num_classes)  the paper's are distances to drawn digits
    model = Graph(x, y)
    initialize(model)
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
