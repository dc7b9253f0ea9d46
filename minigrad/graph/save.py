"""Models and weights in files: safetensors and JSON, written whole or not at all, and never a pickle.

    mg.save(model, "model.safetensors")     # a Graph: one file, its JSON in the metadata
    mg.save(model, "model/")                # the same as a folder: graph.json to read, weights.safetensors
    model = mg.load("model.safetensors")    # the Graph, rebuilt without the code that built it
    model.load_state_dict(mg.graph.load_weights("model.safetensors"))       # the weights alone

A folder's two files are replaced so that a crash at any moment leaves the old model or the new one: first the new
weights are written beside the old ones, as weights.next.safetensors; then graph.json, which has the checksum of the
weights that belong to it, is replaced in one step; then the new weights take the place of the old. A reader takes the
weights that graph.json asks for, from whichever file has them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy

from ..files import write_atomically
from ..nn.module import Module
from ..op import Op
from .as_json import to_json
from .from_json import from_json, passing_tensors
from .graph import Graph
from .weights import Content, checksum, host_arrays, is_state, laid_out, packed, read_file, read_json, unpacked

PathLike = str | os.PathLike[str]
GRAPH, WEIGHTS, NEXT = "graph.json", "weights.safetensors", "weights.next.safetensors"
LONG = 2000                             # characters of a message, which may have the names of a damaged file in it
TRIES = 5                               # of reading a folder while somebody writes into it


# --- writing --------------------------------------------------------------------------------------------------

def save(model: Module | Mapping[str, Any], path: PathLike) -> None:
    """Write a model or weights to `path`, a safetensors file; it appears complete or not at all.

    model: a Graph, of which everything is written that `load` needs to rebuild it (hooks and the values of attributes
    of one's own are not); another module, or a state dict (name -> array or tensor), of which the file has the weights
    alone, under the names of the state dict. A Graph becomes a folder with graph.json and weights.safetensors where
    `path` is a folder, ends like one ("model/"), or has no suffix.
    Raises OSError, naming the file, where it cannot be written, and TypeError or ValueError for a graph that could not
    be rebuilt: with a layer whose constructor's arguments are not kept, or a function that is none of minigrad's.
    """
    if isinstance(model, Graph):
        try:
            graph, arrays = to_json(model)
        except (TypeError, ValueError) as error:
            raise type(error)(f"save: {error}") from error
        if is_folder(path):
            write_folder(Path(path), graph, host_arrays(arrays))
        else:
            write(Path(path), packed(host_arrays(arrays), graph))
        return
    state = model.state_dict() if isinstance(model, Module) else model
    if not is_state(state):
        raise TypeError("save: expected a module, or a state dict of arrays and tensors: a file holds nothing else, "
                        f"{type(model).__name__} came")
    write(Path(path), packed(host_arrays(state)))


def is_folder(path: PathLike) -> bool:
    """Whether a graph is written there as a folder."""
    text = os.fspath(path)
    return text.endswith(("/", os.sep)) or os.path.isdir(text) or not (Path(text).suffix or os.path.exists(text))


def write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise type(error)(f"{path}: the weights cannot be written ({error.strerror or error})") from error


def write_folder(folder: Path, graph: Any, arrays: Mapping[str, numpy.ndarray]) -> None:
    """Replace the model in a folder, in the three steps that are told above."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        finish(folder)
        write(folder / NEXT, packed(arrays, None, GRAPH))
        document = {"checksum": checksum(arrays, graph), "weights": checksum(arrays), "graph": graph}
        write_atomically(folder / GRAPH, lambda temporary: temporary.write_text(laid_out(document), encoding="utf-8"))
        os.replace(folder / NEXT, folder / WEIGHTS)
    except OSError as error:
        said = str(error)
        raise error if said.startswith(str(folder)) else type(error)(
            f"{folder}: the model cannot be written ({error.strerror or error})") from error


def finish(folder: Path) -> None:
    """Do the third step of an earlier write that was interrupted before it."""
    try:
        wanted = read_json(read_file(folder / GRAPH), GRAPH)["weights"]
        if unpacked(read_file(folder / NEXT)).checksum == wanted:
            os.replace(folder / NEXT, folder / WEIGHTS)
    except (KeyError, TypeError, ValueError, FileNotFoundError):
        return                          # there was none


# --- reading --------------------------------------------------------------------------------------------------

def load(path: PathLike, layers: Mapping[str, type[Module]] | None = None,
         ops: Mapping[str, Op] | None = None) -> Any:
    """The Graph in a file or folder that `save` wrote; of a file that holds weights alone, what `load_weights` gives.

    The graph is made of the layers and ops of minigrad; nothing that the file says is imported or run. Those that are
    not minigrad's are given by name: layers={"Gate": Gate}, ops={"cube": cube}. It is on the CPU, in train or eval mode
    as it was. Raises FileNotFoundError or OSError if the file cannot be read; ValueError, which says what is wrong, if
    it is damaged, of another kind, of a later version, or asks for layers that are not given. All name the file.
    """
    path = Path(path)
    content = read(path)
    if content.graph is None:
        return content.arrays
    try:
        return from_json(content.graph, content.arrays, layers, ops)
    except ValueError as error:
        raise ValueError(f"{path}: {str(error)[:LONG]}") from error
    except ImportError as error:
        raise ImportError(f"{path}: {error}") from error


def load_weights(path: PathLike) -> dict[str, numpy.ndarray]:
    """The arrays of a file or folder by name, whether or not it has a graph too: what `state_dict` gave.

    Files of other programs, as torchvision's weights, are read too. `module.load_state_dict(load_weights(path))` gives
    them to a module. Raises FileNotFoundError or OSError if the file cannot be read, ValueError if it is damaged; both
    name the file.
    """
    path = Path(path)
    content = read(path)
    try:
        passing = passing_tensors(content.graph)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    names = content.graph["tensors"] if content.graph is not None else content.arrays
    return {name: content.arrays[name] for name in names if name in content.arrays and name not in passing}


def read(path: Path) -> Content:
    """What is in a file, or in a folder; errors name it."""
    try:
        if (path / GRAPH).exists():
            return read_folder(path)
        is_run = (path / WEIGHTS).exists()              # the folder of a training run
        if path.is_dir() and not is_run:
            raise FileNotFoundError(f"{path}: this folder has no {GRAPH} and no {WEIGHTS}, it is not one that save or "
                                    "a run wrote")
        content = unpacked(read_file(path / WEIGHTS if is_run else path))
        if is_run and content.belongs_to is not None:
            raise ValueError(f"{GRAPH} is missing, to which {WEIGHTS} belongs")
        return content
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except ImportError as error:
        raise ImportError(f"{path}: {error}") from error


def read_folder(folder: Path) -> Content:
    """The graph of a folder with the weights that belong to it."""
    for _ in range(TRIES):
        text = read_file(folder / GRAPH)
        document = read_json(text, GRAPH)
        if not isinstance(document, dict) or set(document) != {"checksum", "weights", "graph"}:
            raise ValueError(f"{GRAPH} must be an object with checksum, weights and graph: it is damaged")
        for name in WEIGHTS, NEXT:
            found = folder / name
            content = unpacked(found.read_bytes()) if found.exists() else None
            if content is not None and content.checksum == document["weights"]:
                if checksum(content.arrays, document["graph"]) != document["checksum"]:
                    raise ValueError(f"{GRAPH} does not have the checksum that it was written with: it is damaged")
                return Content(content.arrays, document["graph"], document["checksum"])
        if read_file(folder / GRAPH) == text:
            break
    raise ValueError(f"{WEIGHTS} does not belong to {GRAPH}: one of them is missing, damaged, or of another model")
