"""What modules and optimizers do with the arrays that they hold, and how they spell the names of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import numpy

from ..backend import FLOATS, Array, device_of, is_array, parse_device, to_device, using
from ..tensor import Tensor


def once(pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """(name, thing) pairs, without those whose thing came before."""
    seen: set[int] = set()
    for name, thing in pairs:
        if id(thing) not in seen:
            seen.add(id(thing))
            yield name, thing


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def lookup(what: str, owner: str, target: str, pairs: Iterable[tuple[str, Any]]) -> Any:
    """The thing of that name; AttributeError, with the nearest names, if there is none."""
    found = dict(pairs)
    if target not in found:
        near = get_close_matches(str(target), found, 3) or list(found)[:8]
        raise AttributeError(f"get_{what}: this {owner} has no {what} {target!r}; "
                             + (f"there are {', '.join(map(repr, near))}" if near else "it has none"))
    return found[target]


def as_array(value: Any) -> Array:
    """A tensor's array, an array, or what NumPy makes of it."""
    value = value.data if isinstance(value, Tensor) else value
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        value = value.float()                   # which NumPy has not by itself
    return value if is_array(value) else numpy.asarray(value)


def target_of(device: Any, dtype: Any) -> tuple[str | None, numpy.dtype | None]:
    """(device, dtype) that `to` was asked for: a device or a dtype or a tensor, or a device and a dtype.

    After a dtype or a tensor the second argument is PyTorch's non_blocking, which means nothing here.
    """
    if isinstance(device, Tensor):
        return target_of(device.device, device.dtype)
    if isinstance(device, int) and not isinstance(device, bool):
        device = f"cuda:{device}"
    if device is not None and not str(device).startswith(("cpu", "cuda")):
        if dtype is not None and not isinstance(dtype, bool):
            raise TypeError(f"to: expected a device and then a dtype, {device!r} and {dtype!r} came")
        device, dtype = None, device
    if device is not None:
        parse_device(device)
    return device, None if dtype is None else float_dtype(dtype)


def float_dtype(dtype: Any) -> numpy.dtype:
    """A dtype of floating point; TypeError for another."""
    if str(dtype) == "bfloat16":
        dtype = bfloat16()
    dtype = numpy.dtype(dtype)
    if dtype.kind not in FLOATS:
        raise TypeError(f"to: parameters are of floating point, they cannot become {dtype}")
    return dtype


def bfloat16() -> Any:
    """The dtype, which NumPy has from another package."""
    try:
        import ml_dtypes
    except ImportError as error:
        raise ImportError("to: bfloat16 is a dtype that NumPy has with ml_dtypes: pip install ml_dtypes") from error
    return ml_dtypes.bfloat16


def moved(x: Array, device: str | None, dtype: Any) -> Array:
    """The array on a device, converted if it is of floating point; itself if nothing changes."""
    x = x if device is None else to_device(x, device)
    if dtype is None or x.dtype.kind not in FLOATS:
        return x
    with using(device_of(x)):
        return x.astype(dtype, copy=False)


def moved_like(x: Array, other: Array) -> Array:
    """The array on the device of another, and in its dtype."""
    device = device_of(other)
    with using(device):
        return to_device(x, device).astype(other.dtype, copy=False)


def clear_grad(x: Tensor, set_to_none: bool) -> None:
    """Forget the gradient of a leaf, or fill it with zeros."""
    if set_to_none or x.grad is None:
        x.grad = None
    else:
        with using(device_of(x.grad.data)):
            x.grad.data[...] = 0
        x.grad.touch()
