"""A checkpoint: the whole state of a training in one safetensors file, its numbers to the last bit; no pickle.

The metadata hold two texts of JSON: `identity`, what the training is one of (model, optimizer, data, losses), by which
another one is refused, and `state`, all that is no array; and a checksum over everything.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..files import write_atomically
from ..graph.save import load
from .state import differences, flattened, restored

LAST, PREVIOUS, BEST = "last.safetensors", "previous.safetensors", "best.safetensors"
FORMAT = "minigrad checkpoint 1"
SHOWN = 6                       # differences that an error lists


class CheckpointError(ValueError):
    """A checkpoint cannot be used: says in one line which file, and what is wrong with it."""


class Checkpoint(NamedTuple):
    """What a file holds."""

    identity: dict[str, Any]
    state: dict[str, Any]


def write_checkpoint(path: str | os.PathLike[str], identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a checkpoint; the file appears complete or not at all, and then is on the disk.

    Raises OSError, naming the file, where it cannot be written.
    """
    from safetensors.numpy import save

    path = Path(path)
    arrays, text = flattened(state)
    metadata = {"format": FORMAT, "identity": as_json(identity), "state": text}
    content = save(arrays, metadata | {"crc32": str(checksum(arrays, metadata))})
    try:
        write_atomically(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise type(error)(f"{path}: the checkpoint cannot be written ({error.strerror or error})") from error


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint; of a folder its last.safetensors.

    Raises CheckpointError, naming the file, where it is missing, damaged or something else.
    """
    path = find(Path(path))
    try:
        arrays = load(path)
        metadata = metadata_of(path)
        if metadata.get("format") != FORMAT:
            what = metadata.get("format", "a file of weights alone")
            raise CheckpointError(f"{path}: expected a checkpoint ({FORMAT}), it is {what}")
        said = metadata.pop("crc32", "")
        if said != str(checksum(arrays, metadata)):
            raise ValueError(f"{path}: its checksum does not fit its content")
        return Checkpoint(json.loads(metadata["identity"]), restored(arrays, metadata["state"]))
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(str(error)) from error
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"{shorn(error, path)}{instead(path)}") from error


def find(path: Path) -> Path:
    """The file of a checkpoint: `path` itself, or in a folder the last one."""
    if not path.is_dir():
        return path
    found = next((path / name for name in (LAST, PREVIOUS) if (path / name).exists()), None)
    if found is None:
        raise CheckpointError(f"{path}: there is no checkpoint in this folder (no {LAST})")
    return found


def as_json(identity: Mapping[str, Any]) -> str:
    """A description as a text; NumPy's numbers are numbers, and of other things their names stand for them."""
    return json.dumps(identity, default=lambda x: x.item() if isinstance(x, np.generic) else str(x))


def metadata_of(path: Path) -> dict[str, str]:
    """The texts in a safetensors file's header, which `load` has already found sound."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return dict(json.loads(file.read(length)).get("__metadata__", {}))


def checksum(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> int:
    """CRC-32 of everything, names and shapes included, in an order that does not depend on the file's."""
    total = 0
    for key in sorted(metadata):
        total = zlib.crc32(f"{key}={metadata[key]}".encode(), total)
    for name in sorted(arrays):
        x = np.ascontiguousarray(arrays[name])
        total = zlib.crc32(f"{name} {x.dtype} {x.shape}".encode(), total)
        total = zlib.crc32(x.reshape(-1).view(np.uint8).data, total)
    return total


def shorn(error: Exception, path: Path) -> str:
    text = str(error) if not isinstance(error, KeyError) else f"{error} is missing"
    return f"{text}: the checkpoint is damaged" if text.startswith(str(path)) \
        else f"{path}: the checkpoint is damaged ({text})"


def instead(path: Path) -> str:
    """Where a damaged last checkpoint has one before it."""
    before = path.with_name(PREVIOUS)
    return f"; the one before it can be resumed: {before}" if path.name == LAST and before.exists() else ""


def check_identity(path: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """CheckpointError, with the differences, where a checkpoint is that of another training."""
    found = differences(then, json.loads(as_json(now)))         # through JSON, as `then` was
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise CheckpointError(f"{path}: is a checkpoint of another training: {'; '.join(found[:SHOWN])}{more}: give "
                              "what it was made with, or begin anew without resume")
