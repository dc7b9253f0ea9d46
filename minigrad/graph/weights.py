"""Arrays by name as safetensors: what is in such a file, and whether it is what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from ..backend import is_array, to_numpy
from ..tensor import bare
from .json_values import dtype_of

KEY = "minigrad"                        # of our metadata: JSON of {"checksum": ..., "graph": ..., "belongs_to": ...}
DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
          "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
          "BOOL": "bool", "C64": "complex64"}
LARGEST = 2 ** 24                       # how long the JSON of a graph may be, in bytes


class Content(NamedTuple):
    """What is in a file of weights."""

    arrays: dict[str, numpy.ndarray]
    graph: Any                          # the JSON of a graph; None in a file of weights alone
    checksum: str | None                # None in files of others
    belongs_to: str | None = None       # the file that has the graph


# --- writing --------------------------------------------------------------------------------------------------

def host_arrays(state: Mapping[str, Any]) -> dict[str, numpy.ndarray]:
    """The arrays and tensors of a state dict on the host, in C order; TypeError for a dtype that no file has."""
    found = {}
    for name, value in state.items():
        array = to_numpy(bare(value))
        if array.dtype.name not in DTYPES.values():
            raise TypeError(f"save: {name} is {array.dtype}, which files of weights have not; there are "
                            f"{', '.join(DTYPES.values())}")
        array = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
        found[name] = numpy.require(array, requirements="C")
    return found


def packed(arrays: Mapping[str, numpy.ndarray], graph: Any = None, belongs_to: str | None = None) -> bytes:
    """A safetensors file with these arrays; their checksum, and the JSON of a graph if there is one, in its metadata.

    belongs_to: the name of the file that has the graph. The same content gives the same bytes.
    """
    from safetensors.numpy import save as to_bytes

    more = {"graph": graph, "belongs_to": belongs_to}
    ours = {"checksum": checksum(arrays, graph)} | {key: value for key, value in more.items() if value is not None}
    return to_bytes(dict(arrays), {KEY: as_text(ours)})


def as_text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def laid_out(x: Any, depth: int = 3) -> str:
    """JSON for people: what lies deeper than `depth` stands on one line, so a node or a layer is a line."""
    if not depth or not isinstance(x, (dict, list)) or not x:
        return json.dumps(x, ensure_ascii=False, allow_nan=False)
    heads = [f"{json.dumps(key, ensure_ascii=False)}: " for key in x] if isinstance(x, dict) else [""] * len(x)
    values = x.values() if isinstance(x, dict) else x
    parts = [head + laid_out(value, depth - 1).replace("\n", "\n  ")
             for head, value in zip(heads, values, strict=True)]
    begin, end = "{}" if isinstance(x, dict) else "[]"
    return f"{begin}\n  " + ",\n  ".join(parts) + f"\n{end}"


def checksum(arrays: Mapping[str, numpy.ndarray], graph: Any = None) -> str:
    """SHA-256 of the graph's JSON and of every array's name, dtype, shape and bytes, in the order of the names."""
    digest = hashlib.sha256(as_text(graph).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(as_text([name, array.dtype.name, list(array.shape)]).encode())
        digest.update(numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8).data)
    return f"sha256:{digest.hexdigest()}"


# --- reading --------------------------------------------------------------------------------------------------

def unpacked(content: bytes) -> Content:
    """What is in the bytes of a safetensors file, minigrad's or another's; ValueError for one that is damaged."""
    from safetensors import SafetensorError, deserialize

    check_length(content)
    try:
        parts = deserialize(content)
    except SafetensorError as error:
        raise ValueError(f"expected a safetensors file, it is damaged or of another kind ({error})") from error
    ours = metadata(content)
    arrays = {name: array_of(name, **info) for name, info in parts}
    found = Content(arrays, ours.get("graph"), ours.get("checksum"), ours.get("belongs_to"))
    if ours and found.checksum != checksum(arrays, found.graph):
        raise ValueError("its content does not have the checksum that it was written with: it is damaged")
    return found


def array_of(name: str, dtype: str, shape: list[int], data: bytearray) -> numpy.ndarray:
    """One array of a file, which has its memory to itself."""
    if dtype not in DTYPES:
        raise ValueError(f"{name} has type {dtype}, which NumPy has not; there are {', '.join(DTYPES)}")
    try:
        kind = dtype_of(DTYPES[dtype])
    except ImportError as error:
        raise ImportError(f"{name}: {error}") from error
    return numpy.frombuffer(data if isinstance(data, bytearray) else bytearray(data), kind).reshape(shape)


def check_length(content: bytes) -> None:
    """A file that was cut off is the most frequent damage, and worth saying so."""
    header = int.from_bytes(content[:8], "little")
    if len(content) < 8 or content[8:9] == b"{" and len(content) < 8 + header:
        raise ValueError(f"expected a safetensors file, this one is cut off: it has {len(content)} bytes, "
                         + (f"its header alone {8 + header}" if len(content) > 8 else "8 come before the header"))


def metadata(content: bytes) -> dict[str, Any]:
    """What minigrad wrote beside the arrays; {} in a file of another program."""
    header = read_json(content[8:8 + int.from_bytes(content[:8], "little")], "the header")
    others = header.get("__metadata__", {})
    for key, text in others.items():
        if key != KEY and str(text).startswith('{"checksum":"sha256:'):
            raise ValueError(f"its metadata has {key!r} in place of {KEY!r}: it is damaged")
    if KEY not in others:
        return {}
    ours = read_json(others[KEY].encode(), "the metadata")
    if not isinstance(ours, dict) or "checksum" not in ours or set(ours) - {"checksum", "graph", "belongs_to"}:
        raise ValueError("its metadata must have a checksum, and perhaps a graph: it is damaged")
    return ours


def read_json(text: bytes, what: str) -> Any:
    """What a text says, JSON in the strict sense; ValueError, which says where, for another."""
    if len(text) > LARGEST:
        raise ValueError(f"{what} has {len(text)} bytes, at most {LARGEST} are read")
    try:
        return json.loads(text.decode(), object_pairs_hook=without_doubles, parse_constant=no_constant)
    except RecursionError as error:
        raise ValueError(f"{what} is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{what} is no JSON ({error})") from error


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} comes twice")
    return found


def no_constant(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON's")


def read_file(path: Path) -> bytes:
    """The bytes of a file; FileNotFoundError or OSError, naming it, where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise type(error)(f"{path}: the weights cannot be read ({error.strerror or error})") from error


def is_state(state: Any) -> bool:
    """Whether it is a state dict: arrays or tensors by name."""
    return isinstance(state, Mapping) and all([isinstance(name, str) and is_array(bare(value))
                                               for name, value in state.items()])
