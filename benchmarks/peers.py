"""A training step of a LeNet through minigrad, PyTorch, and the engines from which one learns how engines work.

    python -m benchmarks.peers

The network is the one that most lessons have: 5x5 convolution to 6 channels, relu, 2x2 max pooling, 5x5 to 16, relu,
pooling, then 120, 84 and 10 units; SGD without momentum on 64 random images of 32 x 32, float32. Every engine has it in
its own words, as its manual would write it. Loss and gradients must agree before the clock starts; then they take
turns, each in a process of its own. How often minigrad is faster is the median of the ratios within a round.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy

import minigrad
from minigrad.cli.versus import Turns, apart, in_turns, pytorch, using_threads

from .common import described, hand_out, machine, positive, table, takes_files, takes_threads
from .overhead import NotUsable, usable
from .processes import Apart, all_apart

BATCH, RATE = 64, 0.01
SHAPES = {"conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,), "conv2.weight": (16, 6, 5, 5), "conv2.bias": (16,),
          "fc1.weight": (120, 400), "fc1.bias": (120,), "fc2.weight": (84, 120), "fc2.bias": (84,),
          "fc3.weight": (10, 84), "fc3.bias": (10,)}
GRADIENT_BOUND = 1e-3           # how far a gradient may be from minigrad's, as part of its length
COLUMNS = ("engine", "version", "step_ms", "step_ms_min", "step_ms_max", "minigrad_faster")
Arrays = dict[str, numpy.ndarray]


@dataclass(frozen=True)
class Peer:
    """An engine with its network. step: one training step, gives the loss, after which `gradients` are in SHAPES'
    order."""

    name: str
    version: str
    step: Callable[[], Any]
    gradients: Callable[[], list[Any]]


def parameters() -> Arrays:
    """He's initial weights, and biases that are not 0."""
    draw = numpy.random.default_rng(0)
    return {name: (draw.standard_normal(shape) * (2 / max(1, numpy.prod(shape[1:]))) ** 0.5 * 0.5).astype("float32")
            for name, shape in SHAPES.items()}


def batch() -> tuple[numpy.ndarray, numpy.ndarray]:
    draw = numpy.random.default_rng(1)
    return draw.standard_normal((BATCH, 1, 32, 32), dtype="float32"), draw.integers(0, 10, BATCH)


# --- the engines ------------------------------------------------------------------------------------------------

def in_pytorchs_words(name: str, version: str, library: Any) -> Peer:
    """For minigrad and PyTorch alike."""
    nn = library.nn
    model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                          nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                          nn.Linear(84, 10))
    x, labels = map(library.tensor, batch())
    model.load_state_dict({own: library.tensor(value)
                           for own, value in zip(model.state_dict(), parameters().values(), strict=True)})
    optimizer = library.optim.SGD(model.parameters(), lr=RATE)

    def step() -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.detach().numpy()
    return Peer(name, version, step, lambda: [p.grad.numpy() for p in model.parameters()])


def minigrad_peer() -> Peer:
    return in_pytorchs_words("minigrad", minigrad.__version__, minigrad)


def pytorch_peer() -> Peer:
    torch = pytorch()
    if torch is None:
        raise NotUsable("pip install torch")
    return in_pytorchs_words("PyTorch", torch.__version__, torch)


def mygrad_peer() -> Peer:
    try:
        import mygrad
        from mygrad.nnet import activations, layers, losses
    except ImportError as error:
        raise NotUsable("pip install mygrad") from error
    w = {name: mygrad.tensor(value) for name, value in parameters().items()}
    x, labels = batch()

    def conv(h: Any, name: str) -> Any:
        h = layers.conv_nd(h, w[f"{name}.weight"], stride=1) + w[f"{name}.bias"].reshape(1, -1, 1, 1)
        return layers.max_pool(activations.relu(h), (2, 2), stride=2)

    def step() -> Any:
        h = conv(conv(x, "conv1"), "conv2").reshape(BATCH, 400)
        for name in ("fc1", "fc2", "fc3"):
            h = mygrad.matmul(h, w[f"{name}.weight"].T) + w[f"{name}.bias"]
            h = activations.relu(h) if name != "fc3" else h
        loss = losses.softmax_crossentropy(h, labels)
        loss.backward()                     # starts every gradient from nothing
        for p in w.values():
            p.data -= RATE * p.grad
        return loss.data
    return Peer("MyGrad", metadata.version("mygrad"), step, lambda: [p.grad for p in w.values()])


def dezero_peer() -> Peer:
    try:
        with patch.object(numpy, "int", int, create=True):      # its release of 2020 wants a name that NumPy dropped
            import dezero
            from dezero import functions as F
    except ImportError as error:
        raise NotUsable("pip install dezero") from error
    w = {name: dezero.Parameter(value) for name, value in parameters().items()}
    for name in ("fc1", "fc2", "fc3"):                          # it multiplies from the left
        w[f"{name}.weight"].data = numpy.ascontiguousarray(w[f"{name}.weight"].data.T)
    x, labels = batch()

    def step() -> Any:
        h = x
        for name in ("conv1", "conv2"):
            h = F.pooling(F.relu(F.conv2d(h, w[f"{name}.weight"], w[f"{name}.bias"])), 2, 2)
        h = F.reshape(h, (BATCH, 400))
        for name in ("fc1", "fc2", "fc3"):
            h = F.linear(h, w[f"{name}.weight"], w[f"{name}.bias"])
            h = F.relu(h) if name != "fc3" else h
        loss = F.softmax_cross_entropy(h, labels)
        for p in w.values():
            p.cleargrad()
        loss.backward()
        for p in w.values():
            p.data -= RATE * p.grad.data
        return loss.data

    def gradients() -> list[Any]:
        return [p.grad.data.T if p.data.ndim == 2 else p.grad.data for p in w.values()]
    return Peer("DeZero", metadata.version("dezero"), step, gradients)


PEERS = {"minigrad": minigrad_peer, "PyTorch": pytorch_peer, "MyGrad": mygrad_peer, "DeZero": dezero_peer}


def step_of(name: str) -> Callable[[], Any]:
    return PEERS[name]().step


def prove(peers: Sequence[Peer]) -> None:
    """Refuse to time engines that do not compute what minigrad does: loss and gradients of the first step."""
    loss, gradients = None, []
    for peer in peers:
        own_loss = float(peer.step())
        own = [numpy.array(g) for g in peer.gradients()]
        if loss is None:
            loss, gradients = own_loss, own
        for name, mine, g in zip(SHAPES, gradients, own, strict=True):
            if abs(own_loss - loss) > 1e-4 * abs(loss) or not apart(mine, g) <= GRADIENT_BOUND:
                raise SystemExit(f"{peer.name} and minigrad do not compute the same: losses {own_loss} and {loss}, "
                                 f"gradients at {name} {apart(mine, g):.1e} apart")


# --- the result -------------------------------------------------------------------------------------------------

def summary(peers: Sequence[Peer], times: Turns) -> list[dict[str, Any]]:
    """A row an engine."""
    return [{"engine": peer.name, "version": peer.version, "step_ms": median(times[peer.name]) * 1e3,
             "step_ms_min": min(times[peer.name]) * 1e3, "step_ms_max": max(times[peer.name]) * 1e3,
             "minigrad_faster": median(theirs / mine for theirs, mine in
                                       zip(times[peer.name], times["minigrad"], strict=True))} for peer in peers]


def report(rows: Sequence[dict[str, Any]], missing: dict[str, str], rounds: int, threads: int) -> str:
    """What is printed."""
    shown = table(rows, {"engine": "", "version": "", "step_ms": ".2f", "step_ms_min": ".2f", "step_ms_max": ".2f",
                         "minigrad_faster": ".2f"})
    lines = [f"A training step of a LeNet, {BATCH} images of 32 x 32: milliseconds; medians of {rounds} rounds", "",
             described(machine() | {"threads": f"{threads} for each"}), "", shown, "",
             "minigrad_faster: how many times, the median of the ratios within a round"]
    return "\n".join(lines + [f"not measured: {name} ({how} adds it)" for name, how in missing.items()])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers",
                                     description="A LeNet's training step, engine beside engine.")
    parser.add_argument("--rounds", type=positive, default=7, help="how often every engine has its turn (7)")
    parser.add_argument("--seconds", type=float, default=0.3, help="how long a turn takes at least (0.3)")
    takes_threads(parser)
    takes_files(parser)
    options = parser.parse_args(arguments)
    with using_threads(options.threads):
        peers, missing = usable(PEERS)
        prove(peers)
    with all_apart({peer.name: Apart(step_of, peer.name, threads=options.threads, is_minigrad=peer.name == "minigrad")
                    for peer in peers}) as steps:
        times = in_turns(steps, options.rounds, options.seconds)
    rows = summary(peers, times)
    hand_out(options, report(rows, missing, options.rounds, options.threads), rows, COLUMNS, rounds=times,
             not_measured=missing)


if __name__ == "__main__":
    main()
