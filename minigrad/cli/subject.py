"""What a command is about: a model by its name, the file that holds one, or the folder of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import models
from ..graph import Graph
from ..graph.save import GRAPH
from ..train.run_folder import RUN
from . import forward
from .errors import Ended
from .run_record import Run, near

WHAT = "the name of a model (see minigrad models), a file that holds one, or the folder of a run"
TRAINED = "the folder of a run, or a file that holds a model"


@dataclass(frozen=True)
class Subject:
    """name: what the user called it. run: of a run folder or a file in one, what its run.json says; else None."""

    name: str
    graph: Graph
    run: Run | None = None

    @property
    def title(self) -> str:
        """lenet5; runs/x (lenet5)"""
        return self.name if self.run is None else f"{self.name} ({self.run.model})"


def image_shape(model: Subject) -> tuple[int | None, ...]:
    """(c, h, w) of the images that a model reads: in axes that it leaves open what it has learnt from, None where
    nobody says."""
    known = model.run.reads if model.run is not None else None
    takes = forward.image_shape(model.graph, model.name)
    return takes if known is None else tuple([n or size for n, size in zip(takes, known, strict=True)])


def subject(word: str, make: Callable[[str], Graph] = models.create) -> Subject:
    """A model by its name, else what lies at that path (`./lenet5` for a file called as a model).

    make: from a name; by default with fresh weights, models.outline where no values are needed.
    """
    if word in models.names():
        return Subject(word, make(word))
    if not looks_like_a_path(word):
        models.find(word)                       # says which names are near
    return trained(word)


def trained(word: str) -> Subject:
    """The model in a run folder or a file."""
    path = Path(word)
    try:
        if path.is_dir() and ((path / RUN).exists() or not (path / GRAPH).exists()):
            run = Run(path)
            return Subject(word, read(run.weights, run), run)
        if path.exists() and not (path.is_dir() or path.is_file()):
            raise Ended(f"{word}: is neither a file nor a folder")
        if path.exists():
            beside = Run(path.parent) if path.is_file() and (path.parent / RUN).is_file() else None
            return Subject(word, read(path, beside), beside)
    except (OSError, ValueError) as error:      # a name too long, or with a zero in it; a folder that may not be read
        raise Ended(f"{word}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if word in models.names():
        raise Ended(f"{word} is a model that nobody has trained yet: minigrad train {word} leaves a run folder under "
                    "runs/, name that")
    raise Ended(f"{word}: there is no such run folder or file{near(path)}")


def looks_like_a_path(word: str) -> bool:
    """Whether somebody who writes this means a file: it exists, or has a separator or a suffix."""
    try:
        return os.path.exists(word) or os.sep in word or "/" in word or Path(word).suffix != "" or word in (".", "..")
    except ValueError:
        return True


def sized(graph: Graph, inputs: list[tuple[int, ...]]) -> Graph:
    """The graph with inputs of these sizes, or those it was built for; Ended where it leaves them open."""
    graph = sized_if_asked(graph, inputs)
    for name in graph.inputs:
        if None in graph.node(name).shape:
            raise Ended(f"{name} may have any size {graph.node(name).shape}: name one with --input, as 3x224x224")
    return graph


def sized_if_asked(graph: Graph, inputs: list[tuple[int, ...]]) -> Graph:
    """The same, where open sizes may stay open."""
    try:
        return graph.sized(*inputs) if inputs else graph
    except (TypeError, ValueError) as error:
        raise Ended(f"--input: {error}") from error


def read(path: Path, run: Run | None) -> Graph:
    """The graph in a file; one of weights alone needs the run that made it."""
    from ..graph import load

    try:
        found = load(path)
    except (OSError, ValueError) as error:
        raise Ended(naming(path, error)) from error
    if isinstance(found, Graph):
        return found
    if run is None:
        raise Ended(f"{path}: holds weights without their model: name the run folder that it came from, or save the "
                    "model itself with minigrad.save(model, path)")
    graph = models.create(run.model, **run.options)
    give(graph, found, path, run.model)
    return graph


def give_weights(graph: Graph, file: str, called: str) -> None:
    """Load the weights in a file into a model; Ended where they cannot be read or are another model's."""
    from ..graph import load_weights

    try:
        found = load_weights(file)
    except (OSError, ValueError) as error:
        raise Ended(naming(file, error)) from error
    give(graph, found, file, called)


def give(graph: Graph, weights: Mapping[str, Any], file: object, called: str) -> None:
    try:
        graph.load_state_dict(weights)
    except ValueError as error:
        raise Ended(f"{file}: holds no weights of {called}: {error}") from error


def naming(file: object, error: Exception) -> str:
    """The message of an error about a file, which it names."""
    text = str(error)
    return text if text.startswith(str(file)) else f"{file}: {text}"
