"""`minigrad step`: the walk over a model's backward pass, with fresh weights or a run's, on digits or at random."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..backend import manual_seed
from ..data import DataError, digits
from ..debug import record, step_model
from ..debug.step import check_names, tell
from ..graph import Graph, load
from ..ops import cross_entropy, tensor

DIGIT = (1, 32, 32)             # what `data.digits` gives
SOURCES = ("digits", "random")


class WeightsError(ValueError):
    """A file of weights cannot be used: says in one line which, and what is wrong with it."""


def step(make: Callable[[], Graph], into: Collection[str] = (), seed: int = 0, weights: str | None = None,
         data: str | None = None, out: Callable[[str], Any] = print, batch: int = 4) -> Graph:
    """Print every call of the backward pass of a model, as `debug.step_model` does, which see.

    weights: a safetensors file that a run left; None: fresh weights. data: "digits", training images of the UCI digits
    that `seed` chooses, or "random"; None: digits where scikit-learn is installed and the model reads such images.
    Raises UnknownOpError, WeightsError, DataError (the model reads no digits), ImportError (no scikit-learn).
    """
    check_names(into)

    def made() -> Graph:
        graph = make()
        if weights is not None:
            give_weights(graph, weights)
        return graph

    made.__name__ = make.__name__ + (f" with the weights of {weights}" if weights is not None else "")
    if data is None and not find_spec("sklearn"):
        data = "random"
    if data != "random":
        manual_seed(seed)
        graph = made()
        if reads_digits(graph):
            return step_digits(graph, made.__name__, into, seed, out, batch)
        if data == "digits":
            raise DataError(f"step: {make.__name__} does not read digits, which are {DIGIT}: ask for random data")
    return step_model(made, into, seed, out, batch)


def reads_digits(graph: Graph) -> bool:
    return [graph.node(node).result.shape[1:] for node in graph.inputs] == [DIGIT]


def step_digits(graph: Graph, name: str, into: Collection[str], seed: int, out: Callable[[str], Any],
                batch: int) -> Graph:
    """The walk over one batch of real digits."""
    train = digits().train
    images, labels = train[np.random.default_rng(seed).permutation(len(train))[:batch]]
    with record(sources=False) as recorder:
        scores = graph(tensor(images))
        loss = cross_entropy(scores, tensor(labels))
    shown, read = ", ".join(map(str, labels)), ", ".join(map(str, scores.numpy().argmax(1)))
    tell(f"{name} on {batch} UCI digits, {images.shape}: they are {shown}, it reads {read}\n"
         f"loss {float(loss):.4g}, {len(recorder.calls)} calls on the tape, the youngest first", loss, into, out)
    return graph


def give_weights(graph: Graph, path: str) -> None:
    """Load the weights of a run into a model; WeightsError where they cannot be read or are another model's."""
    try:
        graph.load_state_dict(load(path))
    except OSError as error:
        raise WeightsError(str(error)) from error
    except ValueError as error:
        text = str(error)
        raise WeightsError(text if text.startswith(path) else f"{path}: {text}") from error
