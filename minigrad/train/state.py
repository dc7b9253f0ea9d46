"""Nested state (dicts, lists, numbers, arrays) as arrays by name and one text of JSON, and back: to the last bit.

JSON knows no arrays, tuples, numbers as keys, nor infinity; these are written as {"$array": name}, {"$tuple": [...]},
{"$dict": [[key, value], ...]} and {"$float": "inf"}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from ..backend import is_array, to_numpy
from ..tensor import bare


def flattened(state: Any) -> tuple[dict[str, np.ndarray], str]:
    """(arrays by their paths "model.c1.weight", JSON of all else). TypeError, with the path, for other things."""
    arrays: dict[str, np.ndarray] = {}
    return arrays, json.dumps(encode(state, "", arrays), ensure_ascii=False, allow_nan=False)


def restored(arrays: Mapping[str, np.ndarray], text: str) -> Any:
    """What `flattened` was given. ValueError for a text of another kind."""
    try:
        return decode(json.loads(text), arrays)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"the state is not as it was written ({error!r})") from error


def encode(x: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    x = bare(x)
    if is_array(x) or isinstance(x, np.generic) and x.dtype.kind not in "biuf":
        arrays[path] = to_numpy(x)
        return {"$array": path}
    if isinstance(x, np.generic):
        return encode(x.item(), path, arrays)
    if isinstance(x, Mapping):
        if all([isinstance(key, str) and not key.startswith("$") for key in x]):
            return {key: encode(part, below(path, key), arrays) for key, part in x.items()}
        return {"$dict": [[encode(key, path, arrays), encode(part, below(path, key), arrays)]
                          for key, part in x.items()]}
    if isinstance(x, tuple):
        return {"$tuple": encode(list(x), path, arrays)}
    if isinstance(x, list):
        return [encode(part, below(path, i), arrays) for i, part in enumerate(x)]
    if isinstance(x, float) and not isfinite(x):
        return {"$float": repr(x)}
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    raise TypeError(f"a checkpoint holds numbers, texts, arrays, lists and dicts; {path or 'the state'} is "
                    f"{type(x).__name__}")


def below(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def decode(x: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(x, list):
        return [decode(part, arrays) for part in x]
    if not isinstance(x, dict):
        return x
    if len(x) == 1:
        (mark, value), = x.items()
        if mark == "$array":
            return arrays[value]
        if mark == "$tuple":
            return tuple([decode(part, arrays) for part in value])
        if mark == "$float":
            return float(value)
        if mark == "$dict":
            return {decode(key, arrays): decode(part, arrays) for key, part in value}
    return {key: decode(part, arrays) for key, part in x.items()}


def copied(state: Any) -> Any:
    """The same state with copies of its arrays, each where it is."""
    if isinstance(state, Mapping):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)([copied(value) for value in state])
    x = bare(state)
    return x.copy() if is_array(x) else x


def differences(then: Any, now: Any, path: str = "") -> list[str]:
    """What differs in two nested descriptions: "data.batch_size was 32, is 64"."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        found = []
        for key in dict.fromkeys([*then, *now]):
            where = below(path, key)
            if key not in now:
                found.append(f"{where} was {then[key]}, is gone")
            elif key not in then:
                found.append(f"{where} is new, {now[key]}")
            else:
                found += differences(then[key], now[key], where)
        return found
    both = (then, now)
    lists = all([isinstance(x, (list, tuple)) for x in both])
    if lists and len(then) == len(now) and all([isinstance(x, Mapping) for x in [*then, *now]]):
        return [found for i in range(len(then)) for found in differences(then[i], now[i], below(path, i))]
    if lists:
        same = list(then) == list(now)
    else:
        same = then == now and any([isinstance(x, bool) for x in both]) == all([isinstance(x, bool) for x in both])
    return [] if same else [f"{path} was {then}, is {now}"]
