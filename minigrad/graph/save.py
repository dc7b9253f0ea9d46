"""Weights in files: safetensors, written whole or not at all, and never a pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy

from ..backend import is_array, to_numpy
from ..files import write_atomically
from ..nn.module import Module
from ..tensor import bare

PathLike = str | os.PathLike[str]


def save(module: Module | Mapping[str, Any], path: PathLike) -> None:
    """Write the parameters and buffers of `module` to `path`, a safetensors file with the names of its `state_dict()`.

    module: a module, or a state dict, name -> array or tensor. The file appears complete or not at all. Raises OSError,
    naming it, where it cannot be written.
    """
    from safetensors.numpy import save as to_bytes

    state = module.state_dict() if isinstance(module, Module) else module
    if not isinstance(state, Mapping) or not all([is_array(bare(value)) for value in state.values()]):
        raise TypeError("save: expected a module, or a state dict of arrays and tensors: a file holds nothing else, "
                        f"{type(module).__name__} came")
    content = to_bytes({name: to_numpy(bare(value)) for name, value in state.items()})
    path = Path(path)
    try:
        write_atomically(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise type(error)(f"{path}: the weights cannot be written ({error.strerror or error})") from error


def load(path: PathLike) -> dict[str, numpy.ndarray]:
    """The arrays of a safetensors file by name: `module.load_state_dict(load(path))` gives them to a module.

    Raises FileNotFoundError or OSError if the file cannot be read, ValueError if it is damaged; both name the file.
    """
    from safetensors import SafetensorError, deserialize

    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise type(error)(f"{path}: the weights cannot be read ({error.strerror or error})") from error
    check_length(path, content)
    try:
        arrays = deserialize(content)
    except SafetensorError as error:
        raise ValueError(f"{path}: expected a safetensors file, it is damaged or of another kind ({error})") from error
    return {name: array_of(path, name, **info) for name, info in arrays}


DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "I16": "int16",
          "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool"}


def array_of(path: Path, name: str, dtype: str, shape: list[int], data: bytes) -> numpy.ndarray:
    """One array of a file; bfloat16 where ml_dtypes is installed."""
    if dtype == "BF16":
        try:
            import ml_dtypes
        except ImportError as error:
            raise ImportError(f"{path}: {name} is bfloat16, which NumPy has with ml_dtypes: pip install ml_dtypes"
                              ) from error
        kind = numpy.dtype(ml_dtypes.bfloat16)
    elif dtype in DTYPES:
        kind = numpy.dtype(DTYPES[dtype])
    else:
        raise ValueError(f"{path}: {name} has type {dtype}, which NumPy has not; there are BF16, {', '.join(DTYPES)}")
    return numpy.frombuffer(data, kind).reshape(shape).copy()


def check_length(path: Path, content: bytes) -> None:
    """A file that was cut off is the most frequent damage, and worth saying so."""
    header = int.from_bytes(content[:8], "little")
    if len(content) < 8 or content[8:9] == b"{" and len(content) < 8 + header:
        raise ValueError(f"{path}: expected a safetensors file, this one is cut off: it has {len(content)} bytes, "
                         + (f"its header alone {8 + header}" if len(content) > 8 else "8 come before the header"))
