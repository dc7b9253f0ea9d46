"""minigrad beside PyTorch: the same network in both, proven to compute the same, timed in turns.

The only file that imports PyTorch, and only to be measured against it. `minigrad bench --compare` and the repository's
benchmarks stand on it. A network is written once, as a function of `nn`, which is either library's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from time import perf_counter, sleep
from typing import Any

import numpy

import minigrad

from ..graph import Graph, Input

REST = 0.02                     # seconds between blocks: the threads of the one before stop spinning
BLOCK = 0.3                     # seconds that a block takes at least
LOSS_BOUND = 1e-4               # how far losses may be apart, relative
SCALE_BOUND = 3e-3              # how far from 1 the median of the gradients' scales may be: 1 % too large is seen
Turns = dict[str, list[float]]                  # who -> seconds per step, in every round


@dataclass(frozen=True)
class Net:
    """A network to compare: `make(nn)` builds it from either library's layers; its input, batch size and classes.

    bound: how far a gradient may be from PyTorch's, as part of its length. Rounding turns some ReLUs on or off, which
    deep networks amplify: PyTorch's own float32 gradients of a ResNet are 0.1 to 1 % away from those in float64.
    """

    title: str
    make: Callable[[Any], Any]
    shape: tuple[int, ...]
    batch: int
    classes: int = 1000
    bound: float = 1e-3


def pytorch() -> Any:
    """PyTorch, None where it is not installed."""
    if find_spec("torch") is None:
        return None
    import torch

    return torch


@contextmanager
def using_threads(number: int) -> Iterator[None]:
    """Inside, NumPy's products, minigrad and, if it is installed, PyTorch use so many threads."""
    with ExitStack() as stack:
        stack.enter_context(minigrad.config(threads=number))
        if find_spec("threadpoolctl"):
            from threadpoolctl import threadpool_limits

            stack.enter_context(threadpool_limits(number, user_api="blas"))
        if torch := pytorch():
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(number)
        yield


# --- two small networks -----------------------------------------------------------------------------------------

def lenet5(nn: Any) -> Any:
    """LeCun et al. 1998, as `minigrad.models.lenet5` has it."""
    return nn.Sequential(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
                         nn.AvgPool2d(2), nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(),
                         nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))


def conv_norm(nn: Any, c: int, k: int, kernel: int, stride: int = 1) -> list:
    """A convolution that keeps the size (over the stride), and its BatchNorm."""
    return [nn.Conv2d(c, k, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(k)]


def residual(nn: Any, body: Any, c: int, k: int, stride: int) -> Any:
    """relu(body(x) + x); where the shape changes, x goes through a 1x1 convolution. He et al. 2015, figure 2."""
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(*body)
            self.shortcut = nn.Sequential(*conv_norm(nn, c, k, 1, stride)) if stride > 1 or c != k else nn.Identity()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x: Any) -> Any:
            return self.relu(self.body(x) + self.shortcut(x))

    return Residual()


def basic_block(nn: Any, c: int, width: int, stride: int) -> Any:
    """Two 3x3 convolutions and the shortcut around them."""
    body = [*conv_norm(nn, c, width, 3, stride), nn.ReLU(inplace=True), *conv_norm(nn, width, width, 3)]
    return residual(nn, body, c, width, stride)


def small_resnet(nn: Any) -> Any:
    """A ResNet for 32 x 32 images: a stem and three basic blocks of 32, 64 and 128 channels."""
    return nn.Sequential(*conv_norm(nn, 3, 32, 3), nn.ReLU(inplace=True), basic_block(nn, 32, 32, 1),
                         basic_block(nn, 32, 64, 2), basic_block(nn, 64, 128, 2),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


SMALL = (Net("LeNet-5", lenet5, (1, 32, 32), 64, 10),
         Net("small ResNet", small_resnet, (3, 32, 32), 32, 10, bound=3e-2))


# --- the same network on both sides -----------------------------------------------------------------------------

@dataclass(frozen=True)
class Side:
    """One library's model, batch and optimizer. A call of `step` is a training step, and gives the loss."""

    library: Any
    model: Any
    x: Any
    labels: Any
    optimizer: Any
    step: Callable[[], Any]


def sides(net: Net, batch: int | None = None, seed: int = 0) -> dict[str, Side]:
    """minigrad's side and, if it is installed, PyTorch's: equal parameters, equal images and labels, drawn anew for
    each seed."""
    x, labels = batch_of(net, batch or net.batch, seed)
    torch = pytorch()
    found = {"minigrad": minigrad_graph(net, seed)}
    if torch:
        torch.manual_seed(seed)
        found["PyTorch"] = net.make(torch.nn)
        state = {name: value.numpy() for name, value in found["PyTorch"].state_dict().items()}
        found["minigrad"].load_state_dict(state)
    return {name: side(minigrad if name == "minigrad" else torch, model, x, labels) for name, model in found.items()}


def alone(net: Net, name: str, seed: int = 0) -> Side:
    """One library's side by itself, with first values of its own."""
    x, labels = batch_of(net, net.batch, seed)
    torch = pytorch()
    if name == "minigrad":
        return side(minigrad, minigrad_graph(net, seed), x, labels)
    torch.manual_seed(seed)
    return side(torch, net.make(torch.nn), x, labels)


def batch_of(net: Net, batch: int, seed: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Images, or sequences, and their classes."""
    draw = numpy.random.default_rng(seed)
    x = draw.standard_normal((batch, *net.shape), dtype="float32")
    return x, draw.integers(0, net.classes, labels_shape(net, batch))


def minigrad_graph(net: Net, seed: int = 0) -> Graph:
    """The network as a layer graph: the module, called on a symbol."""
    minigrad.manual_seed(seed)
    x = Input(net.shape, name="x")
    return Graph(x, net.make(minigrad.nn)(x))


def labels_shape(net: Net, batch: int) -> tuple[int, ...]:
    """A class for an image; for a sequence (t, d), one for each of its tokens."""
    return (batch, net.shape[0]) if len(net.shape) == 2 else (batch,)


def side(library: Any, model: Any, x: numpy.ndarray, labels: numpy.ndarray) -> Side:
    """SGD with momentum on cross-entropy: for both libraries the same lines."""
    x, labels = library.tensor(x), library.tensor(labels.reshape(-1))
    optimizer = library.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(library, model, x, labels)
        loss.backward()
        optimizer.step()
        return loss

    return Side(library, model, x, labels, optimizer, step)


def loss_of(library: Any, model: Any, x: Any, labels: Any) -> Any:
    """Cross-entropy of the classes' scores, which are on the last axis."""
    y = model(x)
    return library.nn.functional.cross_entropy(y if len(y.shape) == 2 else y.reshape(-1, y.shape[-1]), labels)


def prove(net: Net, both: Mapping[str, Side]) -> float | None:
    """Refuse to time sides that do not compute the same; the largest relative difference of a gradient.

    Compared are, without dropout, the loss and the gradient of each parameter, as a vector: its distance from the other
    side's, and, as errors of rounding have no direction, the median of all scales. None without PyTorch.
    """
    if "PyTorch" not in both:
        return None
    (loss, mine), (other_loss, theirs) = [loss_and_gradients(both[name]) for name in ("minigrad", "PyTorch")]
    if not abs(loss - other_loss) <= LOSS_BOUND * abs(other_loss) or mine.keys() != theirs.keys():
        raise ValueError(f"{net.title}: the loss is {loss} with minigrad and {other_loss} with PyTorch")
    differences = {name: apart(g, theirs[name]) for name, g in mine.items()}
    worst = max(differences, key=lambda name: differences[name])
    if not differences[worst] <= net.bound:
        raise ValueError(f"{net.title}: the gradient at {worst} is {differences[worst]:.1e} of its length away from "
                         "PyTorch's")
    scale = median([float(numpy.vdot(g, theirs[name]) / numpy.vdot(theirs[name], theirs[name]))
                    for name, g in mine.items()])
    if not abs(scale - 1) <= SCALE_BOUND:
        raise ValueError(f"{net.title}: gradients are {scale:.4f} times as long as PyTorch's")
    return differences[worst]


def loss_and_gradients(one: Side) -> tuple[float, dict[str, numpy.ndarray]]:
    """The loss, and the gradient of each parameter by its name."""
    rates = [(layer, name, rate) for layer in one.model.modules() for name, rate in vars(layer).items()
             if name == "p" and type(layer).__name__ == "Dropout" or name == "dropout" and isinstance(rate, float)]
    for layer, name, _ in rates:
        setattr(layer, name, 0.0)
    loss = loss_of(one.library, one.model, one.x, one.labels)
    loss.backward()
    gradients = {name: numpy.array(p.grad.numpy()) for name, p in one.model.named_parameters()}
    for layer, name, rate in rates:
        setattr(layer, name, rate)
    return float(loss.detach().numpy()), gradients


def apart(mine: numpy.ndarray, theirs: numpy.ndarray) -> float:
    """|mine - theirs| / |theirs|, as vectors: of many numbers one may lie on the other side of a kink. Infinite if the
    shapes differ."""
    if mine.shape != theirs.shape:
        return math.inf
    return float(numpy.linalg.norm(mine - theirs) / max(float(numpy.linalg.norm(theirs)), 1e-6))


# --- the clock --------------------------------------------------------------------------------------------------

def in_turns(steps: Mapping[str, Callable[[], Any]], rounds: int, block: float = BLOCK, rest: float = REST) -> Turns:
    """Seconds per step of each, in every round; who comes first changes.

    Everyone has a block of whole steps of at least `block` seconds. Before it the threads of the one before are left
    to stop spinning, and one step is not timed: it wakes the own ones.
    """
    lengths = {name: steps_of(step, block) for name, step in steps.items()}
    times: Turns = {name: [] for name in steps}
    order = list(steps)
    for i in range(rounds):
        for name in order[i % len(order):] + order[:i % len(order)]:
            sleep(rest)
            steps[name]()
            times[name].append(timed(steps[name], lengths[name]))
    return times


def steps_of(step: Callable[[], Any], block: float) -> int:
    """How many steps make a block; the first step of all, slower than the others, is not counted."""
    step()
    return max(1, math.ceil(block / max(timed(step, 1), 1e-9)))


def timed(step: Callable[[], Any], number: int) -> float:
    """Seconds per step; what runs in a process of its own is timed there."""
    if hasattr(step, "timed"):
        return step.timed(number)
    start = perf_counter()
    for _ in range(number):
        step()
    return (perf_counter() - start) / number


def compared(times: Turns, mine: str, theirs: str = "PyTorch") -> dict[str, float | None]:
    """Medians in ms, and median, least and largest of the ratios mine / theirs within a round; None without times."""
    own, other = times.get(mine), times.get(theirs)
    ratios = [a / b for a, b in zip(own, other, strict=True)] if own and other else []
    return {"ms": median(own) * 1e3 if own else None, "other_ms": median(other) * 1e3 if other else None,
            "ratio": median(ratios) if ratios else None, "least": min(ratios, default=None),
            "largest": max(ratios, default=None)}


def gemm_gflops(n: int = 1536, seconds: float = 0.5) -> float:
    """What NumPy's product of two n x n matrices in float32 reaches at best, in 10^9 operations a second."""
    a, b = numpy.random.default_rng(0).standard_normal((2, n, n), dtype="float32")
    out = numpy.empty_like(a)
    best, until = math.inf, perf_counter() + seconds
    while perf_counter() < until:
        best = min(best, timed(lambda: numpy.matmul(a, b, out=out), 1))
    return 2 * n ** 3 / best / 1e9
